/* Stair 9: who may write. Nothing here changes the number but to hold it. */
#include "decide/climb.h"

void decide_mode(struct climb *c)
{
	bool moved = false;

	for (size_t i = 0; i < c->plan.stair_count; i++)
		moved = moved || c->plan.stairs[i].from != c->plan.stairs[i].to;
	switch (c->p->mode) {
	case POLICY_ENFORCE:
		c->plan.may_write = true;
		break;
	case POLICY_DRY_RUN:
		decide_climb_note(c, (struct stair){ .code = REASON_DRY_RUN, .rule = -1 });
		return;
	case POLICY_SHADOW:
		decide_climb_note(c, (struct stair){ .code = REASON_SHADOW, .rule = -1 });
		return;
	case POLICY_PAUSED:
		decide_climb_to(
			c, (struct stair){ .code = REASON_PAUSED, .rule = -1, .to = c->desired });
		c->plan.why = REASON_PAUSED;
		return;
	}
	if (!moved && c->wished) {
		decide_climb_note(c, (struct stair){ .code = REASON_KEEP, .rule = -1 });
		c->plan.why = REASON_KEEP;
	}
}

void decide_mode_unrecorded(struct plan *plan)
{
	struct stair s = {
		.code = REASON_UNRECORDED, .rule = -1, .from = plan->desired, .to = plan->current
	};

	if (plan->act != PLAN_SET || plan->desired >= plan->current)
		return;
	plan->act = PLAN_HOLD;
	plan->desired = plan->current;
	plan->why = REASON_UNRECORDED;
	if (plan->stair_count < PLAN_STAIRS_MAX)
		plan->stairs[plan->stair_count++] = s;
}
