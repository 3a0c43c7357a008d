/* Stair 3: from zero and to zero. */
#include "decide/wait.h"

static int64_t most_jobs(const struct climb *c)
{
	int64_t most = 0;

	for (size_t i = 0; i < c->p->rule_count; i++) {
		size_t metric = c->p->rules[i].metric;

		if (c->trust[metric] == FACT_READABLE && c->jobs[metric] > most)
			most = c->jobs[metric];
	}
	return most;
}

static void from_zero(struct climb *c)
{
	int64_t above = c->p->behavior.activation.above,
		samples = c->p->behavior.activation.samples;

	if (decide_wait_ahead(c))
		decide_climb_to(c, (struct stair){ .code = REASON_READY, .rule = -1, .to = c->n });
	else if (c->m->above_samples < samples || most_jobs(c) <= above)
		decide_climb_to(c,
				(struct stair){ .code = REASON_NOT_YET_ACTIVE,
						.rule = -1,
						.to = 0,
						.arg = { c->m->above_samples, samples, above } });
	else
		decide_climb_to(c, (struct stair){ .code = REASON_ACTIVATE,
						   .rule = -1,
						   .to = c->n > 1 ? c->n : 1,
						   .arg = { most_jobs(c) } });
}

/* SQS counts are approximate and can read zero while messages are in flight, so zero must have been
 * seen an interval ago at least, and now. A promise that learns its own hold may go at once where
 * the jobs that were there can well have ended since. */
static void to_zero(struct climb *c)
{
	int64_t need = c->p->behavior.deactivation.for_.ms, empty = 0;

	if (need == 0 && decide_wait_ended(c)) {
		decide_climb_to(
			c,
			(struct stair){ .code = REASON_ZERO, .rule = -1, .to = 0, .arg = { 0 } });
		return;
	}
	if (need < c->p->evaluate.every.ms)
		need = c->p->evaluate.every.ms;
	if (!instant_is_never(c->m->zero_since))
		empty = elapsed_ms(c->now, c->m->zero_since);
	if (instant_is_never(c->m->zero_since) || empty < need || empty == 0)
		decide_climb_to(c, (struct stair){ .code = REASON_NOT_YET_ZERO,
						   .rule = -1,
						   .to = 1,
						   .arg = { empty, need } });
	else
		decide_climb_to(
			c, (struct stair){
				   .code = REASON_ZERO, .rule = -1, .to = 0, .arg = { empty } });
}

void decide_activate(struct climb *c)
{
	if (c->desired == 0 && c->n > 0)
		from_zero(c);
	else if (c->desired > 0 && c->n == 0 && c->low == 0)
		to_zero(c);
}
