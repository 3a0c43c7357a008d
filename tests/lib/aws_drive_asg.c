#include "aws/autoscaling.h"
#include "aws_drive.h"

static struct json *none(struct drive *d)
{
	drive_go(d);
	return drive_none(aws_autoscaling_none_read(&d->call.reply, &d->e));
}

/* NAME TEMPLATE ZONES MIN MAX DESIRED */
static struct json *create(struct drive *d)
{
	aws_autoscaling_create_ask(&d->call.request,
				   &(struct asg_create){ .name = d->a[0],
							 .launch_template = d->a[1],
							 .zones = d->a[2],
							 .min = drive_int(d, 3, 0),
							 .max = drive_int(d, 4, 0),
							 .desired = drive_int(d, 5, -1) });
	return none(d);
}

static struct json *instances_json(const struct asg_instance *list, size_t count)
{
	struct json *out = json_array();

	for (size_t i = 0; i < count; i++) {
		struct json *one = json_object();

		json_set_str(one, "id", list[i].id);
		json_set_str(one, "group", list[i].group);
		json_set_str(one, "state", asg_state_word(list[i].state));
		json_set_bool(one, "healthy", list[i].healthy);
		json_set_bool(one, "protected", list[i].protected);
		json_set_int(one, "weight", list[i].weight);
		json_add(out, one);
	}
	return out;
}

static struct json *groups_page(struct drive *d, const char *const *names, size_t n,
				const char *next)
{
	struct asg_groups g;
	struct json *out, *list;

	aws_autoscaling_groups_ask(&d->call.request, names, n, next);
	drive_go(d);
	if (aws_autoscaling_groups_read(&d->call.reply, &g, &d->e) < 0)
		return NULL;
	out = json_object();
	list = json_array();
	for (size_t i = 0; i < g.count; i++) {
		struct json *one = json_object();

		json_set_str(one, "name", g.list[i].name);
		json_set_int(one, "min", g.list[i].min);
		json_set_int(one, "max", g.list[i].max);
		json_set_int(one, "desired", g.list[i].desired);
		json_set_int(one, "warm_pool", g.list[i].warm_pool);
		json_set_int(one, "max_lifetime", g.list[i].max_lifetime_s);
		json_set(one, "instances",
			 instances_json(g.list[i].instances, g.list[i].instance_count));
		json_add(list, one);
	}
	json_set(out, "groups", list);
	json_set_str(out, "next", g.next_token);
	asg_groups_done(&g);
	return out;
}

static struct json *groups(struct drive *d)
{
	size_t n;
	const char *const *names = drive_rest(d, 0, &n);

	return groups_page(d, names, n, NULL);
}

static struct json *groups_next(struct drive *d)
{
	return groups_page(d, NULL, 0, d->a[0]);
}

static struct json *instances(struct drive *d)
{
	struct asg_instances i;
	struct json *out;
	size_t n;
	const char *const *ids = drive_rest(d, 0, &n);

	aws_autoscaling_instances_ask(&d->call.request, ids, n, NULL);
	drive_go(d);
	if (aws_autoscaling_instances_read(&d->call.reply, &i, &d->e) < 0)
		return NULL;
	out = json_object();
	json_set(out, "instances", instances_json(i.list, i.count));
	asg_instances_done(&i);
	return out;
}

static struct json *desired(struct drive *d)
{
	aws_autoscaling_set_desired_ask(&d->call.request, d->a[0], drive_int(d, 1, 0));
	return none(d);
}

/* GROUP 0|1 ID… */
static struct json *protect(struct drive *d)
{
	size_t n;
	const char *const *ids = drive_rest(d, 2, &n);

	aws_autoscaling_protect_ask(&d->call.request, d->a[0], ids, n, drive_int(d, 1, 0) != 0);
	return none(d);
}

static struct json *terminate(struct drive *d)
{
	aws_autoscaling_terminate_ask(&d->call.request, d->a[0], drive_int(d, 1, 0) != 0);
	return none(d);
}

static struct json *update(struct drive *d)
{
	aws_autoscaling_update_ask(&d->call.request, d->a[0], drive_int(d, 1, -1),
				   drive_int(d, 2, -1), drive_int(d, 3, -1));
	return none(d);
}

static struct json *delete (struct drive *d)
{
	aws_autoscaling_delete_ask(&d->call.request, d->a[0], true);
	return none(d);
}

static struct json *put_hook(struct drive *d)
{
	aws_autoscaling_put_hook_ask(&d->call.request, d->a[0], d->a[1],
				     "autoscaling:EC2_INSTANCE_TERMINATING", 300, "ABANDON");
	return none(d);
}

static struct json *hooks(struct drive *d)
{
	struct asg_hooks h;
	struct json *out, *list;

	aws_autoscaling_hooks_ask(&d->call.request, d->a[0]);
	drive_go(d);
	if (aws_autoscaling_hooks_read(&d->call.reply, &h, &d->e) < 0)
		return NULL;
	out = json_object();
	list = json_array();
	for (size_t i = 0; i < h.count; i++) {
		struct json *one = json_object();

		json_set_str(one, "name", h.list[i].name);
		json_set_str(one, "transition", h.list[i].transition);
		json_set_int(one, "heartbeat", h.list[i].heartbeat_s);
		json_add(list, one);
	}
	json_set(out, "hooks", list);
	asg_hooks_done(&h);
	return out;
}

static struct json *complete(struct drive *d)
{
	aws_autoscaling_complete_ask(&d->call.request, d->a[0], d->a[1], d->a[2], NULL, "CONTINUE");
	return none(d);
}

static struct json *heartbeat(struct drive *d)
{
	aws_autoscaling_heartbeat_ask(&d->call.request, d->a[0], d->a[1], d->a[2], NULL);
	return none(d);
}

static struct json *activities(struct drive *d)
{
	struct asg_activities a;
	struct json *out, *list;

	aws_autoscaling_activities_ask(&d->call.request, d->a[0], 10);
	drive_go(d);
	if (aws_autoscaling_activities_read(&d->call.reply, &a, &d->e) < 0)
		return NULL;
	out = json_object();
	list = json_array();
	for (size_t i = 0; i < a.count; i++)
		json_add(list, json_new_str(a.list[i].status));
	json_set(out, "activities", list);
	asg_activities_done(&a);
	return out;
}

static struct json *rules_json(struct drive *d, int rc, struct asg_rules *rules)
{
	struct json *out, *list;

	if (rc < 0)
		return NULL;
	out = json_object();
	list = json_array();
	for (size_t i = 0; i < rules->count; i++) {
		struct json *one = json_array();

		json_add(one, json_new_str(rules->list[i].name));
		json_add(one, json_new_str(rules->list[i].kind));
		json_add(list, one);
	}
	json_set(out, "rules", list);
	json_set_str(out, "next", rules->next_token);
	asg_rules_done(rules);
	(void)d;
	return out;
}

/* GROUP [TOKEN] */
static struct json *policies(struct drive *d)
{
	struct asg_rules rules;

	aws_autoscaling_policies_ask(&d->call.request, d->a[0], d->n > 1 ? d->a[1] : NULL);
	drive_go(d);
	return rules_json(d, aws_autoscaling_policies_read(&d->call.reply, &rules, &d->e), &rules);
}

static struct json *scheduled(struct drive *d)
{
	struct asg_rules rules;

	aws_autoscaling_scheduled_ask(&d->call.request, d->a[0], d->n > 1 ? d->a[1] : NULL);
	drive_go(d);
	return rules_json(d, aws_autoscaling_scheduled_read(&d->call.reply, &rules, &d->e), &rules);
}

static struct json *refresh(struct drive *d)
{
	struct asg_refresh r;
	struct json *out;

	aws_autoscaling_refresh_ask(&d->call.request, d->a[0]);
	drive_go(d);
	if (aws_autoscaling_refresh_read(&d->call.reply, &r, &d->e) < 0)
		return NULL;
	out = json_object();
	json_set_str(out, "status", r.status);
	json_set_bool(out, "running", r.running);
	json_set_int(out, "left", r.left);
	return out;
}

const struct drive_verb drive_autoscaling[] = {
	{ "asg-policies", 1, policies },     { "asg-scheduled", 1, scheduled },
	{ "asg-refresh", 1, refresh },       { "asg-groups-next", 1, groups_next },

	{ "asg-create", 6, create },         { "asg-groups", 0, groups },
	{ "asg-instances", 0, instances },   { "asg-desired", 2, desired },
	{ "asg-protect", 3, protect },       { "asg-terminate", 2, terminate },
	{ "asg-update", 4, update },         { "asg-delete", 1, delete },
	{ "asg-put-hook", 2, put_hook },     { "asg-hooks", 1, hooks },
	{ "asg-complete", 3, complete },     { "asg-heartbeat", 3, heartbeat },
	{ "asg-activities", 1, activities }, { 0 },
};
