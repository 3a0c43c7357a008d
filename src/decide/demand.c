/* Stair 2: each rule proposes a size; the largest wins. */
#include "decide/forecast.h"
#include "decide/wait.h"

static bool propose(const struct climb *c, size_t rule, struct proposal *ret)
{
	static struct proposal (*const kinds[])(const struct climb *c,
						const struct policy_rule *r) = {
		[POLICY_TARGET_TRACKING] = decide_track_propose,
		[POLICY_STEP_SCALING] = decide_step_propose,
		[POLICY_QUEUE_WAIT] = decide_wait,
		[POLICY_PREDICTIVE] = decide_forecast_propose,
	};
	const struct policy_rule *r = &c->p->rules[rule];

	if (c->trust[r->metric] != FACT_READABLE)
		return false;
	*ret = kinds[r->kind](c, r);
	ret->stair.rule = (int16_t)rule;
	ret->stair.to = ret->silent ? c->desired : ret->wish;
	return true;
}

/* What all rules come to. */
struct vote {
	int32_t wish;
	int winner;      /* -1: nobody has an opinion */
	bool only_ahead; /* only forecasts have one */
};

/* The rules' own stairs stand beside each other, all from where the fleet is. */
static struct vote ask_rules(const struct climb *c, struct climb *say)
{
	struct vote v = { .winner = -1, .only_ahead = true };

	for (size_t i = 0; i < c->p->rule_count; i++) {
		struct proposal one;

		if (!propose(c, i, &one))
			continue;
		if (say) {
			say->n = say->desired;
			decide_climb_to(say, one.stair);
		}
		if (one.silent)
			continue;
		v.only_ahead = v.only_ahead && one.forecast;
		if (v.winner < 0 || one.wish > v.wish) {
			v.winner = (int)i;
			v.wish = one.wish;
		}
	}
	if (say)
		say->n = say->desired;
	return v;
}

bool decide_demand_wish(const struct climb *c, int32_t *ret_wish)
{
	struct vote v = ask_rules(c, NULL);

	*ret_wish = v.winner < 0 ? 0 : v.wish;
	return v.winner >= 0 && !((c->blind || v.only_ahead) && v.wish < c->desired);
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
	struct vote v = ask_rules(c, c);

	if (v.winner < 0) {
		decide_climb_to(
			c, (struct stair){ .code = REASON_NO_RULE, .rule = -1, .to = c->desired });
		return;
	}
	c->wished = true;
	if (c->p->rule_count > 1)
		decide_climb_to(c, (struct stair){ .code = REASON_WINNER,
						   .rule = (int16_t)v.winner,
						   .to = v.wish });
	c->n = v.wish;
	if (c->blind && v.wish < c->desired)
		disagree(c, v.wish);
	else if (v.only_ahead && v.wish < c->desired)
		decide_climb_to(c, (struct stair){ .code = REASON_FORECAST_ALONE,
						   .rule = (int16_t)v.winner,
						   .to = c->desired });
}
