/* SQS: the actions, and what each does first and last. */
#include "local/sqs.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "local/schema.h"
#include "wire/codes.h"

const char local_sqs_schema[] =
	"CREATE TABLE sqs_queues(name TEXT PRIMARY KEY, store INTEGER NOT NULL UNIQUE,"
	" created INTEGER NOT NULL, modified INTEGER NOT NULL, purged INTEGER,"
	" attributes TEXT NOT NULL, tags TEXT NOT NULL) WITHOUT ROWID;"
	"CREATE TABLE sqs_stores(id INTEGER PRIMARY KEY AUTOINCREMENT, dead INTEGER NOT NULL);"
	"CREATE INDEX sqs_dead ON sqs_stores(id) WHERE dead;"
	"CREATE TABLE sqs_deleted(name TEXT PRIMARY KEY, at INTEGER NOT NULL) WITHOUT ROWID;"
	/* What changes with every receive is small; what never changes may be 1 MiB and lies apart.
	 */
	"CREATE TABLE sqs_messages(id INTEGER PRIMARY KEY AUTOINCREMENT, store INTEGER NOT NULL,"
	" visible INTEGER NOT NULL, delayed INTEGER NOT NULL, sent INTEGER NOT NULL,"
	" received INTEGER NOT NULL, first_received INTEGER, last_received INTEGER,"
	" receipt INTEGER NOT NULL, source TEXT);"
	"CREATE INDEX sqs_visible ON sqs_messages(store, visible, delayed);"
	"CREATE INDEX sqs_sent ON sqs_messages(store, sent);"
	"CREATE TABLE sqs_bodies(id INTEGER PRIMARY KEY, message_id TEXT NOT NULL, body TEXT NOT "
	"NULL,"
	" md5 TEXT NOT NULL, attributes TEXT, trace TEXT, message_group TEXT, sender TEXT NOT "
	"NULL);";

int local_sqs_refuse(struct err *e, const char *code, const char *fmt, ...)
{
	va_list ap;

	err_clear(e);
	e->kind = ERR_PROTOCOL;
	snprintf(e->code, sizeof(e->code), "%s", code);
	va_start(ap, fmt);
	vsnprintf(e->text, sizeof(e->text), fmt, ap);
	va_end(ap);
	return -1;
}

bool local_sqs_refused(const struct err *e)
{
	return e->kind == ERR_PROTOCOL && e->code[0];
}

void local_sqs_fail(struct local_call *c, const struct err *e)
{
	if (local_sqs_refused(e))
		local_fail(c, e->code, "%s", e->text);
	else
		local_fail_internal(c, e);
}

int local_sqs_range(struct err *e, const char *name, int64_t value, int64_t least, int64_t most)
{
	if (value >= least && value <= most)
		return 0;
	if (!strcmp(name, "MaxNumberOfMessages"))
		return local_sqs_refuse(e, "InvalidParameterValueException",
					"Value %" PRId64
					" for parameter %s is invalid. Reason: Must be between "
					"%" PRId64 " and %" PRId64 ", if provided.",
					value, name, least, most);
	return local_sqs_refuse(e, "InvalidParameterValueException",
				"Value %" PRId64
				" for parameter %s is invalid. Reason: Must be >= %" PRId64
				" and <= %" PRId64 ", if provided.",
				value, name, least, most);
}

bool local_sqs_require(struct local_call *c, const char *name, const char **ret)
{
	*ret = local_str(c->params, name);
	if (*ret && **ret)
		return true;
	local_fail(c, "MissingRequiredParameterException",
		   "The request must contain the parameter %s.", name);
	return false;
}

/* "http://host/123456789012/name", or a bare name, which AWS takes too: the name, and whether the
 * queue can be one of ours. */
static const char *url_name(const struct local *l, const char *url, bool *ret_here)
{
	const char *slash = strrchr(url, '/'), *account = slash;

	*ret_here = true;
	if (!slash)
		return url;
	while (account > url && account[-1] != '/')
		account--;
	*ret_here = slash - account == 12 && !strncmp(account, l->options.account, 12);
	return slash + 1;
}

struct queue *local_sqs_queue_of(struct local_call *c)
{
	const char *url = local_str(c->params, "QueueUrl"), *name = c->path_queue;
	struct queue *q;
	bool here = true;

	if (!url && !name) {
		local_fail(c, "MissingRequiredParameterException",
			   "The request must contain the parameter QueueUrl.");
		return NULL;
	}
	if (url)
		name = url_name(c->local, url, &here);
	if (!*name) {
		local_fail(c, "InvalidAddress",
			   "The address %.200s is not valid for this endpoint.", url);
		return NULL;
	}
	q = here ? local_sqs_queue_find(c->local->sqs, name) : NULL;
	if (!q)
		local_fail(c, "QueueDoesNotExist", "The specified queue does not exist%s.",
			   c->protocol == LOCAL_QUERY ? " for this wsdl version" : "");
	else
		local_sqs_meter_touch(q);
	return q;
}

void local_sqs_put_url(struct local_call *c, const char *name, const struct queue *q)
{
	AUTO(own_freep)
	char *url = own_printf("http://%s/%s/%s", c->host, c->local->options.account, q->name);

	local_put(c, name, url);
}

char *local_sqs_arn(const struct local *l, const char *name)
{
	return own_printf("arn:aws:sqs:%s:%s:%s", l->options.region, l->options.account, name);
}

/* ---- batches ---- */

static bool entry_id_ok(const char *id)
{
	size_t n = strlen(id);

	if (n == 0 || n > 80)
		return false;
	for (size_t i = 0; i < n; i++)
		if (!isalnum((unsigned char)id[i]) && id[i] != '-' && id[i] != '_')
			return false;
	return true;
}

static int entries_check(const char *action, const struct json *entries, struct err *e)
{
	size_t n = json_count(entries);

	if (n == 0)
		return local_sqs_refuse(
			e, "EmptyBatchRequest",
			"There should be at least one %sRequestEntry in the request.", action);
	if (n > SQS_BATCH_MAX)
		return local_sqs_refuse(
			e, "TooManyEntriesInBatchRequest",
			"Maximum number of entries per request are 10. You have sent %zu.", n);
	for (size_t i = 0; i < n; i++) {
		const char *id = json_get_str(json_at(entries, i), "Id");

		if (!id)
			return local_sqs_refuse(e, "MissingRequiredParameterException",
						"The request must contain the parameter Id.");
		if (!entry_id_ok(id))
			return local_sqs_refuse(
				e, "InvalidBatchEntryId",
				"A batch entry id can only contain alphanumeric characters, "
				"hyphens and underscores. It can be at most 80 letters long.");
		for (size_t j = 0; j < i; j++)
			if (!strcmp(id, json_get_str(json_at(entries, j), "Id")))
				return local_sqs_refuse(e, "BatchEntryIdsNotDistinct",
							"Id %s repeated.", id);
	}
	return 0;
}

const struct json *local_sqs_entries(struct local_call *c)
{
	const struct json *entries = json_get(c->params, "Entries");
	struct err e;

	if (entries_check(c->action->name, entries, &e) == 0)
		return entries;
	local_sqs_fail(c, &e);
	return NULL;
}

void local_sqs_put_failed(struct local_call *c, const char *id, const struct err *e)
{
	const struct code *code = code_get(SERVICE_SQS, e->code);

	local_object(c, NULL);
	local_put(c, "Id", id);
	local_put(c, "Code", code_legacy(code));
	local_put(c, "Message", e->text);
	local_put_bool(c, "SenderFault", code->status < 500);
	local_end(c);
}

/* ---- the service ---- */

static int start(struct local *l, struct err *e)
{
	l->sqs = own_alloc(sizeof(*l->sqs));
	l->sqs->local = l;
	if (local_sqs_queue_load(l->sqs, e) < 0)
		return err_wrap(e, "the queues");
	local_sqs_sweep_start(l->sqs);
	local_sqs_move_go(l->sqs);
	return 0;
}

static void stop(struct local *l)
{
	if (!l->sqs)
		return;
	for (size_t i = 0; i < SQS_BUCKETS; i++)
		for (struct queue *q = l->sqs->buckets[i]; q; q = q->next)
			local_sqs_wait_end(q, NULL);
	loop_timer_free(l->sqs->sweep);
	loop_timer_free(l->sqs->move);
	local_sqs_queue_free_all(l->sqs);
	own_free(TAKE(l->sqs));
}

void local_sqs_clock_moved(struct local_sqs *s)
{
	for (size_t i = 0; i < SQS_BUCKETS; i++)
		for (struct queue *q = s->buckets[i]; q; q = q->next)
			local_sqs_wait_dirty(q);
	local_sqs_sweep_start(s);
	local_sqs_move_go(s);
}

static const struct local_action actions[] = {
	{ "AddPermission", local_sqs_add_permission },
	{ "CancelMessageMoveTask", local_sqs_move_cancel },
	{ "ChangeMessageVisibility", local_sqs_change_visibility },
	{ "ChangeMessageVisibilityBatch", local_sqs_change_batch },
	{ "CreateQueue", local_sqs_create_queue },
	{ "DeleteMessage", local_sqs_delete_message },
	{ "DeleteMessageBatch", local_sqs_delete_batch },
	{ "DeleteQueue", local_sqs_delete_queue },
	{ "GetQueueAttributes", local_sqs_get_attributes },
	{ "GetQueueUrl", local_sqs_get_queue_url },
	{ "ListDeadLetterSourceQueues", local_sqs_list_sources },
	{ "ListMessageMoveTasks", local_sqs_move_list },
	{ "ListQueueTags", local_sqs_list_tags },
	{ "ListQueues", local_sqs_list_queues },
	{ "PurgeQueue", local_sqs_purge_queue },
	{ "ReceiveMessage", local_sqs_receive_message },
	{ "RemovePermission", local_sqs_remove_permission },
	{ "SendMessage", local_sqs_send_message },
	{ "SendMessageBatch", local_sqs_send_batch },
	{ "SetQueueAttributes", local_sqs_set_attributes },
	{ "StartMessageMoveTask", local_sqs_move_start },
	{ "TagQueue", local_sqs_tag },
	{ "UntagQueue", local_sqs_untag },
};

static const struct local_alias aliases[] = {
	{ "AWSAccountId", "AWSAccountIds", NULL },
	{ "ActionName", "Actions", NULL },
	{ "Attribute", "Attributes", "Name" },
	{ "AttributeName", "AttributeNames", NULL },
	{ "MessageAttribute", "MessageAttributes", "Name" },
	{ "MessageSystemAttribute", "MessageSystemAttributes", "Name" },
	{ "MessageAttributeName", "MessageAttributeNames", NULL },
	{ "MessageSystemAttributeName", "MessageSystemAttributeNames", NULL },
	{ "Tag", "Tags", "Key" },
	{ "TagKey", "TagKeys", NULL },
	{ "SendMessageBatchRequestEntry", "Entries", NULL },
	{ "DeleteMessageBatchRequestEntry", "Entries", NULL },
	{ "ChangeMessageVisibilityBatchRequestEntry", "Entries", NULL },
};

const struct local_service local_sqs_service = {
	.id = SERVICE_SQS,
	.json = true,
	.actions = actions,
	.action_count = COUNT_OF(actions),
	.aliases = aliases,
	.alias_count = COUNT_OF(aliases),
	.start = start,
	.stop = stop,
};
