/* What a service answers: the first byte says the status, the rest is the body, for every reader.
 */
#include "fuzz.h"

#include "aws/autoscaling.h"
#include "aws/cloudwatch.h"
#include "aws/s3.h"
#include "aws/sqs.h"
#include "aws/sts.h"

static struct reply reply_of(enum service s, const char *action, int status, const uint8_t *data,
			     size_t size)
{
	struct reply r = { .service = s, .action = action, .status = status, .body = BUF(1 << 20) };

	buf_add(&r.body, data, size);
	r.body_bytes = (int64_t)size;
	return r;
}

static void read_sqs(int status, const uint8_t *data, size_t size)
{
	struct reply r = reply_of(SERVICE_SQS, "ChangeMessageVisibility", status, data, size);
	struct sqs_attributes a;
	struct sqs_messages m;
	struct sqs_batch_result b;
	struct sqs_urls u;
	struct depth d;
	struct err e = { 0 };
	char *text;

	if (aws_sqs_receive_read(&r, &m, &e) < 0)
		FUZZ_HOLDS(m.count == 0 && e.kind != ERR_NONE && e.text[0]);
	sqs_messages_done(&m);
	if (aws_sqs_attributes_read(&r, &a, &e) == 0)
		sqs_attributes_done(&a);
	if (aws_sqs_depth_read(&r, &d, &e) == 0)
		FUZZ_HOLDS(d.visible >= 0 && d.in_flight >= 0 && d.delayed >= 0);
	err_ignore(aws_sqs_batch_read(&r, 3, &b, &e));
	err_ignore(aws_sqs_none_read(&r, &e));
	if (aws_sqs_list_read(&r, &u, &e) == 0)
		sqs_urls_done(&u);
	if (aws_sqs_create_queue_read(&r, &text, &e) == 0)
		own_free(text);
	if (aws_sqs_send_read(&r, &text, &e) == 0)
		own_free(text);
	reply_done(&r);
}

static void read_points(int status, const uint8_t *data, size_t size)
{
	struct reply r = reply_of(SERVICE_CLOUDWATCH, "GetMetricData", status, data, size);
	struct cloudwatch_points p;
	struct err e = { 0 };

	if (aws_cloudwatch_data_read(&r, &p, &e) < 0)
		FUZZ_HOLDS(p.count == 0 && e.kind != ERR_NONE && e.text[0]);
	for (size_t i = 0; i < p.count; i++)
		FUZZ_HOLDS(p.list[i].value - p.list[i].value == 0); /* a number */
	cloudwatch_points_done(&p);
	reply_done(&r);
}

static void read_groups(int status, const uint8_t *data, size_t size)
{
	struct reply r =
		reply_of(SERVICE_AUTOSCALING, "DescribeAutoScalingGroups", status, data, size);
	struct asg_activities a;
	struct asg_instances i;
	struct asg_groups g;
	struct asg_hooks h;
	struct err e = { 0 };

	if (aws_autoscaling_groups_read(&r, &g, &e) == 0)
		asg_groups_done(&g);
	r.action = "DescribeAutoScalingInstances";
	if (aws_autoscaling_instances_read(&r, &i, &e) == 0)
		asg_instances_done(&i);
	r.action = "DescribeLifecycleHooks";
	if (aws_autoscaling_hooks_read(&r, &h, &e) == 0)
		asg_hooks_done(&h);
	r.action = "DescribeScalingActivities";
	if (aws_autoscaling_activities_read(&r, &a, &e) == 0)
		asg_activities_done(&a);
	r.action = "SetDesiredCapacity";
	err_ignore(aws_autoscaling_none_read(&r, &e));
	reply_done(&r);
}

static void read_others(int status, const uint8_t *data, size_t size)
{
	struct reply r = reply_of(SERVICE_STS, "GetCallerIdentity", status, data, size);
	struct sts_identity id;
	struct s3_entries x;
	struct s3_object o;
	struct err e = { 0 };

	err_ignore(aws_sts_identity_read(&r, &id, &e));
	r.service = SERVICE_S3;
	if (aws_s3_list_read(&r, &x, &e) == 0)
		s3_entries_done(&x);
	err_ignore(aws_s3_get_read(&r, &o, &e));
	err_ignore(aws_s3_none_read(&r, &e));
	reply_done(&r);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const int statuses[] = { 200, 400, 404, 503 };
	int status = size ? statuses[data[0] % COUNT_OF(statuses)] : 200;

	if (size) {
		data++;
		size--;
	}
	read_sqs(status, data, size);
	read_groups(status, data, size);
	read_points(status, data, size);
	read_others(status, data, size);
	return 0;
}
