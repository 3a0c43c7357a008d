/* Sweeping: messages past their retention, and stores that no queue points at, a bounded piece a
 * turn. */
#include "local/sqs.h"

#include "base/log.h"

#define SWEEP_EVERY_MS 5000

/* Removes at most SQS_SWEEP_MAX messages that @p where picks. Their number, or -1. */
#define SWEEP(where)                                                                           \
	{                                                                                      \
		"DELETE FROM sqs_bodies WHERE id IN (SELECT id FROM sqs_messages WHERE " where \
		" LIMIT 500)",                                                                 \
			"DELETE FROM sqs_messages WHERE id IN (SELECT id FROM sqs_messages "   \
			"WHERE " where " LIMIT 500)"                                           \
	}
_Static_assert(SQS_SWEEP_MAX == 500, "the statements have it as text");

static int64_t sweep_run(struct db *db, const char *const sql[2], const struct db_value *args,
			 size_t n, struct err *e)
{
	int64_t gone = 0;

	if (db_exec(db, sql[0], args, n, NULL, e) < 0 || db_exec(db, sql[1], args, n, &gone, e) < 0)
		return -1;
	return gone;
}

int local_sqs_sweep_queue(struct queue *q, struct err *e)
{
	static const char *const sql[2] = SWEEP("store=? AND sent<=? ORDER BY sent");
	const int64_t before = local_wall(q->sqs->local).ms - q->retention_s * 1000;
	int64_t gone;

	local_sqs_queue_touch(q);
	gone = sweep_run(q->sqs->local->db, sql, DB_ARGS(DB_I(q->store), DB_I(before)), e);
	if (gone < 0)
		return -1;
	if (q->total >= 0)
		q->total -= gone;
	if (q->fifo && gone && local_sqs_fifo_refresh_swept(q, e) < 0)
		return -1;
	return gone == SQS_SWEEP_MAX;
}

/* 1: there may be more. */
static int sweep_store(struct local *l, struct err *e)
{
	static const char *const sql[2] = SWEEP("store=? ORDER BY id");
	AUTO(db_endp)
	struct db_row *r =
		db_query(l->db, "SELECT id FROM sqs_stores WHERE dead LIMIT 1", NULL, 0, e);
	int rc = r ? db_step(r, e) : -1;
	int64_t store, gone;

	if (rc <= 0)
		return rc;
	store = db_int(r, 0);
	db_endp(&r);
	gone = sweep_run(l->db, sql, DB_ARGS(DB_I(store)), e);
	if (gone < 0)
		return -1;
	if (gone < SQS_SWEEP_MAX &&
	    (local_sqs_fifo_forget(l->db, store, e) < 0 ||
	     DB_RUN(l->db, e, "DELETE FROM sqs_stores WHERE id=?", DB_I(store)) < 0))
		return -1;
	return 1;
}

static int sweep_turn(struct local_sqs *s, struct err *e)
{
	int more = 0, rc;

	if (local_write(s->local, e) < 0)
		return -1;
	for (size_t i = 0; i < SQS_BUCKETS; i++)
		for (struct queue *q = s->buckets[i]; q; q = q->next) {
			rc = local_sqs_sweep_queue(q, e);
			if (rc < 0)
				return -1;
			more |= rc;
		}
	if (local_sqs_fifo_sweep(s->local, e) < 0)
		return -1;
	rc = sweep_store(s->local, e);
	return rc < 0 ? -1 : more | rc;
}

static void sweep(void *arg)
{
	struct local_sqs *s = arg;
	struct err e;
	int more;

	err_clear(&e);
	more = sweep_turn(s, &e);
	if (more < 0) {
		LOG_WARN("messages past their retention could not be removed -> tried again",
			 LOG_E(&e));
		local_undo(s->local);
	}
	loop_timer_start(s->sweep, span_ms(more > 0 ? 1 : SWEEP_EVERY_MS));
}

void local_sqs_sweep_start(struct local_sqs *s)
{
	if (!s->sweep)
		s->sweep = loop_timer_new(s->local->loop, sweep, s);
	loop_timer_start(s->sweep, span_ms(1));
}
