/* The search for settings, on costs that are known. */
#include <math.h>
#include <string.h>

#include "base/pool.h"
#include "check_simulate.h"
#include "simulate/tune.h"

/* Cost rises and lateness falls along the first two axes; the third has a valley; flat steps and
 * noise as a simulation has them. */
struct world {
	double noise;
	size_t plays, stop_after;
	double slope;
};

static double draw(uint64_t a, uint64_t b) /* the same for the same setting and seed */
{
	uint64_t h = (a * 0x9E3779B97F4A7C15u ^ b) * 0xBF58476D1CE4E5B9u;

	h ^= h >> 31;
	return (double)(h % 1000) / 1000 - 0.5;
}

static struct tune_seen measure(const struct world *w, const uint8_t *at, size_t seed)
{
	double x = at[0], y = at[1], z = at[2];
	uint64_t place = (uint64_t)at[0] << 16 | (uint64_t)at[1] << 8 | at[2];
	double common = draw(7, seed); /* what a seed does to all */

	return (struct tune_seen){
		.cost = 10 + x + w->slope * y + 0.3 * fabs(z - 5) + common +
			w->noise * draw(place, seed),
		.late = fmax(0, 0.3 - 0.02 * x - 0.03 * y + 0.01 * fabs(z - 5)),
		.wait_s = 100 - x - y,
	};
}

static int play(void *arg, const struct tune *t, struct tune_run *runs, size_t n)
{
	struct world *w = arg;

	for (size_t i = 0; i < n; i++) {
		const uint8_t *at = t->points[runs[i].point].at;

		w->plays++;
		runs[i].impossible = at[0] == 3; /* no valid policy there */
		runs[i].seen = measure(w, at, runs[i].seed);
	}
	return w->stop_after > 0 && w->plays >= w->stop_after ? -1 : 0;
}

static struct tune asked(struct world *w)
{
	struct tune t;

	tune_init(&t);
	t.axes = 3;
	t.seeds = 4;
	memcpy(t.levels, (uint8_t[]){ 20, 16, 12 }, 3);
	memcpy(t.start, (uint8_t[]){ 2, 2, 0 }, 3);
	t.limit = 0.05;
	t.play = play;
	t.arg = w;
	return t;
}

START_TEST(tuning_finds_what_the_grid_finds_in_a_tenth_of_the_plays)
{
	static const double slopes[] = { 0.5, 1.2, 1.5, 1.9, 4 };

	for (size_t i = 0; i < COUNT_OF(slopes); i++) {
		struct world w = { .slope = slopes[i], .noise = 0.01 };
		struct tune t = asked(&w), g = asked(&w);
		const struct tune_point *best, *least;

		g.grid = true;
		ck_assert_int_eq(tune_search(&t), 0);
		ck_assert_int_eq(tune_search(&g), 0);
		best = tune_best(&t);
		least = tune_best(&g);
		ck_assert_ptr_nonnull(best);
		ck_assert_ptr_nonnull(least);
		ck_assert_double_le(tune_mean(best, TUNE_LATE).mean, 0.05 + 1e-9);
		ck_assert_msg(tune_mean(best, TUNE_COST).mean <=
				      tune_mean(least, TUNE_COST).mean + 0.01,
			      "slope %g: %g found, the least is %g", slopes[i],
			      tune_mean(best, TUNE_COST).mean, tune_mean(least, TUNE_COST).mean);
		ck_assert_uint_eq(g.count, 20 * 16 * 12);
		ck_assert_uint_le(t.runs * 10, g.runs);
		ck_assert_uint_eq(t.points[0].seeds, t.seeds); /* what is now, to compare with */
		tune_done(&t);
		tune_done(&g);
	}
}
END_TEST

START_TEST(tuning_says_so_when_nothing_keeps_the_promise)
{
	struct world w = { .slope = 1 };
	struct tune t = asked(&w);

	t.limit = -1;
	ck_assert_int_eq(tune_search(&t), 0);
	ck_assert_ptr_null(tune_best(&t));
	ck_assert_double_le(tune_mean(tune_nearest(&t), TUNE_LATE).mean, 1e-9);
	tune_done(&t);
}
END_TEST

START_TEST(tuning_that_is_ended_has_its_best_so_far)
{
	struct world w = { .slope = 1, .stop_after = 30 };
	struct tune t = asked(&w);

	ck_assert_int_eq(tune_search(&t), -1);
	ck_assert_ptr_nonnull(tune_nearest(&t));
	tune_done(&t);
}
END_TEST

START_TEST(tuning_keeps_to_its_plays)
{
	struct world w = { .slope = 1 };
	struct tune t = asked(&w);

	t.runs_max = 40;
	ck_assert_int_eq(tune_search(&t), 0);
	ck_assert_uint_ge(t.runs, 30);
	ck_assert_uint_le(t.runs, 40 + 6 * 4); /* a poll that began is finished */
	tune_done(&t);
}
END_TEST

START_TEST(tuning_has_intervals_of_student)
{
	/* 1 2 3 4: mean 2.5, s 1.29099; 3.182 s / sqrt(4) = 2.0540 */
	struct tune_seen seen[] = { { .cost = 1 }, { .cost = 2 }, { .cost = 3 }, { .cost = 4 } };
	struct tune_point p = { .seeds = 4, .seen = seen };

	ck_assert_double_eq_tol(tune_mean(&p, TUNE_COST).mean, 2.5, 1e-12);
	ck_assert_double_eq_tol(tune_mean(&p, TUNE_COST).half, 2.0540, 1e-3);
	p.seeds = 1;
	ck_assert(isnan(tune_mean(&p, TUNE_COST).half));
}
END_TEST

/* --- the pool */

static void count_one(void *arg, size_t i)
{
	((unsigned *)arg)[i]++;
}

START_TEST(a_pool_does_each_piece_once)
{
	static const unsigned threads[] = { 1, 2, 7, 300 };

	for (size_t k = 0; k < COUNT_OF(threads); k++) {
		unsigned done[1000] = { 0 };

		ck_assert_uint_eq(pool_run(threads[k], 1000, count_one, done, NULL), 1000);
		for (size_t i = 0; i < 1000; i++)
			ck_assert_uint_eq(done[i], 1);
	}
	ck_assert_uint_eq(pool_run(4, 0, count_one, NULL, NULL), 0);
	ck_assert_uint_ge(pool_cores(), 1);
}
END_TEST

static volatile int enough;

static void stop_at_ten(void *arg, size_t i)
{
	((unsigned *)arg)[i]++;
	if (i == 10)
		enough = 1;
}

START_TEST(a_pool_begins_no_piece_once_it_is_told_to_stop)
{
	unsigned done[1000] = { 0 };
	size_t begun;

	enough = 0;
	begun = pool_run(3, 1000, stop_at_ten, done, &enough);
	ck_assert_uint_ge(begun, 11);
	for (size_t i = 0; i < 1000; i++)
		ck_assert_uint_eq(done[i], i < begun);
	ck_assert_uint_eq(pool_run(3, 1000, stop_at_ten, done, &enough), 0);
}
END_TEST

Suite *suite_tune(void)
{
	Suite *s = suite_create("simulate: tune");
	TCase *c = tcase_create("tune");

	tcase_set_timeout(c, 300);
	tcase_add_test(c, tuning_finds_what_the_grid_finds_in_a_tenth_of_the_plays);
	tcase_add_test(c, tuning_says_so_when_nothing_keeps_the_promise);
	tcase_add_test(c, tuning_that_is_ended_has_its_best_so_far);
	tcase_add_test(c, tuning_keeps_to_its_plays);
	tcase_add_test(c, tuning_has_intervals_of_student);
	tcase_add_test(c, a_pool_does_each_piece_once);
	tcase_add_test(c, a_pool_begins_no_piece_once_it_is_told_to_stop);
	suite_add_tcase(s, c);
	return s;
}
