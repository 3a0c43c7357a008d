#include "decide/decide.h"

#include <string.h>

#include "decide/climb.h"

#define COUNT_MOST 1000000000000000 /* no queue is longer: past it a number is a mistake */
#define GROUP_MOST (10 * POLICY_CAPACITY_MAX)

static int64_t bounded(int64_t v, int64_t most)
{
	return v < -1 ? -1 : v > most ? most : v;
}

/* Counts come from outside: with these caps no sum or product of them overflows. What is negative
 * stays so, and is told as nonsense. */
static void bound_counts(const struct facts *f, struct facts *ret)
{
	int64_t *const group[] = { &ret->group.min,         &ret->group.max,
				   &ret->group.desired,     &ret->group.in_service,
				   &ret->group.pending,     &ret->group.warming,
				   &ret->group.busy,        &ret->group.draining,
				   &ret->group.failed,      &ret->group.launch_failures,
				   &ret->group.ready,       &ret->group.heaviest,
				   &ret->group.refresh_left };

	ret->group = f->group;
	for (size_t i = 0; i < sizeof(group) / sizeof(group[0]); i++)
		*group[i] = bounded(*group[i], GROUP_MOST);
	ret->metric_count =
		f->metric_count < POLICY_METRICS_MAX ? f->metric_count : POLICY_METRICS_MAX;
	for (size_t i = 0; i < ret->metric_count; i++) {
		struct fact *m = &ret->metric[i];

		*m = f->metric[i];
		m->visible = bounded(m->visible, COUNT_MOST);
		m->in_flight = bounded(m->in_flight, COUNT_MOST);
		m->delayed = bounded(m->delayed, COUNT_MOST);
		m->oldest_age_ms = bounded(m->oldest_age_ms, COUNT_MOST);
		m->sent = bounded(m->sent, COUNT_MOST);
		m->deleted = bounded(m->deleted, COUNT_MOST);
		m->period.ms = bounded(m->period.ms, COUNT_MOST);
	}
}

void decide_climb_init(struct climb *c, const struct policy *p, const struct facts *f,
		       const struct memory *m, struct instant now)
{
	memset(c, 0, sizeof(*c));
	c->p = p;
	bound_counts(f, &c->seen);
	c->f = &c->seen;
	c->m = m;
	c->now = now;
}

void decide_climb_to(struct climb *c, struct stair s)
{
	s.from = c->n;
	c->n = s.to;
	if (s.from != s.to || c->plan.why == REASON_NONE)
		c->plan.why = s.code;
	if (c->plan.stair_count < PLAN_STAIRS_MAX)
		c->plan.stairs[c->plan.stair_count++] = s;
}

void decide_climb_note(struct climb *c, struct stair s)
{
	s.from = s.to = c->n;
	if (c->plan.stair_count < PLAN_STAIRS_MAX)
		c->plan.stairs[c->plan.stair_count++] = s;
}

static void limit(struct climb *c, unsigned mask)
{
	static const struct {
		int step;
		bool wish_only; /* limits what the rules wish: nothing to do when none has data */
		void (*climb)(struct climb *c);
	} stairs[] = {
		{ 3, true, decide_activate }, { 4, true, decide_stabilize },
		{ 5, true, decide_ramp },     { 6, true, decide_cool },
		{ 7, true, decide_reach },    { 8, false, decide_bounds },
		{ 9, false, decide_mode },
	};

	for (size_t i = 0; i < sizeof(stairs) / sizeof(stairs[0]); i++)
		if (!(mask & 1u << stairs[i].step) && (c->wished || !stairs[i].wish_only))
			stairs[i].climb(c);
}

static void unreadable(struct climb *c)
{
	c->plan.why = REASON_UNREADABLE_GROUP;
	decide_climb_note(c, (struct stair){ .code = REASON_UNREADABLE_GROUP,
					     .rule = -1,
					     .arg = { c->group_why } });
}

struct plan decide_without(const struct policy *p, const struct facts *f, const struct memory *m,
			   struct instant now, unsigned mask)
{
	struct climb c;

	decide_climb_init(&c, p, f, m, now);
	if (!decide_trust(&c)) {
		unreadable(&c);
		return c.plan;
	}
	decide_trust_say(&c);
	decide_demand(&c);
	limit(&c, mask);
	c.plan.desired = c.n;
	if (mask)
		c.plan.may_write = false;
	c.plan.act = c.plan.may_write && c.n != c.desired ? PLAN_SET : PLAN_HOLD;
	return c.plan;
}

struct plan decide(const struct policy *p, const struct facts *f, const struct memory *m,
		   struct instant now)
{
	return decide_without(p, f, m, now, 0);
}

struct plan_without decide_without_each(const struct policy *p, const struct facts *f,
					const struct memory *m, struct instant now)
{
	struct plan_without w = { .known = true };

	for (int step = 3; step <= 8; step++)
		w.desired[step] = decide_without(p, f, m, now, 1u << step).desired;
	return w;
}
