/* What must hold for any input: generated policies, facts and memories, each case from its own
 * seed. */
#include "check_decide.h"

#include <stdlib.h>

#include "base/rng.h"

#define CASES 100000
/* libcheck writes a record for each of its assertions: too slow for millions. */
#define HOLDS(x)                                                                   \
	do {                                                                       \
		if (!(x))                                                          \
			ck_abort_msg("seed %llu: not " #x, (unsigned long long)i); \
	} while (0)

static struct season seasons[3]; /* of the memory of a case, and of its copies */

static int64_t pick(struct rng *r, const int64_t *of, size_t n)
{
	return of[rng_below(r, n)];
}

static bool chance(struct rng *r, uint64_t one_in)
{
	return rng_below(r, one_in) == 0;
}

static struct span some_span(struct rng *r)
{
	static const int64_t s[] = { 0, 1, 15, 60, 300, 3600, 86400 };

	return span_s(pick(r, s, COUNT_OF(s)));
}

static void some_direction(struct rng *r, struct policy_direction *d)
{
	d->stabilization = some_span(r);
	d->cooldown = chance(r, 2) ? span_s(0) : some_span(r);
	d->select = chance(r, 8) ? POLICY_SELECT_DISABLED : (enum policy_select)rng_below(r, 2);
	d->limit_count = rng_below(r, POLICY_LIMITS_MAX + 1);
	for (size_t i = 0; i < d->limit_count; i++)
		d->limits[i] = (struct policy_limit){ .is_percent = chance(r, 2),
						      .amount = (int64_t)rng_below(
							      r, chance(r, 2) ? 10 : 100001),
						      .per = some_span(r) };
}

/* One metric computed of others: more of those is never less of it. */
static void some_computed(struct rng *r, struct made *m)
{
	struct policy_metric *x = &m->metrics[m->p.metric_count];
	uint16_t a = (uint16_t)rng_below(r, m->p.metric_count);
	uint16_t b = (uint16_t)rng_below(r, m->p.metric_count);
	static const uint8_t joins[] = { POLICY_OP_ADD, POLICY_OP_MIN, POLICY_OP_MAX,
					 POLICY_OP_OTHER, POLICY_OP_OTHERWISE };

	made_metric(m, "computed");
	x->source = chance(r, 2) ? POLICY_EXPR : POLICY_SUM;
	m->ops[0] = (struct policy_op){ .code = POLICY_OP_METRIC, .metric = a };
	m->ops[1] = (struct policy_op){ .code = POLICY_OP_NUMBER,
					.number = (double)rng_below(r, 5000) / 1000 };
	m->ops[2] = (struct policy_op){ .code = POLICY_OP_MULTIPLY };
	m->ops[3] = (struct policy_op){ .code = POLICY_OP_METRIC, .metric = b };
	m->ops[4] = (struct policy_op){ .code = joins[rng_below(r, COUNT_OF(joins))] };
	if (m->ops[4].code == POLICY_OP_OTHERWISE)
		m->ops[3] = (struct policy_op){ .code = POLICY_OP_NUMBER, .number = 7 };
	x->expr.op_count = 5;
	x->expr.ops = m->ops;
}

static void some_steps(struct rng *r, struct made *m, struct policy_rule *rule)
{
	int64_t low = (int64_t)rng_below(r, 10) * 1000;
	enum policy_step_act act = (enum policy_step_act)rng_below(r, 2);

	rule->kind = POLICY_STEP_SCALING;
	rule->step_scaling =
		(struct policy_step_scaling){ .inclusive = chance(r, 2),
					      .min_adjustment = (int64_t)rng_below(r, 3),
					      .steps = m->steps,
					      .step_count = 4 };
	m->steps[0] = (struct policy_step){ true, low + 20000, act, (int64_t)rng_below(r, 5) };
	m->steps[1] = (struct policy_step){ true, low + 40000, act, 5 + (int64_t)rng_below(r, 90) };
	m->steps[2] = (struct policy_step){ false, low, act, -(int64_t)rng_below(r, 5) };
	m->steps[3] =
		(struct policy_step){ false, low - 5000, act, -5 - (int64_t)rng_below(r, 90) };
}

static void some_schedules(struct rng *r, struct made *m)
{
	static struct calendar_change change = { T0 / 1000 + 50000, 7200 };
	static const struct calendar_zone zone = {
		.name = "Z", .first_offset_s = 3600, .change_count = 1, .changes = &change
	};

	m->p.schedules = m->schedules;
	m->p.schedule_count = rng_below(r, 3);
	for (size_t i = 0; i < m->p.schedule_count; i++)
		m->schedules[i] = (struct policy_schedule){
			.name = "s",
			.cron = { .minutes = rng_u64(r) & ((1ULL << 60) - 1),
				  .hours = (uint32_t)rng_u64(r) & 0xffffff,
				  .days = 0xfffffffe,
				  .months = 0x1ffe,
				  .weekdays = (uint32_t)rng_below(r, 128),
				  .any_day = true },
			.duration = span_s(60 + (int64_t)rng_below(r, 100000)),
			.zone = &zone,
			.min_given = chance(r, 2),
			.max_given = chance(r, 2),
			.min = (int64_t)rng_below(r, 20),
			.max = (int64_t)rng_below(r, 40),
		};
}

static void some_rule(struct rng *r, struct made *m, struct policy_rule *rule)
{
	static const int64_t per[] = { 1, 999, 1000, 2500, 10000, 1000000000000 };
	bool steps = false, promise = false, ahead = false;

	rule->target_tracking.per_instance_milli = pick(r, per, COUNT_OF(per));
	for (const struct policy_rule *other = m->rules; other < rule; other++) {
		steps = steps || other->kind == POLICY_STEP_SCALING;
		promise = promise || other->kind == POLICY_QUEUE_WAIT;
		ahead = ahead || other->kind == POLICY_PREDICTIVE;
	}
	switch (rng_below(r, 6)) {
	case 0:
		rule->target_tracking =
			(struct policy_target_tracking){ .value_milli =
								 pick(r, per, COUNT_OF(per)) };
		break;
	case 1:
		if (!steps)
			some_steps(r, m, rule);
		break;
	case 2:
		if (promise || m->metrics[rule->metric].source != POLICY_SQS)
			break;
		rule->kind = POLICY_QUEUE_WAIT;
		rule->queue_wait.percentile_milli = 95000;
		rule->queue_wait.target = span_s(1 + (int64_t)rng_below(r, 600));
		rule->queue_wait.service_time = span_ms(POLICY_AUTO);
		break;
	case 3:
		if (ahead)
			break;
		rule->kind = POLICY_PREDICTIVE;
		rule->predictive.per_instance_milli =
			chance(r, 2) ? POLICY_AUTO : pick(r, per, COUNT_OF(per));
		rule->predictive.horizon = chance(r, 2) ? span_ms(POLICY_AUTO) : span_s(3000);
		rule->predictive.history = span_s(86400 * 7);
		rule->predictive.percentile_milli = 90000;
		rule->predictive.max_error_milli = 500;
		break;
	default:
		break;
	}
}

static void some_policy(struct rng *r, struct made *m)
{
	static const char *const names[] = { "m0", "m1", "m2", "m3" };

	made_init(m);
	m->p.metric_count = m->p.rule_count = 0;
	for (size_t n = 1 + rng_below(r, 4); m->p.metric_count < n;) {
		made_metric(m, names[m->p.metric_count]);
		if (chance(r, 6)) {
			m->metrics[m->p.metric_count - 1].source = POLICY_CLOUDWATCH;
			m->metrics[m->p.metric_count - 1].cloudwatch.period = span_s(60);
		}
	}
	if (chance(r, 2))
		some_computed(r, m);
	for (size_t n = 1 + rng_below(r, 4); m->p.rule_count < n;) {
		made_rule(m, names[m->p.rule_count], rng_below(r, m->p.metric_count), 1);
		some_rule(r, m, &m->rules[m->p.rule_count - 1]);
	}
	some_schedules(r, m);
	m->p.behavior.scale_out.tolerance_given = chance(r, 4);
	m->p.fleet.min_given = chance(r, 2);
	m->p.fleet.min = (int64_t)rng_below(r, 20);
	m->p.fleet.max_given = chance(r, 2);
	m->p.fleet.max = m->p.fleet.min + (int64_t)rng_below(r, chance(r, 4) ? 100001 : 30);
	m->p.fleet.warm_up = chance(r, 2) ? span_ms(POLICY_AUTO) : some_span(r);
	m->p.behavior.tolerance_milli = (int64_t)rng_below(r, 1001);
	m->p.behavior.activation.above = (int64_t)rng_below(r, 20);
	m->p.behavior.activation.samples = 1 + (int64_t)rng_below(r, 3);
	m->p.behavior.deactivation.for_ = some_span(r);
	some_direction(r, &m->p.behavior.scale_out);
	some_direction(r, &m->p.behavior.scale_in);
	m->p.on_missing.floor_given = chance(r, 2);
	m->p.on_missing.floor = (int64_t)rng_below(r, 30);
	m->p.on_missing.after = some_span(r);
	m->p.mode = chance(r, 2) ? POLICY_ENFORCE : (enum policy_mode)rng_below(r, 4);
}

static int64_t wild(struct rng *r)
{
	static const int64_t odd[] = { INT64_MIN,
				       INT64_MIN + 1,
				       -1,
				       0,
				       1,
				       INT32_MAX,
				       INT64_MAX - 1,
				       INT64_MAX,
				       POLICY_CAPACITY_MAX,
				       POLICY_CAPACITY_MAX + 1 };

	return chance(r, 3) ? pick(r, odd, COUNT_OF(odd)) : (int64_t)rng_below(r, 100);
}

static int64_t sane(struct rng *r)
{
	return (int64_t)rng_below(r, chance(r, 4) ? 100000 : 60);
}

static void some_facts(struct rng *r, const struct made *m, struct instant now, bool any,
		       struct facts *f)
{
	int64_t (*number)(struct rng *) = any ? wild : sane;

	memset(f, 0, sizeof(*f));
	f->group = (struct capacity){
		.seen_at = now,
		.min = any && chance(r, 8) ? wild(r) : (int64_t)rng_below(r, 10),
		.max = any && chance(r, 8) ? wild(r) : 10 + (int64_t)rng_below(r, 60),
		.desired = any && chance(r, 8) ? wild(r) : (int64_t)rng_below(r, 70),
		.launch_suspended = chance(r, 20),
		.terminate_suspended = chance(r, 20)
	};
	f->group.in_service = any ? wild(r) : f->group.desired;
	f->group.pending = chance(r, 2) ? 0 : number(r);
	f->group.warming = chance(r, 2) ? 0 : number(r);
	f->group.ready = any ? wild(r) : capacity_ready(f->group.in_service, f->group.warming);
	f->group.heaviest = chance(r, 10) ? number(r) : 0;
	f->group.refreshing = chance(r, 20);
	f->group.launch_failures = chance(r, 10) ? number(r) : 0;
	f->group.launch_read =
		chance(r, 20) ? (enum fact_why)rng_below(r, FACT_WHY_COUNT) : FACT_READABLE;
	if (any && chance(r, 10))
		f->group.why = (enum fact_why)rng_below(r, FACT_WHY_COUNT);
	f->metric_count =
		any && chance(r, 8) ? rng_below(r, m->p.metric_count + 1) : m->p.metric_count;
	for (size_t i = 0; i < m->p.metric_count; i++) {
		f->metric[i] =
			queue_fact(chance(r, 4) ? 0 : number(r), chance(r, 4) ? 0 : number(r), now);
		if (m->metrics[i].source == POLICY_CLOUDWATCH && !(any && chance(r, 20))) {
			f->metric[i].value_milli = number(r);
			f->metric[i].is_queue = false;
		}
		if (any && chance(r, 6))
			f->metric[i].why = (enum fact_why)rng_below(r, FACT_WHY_COUNT);
		if (any && chance(r, 10))
			f->metric[i].seen_at = (struct instant){ wild(r) };
		if (any && chance(r, 10))
			f->metric[i].has = (unsigned)rng_below(r, 64);
	}
}

/* Days that were forecast well, so that what is expected counts. */
static void some_season(struct rng *r, struct season *s, struct instant now)
{
	season_init(s);
	if (now.ms < 0)
		return;
	s->open = now.ms / SEASON_BUCKET_MS;
	for (int64_t b = s->open - 10 * SEASON_DAY; b < s->open; b++)
		if (!chance(r, 10))
			season_put(s, b, (int64_t)rng_below(r, 100000));
	s->graded = (int64_t)rng_below(r, 200);
	s->actual = 1000000;
	s->error = (int64_t)rng_below(r, 700000);
	s->naive_error = 500000;
}

/* Some turns, so that the memory holds what a memory holds. */
static struct instant live(struct rng *r, const struct made *m, bool any, struct memory *memory)
{
	struct instant now = at_s((int64_t)rng_below(r, 100000));

	memory_init(memory);
	if (policy_is_predictive(&m->p)) {
		some_season(r, &seasons[0], now);
		memory->season = &seasons[0];
	}
	for (uint64_t n = rng_below(r, 6); n > 0; n--) {
		struct outcome o = { .kind = (enum outcome_kind)rng_below(r, OUTCOME_UNKNOWN + 1) };
		struct facts f;
		struct plan plan;

		some_facts(r, m, now, any, &f);
		decide_learn(&m->p, &f, now, memory);
		plan = decide(&m->p, &f, memory, now);
		decide_presume(&plan, now, memory);
		if (!chance(r, 4))
			decide_settle(&m->p, &o, now, memory);
		now = instant_add(now, chance(r, 10) ? span_s((int64_t)rng_below(r, 7200) - 3600)
						     : some_span(r));
	}
	return now;
}

static struct plan next(const struct made *m, const struct facts *f, const struct memory *memory,
			struct instant now)
{
	struct memory copy = *memory;

	if (copy.season) {
		seasons[1] = *memory->season;
		copy.season = &seasons[1];
	}
	decide_learn(&m->p, f, now, &copy);
	return decide(&m->p, f, &copy, now);
}

/* Group's bounds, or the narrower ones that hold now. */
static bool holds(const struct policy_schedule *s, struct instant now)
{
	return !instant_is_never(
		calendar_last(&s->cron, s->zone, now, span_ms(s->duration.ms - 1)));
}

START_TEST(no_plan_leaves_its_bounds)
{
	for (uint64_t i = 0; i < CASES; i++) {
		struct rng r;
		struct made m;
		struct memory memory;
		struct facts f;
		struct instant now;
		struct plan plan;

		rng_seed(&r, i);
		some_policy(&r, &m);
		now = live(&r, &m, true, &memory);
		if (chance(&r, 20))
			now = (struct instant){ wild(&r) };
		some_facts(&r, &m, now, true, &f);
		plan = next(&m, &f, &memory, now);
		HOLDS(plan.stair_count <= PLAN_STAIRS_MAX);
		HOLDS(plan.act == PLAN_HOLD || m.p.mode == POLICY_ENFORCE);
		HOLDS(!plan.may_write || m.p.mode == POLICY_ENFORCE);
		HOLDS(plan.known || (plan.act == PLAN_HOLD && !plan.may_write));
		if (plan.act != PLAN_SET)
			continue;
		HOLDS(plan.desired != f.group.desired);
		HOLDS(plan.desired >= f.group.min);
		HOLDS(plan.desired <= f.group.max);
		HOLDS(plan.desired >= plan.low && plan.desired <= plan.high);
		if (m.p.schedule_count == 0 && m.p.fleet.max_given && m.p.fleet.max >= f.group.min)
			HOLDS(plan.desired <= m.p.fleet.max || m.p.fleet.min > f.group.max);
		if (now.ms > 0 && now.ms < 2 * T0 && m.p.schedule_count == 1 &&
		    m.schedules[0].max_given && m.schedules[0].max >= f.group.min &&
		    !m.p.fleet.min_given && !m.p.fleet.max_given &&
		    m.schedules[0].min <= f.group.max && holds(&m.schedules[0], now))
			HOLDS(plan.desired <= m.schedules[0].max);
	}
}
END_TEST

START_TEST(more_backlog_never_means_fewer)
{
	for (uint64_t i = 0; i < CASES; i++) {
		struct rng r;
		struct made m;
		struct memory memory;
		struct facts f, more;
		struct instant now;
		size_t metric;
		int32_t least, most;

		rng_seed(&r, i);
		some_policy(&r, &m);
		now = live(&r, &m, false, &memory);
		some_facts(&r, &m, now, false, &f);
		more = f;
		metric = rng_below(&r, m.p.metric_count);
		more.metric[metric].visible +=
			1 + (chance(&r, 4) ? INT64_MAX / 2 : (int64_t)rng_below(&r, 100));
		more.metric[metric].value_milli += (int64_t)rng_below(&r, 100000);
		if (chance(&r, 2))
			more.metric[metric].in_flight += (int64_t)rng_below(&r, 100);
		least = next(&m, &f, &memory, now).desired;
		most = next(&m, &more, &memory, now).desired;
		HOLDS(most >= least);
	}
}
END_TEST

static bool rule_is_blind(const struct made *m, const struct facts *f)
{
	for (size_t i = 0; i < m->p.rule_count; i++) {
		const struct policy_metric *x = &m->p.metrics[m->p.rules[i].metric];
		bool missing[2];

		if (!policy_metric_is_derived(x)) {
			if (f->metric[m->p.rules[i].metric].why != FACT_READABLE)
				return true;
			continue;
		}
		missing[0] = f->metric[x->expr.ops[0].metric].why != FACT_READABLE;
		missing[1] = x->expr.ops[3].code == POLICY_OP_METRIC &&
			     f->metric[x->expr.ops[3].metric].why != FACT_READABLE;
		if (x->expr.ops[4].code == POLICY_OP_OTHER ? missing[0] && missing[1]
							   : missing[0] || missing[1])
			return true;
	}
	return false;
}

/* A number that the policy gives for missing data may grow the fleet. */
static bool has_otherwise(const struct made *m)
{
	return m->ops[4].code == POLICY_OP_OTHERWISE;
}

START_TEST(missing_data_never_shrinks_nor_grows_past_the_floor)
{
	for (uint64_t i = 0; i < CASES; i++) {
		struct rng r;
		struct made m;
		struct memory memory;
		struct facts f;
		struct instant now;
		struct plan plan;
		bool all = i % 2 == 0;
		int64_t highest;

		rng_seed(&r, i);
		some_policy(&r, &m);
		now = live(&r, &m, false, &memory);
		some_facts(&r, &m, now, false, &f);
		for (size_t k = 0; k < m.p.metric_count; k++)
			if (all || chance(&r, 2))
				f.metric[k].why =
					(enum fact_why)(1 + rng_below(&r, FACT_WHY_COUNT - 1));
		plan = next(&m, &f, &memory, now);
		if (!rule_is_blind(&m, &f))
			continue;
		HOLDS(plan.desired >= (plan.current < plan.high ? plan.current : plan.high));
		highest = m.p.on_missing.floor_given && m.p.on_missing.floor > plan.low
				  ? m.p.on_missing.floor
				  : plan.low;
		if (all && !has_otherwise(&m))
			HOLDS(plan.desired <= plan.current || plan.desired <= highest);
	}
}
END_TEST

/* The first two metrics change places, and all that refers to them. */
static void swap_metrics(struct made *m, const struct facts *f, const struct memory *memory,
			 struct facts *ret_facts, struct memory *ret_memory)
{
	struct policy_metric keep = m->metrics[0];

	*ret_facts = *f;
	*ret_memory = *memory;
	if (m->p.metric_count < 2 || policy_metric_is_derived(&m->metrics[1]) ||
	    f->metric_count < 2)
		return;
	m->metrics[0] = m->metrics[1];
	m->metrics[1] = keep;
	ret_facts->metric[0] = f->metric[1];
	ret_facts->metric[1] = f->metric[0];
	ret_memory->missing_since[0] = memory->missing_since[1];
	ret_memory->missing_since[1] = memory->missing_since[0];
	for (size_t i = 0; i < m->p.rule_count; i++)
		if (m->rules[i].metric < 2)
			m->rules[i].metric = 1 - m->rules[i].metric;
	for (size_t i = 0; i < m->p.metric_count; i++)
		if (m->metrics[i].expr.ops)
			m->metrics[i].expr.ops = m->ops;
	for (size_t i = 0; i < COUNT_OF(m->ops); i++)
		if (m->ops[i].code == POLICY_OP_METRIC && m->ops[i].metric < 2)
			m->ops[i].metric = (uint16_t)(1 - m->ops[i].metric);
}

START_TEST(the_order_of_rules_and_metrics_does_not_matter)
{
	for (uint64_t i = 0; i < CASES; i++) {
		struct rng r;
		struct made m, shuffled;
		struct memory memory;
		struct facts f;
		struct memory other_memory;
		struct facts other_facts;
		struct instant now;

		rng_seed(&r, i);
		some_policy(&r, &m);
		now = live(&r, &m, true, &memory);
		some_facts(&r, &m, now, true, &f);
		shuffled = m;
		shuffled.p.rules = shuffled.rules;
		shuffled.p.metrics = shuffled.metrics;
		swap_metrics(&shuffled, &f, &memory, &other_facts, &other_memory);
		for (size_t k = m.p.rule_count; k > 1; k--) {
			size_t other = rng_below(&r, k);
			struct policy_rule keep = shuffled.rules[k - 1];

			shuffled.rules[k - 1] = shuffled.rules[other];
			shuffled.rules[other] = keep;
		}
		HOLDS(next(&m, &f, &memory, now).desired ==
		      next(&shuffled, &other_facts, &other_memory, now).desired);
	}
}
END_TEST

START_TEST(equal_inputs_give_equal_plans)
{
	for (uint64_t i = 0; i < CASES; i++) {
		struct rng r;
		struct made m;
		struct memory memory;
		struct facts f;
		struct instant now;
		struct plan one, two;

		rng_seed(&r, i);
		some_policy(&r, &m);
		now = live(&r, &m, true, &memory);
		some_facts(&r, &m, now, true, &f);
		one = next(&m, &f, &memory, now);
		two = next(&m, &f, &memory, now);
		HOLDS(plan_equal(&one, &two));
	}
}
END_TEST

/* As the journal has it: the buckets one by one, the rest with the memory. */
static void restore_season(const struct made *m, const struct json *stored, struct instant now,
			   struct memory *back)
{
	season_read(json_get(stored, "season"), policy_predicted(&m->p), now, &seasons[2]);
	for (int64_t b = seasons[0].open - SEASON_BUCKETS; b < seasons[0].open; b++)
		season_put(&seasons[2], b, season_mean(&seasons[0], b));
	back->season = &seasons[2];
}

START_TEST(a_restart_between_turns_forgets_nothing)
{
	for (uint64_t i = 0; i < CASES; i++) {
		struct rng r;
		struct made m;
		struct memory memory, back;
		struct facts f;
		struct instant now;
		struct plan one, two;
		AUTO(json_freep) struct json *stored = NULL, *again = NULL;
		AUTO(buf_done) struct buf text = BUF(65536);

		rng_seed(&r, i);
		some_policy(&r, &m);
		now = live(&r, &m, true, &memory);
		some_facts(&r, &m, now, true, &f);
		stored = memory_write(&m.p, &memory);
		json_write(stored, &text);
		again = json_parse(buf_str(&text), text.len, NULL);
		HOLDS(memory_read(&m.p, again, now, &back, NULL) == 0);
		if (memory.season)
			restore_season(&m, again, now, &back);
		one = next(&m, &f, &memory, now);
		two = next(&m, &f, &back, now);
		HOLDS(plan_equal(&one, &two));
	}
}
END_TEST

Suite *suite_props(void)
{
	Suite *s = suite_create("decide for any input");
	TCase *t = tcase_create("generated");

	tcase_set_timeout(t, 300);
	tcase_add_test(t, no_plan_leaves_its_bounds);
	tcase_add_test(t, more_backlog_never_means_fewer);
	tcase_add_test(t, missing_data_never_shrinks_nor_grows_past_the_floor);
	tcase_add_test(t, the_order_of_rules_and_metrics_does_not_matter);
	tcase_add_test(t, equal_inputs_give_equal_plans);
	tcase_add_test(t, a_restart_between_turns_forgets_nothing);
	suite_add_tcase(s, t);
	return s;
}
