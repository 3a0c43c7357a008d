#include "rehearse/turn.h"

#include "decide/decide.h"

struct plan rehearse_turn(const struct policy *p, const struct facts *f, struct instant now,
			  struct memory *m)
{
	struct outcome done = { .kind = OUTCOME_DONE, .at = now };
	struct plan plan;

	decide_learn(p, f, now, m);
	plan = decide(p, f, m, now);
	decide_presume(&plan, now, m);
	if (plan.act == PLAN_SET) {
		done.from = plan.current;
		done.to = plan.desired;
		decide_settle(p, &done, now, m);
	}
	return plan;
}
