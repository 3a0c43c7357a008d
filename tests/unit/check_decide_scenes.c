/* The staircase by examples: scenes of looks in which the group does at once what is written. */
#include "check_decide.h"

#include "model/say.h"

#define LOOKS_MAX 12
#define SAME (-1)

struct look {
	int at; /* seconds */
	int64_t visible, in_flight;
	int want;             /* desired capacity afterwards */
	int why;              /* enum reason, or 0: any */
	enum fact_why queue;  /* why the queue cannot be read */
	int desired_plus_one; /* somebody moved the group to this - 1 */
	int64_t pending, draining_in_service;
	int missing, launch_failures; /* of what is desired, so many did not come */
	enum fact_why launch_read;
	bool group_unreadable;
	bool launch_suspended, terminate_suspended;
	int min_plus_one, max_plus_one; /* an operator's new bounds, from here on */
};

struct scene {
	const char *name;
	void (*tune)(struct made *m);
	int start, min, max;
	struct look looks[LOOKS_MAX];
};

static void out_60(struct made *m)
{
	m->p.behavior.scale_out.stabilization = span_s(60);
}
static void no_tolerance(struct made *m)
{
	m->p.behavior.tolerance_milli = 0;
}
static void out_least_of_two(struct made *m)
{
	made_out_4_or_double(m);
	m->p.behavior.scale_out.select = POLICY_SELECT_MIN;
}
static void out_percent_only(struct made *m)
{
	made_out_4_or_double(m);
	m->p.behavior.scale_out.limit_count = 1;
}
static void in_half_a_minute(struct made *m)
{
	m->in[0] = (struct policy_limit){ .is_percent = true, .amount = 50, .per = span_s(60) };
	m->p.behavior.scale_in.limit_count = 1;
}
static void in_never(struct made *m)
{
	m->p.behavior.scale_in.select = POLICY_SELECT_DISABLED;
}
static void warm_300(struct made *m)
{
	m->p.fleet.warm_up = span_s(300);
}
static void samples_2_above_3(struct made *m)
{
	m->p.behavior.activation.above = 3;
	m->p.behavior.activation.samples = 2;
}
static void floor_2(struct made *m)
{
	m->p.on_missing.floor_given = true;
	m->p.on_missing.floor = 2;
}
static void bounds_2_5(struct made *m)
{
	m->p.fleet.min_given = m->p.fleet.max_given = true;
	m->p.fleet.min = 2;
	m->p.fleet.max = 5;
}
static void bounds_20_30(struct made *m)
{
	bounds_2_5(m);
	m->p.fleet.min = 20;
	m->p.fleet.max = 30;
}
static void paused(struct made *m)
{
	m->p.mode = POLICY_PAUSED;
}
static void dry_run(struct made *m)
{
	m->p.mode = POLICY_DRY_RUN;
}

#define LOOK(when, v, f, size, ...)                                                           \
	{                                                                                     \
		.at = (when), .visible = (v), .in_flight = (f), .want = (size), ##__VA_ARGS__ \
	}

static const struct scene scenes[] = {
	{ "a backlog grows the fleet to what clears it",
	  NULL,
	  2,
	  0,
	  200,
	  { LOOK(0, 1100, 100, 120, .why = REASON_TARGET),
	    LOOK(15, 1100, 100, 120, .why = REASON_KEEP) } },
	{ "running jobs are work", NULL, 3, 0, 10, { LOOK(0, 0, 30, 3, .why = REASON_KEEP) } },
	{ "within the tolerance the size stays, both ends included",
	  NULL,
	  10,
	  0,
	  100,
	  { LOOK(0, 90, 0, 10, .why = REASON_KEEP), LOOK(15, 110, 0, 10, .why = REASON_KEEP),
	    LOOK(30, 111, 0, 12) } },
	{ "just below the tolerance the fleet shrinks",
	  NULL,
	  10,
	  0,
	  100,
	  { LOOK(0, 89, 0, 9, .why = REASON_TARGET) } },
	{ "parts of an instance count as one",
	  no_tolerance,
	  1,
	  0,
	  100,
	  { LOOK(0, 11, 0, 2), LOOK(15, 21, 0, 3) } },
	{ "a number past all bounds asks for the maximum",
	  NULL,
	  1,
	  0,
	  50,
	  { LOOK(0, INT64_MAX, INT64_MAX, 50, .why = REASON_MAX_GROUP) } },
	{ "a negative count is not used",
	  NULL,
	  5,
	  0,
	  50,
	  { LOOK(0, -5, 0, 5, .why = REASON_NO_RULE) } },
	{ "an unreadable queue holds the fleet",
	  NULL,
	  5,
	  0,
	  50,
	  { LOOK(0, 0, 0, 5, .why = REASON_NO_RULE, .queue = FACT_DENIED) } },
	{ "an unreadable group writes nothing",
	  NULL,
	  5,
	  8,
	  50,
	  { LOOK(0, 500, 0, 5, .why = REASON_UNREADABLE_GROUP, .group_unreadable = true) } },
	{ "without data the floor counts after ten minutes, and not before",
	  floor_2,
	  0,
	  0,
	  9,
	  { LOOK(0, 0, 0, 0, .queue = FACT_UNREACHABLE),
	    LOOK(600, 0, 0, 0, .why = REASON_NO_RULE, .queue = FACT_UNREACHABLE),
	    LOOK(601, 0, 0, 2, .why = REASON_FALLBACK, .queue = FACT_UNREACHABLE) } },
	{ "a floor never shrinks a fleet",
	  floor_2,
	  5,
	  0,
	  9,
	  { LOOK(0, 0, 0, 5, .queue = FACT_STALE),
	    LOOK(900, 0, 0, 5, .why = REASON_NO_RULE, .queue = FACT_STALE) } },
	{ "a floor stays below the maximum",
	  floor_2,
	  0,
	  0,
	  1,
	  { LOOK(0, 0, 0, 0, .queue = FACT_STALE),
	    LOOK(900, 0, 0, 1, .why = REASON_FALLBACK, .queue = FACT_STALE) } },
	{ "data in between starts the wait for the floor again",
	  floor_2,
	  1,
	  0,
	  9,
	  { LOOK(0, 0, 0, 1, .queue = FACT_STALE), LOOK(590, 5, 5, 1),
	    LOOK(700, 0, 0, 1, .queue = FACT_STALE) } },
	{ "a lowered maximum is obeyed without data",
	  NULL,
	  5,
	  0,
	  50,
	  { LOOK(0, 0, 0, 3, .why = REASON_MAX_GROUP, .queue = FACT_DENIED, .max_plus_one = 4) } },
	{ "a raised minimum is obeyed without data",
	  NULL,
	  1,
	  0,
	  50,
	  { LOOK(0, 0, 0, 4, .why = REASON_MIN_GROUP, .queue = FACT_DENIED, .min_plus_one = 5) } },
	{ "from zero one job is enough",
	  NULL,
	  0,
	  0,
	  9,
	  { LOOK(0, 1, 0, 1, .why = REASON_TARGET) } },
	{ "from zero as many samples as asked",
	  samples_2_above_3,
	  0,
	  0,
	  9,
	  { LOOK(0, 3, 0, 0, .why = REASON_NOT_YET_ACTIVE),
	    LOOK(15, 40, 0, 0, .why = REASON_NOT_YET_ACTIVE),
	    LOOK(30, 3, 0, 0, .why = REASON_NOT_YET_ACTIVE), LOOK(45, 40, 0, 0),
	    LOOK(60, 40, 0, 4, .why = REASON_TARGET) } },
	{ "to zero only after zero for so long",
	  NULL,
	  3,
	  0,
	  9,
	  { LOOK(0, 0, 0, 1, .why = REASON_NOT_YET_ZERO),
	    LOOK(60, 0, 0, 1, .why = REASON_NOT_YET_ZERO), LOOK(119, 0, 0, 1),
	    LOOK(120, 0, 0, 0, .why = REASON_TARGET) } },
	{ "one zero in mid-burst does not empty the fleet",
	  NULL,
	  5,
	  0,
	  9,
	  { LOOK(0, 0, 0, 1, .why = REASON_NOT_YET_ZERO), LOOK(15, 40, 10, 5),
	    LOOK(130, 0, 0, 1, .why = REASON_NOT_YET_ZERO) } },
	{ "a job in flight is not zero", NULL, 1, 0, 9, { LOOK(0, 0, 1, 1), LOOK(600, 0, 1, 1) } },
	{ "missing data is not zero",
	  NULL,
	  1,
	  0,
	  9,
	  { LOOK(0, 0, 0, 1), LOOK(100, 0, 0, 1, .queue = FACT_STALE),
	    LOOK(130, 0, 0, 1, .why = REASON_NOT_YET_ZERO) } },
	{ "shrinking waits for the highest wish of the window",
	  made_in_300,
	  10,
	  0,
	  50,
	  { LOOK(0, 100, 0, 10), LOOK(100, 50, 0, 10),
	    LOOK(200, 20, 0, 10, .why = REASON_STABILIZE_IN), LOOK(299, 20, 0, 10),
	    LOOK(300, 20, 0, 5, .why = REASON_STABILIZE_IN),
	    LOOK(400, 20, 0, 2, .why = REASON_TARGET) } },
	{ "a fresh memory starts its window with the size it finds",
	  made_in_300,
	  10,
	  0,
	  50,
	  { LOOK(0, 20, 0, 10, .why = REASON_STABILIZE_IN), LOOK(299, 20, 0, 10),
	    LOOK(300, 20, 0, 2) } },
	{ "growing waits for the lowest wish of its window",
	  out_60,
	  1,
	  0,
	  50,
	  { LOOK(0, 100, 0, 1, .why = REASON_STABILIZE_OUT), LOOK(30, 200, 0, 1),
	    LOOK(60, 300, 0, 20, .why = REASON_STABILIZE_OUT), LOOK(95, 300, 0, 30) } },
	{ "the widest limit lets the fleet grow by four or double",
	  made_out_4_or_double,
	  2,
	  0,
	  200,
	  { LOOK(0, 1200, 0, 6, .why = REASON_RAMP_OUT), LOOK(30, 1200, 0, 6),
	    LOOK(60, 1200, 0, 12), LOOK(120, 1200, 0, 24) } },
	{ "the narrowest limit of two",
	  out_least_of_two,
	  8,
	  0,
	  200,
	  { LOOK(0, 1200, 0, 12, .why = REASON_RAMP_OUT), LOOK(60, 1200, 0, 16) } },
	{ "a share of nothing still starts one",
	  out_percent_only,
	  0,
	  0,
	  200,
	  { LOOK(0, 1200, 0, 1, .why = REASON_RAMP_OUT), LOOK(60, 1200, 0, 2),
	    LOOK(120, 1200, 0, 4) } },
	{ "half a minute at most goes at once",
	  in_half_a_minute,
	  20,
	  0,
	  200,
	  { LOOK(0, 10, 0, 10, .why = REASON_RAMP_IN), LOOK(30, 10, 0, 10), LOOK(60, 10, 0, 5),
	    LOOK(120, 10, 0, 2) } },
	{ "a disabled direction never moves",
	  in_never,
	  20,
	  0,
	  200,
	  { LOOK(0, 10, 0, 20, .why = REASON_RAMP_DISABLED), LOOK(15, 300, 0, 30) } },
	{ "growing starts from instances that have not left yet",
	  made_out_4_or_double,
	  2,
	  0,
	  200,
	  { LOOK(0, 1200, 0, 16, .why = REASON_RAMP_OUT, .draining_in_service = 6) } },
	{ "a pause after each direction of its own",
	  made_cool_both,
	  2,
	  0,
	  200,
	  { LOOK(0, 50, 0, 5), LOOK(15, 90, 0, 5, .why = REASON_COOL_OUT), LOOK(29, 90, 0, 5),
	    LOOK(30, 90, 0, 9), LOOK(45, 50, 0, 5), LOOK(90, 20, 0, 5, .why = REASON_COOL_IN),
	    LOOK(105, 20, 0, 2) } },
	{ "no shrinking while instances start",
	  warm_300,
	  2,
	  0,
	  200,
	  { LOOK(0, 50, 0, 5), LOOK(15, 20, 0, 5, .why = REASON_WARMING, .pending = 3),
	    LOOK(30, 20, 0, 2) } },
	{ "an instance that never starts cannot hold the fleet for ever",
	  warm_300,
	  2,
	  0,
	  200,
	  { LOOK(0, 50, 0, 5), LOOK(599, 20, 0, 5, .why = REASON_WARMING, .pending = 1),
	    LOOK(600, 20, 0, 2, .pending = 1) } },
	{ "without a warm-up in the policy booting instances may go",
	  NULL,
	  2,
	  0,
	  200,
	  { LOOK(0, 50, 0, 5), LOOK(15, 20, 0, 2, .pending = 3) } },
	{ "a move by somebody else is not answered at once",
	  NULL,
	  5,
	  0,
	  200,
	  { LOOK(0, 50, 0, 5),
	    LOOK(15, 50, 0, 9, .why = REASON_FOREIGN_HELD, .desired_plus_one = 10),
	    LOOK(30, 50, 0, 5) } },
	{ "a cut by somebody else is not answered at once",
	  NULL,
	  5,
	  0,
	  200,
	  { LOOK(0, 50, 0, 5),
	    LOOK(15, 50, 0, 1, .why = REASON_FOREIGN_HELD, .desired_plus_one = 2),
	    LOOK(30, 50, 0, 5) } },
	{ "nothing is launched while launching is suspended",
	  NULL,
	  2,
	  0,
	  200,
	  { LOOK(0, 500, 0, 2, .why = REASON_LAUNCH_SUSPENDED, .launch_suspended = true) } },
	{ "while launches fail no more is asked for, and all is when they work again",
	  NULL,
	  2,
	  0,
	  200,
	  { LOOK(0, 100, 0, 10),
	    LOOK(15, 500, 0, 10, .why = REASON_LAUNCH_FAILED, .missing = 8, .launch_failures = 3),
	    LOOK(30, 500, 0, 10, .why = REASON_LAUNCH_FAILED, .missing = 5, .launch_failures = 1),
	    LOOK(45, 500, 0, 50) } },
	{ "failed launches of a group that is complete are over",
	  NULL,
	  2,
	  0,
	  200,
	  { LOOK(0, 500, 0, 50, .launch_failures = 3) } },
	{ "launches that fail keep nobody from shrinking",
	  NULL,
	  20,
	  0,
	  200,
	  { LOOK(0, 200, 0, 20, .missing = 5, .launch_failures = 2),
	    LOOK(301, 50, 0, 5, .missing = 5, .launch_failures = 2) } },
	{ "where the group's activities cannot be read the fleet grows as it would",
	  NULL,
	  2,
	  0,
	  200,
	  { LOOK(0, 500, 0, 50, .why = REASON_TARGET, .missing = 1, .launch_read = FACT_DENIED) } },
	{ "nothing is removed while terminating is suspended",
	  NULL,
	  20,
	  0,
	  200,
	  { LOOK(0, 50, 0, 20, .why = REASON_TERMINATE_SUSPENDED, .terminate_suspended = true) } },
	{ "the policy's bounds hold",
	  bounds_2_5,
	  3,
	  0,
	  200,
	  { LOOK(0, 500, 0, 5, .why = REASON_MAX_POLICY),
	    LOOK(15, 1, 0, 2, .why = REASON_MIN_POLICY) } },
	{ "the group's bounds hold inside the policy's",
	  bounds_2_5,
	  3,
	  3,
	  4,
	  { LOOK(0, 500, 0, 4, .why = REASON_MAX_GROUP),
	    LOOK(15, 1, 0, 3, .why = REASON_MIN_GROUP) } },
	{ "where policy and group are apart the group wins",
	  bounds_20_30,
	  3,
	  1,
	  4,
	  { LOOK(0, 500, 0, 4, .why = REASON_MAX_GROUP), LOOK(15, 1, 0, 1) } },
	{ "a paused policy holds",
	  paused,
	  3,
	  0,
	  200,
	  { LOOK(0, 500, 0, 3, .why = REASON_PAUSED) } },
	{ "a dry run wants and does not write",
	  dry_run,
	  3,
	  0,
	  200,
	  { LOOK(0, 500, 0, 3, .why = REASON_TARGET) } },
};

static struct facts facts_of(struct stage *s, const struct look *l)
{
	struct facts f;

	if (l->desired_plus_one)
		s->desired = l->desired_plus_one - 1;
	if (l->min_plus_one)
		s->min = l->min_plus_one - 1;
	if (l->max_plus_one)
		s->max = l->max_plus_one - 1;
	f = seen(s->desired, s->min, s->max, l->visible, l->in_flight, at_s(l->at));
	f.metric[0].why = l->queue;
	f.group.pending = l->pending;
	f.group.in_service += l->draining_in_service - l->pending;
	f.group.in_service -= l->missing;
	f.group.ready = f.group.in_service;
	f.group.launch_failures = l->launch_failures;
	f.group.launch_why = LAUNCH_CAPACITY;
	f.group.launch_read = l->launch_read;
	f.group.launch_suspended = l->launch_suspended;
	f.group.terminate_suspended = l->terminate_suspended;
	if (l->group_unreadable)
		f.group.why = FACT_UNREACHABLE;
	return f;
}

static void play(const struct scene *scene)
{
	struct stage s = { .desired = scene->start, .min = scene->min, .max = scene->max };

	made_init(&s.made);
	if (scene->tune)
		scene->tune(&s.made);
	memory_init(&s.memory);
	for (size_t i = 0; i < LOOKS_MAX && (i == 0 || scene->looks[i].at > 0); i++) {
		const struct look *l = &scene->looks[i];
		struct facts f = facts_of(&s, l);
		struct plan plan = turn(&s, &f, at_s(l->at));
		AUTO(buf_done) struct buf said = BUF(8192);

		say_plan(&s.made.p, &f, &plan, at_s(l->at), &said);
		ck_assert_msg(s.desired == l->want, "%s, at %d s: desired is %d, not %d\n%s",
			      scene->name, l->at, s.desired, l->want, buf_str(&said));
		ck_assert_msg(l->why == 0 || plan.why == l->why,
			      "%s, at %d s: why is %s, not %s\n%s", scene->name, l->at,
			      say_reason_word((enum reason)plan.why),
			      say_reason_word((enum reason)l->why), buf_str(&said));
	}
}

START_TEST(scene_plays)
{
	play(&scenes[_i]);
}
END_TEST

Suite *suite_scenes(void)
{
	Suite *s = suite_create("decide in scenes");
	TCase *t = tcase_create("scenes");

	tcase_add_loop_test(t, scene_plays, 0, COUNT_OF(scenes));
	suite_add_tcase(s, t);
	return s;
}
