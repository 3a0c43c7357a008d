/* Stair 2: each rule proposes a size; the largest wins. */
#include "decide/wait.h"

static bool propose(const struct climb *c, size_t rule, struct proposal *ret)
{
	static struct proposal (*const kinds[])(const struct climb *c,
						const struct policy_rule *r) = {
		[POLICY_TARGET_TRACKING] = decide_track_propose,
		[POLICY_STEP_SCALING] = decide_step_propose,
		[POLICY_QUEUE_WAIT] = decide_wait,
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
		if (!decide_trust_rule(c, i)) {
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
