/* One attempt: place, sign, send. */
#include "config.h"

#include <stdio.h>
#include <string.h>

#include "aws/lane_own.h"
#include "base/clock.h"
#include "base/crypto.h"
#include "wire/sigv4.h"

#define ATTEMPT_S 10
#define STALL_S 20
#define EXPECT_BYTES (1 << 20)

/* Content of the request, as its signature names it. */
static void payload_of(const struct request *r, char out[static 80])
{
	uint8_t sha[CRYPTO_SHA256_BYTES];

	if (r->payload[0]) {
		memcpy(out, r->payload, sizeof(r->payload));
	} else if (r->body_fd >= 0) {
		snprintf(out, 80, SIGV4_UNSIGNED);
	} else {
		crypto_sha256(buf_str(&r->body), r->body.len, sha);
		crypto_hex(sha, sizeof(sha), out);
	}
}

struct headers {
	struct http_header list[REQUEST_HEADERS_MAX + 6];
	size_t count;
};

static void add(struct headers *h, const char *name, const char *value)
{
	h->list[h->count++] = (struct http_header){ .name = name, .value = value };
}

static int sign(struct aws_flight *f, const struct endpoint_place *p, struct sigv4_signed *ret,
		struct err *e)
{
	const struct request *r = &f->call->request;
	const struct sigv4_keys keys = cred_keys(&f->lane->keys);
	struct sigv4_header list[REQUEST_HEADERS_MAX];
	char payload[80];
	struct sigv4_request s = { .method = r->method,
				   .host = buf_str(&p->host),
				   .path = buf_str(&p->path),
				   .query = buf_str(&r->query),
				   .headers = list,
				   .header_count = r->header_count,
				   .payload = payload,
				   .region = p->region,
				   .service = service_info(r->service)->signing,
				   .at = instant_add(clock_wall(), f->lane->offset) };

	payload_of(r, payload);
	for (size_t i = 0; i < r->header_count; i++)
		list[i] = (struct sigv4_header){ r->headers[i].name, r->headers[i].value };
	return sigv4_sign(&s, &keys, ret, e);
}

static void time_limits(const struct aws_flight *f, struct http_request *q)
{
	const struct request *r = &f->call->request;
	struct span left = lane_left(f);
	struct span usual = span_ms(r->wait.ms + ATTEMPT_S * 1000);
	bool stream = r->body_fd >= 0 || r->reply_fd >= 0;

	/* A transfer may take as long as it moves; a call has a usual time. */
	q->timeout = stream || usual.ms > left.ms ? left : usual;
	q->stall_timeout = stream ? span_s(STALL_S) : span_ms(0);
	q->ca_file = f->lane->ca_file;
}

static void add_signature(struct aws_flight *f, const struct sigv4_signed *s, struct headers *h)
{
	add(h, "X-Amz-Date", s->date);
	if (s->content_sha256[0])
		add(h, "X-Amz-Content-Sha256", s->content_sha256);
	if (s->token)
		add(h, "X-Amz-Security-Token", f->lane->keys.token);
	add(h, "Authorization", s->authorization);
}

int lane_send(struct aws_flight *f, http_done_fn *fn, struct err *e)
{
	const struct request *r = &f->call->request;
	AUTO(endpoint_place_done) struct endpoint_place p = { 0 };
	AUTO(buf_done) struct buf url = BUF(96 << 10);
	struct headers h = { 0 };
	struct sigv4_signed s = { 0 };
	struct http_request q = HTTP_REQUEST(.method = r->method);

	if (endpoint_place(&f->lane->endpoint, r, &p, e) < 0)
		return -1;
	if (!r->anonymous && sign(f, &p, &s, e) < 0)
		return -1;
	buf_adds(&url, buf_str(&p.url));
	if (r->query.len)
		buf_addf(&url, "?%s", buf_str(&r->query));
	if (buf_ok(&url, "URL", e) < 0)
		return -1;
	for (size_t i = 0; i < r->header_count; i++)
		add(&h, r->headers[i].name, r->headers[i].value);
	if (!r->anonymous)
		add_signature(f, &s, &h);
	add(&h, "User-Agent", PACKAGE_NAME "/" PACKAGE_VERSION);
	q.url = buf_str(&url);
	q.headers = h.list;
	q.header_count = h.count;
	if (r->body_fd >= 0) {
		q.body_fd = r->body_fd;
		q.body_offset = r->body_offset;
		q.body_size = r->body_size;
		q.body_there = r->body_there;
		q.body_arg = r->body_arg;
		q.body_piece = r->body_piece;
		q.expect_continue = r->body_size > EXPECT_BYTES;
	} else {
		q.body = buf_str(&r->body);
		q.body_len = r->body.len;
	}
	q.once = r->write;
	q.reply_fd = r->reply_fd;
	q.reply_cap = r->reply_cap;
	time_limits(f, &q);
	f->http = http_start(f->lane->http, &q, fn, f);
	own_wipe(&s, sizeof(s));
	return 0;
}
