/* A group's description into capacity. */
#include "check_observe.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check_main.h"
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
	int in_service, pending, busy, draining, failed, standby, warmed;
} cases[] = {
	{ "booting is pending", ASG_PENDING, true, false, 0, 1, 0, 0, 0, 0, 0 },
	{ "waiting for its launch hook is pending", ASG_PENDING_WAIT, true, false, 0, 1, 0, 0, 0, 0,
	  0 },
	{ "in service", ASG_IN_SERVICE, true, false, 1, 0, 0, 0, 0, 0, 0 },
	{ "protected is busy", ASG_IN_SERVICE, true, true, 1, 0, 1, 0, 0, 0, 0 },
	{ "unhealthy serves nobody", ASG_IN_SERVICE, false, true, 0, 0, 0, 0, 1, 0, 0 },
	{ "waiting for its termination hook drains", ASG_TERMINATING_WAIT, true, true, 0, 0, 0, 1,
	  0, 0, 0 },
	{ "terminated is gone", ASG_TERMINATED, true, false, 0, 0, 0, 0, 0, 0, 0 },
	{ "standby is no supply", ASG_STANDBY, true, false, 0, 0, 0, 0, 0, 1, 0 },
	{ "nor is what goes there", ASG_ENTERING_STANDBY, true, true, 0, 0, 0, 0, 0, 1, 0 },
	{ "a warm pool is no supply", ASG_WARMED, true, false, 0, 0, 0, 0, 0, 0, 1 },
	{ "a state that we do not know is not capacity", ASG_OTHER, true, false, 0, 0, 0, 0, 0, 0,
	  0 },
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
			      c.draining == cases[_i].draining && c.failed == cases[_i].failed &&
			      c.standby == cases[_i].standby && c.warmed == cases[_i].warmed &&
			      c.ready == c.in_service - c.warming,
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

/* Desired capacity, bounds and supply of a group with weights are in units. */
START_TEST(instances_count_by_their_weight)
{
	struct observe_seen seen = { 0 };
	struct asg_instance in[] = { instance("i-1", ASG_IN_SERVICE, true, true),
				     instance("i-2", ASG_IN_SERVICE, true, false),
				     instance("i-3", ASG_PENDING, true, false),
				     instance("i-4", ASG_TERMINATING_WAIT, true, false) };
	struct asg_group g = { .name = group_name,
			       .max = 20,
			       .desired = 7,
			       .warm_pool = 3,
			       .instances = in,
			       .instance_count = 1 };
	struct instant t0 = { 1700000000000 };
	struct capacity c;

	in[0].weight = in[2].weight = 4;
	in[1].weight = in[3].weight = 2;
	observe_count_group(&g, t0, span_s(300), &seen, &c);
	g.instance_count = 4;
	observe_count_group(&g, instant_add(t0, span_s(10)), span_s(300), &seen, &c);
	ck_assert_int_eq(c.in_service, 6);
	ck_assert_int_eq(c.warming, 2);
	ck_assert_int_eq(c.ready, 4);
	ck_assert_int_eq(c.pending, 4);
	ck_assert_int_eq(c.busy, 4);
	ck_assert_int_eq(c.draining, 2);
	ck_assert_int_eq(c.heaviest, 4);
	ck_assert_int_eq(c.warmed, 3);
	ck_assert_int_eq(capacity_supply(&c), 10);
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
	ck_assert_int_eq(observe_why(&(struct err){ .kind = ERR_POLICY, .code = "NoRegion" }),
			 FACT_NO_REGION);
	ck_assert_int_eq(observe_why(&(struct err){ .kind = ERR_POLICY }), FACT_UNREACHABLE);
}
END_TEST

#define OK_ "Launching a new EC2 instance: i-1"
#define NOT "Launching a new EC2 instance.  Status Reason: it says why"
#define ROOM "We currently do not have sufficient t3.large capacity in the zone you requested."
#define VCPU "You have requested more vCPU capacity than your current vCPU limit of 32 allows."
#define NOW_S 10000

/* What a group tells of its launches, newest first. */
static const struct {
	const char *name;
	struct {
		const char *what, *status, *message;
		int64_t at_s;
	} list[4];
	int64_t full_s, failures;
	enum launch_why why;
} histories[] = {
	{ "nothing was launched", { { 0 } }, 0, 0, LAUNCH_OTHER },
	{ "a launch worked", { { OK_, "Successful", "", 9000 } }, 0, 0, LAUNCH_OTHER },
	{ "two failed, the newest for want of room",
	  { { NOT, "Failed", ROOM, 9100 }, { NOT, "Failed", VCPU, 9000 } },
	  0,
	  2,
	  LAUNCH_CAPACITY },
	{ "their order does not matter",
	  { { NOT, "Failed", ROOM, 9000 }, { NOT, "Failed", VCPU, 9100 } },
	  0,
	  2,
	  LAUNCH_LIMIT },
	{ "what failed before one that worked is over",
	  { { OK_, "InProgress", "", 9200 },
	    { NOT, "Failed", ROOM, 9100 },
	    { NOT, "Failed", ROOM, 9000 } },
	  0,
	  0,
	  LAUNCH_OTHER },
	{ "one that was called off did not work",
	  { { OK_, "Cancelled", "", 9200 }, { NOT, "Failed", ROOM, 9100 } },
	  0,
	  1,
	  LAUNCH_CAPACITY },
	{ "one that worked before does not help",
	  { { NOT, "Failed", "Your Spot request price of 0.01 is lower than the minimum", 9100 },
	    { OK_, "Successful", "", 9000 } },
	  0,
	  1,
	  LAUNCH_SPOT },
	{ "a termination says nothing of launches",
	  { { "Terminating EC2 instance: i-2", "Successful", "", 9200 },
	    { NOT, "Failed", "The key pair 'k' does not exist", 9100 } },
	  0,
	  1,
	  LAUNCH_SETUP },
	{ "a failure from before the group had all it wants is over",
	  { { NOT, "Failed", ROOM, 9100 } },
	  9101,
	  0,
	  LAUNCH_OTHER },
	{ "a failure of long ago is of another time",
	  { { NOT, "Failed", ROOM, NOW_S - 3601 } },
	  0,
	  0,
	  LAUNCH_OTHER },
	{ "words that nobody knows",
	  { { NOT, "Failed", "Client.InternalError: Client error on launch", 9100 } },
	  0,
	  1,
	  LAUNCH_OTHER },
};

START_TEST(launches_that_fail_are_told)
{
	struct observe_seen seen = { .full_at = { histories[_i].full_s * 1000 } };
	struct asg_activity list[COUNT_OF(histories[0].list)] = { 0 };
	struct asg_activities all = { .list = list };
	struct capacity c = { .launch_failures = 7, .launch_read = FACT_DENIED };

	for (; all.count < COUNT_OF(list) && histories[_i].list[all.count].what; all.count++)
		list[all.count] = (struct asg_activity){
			.description = (char *)histories[_i].list[all.count].what,
			.status = (char *)histories[_i].list[all.count].status,
			.message = (char *)histories[_i].list[all.count].message,
			.start = { histories[_i].list[all.count].at_s * 1000 }
		};
	observe_launch_count(&all, &seen, (struct instant){ NOW_S * 1000 }, &c);
	ck_assert_msg(c.launch_failures == histories[_i].failures &&
			      c.launch_why == histories[_i].why && c.launch_read == FACT_READABLE,
		      "%s: %lld, %d", histories[_i].name, (long long)c.launch_failures,
		      (int)c.launch_why);
	ck_assert_int_eq(c.launch_text[0] != '\0', c.launch_failures > 0);
}
END_TEST

START_TEST(a_refresh_is_asked_for_when_instances_move_and_while_it_runs)
{
	struct instant t = { 1700000000000 };
	struct asg_refresh half = { .status = "InProgress", .running = true, .left = 3 };
	struct asg_refresh over = { .status = "Successful" };
	struct observe_seen seen = { 0 };
	struct capacity still = { .desired = 4, .in_service = 4 }, moving = still;

	moving.draining = 1;
	ck_assert(!observe_refresh_due(&seen, &still, t));
	ck_assert(observe_refresh_due(&seen, &moving, t));
	seen.refresh_at = t;
	observe_refresh_seen(&half, &seen, &moving);
	ck_assert(moving.refreshing && moving.refresh_left == 3);
	ck_assert(!observe_refresh_due(&seen, &moving, instant_add(t, span_s(59))));
	ck_assert(observe_refresh_due(&seen, &still, instant_add(t, span_s(60))));
	observe_refresh_seen(&over, &seen, &still);
	ck_assert(!still.refreshing && still.refresh_left == 0);
	ck_assert(!observe_refresh_due(&seen, &still, instant_add(t, span_s(60))));
	observe_refresh_seen(NULL, &seen, &moving); /* denied: once an hour is enough */
	ck_assert(!observe_refresh_due(&seen, &moving, instant_add(t, span_s(3599))));
	ck_assert(observe_refresh_due(&seen, &moving, instant_add(t, span_s(3600))));
}
END_TEST

START_TEST(a_long_message_is_cut_between_characters)
{
	char message[FACTS_LAUNCH_TEXT_MAX + 40];
	struct asg_activity one = { .description = (char *)NOT,
				    .status = (char *)"Failed",
				    .message = message,
				    .start = { NOW_S * 1000 } };
	struct asg_activities all = { .list = &one, .count = 1 };
	struct observe_seen seen = { 0 };
	struct capacity c = { 0 };

	memset(message, 'x', sizeof(message) - 1);
	message[sizeof(message) - 1] = '\0';
	message[3] = '\n';
	memcpy(message + FACTS_LAUNCH_TEXT_MAX - 2, "\303\251", 2); /* é across the end */
	observe_launch_count(&all, &seen, (struct instant){ NOW_S * 1000 }, &c);
	ck_assert_uint_eq(strlen(c.launch_text), FACTS_LAUNCH_TEXT_MAX - 2);
	ck_assert_int_eq(c.launch_text[3], ' ');
}
END_TEST

/* A call is worth it for who looks once, and for who sees the same at two looks; not again soon. */
START_TEST(activities_are_asked_for_when_instances_do_not_come)
{
	struct asg_instance in = instance("i-1", ASG_IN_SERVICE, true, false);
	struct asg_group g = {
		.name = group_name, .max = 9, .desired = 1, .instances = &in, .instance_count = 1
	};
	struct instant t = { 1700000000000 };
	struct observe_seen seen = { 0 }, once = { 0 };
	struct capacity c = { 0 };

	observe_count_group(&g, t, span_s(0), &seen, &c);
	ck_assert(!observe_launch_due(&seen, t));
	g.desired = 4;
	observe_count_group(&g, t, span_s(0), &once, &c);
	ck_assert(observe_launch_due(&once, t));
	observe_count_group(&g, t, span_s(0), &seen, &c);
	ck_assert(!observe_launch_due(&seen, t));
	observe_count_group(&g, t, span_s(0), &seen, &c);
	ck_assert(observe_launch_due(&seen, t));
	seen.asked_at = t;
	ck_assert(!observe_launch_due(&seen, instant_add(t, span_s(29))));
	ck_assert(observe_launch_due(&seen, instant_add(t, span_s(30))));
	c.launch_failures = 2;
	snprintf(c.launch_text, sizeof(c.launch_text), "no room");
	observe_count_group(&g, t, span_s(0), &seen, &c);
	ck_assert(c.launch_failures == 2 && strcmp(c.launch_text, "no room") == 0);
	g.desired = 1;
	observe_count_group(&g, t, span_s(0), &seen, &c);
	ck_assert(c.launch_failures == 0 && !c.launch_text[0]);
	ck_assert(!observe_launch_due(&seen, instant_add(t, span_s(60))));
	observe_seen_done(&seen);
	observe_seen_done(&once);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("observe");
	TCase *c = tcase_create("observe");
	SRunner *r;

	tcase_add_loop_test(c, each_state_counts_once, 0, (int)COUNT_OF(cases));
	tcase_add_test(c, instances_seen_at_the_first_look_are_warm_and_later_ones_warm_up);
	tcase_add_test(c, suspended_processes_are_told);
	tcase_add_test(c, a_refresh_is_asked_for_when_instances_move_and_while_it_runs);
	tcase_add_test(c, instances_count_by_their_weight);
	tcase_add_loop_test(c, a_group_that_contradicts_itself_is_nonsense, 0, 3);
	tcase_add_loop_test(c, errors_become_the_word_that_decide_needs, 0, 7);
	tcase_add_loop_test(c, launches_that_fail_are_told, 0, (int)COUNT_OF(histories));
	tcase_add_test(c, a_long_message_is_cut_between_characters);
	tcase_add_test(c, activities_are_asked_for_when_instances_do_not_come);
	suite_add_tcase(s, c);
	r = srunner_create(s);
	srunner_add_suite(r, check_observe_meter());
	return check_main_run(r);
}
