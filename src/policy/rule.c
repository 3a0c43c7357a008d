/* Rules: their keys, their checks, and back. */
#include "policy/check.h"

static const struct key target_tracking_keys[] = {
	{ .name = "metric",
	  .type = KEY_STR,
	  .offset = offsetof(struct raw_target_tracking, metric),
	  .required = true,
	  .doc = "name of the metric" },
	{ .name = "per_instance",
	  .type = KEY_MILLI,
	  .offset = offsetof(struct raw_target_tracking, per_instance_milli),
	  .has_given = true,
	  .given_offset = offsetof(struct raw_target_tracking, per_instance_given),
	  .least = 1,
	  .most = 1000000000000,
	  .unit = "jobs",
	  .doc = "so much of the metric for each instance: the size is metric / per_instance" },
	{ .name = "value",
	  .type = KEY_MILLI,
	  .offset = offsetof(struct raw_target_tracking, value_milli),
	  .has_given = true,
	  .given_offset = offsetof(struct raw_target_tracking, value_given),
	  .least = 1,
	  .most = 1000000000000,
	  .doc = "the metric itself is kept here, as a utilization: the size is "
		 "size * metric / value; instead of per_instance" },
};
TABLE(target_tracking, "as many instances as keep a metric at so much each", raw_target_tracking,
      target_tracking_keys);

static const struct key step_keys[] = {
#define STEP_BOUND(key, text)                                                                      \
	{                                                                                          \
		.name = #key, .type = KEY_MILLI, .offset = offsetof(struct raw_step, key##_milli), \
		.has_given = true, .given_offset = offsetof(struct raw_step, key##_given),         \
		.least = -1000000000000, .most = 1000000000000, .doc = text                        \
	}
#define STEP_AMOUNT(key, text, of)                                                         \
	{                                                                                  \
		.name = #key, .type = KEY_INT, .offset = offsetof(struct raw_step, key),   \
		.has_given = true, .given_offset = offsetof(struct raw_step, key##_given), \
		.least = 0, .most = POLICY_CAPACITY_MAX, .unit = of, .doc = text           \
	}
	STEP_BOUND(above, "the step holds for more than this, up to the next step"),
	STEP_BOUND(below, "the step holds for less than this, down to the next step"),
	STEP_AMOUNT(add, "so many more", "instances"),
	STEP_AMOUNT(remove, "so many fewer", "instances"),
	STEP_AMOUNT(add_percent, "more by this share; past one instance it is cut, below it is one",
		    "percent of the instances that are not warming up"),
	STEP_AMOUNT(remove_percent, "fewer by this share; rounded as add_percent",
		    "percent of the fleet"),
	STEP_AMOUNT(set, "exactly so many", "instances"),
#undef STEP_BOUND
#undef STEP_AMOUNT
};
TABLE(step, "what happens past a bound", raw_step, step_keys);

static const struct key step_scaling_keys[] = {
	{ .name = "metric",
	  .type = KEY_STR,
	  .offset = offsetof(struct raw_step_scaling, metric),
	  .required = true,
	  .doc = "name of the metric" },
	{ .name = "steps",
	  .type = KEY_LIST,
	  .offset = offsetof(struct raw_step_scaling, steps),
	  .count_offset = offsetof(struct raw_step_scaling, step_count),
	  .required = true,
	  .most_items = POLICY_STEPS_MAX,
	  .sub = &step,
	  .doc = "the furthest step that the metric has reached is taken; between the innermost "
		 "two the size stays" },
	{ .name = "inclusive",
	  .type = KEY_BOOL,
	  .offset = offsetof(struct raw_step_scaling, inclusive),
	  .init = "false",
	  .doc = "the first bound of each side itself is a breach too, as with EC2's "
		 "GreaterThanOrEqualToThreshold; further bounds always belong to their step" },
	{ .name = "min_adjustment",
	  .type = KEY_INT,
	  .offset = offsetof(struct raw_step_scaling, min_adjustment),
	  .least = 0,
	  .most = POLICY_CAPACITY_MAX,
	  .unit = "instances",
	  .doc = "the least that a percentage moves: EC2's MinAdjustmentMagnitude" },
};
TABLE(step_scaling, "steps, as EC2's step scaling", raw_step_scaling, step_scaling_keys);

static const struct key rule_keys[] = {
	{ .name = "name",
	  .type = KEY_STR,
	  .offset = offsetof(struct raw_rule, name),
	  .required = true,
	  .doc = "what explanations call it" },
	{ .name = "target_tracking",
	  .type = KEY_MAP,
	  .offset = offsetof(struct raw_rule, target_tracking),
	  .has_given = true,
	  .given_offset = offsetof(struct raw_rule, target_tracking_given),
	  .sub = &target_tracking,
	  .doc = "as many instances as keep a metric at its target" },
	{ .name = "step_scaling",
	  .type = KEY_MAP,
	  .offset = offsetof(struct raw_rule, step_scaling),
	  .has_given = true,
	  .given_offset = offsetof(struct raw_rule, step_scaling_given),
	  .sub = &step_scaling,
	  .doc = "steps up and down" },
	{ .name = "queue_wait",
	  .type = KEY_MAP,
	  .offset = offsetof(struct raw_rule, queue_wait),
	  .has_given = true,
	  .given_offset = offsetof(struct raw_rule, queue_wait_given),
	  .sub = &policy_promise_table,
	  .doc = "a share of the jobs starts within a time" },
	{ .name = "predictive",
	  .type = KEY_MAP,
	  .offset = offsetof(struct raw_rule, predictive),
	  .has_given = true,
	  .given_offset = offsetof(struct raw_rule, predictive_given),
	  .sub = &policy_forecast_table,
	  .doc = "launch ahead of what comes each day or week" },
};

const struct key_table policy_rule_table = {
	.name = "rule",
	.doc = "a rule that proposes a size; the largest proposal wins, and all must agree to "
	       "fewer",
	.size = sizeof(struct raw_rule),
	.keys = rule_keys,
	.count = COUNT_OF(rule_keys),
};

static const char *check_tracking(const struct check *c, const struct yaml_node *n,
				  const struct raw_target_tracking *t, struct policy_rule *ret)
{
	ret->kind = POLICY_TARGET_TRACKING;
	if (t->per_instance_given == t->value_given)
		keys_error(c->r, check_place(c, n), "target_tracking has per_instance or value");
	ret->target_tracking.per_instance_milli = t->per_instance_milli;
	ret->target_tracking.value_milli = t->value_milli;
	return t->metric;
}

static void take_step(const struct check *c, const struct yaml_node *at, const struct raw_step *s,
		      struct policy_step *ret)
{
	if (s->above_given == s->below_given)
		keys_error(c->r, check_place(c, at), "a step has above or below");
	if (s->add_given + s->remove_given + s->add_percent_given + s->remove_percent_given +
		    s->set_given !=
	    1)
		keys_error(c->r, check_place(c, at),
			   "a step has one of add, remove, add_percent, remove_percent and set");
	ret->above = s->above_given;
	ret->bound_milli = s->above_given ? s->above_milli : s->below_milli;
	ret->act = s->set_given                                      ? POLICY_STEP_EXACT
		   : s->add_percent_given || s->remove_percent_given ? POLICY_STEP_PERCENT
								     : POLICY_STEP_CHANGE;
	ret->amount = s->add_given              ? s->add
		      : s->remove_given         ? -s->remove
		      : s->add_percent_given    ? s->add_percent
		      : s->remove_percent_given ? -s->remove_percent
						: s->set;
}

/* Above rising, then below falling: the order in which a metric reaches them. */
static bool comes_after(const struct policy_step *a, const struct policy_step *b)
{
	if (a->above != b->above)
		return b->above;
	return a->above ? a->bound_milli > b->bound_milli : a->bound_milli < b->bound_milli;
}

static void insert_step(struct policy_step *steps, size_t n, struct policy_step one)
{
	while (n > 0 && comes_after(&steps[n - 1], &one)) {
		steps[n] = steps[n - 1];
		n--;
	}
	steps[n] = one;
}

static const char *check_steps(const struct check *c, const struct yaml_node *n,
			       const struct raw_step_scaling *s, struct policy_rule *ret)
{
	const struct yaml_node *list = check_under(n, "steps", NULL);
	struct policy_step *steps =
		keys_arena_alloc(keys_reader_arena(c->r), (s->step_count + 1) * sizeof(*steps));

	ret->kind = POLICY_STEP_SCALING;
	ret->step_scaling = (struct policy_step_scaling){ .inclusive = s->inclusive,
							  .min_adjustment = s->min_adjustment,
							  .steps = steps,
							  .step_count = s->step_count };
	if (list && s->step_count == 0)
		keys_error(c->r, check_place(c, list), "steps is empty: the rule says nothing");
	for (size_t i = 0; i < s->step_count; i++) {
		struct policy_step one = { 0 };

		take_step(c, check_item(list, i), &s->steps[i], &one);
		insert_step(steps, i, one);
	}
	for (size_t i = 1; i < s->step_count; i++) {
		const struct policy_step *a = &steps[i - 1], *b = &steps[i];

		if (a->above == b->above && a->bound_milli == b->bound_milli)
			keys_error(c->r, check_place(c, list), "two steps begin at one bound");
		if (a->above && !b->above && b->bound_milli > steps[0].bound_milli)
			keys_error(c->r, check_place(c, list),
				   "below and above overlap: a value would be on two steps");
	}
	return s->metric;
}

static const struct yaml_node *kind_node(const struct yaml_node *n, const char *const *names,
					 size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (check_under(n, names[i], NULL))
			return check_under(n, names[i], NULL);
	return n;
}

void policy_rule_check(const struct check *c, size_t i, struct policy_rule *ret)
{
	static const char *const kinds[] = { "target_tracking", "step_scaling", "queue_wait",
					     "predictive" };
	const struct yaml_node *n = check_item(yaml_get(c->root, "rules"), i);
	const struct yaml_node *kind = kind_node(n, kinds, COUNT_OF(kinds));
	const struct raw_rule *rule = &c->raw->rules[i];
	const char *metric;

	policy_check_name(c, check_place(c, check_under(n, "name", NULL)), "rule", rule->name);
	for (size_t k = 0; k < i && rule->name; k++)
		if (c->raw->rules[k].name && strcmp(c->raw->rules[k].name, rule->name) == 0)
			keys_error(c->r, check_place(c, check_under(n, "name", NULL)),
				   "another rule is named '%.64s' too", rule->name);
	ret->name = rule->name;
	ret->line = check_place(c, n).line;
	if (rule->target_tracking_given + rule->step_scaling_given + rule->queue_wait_given +
		    rule->predictive_given !=
	    1) {
		keys_error(c->r, check_place(c, n),
			   "a rule is one of target_tracking, step_scaling, queue_wait and "
			   "predictive");
		return;
	}
	metric = rule->target_tracking_given ? check_tracking(c, kind, &rule->target_tracking, ret)
		 : rule->step_scaling_given  ? check_steps(c, kind, &rule->step_scaling, ret)
		 : rule->predictive_given    ? policy_forecast_take(&rule->predictive, ret)
					     : policy_promise_take(&rule->queue_wait, ret);
	if (metric)
		ret->metric = policy_metric_find(c, check_under(kind, "metric", NULL), metric);
}

static void raw_step(const struct policy_step *s, struct raw_step *raw)
{
	bool percent = s->act == POLICY_STEP_PERCENT, change = s->act == POLICY_STEP_CHANGE;
	int64_t size = s->amount < 0 ? -s->amount : s->amount;

	*raw = (struct raw_step){ .above_milli = s->bound_milli,
				  .below_milli = s->bound_milli,
				  .above_given = s->above,
				  .below_given = !s->above,
				  .add = size,
				  .remove = size,
				  .add_percent = size,
				  .remove_percent = size,
				  .set = size,
				  .add_given = change && s->amount >= 0,
				  .remove_given = change && s->amount < 0,
				  .add_percent_given = percent && s->amount >= 0,
				  .remove_percent_given = percent && s->amount < 0,
				  .set_given = s->act == POLICY_STEP_EXACT };
}

void policy_rule_raw(struct keys_arena *a, const struct policy *p, const struct policy_rule *r,
		     struct raw_rule *raw)
{
	const struct policy_step_scaling *s = &r->step_scaling;
	const char *metric = p->metrics[r->metric].name;
	struct raw_step *steps = keys_arena_alloc(a, (s->step_count + 1) * sizeof(*steps));

	*raw = (struct raw_rule){
		.name = r->name,
		.target_tracking_given = r->kind == POLICY_TARGET_TRACKING,
		.target_tracking = { .metric = metric,
				     .per_instance_milli = r->target_tracking.per_instance_milli,
				     .value_milli = r->target_tracking.value_milli,
				     .per_instance_given =
					     r->target_tracking.per_instance_milli > 0,
				     .value_given = r->target_tracking.value_milli > 0 },
		.step_scaling_given = r->kind == POLICY_STEP_SCALING,
		.step_scaling = { .metric = metric,
				  .inclusive = s->inclusive,
				  .min_adjustment = s->min_adjustment,
				  .steps = steps,
				  .step_count = s->step_count },
		.queue_wait_given = r->kind == POLICY_QUEUE_WAIT,
		.queue_wait = policy_promise_raw(p, r),
		.predictive_given = r->kind == POLICY_PREDICTIVE,
		.predictive = policy_forecast_raw(p, r),
	};
	for (size_t i = 0; i < s->step_count; i++)
		raw_step(&s->steps[i], &steps[i]);
}
