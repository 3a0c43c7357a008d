/* How much is received, and when: never more than idle slots can start. */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/own.h"
#include "worker/inside.h"

/* Jobs that take less are worth waiting for, so that one receive brings several. */
#define QUICK_US 4000
#define HELD_MS 5
#define MEAN_OF 8

struct worker_receive { /* one under way */
	struct worker *w;
	struct tick asked;
	size_t max;
	struct worker_receive *next, **at;
};

static void receive_free(struct worker_receive *r)
{
	struct worker *w = r->w;

	w->receiving--;
	w->receiving_most -= r->max;
	*r->at = r->next;
	if (r->next)
		r->next->at = r->at;
	own_free(r);
}

/* To a command any message is a job. */
static bool is_job(struct claim *c, struct err *e)
{
	if (c->w->profile.processor == PROFILE_VIDEO)
		return job_read(c->message.body, c->message.body_len, &c->job, e) == 0;
	c->job = (struct job){ .created_at = INSTANT_NEVER, .state = JOB_RECEIVED };
	snprintf(c->job.task_id, sizeof(c->job.task_id), "%s", c->message.id);
	return true;
}

static void admit(struct claim *c)
{
	struct err e = { 0 };

	if (c->message.wrong) {
		c->job = (struct job){ .state = JOB_RECEIVED };
		worker_finish_parked(c, "receive", c->message.wrong, "");
	} else if (!is_job(c, &e)) {
		c->job = (struct job){ .state = JOB_RECEIVED };
		worker_finish_parked(c, "receive", e.text, "");
	} else if (c->w->phase != WORKER_RUNNING) {
		worker_finish_interrupted(c, "received while draining");
	} else if (!worker_life_may_receive(c->w)) {
		worker_finish_interrupted(c, "the instance is leaving service");
	}
}

bool worker_receive_gives_up(struct worker *w, const struct err *e)
{
	if (!w->o->until_empty ||
	    (e->kind != ERR_DENIED && w->receive_failures < WORKER_RECEIVE_DOUBLINGS / 2))
		return false;
	w->failure = *e;
	worker_supervise_drain(w);
	return true;
}

static void failed(struct worker *w, const struct err *e)
{
	int doublings = w->receive_failures < WORKER_RECEIVE_DOUBLINGS ? w->receive_failures
								       : WORKER_RECEIVE_DOUBLINGS;
	int64_t most = (int64_t)WORKER_RECEIVE_AGAIN_MS << doublings;
	int64_t ms = most / 2 + (int64_t)rng_below(&w->rng, (uint64_t)most / 2 + 1);

	if (e->retry_after_ms > ms)
		ms = e->retry_after_ms;
	w->receive_failures++;
	if (worker_receive_gives_up(w, e))
		return;
	LOG_WARN("receiving failed: trying again", LOG_I("in_ms", ms), LOG_E(e));
	loop_timer_start(w->receive_again, span_ms(ms));
}

static void received(struct broker_message *list, size_t n, const struct err *e, void *arg)
{
	struct worker_receive *r = arg;
	struct worker *w = r->w;
	struct tick asked = r->asked;

	w->plenty = n >= r->max;
	receive_free(r);
	if (e->kind != ERR_NONE) {
		failed(w, e);
	} else {
		w->receive_failures = 0;
		w->poll_good = clock_mono();
		w->empty = n == 0;
	}
	for (size_t i = 0; i < n; i++) {
		struct claim *c = worker_claim_new(w, &list[i], asked);

		w->jobs_begun++;
		admit(c);
	}
	worker_supervise_turn(w);
}

/* --- how much */

static size_t room(const struct worker *w)
{
	size_t taken = worker_claim_count(w, CLAIM_WAITING) + w->receiving_most;
	size_t idle = worker_crew_idle(w), max = idle > taken ? idle - taken : 0;
	int64_t left = w->o->jobs_max - w->jobs_begun - (int64_t)w->receiving_most;

	if (w->o->jobs_max > 0 && (int64_t)max > left)
		max = left > 0 ? (size_t)left : 0;
	return max;
}

static size_t most_of_one(const struct worker *w)
{
	return w->seat_count < BROKER_BATCH_MAX ? w->seat_count : BROKER_BATCH_MAX;
}

/* While there is plenty and jobs take no time, a moment fills a receive that would otherwise bring
 * one message: calls are what such a worker spends its time on, and what is paid for. */
static bool holds_back(struct worker *w, size_t max)
{
	struct tick now = clock_mono();

	if (!w->plenty || w->job_us >= QUICK_US || max >= most_of_one(w) ||
	    !worker_claim_count(w, CLAIM_WORKING)) {
		w->room_since = TICK_NEVER;
		return false;
	}
	if (w->room_since.ms == TICK_NEVER.ms)
		w->room_since = now;
	if (tick_since(now, w->room_since).ms >= HELD_MS) {
		w->room_since = TICK_NEVER;
		return false;
	}
	if (!loop_timer_active(w->receive_held))
		loop_timer_start(w->receive_held, span_ms(HELD_MS));
	return true;
}

bool worker_receive_room(struct worker *w)
{
	size_t max = room(w);

	if (max == 0 || !worker_event_room(w))
		return false;
	/* Beside one that is under way only full ones, and only while there is plenty. */
	if (w->receiving > 0)
		return w->traits.side_by_side && w->plenty && max >= BROKER_BATCH_MAX;
	return !holds_back(w, max);
}

void worker_receive(struct worker *w)
{
	struct span wait =
		worker_guard_wait(w, worker_lease_poll_wait(&w->rule, span_s(w->o->wait_s)));
	struct worker_receive *r = own_alloc(sizeof(*r));

	*r = (struct worker_receive){ .w = w,
				      .asked = clock_mono(),
				      .max = room(w),
				      .next = w->receives,
				      .at = &w->receives };
	if (r->max > BROKER_BATCH_MAX)
		r->max = BROKER_BATCH_MAX;
	if (r->next)
		r->next->at = &r->next;
	w->receives = r;
	if (w->o->until_empty || w->receiving > 0)
		wait = span_s(0);
	w->receiving++;
	w->receiving_most += r->max;
	w->room_since = TICK_NEVER;
	if (!w->receive_failures)
		w->poll_good = r->asked;
	broker_receive(w->broker, r->max, wait, w->rule.hold, received, r);
	if (worker_receive_room(w)) /* for more slots than one brings */
		worker_supervise_turn(w);
}

void worker_receive_took(struct worker *w, struct span job)
{
	w->job_us += (job.ms * 1000 - w->job_us) / MEAN_OF;
}

void worker_receive_stop(struct worker *w)
{
	while (w->receives)
		receive_free(w->receives);
}
