/* Sending: one message or a batch, stored before it is acknowledged. */
#include "local/sqs.h"

#include <inttypes.h>
#include <string.h>

#include "base/crypto.h"

#define ATTRIBUTES_TEXT_MAX (2u << 20)

/* An absent DelaySeconds is -1: the queue's. -1 when the call has ended. */
static int delay_read(struct local_call *c, const struct json *o, int64_t *ret)
{
	int rc;

	*ret = -1;
	rc = local_int(c, o, "DelaySeconds", ret);
	if (rc > 0 && *ret < 0) {
		local_fail(c, "InvalidParameterValueException",
			   "Value %" PRId64
			   " for parameter DelaySeconds is invalid. Reason: DelaySeconds must be "
			   ">= 0 and <= 900.",
			   *ret);
		return -1;
	}
	return rc < 0 ? -1 : 0;
}

static int send_rows(struct queue *q, const char *sender, const struct message *m,
		     struct sent *sent, struct err *e)
{
	AUTO(buf_done) struct buf attributes = BUF(ATTRIBUTES_TEXT_MAX);
	const struct instant now = local_wall(q->sqs->local);
	struct db *db = q->sqs->local->db;

	if (m->attributes)
		json_write(m->attributes, &attributes);
	if (buf_ok(&attributes, "the message attributes", e) < 0)
		return -1;
	if (DB_RUN(db, e,
		   "INSERT INTO sqs_messages(store, visible, delayed, sent, received, receipt, "
		   "grp) "
		   "VALUES(?,?,?,?,0,0,?)",
		   DB_I(q->store), DB_I(now.ms + m->delay_s * 1000), DB_I(m->delay_s > 0),
		   DB_I(now.ms), DB_S(q->fifo ? m->group : NULL)) < 0)
		return -1;
	sent->row = db_last_id(db);
	return DB_RUN(db, e,
		      "INSERT INTO sqs_bodies(id, message_id, body, md5, attributes, trace, "
		      "message_group, sender, dedup) VALUES(?,?,?,?,?,?,?,?,?)",
		      DB_I(sent->row), DB_S(sent->id),
		      ((struct db_value){ .type = DB_TEXT, .p = m->body, .len = m->body_len }),
		      DB_S(m->body_md5), m->attributes ? DB_S(buf_str(&attributes)) : DB_N,
		      DB_S(m->trace), DB_S(m->group), DB_S(sender), DB_S(m->dedup));
}

/* A FIFO queue answers the repetition of a message as it did the first time. */
static int send_store(struct queue *q, const char *sender, struct message *m, struct sent *sent,
		      struct err *e)
{
	int rc;

	if (q->fifo && !m->dedup)
		m->dedup = m->content = local_sqs_fifo_content(m);
	rc = q->fifo ? local_sqs_fifo_seen(q, m, sent, e) : 0;
	if (rc != 0)
		return rc < 0 ? -1 : 0;
	crypto_uuid(sent->id);
	local_sqs_queue_touch(q);
	if (send_rows(q, sender, m, sent, e) < 0 ||
	    (q->fifo && (local_sqs_fifo_remember(q, m, sent, e) < 0 ||
			 local_sqs_fifo_refresh(q, m->group, e) < 0)))
		return -1;
	local_sqs_meter_sent(q, m->bytes);
	if (q->total >= 0)
		q->total++;
	if (m->delay_s > 0)
		local_sqs_wait_rearm(q);
	else
		local_sqs_wait_dirty(q);
	return 0;
}

int local_sqs_send_own(struct queue *q, const char *body, size_t len, struct err *e)
{
	AUTO(json_freep) struct json *o = json_object();
	AUTO(local_sqs_message_done) struct message m = { 0 };
	struct sent sent = { 0 };

	m.delay_s = -1;
	json_set(o, "MessageBody", json_new_strn(body, len));
	if (local_sqs_message_read(q, o, &m, e) < 0)
		return -1;
	return send_store(q, q->sqs->local->options.account, &m, &sent, e);
}

static void send_put(struct local_call *c, const struct queue *q, const struct message *m,
		     const struct sent *sent)
{
	char sequence[SQS_SEQUENCE_MAX];

	local_put(c, "MessageId", sent->id);
	local_put(c, "MD5OfMessageBody", m->body_md5);
	local_put(c, "MD5OfMessageAttributes", m->attributes_md5[0] ? m->attributes_md5 : NULL);
	local_put(c, "MD5OfMessageSystemAttributes", m->trace_md5[0] ? m->trace_md5 : NULL);
	if (q->fifo)
		local_put(c, "SequenceNumber", local_sqs_fifo_sequence(sent->row, sequence));
}

void local_sqs_send_message(struct local_call *c)
{
	struct queue *q = local_sqs_queue_of(c);
	AUTO(local_sqs_message_done) struct message m = { 0 };
	struct sent sent = { 0 };
	struct err e;

	if (!q || delay_read(c, c->params, &m.delay_s) < 0)
		return;
	err_clear(&e);
	if (local_sqs_message_read(q, c->params, &m, &e) < 0 ||
	    send_store(q, c->account, &m, &sent, &e) < 0) {
		local_sqs_fail(c, &e);
		return;
	}
	send_put(c, q, &m, &sent);
	local_done(c);
}

/* ---- batches ---- */

struct entry {
	struct message message;
	struct err error; /* kind ERR_NONE: sent */
	struct sent sent;
};

/* Reads all entries. -1: the call has ended. */
static int batch_read(struct local_call *c, struct queue *q, const struct json *entries,
		      struct entry *ret)
{
	size_t bytes = 0;
	struct err e;

	for (size_t i = 0; i < json_count(entries); i++) {
		if (delay_read(c, json_at(entries, i), &ret[i].message.delay_s) < 0)
			return -1;
		err_clear(&ret[i].error);
		err_ignore(local_sqs_message_read(q, json_at(entries, i), &ret[i].message,
						  &ret[i].error));
		if (local_sqs_message_ordered(q, &ret[i].message, &e) < 0) { /* ends them all */
			local_fail(c, "InvalidParameterValueException", "%s", e.text);
			return -1;
		}
		bytes += ret[i].message.bytes;
	}
	if (bytes <= SQS_BYTES_MAX)
		return 0;
	local_fail(c, "BatchRequestTooLong",
		   "Batch requests cannot be longer than %d bytes. You have sent %zu bytes.",
		   SQS_BYTES_MAX, bytes);
	return -1;
}

/* Successful, then Failed, each left out when it is empty in XML and JSON alike but for Successful.
 */
static void batch_put(struct local_call *c, const struct queue *q, const struct entry *entries,
		      size_t n)
{
	size_t failed = 0;

	local_list(c, "Successful", "SendMessageBatchResultEntry");
	for (size_t i = 0; i < n; i++) {
		failed += entries[i].error.kind != ERR_NONE;
		if (entries[i].error.kind != ERR_NONE)
			continue;
		local_object(c, NULL);
		local_put(c, "Id", entries[i].message.id);
		send_put(c, q, &entries[i].message, &entries[i].sent);
		local_end(c);
	}
	local_end(c);
	if (failed) {
		local_list(c, "Failed", "BatchResultErrorEntry");
		for (size_t i = 0; i < n; i++)
			if (entries[i].error.kind != ERR_NONE)
				local_sqs_put_failed(c, entries[i].message.id, &entries[i].error);
		local_end(c);
	}
	local_done(c);
}

static void batch_send(struct local_call *c, struct queue *q, const struct json *entries,
		       struct entry *list)
{
	size_t n = json_count(entries);

	if (batch_read(c, q, entries, list) < 0)
		return;
	for (size_t i = 0; i < n; i++) {
		if (list[i].error.kind != ERR_NONE)
			continue;
		if (send_store(q, c->account, &list[i].message, &list[i].sent, &list[i].error) <
		    0) {
			local_fail_internal(c, &list[i].error);
			return;
		}
	}
	batch_put(c, q, list, n);
}

void local_sqs_send_batch(struct local_call *c)
{
	struct queue *q = local_sqs_queue_of(c);
	const struct json *entries = q ? local_sqs_entries(c) : NULL;
	struct entry *list;

	if (!entries)
		return;
	list = own_array(json_count(entries), sizeof(*list));
	batch_send(c, q, entries, list);
	for (size_t i = 0; i < json_count(entries); i++)
		local_sqs_message_done(&list[i].message);
	own_free(list);
}
