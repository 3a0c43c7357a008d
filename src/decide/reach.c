/* Stair 7: what the group can do at all. */
#include "decide/climb.h"

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
}
