#include "base/http_stream.h"

#include <string.h>

#include "base/http_own.h"

#define CONNECT_S 5
#define READ_BYTES (16 << 10)

struct http_stream {
	struct loop *loop;
	struct http *http; /* of its own: a connection of a stream is nobody else's */
	struct http_call *call;
	struct loop_fd *watch; /* NULL: not open */
	struct buf out;
	bool *gone; /* set when it is freed inside fn */
	http_stream_fn *fn;
	void *arg;
};

/* False: the stream is gone. */
static bool tell(struct http_stream *s, enum http_stream_event what, const char *data, size_t len,
		 const struct err *e)
{
	bool gone = false, *before = s->gone;

	s->gone = &gone;
	s->fn(what, data, len, e, s->arg);
	if (gone) {
		if (before)
			*before = true;
		return false;
	}
	s->gone = before;
	return true;
}

static void over(struct http_stream *s, const char *why)
{
	struct err e = { 0 };

	loop_fd_free(TAKE(s->watch));
	err_set(&e, ERR_UNREACHABLE, "%s: %s", s->call->origin, why);
	tell(s, HTTP_STREAM_OVER, NULL, 0, &e);
}

static const char *why_of(const struct http_stream *s, CURLcode rc)
{
	return s->call->detail[0] ? s->call->detail : curl_easy_strerror(rc);
}

/* False: it is over, or gone. TLS may hold bytes that no poll tells of: read until there is none.
 */
static bool take(struct http_stream *s)
{
	char data[READ_BYTES];

	for (;;) {
		size_t n = 0;
		CURLcode rc = curl_easy_recv(s->call->easy, data, sizeof(data), &n);

		if (rc == CURLE_AGAIN)
			return true;
		if (rc != CURLE_OK || n == 0) {
			over(s,
			     rc == CURLE_OK ? "the peer has closed the connection" : why_of(s, rc));
			return false;
		}
		if (!tell(s, HTTP_STREAM_DATA, data, n, NULL) || !s->watch)
			return false;
	}
}

static bool give(struct http_stream *s)
{
	while (s->out.len > 0) {
		size_t n = 0;
		CURLcode rc = curl_easy_send(s->call->easy, s->out.data, s->out.len, &n);

		if (rc == CURLE_AGAIN)
			return true;
		if (rc != CURLE_OK) {
			over(s, why_of(s, rc));
			return false;
		}
		buf_drop(&s->out, n);
	}
	return true;
}

static void watch(struct http_stream *s)
{
	loop_fd_watch(s->watch, s->out.len > 0 ? LOOP_READ | LOOP_WRITE : LOOP_READ);
}

static void ready(int events, void *arg)
{
	struct http_stream *s = arg;

	/* TLS may want to write in order to read, and the other way round. */
	(void)events;
	if (give(s) && take(s))
		watch(s);
}

static void connected(struct http_call *c)
{
	struct http_stream *s = c->arg;
	curl_socket_t fd = CURL_SOCKET_BAD;

	if (curl_easy_getinfo(c->easy, CURLINFO_ACTIVESOCKET, &fd) != CURLE_OK ||
	    fd == CURL_SOCKET_BAD) {
		over(s, "curl gives no socket");
		return;
	}
	c->detail[0] = '\0';
	s->watch = loop_fd_new(s->loop, fd, ready, s);
	if (tell(s, HTTP_STREAM_OPEN, NULL, 0, NULL) && s->watch)
		watch(s);
}

/* It never came to be. */
static void failed(struct http_reply *r, const struct err *e, void *arg)
{
	struct http_stream *s = arg;
	struct err none = { 0 };

	(void)r;
	s->call = NULL; /* ends after this */
	if (!e)
		err_set(&none, ERR_UNREACHABLE, "the connection was not made");
	tell(s, HTTP_STREAM_OVER, NULL, 0, e ? e : &none);
}

static void set_up(struct http_call *c, const struct http_stream_options *o)
{
	own_free(c->origin);
	c->origin = own_printf("%s://%s:%d", o->scheme, o->host, o->port);
	c->connected = connected;
	c->proxied = false;
	if (!c->easy)
		return;
	curl_easy_setopt(c->easy, CURLOPT_CONNECT_ONLY, 1L);
	curl_easy_setopt(c->easy, CURLOPT_PROXY, "");
	curl_easy_setopt(c->easy, CURLOPT_SSL_ENABLE_ALPN, 0L);
	if (o->unverified) {
		curl_easy_setopt(c->easy, CURLOPT_SSL_VERIFYPEER, 0L);
		curl_easy_setopt(c->easy, CURLOPT_SSL_VERIFYHOST, 0L);
	}
	if (o->cert_file) {
		curl_easy_setopt(c->easy, CURLOPT_SSLCERT, o->cert_file);
		curl_easy_setopt(c->easy, CURLOPT_SSLKEY, o->key_file ? o->key_file : o->cert_file);
	}
}

struct http_stream *http_stream_new(struct loop *l, const struct http_stream_options *o,
				    http_stream_fn *fn, void *arg)
{
	struct http_stream *s = own_alloc(sizeof(*s));
	struct span limit = o->connect_timeout.ms > 0 ? o->connect_timeout : span_s(CONNECT_S);
	AUTO(own_freep)
	char *url = own_printf(strchr(o->host, ':') ? "%s://[%s]:%d" : "%s://%s:%d",
			       o->tls ? "https" : "http", o->host, o->port);
	struct http_request q = HTTP_REQUEST(.method = "GET", .url = url, .connect_timeout = limit,
					     .timeout = limit, .ca_file = o->ca_file);

	s->loop = l;
	s->fn = fn;
	s->arg = arg;
	s->out = BUF(HTTP_STREAM_OUT_MAX);
	s->http = http_new(l);
	s->call = http_start(s->http, &q, failed, s);
	set_up(s->call, o); /* nothing has begun: a call starts from the loop */
	return s;
}

int http_stream_send(struct http_stream *s, const void *data, size_t len, struct err *e)
{
	if (buf_add(&s->out, data, len) < 0) {
		s->out.full = false;
		return err_set(e, ERR_LOCAL, "more than %zu bytes wait to be sent",
			       HTTP_STREAM_OUT_MAX);
	}
	if (s->watch)
		watch(s);
	return 0;
}

void http_stream_free(struct http_stream *s)
{
	if (!s)
		return;
	if (s->gone)
		*s->gone = true;
	loop_fd_free(s->watch);
	http_free(s->http); /* cancels the call: its connection is closed */
	buf_wipe(&s->out);
	own_free(s);
}
