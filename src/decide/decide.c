#include "decide/decide.h"

#include <string.h>

#include "decide/climb.h"

void decide_climb_init(struct climb *c, const struct policy *p, const struct facts *f,
		       const struct memory *m, struct instant now)
{
	memset(c, 0, sizeof(*c));
	c->p = p;
	c->f = f;
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
