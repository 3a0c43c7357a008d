/* The journal: what was intended, what came of it, and what a crash leaves. */
#include <check.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check_main.h"
#include "journal/schema.h"
#include "model/say.h"

static char dir[64], path[128];

static void setup(void)
{
	snprintf(dir, sizeof(dir), "/tmp/check_journal.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/journal.db", dir);
}

static void teardown(void)
{
	static const char *const ends[] = { "", "-wal", "-shm", ".reserve", ".lock" };
	char file[192];

	for (size_t i = 0; i < COUNT_OF(ends); i++) {
		snprintf(file, sizeof(file), "%s%s", path, ends[i]);
		unlink(file);
	}
	rmdir(dir);
}

static struct policy_metric metric = { .name = "backlog", .sqs = { .queue_url = "http://q" } };
static struct policy_rule rule = { .name = "backlog",
				   .target_tracking = { .per_instance_milli = 10000 } };
static struct policy policy = {
	.version = 1,
	.name = "thumbs",
	.metrics = &metric,
	.metric_count = 1,
	.rules = &rule,
	.rule_count = 1,
};

/* A turn at second @p at that saw @p visible jobs and wants @p to instances. */
struct turn_data {
	struct facts facts;
	struct memory memory;
	struct plan plan;
	struct outcome outcome;
};

static struct journal_turn turn_of(struct turn_data *d, int64_t at, int64_t visible, int32_t from,
				   int32_t to)
{
	*d = (struct turn_data){ 0 };
	d->facts.group = (struct capacity){
		.desired = from, .in_service = from, .max = 100, .seen_at = { at * 1000 }
	};
	d->facts.metric_count = 1;
	d->facts.metric[0] = (struct fact){ .is_queue = true,
					    .seen_at = { at * 1000 },
					    .has = QUEUE_VISIBLE | QUEUE_IN_FLIGHT,
					    .visible = visible };
	memory_init(&d->memory);
	d->memory.last_turn = (struct instant){ at * 1000 };
	d->memory.last_desired = to;
	d->memory.asked_at = (struct instant){ at * 1000 };
	d->plan = (struct plan){ .act = from == to ? PLAN_HOLD : PLAN_SET,
				 .may_write = true,
				 .known = true,
				 .current = from,
				 .desired = to,
				 .low = 0,
				 .high = 100,
				 .why = REASON_TARGET,
				 .stair_count = 1,
				 .stairs = { { .code = REASON_TARGET,
					       .rule = 0,
					       .from = from,
					       .to = to,
					       .arg = { visible, 10000 } } } };
	d->outcome = (struct outcome){
		.kind = OUTCOME_DONE, .from = from, .to = to, .at = { at * 1000 + 5 }
	};
	return (struct journal_turn){ .policy = &policy,
				      .policy_text = "name: thumbs\n",
				      .facts = &d->facts,
				      .memory = &d->memory,
				      .plan = &d->plan,
				      .outcome = &d->outcome,
				      .at = { at * 1000 } };
}

static struct journal *open_at(int64_t s)
{
	struct err e;
	struct journal *j = journal_open(path, (struct instant){ s * 1000 }, &e);

	ck_assert_msg(j != NULL, "%s", e.text);
	return j;
}

static void must(int rc, const struct err *e)
{
	ck_assert_msg(rc == 0, "%s", e->text);
}

struct seen {
	int count;
	int64_t runs[16], first[16];
	bool wrote[16], settled[16];
	char outcome[16][32];
};

static int see(const struct journal_stairs *s, void *arg)
{
	struct seen *v = arg;

	ck_assert_int_lt(v->count, 16);
	v->runs[v->count] = s->runs;
	v->first[v->count] = s->first.ms / 1000;
	v->wrote[v->count] = s->wrote;
	v->settled[v->count] = s->settled;
	snprintf(v->outcome[v->count], sizeof(v->outcome[0]), "%s", s->outcome);
	v->count++;
	return 0;
}

static struct seen read_all(struct journal *j)
{
	struct seen v = { 0 };
	struct err e;

	must(journal_read_stairs(j, "thumbs", INSTANT_NEVER, 16, see, &v, &e), &e);
	return v;
}

static int see_without(const struct journal_stairs *s, void *arg)
{
	int64_t *ramp = arg;

	if (!json_get_int(s->without, "ramp", ramp))
		*ramp = -1;
	return 1;
}

START_TEST(the_counterfactual_is_kept)
{
	struct journal *j = open_at(0);
	struct plan_without w = { .known = true, .desired = { 0, 0, 0, 6, 6, 120, 6, 6, 6, 0 } };
	struct turn_data d;
	struct journal_turn t = turn_of(&d, 1, 100, 2, 6);
	struct err e;
	int64_t ramp = 0;

	must(journal_write_intents(j, &t, 1, &e), &e);
	must(journal_read_stairs(j, "thumbs", INSTANT_NEVER, 1, see_without, &ramp, &e), &e);
	ck_assert_int_eq(ramp, -1);
	t.without = &w;
	must(journal_write_intents(j, &t, 1, &e), &e);
	must(journal_read_stairs(j, "thumbs", INSTANT_NEVER, 1, see_without, &ramp, &e), &e);
	ck_assert_int_eq(ramp, 120);
	journal_free(j);
}
END_TEST

START_TEST(a_season_is_kept_bucket_by_bucket)
{
	struct journal *j = open_at(0);
	struct policy_rule soon = { .name = "soon", .kind = POLICY_PREDICTIVE };
	struct policy ahead = policy;
	struct season season, back;
	struct turn_data d;
	struct journal_turn t = turn_of(&d, 1, 100, 2, 2);
	struct instant now = { 2000LL * SEASON_BUCKET_MS };
	struct err e;

	ahead.rules = &soon;
	ahead.rule_count = 1;
	t.policy = &ahead;
	season_init(&season);
	d.memory.season = &season;
	for (season.open = 1000; season.open < 1100; season.open++) {
		season.mean[(season.open - 1) % SEASON_BUCKETS] = season.open * 10;
		season.graded++;
		must(journal_write_intents(j, &t, 1, &e), &e);
	}
	season.open--;
	journal_free(j);
	j = open_at(2);
	must(journal_read_season(j, &ahead, now, &back, &e), &e);
	ck_assert_int_eq(back.open, season.open);
	ck_assert_int_eq(back.graded, season.graded);
	for (int64_t b = 990; b < 1110; b++)
		ck_assert_int_eq(season_mean(&back, b), season_mean(&season, b));
	must(journal_read_season(j, &policy, now, &back, &e), &e);
	ck_assert_int_eq(back.open, -1);
	journal_free(j);
}
END_TEST

START_TEST(equal_staircases_become_a_run_length)
{
	struct journal *j = open_at(0);
	struct turn_data d;
	struct err e;
	struct seen v;

	for (int at = 1; at <= 5; at++) {
		/* the backlog differs, the stairs do not */
		struct journal_turn t = turn_of(&d, at, 100 + at, 2, 2);

		must(journal_write_intents(j, &t, 1, &e), &e);
		ck_assert_int_eq(t.intent, 0);
	}
	struct journal_turn t = turn_of(&d, 6, 300, 2, 6);

	must(journal_write_intents(j, &t, 1, &e), &e);
	v = read_all(j);
	ck_assert_int_eq(v.count, 2);
	ck_assert_int_eq(v.runs[0], 1);
	ck_assert_int_eq(v.runs[1], 5);
	ck_assert_int_eq(v.first[1], 1);
	journal_free(j);
}
END_TEST

/* Whoever keeps the place gets the rows that are looked up without it; what was rolled back is not
 * remembered. */
START_TEST(a_place_spares_the_looking_up)
{
	struct journal *j = open_at(0);
	struct journal_place place = { 0 };
	struct turn_data d;
	struct err e;
	struct seen v;

	for (int at = 1; at <= 5; at++) {
		struct journal_turn t = turn_of(&d, at, 100 + at, 2, 2);

		t.place = at == 3 ? NULL : &place; /* once as if by another */
		t.policy_text = at == 1 || at == 3 ? t.policy_text : NULL;
		must(journal_write_intents(j, &t, 1, &e), &e);
	}
	ck_assert_int_gt(place.policy, 0);
	ck_assert_int_gt(place.stairs, 0);
	struct journal_turn t = turn_of(&d, 6, 300, 2, 6);
	struct journal_turn bad = turn_of(&d, 7, 300, 2, 6);

	t.place = &place;
	must(journal_write_intents(j, &t, 1, &e), &e);
	v = read_all(j);
	ck_assert_int_eq(v.count, 2);
	ck_assert_int_eq(v.runs[0], 1);
	ck_assert_int_eq(v.runs[1], 5);
	bad.place = &place;
	journal_free(j);
	j = journal_open_read(path, &e);
	ck_assert_int_lt(journal_write_intents(j, &bad, 1, &e), 0);
	ck_assert_int_eq(place.policy, 0);
	ck_assert_int_eq(place.stairs, 0);
	journal_free(j);
}
END_TEST

START_TEST(an_intent_without_an_outcome_is_unknown_after_a_restart)
{
	struct journal *j = open_at(0);
	struct turn_data d;
	struct journal_turn t = turn_of(&d, 1, 100, 2, 6);
	struct memory m;
	struct err e;
	struct seen v;

	must(journal_write_intents(j, &t, 1, &e), &e);
	ck_assert_int_gt(t.intent, 0);
	v = read_all(j);
	ck_assert(v.wrote[0] && !v.settled[0]);
	journal_free(j);
	j = open_at(2);
	v = read_all(j);
	ck_assert(v.wrote[0] && v.settled[0]);
	ck_assert_str_eq(v.outcome[0], "unknown");
	must(journal_read_memory(j, &policy, (struct instant){ 2000 }, &m, &e), &e);
	ck_assert_int_eq(m.last_desired, 6); /* the presumption is part of the intent */
	journal_free(j);
}
END_TEST

START_TEST(an_outcome_is_kept_with_its_staircase)
{
	struct journal *j = open_at(0);
	struct turn_data d;
	struct journal_turn t = turn_of(&d, 1, 100, 2, 6);
	struct err e;
	struct seen v;

	must(journal_write_intents(j, &t, 1, &e), &e);
	must(journal_write_outcomes(j, &t, 1, &e), &e);
	v = read_all(j);
	ck_assert(v.wrote[0] && v.settled[0]);
	ck_assert_str_eq(v.outcome[0], say_outcome_word(OUTCOME_DONE));
	journal_free(j);
}
END_TEST

START_TEST(one_bad_turn_leaves_nothing_of_its_round)
{
	struct journal *j = open_at(0);
	struct turn_data d1, d2;
	struct journal_turn t[2] = { turn_of(&d1, 1, 100, 2, 6), turn_of(&d2, 1, 100, 2, 6) };
	struct policy other = policy;
	struct err e;

	other.name = NULL; /* the schema refuses it */
	t[1].policy = &other;
	ck_assert_int_eq(journal_write_intents(j, t, 2, &e), -1);
	ck_assert_int_eq(read_all(j).count, 0);
	journal_free(j);
}
END_TEST

static int count_sample(const struct journal_sample *s, void *arg)
{
	int64_t *sum = arg;

	ck_assert_int_eq(s->in_service, s->desired);
	*sum += s->visible == JOURNAL_UNKNOWN ? 1000000 : s->visible;
	return 0;
}

START_TEST(an_unreadable_queue_is_unknown_in_samples_and_never_zero)
{
	struct journal *j = open_at(0);
	struct turn_data d;
	struct err e;
	int64_t sum = 0;
	struct journal_turn t = turn_of(&d, 1, 7, 2, 2);

	must(journal_write_intents(j, &t, 1, &e), &e);
	t = turn_of(&d, 2, 7, 2, 2);
	d.facts.metric[0].why = FACT_UNREACHABLE;
	must(journal_write_intents(j, &t, 1, &e), &e);
	must(journal_read_samples(j, "thumbs", (struct instant){ 0 }, count_sample, &sum, &e), &e);
	ck_assert_int_eq(sum, 1000007);
	journal_free(j);
}
END_TEST

START_TEST(a_reader_works_beside_the_writer_and_cannot_write)
{
	struct journal *j = open_at(0), *r;
	struct turn_data d;
	struct journal_turn t = turn_of(&d, 1, 100, 2, 6);
	struct err e;

	must(journal_write_intents(j, &t, 1, &e), &e);
	r = journal_open_read(path, &e);
	ck_assert_msg(r != NULL, "%s", e.text);
	ck_assert_int_eq(read_all(r).count, 1);
	ck_assert_int_eq(journal_write_intents(r, &t, 1, &e), -1);
	journal_free(r);
	journal_free(j);
}
END_TEST

struct past {
	size_t count;
	int64_t visible[16];
	bool kept[16], newest[16], wrote[16];
	int32_t desired[16];
};

static int on_past(const struct journal_past *t, void *arg)
{
	struct past *p = arg;

	p->kept[p->count] = t->facts != NULL;
	if (t->facts) {
		p->visible[p->count] = t->facts->metric[0].visible;
		ck_assert_int_eq(t->facts->metric[0].seen_at.ms, t->at.ms);
		ck_assert_int_eq(t->facts->group.seen_at.ms, t->at.ms);
		ck_assert_uint_eq(t->facts->metric[0].has, QUEUE_VISIBLE | QUEUE_IN_FLIGHT);
	}
	ck_assert_ptr_nonnull(t->plan);
	ck_assert_str_eq(t->policy_text, "name: thumbs\n");
	p->newest[p->count] = t->newest;
	p->wrote[p->count] = t->wrote;
	if (t->wrote)
		p->desired[p->count] = t->to;
	p->count++;
	return 0;
}

/* Replay needs each turn's own numbers, though staircases are stored once a run. */
START_TEST(every_turn_keeps_what_it_saw)
{
	static const int64_t saw[] = { 5, 5, 6, 6, 60 };
	struct journal *j = open_at(1);
	struct turn_data d;
	struct past p = { 0 };
	struct err e;
	bool whole;

	for (size_t i = 0; i < COUNT_OF(saw); i++) {
		struct journal_turn t =
			turn_of(&d, 10 + 15 * (int64_t)i, saw[i], 2, saw[i] == 60 ? 6 : 2);

		ck_assert_int_eq(journal_write_intents(j, &t, 1, &e), 0);
		ck_assert_int_eq(journal_write_outcomes(j, &t, 1, &e), 0);
	}
	ck_assert_int_eq(
		journal_read_turns(j, "thumbs", &policy, INSTANT_NEVER, on_past, &p, &whole, &e),
		0);
	ck_assert_uint_eq(p.count, COUNT_OF(saw));
	ck_assert(whole);
	for (size_t i = 0; i < COUNT_OF(saw); i++) {
		ck_assert(p.kept[i]);
		ck_assert_int_eq(p.visible[i], saw[i]);
		ck_assert_int_eq(p.newest[i], i >= 3);
		ck_assert_int_eq(p.wrote[i], i == 4);
	}
	ck_assert_int_eq(p.desired[4], 6);
	/* Of a turn whose facts are gone the next ones cannot tell that they were the same. */
	ck_assert_int_eq(journal_compact(j, (struct instant){ 100000 }, span_ms(80000), &e), 0);
	memset(&p, 0, sizeof(p));
	ck_assert_int_eq(
		journal_read_turns(j, "thumbs", &policy, INSTANT_NEVER, on_past, &p, &whole, &e),
		0);
	ck_assert_uint_eq(p.count, 4);
	ck_assert(!p.kept[0] && p.kept[1] && !whole);
	ck_assert_int_eq(p.visible[1], 6);
	journal_free(j);
}
END_TEST

struct endpoints {
	int count;
	struct instant at;
	char region[32], breaker[16];
	int64_t rate_milli, failed;
};

static int on_endpoint(const struct journal_endpoint *p, struct instant at, void *arg)
{
	struct endpoints *s = arg;

	s->count++;
	s->at = at;
	snprintf(s->region, sizeof(s->region), "%s", p->region);
	snprintf(s->breaker, sizeof(s->breaker), "%s", p->breaker);
	s->rate_milli = p->rate_milli;
	s->failed = p->failed;
	return 0;
}

/* In a journal of before there were any, too. */
START_TEST(endpoints_are_those_of_the_last_time_only)
{
	struct journal_endpoint list[] = {
		{ .region = "us-east-1",
		  .service = "SQS",
		  .origin = "",
		  .role = "",
		  .breaker = "open" },
		{ .region = "eu-west-1",
		  .service = "SQS",
		  .origin = "",
		  .role = "",
		  .breaker = "half-open",
		  .rate_milli = 2500,
		  .failed = 12 },
	};
	struct endpoints s = { 0 };
	struct journal *j = open_at(0);
	struct err e;

	must(db_exec(j->db, "DROP TABLE endpoint", NULL, 0, NULL, &e), &e);
	must(db_exec(j->db, "ALTER TABLE sample DROP COLUMN later", NULL, 0, NULL, &e), &e);
	must(db_exec(j->db, "PRAGMA user_version=4", NULL, 0, NULL, &e), &e);
	journal_free(j);
	j = open_at(1);
	must(journal_read_endpoints(j, on_endpoint, &s, &e), &e);
	ck_assert_int_eq(s.count, 0);
	must(journal_write_endpoints(j, list, 2, (struct instant){ 1000 }, &e), &e);
	must(journal_write_endpoints(j, list + 1, 1, (struct instant){ 2000 }, &e), &e);
	must(journal_read_endpoints(j, on_endpoint, &s, &e), &e);
	ck_assert_int_eq(s.count, 1);
	ck_assert_int_eq(s.at.ms, 2000);
	ck_assert_str_eq(s.region, "eu-west-1");
	ck_assert_str_eq(s.breaker, "half-open");
	ck_assert_int_eq(s.rate_milli, 2500);
	ck_assert_int_eq(s.failed, 12);
	journal_free(j);
}
END_TEST

struct times {
	size_t count;
	int64_t at[32], visible[32];
};

static int on_sample_time(const struct journal_sample *s, void *arg)
{
	struct times *t = arg;

	t->visible[t->count] = s->visible;
	t->at[t->count++] = s->at.ms;
	return 0;
}

static int on_facts_time(struct instant at, const struct json *facts, void *arg)
{
	struct times *t = arg;

	ck_assert_ptr_nonnull(facts);
	t->at[t->count++] = at.ms;
	return 0;
}

static int on_past_time(const struct journal_past *p, void *arg)
{
	struct times *t = arg;

	ck_assert_int_eq(p->facts->metric[0].seen_at.ms, p->at.ms);
	ck_assert_int_eq(p->wrote, p->facts->metric[0].visible == 60);
	t->visible[t->count] = p->facts->metric[0].visible;
	t->at[t->count++] = p->at.ms;
	return 0;
}

static int64_t rows_of(struct journal *j)
{
	AUTO(db_endp)
	struct db_row *r = db_query(j->db, "SELECT count(*) FROM sample", NULL, 0, NULL);

	ck_assert_int_eq(db_step(r, NULL), 1);
	return db_int(r, 0);
}

/* Whoever reads them sees each turn, at its own time. At 60 the plan writes; 700 s is past what one
 * row may span; at 705 s the controller has started anew. */
START_TEST(turns_that_were_the_same_share_a_row)
{
	static const struct {
		int64_t at, saw;
	} turn[] = { { 10, 5 },  { 20, 5 }, { 29, 5 }, { 40, 6 },  { 51, 6 },  { 60, 60 },
		     { 70, 60 }, { 80, 5 }, { 90, 5 }, { 700, 5 }, { 705, 5 }, { 710, 5 } };
	const size_t n = COUNT_OF(turn);
	struct journal *j = open_at(1);
	struct journal_place place = { 0 };
	struct times t = { 0 };
	struct turn_data d;
	struct err e;
	bool whole;

	for (size_t i = 0; i < n; i++) {
		struct journal_turn one =
			turn_of(&d, turn[i].at, turn[i].saw, 2, turn[i].saw == 60 ? 6 : 2);

		if (turn[i].at == 705)
			place = (struct journal_place){ 0 };
		one.place = &place;
		must(journal_write_intents(j, &one, 1, &e), &e);
		must(journal_write_outcomes(j, &one, 1, &e), &e);
	}
	ck_assert_int_eq(rows_of(j), 7);
	must(journal_read_turns(j, "thumbs", &policy, INSTANT_NEVER, on_past_time, &t, &whole, &e),
	     &e);
	ck_assert_uint_eq(t.count, n);
	ck_assert(whole);
	for (size_t i = 0; i < n; i++) {
		ck_assert_int_eq(t.at[i], turn[i].at * 1000);
		ck_assert_int_eq(t.visible[i], turn[i].saw);
	}
	t.count = 0;
	must(journal_read_turns(j, "thumbs", &policy, (struct instant){ 20000 }, on_past_time, &t,
				&whole, &e),
	     &e);
	ck_assert_uint_eq(t.count, 2);
	for (int all = 0; all < 2; all++) {
		t.count = 0;
		must(journal_read_samples(j, all ? NULL : "thumbs", (struct instant){ 20000 },
					  on_sample_time, &t, &e),
		     &e);
		ck_assert_uint_eq(t.count, n - 1);
		for (size_t i = 0; i < t.count; i++) {
			ck_assert_int_eq(t.at[i], turn[i + 1].at * 1000);
			ck_assert_int_eq(t.visible[i], turn[i + 1].saw);
		}
	}
	t.count = 0;
	must(journal_read_facts(j, "thumbs", (struct instant){ 29000 }, on_facts_time, &t, &e), &e);
	ck_assert_uint_eq(t.count, n - 2);
	ck_assert_int_eq(t.at[0], 29000);
	journal_free(j);
}
END_TEST

START_TEST(compacting_keeps_the_newest_staircase_of_each_policy)
{
	struct journal *j = open_at(0);
	struct turn_data d;
	struct err e;
	struct seen v;

	for (int at = 1; at <= 3; at++) {
		struct journal_turn t = turn_of(&d, at, 100, 2, 2 + at);

		must(journal_write_intents(j, &t, 1, &e), &e);
		must(journal_write_outcomes(j, &t, 1, &e), &e);
	}
	must(journal_compact(j, (struct instant){ 1000000 }, span_s(10), &e), &e);
	v = read_all(j);
	ck_assert_int_eq(v.count, 1);
	ck_assert_int_eq(v.first[0], 3);
	journal_free(j);
}
END_TEST

START_TEST(compacting_says_when_more_is_old_than_a_call_drops)
{
	struct journal *j = open_at(0);
	struct instant later = { 1000000000 };
	struct turn_data d;
	struct journal_turn t = turn_of(&d, 1, 100, 2, 6);
	struct err e;
	int calls = 0;

	must(journal_write_intents(j, &t, 1, &e), &e);
	must(DB_RUN(j->db, &e,
		    "WITH RECURSIVE n(i) AS (VALUES(2) UNION ALL SELECT i+1 FROM n WHERE i<?1)"
		    " INSERT INTO sample (name, at) SELECT name, at+i FROM sample, n",
		    DB_I(4500)),
	     &e);
	while (journal_compact(j, later, span_s(10), &e) == 1)
		calls++;
	ck_assert_int_eq(calls, 2);
	journal_free(j);
}
END_TEST

START_TEST(the_reserve_is_real_and_given_up_when_writing_fails)
{
	struct journal *j = open_at(0);
	struct stat st;
	char reserve[160];
	struct policy other = policy;
	struct turn_data d;
	struct journal_turn t = turn_of(&d, 1, 100, 2, 6);
	struct err e;

	snprintf(reserve, sizeof(reserve), "%s.reserve", path);
	ck_assert_int_eq(stat(reserve, &st), 0);
	ck_assert_int_ge((int64_t)st.st_blocks * 512, JOURNAL_RESERVE_BYTES);
	ck_assert(!journal_is_short(j));
	other.name = NULL;
	t.policy = &other;
	ck_assert_int_eq(journal_write_intents(j, &t, 1, &e), -1);
	ck_assert(journal_is_short(j));
	ck_assert_int_ne(stat(reserve, &st), 0);
	must(journal_compact(j, (struct instant){ 2000 }, span_s(10), &e), &e);
	ck_assert(!journal_is_short(j)); /* there is room again */
	journal_free(j);
}
END_TEST

/* The child records intents as fast as it can and says each one; killed in the middle, all it said
 * is there. */
START_TEST(what_was_recorded_survives_kill_9)
{
	int fd[2], said = 0;
	struct journal *j;
	struct seen v;
	pid_t pid;
	char c;

	ck_assert_int_eq(pipe(fd), 0);
	pid = fork();
	if (pid == 0) {
		struct turn_data d;
		struct err e;

		j = open_at(0);
		for (int at = 1;; at++) {
			struct journal_turn t = turn_of(&d, at, 100, 2, 2);

			if (journal_write_intents(j, &t, 1, &e) < 0 || write(fd[1], "x", 1) != 1)
				_exit(1);
		}
	}
	close(fd[1]);
	while (said < 40 && read(fd[0], &c, 1) == 1)
		said++;
	kill(pid, SIGKILL);
	while (read(fd[0], &c, 1) == 1)
		said++;
	waitpid(pid, NULL, 0);
	close(fd[0]);
	ck_assert_int_ge(said, 40);
	j = open_at(100000);
	v = read_all(j);
	ck_assert_int_eq(v.count, 1);
	ck_assert_int_ge(v.runs[0], said);
	ck_assert_int_le(v.runs[0], said + 1);
	journal_free(j);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("journal");
	TCase *c = tcase_create("journal");

	tcase_add_checked_fixture(c, setup, teardown);
	tcase_add_test(c, equal_staircases_become_a_run_length);
	tcase_add_test(c, a_place_spares_the_looking_up);
	tcase_add_test(c, the_counterfactual_is_kept);
	tcase_add_test(c, a_season_is_kept_bucket_by_bucket);
	tcase_add_test(c, an_intent_without_an_outcome_is_unknown_after_a_restart);
	tcase_add_test(c, an_outcome_is_kept_with_its_staircase);
	tcase_add_test(c, one_bad_turn_leaves_nothing_of_its_round);
	tcase_add_test(c, an_unreadable_queue_is_unknown_in_samples_and_never_zero);
	tcase_add_test(c, a_reader_works_beside_the_writer_and_cannot_write);
	tcase_add_test(c, endpoints_are_those_of_the_last_time_only);
	tcase_add_test(c, turns_that_were_the_same_share_a_row);
	tcase_add_test(c, compacting_keeps_the_newest_staircase_of_each_policy);
	tcase_add_test(c, compacting_says_when_more_is_old_than_a_call_drops);
	tcase_add_test(c, every_turn_keeps_what_it_saw);
	tcase_add_test(c, the_reserve_is_real_and_given_up_when_writing_fails);
	tcase_add_test(c, what_was_recorded_survives_kill_9);
	suite_add_tcase(s, c);
	return check_main_run(srunner_create(s));
}
