/* Tests of policies: their notation, what a failure says, files with mistakes. */
#include <check.h>
#include <string.h>

#include "rehearse/trial.h"

Suite *suite_trial(void);

static const char policy[] =
	"version: 1\nname: p\nfleet: { auto_scaling_group: g }\n"
	"metrics:\n  backlog: { sqs: { queue_url: \"http://h/1/q\" } }\n"
	"  cpu: { cloudwatch: { namespace: N, metric: M } }\n"
	"  half: { expr: \"backlog / 2\" }\n"
	"rules:\n  - { name: r, target_tracking: { metric: backlog, per_instance: 10 } }\n"
	"behavior: { scale_in: { stabilization: 60s } }\n";

#define M TRIAL_MISSING
static const struct {
	const char *text;
	int64_t want[8];
	size_t n;
} series[] = {
	{ "5", { 5000 }, 1 },
	{ " 5  -6.5\n7 ", { 5000, -6500, 7000 }, 3 },
	{ "5x2", { 5000, 5000, 5000 }, 3 },
	{ "5+2x3", { 5000, 7000, 9000, 11000 }, 4 },
	{ "5-2.5x2", { 5000, 2500, 0 }, 3 },
	{ "-5-1x1", { -5000, -6000 }, 2 },
	{ "_ 1 _x2 2", { M, 1000, M, M, 2000 }, 5 },
	{ "1x0", { 1000 }, 1 },
};

START_TEST(a_series_is_read)
{
	AUTO(keys_arena_freep) struct keys_arena *a = keys_arena_new();
	struct trial_series s = { 0 };

	ck_assert_int_eq(trial_series_parse(a, series[_i].text, &s, NULL), 0);
	ck_assert_uint_eq(s.count, series[_i].n);
	for (size_t i = 0; i < s.count; i++)
		ck_assert_msg(s.values[i] == series[_i].want[i], "%s", series[_i].text);
}
END_TEST

static const char *const bad_series[] = {
	"",    "x",      "5x-1", "5x99999", "a",     "5+x2",
	"5+2", "1.2345", "__",   "5xx2",    "1x2x3", "9223372036854775+9223372036854775x2"
};

START_TEST(a_bad_series_is_refused)
{
	AUTO(keys_arena_freep) struct keys_arena *a = keys_arena_new();
	struct trial_series s = { 0 };
	struct err e = { 0 };
	int rc = trial_series_parse(a, bad_series[_i], &s, &e);

	if (strcmp(bad_series[_i], "5+2") == 0)
		ck_assert_int_eq(rc, 0); /* once, and by nothing */
	else
		ck_assert_msg(rc < 0 && e.kind == ERR_POLICY, "'%s'", bad_series[_i]);
}
END_TEST

static int read_text(const char *tests, struct trial_file *f, struct err *e)
{
	return trial_read_text("t.yaml", tests, strlen(tests), policy, f, e);
}

START_TEST(a_failure_shows_its_stairs)
{
	AUTO(trial_done) struct trial_file f = { 0 };
	struct trial_result r;
	struct err e = { 0 };

	ck_assert_msg(
		read_text("policy: p\ntests:\n  - name: t\n    group: { desired: 2, boot: 60s }\n"
			  "    series: { backlog: \"20x1 40\", group.desired: \"_x7 9\" }\n"
			  "    expect:\n"
			  "      - { at: 15s, desired: 2, reasons: [within_tolerance] }\n"
			  "      - { at: 30s, desired: 4, at_least: 4, at_most: 4, without: "
			  "[stale] }\n"
			  "      - { at: 1m45s, desired: 4, reasons: [foreign] }\n"
			  "      - { at: 3m, desired: 5, reasons: [stale], without: [keep] }\n",
			  &f, &e) == 0,
		"%s", e.text);
	trial_run(&f, &f.trials[0], &r);
	ck_assert_uint_eq(r.failures, 2);
	ck_assert_ptr_nonnull(strstr(r.text.data, "t.yaml:9: at 1m45s: 9 is wanted, not 4"));
	ck_assert_ptr_nonnull(strstr(r.text.data, "t.yaml:10: at 3m: 4 is wanted, not 5; no stair "
						  "'stale'"));
	ck_assert_ptr_nonnull(strstr(r.text.data, "    p  now 4  backlog 40"));
	ck_assert_uint_eq(json_count(r.json), 2);
	trial_result_done(&r);
}
END_TEST

static const struct {
	const char *name, *tests, *want;
} bad[] = {
	{ "nothing", "", "'policy' is missing" },
	{ "no tests", "policy: p\ntests: []\n", "" },
	{ "no metric", "policy: p\ntests: [ { name: a, series: { nope: \"1\" }, expect: [] } ]\n",
	  "no metric 'nope'" },
	{ "computed", "policy: p\ntests: [ { name: a, series: { half: \"1\" }, expect: [] } ]\n",
	  "computed" },
	{ "member",
	  "policy: p\ntests: [ { name: a, series: { backlog.size: \"1\" }, expect: [] } ]\n",
	  "no 'size'" },
	{ "reason",
	  "policy: p\ntests: [ { name: a, series: { backlog: \"1\" }, expect: [ { at: 1, reasons: "
	  "[stal] } ] } ]\n",
	  "did you mean 'stale'?" },
	{ "order",
	  "policy: p\ntests: [ { name: a, series: {}, expect: [ { at: 9 }, { at: 1 } ] } ]\n",
	  "do not rise" },
	{ "far", "policy: p\ntests: [ { name: a, series: {}, expect: [ { at: 300d } ] } ]\n",
	  "turns away" },
	{ "start", "policy: p\ntests: [ { name: a, start: noon, series: {}, expect: [] } ]\n",
	  "start" },
};

START_TEST(a_bad_file_is_refused)
{
	AUTO(trial_done) struct trial_file f = { 0 };
	AUTO(buf_done) struct buf all = BUF(65536);
	struct err e = { 0 };

	ck_assert_int_lt(read_text(bad[_i].tests, &f, &e), 0);
	for (size_t i = 0; i < keys_problem_count(f.problems); i++)
		keys_problem_print(keys_problem_at(f.problems, i), &all);
	ck_assert_msg(strstr(buf_str(&all), bad[_i].want), "%s: %s", bad[_i].name, buf_str(&all));
}
END_TEST

Suite *suite_trial(void)
{
	Suite *s = suite_create("tests of policies");
	TCase *t = tcase_create("trial");

	tcase_add_loop_test(t, a_series_is_read, 0, COUNT_OF(series));
	tcase_add_loop_test(t, a_bad_series_is_refused, 0, COUNT_OF(bad_series));
	tcase_add_test(t, a_failure_shows_its_stairs);
	tcase_add_loop_test(t, a_bad_file_is_refused, 0, COUNT_OF(bad));
	suite_add_tcase(s, t);
	return s;
}
