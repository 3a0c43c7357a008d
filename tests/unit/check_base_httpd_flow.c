/* Bodies that come and go bit by bit: taken by a function that makes the peer wait, sent while they
 * grow, answered before their end, and answers that are written as things happen. */
#include <check.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "check_base_io.h"

#define PIECE 100000
#define MUCH (200ll << 20)

static struct loop *loop;
static struct http *http;
static struct httpd *server;
static struct httpd_exchange *stopped; /* whose body waits, or whose answer is written */
static struct loop_timer *timer;
static int from, into, gone, waits, written;
static int64_t took, stop_at, there;
static struct http_call *growing;

static size_t take(struct httpd_exchange *x, const char *data, size_t len, void *arg)
{
	(void)arg;
	if (len > (size_t)(stop_at - took)) {
		len = (size_t)(stop_at - took);
		stopped = x;
		waits++;
		loop_timer_start(timer, span_ms(1));
	}
	ck_assert_int_eq(pwrite(into, data, len, took), (ssize_t)len);
	took += (int64_t)len;
	return len;
}

static void take_more(void *arg)
{
	(void)arg;
	if (!stopped)
		return;
	stop_at += PIECE;
	httpd_body_more(stopped);
}

static size_t refuse(struct httpd_exchange *x, const char *data, size_t len, void *arg)
{
	(void)data;
	(void)arg;
	httpd_answer(x, 415, (struct httpd_header[]){ { "Content-Type", "text/x" } }, 1, "no", 2);
	return len;
}

static void at_head(struct httpd_exchange *x, void *arg)
{
	(void)arg;
	if (strcmp(httpd_target(x), "/take") == 0)
		httpd_body_to_fn(x, take, NULL, IO_BIG);
	if (strcmp(httpd_target(x), "/refuse") == 0)
		httpd_body_to_fn(x, refuse, NULL, MUCH);
}

static void write_some(void *arg)
{
	(void)arg;
	if (!stopped)
		return;
	if (written == 3) {
		httpd_end(stopped);
		return;
	}
	ck_assert_int_eq(httpd_write(stopped, "tick\n", 5), 0);
	written++;
	loop_timer_start(timer, span_ms(5));
}

static void asked(struct httpd_exchange *x, void *arg)
{
	(void)arg;
	if (strcmp(httpd_target(x), "/take") == 0) {
		stopped = NULL;
		httpd_answer(x, 201, NULL, 0, "ok", 2);
		return;
	}
	stopped = x;
	httpd_begin(x, 200, (struct httpd_header[]){ { "Content-Type", "text/event-stream" } }, 1);
	if (strcmp(httpd_target(x), "/ticks") == 0)
		loop_timer_start(timer, span_ms(5));
}

static void left(struct httpd_exchange *x, void *arg)
{
	(void)arg;
	gone++;
	if (stopped == x)
		stopped = NULL;
}

static void setup_for(loop_fn *fn)
{
	const struct httpd_handler handler = { at_head, asked, left, NULL };
	struct err e = { 0 };

	loop = loop_new();
	http = http_new(loop);
	server = httpd_new(loop, "127.0.0.1", 0, &(struct httpd_limits){ .idle_seconds = 1 },
			   &handler, &e);
	ck_assert_msg(server, "%s", e.text);
	timer = loop_timer_new(loop, fn, NULL);
	from = io_file(IO_BIG);
	into = io_file(0);
	stopped = NULL;
	gone = waits = written = 0;
	took = there = 0;
	stop_at = PIECE;
}

static void teardown(void)
{
	http_free(http);
	httpd_free(server);
	loop_timer_free(timer);
	loop_free(loop);
	close(from);
	close(into);
}

static const char *url_of(const char *target)
{
	static char url[256];

	snprintf(url, sizeof(url), "http://127.0.0.1:%d%s", httpd_port(server), target);
	return url;
}

START_TEST(a_peer_waits_while_a_body_is_not_taken)
{
	struct io_call c;

	setup_for(take_more);
	io_run(loop, http,
	       &HTTP_REQUEST(.method = "PUT", .url = url_of("/take"), .body_fd = from,
			     .body_size = IO_BIG),
	       &c);
	ck_assert_msg(!c.failed, "%s", c.err.text);
	ck_assert_int_eq(c.reply.status, 201);
	ck_assert_int_eq(took, IO_BIG);
	ck_assert_int_ge(waits, IO_BIG / PIECE - 1);
	ck_assert(io_same(from, into, IO_BIG));
	ck_assert_int_eq(gone, 0);
	io_call_done(&c);
	teardown();
}
END_TEST

static void never(void *arg)
{
	(void)arg;
}

START_TEST(a_peer_that_leaves_while_its_body_waits_is_noticed)
{
	struct io_call c = { 0 };
	struct http_call *call;

	setup_for(never);
	call = http_start(http,
			  &HTTP_REQUEST(.method = "PUT", .url = url_of("/take"), .body_fd = from,
					.body_size = IO_BIG),
			  io_done, &c);
	while (!stopped)
		io_wait(loop, 20);
	io_wait(loop, 2500); /* longer than a slow body may take: it waits for us */
	ck_assert_int_eq(gone, 0);
	http_cancel(call);
	/* Its end stands behind what was not read yet, so it shows as soon as that is. */
	stop_at = IO_BIG;
	httpd_body_more(stopped);
	for (int i = 0; i < 100 && !gone; i++)
		io_wait(loop, 20);
	ck_assert_int_eq(gone, 1);
	teardown();
}
END_TEST

START_TEST(a_large_body_is_refused_before_its_end)
{
	struct io_call c;
	int fd = io_file(0);

	setup_for(never);
	ck_assert_int_eq(ftruncate(fd, MUCH), 0);
	io_run(loop, http,
	       &HTTP_REQUEST(.method = "PUT", .url = url_of("/refuse"), .body_fd = fd,
			     .body_size = MUCH),
	       &c);
	ck_assert_msg(!c.failed, "%s", c.err.text);
	ck_assert_int_eq(c.reply.status, 415);
	ck_assert_str_eq(buf_str(&c.reply.body), "no");
	ck_assert_str_eq(http_reply_header(&c.reply, "content-type"), "text/x");
	ck_assert_int_eq(gone, 0); /* it was answered */
	io_call_done(&c);
	close(fd);
	teardown();
}
END_TEST

static int64_t there_now(void *arg)
{
	(void)arg;
	return there;
}

static void grow(void *arg)
{
	(void)arg;
	there += PIECE;
	if (there > IO_BIG)
		there = IO_BIG;
	http_body_more(growing);
	if (there < IO_BIG)
		loop_timer_start(timer, span_ms(1));
}

START_TEST(a_body_is_sent_while_it_grows)
{
	int left_over = 1;
	struct io_call c = { .left = &left_over };

	setup_for(grow);
	c.loop = loop;
	stop_at = IO_BIG;
	growing = http_start(http,
			     &HTTP_REQUEST(.method = "PUT", .url = url_of("/take"), .body_fd = from,
					   .body_size = IO_BIG, .body_there = there_now),
			     io_done, &c);
	loop_timer_start(timer, span_ms(1));
	loop_run(loop);
	ck_assert_msg(!c.failed, "%s", c.err.text);
	ck_assert_int_eq(c.reply.status, 201);
	ck_assert_int_eq(took, IO_BIG);
	ck_assert(io_same(from, into, IO_BIG));
	io_call_done(&c);
	teardown();
}
END_TEST

START_TEST(an_answer_is_written_as_things_happen)
{
	struct io_call c;

	setup_for(write_some);
	for (int again = 0; again < 2; again++) { /* on the same connection */
		written = 0;
		io_run(loop, http, &HTTP_REQUEST(.method = "GET", .url = url_of("/ticks")), &c);
		ck_assert_msg(!c.failed, "%s", c.err.text);
		ck_assert_str_eq(buf_str(&c.reply.body), "tick\ntick\ntick\n");
		ck_assert_int_eq(gone, 0);
		io_call_done(&c);
	}
	teardown();
}
END_TEST

START_TEST(who_leaves_an_open_answer_is_noticed)
{
	struct io_call c = { 0 };
	struct http_call *call;

	setup_for(never);
	call = http_start(http, &HTTP_REQUEST(.method = "GET", .url = url_of("/open")), io_done,
			  &c);
	while (!stopped)
		io_wait(loop, 20);
	io_wait(loop, 1500); /* past the idle time: a stream may be silent */
	ck_assert_int_eq(gone, 0);
	http_cancel(call);
	for (int i = 0; i < 100 && !gone; i++)
		io_wait(loop, 20);
	ck_assert_int_eq(gone, 1);
	/* and one that is open when the server goes */
	http_start(http, &HTTP_REQUEST(.method = "GET", .url = url_of("/open")), io_done, &c);
	while (!stopped)
		io_wait(loop, 20);
	httpd_freep(&server);
	ck_assert_int_eq(gone, 2);
	teardown();
}
END_TEST

START_TEST(who_does_not_read_an_open_answer_is_told_of)
{
	struct io_call c = { 0 };
	char piece[4096] = { 0 };
	int rc = 0;

	setup_for(never);
	http_start(http, &HTTP_REQUEST(.method = "GET", .url = url_of("/open")), io_done, &c);
	while (!stopped)
		io_wait(loop, 20);
	for (int i = 0; i < 1000 && rc == 0; i++)
		rc = httpd_write(stopped, piece, sizeof(piece)); /* the loop does not turn */
	ck_assert_int_eq(rc, -1);
	teardown();
}
END_TEST

TCase *check_base_httpd_flow(void)
{
	TCase *t = tcase_create("flow");

	tcase_set_timeout(t, 60);
	tcase_add_test(t, a_peer_waits_while_a_body_is_not_taken);
	tcase_add_test(t, a_peer_that_leaves_while_its_body_waits_is_noticed);
	tcase_add_test(t, a_large_body_is_refused_before_its_end);
	tcase_add_test(t, a_body_is_sent_while_it_grows);
	tcase_add_test(t, an_answer_is_written_as_things_happen);
	tcase_add_test(t, who_leaves_an_open_answer_is_noticed);
	tcase_add_test(t, who_does_not_read_an_open_answer_is_told_of);
	return t;
}
