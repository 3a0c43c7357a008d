/* What comes back: recorded replies, and replies that no service should give. */
#include "check_aws.h"

#include <string.h>

#include "aws/autoscaling.h"
#include "aws/cloudwatch.h"
#include "aws/s3.h"
#include "aws/sqs.h"
#include "aws/sts.h"

#define REPLY(...) AUTO(reply_done) struct reply r = check_aws_reply(__VA_ARGS__)

START_TEST(depth)
{
	REPLY(SERVICE_SQS, "GetQueueAttributes", 200, "sqs-attributes.json");
	AUTO(sqs_attributes_done) struct sqs_attributes a = { 0 };
	struct depth d;

	ck_assert_int_eq(aws_sqs_depth_read(&r, &d, NULL), 0);
	ck_assert_int_eq(d.visible, 1200);
	ck_assert_int_eq(d.in_flight, 7);
	ck_assert_int_eq(d.delayed, 3);
	ck_assert_int_eq(aws_sqs_attributes_read(&r, &a, NULL), 0);
	ck_assert_int_eq(a.visibility_s, 300);
	ck_assert_int_eq(a.retention_s, 1209600);
	ck_assert_int_eq(a.wait_s, 20);
	ck_assert_int_eq(a.max_receive_count, 3);
	ck_assert_str_eq(aws_sqs_name(a.dead_letter_arn), "MyQueue-dlq");
	ck_assert(!a.fifo);
}
END_TEST

START_TEST(messages)
{
	REPLY(SERVICE_SQS, "ReceiveMessage", 200, "sqs-receive.json");
	AUTO(sqs_messages_done) struct sqs_messages m = { 0 };
	struct err e = { 0 };

	ck_assert_msg(aws_sqs_receive_read(&r, &m, &e) == 0, "%s", e.text);
	ck_assert_uint_eq(m.count, 2);
	ck_assert_str_eq(m.list[0].id, "219f8380-5770-4cc2-8c3e-5c715e145f5e");
	ck_assert_int_eq(m.list[0].receive_count, 2);
	ck_assert_int_eq(m.list[0].sent.ms, 1677112289435);
	ck_assert_int_eq(m.list[0].first_received.ms, 1677112299435);
	ck_assert_str_eq(sqs_message_attr(&m.list[0], "trace"), "abc");
	ck_assert_str_eq(sqs_message_attr(&m.list[0], "bits"), "\1\2");
	ck_assert_ptr_null(sqs_message_attr(&m.list[0], "no"));
	ck_assert_str_eq(m.list[1].body, "hello");
	ck_assert_int_eq(m.list[1].receive_count, 0);
	ck_assert(instant_is_never(m.list[1].sent));
}
END_TEST

START_TEST(damaged_message)
{
	REPLY(SERVICE_SQS, "ReceiveMessage", 200, "sqs-receive.json");
	AUTO(sqs_messages_done) struct sqs_messages m = { 0 };
	struct err e = { 0 };

	memcpy(strstr(r.body.data, _i ? "\"abc\"" : "hello"), _i ? "\"abd\"" : "hallo", 5);
	ck_assert_int_lt(aws_sqs_receive_read(&r, &m, &e), 0);
	ck_assert_int_eq(e.kind, ERR_PROTOCOL);
	ck_assert_ptr_nonnull(strstr(e.text, "MD5"));
	ck_assert_uint_eq(m.count, 0);
}
END_TEST

START_TEST(batch)
{
	REPLY(SERVICE_SQS, "DeleteMessageBatch", 200, "sqs-batch.json");
	struct sqs_batch_result b;

	ck_assert_int_eq(aws_sqs_batch_read(&r, 4, &b, NULL), 0);
	ck_assert(b.item[0].ok && !b.item[1].ok && b.item[2].ok);
	ck_assert(b.item[1].told && !b.item[3].told);
	ck_assert_str_eq(b.item[1].code, "ReceiptHandleIsInvalid");
	ck_assert_int_lt(aws_sqs_batch_read(&r, 2, &b, NULL), 0);
}
END_TEST

START_TEST(nothing_received)
{
	REPLY(SERVICE_SQS, "ReceiveMessage", 200, NULL);
	struct sqs_messages m = { 0 };

	ck_assert_int_eq(aws_sqs_receive_read(&r, &m, NULL), 0);
	ck_assert_uint_eq(m.count, 0);
	sqs_messages_done(&m);
}
END_TEST

START_TEST(error_sentence)
{
	REPLY(SERVICE_SQS, "GetQueueAttributes", 400, "sqs-error.json");
	struct err e = { 0 };
	struct depth d;

	check_aws_header(&r, "x-amzn-requestid", "4f-1");
	check_aws_header(&r, "x-amzn-query-error",
			 "AWS.SimpleQueueService.NonExistentQueue;Sender");
	check_aws_header(&r, "retry-after", "7");
	ck_assert_int_lt(aws_sqs_depth_read(&r, &d, &e), 0);
	ck_assert_str_eq(e.text,
			 "SQS GetQueueAttributes: 400 AWS.SimpleQueueService.NonExistentQueue: "
			 "The specified queue does not exist. (request 4f-1)");
	ck_assert_int_eq(e.kind, ERR_NOT_FOUND);
	ck_assert_int_eq(e.status, 400);
	ck_assert_int_eq(e.retry_after_ms, 7000);
}
END_TEST

START_TEST(lost_lease)
{
	REPLY(SERVICE_SQS, "ChangeMessageVisibility", 400, NULL);
	struct err e = { 0 };

	buf_adds(&r.body,
		 "{\"__type\":\"com.amazonaws.sqs#InvalidParameterValueException\",\"message\":"
		 "\"Value H for parameter ReceiptHandle is invalid. Reason: Message does not exist "
		 "or is not available for visibility timeout change.\"}");
	check_aws_header(&r, "x-amzn-query-error", "InvalidParameterValue;Sender");
	ck_assert_int_lt(aws_sqs_none_read(&r, &e), 0);
	ck_assert_int_eq(e.kind, ERR_CONFLICT);
}
END_TEST

START_TEST(groups)
{
	REPLY(SERVICE_AUTOSCALING, "DescribeAutoScalingGroups", 200, "asg-groups.xml");
	AUTO(asg_groups_done) struct asg_groups g = { 0 };
	const struct asg_group *one;

	ck_assert_int_eq(aws_autoscaling_groups_read(&r, &g, NULL), 0);
	ck_assert_uint_eq(g.count, 2);
	ck_assert_str_eq(g.next_token, "bm90LWEtc2VjcmV0");
	one = asg_group_find(&g, "anb-worker-asg");
	ck_assert_int_eq(one->min, 1);
	ck_assert_int_eq(one->max, 5);
	ck_assert_int_eq(one->desired, 2);
	ck_assert(one->new_instances_protected);
	ck_assert_ptr_null(one->status);
	ck_assert_uint_eq(one->instance_count, 2);
	ck_assert(one->instances[0].protected && one->instances[0].healthy);
	ck_assert_int_eq(one->instances[0].state, ASG_IN_SERVICE);
	ck_assert_int_eq(one->instances[1].state, ASG_PENDING_WAIT);
	ck_assert_int_eq(one->instances[1].weight, 2);
	ck_assert(!one->instances[1].healthy);
	ck_assert_str_eq(one->suspended[0], "Launch");
	ck_assert_str_eq(asg_group_find(&g, "empty")->status, "Delete in progress");
	ck_assert_ptr_null(asg_group_find(&g, "nobody"));
}
END_TEST

START_TEST(refreshes)
{
	struct reply r = check_aws_reply(SERVICE_AUTOSCALING, "DescribeInstanceRefreshes", 200,
					 "asg-refreshes.xml");
	struct asg_refresh one;

	ck_assert_int_eq(aws_autoscaling_refresh_read(&r, &one, NULL), 0);
	ck_assert_str_eq(one.status, "InProgress");
	ck_assert(one.running);
	ck_assert_int_eq(one.left, 5);
	ck_assert_int_eq(one.percent, 50);
	reply_done(&r);
	r = check_aws_reply(SERVICE_AUTOSCALING, "DescribeInstanceRefreshes", 200,
			    "asg-refreshes-none.xml");
	ck_assert_int_eq(aws_autoscaling_refresh_read(&r, &one, NULL), 0);
	ck_assert(!one.running && !one.status[0]);
	reply_done(&r);
}
END_TEST

START_TEST(instances_hooks_activities)
{
	struct reply r = check_aws_reply(SERVICE_AUTOSCALING, "DescribeAutoScalingInstances", 200,
					 "asg-instances.xml");
	struct asg_instances i;
	struct asg_hooks h;
	struct asg_activities a;

	ck_assert_int_eq(aws_autoscaling_instances_read(&r, &i, NULL), 0);
	ck_assert_str_eq(i.list[0].group, "anb-worker-asg");
	ck_assert_int_eq(i.list[0].state, ASG_TERMINATING_WAIT);
	ck_assert(i.list[0].healthy);
	asg_instances_done(&i);
	reply_done(&r);
	r = check_aws_reply(SERVICE_AUTOSCALING, "DescribeLifecycleHooks", 200, "asg-hooks.xml");
	ck_assert_int_eq(aws_autoscaling_hooks_read(&r, &h, NULL), 0);
	ck_assert_str_eq(h.list[0].name, "drain");
	ck_assert_int_eq(h.list[0].heartbeat_s, 300);
	asg_hooks_done(&h);
	reply_done(&r);
	r = check_aws_reply(SERVICE_AUTOSCALING, "DescribeScalingActivities", 200,
			    "asg-activities.xml");
	ck_assert_int_eq(aws_autoscaling_activities_read(&r, &a, NULL), 0);
	ck_assert_str_eq(a.list[0].status, "Failed");
	ck_assert_int_eq(a.list[0].start.ms, 1675882744123);
	asg_activities_done(&a);
	reply_done(&r);
}
END_TEST

static const struct {
	const char *action, *file;
	int status;
	enum err_kind kind;
} group_errors[] = {
	{ "SetDesiredCapacity", "asg-set-desired.xml", 200, ERR_NONE },
	{ "SetDesiredCapacity", "asg-conflict.xml", 400, ERR_CONFLICT },
	{ "SetDesiredCapacity", "asg-not-found.xml", 400, ERR_NOT_FOUND },
	{ "SetDesiredCapacity", "page.html", 200, ERR_PROTOCOL },
	{ "SetDesiredCapacity", "page.html", 404, ERR_PROTOCOL },
	{ "SetDesiredCapacity", "page.html", 502, ERR_UNREACHABLE },
	{ "SetDesiredCapacity", NULL, 200, ERR_PROTOCOL },
	{ "DeleteAutoScalingGroup", "asg-set-desired.xml", 200, ERR_PROTOCOL },
};

START_TEST(group_answers)
{
	REPLY(SERVICE_AUTOSCALING, group_errors[_i].action, group_errors[_i].status,
	      group_errors[_i].file);
	struct err e = { 0 };
	int rc = aws_autoscaling_none_read(&r, &e);

	ck_assert_int_eq(e.kind, group_errors[_i].kind);
	ck_assert_int_eq(rc, e.kind == ERR_NONE ? 0 : -1);
	if (group_errors[_i].file && strcmp(group_errors[_i].file, "page.html") == 0)
		ck_assert_ptr_nonnull(strstr(e.text, "is the endpoint right"));
}
END_TEST

START_TEST(identity)
{
	REPLY(SERVICE_STS, "GetCallerIdentity", 200, "sts-identity.xml");
	struct sts_identity i;

	ck_assert_int_eq(aws_sts_identity_read(&r, &i, NULL), 0);
	ck_assert_str_eq(i.account, "123456789012");
	ck_assert_str_eq(i.arn, "arn:aws:iam::123456789012:user/Alice");
}
END_TEST

START_TEST(listing)
{
	REPLY(SERVICE_S3, "ListObjectsV2", 200, "s3-list.xml");
	AUTO(s3_entries_done) struct s3_entries x = { 0 };

	ck_assert_int_eq(aws_s3_list_read(&r, &x, NULL), 0);
	ck_assert_uint_eq(x.count, 2);
	ck_assert_str_eq(x.list[0].key, "Ned & co");
	ck_assert_int_eq(x.list[0].size, 142863);
	ck_assert_str_eq(x.list[0].etag, "\"bf1d737a4d46a19f3bced6905cc8b902\"");
	ck_assert_str_eq(x.prefixes[0], "Nora/");
	ck_assert_ptr_nonnull(x.next_token);
}
END_TEST

START_TEST(object_answers)
{
	struct reply r = check_aws_reply(SERVICE_S3, "GetObject", 404, "s3-error.xml");
	struct s3_object o;
	struct err e = { 0 };
	char etag[S3_ETAG_MAX];

	ck_assert_int_lt(aws_s3_get_read(&r, &o, &e), 0);
	ck_assert_int_eq(e.kind, ERR_NOT_FOUND);
	ck_assert_str_eq(e.code, "NoSuchKey");
	ck_assert_ptr_nonnull(strstr(e.text, "4442587FB7D0A2F9"));
	reply_done(&r);

	r = check_aws_reply(SERVICE_S3, "HeadObject", 404, NULL);
	ck_assert_int_lt(aws_s3_head_read(&r, &o, &e), 0);
	ck_assert_int_eq(e.kind, ERR_NOT_FOUND);
	reply_done(&r);

	r = check_aws_reply(SERVICE_S3, "PutObject", 412, NULL);
	ck_assert_int_lt(aws_s3_put_read(&r, etag, &e), 0);
	ck_assert_int_eq(e.kind, ERR_CONFLICT);
	reply_done(&r);

	r = check_aws_reply(SERVICE_S3, "GetObject", 200, NULL);
	check_aws_header(&r, "etag", "\"e\"");
	check_aws_header(&r, "content-length", "10");
	check_aws_header(&r, "last-modified", "Sun, 06 Nov 1994 08:49:37 GMT");
	check_aws_header(&r, "x-amz-meta-task-id", "t1");
	r.body_bytes = 9;
	ck_assert_int_lt(aws_s3_get_read(&r, &o, &e), 0);
	ck_assert_int_eq(e.kind, ERR_PROTOCOL);
	r.body_bytes = 10;
	ck_assert_int_eq(aws_s3_get_read(&r, &o, &e), 0);
	ck_assert_int_eq(o.size, 10);
	ck_assert_int_eq(o.modified.ms, 784111777000);
	ck_assert_str_eq(aws_s3_meta(&r, "Task-Id"), "t1");
	check_aws_header(&r, "content-range", "bytes 0-9/1000");
	ck_assert_int_eq(aws_s3_get_read(&r, &o, &e), 0);
	ck_assert_int_eq(o.size, 1000);
	reply_done(&r);
}
END_TEST

START_TEST(datapoints)
{
	REPLY(SERVICE_CLOUDWATCH, "GetMetricData", 200, "cloudwatch-data.xml");
	AUTO(cloudwatch_points_done) struct cloudwatch_points p = { 0 };
	struct err e = { 0 };
	char *value;

	ck_assert_msg(aws_cloudwatch_data_read(&r, &p, &e) == 0, "%s", e.text);
	ck_assert_uint_eq(p.count, 3); /* 09:02 and 09:03 have none: not zero */
	ck_assert_int_eq(p.list[0].at.ms, 1706691600000);
	ck_assert_double_eq(p.list[0].value, 12);
	ck_assert_double_eq(p.list[1].value, 0);
	ck_assert_int_eq(p.list[2].at.ms, 1706691840000);
	ck_assert_double_eq(p.list[2].value, 100);
	ck_assert_str_eq(p.next_token, "AAMAAaGx");
	ck_assert(!p.whole);
	cloudwatch_points_done(&p);

	/* A value that is none, and one too few. */
	value = strstr(r.body.data, "12.0");
	memcpy(value, "NaN ", 4);
	ck_assert_int_lt(aws_cloudwatch_data_read(&r, &p, &e), 0);
	ck_assert_msg(strstr(e.text, "no number"), "%s", e.text);
	ck_assert_uint_eq(p.count, 0);
	memcpy(value - strlen("<member>"), "<mumber>12.0</mumber>",
	       strlen("<mumber>12.0</mumber>"));
	ck_assert_int_lt(aws_cloudwatch_data_read(&r, &p, &e), 0);
	ck_assert_msg(strstr(e.text, "do not go together"), "%s", e.text);
}
END_TEST

/* Every reader survives every prefix of every recorded reply, under any action. */
START_TEST(cut_replies)
{
	static const char *const files[] = { "sqs-attributes.json", "sqs-receive.json",
					     "asg-groups.xml", "s3-list.xml" };
	struct reply whole = check_aws_reply(SERVICE_SQS, "X", 200, files[_i]);

	while (whole.body.data[whole.body.len - 1] == '\n')
		whole.body.len--;
	for (size_t len = 0; len < whole.body.len; len += 7) {
		struct reply r = {
			.service = SERVICE_SQS, .action = "X", .status = 200, .body = BUF(1 << 20)
		};
		struct sqs_attributes a;
		struct sqs_messages m;
		struct asg_groups g;
		struct s3_entries x;
		int ok = 0;

		buf_add(&r.body, whole.body.data, len);
		ok += aws_sqs_attributes_read(&r, &a, NULL) == 0;
		/* nothing at all is how no message looks */
		ck_assert_int_eq(aws_sqs_receive_read(&r, &m, NULL), len == 0 ? 0 : -1);
		sqs_messages_done(&m);
		r.action = "DescribeAutoScalingGroups";
		ok += aws_autoscaling_groups_read(&r, &g, NULL) == 0;
		ok += aws_s3_list_read(&r, &x, NULL) == 0;
		ck_assert_int_eq(ok, 0);
		reply_done(&r);
	}
	reply_done(&whole);
}
END_TEST

Suite *check_aws_read(void)
{
	Suite *s = suite_create("aws read");
	TCase *t = tcase_create("all");

	tcase_add_test(t, depth);
	tcase_add_test(t, messages);
	tcase_add_loop_test(t, damaged_message, 0, 2);
	tcase_add_test(t, batch);
	tcase_add_test(t, nothing_received);
	tcase_add_test(t, error_sentence);
	tcase_add_test(t, lost_lease);
	tcase_add_test(t, groups);
	tcase_add_test(t, instances_hooks_activities);
	tcase_add_test(t, refreshes);
	tcase_add_loop_test(t, group_answers, 0, COUNT_OF(group_errors));
	tcase_add_test(t, identity);
	tcase_add_test(t, datapoints);
	tcase_add_test(t, listing);
	tcase_add_test(t, object_answers);
	tcase_add_loop_test(t, cut_replies, 0, 4);
	suite_add_tcase(s, t);
	return s;
}
