/* What the holder of a receipt handle may do: delete its message, or change its visibility. */
#include "local/sqs.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/crypto.h"

/* "wl1" and three numbers with a checksum, in base64: opaque, and garbage is told from the
 * outdated. */
#define HANDLE_BYTES 32

struct packed {
	char mark[4];
	uint32_t sum;
	int64_t store, id, receipt;
};
_Static_assert(sizeof(struct packed) == HANDLE_BYTES, "a handle has no padding");

static uint32_t handle_sum(const struct packed *p)
{
	return crypto_crc32(0, &p->store, 3 * sizeof(p->store));
}

void local_sqs_handle_print(const struct handle *h, char out[static SQS_HANDLE_MAX])
{
	struct packed p = { .mark = "wl1", .store = h->store, .id = h->id, .receipt = h->receipt };
	AUTO(buf_done) struct buf text = BUF(SQS_HANDLE_MAX - 1);

	p.sum = handle_sum(&p);
	crypto_base64(&p, sizeof(p), &text);
	snprintf(out, SQS_HANDLE_MAX, "%s", buf_str(&text));
}

int local_sqs_handle_read(const char *text, struct handle *ret, struct err *e)
{
	AUTO(buf_done) struct buf bytes = BUF(SQS_HANDLE_MAX);
	struct packed p;

	if (crypto_unbase64(text, strlen(text), &bytes, NULL) < 0 || bytes.len != sizeof(p))
		goto invalid;
	memcpy(&p, bytes.data, sizeof(p));
	if (memcmp(p.mark, "wl1", 4) || p.sum != handle_sum(&p))
		goto invalid;
	*ret = (struct handle){ .store = p.store, .id = p.id, .receipt = p.receipt };
	return 0;
invalid:
	return local_sqs_refuse(
		e, "ReceiptHandleIsInvalid",
		"The input receipt handle \"%.200s\" is not a valid receipt handle.", text);
}

static int handle_of(const struct json *o, struct handle *ret, struct err *e)
{
	const char *text = json_get_str(o, "ReceiptHandle");

	if (!text || !*text)
		return local_sqs_refuse(e, "MissingRequiredParameterException",
					"The request must contain the parameter ReceiptHandle.");
	return local_sqs_handle_read(text, ret, e);
}

/* ---- delete ---- */

/* Of a FIFO queue only the holder deletes: what its handle no longer holds is refused. */
static int lease_held(struct queue *q, const struct handle *h, const struct json *o, struct err *e)
{
	AUTO(db_endp)
	struct db_row *r =
		db_query(q->sqs->local->db,
			 "SELECT receipt, visible FROM sqs_messages WHERE id=? AND store=?",
			 DB_ARGS(DB_I(h->id), DB_I(h->store)), e);
	int rc = r ? db_step(r, e) : -1;

	if (rc <= 0 || (db_int(r, 0) == h->receipt && db_int(r, 1) > local_wall(q->sqs->local).ms))
		return rc < 0 ? -1 : 0;
	return local_sqs_refuse(e, "InvalidParameterValueException",
				"Value %.200s for parameter ReceiptHandle is invalid. Reason: The "
				"receipt handle has expired.",
				json_get_str(o, "ReceiptHandle"));
}

static int lease_drop(struct queue *q, const struct handle *h, const char *group, struct err *e)
{
	local_sqs_meter_deleted(q);
	if (q->total > 0)
		q->total--;
	if (q->in_flight > 0)
		q->in_flight--;
	if (DB_RUN(q->sqs->local->db, e, "DELETE FROM sqs_bodies WHERE id=?", DB_I(h->id)) < 0)
		return -1;
	if (!q->fifo)
		return 0;
	local_sqs_wait_dirty(q); /* the next of its group may be received now */
	return local_sqs_fifo_refresh(q, group, e);
}

/* An outdated handle succeeds and deletes nothing: whoever received the message later owns it. */
static int lease_delete(struct queue *q, const struct json *o, struct err *e)
{
	struct db *db = q->sqs->local->db;
	char group[SQS_GROUP_MAX] = "";
	struct handle h;
	int64_t gone = 0;

	if (handle_of(o, &h, e) < 0)
		return -1;
	if (h.store != q->store)
		return 0;
	if (q->fifo && (lease_held(q, &h, o, e) < 0 || local_sqs_fifo_group(q, h.id, group, e) < 0))
		return -1;
	local_sqs_queue_touch(q);
	if (db_exec(db, "DELETE FROM sqs_messages WHERE id=? AND store=? AND receipt=?",
		    DB_ARGS(DB_I(h.id), DB_I(h.store), DB_I(h.receipt)), &gone, e) < 0)
		return -1;
	return gone ? lease_drop(q, &h, group, e) : 0;
}

/* ---- visibility ---- */

static int lease_gone(const struct json *o, struct err *e)
{
	return local_sqs_refuse(e, "InvalidParameterValueException",
				"Value %.200s for parameter ReceiptHandle is invalid. Reason: "
				"Message does not exist or is "
				"not available for visibility timeout change.",
				json_get_str(o, "ReceiptHandle"));
}

/* When the message of @p h was received last; -1 and e->code when the handle holds it no longer. */
static int lease_received(struct queue *q, const struct handle *h, const struct json *o,
			  int64_t *ret, struct err *e)
{
	AUTO(db_endp) struct db_row *r = NULL;
	int rc;

	if (h->store != q->store)
		return lease_gone(o, e);
	r = db_query(q->sqs->local->db,
		     "SELECT last_received, visible FROM sqs_messages WHERE id=? AND store=? AND "
		     "receipt=?",
		     DB_ARGS(DB_I(h->id), DB_I(h->store), DB_I(h->receipt)), e);
	rc = r ? db_step(r, e) : -1;
	if (rc == 0 || (rc == 1 && q->fifo && db_int(r, 1) <= local_wall(q->sqs->local).ms))
		return lease_gone(o, e);
	if (rc == 1)
		*ret = db_int(r, 0);
	return rc < 0 ? -1 : 0;
}

static int lease_change(struct queue *q, const struct json *o, int64_t timeout_s, struct err *e)
{
	const int64_t now = local_wall(q->sqs->local).ms;
	struct handle h;
	int64_t received = 0;

	if (local_sqs_range(e, "VisibilityTimeout", timeout_s, 0, SQS_VISIBILITY_MAX_S) < 0 ||
	    handle_of(o, &h, e) < 0 || lease_received(q, &h, o, &received, e) < 0)
		return -1;
	if (now + timeout_s * 1000 > received + SQS_VISIBILITY_MAX_S * INT64_C(1000))
		return local_sqs_refuse(
			e, "InvalidParameterValueException",
			"Value %" PRId64
			" for parameter VisibilityTimeout is invalid. Reason: Total "
			"VisibilityTimeout for the message is beyond the limit [43200 seconds].",
			timeout_s);
	local_sqs_queue_touch(q);
	if (DB_RUN(q->sqs->local->db, e, "UPDATE sqs_messages SET visible=?, delayed=0 WHERE id=?",
		   DB_I(now + timeout_s * 1000), DB_I(h.id)) < 0 ||
	    (q->fifo && local_sqs_fifo_refresh_of(q, h.id, e) < 0))
		return -1;
	if (timeout_s == 0)
		local_sqs_wait_dirty(q);
	else
		local_sqs_wait_rearm(q);
	return 0;
}

/* -1 (missing) or the timeout; the call has ended when it returns false. */
static bool timeout_of(struct local_call *c, const struct json *o, int64_t *ret)
{
	int rc = local_int(c, o, "VisibilityTimeout", ret);

	if (rc == 0)
		local_fail(c, "MissingRequiredParameterException",
			   "The request must contain the parameter VisibilityTimeout.");
	return rc > 0;
}

/* ---- single calls ---- */

static void lease_end(struct local_call *c, int rc, const struct err *e)
{
	if (rc < 0)
		local_sqs_fail(c, e);
	else
		local_done(c);
}

void local_sqs_delete_message(struct local_call *c)
{
	struct queue *q = local_sqs_queue_of(c);
	struct err e;

	err_clear(&e);
	if (q)
		lease_end(c, lease_delete(q, c->params, &e), &e);
}

void local_sqs_change_visibility(struct local_call *c)
{
	struct queue *q = local_sqs_queue_of(c);
	int64_t timeout_s = 0;
	struct err e;

	err_clear(&e);
	if (q && timeout_of(c, c->params, &timeout_s))
		lease_end(c, lease_change(q, c->params, timeout_s, &e), &e);
}

/* ---- batches ---- */

struct result {
	const char *id;
	struct err error; /* kind ERR_NONE: done */
};

static void batch_put(struct local_call *c, const char *item, const struct result *results,
		      size_t n)
{
	size_t failed = 0;

	local_list(c, "Successful", item);
	for (size_t i = 0; i < n; i++) {
		failed += results[i].error.kind != ERR_NONE;
		if (results[i].error.kind != ERR_NONE)
			continue;
		local_object(c, NULL);
		local_put(c, "Id", results[i].id);
		local_end(c);
	}
	local_end(c);
	if (failed) {
		local_list(c, "Failed", "BatchResultErrorEntry");
		for (size_t i = 0; i < n; i++)
			if (results[i].error.kind != ERR_NONE)
				local_sqs_put_failed(c, results[i].id, &results[i].error);
		local_end(c);
	}
	local_done(c);
}

/* A failure of our own undoes all; one of an entry is that entry's. */
static bool batch_failed(struct local_call *c, int rc, const struct err *e)
{
	if (rc == 0 || local_sqs_refused(e))
		return false;
	local_fail_internal(c, e);
	return true;
}

void local_sqs_delete_batch(struct local_call *c)
{
	struct queue *q = local_sqs_queue_of(c);
	const struct json *entries = q ? local_sqs_entries(c) : NULL;
	struct result results[SQS_BATCH_MAX] = { 0 };

	if (!entries)
		return;
	for (size_t i = 0; i < json_count(entries); i++) {
		results[i].id = json_get_str(json_at(entries, i), "Id");
		if (batch_failed(c, lease_delete(q, json_at(entries, i), &results[i].error),
				 &results[i].error))
			return;
	}
	batch_put(c, "DeleteMessageBatchResultEntry", results, json_count(entries));
}

void local_sqs_change_batch(struct local_call *c)
{
	struct queue *q = local_sqs_queue_of(c);
	const struct json *entries = q ? local_sqs_entries(c) : NULL;
	struct result results[SQS_BATCH_MAX] = { 0 };
	int64_t timeouts[SQS_BATCH_MAX] = { 0 };

	if (!entries)
		return;
	for (size_t i = 0; i < json_count(entries); i++)
		if (local_int(c, json_at(entries, i), "VisibilityTimeout", &timeouts[i]) < 0)
			return;
	for (size_t i = 0; i < json_count(entries); i++) {
		results[i].id = json_get_str(json_at(entries, i), "Id");
		if (batch_failed(
			    c, lease_change(q, json_at(entries, i), timeouts[i], &results[i].error),
			    &results[i].error))
			return;
	}
	batch_put(c, "ChangeMessageVisibilityBatchResultEntry", results, json_count(entries));
}
