#include "rehearse/turn.h"

#include "decide/decide.h"

struct plan rehearse_turn_think(const struct policy *p, const struct facts *f, struct instant now,
				struct memory *m)
{
	decide_learn(p, f, now, m);
	return decide(p, f, m, now);
}

struct plan rehearse_turn(const struct policy *p, const struct facts *f, struct instant now,
			  struct memory *m)
{
	struct outcome done = { .kind = OUTCOME_DONE, .at = now };
	struct plan plan = rehearse_turn_think(p, f, now, m);

	decide_presume(&plan, now, m);
	if (plan.act == PLAN_SET) {
		done.from = plan.current;
		done.to = plan.desired;
		decide_settle(p, &done, now, m);
	}
	return plan;
}
