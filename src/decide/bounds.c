/* Stair 8: nothing leaves the bounds of policy and group. */
#include "decide/climb.h"

/* Schedules that hold now: the highest min and the lowest max; where they cross, the max stands. */
static void schedules(struct climb *c)
{
	for (size_t i = 0; i < c->p->schedule_count; i++) {
		const struct policy_schedule *s = &c->p->schedules[i];
		struct instant since = calendar_last(&s->cron, s->zone, c->now, s->duration);

		if (instant_is_never(since) || elapsed_ms(c->now, since) >= s->duration.ms)
			continue;
		if (s->min_given && capped(s->min) > c->low) {
			c->low = capped(s->min);
			c->low_by = (int)i;
		}
		if (s->max_given && capped(s->max) < c->high) {
			c->high = capped(s->max);
			c->high_by = (int)i;
		}
	}
	if (c->low > c->high) {
		c->low = c->high;
		c->low_by = -1;
	}
}

/* Where policy and group leave nothing in common, the group's bounds stand: AWS refuses every other
 * number. */
void decide_bounds_find(struct climb *c)
{
	const struct policy_fleet *fleet = &c->p->fleet;
	int32_t group_low = capped(c->f->group.min), group_high = capped(c->f->group.max);

	c->low = fleet->min_given ? capped(fleet->min) : group_low;
	c->high = fleet->max_given ? capped(fleet->max) : group_high;
	c->low_by = c->high_by = -1;
	schedules(c);
	c->own_low = c->low;
	c->own_high = c->high;
	if (c->low < group_low) {
		c->low = group_low;
		c->low_by = -1;
	}
	if (c->high > group_high) {
		c->high = group_high;
		c->high_by = -1;
	}
	c->apart = c->low > c->high;
	if (c->apart) {
		c->low = group_low;
		c->high = group_high;
		c->low_by = c->high_by = -1;
	}
	c->plan.low = c->low;
	c->plan.high = c->high;
}

/* How long the rule that has been without data the longest has been so. */
static int64_t missing_ms(const struct climb *c)
{
	int64_t longest = 0;

	for (size_t i = 0; i < c->p->rule_count; i++) {
		struct instant since = c->m->missing_since[c->p->rules[i].metric];

		if (!instant_is_never(since) && elapsed_ms(c->now, since) > longest)
			longest = elapsed_ms(c->now, since);
	}
	return longest;
}

/* C2: on missing data the only way is up, and only to the declared floor. */
static void floor_for_missing(struct climb *c)
{
	const struct policy_missing *on = &c->p->on_missing;
	int64_t missing = missing_ms(c);
	int32_t floor = capped(on->floor);

	if (floor > c->high)
		floor = c->high;
	if (!on->floor_given || !c->blind || missing <= on->after.ms || floor <= c->n)
		return;
	decide_climb_to(c, (struct stair){ .code = REASON_FALLBACK,
					   .rule = -1,
					   .to = floor,
					   .arg = { missing, on->after.ms, floor } });
}

static struct stair low_stair(const struct climb *c)
{
	bool policy = c->p->fleet.min_given && c->low > capped(c->f->group.min);

	if (c->low_by >= 0)
		return (struct stair){ .code = REASON_MIN_SCHEDULE, .arg = { c->low_by, c->low } };
	return (struct stair){ .code = policy ? REASON_MIN_POLICY : REASON_MIN_GROUP,
			       .arg = { c->low } };
}

static struct stair high_stair(const struct climb *c)
{
	bool policy = c->p->fleet.max_given && c->high < capped(c->f->group.max);

	if (c->high_by >= 0)
		return (struct stair){ .code = REASON_MAX_SCHEDULE,
				       .arg = { c->high_by, c->high } };
	return (struct stair){ .code = policy ? REASON_MAX_POLICY : REASON_MAX_GROUP,
			       .arg = { c->high } };
}

void decide_bounds(struct climb *c)
{
	struct stair s;

	if (c->apart)
		decide_climb_note(c, (struct stair){ .code = REASON_BOUNDS_APART,
						     .rule = -1,
						     .arg = { c->own_low, c->own_high } });
	floor_for_missing(c);
	if (c->n >= c->low && c->n <= c->high)
		return;
	s = c->n < c->low ? low_stair(c) : high_stair(c);
	s.rule = -1;
	s.to = c->n < c->low ? c->low : c->high;
	decide_climb_to(c, s);
}
