/* The plant: what happens to jobs, instances and the bill. */
#include "check_simulate.h"
#include "check_main.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "policy/policy.h"
#include "simulate/peer.h"
#include "simulate/scaler.h"

/* What a run is, in a line. */
struct scene {
	const char *load, *knobs[6];
	int64_t initial;
	int64_t steps[4]; /* wanted at each look, a minute apart; -1: leave it */
};

struct script {
	const int64_t *steps;
	size_t next;
};

static int64_t follow(void *self, const struct plant_view *v, struct span *ret_next)
{
	struct script *s = self;

	(void)v;
	*ret_next = span_s(60);
	return s->next < 4 ? s->steps[s->next++] : -1;
}

static void play(const struct scene *scene, struct plant_result *ret)
{
	struct script script = { .steps = scene->steps };
	struct plant_scaler scaler = { .self = &script, .decide = follow };
	struct knobs k;
	struct load l;
	struct plant_case c = { .load = &l,
				.knobs = &k,
				.scaler = &scaler,
				.slots = 1,
				.max = 100,
				.initial = scene->initial,
				.hour_price = 3600,
				.promise = span_s(60),
				.seed = 1 };

	knobs_init(&k);
	set(&k, "first_look=60s");
	set(&k, "minimum_billing=0s");
	for (size_t i = 0; i < COUNT_OF(scene->knobs) && scene->knobs[i]; i++)
		set(&k, scene->knobs[i]);
	load(&l, scene->load);
	plant_run(&c, ret);
	load_done(&l);
	knobs_done(&k);
}

#define LEAVE                  \
	{                      \
		-1, -1, -1, -1 \
	}

START_TEST(a_steady_queue_is_billed_to_the_second)
{
	struct scene s = { "constant:per_hour=60,for=1h", { "service=constant:30s" }, 1, LEAVE };
	struct plant_result r;

	play(&s, &r);
	ck_assert_int_eq(r.jobs, 60);
	ck_assert_int_eq(r.done, 60);
	ck_assert_int_eq(r.most_us, 0);
	ck_assert_int_eq(r.cost_us, 3600 * (int64_t)LOAD_US);
	ck_assert_double_eq_tol(r.utilisation, 0.5, 1e-9);
	ck_assert_double_eq_tol(r.money, 3600, 1e-6);
}
END_TEST

START_TEST(who_boots_is_billed_and_serves_later)
{
	struct scene s = { "batch:jobs=4,every=1h,for=1h",
			   { "service=constant:600s", "boot=constant:100s" },
			   1,
			   { 2, -1, -1, -1 } };
	struct plant_result r;

	play(&s, &r);
	ck_assert_int_eq(r.launches, 1);
	ck_assert_int_eq(r.boot_us, 100 * (int64_t)LOAD_US);
	ck_assert_int_eq(r.cost_us, (3600 + 3540) * (int64_t)LOAD_US);
	/* Starts at 0, 160, 600 and 760 s. */
	ck_assert_int_eq(r.most_us, 760 * (int64_t)LOAD_US);
	ck_assert_int_eq(r.backlog_peak, 3);
}
END_TEST

START_TEST(scale_in_keeps_running_jobs_unless_it_kills)
{
	static const struct {
		const char *how;
		int64_t killed, done_at_least;
	} table[] = {
		{ "scale_in=protect", 0, 6 },
		{ "scale_in=drain", 0, 6 },
		{ "scale_in=kill", 3, 6 },
	};

	for (size_t i = 0; i < COUNT_OF(table); i++) {
		struct scene s = { "batch:jobs=6,every=2h,for=2h",
				   { "service=constant:600s", "boot=constant:60s", table[i].how },
				   4,
				   { 1, -1, -1, -1 } };
		struct plant_result r;

		play(&s, &r);
		ck_assert_int_eq(r.killed, table[i].killed);
		ck_assert_int_eq(r.done, table[i].done_at_least);
		ck_assert_int_eq(r.actions, 1);
	}
}
END_TEST

/* Killed after 60 s with a hold of 45 s, renewed once: visible again at 90 s. */
START_TEST(a_killed_job_comes_back_when_its_hold_is_over)
{
	struct scene s = { "batch:jobs=1,every=2h,for=2h",
			   { "service=constant:600s", "boot=constant:10s", "scale_in=kill",
			     "visibility_timeout=45s" },
			   1,
			   { 0, 1, -1, -1 } };
	struct plant_result r;

	play(&s, &r);
	ck_assert_int_eq(r.killed, 1);
	ck_assert_int_eq(r.done, 1);
	ck_assert_int_eq(r.most_us, 130 * (int64_t)LOAD_US); /* launched at 120 s */
	s.knobs[4] = "max_receive=1";
	play(&s, &r);
	ck_assert_int_eq(r.dead, 1);
	ck_assert_int_eq(r.done, 0);
}
END_TEST

START_TEST(faults_cost_what_they_should)
{
	struct scene s = { "poisson:per_hour=60,for=10h",
			   { "service=constant:60s", "launch_failure=0.5" },
			   1,
			   { 4, -1, -1, -1 } };
	struct plant_result r;

	play(&s, &r);
	ck_assert_int_gt(r.launches, 3);
	ck_assert_int_eq(r.launches - r.failed_launches, 3);
	ck_assert_int_eq(r.capacity_peak, 4);
	s.knobs[1] = "capacity_limit=2";
	play(&s, &r);
	ck_assert_int_eq(r.capacity_peak, 2);
	ck_assert_int_gt(r.failed_launches, 100); /* asked for again and again */
	s.knobs[1] = "spot_per_hour=2";
	play(&s, &r);
	ck_assert_int_gt(r.interruptions, 20);
	ck_assert_int_eq(r.done, r.jobs);
	s.knobs[1] = "write_throttle=0.99";
	play(&s, &r);
	ck_assert_int_eq(r.throttled + r.actions, 1);
	s.load = "poisson:per_hour=20,for=10h";
	s.knobs[1] = "minimum_billing=60s";
	s.knobs[2] = "boot=constant:200s";
	s.steps[1] = 1; /* away again before it is up */
	play(&s, &r);
	ck_assert_int_eq(r.cost_us / LOAD_US, 36000 + 3 * 60);
}
END_TEST

static const char policy_text[] =
	"version: 1\nname: s\nfleet: { auto_scaling_group: g, min: 0, max: 20 }\n"
	"metrics:\n  backlog: { sqs: { queue_url: \"http://h/1/q\" } }\n"
	"  cpu: { cloudwatch: { namespace: AWS/EC2, metric: CPUUtilization, statistic: Average,"
	" period: 60s } }\n"
	"rules:\n  - { name: r, target_tracking: { metric: backlog, per_instance: 2 } }\n";

/* A policy on a load. Returns how many forecasts of it were graded. */
static int64_t play_text(const char *text, const char *what, const char *knob, uint64_t seed,
			 struct plant_result *ret)
{
	struct policy_reading how = { .env = KEYS_ENV_REFUSE };
	struct policy_set set_ = { 0 };
	struct scaler scaler;
	struct plant_scaler plant;
	struct knobs k;
	struct load l;
	struct plant_case c = { .load = &l,
				.knobs = &k,
				.scaler = &plant,
				.slots = 1,
				.max = 20,
				.initial = -1,
				.promise = span_s(300),
				.seed = seed };
	AUTO(buf_done) struct buf notes = BUF(4096);
	struct err e;

	ck_assert(policy_read_text("p", text, strlen(text), &how, &set_));
	ck_assert_uint_eq(set_.count, 1);
	ck_assert_msg(scaler_init(&scaler, set_.items[0].policy, NULL, &notes, &e) == 0, "%s",
		      e.text);
	if (strstr(text, "cpu"))
		ck_assert_str_eq(buf_str(&notes),
				 "policy s: metric cpu is not in the load: taken to be missing\n");
	plant = scaler_plant(&scaler);
	knobs_init(&k);
	set(&k, knob);
	load(&l, what);
	plant_run(&c, ret);
	load_done(&l);
	knobs_done(&k);
	policy_set_done(&set_);
	return scaler.season.graded;
}

static void play_policy(const char *knob, uint64_t seed, struct plant_result *ret)
{
	play_text(policy_text, "diurnal:per_hour=300,for=2d", knob, seed, ret);
}

START_TEST(a_policy_is_played_and_a_seed_repeats_it)
{
	static const char *const knobs[] = { "scale_in=protect", "scale_in=drain", "scale_in=kill",
					     "spot_per_hour=0.2", "noise=0.1" };

	for (size_t i = 0; i < COUNT_OF(knobs); i++) {
		struct plant_result a, b, other;

		play_policy(knobs[i], 7, &a);
		play_policy(knobs[i], 7, &b);
		ck_assert_mem_eq(&a, &b, sizeof(a));
		play_policy(knobs[i], 8, &other);
		ck_assert_int_ne(a.cost_us, other.cost_us);
		ck_assert_int_eq(a.done, a.jobs);
		ck_assert_int_gt(a.actions, 10);
		ck_assert_double_gt(a.utilisation, 0.3);
		ck_assert_double_le(a.utilisation, 1);
		ck_assert_int_le(a.capacity_peak, 20);
	}
}
END_TEST

#define DAILY                                                                                    \
	"version: 1\nname: s\nfleet: { auto_scaling_group: g, min: 0, max: 40, warm_up: 10m }\n" \
	"metrics:\n  backlog: { sqs: { queue_url: \"http://h/1/q\" } }\n"                        \
	"rules:\n  - { name: r, target_tracking: { metric: backlog, per_instance: 5 } }\n"

/* Four busy hours at the same time of each day, and ten minutes until an instance has started. */
static int64_t play_days(const char *days, bool predictive, struct plant_result *ret)
{
	static const char rule[] =
		"  - { name: f, predictive: { metric: backlog, horizon: 15m, history: 14d } }\n";
	char load_[96], text[1024];

	snprintf(load_, sizeof(load_), "burst:per_hour=10,jobs=2000,every=24h,lasts=4h,for=%s",
		 days);
	snprintf(text, sizeof(text), "%s%s", DAILY, predictive ? rule : "");
	return play_text(text, load_, "boot=constant:600s", 1, ret);
}

/* The season that decide learns into is there; a forecast that has no record yet changes nothing.
 */
START_TEST(a_predictive_policy_learns_the_days_it_is_played)
{
	struct plant_result with, without;

	ck_assert_int_gt(play_days("10d", true, &with), 96);
	ck_assert_int_eq(play_days("10d", false, &without), 0);
	ck_assert_double_lt(with.mean_us, 0.9 * without.mean_us);
	ck_assert_int_lt(play_days("2d", true, &with), 96);
	play_days("2d", false, &without);
	ck_assert_mem_eq(&with, &without, sizeof(with));
}
END_TEST

START_TEST(quantiles_are_within_a_two_hundredth)
{
	struct sketch *s = own_alloc(sizeof(*s));
	struct rng r;

	memset(s, 0, sizeof(*s));
	ck_assert_int_eq(sketch_quantile(s, 0.95), 0);
	for (int64_t i = 1; i <= 1000000; i++)
		sketch_add(s, i * 37);
	rng_seed(&r, 1);
	for (int i = 0; i < 1000; i++) {
		double share = rng_unit(&r), exact = ceil(share * 1000000) * 37;
		double got = (double)sketch_quantile(s, share);

		ck_assert_msg(fabs(got - exact) <= exact / 200 + 37, "%g: %g, not %g", share, got,
			      exact);
	}
	ck_assert_int_eq(s->most, 37000000);
	ck_assert_double_eq_tol(sketch_beyond(s, 18500000), 0.5, 0.004);
	sketch_add(s, INT64_MAX);
	ck_assert_int_eq(sketch_quantile(s, 1), INT64_MAX);
	own_free(s);
}
END_TEST

START_TEST(knobs_have_a_source_and_refuse_nonsense)
{
	static const struct {
		const char *text, *says;
	} table[] = {
		{ "boots=constant:1s", "did you mean 'boot'" },
		{ "boot", "not NAME=VALUE" },
		{ "boot=gamma:1s", "none of constant" },
		{ "boot=lognormal:1s", "write lognormal:MEAN:CV" },
		{ "boot=lognormal:1s:-1", "the cv" },
		{ "boot=file:no-such-file", "no-such-file" },
		{ "slots=0", "not a number from 1" },
		{ "slots=1.5", "not a whole number" },
		{ "noise=nan", "not a number from 0" },
		{ "scale_in=gently", "none of protect" },
	};
	const struct knobs_row *row;
	struct knobs k;

	knobs_init(&k);
	for (size_t i = 0; (row = knobs_list(i)); i++)
		ck_assert_uint_gt(strlen(row->source), 20);
	for (size_t i = 0; i < COUNT_OF(table); i++) {
		struct err e;

		ck_assert_int_lt(knobs_set(&k, table[i].text, &e), 0);
		ck_assert_msg(strstr(e.text, table[i].says), "%s", e.text);
	}
	set(&k, "lag_most=1s");
	ck_assert_int_lt(knobs_check(&k, NULL), 0);
	knobs_done(&k);
}
END_TEST

static Suite *suite_plant(void)
{
	Suite *s = suite_create("simulate: plant");
	TCase *t = tcase_create("plant");

	tcase_add_test(t, a_steady_queue_is_billed_to_the_second);
	tcase_add_test(t, who_boots_is_billed_and_serves_later);
	tcase_add_test(t, scale_in_keeps_running_jobs_unless_it_kills);
	tcase_add_test(t, a_killed_job_comes_back_when_its_hold_is_over);
	tcase_add_test(t, faults_cost_what_they_should);
	tcase_add_test(t, a_policy_is_played_and_a_seed_repeats_it);
	tcase_add_test(t, a_predictive_policy_learns_the_days_it_is_played);
	tcase_add_test(t, quantiles_are_within_a_two_hundredth);
	tcase_add_test(t, knobs_have_a_source_and_refuse_nonsense);
	suite_add_tcase(s, t);
	return s;
}

int main(void)
{
	SRunner *r = srunner_create(suite_plant());

	srunner_add_suite(r, suite_bound());
	srunner_add_suite(r, suite_load());
	srunner_add_suite(r, suite_peers());
	srunner_add_suite(r, suite_theory());
	srunner_add_suite(r, suite_trace());
	srunner_add_suite(r, suite_tune());
	return check_main_run(r);
}
