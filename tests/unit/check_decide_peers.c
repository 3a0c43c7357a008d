/* The same numbers as the peers give: worked examples of the HPA, EC2's target tracking and step
 * scaling, and Nomad's target-value, case by case. */
#include "check_decide.h"

static struct fact scalar(int64_t milli, struct instant seen)
{
	return (struct fact){ .seen_at = seen, .value_milli = milli, .period_end = NEVER };
}

static int32_t ask(const struct made *m, struct facts f)
{
	struct memory memory;

	memory_init(&memory);
	decide_learn(&m->p, &f, at_s(0), &memory);
	return decide(&m->p, &f, &memory, at_s(0)).desired;
}

static void tolerate(struct made *m, int64_t out, int64_t in)
{
	m->p.behavior.scale_out.tolerance_given = m->p.behavior.scale_in.tolerance_given = true;
	m->p.behavior.scale_out.tolerance_milli = out;
	m->p.behavior.scale_in.tolerance_milli = in;
}

/* EC2: ceil(capacity * metric / target); out above the target, in below nine tenths of it. Nomad:
 * ceil(count * metric / target), one percent either side, and ceil(metric / target) from zero.
 * HPA, type Value: ceil(ratio * pods), ten percent either side, both ends inside. */
static const struct {
	const char *name;
	int64_t metric, target, out, in; /* thousandths */
	int desired, want;
} proportion[] = {
	{ "ec2: 150 a worker against 100 is half as many again", 150000, 100000, 0, 100, 10, 15 },
	{ "ec2: one and a half to add is two", 55000, 50000, 0, 100, 15, 17 },
	{ "ec2: one and a half to remove is one", 42500, 50000, 0, 100, 10, 9 },
	{ "ec2: at the target nothing", 50000, 50000, 0, 100, 10, 10 },
	{ "ec2: just above the target grows", 50001, 50000, 0, 100, 10, 11 },
	{ "ec2: less than ten percent below stays", 45500, 50000, 0, 100, 10, 10 },
	{ "ec2: nine tenths exactly stays", 45000, 50000, 0, 100, 10, 10 },
	{ "ec2: below nine tenths shrinks", 44000, 50000, 0, 100, 10, 9 },
	{ "hpa: ten percent above is inside", 55000, 50000, 100, 100, 10, 10 },
	{ "hpa: past ten percent", 55001, 50000, 100, 100, 10, 12 },
	{ "hpa: ten percent below is inside", 45000, 50000, 100, 100, 10, 10 },
	{ "hpa: half the load", 25000, 50000, 100, 100, 10, 5 },
	{ "hpa: from zero", 120000, 50000, 100, 100, 0, 3 },
	{ "nomad: one percent above is inside", 101000, 100000, 10, 10, 4, 4 },
	{ "nomad: past one percent", 101100, 100000, 10, 10, 4, 5 },
	{ "nomad: one percent below is inside", 99000, 100000, 10, 10, 4, 4 },
	{ "nomad: 3 of 4 suffice", 75000, 100000, 10, 10, 4, 3 },
	{ "nomad: count zero takes the factor", 2500, 1000, 10, 10, 0, 3 },
	{ "no load, no instances but the minimum", 0, 1000, 0, 100, 7, 1 },
	{ "a metric below zero is none", -5000, 1000, 0, 100, 7, 1 },
};

START_TEST(a_metric_in_proportion)
{
	struct made m;
	struct facts f = seen(proportion[_i].desired, 0, 1000, 0, 0, at_s(0));

	made_init(&m);
	m.metrics[0].source = POLICY_CLOUDWATCH;
	m.rules[0].target_tracking = (struct policy_target_tracking){
		.value_milli = proportion[_i].target,
	};
	tolerate(&m, proportion[_i].out, proportion[_i].in);
	f.metric[0] = scalar(proportion[_i].metric, at_s(0));
	ck_assert_msg(ask(&m, f) == proportion[_i].want, "%s: %d", proportion[_i].name, ask(&m, f));
}
END_TEST

/* HPA, type AverageValue: ceil(usage / target) past ten percent of target * pods. */
static const struct {
	const char *name;
	int64_t jobs, target_milli;
	int desired, want;
} average[] = {
	{ "100 messages at 5", 100, 5000, 4, 20 },
	{ "ten percent above is inside", 55, 5000, 10, 10 },
	{ "past ten percent", 56, 5000, 10, 12 },
	{ "ten percent below is inside", 45, 5000, 10, 10 },
	{ "past ten percent below", 44, 5000, 10, 9 },
	{ "a target of two and a half", 12, 2500, 1, 5 },
	{ "more targets than messages", 1, 1000000, 3, 1 },
};

START_TEST(a_share_for_each)
{
	struct made m;

	made_init(&m);
	m.rules[0].target_tracking.per_instance_milli = average[_i].target_milli;
	ck_assert_msg(ask(&m, seen(average[_i].desired, 0, 1000, average[_i].jobs, 0, at_s(0))) ==
			      average[_i].want,
		      "%s", average[_i].name);
}
END_TEST

static struct policy_step step(bool above, int64_t bound, enum policy_step_act act, int64_t amount)
{
	return (struct policy_step){ above, bound * 1000, act, amount };
}

/* EC2's guide: threshold 50 of CPU, +10 % from 60, +30 % from 70; -10 % to 40, -30 % to 30. */
static struct policy_step guide[4], plain[3], exact[2];

static void made_steps(struct made *m, struct policy_step *steps, size_t n)
{
	guide[0] = step(true, 60, POLICY_STEP_PERCENT, 10);
	guide[1] = step(true, 70, POLICY_STEP_PERCENT, 30);
	guide[2] = step(false, 40, POLICY_STEP_PERCENT, -10);
	guide[3] = step(false, 30, POLICY_STEP_PERCENT, -30);
	plain[0] = step(true, 20, POLICY_STEP_CHANGE, 1);
	plain[1] = step(true, 40, POLICY_STEP_CHANGE, 3);
	plain[2] = step(false, 5, POLICY_STEP_CHANGE, -1);
	exact[0] = step(true, 20, POLICY_STEP_EXACT, 8);
	exact[1] = step(false, 5, POLICY_STEP_EXACT, 2);
	made_init(m);
	m->metrics[0].source = POLICY_CLOUDWATCH;
	m->rules[0].kind = POLICY_STEP_SCALING;
	m->rules[0].step_scaling = (struct policy_step_scaling){ .inclusive = steps == guide,
								 .steps = steps,
								 .step_count = n };
}

static const struct {
	const char *name;
	struct policy_step *steps;
	size_t n;
	int64_t metric_milli, least;
	int desired, pending, warming, want;
} steps[] = {
	{ "the guide: 10 and ten percent is 11", guide, 4, 60000, 0, 10, 0, 0, 11 },
	{ "the guide: thirty percent of 11 is 3.3", guide, 4, 70000, 0, 11, 0, 0, 14 },
	{ "the guide: ten percent of 14 is 1.4", guide, 4, 40000, 0, 14, 0, 0, 13 },
	{ "the guide: thirty percent of 13 is 3.9", guide, 4, 30000, 0, 13, 0, 0, 10 },
	{ "the guide: between 40 and 60 nothing", guide, 4, 50000, 0, 10, 0, 0, 10 },
	{ "the guide: just below 70 is the step of 60", guide, 4, 69999, 0, 10, 0, 0, 11 },
	{ "the guide: just above 30 is the step of 40", guide, 4, 30001, 0, 10, 0, 0, 9 },
	{ "the guide: warming counts for nothing, 10 % of 10 is 11", guide, 4, 62000, 0, 11, 0, 1,
	  11 },
	{ "the guide: at 70 two more, not three", guide, 4, 70000, 0, 11, 1, 0, 13 },
	{ "less than one instance is one", guide, 4, 60000, 0, 5, 0, 0, 6 },
	{ "less than one to remove is one", guide, 4, 40000, 0, 5, 0, 0, 4 },
	{ "the least adjustment up", guide, 4, 60000, 2, 10, 0, 0, 12 },
	{ "the least adjustment down", guide, 4, 40000, 2, 10, 0, 0, 8 },
	{ "more than 20 adds one", plain, 3, 20001, 0, 3, 0, 0, 4 },
	{ "20 itself does not", plain, 3, 20000, 0, 3, 0, 0, 3 },
	{ "the next step has its bound", plain, 3, 40000, 0, 3, 0, 0, 6 },
	{ "fewer than 5 removes one", plain, 3, 4999, 0, 3, 0, 0, 2 },
	{ "5 itself does not", plain, 3, 5000, 0, 3, 0, 0, 3 },
	{ "one that is coming is not added again", plain, 3, 30000, 0, 4, 1, 0, 4 },
	{ "exactly 8", exact, 2, 30000, 0, 3, 0, 0, 8 },
	{ "exactly 2", exact, 2, 1000, 0, 9, 0, 0, 2 },
	{ "to zero keeps one while it is not sure", plain, 3, 0, 0, 1, 0, 0, 1 },
};

START_TEST(steps_as_ec2)
{
	struct made m;
	struct facts f = seen(steps[_i].desired, 0, 1000, 0, 0, at_s(0));

	made_steps(&m, steps[_i].steps, steps[_i].n);
	m.rules[0].step_scaling.min_adjustment = steps[_i].least;
	f.metric[0] = scalar(steps[_i].metric_milli, at_s(0));
	f.group.pending = steps[_i].pending;
	f.group.in_service = steps[_i].desired - steps[_i].pending;
	f.group.warming = steps[_i].warming;
	f.group.ready = capacity_ready(f.group.in_service, f.group.warming);
	ck_assert_msg(ask(&m, f) == steps[_i].want, "%s: %d", steps[_i].name, ask(&m, f));
}
END_TEST

/* Postfix by hand; the compiler has its own tests. */
static const struct {
	const char *name;
	struct policy_op ops[8];
	size_t n;
	enum fact_why other, want_why;
	int64_t want_milli;
	bool guessed;
} programs[] = {
#define NUMBER(x)                                       \
	{                                               \
		.code = POLICY_OP_NUMBER, .number = (x) \
	}
#define FIRST                                         \
	{                                             \
		.code = POLICY_OP_METRIC, .metric = 0 \
	}
#define SECOND                                        \
	{                                             \
		.code = POLICY_OP_METRIC, .metric = 1 \
	}
#define DO(op)                         \
	{                              \
		.code = POLICY_OP_##op \
	}
	{ "a sum", { FIRST, SECOND, DO(ADD) }, 3, FACT_READABLE, FACT_READABLE, 42000, false },
	{ "missing spreads", { FIRST, SECOND, DO(ADD) }, 3, FACT_DENIED, FACT_DENIED, 0, false },
	{ "a number instead",
	  { SECOND, NUMBER(7), DO(OTHERWISE) },
	  3,
	  FACT_DENIED,
	  FACT_READABLE,
	  7000,
	  true },
	{ "not needed",
	  { SECOND, NUMBER(7), DO(OTHERWISE) },
	  3,
	  FACT_READABLE,
	  FACT_READABLE,
	  12000,
	  false },
	{ "data instead",
	  { SECOND, FIRST, DO(OTHER) },
	  3,
	  FACT_STALE,
	  FACT_READABLE,
	  30000,
	  false },
	{ "by zero", { FIRST, NUMBER(0), DO(DIVIDE) }, 3, FACT_READABLE, FACT_UNDEFINED, 0, false },
	{ "a third rounds",
	  { NUMBER(1), NUMBER(3), DO(DIVIDE), FIRST, NUMBER(0), DO(MULTIPLY), DO(ADD) },
	  7,
	  FACT_READABLE,
	  FACT_READABLE,
	  333,
	  false },
	{ "a choice that is missing does not matter",
	  { NUMBER(1), FIRST, SECOND, DO(IF) },
	  4,
	  FACT_DENIED,
	  FACT_READABLE,
	  30000,
	  false },
	{ "huge is capped",
	  { NUMBER(1e300), NUMBER(1e300), DO(MULTIPLY) },
	  3,
	  FACT_READABLE,
	  FACT_READABLE,
	  9000000000000000000,
	  false },
	{ "no value left", { FIRST, SECOND }, 2, FACT_READABLE, FACT_NONSENSE, 0, false },
	{ "too few", { DO(ADD) }, 1, FACT_READABLE, FACT_NONSENSE, 0, false },
	{ "nothing at all", { { 0 } }, 0, FACT_READABLE, FACT_NONSENSE, 0, false },
};

START_TEST(expressions_run)
{
	struct made m;
	struct facts f = seen(1, 0, 1000, 20, 10, at_s(0));
	struct memory memory;
	struct plan plan;
	const struct stair *s;

	made_init(&m);
	made_metric(&m, "other");
	made_metric(&m, "both");
	m.metrics[2].source = POLICY_EXPR;
	m.metrics[2].expr.ops = (struct policy_op *)programs[_i].ops;
	m.metrics[2].expr.op_count = programs[_i].n;
	m.rules[0].metric = 2;
	f.metric_count = 3;
	f.metric[1] = queue_fact(12, 0, at_s(0));
	f.metric[1].why = programs[_i].other;
	memory_init(&memory);
	plan = decide(&m.p, &f, &memory, at_s(0));
	s = &plan.stairs[0];
	if (programs[_i].want_why == FACT_NONSENSE) {
		ck_assert_msg(s->code == REASON_NONSENSE, "%s", programs[_i].name);
	} else if (programs[_i].want_why != FACT_READABLE) {
		ck_assert_msg(s->code == REASON_STALE && s->arg[1] == programs[_i].want_why, "%s",
			      programs[_i].name);
	} else {
		ck_assert_msg((s->code == REASON_OTHERWISE) == programs[_i].guessed, "%s",
			      programs[_i].name);
		s += programs[_i].guessed;
		ck_assert_msg(s->arg[1] == programs[_i].want_milli, "%s: %lld", programs[_i].name,
			      (long long)s->arg[1]);
	}
}
END_TEST

Suite *suite_peers(void)
{
	Suite *s = suite_create("decide as the peers do");
	TCase *t = tcase_create("peers");

	tcase_add_loop_test(t, a_metric_in_proportion, 0, COUNT_OF(proportion));
	tcase_add_loop_test(t, a_share_for_each, 0, COUNT_OF(average));
	tcase_add_loop_test(t, steps_as_ec2, 0, COUNT_OF(steps));
	tcase_add_loop_test(t, expressions_run, 0, COUNT_OF(programs));
	suite_add_tcase(s, t);
	return s;
}
