/* Receiving: which messages are taken, and how they are told. */
#include "local/sqs.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/crypto.h"
#include "local/fault.h"

/* Rounds of candidates a receive looks at before it rests: most rows are taken in the first; the
 * others are there for long runs of expired or dead-lettered ones. */
#define RECEIVE_ROUNDS 50

struct found {
	int64_t id, sent, received, first_received;
};

struct taken {
	struct found m;
	int64_t receipt;
	char *source; /* the queue it was dead-lettered from, or NULL */
};

/* Visible messages; of a FIFO queue those of one group, in order, up to the first that is not. */
static int receive_candidates(struct queue *q, int64_t now, size_t most, const char *group,
			      struct found *ret, struct err *e)
{
	static const char any[] =
		"SELECT id, sent, received, coalesce(first_received, ?), visible FROM sqs_messages "
		"WHERE store=? AND visible<=? ORDER BY visible LIMIT ?";
	static const char of_group[] =
		"SELECT id, sent, received, coalesce(first_received, ?), visible FROM sqs_messages "
		"WHERE store=? AND grp=? ORDER BY id LIMIT ?";
	AUTO(db_endp)
	struct db_row *r = db_query(q->sqs->local->db, group ? of_group : any,
				    DB_ARGS(DB_I(now), DB_I(q->store),
					    group ? DB_S(group) : DB_I(now), DB_I((int64_t)most)),
				    e);
	int n = 0, rc;

	if (!r)
		return -1;
	while ((rc = db_step(r, e)) == 1 && db_int(r, 4) <= now)
		ret[n++] = (struct found){ db_int(r, 0), db_int(r, 1), db_int(r, 2), db_int(r, 3) };
	return rc < 0 ? -1 : n;
}

static void total_change(struct queue *q, int by)
{
	if (q->total >= 0)
		q->total += by;
}

static int receive_expire(struct queue *q, const struct found *m, struct err *e)
{
	struct db *db = q->sqs->local->db;

	total_change(q, -1);
	if (DB_RUN(db, e, "DELETE FROM sqs_messages WHERE id=?", DB_I(m->id)) < 0)
		return -1;
	return DB_RUN(db, e, "DELETE FROM sqs_bodies WHERE id=?", DB_I(m->id));
}

/* The message goes on as it is: same id, same age, same receive count. */
static int receive_redrive(struct queue *q, struct queue *dead, const struct found *m, int64_t now,
			   struct err *e)
{
	AUTO(own_freep) char *arn = local_sqs_arn(q->sqs->local, q->name);

	total_change(q, -1);
	total_change(dead, 1);
	local_sqs_wait_dirty(dead);
	return DB_RUN(
		q->sqs->local->db, e,
		"UPDATE sqs_messages SET store=?1, visible=?2, delayed=0, receipt=0, source=?3, "
		"moved=?2 WHERE id=?4",
		DB_I(dead->store), DB_I(now), DB_S(arn), DB_I(m->id));
}

static int receive_claim(struct queue *q, const struct found *m, int64_t now, const struct ask *ask,
			 int64_t *ret, struct err *e)
{
	/* Delivered twice: what was received stays visible. */
	bool twice = local_fault_hit(q->sqs->local, FAULT_TWICE, SERVICE_SQS, "ReceiveMessage");

	crypto_random(ret, sizeof(*ret));
	*ret |= 1; /* never the 0 of a message that nobody holds */
	return DB_RUN(
		q->sqs->local->db, e,
		"UPDATE sqs_messages SET visible=?, delayed=0, received=received+1, "
		"first_received=coalesce(first_received, ?), last_received=?, receipt=? WHERE id=?",
		DB_I(twice ? now : now + ask->visibility_s * 1000), DB_I(now), DB_I(now),
		DB_I(*ret), DB_I(m->id));
}

/* ---- telling ---- */

static bool names_take(const struct json *names, const char *name)
{
	for (size_t i = 0; i < json_count(names); i++) {
		const char *want = json_str(json_at(names, i));
		size_t n = want ? strlen(want) : 0;

		if (!want)
			continue;
		if (!strcmp(want, "All") || !strcmp(want, ".*") || !strcmp(want, name))
			return true;
		if (n > 2 && !strcmp(want + n - 2, ".*") && !strncmp(want, name, n - 2))
			return true;
	}
	return false;
}

static bool want_name(const char *name, const void *arg)
{
	return names_take(arg, name);
}

static bool wants_system(const struct local_call *c, const char *name)
{
	return names_take(json_get(c->params, "AttributeNames"), name) ||
	       names_take(json_get(c->params, "MessageSystemAttributeNames"), name);
}

static void put_system(struct local_call *c, bool *any, const char *name, const char *value)
{
	if (!value || !wants_system(c, name))
		return;
	if (!*any)
		local_map(c, "Attributes", "Attribute");
	*any = true;
	local_put(c, name, value);
}

static void put_system_number(struct local_call *c, bool *any, const char *name, int64_t value)
{
	char text[32];

	snprintf(text, sizeof(text), "%" PRId64, value);
	put_system(c, any, name, text);
}

static void put_attributes(struct local_call *c, const char *text)
{
	const struct json *names = json_get(c->params, "MessageAttributeNames"), *value;
	AUTO(json_freep)
	struct json *all = text && names ? json_parse(text, strlen(text), NULL) : NULL;
	char md5[MD5ATTR_HEX];
	const char *name;
	bool any = false;

	for (size_t it = 0; json_next(all, &it, &name, &value);) {
		if (!names_take(names, name))
			continue;
		if (!any)
			local_map(c, "MessageAttributes", "MessageAttribute");
		any = true;
		local_object(c, name);
		local_put(c, "StringValue", json_get_str(value, "StringValue"));
		local_put(c, "BinaryValue", json_get_str(value, "BinaryValue"));
		local_put(c, "DataType", json_get_str(value, "DataType"));
		local_end(c);
	}
	if (!any)
		return;
	local_end(c);
	if (local_sqs_message_digest(all, want_name, names, md5, NULL) == 0)
		local_put(c, "MD5OfMessageAttributes", md5);
}

static void put_message(struct local_call *c, const struct queue *q, const struct taken *t,
			const struct db_row *r)
{
	const struct handle h = { q->store, t->m.id, t->receipt };
	char handle[SQS_HANDLE_MAX], sequence[SQS_SEQUENCE_MAX];
	bool any = false;

	local_sqs_handle_print(&h, handle);
	local_object(c, NULL);
	local_put(c, "MessageId", db_str(r, 0));
	local_put(c, "ReceiptHandle", handle);
	local_put(c, "MD5OfBody", db_str(r, 2));
	local_put(c, "Body", db_str(r, 1));
	put_system(c, &any, "SenderId", db_str(r, 6));
	put_system_number(c, &any, "SentTimestamp", t->m.sent);
	put_system_number(c, &any, "ApproximateReceiveCount", t->m.received + 1);
	put_system_number(c, &any, "ApproximateFirstReceiveTimestamp", t->m.first_received);
	put_system(c, &any, "MessageGroupId", db_str(r, 5));
	put_system(c, &any, "MessageDeduplicationId", db_str(r, 8));
	if (q->fifo)
		put_system(c, &any, "SequenceNumber", local_sqs_fifo_sequence(t->m.id, sequence));
	put_system(c, &any, "AWSTraceHeader", db_str(r, 4));
	put_system(c, &any, "DeadLetterQueueSourceArn", db_str(r, 7));
	if (any)
		local_end(c);
	put_attributes(c, db_str(r, 3));
	local_end(c);
}

static int receive_put(struct local_call *c, const struct queue *q, const struct taken *t,
		       struct err *e)
{
	AUTO(db_endp)
	struct db_row *r =
		db_query(c->local->db,
			 "SELECT b.message_id, b.body, b.md5, b.attributes, b.trace, "
			 "b.message_group, b.sender, m.source, b.dedup "
			 "FROM sqs_bodies b JOIN sqs_messages m ON m.id=b.id WHERE b.id=?",
			 DB_ARGS(DB_I(t->m.id)), e);
	int rc = r ? db_step(r, e) : -1;

	if (rc == 1)
		put_message(c, q, t, r);
	else if (rc == 0)
		rc = err_set(e, ERR_LOCAL, "message %" PRId64 " has no body", t->m.id);
	return rc < 0 ? -1 : 0;
}

/* ---- taking ---- */

/* What is told of a message that was received before. */
static int receive_found(struct queue *q, struct found *m, struct err *e)
{
	AUTO(db_endp)
	struct db_row *r = db_query(q->sqs->local->db,
				    "SELECT sent, received-1, first_received FROM sqs_messages "
				    "WHERE id=?",
				    DB_ARGS(DB_I(m->id)), e);

	if (!r || db_step(r, e) < 0)
		return -1;
	m->sent = db_int(r, 0);
	m->received = db_int(r, 1);
	m->first_received = db_int(r, 2);
	return 0;
}

/* Decides on one candidate: expired, to the dead letters, or ours (1). */
static int receive_one(struct queue *q, const struct found *m, int64_t now, const struct ask *ask,
		       int64_t *receipt, struct err *e)
{
	struct queue *dead = q->dead_letter ? local_sqs_queue_find(q->sqs, q->dead_letter) : NULL;

	if (m->sent + q->retention_s * 1000 <= now)
		return receive_expire(q, m, e);
	if (dead && dead != q && m->received >= q->max_receive)
		return receive_redrive(q, dead, m, now, e);
	return receive_claim(q, m, now, ask, receipt, e) < 0 ? -1 : 1;
}

/* The candidates that are ours now, into the answer. Their number, or -1. */
static int take_list(struct local_call *c, struct queue *q, const struct ask *ask,
		     const struct found *list, int n, int already, struct err *e)
{
	const int64_t now = local_wall(c->local).ms;
	struct taken t = { 0 };
	int taken = 0;

	for (int i = 0; i < n; i++) {
		int rc = receive_one(q, &list[i], now, ask, &t.receipt, e);

		if (rc < 0)
			return -1;
		if (rc == 0)
			continue;
		t.m = list[i];
		if (already + taken++ == 0)
			local_list(c, "Messages", "Message");
		if (receive_put(c, q, &t, e) < 0 ||
		    (ask->attempt &&
		     local_sqs_fifo_attempt_keep(q, ask->attempt, t.m.id, t.receipt, e) < 0))
			return -1;
	}
	return taken;
}

/* One round on one group. Its number of candidates, 0 when no group can be received from. */
static int take_group(struct local_call *c, struct queue *q, const struct ask *ask, int *taken,
		      struct err *e)
{
	struct queue *dead = q->dead_letter ? local_sqs_queue_find(q->sqs, q->dead_letter) : NULL;
	const int64_t now = local_wall(c->local).ms;
	struct found list[SQS_BATCH_MAX];
	char group[SQS_GROUP_MAX];
	int n = local_sqs_fifo_next(q, now, group, e), got;

	if (n <= 0)
		return n;
	n = receive_candidates(q, now, (size_t)(ask->most - *taken), group, list, e);
	got = n < 0 ? -1 : take_list(c, q, ask, list, n, *taken, e);
	if (got < 0 || local_sqs_fifo_refresh(q, group, e) < 0 ||
	    (got < n && dead && dead != q && local_sqs_fifo_refresh(dead, group, e) < 0))
		return -1;
	*taken += got;
	return n;
}

static int take_any(struct local_call *c, struct queue *q, const struct ask *ask, int *taken,
		    struct err *e)
{
	struct found list[SQS_BATCH_MAX];
	int n = receive_candidates(q, local_wall(c->local).ms, (size_t)(ask->most - *taken), NULL,
				   list, e);
	int got = n < 0 ? -1 : take_list(c, q, ask, list, n, *taken, e);

	if (got < 0)
		return -1;
	*taken += got;
	return n;
}

/* A repeated attempt gets what it got, held anew. Their number, or -1. */
static int take_again(struct local_call *c, struct queue *q, const struct ask *ask, struct err *e)
{
	const int64_t now = local_wall(c->local).ms;
	struct attempt before;

	if (local_sqs_fifo_attempt_find(q, ask->attempt, &before, e) < 0)
		return -1;
	if (before.count)
		local_list(c, "Messages", "Message");
	for (int i = 0; i < before.count; i++) {
		struct taken t = { .receipt = before.receipts[i] };

		t.m.id = before.ids[i];
		if (DB_RUN(c->local->db, e, "UPDATE sqs_messages SET visible=? WHERE id=?",
			   DB_I(now + ask->visibility_s * 1000), DB_I(t.m.id)) < 0 ||
		    receive_found(q, &t.m, e) < 0 || receive_put(c, q, &t, e) < 0 ||
		    local_sqs_fifo_refresh_of(q, t.m.id, e) < 0)
			return -1;
	}
	if (before.count)
		local_end(c);
	return before.count;
}

/* More than AWS lets be in flight? The bound in memory only grows until it is counted anew. */
static int over_limit(struct queue *q, bool *ret, struct err *e)
{
	AUTO(db_endp) struct db_row *r = NULL;

	*ret = false;
	if (q->in_flight < SQS_IN_FLIGHT_MAX)
		return 0;
	r = db_query(q->sqs->local->db,
		     "SELECT count(*) FROM sqs_messages WHERE store=? AND visible>? AND delayed=0",
		     DB_ARGS(DB_I(q->store), DB_I(local_wall(q->sqs->local).ms)), e);
	if (!r || db_step(r, e) < 0)
		return -1;
	q->in_flight = db_int(r, 0);
	*ret = q->in_flight >= SQS_IN_FLIGHT_MAX;
	return 0;
}

int local_sqs_receive_take(struct local_call *c, struct queue *q, const struct ask *ask,
			   struct err *e)
{
	const bool twice = local_fault_wanted(c->local, FAULT_TWICE);
	int taken = ask->attempt ? take_again(c, q, ask, e) : 0, n = 1;
	bool over;

	if (taken != 0 || over_limit(q, &over, e) < 0)
		return taken ? taken : -1;
	if (over)
		return 0;
	for (int round = 0; round < RECEIVE_ROUNDS && n > 0 && taken < ask->most; round++) {
		n = q->fifo ? take_group(c, q, ask, &taken, e) : take_any(c, q, ask, &taken, e);
		/* With no timeout what was taken is visible still, and would be taken again. */
		if (taken && (ask->visibility_s == 0 || twice))
			break;
	}
	if (n < 0)
		return -1;
	if (taken)
		local_end(c);
	q->in_flight += taken;
	return taken;
}

/* ---- the call ---- */

static int ask_read(struct local_call *c, const struct queue *q, struct ask *ret)
{
	struct err e;

	*ret = (struct ask){ .most = 1, .wait_s = q->wait_s, .visibility_s = q->visibility_s };
	if (local_int(c, c->params, "MaxNumberOfMessages", &ret->most) < 0 ||
	    local_int(c, c->params, "WaitTimeSeconds", &ret->wait_s) < 0 ||
	    local_int(c, c->params, "VisibilityTimeout", &ret->visibility_s) < 0)
		return -1;
	ret->attempt = local_str(c->params, "ReceiveRequestAttemptId");
	if (ret->attempt && !q->fifo) {
		local_fail(c, "InvalidParameterValueException",
			   "Value %.128s for parameter ReceiveRequestAttemptId is invalid. Reason: "
			   "The request include parameter that is not valid for this queue type.",
			   ret->attempt);
		return -1;
	}
	if (local_sqs_range(&e, "MaxNumberOfMessages", ret->most, 1, SQS_BATCH_MAX) == 0 &&
	    local_sqs_range(&e, "WaitTimeSeconds", ret->wait_s, 0, 20) == 0 &&
	    local_sqs_range(&e, "VisibilityTimeout", ret->visibility_s, 0, SQS_VISIBILITY_MAX_S) ==
		    0)
		return 0;
	local_sqs_fail(c, &e);
	return -1;
}

void local_sqs_receive_message(struct local_call *c)
{
	struct queue *q = local_sqs_queue_of(c);
	struct ask ask;
	struct err e;
	bool over;
	int n;

	if (!q || ask_read(c, q, &ask) < 0)
		return;
	err_clear(&e);
	local_sqs_queue_touch(q);
	if (over_limit(q, &over, &e) < 0) {
		local_fail_internal(c, &e);
		return;
	}
	if (over && ask.wait_s == 0) {
		local_fail(c, "OverLimit", "Too many messages in flight.");
		return;
	}
	n = over ? 0 : local_sqs_receive_take(c, q, &ask, &e);
	if (n > 0 || (n == 0 && ask.wait_s == 0))
		local_sqs_meter_received(q, n);
	if (n < 0)
		local_fail_internal(c, &e);
	else if (n > 0 || ask.wait_s == 0)
		local_done(c);
	else
		local_sqs_wait_park(c, q, &ask);
	if (n > 0)
		local_sqs_wait_rearm(q);
}
