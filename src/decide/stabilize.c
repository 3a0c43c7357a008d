/* Stair 4: the HPA's stabilization windows. Growing waits for the lowest wish of its window,
 * shrinking for the highest; between the two the size stays. */
#include "decide/climb.h"

void decide_stabilize(struct climb *c)
{
	struct span out = c->p->behavior.scale_out.stabilization,
		    in = c->p->behavior.scale_in.stabilization;
	int32_t up = decide_window_least(&c->m->out_window, out, c->now, c->n);
	int32_t down = decide_window_most(&c->m->in_window, in, c->now, c->n);
	int32_t n = c->desired;

	if (n < up)
		n = up;
	if (n > down)
		n = down;
	if (n < c->n)
		decide_climb_to(c, (struct stair){ .code = REASON_STABILIZE_OUT,
						   .rule = -1,
						   .to = n,
						   .arg = { out.ms, up } });
	else if (n > c->n)
		decide_climb_to(c, (struct stair){ .code = REASON_STABILIZE_IN,
						   .rule = -1,
						   .to = n,
						   .arg = { in.ms, down } });
}
