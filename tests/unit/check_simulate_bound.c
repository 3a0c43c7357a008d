/* The bound of the all-knowing: below every schedule that can be tried, and not far below. */
#include <stdio.h>

#include "check_simulate.h"
#include "simulate/bound.h"
#include "simulate/peer.h"

#define JOBS_MAX 4
#define SECONDS 48

struct tiny {
	int jobs, at[JOBS_MAX], takes[JOBS_MAX];
	int wait, boot, slots, initial;
};

static struct tiny draw(struct rng *r)
{
	struct tiny t = { .jobs = 1 + (int)rng_below(r, JOBS_MAX),
			  .wait = (int)rng_below(r, 6),
			  .boot = 2 + (int)rng_below(r, 12),
			  .slots = 1 + (int)rng_below(r, 2),
			  .initial = (int)rng_below(r, 3) };

	for (int i = 0; i < t.jobs; i++) {
		t.at[i] = (i > 0 ? t.at[i - 1] : 0) + (int)rng_below(r, 8);
		t.takes[i] = 1 + (int)rng_below(r, 8);
	}
	return t;
}

/* The least bill for a fleet that has @p need instances in each second. */
static int least_bill(const struct tiny *t, const int *need)
{
	enum { MOST = JOBS_MAX + 2 };
	int after[MOST + 1] = { 0 }, now[MOST + 1];

	for (int s = SECONDS; s-- > 0;) {
		for (int had = 0; had <= MOST; had++) {
			now[had] = INT32_MAX;
			for (int has = need[s]; has <= MOST; has++) {
				int bill =
					has + after[has] + (has > had ? (has - had) * t->boot : 0);

				now[had] = bill < now[had] ? bill : now[had];
			}
		}
		memcpy(after, now, sizeof(after));
	}
	return after[t->initial];
}

/* Every job at every second that it may start. */
static int try_all(const struct tiny *t)
{
	int delay[JOBS_MAX] = { 0 }, best = INT32_MAX, i = 0;

	while (i < t->jobs) {
		int need[SECONDS] = { 0 }, bill;

		for (int j = 0; j < t->jobs; j++)
			for (int s = 0; s < t->takes[j]; s++)
				need[t->at[j] + delay[j] + s]++;
		for (int s = 0; s < SECONDS; s++)
			need[s] = (need[s] + t->slots - 1) / t->slots;
		bill = least_bill(t, need);
		best = bill < best ? bill : best;
		for (i = 0; i < t->jobs && ++delay[i] > t->wait; i++)
			delay[i] = 0;
	}
	return best;
}

static double bound_of(const struct tiny *t)
{
	char boot[32];
	struct knobs k;
	struct load l;
	struct bound b;
	struct plant_case c = { .load = &l,
				.knobs = &k,
				.slots = t->slots,
				.max = 100,
				.initial = t->initial,
				.seed = 1 };

	knobs_init(&k);
	snprintf(boot, sizeof(boot), "boot=constant:%ds", t->boot);
	set(&k, boot);
	load_init(&l, false);
	l.has_service = true;
	for (int i = 0; i < t->jobs; i++)
		ck_assert_int_eq(load_add(&l, t->at[i] * (int64_t)LOAD_US,
					  t->takes[i] * (int64_t)LOAD_US, NULL),
				 0);
	ck_assert_int_eq(load_finish(&l, NULL), 0);
	bound_find(&c, span_s(t->wait), LOAD_US, &b);
	ck_assert_int_eq(b.step_us, LOAD_US);
	load_done(&l);
	knobs_done(&k);
	return b.seconds;
}

START_TEST(the_bound_lies_below_every_schedule_of_a_tiny_load)
{
	double share = 0;
	struct rng r;
	const int n = 400;

	rng_seed(&r, 20);
	for (int i = 0; i < n; i++) {
		struct tiny t = draw(&r);
		int best = try_all(&t);
		double bound = bound_of(&t);

		ck_assert_msg(bound <= best + 1e-9, "%d: bound %g, but %d is possible", i, bound,
			      best);
		share += bound / best / n;
	}
	/* A bound of nothing but the work would be below too. */
	ck_assert_double_ge(share, 0.75);
	ck_assert_double_le(share, 1);
}
END_TEST

START_TEST(the_bound_lies_below_policies_that_keep_the_promise)
{
	static const char *const peers[] = { "fixed:4", "fixed:6", "naive:1",
					     "naive:3", "keda:2",  "keda:5" };
	static const char *const loads[] = { "diurnal:per_hour=120,for=1d", "burst:for=1d",
					     "poisson:per_hour=60,for=12h" };
	int kept = 0;

	for (size_t i = 0; i < COUNT_OF(loads); i++)
		for (size_t j = 0; j < COUNT_OF(peers); j++) {
			struct load l;
			struct knobs k;
			struct peer p;
			struct plant_scaler scaler;
			struct plant_result r;
			struct bound b;
			struct plant_case c = { .load = &l,
						.knobs = &k,
						.scaler = &scaler,
						.slots = 1,
						.max = 100,
						.initial = -1,
						.promise = span_s(300),
						.seed = 3 };

			knobs_init(&k);
			load(&l, loads[i]);
			ck_assert_int_eq(peer_init(&p, peers[j], 1, NULL), 0);
			scaler = peer_plant(&p);
			plant_run(&c, &r);
			bound_find(&c, c.promise, 0, &b);
			ck_assert_int_gt(b.step_us, 0);
			ck_assert_double_ge(b.seconds, r.work_s - 1e-6);
			if (r.late <= 0.05) {
				kept++;
				ck_assert_double_le(b.seconds, r.hours * 3600);
			}
			load_done(&l);
			knobs_done(&k);
		}
	ck_assert_int_ge(kept, 8);
}
END_TEST

START_TEST(a_finer_grid_and_a_shorter_wait_raise_the_bound)
{
	struct load l;
	struct knobs k;
	struct plant_case c = { .load = &l, .knobs = &k, .slots = 2, .max = 100, .initial = -1 };
	struct bound coarse, fine, strict, none;

	knobs_init(&k);
	load(&l, "diurnal:per_hour=600,for=12h");
	bound_find(&c, span_s(300), 40 * (int64_t)LOAD_US, &coarse);
	bound_find(&c, span_s(300), 10 * (int64_t)LOAD_US, &fine);
	bound_find(&c, span_s(30), 10 * (int64_t)LOAD_US, &strict);
	ck_assert_double_lt(coarse.seconds, fine.seconds);
	ck_assert_double_lt(fine.seconds, strict.seconds);
	ck_assert_double_le(fine.seconds, coarse.seconds * 1.1);
	/* No launch would be worth anything on such a grid: the work is what is left. */
	bound_find(&c, span_s(300), 90 * (int64_t)LOAD_US, &none);
	ck_assert_int_eq(none.step_us, 0);
	ck_assert_double_eq_tol(none.seconds, none.work_s, 1e-9);
	/* However long the wait: the end is the end. */
	bound_find(&c, (struct span){ INT64_MAX }, 0, &none);
	ck_assert_double_ge(none.seconds, none.work_s - 1e-6);
	load_done(&l);
	knobs_done(&k);
}
END_TEST

Suite *suite_bound(void)
{
	Suite *s = suite_create("simulate: bound");
	TCase *t = tcase_create("bound");

	tcase_set_timeout(t, 600);
	tcase_add_test(t, the_bound_lies_below_every_schedule_of_a_tiny_load);
	tcase_add_test(t, the_bound_lies_below_policies_that_keep_the_promise);
	tcase_add_test(t, a_finer_grid_and_a_shorter_wait_raise_the_bound);
	suite_add_tcase(s, t);
	return s;
}
