/* Stair 6: pauses after a change, instances that warm up, writes that are not confirmed, moves by
 * others. */
#include "decide/climb.h"

static void hold(struct climb *c, struct stair s)
{
	s.rule = -1;
	s.to = c->desired;
	decide_climb_to(c, s);
}

static void cooldown(struct climb *c)
{
	int64_t out = elapsed_ms(c->now, c->m->last_out), in = elapsed_ms(c->now, c->m->last_in);
	int64_t out_for = c->p->behavior.scale_out.cooldown.ms,
		in_for = c->p->behavior.scale_in.cooldown.ms;

	if (c->n > c->desired && out < out_for)
		hold(c, (struct stair){ .code = REASON_COOL_OUT, .arg = { out_for - out } });
	else if (c->n < c->desired && in < in_for)
		hold(c, (struct stair){ .code = REASON_COOL_IN, .arg = { in_for - in } });
}

/* As EC2's policies: no scale-in while what was launched is warming up. Only for a warm-up that the
 * policy names, and no longer than twice that after the last launch, so that an instance that never
 * comes up cannot hold the fleet for ever. */
static void warming(struct climb *c)
{
	int64_t warm_up = c->p->fleet.warm_up.ms;
	int64_t coming =
		time_add_(c->f->group.pending, c->f->group.warming > 0 ? c->f->group.warming : 0);
	int64_t raised = elapsed_ms(c->now, c->m->last_out);

	if (c->m->foreign_to > c->m->foreign_from && elapsed_ms(c->now, c->m->foreign_at) < raised)
		raised = elapsed_ms(c->now, c->m->foreign_at);
	if (warm_up == POLICY_AUTO || warm_up <= 0 || coming == 0 ||
	    raised >= time_add_(warm_up, warm_up))
		return;
	hold(c, (struct stair){ .code = REASON_WARMING, .arg = { coming } });
}

/* A raise that timed out may yet happen: until the group says otherwise its size is what was asked
 * for. */
static void unconfirmed(struct climb *c)
{
	if (c->n < c->m->last_desired)
		decide_climb_to(c, (struct stair){ .code = REASON_PRESUMED,
						   .rule = -1,
						   .to = c->m->last_desired });
}

/* Two controllers that answer each other at once would flap for ever. */
static void foreign(struct climb *c)
{
	bool raised = c->m->foreign_to > c->m->foreign_from;

	if (c->m->foreign_at.ms == c->now.ms && (raised ? c->n < c->desired : c->n > c->desired))
		hold(c, (struct stair){ .code = REASON_FOREIGN_HELD });
}

void decide_cool(struct climb *c)
{
	cooldown(c);
	if (c->n < c->desired)
		warming(c);
	foreign(c);
	if (c->m->presumed && c->m->last_desired > c->desired)
		unconfirmed(c);
}
