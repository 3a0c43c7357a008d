/* Long polls: parked calls, woken by a send, the end of a delay or of a visibility timeout, or
 * their own end. */
#include "local/sqs.h"

#include "base/clock.h"
#include "base/log.h"

/* Messages become visible by the wall clock and timers run by the other one, so that no timer is
 * trusted longer. */
#define WAIT_REST_MS 5000

struct waiter {
	struct local_call *call;
	struct queue *queue;
	struct ask ask;
	struct tick deadline;
	struct waiter *next;
};

static void waiter_unlink(struct waiter *w)
{
	struct queue *q = w->queue;
	struct waiter **p = &q->waiters;

	while (*p != w)
		p = &(*p)->next;
	*p = w->next;
	if (q->waiters_end == &w->next)
		q->waiters_end = p;
	own_free(w);
}

static void waiter_gone(struct local_call *c)
{
	waiter_unlink(c->user);
	c->user = NULL;
}

void local_sqs_wait_park(struct local_call *c, struct queue *q, const struct ask *ask)
{
	struct waiter *w = own_alloc(sizeof(*w));

	*w = (struct waiter){ .call = c, .queue = q, .ask = *ask };
	w->deadline = tick_add(clock_mono(), span_s(ask->wait_s));
	*q->waiters_end = w;
	q->waiters_end = &w->next;
	c->user = w;
	c->gone = waiter_gone;
	local_sqs_wait_rearm(q);
}

/* Takes the call out of its waiter, which is gone afterwards. */
static struct local_call *waiter_take(struct waiter *w)
{
	struct local_call *c = w->call;

	c->user = NULL;
	c->gone = NULL;
	waiter_unlink(w);
	return c;
}

void local_sqs_wait_end(struct queue *q, const char *code)
{
	while (q->waiters) {
		struct local_call *c = waiter_take(q->waiters);

		if (code)
			local_fail(c, code, NULL);
		else
			local_done(c);
	}
}

/* ---- serving, inside a batch ---- */

static void serve_first(struct queue *q, bool *ret_more)
{
	struct waiter *w = q->waiters;
	struct ask ask = w->ask;
	struct err e;
	int n;

	err_clear(&e);
	n = local_sqs_receive_take(w->call, q, &ask, &e);
	*ret_more = n != 0;
	if (n < 0)
		local_fail_internal(waiter_take(w), &e);
	else if (n > 0) {
		local_sqs_meter_received(q, n);
		local_done(waiter_take(w));
	}
}

static void serve(struct queue *q)
{
	const struct tick now = clock_mono();
	bool more = true;
	struct waiter *w, *next;

	while (more && q->waiters)
		serve_first(q, &more);
	for (w = q->waiters; w; w = next) {
		next = w->next;
		if (w->deadline.ms > now.ms)
			continue;
		local_sqs_meter_received(q, 0);
		local_done(waiter_take(w));
	}
	local_sqs_wait_rearm(q);
}

static void serve_dirty(void *arg)
{
	struct local_sqs *s = arg;

	s->hooked = false;
	while (s->dirty) {
		struct queue *q = s->dirty;

		s->dirty = q->next_dirty;
		q->next_dirty = NULL;
		q->dirty = false;
		if (q->waiters)
			serve(q);
	}
}

void local_sqs_wait_dirty(struct queue *q)
{
	struct local_sqs *s = q->sqs;

	local_sqs_queue_touch(q);
	if (q->dirty || !q->waiters)
		return;
	q->dirty = true;
	q->next_dirty = s->dirty;
	s->dirty = q;
	if (!s->hooked)
		local_before_commit(s->local, serve_dirty, s);
	s->hooked = true;
}

/* ---- time ---- */

static void wait_due(void *arg)
{
	struct queue *q = arg;
	struct err e;

	if (!q->waiters)
		return;
	err_clear(&e);
	if (local_write(q->sqs->local, &e) == 0) {
		local_sqs_wait_dirty(q);
		return;
	}
	LOG_ERROR("waiting receives cannot be served", LOG_S("queue", q->name), LOG_E(&e));
	local_sqs_wait_end(q, "InternalFailure");
}

/* Until the next message of @p q is visible; WAIT_REST_MS when there is none so soon. */
static int64_t until_visible(struct queue *q)
{
	const int64_t now = local_wall(q->sqs->local).ms;
	AUTO(db_endp)
	struct db_row *r = db_query(q->sqs->local->db,
				    "SELECT visible FROM sqs_messages WHERE store=? AND visible>? "
				    "ORDER BY visible LIMIT 1",
				    DB_ARGS(DB_I(q->store), DB_I(now)), NULL);

	if (!r || db_step(r, NULL) != 1 || db_int(r, 0) - now > WAIT_REST_MS)
		return WAIT_REST_MS;
	return db_int(r, 0) - now;
}

void local_sqs_wait_rearm(struct queue *q)
{
	const struct tick now = clock_mono();
	int64_t after;

	if (!q->waiters)
		return;
	if (!q->timer)
		q->timer = loop_timer_new(q->sqs->local->loop, wait_due, q);
	after = local_real(q->sqs->local, span_ms(until_visible(q))).ms;
	for (const struct waiter *w = q->waiters; w; w = w->next)
		if (w->deadline.ms - now.ms < after)
			after = w->deadline.ms - now.ms;
	loop_timer_start(q->timer, span_ms(after));
}
