/* When policies are looked at, and who may write. */
#include <check.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/rng.h"
#include "check_main.h"
#include "control/agenda.h"
#include "control/control.h"
#include "control/image.h"
#include "control/lease.h"
#include "control/pace.h"
#include "control/publish.h"

static struct policy policy_named(const char *name)
{
	return (struct policy){ .name = name,
				.evaluate = { .every = { 15000 }, .idle_every = { 60000 } } };
}

START_TEST(due_times_lie_on_a_grid_and_never_drift)
{
	struct policy p = policy_named("thumbs");
	uint64_t phase = control_pace_phase("thumbs", 0);
	struct tick first = control_pace_next(&p, phase, false, (struct tick){ _i * 977 });

	ck_assert_int_gt(first.ms, _i * 977);
	ck_assert_int_le(first.ms, _i * 977 + 15000);
	for (int64_t late = 0; late < 15000; /* however late the turn ends, the grid stays */
	     late += 1499) {
		struct tick next =
			control_pace_next(&p, phase, false, tick_add(first, span_ms(late)));

		ck_assert_int_eq((next.ms - first.ms) % 15000, 0);
	}
}
END_TEST

START_TEST(slow_turns_are_among_the_fast_ones)
{
	struct policy p = policy_named("thumbs");
	uint64_t phase = control_pace_phase("thumbs", (size_t)_i);
	struct tick slow = control_pace_next(&p, phase, true, (struct tick){ 0 });
	struct tick fast = control_pace_next(&p, phase, false, (struct tick){ 0 });

	ck_assert_int_gt(slow.ms, 0);
	ck_assert_int_le(slow.ms, 60000);
	ck_assert_int_eq((slow.ms - fast.ms) % 15000, 0);
	ck_assert_int_eq(control_pace_next(&p, phase, true, slow).ms, slow.ms + 60000);
}
END_TEST

/* No gap between neighbours is over three times what it would be if all were equal. */
START_TEST(cohorts_spread_over_the_interval)
{
	static const int counts[] = { 2, 3, 10, 100 };
	int n = counts[_i];
	struct policy p = policy_named("thumbs");
	int64_t times[101], most = 0;

	for (int i = 0; i < n; i++)
		times[i] = control_pace_next(&p, control_pace_phase("thumbs", (size_t)i), false,
					     (struct tick){ 1000000 })
				   .ms;
	for (int i = 1; i < n; i++)
		for (int k = i; k > 0 && times[k] < times[k - 1]; k--) {
			int64_t t = times[k];

			times[k] = times[k - 1];
			times[k - 1] = t;
		}
	times[n] = times[0] + 15000;
	for (int i = 0; i < n; i++)
		most = times[i + 1] - times[i] > most ? times[i + 1] - times[i] : most;
	ck_assert_int_lt(most, 3 * 15000 / n);
}
END_TEST

START_TEST(turns_come_in_the_order_of_their_times)
{
	struct turn turns[300] = { 0 };
	struct agenda a = { 0 };
	struct rng rng;
	int64_t last = 0;

	rng_seed(&rng, 7);
	for (size_t i = 0; i < COUNT_OF(turns); i++) {
		turns[i].due.ms = (int64_t)rng_below(&rng, 1000);
		control_agenda_add(&a, &turns[i]);
	}
	for (int i = 0; i < 3000; i++) {
		struct turn *t = control_agenda_next(&a);

		ck_assert_ptr_eq(control_agenda_take(&a), t);
		ck_assert_int_ge(t->due.ms, last);
		last = t->due.ms;
		t->due.ms += 1 + (int64_t)rng_below(&rng, 1000);
		control_agenda_add(&a, t);
	}
	ck_assert_uint_eq(a.count, COUNT_OF(turns));
	while (control_agenda_next(&a))
		control_agenda_take(&a);
	ck_assert_uint_eq(a.count, 0);
	control_agenda_done(&a);
}
END_TEST

static struct facts idle_facts(void)
{
	return (struct facts){ .group = { .min = 1, .max = 3, .desired = 1, .in_service = 1 },
			       .metric = { { .is_queue = true,
					     .has = QUEUE_VISIBLE | QUEUE_IN_FLIGHT } },
			       .metric_count = 1 };
}

/* Sizes of runs that meet each end, and none and all of the words. */
START_TEST(a_value_at_rest_comes_back_to_the_bit)
{
	AUTO(control_image_done) struct image i = { 0 };
	struct rng r = { 0 };
	uint64_t first[64], value[64], back[64];

	rng_seed(&r, 7 + (uint64_t)_i);
	for (size_t k = 0; k < COUNT_OF(first); k++)
		first[k] = value[k] = rng_u64(&r);
	ck_assert(!control_image_get(&i, first, sizeof(first), back));
	ck_assert_mem_eq(back, first, sizeof(first));
	for (int turn = 0; turn < 50; turn++) {
		for (size_t k = 0; k < COUNT_OF(value); k++)
			value[k] = (int)rng_below(&r, 50) < turn ? rng_u64(&r) : first[k];
		control_image_put(&i, value, first, sizeof(value));
		ck_assert(control_image_get(&i, first, sizeof(first), back));
		ck_assert_mem_eq(back, value, sizeof(value));
	}
	control_image_put(&i, first, first, sizeof(first));
	ck_assert_uint_le(i.room, 32);
	ck_assert(control_image_get(&i, first, sizeof(first), back));
	ck_assert_mem_eq(back, first, sizeof(first));
}
END_TEST

START_TEST(idle_is_an_empty_queue_a_settled_fleet_and_all_of_it_seen)
{
	struct policy p = policy_named("thumbs");
	struct facts f = idle_facts();

	ck_assert(control_pace_idle(&p, &f));
	f.metric[0].visible = 1;
	ck_assert(!control_pace_idle(&p, &f));
	f = idle_facts();
	f.metric[0].in_flight = 1;
	ck_assert(!control_pace_idle(&p, &f));
	f = idle_facts();
	f.metric[0].why = FACT_UNREACHABLE; /* not seen is not empty */
	ck_assert(!control_pace_idle(&p, &f));
	f = idle_facts();
	f.group.desired = f.group.in_service = 2; /* still to fall */
	ck_assert(!control_pace_idle(&p, &f));
	f = idle_facts();
	f.group.pending = 1;
	ck_assert(!control_pace_idle(&p, &f));
	f = idle_facts();
	f.group.why = FACT_DENIED;
	ck_assert(!control_pace_idle(&p, &f));
}
END_TEST

static char journal[] = "/tmp/check_control.XXXXXX";

START_TEST(one_process_holds_the_lease_and_its_death_frees_it)
{
	struct lease *mine;
	struct err e;
	int fd[2];
	char c;
	pid_t pid;

	ck_assert_int_eq(pipe(fd), 0);
	pid = fork();
	if (pid == 0) {
		struct lease *l = control_lease_take(journal, &e);

		if (l && write(fd[1], "x", 1) == 1)
			pause();
		_exit(1);
	}
	ck_assert_int_eq(read(fd[0], &c, 1), 1);
	ck_assert_ptr_null(control_lease_take(journal, &e));
	ck_assert_int_eq(e.kind, ERR_CONFLICT);
	ck_assert_int_eq(control_lease_holder(journal), pid);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	mine = control_lease_take(journal, &e);
	ck_assert_msg(mine != NULL, "%s", e.text);
	ck_assert(control_lease_permit(mine, (struct tick){ 5 }).granted);
	control_lease_free(mine);
	ck_assert_int_eq(control_lease_holder(journal), 0);
	close(fd[0]);
	close(fd[1]);
}
END_TEST

START_TEST(without_a_lease_there_is_no_permit)
{
	ck_assert(!control_lease_permit(NULL, (struct tick){ 5 }).granted);
}
END_TEST

START_TEST(a_lease_whose_file_was_removed_permits_nothing)
{
	struct lease *first, *second;
	char lock[64];
	struct err e;

	first = control_lease_take(journal, &e);
	ck_assert_msg(first != NULL, "%s", e.text);
	snprintf(lock, sizeof(lock), "%s.lock", journal);
	ck_assert_int_eq(unlink(lock), 0);
	ck_assert(!control_lease_permit(first, (struct tick){ 5 }).granted);
	second = control_lease_take(journal, &e);
	ck_assert_msg(second != NULL, "%s", e.text);
	ck_assert(control_lease_permit(second, (struct tick){ 5 }).granted);
	ck_assert(!control_lease_permit(first, (struct tick){ 5 }).granted);
	control_lease_free(first);
	ck_assert_int_eq(control_lease_holder(journal), getpid());
	control_lease_free(second);
}
END_TEST

START_TEST(asking_who_holds_the_lease_takes_it_from_nobody)
{
	struct err e;

	for (int i = 0; i < 200; i++) {
		struct lease *l;

		ck_assert_int_eq(control_lease_holder(journal), 0);
		l = control_lease_take(journal, &e);
		ck_assert_msg(l != NULL, "%s", e.text);
		ck_assert_int_eq(control_lease_holder(journal), getpid());
		control_lease_free(l);
	}
}
END_TEST

static struct policy_metric metrics[] = {
	{ .name = "backlog", .source = POLICY_SQS, .sqs = { .count = POLICY_COUNT_VISIBLE } },
	{ .name = "orders", .source = POLICY_CLOUDWATCH }
};
static struct policy_rule rules[] = { { .name = "steps", .kind = POLICY_STEP_SCALING },
				      { .name = "promise", .kind = POLICY_QUEUE_WAIT },
				      { .name = "ahead", .kind = POLICY_PREDICTIVE } };

/* A policy of two metrics and three rules that came to 7. */
static void turn_make(struct turn *t, const struct policy *p)
{
	static struct turn_work work;

	work = (struct turn_work){ 0 };
	*t = (struct turn){ .policy = p, .work = &work };
	work.facts.group.in_service = 4;
	work.facts.metric_count = 2;
	work.facts.metric[0] = (struct fact){ .is_queue = true,
					      .has = QUEUE_VISIBLE | QUEUE_IN_FLIGHT,
					      .visible = 30,
					      .in_flight = 8 };
	work.plan = (struct plan){ .known = true, .desired = 7, .stair_count = 4 };
	work.plan.stairs[0] = (struct stair){ .code = REASON_STEP, .rule = 0, .to = 5 };
	work.plan.stairs[1] = (struct stair){ .code = REASON_PROMISE, .rule = 1, .to = 7 };
	work.plan.stairs[2] = (struct stair){ .code = REASON_UNPROVEN, .rule = 2, .to = 4 };
	work.plan.stairs[3] = (struct stair){ .code = REASON_WINNER, .rule = 1, .to = 7 };
	work.memory.wait.known = true;
	work.memory.wait.started_milli = 200000;
	work.memory.wait.late_milli = 5000;
}

static const struct publish_value *value_of(const struct publish_value *v, size_t n,
					    const char *metric, const char *what)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(v[i].metric, metric) == 0 &&
		    (what ? v[i].what && strcmp(v[i].what, what) == 0 : !v[i].what))
			return &v[i];
	return NULL;
}

START_TEST(what_is_known_is_published_and_nothing_else)
{
	struct policy p = { .name = "thumbs",
			    .metrics = metrics,
			    .metric_count = 2,
			    .rules = rules,
			    .rule_count = 3 };
	struct publish_value v[PUBLISH_VALUES_MAX];
	static struct turn t;
	size_t n;

	turn_make(&t, &p);
	n = control_publish_values(&t, v);
	ck_assert_uint_eq(n, 5);
	ck_assert_double_eq(value_of(v, n, "BacklogPerInstance", "backlog")->value, 7.5);
	ck_assert_double_eq(value_of(v, n, "DesiredByRule", "steps")->value, 5);
	ck_assert_double_eq(value_of(v, n, "DesiredByRule", "promise")->value, 7);
	ck_assert_double_eq(value_of(v, n, "DesiredCapacity", NULL)->value, 7);
	ck_assert_double_eq_tol(value_of(v, n, "PromiseKept", "promise")->value, 97.5, 1e-9);
	t.work->facts.group.in_service = 0; /* the backlog itself waits for the first instance */
	n = control_publish_values(&t, v);
	ck_assert_double_eq(value_of(v, n, "BacklogPerInstance", "backlog")->value, 30);
	t.work->facts.metric[0].why = FACT_THROTTLED;
	ck_assert_ptr_null(
		value_of(v, control_publish_values(&t, v), "BacklogPerInstance", "backlog"));
	t.work->plan.known = false;
	t.work->memory.wait.known = false;
	ck_assert_uint_eq(control_publish_values(&t, v), 0);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("control");
	TCase *c = tcase_create("control");
	char lock[64];
	int status;

	if (mkstemp(journal) < 0)
		return EXIT_FAILURE;
	tcase_add_loop_test(c, due_times_lie_on_a_grid_and_never_drift, 0, 40);
	tcase_add_loop_test(c, slow_turns_are_among_the_fast_ones, 0, 8);
	tcase_add_loop_test(c, cohorts_spread_over_the_interval, 0, 4);
	tcase_add_test(c, turns_come_in_the_order_of_their_times);
	tcase_add_loop_test(c, a_value_at_rest_comes_back_to_the_bit, 0, 4);
	tcase_add_test(c, idle_is_an_empty_queue_a_settled_fleet_and_all_of_it_seen);
	tcase_add_test(c, one_process_holds_the_lease_and_its_death_frees_it);
	tcase_add_test(c, without_a_lease_there_is_no_permit);
	tcase_add_test(c, a_lease_whose_file_was_removed_permits_nothing);
	tcase_add_test(c, what_is_known_is_published_and_nothing_else);
	tcase_add_test(c, asking_who_holds_the_lease_takes_it_from_nobody);
	suite_add_tcase(s, c);
	status = check_main_run(srunner_create(s));
	unlink(journal);
	snprintf(lock, sizeof(lock), "%s.lock", journal);
	unlink(lock);
	return status;
}
