/* Names and tags of queues. */
#include "local/sqs.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/crypto.h"

#define LIST_MOST 1000
#define TAG_KEY_MOST 128
#define TAG_VALUE_MOST 256
#define TAGS_MOST 50

void local_sqs_get_queue_url(struct local_call *c)
{
	const char *name, *owner = local_str(c->params, "QueueOwnerAWSAccountId");
	struct queue *q;

	if (!local_sqs_require(c, "QueueName", &name))
		return;
	q = local_sqs_queue_find(c->local->sqs, name);
	if (!q || (owner && strcmp(owner, c->local->options.account))) {
		local_fail(c, "QueueDoesNotExist", "The specified queue does not exist%s.",
			   c->protocol == LOCAL_QUERY ? " for this wsdl version" : "");
		return;
	}
	local_sqs_put_url(c, "QueueUrl", q);
	local_done(c);
}

/* ---- pages of queues ---- */

typedef bool pick_fn(const struct queue *q, const char *arg);

static int compare_name(const void *a, const void *b)
{
	return strcmp((*(struct queue *const *)a)->name, (*(struct queue *const *)b)->name);
}

/* Those that @p pick takes, by name; owned array, borrowed queues. */
static struct queue **pick_queues(struct local_sqs *s, pick_fn *pick, const char *arg,
				  size_t *ret_n)
{
	struct queue **found;
	size_t n = 0, size = 0;

	for (size_t i = 0; i < SQS_BUCKETS; i++)
		for (struct queue *q = s->buckets[i]; q; q = q->next)
			size++;
	found = own_array(size + 1, sizeof(struct queue *));
	for (size_t i = 0; i < SQS_BUCKETS; i++)
		for (struct queue *q = s->buckets[i]; q; q = q->next)
			if (pick(q, arg))
				found[n++] = q;
	qsort(found, n, sizeof(struct queue *), compare_name);
	*ret_n = n;
	return found;
}

/* The page that MaxResults and NextToken ask for. The token is the last name of the page before. */
static void put_page(struct local_call *c, const char *list, struct queue **found, size_t n)
{
	const char *token = local_str(c->params, "NextToken");
	AUTO(buf_done) struct buf after = BUF(SQS_NAME_MAX + 1);
	int64_t most = LIST_MOST;
	int paged = local_int(c, c->params, "MaxResults", &most);
	struct err e;
	size_t i = 0, end;

	if (paged < 0)
		return;
	if (most < 1 || most > LIST_MOST) {
		local_fail(c, "InvalidParameterValueException",
			   "Value for parameter MaxResults is invalid. Reason: MaxResults must be "
			   "an integer "
			   "between 1 and 1000.");
		return;
	}
	if (token && crypto_unbase64(token, strlen(token), &after, &e) < 0) {
		local_fail(c, "InvalidParameterValueException", "Invalid or expired next token.");
		return;
	}
	while (token && i < n && strcmp(found[i]->name, buf_str(&after)) <= 0)
		i++;
	end = n - i > (size_t)most ? i + (size_t)most : n;
	if (end > i) {
		local_list(c, list, "QueueUrl");
		for (; i < end; i++)
			local_sqs_put_url(c, NULL, found[i]);
		local_end(c);
	}
	if (paged && end < n && end > 0)
		local_put_base64(c, "NextToken", found[end - 1]->name,
				 strlen(found[end - 1]->name));
	local_done(c);
}

static bool has_prefix(const struct queue *q, const char *prefix)
{
	return !strncmp(q->name, prefix, strlen(prefix));
}

void local_sqs_list_queues(struct local_call *c)
{
	const char *prefix = local_str(c->params, "QueueNamePrefix");
	size_t n;
	struct queue **found = pick_queues(c->local->sqs, has_prefix, prefix ? prefix : "", &n);

	put_page(c, "QueueUrls", found, n);
	own_free(found);
}

static bool is_source(const struct queue *q, const char *target)
{
	return q->dead_letter && !strcmp(q->dead_letter, target);
}

void local_sqs_list_sources(struct local_call *c)
{
	const struct queue *q = local_sqs_queue_of(c);
	struct queue **found;
	size_t n;

	if (!q)
		return;
	found = pick_queues(c->local->sqs, is_source, q->name, &n);
	put_page(c, "queueUrls", found, n);
	own_free(found);
}

/* ---- tags ---- */

void local_sqs_list_tags(struct local_call *c)
{
	const struct queue *q = local_sqs_queue_of(c);
	const struct json *value;
	const char *key;
	size_t n = 0;

	if (!q)
		return;
	for (size_t it = 0; json_next(q->tags, &it, &key, &value); n++) {
		if (n == 0)
			local_map(c, "Tags", "Tag");
		local_put(c, key, json_str(value));
	}
	if (n)
		local_end(c);
	local_done(c);
}

static bool is_listed(const struct json *keys, const char *key)
{
	for (size_t i = 0; i < json_count(keys); i++)
		if (json_str(json_at(keys, i)) && !strcmp(json_str(json_at(keys, i)), key))
			return true;
	return false;
}

/* The tags of @p q without @p keys, then with those of @p more. */
static void change_tags(struct local_call *c, struct queue *q, const struct json *keys,
			const struct json *more)
{
	struct json *tags = json_object();
	const struct json *value;
	const char *key;
	size_t n = 0;
	struct err e;

	for (size_t it = 0; json_next(q->tags, &it, &key, &value);)
		if (!is_listed(keys, key))
			json_set_str(tags, key, json_str(value));
	for (size_t it = 0; json_next(more, &it, &key, &value);)
		json_set_str(tags, key, json_str(value) ? json_str(value) : "");
	for (size_t it = 0; json_next(tags, &it, &key, &value);)
		n++;
	if (n > TAGS_MOST) {
		json_free(tags);
		local_fail(c, "InvalidParameterValueException", "Too many tags added for queue %s.",
			   q->name);
		return;
	}
	json_free(q->tags);
	q->tags = tags;
	err_clear(&e);
	if (local_sqs_queue_store(q, &e) < 0)
		local_fail_internal(c, &e);
	else
		local_done(c);
}

static size_t characters(const char *utf8)
{
	size_t n = 0;

	for (; *utf8; utf8++)
		n += ((unsigned char)*utf8 & 0xc0) != 0x80;
	return n;
}

/* AWS's limits of a tag. -1: the call has ended. */
static int check_tags(struct local_call *c, const struct json *tags)
{
	const struct json *value;
	const char *key, *why = NULL;
	size_t n = 0;

	for (size_t it = 0; !why && json_next(tags, &it, &key, &value); n++) {
		const char *text = json_str(value);

		if (strncasecmp(key, "aws:", 4) == 0)
			why = "aws: prefixed tag key names are not allowed for external use.";
		else if (!*key || characters(key) > TAG_KEY_MOST)
			why = "Tag key must be between 1 and 128 characters in length.";
		else if (text && characters(text) > TAG_VALUE_MOST)
			why = "Tag value must be between 0 and 256 characters in length.";
	}
	if (why)
		local_fail(c, "InvalidParameterValueException", "%s", why);
	else if (n == 0)
		local_fail(c, "MissingRequiredParameterException",
			   "The request must contain the parameter Tags.");
	return why || n == 0 ? -1 : 0;
}

void local_sqs_tag(struct local_call *c)
{
	const struct json *tags = json_get(c->params, "Tags");
	struct queue *q = local_sqs_queue_of(c);

	if (!q)
		return;
	if (check_tags(c, tags) == 0)
		change_tags(c, q, NULL, tags);
}

static bool keys_fit(const struct json *keys)
{
	for (size_t i = 0; i < json_count(keys); i++) {
		const char *key = json_str(json_at(keys, i));

		if (!key || !*key || characters(key) > TAG_KEY_MOST)
			return false;
	}
	return json_count(keys) > 0;
}

void local_sqs_untag(struct local_call *c)
{
	const struct json *keys = json_get(c->params, "TagKeys");
	struct queue *q = local_sqs_queue_of(c);

	if (!q)
		return;
	if (json_type(keys) != JSON_ARRAY)
		local_fail(c, "MissingRequiredParameterException",
			   "The request must contain the parameter TagKeys.");
	else if (!keys_fit(keys))
		local_fail(c, "InvalidParameterValueException",
			   "Tag keys must be between 1 and 128 characters in length.");
	else
		change_tags(c, q, keys, NULL);
}
