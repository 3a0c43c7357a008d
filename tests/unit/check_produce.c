/* Which way a job goes, and what is sent. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "check_main.h"
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
} bad[] = { { "bucket", "a/../b" }, { "bucket", "" }, { "", "key" }, { "bucket", "a\nb" } };

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

int main(void)
{
	Suite *s = suite_create("produce");
	TCase *t = tcase_create("produce");

	tcase_add_loop_test(t, a_route_is_found_or_the_variable_named, 0, COUNT_OF(routes));
	tcase_add_test(t, a_job_is_what_the_worker_reads);
	tcase_add_loop_test(t, a_job_that_the_worker_would_park_is_not_made, 0, COUNT_OF(bad));
	tcase_add_loop_test(t, a_broker_that_is_none_is_refused_before_anything_is_sent, 0,
			    COUNT_OF(no_brokers));
	suite_add_tcase(s, t);
	return check_main_run(srunner_create(s));
}
