/* Turns in which something goes wrong: writes, crashes, clocks, data that is old or missing. */
#include "check_decide.h"
#include "check_main.h"

#include <stdlib.h>

#include "model/say.h"

START_TEST(the_largest_proposal_wins)
{
	struct stage s = { .desired = 2, .max = 100 };
	struct facts f = seen(2, 0, 100, 30, 0, at_s(0));
	struct plan plan;

	made_init(&s.made);
	made_two_rules(&s.made);
	memory_init(&s.memory);
	f.metric_count = 2;
	f.metric[1] = queue_fact(40, 0, at_s(0));
	plan = turn(&s, &f, at_s(0));
	ck_assert_int_eq(plan.desired, 8);
	ck_assert(plan_has(&plan, REASON_WINNER));
}
END_TEST

START_TEST(a_rule_without_data_vetoes_fewer_and_not_more)
{
	struct stage s = { .desired = 5, .max = 100 };
	struct facts f = seen(5, 0, 100, 10, 0, at_s(0));
	struct plan plan;

	made_init(&s.made);
	made_two_rules(&s.made);
	memory_init(&s.memory);
	plan = turn(&s, &f, at_s(0)); /* the second metric was never read */
	ck_assert_int_eq(plan.desired, 5);
	ck_assert_int_eq(plan.why, REASON_DISAGREE);
	f = seen(5, 0, 100, 90, 0, at_s(15));
	plan = turn(&s, &f, at_s(15));
	ck_assert_int_eq(plan.desired, 9);
}
END_TEST

/* A raise from 2 to 5 that is presumed, and whose outcome nobody has told yet. */
static void raised(struct stage *s)
{
	struct facts f = seen(2, 0, 100, 50, 0, at_s(0));
	struct plan plan;

	*s = (struct stage){ .desired = 2, .max = 100 };
	made_init(&s->made);
	made_cool_both(&s->made);
	memory_init(&s->memory);
	decide_learn(&s->made.p, &f, at_s(0), &s->memory);
	plan = decide(&s->made.p, &f, &s->memory, at_s(0));
	decide_presume(&plan, at_s(0), &s->memory);
	ck_assert_int_eq(plan.desired, 5);
}

START_TEST(a_refused_write_starts_no_cooldown)
{
	static const enum outcome_kind kinds[] = { OUTCOME_REFUSED, OUTCOME_CONFLICT,
						   OUTCOME_FORBIDDEN };
	struct stage s;
	struct facts f = seen(2, 0, 100, 50, 0, at_s(5));
	struct outcome o = { .kind = kinds[_i] };
	struct plan plan;

	raised(&s);
	decide_settle(&s.made.p, &o, at_s(1), &s.memory);
	ck_assert_int_eq(s.memory.out_moves.count, 0);
	plan = turn(&s, &f, at_s(5));
	ck_assert_int_eq(plan.desired, 5);
	ck_assert_int_eq(plan.act, PLAN_SET);
	ck_assert(!plan_has(&plan, REASON_FOREIGN));
}
END_TEST

START_TEST(a_crash_after_the_write_still_starts_the_cooldown)
{
	struct stage s;
	struct facts f = seen(5, 0, 100, 90, 0, at_s(10));
	struct plan plan;

	raised(&s); /* and no outcome is ever heard */
	plan = turn(&s, &f, at_s(10));
	ck_assert_int_eq(plan.desired, 5);
	ck_assert_int_eq(plan.why, REASON_COOL_OUT);
	ck_assert(!plan_has(&plan, REASON_FOREIGN));
}
END_TEST

START_TEST(a_write_that_never_happened_is_forgotten)
{
	struct stage s;
	struct facts f = seen(2, 0, 100, 50, 0, at_s(20));
	struct plan plan;

	raised(&s);
	plan = turn(&s, &f, at_s(20));
	ck_assert_int_eq(plan.desired, 5);
	ck_assert_int_eq(plan.act, PLAN_SET);
	ck_assert(!plan_has(&plan, REASON_FOREIGN));
}
END_TEST

START_TEST(an_unconfirmed_raise_is_not_taken_back)
{
	struct stage s;
	struct facts f =
		seen(2, 0, 100, 0, 1, at_s(5)); /* the backlog is gone, the group shows 2 */
	struct plan plan;

	raised(&s);
	plan = turn(&s, &f, at_s(5));
	ck_assert_int_eq(plan.desired, 5);
	ck_assert_int_eq(plan.why, REASON_PRESUMED);
}
END_TEST

START_TEST(a_reading_that_lags_is_nobodys_move)
{
	struct stage s;
	struct outcome o = { .kind = OUTCOME_DONE };
	struct facts f = seen(2, 0, 100, 50, 0, at_s(5));
	struct plan plan;

	raised(&s);
	decide_settle(&s.made.p, &o, at_s(1), &s.memory);
	decide_learn(&s.made.p, &f, at_s(5), &s.memory);
	plan = decide(&s.made.p, &f, &s.memory, at_s(5));
	ck_assert(!plan_has(&plan, REASON_FOREIGN));
	f = seen(2, 0, 100, 50, 0, at_s(15));
	decide_learn(&s.made.p, &f, at_s(15), &s.memory);
	plan = decide(&s.made.p, &f, &s.memory, at_s(15));
	ck_assert(plan_has(&plan, REASON_FOREIGN));
}
END_TEST

START_TEST(a_clock_set_back_holds_no_longer_than_the_policy_says)
{
	struct stage s = { .desired = 2, .max = 100 };
	struct facts f = seen(2, 0, 100, 50, 0, at_s(100000));
	struct plan plan;

	made_init(&s.made);
	made_cool_both(&s.made);
	made_in_300(&s.made);
	memory_init(&s.memory);
	turn(&s, &f, at_s(100000));
	ck_assert_int_eq(s.desired, 5);
	f = seen(5, 0, 100, 90, 0, at_s(0)); /* more than a day back */
	plan = turn(&s, &f, at_s(0));
	ck_assert_int_eq(plan.why, REASON_COOL_OUT);
	f = seen(5, 0, 100, 90, 0, at_s(30));
	plan = turn(&s, &f, at_s(30));
	ck_assert_int_eq(plan.desired, 9);
	f = seen(9, 0, 100, 20, 0, at_s(331));
	plan = turn(&s, &f, at_s(331));
	ck_assert_int_eq(plan.desired, 2);
}
END_TEST

START_TEST(old_data_decides_nothing)
{
	struct stage s = { .desired = 5, .max = 100 };
	struct facts f = seen(5, 0, 100, 500, 0, at_s(100));
	struct plan plan;

	made_init(&s.made);
	memory_init(&s.memory);
	f.metric[0].seen_at = at_s(39);
	plan = turn(&s, &f, at_s(100));
	ck_assert_int_eq(plan.desired, 5);
	ck_assert(plan_has(&plan, REASON_STALE));
	f = seen(5, 0, 100, 500, 0, at_s(200));
	f.group.seen_at = at_s(139);
	plan = turn(&s, &f, at_s(200));
	ck_assert_int_eq(plan.why, REASON_UNREADABLE_GROUP);
	ck_assert(!plan.may_write);
}
END_TEST

START_TEST(a_count_that_was_not_read_is_missing)
{
	struct stage s = { .desired = 5, .max = 100 };
	struct facts f = seen(5, 0, 100, 500, 0, at_s(0));
	struct plan plan;

	made_init(&s.made);
	memory_init(&s.memory);
	f.metric[0].has = QUEUE_VISIBLE;
	plan = turn(&s, &f, at_s(0));
	ck_assert_int_eq(plan.desired, 5);
	ck_assert_int_eq(plan.why, REASON_NO_RULE);
}
END_TEST

START_TEST(without_a_stair_the_plan_shows_what_it_held_back)
{
	struct stage s = { .desired = 2, .max = 300 };
	struct facts f = seen(2, 0, 300, 1200, 0, at_s(0));
	struct plan plan;

	made_init(&s.made);
	made_out_4_or_double(&s.made);
	memory_init(&s.memory);
	decide_learn(&s.made.p, &f, at_s(0), &s.memory);
	ck_assert_int_eq(decide(&s.made.p, &f, &s.memory, at_s(0)).desired, 6);
	plan = decide_without(&s.made.p, &f, &s.memory, at_s(0), 1u << 5);
	ck_assert_int_eq(plan.desired, 120);
	ck_assert_int_eq(plan.act, PLAN_HOLD);
	ck_assert(!plan.may_write);
}
END_TEST

START_TEST(an_unrecorded_plan_grows_and_does_not_shrink)
{
	struct plan in = {
		.act = PLAN_SET, .may_write = true, .known = true, .current = 5, .desired = 2
	};
	struct plan out = {
		.act = PLAN_SET, .may_write = true, .known = true, .current = 5, .desired = 9
	};

	decide_mode_unrecorded(&in);
	decide_mode_unrecorded(&out);
	ck_assert_int_eq(in.act, PLAN_HOLD);
	ck_assert_int_eq(in.desired, 5);
	ck_assert_int_eq(in.why, REASON_UNRECORDED);
	ck_assert_int_eq(out.act, PLAN_SET);
}
END_TEST

START_TEST(more_moves_than_fit_limit_no_less)
{
	struct stage s = { .desired = 0, .max = 1000 };
	struct facts f;

	made_init(&s.made);
	s.made.out[0] = (struct policy_limit){ .amount = 20, .per = span_s(600) };
	s.made.p.behavior.scale_out.limit_count = 1;
	memory_init(&s.memory);
	for (int i = 0; i < 60; i++) {
		f = seen(s.desired, 0, 1000, 10 * (i + 1), 0, at_s(i * 5));
		turn(&s, &f, at_s(i * 5));
	}
	ck_assert_int_eq(s.desired, 20);
}
END_TEST

START_TEST(a_window_with_more_wishes_than_fit_holds_no_less)
{
	struct stage s = { .desired = 60, .max = 1000 };
	struct facts f;

	made_init(&s.made);
	s.made.p.behavior.tolerance_milli = 0;
	made_in_300(&s.made);
	memory_init(&s.memory);
	for (int i = 0; i < 60; i++) { /* the wish falls by one each 5 s */
		f = seen(s.desired, 0, 1000, 10 * (60 - i), 0, at_s(i * 5));
		turn(&s, &f, at_s(i * 5));
		ck_assert_int_eq(s.desired, 60);
	}
	for (int i = 60; i < 119; i++) { /* and the fleet follows at most a merged gap later */
		f = seen(s.desired, 0, 1000, 10, 0, at_s(i * 5));
		turn(&s, &f, at_s(i * 5));
		ck_assert_int_ge(s.desired, 60 - (i - 59));
		ck_assert_int_le(s.desired, 60 - (i - 59) + 8);
	}
}
END_TEST

static Suite *suite_turns(void)
{
	Suite *s = suite_create("decide");
	TCase *t = tcase_create("turns");

	tcase_add_test(t, the_largest_proposal_wins);
	tcase_add_test(t, a_rule_without_data_vetoes_fewer_and_not_more);
	tcase_add_loop_test(t, a_refused_write_starts_no_cooldown, 0, 3);
	tcase_add_test(t, a_crash_after_the_write_still_starts_the_cooldown);
	tcase_add_test(t, a_write_that_never_happened_is_forgotten);
	tcase_add_test(t, an_unconfirmed_raise_is_not_taken_back);
	tcase_add_test(t, a_reading_that_lags_is_nobodys_move);
	tcase_add_test(t, a_clock_set_back_holds_no_longer_than_the_policy_says);
	tcase_add_test(t, old_data_decides_nothing);
	tcase_add_test(t, a_count_that_was_not_read_is_missing);
	tcase_add_test(t, without_a_stair_the_plan_shows_what_it_held_back);
	tcase_add_test(t, an_unrecorded_plan_grows_and_does_not_shrink);
	tcase_add_test(t, more_moves_than_fit_limit_no_less);
	tcase_add_test(t, a_window_with_more_wishes_than_fit_holds_no_less);
	suite_add_tcase(s, t);
	return s;
}

int main(void)
{
	SRunner *r = srunner_create(suite_turns());

	srunner_add_suite(r, suite_scenes());
	srunner_add_suite(r, suite_props());
	srunner_add_suite(r, suite_peers());
	srunner_add_suite(r, suite_hpa());
	srunner_add_suite(r, suite_forecast());
	srunner_add_suite(r, suite_wait());
	return check_main_run(r);
}
