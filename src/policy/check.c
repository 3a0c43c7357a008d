/* What no table can say: names that refer to each other, keys that exclude each other. */
#include <string.h>

#include "policy/check.h"
#include "policy/schedule.h"

static bool name_char(char ch, bool first)
{
	return (ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z') || (ch >= '0' && ch <= '9') ||
	       (!first && (ch == '_' || ch == '-'));
}

void policy_check_name(const struct check *c, struct yaml_place at, const char *what,
		       const char *name)
{
	size_t n = name ? strlen(name) : 0;
	bool ok = n > 0 && n <= POLICY_NAME_MAX;

	if (!name)
		return; /* told already */
	for (size_t i = 0; ok && i < n; i++)
		ok = name_char(name[i], i == 0);
	if (!ok)
		keys_error(c->r, at,
			   "%s '%.80s' is not a name: letters, digits, '_' and '-', at most %d, "
			   "starting with a "
			   "letter or digit",
			   what, name, POLICY_NAME_MAX);
}

/* As STS takes it: 2 to 1224 characters of these. */
static void check_external_id(const struct check *c, const struct raw_fleet *f)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789_+=,.@:/-";
	const struct yaml_node *n = check_under(c->root, "fleet", "external_id");
	size_t len = f->external_id ? strlen(f->external_id) : 0;

	if (f->external_id && !f->role_arn)
		keys_error(c->r, check_place(c, n),
			   "external_id is given, but no role_arn to take with it");
	if (check_is_open(f->external_id))
		return;
	if (len < 2 || len > 1224 || strspn(f->external_id, allowed) < len)
		keys_error(c->r, check_place(c, n),
			   "external_id is 2 to 1224 letters, digits and _+=,.@:/-");
}

static void check_fleet(const struct check *c, struct policy *ret)
{
	const struct raw_fleet *f = &c->raw->fleet;
	const struct yaml_node *group = check_under(c->root, "fleet", "auto_scaling_group");

	if (f->min_given && f->max_given && f->min > f->max)
		keys_error(c->r, check_place(c, check_under(c->root, "fleet", "min")),
			   "min %lld is above max %lld", (long long)f->min, (long long)f->max);
	if (!check_is_open(f->role_arn) && strncmp(f->role_arn, "arn:", 4) != 0)
		keys_error(c->r, check_place(c, check_under(c->root, "fleet", "role_arn")),
			   "role_arn is not an ARN: arn:aws:iam::ACCOUNT:role/NAME");
	check_external_id(c, f);
	ret->fleet = (struct policy_fleet){
		.auto_scaling_group = f->auto_scaling_group,
		.region = f->region,
		.role_arn = f->role_arn,
		.external_id = f->external_id,
		.min_given = f->min_given,
		.max_given = f->max_given,
		.min = f->min,
		.max = f->max,
		.jobs_per_instance = f->jobs_per_instance,
		.warm_up = f->warm_up,
		.instance_hour_cost_micro = f->instance_hour_cost_micro,
		.line = check_place(c, group).line,
		.column = check_place(c, group).column,
	};
}

static void check_direction(const struct check *c, const char *which, const struct raw_direction *d,
			    struct policy_direction *ret)
{
	const struct yaml_node *list = yaml_get(check_under(c->root, "behavior", which), "limits");

	ret->stabilization = d->stabilization;
	ret->cooldown = d->cooldown;
	ret->select = (enum policy_select)d->select;
	ret->tolerance_given = d->tolerance_given;
	ret->tolerance_milli = d->tolerance_milli;
	ret->limit_count = d->limit_count;
	if (d->limit_count > 0)
		ret->limits = keys_arena_alloc(keys_reader_arena(c->r),
					       d->limit_count * sizeof(*ret->limits));
	for (size_t i = 0; i < d->limit_count; i++) {
		const struct raw_limit *l = &d->limits[i];

		if (l->percent_given == l->instances_given)
			keys_error(c->r, check_place(c, check_item(list, i)),
				   "a limit has either percent or instances");
		ret->limits[i].is_percent = l->percent_given;
		ret->limits[i].amount = l->percent_given ? l->percent : l->instances;
		ret->limits[i].per = l->per;
	}
}

static void check_behavior(const struct check *c, struct policy *ret)
{
	const struct raw_behavior *b = &c->raw->behavior;

	ret->behavior.tolerance_milli = b->tolerance_milli;
	ret->behavior.activation.above = b->activation.above;
	ret->behavior.activation.samples = b->activation.samples;
	ret->behavior.deactivation.for_ = b->deactivation.for_;
	check_direction(c, "scale_out", &b->scale_out, &ret->behavior.scale_out);
	check_direction(c, "scale_in", &b->scale_in, &ret->behavior.scale_in);
	policy_promise_defaults(b, ret);
}

static void check_rest(const struct check *c, struct policy *ret)
{
	const struct raw_missing *m = &c->raw->on_missing;
	const struct raw_evaluate *v = &c->raw->evaluate;

	ret->on_missing = (struct policy_missing){ .scale_in = m->scale_in,
						   .scale_out = m->scale_out,
						   .floor_given = m->floor_given,
						   .floor = m->floor,
						   .after = m->after };
	ret->evaluate.every = v->every;
	ret->evaluate.idle_every = v->idle_every;
	if (v->idle_every.ms >= v->every.ms)
		return;
	if (v->idle_given)
		keys_error(c->r, check_place(c, check_under(c->root, "evaluate", "idle_every")),
			   "idle_every is shorter than every");
	ret->evaluate.idle_every = v->every;
}

/* As CloudWatch has it; namespaces that begin with AWS/ are Amazon's. */
static void check_publish(const struct check *c, struct policy *ret)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789.-_/#: ";
	const struct raw_publish *p = &c->raw->publish;
	const char *name = p->name_space;

	if (!c->raw->publish_given || !name)
		return;
	if (!check_is_open(name) && (!*name || strlen(name) > 255 || name[strspn(name, allowed)] ||
				     strncmp(name, "AWS/", 4) == 0 || *name == ':'))
		keys_error(
			c->r, check_place(c, check_under(c->root, "publish", "namespace")),
			"a namespace has 1 to 255 of A-Z a-z 0-9 . - _ / # : and space, and does "
			"not begin with AWS/ or a colon");
	ret->publish = (struct policy_publish){ .name_space = name, .every = p->every };
}

void policy_check(struct keys_reader *r, const struct raw_policy *raw, const struct yaml_node *root,
		  bool lint, struct policy *ret)
{
	struct check c = { .r = r, .root = root, .raw = raw };
	struct keys_arena *a = keys_reader_arena(r);
	const struct yaml_node *metrics = yaml_get(root, "metrics"),
			       *rules = yaml_get(root, "rules");

	ret->version = raw->version;
	ret->name = raw->name;
	ret->mode = (enum policy_mode)raw->mode;
	policy_check_name(&c, check_place(&c, yaml_get(root, "name")), "policy", raw->name);
	check_fleet(&c, ret);
	ret->metric_count = raw->metric_count;
	ret->metrics = keys_arena_alloc(a, raw->metric_count * sizeof(*ret->metrics));
	for (size_t i = 0; i < raw->metric_count; i++)
		policy_metric_check(&c, i, &ret->metrics[i]);
	policy_metric_derive(&c, ret);
	ret->rule_count = raw->rule_count;
	ret->rules = keys_arena_alloc(a, raw->rule_count * sizeof(*ret->rules));
	for (size_t i = 0; i < raw->rule_count; i++)
		policy_rule_check(&c, i, &ret->rules[i]);
	ret->schedule_count = raw->schedule_count;
	ret->schedules = keys_arena_alloc(a, raw->schedule_count * sizeof(*ret->schedules));
	for (size_t i = 0; i < raw->schedule_count; i++)
		policy_schedule_check(&c, i, ret);
	if (metrics && metrics->kind == YAML_MAP && metrics->count == 0)
		keys_error(r, metrics->at, "metrics is empty: there is nothing to decide by");
	if (rules && rules->kind == YAML_LIST && rules->count == 0)
		keys_error(r, rules->at, "rules is empty: nothing would ever be decided");
	policy_promise_check(&c, ret);
	policy_forecast_check(&c, ret);
	check_behavior(&c, ret);
	check_rest(&c, ret);
	check_publish(&c, ret);
	if (lint && keys_error_count(r) == 0)
		policy_lint_check(&c, ret);
}
