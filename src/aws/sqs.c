/* Queues: making, finding, reading and changing them. */
#include "aws/sqs.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "aws/sqs_own.h"
#include "wire/jsonrpc.h"
#include "wire/uri.h"

/* The origin of a queue URL that is not AWS's, so that such a URL alone is enough to reach it. */
static void keep_origin(struct request *r, const char *url)
{
	struct uri_parts p;

	if (uri_parse(url, &p, NULL) < 0)
		return;
	if (memmem(p.host, p.host_len, "amazonaws.com", strlen("amazonaws.com")) == NULL) {
		r->origin = own_strndup(url, (size_t)(p.host + p.host_len - url));
		return;
	}
	/* sqs.<region>.amazonaws.com: the queue's region, wherever the lane is. */
	if (p.host_len > 4 && strncmp(p.host, "sqs.", 4) == 0) {
		size_t len = strcspn(p.host + 4, ".");

		r->region = own_strndup(p.host + 4, len);
	}
}

struct json *aws_sqs_ask_at(struct request *r, const char *action, const char *url)
{
	char target[96];

	request_init(r, SERVICE_SQS, action, "POST");
	snprintf(target, sizeof(target), "%s.%s", service_info(SERVICE_SQS)->target, action);
	request_header(r, "Content-Type", JSONRPC_TYPE);
	request_header(r, "X-Amz-Target", target);
	request_header(r, "X-Amzn-Query-Mode", "true");
	r->reply_cap = 256 << 10;
	if (url)
		keep_origin(r, url);
	return json_object();
}

struct json *aws_sqs_ask(struct request *r, const char *action, const char *url)
{
	struct json *body = aws_sqs_ask_at(r, action, url);

	if (url)
		json_set_str(body, "QueueUrl", url);
	return body;
}

void aws_sqs_put(struct request *r, struct json *body)
{
	json_write(body, &r->body);
	json_free(body);
}

/* Attributes are texts, all of them. */
static void set_seconds(struct json *attributes, const char *name, int64_t value)
{
	char text[24];

	if (value < 0)
		return;
	snprintf(text, sizeof(text), "%lld", (long long)value);
	json_set_str(attributes, name, text);
}

static struct json *options_json(const struct sqs_queue_options *o)
{
	struct json *a = json_object();
	AUTO(buf_done) struct buf redrive = BUF(1024);

	set_seconds(a, "VisibilityTimeout", o->visibility_s);
	set_seconds(a, "MessageRetentionPeriod", o->retention_s);
	set_seconds(a, "DelaySeconds", o->delay_s);
	set_seconds(a, "ReceiveMessageWaitTimeSeconds", o->wait_s);
	if (o->dead_letter_arn && o->max_receive_count > 0) {
		buf_adds(&redrive, "{\"deadLetterTargetArn\":");
		json_quote(&redrive, o->dead_letter_arn, strlen(o->dead_letter_arn));
		buf_addf(&redrive, ",\"maxReceiveCount\":%d}", o->max_receive_count);
		json_set_str(a, "RedrivePolicy", buf_str(&redrive));
	}
	return a;
}

void aws_sqs_create_queue_ask(struct request *r, const char *name,
			      const struct sqs_queue_options *o)
{
	struct json *body = aws_sqs_ask(r, "CreateQueue", NULL);

	r->write = true;
	json_set_str(body, "QueueName", name);
	if (o)
		json_set(body, "Attributes", options_json(o));
	aws_sqs_put(r, body);
}

static int read_url(const struct reply *r, char **ret_url, struct err *e)
{
	AUTO(json_freep) struct json *j = NULL;
	const char *url;

	*ret_url = NULL;
	if (reply_json(r, &j, e) < 0)
		return -1;
	url = json_get_str(j, "QueueUrl");
	if (!url)
		return reply_odd(r, e, "the answer has no QueueUrl");
	*ret_url = own_strdup(url);
	return 0;
}

int aws_sqs_create_queue_read(const struct reply *r, char **ret_url, struct err *e)
{
	return read_url(r, ret_url, e);
}

void aws_sqs_queue_url_ask(struct request *r, const char *name)
{
	struct json *body = aws_sqs_ask(r, "GetQueueUrl", NULL);

	json_set_str(body, "QueueName", name);
	aws_sqs_put(r, body);
}

int aws_sqs_queue_url_read(const struct reply *r, char **ret_url, struct err *e)
{
	return read_url(r, ret_url, e);
}

void aws_sqs_delete_queue_ask(struct request *r, const char *url)
{
	struct json *body = aws_sqs_ask(r, "DeleteQueue", url);

	r->write = true;
	aws_sqs_put(r, body);
}

void aws_sqs_purge_ask(struct request *r, const char *url)
{
	struct json *body = aws_sqs_ask(r, "PurgeQueue", url);

	r->write = true;
	aws_sqs_put(r, body);
}

/* A lease that is lost is told as a wrong parameter; the words are SQS's own. */
static void lost_lease(const struct reply *r, struct err *e)
{
	static const char *const words[] = { "not available for visibility timeout change",
					     "receipt handle has expired",
					     "Message does not exist" };

	if (!e || strcmp(e->code, "InvalidParameterValue") != 0 ||
	    strcmp(r->action, "ChangeMessageVisibility") != 0)
		return;
	for (size_t i = 0; i < COUNT_OF(words); i++)
		if (strstr(e->text, words[i]))
			e->kind = ERR_CONFLICT;
}

int aws_sqs_none_read(const struct reply *r, struct err *e)
{
	if (reply_check(r, e) < 0) {
		lost_lease(r, e);
		return -1;
	}
	/* Not looking would take any web server's 200 for a deletion. */
	if (r->body.len) {
		AUTO(json_freep) struct json *j = NULL;

		return reply_json(r, &j, e);
	}
	return 0;
}

void aws_sqs_list_ask(struct request *r, const char *prefix, int max, const char *next_token)
{
	struct json *body = aws_sqs_ask(r, "ListQueues", NULL);

	json_set_int(body, "MaxResults", max > 0 && max < 1000 ? max : 1000);
	if (prefix && *prefix)
		json_set_str(body, "QueueNamePrefix", prefix);
	if (next_token)
		json_set_str(body, "NextToken", next_token);
	r->reply_cap = REPLY_XML_MAX;
	aws_sqs_put(r, body);
}

int aws_sqs_list_read(const struct reply *r, struct sqs_urls *ret, struct err *e)
{
	AUTO(json_freep) struct json *j = NULL;
	const struct json *urls;

	*ret = (struct sqs_urls){ 0 };
	if (reply_json(r, &j, e) < 0)
		return -1;
	urls = json_get(j, "QueueUrls");
	ret->list = own_array(json_count(urls) + 1, sizeof(*ret->list));
	for (size_t i = 0; i < json_count(urls); i++)
		if (json_str(json_at(urls, i)))
			ret->list[ret->count++] = own_strdup(json_str(json_at(urls, i)));
	ret->next_token = own_strdup(json_get_str(j, "NextToken"));
	return 0;
}

void sqs_urls_done(struct sqs_urls *u)
{
	for (size_t i = 0; i < u->count; i++)
		own_free(u->list[i]);
	own_free(u->list);
	own_free(u->next_token);
	*u = (struct sqs_urls){ 0 };
}

static void ask_attributes(struct request *r, const char *url, const char *const *names, size_t n)
{
	struct json *body = aws_sqs_ask(r, "GetQueueAttributes", url);
	struct json *list = json_array();

	for (size_t i = 0; i < n; i++)
		json_add(list, json_new_str(names[i]));
	json_set(body, "AttributeNames", list);
	aws_sqs_put(r, body);
}

/* A count or a number of seconds, as text; JSON numbers are taken as well. */
bool aws_sqs_number(const struct json *attributes, const char *name, int64_t *ret)
{
	const char *text = json_get_str(attributes, name);
	char *end;
	long long v;

	if (!text)
		return json_get_int(attributes, name, ret) && *ret >= 0;
	if (*text < '0' || *text > '9')
		return false;
	errno = 0;
	v = strtoll(text, &end, 10);
	if (errno || *end)
		return false;
	*ret = v;
	return true;
}

void aws_sqs_depth_ask(struct request *r, const char *url)
{
	static const char *const names[] = { "ApproximateNumberOfMessages",
					     "ApproximateNumberOfMessagesNotVisible",
					     "ApproximateNumberOfMessagesDelayed" };

	ask_attributes(r, url, names, COUNT_OF(names));
}

static int read_depth(const struct reply *r, const struct json *a, struct depth *ret, struct err *e)
{
	if (!aws_sqs_number(a, "ApproximateNumberOfMessages", &ret->visible) ||
	    !aws_sqs_number(a, "ApproximateNumberOfMessagesNotVisible", &ret->in_flight) ||
	    !aws_sqs_number(a, "ApproximateNumberOfMessagesDelayed", &ret->delayed))
		return reply_odd(r, e, "the answer lacks a count of messages");
	return 0;
}

int aws_sqs_depth_read(const struct reply *r, struct depth *ret, struct err *e)
{
	AUTO(json_freep) struct json *j = NULL;

	*ret = (struct depth){ 0 };
	if (reply_json(r, &j, e) < 0)
		return -1;
	return read_depth(r, json_get(j, "Attributes"), ret, e);
}

void aws_sqs_attributes_ask(struct request *r, const char *url)
{
	static const char *const all[] = { "All" };

	ask_attributes(r, url, all, 1);
}

static int read_redrive(const struct reply *r, const char *text, struct sqs_attributes *ret,
			struct err *e)
{
	AUTO(json_freep) struct json *j = text ? json_parse(text, strlen(text), NULL) : NULL;

	if (!text || !*text)
		return 0;
	if (!aws_sqs_number(j, "maxReceiveCount", &ret->max_receive_count) ||
	    !json_get_str(j, "deadLetterTargetArn"))
		return reply_odd(r, e, "RedrivePolicy is not understood");
	ret->dead_letter_arn = own_strdup(json_get_str(j, "deadLetterTargetArn"));
	return 0;
}

int aws_sqs_attributes_read(const struct reply *r, struct sqs_attributes *ret, struct err *e)
{
	AUTO(json_freep) struct json *j = NULL;
	AUTO(sqs_attributes_done) struct sqs_attributes a = { 0 };
	const struct json *in;

	*ret = (struct sqs_attributes){ 0 };
	if (reply_json(r, &j, e) < 0)
		return -1;
	in = json_get(j, "Attributes");
	if (read_depth(r, in, &a.depth, e) < 0)
		return -1;
	if (!aws_sqs_number(in, "VisibilityTimeout", &a.visibility_s) ||
	    !aws_sqs_number(in, "MessageRetentionPeriod", &a.retention_s) ||
	    !json_get_str(in, "QueueArn"))
		return reply_odd(r, e,
				 "the answer lacks VisibilityTimeout, MessageRetentionPeriod "
				 "or QueueArn");
	if (!aws_sqs_number(in, "DelaySeconds", &a.delay_s))
		a.delay_s = 0;
	if (!aws_sqs_number(in, "ReceiveMessageWaitTimeSeconds", &a.wait_s))
		a.wait_s = 0;
	if (!aws_sqs_number(in, "MaximumMessageSize", &a.max_bytes))
		a.max_bytes = 0;
	if (read_redrive(r, json_get_str(in, "RedrivePolicy"), &a, e) < 0)
		return -1;
	a.arn = own_strdup(json_get_str(in, "QueueArn"));
	a.fifo =
		json_get_str(in, "FifoQueue") && strcmp(json_get_str(in, "FifoQueue"), "true") == 0;
	*ret = a;
	a = (struct sqs_attributes){ 0 };
	return 0;
}

void sqs_attributes_done(struct sqs_attributes *a)
{
	own_free(a->arn);
	own_free(a->dead_letter_arn);
	*a = (struct sqs_attributes){ 0 };
}

void aws_sqs_set_attributes_ask(struct request *r, const char *url,
				const struct sqs_queue_options *o)
{
	struct json *body = aws_sqs_ask(r, "SetQueueAttributes", url);

	r->write = true;
	json_set(body, "Attributes", options_json(o));
	aws_sqs_put(r, body);
}

const char *aws_sqs_name(const char *url_or_arn)
{
	const char *slash = strrchr(url_or_arn, '/');
	const char *colon = strncmp(url_or_arn, "arn:", 4) == 0 ? strrchr(url_or_arn, ':') : NULL;

	if (colon)
		return colon + 1;
	return slash ? slash + 1 : url_or_arn;
}
