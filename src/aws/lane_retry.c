/* What an answer leads to: the end, or another attempt. The rules are those of the SDKs' standard
 * mode ("Retry behavior" of the AWS SDKs and Tools Reference Guide; botocore's retries/standard.py
 * and quota.py), except that a write is repeated only where it provably was not executed. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "aws/lane_own.h"
#include "aws/reply_own.h"
#include "base/clock.h"
#include "wire/codes.h"

#define BACKOFF_MAX_MS 20000
#define BACKOFF_MS 50 /* first ceiling; doubles */
#define BACKOFF_THROTTLED_MS 1000
#define COST 5
#define COST_TIMEOUT 10
#define SKEW_MS (4 * 60 * 1000) /* SigV4 allows 5 minutes to 15, by service */

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

struct how {            /* an attempt ended */
	bool no_answer; /* or none that was whole */
	bool sent, timed_out;
};

/* May this be sent again, and what does it cost? 0: no. */
static int retry_cost(const struct aws_flight *f, const struct code *c, const struct how *h)
{
	const struct request *q = &f->call->request;
	const struct err *e = &f->call->reply.err;
	bool gateway = e->status == 500 || e->status == 502 || e->status == 503 || e->status == 504;

	if (h->no_answer && e->kind != ERR_UNREACHABLE)
		return 0;
	if (h->no_answer)
		return q->write && h->sent ? 0 : h->timed_out ? COST_TIMEOUT : COST;
	if (c)
		return c->transient && (c->unexecuted || !q->write) ? COST : 0;
	if (e->kind == ERR_THROTTLED)
		return COST;
	return gateway && !q->write ? COST : 0;
}

/* Full jitter below a ceiling that doubles, and no sooner than the service asks for. */
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

	/* A breaker that opened meanwhile lets nobody in. */
	if (cost == 0 || f->attempts >= l->attempts || l->tokens < cost ||
	    wait.ms >= lane_left(f).ms ||
	    lane_gate_of(l, &f->call->request)->failures >= LANE_FAILURES_MAX) {
		lane_end(f);
		return;
	}
	l->tokens -= cost;
	f->spent = cost;
	loop_timer_start(f->timer, wait);
}

/* No answer and 5xx are failures; a refusal, or a throttle, shows that the service lives. What
 * could not be sent as it was says nothing about anybody else. */
static enum lane_answer kind_of(const struct reply *r, bool no_answer)
{
	if (r->err.kind == ERR_THROTTLED)
		return LANE_THROTTLED;
	if (no_answer)
		return r->err.kind == ERR_UNREACHABLE || r->err.kind == ERR_PROTOCOL
			       ? LANE_FAILED
			       : LANE_ANSWERED;
	return r->status >= 500 ? LANE_FAILED : LANE_ANSWERED;
}

static void give_tokens(struct aws_flight *f)
{
	struct lane *l = f->lane;

	l->tokens += f->spent ? f->spent : 1;
	if (l->tokens > LANE_TOKENS_MAX)
		l->tokens = LANE_TOKENS_MAX;
}

void lane_answered(struct http_reply *h, const struct err *e, void *arg)
{
	struct aws_flight *f = arg;
	struct reply *r = &f->call->reply;
	const struct how how = { e != NULL, h->sent, h->timed_out };
	const struct code *c = NULL;

	f->http = NULL;
	f->state = FLIGHT_START;
	take_reply(r, h);
	r->sent = h->sent;
	if (e)
		transport_error(f, e);
	else if (r->status >= 200 && r->status < 300)
		give_tokens(f);
	else
		err_ignore(reply_failure(r, &r->err));
	lane_gate_answered(f, kind_of(r, e != NULL));
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
	again_or_end(f, retry_cost(f, c, &how));
}
