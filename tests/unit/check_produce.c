/* Which way a job goes, and what is sent. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "check_main.h"
#include "produce/batch.h"
#include "produce/celery.h"
#include "produce/produce.h"

static const struct {
	const char *name;
	struct produce_options o;
	bool found;
	enum produce_path path;
} routes[] = {
	{ "SQS when it is set", { "http://q", NULL }, true, PRODUCE_SQS },
	{ "SQS goes before Celery", { "http://q", "redis://r" }, true, PRODUCE_SQS },
	{ "Celery while SQS is not set", { NULL, "redis://r" }, true, PRODUCE_CELERY },
	{ "empty is not set", { "", "redis://r" }, true, PRODUCE_CELERY },
	{ "neither", { NULL, NULL }, false, PRODUCE_SQS },
	{ "neither, both empty", { "", "" }, false, PRODUCE_SQS },
};

START_TEST(a_route_is_found_or_the_variable_named)
{
	enum produce_path path;
	struct err e = { 0 };
	int rc = produce_route(&routes[_i].o, &path, &e);

	ck_assert_msg((rc == 0) == routes[_i].found, "%s: %s", routes[_i].name, e.text);
	if (rc == 0) {
		ck_assert_msg(path == routes[_i].path, "%s", routes[_i].name);
		return;
	}
	ck_assert_int_eq(e.kind, ERR_POLICY);
	ck_assert_ptr_nonnull(strstr(e.text, "SQS_QUEUE_URL"));
	ck_assert_ptr_nonnull(strstr(e.text, "CELERY_BROKER_URL"));
}
END_TEST

START_TEST(a_job_is_what_the_worker_reads)
{
	AUTO(request_done) struct request r = { 0 };
	AUTO(json_freep) struct json *sent = NULL;
	struct job j, again;
	struct err e = { 0 };
	const char *body;

	ck_assert_msg(produce_job("bucket", "uploads/é x.mp4", &j, &e) == 0, "%s", e.text);
	ck_assert_str_ne(j.video_id, j.task_id);
	ck_assert_int_eq(produce_sqs_ask(&r, "http://127.0.0.1/1/q", &j, &e), 0);
	sent = json_parse(buf_str(&r.body), r.body.len, &e);
	body = json_get_str(sent, "MessageBody");
	ck_assert_ptr_nonnull(body);
	ck_assert_msg(job_read(body, strlen(body), &again, &e) == 0, "%s", e.text);
	ck_assert_str_eq(again.video_id, j.video_id);
	ck_assert_str_eq(again.key, "uploads/é x.mp4");
	ck_assert_str_eq(json_get_str(json_get(json_get(sent, "MessageAttributes"), "video_path"),
				      "StringValue"),
			 "s3://bucket/uploads/é x.mp4");
}
END_TEST

static const struct {
	const char *bucket, *key;
} bad[] = { { "bucket", "a/../b" },
	    { "bucket", "" },
	    { "", "key" },
	    { "bucket", "a\nb" },
	    { "bucket", "a\xff" } };

START_TEST(a_job_that_the_worker_would_park_is_not_made)
{
	struct job j;
	struct err e = { 0 };

	ck_assert_msg(produce_job(bad[_i].bucket, bad[_i].key, &j, &e) < 0, "%s/%s", bad[_i].bucket,
		      bad[_i].key);
}
END_TEST

static const struct {
	const char *url;
} no_brokers[] = { { "amqp://h" }, { "redis://u:secret@h:x" }, { "redis://h/secret" } };

START_TEST(a_broker_that_is_none_is_refused_before_anything_is_sent)
{
	struct produce_celery_options o = { .broker_url = no_brokers[_i].url };
	struct err e = { 0 };

	ck_assert_ptr_null(produce_celery_new(NULL, &o, &e));
	ck_assert_int_eq(e.kind, ERR_POLICY);
	ck_assert_ptr_nonnull(strstr(e.text, "CELERY_BROKER_URL"));
	ck_assert_ptr_null(strstr(e.text, "secret"));
}
END_TEST

static const struct {
	const char *line, *key, *says; /* key NULL: refused, and the error says */
} lines[] = {
	{ "s3://bucket/a/b.mp4", "a/b.mp4", NULL },
	{ "  s3://bucket/it's 1.mp4 \t\r", "it's 1.mp4", NULL },
	{ "{\"video_path\":\"s3://bucket/k\"}", "k", NULL },
	{ " {\"video_path\":\"s3://bucket/k\",\"task_id\":null,\"error\":\"x\",\"line\":3}", "k",
	  NULL },
	{ "clip.mp4", NULL, "s3://bucket/key" },
	{ "s3://bucket", NULL, "no key" },
	{ "s3://bucket/a/../b", NULL, ".." },
	{ "{\"video_path\":\"s3://bucket/k\"", NULL, "JSON" },
	{ "{\"video_id\":\"v\"}", NULL, "video_path" },
	{ "{\"video_path\":3}", NULL, "video_path" },
	{ "{\"video_path\":\"s3://bucket/k\",\"taskid\":\"t\"}", NULL, "did you mean 'task_id'" },
	{ "{\"video_path\":\"s3://bucket/k\",\"task_id\":\"../t\"}", NULL, "task_id" },
	{ "{\"video_path\":\"s3://bucket/k\",\"created_at\":\"soon\"}", NULL, "created_at" },
	{ "[]", NULL, "s3://bucket/key" },
};

START_TEST(a_line_is_a_job_or_says_why_not)
{
	const char *line = lines[_i].line;
	struct job j;
	struct err e = { 0 };
	int rc = produce_line_read(line, strlen(line), &j, &e);

	ck_assert_msg((rc == 0) == !!lines[_i].key, "%s: %s", line, e.text);
	if (rc == 0) {
		ck_assert_str_eq(j.key, lines[_i].key);
		ck_assert_str_eq(j.bucket, "bucket");
		ck_assert_str_ne(j.task_id, j.video_id);
		return;
	}
	ck_assert_int_eq(e.kind, ERR_POLICY);
	ck_assert_msg(strstr(e.text, lines[_i].says), "%s: %s", line, e.text);
}
END_TEST

START_TEST(what_a_line_gives_is_kept)
{
	static const char line[] = "{\"task_id\":\"t-1\",\"video_path\":\"s3://bucket/k\","
				   "\"video_id\":\"v-1\",\"created_at\":\"2026-01-02T03:04:05Z\"}";
	struct job j;
	struct err e = { 0 };

	ck_assert_msg(produce_line_read(line, strlen(line), &j, &e) == 0, "%s", e.text);
	ck_assert_str_eq(j.task_id, "t-1");
	ck_assert_str_eq(j.video_id, "v-1");
	ck_assert_int_eq(j.created_at.ms, 1767323045000);
	ck_assert_int_lt(produce_line_read("s3://b\0/k", 8, &j, &e), 0);
	ck_assert_int_lt(produce_line_read(line, PRODUCE_LINE_MAX + 1, &j, &e), 0);
}
END_TEST

static const struct {
	const char *name;
	size_t bytes[12], n, fit;
} fits[] = {
	{ "none", { 0 }, 0, 0 },
	{ "all", { 1, 2, 3 }, 3, 3 },
	{ "ten at most", { 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1 }, 12, 10 },
	{ "to the byte", { PRODUCE_BATCH_BYTES - 5, 5, 1 }, 3, 2 },
	{ "one past it", { PRODUCE_BATCH_BYTES - 5, 6 }, 2, 1 },
	{ "one that is too large goes alone", { PRODUCE_BATCH_BYTES + 1, 1 }, 2, 1 },
};

START_TEST(a_batch_holds_ten_within_its_bytes)
{
	ck_assert_msg(produce_batch_fit(fits[_i].bytes, fits[_i].n) == fits[_i].fit, "%s",
		      fits[_i].name);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("produce");
	TCase *t = tcase_create("produce");

	tcase_add_loop_test(t, a_route_is_found_or_the_variable_named, 0, COUNT_OF(routes));
	tcase_add_test(t, a_job_is_what_the_worker_reads);
	tcase_add_loop_test(t, a_job_that_the_worker_would_park_is_not_made, 0, COUNT_OF(bad));
	tcase_add_loop_test(t, a_line_is_a_job_or_says_why_not, 0, COUNT_OF(lines));
	tcase_add_test(t, what_a_line_gives_is_kept);
	tcase_add_loop_test(t, a_batch_holds_ten_within_its_bytes, 0, COUNT_OF(fits));
	tcase_add_loop_test(t, a_broker_that_is_none_is_refused_before_anything_is_sent, 0,
			    COUNT_OF(no_brokers));
	suite_add_tcase(s, t);
	return check_main_run(srunner_create(s));
}
