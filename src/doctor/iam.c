/* The least that each program must be allowed, as an IAM policy document. */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "doctor/iam.h"
#include "model/record.h"

enum on {
	ON_ALL, /* the action knows no resources */
	ON_GROUP,
	ON_QUEUE,
	ON_DEAD,
	ON_UPLOADS, /* objects */
	ON_RECORDS, /* of uploads */
	ON_UPLOADS_BUCKET,
	ON_RESULTS,
	ON_RESULTS_BUCKET,
	ON_COUNT
};

enum {
	FOR_CONTROLLER = 1 << IAM_CONTROLLER,
	FOR_WORKER = 1 << IAM_WORKER,
	FOR_PRODUCER = 1 << IAM_PRODUCER,
	FOR_GATEWAY = 1 << IAM_GATEWAY
};

/* As the programs call: tests/e2e takes each away and sees what breaks. */
static const struct {
	const char *action;
	enum on on;
	unsigned whom;
} needs[] = {
	{ "autoscaling:DescribeAutoScalingGroups", ON_ALL, FOR_CONTROLLER | FOR_WORKER },
	{ "autoscaling:DescribeScalingActivities", ON_ALL, FOR_CONTROLLER },
	{ "autoscaling:DescribeInstanceRefreshes", ON_ALL, FOR_CONTROLLER },
	{ "autoscaling:DescribeLifecycleHooks", ON_ALL, FOR_CONTROLLER | FOR_WORKER },
	{ "autoscaling:DescribePolicies", ON_ALL, FOR_CONTROLLER },
	{ "autoscaling:DescribeScheduledActions", ON_ALL, FOR_CONTROLLER },
	{ "autoscaling:DescribeAutoScalingInstances", ON_ALL, FOR_WORKER },
	{ "autoscaling:SetDesiredCapacity", ON_GROUP, FOR_CONTROLLER },
	{ "autoscaling:SetInstanceProtection", ON_GROUP, FOR_WORKER },
	{ "autoscaling:CompleteLifecycleAction", ON_GROUP, FOR_WORKER },
	{ "autoscaling:RecordLifecycleActionHeartbeat", ON_GROUP, FOR_WORKER },
	{ "sqs:GetQueueAttributes", ON_QUEUE, FOR_CONTROLLER | FOR_WORKER },
	{ "sqs:GetQueueUrl", ON_QUEUE, FOR_WORKER },
	{ "sqs:ReceiveMessage", ON_QUEUE, FOR_WORKER },
	{ "sqs:DeleteMessage", ON_QUEUE, FOR_WORKER },
	{ "sqs:ChangeMessageVisibility", ON_QUEUE, FOR_WORKER },
	{ "sqs:SendMessage", ON_QUEUE, FOR_WORKER | FOR_PRODUCER | FOR_GATEWAY },
	{ "sqs:GetQueueAttributes", ON_DEAD, FOR_CONTROLLER | FOR_WORKER },
	{ "sqs:GetQueueUrl", ON_DEAD, FOR_WORKER },
	{ "sqs:SendMessage", ON_DEAD, FOR_WORKER },
	{ "s3:GetObject", ON_UPLOADS, FOR_WORKER },
	{ "s3:PutObject", ON_UPLOADS, FOR_PRODUCER | FOR_GATEWAY },
	{ "s3:PutObject", ON_RECORDS, FOR_WORKER },
	{ "s3:GetObject", ON_UPLOADS, FOR_GATEWAY }, /* records, which lie beside */
	{ "s3:DeleteObject", ON_UPLOADS, FOR_GATEWAY },
	{ "s3:AbortMultipartUpload", ON_UPLOADS, FOR_GATEWAY },
	{ "s3:ListBucket", ON_UPLOADS_BUCKET, FOR_GATEWAY },
	{ "s3:ListBucketMultipartUploads", ON_UPLOADS_BUCKET, FOR_GATEWAY },
	{ "s3:GetObject", ON_RESULTS, FOR_WORKER | FOR_GATEWAY }, /* signed URLs of the gateway's */
	{ "s3:PutObject", ON_RESULTS, FOR_WORKER },
	{ "s3:ListBucket", ON_RESULTS_BUCKET, FOR_WORKER }, /* or "not there" reads as "denied" */
};

struct resources {
	struct json *list[ON_COUNT];
};

static void add_once(struct json *list, const char *arn)
{
	for (size_t i = 0; i < json_count(list); i++)
		if (strcmp(json_str(json_at(list, i)), arn) == 0)
			return;
	json_add(list, json_new_str(arn));
}

static const char *partition(const char *region)
{
	return strncmp(region, "cn-", 3) == 0       ? "aws-cn"
	       : strncmp(region, "us-gov-", 7) == 0 ? "aws-us-gov"
						    : "aws";
}

/* https://host/ACCOUNT/NAME */
static bool parts_of(const char *url, char account[static 13], const char **ret_name)
{
	const char *host = strstr(url, "://"), *path = host ? strchr(host + 3, '/') : NULL;

	if (!path || strspn(path + 1, "0123456789") != 12 || path[13] != '/' || !path[14])
		return false;
	memcpy(account, path + 1, 12);
	account[12] = '\0';
	*ret_name = path + 14;
	return true;
}

void doctor_iam_add_queue(struct doctor_iam *w, const char *url, const char *region)
{
	AUTO(own_freep) char *arn = NULL, *dead = NULL;
	char account[13], of_url[64];
	const char *name, *tail;

	if (policy_region_url(url, of_url, sizeof(of_url)))
		region = of_url;
	if (!region)
		region = "*";
	if (!parts_of(url, account, &name))
		return;
	tail = strlen(name) > 6 ? name + strlen(name) - 6 : NULL;
	arn = own_printf("arn:%s:sqs:%s:%s:%s", partition(region), region, account, name);
	dead = own_printf("arn:%s:sqs:%s:%s:%.*s-dlq", partition(region), region, account,
			  (int)(strlen(name) - (tail && strcmp(tail, "-queue") == 0 ? 6 : 0)),
			  name);
	w->queues = own_grow(w->queues, w->queue_count + 1, sizeof(*w->queues));
	w->queues[w->queue_count++] =
		(struct doctor_iam_queue){ .arn = TAKE(arn), .dead = TAKE(dead) };
	if (!w->account[0])
		memcpy(w->account, account, sizeof(account));
}

void doctor_iam_done(struct doctor_iam *w)
{
	for (size_t i = 0; i < w->queue_count; i++) {
		own_free(w->queues[i].arn);
		own_free(w->queues[i].dead);
	}
	own_free(w->queues);
	*w = (struct doctor_iam){ 0 };
}

static void add_group(const struct doctor_iam *w, struct resources *r, const struct policy *p)
{
	const char *region = p->fleet.region ? p->fleet.region : w->region ? w->region : "*";
	AUTO(own_freep)
	char *arn =
		own_printf("arn:%s:autoscaling:%s:%s:autoScalingGroup:*:autoScalingGroupName/%s",
			   partition(region), region, w->account[0] ? w->account : "*",
			   p->fleet.auto_scaling_group);

	add_once(r->list[ON_GROUP], arn);
}

static void collect(const struct doctor_iam *w, struct resources *r)
{
	static const struct {
		enum on on;
		const char *tail;
	} objects[] = { { ON_UPLOADS, "/*" },
			{ ON_RECORDS, "/" RECORD_PREFIX "*" },
			{ ON_UPLOADS_BUCKET, "" },
			{ ON_RESULTS, "/*" },
			{ ON_RESULTS_BUCKET, "" } };

	for (int i = 0; i < ON_COUNT; i++)
		r->list[i] = json_array();
	add_once(r->list[ON_ALL], "*");
	for (size_t i = 0; i < w->queue_count; i++) {
		add_once(r->list[ON_QUEUE], w->queues[i].arn);
		add_once(r->list[ON_DEAD], w->queues[i].dead);
	}
	for (size_t i = 0; i < w->policy_count; i++)
		add_group(w, r, w->policies[i]);
	for (size_t i = 0; i < COUNT_OF(objects); i++) {
		bool uploads = objects[i].on == ON_UPLOADS || objects[i].on == ON_RECORDS ||
			       objects[i].on == ON_UPLOADS_BUCKET;
		const char *bucket = uploads ? w->uploads : w->results;
		AUTO(own_freep)
		char *arn = own_printf("arn:%s:s3:::%s%s", partition(w->region ? w->region : ""),
				       bucket ? bucket : "", objects[i].tail);

		if (bucket)
			add_once(r->list[objects[i].on], arn);
	}
}

static void add_statement(struct json *statements, const char *sid, struct json *actions,
			  const struct json *resources)
{
	struct json *s = json_object();

	json_set_str(s, "Sid", sid);
	json_set_str(s, "Effect", "Allow");
	json_set(s, "Action", actions);
	json_set(s, "Resource", json_ref((struct json *)(uintptr_t)resources));
	json_add(statements, s);
}

static void add_roles(const struct doctor_iam *w, struct json *statements)
{
	struct json *actions, *roles = json_array();

	for (size_t i = 0; i < w->role_count; i++)
		add_once(roles, w->roles[i]);
	if (json_count(roles)) {
		actions = json_array();
		json_add(actions, json_new_str("sts:AssumeRole"));
		add_statement(statements, "Roles", actions, roles);
	}
	json_free(roles);
}

/* The action knows no resources; its namespaces it does. */
static void add_publish(const struct doctor_iam *w, struct json *statements)
{
	struct json *actions = json_array(), *all = json_array(), *names = json_array();
	struct json *equals = json_object(), *condition = json_object();

	for (size_t i = 0; i < w->namespace_count; i++)
		add_once(names, w->namespaces[i]);
	json_set(equals, "cloudwatch:namespace", names);
	json_set(condition, "StringEquals", equals);
	json_add(actions, json_new_str("cloudwatch:PutMetricData"));
	json_add(all, json_new_str("*"));
	add_statement(statements, "Publish", actions, all);
	json_set((struct json *)(uintptr_t)json_at(statements, json_count(statements) - 1),
		 "Condition", condition);
	json_free(all);
}

struct json *doctor_iam_policy(const struct doctor_iam *w)
{
	static const char *const sids[ON_COUNT] = {
		[ON_ALL] = "Look",
		[ON_GROUP] = "Groups",
		[ON_QUEUE] = "Queues",
		[ON_DEAD] = "DeadLetters",
		[ON_UPLOADS] = "Uploads",
		[ON_RECORDS] = "Records",
		[ON_RESULTS] = "Results",
		[ON_RESULTS_BUCKET] = "Bucket",
		[ON_UPLOADS_BUCKET] = "UploadsBucket",
	};
	struct json *document = json_object(), *statements = json_array();
	struct resources r;

	collect(w, &r);
	for (int on = 0; on < ON_COUNT; on++) {
		struct json *actions = json_array();

		for (size_t i = 0; i < COUNT_OF(needs); i++)
			if ((int)needs[i].on == on && (needs[i].whom & 1u << w->whom))
				json_add(actions, json_new_str(needs[i].action));
		if (on == ON_ALL && w->whom == IAM_CONTROLLER && w->cloudwatch)
			json_add(actions, json_new_str("cloudwatch:GetMetricData"));
		if (json_count(actions) && json_count(r.list[on]))
			add_statement(statements, sids[on], actions, r.list[on]);
		else
			json_free(actions);
		json_free(r.list[on]);
	}
	if (w->whom == IAM_CONTROLLER)
		add_roles(w, statements);
	if ((w->whom == IAM_CONTROLLER || w->whom == IAM_WORKER) && w->namespace_count)
		add_publish(w, statements);
	json_set_str(document, "Version", "2012-10-17");
	json_set(document, "Statement", statements);
	return document;
}
