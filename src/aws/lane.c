/* Calls of a lane: when they start, when they are repeated, how they end. */
#include "aws/lane.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "aws/lane_own.h"
#include "aws/reply_own.h"
#include "base/clock.h"
#include "wire/codes.h"

#define ATTEMPTS 3
#define BACKOFF_MAX_MS 20000
#define BACKOFF_MS 100 /* first ceiling; doubles */
#define BACKOFF_THROTTLED_MS 1000
#define COST 5
#define COST_TIMEOUT 10
#define SKEW_MS (4 * 60 * 1000) /* SigV4 allows 5 minutes to 15, by service */

static int attempts_of(const struct lane_options *o)
{
	const char *text = getenv("AWS_MAX_ATTEMPTS");
	long n = text ? strtol(text, NULL, 10) : 0;

	if (o->attempts > 0)
		return o->attempts;
	return n > 0 && n <= 20 ? (int)n : ATTEMPTS;
}

struct lane *lane_new(struct loop *l, const struct lane_options *o, struct err *e)
{
	static const struct lane_options none = { 0 };
	AUTO(profile_freep) struct profiles *p = profile_load(e);
	const char *bundle = getenv("AWS_CA_BUNDLE");
	struct lane *lane;
	struct endpoint ep;

	if (!o)
		o = &none;
	if (!p || endpoint_init(&ep,
				&(struct endpoint_options){ .region = o->region,
							    .profile = o->profile,
							    .endpoint = o->endpoint },
				p, e) < 0)
		return NULL;
	lane = own_alloc(sizeof(*lane));
	lane->endpoint = ep;
	lane->own_loop = !l;
	lane->loop = l ? l : loop_new();
	lane->http = http_new(lane->loop);
	lane->profile = own_strdup(o->profile);
	lane->given_endpoint = own_strdup(o->endpoint);
	lane->ca_file = own_strdup(o->ca_file ? o->ca_file : bundle && *bundle ? bundle : NULL);
	lane->attempts = attempts_of(o);
	lane->tokens = LANE_TOKENS_MAX;
	lane->chain = o->chain;
	lane->base = o->base;
	if (o->role)
		lane->role = (struct lane_role){ .arn = own_strdup(o->role->arn),
						 .session = own_strdup(o->role->session),
						 .external_id = own_strdup(o->role->external_id),
						 .seconds = o->role->seconds };
	lane->keys.expires = INSTANT_NEVER;
	rng_seed_os(&lane->rng);
	if (o->keys)
		lane_set_keys(lane, o->keys);
	return lane;
}

void lane_free(struct lane *l)
{
	if (!l)
		return;
	while (l->flights)
		lane_cancel(l, l->flights->call);
	lane_keys_done(l);
	http_free(l->http);
	endpoint_done(&l->endpoint);
	own_free(l->profile);
	own_free(l->ca_file);
	own_free(l->given_endpoint);
	if (l->own_loop)
		loop_free(l->loop);
	own_free(l);
}

const char *lane_region(const struct lane *l)
{
	return l->endpoint.region;
}

struct span lane_left(const struct aws_flight *f)
{
	return tick_since(f->deadline, clock_mono());
}

void lane_cancel(struct lane *l, struct aws_call *c)
{
	struct aws_flight *f = c->flight;

	if (!f)
		return;
	if (f->http)
		http_cancel(f->http);
	loop_timer_free(f->timer);
	if (f->prev)
		f->prev->next = f->next;
	else
		l->flights = f->next;
	if (f->next)
		f->next->prev = f->prev;
	c->flight = NULL;
	own_free(f);
}

void lane_end(struct aws_flight *f)
{
	struct aws_call *c = f->call;
	lane_done_fn *fn = f->fn;
	void *arg = f->arg;

	c->reply.attempts = f->attempts;
	lane_cancel(f->lane, c);
	fn(c, arg);
}

void lane_fail(struct aws_flight *f, const struct err *e)
{
	struct reply *r = &f->call->reply;

	r->err = *e;
	err_wrap(&r->err, "%s %s", service_info(r->service)->title, r->action);
	lane_end(f);
}

static void answered(struct http_reply *h, const struct err *e, void *arg);

static void clear_reply(struct aws_flight *f)
{
	const struct request *q = &f->call->request;
	struct reply *r = &f->call->reply;

	reply_done(r);
	r->service = q->service;
	r->action = q->action;
}

/* What an attempt wrote to the descriptor is taken back before the next. */
static int rewind_fd(const struct aws_flight *f, struct err *e)
{
	int fd = f->call->request.reply_fd;

	if (fd < 0 || f->attempts == 0 || f->fd_start < 0)
		return 0;
	if (lseek(fd, (off_t)f->fd_start, SEEK_SET) < 0 || ftruncate(fd, (off_t)f->fd_start) < 0)
		return err_errno(e, errno, "taking back what the last attempt wrote");
	return 0;
}

static int check_request(const struct request *r, struct err *e)
{
	if (r->service == SERVICE_IMDS)
		return err_set(e, ERR_LOCAL, "instance metadata is not called through a lane");
	if (buf_ok(&r->path, "path", e) < 0 || buf_ok(&r->query, "query", e) < 0)
		return -1;
	return buf_ok(&r->body, "request body", e);
}

void lane_go(struct aws_flight *f)
{
	struct err e = { 0 };

	if (f->no_keys) {
		e = f->call->reply.err;
		lane_fail(f, &e);
		return;
	}
	if (lane_left(f).ms <= 0) {
		err_set(&e, ERR_UNREACHABLE, "out of time after %d attempts", f->attempts);
		lane_fail(f, &e);
		return;
	}
	if (!f->call->request.anonymous && lane_keys_ready(f->lane) == LANE_KEYS_AWAITED) {
		f->waiting = true;
		loop_timer_start(f->timer, lane_left(f));
		return;
	}
	clear_reply(f);
	if (check_request(&f->call->request, &e) < 0 || rewind_fd(f, &e) < 0 ||
	    lane_send(f, answered, &e) < 0) {
		lane_fail(f, &e);
		return;
	}
	f->attempts++;
}

static void timer_fired(void *arg)
{
	struct aws_flight *f = arg;
	struct err e = { 0 };

	if (!f->waiting) {
		lane_go(f);
		return;
	}
	err_set(&e, ERR_DENIED, "no credentials came in time");
	lane_fail(f, &e);
}

void lane_start(struct lane *l, struct aws_call *c, struct span deadline, lane_done_fn *fn,
		void *arg)
{
	struct aws_flight *f = own_alloc(sizeof(*f));

	assert(!c->flight);
	f->lane = l;
	f->call = c;
	f->fn = fn;
	f->arg = arg;
	f->deadline = tick_add(clock_mono(), deadline);
	f->fd_start = c->request.reply_fd >= 0 ? lseek(c->request.reply_fd, 0, SEEK_CUR) : -1;
	f->timer = loop_timer_new(l->loop, timer_fired, f);
	f->next = l->flights;
	if (f->next)
		f->next->prev = f;
	l->flights = f;
	c->flight = f;
	clear_reply(f);
	loop_timer_start(f->timer, span_ms(0));
}

/* --- what an answer leads to */

static void take_headers(struct reply *r, const struct http_reply *h)
{
	static const char *const ids[] = { "x-amzn-requestid", "x-amz-request-id" };

	r->headers = own_array(h->header_count + 1, sizeof(*r->headers));
	for (size_t i = 0; i < h->header_count; i++)
		r->headers[r->header_count++] =
			(struct reply_header){ .name = own_strdup(h->headers[i].name),
					       .value = own_strdup(h->headers[i].value) };
	for (size_t i = 0; i < COUNT_OF(ids) && !r->request_id[0]; i++) {
		const char *id = reply_header(r, ids[i]);

		snprintf(r->request_id, sizeof(r->request_id), "%s", id ? id : "");
	}
}

static void take_reply(struct reply *r, struct http_reply *h)
{
	r->status = h->status;
	r->body = h->body;
	r->body_bytes = h->body_bytes;
	h->body = (struct buf){ 0 };
	take_headers(r, h);
}

/* No whole answer came. The remedy depends on whose host it is. */
static void transport_error(const struct aws_flight *f, const struct err *e)
{
	struct reply *r = &f->call->reply;
	bool given = f->lane->endpoint.url[r->service] || f->call->request.origin;
	bool nobody = e->kind == ERR_UNREACHABLE || (e->kind == ERR_PROTOCOL && e->status == 0);

	r->err = *e;
	if (nobody && given)
		err_set(&r->err, e->kind,
			"%.700s -> is the endpoint right and running (AWS_ENDPOINT_URL)?", e->text);
	else if (nobody)
		err_set(&r->err, e->kind, "%.700s -> is the network up, the region right?",
			e->text);
	r->err.status = e->status;
	err_wrap(&r->err, "%s %s", service_info(r->service)->title, r->action);
}

/* Mends our idea of the service's clock by its Date. True: signing again is worth it. */
static bool mend_skew(struct aws_flight *f, const struct code *c)
{
	const char *date = reply_header(&f->call->reply, "date");
	struct instant there;
	struct span offset;

	if (!c || !c->skew || f->skew_mended || !date || clock_parse_http(date, &there, NULL) < 0)
		return false;
	offset = instant_since(there, clock_wall());
	if (llabs(offset.ms - f->lane->offset.ms) <= SKEW_MS)
		return false;
	f->lane->offset = offset;
	f->skew_mended = true;
	return true;
}

static bool mend_keys(struct aws_flight *f, const struct code *c)
{
	if (!c || f->keys_mended || f->lane->keys_fixed ||
	    strncmp(c->name, "ExpiredToken", 12) != 0)
		return false;
	f->keys_mended = true;
	lane_keys_drop(f->lane);
	return true;
}

/* May this be sent again, and what does it cost? 0: no. */
static int retry_cost(const struct aws_flight *f, const struct code *c, bool transport, bool sent)
{
	const struct request *q = &f->call->request;
	const struct err *e = &f->call->reply.err;
	bool gateway = e->status == 500 || e->status == 502 || e->status == 503 || e->status == 504;

	if (transport)
		return e->kind != ERR_UNREACHABLE || (q->write && sent) ? 0 : COST_TIMEOUT;
	if (c)
		return c->transient && (c->unexecuted || !q->write) ? COST : 0;
	if (e->kind == ERR_THROTTLED)
		return COST;
	return gateway && !q->write ? COST : 0;
}

static struct span backoff(struct aws_flight *f)
{
	const struct err *e = &f->call->reply.err;
	int64_t ceiling = e->kind == ERR_THROTTLED ? BACKOFF_THROTTLED_MS : BACKOFF_MS;
	int64_t wait;

	for (int i = 1; i < f->attempts && ceiling < BACKOFF_MAX_MS; i++)
		ceiling *= 2;
	if (ceiling > BACKOFF_MAX_MS)
		ceiling = BACKOFF_MAX_MS;
	wait = (int64_t)rng_below(&f->lane->rng, (uint64_t)ceiling + 1);
	return span_ms(wait > e->retry_after_ms ? wait : e->retry_after_ms);
}

static void again_or_end(struct aws_flight *f, int cost)
{
	struct lane *l = f->lane;
	struct span wait = backoff(f);

	if (cost == 0 || f->attempts >= l->attempts ||
	    l->failures[f->call->request.service] >= LANE_FAILURES_MAX || l->tokens < cost ||
	    wait.ms >= lane_left(f).ms) {
		lane_end(f);
		return;
	}
	l->tokens -= cost;
	f->spent += cost;
	loop_timer_start(f->timer, wait);
}

/* No answer and 5xx count as failures; a refusal shows that the service lives. */
static void count_failure(struct aws_flight *f, bool transport)
{
	int *failures = &f->lane->failures[f->call->request.service];

	if (!transport && f->call->reply.status < 500)
		*failures = 0;
	else if (*failures < LANE_FAILURES_MAX)
		++*failures;
}

static void give_tokens(struct aws_flight *f)
{
	struct lane *l = f->lane;

	l->tokens += f->spent ? f->spent : 1;
	if (l->tokens > LANE_TOKENS_MAX)
		l->tokens = LANE_TOKENS_MAX;
}

static void answered(struct http_reply *h, const struct err *e, void *arg)
{
	struct aws_flight *f = arg;
	struct reply *r = &f->call->reply;
	const struct code *c = NULL;

	f->http = NULL;
	take_reply(r, h);
	count_failure(f, e != NULL);
	if (e)
		transport_error(f, e);
	else if (r->status >= 200 && r->status < 300)
		give_tokens(f);
	else
		err_ignore(reply_failure(r, &r->err));
	if (r->err.kind == ERR_NONE) {
		lane_end(f);
		return;
	}
	if (!e)
		c = code_find(r->service, r->err.code);
	if (!e && (mend_skew(f, c) || mend_keys(f, c))) {
		loop_timer_start(f->timer, span_ms(0));
		return;
	}
	again_or_end(f, retry_cost(f, c, e != NULL, h->sent));
}
