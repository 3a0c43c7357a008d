/* Messages: sending, receiving, renewing, deleting. */
#include "aws/sqs.h"

#include <stdio.h>
#include <string.h>

#include "aws/sqs_own.h"
#include "base/crypto.h"
#include "wire/md5attr.h"

void sqs_message_done(struct sqs_message *m)
{
	own_free(m->id);
	own_free(m->receipt);
	own_free(m->body);
	for (size_t i = 0; i < m->attr_count; i++) {
		own_free(m->attrs[i].name);
		own_free(m->attrs[i].type);
		own_free(m->attrs[i].value);
	}
	own_free(m->attrs);
	*m = (struct sqs_message){ 0 };
}

void sqs_messages_done(struct sqs_messages *m)
{
	for (size_t i = 0; i < m->count; i++)
		sqs_message_done(&m->list[i]);
	own_free(m->list);
	*m = (struct sqs_messages){ 0 };
}

const char *sqs_message_attr(const struct sqs_message *m, const char *name)
{
	for (size_t i = 0; i < m->attr_count; i++)
		if (strcmp(m->attrs[i].name, name) == 0)
			return m->attrs[i].value;
	return NULL;
}

void aws_sqs_receive_ask(struct request *r, const char *url, int max, int wait_s, int visibility_s)
{
	static const char *const names[] = { "ApproximateReceiveCount", "SentTimestamp",
					     "ApproximateFirstReceiveTimestamp" };
	struct json *body = aws_sqs_ask(r, "ReceiveMessage", url);
	struct json *system = json_array(), *old = json_array(), *all = json_array();

	/* A receive whose reply is lost hides its messages until their time-out and counts as one
	 * of their receives: not to be repeated lightly. */
	r->write = true;
	r->reply_cap = REPLY_JSON_MAX;
	if (wait_s > 0)
		r->wait = span_s(wait_s);
	json_set_int(body, "MaxNumberOfMessages", max);
	if (wait_s >= 0)
		json_set_int(body, "WaitTimeSeconds", wait_s);
	if (visibility_s >= 0)
		json_set_int(body, "VisibilityTimeout", visibility_s);
	for (size_t i = 0; i < COUNT_OF(names); i++) {
		json_add(system, json_new_str(names[i]));
		json_add(old, json_new_str(names[i]));
	}
	json_set(body, "MessageSystemAttributeNames", system);
	json_set(body, "AttributeNames", old); /* emulators of before 2024 know this name only */
	json_add(all, json_new_str("All"));
	json_set(body, "MessageAttributeNames", all);
	aws_sqs_put(r, body);
}

static int read_attr(const struct json *in, struct sqs_attr *a)
{
	AUTO(buf_done) struct buf bytes = BUF(SQS_BODY_MAX);
	const char *type = json_get_str(in, "DataType");
	const char *text = json_get_str(in, "StringValue");

	if (!type)
		return -1;
	if (strncmp(type, "Binary", 6) == 0) {
		text = json_get_str(in, "BinaryValue");
		if (!text || crypto_unbase64(text, strlen(text), &bytes, NULL) < 0)
			return -1;
		a->value_len = bytes.len;
		a->value = bytes.len ? buf_take(&bytes) : own_strdup("");
	} else {
		if (!text)
			return -1;
		a->value_len = strlen(text);
		a->value = own_strdup(text);
	}
	a->type = own_strdup(type);
	return 0;
}

static int read_attrs(const struct reply *r, const struct json *in, struct sqs_message *m,
		      struct err *e)
{
	struct md5attr digest_of[MD5ATTR_MAX];
	const struct json *attributes = json_get(in, "MessageAttributes"), *value;
	const char *told = json_get_str(in, "MD5OfMessageAttributes"), *name;
	char hex[MD5ATTR_HEX];
	size_t n = 0;

	for (size_t it = 0; json_next(attributes, &it, &name, &value);)
		n++;
	if (n == 0)
		return 0;
	if (n > MD5ATTR_MAX)
		return reply_odd(r, e, "a message has %zu attributes", n);
	m->attrs = own_array(n, sizeof(*m->attrs));
	for (size_t it = 0; json_next(attributes, &it, &name, &value);) {
		struct sqs_attr *a = &m->attrs[m->attr_count];

		if (read_attr(value, a) < 0)
			return reply_odd(r, e, "a message's attribute is not understood");
		a->name = own_strdup(name);
		digest_of[m->attr_count++] = (struct md5attr){
			.name = a->name, .type = a->type, .value = a->value, .len = a->value_len
		};
	}
	if (told && strcmp(told, md5attr_digest(digest_of, n, hex)) != 0)
		return reply_odd(r, e, "a message's attributes do not match their MD5");
	return 0;
}

static struct instant read_time(const struct json *system, const char *name)
{
	int64_t ms;

	return aws_sqs_number(system, name, &ms) ? (struct instant){ ms } : INSTANT_NEVER;
}

static int read_message(const struct reply *r, const struct json *in, struct sqs_message *m,
			struct err *e)
{
	const struct json *system = json_get(in, "Attributes");
	const char *md5 = json_get_str(in, "MD5OfBody"), *body;
	char hex[MD5ATTR_HEX];

	body = json_strn(json_get(in, "Body"), &m->body_len);
	if (!body || !json_get_str(in, "ReceiptHandle"))
		return reply_odd(r, e, "a message lacks Body or ReceiptHandle");
	if (md5 && strcmp(md5, md5attr_body(body, m->body_len, hex)) != 0)
		return reply_odd(r, e, "a message's body does not match its MD5");
	m->id = own_strdup(json_get_str(in, "MessageId") ? json_get_str(in, "MessageId") : "");
	m->receipt = own_strdup(json_get_str(in, "ReceiptHandle"));
	m->body = own_alloc(m->body_len + 1);
	memcpy(m->body, body, m->body_len);
	if (!aws_sqs_number(system, "ApproximateReceiveCount", &m->receive_count))
		m->receive_count = 0;
	m->sent = read_time(system, "SentTimestamp");
	m->first_received = read_time(system, "ApproximateFirstReceiveTimestamp");
	return read_attrs(r, in, m, e);
}

int aws_sqs_receive_read(const struct reply *r, struct sqs_messages *ret, struct err *e)
{
	AUTO(json_freep) struct json *j = NULL;
	const struct json *list;

	*ret = (struct sqs_messages){ 0 };
	if (reply_json(r, &j, e) < 0)
		return -1;
	list = json_get(j, "Messages");
	if (json_count(list) > SQS_BATCH_MAX)
		return reply_odd(r, e, "the answer has %zu messages", json_count(list));
	ret->list = own_array(SQS_BATCH_MAX, sizeof(*ret->list));
	for (size_t i = 0; i < json_count(list); i++) {
		ret->count++;
		if (read_message(r, json_at(list, i), &ret->list[i], e) < 0) {
			sqs_messages_done(ret);
			return -1;
		}
	}
	return 0;
}

static struct json *put_attr(const struct sqs_send_attr *a)
{
	AUTO(buf_done) struct buf encoded = BUF(2 * SQS_BODY_MAX);
	struct json *value = json_object();
	bool binary = a->type && strncmp(a->type, "Binary", 6) == 0;

	json_set_str(value, "DataType", a->type ? a->type : "String");
	if (binary)
		crypto_base64(a->value, a->value_len, &encoded);
	json_set_str(value, binary ? "BinaryValue" : "StringValue",
		     binary ? buf_str(&encoded) : a->value);
	return value;
}

static void put_message(struct json *to, const struct sqs_send *m)
{
	json_set(to, "MessageBody", json_new_strn(m->body, m->body_len));
	if (m->delay_s >= 0)
		json_set_int(to, "DelaySeconds", m->delay_s);
	if (m->attr_count) {
		struct json *attributes = json_object();

		for (size_t i = 0; i < m->attr_count; i++)
			json_set(attributes, m->attrs[i].name, put_attr(&m->attrs[i]));
		json_set(to, "MessageAttributes", attributes);
	}
}

void aws_sqs_send_ask(struct request *r, const char *url, const struct sqs_send *m)
{
	struct json *body = aws_sqs_ask(r, "SendMessage", url);

	r->write = true;
	put_message(body, m);
	aws_sqs_put(r, body);
}

int aws_sqs_send_read(const struct reply *r, char **ret_message_id, struct err *e)
{
	AUTO(json_freep) struct json *j = NULL;
	const char *id;

	if (ret_message_id)
		*ret_message_id = NULL;
	if (reply_json(r, &j, e) < 0)
		return -1;
	id = json_get_str(j, "MessageId");
	if (!id)
		return reply_odd(r, e, "the answer has no MessageId");
	if (ret_message_id)
		*ret_message_id = own_strdup(id);
	return 0;
}

/* Entries are called by their place, "0" to "9". */
static struct json *entry(struct json *entries, size_t i)
{
	struct json *one = json_object();
	char id[2] = { (char)('0' + i), '\0' };

	json_set_str(one, "Id", id);
	json_add(entries, one);
	return one;
}

void aws_sqs_send_batch_ask(struct request *r, const char *url, const struct sqs_send *m, size_t n)
{
	struct json *body = aws_sqs_ask(r, "SendMessageBatch", url);
	struct json *entries = json_array();

	r->write = true;
	for (size_t i = 0; i < n && i < SQS_BATCH_MAX; i++)
		put_message(entry(entries, i), &m[i]);
	json_set(body, "Entries", entries);
	aws_sqs_put(r, body);
}

static int read_outcomes(const struct reply *r, const struct json *list, bool ok,
			 struct sqs_batch_result *ret, struct err *e)
{
	for (size_t i = 0; i < json_count(list); i++) {
		const struct json *one = json_at(list, i);
		const char *id = json_get_str(one, "Id"), *code = json_get_str(one, "Code");
		const char *message = json_get_str(one, "Message");
		const char *message_id = json_get_str(one, "MessageId");
		size_t at;

		if (!id || id[0] < '0' || id[0] > '9' || id[1])
			return reply_odd(r, e, "the answer names an entry that was not asked");
		at = (size_t)(id[0] - '0');
		if (at >= ret->count || ret->item[at].told)
			return reply_odd(r, e, "the answer names entry %s wrongly", id);
		ret->item[at].told = true;
		ret->item[at].ok = ok;
		json_get_bool(one, "SenderFault", &ret->item[at].sender_fault);
		snprintf(ret->item[at].code, sizeof(ret->item[at].code), "%s", code ? code : "");
		snprintf(ret->item[at].message, sizeof(ret->item[at].message), "%s",
			 message ? message : "");
		snprintf(ret->item[at].message_id, sizeof(ret->item[at].message_id), "%s",
			 message_id ? message_id : "");
	}
	return 0;
}

int aws_sqs_batch_read(const struct reply *r, size_t n, struct sqs_batch_result *ret, struct err *e)
{
	AUTO(json_freep) struct json *j = NULL;

	*ret = (struct sqs_batch_result){ .count = n < SQS_BATCH_MAX ? n : SQS_BATCH_MAX };
	if (reply_json(r, &j, e) < 0)
		return -1;
	if (read_outcomes(r, json_get(j, "Successful"), true, ret, e) < 0)
		return -1;
	return read_outcomes(r, json_get(j, "Failed"), false, ret, e);
}

void aws_sqs_delete_ask(struct request *r, const char *url, const char *receipt)
{
	struct json *body = aws_sqs_ask(r, "DeleteMessage", url);

	json_set_str(body, "ReceiptHandle", receipt);
	aws_sqs_put(r, body);
}

void aws_sqs_delete_batch_ask(struct request *r, const char *url, const char *const *receipts,
			      size_t n)
{
	struct json *body = aws_sqs_ask(r, "DeleteMessageBatch", url);
	struct json *entries = json_array();

	for (size_t i = 0; i < n && i < SQS_BATCH_MAX; i++)
		json_set_str(entry(entries, i), "ReceiptHandle", receipts[i]);
	json_set(body, "Entries", entries);
	aws_sqs_put(r, body);
}

void aws_sqs_visibility_ask(struct request *r, const char *url, const char *receipt, int seconds)
{
	struct json *body = aws_sqs_ask(r, "ChangeMessageVisibility", url);

	r->write = true; /* a late repetition would prolong or shorten another claim */
	json_set_str(body, "ReceiptHandle", receipt);
	json_set_int(body, "VisibilityTimeout", seconds);
	aws_sqs_put(r, body);
}

void aws_sqs_visibility_batch_ask(struct request *r, const char *url, const char *const *receipts,
				  const int *seconds, size_t n)
{
	struct json *body = aws_sqs_ask(r, "ChangeMessageVisibilityBatch", url);
	struct json *entries = json_array();

	r->write = true;
	for (size_t i = 0; i < n && i < SQS_BATCH_MAX; i++) {
		struct json *one = entry(entries, i);

		json_set_str(one, "ReceiptHandle", receipts[i]);
		json_set_int(one, "VisibilityTimeout", seconds[i]);
	}
	json_set(body, "Entries", entries);
	aws_sqs_put(r, body);
}
