/* Jobs from outside, memories from the journal, and what the renderer says. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "base/own.h"
#include "check_main.h"
#include "check_model.h"
#include "model/job.h"
#include "model/memory.h"
#include "model/say.h"

static const struct job_case {
	const char *name, *body;
	const char *error; /* a part of it; NULL: good */
} jobs[] = {
	{ .name = "a whole message",
	  .body = "{\"video_id\":\"a-1\",\"video_path\":\"s3://videos/uploads/a.mp4\","
		  "\"task_id\":\"t.2\",\"created_at\":\"2024-01-01T00:00:00Z\"}" },
	{ .name = "unknown fields are ignored",
	  .body = "{\"x\":[1],\"video_id\":\"a\",\"video_path\":\"s3://bkt/"
		  "k\",\"task_id\":\"t\"}" },
	{ .name = "no JSON", .body = "hello", .error = "not JSON" },
	{ .name = "cut short", .body = "{\"video_id\":", .error = "not JSON" },
	{ .name = "a list", .body = "[]", .error = "not a JSON object" },
	{ .name = "no video_id",
	  .body = "{\"video_path\":\"s3://bkt/k\",\"task_id\":\"t\"}",
	  .error = "no video_id" },
	{ .name = "no task_id",
	  .body = "{\"video_path\":\"s3://bkt/k\",\"video_id\":\"t\"}",
	  .error = "no task_id" },
	{ .name = "no video_path",
	  .body = "{\"video_id\":\"a\",\"task_id\":\"t\"}",
	  .error = "no video_path" },
	{ .name = "a number for an id",
	  .body = "{\"video_id\":1,\"video_path\":\"s3://bkt/k\",\"task_id\":\"t\"}",
	  .error = "video_id is not a text" },
	{ .name = "an id that climbs",
	  .body = "{\"video_id\":\"../a\",\"video_path\":\"s3://bkt/k\",\"task_id\":\"t\"}",
	  .error = "not an id" },
	{ .name = "an id with dots inside",
	  .body = "{\"video_id\":\"a..b\",\"video_path\":\"s3://bkt/k\",\"task_id\":\"t\"}",
	  .error = "not an id" },
	{ .name = "an empty id",
	  .body = "{\"video_id\":\"\",\"video_path\":\"s3://bkt/k\",\"task_id\":\"t\"}",
	  .error = "not an id" },
	{ .name = "an id that would be an option",
	  .body = "{\"video_id\":\"-rf\",\"video_path\":\"s3://bkt/k\",\"task_id\":\"t\"}",
	  .error = "not an id" },
	{ .name = "an id with a zero byte",
	  .body = "{\"video_id\":\"a\\u0000b\",\"video_path\":\"s3://bkt/k\",\"task_id\":\"t\"}",
	  .error = "zero byte" },
	{ .name = "a time that is none",
	  .body = "{\"video_id\":\"a\",\"video_path\":\"s3://bkt/k\",\"task_id\":\"t\","
		  "\"created_at\":\"yesterday\"}",
	  .error = "created_at" },
};

START_TEST(job_reads)
{
	const struct job_case *c = &jobs[_i];
	struct job j;
	struct err e = { 0 };
	int rc = job_read(c->body, strlen(c->body), &j, &e);

	ck_assert_msg((rc == 0) == (c->error == NULL), "%s: %s", c->name, e.text);
	if (c->error)
		ck_assert_msg(strstr(e.text, c->error) != NULL, "%s: %s", c->name, e.text);
	else
		ck_assert_int_eq(j.state, JOB_RECEIVED);
}
END_TEST

START_TEST(job_writes_what_it_reads)
{
	struct job j, back;
	struct err e;
	AUTO(json_freep) struct json *o = NULL;
	AUTO(buf_done) struct buf text = BUF(4096);

	ck_assert_int_eq(job_read(jobs[0].body, strlen(jobs[0].body), &j, &e), 0);
	ck_assert_str_eq(j.bucket, "videos");
	ck_assert_str_eq(j.key, "uploads/a.mp4");
	ck_assert_int_eq(j.created_at.ms, 1704067200000);
	o = job_write(&j);
	json_write(o, &text);
	ck_assert_str_eq(buf_str(&text), jobs[0].body);
	ck_assert_int_eq(job_read(buf_str(&text), text.len, &back, &e), 0);
	ck_assert_int_eq(memcmp(&j, &back, sizeof(j)), 0);
}
END_TEST

START_TEST(job_past_a_mebibyte_is_refused)
{
	size_t len = (1u << 20) + 1;
	AUTO(own_freep) char *body = own_alloc(len);
	struct job j;
	struct err e;

	memset(body, ' ', len);
	ck_assert_int_eq(job_read(body, len, &j, &e), -1);
	ck_assert_ptr_nonnull(strstr(e.text, "1 MiB"));
}
END_TEST

static const struct path_case {
	const char *path, *error;
} paths[] = {
	{ "s3://bkt/a/b c/ñ.mp4", NULL },
	{ "http://bkt/a", "not an s3://" },
	{ "file:///etc/passwd", "not an s3://" },
	{ "S3://bkt/a", "not an s3://" },
	{ "", "not an s3://" },
	{ "s3://bkt", "no key" },
	{ "s3://bkt/", "no key" },
	{ "s3:///key", "does not name" },
	{ "s3://ab/key", "does not name" },
	{ "s3://BKT/key", "does not name" },
	{ "s3://bkt-/key", "does not name" },
	{ "s3://u:p@bkt/key", "does not name" },
	{ "s3://bkt/../key", ". or .." },
	{ "s3://bkt/a/..", ". or .." },
	{ "s3://bkt/./a", ". or .." },
	{ "s3://bkt/a//b", "empty part" },
	{ "s3://bkt/a/", "empty part" },
	{ "s3://bkt/a\nb", "control" },
};

START_TEST(job_path_reads)
{
	char bucket[JOB_BUCKET_MAX], key[JOB_KEY_MAX];
	struct err e = { 0 };
	int rc = job_read_path(paths[_i].path, bucket, key, &e);

	ck_assert_msg((rc == 0) == (paths[_i].error == NULL), "%s: %s", paths[_i].path, e.text);
	if (paths[_i].error)
		ck_assert_msg(strstr(e.text, paths[_i].error) != NULL, "%s: %s", paths[_i].path,
			      e.text);
	ck_assert(!strpbrk(e.text, "\n\r"));
}
END_TEST

START_TEST(job_key_past_its_cap_is_refused)
{
	char path[1200], bucket[JOB_BUCKET_MAX], key[JOB_KEY_MAX];
	struct err e;

	memcpy(path, "s3://bkt/", 9);
	memset(path + 9, 'k', 1025);
	path[9 + 1025] = '\0';
	ck_assert_int_eq(job_read_path(path, bucket, key, &e), -1);
	path[9 + 1024] = '\0';
	ck_assert_int_eq(job_read_path(path, bucket, key, &e), 0);
}
END_TEST

START_TEST(job_is_acked_from_stored_only)
{
	for (int from = JOB_RECEIVED; from <= JOB_PARKED; from++)
		ck_assert_int_eq(job_may_move(from, JOB_ACKED), from == JOB_STORED);
	for (int to = JOB_RECEIVED; to <= JOB_PARKED; to++) {
		ck_assert(!job_may_move(JOB_ACKED, to));
		ck_assert(!job_may_move(JOB_PARKED, to));
		ck_assert(!job_may_move(JOB_RETURNED, to));
		ck_assert(!job_may_move((enum job_state)99, to));
	}
}
END_TEST

static struct policy_metric metrics[] = {
	{ .name = "backlog", .sqs = { .queue_url = "u", .count = 3 } },
	{ .name = "other", .sqs = { .queue_url = "u", .count = 3 } },
};
static struct policy_rule rules[] = { { .name = "r0" }, { .name = "r1", .metric = 1 } };
static const struct policy policy = {
	.name = "thumbs", .metrics = metrics, .metric_count = 2, .rules = rules, .rule_count = 2
};

static const char *const hostile_memories[] = {
	"{\"version\":1}",
	"{\"version\":9,\"new_tag\":{\"a\":[1,2,{}]}}",
	"{\"version\":1,\"last_turn\":\"noon\",\"presumed\":7,\"in_window\":{},\"out_moves\":5}",
	"{\"version\":1,\"last_turn\":9223372036854775807,\"zero_since\":-9223372036854775808}",
	"{\"version\":1,\"last_desired\":9223372036854775807,\"seen_desired\":-5}",
	"{\"version\":1,\"above_samples\":-1}",
	"{\"version\":1,\"in_window\":[[1,2,3],[5],[],\"x\",null,[9,1],[3,2],[9,7]]}",
	"{\"version\":1,\"out_moves\":[[5,-9],[6,0],[4,1],[9223372036854775807,4]]}",
	"{\"version\":1,\"metrics\":{\"backlog\":4,\"nobody\":{\"missing_since\":3}}}",
};

static bool window_in_order(const struct window *w, bool falling)
{
	for (size_t i = 1; i < w->count; i++)
		if (w->item[i].at.ms < w->item[i - 1].at.ms ||
		    (falling ? w->item[i].value >= w->item[i - 1].value
			     : w->item[i].value <= w->item[i - 1].value))
			return false;
	return true;
}

START_TEST(memory_survives_hostile_input)
{
	const char *text = hostile_memories[_i];
	AUTO(json_freep) struct json *j = json_parse(text, strlen(text), NULL);
	struct instant now = { 1000000 };
	struct memory m;

	ck_assert_int_eq(memory_read(&policy, j, now, &m, NULL), 0);
	ck_assert(instant_is_never(m.last_turn) || m.last_turn.ms <= now.ms);
	ck_assert(m.last_desired >= 0 && m.last_desired <= POLICY_CAPACITY_MAX);
	ck_assert_int_ge(m.above_samples, 0);
	ck_assert(window_in_order(&m.in_window, true) && window_in_order(&m.out_window, false));
	for (size_t i = 0; i < m.out_moves.count; i++)
		ck_assert_int_gt(m.out_moves.item[i].amount, 0);
}
END_TEST

START_TEST(memory_without_version_is_refused)
{
	static const char *const bad[] = { "{}", "[]", "3", "{\"version\":\"1\"}",
					   "{\"version\":0}" };
	AUTO(json_freep) struct json *j = json_parse(bad[_i], strlen(bad[_i]), NULL);
	struct memory m;

	ck_assert_int_eq(memory_read(&policy, j, (struct instant){ 1 }, &m, NULL), -1);
	ck_assert(instant_is_never(m.last_turn)); /* fresh, whatever came */
}
END_TEST

START_TEST(memory_is_keyed_by_name)
{
	struct policy_metric other_way[] = { metrics[1], metrics[0] };
	struct policy turned = policy;
	struct instant now = { 5000 };
	struct memory m, back;
	AUTO(json_freep) struct json *j = NULL;

	memory_init(&m);
	m.missing_since[0] = (struct instant){ 11 };
	m.missing_since[1] = (struct instant){ 22 };
	j = memory_write(&policy, &m);
	turned.metrics = other_way;
	ck_assert_int_eq(memory_read(&turned, j, now, &back, NULL), 0);
	ck_assert_int_eq(back.missing_since[0].ms, 22);
	ck_assert_int_eq(back.missing_since[1].ms, 11);
}
END_TEST

START_TEST(memory_keeps_the_newest_of_too_many)
{
	AUTO(buf_done) struct buf text = BUF(65536);
	AUTO(json_freep) struct json *j = NULL;
	struct memory m;

	buf_adds(&text, "{\"version\":1,\"in_window\":[");
	for (int i = 0; i < 100; i++)
		buf_addf(&text, "%s[%d,%d]", i ? "," : "", i, 1000 - i);
	buf_adds(&text, "]}");
	j = json_parse(buf_str(&text), text.len, NULL);
	ck_assert_int_eq(memory_read(&policy, j, (struct instant){ 500 }, &m, NULL), 0);
	ck_assert_uint_eq(m.in_window.count, MEMORY_WINDOW_MAX);
	ck_assert_int_eq(m.in_window.item[MEMORY_WINDOW_MAX - 1].value, 901);
}
END_TEST

START_TEST(every_reason_has_a_word_a_step_and_a_text)
{
	for (int i = 0; i < REASON_COUNT; i++) {
		enum reason back;
		struct stair s = { .code = (uint16_t)i, .rule = 0, .arg = { 1, 2, 3 } };
		AUTO(buf_done) struct buf said = BUF(1024);

		ck_assert_int_eq(say_reason_parse(say_reason_word(i), &back), 0);
		ck_assert_int_eq(back, i);
		ck_assert(i == REASON_NONE || (say_reason_step(i) >= 1 && say_reason_step(i) <= 9));
		ck_assert_int_eq(say_stair(&policy, &s, &said), 0);
		ck_assert_msg(!strpbrk(buf_str(&said), "{}"), "%s", buf_str(&said));
	}
	ck_assert_str_eq(say_reason_word((enum reason)9999), "unknown");
}
END_TEST

static const struct plan thumbs = {
	.act = PLAN_SET,
	.may_write = true,
	.known = true,
	.current = 2,
	.desired = 6,
	.low = 0,
	.high = 200,
	.why = REASON_RAMP_OUT,
	.stair_count = 3,
	.stairs = {
		{ .code = REASON_STALE, .rule = 1, .from = 2, .to = 2, .arg = { 1, FACT_DENIED } },
		{ .code = REASON_TARGET, .rule = 0, .from = 2, .to = 120, .arg = { 1200, 10000 } },
		{ .code = REASON_RAMP_OUT, .rule = -1, .from = 120, .to = 6, .arg = { 4, 60000 } },
	},
};

START_TEST(the_staircase_reads_like_one)
{
	struct facts f = { .metric_count = 2,
			   .metric = { { .is_queue = true,
					 .has = 3,
					 .visible = 1100,
					 .in_flight = 100,
					 .seen_at = { 9000 } },
				       { .why = FACT_DENIED } } };
	AUTO(buf_done) struct buf said = BUF(4096), brief = BUF(256);

	say_plan(&policy, &f, &thumbs, (struct instant){ 10000 }, &said);
	ck_assert_str_eq(buf_str(&said),
			 "thumbs  now 2  backlog 1200  other (denied)  seen 1s ago\n"
			 "  1 trust       2 ->   2   metric other: denied -> rule r1 cannot scale "
			 "in, nor out\n"
			 "  2 demand      2 -> 120   rule r0: clear 1200 jobs at 10 a worker\n"
			 "  5 ramp      120 ->   6   at most +4 now, after +0 within 1m\n");
	say_plan_short(&policy, &thumbs, &brief);
	ck_assert_str_eq(buf_str(&brief), "2 -> 6: at most +4 now, after +0 within 1m");
}
END_TEST

/* Rules ask for 120, the ramp allows 6, a cooldown keeps 2. */
static struct plan cooled(void)
{
	return (struct plan){
		.known = true,
		.current = 2,
		.desired = 2,
		.stair_count = 3,
		.stairs = { { .code = REASON_TARGET, .from = 2, .to = 120, .arg = { 1200, 10000 } },
			    { .code = REASON_RAMP_OUT,
			      .rule = -1,
			      .from = 120,
			      .to = 6,
			      .arg = { 4, 60000 } },
			    { .code = REASON_COOL_OUT,
			      .rule = -1,
			      .from = 6,
			      .to = 2,
			      .arg = { 20000 } } },
	};
}

static const struct {
	int32_t size;
	const char *want;
} why_nots[] = {
	{ 2, "2 is what was wanted\n" },
	{ 5, "6 cool took 6 to 2: cooldown after the last scale-out: 20s left; without it 6\n" },
	{ 100, "5 ramp took 120 to 6: at most +4 now, after +0 within 1m; without it 2\n" },
	{ 121,
	  "no rule asks for 121: the most is 120, by rule r: clear 1200 jobs at 10 a worker\n" },
	{ 0, "not all rules agree to 0: 120 is the wish of rule r: clear 1200 jobs at 10 a "
	     "worker\n" },
};

START_TEST(why_the_size_is_not_another)
{
	struct policy_rule rule = { .name = "r" };
	struct policy p = { .name = "p", .rules = &rule, .rule_count = 1 };
	struct plan plan = cooled();
	struct plan_without w = { .known = true, .desired = { 0, 0, 0, 2, 2, 2, 6, 2, 2, 0 } },
			    back;
	AUTO(buf_done) struct buf out = BUF(4096), without = BUF(4096);
	AUTO(json_freep) struct json *j = say_without_json(&plan, &w);

	say_why_not(&p, &plan, &w, why_nots[_i].size, &out);
	ck_assert_str_eq(buf_str(&out), why_nots[_i].want);
	say_without(&plan, &w, &without);
	ck_assert_str_eq(buf_str(&without), "without cool 6");
	say_without_read(j, &plan, &back);
	ck_assert(back.known);
	for (int i = 3; i <= 8; i++)
		ck_assert_int_eq(back.desired[i], w.desired[i]);
	say_without_read(NULL, &plan, &back);
	ck_assert(!back.known);
}
END_TEST

START_TEST(a_plan_reads_back_as_it_was_written)
{
	AUTO(json_freep)
	struct json *j = say_plan_json(&policy, &thumbs), *parsed = NULL, *again = NULL;
	AUTO(buf_done) struct buf a = BUF(65536), b = BUF(65536);
	struct plan back;

	json_write(j, &a);
	parsed = json_parse(buf_str(&a), a.len, NULL);
	ck_assert_int_eq(say_plan_read(&policy, parsed, &back, NULL), 0);
	again = say_plan_json(&policy, &back);
	json_write(again, &b);
	ck_assert_str_eq(buf_str(&a), buf_str(&b));
	ck_assert_int_eq(back.stairs[0].arg[0], 1);
	ck_assert_int_eq(back.stairs[2].rule, -1);
}
END_TEST

START_TEST(a_stored_plan_that_is_none_is_refused)
{
	static const char *const bad[] = {
		"{}",
		"[]",
		"{\"act\":\"set\",\"why\":\"nobody\"}",
		"{\"act\":\"set\",\"why\":\"keep\",\"current\":1}",
		"{\"act\":\"set\",\"why\":\"keep\",\"current\":1,\"desired\":99999999999,\"low\":0,"
		"\"high\":1}",
		"{\"act\":\"set\",\"why\":\"keep\",\"current\":1,\"desired\":1,\"low\":0,\"high\":"
		"1,"
		"\"stairs\":[{\"reason\":\"nobody\"}]}",
	};
	AUTO(json_freep) struct json *j = json_parse(bad[_i], strlen(bad[_i]), NULL);
	struct plan p;
	struct err e;

	ck_assert_int_eq(say_plan_read(&policy, j, &p, &e), -1);
}
END_TEST

START_TEST(facts_read_back_as_they_were_written)
{
	struct facts f = { .group = { .seen_at = { 77 },
				      .min = 1,
				      .max = 9,
				      .desired = 3,
				      .in_service = 2,
				      .pending = 1,
				      .launch_suspended = true },
			   .metric_count = 2,
			   .metric = { { .is_queue = true,
					 .has = 63,
					 .visible = 5,
					 .in_flight = 4,
					 .delayed = 3,
					 .oldest_age_ms = 1500,
					 .period_end = { 60000 },
					 .period = { 60000 },
					 .sent = 8,
					 .deleted = 7,
					 .seen_at = { 78 } },
				       { .why = FACT_THROTTLED, .seen_at = INSTANT_NEVER } } };
	AUTO(json_freep) struct json *j = say_facts_json(&policy, &f), *again = NULL;
	AUTO(buf_done) struct buf a = BUF(65536), b = BUF(65536);
	struct facts back;

	ck_assert_int_eq(say_facts_read(&policy, j, &back, NULL), 0);
	again = say_facts_json(&policy, &back);
	json_write(j, &a);
	json_write(again, &b);
	ck_assert_str_eq(buf_str(&a), buf_str(&b));
	ck_assert_int_eq(back.metric[0].oldest_age_ms, 1500);
	ck_assert_int_eq(back.metric[1].why, FACT_THROTTLED);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("model");
	TCase *t = tcase_create("job");

	tcase_add_loop_test(t, job_reads, 0, COUNT_OF(jobs));
	tcase_add_loop_test(t, job_path_reads, 0, COUNT_OF(paths));
	tcase_add_test(t, job_writes_what_it_reads);
	tcase_add_test(t, job_past_a_mebibyte_is_refused);
	tcase_add_test(t, job_key_past_its_cap_is_refused);
	tcase_add_test(t, job_is_acked_from_stored_only);
	suite_add_tcase(s, t);
	t = tcase_create("memory");
	tcase_add_loop_test(t, memory_survives_hostile_input, 0, COUNT_OF(hostile_memories));
	tcase_add_loop_test(t, memory_without_version_is_refused, 0, 5);
	tcase_add_test(t, memory_is_keyed_by_name);
	tcase_add_test(t, memory_keeps_the_newest_of_too_many);
	suite_add_tcase(s, t);
	t = tcase_create("say");
	tcase_add_test(t, every_reason_has_a_word_a_step_and_a_text);
	tcase_add_test(t, the_staircase_reads_like_one);
	tcase_add_loop_test(t, why_the_size_is_not_another, 0, COUNT_OF(why_nots));
	tcase_add_test(t, a_plan_reads_back_as_it_was_written);
	tcase_add_loop_test(t, a_stored_plan_that_is_none_is_refused, 0, 6);
	tcase_add_test(t, facts_read_back_as_they_were_written);
	suite_add_tcase(s, t);
	suite_add_tcase(s, check_model_record());
	return check_main_run(srunner_create(s));
}
