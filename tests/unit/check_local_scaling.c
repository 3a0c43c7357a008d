/* What moves a group: when an alarm changes its state, and how far a scaling policy goes. */
#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/own.h"
#include "local/autoscaling_adjust.h"
#include "local/cloudwatch_judge.h"

/* ---- alarms ---- */

/* The tables of CloudWatch's user guide, "How alarm state is evaluated when data is missing": x
 * breaches, o does not, - is missing, oldest first. States for missing, ignore, breaching and
 * notBreaching: A alarm, O ok, I insufficient data, r the state that was. */
static const struct {
	int periods, datapoints;
	const char *points, *states;
} judged[] = {
	{ 3, 3, "o-x-x", "OOOO" }, { 3, 3, "o----", "OOOO" }, { 3, 3, "-----", "IrAO" },
	{ 3, 3, "oxx-x", "AAAA" }, { 3, 3, "--x--", "ArAO" }, { 3, 2, "o-x-x", "AAAA" },
	{ 3, 2, "ooxox", "AAAA" }, { 3, 2, "o-x--", "OOAO" }, { 3, 2, "----o", "OOAO" },
	{ 3, 2, "---x-", "ArAO" }, { 3, 3, "----x", "rrAO" }, { 1, 1, "--x", "AAAA" },
	{ 1, 1, "xxo", "OOOO" },   { 1, 1, "x--", "AAAA" },   { 2, 1, "--ox", "AAAA" },
	{ 3, 2, "-xx--", "AAAA" }, { 3, 3, "xxxxx", "AAAA" }, { 3, 3, "xxxxo", "OOOO" },
};

START_TEST(alarms_are_judged)
{
	const char *points = judged[_i].points;
	size_t n = strlen(points);

	for (int missing = 0; missing < 4; missing++) {
		const struct local_cloudwatch_rule r = {
			.periods = judged[_i].periods,
			.datapoints = judged[_i].datapoints,
			.threshold = 5,
			.comparison = CLOUDWATCH_GREATER,
			.missing = (enum local_cloudwatch_missing)missing
		};
		double values[8];

		for (size_t i = 0; i < n; i++)
			values[i] = points[i] == 'x' ? 6 : points[i] == '-' ? NAN : 5;
		for (int was = 0; was < 3; was++) {
			char now = "OAI"[local_cloudwatch_judge(&r, values, n,
								(enum local_cloudwatch_state)was)];
			char wanted = judged[_i].states[missing];

			if (wanted == 'r')
				wanted = "OAI"[was];
			ck_assert_msg(now == wanted, "%s, %d of %d, missing %d, was %c: %c", points,
				      judged[_i].datapoints, judged[_i].periods, missing,
				      "OAI"[was], now);
		}
	}
}
END_TEST

START_TEST(thresholds_compare)
{
	static const char *const breaches[] = { ">=", ">", "<", "<=" };

	for (int c = 0; c < 4; c++) {
		const struct local_cloudwatch_rule r = {
			.threshold = 5, .comparison = (enum local_cloudwatch_comparison)c
		};

		ck_assert_int_eq(local_cloudwatch_judge_breaches(&r, 5),
				 strchr(breaches[c], '=') != NULL);
		ck_assert_int_eq(local_cloudwatch_judge_breaches(&r, 6), breaches[c][0] == '>');
		ck_assert_int_eq(local_cloudwatch_judge_breaches(&r, 4), breaches[c][0] == '<');
	}
}
END_TEST

/* ---- scaling policies ---- */

static const struct local_autoscaling_step up[] = { { 0, 10, 1 }, { 10, INFINITY, 3 } };
static const struct local_autoscaling_step down[] = { { -10, 0, -1 }, { -INFINITY, -10, -2 } };
static const struct local_autoscaling_step two[] = { { 0, INFINITY, 2 } };
static const struct local_autoscaling_step three[] = { { 0, INFINITY, 3 } };
static const struct local_autoscaling_step closed[] = { { 0, 10, 1 } };

/* A fleet is least, most, desired, in service, those of them that warm up, and with pending ones.
 */
struct policy_case {
	const char *name;
	struct local_autoscaling_adjustment a;
	struct local_autoscaling_fleet f;
	double value, threshold;
	int64_t wish;
	bool waits;
};
#define SIMPLE(w, n, least)                                     \
	{                                                       \
		POLICY_SIMPLE, ADJUST_##w, n, least, NULL, 0, 0 \
	}
#define STEP(list)                                                        \
	{                                                                 \
		POLICY_STEP, ADJUST_CHANGE, 0, 0, list, COUNT_OF(list), 0 \
	}
#define TRACK                                                     \
	{                                                         \
		POLICY_TRACKING, ADJUST_CHANGE, 0, 0, NULL, 0, 10 \
	}
#define FOUR                      \
	{                         \
		1, 20, 4, 4, 0, 4 \
	}

static const struct policy_case cases[] = {
	{ "a simple change", SIMPLE(CHANGE, 2, 0), FOUR, 0, 0, 6, false },
	{ "no further than the bounds", SIMPLE(CHANGE, 99, 0), FOUR, 0, 0, 20, false },
	{ "nor below them", SIMPLE(CHANGE, -20, 0), FOUR, 0, 0, 1, false },
	{ "an exact capacity", SIMPLE(EXACT, 3, 0), FOUR, 0, 0, 3, false },
	{ "percent toward zero", SIMPLE(PERCENT, 30, 0), { 1, 20, 9, 9, 0, 9 }, 0, 0, 11, false },
	{ "at least one by percent", SIMPLE(PERCENT, 10, 0), FOUR, 0, 0, 5, false },
	{ "minus one by percent", SIMPLE(PERCENT, -10, 0), FOUR, 0, 0, 3, false },
	{ "a least change", SIMPLE(PERCENT, 10, 3), FOUR, 0, 0, 7, false },
	{ "the step above", STEP(up), FOUR, 60, 50, 7, false },
	{ "a step's lower bound", STEP(up), FOUR, 50, 50, 5, false },
	{ "the step below", STEP(down), FOUR, 40, 50, 2, false },
	{ "above its upper bound", STEP(down), FOUR, 41, 50, 3, false },
	{ "no step", STEP(closed), FOUR, 70, 50, 4, false },
	{ "what warms up is not added twice", STEP(two), { 1, 20, 6, 6, 2, 6 }, 70, 50, 6, false },
	{ "a greater step adds the rest", STEP(three), { 1, 20, 6, 6, 2, 6 }, 70, 50, 7, false },
	{ "shrinking waits for warm-up", STEP(down), { 1, 20, 6, 6, 1, 6 }, 45, 50, 6, true },
	{ "and for what is pending", TRACK, { 1, 20, 6, 5, 0, 6 }, 1, 9, 6, true },
	{ "in proportion to the target", TRACK, { 1, 20, 2, 2, 0, 2 }, 32, 10, 7, false },
	{ "an exact proportion", TRACK, { 1, 20, 3, 3, 0, 3 }, 20, 10, 6, false },
	{ "over the target it never shrinks", TRACK, { 1, 20, 9, 3, 0, 9 }, 20, 10, 9, false },
	{ "below it it never grows", TRACK, { 1, 20, 3, 3, 0, 3 }, 8.9, 9, 3, false },
	{ "it shrinks in proportion", TRACK, { 1, 20, 8, 8, 0, 8 }, 2, 9, 2, false },
	{ "to the least", TRACK, { 2, 20, 8, 8, 0, 8 }, 0, 9, 2, false },
	{ "from nothing in service", TRACK, { 0, 20, 0, 0, 0, 0 }, 35, 10, 4, false },
};

START_TEST(policies_adjust)
{
	const struct policy_case *c = &cases[_i];
	bool waits;
	int64_t wish = local_autoscaling_adjust(&c->a, &c->f, c->value, c->threshold, &waits);

	ck_assert_msg(wish == c->wish && waits == c->waits, "%s: %d%s", c->name, (int)wish,
		      waits ? ", waits" : "");
}
END_TEST

int main(void)
{
	Suite *s = suite_create("local_scaling");
	TCase *t = tcase_create("local_scaling");
	SRunner *r = srunner_create(s);
	int failed;

	tcase_add_loop_test(t, alarms_are_judged, 0, COUNT_OF(judged));
	tcase_add_test(t, thresholds_compare);
	tcase_add_loop_test(t, policies_adjust, 0, COUNT_OF(cases));
	suite_add_tcase(s, t);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
