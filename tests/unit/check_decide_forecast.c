/* The rule predictive: what it learns of days, when it may act, what a restart keeps. */
#include "check_decide.h"

#include <stdlib.h>

#include "base/rng.h"

#define QUARTER 900

struct days {
	struct stage s;
	struct season season;
	int64_t turn;
};

static void days_init(struct days *d)
{
	memset(d, 0, sizeof(*d));
	made_init(&d->s.made);
	memory_init(&d->s.memory);
	season_init(&d->season);
	d->s.memory.season = &d->season;
	d->s.desired = 1;
	d->s.made.rules[d->s.made.p.rule_count++] = (struct policy_rule){
		.name = "forecast",
		.kind = POLICY_PREDICTIVE,
		.predictive = { .per_instance_milli = POLICY_AUTO,
				.horizon = { 900000 },
				.history = { 14 * 86400000LL },
				.percentile_milli = 90000,
				.max_error_milli = 500 },
	};
}

/* Midnight of day 0. */
static struct instant quarter(int64_t n)
{
	return (struct instant){ 1699920000000 + n * QUARTER * 1000 };
}

static struct plan see(struct days *d, int64_t jobs)
{
	struct instant now = quarter(d->turn++);
	struct facts f = seen(d->s.desired, 1, 1000, jobs, 0, now);

	return turn(&d->s, &f, now);
}

static int64_t office(int64_t n)
{
	return n % 96 >= 36 && n % 96 < 68 ? 100 : 0;
}

static const struct stair *stair_of(const struct plan *p, enum reason code)
{
	for (size_t i = 0; i < p->stair_count; i++)
		if (p->stairs[i].code == code)
			return &p->stairs[i];
	return NULL;
}

START_TEST(it_is_ready_before_the_hour_once_it_was_right)
{
	struct days d;
	struct plan plan = { 0 };

	days_init(&d);
	while (d.turn < 96 * 2)
		ck_assert(!plan_has((plan = see(&d, office(d.turn)), &plan), REASON_FORECAST));
	while (d.turn < 96 * 5 + 35)
		plan = see(&d, office(d.turn));
	ck_assert_int_eq(plan.desired, 1);
	plan = see(&d, office(d.turn)); /* 08:45 */
	ck_assert_int_eq(plan.desired, 10);
	ck_assert_int_eq(stair_of(&plan, REASON_FORECAST)->to, 10);
	while (d.turn < 96 * 6 + 20)
		plan = see(&d, office(d.turn));
	ck_assert_int_eq(plan.desired, 1); /* the queue lets it fall at night */
}
END_TEST

START_TEST(noise_never_earns_a_say)
{
	struct days d;
	struct rng r;

	rng_seed(&r, 7);
	days_init(&d);
	while (d.turn < 96 * 20) {
		struct plan plan = see(&d, rng_below(&r, 40) == 0 ? 400 : 0);

		ck_assert(!plan_has(&plan, REASON_FORECAST));
	}
}
END_TEST

START_TEST(the_weekday_counts_most)
{
	struct days d;
	struct plan plan = { 0 };

	days_init(&d);
	while (d.turn < 96 * 20 + 36) { /* no work on days 5 and 6 of each week */
		int64_t day = d.turn / 96 % 7;

		plan = see(&d, day < 5 ? office(d.turn) : 0);
	}
	ck_assert_int_eq(d.season.graded > 96, 1);
	ck_assert_int_eq(stair_of(&plan, REASON_FORECAST) != NULL, 1);
}
END_TEST

START_TEST(alone_it_does_not_shrink)
{
	struct days d;
	struct plan plan = { 0 };

	days_init(&d);
	d.s.made.rules[0] = d.s.made.rules[1];
	d.s.made.rules[0].predictive.per_instance_milli = 10000;
	d.s.made.p.rule_count = 1;
	while (d.turn < 96 * 5 + 40)
		plan = see(&d, office(d.turn));
	ck_assert_int_eq(plan.desired, 10);
	while (d.turn < 96 * 6 + 10)
		plan = see(&d, office(d.turn));
	ck_assert_int_eq(plan.desired, 10);
	ck_assert(plan_has(&plan, REASON_FORECAST_ALONE));
}
END_TEST

/* What the journal keeps: the memory as JSON, the buckets one by one. */
static void restart(struct days *d, struct days *ret, struct instant now)
{
	AUTO(json_freep) struct json *stored = memory_write(&d->s.made.p, &d->s.memory);

	days_init(ret);
	ck_assert_int_eq(memory_read(&d->s.made.p, stored, now, &ret->s.memory, NULL), 0);
	season_read(json_get(stored, "season"), "backlog", now, &ret->season);
	for (int64_t b = d->season.open - SEASON_BUCKETS; b < d->season.open; b++)
		season_put(&ret->season, b, season_mean(&d->season, b));
	ret->s.memory.season = &ret->season;
	ret->s.desired = d->s.desired;
	ret->turn = d->turn;
}

START_TEST(a_restart_keeps_the_forecast)
{
	struct days d, back;
	struct rng r;

	rng_seed(&r, 3);
	days_init(&d);
	while (d.turn < 96 * 9) {
		int64_t jobs = office(d.turn) + (int64_t)rng_below(&r, 9);
		struct plan one, two;

		if (d.turn % 61 == 60)
			d.turn += (int64_t)rng_below(&r, 30); /* a gap */
		restart(&d, &back, quarter(d.turn));
		one = see(&d, jobs);
		two = see(&back, jobs);
		ck_assert(plan_equal(&one, &two));
	}
}
END_TEST

START_TEST(gaps_and_clocks_that_jump)
{
	struct days d;
	struct rng r;

	rng_seed(&r, 5);
	days_init(&d);
	for (int i = 0; i < 20000; i++) {
		struct plan plan = see(&d, rng_below(&r, 9) ? office(d.turn) : INT64_MAX);

		ck_assert_int_ge(plan.desired, 1);
		ck_assert_int_le(plan.desired, 1000);
		if (rng_below(&r, 50) == 0)
			d.turn += (int64_t)rng_below(&r, 6000) - 3000;
	}
}
END_TEST

Suite *suite_forecast(void)
{
	Suite *s = suite_create("decide ahead");
	TCase *t = tcase_create("forecast");

	tcase_set_timeout(t, 120);
	tcase_add_test(t, it_is_ready_before_the_hour_once_it_was_right);
	tcase_add_test(t, noise_never_earns_a_say);
	tcase_add_test(t, the_weekday_counts_most);
	tcase_add_test(t, alone_it_does_not_shrink);
	tcase_add_test(t, a_restart_keeps_the_forecast);
	tcase_add_test(t, gaps_and_clocks_that_jump);
	suite_add_tcase(s, t);
	return s;
}
