/* Stair 1: what may this data decide. */
#include "decide/climb.h"

#define STALE_LEAST_MS 60000

/* A value older than two intervals, and than a minute, says nothing about now. */
static bool stale(const struct climb *c, struct instant seen_at)
{
	int64_t limit = time_add_(c->p->evaluate.every.ms, c->p->evaluate.every.ms);

	return elapsed_ms(c->now, seen_at) > (limit > STALE_LEAST_MS ? limit : STALE_LEAST_MS);
}

static bool counts_make_sense(const struct capacity *g)
{
	return g->min >= 0 && g->max >= g->min && g->desired >= 0 && g->in_service >= 0 &&
	       g->pending >= 0 && g->min <= POLICY_CAPACITY_MAX &&
	       g->desired <= POLICY_CAPACITY_MAX;
}

static enum fact_why trust_group(const struct climb *c)
{
	const struct capacity *g = &c->f->group;

	if (g->why != FACT_READABLE)
		return g->why;
	if (instant_is_never(g->seen_at))
		return FACT_NEVER_READ;
	if (!counts_make_sense(g))
		return FACT_NONSENSE;
	return stale(c, g->seen_at) ? FACT_STALE : FACT_READABLE;
}

static enum fact_why trust_metric(const struct climb *c, size_t i)
{
	const struct fact *f = &c->f->metric[i];
	unsigned wanted = c->p->metrics[i].sqs.count;

	if (i >= c->f->metric_count)
		return FACT_NEVER_READ;
	if (f->why != FACT_READABLE)
		return f->why;
	if (instant_is_never(f->seen_at) || (f->has & wanted) != wanted)
		return FACT_NEVER_READ;
	if (!f->is_queue || (f->has & QUEUE_VISIBLE && f->visible < 0) ||
	    (f->has & QUEUE_IN_FLIGHT && f->in_flight < 0) ||
	    (f->has & QUEUE_DELAYED && f->delayed < 0))
		return FACT_NONSENSE;
	return stale(c, f->seen_at) ? FACT_STALE : FACT_READABLE;
}

bool decide_trust(struct climb *c)
{
	enum fact_why group = trust_group(c);

	for (size_t i = 0; i < c->p->metric_count && i < POLICY_METRICS_MAX; i++) {
		c->trust[i] = trust_metric(c, i);
		if (c->trust[i] == FACT_READABLE)
			c->jobs[i] = fact_jobs(&c->f->metric[i], c->p->metrics[i].sqs.count);
	}
	for (size_t i = 0; i < c->p->rule_count; i++)
		c->blind = c->blind || c->trust[c->p->rules[i].metric] != FACT_READABLE;
	if (group != FACT_READABLE) {
		c->group_why = group;
		return false;
	}
	c->desired = c->n = (int32_t)c->f->group.desired;
	c->supply = capped(capacity_supply(&c->f->group));
	decide_bounds_find(c);
	c->plan.known = true;
	c->plan.current = c->desired;
	return true;
}

void decide_trust_say(struct climb *c)
{
	const struct memory *m = c->m;

	if (m->foreign_at.ms == c->now.ms)
		decide_climb_note(c, (struct stair){ .code = REASON_FOREIGN,
						     .rule = -1,
						     .arg = { m->foreign_from, m->foreign_to } });
	for (size_t i = 0; i < c->p->rule_count; i++) {
		size_t metric = c->p->rules[i].metric;
		enum fact_why why = c->trust[metric];

		if (why == FACT_READABLE)
			continue;
		decide_climb_note(c, (struct stair){ .code = why == FACT_NONSENSE ? REASON_NONSENSE
										  : REASON_STALE,
						     .rule = (int16_t)i,
						     .arg = { (int64_t)metric, why } });
	}
}
