/* Bodies that are taken off the loop. */
#include <check.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/crypto.h"
#include "check_base_io.h"

#define BODY_BYTES (9 << 20)
/* Few enough to be received whole: an end behind what nobody reads is not seen. */
#define GONE_BYTES (600 << 10)

static struct loop *loop;
static struct http *http;
static struct httpd *server;

/* What the takers of a body saw; the first of them waits at the gate while that is shut. */
static struct {
	pthread_mutex_t lock;
	pthread_cond_t moved;
	bool shut, at_gate;
	struct crypto_hash *taken, *beside;
	int64_t taken_bytes, beside_bytes, fail_at;
	int running; /* takers that are inside now: never two of a kind */
	int idle, gone, asked;
} seen;

static int take(const void *data, size_t len, void *arg)
{
	int rc;

	(void)arg;
	pthread_mutex_lock(&seen.lock);
	ck_assert_int_eq(seen.running++, 0);
	ck_assert_int_eq(seen.idle, 0);
	seen.at_gate = true;
	pthread_cond_broadcast(&seen.moved);
	while (seen.shut)
		pthread_cond_wait(&seen.moved, &seen.lock);
	crypto_hash_add(seen.taken, data, len);
	seen.taken_bytes += (int64_t)len;
	seen.running--;
	rc = seen.fail_at && seen.taken_bytes >= seen.fail_at ? -1 : 0;
	pthread_mutex_unlock(&seen.lock);
	return rc;
}

static int beside(const void *data, size_t len, void *arg)
{
	(void)arg;
	crypto_hash_add(seen.beside, data, len);
	seen.beside_bytes += (int64_t)len;
	return 0;
}

static void idle(void *arg)
{
	(void)arg;
	seen.idle++;
	loop_stop(loop);
}

static void at_head(struct httpd_exchange *x, void *arg)
{
	const struct httpd_sink sink = { take, arg ? beside : NULL, idle, NULL };

	if (strcmp(httpd_method(x), "PUT") == 0)
		httpd_body_to_sink(x, &sink, BODY_BYTES);
}

static void on_request(struct httpd_exchange *x, void *arg)
{
	(void)arg;
	seen.asked++;
	if (strcmp(httpd_method(x), "PUT") == 0)
		ck_assert_int_eq(seen.running, 0);
	httpd_answer(x, 200, NULL, 0, "ok", 2);
}

static void on_gone(struct httpd_exchange *x, void *arg)
{
	(void)x;
	(void)arg;
	seen.gone++;
	ck_assert_int_eq(seen.idle, 0);
	loop_stop(loop);
}

static void setup(void)
{
	const struct httpd_handler handler = { at_head, on_request, on_gone, &seen };
	const struct httpd_limits limits = { .idle_seconds = 8 };
	struct err e = { 0 };

	memset(&seen, 0, sizeof(seen));
	pthread_mutex_init(&seen.lock, NULL);
	pthread_cond_init(&seen.moved, NULL);
	seen.taken = crypto_hash_new(CRYPTO_SHA256);
	seen.beside = crypto_hash_new(CRYPTO_SHA256);
	loop = loop_new();
	http = http_new(loop);
	server = httpd_new(loop, "127.0.0.1", 0, &limits, &handler, &e);
	ck_assert_msg(server, "%s", e.text);
}

static void teardown(void)
{
	http_free(http);
	httpd_free(server);
	loop_free(loop);
	crypto_hash_freep(&seen.taken);
	crypto_hash_freep(&seen.beside);
}

static const char *url(void)
{
	static char text[64];

	snprintf(text, sizeof(text), "http://127.0.0.1:%d/", httpd_port(server));
	return text;
}

static uint8_t *body_new(size_t len)
{
	uint8_t *body = own_alloc(len + 1);

	for (size_t i = 0; i < len; i++)
		body[i] = (uint8_t)(i * 2654435761u >> 11);
	return body;
}

static void gate_open(void)
{
	pthread_mutex_lock(&seen.lock);
	seen.shut = false;
	pthread_cond_broadcast(&seen.moved);
	pthread_mutex_unlock(&seen.lock);
}

static void gate_reached(void)
{
	for (;;) {
		bool there;

		pthread_mutex_lock(&seen.lock);
		there = seen.at_gate;
		pthread_mutex_unlock(&seen.lock);
		if (there)
			return;
		io_wait(loop, 1);
	}
}

static const size_t sizes[] = {
	1, 4095, 4096, (256 << 10) - 1, 256 << 10, (256 << 10) + 1, 4 * (256 << 10), BODY_BYTES
};

START_TEST(both_takers_get_all_of_it_in_order)
{
	const size_t len = sizes[_i];
	uint8_t *body = body_new(len), want[CRYPTO_SHA256_BYTES], got[CRYPTO_SHA256_BYTES];
	struct io_call c;

	io_run(loop, http,
	       &HTTP_REQUEST(.method = "PUT", .url = url(), .body = body, .body_len = len), &c);
	ck_assert_msg(!c.failed, "%s", c.err.text);
	ck_assert_int_eq(c.reply.status, 200);
	ck_assert_int_eq(seen.asked, 1);
	ck_assert_int_eq(seen.taken_bytes, (int64_t)len);
	ck_assert_int_eq(seen.beside_bytes, (int64_t)len);
	crypto_sha256(body, len, want);
	crypto_hash_end(seen.taken, got);
	ck_assert_mem_eq(got, want, sizeof(want));
	crypto_hash_end(seen.beside, got);
	ck_assert_mem_eq(got, want, sizeof(want));
	ck_assert_int_eq(seen.idle, 0);
	io_call_done(&c);
	own_free(body);
}
END_TEST

/* The taker is where a slow disk would be: others are served, and the sender waits in its socket.
 */
START_TEST(a_slow_taker_holds_up_its_client_and_nobody_else)
{
	uint8_t *body = body_new(BODY_BYTES);
	int left = 1;
	struct io_call big = { .loop = loop, .left = &left }, c;

	seen.shut = true;
	http_start(
		http,
		&HTTP_REQUEST(.method = "PUT", .url = url(), .body = body, .body_len = BODY_BYTES),
		io_done, &big);
	gate_reached();
	for (int i = 0; i < 20; i++) {
		io_run(loop, http, &HTTP_REQUEST(.method = "GET", .url = url()), &c);
		ck_assert_msg(!c.failed && c.reply.status == 200, "%s", c.err.text);
		io_call_done(&c);
	}
	ck_assert_int_eq(left, 1);
	ck_assert_int_le(seen.beside_bytes, 8 * (256 << 10)); /* no more than there are pieces */
	gate_open();
	loop_run(loop);
	ck_assert_msg(!big.failed && big.reply.status == 200, "%s", big.err.text);
	ck_assert_int_eq(seen.taken_bytes, BODY_BYTES);
	io_call_done(&big);
	own_free(body);
}
END_TEST

START_TEST(a_taker_that_fails_ends_the_exchange)
{
	uint8_t *body = body_new(BODY_BYTES);
	struct io_call c;

	seen.fail_at = 1 << 20;
	c = (struct io_call){ .loop = loop, .own_left = 1 };
	c.left = &c.own_left;
	http_start(
		http,
		&HTTP_REQUEST(.method = "PUT", .url = url(), .body = body, .body_len = BODY_BYTES),
		io_done, &c);
	while (c.own_left || !seen.idle)
		loop_run(loop);
	ck_assert_msg(!c.failed, "%s", c.err.text);
	ck_assert_int_eq(c.reply.status, 500);
	ck_assert_int_eq(seen.gone, 1);
	ck_assert_int_eq(seen.idle, 1);
	ck_assert_int_eq(seen.asked, 0);
	ck_assert_int_lt(seen.taken_bytes, 4 << 20);
	io_call_done(&c);
	own_free(body);
}
END_TEST

/* _i 0: the client goes, 1: the server does. The taker is still at work then, and whatever it works
 * on must live until it is done. */
START_TEST(who_goes_away_is_told_before_the_taker_is_idle)
{
	uint8_t *body = body_new(GONE_BYTES);
	int left = 2; /* the end of the call ends no wait */
	struct io_call lost = { .loop = loop, .left = &left };
	struct http_call *call;

	seen.shut = true;
	call = http_start(
		http,
		&HTTP_REQUEST(.method = "PUT", .url = url(), .body = body, .body_len = GONE_BYTES),
		io_done, &lost);
	gate_reached();
	if (_i == 0)
		http_cancel(call);
	else
		httpd_freep(&server);
	while (!seen.gone)
		loop_run(loop);
	ck_assert_int_eq(seen.idle, 0);
	gate_open();
	while (!seen.idle)
		loop_run(loop);
	ck_assert_int_eq(seen.gone, 1);
	ck_assert_int_eq(seen.asked, 0);
	io_call_done(&lost);
	own_free(body);
}
END_TEST

Suite *check_base_stream(void)
{
	Suite *s = suite_create("base/httpd_stream");
	TCase *t = tcase_create("stream");

	tcase_set_timeout(t, 120);
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_loop_test(t, both_takers_get_all_of_it_in_order, 0, COUNT_OF(sizes));
	tcase_add_test(t, a_slow_taker_holds_up_its_client_and_nobody_else);
	tcase_add_test(t, a_taker_that_fails_ends_the_exchange);
	tcase_add_loop_test(t, who_goes_away_is_told_before_the_taker_is_idle, 0, 2);
	suite_add_tcase(s, t);
	return s;
}
