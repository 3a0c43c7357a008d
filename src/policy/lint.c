/* What a policy may say and will be sorry for: warnings, each with its line and its reason. */
#include "base/clock.h"
#include "policy/check.h"

static const char *span(int64_t ms, char buf[static CLOCK_TEXT_MAX])
{
	return clock_print_span(span_ms(ms), buf);
}

static bool known(struct span d)
{
	return d.ms != POLICY_AUTO && d.ms > 0;
}

static bool from_zero(const struct policy *p)
{
	return p->fleet.min_given && p->fleet.min == 0;
}

static void cooldown_and_warm_up(const struct check *c, const struct policy *p)
{
	const struct policy_direction *out = &p->behavior.scale_out;
	const struct yaml_node *behavior = check_under(c->root, "behavior", "scale_out");
	char a[CLOCK_TEXT_MAX], b[CLOCK_TEXT_MAX];

	if (known(p->fleet.warm_up) && out->cooldown.ms > 0 &&
	    out->cooldown.ms < p->fleet.warm_up.ms)
		keys_warn(c->r, check_place(c, check_under(behavior, "cooldown", NULL)),
			  "a cooldown of %s ends before what was launched takes work, after a "
			  "warm-up "
			  "of %s -> the fleet overshoots; make it as long, or leave it out",
			  span(out->cooldown.ms, a), span(p->fleet.warm_up.ms, b));
}

static void window_and_job(const struct check *c, const struct policy *p)
{
	const struct yaml_node *in = check_under(c->root, "behavior", "scale_in");
	int64_t window = p->behavior.scale_in.stabilization.ms;
	char a[CLOCK_TEXT_MAX], b[CLOCK_TEXT_MAX];

	for (size_t i = 0; i < p->rule_count; i++) {
		struct span job = p->rules[i].queue_wait.service_time;

		if (p->rules[i].kind != POLICY_QUEUE_WAIT || !known(job) || window == 0 ||
		    window >= job.ms)
			continue;
		keys_warn(
			c->r, check_place(c, check_under(in, "stabilization", NULL)),
			"a scale-in window of %s is shorter than a job of %s -> the fleet shrinks "
			"and grows between jobs",
			span(window, a), span(job.ms, b));
	}
}

static void schedules(const struct check *c, const struct policy *p)
{
	const struct yaml_node *list = yaml_get(c->root, "schedules");

	for (size_t i = 0; i < p->schedule_count; i++) {
		const struct policy_schedule *s = &p->schedules[i];
		const struct yaml_node *n = check_item(list, i);

		if (s->max_given && p->fleet.min_given && p->fleet.min > s->max)
			keys_warn(c->r, check_place(c, check_under(n, "max", NULL)),
				  "the fleet's min of %lld is above this max of %lld -> the max "
				  "stands "
				  "while %s holds",
				  (long long)p->fleet.min, (long long)s->max, s->name);
		if (s->min_given && p->fleet.max_given && p->fleet.max < s->min)
			keys_warn(
				c->r, check_place(c, check_under(n, "min", NULL)),
				"the fleet's max of %lld is below this min of %lld -> it is never "
				"reached",
				(long long)p->fleet.max, (long long)s->min);
		for (size_t k = 0; s->min_given && k < p->schedule_count; k++)
			if (p->schedules[k].max_given && p->schedules[k].max < s->min)
				keys_warn(c->r, check_place(c, check_under(n, "min", NULL)),
					  "schedule %s has a max of %lld, below this min -> where "
					  "both "
					  "hold the max stands",
					  p->schedules[k].name, (long long)p->schedules[k].max);
	}
}

/* Jobs that come while the fleet is at zero wait for a look, a launch and a start. */
static void promise_from_zero(const struct check *c, const struct policy *p,
			      const struct policy_rule *r, const struct yaml_node *n)
{
	int64_t looks = p->evaluate.idle_every.ms * p->behavior.activation.samples;
	char a[CLOCK_TEXT_MAX], b[CLOCK_TEXT_MAX], d[CLOCK_TEXT_MAX];

	if (!from_zero(p))
		return;
	if (p->behavior.activation.above > 0)
		keys_warn(c->r, check_place(c, check_under(n, "target", NULL)),
			  "up to %lld jobs do not start a fleet at zero (behavior.activation) -> "
			  "those jobs break the promise",
			  (long long)p->behavior.activation.above);
	if (known(p->fleet.warm_up) && r->queue_wait.target.ms < p->fleet.warm_up.ms)
		keys_warn(c->r, check_place(c, check_under(n, "target", NULL)),
			  "the promised %s is shorter than the warm-up of %s, and min is 0 -> the "
			  "first "
			  "jobs after a rest break it, or one instance is always kept",
			  span(r->queue_wait.target.ms, a), span(p->fleet.warm_up.ms, b));
	else if (r->queue_wait.target.ms <
		 looks + (known(p->fleet.warm_up) ? p->fleet.warm_up.ms : 0))
		keys_warn(c->r, check_place(c, check_under(n, "target", NULL)),
			  "an empty queue is looked at each %s only, and %s are needed to see jobs "
			  "and "
			  "start -> the first jobs after a rest break the promised %s",
			  span(p->evaluate.idle_every.ms, a),
			  span(looks + (known(p->fleet.warm_up) ? p->fleet.warm_up.ms : 0), b),
			  span(r->queue_wait.target.ms, d));
}

/* Arrivals are not in a policy, so what is told is what breaks a promise however few they are. */
static void promise_and_max(const struct check *c, const struct policy *p,
			    const struct policy_rule *r, const struct yaml_node *n)
{
	const struct policy_schedule *s = NULL;

	for (size_t i = 0; i < p->schedule_count; i++)
		if (p->schedules[i].max_given && p->schedules[i].max == 0)
			s = &p->schedules[i];
	if (p->fleet.max_given && p->fleet.max == 0)
		keys_warn(c->r, check_place(c, check_under(n, "target", NULL)),
			  "max is 0 -> no fleet can keep this promise");
	else if (s && s->duration.ms > r->queue_wait.target.ms)
		keys_warn(c->r, check_place(c, check_under(n, "target", NULL)),
			  "schedule %s allows no instance for longer than the promised wait -> no "
			  "fleet can keep the promise then",
			  s->name);
	if (r->queue_wait.target.ms < p->evaluate.every.ms)
		keys_warn(c->r, check_place(c, check_under(n, "target", NULL)),
			  "the promised wait is shorter than the time between two looks "
			  "(evaluate.every) -> no fleet that reacts can keep it");
	if (p->behavior.scale_out.select == POLICY_SELECT_DISABLED)
		keys_warn(c->r, check_place(c, check_under(n, "target", NULL)),
			  "scale_out is disabled -> no promise can be kept");
}

static bool uses(const struct policy *p, size_t of, size_t metric)
{
	const struct policy_expr *e = &p->metrics[of].expr;

	if (of == metric)
		return true;
	for (size_t i = 0; i < e->op_count; i++)
		if (e->ops[i].code == POLICY_OP_METRIC && e->ops[i].metric == metric)
			return true;
	return false;
}

static bool is_used(const struct policy *p, size_t metric)
{
	for (size_t i = 0; i < p->rule_count; i++)
		if (uses(p, p->rules[i].metric, metric))
			return true;
	return false;
}

static void metrics(const struct check *c, const struct policy *p)
{
	const struct yaml_node *list = yaml_get(c->root, "metrics");
	bool queue = false, cloud = false;

	for (size_t i = 0; i < p->metric_count; i++) {
		enum policy_source source = p->metrics[i].source;

		if (!is_used(p, i)) {
			keys_warn(c->r, check_place(c, check_item(list, i)),
				  "no rule uses metric %s -> it is read for nothing",
				  p->metrics[i].name);
			continue;
		}
		cloud = cloud || source == POLICY_CLOUDWATCH;
		queue = queue || source == POLICY_SQS || source == POLICY_CELERY;
	}
	if (cloud && !queue && from_zero(p))
		keys_warn(c->r, check_place(c, list),
			  "CloudWatch alone decides, and min is 0 -> a queue that has slept wakes "
			  "up to "
			  "15 minutes late; add the queue itself as a metric");
}

void policy_lint_check(const struct check *c, const struct policy *p)
{
	const struct yaml_node *rules = yaml_get(c->root, "rules");

	cooldown_and_warm_up(c, p);
	window_and_job(c, p);
	schedules(c, p);
	metrics(c, p);
	for (size_t i = 0; i < p->rule_count; i++) {
		const struct yaml_node *n = check_under(check_item(rules, i), "queue_wait", NULL);

		if (p->rules[i].kind != POLICY_QUEUE_WAIT)
			continue;
		promise_from_zero(c, p, &p->rules[i], n);
		promise_and_max(c, p, &p->rules[i], n);
	}
}
