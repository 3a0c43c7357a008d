/* What the tests of decide/ share: a policy in one struct, facts in one line, plans compared. */
#ifndef CHECK_DECIDE_H
#define CHECK_DECIDE_H

#include <check.h>
#include <string.h>

#include "decide/decide.h"

#define T0 1700000000000 /* ms; scenes count seconds from here */
#define NEVER INSTANT_NEVER

struct made {
	struct policy p;
	struct policy_metric metrics[POLICY_METRICS_MAX];
	struct policy_rule rules[POLICY_RULES_MAX];
	struct policy_limit out[POLICY_LIMITS_MAX], in[POLICY_LIMITS_MAX];
	struct policy_op ops[8]; /* of one metric that is computed */
	struct policy_step steps[4];
	struct policy_schedule schedules[2];
};

static inline struct instant at_s(int64_t s)
{
	return (struct instant){ T0 + s * 1000 };
}

static inline void made_metric(struct made *m, const char *name)
{
	m->metrics[m->p.metric_count++] = (struct policy_metric){
		.name = name,
		.sqs = { .queue_url = "http://q/1/x",
			 .count = POLICY_COUNT_VISIBLE | POLICY_COUNT_IN_FLIGHT },
	};
}

static inline void made_rule(struct made *m, const char *name, size_t metric, int64_t per_instance)
{
	m->rules[m->p.rule_count++] =
		(struct policy_rule){ .name = name,
				      .metric = metric,
				      .target_tracking = { .per_instance_milli =
								   per_instance * 1000 } };
}

/* One queue, ten jobs an instance, the defaults of a policy file but no stabilization. */
static inline void made_init(struct made *m)
{
	memset(m, 0, sizeof(*m));
	m->p = (struct policy){
		.version = 1,
		.name = "thumbs",
		.fleet = { .auto_scaling_group = "g",
			   .jobs_per_instance = POLICY_AUTO,
			   .warm_up = { POLICY_AUTO } },
		.metrics = m->metrics,
		.rules = m->rules,
		.behavior = { .tolerance_milli = 100,
			      .activation = { .samples = 1 },
			      .deactivation = { .for_ = { 120000 } },
			      .scale_out = { .limits = m->out },
			      .scale_in = { .limits = m->in } },
		.on_missing = { .after = { 600000 } },
		.evaluate = { .every = { 15000 }, .idle_every = { 60000 } },
	};
	made_metric(m, "backlog");
	made_rule(m, "backlog", 0, 10);
}

static inline void made_in_300(struct made *m)
{
	m->p.behavior.scale_in.stabilization = span_s(300);
}

static inline void made_out_4_or_double(struct made *m)
{
	m->out[0] = (struct policy_limit){ .is_percent = true, .amount = 100, .per = span_s(60) };
	m->out[1] = (struct policy_limit){ .amount = 4, .per = span_s(60) };
	m->p.behavior.scale_out.limit_count = 2;
}

static inline void made_cool_both(struct made *m)
{
	m->p.behavior.scale_out.cooldown = span_s(30);
	m->p.behavior.scale_in.cooldown = span_s(60);
}

static inline void made_two_rules(struct made *m)
{
	made_metric(m, "other");
	made_rule(m, "other", 1, 5);
}

static inline struct fact queue_fact(int64_t visible, int64_t in_flight, struct instant seen)
{
	return (struct fact){ .is_queue = true,
			      .seen_at = seen,
			      .has = QUEUE_VISIBLE | QUEUE_IN_FLIGHT,
			      .visible = visible,
			      .in_flight = in_flight,
			      .period_end = NEVER };
}

static inline struct facts seen(int64_t desired, int64_t min, int64_t max, int64_t visible,
				int64_t in_flight, struct instant now)
{
	struct facts f = {
		.group = { .seen_at = now,
			   .min = min,
			   .max = max,
			   .desired = desired,
			   .in_service = desired,
			   .ready = desired },
		.metric_count = 1,
	};

	f.metric[0] = queue_fact(visible, in_flight, now);
	return f;
}

static inline bool stair_equal(const struct stair *a, const struct stair *b)
{
	return a->code == b->code && a->rule == b->rule && a->from == b->from && a->to == b->to &&
	       memcmp(a->arg, b->arg, sizeof(a->arg)) == 0;
}

static inline bool plan_equal(const struct plan *a, const struct plan *b)
{
	bool same = a->act == b->act && a->may_write == b->may_write && a->known == b->known &&
		    a->current == b->current && a->desired == b->desired && a->low == b->low &&
		    a->high == b->high && a->why == b->why && a->stair_count == b->stair_count;

	for (size_t i = 0; same && i < a->stair_count; i++)
		same = stair_equal(&a->stairs[i], &b->stairs[i]);
	return same;
}

static inline bool plan_has(const struct plan *p, enum reason code)
{
	for (size_t i = 0; i < p->stair_count; i++)
		if (p->stairs[i].code == code)
			return true;
	return false;
}

struct stage {
	struct made made;
	struct memory memory;
	int desired, min, max;
};

/* One whole turn; the group takes the size at once. */
static inline struct plan turn(struct stage *s, const struct facts *f, struct instant now)
{
	struct outcome done = { .kind = OUTCOME_DONE };
	struct plan plan;

	decide_learn(&s->made.p, f, now, &s->memory);
	plan = decide(&s->made.p, f, &s->memory, now);
	decide_presume(&plan, now, &s->memory);
	if (plan.act == PLAN_SET) {
		decide_settle(&s->made.p, &done, now, &s->memory);
		s->desired = plan.desired;
	}
	return plan;
}

Suite *suite_props(void);
Suite *suite_scenes(void);
Suite *suite_peers(void);
Suite *suite_hpa(void);
Suite *suite_forecast(void);
Suite *suite_wait(void);

#endif
