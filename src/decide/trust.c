/* Stair 1: what may this data decide. */
#include "decide/climb.h"

#define STALE_LEAST_MS 60000
#define MILLI 1000

/* A value older than two intervals, and than a minute, says nothing about now. */
static int64_t usual_age(const struct climb *c)
{
	int64_t limit = time_add_(c->p->evaluate.every.ms, c->p->evaluate.every.ms);

	return limit > STALE_LEAST_MS ? limit : STALE_LEAST_MS;
}

/* CloudWatch's minute arrives up to three of its periods late. */
static int64_t most_age(const struct climb *c, const struct policy_metric *m)
{
	int64_t periods = m->source == POLICY_CLOUDWATCH ? 4 * m->cloudwatch.period.ms : 0;

	if (m->max_age.ms > 0)
		return m->max_age.ms;
	return usual_age(c) > periods ? usual_age(c) : periods;
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
	return elapsed_ms(c->now, g->seen_at) > usual_age(c) ? FACT_STALE : FACT_READABLE;
}

/* What must be there of a queue. */
static unsigned wanted(const struct policy_metric *m)
{
	return m->source == POLICY_CELERY ? QUEUE_VISIBLE : m->sqs.count;
}

static enum fact_why trust_metric(const struct climb *c, size_t i)
{
	const struct policy_metric *m = &c->p->metrics[i];
	const struct fact *f = &c->f->metric[i];

	if (i >= c->f->metric_count)
		return FACT_NEVER_READ;
	if (f->why != FACT_READABLE)
		return f->why;
	if (instant_is_never(f->seen_at))
		return FACT_NEVER_READ;
	if (m->source == POLICY_CLOUDWATCH && f->is_queue)
		return FACT_NONSENSE;
	if (m->source != POLICY_CLOUDWATCH) {
		if ((f->has & wanted(m)) != wanted(m))
			return FACT_NEVER_READ;
		if (!f->is_queue || (f->has & QUEUE_VISIBLE && f->visible < 0) ||
		    (f->has & QUEUE_IN_FLIGHT && f->in_flight < 0) ||
		    (f->has & QUEUE_DELAYED && f->delayed < 0))
			return FACT_NONSENSE;
	}
	return elapsed_ms(c->now, f->seen_at) > most_age(c, m) ? FACT_STALE : FACT_READABLE;
}

/* Thousandths as jobs, rounded up: a part of a job is a job. */
static int64_t whole(int64_t milli)
{
	return milli <= 0 ? 0 : milli / MILLI + (milli % MILLI != 0);
}

static void value_of(struct climb *c, size_t i)
{
	const struct policy_metric *m = &c->p->metrics[i];
	const struct fact *f = &c->f->metric[i];

	if (!f->is_queue) {
		c->milli[i] = f->value_milli;
		c->jobs[i] = whole(f->value_milli);
		return;
	}
	c->jobs[i] = fact_jobs(f, m->source == POLICY_CELERY ? f->has & policy_metric_counts(m)
							     : m->sqs.count);
	c->milli[i] = c->jobs[i] > INT64_MAX / MILLI ? INT64_MAX : c->jobs[i] * MILLI;
}

/* What is measured first, then what is computed of it. */
static void trust_metrics(struct climb *c)
{
	size_t n =
		c->p->metric_count < POLICY_METRICS_MAX ? c->p->metric_count : POLICY_METRICS_MAX;

	for (size_t i = 0; i < n; i++) {
		if (policy_metric_is_derived(&c->p->metrics[i]))
			continue;
		c->trust[i] = trust_metric(c, i);
		if (c->trust[i] == FACT_READABLE)
			value_of(c, i);
	}
	for (size_t i = 0; i < n; i++) {
		if (!policy_metric_is_derived(&c->p->metrics[i]))
			continue;
		c->trust[i] = decide_expr_run(c, &c->p->metrics[i], &c->milli[i], &c->guessed[i]);
		c->jobs[i] = whole(c->milli[i]);
	}
}

bool decide_trust_rule(const struct climb *c, size_t i)
{
	size_t metric = c->p->rules[i].metric;

	return c->trust[metric] == FACT_READABLE && !c->guessed[metric];
}

bool decide_trust(struct climb *c)
{
	enum fact_why group = trust_group(c);

	trust_metrics(c);
	for (size_t i = 0; i < c->p->rule_count; i++)
		c->blind = c->blind || !decide_trust_rule(c, i);
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

static struct stair early(size_t metric, const struct fact *f)
{
	if (f->has & QUEUE_EARLY)
		return (struct stair){ .code = REASON_EARLY_COUNTED,
				       .rule = -1,
				       .arg = { (int64_t)metric, f->early, f->early_silent } };
	return (struct stair){ .code = REASON_EARLY_ACKS, .rule = -1, .arg = { (int64_t)metric } };
}

/* Celery acks a task when it begins unless told otherwise (acks_late): then it is nowhere while it
 * runs, and a busy fleet looks like an empty queue. */
static void say_early_acks(struct climb *c)
{
	for (size_t i = 0; i < c->p->metric_count && i < POLICY_METRICS_MAX; i++)
		if (c->p->metrics[i].source == POLICY_CELERY && c->trust[i] == FACT_READABLE)
			decide_climb_note(c, early(i, &c->f->metric[i]));
}

void decide_trust_say(struct climb *c)
{
	const struct memory *m = c->m;

	if (m->foreign_at.ms == c->now.ms)
		decide_climb_note(c, (struct stair){ .code = REASON_FOREIGN,
						     .rule = -1,
						     .arg = { m->foreign_from, m->foreign_to } });
	if (c->f->group.heaviest > 1)
		decide_climb_note(c, (struct stair){ .code = REASON_UNITS,
						     .rule = -1,
						     .arg = { c->f->group.heaviest } });
	say_early_acks(c);
	for (size_t i = 0; i < c->p->rule_count; i++) {
		size_t metric = c->p->rules[i].metric;
		enum fact_why why = c->trust[metric];

		if (decide_trust_rule(c, i))
			continue;
		decide_climb_note(c,
				  (struct stair){ .code = why == FACT_READABLE   ? REASON_OTHERWISE
							  : why == FACT_NONSENSE ? REASON_NONSENSE
										 : REASON_STALE,
						  .rule = (int16_t)i,
						  .arg = { (int64_t)metric, why } });
	}
}
