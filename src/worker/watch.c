/* That the worker lives and polls: told to the service manager, and acted on where it does not. */
#include "base/clock.h"
#include "base/log.h"
#include "base/notify.h"
#include "worker/inside.h"

#define PULSE_MOST_MS 10000
#define LOOKS 4 /* at the age of the last good poll, in the time that it may have */

/* A worker that is busy, yields or is told to wait need not poll; one that wants jobs has to. One
 * that has no slots yet waits for its queue's first answer. */
static bool wants_jobs(const struct worker *w)
{
	if (w->phase != WORKER_RUNNING)
		return false;
	if (!w->seats)
		return true;
	return worker_life_may_receive(w) && !w->guard.yielding && !worker_spot_avoids(w) &&
	       !loop_timer_active(w->ground.again) && worker_event_room(w) &&
	       (w->o->jobs_max == 0 || w->jobs_begun < w->o->jobs_max) &&
	       worker_crew_idle(w) > worker_claim_count(w, CLAIM_WAITING);
}

void worker_watch_turn(struct worker *w)
{
	if (!wants_jobs(w))
		w->wanting = TICK_NEVER;
	else if (w->wanting.ms == TICK_NEVER.ms)
		w->wanting = clock_mono();
}

bool worker_watch_starved(const struct worker *w, struct span slack)
{
	struct tick since = w->poll_good.ms > w->wanting.ms ? w->poll_good : w->wanting;

	return w->wanting.ms != TICK_NEVER.ms && wants_jobs(w) &&
	       tick_since(clock_mono(), since).ms > w->o->wait_s * 1000 + slack.ms;
}

static void tell(const struct worker *w)
{
	notify_alive();
	if (w->phase != WORKER_RUNNING)
		notify_status("draining: %zu jobs under way", worker_claim_count(w, CLAIM_WORKING));
	else
		notify_status("%zu of %lld slots busy, %lld stored, %lld parked, last good poll "
			      "%lld s ago",
			      worker_claim_count(w, CLAIM_WORKING), (long long)w->o->slots,
			      (long long)w->stored, (long long)w->parked,
			      (long long)tick_since(clock_mono(), w->poll_good).ms / 1000);
}

/* Whatever keeps it from its queue, a new start has new connections, names and keys. Its jobs are
 * not to suffer from it: they have all the time that they need. */
static void starved(struct worker *w)
{
	int64_t s = tick_since(clock_mono(), w->poll_good).ms / 1000;

	err_set(&w->failure, ERR_UNREACHABLE,
		"no poll was answered for %lld s: ending, to be started anew", (long long)s);
	LOG_ERROR("no poll is answered: no new job, and the end when the current ones have ended",
		  LOG_I("seconds", s), LOG_I("failures", w->receive_failures),
		  LOG_I("jobs", (int64_t)worker_claim_count(w, CLAIM_WORKING)));
	worker_supervise_drain(w);
}

static void pulse(void *arg)
{
	struct worker *w = arg;
	int64_t ms = PULSE_MOST_MS, asked_ms = notify_every().ms,
		look_ms = (w->o->starved.ms + LOOKS - 1) / LOOKS;

	tell(w);
	worker_watch_turn(w);
	if (w->o->starved.ms > 0 && worker_watch_starved(w, w->o->starved))
		starved(w);
	if (asked_ms > 0 && asked_ms < ms)
		ms = asked_ms;
	if (look_ms > 0 && look_ms < ms)
		ms = look_ms;
	loop_timer_start(w->pulse, span_ms(ms));
}

void worker_watch_start(struct worker *w)
{
	w->wanting = clock_mono();
	w->pulse = loop_timer_new(w->loop, pulse, w);
	loop_timer_unref(w->pulse);
	pulse(w);
}

void worker_watch_ready(struct worker *w)
{
	notify_ready();
	tell(w);
}

void worker_watch_stopping(struct worker *w)
{
	notify_stopping();
	tell(w);
}

void worker_watch_stop(struct worker *w)
{
	loop_timer_free(w->pulse);
}
