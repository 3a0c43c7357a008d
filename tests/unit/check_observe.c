/* A group's description into capacity. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "observe/observe.h"

static char group_name[] = "g", rebalance[] = "AZRebalance", launch[] = "Launch";

static struct asg_instance instance(const char *id, enum asg_state state, bool healthy,
				    bool protected)
{
	return (struct asg_instance){ .id = (char *)id,
				      .state = state,
				      .healthy = healthy,
				      .protected = protected,
				      .weight = 1 };
}

static const struct {
	const char *name;
	enum asg_state state;
	bool healthy, protected;
	int in_service, pending, busy, draining, failed;
} cases[] = {
	{ "booting is pending", ASG_PENDING, true, false, 0, 1, 0, 0, 0 },
	{ "waiting for its launch hook is pending", ASG_PENDING_WAIT, true, false, 0, 1, 0, 0, 0 },
	{ "in service", ASG_IN_SERVICE, true, false, 1, 0, 0, 0, 0 },
	{ "protected is busy", ASG_IN_SERVICE, true, true, 1, 0, 1, 0, 0 },
	{ "unhealthy serves nobody", ASG_IN_SERVICE, false, true, 0, 0, 0, 0, 1 },
	{ "waiting for its termination hook drains", ASG_TERMINATING_WAIT, true, true, 0, 0, 0, 1,
	  0 },
	{ "terminated is gone", ASG_TERMINATED, true, false, 0, 0, 0, 0, 0 },
	{ "standby is not capacity", ASG_STANDBY, true, false, 0, 0, 0, 0, 0 },
	{ "a warm pool is not capacity", ASG_WARMED, true, false, 0, 0, 0, 0, 0 },
	{ "a state that we do not know is not capacity", ASG_OTHER, true, false, 0, 0, 0, 0, 0 },
};

START_TEST(each_state_counts_once)
{
	struct observe_seen seen = { 0 };
	struct asg_instance in =
		instance("i-1", cases[_i].state, cases[_i].healthy, cases[_i].protected);
	struct asg_group g = {
		.name = group_name, .max = 9, .desired = 1, .instances = &in, .instance_count = 1
	};
	struct capacity c;

	observe_count_group(&g, (struct instant){ 1000 }, span_s(300), &seen, &c);
	ck_assert_msg(c.why == FACT_READABLE && c.in_service == cases[_i].in_service &&
			      c.pending == cases[_i].pending && c.busy == cases[_i].busy &&
			      c.draining == cases[_i].draining && c.failed == cases[_i].failed,
		      "%s", cases[_i].name);
	observe_seen_done(&seen);
}
END_TEST

START_TEST(instances_seen_at_the_first_look_are_warm_and_later_ones_warm_up)
{
	struct observe_seen seen = { 0 };
	struct asg_instance in[2] = { instance("i-1", ASG_IN_SERVICE, true, false),
				      instance("i-2", ASG_IN_SERVICE, true, false) };
	struct asg_group g = {
		.name = group_name, .max = 9, .desired = 1, .instances = in, .instance_count = 1
	};
	struct instant t0 = { 1700000000000 };
	struct capacity c;

	observe_count_group(&g, t0, span_s(300), &seen, &c);
	ck_assert_int_eq(c.warming, 0);
	g.instance_count = 2;
	observe_count_group(&g, instant_add(t0, span_s(10)), span_s(300), &seen, &c);
	ck_assert_int_eq(c.warming, 1);
	observe_count_group(&g, instant_add(t0, span_s(309)), span_s(300), &seen, &c);
	ck_assert_int_eq(c.warming, 1);
	observe_count_group(&g, instant_add(t0, span_s(310)), span_s(300), &seen, &c);
	ck_assert_int_eq(c.warming, 0);
	g.instance_count = 0;
	observe_count_group(&g, instant_add(t0, span_s(320)), span_s(300), &seen, &c);
	ck_assert_int_eq(seen.count, 0);
	observe_seen_done(&seen);
}
END_TEST

START_TEST(suspended_processes_are_told)
{
	char *names[] = { rebalance, launch };
	struct asg_group g = {
		.name = group_name, .max = 9, .suspended = names, .suspended_count = 2
	};
	struct observe_seen seen = { 0 };
	struct capacity c;

	observe_count_group(&g, (struct instant){ 1000 }, span_s(0), &seen, &c);
	ck_assert(c.launch_suspended);
	ck_assert(!c.terminate_suspended);
	observe_seen_done(&seen);
}
END_TEST

START_TEST(a_group_that_contradicts_itself_is_nonsense)
{
	static const struct asg_group bad[] = {
		{ .name = group_name, .min = 5, .max = 4, .desired = 4 },
		{ .name = group_name, .min = -1, .max = 4, .desired = 4 },
		{ .name = group_name, .min = 0, .max = 4, .desired = -4 },
	};
	struct observe_seen seen = { 0 };
	struct capacity c;

	observe_count_group(&bad[_i], (struct instant){ 1000 }, span_s(0), &seen, &c);
	ck_assert_int_eq(c.why, FACT_NONSENSE);
	observe_seen_done(&seen);
}
END_TEST

START_TEST(errors_become_the_word_that_decide_needs)
{
	static const struct {
		enum err_kind kind;
		enum fact_why why;
	} map[] = { { ERR_NONE, FACT_READABLE },       { ERR_DENIED, FACT_DENIED },
		    { ERR_THROTTLED, FACT_THROTTLED }, { ERR_NOT_FOUND, FACT_NOT_FOUND },
		    { ERR_PROTOCOL, FACT_NONSENSE },   { ERR_UNREACHABLE, FACT_UNREACHABLE },
		    { ERR_LOCAL, FACT_UNREACHABLE } };

	ck_assert_int_eq(observe_why(&(struct err){ .kind = map[_i].kind }), map[_i].why);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("observe");
	TCase *c = tcase_create("observe");
	SRunner *r;
	int failed;

	tcase_add_loop_test(c, each_state_counts_once, 0, (int)COUNT_OF(cases));
	tcase_add_test(c, instances_seen_at_the_first_look_are_warm_and_later_ones_warm_up);
	tcase_add_test(c, suspended_processes_are_told);
	tcase_add_loop_test(c, a_group_that_contradicts_itself_is_nonsense, 0, 3);
	tcase_add_loop_test(c, errors_become_the_word_that_decide_needs, 0, 7);
	suite_add_tcase(s, c);
	r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
