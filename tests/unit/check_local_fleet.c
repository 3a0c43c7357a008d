/* Who goes and who is launched; and what of this machine's processes belongs to an instance. */
#include <check.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/rng.h"
#include "check_main.h"
#include "local/fleet_choose.h"
#include "local/fleet_launch.h"
#include "local/fleet_mixed.h"
#include "local/fleet_process.h"
#include "local/fleet_refresh.h"

#define MEMBERS_MAX 6

struct member {
	const char *id;
	enum local_fleet_state state;
	bool sick, is_protected, outdated;
	int age; /* seconds */
	size_t zone;
	int weight;
};

struct scene_case {
	const char *name;
	int desired;
	bool forced, no_launch, no_terminate, no_replace;
	const char *policies;
	struct member members[MEMBERS_MAX];
	int launch, short_by;
	const char *surplus, *unhealthy; /* ids in the order of members, joined */
};

#define IN FLEET_IN_SERVICE
#define PENDING FLEET_PENDING

static const struct scene_case scenes[] = {
	{ "an empty group launches all", .desired = 3, .launch = 3 },
	{ "pending counts as supply", .desired = 2, .members = { { "a", .state = PENDING } },
	  .launch = 1 },
	{ "terminating does not", .desired = 1,
	  .members = { { "a", .state = FLEET_TERMINATING },
		       { "b", .state = FLEET_TERMINATING_WAIT } },
	  .launch = 1 },
	{ "launch suspended", .desired = 3, .no_launch = true },
	{ "the oldest goes first", .desired = 1,
	  .members = { { "a", IN, .age = 5 }, { "b", IN, .age = 9 }, { "c", IN, .age = 7 } },
	  .surplus = "bc" },
	{ "the newest, when the policy says so", .desired = 2, .policies = "NewestInstance",
	  .members = { { "a", IN, .age = 5 }, { "b", IN, .age = 9 }, { "c", IN, .age = 7 } },
	  .surplus = "a" },
	{ "one of an older launch configuration before the oldest", .desired = 1,
	  .policies = "Default",
	  .members = { { "a", IN, .age = 9 }, { "b", IN, .age = 5, .outdated = true } },
	  .surplus = "b" },
	{ "but after it, where the policy is age alone", .desired = 1, .policies = "OldestInstance",
	  .members = { { "a", IN, .age = 9 }, { "b", IN, .age = 5, .outdated = true } },
	  .surplus = "a" },
	{ "protected ones stay, whatever desired says", .desired = 0,
	  .members = { { "a", IN, .is_protected = true, .age = 9 }, { "b", IN, .age = 1 } },
	  .surplus = "b", .short_by = 1 },
	{ "protection begins in service", .desired = 0,
	  .members = { { "a", PENDING, .is_protected = true } }, .surplus = "a" },
	{ "a pending one goes before one in service, the newest first", .desired = 2,
	  .members = { { "a", IN, .age = 9 },
		       { "b", PENDING, .age = 3 },
		       { "c", PENDING, .age = 2 } },
	  .surplus = "c" },
	{ "the fuller zone gives first", .desired = 2,
	  .members = { { "a", IN, .age = 9 },
		       { "b", IN, .age = 2, .zone = 1 },
		       { "c", IN, .age = 1, .zone = 1 } },
	  .surplus = "b" },
	{ "a sick one goes, and one comes for it", .desired = 2,
	  .members = { { "a", IN, .sick = true }, { "b", .state = IN } }, .launch = 1,
	  .unhealthy = "a" },
	{ "protection does not hold a sick one", .desired = 1,
	  .members = { { "a", IN, .sick = true, .is_protected = true } }, .launch = 1,
	  .unhealthy = "a" },
	{ "a sick one stays where replacing is suspended", .desired = 1, .no_replace = true,
	  .members = { { "a", IN, .sick = true } } },
	{ "nobody goes where terminating is suspended", .desired = 0, .no_terminate = true,
	  .members = { { "a", .state = IN }, { "b", IN, .sick = true } } },
	{ "weights add up", .desired = 5,
	  .members = { { "a", IN, .weight = 2 }, { "b", .state = FLEET_STANDBY } }, .launch = 3 },
	{ "one that weighs more than the surplus stays", .desired = 3,
	  .members = { { "a", IN, .weight = 4, .age = 9 }, { "b", IN, .weight = 1, .age = 2 } },
	  .surplus = "b" },
	{ "what waits in the pool is no capacity", .desired = 1,
	  .members = { { "a", FLEET_WARMED_STOPPED }, { "b", FLEET_WARMED_RUNNING } },
	  .launch = 1 },
	{ "all go when the group goes", .desired = 0, .forced = true,
	  .members = { { "a", IN, .is_protected = true },
		       { "b", .state = FLEET_PENDING_WAIT },
		       { "c", .state = PENDING } },
	  .surplus = "abc" },
};

static size_t fill(const struct scene_case *t, struct local_fleet_scene *s,
		   struct local_fleet_candidate *all)
{
	size_t n = 0;

	*s = (struct local_fleet_scene){ .desired = t->desired,
					 .forced = t->forced,
					 .may_launch = !t->no_launch && !t->forced,
					 .may_terminate = !t->no_terminate,
					 .may_replace = !t->no_replace,
					 .zone_count = 2 };
	s->order_count = local_fleet_choose_orders(t->policies, s->orders);
	for (; n < MEMBERS_MAX && t->members[n].id; n++) {
		const struct member *m = &t->members[n];

		all[n] = (struct local_fleet_candidate){ .id = m->id,
							 .state = m->state,
							 .healthy = !m->sick,
							 .is_protected = m->is_protected,
							 .outdated = m->outdated,
							 .launched_ms = 1000000 - m->age * 1000,
							 .zone = m->zone,
							 .weight = m->weight };
	}
	return n;
}

static void ids_of(const struct local_fleet_candidate *all, size_t n,
		   const enum local_fleet_verdict *verdicts, enum local_fleet_verdict wanted,
		   char out[static MEMBERS_MAX + 1])
{
	size_t len = 0;

	for (size_t i = 0; i < n; i++)
		if (verdicts[i] == wanted)
			out[len++] = all[i].id[0];
	out[len] = '\0';
}

START_TEST(chooses)
{
	const struct scene_case *t = &scenes[_i];
	struct local_fleet_candidate all[MEMBERS_MAX];
	enum local_fleet_verdict verdicts[MEMBERS_MAX];
	struct local_fleet_scene s;
	struct local_fleet_choice choice;
	char ids[MEMBERS_MAX + 1];
	size_t n = fill(t, &s, all);

	choice = local_fleet_choose(&s, all, n, verdicts);
	ck_assert_msg(choice.launch == t->launch, "%s: launches %d", t->name, choice.launch);
	ck_assert_msg(choice.short_by == t->short_by, "%s: short by %d", t->name, choice.short_by);
	ids_of(all, n, verdicts, FLEET_GOES_SURPLUS, ids);
	ck_assert_msg(strcmp(ids, t->surplus ? t->surplus : "") == 0, "%s: surplus %s", t->name,
		      ids);
	ids_of(all, n, verdicts, FLEET_GOES_UNHEALTHY, ids);
	ck_assert_msg(strcmp(ids, t->unhealthy ? t->unhealthy : "") == 0, "%s: unhealthy %s",
		      t->name, ids);
}
END_TEST

/* Whatever the group looks like: it does not shrink below desired, launches only what lacks, and
 * lets no protected instance in service go while it lives; and the order of the rows does not
 * matter. */
START_TEST(keeps_its_promises)
{
	struct rng rng;

	rng_seed(&rng, (uint64_t)_i + 1);
	for (int round = 0; round < 500; round++) {
		struct local_fleet_candidate all[MEMBERS_MAX], mixed[MEMBERS_MAX];
		enum local_fleet_verdict verdicts[MEMBERS_MAX], again[MEMBERS_MAX];
		size_t n = rng_below(&rng, MEMBERS_MAX + 1);
		struct local_fleet_scene s = { .desired = (int)rng_below(&rng, 5),
					       .may_launch = true,
					       .may_terminate = true,
					       .may_replace = true,
					       .zone_count = 2 };
		struct local_fleet_choice choice, other;
		static const char *const names[] = { "a", "b", "c", "d", "e", "f" };
		int left = 0;

		s.order_count = local_fleet_choose_orders("Default", s.orders);
		for (size_t i = 0; i < n; i++)
			all[i] = (struct local_fleet_candidate){
				.id = names[i],
				.state = (enum local_fleet_state)rng_below(&rng, FLEET_STATE_COUNT),
				.healthy = rng_below(&rng, 4) > 0,
				.is_protected = rng_below(&rng, 2),
				.outdated = rng_below(&rng, 2),
				.launched_ms = (int64_t)rng_below(&rng, 3),
				.zone = rng_below(&rng, 2),
			};
		choice = local_fleet_choose(&s, all, n, verdicts);
		for (size_t i = 0; i < n; i++) {
			left += local_fleet_choose_supply(all[i].state) &&
				verdicts[i] == FLEET_STAYS;
			ck_assert(verdicts[i] == FLEET_STAYS ||
				  local_fleet_choose_supply(all[i].state));
			ck_assert(verdicts[i] != FLEET_GOES_SURPLUS || !all[i].is_protected ||
				  all[i].state != FLEET_IN_SERVICE);
		}
		ck_assert_int_ge(left + choice.launch, s.desired);
		ck_assert(choice.launch == 0 || left + choice.launch == s.desired);
		ck_assert_int_eq(left + choice.launch, s.desired + choice.short_by);
		for (size_t i = 0; i < n; i++)
			mixed[i] = all[(i + 1) % n];
		other = local_fleet_choose(&s, mixed, n, again);
		ck_assert_int_eq(other.launch, choice.launch);
		for (size_t i = 0; i < n; i++)
			ck_assert_int_eq(again[i], verdicts[(i + 1) % n]);
	}
}
END_TEST

static const struct {
	const char *name;
	struct local_fleet_sight sight;
	enum local_fleet_step step;
} steps[] = {
	{ "pending waits for its delay", { .state = PENDING }, FLEET_STEP_NONE },
	{ "then boots", { .state = PENDING, .boot_due = true }, FLEET_STEP_BOOT },
	{ "a launching hook is waited for",
	  { .state = FLEET_PENDING_WAIT,
	    .healthy = true,
	    .running = true,
	    .hooks = FLEET_HOOKS_OPEN },
	  FLEET_STEP_NONE },
	{ "and lets it in",
	  { .state = FLEET_PENDING_WAIT,
	    .healthy = true,
	    .running = true,
	    .hooks = FLEET_HOOKS_CONTINUE },
	  FLEET_STEP_ENTER },
	{ "or not",
	  { .state = FLEET_PENDING_WAIT,
	    .healthy = true,
	    .running = true,
	    .hooks = FLEET_HOOKS_ABANDON },
	  FLEET_STEP_ABANDON },
	{ "one that died before it was let in",
	  { .state = FLEET_PENDING_WAIT, .healthy = true, .hooks = FLEET_HOOKS_CONTINUE },
	  FLEET_STEP_UNWELL },
	{ "in service and running",
	  { .state = IN, .healthy = true, .running = true, .checked = true },
	  FLEET_STEP_NONE },
	{ "in service and gone",
	  { .state = IN, .healthy = true, .checked = true },
	  FLEET_STEP_UNWELL },
	{ "nobody looks where health checks are suspended",
	  { .state = IN, .healthy = true },
	  FLEET_STEP_NONE },
	{ "it is marked once", { .state = IN, .checked = true }, FLEET_STEP_NONE },
	{ "a terminating hook is waited for",
	  { .state = FLEET_TERMINATING_WAIT, .running = true, .hooks = FLEET_HOOKS_OPEN },
	  FLEET_STEP_NONE },
	{ "not for the dead",
	  { .state = FLEET_TERMINATING_WAIT, .hooks = FLEET_HOOKS_OPEN },
	  FLEET_STEP_PROCEED },
	{ "an abandoned one proceeds as well",
	  { .state = FLEET_TERMINATING_WAIT, .running = true, .hooks = FLEET_HOOKS_ABANDON },
	  FLEET_STEP_PROCEED },
	{ "the grace runs", { .state = FLEET_TERMINATING, .running = true }, FLEET_STEP_NONE },
	{ "and ends",
	  { .state = FLEET_TERMINATING_PROCEED, .running = true, .stop_due = true },
	  FLEET_STEP_KILL },
	{ "gone is gone", { .state = FLEET_TERMINATING }, FLEET_STEP_GONE },
};

START_TEST(steps_on)
{
	ck_assert_msg(local_fleet_choose_step(&steps[_i].sight) == steps[_i].step, "%s",
		      steps[_i].name);
}
END_TEST

START_TEST(backs_off)
{
	static const int64_t ms[] = { 0, 0, 1000, 2000, 4000, 8000, 16000, 32000, 60000, 60000 };

	for (size_t i = 0; i < COUNT_OF(ms); i++)
		ck_assert_int_eq(local_fleet_choose_backoff_ms((int)i), ms[i]);
	ck_assert_int_eq(local_fleet_choose_backoff_ms(1000000), 60000);
}
END_TEST

static const struct {
	const char *script;
	int64_t ms; /* -1: refused */
} delays[] = {
	{ "exec worker", 7 },
	{ "", 7 },
	{ "#windlass: boot-delay=5s\nexec worker", 5000 },
	{ "#!/bin/sh\n# text\n#windlass: boot-delay=250ms\nexec worker", 250 },
	{ "#windlass: boot-delay=0", 0 },
	{ "#windlass: boot-delay=5s \r\n", 5000 },
	{ "exec worker\n#windlass: boot-delay=5s", 7 },
	{ "#windlass: boot-delay=soon\n", -1 },
	{ "#windlass: boot-delay=", -1 },
	{ "#windlass: boot-delay=11111111111111111111111111111111111111111s\n", -1 },
};

START_TEST(reads_the_delay)
{
	struct span d;
	struct err e;
	int rc = local_fleet_launch_delay(delays[_i].script, span_ms(7), &d, &e);

	ck_assert_int_eq(rc, delays[_i].ms < 0 ? -1 : 0);
	if (rc == 0)
		ck_assert_int_eq(d.ms, delays[_i].ms);
}
END_TEST

/* A leader with a child in a session of its own that has cleared its environment, and one more that
 * the leader's death has orphaned but for its mark: all of them are the instance's. */
START_TEST(sweeps_relatives)
{
	int ready[2];
	char mark[] = FLEET_MARK "=i-0123456789abcdef0", byte;
	char *const marked[] = { mark, NULL };
	const char *const orphan[] = {
		"/bin/sh", "-c", "setsid sleep 1000 & setsid env -i sleep 1000 & echo >&3; wait",
		NULL
	};
	pid_t leader;
	int64_t started;
	size_t left = 3;

	ck_assert_int_eq(pipe(ready), 0);
	leader = fork();
	if (leader == 0) {
		setsid();
		dup2(ready[1], 3);
		close(ready[0]);
		execve(orphan[0], (char *const *)orphan, marked);
		_exit(127);
	}
	ck_assert_int_eq(read(ready[0], &byte, 1), 1);
	started = local_fleet_process_started(leader);
	ck_assert(started > 0);
	while (local_fleet_process_sweep("i-0123456789abcdef0", leader, started, 0) < 3)
		usleep(1000);
	ck_assert_uint_eq(local_fleet_process_sweep("i-0123456789abcdef1", 0, 0, SIGKILL), 0);
	/* One that has our leader's number, but not its start, is not touched by group or session.
	 */
	ck_assert_uint_ge(local_fleet_process_sweep("i-other", leader, started, 0), 3);
	ck_assert_uint_eq(local_fleet_process_sweep("i-other", leader, started + 1, 0), 0);
	for (int i = 0; left && i < 1000; i++) {
		left = local_fleet_process_sweep("i-0123456789abcdef0", leader, started, SIGKILL);
		while (waitpid(-1, NULL, WNOHANG) > 0)
			continue;
	}
	ck_assert_uint_eq(left, 0);
	ck_assert_int_eq(local_fleet_process_started(leader), -1);
}
END_TEST

START_TEST(knows_a_process_again)
{
	char boot[LOCAL_FLEET_BOOT_ID_MAX];
	int64_t started = local_fleet_process_started(getpid());

	ck_assert_uint_eq(strlen(local_fleet_process_boot_id(boot)), 36);
	ck_assert(local_fleet_process_is(getpid(), started, boot));
	ck_assert(!local_fleet_process_is(getpid(), started + 1, boot));
	ck_assert(!local_fleet_process_is(getpid(), started, "another"));
	ck_assert(!local_fleet_process_is(getpid(), started, NULL));
	ck_assert(!local_fleet_process_is(0, -1, boot));
}
END_TEST

static const struct roll_case {
	const char *name;
	struct local_fleet_roll roll;
	int64_t take, extra;
} rolls[] = {
	{ "half of four", { 4, 4, 4, 4, 50, 100 }, 2, 0 },
	{ "ninety percent of ten", { 10, 10, 10, 10, 90, 100 }, 1, 0 },
	{ "a hundred percent is one at a time", { 4, 4, 4, 4, 100, 100 }, 1, 0 },
	{ "ninety percent of four is as good as a hundred", { 4, 4, 4, 4, 90, 100 }, 1, 0 },
	{ "none while one is on its way", { 4, 3, 4, 3, 100, 100 }, 0, 0 },
	{ "the new one first", { 4, 4, 4, 4, 100, 110 }, 0, 1 },
	{ "then an old one", { 4, 5, 5, 4, 100, 110 }, 1, 1 },
	{ "twice as many for a while", { 4, 4, 4, 4, 100, 200 }, 0, 4 },
	{ "all at once", { 4, 4, 4, 4, 0, 100 }, 4, 0 },
	{ "nothing left", { 4, 4, 4, 0, 0, 200 }, 0, 0 },
	{ "no more than are left", { 4, 4, 4, 1, 0, 200 }, 1, 1 },
};

START_TEST(rolls_on)
{
	const struct roll_case *t = &rolls[_i];

	ck_assert_msg(local_fleet_refresh_take(&t->roll) == t->take, "%s", t->name);
	ck_assert_msg(local_fleet_refresh_extra(&t->roll) == t->extra, "%s", t->name);
}
END_TEST

static const struct mix_case {
	const char *spread; /* InstancesDistribution */
	const char *kinds;  /* of eight launches: on demand or spot */
} mixes[] = {
	{ "{}", "dddddddd" },
	{ "{\"OnDemandBaseCapacity\":\"2\",\"OnDemandPercentageAboveBaseCapacity\":\"0\"}",
	  "ddssssss" },
	{ "{\"OnDemandPercentageAboveBaseCapacity\":\"50\"}", "dsdsdsds" },
	{ "{\"OnDemandBaseCapacity\":\"1\",\"OnDemandPercentageAboveBaseCapacity\":\"25\"}",
	  "ddsssdss" },
};

START_TEST(mixes_kinds)
{
	const struct mix_case *t = &mixes[_i];
	AUTO(own_freep)
	char *policy = own_printf("{\"InstancesDistribution\":%s,\"LaunchTemplate\":"
				  "{\"Overrides\":[{\"InstanceType\":\"c5.large\"}]}}",
				  t->spread);
	struct local_fleet_mix m = { 0 };
	char kinds[9] = "";

	for (int i = 0; i < 8; i++) {
		struct local_fleet_mixed picked;

		local_fleet_mixed_pick(policy, &m, &picked);
		ck_assert_str_eq(picked.type, "c5.large");
		local_fleet_mixed_count(&m, picked.weight, picked.spot);
		kinds[i] = picked.spot ? 's' : 'd';
	}
	ck_assert_str_eq(kinds, t->kinds);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("local fleet");
	TCase *pure = tcase_create("choose"), *process = tcase_create("process");

	tcase_add_loop_test(pure, chooses, 0, COUNT_OF(scenes));
	tcase_add_loop_test(pure, keeps_its_promises, 0, 20);
	tcase_add_loop_test(pure, steps_on, 0, COUNT_OF(steps));
	tcase_add_test(pure, backs_off);
	tcase_add_loop_test(pure, rolls_on, 0, COUNT_OF(rolls));
	tcase_add_loop_test(pure, mixes_kinds, 0, COUNT_OF(mixes));
	tcase_add_loop_test(pure, reads_the_delay, 0, COUNT_OF(delays));
	tcase_add_test(process, sweeps_relatives);
	tcase_add_test(process, knows_a_process_again);
	suite_add_tcase(suite, pure);
	suite_add_tcase(suite, process);
	return check_main_run(srunner_create(suite));
}
