#include "local/declare.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/crypto.h"
#include "base/http.h"
#include "base/keys.h"
#include "wire/awsxml.h"
#include "wire/form.h"
#include "wire/sigv4.h"

#define DECLARE_TEXT_MAX (64u << 10)

struct declared_queue {
	const char *name;
	struct span visibility, retention, wait, delay;
	const char *dead_letter;
	int64_t max_receive_count;
};

struct declared_group {
	const char *name, *launch;
	int64_t min, max, desired;
	bool desired_given, protect;
};

struct declared {
	const char **buckets;
	size_t bucket_count;
	struct declared_queue *queues;
	size_t queue_count;
	struct declared_group *groups;
	size_t group_count;
};

/* The requests in their order: buckets, queues, then launch configuration and group of each group.
 */
struct local_declare {
	struct keys_arena *arena;
	struct declared what;
	struct local *local;
	struct http *http;
	struct http_call *call;
	size_t step;
	bool update; /* the group of this step is there: bring it to the declared values */
	struct buf body;
	local_declare_fn *fn;
	void *arg;
};

static const struct key queue_keys[] = {
	{ .name = "name",
	  .type = KEY_STR,
	  .offset = offsetof(struct declared_queue, name),
	  .is_name = true,
	  .doc = "name of the queue" },
	{ .name = "visibility_timeout",
	  .type = KEY_SPAN,
	  .offset = offsetof(struct declared_queue, visibility),
	  .init = "30s",
	  .most = 43200000,
	  .doc = "how long a received message stays invisible" },
	{ .name = "retention",
	  .type = KEY_SPAN,
	  .offset = offsetof(struct declared_queue, retention),
	  .init = "4d",
	  .least = 60000,
	  .most = 1209600000,
	  .doc = "how long a message is kept" },
	{ .name = "wait",
	  .type = KEY_SPAN,
	  .offset = offsetof(struct declared_queue, wait),
	  .init = "0s",
	  .most = 20000,
	  .doc = "how long a receive waits for a message" },
	{ .name = "delay",
	  .type = KEY_SPAN,
	  .offset = offsetof(struct declared_queue, delay),
	  .init = "0s",
	  .most = 900000,
	  .doc = "how long a new message is held back" },
	{ .name = "dead_letter",
	  .type = KEY_STR,
	  .offset = offsetof(struct declared_queue, dead_letter),
	  .doc = "queue that takes messages received too often; declared before this one" },
	{ .name = "max_receive_count",
	  .type = KEY_INT,
	  .offset = offsetof(struct declared_queue, max_receive_count),
	  .init = "3",
	  .least = 1,
	  .most = 1000,
	  .doc = "how often a message may be received" },
};
static const struct key_table queue_table = { "queue", "A standard queue.",
					      sizeof(struct declared_queue), queue_keys,
					      COUNT_OF(queue_keys) };

static const struct key group_keys[] = {
	{ .name = "name",
	  .type = KEY_STR,
	  .offset = offsetof(struct declared_group, name),
	  .is_name = true,
	  .doc = "name of the Auto Scaling group" },
	{ .name = "min",
	  .type = KEY_INT,
	  .offset = offsetof(struct declared_group, min),
	  .init = "0",
	  .most = 1000,
	  .doc = "MinSize" },
	{ .name = "max",
	  .type = KEY_INT,
	  .offset = offsetof(struct declared_group, max),
	  .required = true,
	  .most = 1000,
	  .doc = "MaxSize" },
	{ .name = "desired",
	  .type = KEY_INT,
	  .offset = offsetof(struct declared_group, desired),
	  .most = 1000,
	  .has_given = true,
	  .given_offset = offsetof(struct declared_group, desired_given),
	  .doc = "DesiredCapacity of a new group; min when absent" },
	{ .name = "new_instances_protected",
	  .type = KEY_BOOL,
	  .offset = offsetof(struct declared_group, protect),
	  .doc = "NewInstancesProtectedFromScaleIn" },
	{ .name = "launch",
	  .type = KEY_STR,
	  .offset = offsetof(struct declared_group, launch),
	  .required = true,
	  .doc = "user data: the script that is an instance" },
};
static const struct key_table group_table = {
	"group", "An Auto Scaling group whose instances are processes.",
	sizeof(struct declared_group), group_keys, COUNT_OF(group_keys)
};

static const struct key keys[] = {
	{ .name = "buckets",
	  .type = KEY_STRS,
	  .offset = offsetof(struct declared, buckets),
	  .count_offset = offsetof(struct declared, bucket_count),
	  .doc = "buckets" },
	{ .name = "queues",
	  .type = KEY_ENTRIES,
	  .offset = offsetof(struct declared, queues),
	  .count_offset = offsetof(struct declared, queue_count),
	  .sub = &queue_table,
	  .doc = "queues, by name" },
	{ .name = "groups",
	  .type = KEY_ENTRIES,
	  .offset = offsetof(struct declared, groups),
	  .count_offset = offsetof(struct declared, group_count),
	  .sub = &group_table,
	  .doc = "groups, by name" },
};
static const struct key_table table = { "declaration", "What windlass-local makes at its start.",
					sizeof(struct declared), keys, COUNT_OF(keys) };

struct local_declare *local_declare_read(const char *path, struct err *e)
{
	AUTO(yaml_freep) struct yaml *y = yaml_load(path, e);
	AUTO(local_declare_freep) struct local_declare *d = own_alloc(sizeof(*d));
	AUTO(keys_reader_freep) struct keys_reader *r = NULL;
	AUTO(buf_done) struct buf text = BUF(ERR_TEXT_MAX - 1);

	d->arena = keys_arena_new();
	d->body = BUF(DECLARE_TEXT_MAX);
	if (!y)
		return NULL;
	r = keys_reader_new(d->arena, KEYS_ENV_REFUSE);
	if (keys_read(r, &table, yaml_root(y), &d->what) == 0)
		return TAKE(d);
	for (size_t i = 0; i < keys_problem_count(r); i++) {
		if (i > 0)
			buf_addc(&text, '\n');
		keys_problem_print(keys_problem_at(r, i), &text);
	}
	err_ignore(err_set(e, ERR_POLICY, "%s", buf_str(&text)));
	return NULL;
}

void local_declare_free(struct local_declare *d)
{
	if (!d)
		return;
	http_free(d->http);
	buf_done(&d->body);
	keys_arena_free(d->arena);
	own_free(d);
}

/* --- one step: what is asked */

struct ask {
	enum service service;
	const char *method;
	char path[512];
	char what[256]; /* for messages: "bucket anb-videos" */
};

static void ask_attribute(struct buf *out, int *n, const char *name, int64_t value)
{
	char text[24];

	snprintf(text, sizeof(text), "%lld", (long long)value);
	form_addf(out, name, "Attribute.%d.Name", ++*n);
	form_addf(out, text, "Attribute.%d.Value", *n);
}

static void ask_queue(struct local_declare *d, const struct declared_queue *q, struct ask *a)
{
	int n = 0;

	snprintf(a->what, sizeof(a->what), "queue %s", q->name);
	form_add(&d->body, "Action", "CreateQueue");
	form_add(&d->body, "Version", "2012-11-05");
	form_add(&d->body, "QueueName", q->name);
	ask_attribute(&d->body, &n, "VisibilityTimeout", q->visibility.ms / 1000);
	ask_attribute(&d->body, &n, "MessageRetentionPeriod", q->retention.ms / 1000);
	ask_attribute(&d->body, &n, "ReceiveMessageWaitTimeSeconds", q->wait.ms / 1000);
	ask_attribute(&d->body, &n, "DelaySeconds", q->delay.ms / 1000);
	if (q->dead_letter) {
		AUTO(own_freep)
		char *redrive = own_printf("{\"deadLetterTargetArn\":\"arn:aws:sqs:%s:%s:%s\","
					   "\"maxReceiveCount\":%lld}",
					   d->local->options.region, d->local->options.account,
					   q->dead_letter, (long long)q->max_receive_count);

		form_addf(&d->body, "RedrivePolicy", "Attribute.%d.Name", ++n);
		form_addf(&d->body, redrive, "Attribute.%d.Value", n);
	}
}

/* A launch configuration cannot be changed, so its name has the digest of its script. */
static void launch_name(const struct declared_group *g, char *out, size_t size)
{
	uint8_t digest[CRYPTO_SHA256_BYTES];
	char hex[2 * CRYPTO_SHA256_BYTES + 1];

	crypto_sha256(g->launch, strlen(g->launch), digest);
	snprintf(out, size, "%.200s-%.12s", g->name, crypto_hex(digest, sizeof(digest), hex));
}

static void ask_launch(struct local_declare *d, const struct declared_group *g, struct ask *a)
{
	AUTO(buf_done) struct buf script = BUF(DECLARE_TEXT_MAX);
	char name[256];

	launch_name(g, name, sizeof(name));
	snprintf(a->what, sizeof(a->what), "launch configuration of group %s", g->name);
	crypto_base64(g->launch, strlen(g->launch), &script);
	form_add(&d->body, "Action", "CreateLaunchConfiguration");
	form_add(&d->body, "Version", "2011-01-01");
	form_add(&d->body, "LaunchConfigurationName", name);
	form_add(&d->body, "ImageId", "ami-windlass");
	form_add(&d->body, "InstanceType", "t3.small");
	form_add(&d->body, "UserData", buf_str(&script));
}

static void ask_group(struct local_declare *d, const struct declared_group *g, struct ask *a)
{
	char launch[256], zone[80];

	launch_name(g, launch, sizeof(launch));
	snprintf(a->what, sizeof(a->what), "group %s", g->name);
	form_add(&d->body, "Action",
		 d->update ? "UpdateAutoScalingGroup" : "CreateAutoScalingGroup");
	form_add(&d->body, "Version", "2011-01-01");
	form_add(&d->body, "AutoScalingGroupName", g->name);
	form_add(&d->body, "LaunchConfigurationName", launch);
	form_add_int(&d->body, "MinSize", g->min);
	form_add_int(&d->body, "MaxSize", g->max);
	form_add_bool(&d->body, "NewInstancesProtectedFromScaleIn", g->protect);
	if (d->update) /* its size is the controller's by now */
		return;
	snprintf(zone, sizeof(zone), "%sa", d->local->options.region);
	form_add(&d->body, "AvailabilityZones.member.1", zone);
	if (g->desired_given)
		form_add_int(&d->body, "DesiredCapacity", g->desired);
}

/* Fills the request of this step; false: there is no more. */
static bool ask_step(struct local_declare *d, struct ask *a)
{
	size_t i = d->step;

	buf_clear(&d->body);
	*a = (struct ask){ .service = SERVICE_AUTOSCALING, .method = "POST", .path = "/" };
	if (i < d->what.bucket_count) {
		a->service = SERVICE_S3;
		a->method = "PUT";
		snprintf(a->path, sizeof(a->path), "/%s", d->what.buckets[i]);
		snprintf(a->what, sizeof(a->what), "bucket %s", d->what.buckets[i]);
		return true;
	}
	i -= d->what.bucket_count;
	if (i < d->what.queue_count) {
		a->service = SERVICE_SQS;
		ask_queue(d, &d->what.queues[i], a);
		return true;
	}
	i -= d->what.queue_count;
	if (i >= 2 * d->what.group_count)
		return false;
	if (i % 2 == 0)
		ask_launch(d, &d->what.groups[i / 2], a);
	else
		ask_group(d, &d->what.groups[i / 2], a);
	return true;
}

/* --- one step: sending and understanding */

static void next(struct local_declare *d);

static void end(struct local_declare *d, const struct err *e)
{
	d->fn(e, d->arg);
}

static bool exists_already(const struct wire_error *w)
{
	return strstr(w->code, "AlreadyExists") || strcmp(w->code, "BucketAlreadyOwnedByYou") == 0;
}

static void answered(struct http_reply *r, const struct err *why, void *arg)
{
	struct local_declare *d = arg;
	struct wire_error w = { 0 };
	struct ask a;
	struct err e = { 0 };
	bool group_step;

	d->call = NULL;
	err_ignore(ask_step(d, &a));
	group_step = a.service == SERVICE_AUTOSCALING && strncmp(a.what, "group ", 6) == 0;
	if (r->status / 100 == 2) {
		d->step++;
		d->update = false;
	} else if (r->status && awsxml_error_read(buf_str(&r->body), r->body.len, &w) == 0 &&
		   exists_already(&w)) {
		if (group_step && !d->update) {
			d->update = true;
		} else {
			d->step++;
			d->update = false;
		}
	} else {
		err_ignore(err_set(&e, ERR_POLICY, "declaring %s: %s", a.what,
				   w.message[0] ? w.message
						: (why && why->kind ? why->text : "refused")));
		end(d, &e);
		return;
	}
	next(d);
}

static int send(struct local_declare *d, const struct ask *a, struct err *e)
{
	const char *host = strstr(d->local->endpoint, "://") + 3;
	struct local_key key;
	struct sigv4_signed s;
	char hex[2 * CRYPTO_SHA256_BYTES + 1];
	uint8_t digest[CRYPTO_SHA256_BYTES];
	AUTO(own_freep) char *url = own_printf("%s%s", d->local->endpoint, a->path);
	struct sigv4_request q = { .method = a->method,
				   .host = host,
				   .path = a->path,
				   .payload = hex,
				   .region = d->local->options.region,
				   .service = service_info(a->service)->signing,
				   .at = clock_wall() };
	int rc;

	crypto_sha256(buf_str(&d->body), d->body.len, digest);
	crypto_hex(digest, sizeof(digest), hex);
	if (local_key_root(d->local, &key, e) < 0)
		return -1;
	rc = sigv4_sign(
		&q, &(struct sigv4_keys){ .access_key = key.access_key, .secret_key = key.secret },
		&s, e);
	own_wipe(&key, sizeof(key));
	if (rc < 0)
		return -1;
	struct http_header headers[] = {
		{ "Authorization", s.authorization },
		{ "X-Amz-Date", s.date },
		{ "Content-Type", "application/x-www-form-urlencoded" },
		{ "X-Amz-Content-Sha256", s.content_sha256 },
	};
	d->call = http_start(d->http,
			     &HTTP_REQUEST(.method = a->method, .url = url, .headers = headers,
					   .header_count = s.content_sha256[0] ? 4 : 3,
					   .body = buf_str(&d->body), .body_len = d->body.len),
			     answered, d);
	return 0;
}

static void next(struct local_declare *d)
{
	struct ask a;
	struct err e = { 0 };

	if (!ask_step(d, &a)) {
		end(d, &e);
		return;
	}
	if (buf_ok(&d->body, a.what, &e) < 0 || send(d, &a, &e) < 0)
		end(d, &e);
}

static void begin(void *arg)
{
	next(arg);
}

void local_declare_start(struct local_declare *d, struct local *l, local_declare_fn *fn, void *arg)
{
	d->local = l;
	d->http = http_new(l->loop);
	d->fn = fn;
	d->arg = arg;
	loop_soon(l->loop, begin, d);
}
