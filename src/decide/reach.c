/* Stair 7: what the group can do at all. */
#include "decide/climb.h"

/* While its launches fail the group tries on by itself, and a larger number would launch nothing:
 * it would only fall on the fleet at once when launches work again. What was asked for stays. */
static void launches(struct climb *c)
{
	const struct capacity *g = &c->f->group;
	int64_t missing = c->desired - time_add_(g->in_service, g->pending);
	struct stair s = { .code = REASON_LAUNCH_FAILED,
			   .rule = -1,
			   .to = c->desired,
			   .arg = { g->launch_failures, g->launch_why, missing } };

	if (missing <= 0 || c->n < c->desired)
		return;
	if (g->launch_failures > 0 && c->n > c->desired)
		decide_climb_to(c, s);
	else if (g->launch_failures > 0)
		decide_climb_note(c, s);
	else if (g->launch_read != FACT_READABLE)
		decide_climb_note(c, (struct stair){ .code = REASON_LAUNCH_UNKNOWN,
						     .rule = -1,
						     .arg = { missing, g->launch_read } });
}

void decide_reach(struct climb *c)
{
	const struct capacity *g = &c->f->group;

	/* Raising desired to the supply launches nothing: it keeps instances that were about to go.
	 */
	if (g->launch_suspended && c->n > c->supply)
		decide_climb_to(c, (struct stair){ .code = REASON_LAUNCH_SUSPENDED,
						   .rule = -1,
						   .to = c->supply });
	else if (g->terminate_suspended && c->n < c->desired)
		decide_climb_to(c, (struct stair){ .code = REASON_TERMINATE_SUSPENDED,
						   .rule = -1,
						   .to = c->desired });
	launches(c);
	if (g->refreshing)
		decide_climb_note(c, (struct stair){ .code = REASON_REFRESH,
						     .rule = -1,
						     .arg = { g->refresh_left } });
}
