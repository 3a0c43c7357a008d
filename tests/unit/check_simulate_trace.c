/* The course of a run: bounded, and nothing that stood out is lost. */
#include "check_simulate.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/own.h"

#define SECOND ((int64_t)LOAD_US)

static struct trace_state state(int64_t backlog, int64_t desired, int64_t ready)
{
	return (struct trace_state){ backlog, desired, ready };
}

START_TEST(a_state_holds_until_the_next)
{
	struct trace t;

	trace_begin(&t, 1260 * SECOND, &(struct trace_state){ 0, 1, 1 });
	ck_assert_int_eq(t.width_us, SECOND);
	trace_state(&t, 10 * SECOND + 1, &(struct trace_state){ 5, 3, 1 });
	trace_state(&t, 12 * SECOND, &(struct trace_state){ 2, 3, 2 });
	trace_end(&t, 1260 * SECOND);
	ck_assert_uint_eq(t.count, 1260);
	for (size_t i = 0; i < t.count; i++) {
		int64_t least = i <= 10 ? 0 : i <= 12 ? (i == 11 ? 5 : 2) : 2;
		int64_t most = i < 10 ? 0 : i <= 12 ? 5 : 2;

		ck_assert_int_eq(t.bin[i].least.backlog, least);
		ck_assert_int_eq(t.bin[i].most.backlog, most);
		ck_assert_int_eq(t.bin[i].changes, i == 10);
	}
	trace_done(&t);
}
END_TEST

START_TEST(the_largest_change_gives_the_reason)
{
	struct trace t;

	trace_begin(&t, 1260 * SECOND, &(struct trace_state){ 0, 1, 1 });
	ck_assert(trace_wants(&t, 5, 1, 1));
	trace_look(&t, 5, 1, 1, "nothing to do");
	ck_assert(!trace_wants(&t, 6, 1, 1));
	ck_assert(trace_wants(&t, 7, 1, 4));
	trace_look(&t, 7, 1, 4, "much to do");
	ck_assert(!trace_wants(&t, 8, 4, 2));
	ck_assert_str_eq(t.bin[0].why, "much to do");
	trace_look(&t, SECOND, 4, 9, "more to do");
	trace_look(&t, 3 * SECOND, 9, 8, "less to do");
	trace_end(&t, 4 * SECOND);
	trace_fit(&t, 1);
	ck_assert_str_eq(t.bin[0].why, "more to do");
	ck_assert_uint_eq(t.count, 1);
	trace_done(&t);
	trace_done(&t);
}
END_TEST

/* A walk of random length and steps, kept in bins and beside them. */
START_TEST(no_peak_is_lost_however_long_it_lasts)
{
	struct rng r;

	rng_seed(&r, 11);
	for (int round = 0; round < 20; round++) {
		struct trace_state s = state(10, 3, 3), least = s, most = s;
		int64_t arrivals = 0, starts = 0, longest = 0, changes = 0, now = 0;
		int64_t steps = 200 + (int64_t)rng_below(&r, 3000);
		double sum = 0;
		struct trace t;

		trace_begin(&t, 600 * SECOND, &s);
		for (int64_t i = 0; i < steps; i++) {
			int64_t wait = (int64_t)rng_below(&r, 900) * SECOND;
			struct trace_state next =
				state((int64_t)rng_below(&r, 1000), (int64_t)rng_below(&r, 100),
				      (int64_t)rng_below(&r, 50));

			now += (int64_t)rng_below(&r, 300) * SECOND;
			trace_arrival(&t, now);
			trace_start(&t, now, wait);
			arrivals++;
			starts++;
			sum += (double)wait;
			longest = wait > longest ? wait : longest;
			changes += next.desired != s.desired;
			s = next;
			trace_state(&t, now, &s);
			least.backlog = s.backlog < least.backlog ? s.backlog : least.backlog;
			most.backlog = s.backlog > most.backlog ? s.backlog : most.backlog;
			most.desired = s.desired > most.desired ? s.desired : most.desired;
			most.ready = s.ready > most.ready ? s.ready : most.ready;
		}
		trace_end(&t, now + 1);
		for (size_t want = TRACE_BINS; want > 0; want /= 5) {
			struct trace_bin all = { .least = t.bin[0].least, .most = t.bin[0].most };

			trace_fit(&t, want);
			ck_assert_uint_le(t.count, want);
			ck_assert_int_ge((int64_t)t.count * t.width_us, now);
			for (size_t i = 0; i < t.count; i++) {
				struct trace_bin copy = t.bin[i];

				trace_merge(&all, &copy);
			}
			ck_assert_int_eq(all.arrivals, arrivals);
			ck_assert_int_eq(all.starts, starts);
			ck_assert_int_eq(all.wait_most_us, longest);
			ck_assert_double_eq_tol(all.wait_sum_us, sum, sum * 1e-12);
			ck_assert_int_eq(all.changes, changes);
			ck_assert_int_eq(all.least.backlog, least.backlog);
			ck_assert_int_eq(all.most.backlog, most.backlog);
			ck_assert_int_eq(all.most.desired, most.desired);
			ck_assert_int_eq(all.most.ready, most.ready);
		}
		trace_done(&t);
	}
}
END_TEST

struct hand { /* wants 1 and 7 by turns */
	int64_t looks;
};

static int64_t sway(void *self, const struct plant_view *v, struct span *ret_next)
{
	struct hand *h = self;

	(void)v;
	*ret_next = span_s(600);
	return h->looks++ % 2 ? 1 : 7;
}

/* What the plant tells the trace is what it tells in its result, and to be watched changes nothing.
 */
START_TEST(the_course_of_a_run_agrees_with_its_result)
{
	static const char *const how[] = { "scale_in=protect", "scale_in=kill",
					   "spot_per_hour=0.5" };

	for (size_t i = 0; i < COUNT_OF(how); i++) {
		struct hand hand = { 0 }, other = { 0 };
		struct plant_scaler scaler = { .self = &hand, .decide = sway };
		struct plant_scaler again = { .self = &other, .decide = sway };
		struct trace t = { 0 };
		struct plant_result with, without;
		struct trace_bin all = { 0 };
		struct knobs k;
		struct load l;
		struct plant_case c = { .load = &l,
					.knobs = &k,
					.scaler = &scaler,
					.slots = 2,
					.max = 20,
					.initial = 2,
					.promise = span_s(60),
					.seed = 3,
					.trace = &t };

		knobs_init(&k);
		set(&k, how[i]);
		load(&l, "diurnal:per_hour=200,for=2d");
		plant_run(&c, &with);
		c.trace = NULL;
		c.scaler = &again;
		plant_run(&c, &without);
		ck_assert_mem_eq(&with, &without, sizeof(with));
		for (size_t b = 0; b < t.count; b++)
			trace_merge(&all, &t.bin[b]);
		ck_assert_int_eq(all.arrivals, with.jobs);
		ck_assert_int_eq(all.starts, with.done);
		ck_assert_int_eq(all.wait_most_us, with.most_us);
		ck_assert_double_eq_tol(all.wait_sum_us / (double)all.starts, with.mean_us, 1);
		ck_assert_int_eq(all.most.backlog, with.backlog_peak);
		ck_assert_int_eq(all.most.ready, with.capacity_peak);
		ck_assert_int_ge(all.changes, with.actions); /* those after the load's end too */
		ck_assert_int_le(all.changes, with.looks);
		ck_assert_str_eq(all.why, "7 -> 1");
		own_free(all.why);
		trace_done(&t);
		load_done(&l);
		knobs_done(&k);
	}
}
END_TEST

Suite *suite_trace(void)
{
	Suite *s = suite_create("simulate: trace");
	TCase *t = tcase_create("trace");

	tcase_add_test(t, a_state_holds_until_the_next);
	tcase_add_test(t, the_largest_change_gives_the_reason);
	tcase_add_test(t, no_peak_is_lost_however_long_it_lasts);
	tcase_add_test(t, the_course_of_a_run_agrees_with_its_result);
	suite_add_tcase(s, t);
	return s;
}
