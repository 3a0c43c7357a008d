/* Calls and how they hang in the loop: curl says which sockets and which timeout it waits for,
 * we tell it when they are ready. How a request is put is in http_request.c, what becomes of
 * the reply in http_reply.c. */
#include "base/http.h"

#include <errno.h>
#include <string.h>

#include "base/http_own.h"
#include "base/loop_own.h"

#define IDLE_CONNECTIONS_MAX \
	128 /* as many calls as a busy client has at once; handshakes are dear */
#define IDLE_HANDLES_MAX 64

struct http {
	struct loop *loop;
	CURLM *multi;
	struct loop_timer *timer;
	struct http_call *calls;
	CURL *handles[IDLE_HANDLES_MAX]; /* of calls that ended, for the next ones */
	size_t handle_count;
	bool *gone; /* set when it is freed inside a done function */
};

struct sock {
	struct http *http;
	curl_socket_t fd;
	struct loop_fd *watch;
};

static void call_unlink(struct http_call *c)
{
	if (c->prev)
		c->prev->next = c->next;
	else
		c->http->calls = c->next;
	if (c->next)
		c->next->prev = c->prev;
}

/* Takes the call off the loop and off curl; nothing can come of it any more. */
static void call_stop(struct http_call *c)
{
	loop_resolve_cancel(TAKE(c->lookup));
	loop_timer_free(TAKE(c->deadline));
	if (c->added)
		curl_multi_remove_handle(c->http->multi, c->easy);
	c->added = false;
	call_unlink(c);
}

/* A handle that has made a call is worth 20 KiB of memory and its setting up. */
static void handle_put(struct http *h, CURL *easy)
{
	if (h->handle_count == IDLE_HANDLES_MAX) {
		curl_easy_cleanup(easy);
		return;
	}
	curl_easy_reset(easy);
	h->handles[h->handle_count++] = easy;
}

static CURL *handle_get(struct http *h)
{
	return h->handle_count ? h->handles[--h->handle_count] : curl_easy_init();
}

/* @p h NULL: it is gone. */
static void call_free(struct http *h, struct http_call *c)
{
	if (c->easy && h)
		handle_put(h, c->easy);
	else if (c->easy)
		curl_easy_cleanup(c->easy);
	http_request_done(c);
	http_reply_done(&c->reply);
	own_free(c);
}

static void call_end(struct http_call *c, CURLcode code)
{
	long sent = 0, status = 0;
	struct err e = { 0 };
	int rc = http_reply_failure(c, code, &e);

	if (c->easy) {
		curl_easy_getinfo(c->easy, CURLINFO_REQUEST_SIZE, &sent);
		curl_easy_getinfo(c->easy, CURLINFO_RESPONSE_CODE, &status);
	}
	c->reply.sent = sent > 0 && !http_reply_proxy_refusal(c);
	c->reply.timed_out = code == CURLE_OPERATION_TIMEDOUT && c->err.kind == ERR_NONE;
	c->reply.status = (int)status;
	e.status = (int)status;
	call_stop(c);
	if (c->easy && !c->connected) {
		handle_put(c->http, c->easy);
		c->easy = NULL;
	}
	c->fn(&c->reply, rc < 0 ? &e : NULL, c->arg); /* the client may be freed in it */
	call_free(NULL, c);
}

void http_cancel(struct http_call *c)
{
	if (!c)
		return;
	call_stop(c);
	call_free(c->connected ? NULL : c->http, c);
}

/* Ends what curl has finished. Here no function of curl is on the stack. */
static void end_finished(struct http *h)
{
	struct http_call *c;
	bool gone = false;
	CURLMsg *m;
	int left;

	h->gone = &gone;
	while ((m = curl_multi_info_read(h->multi, &left))) {
		if (m->msg != CURLMSG_DONE)
			continue;
		curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, &c);
		if (c->connected && m->data.result == CURLE_OK) {
			loop_timer_stop(c->deadline); /* it lives on until it is cancelled */
			c->connected(c);
		} else {
			call_end(c, m->data.result);
		}
		if (gone)
			return;
	}
	h->gone = NULL;
}

static void timer_fired(void *arg)
{
	struct http *h = arg;
	int running;

	curl_multi_socket_action(h->multi, CURL_SOCKET_TIMEOUT, 0, &running);
	end_finished(h);
}

static int timer_wanted(CURLM *multi, long ms, void *arg)
{
	struct http *h = arg;

	(void)multi;
	if (ms < 0)
		loop_timer_stop(h->timer);
	else
		loop_timer_start(h->timer, span_ms(ms));
	return 0;
}

static void sock_ready(int events, void *arg)
{
	struct sock *s = arg;
	struct http *h = s->http; /* s may end inside */
	int bits = 0, running;

	if (events & LOOP_READ)
		bits |= CURL_CSELECT_IN;
	if (events & LOOP_WRITE)
		bits |= CURL_CSELECT_OUT;
	curl_multi_socket_action(h->multi, s->fd, bits, &running);
	end_finished(h);
}

static int sock_wanted(CURL *easy, curl_socket_t fd, int what, void *arg, void *sock)
{
	struct http *h = arg;
	struct sock *s = sock;
	int events = 0;

	(void)easy;
	if (what == CURL_POLL_REMOVE) {
		if (s)
			loop_fd_free(s->watch);
		own_free(s);
		return 0;
	}
	if (!s) {
		s = own_alloc(sizeof(*s));
		s->http = h;
		s->fd = fd;
		s->watch = loop_fd_new(h->loop, fd, sock_ready, s);
		curl_multi_assign(h->multi, fd, s);
	}
	if (what == CURL_POLL_IN || what == CURL_POLL_INOUT)
		events |= LOOP_READ;
	if (what == CURL_POLL_OUT || what == CURL_POLL_INOUT)
		events |= LOOP_WRITE;
	loop_fd_watch(s->watch, events);
	return 0;
}

struct http *http_new(struct loop *l)
{
	static bool started;
	struct http *h = own_alloc(sizeof(*h));

	if (!started)
		loop_must(curl_global_init(CURL_GLOBAL_DEFAULT) == 0 ? 0 : -ENOMEM, "libcurl");
	started = true;
	h->loop = l;
	h->multi = curl_multi_init();
	loop_must(h->multi ? 0 : -ENOMEM, "libcurl");
	h->timer = loop_timer_new(l, timer_fired, h);
	curl_multi_setopt(h->multi, CURLMOPT_SOCKETFUNCTION, sock_wanted);
	curl_multi_setopt(h->multi, CURLMOPT_SOCKETDATA, h);
	curl_multi_setopt(h->multi, CURLMOPT_TIMERFUNCTION, timer_wanted);
	curl_multi_setopt(h->multi, CURLMOPT_TIMERDATA, h);
	curl_multi_setopt(h->multi, CURLMOPT_MAXCONNECTS, (long)IDLE_CONNECTIONS_MAX);
	return h;
}

void http_free(struct http *h)
{
	if (!h)
		return;
	if (h->gone)
		*h->gone = true;
	while (h->calls)
		http_cancel(h->calls);
	while (h->handle_count)
		curl_easy_cleanup(h->handles[--h->handle_count]);
	curl_multi_cleanup(h->multi);
	loop_timer_free(h->timer);
	own_free(h);
}

/* Time is up, or the call could not even begin. */
static void deadline_passed(void *arg)
{
	struct http_call *c = arg;

	if (c->err.kind == ERR_NONE && c->lookup)
		err_set(&c->err, ERR_UNREACHABLE, "resolving %s: no answer within %lld ms", c->host,
			(long long)c->timeout.ms);
	call_end(c, CURLE_OPERATION_TIMEDOUT);
}

static void call_go(struct http_call *c)
{
	CURLMcode rc = curl_multi_add_handle(c->http->multi, c->easy);

	if (rc == CURLM_OK) {
		c->added = true;
		return;
	}
	err_set(&c->err, ERR_LOCAL, "calling %s: %s", c->origin, curl_multi_strerror(rc));
	loop_timer_start(c->deadline, span_ms(0));
}

static void host_resolved(const char *const *addresses, size_t n, const struct err *e, void *arg)
{
	AUTO(buf_done) struct buf entry = BUF(4096);
	struct http_call *c = arg;

	c->lookup = NULL;
	if (n == 0 && !c->proxied) { /* a proxy may know a name that we do not */
		c->err = *e;
		err_wrap(&c->err, "connecting to %s failed", c->origin);
		call_end(c, CURLE_COULDNT_RESOLVE_HOST);
		return;
	}
	if (n == 0 || strchr(c->host, ':')) { /* curl looks numeric IPv6 up nowhere */
		call_go(c);
		return;
	}
	buf_addf(&entry, "+%s:%d:", c->host, c->port); /* with a plus it is forgotten in time */
	for (size_t i = 0; i < n; i++)
		buf_addf(&entry, strchr(addresses[i], ':') ? "%s[%s]" : "%s%s", i ? "," : "",
			 addresses[i]);
	c->resolve = curl_slist_append(NULL, buf_str(&entry));
	curl_easy_setopt(c->easy, CURLOPT_RESOLVE, c->resolve);
	call_go(c);
}

struct http_call *http_start(struct http *h, const struct http_request *q, http_done_fn *fn,
			     void *arg)
{
	struct http_call *c = own_alloc(sizeof(*c));

	c->http = h;
	c->fn = fn;
	c->arg = arg;
	c->timeout = q->timeout.ms > 0 ? q->timeout : span_s(30);
	c->next = h->calls;
	if (c->next)
		c->next->prev = c;
	h->calls = c;
	c->deadline = loop_timer_new(h->loop, deadline_passed, c);
	c->easy = handle_get(h);
	if (http_request_set(c, q, &c->err) < 0) {
		loop_timer_start(c->deadline, span_ms(0));
		return c;
	}
	http_reply_set(c, q);
	curl_easy_setopt(c->easy, CURLOPT_PRIVATE, c);
	loop_timer_start(c->deadline, c->timeout);
	c->lookup = loop_resolve(h->loop, c->host, host_resolved, c);
	return c;
}

struct fetch {
	struct loop *loop;
	struct http_reply *ret;
	struct err *e;
	int rc;
};

static void fetched(struct http_reply *r, const struct err *e, void *arg)
{
	struct fetch *f = arg;

	*f->ret = *r;
	*r = (struct http_reply){ 0 };
	f->rc = e ? -1 : 0;
	if (e && f->e)
		*f->e = *e;
	loop_stop(f->loop);
}

int http_fetch(const struct http_request *q, struct http_reply *ret, struct err *e)
{
	AUTO(loop_freep) struct loop *l = loop_new();
	AUTO(http_freep) struct http *h = http_new(l);
	struct fetch f = { .loop = l, .ret = ret, .e = e, .rc = -1 };

	*ret = (struct http_reply){ 0 };
	http_start(h, q, fetched, &f);
	loop_run(l);
	return f.rc;
}
