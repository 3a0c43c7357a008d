/* What a queue did in a minute, and what CloudWatch is told of it at the end (the AWS/SQS metrics).
 *
 * The counts of the running minute stand in a row of their own, written in the batch of the calls
 * that they count: an acknowledged send is counted, whenever the process dies. A receive that found
 * nothing writes nothing by itself, so that polling costs no fsync; a kill -9 can lose those of the
 * last minute. Sizes are kept as count, sum, least and greatest over a restart, without
 * percentiles.
 */
#include <string.h>

#include "local/cloudwatch.h"
#include "local/schema.h"
#include "local/sqs.h"

/* AWS: a queue is active for six hours after any action, and while it has messages. */
#define ACTIVE_MS (6ll * 3600 * 1000)
#define SIZES_MAX 64 /* different sizes that are told apart */
#define LOOK_MOST 1000

const char local_sqs_meter_schema[] =
	"CREATE TABLE sqs_meter(queue TEXT PRIMARY KEY, minute INTEGER NOT NULL,"
	" sent INTEGER NOT NULL, received INTEGER NOT NULL, deleted INTEGER NOT NULL,"
	" empty INTEGER NOT NULL, bytes REAL NOT NULL, low REAL NOT NULL, high REAL NOT NULL)"
	" WITHOUT ROWID;"
	/* When a message came to the dead letters: their age counts from then. */
	"ALTER TABLE sqs_messages ADD COLUMN moved INTEGER;";
const char local_sqs_moved_schema[] =
	"CREATE INDEX sqs_moved ON sqs_messages(store, moved) WHERE moved IS NOT NULL;";

void local_sqs_meter_done(struct queue *q)
{
	local_cloudwatch_stat_done(&q->meter.sizes);
	q->meter = (struct sqs_meter){ 0 };
}

void local_sqs_meter_touch(struct queue *q)
{
	q->meter.used = local_wall(q->sqs->local);
}

/* ---- the row ---- */

static int store(struct queue *q, struct err *e)
{
	const struct sqs_meter *m = &q->meter;

	return DB_RUN(q->sqs->local->db, e,
		      "INSERT OR REPLACE INTO sqs_meter VALUES(?,?,?,?,?,?,?,?,?)", DB_S(q->name),
		      DB_I(m->minute), DB_I(m->sent), DB_I(m->received), DB_I(m->deleted),
		      DB_I(m->empty), DB_D(m->sizes.sum), DB_D(m->sizes.low), DB_D(m->sizes.high));
}

static void store_dirty(void *arg)
{
	struct local_sqs *s = arg;
	struct err e;

	err_clear(&e);
	s->metered = false;
	for (size_t i = 0; i < SQS_BUCKETS; i++)
		for (struct queue *q = s->buckets[i]; q; q = q->next) {
			if (!q->meter.dirty)
				continue;
			q->meter.dirty = false;
			if (store(q, &e) < 0)
				local_undo(s->local);
		}
}

int local_sqs_meter_load(struct local_sqs *s, struct err *e)
{
	AUTO(db_endp)
	struct db_row *r = db_query(s->local->db,
				    "SELECT queue, minute, sent, received, deleted, empty, bytes, "
				    "low, high FROM sqs_meter",
				    NULL, 0, e);
	int rc;

	if (!r)
		return -1;
	for (size_t i = 0; i < SQS_BUCKETS; i++)
		for (struct queue *q = s->buckets[i]; q; q = q->next) {
			struct instant used = q->meter.used;

			local_sqs_meter_done(q);
			q->meter.used = used;
		}
	while ((rc = db_step(r, e)) == 1) {
		struct queue *q = local_sqs_queue_find(s, db_str(r, 0));
		struct sqs_meter *m = q ? &q->meter : NULL;

		if (!m)
			continue;
		m->minute = db_int(r, 1);
		m->sent = db_int(r, 2);
		m->received = db_int(r, 3);
		m->deleted = db_int(r, 4);
		m->empty = db_int(r, 5);
		m->sizes = (struct local_cloudwatch_sum){ .n = (double)m->sent,
							  .sum = db_real(r, 6),
							  .low = db_real(r, 7),
							  .high = db_real(r, 8),
							  .blind = m->sent > 0 };
	}
	return rc;
}

/* ---- the end of a minute ---- */

enum metric { SENT, RECEIVED, DELETED, EMPTY, SIZE, VISIBLE, IN_FLIGHT, DELAYED, AGE, METRICS };
_Static_assert(METRICS == SQS_METRICS, "there is room for the id of each");

static const char *const words[METRICS] = {
	[SENT] = "NumberOfMessagesSent",
	[RECEIVED] = "NumberOfMessagesReceived",
	[DELETED] = "NumberOfMessagesDeleted",
	[EMPTY] = "NumberOfEmptyReceives",
	[SIZE] = "SentMessageSize",
	[VISIBLE] = "ApproximateNumberOfMessagesVisible",
	[IN_FLIGHT] = "ApproximateNumberOfMessagesNotVisible",
	[DELAYED] = "ApproximateNumberOfMessagesDelayed",
	[AGE] = "ApproximateAgeOfOldestMessage",
};

static struct local_cloudwatch_own metric_of(struct queue *q, int64_t end_s, enum metric m)
{
	return (struct local_cloudwatch_own){
		.space = "AWS/SQS",
		.name = words[m],
		.dimension = "QueueName",
		.of = q->name,
		.unit = m == SIZE  ? "Bytes"
			: m == AGE ? "Seconds"
				   : "Count",
		.end_s = end_s,
		.series = &q->meter.series[m],
	};
}

static int tell(struct queue *q, int64_t end_s, enum metric first, const double *values, size_t n,
		struct err *e)
{
	for (size_t i = 0; i < n; i++) {
		struct local_cloudwatch_own what = metric_of(q, end_s, first + i);

		if (local_cloudwatch_own(q->sqs->local, &what, values[i], e) < 0)
			return -1;
	}
	return 0;
}

/* A new minute; what is known of the queue stays. */
static void renew(struct queue *q)
{
	struct sqs_meter before = q->meter;

	local_sqs_meter_done(q);
	q->meter.used = before.used;
	memcpy(q->meter.series, before.series, sizeof(before.series));
}

/* The counts go to the minute that they belong to, and begin anew. */
static int tell_counts(struct queue *q, struct err *e)
{
	struct sqs_meter *m = &q->meter;
	const double counts[] = { (double)m->sent, (double)m->received, (double)m->deleted,
				  (double)m->empty };
	struct local_cloudwatch_own size = metric_of(q, m->minute + 60, SIZE);

	if (tell(q, m->minute + 60, SENT, counts, COUNT_OF(counts), e) < 0 ||
	    (m->sent && local_cloudwatch_own_sum(q->sqs->local, &size, &m->sizes, e) < 0))
		return -1;
	renew(q);
	return DB_RUN(q->sqs->local->db, e, "DELETE FROM sqs_meter WHERE queue=?", DB_S(q->name));
}

/* AWS passes over what was received three times or more. Of those that head a queue as many as
 * LOOK_MOST are looked at, so that a minute costs the same however long it is. */
static int oldest_sent(struct queue *q, int64_t now, int64_t *ret, struct err *e)
{
	AUTO(db_endp)
	struct db_row *r = db_query(q->sqs->local->db,
				    "SELECT sent, received<3 AND moved IS NULL FROM sqs_messages "
				    "WHERE store=? AND sent<=? ORDER BY sent LIMIT ?",
				    DB_ARGS(DB_I(q->store), DB_I(now), DB_I(LOOK_MOST)), e);
	int rc;

	if (!r)
		return -1;
	while ((rc = db_step(r, e)) == 1)
		if (db_int(r, 1)) {
			*ret = db_int(r, 0);
			return 0;
		}
	return rc;
}

/* The age of a dead letter counts from its move. */
static int oldest_moved(struct queue *q, int64_t *ret, struct err *e)
{
	AUTO(db_endp)
	struct db_row *r = db_query(q->sqs->local->db,
				    "SELECT moved FROM sqs_messages WHERE store=? AND moved IS NOT "
				    "NULL ORDER BY moved LIMIT 1",
				    DB_ARGS(DB_I(q->store)), e);
	int rc = r ? db_step(r, e) : -1;

	if (rc == 1 && db_int(r, 0) < *ret)
		*ret = db_int(r, 0);
	return rc < 0 ? -1 : 0;
}

static int oldest(struct queue *q, int64_t now, double *ret_s, struct err *e)
{
	int64_t since = now;

	if (oldest_sent(q, now, &since, e) < 0 || oldest_moved(q, &since, e) < 0)
		return -1;
	*ret_s = (double)((now - since) / 1000);
	return 0;
}

static int tell_depth(struct queue *q, int64_t end_s, const struct sqs_counts *n, struct err *e)
{
	double age;

	if (oldest(q, end_s * 1000, &age, e) < 0)
		return -1;
	return tell(q, end_s, VISIBLE,
		    (const double[]){ (double)n->visible, (double)n->in_flight, (double)n->delayed,
				      age },
		    4, e);
}

static int queue_minute(struct queue *q, int64_t end_s, struct err *e)
{
	struct sqs_counts n;
	bool counted = q->meter.minute && q->meter.minute < end_s;

	if (local_sqs_attr_count(q, (struct instant){ end_s * 1000 }, &n, e) < 0)
		return -1;
	if (!counted && n.visible + n.in_flight + n.delayed == 0 &&
	    q->meter.used.ms + ACTIVE_MS < end_s * 1000)
		return 0; /* asleep */
	if (counted && q->meter.minute < end_s - 60 && tell_counts(q, e) < 0)
		return -1; /* of a minute in which nobody looked: before a restart */
	if (!q->meter.minute)
		q->meter.minute = end_s - 60;
	if (q->meter.minute == end_s - 60 && tell_counts(q, e) < 0)
		return -1;
	return tell_depth(q, end_s, &n, e);
}

int local_sqs_meter_minute(struct local_sqs *s, int64_t end_s, struct err *e)
{
	for (size_t i = 0; i < SQS_BUCKETS; i++)
		for (struct queue *q = s->buckets[i]; q; q = q->next) {
			local_sqs_queue_touch(q);
			if (queue_minute(q, end_s, e) < 0)
				return err_wrap(e, "the metrics of queue %s", q->name);
		}
	return 0;
}

/* ---- counting ---- */

/* The meter of the running minute. The minute before is told at once when its timer is late. */
static struct sqs_meter *meter_now(struct queue *q)
{
	const int64_t now = local_wall(q->sqs->local).ms / 1000, minute = now - now % 60;
	struct err e;

	err_clear(&e);
	if (q->meter.minute && q->meter.minute != minute && tell_counts(q, &e) < 0)
		local_undo(q->sqs->local);
	q->meter.minute = minute;
	return &q->meter;
}

static void dirty(struct queue *q)
{
	struct local_sqs *s = q->sqs;

	q->meter.dirty = true;
	local_sqs_queue_touch(q);
	if (!s->metered)
		local_before_commit(s->local, store_dirty, s);
	s->metered = true;
}

void local_sqs_meter_sent(struct queue *q, size_t bytes)
{
	struct sqs_meter *m = meter_now(q);

	m->sent++;
	local_cloudwatch_stat_value(&m->sizes, (double)bytes, 1, SIZES_MAX);
	dirty(q);
}

void local_sqs_meter_received(struct queue *q, int64_t messages)
{
	struct sqs_meter *m = meter_now(q);

	m->received += messages;
	if (messages)
		dirty(q);
	else
		m->empty++;
}

void local_sqs_meter_deleted(struct queue *q)
{
	meter_now(q)->deleted++;
	dirty(q);
}
