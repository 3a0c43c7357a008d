/* The HTTP server, driven by our client and by bytes on a socket. */
#include <check.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/rng.h"
#include "check_base_io.h"

#define HELD_MAX 256

static struct loop *loop;
static struct http *http;
static struct httpd *server;
static struct httpd_exchange *held[HELD_MAX];
static size_t held_count;
static int gone, stored, from_file;

static void at_head(struct httpd_exchange *x, void *arg)
{
	const char *target = httpd_target(x);

	(void)arg;
	if (strcmp(target, "/deny") == 0)
		httpd_answer(x, 403, NULL, 0, "denied", 6);
	if (strcmp(target, "/store") == 0)
		httpd_body_to_fd(x, stored, IO_BIG);
	if (strcmp(target, "/small") == 0)
		httpd_body_cap(x, 10);
	if (strcmp(target, "/nowhere") == 0)
		httpd_body_to_fd(x, from_file + 1000, 1000); /* not open: writing fails */
}

static void echo(struct httpd_exchange *x)
{
	AUTO(buf_done) struct buf b = BUF(4 << 20);
	const char *name, *value, *body;
	const struct httpd_header headers[] = { { "X-Peer", httpd_peer(x) },
						{ "Content-Type", "text/x" } };
	size_t len;

	buf_addf(&b, "%s %s\n", httpd_method(x), httpd_target(x));
	for (size_t it = 0; httpd_next_header(x, &it, &name, &value);)
		buf_addf(&b, "%s=%s\n", name, value);
	body = httpd_body(x, &len);
	buf_add(&b, body, len);
	httpd_answer(x, 200, headers, COUNT_OF(headers), b.data, b.len);
}

static void hold(struct httpd_exchange *x)
{
	ck_assert_uint_lt(held_count, HELD_MAX);
	held[held_count++] = x;
}

static void asked(struct httpd_exchange *x, void *arg)
{
	const char *target = httpd_target(x);
	const struct httpd_header size[] = { { "Content-Length", "123456" } };

	(void)arg;
	if (strcmp(target, "/hold") == 0)
		hold(x);
	else if (strcmp(target, "/file") == 0)
		httpd_answer_fd(x, 200, NULL, 0, dup(from_file), 0, IO_BIG);
	else if (strcmp(target, "/part") == 0)
		httpd_answer_fd(x, 206, NULL, 0, dup(from_file), 4000, 100);
	else if (strcmp(target, "/none") == 0)
		httpd_answer_fd(x, 200, NULL, 0, dup(from_file), 0, 0);
	else if (strcmp(target, "/size") == 0)
		httpd_answer(x, 200, size, 1, NULL, 0);
	else if (strcmp(target, "/no-content") == 0)
		httpd_answer(x, 204, NULL, 0, NULL, 0);
	else if (strcmp(target, "/store") == 0)
		httpd_answer(x, 201, NULL, 0, "stored", 6);
	else
		echo(x);
}

static void left(struct httpd_exchange *x, void *arg)
{
	(void)arg;
	gone++;
	for (size_t i = 0; i < held_count; i++) {
		if (held[i] == x)
			held[i] = held[--held_count];
	}
}

static void setup_with(const struct httpd_limits *limits)
{
	const struct httpd_handler handler = { at_head, asked, left, NULL };
	struct err e = { 0 };

	loop = loop_new();
	http = http_new(loop);
	server = httpd_new(loop, "127.0.0.1", 0, limits, &handler, &e);
	ck_assert_msg(server, "%s", e.text);
	held_count = 0;
	gone = 0;
	from_file = io_file(IO_BIG);
	stored = io_file(0);
}

static void setup(void)
{
	setup_with(NULL);
}

static void setup_short(void)
{
	setup_with(&(struct httpd_limits){ .idle_seconds = 1, .header_cap = 4096 });
}

static void teardown(void)
{
	http_free(http);
	httpd_free(server);
	loop_free(loop);
	close(from_file);
	close(stored);
}

static const char *url_of(const char *target)
{
	static char url[256];

	snprintf(url, sizeof(url), "http://127.0.0.1:%d%s", httpd_port(server), target);
	return url;
}

#define CALL(c, ...) io_run(loop, http, &HTTP_REQUEST(__VA_ARGS__), (c))

START_TEST(a_request_comes_as_it_was_sent)
{
	const struct http_header headers[] = { { "X-Empty", "" }, { "X-Case", "a  B" } };
	struct io_call c;

	CALL(&c, .method = "PATCH", .url = url_of("/a%2Fb/../c+d//?x=%41&y=+&z"),
	     .headers = headers, .header_count = 2, .body = "b\0dy", .body_len = 4);
	ck_assert_msg(!c.failed, "%s", c.err.text);
	ck_assert_int_eq(c.reply.status, 200);
	ck_assert_ptr_nonnull(
		strstr(buf_str(&c.reply.body), "PATCH /a%2Fb/../c+d//?x=%41&y=+&z\n"));
	ck_assert_ptr_nonnull(strstr(buf_str(&c.reply.body), "X-Empty=\n"));
	ck_assert_ptr_nonnull(strstr(buf_str(&c.reply.body), "X-Case=a  B\n"));
	ck_assert_int_eq(memcmp(c.reply.body.data + c.reply.body.len - 4, "b\0dy", 4), 0);
	ck_assert_str_eq(http_reply_header(&c.reply, "x-peer"), "127.0.0.1");
	ck_assert_str_eq(http_reply_header(&c.reply, "content-type"), "text/x");
	ck_assert_ptr_nonnull(http_reply_header(&c.reply, "date"));
	io_call_done(&c);
}
END_TEST

START_TEST(big_bodies_pass_through_descriptors_both_ways)
{
	int back = io_file(0);
	struct io_call c;

	CALL(&c, .method = "PUT", .url = url_of("/store"), .body_fd = from_file,
	     .body_size = IO_BIG);
	ck_assert_msg(!c.failed, "%s", c.err.text);
	ck_assert_int_eq(c.reply.status, 201);
	ck_assert(io_same(stored, from_file, IO_BIG));
	io_call_done(&c);
	CALL(&c, .method = "GET", .url = url_of("/file"), .reply_fd = back, .reply_cap = IO_BIG);
	ck_assert_msg(!c.failed, "%s", c.err.text);
	ck_assert_int_eq(c.reply.body_bytes, IO_BIG);
	ck_assert_uint_eq(c.reply.body.len, 0);
	ck_assert(io_same(back, from_file, IO_BIG));
	io_call_done(&c);
	ck_assert_int_eq(lseek(back, 0, SEEK_SET), 0);
	CALL(&c, .method = "GET", .url = url_of("/file"), .reply_fd = back,
	     .reply_cap = IO_BIG - 1);
	ck_assert(c.failed && c.err.kind == ERR_PROTOCOL);
	io_call_done(&c);
	CALL(&c, .method = "GET", .url = url_of("/part"));
	ck_assert_int_eq(c.reply.status, 206);
	ck_assert_uint_eq(c.reply.body.len, 100);
	io_call_done(&c);
	close(back);
}
END_TEST

static const struct {
	const char *method, *target;
	int status;
	const char *length, *body;
} lengths[] = {
	{ "HEAD", "/size", 200, "123456", "" },  { "HEAD", "/file", 200, "33554432", "" },
	{ "HEAD", "/none", 200, "0", "" },       { "GET", "/none", 200, "0", "" },
	{ "GET", "/no-content", 204, NULL, "" }, { "GET", "/deny", 403, "6", "denied" },
	{ "HEAD", "/deny", 403, "6", "" },       { "POST", "/no-content", 204, NULL, "" },
};

START_TEST(answers_have_their_length)
{
	const char *length;
	struct io_call c;

	for (int again = 0; again < 2; again++) { /* on the same connection */
		CALL(&c, .method = lengths[_i].method, .url = url_of(lengths[_i].target));
		ck_assert_msg(!c.failed, "%s", c.err.text);
		ck_assert_int_eq(c.reply.status, lengths[_i].status);
		length = http_reply_header(&c.reply, "content-length");
		ck_assert_pstr_eq(length, lengths[_i].length);
		ck_assert_str_eq(buf_str(&c.reply.body), lengths[_i].body);
		io_call_done(&c);
	}
}
END_TEST

static const struct {
	const char *target;
	size_t len;
	bool expect;
	int status;
} bodies[] = {
	{ "/", 0, false, 200 },
	{ "/", 2 << 20, false, 200 },
	{ "/", (2 << 20) + 1, false, 413 },
	{ "/", 16 << 20, false, 413 },
	{ "/", 16 << 20, true, 413 },
	{ "/", 1 << 20, true, 200 },
	{ "/small", 10, false, 200 },
	{ "/small", 11, false, 413 },
	{ "/deny", 16 << 20, false, 403 },
	{ "/deny", 16 << 20, true, 403 },
	{ "/nowhere", 500, false, 500 },
	{ "/nowhere", 1001, false, 413 },
};

START_TEST(bodies_are_taken_refused_or_discarded)
{
	char *body = own_alloc(bodies[_i].len + 1);
	struct io_call c;

	CALL(&c, .method = "POST", .url = url_of(bodies[_i].target), .body = body,
	     .body_len = bodies[_i].len, .expect_continue = bodies[_i].expect,
	     .reply_cap = 4 << 20);
	ck_assert_msg(!c.failed, "%s", c.err.text);
	ck_assert_int_eq(c.reply.status, bodies[_i].status);
	ck_assert_int_eq(gone, bodies[_i].status == 413 || bodies[_i].status == 500);
	io_call_done(&c);
	CALL(&c, .method = "GET", .url = url_of("/"));
	ck_assert_msg(!c.failed && c.reply.status == 200, "the server lives on");
	io_call_done(&c);
	own_free(body);
}
END_TEST

static void answer_held(void *arg)
{
	int *between = arg;

	while (held_count > 0) {
		held_count--;
		httpd_answer(held[held_count], 200, NULL, 0, "late", 4);
	}
	++*between;
}

START_TEST(two_hundred_long_polls_are_answered_later)
{
	enum { N = 200 };
	struct io_call *c = own_array(N, sizeof(*c));
	int left_over = N, answered = 0;
	struct loop_timer *t = loop_timer_new(loop, answer_held, &answered);

	for (int i = 0; i < N; i++) {
		c[i] = (struct io_call){ .loop = loop, .left = &left_over };
		http_start(http,
			   &HTTP_REQUEST(.method = "POST", .url = url_of("/hold"), .body = "q",
					 .body_len = 1),
			   io_done, &c[i]);
	}
	io_wait(loop, 400);
	ck_assert_uint_eq(held_count, N);
	ck_assert_int_eq(left_over, N);
	loop_timer_start(t, span_ms(1));
	loop_run(loop);
	ck_assert_int_eq(answered, 1);
	for (int i = 0; i < N; i++) {
		ck_assert_msg(!c[i].failed, "%s", c[i].err.text);
		ck_assert_str_eq(buf_str(&c[i].reply.body), "late");
		io_call_done(&c[i]);
	}
	own_free(c);
	loop_timer_free(t);
	ck_assert_int_eq(gone, 0);
}
END_TEST

START_TEST(a_poller_that_goes_away_is_told_at_once)
{
	struct io_call never = { 0 };
	struct http_call *call;

	call = http_start(http, &HTTP_REQUEST(.method = "GET", .url = url_of("/hold")), io_done,
			  &never);
	io_wait(loop, 50);
	ck_assert_uint_eq(held_count, 1);
	ck_assert_int_eq(gone, 0);
	http_cancel(call);
	io_wait(loop, 50);
	ck_assert_int_eq(gone, 1);
	ck_assert_uint_eq(held_count, 0);
	/* one that is answered and one that is still held when the server goes */
	http_start(http, &HTTP_REQUEST(.method = "GET", .url = url_of("/hold")), io_done, &never);
	http_start(http, &HTTP_REQUEST(.method = "GET", .url = url_of("/hold")), io_done, &never);
	io_wait(loop, 50);
	ck_assert_uint_eq(held_count, 2);
	httpd_answer(held[--held_count], 200, NULL, 0, NULL, 0);
	httpd_freep(&server);
	ck_assert_int_eq(gone, 2);
	ck_assert_uint_eq(held_count, 0);
}
END_TEST

struct storm {
	struct io_call calls[64];
	struct http_call *running[64];
};

static void storm_done(struct http_reply *r, const struct err *e, void *arg)
{
	struct io_call *c = arg;

	ck_assert_msg(!e, "%s", e ? e->text : "");
	ck_assert_int_eq(r->status, 200);
	c->calls = 1; /* may start again */
}

static void storm_step(struct storm *s, struct rng *r)
{
	static const char *const targets[] = { "/hold", "/", "/hold", "/file" };
	size_t i = rng_below(r, COUNT_OF(s->calls));

	if (s->running[i] && !s->calls[i].calls && rng_below(r, 3) == 0) {
		http_cancel(s->running[i]);
		s->calls[i].calls = 1;
	} else if (!s->running[i] || s->calls[i].calls) {
		s->calls[i].calls = 0;
		s->running[i] = http_start(
			http,
			&HTTP_REQUEST(.method = "POST", .body = "x", .body_len = 1,
				      .reply_cap = IO_BIG,
				      .url = url_of(targets[rng_below(r, 512) ? i % 3 : 3])),
			storm_done, &s->calls[i]);
	}
	if (held_count > 0 && rng_below(r, 2)) {
		i = rng_below(r, held_count);
		httpd_answer(held[i], 200, NULL, 0, "late", 4);
		held[i] = held[--held_count];
	}
	if (rng_below(r, 4) == 0)
		io_wait(loop, 0);
}

START_TEST(a_storm_of_polls_answers_and_departures)
{
	struct storm *s = own_alloc(sizeof(*s));
	struct rng r;

	rng_seed(&r, 20240131);
	for (int i = 0; i < 6000; i++)
		storm_step(s, &r);
	for (size_t i = 0; i < COUNT_OF(s->running); i++) {
		if (s->running[i] && !s->calls[i].calls)
			http_cancel(s->running[i]);
	}
	io_wait(loop, 200);
	ck_assert_uint_eq(held_count, 0);
	ck_assert_int_gt(gone, 0);
	own_free(s);
}
END_TEST

static int dial(void)
{
	struct sockaddr_in a = { .sin_family = AF_INET,
				 .sin_port = htons(httpd_port(server)),
				 .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	ck_assert_int_eq(connect(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	return fd;
}

static void say(int fd, const char *text)
{
	ck_assert_int_eq(send(fd, text, strlen(text), MSG_NOSIGNAL), (ssize_t)strlen(text));
}

static ssize_t hear(int fd, char *out, size_t size)
{
	ssize_t n;

	io_wait(loop, 50);
	n = recv(fd, out, size - 1, MSG_DONTWAIT);
	out[n > 0 ? n : 0] = '\0';
	return n;
}

START_TEST(an_upload_that_is_cut_off_is_told)
{
	int fd = dial();

	say(fd, "PUT /store HTTP/1.1\r\nHost: h\r\nContent-Length: 100\r\n\r\nhalf");
	io_wait(loop, 50);
	ck_assert_int_eq(gone, 0);
	close(fd);
	io_wait(loop, 50);
	ck_assert_int_eq(gone, 1);
}
END_TEST

START_TEST(leave_to_send_is_given_when_it_is_asked_for)
{
	char text[1024];
	int fd = dial();

	say(fd,
	    "PUT /small HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n");
	hear(fd, text, sizeof(text));
	ck_assert_str_eq(text, "HTTP/1.1 100 Continue\r\n\r\n");
	say(fd, "ok");
	hear(fd, text, sizeof(text));
	ck_assert_ptr_eq(strstr(text, "HTTP/1.1 200"), text);
	close(fd);
}
END_TEST

START_TEST(chunked_and_pipelined_requests_are_understood)
{
	char text[4096];
	int fd = dial();

	say(fd, "POST /one HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: "
		"chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"
		"GET /two HTTP/1.1\r\nHost: h\r\n\r\n");
	hear(fd, text, sizeof(text));
	ck_assert_ptr_nonnull(strstr(text, "POST /one\n"));
	ck_assert_ptr_nonnull(strstr(text, "abcde"));
	ck_assert_ptr_nonnull(strstr(text, "GET /two\n"));
	close(fd);
}
END_TEST

static const char *const garbage[] = {
	"\r\n\r\n\r\n\r\n",
	"GET\r\n\r\n",
	"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
	"GET / HTTP/1.1\r\nHost: h\r\nContent-Length: -5\r\n\r\n",
	"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 99999999999999999999\r\n\r\n",
	"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
	"GET /%00%zz%?&&==& HTTP/1.1\r\nHost: h\r\n: x\r\nx\r\n\r\n",
};

START_TEST(garbage_does_no_harm)
{
	char text[1024];
	struct io_call c;
	int fd = dial();

	say(fd, garbage[_i]);
	hear(fd, text, sizeof(text));
	close(fd);
	CALL(&c, .method = "GET", .url = url_of("/"));
	ck_assert(!c.failed);
	io_call_done(&c);
}
END_TEST

START_TEST(headers_past_their_cap_are_refused)
{
	char text[1024], line[128];
	int fd = dial();

	say(fd, "GET / HTTP/1.1\r\nHost: h\r\n");
	for (int i = 0; i < 100; i++) {
		snprintf(line, sizeof(line), "X-%d: %080d\r\n", i, i);
		send(fd, line, strlen(line), MSG_NOSIGNAL);
	}
	hear(fd, text, sizeof(text));
	ck_assert_ptr_nonnull(strstr(text, "HTTP/1.1 4"));
	close(fd);
}
END_TEST

/* Sends @p first and then a byte now and then until the server has had enough. */
static void drip(const char *first, const char *drop)
{
	int fd = dial(), rounds = 0;
	char text[1024];

	say(fd, first);
	while (rounds < 100) {
		io_wait(loop, 100);
		if (send(fd, drop, 1, MSG_NOSIGNAL) < 0 ||
		    (recv(fd, text, sizeof(text), MSG_DONTWAIT) < 0 && errno != EAGAIN) ||
		    recv(fd, text, 1, MSG_DONTWAIT) == 0)
			break;
		rounds++;
	}
	ck_assert_int_lt(rounds, 40);
	close(fd);
}

START_TEST(slow_clients_are_sent_away)
{
	drip("GET / HTTP/1.1\r\nX: ", "a");
	drip("PUT /store HTTP/1.1\r\nHost: h\r\nContent-Length: 5000\r\n\r\n", "b");
	ck_assert_int_eq(gone, 1);
}
END_TEST

/* Reads until the end, which must come before all of the file. */
static void hear_part(int fd)
{
	static char text[1 << 16];
	int64_t got = 0;
	ssize_t n;

	while ((n = recv(fd, text, sizeof(text), MSG_DONTWAIT)) > 0 ||
	       (n < 0 && errno == EAGAIN && got < IO_BIG)) {
		got += n > 0 ? n : 0;
		io_wait(loop, n > 0 ? 0 : 10);
	}
	ck_assert_int_gt(got, 1 << 16);
	ck_assert_int_lt(got, IO_BIG);
	close(fd);
}

START_TEST(who_does_not_read_a_large_body_is_sent_away)
{
	int fd = dial();

	say(fd, "GET /file HTTP/1.1\r\nHost: h\r\n\r\n");
	io_wait(loop, 2600);
	hear_part(fd);
	fd = dial();
	say(fd, "GET /file HTTP/1.1\r\nHost: h\r\n\r\n");
	io_wait(loop, 100);
	httpd_freep(&server); /* in the middle of it */
	hear_part(fd);
}
END_TEST

START_TEST(a_held_exchange_is_not_idle)
{
	struct io_call c = { .loop = loop, .own_left = 1 };
	int answered = 0;

	c.left = &c.own_left;
	http_start(http, &HTTP_REQUEST(.method = "GET", .url = url_of("/hold")), io_done, &c);
	io_wait(loop, 2600);
	ck_assert_int_eq(gone, 0);
	answer_held(&answered);
	loop_run(loop);
	ck_assert_msg(!c.failed && c.reply.status == 200, "%s", c.err.text);
	io_call_done(&c);
}
END_TEST

static const struct {
	const char *address, *text; /* NULL: works */
} addresses[] = {
	{ "::1", NULL },
	{ "0.0.0.0", NULL },
	{ "localhost", "listening on localhost: this is no numeric address" },
	{ "192.0.2.1", "listening on 192.0.2.1 port 0: Cannot assign requested address" },
};

START_TEST(addresses_that_can_be_listened_on)
{
	const struct httpd_handler handler = { .on_request = asked };
	struct err e = { 0 };
	struct httpd *d = httpd_new(loop, addresses[_i].address, 0, NULL, &handler, &e);
	char url[64];
	struct io_call c;

	if (addresses[_i].text) {
		ck_assert_ptr_null(d);
		ck_assert_str_eq(e.text, addresses[_i].text);
		return;
	}
	ck_assert_msg(d, "%s", e.text);
	snprintf(url, sizeof(url), "http://%s:%d/",
		 addresses[_i].address[0] == ':' ? "[::1]" : "127.0.0.1", httpd_port(d));
	CALL(&c, .method = "GET", .url = url);
	ck_assert_msg(!c.failed, "%s", c.err.text);
	io_call_done(&c);
	ck_assert_ptr_null(
		httpd_new(loop, addresses[_i].address, httpd_port(d), NULL, &handler, &e));
	ck_assert_ptr_nonnull(strstr(e.text, "Address already in use"));
	httpd_free(d);
}
END_TEST

Suite *check_base_httpd(void)
{
	Suite *s = suite_create("base httpd");
	TCase *t = tcase_create("httpd"), *slow = tcase_create("httpd limits");

	tcase_set_timeout(t, 120);
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, a_request_comes_as_it_was_sent);
	tcase_add_test(t, big_bodies_pass_through_descriptors_both_ways);
	tcase_add_loop_test(t, answers_have_their_length, 0, COUNT_OF(lengths));
	tcase_add_loop_test(t, bodies_are_taken_refused_or_discarded, 0, COUNT_OF(bodies));
	tcase_add_test(t, two_hundred_long_polls_are_answered_later);
	tcase_add_test(t, a_poller_that_goes_away_is_told_at_once);
	tcase_add_test(t, a_storm_of_polls_answers_and_departures);
	tcase_add_test(t, an_upload_that_is_cut_off_is_told);
	tcase_add_test(t, leave_to_send_is_given_when_it_is_asked_for);
	tcase_add_test(t, chunked_and_pipelined_requests_are_understood);
	tcase_add_loop_test(t, garbage_does_no_harm, 0, COUNT_OF(garbage));
	tcase_add_loop_test(t, addresses_that_can_be_listened_on, 0, COUNT_OF(addresses));
	suite_add_tcase(s, t);
	tcase_set_timeout(slow, 120);
	tcase_add_checked_fixture(slow, setup_short, teardown);
	tcase_add_test(slow, headers_past_their_cap_are_refused);
	tcase_add_test(slow, slow_clients_are_sent_away);
	tcase_add_test(slow, who_does_not_read_a_large_body_is_sent_away);
	tcase_add_test(slow, a_held_exchange_is_not_idle);
	suite_add_tcase(s, slow);
	suite_add_tcase(s, check_base_httpd_flow());
	return s;
}
