/* Events to a webhook: a POST of JSON, signed over its time and body, acknowledged by 2xx. */
#include <inttypes.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/crypto.h"
#include "base/own.h"
#include "worker/event.h"

#define STAMP_MAX 32
#define REPLY_MAX 65536
#define RETRY_AFTER_MOST_S 300

static bool wanted(const struct worker_options *o)
{
	return o->event_url && *o->event_url;
}

char *worker_event_signature(const struct event_secret *secret, int64_t seconds, const char *body,
			     size_t len)
{
	AUTO(buf_done) struct buf text = BUF(EVENT_BYTES_MAX + STAMP_MAX);
	uint8_t sum[CRYPTO_SHA256_BYTES];
	char hex[2 * CRYPTO_SHA256_BYTES + 1];

	buf_addf(&text, "%" PRId64 ".", seconds);
	buf_add(&text, body, len);
	crypto_hmac_sha256(secret->text, secret->len, text.data, text.len, sum);
	return own_printf("t=%" PRId64 ",v1=%s", seconds, crypto_hex(sum, sizeof(sum), hex));
}

static void answered(struct http_reply *r, const struct err *e, void *arg)
{
	struct event_sink *s = arg;
	const char *after = http_reply_header(r, "retry-after");
	struct err mine = { 0 };

	s->http = NULL;
	if (e)
		mine = *e;
	if (r->status < 200 || r->status > 299) {
		long wait_s = after ? strtol(after, NULL, 10) : 0;

		if (r->status) /* else it is said already */
			err_set(&mine, ERR_UNREACHABLE, "the webhook answered %d", r->status);
		if (wait_s > 0)
			mine.retry_after_ms =
				1000 *
				(int)(wait_s < RETRY_AFTER_MOST_S ? wait_s : RETRY_AFTER_MOST_S);
	} else {
		err_clear(&mine); /* what comes of its body is nothing to us */
	}
	worker_event_answer(s, &mine);
}

static void start(struct event_sink *s)
{
	struct telling *t = s->t;
	struct worker *w = t->claim->w;
	int64_t seconds = clock_wall().ms / 1000; /* of this try: a receiver may refuse old ones */
	AUTO(own_freep)
	char *signature = w->events ? worker_event_signature(w->events, seconds, buf_str(&t->body),
							     t->body.len)
				    : NULL;
	struct http_header headers[5] = { { "Content-Type", "application/json" },
					  { "User-Agent", "windlass-worker" },
					  { "X-Windlass-Event", t->event },
					  { "X-Windlass-Event-Id", t->id } };
	size_t n = 4;
	struct http_request q;

	if (signature)
		headers[n++] = (struct http_header){ "X-Windlass-Signature", signature };
	q = HTTP_REQUEST(.method = "POST", .url = w->o->event_url, .headers = headers,
			 .header_count = n, .body = t->body.data, .body_len = t->body.len,
			 .timeout = span_s(EVENT_ANSWER_S));
	q.reply_cap = REPLY_MAX;
	s->http = http_start(w->http, &q, answered, s);
}

static void stop(struct event_sink *s)
{
	if (s->http)
		http_cancel(TAKE(s->http));
}

const struct event_kind worker_event_hook = {
	.word = "webhook", .wanted = wanted, .start = start, .stop = stop
};
