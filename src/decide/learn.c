#include "decide/forecast.h"
#include "decide/wait.h"

#define LAG_MS \
	10000 /* for so long a reading of the size before our write is not somebody else's move */

static void clamp(struct instant *t, struct instant now)
{
	if (t->ms > now.ms)
		*t = now;
}

/* A wall clock that was ahead and is set back leaves times in the future: they count from now. */
static void clamp_all(struct memory *m, struct instant now)
{
	struct instant *times[] = { &m->last_turn,       &m->last_out,
				    &m->last_in,         &m->asked_at,
				    &m->foreign_at,      &m->zero_since,
				    &m->before.last_out, &m->before.last_in,
				    &m->before.asked_at, &m->group_missing_since,
				    &m->wait.turn_at,    &m->wait.fed_to,
				    &m->wait.period_end, &m->wait.busy_at };

	for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++)
		clamp(times[i], now);
	for (size_t i = 0; i < POLICY_METRICS_MAX; i++)
		clamp(&m->missing_since[i], now);
	for (size_t i = 0; i < m->in_window.count; i++)
		clamp(&m->in_window.item[i].at, now);
	for (size_t i = 0; i < m->out_window.count; i++)
		clamp(&m->out_window.item[i].at, now);
	for (size_t i = 0; i < m->in_moves.count; i++)
		clamp(&m->in_moves.item[i].at, now);
	for (size_t i = 0; i < m->out_moves.count; i++)
		clamp(&m->out_moves.item[i].at, now);
}

static struct span longest_limit(const struct policy *p)
{
	const struct policy_direction *both[] = { &p->behavior.scale_out, &p->behavior.scale_in };
	struct span longest = { 0 };

	for (size_t d = 0; d < 2; d++)
		for (size_t i = 0; i < both[d]->limit_count; i++)
			if (both[d]->limits[i].per.ms > longest.ms)
				longest = both[d]->limits[i].per;
	return longest;
}

static void moved_by_others(struct memory *m, int32_t from, int32_t to, struct instant now)
{
	m->foreign_at = now;
	m->foreign_from = from;
	m->foreign_to = to;
}

/* What became of a write without an outcome: a crash, a timeout. */
static void learn_presumed(const struct climb *c, struct memory *m)
{
	if (c->desired == m->last_desired) {
		m->presumed = false;
	} else if (c->desired != m->before.desired) {
		m->presumed = false;
		moved_by_others(m, m->last_desired, c->desired, c->now);
	} else if (elapsed_ms(c->now, m->asked_at) >= c->p->evaluate.every.ms) {
		decide_presume_undo(m);
	}
	m->seen_desired = c->desired;
}

static void learn_group(const struct climb *c, struct memory *m)
{
	m->group_missing_since = INSTANT_NEVER;
	if (m->presumed) {
		learn_presumed(c, m);
	} else if (m->seen_desired_known && c->desired != m->seen_desired) {
		bool lag = m->seen_desired == m->last_desired && c->desired == m->before.desired &&
			   elapsed_ms(c->now, m->asked_at) < LAG_MS;

		if (lag)
			return;
		moved_by_others(m, m->seen_desired, c->desired, c->now);
	}
	m->seen_desired = c->desired;
	m->seen_desired_known = true;
}

static bool queue_is_empty(const struct fact *f)
{
	unsigned both = QUEUE_VISIBLE | QUEUE_IN_FLIGHT;

	return (f->has & both) == both && f->visible == 0 && f->in_flight == 0;
}

/* What a rule goes by shows no work: nor does any queue that it is computed of. */
static bool metric_is_empty(const struct climb *c, size_t metric)
{
	const struct policy_metric *m = &c->p->metrics[metric];

	if (c->trust[metric] != FACT_READABLE || c->guessed[metric] || c->milli[metric] > 0)
		return false;
	if (!policy_metric_is_derived(m))
		return !c->f->metric[metric].is_queue || queue_is_empty(&c->f->metric[metric]);
	for (size_t i = 0; i < m->expr.op_count; i++) {
		size_t of = m->expr.ops[i].metric;

		if (m->expr.ops[i].code == POLICY_OP_METRIC && c->trust[of] == FACT_READABLE &&
		    c->f->metric[of].is_queue && !queue_is_empty(&c->f->metric[of]))
			return false;
	}
	return true;
}

static void learn_queues(const struct climb *c, struct memory *m)
{
	bool empty = c->p->rule_count > 0, above = false;

	for (size_t i = 0; i < c->p->metric_count && i < POLICY_METRICS_MAX; i++) {
		if (c->trust[i] == FACT_READABLE)
			m->missing_since[i] = INSTANT_NEVER;
		else if (instant_is_never(m->missing_since[i]))
			m->missing_since[i] = c->now;
	}
	for (size_t i = 0; i < c->p->rule_count; i++) {
		size_t metric = c->p->rules[i].metric;

		empty = empty && metric_is_empty(c, metric);
		above = above || (c->trust[metric] == FACT_READABLE &&
				  c->jobs[metric] > c->p->behavior.activation.above);
	}
	if (!empty)
		m->zero_since = INSTANT_NEVER;
	else if (instant_is_never(m->zero_since))
		m->zero_since = c->now;
	if (above)
		m->above_samples += m->above_samples < INT32_MAX;
	else if (!c->blind)
		m->above_samples = 0;
}

/* The HPA keeps the wish before any limit, and starts with the size it finds. */
static void learn_wishes(const struct climb *c, struct memory *m, bool first)
{
	const struct policy_behavior *b = &c->p->behavior;
	int32_t wish;

	if (first) {
		decide_window_push(&m->in_window, true, b->scale_in.stabilization, c->now,
				   c->desired);
		decide_window_push(&m->out_window, false, b->scale_out.stabilization, c->now,
				   c->desired);
	}
	if (!decide_demand_wish(c, &wish))
		return;
	decide_window_push(&m->in_window, true, b->scale_in.stabilization, c->now, wish);
	decide_window_push(&m->out_window, false, b->scale_out.stabilization, c->now, wish);
}

void decide_learn(const struct policy *p, const struct facts *f, struct instant now,
		  struct memory *m)
{
	struct span longest = longest_limit(p);
	struct climb c;
	bool first = !m->seen_desired_known, readable;

	clamp_all(m, now);
	decide_window_moves_trim(&m->out_moves, longest, now);
	decide_window_moves_trim(&m->in_moves, longest, now);
	decide_climb_init(&c, p, f, m, now);
	readable = decide_trust(&c);
	decide_forecast_learn(&c, m); /* before the wishes: what is expected is one of them */
	if (readable) {
		learn_group(&c, m);
		decide_wait_learn(&c, m);
		learn_wishes(&c, m, first);
	} else if (instant_is_never(m->group_missing_since)) {
		m->group_missing_since = now;
	}
	learn_queues(&c, m);
	decide_forecast_learn(&c, m);
	m->last_turn = now;
}
