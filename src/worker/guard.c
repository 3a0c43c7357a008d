/* Busy means protected; and a protected instance that the group has too many of yields. Few calls.
 */
#include <string.h>

#include "aws/autoscaling.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/own.h"
#include "worker/inside.h"
#include "worker/rank.h"

#define SET_S 5 /* a job waits for the first answer no longer than this */
#define READ_S 5
#define AGAIN_MS 3000
#define DENIED_AGAIN_MS 300000

static bool applies(const struct worker *w)
{
	return w->life.mode == LIFE_GROUP;
}

static bool busy(const struct worker *w)
{
	return w->claims != NULL;
}

static void poke(void *arg)
{
	struct worker *w = arg;

	if (busy(w) && w->guard.state != GUARD_ON)
		worker_guard_ready(w);
	worker_supervise_turn(w);
}

static void set(struct worker *w, bool protect);

static struct span again_after(struct worker *w, const struct err *e)
{
	int64_t ms = e->kind == ERR_DENIED ? DENIED_AGAIN_MS : AGAIN_MS;

	return span_ms(ms + (int64_t)(rng_unit(&w->rng) * (double)ms));
}

static void set_come(struct aws_call *c, void *arg)
{
	struct worker *w = arg;
	struct guard *g = &w->guard;
	bool protect = !g->clearing;
	struct err e = { 0 };

	g->setting = g->clearing = false;
	g->tried = true;
	if (aws_autoscaling_none_read(&c->reply, &e) == 0) {
		g->state = protect ? GUARD_ON : GUARD_OFF;
		LOG_INFO(protect ? "protected from scale-in" : "protection from scale-in cleared",
			 LOG_S("instance", w->life.id));
	} else {
		/* Throttled, contended, not in service yet: the work goes on, and so does trying.
		 */
		LOG_WARN(protect ? "the instance could not be protected"
				 : "the protection could not be cleared",
			 LOG_S("instance", w->life.id), LOG_E(&e));
		g->next_try = tick_add(clock_mono(), again_after(w, &e));
		if (!w->life.terminating)
			loop_timer_start(g->timer, tick_since(g->next_try, clock_mono()));
		if (e.kind == ERR_POLICY || e.kind == ERR_CONFLICT)
			worker_life_look(w); /* "not in service": it may be on its way out */
	}
	worker_supervise_turn(w);
}

static void set(struct worker *w, bool protect)
{
	struct guard *g = &w->guard;
	const char *const ids[] = { w->life.id };

	if (g->setting || clock_mono().ms < g->next_try.ms)
		return;
	g->setting = true;
	g->clearing = !protect;
	aws_call_done(&g->set);
	aws_autoscaling_protect_ask(&g->set.request, w->life.group, ids, 1, protect);
	lane_start(w->lane, &g->set, span_s(SET_S), set_come, w);
}

void worker_guard_start(struct worker *w, bool is_protected)
{
	struct guard *g = &w->guard;

	g->state = is_protected ? GUARD_ON : GUARD_OFF;
	g->idle_since = clock_mono();
	if (!g->timer)
		g->timer = loop_timer_new(w->loop, poke, w);
}

bool worker_guard_ready(struct worker *w)
{
	struct guard *g = &w->guard;

	if (!applies(w))
		return true;
	g->idle_since = TICK_NEVER;
	if (g->state == GUARD_ON && !g->clearing)
		return true;
	/* After a first answer, good or bad, jobs do not wait for the next one. */
	if (!g->setting) {
		bool first = clock_mono().ms >= g->next_try.ms;

		if (first)
			g->tried = false;
		set(w, true);
	}
	return g->tried;
}

/* --- yielding */

static void read_come(struct aws_call *c, void *arg)
{
	struct worker *w = arg;
	struct guard *g = &w->guard;
	AUTO(asg_groups_done) struct asg_groups groups = { 0 };
	const struct asg_group *group;
	struct err e = { 0 };
	struct rank r;

	g->looking = false;
	if (aws_autoscaling_groups_read(&c->reply, &groups, &e) < 0) {
		LOG_DEBUG("the group cannot be read: not yielding to it", LOG_E(&e));
	} else if ((group = asg_group_find(&groups, w->life.group))) {
		r = worker_rank(group, w->life.id);
		if (!g->yielding && r.yields) {
			g->yielding = true;
			g->yield_desired = r.desired;
			LOG_INFO(
				"yielding: the group has too many instances, and this one is to go",
				LOG_I("in_service", r.in_service), LOG_I("desired", r.desired),
				LOG_I("place", r.place), LOG_I("surplus", r.surplus));
		} else if (g->yielding && r.desired > g->yield_desired &&
			   r.desired >= r.in_service) {
			g->yielding = false;
			LOG_INFO("not yielding any more: more instances are wanted",
				 LOG_I("desired", r.desired));
		} else if (g->yielding && r.desired < g->yield_desired) {
			g->yield_desired = r.desired;
		}
	}
	worker_supervise_turn(w);
}

static void read_group(struct worker *w)
{
	struct guard *g = &w->guard;
	const char *const names[] = { w->life.group };
	int64_t every = w->o->yield.ms;

	g->looking = true;
	g->next_look = tick_add(clock_mono(),
				span_ms(every + (int64_t)(rng_unit(&w->rng) * (double)every / 3)));
	aws_call_done(&g->read);
	aws_autoscaling_groups_ask(&g->read.request, names, 1, NULL);
	lane_start(w->lane, &g->read, span_s(READ_S), read_come, w);
}

void worker_guard_job_ended(struct worker *w)
{
	if (applies(w) && !busy(w))
		w->guard.idle_since = clock_mono();
}

/* --- between jobs */

static bool idle_long_enough(const struct worker *w)
{
	const struct guard *g = &w->guard;

	if (busy(w) || w->receiving)
		return false;
	return g->yielding || worker_spot_avoids(w) ||
	       tick_since(clock_mono(), g->idle_since).ms >= w->o->idle.ms;
}

bool worker_guard_may_receive(struct worker *w)
{
	struct guard *g = &w->guard;
	struct tick now = clock_mono();
	bool due = now.ms >= g->next_look.ms;

	if (!applies(w))
		return !worker_spot_avoids(w);
	if (g->looking || g->clearing)
		return false;
	if (g->state == GUARD_ON && idle_long_enough(w)) {
		set(w, false);
		if (g->clearing)
			return false;
	}
	/* Before its next job a protected worker looks whether it is to yield; one that yields,
	 * whether it may stay after all. */
	if ((g->state == GUARD_ON || g->yielding) && due) {
		read_group(w);
		return false;
	}
	if (g->yielding)
		loop_timer_start(g->timer, tick_since(g->next_look, now));
	else if (worker_spot_avoids(w))
		loop_timer_start(g->timer, tick_since(w->life.avoid_until, now));
	return !g->yielding && !worker_spot_avoids(w);
}

struct span worker_guard_wait(const struct worker *w, struct span wait)
{
	const struct guard *g = &w->guard;
	struct span left;

	if (!applies(w) || g->state != GUARD_ON || busy(w) || clock_mono().ms < g->next_try.ms)
		return wait;
	left = span_ms(w->o->idle.ms - tick_since(clock_mono(), g->idle_since).ms);
	left = span_s((left.ms + 999) / 1000);
	if (left.ms < 1000)
		left = span_s(1);
	return left.ms < wait.ms ? left : wait;
}

void worker_guard_release(struct worker *w)
{
	if (applies(w) && w->guard.state == GUARD_ON && !w->guard.setting && !w->life.terminating)
		set(w, false);
}

bool worker_guard_released(const struct worker *w)
{
	const struct guard *g = &w->guard;

	return !applies(w) || !g->setting;
}

void worker_guard_stop(struct worker *w)
{
	struct guard *g = &w->guard;

	lane_cancel(w->lane, &g->set);
	lane_cancel(w->lane, &g->read);
	aws_call_done(&g->set);
	aws_call_done(&g->read);
	loop_timer_free(g->timer);
}
