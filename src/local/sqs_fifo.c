/* FIFO queues: groups that hand out their messages in order, and what five minutes are remembered.
 *
 * A group is received from while its first message is visible, and then from that one on until the
 * first that is not. So one row a group, with its first message and when that is visible, finds
 * work without looking at the messages of groups that are held. */
#include "local/sqs.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/crypto.h"
#include "local/schema.h"

#define REMEMBERED_MS 300000

const char local_sqs_fifo_schema[] =
	"ALTER TABLE sqs_messages ADD COLUMN grp TEXT;" /* of FIFO queues only */
	"CREATE INDEX sqs_group ON sqs_messages(store, grp) WHERE grp IS NOT NULL;"
	"ALTER TABLE sqs_bodies ADD COLUMN dedup TEXT;"
	"CREATE TABLE sqs_groups(store INTEGER NOT NULL, name TEXT NOT NULL, head INTEGER NOT NULL,"
	" ready INTEGER NOT NULL, PRIMARY KEY(store, name)) WITHOUT ROWID;"
	"CREATE INDEX sqs_ready ON sqs_groups(store, ready, head);"
	"CREATE TABLE sqs_dedups(store INTEGER NOT NULL, scope TEXT NOT NULL, key TEXT NOT NULL,"
	" at INTEGER NOT NULL, message_id TEXT NOT NULL, message INTEGER NOT NULL,"
	" PRIMARY KEY(store, scope, key)) WITHOUT ROWID;"
	"CREATE INDEX sqs_dedups_at ON sqs_dedups(at);"
	"CREATE TABLE sqs_attempts(store INTEGER NOT NULL, attempt TEXT NOT NULL, at INTEGER NOT "
	"NULL,"
	" message INTEGER NOT NULL, receipt INTEGER NOT NULL);"
	"CREATE INDEX sqs_attempts_of ON sqs_attempts(store, attempt);"
	"CREATE INDEX sqs_attempts_at ON sqs_attempts(at);"
	"CREATE TABLE sqs_moves(id TEXT PRIMARY KEY, source TEXT NOT NULL, destination TEXT,"
	" rate INTEGER, status TEXT NOT NULL, moved INTEGER NOT NULL, total INTEGER NOT NULL,"
	" started INTEGER NOT NULL, failure TEXT);";

bool local_sqs_fifo_named(const char *queue)
{
	size_t n = strlen(queue);

	return n > 5 && !strcmp(queue + n - 5, ".fifo");
}

const char *local_sqs_fifo_sequence(int64_t id, char out[static SQS_SEQUENCE_MAX])
{
	snprintf(out, SQS_SEQUENCE_MAX, "1887%016" PRId64, id * 256);
	return out;
}

/* ---- groups ---- */

int local_sqs_fifo_refresh(struct queue *q, const char *group, struct err *e)
{
	struct db *db = q->sqs->local->db;
	AUTO(db_endp)
	struct db_row *r = db_query(db,
				    "SELECT id, visible FROM sqs_messages WHERE store=? AND grp=? "
				    "ORDER BY id LIMIT 1",
				    DB_ARGS(DB_I(q->store), DB_S(group)), e);
	int rc = r ? db_step(r, e) : -1;

	if (rc < 0)
		return -1;
	if (rc == 0)
		return DB_RUN(db, e, "DELETE FROM sqs_groups WHERE store=? AND name=?",
			      DB_I(q->store), DB_S(group));
	return DB_RUN(db, e, "INSERT OR REPLACE INTO sqs_groups VALUES(?,?,?,?)", DB_I(q->store),
		      DB_S(group), DB_I(db_int(r, 0)), DB_I(db_int(r, 1)));
}

/* The name that @p sql finds for two numbers. 1 found, 0 none, -1 error. */
static int group_find(struct queue *q, const char *sql, int64_t x, int64_t y,
		      char ret[static SQS_GROUP_MAX], struct err *e)
{
	AUTO(db_endp)
	struct db_row *r = db_query(q->sqs->local->db, sql, DB_ARGS(DB_I(x), DB_I(y)), e);
	int rc = r ? db_step(r, e) : -1;

	if (rc == 1 && db_is_null(r, 0))
		return 0;
	if (rc == 1)
		snprintf(ret, SQS_GROUP_MAX, "%s", db_str(r, 0));
	return rc;
}

int local_sqs_fifo_group(struct queue *q, int64_t message, char ret[static SQS_GROUP_MAX],
			 struct err *e)
{
	return group_find(q, "SELECT grp FROM sqs_messages WHERE id=? AND store=?", message,
			  q->store, ret, e);
}

int local_sqs_fifo_refresh_of(struct queue *q, int64_t message, struct err *e)
{
	char group[SQS_GROUP_MAX];
	int rc = local_sqs_fifo_group(q, message, group, e);

	return rc == 1 ? local_sqs_fifo_refresh(q, group, e) : rc;
}

int local_sqs_fifo_refresh_swept(struct queue *q, struct err *e)
{
	char group[SQS_GROUP_MAX];
	int rc;

	while ((rc = group_find(
			q,
			"SELECT name FROM sqs_groups g WHERE store=? AND NOT EXISTS(SELECT 1 "
			"FROM sqs_messages m WHERE m.id=g.head AND m.store=?) LIMIT 1",
			q->store, q->store, group, e)) == 1)
		if (local_sqs_fifo_refresh(q, group, e) < 0)
			return -1;
	return rc;
}

int local_sqs_fifo_next(struct queue *q, int64_t now, char ret[static SQS_GROUP_MAX], struct err *e)
{
	return group_find(q,
			  "SELECT name FROM sqs_groups WHERE store=? AND ready<=? "
			  "ORDER BY ready, head LIMIT 1",
			  q->store, now, ret, e);
}

/* ---- deduplication ---- */

char *local_sqs_fifo_content(const struct message *m)
{
	uint8_t digest[CRYPTO_SHA256_BYTES];
	char *hex = own_alloc(2 * sizeof(digest) + 1);

	crypto_sha256(m->body, m->body_len, digest);
	crypto_hex(digest, sizeof(digest), hex);
	return hex;
}

static const char *dedup_scope(const struct queue *q, const struct message *m)
{
	return q->by_group ? m->group : "";
}

int local_sqs_fifo_seen(struct queue *q, const struct message *m, struct sent *ret, struct err *e)
{
	const int64_t since = local_wall(q->sqs->local).ms - REMEMBERED_MS;
	AUTO(db_endp)
	struct db_row *r = db_query(
		q->sqs->local->db,
		"SELECT message_id, message FROM sqs_dedups "
		"WHERE store=? AND scope=? AND key=? AND at>?",
		DB_ARGS(DB_I(q->store), DB_S(dedup_scope(q, m)), DB_S(m->dedup), DB_I(since)), e);
	int rc = r ? db_step(r, e) : -1;

	if (rc == 1) {
		snprintf(ret->id, sizeof(ret->id), "%s", db_str(r, 0));
		ret->row = db_int(r, 1);
	}
	return rc;
}

int local_sqs_fifo_remember(struct queue *q, const struct message *m, const struct sent *s,
			    struct err *e)
{
	return DB_RUN(q->sqs->local->db, e, "INSERT OR REPLACE INTO sqs_dedups VALUES(?,?,?,?,?,?)",
		      DB_I(q->store), DB_S(dedup_scope(q, m)), DB_S(m->dedup),
		      DB_I(local_wall(q->sqs->local).ms), DB_S(s->id), DB_I(s->row));
}

/* ---- attempts ---- */

/* Only as long as nothing has happened to any of its messages. */
int local_sqs_fifo_attempt_find(struct queue *q, const char *attempt, struct attempt *ret,
				struct err *e)
{
	const int64_t now = local_wall(q->sqs->local).ms;
	AUTO(db_endp)
	struct db_row *r = db_query(
		q->sqs->local->db,
		"SELECT a.message, a.receipt, m.id IS NOT NULL FROM sqs_attempts a "
		"LEFT JOIN sqs_messages m ON m.id=a.message AND m.store=a.store AND "
		"m.receipt=a.receipt AND m.visible>? WHERE a.store=? AND a.attempt=? AND a.at>? "
		"ORDER BY a.message",
		DB_ARGS(DB_I(now), DB_I(q->store), DB_S(attempt), DB_I(now - REMEMBERED_MS)), e);
	bool whole = true;
	int rc;

	*ret = (struct attempt){ 0 };
	if (!r)
		return -1;
	while ((rc = db_step(r, e)) == 1 && ret->count < SQS_BATCH_MAX) {
		ret->ids[ret->count] = db_int(r, 0);
		ret->receipts[ret->count++] = db_int(r, 1);
		whole = whole && db_int(r, 2);
	}
	if (!whole)
		ret->count = 0;
	db_endp(&r);
	if (rc < 0 || whole)
		return rc < 0 ? -1 : 0;
	return DB_RUN(q->sqs->local->db, e, "DELETE FROM sqs_attempts WHERE store=? AND attempt=?",
		      DB_I(q->store), DB_S(attempt));
}

int local_sqs_fifo_attempt_keep(struct queue *q, const char *attempt, int64_t message,
				int64_t receipt, struct err *e)
{
	return DB_RUN(q->sqs->local->db, e, "INSERT INTO sqs_attempts VALUES(?,?,?,?,?)",
		      DB_I(q->store), DB_S(attempt), DB_I(local_wall(q->sqs->local).ms),
		      DB_I(message), DB_I(receipt));
}

/* ---- what is over ---- */

int local_sqs_fifo_forget(struct db *db, int64_t store, struct err *e)
{
	if (DB_RUN(db, e, "DELETE FROM sqs_groups WHERE store=?", DB_I(store)) < 0 ||
	    DB_RUN(db, e, "DELETE FROM sqs_dedups WHERE store=?", DB_I(store)) < 0)
		return -1;
	return DB_RUN(db, e, "DELETE FROM sqs_attempts WHERE store=?", DB_I(store));
}

int local_sqs_fifo_sweep(struct local *l, struct err *e)
{
	const int64_t before = local_wall(l).ms - REMEMBERED_MS;

	if (DB_RUN(l->db, e, "DELETE FROM sqs_dedups WHERE at<=?", DB_I(before)) < 0)
		return -1;
	return DB_RUN(l->db, e, "DELETE FROM sqs_attempts WHERE at<=?", DB_I(before));
}
