#include <string.h>

#include "aws/sqs.h"
#include "aws_drive.h"

static struct json *url_or_null(int rc, char *url)
{
	struct json *out = rc < 0 ? NULL : json_object();

	if (out)
		json_set_str(out, "url", url);
	own_free(url);
	return out;
}

/* NAME [VISIBILITY [DEAD-LETTER-ARN MAX-RECEIVES]] */
static struct json *create(struct drive *d)
{
	struct sqs_queue_options o = SQS_QUEUE_OPTIONS();
	char *url;
	int rc;

	o.visibility_s = (int)drive_int(d, 1, -1);
	if (d->n > 2)
		o.dead_letter_arn = d->a[2];
	o.max_receive_count = (int)drive_int(d, 3, -1);
	aws_sqs_create_queue_ask(&d->call.request, d->a[0], &o);
	drive_go(d);
	rc = aws_sqs_create_queue_read(&d->call.reply, &url, &d->e);
	return url_or_null(rc, url);
}

static struct json *queue_url(struct drive *d)
{
	char *url;
	int rc;

	aws_sqs_queue_url_ask(&d->call.request, d->a[0]);
	drive_go(d);
	rc = aws_sqs_queue_url_read(&d->call.reply, &url, &d->e);
	return url_or_null(rc, url);
}

static void put_depth(struct json *out, const struct depth *d)
{
	json_set_int(out, "visible", d->visible);
	json_set_int(out, "in_flight", d->in_flight);
	json_set_int(out, "delayed", d->delayed);
}

static struct json *depth(struct drive *d)
{
	struct depth depth;
	struct json *out;

	aws_sqs_depth_ask(&d->call.request, d->a[0]);
	drive_go(d);
	if (aws_sqs_depth_read(&d->call.reply, &depth, &d->e) < 0)
		return NULL;
	out = json_object();
	put_depth(out, &depth);
	return out;
}

static struct json *attributes(struct drive *d)
{
	struct sqs_attributes a;
	struct json *out;

	aws_sqs_attributes_ask(&d->call.request, d->a[0]);
	drive_go(d);
	if (aws_sqs_attributes_read(&d->call.reply, &a, &d->e) < 0)
		return NULL;
	out = json_object();
	put_depth(out, &a.depth);
	json_set_str(out, "arn", a.arn);
	json_set_int(out, "visibility", a.visibility_s);
	json_set_int(out, "max_receive_count", a.max_receive_count);
	json_set_str(out, "dead_letter_arn", a.dead_letter_arn);
	sqs_attributes_done(&a);
	return out;
}

static struct json *none(struct drive *d)
{
	drive_go(d);
	return drive_none(aws_sqs_none_read(&d->call.reply, &d->e));
}

static struct json *set(struct drive *d)
{
	struct sqs_queue_options o = SQS_QUEUE_OPTIONS();

	o.visibility_s = (int)drive_int(d, 1, -1);
	aws_sqs_set_attributes_ask(&d->call.request, d->a[0], &o);
	return none(d);
}

static struct json *purge(struct drive *d)
{
	aws_sqs_purge_ask(&d->call.request, d->a[0]);
	return none(d);
}

static struct json *delete_queue(struct drive *d)
{
	aws_sqs_delete_queue_ask(&d->call.request, d->a[0]);
	return none(d);
}

/* URL BODY [NAME VALUE] */
static struct json *send(struct drive *d)
{
	struct sqs_send_attr a = { .name = d->n > 3 ? d->a[2] : "",
				   .value = d->n > 3 ? d->a[3] : "" };
	struct sqs_send m = { .body = d->a[1],
			      .body_len = strlen(d->a[1]),
			      .delay_s = -1,
			      .attrs = &a,
			      .attr_count = d->n > 3 };
	char *id;
	struct json *out;

	aws_sqs_send_ask(&d->call.request, d->a[0], &m);
	drive_go(d);
	if (aws_sqs_send_read(&d->call.reply, &id, &d->e) < 0)
		return NULL;
	out = json_object();
	json_set_str(out, "id", id);
	own_free(id);
	return out;
}

static struct json *batch(struct drive *d, size_t n)
{
	struct sqs_batch_result b;
	struct json *out, *items;

	drive_go(d);
	if (aws_sqs_batch_read(&d->call.reply, n, &b, &d->e) < 0)
		return NULL;
	out = json_object();
	items = json_array();
	for (size_t i = 0; i < b.count; i++) {
		struct json *one = json_object();

		json_set_bool(one, "told", b.item[i].told);
		json_set_bool(one, "ok", b.item[i].ok);
		json_set_str(one, "code", b.item[i].code);
		json_add(items, one);
	}
	json_set(out, "items", items);
	return out;
}

static struct json *send_batch(struct drive *d)
{
	struct sqs_send m[SQS_BATCH_MAX] = { 0 };
	size_t n;
	const char *const *bodies = drive_rest(d, 1, &n);

	for (size_t i = 0; i < n && i < SQS_BATCH_MAX; i++)
		m[i] = (struct sqs_send){ .body = bodies[i],
					  .body_len = strlen(bodies[i]),
					  .delay_s = -1 };
	aws_sqs_send_batch_ask(&d->call.request, d->a[0], m, n);
	return batch(d, n);
}

static struct json *delete_batch(struct drive *d)
{
	size_t n;
	const char *const *receipts = drive_rest(d, 1, &n);

	aws_sqs_delete_batch_ask(&d->call.request, d->a[0], receipts, n);
	return batch(d, n);
}

/* URL SECONDS RECEIPT… */
static struct json *visibility_batch(struct drive *d)
{
	int seconds[SQS_BATCH_MAX];
	size_t n;
	const char *const *receipts = drive_rest(d, 2, &n);

	for (size_t i = 0; i < SQS_BATCH_MAX; i++)
		seconds[i] = (int)drive_int(d, 1, 0);
	aws_sqs_visibility_batch_ask(&d->call.request, d->a[0], receipts, seconds, n);
	return batch(d, n);
}

static struct json *message(const struct sqs_message *m)
{
	struct json *out = json_object(), *attrs = json_object();

	json_set_str(out, "id", m->id);
	json_set_str(out, "receipt", m->receipt);
	json_set_str(out, "body", m->body);
	json_set_int(out, "receive_count", m->receive_count);
	json_set_bool(out, "timed",
		      !instant_is_never(m->sent) && !instant_is_never(m->first_received));
	for (size_t i = 0; i < m->attr_count; i++)
		json_set_str(attrs, m->attrs[i].name, m->attrs[i].value);
	json_set(out, "attributes", attrs);
	return out;
}

/* URL MAX WAIT [VISIBILITY] */
static struct json *receive(struct drive *d)
{
	struct sqs_messages m;
	struct json *out, *list;

	aws_sqs_receive_ask(&d->call.request, d->a[0], (int)drive_int(d, 1, 1),
			    (int)drive_int(d, 2, -1), (int)drive_int(d, 3, -1));
	drive_go(d);
	if (aws_sqs_receive_read(&d->call.reply, &m, &d->e) < 0)
		return NULL;
	out = json_object();
	list = json_array();
	for (size_t i = 0; i < m.count; i++)
		json_add(list, message(&m.list[i]));
	json_set(out, "messages", list);
	sqs_messages_done(&m);
	return out;
}

static struct json *delete (struct drive *d)
{
	aws_sqs_delete_ask(&d->call.request, d->a[0], d->a[1]);
	return none(d);
}

static struct json *visibility(struct drive *d)
{
	aws_sqs_visibility_ask(&d->call.request, d->a[0], d->a[1], (int)drive_int(d, 2, 0));
	return none(d);
}

static struct json *page_or_null(int rc, struct sqs_urls *u)
{
	struct json *out, *urls;

	if (rc < 0)
		return NULL;
	out = json_object();
	urls = json_array();
	for (size_t i = 0; i < u->count; i++)
		json_add(urls, json_new_str(u->list[i]));
	json_set(out, "urls", urls);
	json_set_str(out, "next", u->next_token);
	sqs_urls_done(u);
	return out;
}

/* PREFIX MAX [TOKEN] */
static struct json *list(struct drive *d)
{
	struct sqs_urls u;

	aws_sqs_list_ask(&d->call.request, d->a[0], (int)drive_int(d, 1, 0),
			 d->n > 2 ? d->a[2] : NULL);
	drive_go(d);
	return page_or_null(aws_sqs_list_read(&d->call.reply, &u, &d->e), &u);
}

static struct json *sources(struct drive *d)
{
	struct sqs_urls u;

	aws_sqs_sources_ask(&d->call.request, d->a[0]);
	drive_go(d);
	return page_or_null(aws_sqs_sources_read(&d->call.reply, &u, &d->e), &u);
}

/* URL FROM-ARN TO-ARN */
static struct json *move_start(struct drive *d)
{
	char *handle;
	int rc;

	aws_sqs_move_start_ask(&d->call.request, d->a[0], d->a[1], d->a[2], 0);
	drive_go(d);
	rc = aws_sqs_move_start_read(&d->call.reply, &handle, &d->e);
	return url_or_null(rc, handle);
}

/* URL FROM-ARN */
static struct json *move_list(struct drive *d)
{
	struct sqs_move m;
	struct json *out;

	aws_sqs_move_list_ask(&d->call.request, d->a[0], d->a[1]);
	drive_go(d);
	if (aws_sqs_move_list_read(&d->call.reply, &m, &d->e) < 0)
		return NULL;
	out = json_object();
	json_set_str(out, "status", m.status);
	json_set_int(out, "moved", m.moved);
	return out;
}

const struct drive_verb drive_sqs[] = {
	{ "sqs-sources", 1, sources },
	{ "sqs-move-start", 3, move_start },
	{ "sqs-move-list", 2, move_list },
	{ "sqs-create", 1, create },
	{ "sqs-url", 1, queue_url },
	{ "sqs-depth", 1, depth },
	{ "sqs-attributes", 1, attributes },
	{ "sqs-set", 2, set },
	{ "sqs-purge", 1, purge },
	{ "sqs-delete-queue", 1, delete_queue },
	{ "sqs-send", 2, send },
	{ "sqs-send-batch", 2, send_batch },
	{ "sqs-receive", 3, receive },
	{ "sqs-delete", 2, delete },
	{ "sqs-delete-batch", 2, delete_batch },
	{ "sqs-visibility", 3, visibility },
	{ "sqs-visibility-batch", 3, visibility_batch },
	{ "sqs-list", 2, list },
	{ 0 },
};
