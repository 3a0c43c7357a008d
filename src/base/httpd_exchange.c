/* One request and its answer.
 *
 * libmicrohttpd calls httpd_exchange_turn() once when the headers are there, again for each
 * piece of the body, and again when all is there or a suspended connection is resumed. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/httpd_own.h"

const char *httpd_method(const struct httpd_exchange *x)
{
	return x->method;
}

const char *httpd_target(const struct httpd_exchange *x)
{
	return x->target;
}

const char *httpd_header(const struct httpd_exchange *x, const char *name)
{
	return MHD_lookup_connection_value(x->mhd, MHD_HEADER_KIND, name);
}

static enum MHD_Result count_header(void *arg, enum MHD_ValueKind kind, const char *name,
				    const char *value)
{
	struct httpd_exchange *x = arg;

	(void)kind;
	x->headers[x->header_count++] = (struct httpd_header){ name, value ? value : "" };
	return MHD_YES;
}

bool httpd_next_header(const struct httpd_exchange *x, size_t *it, const char **name,
		       const char **value)
{
	if (*it >= x->header_count)
		return false;
	*name = x->headers[*it].name;
	*value = x->headers[*it].value;
	++*it;
	return true;
}

static void list_headers(struct httpd_exchange *x)
{
	int n = MHD_get_connection_values(x->mhd, MHD_HEADER_KIND, NULL, NULL);

	x->headers = own_array(n > 0 ? (size_t)n : 1, sizeof(*x->headers));
	MHD_get_connection_values(x->mhd, MHD_HEADER_KIND, count_header, x);
}

const char *httpd_body(const struct httpd_exchange *x, size_t *ret_len)
{
	*ret_len = x->body.len;
	return buf_str(&x->body);
}

int64_t httpd_body_bytes(const struct httpd_exchange *x)
{
	return x->body_bytes;
}

const char *httpd_peer(const struct httpd_exchange *x)
{
	return x->peer;
}

void *httpd_user(const struct httpd_exchange *x)
{
	return x->user;
}

void httpd_set_user(struct httpd_exchange *x, void *user)
{
	x->user = user;
}

void httpd_body_cap(struct httpd_exchange *x, size_t cap)
{
	x->body.cap = cap;
	x->body_cap = (int64_t)cap;
}

void httpd_body_to_fn(struct httpd_exchange *x, httpd_body_fn *fn, void *arg, int64_t cap)
{
	x->body_fn = fn;
	x->body_arg = arg;
	x->body_cap = cap;
}

void httpd_body_more(struct httpd_exchange *x)
{
	if (x->stage == HTTPD_BODY)
		httpd_exchange_resume(x);
}

int64_t httpd_body_declared(const struct httpd_exchange *x)
{
	const char *length = httpd_header(x, "Content-Length");

	return length ? strtoll(length, NULL, 10) : -1;
}

static void set_peer(struct httpd_exchange *x)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(x->mhd, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
	const struct sockaddr *a = info ? info->client_addr : NULL;

	if (a && a->sa_family == AF_INET)
		inet_ntop(AF_INET, &((const struct sockaddr_in *)a)->sin_addr, x->peer,
			  sizeof(x->peer));
	else if (a && a->sa_family == AF_INET6)
		inet_ntop(AF_INET6, &((const struct sockaddr_in6 *)a)->sin6_addr, x->peer,
			  sizeof(x->peer));
}

void *httpd_exchange_new(void *server, const char *target, struct MHD_Connection *mhd)
{
	struct httpd_exchange *x = own_alloc(sizeof(*x));
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT);

	x->server = server;
	x->mhd = mhd;
	x->conn = info->socket_context;
	x->conn->exchange = x;
	x->target = own_strdup(target);
	httpd_body_cap(x, x->server->limits.body_cap);
	set_peer(x);
	return x;
}

/* The handler hears once that nothing will come of it. */
static void forget(struct httpd_exchange *x)
{
	const struct httpd_handler *h = &x->server->handler;

	if (x->known && h->on_gone)
		h->on_gone(x, h->arg);
	x->known = false;
	httpd_stream_leave(x);
}

static void peer_left(int events, void *arg)
{
	struct httpd_exchange *x = arg;

	if (!(events & LOOP_HANGUP))
		return;
	httpd_exchange_give_up(x);
	forget(x);
}

/* Nothing more is read from it until it goes on; its end is seen all the same. */
void httpd_exchange_suspend(struct httpd_exchange *x)
{
	MHD_suspend_connection(x->mhd);
	x->suspended = true;
	x->watch = loop_fd_new(x->server->loop, x->conn->fd, peer_left, x);
	loop_fd_watch(x->watch, LOOP_HANGUP);
}

void httpd_exchange_resume(struct httpd_exchange *x)
{
	if (!x->suspended)
		return;
	loop_fd_free(TAKE(x->watch));
	x->suspended = false;
	MHD_resume_connection(x->mhd);
	httpd_wake(x->server);
}

void httpd_exchange_done(void *server, struct MHD_Connection *mhd, void **exchange,
			 enum MHD_RequestTerminationCode why)
{
	struct httpd_exchange *x = *exchange;

	(void)server;
	(void)mhd;
	(void)why;
	if (!x)
		return;
	*exchange = NULL;
	forget(x);
	loop_fd_free(x->watch);
	x->conn->exchange = NULL;
	x->conn->since = clock_mono();
	if (x->response)
		MHD_destroy_response(x->response);
	buf_done(&x->body);
	buf_done(&x->out);
	own_free(x->headers);
	own_free(x->target);
	own_free(x);
}

static enum MHD_Result send_answer(struct httpd_exchange *x)
{
	struct MHD_Response *r = TAKE(x->response);
	enum MHD_Result rc = MHD_queue_response(x->mhd, (unsigned int)x->status, r);

	MHD_destroy_response(r); /* the connection holds its own reference */
	return rc;
}

void httpd_exchange_answer(struct httpd_exchange *x, int status, struct MHD_Response *r)
{
	if (!r || x->status || x->gone) { /* a second answer is not sent */
		if (r)
			MHD_destroy_response(r);
		return;
	}
	x->known = x->open;
	x->status = status;
	x->response = r;
	httpd_stream_leave(x);
	httpd_exchange_resume(
		x); /* where it is not suspended, its turn or the end of the body sends it */
}

void httpd_exchange_give_up(struct httpd_exchange *x)
{
	x->gone = true;
	httpd_exchange_resume(x);
}

void httpd_exchange_add_headers(struct MHD_Response *r, const struct httpd_header *headers,
				size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (strcasecmp(headers[i].name, "Content-Length") != 0)
			MHD_add_response_header(r, headers[i].name, headers[i].value);
	}
}

static ssize_t no_body(void *arg, uint64_t at, char *out, size_t size)
{
	(void)arg;
	(void)at;
	(void)out;
	(void)size;
	return MHD_CONTENT_READER_END_WITH_ERROR;
}

struct MHD_Response *httpd_exchange_head(const struct httpd_header *headers, size_t n, int64_t len)
{
	for (size_t i = 0; i < n; i++) {
		if (strcasecmp(headers[i].name, "Content-Length") == 0)
			len = strtoll(headers[i].value, NULL, 10);
	}
	return MHD_create_response_from_callback(len > 0 ? (uint64_t)len : 0, 4096, no_body, NULL,
						 NULL);
}

void httpd_answer(struct httpd_exchange *x, int status, const struct httpd_header *headers,
		  size_t n, const void *body, size_t len)
{
	struct MHD_Response *r;

	if (httpd_early_answer(x, status, headers, n, body, len))
		return;
	if (x->method && strcmp(x->method, "HEAD") == 0)
		r = httpd_exchange_head(headers, n, (int64_t)len);
	else /* it is copied, not written to */
		r = MHD_create_response_from_buffer(len, (void *)body, MHD_RESPMEM_MUST_COPY);
	if (r)
		httpd_exchange_add_headers(r, headers, n);
	httpd_exchange_answer(x, status, r);
}

/* An answer of our own, to a request that the handler will not see whole. */
static void refuse(struct httpd_exchange *x, int status, const char *text)
{
	const struct httpd_header plain[] = { { "Content-Type", "text/plain" },
					      { "Connection", "close" } };

	forget(x);
	httpd_answer(x, status, plain, COUNT_OF(plain), text, strlen(text));
}

static enum MHD_Result headers_came(struct httpd_exchange *x, const char *method)
{
	const struct httpd_handler *h = &x->server->handler;
	const char *expect;
	int64_t declared;

	x->stage = HTTPD_BODY;
	x->conn->since = clock_mono();
	x->method = method;
	x->known = true;
	list_headers(x);
	if (h->on_head)
		h->on_head(x, h->arg);
	declared = httpd_body_declared(x);
	if (x->stream)
		httpd_stream_size(x->stream, declared < 0 ? 0 : declared);
	if (!x->status && declared > x->body_cap)
		refuse(x, MHD_HTTP_CONTENT_TOO_LARGE, "the body is too large\n");
	if (!x->status || (strcmp(method, "PUT") != 0 && strcmp(method, "POST") != 0))
		return MHD_YES;
	/* Answered before the body: a client that waits for leave to send it need not. */
	expect = httpd_header(x, "Expect");
	return declared > HTTPD_DISCARD_MAX || (expect && declared > 0) ? send_answer(x) : MHD_YES;
}

void httpd_exchange_room(struct httpd_exchange *x)
{
	httpd_exchange_resume(x);
}

void httpd_exchange_unstored(struct httpd_exchange *x)
{
	refuse(x, MHD_HTTP_INTERNAL_SERVER_ERROR, "the body could not be stored\n");
}

/* How much of it was taken; the rest is offered again once there is room. */
static size_t keep(struct httpd_exchange *x, const char *data, size_t size)
{
	size_t n;

	if (x->body_fn) {
		n = x->body_fn(x, data, size, x->body_arg);
		if (n < size && !x->status)
			httpd_exchange_suspend(x);
		return x->status ? size : n; /* answered: the rest is dropped */
	}
	if (!x->stream && buf_add(&x->body, data, size) == 0)
		return size;
	if (!x->stream) {
		httpd_exchange_unstored(x);
		return size;
	}
	n = httpd_stream_add(x->stream, data, size);
	if (n < size)
		httpd_exchange_suspend(x);
	return n;
}

static enum MHD_Result body_came(struct httpd_exchange *x, const char *data, size_t *size)
{
	size_t n = *size;

	if (x->status) {
		*size = 0;
		x->discarded += (int64_t)n;
		return x->discarded > HTTPD_DISCARD_MAX ? MHD_NO : MHD_YES;
	}
	if ((int64_t)n > x->body_cap - x->body_bytes)
		refuse(x, MHD_HTTP_CONTENT_TOO_LARGE, "the body is too large\n");
	else
		x->body_bytes += (int64_t)(n = keep(x, data, n));
	*size -= n;
	return MHD_YES;
}

static enum MHD_Result all_came(struct httpd_exchange *x)
{
	const struct httpd_handler *h = &x->server->handler;

	if (x->answered_early)
		return MHD_NO; /* closes */
	if (!x->status && x->stage != HTTPD_ASKED && httpd_stream_end(x)) {
		x->stage = HTTPD_ASKED;
		h->on_request(x, h->arg);
	}
	if (x->status)
		return send_answer(x);
	httpd_exchange_suspend(x);
	return MHD_YES;
}

enum MHD_Result httpd_exchange_turn(void *server, struct MHD_Connection *mhd, const char *url,
				    const char *method, const char *version, const char *data,
				    size_t *size, void **exchange)
{
	struct httpd_exchange *x = *exchange;
	(void)server;
	(void)mhd;
	(void)url;
	(void)version;
	if (x->gone)
		return MHD_NO;
	if (x->stage == HTTPD_LINE)
		return headers_came(x, method);
	if (*size == 0)
		return all_came(x);
	return body_came(x, data, size);
}
