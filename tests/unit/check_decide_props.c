/* What must hold for any input: generated policies, facts and memories, each case from its own
 * seed. */
#include "check_decide.h"

#include <stdlib.h>

#include "base/rng.h"

#define CASES 100000

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

static void some_policy(struct rng *r, struct made *m)
{
	static const char *const names[] = { "m0", "m1", "m2", "m3" };
	static const int64_t per[] = { 1, 999, 1000, 2500, 10000, 1000000000000 };

	made_init(m);
	m->p.metric_count = m->p.rule_count = 0;
	for (size_t n = 1 + rng_below(r, 4); m->p.metric_count < n;)
		made_metric(m, names[m->p.metric_count]);
	for (size_t n = 1 + rng_below(r, 4); m->p.rule_count < n;)
		made_rule(m, names[m->p.rule_count], rng_below(r, m->p.metric_count), 1);
	for (size_t i = 0; i < m->p.rule_count; i++)
		m->rules[i].target_tracking.per_instance_milli = pick(r, per, COUNT_OF(per));
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
	if (any && chance(r, 10))
		f->group.why = (enum fact_why)rng_below(r, FACT_WHY_COUNT);
	f->metric_count =
		any && chance(r, 8) ? rng_below(r, m->p.metric_count + 1) : m->p.metric_count;
	for (size_t i = 0; i < m->p.metric_count; i++) {
		f->metric[i] =
			queue_fact(chance(r, 4) ? 0 : number(r), chance(r, 4) ? 0 : number(r), now);
		if (any && chance(r, 6))
			f->metric[i].why = (enum fact_why)rng_below(r, FACT_WHY_COUNT);
		if (any && chance(r, 10))
			f->metric[i].seen_at = (struct instant){ wild(r) };
		if (any && chance(r, 10))
			f->metric[i].has = (unsigned)rng_below(r, 64);
	}
}

/* Some turns, so that the memory holds what a memory holds. */
static struct instant live(struct rng *r, const struct made *m, bool any, struct memory *memory)
{
	struct instant now = at_s((int64_t)rng_below(r, 100000));

	memory_init(memory);
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

	decide_learn(&m->p, f, now, &copy);
	return decide(&m->p, f, &copy, now);
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
		ck_assert_uint_le(plan.stair_count, PLAN_STAIRS_MAX);
		ck_assert(plan.act == PLAN_HOLD || m.p.mode == POLICY_ENFORCE);
		ck_assert(!plan.may_write || m.p.mode == POLICY_ENFORCE);
		ck_assert(plan.known || (plan.act == PLAN_HOLD && !plan.may_write));
		if (plan.act != PLAN_SET)
			continue;
		ck_assert_int_ne(plan.desired, f.group.desired);
		ck_assert_int_ge(plan.desired, f.group.min);
		ck_assert_int_le(plan.desired, f.group.max);
		ck_assert(plan.desired >= plan.low && plan.desired <= plan.high);
		if (m.p.fleet.max_given && m.p.fleet.max >= f.group.min)
			ck_assert(plan.desired <= m.p.fleet.max || m.p.fleet.min > f.group.max);
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
		if (chance(&r, 2))
			more.metric[metric].in_flight += (int64_t)rng_below(&r, 100);
		least = next(&m, &f, &memory, now).desired;
		most = next(&m, &more, &memory, now).desired;
		ck_assert_msg(most >= least, "seed %llu: %d with more, %d with less",
			      (unsigned long long)i, most, least);
	}
}
END_TEST

static bool rule_is_blind(const struct made *m, const struct facts *f)
{
	for (size_t i = 0; i < m->p.rule_count; i++)
		if (f->metric[m->p.rules[i].metric].why != FACT_READABLE)
			return true;
	return false;
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
		ck_assert_int_ge(plan.desired, plan.current < plan.high ? plan.current : plan.high);
		highest = m.p.on_missing.floor_given && m.p.on_missing.floor > plan.low
				  ? m.p.on_missing.floor
				  : plan.low;
		if (all)
			ck_assert(plan.desired <= plan.current || plan.desired <= highest);
	}
}
END_TEST

START_TEST(the_order_of_rules_does_not_matter)
{
	for (uint64_t i = 0; i < CASES; i++) {
		struct rng r;
		struct made m, shuffled;
		struct memory memory;
		struct facts f;
		struct instant now;

		rng_seed(&r, i);
		some_policy(&r, &m);
		now = live(&r, &m, true, &memory);
		some_facts(&r, &m, now, true, &f);
		shuffled = m;
		shuffled.p.rules = shuffled.rules;
		for (size_t k = m.p.rule_count; k > 1; k--) {
			size_t other = rng_below(&r, k);
			struct policy_rule keep = shuffled.rules[k - 1];

			shuffled.rules[k - 1] = shuffled.rules[other];
			shuffled.rules[other] = keep;
		}
		ck_assert_int_eq(next(&m, &f, &memory, now).desired,
				 next(&shuffled, &f, &memory, now).desired);
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
		ck_assert(plan_equal(&one, &two));
	}
}
END_TEST

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
		ck_assert_int_eq(memory_read(&m.p, again, now, &back, NULL), 0);
		one = next(&m, &f, &memory, now);
		two = next(&m, &f, &back, now);
		ck_assert_msg(plan_equal(&one, &two), "seed %llu", (unsigned long long)i);
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
	tcase_add_test(t, the_order_of_rules_does_not_matter);
	tcase_add_test(t, equal_inputs_give_equal_plans);
	tcase_add_test(t, a_restart_between_turns_forgets_nothing);
	suite_add_tcase(s, t);
	return s;
}
