/* The promise of a waiting time: its estimators, its size, and what it learns from a made stream.
 */
#include "check_decide.h"

#include <math.h>

#include "base/json.h"
#include "base/own.h"
#include "base/rng.h"
#include "decide/wait.h"

#define STEP_S 30

static void promise_init(struct made *m, int64_t percentile_milli, int64_t target_s)
{
	made_init(m);
	m->p.behavior.deactivation.for_ = span_s(0);
	m->rules[0] = (struct policy_rule){ .name = "promise",
					    .kind = POLICY_QUEUE_WAIT,
					    .queue_wait = { .percentile_milli = percentile_milli,
							    .target = span_s(target_s),
							    .service_time = { POLICY_AUTO } } };
}

START_TEST(quantiles_are_those_of_the_books)
{
	static const struct {
		double u, x;
	} normal[] = { { 0.5, 0 },       { 0.95, 1.6449 },  { 0.975, 1.96 },
		       { 0.99, 2.3263 }, { 0.05, -1.6449 }, { 0.999, 3.0902 } };

	for (size_t i = 0; i < COUNT_OF(normal); i++)
		ck_assert_double_eq_tol(decide_chance_normal(normal[i].u), normal[i].x, 0.001);
	ck_assert_int_eq(decide_chance_binomial(10, 0.3, 0.5), 3);
	ck_assert_int_eq(decide_chance_binomial(10, 0.3, 0.0282), 0); /* P(0) = 0.02825 */
	ck_assert_int_eq(decide_chance_binomial(10, 0.3, 0.0283), 1);
	ck_assert_int_eq(decide_chance_binomial(1000, 0.5, 0.5), 500);
	ck_assert_int_eq(decide_chance_binomial(7, 1, 0.2), 7);
	ck_assert_int_eq(decide_chance_binomial(0, 0.5, 0.2), 0);
	ck_assert_int_eq(decide_chance_poisson(4, 0.5), 4);
	ck_assert_int_eq(decide_chance_poisson(2, 0.1353), 0); /* P(0) = 0.13534 */
	ck_assert_int_eq(decide_chance_poisson(2, 0.1354), 1);
	ck_assert_int_eq(decide_chance_poisson(100, 0.5), 100);
	ck_assert_int_eq(decide_chance_poisson(0, 0.9), 0);
}
END_TEST

START_TEST(uniform_draws_fill_the_unit_interval)
{
	double sum = 0;

	for (uint64_t i = 0; i < 100000; i++) {
		double u = decide_chance_uniform(i);

		ck_assert(u > 0 && u < 1);
		sum += u;
	}
	ck_assert_double_eq_tol(sum / 100000, 0.5, 0.005);
}
END_TEST

static struct wait_view view(double promise, double service, double boot)
{
	return (struct wait_view){ .promise = promise,
				   .share = 0.05,
				   .service = service,
				   .boot = boot,
				   .slots = 1,
				   .step_ms = 30000 };
}

START_TEST(a_size_lies_in_its_band_and_rises_with_the_jobs)
{
	struct wait_view v = view(300, 60, 120);

	for (unsigned i = 0; i < WAIT_FLEETS; i++) {
		struct wait_setting s = decide_wait_size_setting(&v, i);
		int64_t before = 0;

		for (int64_t jobs = 0; jobs < 2000; jobs += 7) {
			struct wait_need n = { .jobs = jobs, .high = jobs };
			int64_t least = decide_wait_size(&v, &s, &n, 0);
			int64_t most = decide_wait_size(&v, &s, &n, 100000);

			ck_assert_int_ge(least, before);
			ck_assert_int_ge(most, least);
			ck_assert_int_eq(decide_wait_size(&v, &s, &n, least), least);
			ck_assert_int_eq(decide_wait_size(&v, &s, &n, most), most);
			before = least;
		}
	}
}
END_TEST

START_TEST(the_wait_that_is_promised_is_spent)
{
	struct wait_view v = view(300, 60, 120);
	struct wait_setting all = decide_wait_size_setting(&v, 0);
	struct wait_need n = { .jobs = 60, .high = 60 };

	/* 60 jobs of a minute on 10 to 11 instances: the last one starts after about 5 minutes */
	ck_assert_int_ge(decide_wait_size(&v, &all, &n, 0), 10);
	ck_assert_int_le(decide_wait_size(&v, &all, &n, 0), 11);
}
END_TEST

START_TEST(a_short_promise_keeps_one_ready_and_a_loose_one_does_not)
{
	struct wait_view tight = view(60, 60, 120), loose = view(600, 60, 120);
	struct wait w;

	wait_init(&w);
	w.jobs = 100;
	for (unsigned i = 0; i < WAIT_GAPS; i++) {
		w.gaps[i] = 5;
		w.gap_late[i] = 5;
	}
	ck_assert(decide_wait_gap_keep(&tight, &w) == WAIT_FOREVER_MS);
	ck_assert_int_le(decide_wait_gap_keep(&loose, &w), 120000);
}
END_TEST

START_TEST(one_job_is_never_left_without_an_instance)
{
	struct wait_need n = { .jobs = 1, .high = 1 };

	for (double promise = 60; promise < 100000; promise *= 3) {
		struct wait_view v = view(promise, 5, 120);

		v.slots = 16;
		for (unsigned i = 0; i < WAIT_FLEETS; i++) {
			struct wait_setting s = decide_wait_size_setting(&v, i);

			ck_assert_int_ge(decide_wait_size(&v, &s, &n, 0), 1);
		}
	}
}
END_TEST

START_TEST(a_fleet_whose_scale_in_kills_waits_until_most_are_idle)
{
	struct wait_view v = view(300, 60, 120);
	struct wait_setting s = decide_wait_size_setting(&v, 0);
	struct wait_need n = { .jobs = 20, .high = 20, .killable = 100 };

	ck_assert_int_lt(decide_wait_size(&v, &s, &n, 40), 20);
	v.kills = 1;
	v.killing = true;
	ck_assert_int_eq(decide_wait_size(&v, &s, &n, 40), 40);
	n.jobs = n.high = 10;
	ck_assert_int_eq(decide_wait_size(&v, &s, &n, 40), 30);
	n.jobs = n.high = 0;
	ck_assert_int_eq(decide_wait_size(&v, &s, &n, 40), 0);
	ck_assert(decide_wait_size_killed(&v, &s) > 0.5);
	v.promise = 60; /* shorter than a killed job is invisible */
	ck_assert(decide_wait_size_killed(&v, &s) == 1);
}
END_TEST

START_TEST(what_may_be_killed_is_limited_by_what_may_miss)
{
	struct wait_view v = view(300, 60, 120);
	struct wait_setting s = decide_wait_size_setting(&v, 0);
	struct wait_need n = { .jobs = 10, .high = 10, .killable = 0 };

	v.kills = 1;
	v.killing = true;
	ck_assert(decide_wait_size_killable(&v, 10000, 0) < v.share * 10000);
	ck_assert(decide_wait_size_killable(&v, 10000, 10000) == 0);
	ck_assert_int_eq(decide_wait_size(&v, &s, &n, 40), 40);
	n.killable = 0.5; /* each of 40 is one of the ten that are busy in a quarter of cases */
	ck_assert_int_gt(decide_wait_size(&v, &s, &n, 40), 30);
	ck_assert_int_lt(decide_wait_size(&v, &s, &n, 40), 40);
	n.jobs = n.high = 0; /* nothing can be killed */
	ck_assert_int_eq(decide_wait_size(&v, &s, &n, 40), 0);
}
END_TEST

START_TEST(whether_scale_in_kills_is_tried_with_little)
{
	struct wait_view v = view(300, 60, 120);
	struct wait_setting s = decide_wait_size_setting(&v, 0);
	struct wait_need n = { .jobs = 9, .high = 9 };

	v.kills = WAIT_KILLS_UNKNOWN / 1000.0;
	n.killable = decide_wait_size_killable(&v, 0, 0);
	ck_assert_int_eq(decide_wait_size(&v, &s, &n, 10), 10);
	n.killable = decide_wait_size_killable(&v, 100000, 0);
	ck_assert_int_le(decide_wait_size(&v, &s, &n, 10), 5);
	v.kills = 0; /* it does not */
	n.killable = 0;
	ck_assert_int_le(decide_wait_size(&v, &s, &n, 10), 5);
}
END_TEST

START_TEST(turns_are_saved_up_and_the_last_ones_are_kept_for_large_steps)
{
	int64_t turns = 0;

	ck_assert(!decide_wait_turn_worth(turns, 100, 1));
	for (int i = 0; i < 2 * 60; i++) /* an hour of half minutes */
		turns = decide_wait_turn_earn(turns, 30000);
	ck_assert_int_ge(turns, 2500); /* so there are at most six changes of direction in it */
	ck_assert_int_le(turns, 3000);
	ck_assert(decide_wait_turn_worth(turns, 100, 10));
	ck_assert(!decide_wait_turn_worth(turns, 100, 95));
	ck_assert_int_eq(decide_wait_turn_spend(turns), turns - 1000);
	ck_assert_int_eq(decide_wait_turn_spend(10), 0);
	for (int i = 0; i < 30 * 24; i++)
		turns = decide_wait_turn_earn(turns, 3600000);
	ck_assert(decide_wait_turn_worth(turns, 100, 99));
	ck_assert_int_le(turns, 100000);
}
END_TEST

/* What is seen at two looks, 30 s apart, of a promise of 300 s for jobs of a minute. */
static const struct looks {
	const char *name;
	int64_t visible[2], in_flight[2], age_s[2];
	double least, most; /* late jobs */
} looks[] = {
	{ "a queue that keeps its promise", { 20, 20 }, { 10, 10 }, { 250, 255 }, 0, 0 },
	{ "a queue that is late all the time", { 80, 80 }, { 10, 10 }, { 400, 400 }, 4.9, 5.1 },
	{ "half of them are late", { 60, 60 }, { 10, 10 }, { 290, 310 }, 2.4, 2.6 },
	{ "one late job that still waits counts once it starts",
	  { 1, 1 },
	  { 1, 1 },
	  { 400, 430 },
	  0,
	  0 },
	{ "and then it counts", { 1, 0 }, { 1, 1 }, { 430, 0 }, 1, 1 },
	{ "also when a younger one waits", { 2, 1 }, { 1, 1 }, { 430, 20 }, 1, 1 },
	{ "it may have been in time", { 1, 0 }, { 0, 1 }, { 285, 0 }, 0.4, 0.6 },
	{ "the last of many were in time", { 10, 0 }, { 10, 10 }, { 200, 0 }, 0, 0 },
	{ "an empty queue", { 0, 0 }, { 0, 0 }, { 0, 0 }, 0, 0 },
};

START_TEST(late_jobs_are_counted)
{
	const struct looks *c = &looks[_i];
	struct wait_view v = view(300, 60, 120);
	struct wait_look l = { .ms = 30000,
			       .f = { .has = QUEUE_VISIBLE | QUEUE_IN_FLIGHT | QUEUE_OLDEST_AGE,
				      .visible = c->visible[1],
				      .in_flight = c->in_flight[1],
				      .oldest_age_ms = c->age_s[1] * 1000 } };
	struct policy p = { .fleet.jobs_per_instance = 1 };
	struct wait w;
	double late;

	wait_init(&w);
	w.visible = (int32_t)c->visible[0];
	w.in_flight = (int32_t)c->in_flight[0];
	w.oldest_ms = c->age_s[0] * 1000;
	w.serving = 10;
	l.g.in_service = 10;
	l.p = &p;
	decide_wait_late_learn(&l, &v, &w);
	late = (double)w.late_milli / 1000;
	ck_assert_msg(late >= c->least && late <= c->most, "%s: %g", c->name, late);
}
END_TEST

START_TEST(jobs_in_flight_that_nobody_runs_were_killed)
{
	struct wait_view v = view(60, 60, 120);
	struct policy p = { .fleet.jobs_per_instance = 1 };
	struct wait_look l = { .ms = 30000,
			       .p = &p,
			       .f = { .has = QUEUE_VISIBLE | QUEUE_IN_FLIGHT | QUEUE_OLDEST_AGE,
				      .in_flight = 4 } };
	struct wait w;

	wait_init(&w);
	for (int i = 0; i < 9;
	     i++) /* four jobs without an instance, until they are visible again */
		decide_wait_late_learn(&l, &v, &w);
	ck_assert_int_gt(w.kills_milli, 500);
	ck_assert_int_ge(w.late_milli, 3900);
	ck_assert_int_le(w.late_milli, 4100);
	/* its age tells when it was sent, not how long the queue makes a job wait */
	l.f.oldest_age_ms = 400000;
	w.oldest_ms = 20000;
	ck_assert_int_eq(decide_wait_late_age(&l, &w), 50000);
	w.kills_milli = 0;
	ck_assert_int_eq(decide_wait_late_age(&l, &w), 400000);
}
END_TEST

START_TEST(a_protected_instance_tells_that_scale_in_does_not_kill)
{
	struct wait_view v = view(300, 60, 120);
	struct policy p = { .fleet.jobs_per_instance = 1 };
	struct wait_look l = { .ms = 30000,
			       .p = &p,
			       .f = { .has = QUEUE_VISIBLE | QUEUE_IN_FLIGHT | QUEUE_OLDEST_AGE,
				      .in_flight = 4 },
			       .g = { .in_service = 6 } };
	struct wait w;

	wait_init(&w);
	decide_wait_late_learn(&l, &v, &w);
	ck_assert_int_eq(w.kills_milli, WAIT_KILLS_UNKNOWN);
	l.g.busy = 4;
	decide_wait_late_learn(&l, &v, &w);
	ck_assert_int_eq(w.kills_milli, 0);
}
END_TEST

/* A queue and a group that are simple enough to know what is to be learnt. */
struct world {
	double waiting, running, serving;
	int64_t booting[64]; /* instances in service so many steps from now */
	double arrive, done; /* in the current minute */
	int64_t minute_sent, minute_done;
	bool minute;
};

static void world_step(struct world *x, double per_step, double service_s, double slots)
{
	double can = x->serving * slots, ended = x->running * STEP_S / service_s;

	x->serving += (double)x->booting[0];
	memmove(x->booting, x->booting + 1, sizeof(x->booting) - sizeof(x->booting[0]));
	x->booting[63] = 0;
	x->running -= ended;
	x->waiting += per_step;
	x->arrive += per_step;
	x->done += ended;
	if (x->waiting > 0 && x->running < can) {
		double take = fmin(x->waiting, can - x->running);

		x->waiting -= take;
		x->running += take;
	}
	x->minute = !x->minute;
	if (!x->minute) {
		x->minute_sent = (int64_t)(x->arrive + 0.5);
		x->minute_done = (int64_t)(x->done + 0.5);
		x->arrive -= (double)x->minute_sent;
		x->done -= (double)x->minute_done;
	}
}

static struct facts world_facts(const struct world *x, struct instant now)
{
	int64_t booting = 0;
	struct facts f;

	for (size_t i = 0; i < COUNT_OF(x->booting); i++)
		booting += x->booting[i];
	f = seen((int64_t)x->serving + booting, 0, 500, (int64_t)(x->waiting + 0.5),
		 (int64_t)(x->running + 0.5), now);
	f.group.in_service = (int64_t)x->serving;
	f.group.pending = booting;
	if (!x->minute) {
		f.metric[0].has |= QUEUE_SENT | QUEUE_DELETED;
		f.metric[0].period_end = now;
		f.metric[0].period = span_s(60);
		f.metric[0].sent = x->minute_sent;
		f.metric[0].deleted = x->minute_done;
	}
	return f;
}

static void world_resize(struct world *x, int64_t want, int64_t boot_steps)
{
	int64_t booting = 0;

	for (size_t i = 0; i < COUNT_OF(x->booting); i++)
		booting += x->booting[i];
	if (want > (int64_t)x->serving + booting)
		x->booting[boot_steps] += want - (int64_t)x->serving - booting;
	else
		x->serving = fmax(x->serving - ((double)booting + x->serving - (double)want), 0);
}

static struct plan world_turn(struct made *m, struct world *x, struct memory *memory, int64_t step)
{
	struct instant now = at_s(step * STEP_S);
	struct facts f = world_facts(x, now);
	struct outcome done = { .kind = OUTCOME_DONE, .at = now };
	struct plan plan;

	decide_learn(&m->p, &f, now, memory);
	plan = decide(&m->p, &f, memory, now);
	decide_presume(&plan, now, memory);
	if (plan.act == PLAN_SET) {
		done.from = plan.current;
		done.to = plan.desired;
		decide_settle(&m->p, &done, now, memory);
		world_resize(x, plan.desired, 7);
	}
	return plan;
}

START_TEST(service_and_boot_time_are_learnt)
{
	struct made m;
	struct memory memory;
	struct world x = { .serving = 5 };
	struct wait_view v;
	double sum = 0;
	int64_t period = 251; /* steps */

	promise_init(&m, 95000, 300);
	memory_init(&memory);
	for (int64_t i = 0; i < 5 * period; i++) {
		/* load that rises and falls, so that instances are launched */
		world_step(&x, 3 + 2 * sin((double)i / 40), 90, 1);
		(void)world_turn(&m, &x, &memory, i);
		sum += i >= 3 * period ? x.serving : 0;
	}
	v = decide_wait_view(&m.p, &m.rules[0], &memory.wait);
	ck_assert_double_eq_tol(v.service, 90, 9);
	ck_assert_double_eq_tol(v.boot, 225, 45); /* seven or eight steps of 30 s */
	ck_assert(v.slots == 1);
	/* 9 busy on average; the promise is loose, so little is idle */
	ck_assert_double_ge(sum / (2.0 * (double)period), 8.5);
	ck_assert_double_le(sum / (2.0 * (double)period), 14);
}
END_TEST

START_TEST(slots_are_learnt_where_the_policy_does_not_say)
{
	struct made m;
	struct memory memory;
	struct world x = { .serving = 2, .waiting = 400 };

	promise_init(&m, 95000, 3600);
	memory_init(&memory);
	for (int64_t i = 0; i < 60; i++) {
		world_step(&x, 4, 120, 4);
		(void)world_turn(&m, &x, &memory, i);
	}
	ck_assert(decide_wait_view(&m.p, &m.rules[0], &memory.wait).slots == 4);
}
END_TEST

START_TEST(a_restart_between_any_two_turns_changes_nothing)
{
	struct made m;
	struct memory one, two;
	struct world x = { .serving = 5 };

	promise_init(&m, 99000, 60);
	memory_init(&one);
	for (int64_t i = 0; i < 600; i++) {
		AUTO(json_freep) struct json *stored = memory_write(&m.p, &one);
		struct instant now = at_s(i * STEP_S);
		struct facts f;
		struct plan a, b;

		world_step(&x, 3 + 2 * sin((double)i / 40), 90, 1);
		f = world_facts(&x, now);
		ck_assert_int_eq(memory_read(&m.p, stored, now, &two, NULL), 0);
		decide_learn(&m.p, &f, now, &two);
		b = decide(&m.p, &f, &two, now);
		a = world_turn(&m, &x, &one, i);
		ck_assert(plan_equal(&a, &b));
	}
}
END_TEST

START_TEST(without_data_the_fleet_stays)
{
	struct made m;
	struct memory memory;
	struct world x = { .serving = 5 };
	struct facts f;
	struct plan plan;

	promise_init(&m, 95000, 60);
	memory_init(&memory);
	for (int64_t i = 0; i < 200; i++) {
		world_step(&x, 3, 90, 1);
		(void)world_turn(&m, &x, &memory, i);
	}
	f = world_facts(&x, at_s(200 * STEP_S));
	f.metric[0].why = FACT_THROTTLED;
	decide_learn(&m.p, &f, at_s(200 * STEP_S), &memory);
	plan = decide(&m.p, &f, &memory, at_s(200 * STEP_S));
	ck_assert_int_eq(plan.act, PLAN_HOLD);
	ck_assert_int_eq(plan.desired, plan.current);
	ck_assert_int_gt(plan.desired, 0);
}
END_TEST

/* Lengths of time that no clock should give, counts that no queue has. */
START_TEST(no_history_breaks_it)
{
	for (uint64_t seed = 0; seed < 300; seed++) {
		static const int64_t counts[] = { 0, 1, 3, 1000, 2000000000, INT64_MAX };
		struct made m;
		struct memory memory;
		struct rng r;
		int64_t t = 0;

		rng_seed(&r, seed);
		promise_init(&m, 50000 + (int64_t)rng_below(&r, 49900),
			     1 + (int64_t)rng_below(&r, 604800));
		memory_init(&memory);
		for (int i = 0; i < 100; i++) {
			struct instant now = at_s(t += (int64_t)rng_below(&r, 2000) - 100);
			struct facts f = seen((int64_t)rng_below(&r, 100001), 0, 100000,
					      counts[rng_below(&r, COUNT_OF(counts))],
					      counts[rng_below(&r, COUNT_OF(counts))] / 2, now);
			struct plan plan;

			f.metric[0].has |= (unsigned)rng_below(&r, 64);
			f.metric[0].oldest_age_ms = counts[rng_below(&r, COUNT_OF(counts))];
			f.metric[0].sent = counts[rng_below(&r, COUNT_OF(counts))];
			f.metric[0].deleted = counts[rng_below(&r, COUNT_OF(counts))];
			f.metric[0].period = span_s((int64_t)rng_below(&r, 400));
			f.metric[0].period_end = at_s(t - (int64_t)rng_below(&r, 300));
			f.group.in_service = (int64_t)rng_below(&r, 100001);
			f.group.pending = counts[rng_below(&r, COUNT_OF(counts))] / 2;
			f.group.draining = counts[rng_below(&r, COUNT_OF(counts))] / 2;
			decide_learn(&m.p, &f, now, &memory);
			plan = decide(&m.p, &f, &memory, now);
			ck_assert(plan.desired >= 0 && plan.desired <= 100000);
		}
	}
}
END_TEST

Suite *suite_wait(void)
{
	Suite *s = suite_create("decide a promise");
	TCase *t = tcase_create("promise");

	tcase_set_timeout(t, 120);
	tcase_add_test(t, quantiles_are_those_of_the_books);
	tcase_add_test(t, uniform_draws_fill_the_unit_interval);
	tcase_add_test(t, a_size_lies_in_its_band_and_rises_with_the_jobs);
	tcase_add_test(t, the_wait_that_is_promised_is_spent);
	tcase_add_test(t, a_short_promise_keeps_one_ready_and_a_loose_one_does_not);
	tcase_add_test(t, one_job_is_never_left_without_an_instance);
	tcase_add_test(t, a_fleet_whose_scale_in_kills_waits_until_most_are_idle);
	tcase_add_test(t, what_may_be_killed_is_limited_by_what_may_miss);
	tcase_add_test(t, whether_scale_in_kills_is_tried_with_little);
	tcase_add_test(t, a_protected_instance_tells_that_scale_in_does_not_kill);
	tcase_add_test(t, turns_are_saved_up_and_the_last_ones_are_kept_for_large_steps);
	tcase_add_loop_test(t, late_jobs_are_counted, 0, COUNT_OF(looks));
	tcase_add_test(t, jobs_in_flight_that_nobody_runs_were_killed);
	tcase_add_test(t, service_and_boot_time_are_learnt);
	tcase_add_test(t, slots_are_learnt_where_the_policy_does_not_say);
	tcase_add_test(t, a_restart_between_any_two_turns_changes_nothing);
	tcase_add_test(t, without_data_the_fleet_stays);
	tcase_add_test(t, no_history_breaks_it);
	suite_add_tcase(s, t);
	return s;
}
