#include "decide/climb.h"

void decide_presume(const struct plan *plan, struct instant now, struct memory *m)
{
	if (plan->act != PLAN_SET || !plan->may_write || !plan->known)
		return;
	m->before.last_out = m->last_out;
	m->before.last_in = m->last_in;
	m->before.asked_at = m->asked_at;
	m->before.last_desired = m->last_desired;
	m->before.desired = plan->current;
	m->last_desired = plan->desired;
	m->asked_at = now;
	m->presumed = true;
	if (plan->desired > plan->current) {
		m->last_out = now;
		decide_window_moves_push(&m->out_moves, now, plan->desired - plan->current);
	} else {
		m->last_in = now;
		decide_window_moves_push(&m->in_moves, now, plan->current - plan->desired);
	}
}

static void take_back_move(struct moves *w, int32_t amount)
{
	if (w->count == 0)
		return;
	w->item[w->count - 1].amount -= amount;
	if (w->item[w->count - 1].amount <= 0)
		w->count--;
}

void decide_presume_undo(struct memory *m)
{
	int32_t change = m->last_desired - m->before.desired;

	if (!m->presumed)
		return;
	if (change > 0)
		take_back_move(&m->out_moves, change);
	else
		take_back_move(&m->in_moves, -change);
	m->last_out = m->before.last_out;
	m->last_in = m->before.last_in;
	m->asked_at = m->before.asked_at;
	m->last_desired = m->before.last_desired;
	m->presumed = false;
}
