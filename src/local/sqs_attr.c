/* Attributes of a queue: one table says what may be set and what is told. */
#include "local/sqs.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "local/fault.h"

enum attr_type {
	ATTR_INT,
	ATTR_REUSE, /* told beside a key only */
	ATTR_BOOL,
	ATTR_TEXT,
	ATTR_POLICY,
	ATTR_REDRIVE,
	ATTR_ALLOW,
	ATTR_READ,
	ATTR_FIFO
};

struct attr {
	const char *name;
	enum attr_type type;
	int64_t least, most;
	const char *init; /* told when it was never set; NULL: left out */
};

static const struct attr attrs[] = {
	{ "VisibilityTimeout", ATTR_INT, 0, SQS_VISIBILITY_MAX_S, "30" },
	{ "MaximumMessageSize", ATTR_INT, 1024, SQS_BYTES_MAX, "1048576" },
	{ "MessageRetentionPeriod", ATTR_INT, 60, 1209600, "345600" },
	{ "DelaySeconds", ATTR_INT, 0, 900, "0" },
	{ "ReceiveMessageWaitTimeSeconds", ATTR_INT, 0, 20, "0" },
	{ "Policy", ATTR_POLICY, 0, 0, NULL },
	{ "RedrivePolicy", ATTR_REDRIVE, 0, 0, NULL },
	{ "RedriveAllowPolicy", ATTR_ALLOW, 0, 0, NULL },
	{ "KmsMasterKeyId", ATTR_TEXT, 0, 0, NULL },
	{ "KmsDataKeyReusePeriodSeconds", ATTR_REUSE, 60, 86400, "300" },
	{ "SqsManagedSseEnabled", ATTR_BOOL, 0, 0, "true" },
	{ "QueueArn", ATTR_READ, 0, 0, NULL },
	{ "CreatedTimestamp", ATTR_READ, 0, 0, NULL },
	{ "LastModifiedTimestamp", ATTR_READ, 0, 0, NULL },
	{ "ApproximateNumberOfMessages", ATTR_READ, 0, 0, NULL },
	{ "ApproximateNumberOfMessagesNotVisible", ATTR_READ, 0, 0, NULL },
	{ "ApproximateNumberOfMessagesDelayed", ATTR_READ, 0, 0, NULL },
	{ "FifoQueue", ATTR_FIFO, 0, 0, NULL },
	{ "ContentBasedDeduplication", ATTR_FIFO, 0, 0, "false" },
	{ "DeduplicationScope", ATTR_FIFO, 0, 0, "queue" },
	{ "FifoThroughputLimit", ATTR_FIFO, 0, 0, "perQueue" },
};

static const struct attr *attr_find(const char *name)
{
	for (size_t i = 0; i < COUNT_OF(attrs); i++)
		if (!strcmp(attrs[i].name, name))
			return &attrs[i];
	return NULL;
}

bool local_sqs_attr_number(const char *text, int64_t *ret)
{
	char *end;

	errno = 0;
	*ret = strtoll(text, &end, 10);
	return *text >= '0' && *text <= '9' && !errno && !*end;
}

/* ---- checking and setting ---- */

static int attr_invalid(struct err *e, const char *name)
{
	return local_sqs_refuse(e, "InvalidAttributeValue", "Invalid value for the parameter %s.",
				name);
}

/* @p made: the queue is there already. */
static int attr_check_fifo(const char *queue, bool made, const char *name, const char *value,
			   struct err *e)
{
	const bool type = !strcmp(name, "FifoQueue");
	static const char *const words[][3] = {
		{ "FifoQueue", "true", "true" },
		{ "ContentBasedDeduplication", "true", "false" },
		{ "DeduplicationScope", "queue", "messageGroup" },
		{ "FifoThroughputLimit", "perQueue", "perMessageGroupId" },
	};

	if (!local_sqs_fifo_named(queue) || (type && !made && strcasecmp(value, "true")))
		return local_sqs_refuse(e, "InvalidAttributeName", "Unknown Attribute %s.", name);
	if (type && strcasecmp(value, "true"))
		return local_sqs_refuse(e, "InvalidAttributeValue",
					"Invalid value for the parameter %s. Reason: Modifying "
					"queue type is not supported.",
					name);
	for (size_t i = 0; i < COUNT_OF(words); i++)
		if (!strcmp(words[i][0], name) && strcasecmp(words[i][1], value) &&
		    strcasecmp(words[i][2], value))
			return attr_invalid(e, name);
	return 0;
}

static int attr_check(struct local_sqs *s, const char *queue, const char *name, const char *value,
		      struct err *e)
{
	const struct attr *a = attr_find(name);
	AUTO(json_freep) struct json *policy = NULL;
	int64_t number;

	if (!a || a->type == ATTR_READ)
		return local_sqs_refuse(e, "InvalidAttributeName", "Unknown Attribute %.100s.",
					name);
	if (!value)
		return attr_invalid(e, name);
	switch (a->type) {
	case ATTR_REUSE:
		if (!*value)
			return 0; /* taken away, with its key */
		__attribute__((fallthrough));
	case ATTR_INT:
		if (!local_sqs_attr_number(value, &number) || number < a->least || number > a->most)
			return attr_invalid(e, name);
		return 0;
	case ATTR_BOOL:
		return strcasecmp(value, "true") && strcasecmp(value, "false")
			       ? attr_invalid(e, name)
			       : 0;
	case ATTR_POLICY:
		if (!*value || (policy = json_parse(value, strlen(value), NULL)))
			return 0;
		return attr_invalid(e, name);
	case ATTR_REDRIVE:
		return *value ? local_sqs_redrive_check(s, queue, value, e) : 0;
	case ATTR_ALLOW:
		return *value ? local_sqs_redrive_allow(value, e) : 0;
	case ATTR_FIFO:
		return attr_check_fifo(queue, local_sqs_queue_find(s, queue), name, value, e);
	case ATTR_TEXT:
	case ATTR_READ:
		break;
	}
	return 0;
}

static bool says(const struct json *attributes, const char *name, const char *word)
{
	const char *value = json_get_str(attributes, name);

	return value && !strcasecmp(value, word);
}

static bool names_key(const struct json *attributes)
{
	const char *key = json_get_str(attributes, "KmsMasterKeyId");

	return key && *key;
}

/* Attributes that go together, or must not. */
static int attr_check_pairs(const struct queue *q, const struct json *given, struct err *e)
{
	static const char scope[] = "DeduplicationScope";
	const struct json *scoped = json_get_str(given, scope) || !q ? given : q->attributes;

	if (names_key(given) && says(given, "SqsManagedSseEnabled", "true"))
		return local_sqs_refuse(e, "InvalidAttributeName",
					"You can use one type of server-side encryption (SSE) at "
					"one time. You can either enable KMS SSE or SQS SSE.");
	if (says(given, "FifoThroughputLimit", "perMessageGroupId") &&
	    !says(scoped, scope, "messageGroup"))
		return local_sqs_refuse(e, "InvalidAttributeValue",
					"Invalid value for the parameter FifoThroughputLimit. "
					"Reason: perMessageGroupId is allowed only when the value "
					"for DeduplicationScope is messageGroup.");
	return 0;
}

int local_sqs_attr_check(struct local_sqs *s, const char *queue, const struct json *given,
			 struct err *e)
{
	const struct json *value;
	const char *name;

	for (size_t it = 0; json_next(given, &it, &name, &value);)
		if (attr_check(s, queue, name, json_str(value), e) < 0)
			return -1;
	return attr_check_pairs(local_sqs_queue_find(s, queue), given, e);
}

/* One kind of encryption at rest ends the other. Nothing is encrypted here; it is told as set. */
static void settle_encryption(struct json *merged, const struct json *given)
{
	if (names_key(given))
		json_set_str(merged, "SqsManagedSseEnabled", "false");
	else if (says(given, "SqsManagedSseEnabled", "true"))
		json_set_str(merged, "KmsMasterKeyId", "");
}

/* An empty text takes an attribute away. */
void local_sqs_attr_merge(struct queue *q, const struct json *given)
{
	struct json *merged = json_object();
	const struct json *value;
	const char *name;

	for (size_t it = 0; json_next(q->attributes, &it, &name, &value);)
		if (json_type(json_get(given, name)) == JSON_ABSENT)
			json_set_str(merged, name, json_str(value));
	for (size_t it = 0; json_next(given, &it, &name, &value);) {
		AUTO(own_freep)
		char *own = !strcmp(name, "RedrivePolicy") ? local_sqs_redrive_text(json_str(value))
							   : NULL;

		if (json_str(value) && *json_str(value))
			json_set_str(merged, name, own ? own : json_str(value));
	}
	settle_encryption(merged, given);
	json_free(q->attributes);
	q->attributes = merged;
	local_sqs_attr_apply(q);
}

static const char *attr_value(const struct queue *q, const struct attr *a)
{
	const char *set = json_get_str(q->attributes, a->name);

	if (set && !*set)
		set = NULL; /* taken away by another */
	return set ? set : a->type == ATTR_FIFO && !q->fifo ? NULL : a->init;
}

/* What is told of it; NULL: nothing. */
static const char *attr_told(const struct queue *q, const struct attr *a)
{
	return a->type == ATTR_REUSE && !names_key(q->attributes) ? NULL : attr_value(q, a);
}

static bool attr_is(const struct queue *q, const char *name, const char *word)
{
	const char *value = json_get_str(q->attributes, name);

	return value && !strcasecmp(value, word);
}

static int64_t attr_number(const struct queue *q, const char *name)
{
	return strtoll(attr_value(q, attr_find(name)), NULL, 10);
}

void local_sqs_attr_apply(struct queue *q)
{
	const char *text = json_get_str(q->attributes, "RedrivePolicy");
	AUTO(json_freep) struct json *policy = text ? json_parse(text, strlen(text), NULL) : NULL;
	struct redrive r;
	struct err e;

	q->fifo = local_sqs_fifo_named(q->name);
	q->by_content = attr_is(q, "ContentBasedDeduplication", "true");
	q->by_group = attr_is(q, "DeduplicationScope", "messageGroup");
	q->visibility_s = attr_number(q, "VisibilityTimeout");
	q->delay_s = attr_number(q, "DelaySeconds");
	q->retention_s = attr_number(q, "MessageRetentionPeriod");
	q->size_max = attr_number(q, "MaximumMessageSize");
	q->wait_s = attr_number(q, "ReceiveMessageWaitTimeSeconds");
	own_free(TAKE(q->dead_letter));
	if (policy && local_sqs_redrive_read(q->sqs->local, policy, text, &r, &e) == 0) {
		q->dead_letter = own_strdup(r.target);
		q->max_receive = r.max_receive;
	}
}

/* Policies of redrive are equal when they say the same, however they are spaced. */
static bool attr_equal(const struct local *l, const struct attr *a, const char *x, const char *y)
{
	AUTO(json_freep) struct json *of_x = NULL;
	AUTO(json_freep) struct json *of_y = NULL;
	struct redrive rx, ry;
	struct err e;

	if (!strcmp(x, y))
		return true;
	if (a->type != ATTR_REDRIVE)
		return false;
	of_x = json_parse(x, strlen(x), NULL);
	of_y = json_parse(y, strlen(y), NULL);
	return local_sqs_redrive_read(l, of_x, x, &rx, &e) == 0 &&
	       local_sqs_redrive_read(l, of_y, y, &ry, &e) == 0 &&
	       rx.max_receive == ry.max_receive && !strcmp(rx.target, ry.target);
}

const char *local_sqs_attr_differs(const struct queue *q, const struct json *given)
{
	const struct json *value;
	const char *name;

	for (size_t it = 0; json_next(given, &it, &name, &value);) {
		const struct attr *a = attr_find(name);
		const char *has = attr_value(q, a);

		if (!attr_equal(q->sqs->local, a, has ? has : "", json_str(value)))
			return name;
	}
	return NULL;
}

/* ---- telling ---- */

static int count_hidden(struct queue *q, struct instant now, struct sqs_counts *ret, struct err *e)
{
	struct db *db = q->sqs->local->db;
	AUTO(db_endp)
	struct db_row *r = db_query(db,
				    "SELECT delayed, count(*) FROM sqs_messages WHERE store=? AND "
				    "visible>? GROUP BY delayed",
				    DB_ARGS(DB_I(q->store), DB_I(now.ms)), e);
	int rc;

	*ret = (struct sqs_counts){ 0 };
	if (!r)
		return -1;
	while ((rc = db_step(r, e)) == 1)
		*(db_int(r, 0) ? &ret->delayed : &ret->in_flight) += db_int(r, 1);
	return rc;
}

static int count_total(struct queue *q, struct err *e)
{
	AUTO(db_endp)
	struct db_row *r =
		db_query(q->sqs->local->db, "SELECT count(*) FROM sqs_messages WHERE store=?",
			 DB_ARGS(DB_I(q->store)), e);

	if (!r || db_step(r, e) < 0)
		return -1;
	q->total = db_int(r, 0);
	return 0;
}

int local_sqs_attr_count(struct queue *q, struct instant now, struct sqs_counts *ret, struct err *e)
{
	if (local_sqs_sweep_queue(q, e) < 0 || (q->total < 0 && count_total(q, e) < 0) ||
	    count_hidden(q, now, ret, e) < 0)
		return -1;
	ret->visible = q->total - ret->in_flight - ret->delayed;
	return 0;
}

static int count(struct queue *q, struct sqs_counts *ret, struct err *e)
{
	const struct local_fault *lie;

	if (local_sqs_attr_count(q, local_wall(q->sqs->local), ret, e) < 0)
		return -1;
	q->in_flight = ret->in_flight;
	lie = local_fault_hit(q->sqs->local, FAULT_LIE, SERVICE_SQS, "GetQueueAttributes");
	if (lie)
		*ret = (struct sqs_counts){ lie->value, lie->value, lie->value };
	return 0;
}

static void put_number(struct local_call *c, const char *name, int64_t value)
{
	char text[32];

	snprintf(text, sizeof(text), "%" PRId64, value);
	local_put(c, name, text);
}

static void put_attr(struct local_call *c, const struct queue *q, const struct attr *a,
		     const struct sqs_counts *n)
{
	AUTO(own_freep) char *arn = NULL;

	if (a->type != ATTR_READ)
		local_put(c, a->name, attr_told(q, a));
	else if (!strcmp(a->name, "QueueArn"))
		local_put(c, a->name, arn = local_sqs_arn(c->local, q->name));
	else if (!strcmp(a->name, "CreatedTimestamp"))
		put_number(c, a->name, q->created.ms / 1000);
	else if (!strcmp(a->name, "LastModifiedTimestamp"))
		put_number(c, a->name, q->modified.ms / 1000);
	else if (!strcmp(a->name, "ApproximateNumberOfMessages"))
		put_number(c, a->name, n->visible);
	else if (!strcmp(a->name, "ApproximateNumberOfMessagesNotVisible"))
		put_number(c, a->name, n->in_flight);
	else
		put_number(c, a->name, n->delayed);
}

/* Marks what is asked for. -1: an unknown name. */
static int attrs_asked(const struct json *names, bool asked[static COUNT_OF(attrs)], struct err *e)
{
	for (size_t i = 0; i < json_count(names); i++) {
		const char *name = json_str(json_at(names, i));
		const struct attr *a = name ? attr_find(name) : NULL;

		if (name && !strcmp(name, "All"))
			for (size_t k = 0; k < COUNT_OF(attrs); k++)
				asked[k] = true;
		else if (!a)
			return local_sqs_refuse(e, "InvalidAttributeName",
						"Unknown Attribute %.100s.", name ? name : "");
		else
			asked[a - attrs] = true;
	}
	return 0;
}

void local_sqs_get_attributes(struct local_call *c)
{
	const struct json *names = json_get(c->params, "AttributeNames");
	struct queue *q = local_sqs_queue_of(c);
	bool asked[COUNT_OF(attrs)] = { 0 };
	struct sqs_counts n = { 0 };
	bool any = false;
	struct err e;

	if (!q)
		return;
	err_clear(&e);
	if (attrs_asked(names, asked, &e) < 0 || (json_count(names) && count(q, &n, &e) < 0)) {
		local_sqs_fail(c, &e);
		return;
	}
	for (size_t i = 0; i < COUNT_OF(attrs); i++)
		any |= asked[i] && (attrs[i].type == ATTR_READ || attr_told(q, &attrs[i]));
	if (any) {
		local_map(c, "Attributes", "Attribute");
		for (size_t i = 0; i < COUNT_OF(attrs); i++)
			if (asked[i])
				put_attr(c, q, &attrs[i], &n);
		local_end(c);
	}
	local_done(c);
}

void local_sqs_set_attributes(struct local_call *c)
{
	const struct json *given = json_get(c->params, "Attributes");
	struct queue *q = local_sqs_queue_of(c);
	struct err e;

	if (!q)
		return;
	err_clear(&e);
	if (json_type(given) != JSON_OBJECT)
		local_sqs_refuse(&e, "MissingRequiredParameterException",
				 "The request must contain the parameter Attribute.Name.");
	else if (local_sqs_attr_check(c->local->sqs, q->name, given, &e) == 0) {
		local_sqs_attr_merge(q, given);
		q->modified = local_wall(c->local);
		if (local_sqs_queue_store(q, &e) == 0) {
			local_sqs_wait_rearm(q);
			local_done(c);
			return;
		}
	}
	local_sqs_fail(c, &e);
}
