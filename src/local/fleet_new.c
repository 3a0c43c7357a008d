/* New instances: rows, which the next turn boots. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "local/fault.h"
#include "local/fleet_activity.h"
#include "local/fleet_launch.h"
#include "local/fleet_mixed.h"
#include "local/fleet_own.h"
#include "local/fleet_template.h"

#define SECRET_BYTES 32

static const char *text_or(const struct json *data, const char *name, const char *otherwise)
{
	const char *text = json_get_str(data, name);

	return text && *text ? text : otherwise;
}

/* From the version that its word means now, which is what it is told to be launched from. 1, 0
 * there is no such, -1 error. */
static int read_template(struct local *l, const struct local_fleet_template *t,
			 struct local_fleet_instance *i, struct err *e)
{
	const int64_t number = local_fleet_template_number(t, i->version);
	AUTO(buf_done) struct buf script = BUF(FLEET_SCRIPT_MAX);
	AUTO(json_freep) struct json *data = NULL;
	int rc = local_fleet_template_data(l->db, t, number, &data, e);
	const struct json *role = json_get(data, "IamInstanceProfile");
	const char *text = text_or(data, "UserData", NULL);

	if (rc != 1)
		return rc;
	if (text && crypto_unbase64(text, strlen(text), &script, e) < 0)
		return -1;
	own_free(i->version);
	i->version = own_printf("%" PRId64, number);
	i->script = own_strdup(text ? buf_str(&script) : "exec sleep infinity\n");
	i->type = own_strdup(text_or(data, "InstanceType", "m1.small"));
	i->image = own_strdup(text_or(data, "ImageId", ""));
	i->profile = own_strdup(text_or(role, "Name", text_or(role, "Arn", NULL)));
	return 1;
}

/* What the launch configuration or template says, into a new instance. 0: there is none of that
 * name. */
static int read_launch(struct local *l, struct local_fleet_instance *i, struct err *e)
{
	AUTO(local_fleet_template_done) struct local_fleet_template t = { 0 };
	AUTO(db_endp) struct db_row *r = NULL;
	AUTO(buf_done) struct buf script = BUF(FLEET_SCRIPT_MAX);
	const char *data;
	int rc = i->template ? local_fleet_template_find(l->db, i->launch, NULL, &t, e) : 0;

	if (rc != 0)
		return rc < 0 ? -1 : read_template(l, &t, i, e);
	r = db_query(l->db,
		     "SELECT user_data, type, image, profile FROM fleet_launch WHERE name = ?",
		     DB_ARGS(DB_S(i->launch)), e);
	if (!r)
		return -1;
	rc = db_step(r, e);
	if (rc != 1)
		return rc;
	data = db_str(r, 0);
	if (crypto_unbase64(data, strlen(data), &script, e) < 0)
		return -1;
	i->script = own_strdup(buf_str(&script));
	i->type = own_strdup(db_str(r, 1));
	i->image = own_strdup(db_str(r, 2));
	i->profile = own_strdup(db_str(r, 3));
	return 1;
}

static void new_id(char out[static LOCAL_FLEET_ID_MAX])
{
	uint8_t bytes[8];
	char hex[17];

	crypto_random(bytes, sizeof(bytes));
	snprintf(out, LOCAL_FLEET_ID_MAX, "i-0%s", crypto_hex(bytes, sizeof(bytes), hex));
}

static char *new_secret(void)
{
	uint8_t bytes[SECRET_BYTES];
	char hex[SECRET_BYTES * 2 + 1];

	crypto_random(bytes, sizeof(bytes));
	return own_strdup(crypto_hex(bytes, sizeof(bytes), hex));
}

static int fail_launch(struct local_fleet_look *k, const char *cause, const char *why,
		       struct err *e)
{
	AUTO(own_freep)
	char *what = own_printf("Launching a new EC2 instance.  Status Reason: %s", why);
	char id[CRYPTO_UUID_MAX];

	local_fleet_life_failed(k);
	LOG_WARN("instance not launched", LOG_S("group", k->group->name), LOG_S("cause", why));
	return local_fleet_activity_add(k->fleet->local->db,
					&(struct local_fleet_activity){ .group = k->group,
									.description = what,
									.cause = cause,
									.status = "Failed",
									.message = why },
					k->now, id, e);
}

static int add_instance(struct local_fleet_look *k, struct local_fleet_instance *i,
			const char *cause, struct err *e)
{
	struct local *l = k->fleet->local;
	AUTO(own_freep)
	char *what = own_printf("Launching a new EC2 instance%s: %s",
				i->state == FLEET_WARMED_PENDING ? " into warm pool" : "", i->id);
	char activity[CRYPTO_UUID_MAX];
	struct span delay;

	if (local_fleet_launch_delay(i->script, l->options.boot_delay, &delay, NULL) < 0)
		delay = l->options
				.boot_delay; /* refused when it was given; an older one may stand */
	i->boot = instant_add(k->now, delay);
	if (local_fleet_activity_add(l->db,
				     &(struct local_fleet_activity){ .group = k->group,
								     .description = what,
								     .cause = cause,
								     .zone = i->zone,
								     .status = "InProgress" },
				     k->now, activity, e) < 0)
		return -1;
	i->activity = own_strdup(activity);
	LOG_INFO("instance launched", LOG_S("instance", i->id), LOG_S("group", i->grp),
		 LOG_S("cause", cause));
	(*k->total)++;
	k->fleet->changed = true;
	return local_fleet_rows_add_instance(l->db, i, e);
}

static int refused_capacity(struct local_fleet_look *k, const char *zone, const char *cause,
			    struct err *e)
{
	AUTO(own_freep)
	char *why = own_printf("We currently do not have sufficient capacity in the "
			       "Availability Zone you requested (%s). Our system will be "
			       "working on provisioning additional capacity. Launching EC2 "
			       "instance failed.",
			       zone);

	return fail_launch(k, cause, why, e);
}

static int refused_limit(struct local_fleet_look *k, const char *cause, struct err *e)
{
	AUTO(own_freep)
	char *why = own_printf("You have requested more instances (%d) than your current instance "
			       "limit of %d allows for the specified instance type. Launching EC2 "
			       "instance failed.",
			       (int)*k->total + 1, (int)k->fleet->local->options.instance_limit);

	return fail_launch(k, cause, why, e);
}

/* What a mixed instances policy says of the next one, over what its launch configuration has. */
static void mix(struct local_fleet_look *k, struct local_fleet_instance *i, bool warm)
{
	struct local_fleet_mixed m;

	local_fleet_mixed_pick(k->group->mixed, &k->mix, &m);
	if (m.type[0]) {
		own_free(i->type);
		i->type = own_strdup(m.type);
	}
	i->weight = m.weight;
	i->spot = m.spot;
	if (!warm)
		local_fleet_mixed_count(&k->mix, i->weight, i->spot);
}

int local_fleet_new(struct local_fleet_look *k, const char *zone, const char *cause, bool warm,
		    int *ret_units, struct err *e)
{
	AUTO(local_fleet_rows_instance_done) struct local_fleet_instance i = { 0 };
	const struct local_fleet_group *g = k->group;
	struct local *l = k->fleet->local;
	int rc;

	*ret_units = 1;
	if (local_fault_hit(l, FAULT_CAPACITY, SERVICE_AUTOSCALING, "Launch"))
		return refused_capacity(k, zone, cause, e);
	if (*k->total >= l->options.instance_limit)
		return refused_limit(k, cause, e);
	new_id(i.id);
	i.grp = own_strdup(g->name);
	i.zone = own_strdup(zone);
	i.launch = own_strdup(k->launch);
	i.template = k->template;
	i.version = own_strdup(k->version);
	i.secret = new_secret();
	i.healthy = true;
	i.is_protected = g->protect_new && !warm;
	i.launched = k->now;
	i.state = warm ? FLEET_WARMED_PENDING : FLEET_PENDING;
	rc = read_launch(l, &i, e);
	if (rc < 0)
		return -1;
	if (rc == 0)
		return fail_launch(k, cause, "The launch configuration does not exist.", e);
	mix(k, &i, warm);
	if (i.weight > 0)
		*ret_units = (int)i.weight;
	return add_instance(k, &i, cause, e) < 0 ? -1 : 1;
}
