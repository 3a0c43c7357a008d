/* The gate of an endpoint: breaker, send rate, ranks; and what sets the retries. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "aws/autoscaling.h"
#include "aws/lane_own.h"
#include "aws/sqs.h"
#include "base/clock.h"
#include "check_aws_world.h"

static const struct world_step dead[] = { { 503, "", { 0 } } };
static const struct world_step alive[] = { { 200, DEPTH, { 0 } } };
static const struct world_step silent[] = { { 0 } };
static const struct world_step throttles[] = { { 400, JSON_ERROR("Throttling"), { 0 } } };

static struct lane_state state_of(struct world *w)
{
	struct lane_state s;

	ck_assert_uint_eq(lane_states(w->lane, &s, 1), 1);
	return s;
}

static void wait_half_open(struct world *w)
{
	while (state_of(w).breaker != LANE_HALF_OPEN)
		usleep(5000);
}

static size_t changes;

static void changed(enum lane_change what, const struct lane_state *s, void *arg)
{
	ck_assert_int_eq(what, changes == 0 ? LANE_BROKEN : LANE_MENDED);
	ck_assert_int_eq(s->service, SERVICE_SQS);
	ck_assert_ptr_nonnull(arg);
	changes++;
}

START_TEST(a_dead_service_is_left_alone_until_it_answers_a_probe)
{
	static const int attempts[] = { 3, 3, 3, 1, 0 };
	struct aws_call c = { 0 };
	struct err e = { 0 };
	struct depth d;
	struct world w;

	world_up(&w, dead, 1);
	changes = 0;
	w.lane->on_change = changed;
	w.lane->on_change_arg = &w;
	aws_sqs_depth_ask(&c.request, URL);
	for (size_t i = 0; i < COUNT_OF(attempts); i++) {
		world_run(&w, &c, span_s(10));
		ck_assert_int_eq(c.reply.attempts, attempts[i]);
	}
	ck_assert_int_lt(aws_sqs_depth_read(&c.reply, &d, &e), 0);
	ck_assert_int_eq(e.kind, ERR_UNREACHABLE);
	ck_assert_msg(strstr(e.text, "not called: the last 10 calls failed") != NULL, "%s", e.text);
	wait_half_open(&w);
	world_run(&w, &c, span_s(10)); /* it fails, so one is enough */
	ck_assert_int_eq(c.reply.attempts, 1);
	ck_assert_int_eq(state_of(&w).breaker, LANE_OPEN);
	ck_assert_uint_eq(w.seen, 11);
	wait_half_open(&w);
	w.steps = alive;
	world_run(&w, &c, span_s(10));
	ck_assert_int_eq(c.reply.attempts, 1);
	ck_assert_int_eq(state_of(&w).breaker, LANE_CLOSED);
	ck_assert_uint_eq(changes, 2);
	w.steps = dead;
	world_run(&w, &c, span_s(10));
	ck_assert_int_eq(c.reply.attempts, 3);
	aws_call_done(&c);
	world_down(&w);
}
END_TEST

START_TEST(one_probe_at_a_time)
{
	struct aws_call c = { 0 }, other = { 0 };
	struct world w;

	world_up(&w, dead, 1);
	aws_sqs_depth_ask(&c.request, URL);
	aws_sqs_depth_ask(&other.request, URL);
	do {
		world_run(&w, &c, span_s(10));
	} while (c.reply.attempts > 0);
	wait_half_open(&w);
	w.steps = silent;
	w.stop_at = w.seen + 1;
	lane_start(w.lane, &other, span_s(10), world_ended, &w);
	loop_run(w.loop); /* the probe has arrived */
	world_run(&w, &c, span_s(10));
	ck_assert_int_eq(c.reply.attempts, 0);
	lane_cancel(w.lane, &other); /* a probe that is given up makes room for the next */
	w.steps = dead;
	world_run(&w, &c, span_s(10));
	ck_assert_int_eq(c.reply.attempts, 1);
	aws_call_done(&c);
	aws_call_done(&other);
	world_down(&w);
}
END_TEST

/* A broken queue service leaves the groups' alone, and another host's queues. */
START_TEST(endpoints_break_one_by_one)
{
	struct aws_call c = { 0 }, group = { 0 };
	struct lane_state s[4];
	struct world w;

	world_up(&w, dead, 1);
	aws_sqs_depth_ask(&c.request, URL);
	do {
		world_run(&w, &c, span_s(10));
	} while (c.reply.attempts > 0);
	aws_autoscaling_set_desired_ask(&group.request, "g", 3);
	world_run(&w, &group, span_s(10));
	ck_assert_int_eq(group.reply.attempts, 1);
	ck_assert_uint_eq(lane_states(w.lane, s, COUNT_OF(s)), 2);
	ck_assert_int_eq(s[0].breaker, LANE_OPEN);
	ck_assert_int_eq(s[1].breaker, LANE_CLOSED);
	ck_assert_int_eq(s[1].service, SERVICE_AUTOSCALING);
	aws_call_done(&c);
	aws_call_done(&group);
	world_down(&w);
}
END_TEST

/* More calls than may run at once: growing a fleet goes first, then writes, then the oldest read.
 */
START_TEST(calls_wait_by_rank)
{
	struct aws_call running[LANE_CALLS_MAX] = { 0 }, waits[4] = { 0 };
	static const size_t order[] = { 3, 2, 0, 1 };
	struct world w;

	world_up(&w, silent, 1);
	w.stop_at = COUNT_OF(running);
	for (size_t i = 0; i < COUNT_OF(running); i++) {
		aws_sqs_depth_ask(&running[i].request, URL);
		lane_start(w.lane, &running[i], span_s(20), world_ended, &w);
	}
	for (size_t i = 0; i < COUNT_OF(waits); i++) {
		aws_sqs_depth_ask(&waits[i].request, URL);
		waits[i].request.write = i >= 2;
		waits[i].request.urgent = i == 3;
		lane_start(w.lane, &waits[i], span_s(20), world_ended, &w);
	}
	loop_run(w.loop);
	ck_assert_uint_eq(state_of(&w).running, LANE_CALLS_MAX);
	ck_assert_uint_eq(state_of(&w).queued, COUNT_OF(waits));
	w.steps = alive;
	lane_cancel(w.lane, &running[0]); /* room for one, and then for the next */
	for (size_t i = 0; i < COUNT_OF(order); i++) {
		loop_run(w.loop);
		ck_assert_uint_eq(w.ended, i + 1);
		ck_assert_ptr_null(waits[order[i]].flight);
		ck_assert_int_eq(waits[order[i]].reply.status, 200);
	}
	ck_assert_uint_eq(w.seen, COUNT_OF(running) + COUNT_OF(waits));
	for (size_t i = 0; i < COUNT_OF(running); i++) {
		lane_cancel(w.lane, &running[i]);
		aws_call_done(&running[i]);
	}
	for (size_t i = 0; i < COUNT_OF(waits); i++)
		aws_call_done(&waits[i]);
	world_down(&w);
}
END_TEST

START_TEST(who_waits_too_long_is_told_why)
{
	struct aws_call running[LANE_CALLS_MAX] = { 0 }, c = { 0 };
	struct err e = { 0 };
	struct depth d;
	struct world w;

	world_up(&w, silent, 1);
	for (size_t i = 0; i < COUNT_OF(running); i++) {
		aws_sqs_depth_ask(&running[i].request, URL);
		lane_start(w.lane, &running[i], span_s(20), world_ended, &w);
	}
	aws_sqs_depth_ask(&c.request, URL);
	world_run(&w, &c, span_ms(200));
	ck_assert_int_lt(aws_sqs_depth_read(&c.reply, &d, &e), 0);
	ck_assert_int_eq(e.kind, ERR_UNREACHABLE);
	ck_assert_msg(strstr(e.text, "not called: 32 calls were on their way") != NULL, "%s",
		      e.text);
	for (size_t i = 0; i < COUNT_OF(running); i++) {
		lane_cancel(w.lane, &running[i]);
		aws_call_done(&running[i]);
	}
	aws_call_done(&c);
	world_down(&w);
}
END_TEST

/* --- the send rate */

START_TEST(throttles_slow_an_adaptive_lane_down)
{
	struct aws_call c = { 0 }, write = { 0 };
	struct err e = { 0 };
	struct depth d;
	struct world w;

	world_up(&w, throttles, 1);
	w.lane->adaptive = true;
	w.lane->attempts = 1;
	aws_sqs_depth_ask(&c.request, URL);
	world_run(&w, &c, span_s(10));
	ck_assert_int_eq(state_of(&w).breaker, LANE_CLOSED); /* a throttle is an answer */
	ck_assert_int_eq(state_of(&w).rate_milli, 500);
	w.steps = alive;
	world_run(&w, &c, span_ms(100)); /* the bucket is empty for two seconds */
	ck_assert_int_lt(aws_sqs_depth_read(&c.reply, &d, &e), 0);
	ck_assert_int_eq(e.kind, ERR_THROTTLED);
	ck_assert_int_eq(c.reply.attempts, 0);
	lane_start(w.lane, &c, span_s(20), world_ended, &w);
	aws_sqs_depth_ask(&write.request, URL);
	write.request.urgent = true;
	lane_start(w.lane, &write, span_s(20), world_ended, &w);
	loop_run(w.loop);
	ck_assert_int_eq(write.reply.status, 200); /* it came later, and went first */
	ck_assert_ptr_nonnull(c.flight);
	lane_cancel(w.lane, &c);
	aws_call_done(&c);
	aws_call_done(&write);
	world_down(&w);
}
END_TEST

START_TEST(throttles_leave_a_standard_lane_as_fast_as_it_was)
{
	struct aws_call c = { 0 };
	struct world w;

	world_up(&w, throttles, 1);
	w.lane->attempts = 1;
	aws_sqs_depth_ask(&c.request, URL);
	world_run(&w, &c, span_s(10));
	ck_assert_int_eq(state_of(&w).throttled, 1);
	ck_assert_int_eq(state_of(&w).rate_milli, 0);
	aws_call_done(&c);
	world_down(&w);
}
END_TEST

static struct tick at_ms(int64_t ms)
{
	return (struct tick){ 1000000 + ms };
}

/* A service that lets @p allowed calls a second through, and a client that has more than it. */
static double settled_rate(double allowed, int64_t *ret_throttled)
{
	struct lane_rate r = { 0 };
	double credit = allowed;
	int64_t sent = 0;

	*ret_throttled = 0;
	for (int64_t ms = 0; ms < 120000; ms += 5) {
		credit = credit + allowed * 0.005 < allowed ? credit + allowed * 0.005 : allowed;
		if (lane_rate_take(&r, at_ms(ms)).ms > 0)
			continue;
		lane_rate_answered(&r, credit < 1, at_ms(ms));
		*ret_throttled += ms >= 60000 && credit < 1;
		sent += ms >= 60000;
		credit -= credit >= 1;
	}
	return (double)sent / 60;
}

START_TEST(the_rate_settles_near_what_is_allowed)
{
	static const double allowed[] = { 2, 10, 50 };
	int64_t throttled;
	double rate = settled_rate(allowed[_i], &throttled);

	ck_assert_msg(rate > 0.6 * allowed[_i] && rate < 1.3 * allowed[_i], "%g of %g", rate,
		      allowed[_i]);
	ck_assert_msg((double)throttled < 0.25 * rate * 60, "%g throttled", (double)throttled);
}
END_TEST

START_TEST(the_rate_follows_cubic)
{
	struct lane_rate r = { 0 };
	double most;

	for (int64_t ms = 0; ms < 10000; ms += 50)
		lane_rate_answered(&r, false, at_ms(ms));
	ck_assert(!r.on);
	ck_assert_double_eq_tol(r.measured, 20, 0.1);
	lane_rate_answered(&r, true, at_ms(10000));
	ck_assert(r.on);
	most = r.most;
	ck_assert_double_eq_tol(r.rate, 0.7 * most, 0.01);
	ck_assert_double_eq_tol(r.flat_s, 2.466, 0.02); /* cbrt(20 * 0.3 / 0.4) */
	for (int64_t ms = 10050; ms <= 12450; ms += 50)
		lane_rate_answered(&r, false, at_ms(ms));
	ck_assert_double_eq_tol(r.rate, most, 0.2); /* back where it was */
}
END_TEST

START_TEST(an_empty_bucket_says_how_long)
{
	struct lane_rate r = { 0 };

	lane_rate_answered(&r, true, at_ms(0));
	ck_assert_int_eq(lane_rate_take(&r, at_ms(0)).ms, 2000);
	ck_assert_int_eq(lane_rate_take(&r, at_ms(1000)).ms, 1000);
	ck_assert_int_eq(lane_rate_take(&r, at_ms(2000)).ms, 0);
	ck_assert_int_eq(lane_rate_take(&r, at_ms(2000)).ms, 2000);
	ck_assert_int_eq(lane_rate_take(&r, at_ms(100000)).ms, 0);
	ck_assert_int_eq(lane_rate_take(&r, at_ms(100000)).ms, 2000); /* it holds one */
}
END_TEST

/* --- settings */

static const struct {
	const char *attempts, *mode;
	int want_attempts;
	bool want_adaptive;
	const char *says; /* of the error */
} settings[] = {
	{ NULL, NULL, 3, true, NULL },
	{ "5", "standard", 5, false, NULL },
	{ "", "", 3, true, NULL },
	{ "1", "legacy", 1, false, NULL },
	{ NULL, "adaptive", 3, true, NULL },
	{ "0", NULL, 0, false, "AWS_MAX_ATTEMPTS is '0' -> a number from 1 to 100" },
	{ "3x", NULL, 0, false, "AWS_MAX_ATTEMPTS is '3x'" },
	{ NULL, "turbo", 0, false, "AWS_RETRY_MODE is 'turbo' -> standard or adaptive" },
};

START_TEST(retries_are_set_as_for_the_sdks)
{
	struct lane *l;
	struct err e = { 0 };

	check_aws_clean();
	if (settings[_i].attempts)
		setenv("AWS_MAX_ATTEMPTS", settings[_i].attempts, 1);
	if (settings[_i].mode)
		setenv("AWS_RETRY_MODE", settings[_i].mode, 1);
	l = lane_new(NULL, &(struct lane_options){ .region = "eu-west-1", .adaptive = true }, &e);
	if (settings[_i].says) {
		ck_assert_ptr_null(l);
		ck_assert_int_eq(e.kind, ERR_POLICY);
		ck_assert_msg(strstr(e.text, settings[_i].says) != NULL, "%s", e.text);
	} else {
		ck_assert_msg(l != NULL, "%s", e.text);
		ck_assert_int_eq(l->attempts, settings[_i].want_attempts);
		ck_assert(l->adaptive == settings[_i].want_adaptive);
	}
	lane_free(l);
	check_aws_clean();
}
END_TEST

static const struct {
	const char *name, *value;
	int ms;
} waits[] = {
	{ "Retry-After", "5", 5000 },          { "x-amz-retry-after", "250", 250 },
	{ "x-amz-retry-after", "-1", 0 },      { "x-amz-retry-after", "soon", 0 },
	{ "Retry-After", "99999999", 300000 }, { "x-amz-retry-after", "99999999", 300000 },
	{ "Retry-After", "Wed, 21 Oct", 0 },
};

START_TEST(what_the_service_asks_to_wait)
{
	struct world_step steps[] = { { 503, "", { waits[_i].name, waits[_i].value } } };
	struct aws_call c = { 0 };
	struct world w;

	world_up(&w, steps, 1);
	w.lane->attempts = 1;
	aws_sqs_depth_ask(&c.request, URL);
	world_run(&w, &c, span_s(3));
	ck_assert_int_eq(c.reply.err.retry_after_ms, waits[_i].ms);
	aws_call_done(&c);
	world_down(&w);
}
END_TEST

Suite *check_aws_gate(void)
{
	Suite *s = suite_create("aws gate");
	TCase *t = tcase_create("all");

	tcase_set_timeout(t, 60);
	tcase_add_test(t, a_dead_service_is_left_alone_until_it_answers_a_probe);
	tcase_add_test(t, one_probe_at_a_time);
	tcase_add_test(t, endpoints_break_one_by_one);
	tcase_add_test(t, calls_wait_by_rank);
	tcase_add_test(t, who_waits_too_long_is_told_why);
	tcase_add_test(t, throttles_slow_an_adaptive_lane_down);
	tcase_add_test(t, throttles_leave_a_standard_lane_as_fast_as_it_was);
	tcase_add_loop_test(t, the_rate_settles_near_what_is_allowed, 0, 3);
	tcase_add_test(t, the_rate_follows_cubic);
	tcase_add_test(t, an_empty_bucket_says_how_long);
	tcase_add_loop_test(t, retries_are_set_as_for_the_sdks, 0, COUNT_OF(settings));
	tcase_add_loop_test(t, what_the_service_asks_to_wait, 0, COUNT_OF(waits));
	suite_add_tcase(s, t);
	return s;
}
