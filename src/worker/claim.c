#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/own.h"
#include "worker/inside.h"

/* Renewals that are due within so much of the hold go along with one that is due now. */
#define TOGETHER_PART 12

struct renewal { /* one batch under way */
	struct worker *w;
	struct claim *claims[BROKER_BATCH_MAX]; /* none is freed while it is asked for */
	size_t n;
};

static void lease_over(void *arg)
{
	struct claim *c = arg;

	if (c->state == CLAIM_ENDING)
		worker_finish_step(c);
	else if (worker_lease_live(&c->lease, clock_mono())) /* renewed meanwhile */
		loop_timer_start(c->deadman, worker_lease_left(&c->lease, clock_mono()));
	else
		worker_crew_kill(c, CLAIM_LOST);
}

struct claim *worker_claim_new(struct worker *w, struct broker_message *take, struct tick asked)
{
	struct claim *c = own_alloc(sizeof(*c)), **end = &w->claims;

	c->w = w;
	c->message = *take;
	*take = (struct broker_message){ .sent = INSTANT_NEVER };
	c->lease = worker_lease_take(&w->rule, asked, rng_unit(&w->rng));
	c->started = c->transcoding = TICK_NEVER;
	c->deadman = loop_timer_new(w->loop, lease_over, c);
	loop_timer_start(c->deadman, worker_lease_left(&c->lease, clock_mono()));
	while (*end) /* oldest first: they start first */
		end = &(*end)->next;
	*end = c;
	worker_claim_renewals(w);
	return c;
}

void worker_claim_free(struct claim *c)
{
	struct claim **at = &c->w->claims;

	while (*at != c)
		at = &(*at)->next;
	*at = c->next;
	worker_event_drop(c);
	worker_record_leave(c);
	loop_timer_free(c->deadman);
	broker_message_done(&c->message);
	own_free(c->finish.note);
	own_free(c->finish.why);
	own_free(c->finish.result);
	json_free(c->finish.outputs);
	own_free(c);
}

size_t worker_claim_count(const struct worker *w, enum claim_state state)
{
	size_t n = 0;

	for (const struct claim *c = w->claims; c; c = c->next)
		n += c->state == state;
	return n;
}

struct span worker_claim_estimate(const struct claim *c, struct tick now)
{
	int64_t spent;

	if (c->transcoding.ms == TICK_NEVER.ms || c->permille <= 0)
		return span_ms(-1);
	spent = tick_since(now, c->transcoding).ms;
	return span_ms(spent * (1000 - c->permille) / c->permille);
}

bool worker_claim_retired(struct claim *c)
{
	worker_lease_retire(&c->lease);
	return !c->lease.asking;
}

/* --- renewals: all that are due, in batches */

static void lost(struct claim *c, const struct err *e)
{
	LOG_WARN("the claim on a message is lost: its job stops and stores nothing",
		 LOG_S("video", c->job.video_id), LOG_S("message", c->message.id), LOG_E(e));
	worker_crew_kill(c, CLAIM_LOST);
}

static void renewed(const enum broker_held *held, size_t n, const struct err *e, void *arg)
{
	struct renewal *r = arg;
	struct worker *w = r->w;
	struct tick now = clock_mono();

	if (e->kind != ERR_NONE)
		LOG_WARN("renewing claims failed: it is tried again while they last", LOG_E(e));
	for (size_t i = 0; i < n; i++) {
		struct claim *c = r->claims[i];

		w->meter.renewals[held[i]]++;
		worker_lease_answer(&w->rule, &c->lease, held[i], now, rng_unit(&w->rng));
		if (c->state == CLAIM_ENDING) {
			worker_finish_step(c); /* it waited for this answer */
		} else if (held[i] == BROKER_LOST) {
			lost(c, e);
		} else if (held[i] == BROKER_HELD) {
			loop_timer_start(c->deadman, worker_lease_left(&c->lease, now));
			worker_crew_lease(c);
		}
	}
	own_free(r);
	worker_crew_keys(w);
	worker_crew_watch(w);
	worker_claim_renewals(w);
}

static void send_batch(struct worker *w, struct renewal *r, const struct span *holds,
		       struct tick now)
{
	const char *handles[BROKER_BATCH_MAX];
	struct span deadline = span_ms(INT64_MAX);

	for (size_t i = 0; i < r->n; i++) {
		struct span left = worker_lease_left(&r->claims[i]->lease, now);

		handles[i] = r->claims[i]->message.handle;
		if (left.ms < deadline.ms)
			deadline = left;
	}
	/* Leave time for another try. */
	if (deadline.ms > w->rule.hold.ms / 4)
		deadline = span_ms(w->rule.hold.ms / 4);
	broker_extend(w->broker, handles, holds, r->n, deadline, renewed, r);
}

static void renew(void *arg)
{
	struct worker *w = arg;
	struct tick now = clock_mono();
	struct tick horizon = tick_add(now, span_ms(w->rule.hold.ms / TOGETHER_PART));
	struct renewal *r = NULL;
	struct span holds[BROKER_BATCH_MAX];

	for (struct claim *c = w->claims; c; c = c->next) {
		struct span hold;

		if (c->lease.asking || c->lease.renew.ms > horizon.ms)
			continue;
		hold = worker_lease_next_hold(&w->rule, &c->lease, now);
		if (hold.ms == 0 || !worker_lease_live(&c->lease, now)) {
			c->lease.renew = TICK_NEVER; /* the deadman ends it */
			continue;
		}
		if (!r)
			r = own_alloc(sizeof(*r));
		r->w = w;
		holds[r->n] = hold;
		r->claims[r->n++] = c;
		worker_lease_ask(&c->lease, now, hold);
		if (r->n == BROKER_BATCH_MAX) {
			send_batch(w, r, holds, now);
			r = NULL;
		}
	}
	if (r)
		send_batch(w, r, holds, now);
	worker_claim_renewals(w);
}

void worker_claim_renewals(struct worker *w)
{
	struct tick next = TICK_NEVER;

	for (const struct claim *c = w->claims; c; c = c->next)
		if (!c->lease.asking && c->lease.renew.ms < next.ms)
			next = c->lease.renew;
	if (next.ms == TICK_NEVER.ms)
		loop_timer_stop(w->renewals);
	else
		loop_timer_start(w->renewals, tick_since(next, clock_mono()));
}

void worker_claim_start(struct worker *w)
{
	w->renewals = loop_timer_new(w->loop, renew, w);
}

void worker_claim_stop_all(struct worker *w)
{
	while (w->claims)
		worker_claim_free(w->claims);
	loop_timer_free(w->renewals);
}
