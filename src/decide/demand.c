/* Stair 2: each rule proposes a size; the largest wins. */
#include "decide/climb.h"

#define MILLI 1000

/* Whether jobs / (per_instance * supply) is within one +- tolerance, both ends included, as the
 * Kubernetes HPA has it. In whole numbers: a division would round differently with each compiler.
 */
static bool within_tolerance(int64_t jobs, int64_t per_instance_milli, int32_t supply,
			     int64_t tolerance_milli)
{
	unsigned __int128 have = (unsigned __int128)(uint64_t)jobs * MILLI * MILLI;
	unsigned __int128 one = (unsigned __int128)(uint64_t)per_instance_milli * (uint32_t)supply;
	int64_t tolerance = tolerance_milli < 0       ? 0
			    : tolerance_milli > MILLI ? MILLI
						      : tolerance_milli;

	return have >= one * (uint64_t)(MILLI - tolerance) &&
	       have <= one * (uint64_t)(MILLI + tolerance);
}

/* ceil(jobs / per_instance), capped. */
static int32_t instances_for(int64_t jobs, int64_t per_instance_milli)
{
	int64_t milli = jobs > INT64_MAX / MILLI ? INT64_MAX : jobs * MILLI;

	return capped(milli / per_instance_milli + (milli % per_instance_milli != 0));
}

/* The HPA's AverageValue: ceil(total / target), or the supply while the ratio is within the
 * tolerance. */
static struct proposal target_tracking(const struct climb *c, const struct policy_rule *r)
{
	int64_t jobs = c->jobs[r->metric], per = r->target_tracking.per_instance_milli;
	int64_t tolerance = c->p->behavior.tolerance_milli;

	if (per < 1)
		per = 1;
	if (c->supply > 0 && within_tolerance(jobs, per, c->supply, tolerance))
		return (struct proposal){ .wish = c->supply,
					  .stair = { .code = REASON_WITHIN_TOLERANCE,
						     .arg = { jobs, tolerance } } };
	return (struct proposal){ .wish = instances_for(jobs, per),
				  .stair = { .code = REASON_TARGET, .arg = { jobs, per } } };
}

static bool propose(const struct climb *c, size_t rule, struct proposal *ret)
{
	static struct proposal (*const kinds[])(const struct climb *c,
						const struct policy_rule *r) = {
		[POLICY_TARGET_TRACKING] = target_tracking,
	};
	const struct policy_rule *r = &c->p->rules[rule];

	if (c->trust[r->metric] != FACT_READABLE)
		return false;
	*ret = kinds[r->kind](c, r);
	ret->stair.rule = (int16_t)rule;
	ret->stair.to = ret->wish;
	return true;
}

bool decide_demand_wish(const struct climb *c, int32_t *ret_wish)
{
	bool any = false;

	*ret_wish = 0;
	for (size_t i = 0; i < c->p->rule_count; i++) {
		struct proposal one;

		if (!propose(c, i, &one))
			continue;
		any = true;
		if (one.wish > *ret_wish)
			*ret_wish = one.wish;
	}
	return any && !(c->blind && *ret_wish < c->desired);
}

/* The rules' own stairs stand beside each other, all from where the fleet is. Returns the winner,
 * -1 for none. */
static int ask_rules(struct climb *c, int32_t *ret_wish)
{
	int winner = -1;

	for (size_t i = 0; i < c->p->rule_count; i++) {
		struct proposal one;

		if (!propose(c, i, &one))
			continue;
		if (winner < 0 || one.wish > *ret_wish) {
			winner = (int)i;
			*ret_wish = one.wish;
		}
		c->n = c->desired;
		decide_climb_to(c, one.stair);
	}
	c->n = c->desired;
	return winner;
}

static void disagree(struct climb *c, int32_t wish)
{
	for (size_t i = 0; i < c->p->rule_count; i++)
		if (c->trust[c->p->rules[i].metric] != FACT_READABLE) {
			c->n = wish;
			decide_climb_to(c, (struct stair){ .code = REASON_DISAGREE,
							   .rule = (int16_t)i,
							   .to = c->desired,
							   .arg = { c->desired } });
			return;
		}
}

void decide_demand(struct climb *c)
{
	int32_t wish = c->desired;
	int winner = ask_rules(c, &wish);

	if (winner < 0) {
		decide_climb_to(
			c, (struct stair){ .code = REASON_NO_RULE, .rule = -1, .to = c->desired });
		return;
	}
	c->wished = true;
	if (c->p->rule_count > 1)
		decide_climb_to(c, (struct stair){ .code = REASON_WINNER,
						   .rule = (int16_t)winner,
						   .to = wish });
	c->n = wish;
	if (c->blind && wish < c->desired)
		disagree(c, wish);
}
