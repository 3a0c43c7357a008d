/* What goes out. */
#include "check_aws.h"

#include <string.h>

#include "aws/autoscaling.h"
#include "aws/cloudwatch_put.h"
#include "aws/s3.h"
#include "aws/sqs.h"
#include "aws/sts.h"

#define URL "http://127.0.0.1:4566/000000000000/q"

static const char *header(const struct request *r, const char *name)
{
	for (size_t i = 0; i < r->header_count; i++)
		if (strcmp(r->headers[i].name, name) == 0)
			return r->headers[i].value;
	return NULL;
}

static void ask_depth(struct request *r)
{
	aws_sqs_depth_ask(r, URL);
}
static void ask_create(struct request *r)
{
	aws_sqs_create_queue_ask(r, "q",
				 &SQS_QUEUE_OPTIONS(.visibility_s = 300, .wait_s = 20,
						    .max_receive_count = 3,
						    .dead_letter_arn = "arn:aws:sqs:r:1:d"));
}
static void ask_send(struct request *r)
{
	static const struct sqs_send_attr a[] = {
		{ .name = "kind", .value = "x\"y" },
		{ .name = "bits", .value = "\1\2", .type = "Binary", .value_len = 2 },
	};

	aws_sqs_send_ask(
		r, URL,
		&(struct sqs_send){
			.body = "b\n", .body_len = 2, .delay_s = -1, .attrs = a, .attr_count = 2 });
}
static void ask_receive(struct request *r)
{
	aws_sqs_receive_ask(r, URL, 10, 20, -1);
}
static void ask_visibility(struct request *r)
{
	aws_sqs_visibility_ask(r, URL, "h", 0);
}
static void ask_batch(struct request *r)
{
	static const char *const receipts[] = { "a", "b" };

	aws_sqs_delete_batch_ask(r, URL, receipts, 2);
}
static void ask_groups(struct request *r)
{
	static const char *const names[] = { "a&b", "c" };

	aws_autoscaling_groups_ask(r, names, 2, NULL);
}
static void ask_desired(struct request *r)
{
	aws_autoscaling_set_desired_ask(r, "g", 4);
}
static void ask_protect(struct request *r)
{
	static const char *const ids[] = { "i-1" };

	aws_autoscaling_protect_ask(r, "g", ids, 1, true);
}
static void ask_group(struct request *r)
{
	aws_autoscaling_create_ask(r, &(struct asg_create){ .name = "g",
							    .launch_template = "lt-1",
							    .zones = "a,b",
							    .min = 1,
							    .max = 3,
							    .desired = -1 });
}
static void ask_identity(struct request *r)
{
	aws_sts_identity_ask(r);
}

static const struct {
	const char *name;
	void (*ask)(struct request *r);
	const char *body;
	bool write;
} rows[] = {
	{ "depth", ask_depth,
	  "{\"QueueUrl\":\"" URL "\",\"AttributeNames\":[\"ApproximateNumberOfMessages\","
	  "\"ApproximateNumberOfMessagesNotVisible\",\"ApproximateNumberOfMessagesDelayed\"]}",
	  false },
	{ "create", ask_create,
	  "{\"QueueName\":\"q\",\"Attributes\":{\"VisibilityTimeout\":\"300\","
	  "\"ReceiveMessageWaitTimeSeconds\":\"20\",\"RedrivePolicy\":\"{"
	  "\\\"deadLetterTargetArn\\\":"
	  "\\\"arn:aws:sqs:r:1:d\\\",\\\"maxReceiveCount\\\":3}\"}}",
	  true },
	{ "send", ask_send,
	  "{\"QueueUrl\":\"" URL "\",\"MessageBody\":\"b\\n\",\"MessageAttributes\":{\"kind\":"
	  "{\"DataType\":\"String\",\"StringValue\":\"x\\\"y\"},\"bits\":{\"DataType\":\"Binary\","
	  "\"BinaryValue\":\"AQI=\"}}}",
	  true },
	{ "receive", ask_receive,
	  "{\"QueueUrl\":\"" URL "\",\"MaxNumberOfMessages\":10,\"WaitTimeSeconds\":20,"
	  "\"MessageSystemAttributeNames\":[\"ApproximateReceiveCount\",\"SentTimestamp\","
	  "\"ApproximateFirstReceiveTimestamp\"],\"AttributeNames\":[\"ApproximateReceiveCount\","
	  "\"SentTimestamp\",\"ApproximateFirstReceiveTimestamp\"],\"MessageAttributeNames\":["
	  "\"All\"]}",
	  true },
	{ "visibility", ask_visibility,
	  "{\"QueueUrl\":\"" URL "\",\"ReceiptHandle\":\"h\",\"VisibilityTimeout\":0}", true },
	{ "delete batch", ask_batch,
	  "{\"QueueUrl\":\"" URL "\",\"Entries\":[{\"Id\":\"0\",\"ReceiptHandle\":\"a\"},"
	  "{\"Id\":\"1\",\"ReceiptHandle\":\"b\"}]}",
	  false },
	{ "groups", ask_groups,
	  "Action=DescribeAutoScalingGroups&Version=2011-01-01&AutoScalingGroupNames.member.1=a%26b"
	  "&AutoScalingGroupNames.member.2=c&MaxRecords=100",
	  false },
	{ "set desired", ask_desired,
	  "Action=SetDesiredCapacity&Version=2011-01-01&AutoScalingGroupName=g&DesiredCapacity=4"
	  "&HonorCooldown=false",
	  true },
	{ "protect", ask_protect,
	  "Action=SetInstanceProtection&Version=2011-01-01&AutoScalingGroupName=g"
	  "&InstanceIds.member.1=i-1&ProtectedFromScaleIn=true",
	  false },
	{ "create group", ask_group,
	  "Action=CreateAutoScalingGroup&Version=2011-01-01&AutoScalingGroupName=g"
	  "&LaunchTemplate.LaunchTemplateId=lt-1&MinSize=1&MaxSize=3&DesiredCapacity=1"
	  "&AvailabilityZones.member.1=a&AvailabilityZones.member.2=b",
	  true },
	{ "identity", ask_identity, "Action=GetCallerIdentity&Version=2011-06-15", false },
};

START_TEST(bodies)
{
	struct request r = { 0 };

	rows[_i].ask(&r);
	ck_assert_msg(strcmp(buf_str(&r.body), rows[_i].body) == 0, "%s: %s", rows[_i].name,
		      buf_str(&r.body));
	ck_assert_msg(r.write == rows[_i].write, "%s", rows[_i].name);
	rows[_i].ask(&r); /* a used request is cleared */
	ck_assert_str_eq(buf_str(&r.body), rows[_i].body);
	request_done(&r);
}
END_TEST

START_TEST(long_poll_has_its_time)
{
	struct request r = { 0 };

	aws_sqs_receive_ask(&r, URL, 1, 20, 300);
	ck_assert_int_eq(r.wait.ms, 20000);
	ck_assert_str_eq(header(&r, "X-Amz-Target"), "AmazonSQS.ReceiveMessage");
	ck_assert_uint_eq(r.reply_cap, REPLY_JSON_MAX);
	request_done(&r);
}
END_TEST

START_TEST(queue_urls_lead_somewhere)
{
	struct request r = { 0 };

	aws_sqs_depth_ask(&r, "https://sqs.eu-west-1.amazonaws.com/1/q");
	ck_assert_str_eq(r.region, "eu-west-1");
	ck_assert_ptr_null(r.origin);
	aws_sqs_depth_ask(&r, URL);
	ck_assert_str_eq(r.origin, "http://127.0.0.1:4566");
	ck_assert_ptr_null(r.region);
	aws_sqs_depth_ask(&r, "not a URL");
	ck_assert_ptr_null(r.origin);
	request_done(&r);
	ck_assert_str_eq(aws_sqs_name("https://sqs.eu-west-1.amazonaws.com/1/q"), "q");
	ck_assert_str_eq(aws_sqs_name("arn:aws:sqs:r:1:d"), "d");
	ck_assert_str_eq(aws_sqs_name("plain"), "plain");
}
END_TEST

START_TEST(objects)
{
	static const struct s3_meta meta = { "task-id", "t1" };
	struct request r = { 0 };

	aws_s3_put_ask(&r, "b", "a/b c+\xc3\xbc",
		       &S3_PUT(.body = "Welcome to Amazon S3.", .body_len = 21,
			       .if_none_match = true, .meta = &meta, .meta_count = 1));
	ck_assert_str_eq(buf_str(&r.path), "/a/b%20c%2B%C3%BC");
	ck_assert_str_eq(r.payload,
			 "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072");
	ck_assert_str_eq(header(&r, "x-amz-checksum-sha256"),
			 "RM591nyVng01JP+sF3Hfu6h9K2tLTpnkIDSouAP4sHI=");
	ck_assert_str_eq(header(&r, "x-amz-meta-task-id"), "t1");
	ck_assert_str_eq(header(&r, "If-None-Match"), "*");
	ck_assert(r.write);
	aws_s3_put_ask(&r, "b", "k", &S3_PUT(.fd = 7, .offset = 1, .size = 2));
	ck_assert_int_eq(r.body_fd, 7);
	ck_assert_str_eq(r.payload, "");
	ck_assert(!r.write);
	aws_s3_get_ask(&r, "b", "k", 5, 100,
		       &(struct s3_get){ .from = 10, .to = 19, .if_match = "\"e\"" });
	ck_assert_str_eq(header(&r, "Range"), "bytes=10-19");
	ck_assert_str_eq(header(&r, "If-Match"), "\"e\"");
	ck_assert_int_eq(r.reply_fd, 5);
	aws_s3_list_ask(&r, "b", "x/", "/", 0, NULL);
	ck_assert_str_eq(buf_str(&r.query), "list-type=2&max-keys=1000&prefix=x%2F&delimiter=%2F");
	request_done(&r);
}
END_TEST

START_TEST(published_values_are_cut_by_number_and_size)
{
	AUTO(own_freep) struct cloudwatch_datum *list = own_array(1001, sizeof(*list));
	AUTO(own_freep) char *wide = own_alloc(9001);
	struct request r = { 0 };

	memset(wide, '%', 9000); /* each takes three bytes */
	for (size_t i = 0; i < 1001; i++)
		list[i] = (struct cloudwatch_datum){ .metric = "BacklogPerInstance",
						     .names = { "Policy" },
						     .values = { "a&b" },
						     .dimension_count = 1,
						     .unit = "Count",
						     .value = 2.5,
						     .at = { 1700000000000 } };
	ck_assert_uint_eq(aws_cloudwatch_put_ask(&r, "Windlass", list, 1), 1);
	ck_assert_str_eq(buf_str(&r.body),
			 "Action=PutMetricData&Version=2010-08-01&Namespace=Windlass"
			 "&MetricData.member.1.MetricName=BacklogPerInstance"
			 "&MetricData.member.1.Dimensions.member.1.Name=Policy"
			 "&MetricData.member.1.Dimensions.member.1.Value=a%26b"
			 "&MetricData.member.1.Timestamp=2023-11-14T22%3A13%3A20Z"
			 "&MetricData.member.1.Value=2.5&MetricData.member.1.Unit=Count");
	ck_assert(r.write);
	list[0].count = 2;
	list[0].least = 0.5;
	list[0].most = 2;
	ck_assert_uint_eq(aws_cloudwatch_put_ask(&r, "Windlass", list, 1), 1);
	ck_assert_ptr_nonnull(strstr(buf_str(&r.body),
				     "&MetricData.member.1.StatisticValues.SampleCount=2"
				     "&MetricData.member.1.StatisticValues.Sum=2.5"
				     "&MetricData.member.1.StatisticValues.Minimum=0.5"
				     "&MetricData.member.1.StatisticValues.Maximum=2"
				     "&MetricData.member.1.Unit=Count"));
	ck_assert_ptr_null(strstr(buf_str(&r.body), "member.1.Value=2.5"));
	list[0].count = 0;
	ck_assert_uint_eq(aws_cloudwatch_put_ask(&r, "Windlass", list, 1001), 1000);
	ck_assert_uint_le(r.body.len, CLOUDWATCH_DATA_BYTES);
	for (size_t i = 0; i < 1001; i++)
		list[i].values[0] = wide;
	ck_assert_uint_eq(aws_cloudwatch_put_ask(&r, "Windlass", list, 1001), 36);
	ck_assert_uint_le(r.body.len, CLOUDWATCH_DATA_BYTES);
	request_done(&r);
}
END_TEST

START_TEST(object_urls)
{
	static const char *const bad[] = { "",
					   "http://b/k",
					   "s3://",
					   "s3://bucket",
					   "s3://bucket/",
					   "s3:///k",
					   "s3://ab/k",
					   "s3://Bucket/k",
					   "s3://bkt/../k",
					   "s3://bkt/a/..",
					   "s3://bkt/./k",
					   "s3://bkt/a\nb",
					   "file:///etc/passwd" };
	char *bucket, *key;
	struct err e = { 0 };

	ck_assert_int_eq(aws_s3_url_parse("s3://bkt/a/b..c/..d", &bucket, &key, &e), 0);
	ck_assert_str_eq(bucket, "bkt");
	ck_assert_str_eq(key, "a/b..c/..d");
	own_free(bucket);
	own_free(key);
	for (size_t i = 0; i < COUNT_OF(bad); i++) {
		ck_assert_msg(aws_s3_url_parse(bad[i], &bucket, &key, &e) < 0, "%s", bad[i]);
		ck_assert_int_eq(e.kind, ERR_POLICY);
	}
}
END_TEST

Suite *check_aws_ask(void)
{
	Suite *s = suite_create("aws ask");
	TCase *t = tcase_create("all");

	tcase_add_loop_test(t, bodies, 0, COUNT_OF(rows));
	tcase_add_test(t, long_poll_has_its_time);
	tcase_add_test(t, queue_urls_lead_somewhere);
	tcase_add_test(t, objects);
	tcase_add_test(t, object_urls);
	tcase_add_test(t, published_values_are_cut_by_number_and_size);
	suite_add_tcase(s, t);
	return s;
}
