/* Stair 8: nothing leaves the bounds of policy and group. */
#include "decide/climb.h"

/* Where policy and group leave nothing in common, the group's bounds stand: AWS refuses every other
 * number. */
void decide_bounds_find(struct climb *c)
{
	const struct policy_fleet *fleet = &c->p->fleet;
	int32_t group_low = capped(c->f->group.min), group_high = capped(c->f->group.max);

	c->low =
		fleet->min_given && capped(fleet->min) > group_low ? capped(fleet->min) : group_low;
	c->high = fleet->max_given && capped(fleet->max) < group_high ? capped(fleet->max)
								      : group_high;
	if (c->low > c->high) {
		c->low = group_low;
		c->high = group_high;
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

void decide_bounds(struct climb *c)
{
	bool policy_low = c->p->fleet.min_given && c->low > capped(c->f->group.min);
	bool policy_high = c->p->fleet.max_given && c->high < capped(c->f->group.max);

	floor_for_missing(c);
	if (c->n < c->low)
		decide_climb_to(c, (struct stair){ .code = policy_low ? REASON_MIN_POLICY
								      : REASON_MIN_GROUP,
						   .rule = -1,
						   .to = c->low,
						   .arg = { c->low } });
	else if (c->n > c->high)
		decide_climb_to(c, (struct stair){ .code = policy_high ? REASON_MAX_POLICY
								       : REASON_MAX_GROUP,
						   .rule = -1,
						   .to = c->high,
						   .arg = { c->high } });
}
