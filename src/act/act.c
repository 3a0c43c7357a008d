#include "act/act.h"

#include "aws/autoscaling.h"
#include "base/clock.h"

enum outcome_kind act_outcome_kind(const struct err *e)
{
	switch (e->kind) {
	case ERR_NONE:
		return OUTCOME_DONE;
	case ERR_CONFLICT:
		return OUTCOME_CONFLICT;
	case ERR_POLICY:
	case ERR_DENIED:
	case ERR_THROTTLED:
	case ERR_NOT_FOUND:
		return OUTCOME_REFUSED;
	case ERR_UNREACHABLE:
	case ERR_PROTOCOL:
	case ERR_LOCAL:
		break;
	}
	return OUTCOME_UNKNOWN; /* it may have happened: the next turn reads the world as it then is
				 */
}

void act_write_done(struct act_write *w)
{
	if (!w)
		return;
	if (w->lane)
		lane_cancel(w->lane, &w->call);
	aws_call_done(&w->call);
}

static void settle(struct act_write *w, enum outcome_kind kind, struct instant at)
{
	w->outcome.kind = kind;
	w->outcome.at = at;
	w->fn(w, w->arg);
}

static void answered(struct aws_call *c, void *arg)
{
	struct act_write *w = arg;
	struct err *e = &w->outcome.err;

	err_clear(e);
	if (aws_autoscaling_none_read(&c->reply, e) < 0)
		err_ignore(err_wrap(e, "setting desired capacity of '%s' to %d",
				    w->policy->fleet.auto_scaling_group, w->outcome.to));
	settle(w, act_outcome_kind(e), clock_wall());
}

/* Why no call is made, or OUTCOME_DONE when one may be. */
static enum outcome_kind look(struct act_write *w, const struct permit *permit, struct tick now,
			      struct span deadline)
{
	const struct plan *p = w->plan;
	struct err *e = &w->outcome.err;

	if (p->act != PLAN_SET || !p->known)
		return OUTCOME_HELD;
	if (!p->may_write || w->policy->mode != POLICY_ENFORCE) {
		err_ignore(err_set(e, ERR_LOCAL, "the policy's mode does not write"));
		return OUTCOME_FORBIDDEN;
	}
	if (p->desired < 0 || p->desired < p->low || p->desired > p->high) {
		err_ignore(err_set(e, ERR_LOCAL, "%d is outside %d to %d -> not written",
				   p->desired, p->low, p->high));
		return OUTCOME_FORBIDDEN;
	}
	if (!act_permit_covers(permit, now, deadline)) {
		err_ignore(err_set(e, ERR_LOCAL, "no lease that outlives the call -> not written"));
		return OUTCOME_FORBIDDEN;
	}
	return OUTCOME_DONE;
}

static void begin(struct act_write *w, const struct permit *permit, struct now now,
		  struct span deadline)
{
	enum outcome_kind kind;

	w->outcome = (struct outcome){ .from = w->plan->current, .to = w->plan->desired };
	kind = look(w, permit, now.mono, deadline);
	if (kind != OUTCOME_DONE) {
		settle(w, kind, now.wall);
		return;
	}
	aws_autoscaling_set_desired_ask(&w->call.request, w->policy->fleet.auto_scaling_group,
					w->plan->desired);
	w->call.request.urgent = w->plan->desired > w->plan->current;
	lane_start(w->lane, &w->call, deadline, answered, w);
}

static bool grows(const struct plan *p)
{
	return p->act == PLAN_SET && p->desired > p->current;
}

void act_ask(struct act_write *const *writes, size_t n, const struct permit *permit, struct now now,
	     struct span deadline, act_done_fn *fn, void *arg)
{
	for (size_t i = 0; i < n; i++) {
		writes[i]->fn = fn;
		writes[i]->arg = arg;
	}
	for (size_t i = 0; i < n; i++) /* calls may be scarce: growing goes first */
		if (grows(writes[i]->plan))
			begin(writes[i], permit, now, deadline);
	for (size_t i = 0; i < n; i++)
		if (!grows(writes[i]->plan))
			begin(writes[i], permit, now, deadline);
}
