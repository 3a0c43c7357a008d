/* The rule queue_wait: its keys, its checks, and what it changes of the defaults. */
#include "policy/check.h"

#define WINDOW_MS 300000 /* behavior.scale_in.stabilization and behavior.deactivation.for, */
#define ZERO_MS 120000   /* where a rule is not a promise */

static const struct key queue_wait_keys[] = {
	{ .name = "metric",
	  .type = KEY_STR,
	  .offset = offsetof(struct raw_queue_wait, metric),
	  .required = true,
	  .doc = "name of the metric: a queue whose visible and in_flight messages are counted" },
	{ .name = "percentile",
	  .type = KEY_MILLI,
	  .offset = offsetof(struct raw_queue_wait, percentile_milli),
	  .required = true,
	  .least = 50000,
	  .most = 99900,
	  .unit = "percent of the jobs",
	  .doc = "so many start within the target" },
	{ .name = "target",
	  .type = KEY_SPAN,
	  .offset = offsetof(struct raw_queue_wait, target),
	  .required = true,
	  .least = 1000,
	  .most = 604800000,
	  .doc = "the promised wait, from being sent to the start of the work" },
	{ .name = "service_time",
	  .type = KEY_SPAN,
	  .offset = offsetof(struct raw_queue_wait, service_time),
	  .least = 100,
	  .most = 604800000,
	  .init = "auto",
	  .also = "auto",
	  .doc = "how long a job runs; auto learns it" },
};

const struct key_table policy_promise_table = {
	.name = "queue_wait",
	.doc = "a promise: a share of the jobs starts within a time, at the lowest cost",
	.size = sizeof(struct raw_queue_wait),
	.keys = queue_wait_keys,
	.count = COUNT_OF(queue_wait_keys),
};

const char *policy_promise_take(const struct raw_queue_wait *q, struct policy_rule *ret)
{
	ret->kind = POLICY_QUEUE_WAIT;
	ret->queue_wait.percentile_milli = q->percentile_milli;
	ret->queue_wait.target = q->target;
	ret->queue_wait.service_time = q->service_time;
	return q->metric;
}

struct raw_queue_wait policy_promise_raw(const struct policy *p, const struct policy_rule *r)
{
	return (struct raw_queue_wait){ .metric = p->metrics[r->metric].name,
					.percentile_milli = r->queue_wait.percentile_milli,
					.target = r->queue_wait.target,
					.service_time = r->queue_wait.service_time };
}

/* A promise learns its own hold: a window on top of it would only cost. */
static bool only_promises(const struct policy *p)
{
	for (size_t i = 0; i < p->rule_count; i++)
		if (p->rules[i].kind != POLICY_QUEUE_WAIT)
			return false;
	return p->rule_count > 0;
}

void policy_promise_defaults(const struct raw_behavior *b, struct policy *ret)
{
	if (!only_promises(ret))
		return;
	if (!b->scale_in.stabilization_given)
		ret->behavior.scale_in.stabilization = (struct span){ 0 };
	if (!b->deactivation.for_given)
		ret->behavior.deactivation.for_ = (struct span){ 0 };
}

void policy_promise_given(const struct policy *p, struct raw_behavior *raw)
{
	int64_t window = only_promises(p) ? 0 : WINDOW_MS, zero = only_promises(p) ? 0 : ZERO_MS;

	raw->scale_out.stabilization_given = raw->scale_out.stabilization.ms != 0;
	raw->scale_in.stabilization_given = raw->scale_in.stabilization.ms != window;
	raw->deactivation.for_given = raw->deactivation.for_.ms != zero;
}

/* What is learnt for a promise is kept once, and running jobs are a part of it. */
void policy_promise_check(const struct check *c, const struct policy *p)
{
	const unsigned both = POLICY_COUNT_VISIBLE | POLICY_COUNT_IN_FLIGHT;
	bool one = false;

	for (size_t i = 0; i < p->rule_count; i++) {
		const struct yaml_node *n = check_item(yaml_get(c->root, "rules"), i);
		const struct policy_metric *m = &p->metrics[p->rules[i].metric];

		if (p->rules[i].kind != POLICY_QUEUE_WAIT)
			continue;
		if (one)
			keys_error(c->r, check_place(c, n),
				   "a policy makes one promise: another rule is a queue_wait too");
		one = true;
		if (m->source != POLICY_SQS || (m->sqs.count & both) != both)
			keys_error(c->r, check_place(c, check_under(n, "queue_wait", "metric")),
				   "queue_wait needs a queue of SQS that counts visible and "
				   "in_flight");
	}
}
