/* When policies are looked at, and who may write. */
#include <check.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check_main.h"
#include "control/lease.h"
#include "control/pace.h"

static struct policy policy_named(const char *name)
{
	return (struct policy){ .name = name,
				.evaluate = { .every = { 15000 }, .idle_every = { 60000 } } };
}

START_TEST(due_times_lie_on_a_grid_and_never_drift)
{
	struct policy p = policy_named("thumbs");
	struct tick first = control_pace_next(&p, false, (struct tick){ _i * 977 });

	ck_assert_int_gt(first.ms, _i * 977);
	ck_assert_int_le(first.ms, _i * 977 + 15000);
	for (int64_t late = 0; late < 15000;
	     late += 1499) /* however late the turn ends, the grid stays */
		ck_assert_int_eq((control_pace_next(&p, false, tick_add(first, span_ms(late))).ms -
				  first.ms) %
					 15000,
				 0);
}
END_TEST

START_TEST(policies_spread_over_the_interval)
{
	int in_half = 0;

	for (int i = 0; i < 200; i++) {
		char name[32];
		struct policy p;

		snprintf(name, sizeof(name), "policy-%d", i);
		p = policy_named(name);
		in_half += control_pace_next(&p, false, (struct tick){ 0 }).ms <= 7500;
	}
	ck_assert_int_gt(in_half, 60);
	ck_assert_int_lt(in_half, 140);
}
END_TEST

static struct facts idle_facts(void)
{
	return (struct facts){ .group = { .min = 1, .max = 3, .desired = 1, .in_service = 1 },
			       .metric = { { .is_queue = true,
					     .has = QUEUE_VISIBLE | QUEUE_IN_FLIGHT } },
			       .metric_count = 1 };
}

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

int main(void)
{
	Suite *s = suite_create("control");
	TCase *c = tcase_create("control");
	char lock[64];
	int status;

	if (mkstemp(journal) < 0)
		return EXIT_FAILURE;
	tcase_add_loop_test(c, due_times_lie_on_a_grid_and_never_drift, 0, 40);
	tcase_add_test(c, policies_spread_over_the_interval);
	tcase_add_test(c, idle_is_an_empty_queue_a_settled_fleet_and_all_of_it_seen);
	tcase_add_test(c, one_process_holds_the_lease_and_its_death_frees_it);
	tcase_add_test(c, without_a_lease_there_is_no_permit);
	tcase_add_test(c, a_lease_whose_file_was_removed_permits_nothing);
	tcase_add_test(c, asking_who_holds_the_lease_takes_it_from_nobody);
	suite_add_tcase(s, c);
	status = check_main_run(srunner_create(s));
	unlink(journal);
	snprintf(lock, sizeof(lock), "%s.lock", journal);
	unlink(lock);
	return status;
}
