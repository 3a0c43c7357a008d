/* The gate of an endpoint, through which each attempt passes: its circuit breaker, the send rate
 * that throttles have left, and how many calls run at once. What waits goes by rank, the oldest
 * first; growing a fleet outranks all. */
#include <string.h>

#include "aws/lane_own.h"
#include "base/clock.h"

#define GATES_MAX 64 /* of one lane; further endpoints share the one of their service */
#define OPEN_MS 1000 /* the first pause of an open breaker; doubles */
#define OPEN_MAX_MS 16000

static bool same(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

static void pump(void *arg);

struct lane_gate *lane_gate_of(struct lane *l, const struct request *r)
{
	const char *origin = l->endpoint.url[r->service] ? NULL : r->origin;
	const char *region = l->endpoint.url[r->service] || origin ? NULL : r->region;
	struct lane_gate *g, **end = &l->gates;
	size_t n = 0;

	for (int again = 0; again < 2; again++) {
		for (end = &l->gates; (g = *end); end = &g->next, n++)
			if (g->service == r->service && same(g->origin, origin) &&
			    same(g->region, region))
				return g;
		if (n < GATES_MAX)
			break;
		origin = region = NULL;
	}
	g = *end = own_alloc(sizeof(*g));
	g->lane = l;
	g->service = r->service;
	g->origin = own_strdup(origin);
	g->region = own_strdup(region);
	g->timer = loop_timer_new(l->loop, pump, g);
	for (size_t i = 0; i < LANE_RANKS; i++)
		g->waiting[i].end = &g->waiting[i].first;
	return g;
}

void lane_gates_done(struct lane *l)
{
	struct lane_gate *g;

	while ((g = l->gates)) {
		l->gates = g->next;
		loop_timer_free(g->timer);
		own_free(g->origin);
		own_free(g->region);
		own_free(g);
	}
}

/* --- who waits */

static enum lane_rank rank_of(const struct request *r)
{
	return r->urgent ? LANE_RANK_URGENT : r->write ? LANE_RANK_WRITE : LANE_RANK_READ;
}

/* Long polls and transfers have connections of their own accord; calls share a few. */
static bool is_counted(const struct request *r)
{
	return r->wait.ms == 0 && r->body_fd < 0 && r->reply_fd < 0;
}

static void enqueue(struct lane_gate *g, struct aws_flight *f)
{
	struct lane_waiting *w = &g->waiting[rank_of(&f->call->request)];

	f->state = FLIGHT_QUEUED;
	f->queue_next = NULL;
	f->queue_at = w->end;
	*w->end = f;
	w->end = &f->queue_next;
	g->queued++;
}

static void dequeue(struct lane_gate *g, struct aws_flight *f)
{
	struct lane_waiting *w = &g->waiting[rank_of(&f->call->request)];

	*f->queue_at = f->queue_next;
	if (f->queue_next)
		f->queue_next->queue_at = f->queue_at;
	else
		w->end = f->queue_at;
	g->queued--;
}

static struct aws_flight *first(struct lane_gate *g)
{
	for (size_t i = 0; i < LANE_RANKS; i++)
		if (g->waiting[i].first)
			return g->waiting[i].first;
	return NULL;
}

static bool has_room(const struct lane_gate *g, const struct request *r)
{
	return !is_counted(r) || g->running < LANE_CALLS_MAX;
}

static void let_in(struct lane_gate *g, struct aws_flight *f)
{
	f->in_gate = true;
	g->running += is_counted(&f->call->request);
	g->calls++;
}

/* Lets in who may, from the loop: here a caller's function may be on the stack. */
static void pump(void *arg)
{
	struct lane_gate *g = arg;
	struct aws_flight *f;

	while ((f = first(g)) && has_room(g, &f->call->request)) {
		struct span wait = lane_rate_take(&g->rate, clock_mono());

		if (wait.ms > 0) {
			loop_timer_start(g->timer, wait);
			return;
		}
		dequeue(g, f);
		let_in(g, f);
		f->state = FLIGHT_LET_IN;
		loop_timer_start(f->timer, span_ms(0));
	}
}

/* --- the breaker */

enum lane_breaker lane_gate_breaker(const struct lane_gate *g, struct tick now)
{
	if (g->failures < LANE_FAILURES_MAX)
		return LANE_CLOSED;
	return g->probe || now.ms >= g->open_until.ms ? LANE_HALF_OPEN : LANE_OPEN;
}

static void tell(struct lane_gate *g, enum lane_change what)
{
	struct lane_state s;

	if (!g->lane->on_change)
		return;
	lane_gate_state(g, &s);
	g->lane->on_change(what, &s, g->lane->on_change_arg);
}

static void open_again(struct lane_gate *g, struct tick now)
{
	int64_t ms = OPEN_MS;
	struct aws_flight *f;

	for (int i = 0; i < g->opened && ms < OPEN_MAX_MS; i++)
		ms *= 2;
	/* Half of it at random, so that many controllers do not knock together. */
	ms = ms / 2 + (int64_t)rng_below(&g->lane->rng, (uint64_t)ms / 2 + 1);
	g->open_until = tick_add(now, span_ms(ms));
	while ((f = first(g))) { /* they ask the breaker again, and are told */
		dequeue(g, f);
		f->state = FLIGHT_START;
		loop_timer_start(f->timer, span_ms(0));
	}
	if (g->opened++ == 0)
		tell(g, LANE_BROKEN);
}

static void count_failure(struct lane_gate *g, struct aws_flight *f, struct tick now)
{
	g->failed++;
	if (g->failures < LANE_FAILURES_MAX && ++g->failures < LANE_FAILURES_MAX)
		return;
	/* Those sent before it opened tell nothing new. */
	if (g->opened == 0 || g->probe == f)
		open_again(g, now);
}

static void count_success(struct lane_gate *g)
{
	bool was_open = g->opened > 0;

	g->failures = g->opened = 0;
	if (was_open)
		tell(g, LANE_MENDED);
}

/* --- passing */

static int refuse(const struct lane_gate *g, struct tick now, struct err *e)
{
	int64_t left = tick_since(g->open_until, now).ms;

	if (g->probe)
		return err_set(e, ERR_UNREACHABLE,
			       "not called: the last %d calls failed, and one is on its way to see "
			       "whether it answers again",
			       g->failures);
	return err_set(e, ERR_UNREACHABLE,
		       "not called: the last %d calls failed -> it is asked again in %lld ms",
		       g->failures, (long long)left);
}

int lane_gate_enter(struct aws_flight *f, struct err *e)
{
	const struct request *r = &f->call->request;
	struct lane_gate *g = f->gate = lane_gate_of(f->lane, r);
	struct tick now = clock_mono();

	if (g->failures >= LANE_FAILURES_MAX) {
		if (lane_gate_breaker(g, now) == LANE_OPEN || g->probe)
			return refuse(g, now, e);
		g->probe = f;
	}
	if (!first(g) && has_room(g, r)) {
		struct span wait = lane_rate_take(&g->rate, now);

		if (wait.ms == 0) {
			let_in(g, f);
			return 1;
		}
		loop_timer_start(g->timer, wait);
	}
	enqueue(g, f);
	return 0;
}

void lane_gate_leave(struct aws_flight *f)
{
	struct lane_gate *g = f->gate;

	if (!g)
		return;
	if (f->state == FLIGHT_QUEUED)
		dequeue(g, f);
	if (f->in_gate)
		g->running -= is_counted(&f->call->request);
	f->in_gate = false;
	if (g->probe == f)
		g->probe = NULL;
	f->gate = NULL;
	if (g->queued > 0)
		pump(g);
}

void lane_gate_answered(struct aws_flight *f, enum lane_answer a)
{
	struct lane_gate *g = f->gate;
	struct tick now = clock_mono();
	bool was_on = g->rate.on;

	g->retries += f->attempts > 1;
	g->throttled += a == LANE_THROTTLED;
	if (f->lane->adaptive)
		lane_rate_answered(&g->rate, a == LANE_THROTTLED, now);
	if (a == LANE_FAILED)
		count_failure(g, f, now);
	else
		count_success(g);
	if (!was_on && g->rate.on)
		tell(g, LANE_SLOWED);
	lane_gate_leave(f);
}

int lane_gate_late(const struct aws_flight *f, struct err *e)
{
	const struct lane_gate *g = f->gate;

	if (g->rate.on && has_room(g, &f->call->request))
		return err_set(e, ERR_THROTTLED,
			       "not called: throttling has brought the send rate down to %.1f "
			       "calls a second, and its turn did not come in time",
			       g->rate.rate);
	return err_set(e, ERR_UNREACHABLE,
		       "not called: %d calls were on their way already, and its turn did not come "
		       "in time",
		       (int)g->running);
}

/* --- what there is to see */

void lane_gate_state(const struct lane_gate *g, struct lane_state *ret)
{
	struct tick now = clock_mono();
	int64_t left = tick_since(g->open_until, now).ms;

	*ret = (struct lane_state){ .service = g->service,
				    .region = g->region ? g->region : g->lane->endpoint.region,
				    .origin = g->origin ? g->origin : "",
				    .breaker = lane_gate_breaker(g, now),
				    .failures = g->failures,
				    .open_for = span_ms(g->opened && left > 0 ? left : 0),
				    .rate_milli = g->rate.on ? (int64_t)(g->rate.rate * 1000) : 0,
				    .queued = g->queued,
				    .running = g->running,
				    .calls = g->calls,
				    .retries = g->retries,
				    .throttled = g->throttled,
				    .failed = g->failed };
}

size_t lane_states(const struct lane *l, struct lane_state *ret, size_t most)
{
	size_t n = 0;

	for (const struct lane_gate *g = l->gates; g && n < most; g = g->next)
		lane_gate_state(g, &ret[n++]);
	return n;
}

const char *lane_breaker_word(enum lane_breaker b)
{
	static const char *const words[] = { "closed", "open", "half-open" };

	return words[b];
}
