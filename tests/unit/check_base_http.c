/* The HTTP client, against servers that say exactly what a test tells them to. */
#include <check.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "check_base_io.h"

/* Accepts one connection, reads a request's head, sends the answer, closes. */
struct script {
	int fd, port;
	const char *answer; /* NULL: closes without one */
	bool hold;          /* leaves the connection open until the client closes it */
	bool reset;         /* closes with a reset */
	char request[8192];
	pthread_t thread;
};

static void *play(void *arg)
{
	struct script *s = arg;
	struct linger hard = { .l_onoff = 1 };
	int c = accept(s->fd, NULL, NULL);
	size_t len = 0;
	ssize_t n = 1;

	while (n > 0 && len < sizeof(s->request) - 1 && !strstr(s->request, "\r\n\r\n")) {
		n = read(c, s->request + len, sizeof(s->request) - 1 - len);
		len += n > 0 ? (size_t)n : 0;
	}
	/* A client may have had enough before the end. */
	if (s->answer)
		send(c, s->answer, strlen(s->answer), MSG_NOSIGNAL);
	if (s->hold)
		while (read(c, &(char){ 0 }, 1) > 0)
			continue;
	if (s->reset)
		setsockopt(c, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
	close(c);
	return NULL;
}

static int listen_any(int *port)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(a);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	ck_assert_int_eq(bind(fd, (struct sockaddr *)&a, len), 0);
	ck_assert_int_eq(listen(fd, 5), 0);
	ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&a, &len), 0);
	*port = ntohs(a.sin_port);
	return fd;
}

static void script_start(struct script *s)
{
	s->fd = listen_any(&s->port);
	ck_assert_int_eq(pthread_create(&s->thread, NULL, play, s), 0);
}

static void script_end(struct script *s)
{
	pthread_join(s->thread, NULL);
	close(s->fd);
}

static struct loop *loop;
static struct http *http;

static void setup(void)
{
	loop = loop_new();
	http = http_new(loop);
}

static void teardown(void)
{
	http_free(http);
	loop_free(loop);
}

static const char *url_of(int port, const char *target)
{
	static char url[512];

	snprintf(url, sizeof(url), "http://127.0.0.1:%d%s", port, target);
	return url;
}

#define OK "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

static const struct {
	const char *what, *method, *target;
	struct http_header headers[3];
	const char *body, *request;
} requests[] = {
	{ "nothing is added to GET",
	  "GET",
	  "/",
	  { { 0 } },
	  NULL,
	  "GET / HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n\r\n" },
	{ "a path goes as it is",
	  "GET",
	  "/a/../b//./%2e%7E+?x=~&y={}|\"<>^`\\[]&&",
	  { { 0 } },
	  NULL,
	  "GET /a/../b//./%%2e%%7E+?x=~&y={}|\"<>^`\\[]&& HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n\r\n" },
	{ "empty and plain headers go as they are",
	  "DELETE",
	  "/x",
	  { { "X-Empty", "" }, { "Accept", "a/b" }, { "X-Two", "a  b" } },
	  NULL,
	  "DELETE /x HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nX-Empty:\r\nAccept: a/b\r\nX-Two: a  "
	  "b\r\n\r\n" },
	{ "a POST of nothing says so",
	  "POST",
	  "/?",
	  { { "Content-Length", "0" } },
	  NULL,
	  "POST /? HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nContent-Length: 0\r\n\r\n" },
	{ "a body has its length and no type of ours",
	  "PUT",
	  "/k",
	  { { "Content-Length", "5" } },
	  "hello",
	  "PUT /k HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nContent-Length: 5\r\n\r\n" },
	{ "Host can be given",
	  "GET",
	  "/",
	  { { "Host", "bucket.s3" } },
	  NULL,
	  "GET / HTTP/1.1\r\nHost: bucket.s3\r\n\r\n" },
};

START_TEST(what_goes_out_is_what_was_given)
{
	struct script s = { .answer = OK };
	char want[1024];
	struct io_call c;

	script_start(&s);
	struct http_request q = HTTP_REQUEST(.method = requests[_i].method,
					     .url = url_of(s.port, requests[_i].target),
					     .headers = requests[_i].headers);
	while (q.header_count < 3 && q.headers[q.header_count].name)
		q.header_count++;
	q.body = requests[_i].body;
	q.body_len = q.body ? strlen(q.body) : 0;
	io_run(loop, http, &q, &c);
	script_end(&s);
	ck_assert_msg(!c.failed, "%s: %s", requests[_i].what, c.err.text);
	ck_assert_int_eq(c.reply.status, 200);
	ck_assert_str_eq(buf_str(&c.reply.body), "ok");
	ck_assert(c.reply.sent);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
	snprintf(want, sizeof(want), requests[_i].request, s.port);
#pragma GCC diagnostic pop
	ck_assert_msg(strncmp(s.request, want, strlen(want)) == 0, "%s:\n%s", requests[_i].what,
		      s.request);
	io_call_done(&c);
}
END_TEST

static const struct {
	const char *what, *answer;
	bool hold, reset;
	enum err_kind kind;
	int status;
	const char *text; /* %d is the port */
} bad_replies[] = {
	{ "no reply", NULL, false, false, ERR_UNREACHABLE, 0,
	  "calling http://127.0.0.1:%d failed: the connection was closed without a reply" },
	{ "a reset", NULL, false, true, ERR_UNREACHABLE, 0,
	  "calling http://127.0.0.1:%d failed: connection reset by peer" },
	{ "no answer in time", NULL, true, false, ERR_UNREACHABLE, 0,
	  "calling http://127.0.0.1:%d failed: no answer in time" },
	{ "cut in mid-body", "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort", false, false,
	  ERR_UNREACHABLE, 200, "calling http://127.0.0.1:%d failed: the reply was cut off" },
	{ "cut in mid-chunk", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n10\r\nshort",
	  false, false, ERR_UNREACHABLE, 200,
	  "calling http://127.0.0.1:%d failed: the reply was cut off" },
	{ "stuck in mid-body", "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort", true, false,
	  ERR_UNREACHABLE, 200,
	  "calling http://127.0.0.1:%d failed: the answer did not end in time" },
	{ "not HTTP", "220 smtp.example ESMTP\r\n", false, false, ERR_PROTOCOL, 0,
	  "calling http://127.0.0.1:%d failed: the reply is not HTTP" },
	{ "larger than its cap", "HTTP/1.1 200 OK\r\n\r\n0123456789012345678901234567890123456789",
	  false, false, ERR_PROTOCOL, 200, "reply of http://127.0.0.1:%d: larger than 32 bytes" },
};

START_TEST(a_reply_that_is_none_says_why)
{
	struct script s = { .answer = bad_replies[_i].answer,
			    .hold = bad_replies[_i].hold,
			    .reset = bad_replies[_i].reset };
	char want[256];
	struct io_call c;

	script_start(&s);
	struct http_request q = HTTP_REQUEST(.method = "GET", .url = url_of(s.port, "/x?secret=1"),
					     .reply_cap = 32, .timeout = { 300 });
	io_run(loop, http, &q, &c);
	script_end(&s);
	ck_assert_msg(c.failed, "%s", bad_replies[_i].what);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
	snprintf(want, sizeof(want), bad_replies[_i].text, s.port);
#pragma GCC diagnostic pop
	ck_assert_str_eq(c.err.text, want);
	ck_assert_int_eq(c.err.kind, bad_replies[_i].kind);
	ck_assert_int_eq(c.reply.status, bad_replies[_i].status);
	ck_assert(c.reply.sent);
	io_call_done(&c);
}
END_TEST

START_TEST(html_is_a_reply_like_any_other)
{
	struct script s = { .answer = "HTTP/1.0 503 Busy\r\nContent-TYPE:  text/html "
				      "\r\nX-Two:a\r\nX-none:\r\n\r\n<html>" };
	struct io_call c;

	script_start(&s);
	struct http_request q = HTTP_REQUEST(.method = "GET", .url = url_of(s.port, "/"));
	io_run(loop, http, &q, &c);
	script_end(&s);
	ck_assert_msg(!c.failed, "%s", c.err.text);
	ck_assert_int_eq(c.reply.status, 503);
	ck_assert_str_eq(http_reply_header(&c.reply, "content-type"), "text/html");
	ck_assert_str_eq(http_reply_header(&c.reply, "x-two"), "a");
	ck_assert_str_eq(http_reply_header(&c.reply, "x-none"), "");
	ck_assert_ptr_null(http_reply_header(&c.reply, "x-three"));
	ck_assert_str_eq(buf_str(&c.reply.body), "<html>");
	io_call_done(&c);
}
END_TEST

static const struct {
	const char *what;
	int lines, bytes;
} floods[] = {
	{ "many headers", 2000, 10 },
	{ "a long header", 1, 300 << 10 },
	{ "many long headers", 100, 20 << 10 },
};

START_TEST(a_flood_of_headers_is_cut_off)
{
	AUTO(buf_done) struct buf b = BUF(8 << 20);
	struct script s = { 0 };
	struct io_call c;

	buf_adds(&b, "HTTP/1.1 200 OK\r\n");
	for (int i = 0; i < floods[_i].lines; i++)
		buf_addf(&b, "X-%d: %0*d\r\n", i, floods[_i].bytes, i);
	buf_adds(&b, "Content-Length: 0\r\n\r\n");
	s.answer = buf_str(&b);
	script_start(&s);
	io_run(loop, http, &HTTP_REQUEST(.method = "GET", .url = url_of(s.port, "/")), &c);
	http_freep(&http); /* closes the connection, so that the script ends */
	script_end(&s);
	ck_assert_msg(c.failed && c.err.kind == ERR_PROTOCOL, "%s: %s", floods[_i].what,
		      c.err.text);
	io_call_done(&c);
}
END_TEST

static const struct {
	const char *what, *method, *url;
	struct http_header header;
	const char *text;
} refused[] = {
	{ "a line break in a value",
	  "GET",
	  "http://h/",
	  { "X-A", "a\r\nX-B: b" },
	  "calling http://h: header X-A has a line break, control character or outer space in its "
	  "value" },
	{ "a lone line feed", "GET", "http://h/", { "X-A", "a\nb" }, NULL },
	{ "a line break in a name", "GET", "http://h/", { "X-A: b\r\nX-B", "b" }, NULL },
	{ "an empty name", "GET", "http://h/", { "", "b" }, NULL },
	{ "outer space", "GET", "http://h/", { "X-A", " a" }, NULL },
	{ "another length", "PUT", "http://h/", { "Content-Length", "7" }, NULL },
	{ "a coding", "PUT", "http://h/", { "Transfer-Encoding", "chunked" }, NULL },
	{ "a method with a space", "GET /x", "http://h/", { "A", "b" }, NULL },
	{ "a line break in a URL", "GET", "http://h/\r\nX: y", { "A", "b" }, NULL },
	{ "a space in a URL", "GET", "http://h/a b", { "A", "b" }, NULL },
	{ "a fragment", "GET", "http://h/a#b", { "A", "b" }, NULL },
	{ "a user",
	  "GET",
	  "http://u:p@h/",
	  { "A", "b" },
	  "this is no URL that can be called: it carries a user name" },
	{ "another scheme", "GET", "file:///etc/passwd", { "A", "b" }, NULL },
	{ "no host", "GET", "http:///x", { "A", "b" }, NULL },
	{ "a port too far", "GET", "http://h:70000/", { "A", "b" }, NULL },
	{ "a port with more", "GET", "http://h:80x/", { "A", "b" }, NULL },
	{ "an open bracket", "GET", "http://[::1/", { "A", "b" }, NULL },
	{ "no address in brackets", "GET", "http://[h]/", { "A", "b" }, NULL },
	{ "no URL", "GET", "", { "A", "b" }, NULL },
};

START_TEST(what_cannot_be_sent_is_refused)
{
	struct http_request q = HTTP_REQUEST(.method = refused[_i].method, .url = refused[_i].url,
					     .headers = &refused[_i].header, .header_count = 1);
	struct io_call c;

	io_run(loop, http, &q, &c);
	ck_assert_msg(c.failed && c.err.kind == ERR_POLICY, "%s", refused[_i].what);
	ck_assert(!c.reply.sent);
	if (refused[_i].text)
		ck_assert_str_eq(c.err.text, refused[_i].text);
	io_call_done(&c);
}
END_TEST

START_TEST(a_refused_port_and_an_unknown_host)
{
	int port, fd = listen_any(&port);
	char want[128];
	struct io_call c;

	close(fd);
	io_run(loop, http, &HTTP_REQUEST(.method = "GET", .url = url_of(port, "/?secret")), &c);
	snprintf(want, sizeof(want), "connecting to http://127.0.0.1:%d failed: connection refused",
		 port);
	ck_assert_str_eq(c.err.text, want);
	ck_assert_int_eq(c.err.kind, ERR_UNREACHABLE);
	ck_assert(!c.reply.sent);
	io_call_done(&c);
	io_run(loop, http, &HTTP_REQUEST(.method = "GET", .url = "https://nosuch.invalid/?secret"),
	       &c);
	ck_assert_int_eq(c.err.kind, ERR_UNREACHABLE);
	ck_assert_ptr_nonnull(
		strstr(c.err.text, "connecting to https://nosuch.invalid failed: resolving"));
	io_call_done(&c);
}
END_TEST

START_TEST(tls_to_a_plain_server_fails_in_words)
{
	struct script s = { .answer = "HTTP/1.1 400 Bad\r\n\r\n" };
	char url[64];
	struct io_call c;

	script_start(&s);
	snprintf(url, sizeof(url), "https://127.0.0.1:%d/", s.port);
	io_run(loop, http, &HTTP_REQUEST(.method = "GET", .url = url, .connect_timeout = { 300 }),
	       &c);
	script_end(&s);
	ck_assert(c.failed && !c.reply.sent);
	ck_assert_int_eq(c.err.kind, ERR_UNREACHABLE);
	io_call_done(&c);
}
END_TEST

START_TEST(a_stall_is_given_up_before_the_whole_time_is_over)
{
	struct script s = { .answer = "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nx",
			    .hold = true };
	struct tick began = clock_mono();
	struct io_call c;

	script_start(&s);
	struct http_request q = HTTP_REQUEST(.method = "GET", .url = url_of(s.port, "/"),
					     .timeout = { 30000 }, .stall_timeout = { 1000 });
	io_run(loop, http, &q, &c);
	script_end(&s);
	ck_assert(c.failed);
	ck_assert_int_lt(tick_since(clock_mono(), began).ms, 10000);
	io_call_done(&c);
}
END_TEST

struct canceller {
	struct io_call call; /* first: it is what io_done() gets */
	struct http_call *others[3];
	struct io_call resolving; /* others[1]: may have failed before */
	int resolving_left;
	bool free_all;
};

static void cancel_others(struct http_reply *r, const struct err *e, void *arg)
{
	struct canceller *k = arg;

	if (k->resolving.calls > 0)
		k->others[1] = NULL;
	for (size_t i = 0; i < COUNT_OF(k->others); i++)
		http_cancel(k->others[i]);
	if (k->free_all)
		http_freep(&http);
	io_done(r, e, &k->call);
}

/* One not begun, one resolving, one that waits for an answer: all end inside the fourth's end. */
static void cancel_all(bool free_all)
{
	struct script s = { .answer = OK };
	struct io_call never = { 0 };
	struct canceller k = { .free_all = free_all, .resolving_left = 2 };
	int port, fd = listen_any(&port);

	script_start(&s);
	k.call = (struct io_call){ .loop = loop, .own_left = 1 };
	k.call.left = &k.call.own_left;
	k.resolving.left = &k.resolving_left;
	k.others[0] = http_start(http, &HTTP_REQUEST(.method = "GET", .url = url_of(port, "/")),
				 io_done, &never);
	io_wait(loop, 50);
	http_start(http, &HTTP_REQUEST(.method = "GET", .url = url_of(s.port, "/")), cancel_others,
		   &k);
	if (!free_all) {
		k.others[1] = http_start(
			http, &HTTP_REQUEST(.method = "GET", .url = "http://nosuch.invalid/"),
			io_done, &k.resolving);
		k.others[2] = NULL;
	} else {
		k.others[0] = NULL;
	}
	loop_run(loop);
	script_end(&s);
	io_wait(loop, 50);
	ck_assert_int_eq(k.call.calls, 1);
	ck_assert_int_eq(never.calls, 0);
	io_call_done(&k.call);
	io_call_done(&k.resolving);
	close(fd);
}

START_TEST(calls_can_be_cancelled_in_each_others_end)
{
	cancel_all(false);
	http_cancel(http_start(http, &HTTP_REQUEST(.method = "GET", .url = "bad"), io_done, NULL));
}
END_TEST

START_TEST(the_client_can_be_freed_in_a_calls_end)
{
	cancel_all(true);
}
END_TEST

START_TEST(a_body_file_that_is_too_short_is_not_sent_as_whole)
{
	struct script s = { .answer = OK };
	int fd = io_file(1000);
	struct io_call c;

	script_start(&s);
	struct http_request q = HTTP_REQUEST(.method = "PUT", .url = url_of(s.port, "/"),
					     .body_fd = fd, .body_size = 2000);
	io_run(loop, http, &q, &c);
	script_end(&s);
	ck_assert(c.failed);
	ck_assert_int_eq(c.err.kind, ERR_LOCAL);
	ck_assert_ptr_nonnull(strstr(c.err.text, "its file ends after 1000 of 2000 bytes"));
	io_call_done(&c);
	close(fd);
}
END_TEST

START_TEST(fetch_is_for_those_without_a_loop)
{
	AUTO(http_reply_done) struct http_reply r = { 0 };
	struct script s = { .answer = OK };
	struct err e = { 0 };

	script_start(&s);
	ck_assert_int_eq(
		http_fetch(&HTTP_REQUEST(.method = "GET", .url = url_of(s.port, "/")), &r, &e), 0);
	script_end(&s);
	ck_assert_str_eq(buf_str(&r.body), "ok");
	http_reply_done(&r);
	ck_assert_int_eq(http_fetch(&HTTP_REQUEST(.method = "GET", .url = "x"), &r, &e), -1);
	ck_assert_int_eq(e.kind, ERR_POLICY);
}
END_TEST

START_TEST(a_proxy_of_the_environment_is_not_used_for_loopback)
{
	struct script s = { .answer = OK };
	struct io_call c;

	setenv("http_proxy", "http://127.0.0.1:9", 1);
	script_start(&s);
	io_run(loop, http, &HTTP_REQUEST(.method = "GET", .url = url_of(s.port, "/")), &c);
	script_end(&s);
	ck_assert(!c.failed);
	io_call_done(&c);
	script_start(&s);
	s.answer = OK;
	char proxy[64];
	snprintf(proxy, sizeof(proxy), "http://127.0.0.1:%d", s.port);
	memset(s.request, 0, sizeof(s.request));
	setenv("http_proxy", proxy, 1);
	io_run(loop, http,
	       &HTTP_REQUEST(.method = "GET", .url = "http://only-the-proxy-knows.invalid/a?b"),
	       &c);
	script_end(&s);
	unsetenv("http_proxy");
	ck_assert_msg(!c.failed, "%s", c.err.text);
	ck_assert_ptr_nonnull(
		strstr(s.request, "GET http://only-the-proxy-knows.invalid/a?b HTTP/1.1"));
	io_call_done(&c);
}
END_TEST

Suite *check_base_http(void)
{
	Suite *s = suite_create("base http");
	TCase *t = tcase_create("http");

	tcase_set_timeout(t, 60);
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_loop_test(t, what_goes_out_is_what_was_given, 0, COUNT_OF(requests));
	tcase_add_loop_test(t, a_reply_that_is_none_says_why, 0, COUNT_OF(bad_replies));
	tcase_add_loop_test(t, a_flood_of_headers_is_cut_off, 0, COUNT_OF(floods));
	tcase_add_test(t, html_is_a_reply_like_any_other);
	tcase_add_loop_test(t, what_cannot_be_sent_is_refused, 0, COUNT_OF(refused));
	tcase_add_test(t, a_refused_port_and_an_unknown_host);
	tcase_add_test(t, tls_to_a_plain_server_fails_in_words);
	tcase_add_test(t, a_stall_is_given_up_before_the_whole_time_is_over);
	tcase_add_test(t, calls_can_be_cancelled_in_each_others_end);
	tcase_add_test(t, the_client_can_be_freed_in_a_calls_end);
	tcase_add_test(t, a_body_file_that_is_too_short_is_not_sent_as_whole);
	tcase_add_test(t, fetch_is_for_those_without_a_loop);
	tcase_add_test(t, a_proxy_of_the_environment_is_not_used_for_loopback);
	suite_add_tcase(s, t);
	return s;
}
