/* What act refuses without a call, and what it makes of answers. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "act/act.h"
#include "check_main.h"

static struct policy policy = { .name = "thumbs", .fleet = { .auto_scaling_group = "g" } };
static int ended;

static void done(struct act_write *w, void *arg)
{
	(void)w;
	(void)arg;
	ended++;
}

static struct plan good(void)
{
	return (struct plan){ .act = PLAN_SET,
			      .may_write = true,
			      .known = true,
			      .current = 2,
			      .desired = 4,
			      .high = 9 };
}

/* Runs a write that must end without a call: it has no lane. */
static struct outcome refused(const struct plan *plan, const struct permit *permit)
{
	struct act_write w = { .policy = &policy, .plan = plan }, *list[] = { &w };
	struct now now = { { 1000 }, { 1000 } };

	ended = 0;
	act_ask(list, 1, permit, now, span_s(10), done, NULL);
	ck_assert_int_eq(ended, 1);
	act_write_done(&w);
	return w.outcome;
}

static const struct permit wide = { .granted = true, .until = { 1000000 } };

START_TEST(a_hold_writes_nothing)
{
	struct plan p = good();

	p.act = PLAN_HOLD;
	ck_assert_int_eq(refused(&p, &wide).kind, OUTCOME_HELD);
}
END_TEST

START_TEST(a_plan_that_may_not_write_is_forbidden_even_with_a_permit)
{
	struct plan p = good();

	p.may_write = false;
	ck_assert_int_eq(refused(&p, &wide).kind, OUTCOME_FORBIDDEN);
}
END_TEST

START_TEST(modes_that_only_watch_never_write)
{
	struct plan p = good();

	policy.mode = _i;
	ck_assert_int_eq(refused(&p, &wide).kind, OUTCOME_FORBIDDEN);
	policy.mode = POLICY_ENFORCE;
}
END_TEST

START_TEST(no_number_outside_the_bounds_is_written)
{
	static const int32_t bad[] = { -1, 0, 10, INT32_MAX, INT32_MIN };
	struct plan p = good();

	p.low = 1;
	p.desired = bad[_i];
	ck_assert_int_eq(refused(&p, &wide).kind, OUTCOME_FORBIDDEN);
}
END_TEST

START_TEST(a_permit_must_outlive_the_call)
{
	static const struct permit bad[] = {
		{ 0 },
		{ .granted = false, .until = { 1000000 } },
		{ .granted = true, .until = { 1000 } },
		{ .granted = true, .until = { 11000 } }, /* ends with the deadline, not after it */
	};
	struct plan p = good();

	ck_assert_int_eq(refused(&p, &bad[_i]).kind, OUTCOME_FORBIDDEN);
}
END_TEST

START_TEST(without_a_permit_nothing_is_written)
{
	struct plan p = good();

	ck_assert_int_eq(refused(&p, NULL).kind, OUTCOME_FORBIDDEN);
}
END_TEST

START_TEST(an_answer_that_may_hide_a_success_is_unknown)
{
	static const struct {
		enum err_kind kind;
		enum outcome_kind outcome;
	} map[] = { { ERR_NONE, OUTCOME_DONE },           { ERR_CONFLICT, OUTCOME_CONFLICT },
		    { ERR_DENIED, OUTCOME_REFUSED },      { ERR_THROTTLED, OUTCOME_REFUSED },
		    { ERR_POLICY, OUTCOME_REFUSED },      { ERR_NOT_FOUND, OUTCOME_REFUSED },
		    { ERR_UNREACHABLE, OUTCOME_UNKNOWN }, { ERR_PROTOCOL, OUTCOME_UNKNOWN },
		    { ERR_LOCAL, OUTCOME_UNKNOWN } };

	ck_assert_int_eq(act_outcome_kind(&(struct err){ .kind = map[_i].kind }), map[_i].outcome);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("act");
	TCase *c = tcase_create("act");

	tcase_add_test(c, a_hold_writes_nothing);
	tcase_add_test(c, a_plan_that_may_not_write_is_forbidden_even_with_a_permit);
	tcase_add_loop_test(c, modes_that_only_watch_never_write, POLICY_DRY_RUN,
			    POLICY_PAUSED + 1);
	tcase_add_loop_test(c, no_number_outside_the_bounds_is_written, 0, 5);
	tcase_add_loop_test(c, a_permit_must_outlive_the_call, 0, 4);
	tcase_add_test(c, without_a_permit_nothing_is_written);
	tcase_add_loop_test(c, an_answer_that_may_hide_a_success_is_unknown, 0, 9);
	suite_add_tcase(s, c);
	return check_main_run(srunner_create(s));
}
