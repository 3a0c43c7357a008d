/* Queues: in memory by name, in the database by row. */
#include "local/sqs.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"

#define QUEUE_ROW_MAX (512u << 10)
#define DELETED_REST_MS 60000
#define PURGE_REST_MS 60000

/* FNV-1a. */
static size_t bucket_of(const char *name)
{
	uint32_t h = 2166136261u;

	for (; *name; name++)
		h = (h ^ (unsigned char)*name) * 16777619u;
	return h % SQS_BUCKETS;
}

struct queue *local_sqs_queue_find(struct local_sqs *s, const char *name)
{
	struct queue *q;

	for (q = s->buckets[bucket_of(name)]; q && strcmp(q->name, name); q = q->next)
		;
	return q;
}

static struct queue *queue_add(struct local_sqs *s, const char *name)
{
	struct queue *q = own_alloc(sizeof(*q)), **bucket = &s->buckets[bucket_of(name)];

	q->name = own_strdup(name);
	q->sqs = s;
	q->purged = INSTANT_NEVER;
	q->total = -1;
	q->waiters_end = &q->waiters;
	local_sqs_meter_touch(q);
	q->next = *bucket;
	*bucket = q;
	return q;
}

static void queue_free(struct queue *q)
{
	loop_timer_free(q->timer);
	local_sqs_meter_done(q);
	json_free(q->attributes);
	json_free(q->tags);
	own_free(q->dead_letter);
	own_free(q->name);
	own_free(q);
}

/* Out of the table; its waiters have ended before. */
static void queue_remove(struct queue *q)
{
	struct local_sqs *s = q->sqs;
	struct queue **p = &s->buckets[bucket_of(q->name)];

	while (*p != q)
		p = &(*p)->next;
	*p = q->next;
	for (p = &s->dirty; *p; p = &(*p)->next_dirty)
		if (*p == q) {
			*p = q->next_dirty;
			break;
		}
	queue_free(q);
}

void local_sqs_queue_free_all(struct local_sqs *s)
{
	for (size_t i = 0; i < SQS_BUCKETS; i++)
		while (s->buckets[i]) {
			struct queue *q = s->buckets[i];

			s->buckets[i] = q->next;
			queue_free(q);
		}
}

/* ---- rows ---- */

static struct json *row_object(const struct db_row *r, int column)
{
	const char *text = db_str(r, column);
	struct json *j = text ? json_parse(text, strlen(text), NULL) : NULL;

	return j ? j : json_object();
}

static void queue_read(struct local_sqs *s, const struct db_row *r)
{
	struct queue *q = local_sqs_queue_find(s, db_str(r, 0));

	if (!q)
		q = queue_add(s, db_str(r, 0));
	q->store = db_int(r, 1);
	q->created.ms = db_int(r, 2);
	q->modified.ms = db_int(r, 3);
	q->purged = db_is_null(r, 4) ? INSTANT_NEVER : (struct instant){ db_int(r, 4) };
	json_free(q->attributes);
	q->attributes = row_object(r, 5);
	json_free(q->tags);
	q->tags = row_object(r, 6);
	q->total = -1;
	local_sqs_attr_apply(q);
}

/* Queues made in an undone batch have no row. */
static void forget_all(struct local_sqs *s)
{
	for (size_t i = 0; i < SQS_BUCKETS; i++)
		for (struct queue *q = s->buckets[i], *next; q; q = next) {
			next = q->next;
			if (q->store >= 0)
				continue;
			local_sqs_wait_end(q, "QueueDoesNotExist");
			queue_remove(q);
		}
}

int local_sqs_queue_load(struct local_sqs *s, struct err *e)
{
	AUTO(db_endp)
	struct db_row *r = db_query(
		s->local->db,
		"SELECT name, store, created, modified, purged, attributes, tags FROM sqs_queues",
		NULL, 0, e);
	int rc;

	if (!r)
		return -1;
	for (size_t i = 0; i < SQS_BUCKETS; i++)
		for (struct queue *q = s->buckets[i]; q; q = q->next)
			q->store = -1;
	while ((rc = db_step(r, e)) == 1)
		queue_read(s, r);
	forget_all(s);
	db_endp(&r);
	return rc < 0 ? -1 : local_sqs_meter_load(s, e);
}

static void queue_after(struct local *l, bool committed, void *arg)
{
	struct err e;

	(void)arg;
	l->sqs->touched = false;
	if (committed)
		return;
	err_clear(&e);
	if (local_sqs_queue_load(l->sqs, &e) < 0)
		LOG_ERROR("queues could not be read again after an undone batch", LOG_E(&e));
}

void local_sqs_queue_touch(struct queue *q)
{
	struct local_sqs *s = q->sqs;

	if (s->touched)
		return;
	s->touched = true;
	local_after_commit(s->local, queue_after, NULL);
}

int local_sqs_queue_store(struct queue *q, struct err *e)
{
	AUTO(buf_done) struct buf attributes = BUF(QUEUE_ROW_MAX);
	AUTO(buf_done) struct buf tags = BUF(QUEUE_ROW_MAX);

	local_sqs_queue_touch(q);
	json_write(q->attributes, &attributes);
	json_write(q->tags, &tags);
	if (buf_ok(&attributes, "the attributes", e) < 0 || buf_ok(&tags, "the tags", e) < 0)
		return -1;
	return DB_RUN(q->sqs->local->db, e,
		      "INSERT OR REPLACE INTO sqs_queues VALUES(?,?,?,?,?,?,?)", DB_S(q->name),
		      DB_I(q->store), DB_I(q->created.ms), DB_I(q->modified.ms),
		      instant_is_never(q->purged) ? DB_N : DB_I(q->purged.ms),
		      DB_S(buf_str(&attributes)), DB_S(buf_str(&tags)));
}

/* A fresh, empty store for @p q; what hung on its old one is left to the sweep. */
static int store_renew(struct queue *q, struct err *e)
{
	struct db *db = q->sqs->local->db;

	if (q->store > 0 &&
	    DB_RUN(db, e, "UPDATE sqs_stores SET dead=1 WHERE id=?", DB_I(q->store)) < 0)
		return -1;
	if (DB_RUN(db, e, "INSERT INTO sqs_stores(dead) VALUES(?)", DB_I(0)) < 0)
		return -1;
	q->store = db_last_id(db);
	q->total = 0;
	q->in_flight = 0;
	return 0;
}

/* ---- create ---- */

static int name_check(const char *name, const struct json *given, struct err *e)
{
	const bool fifo = json_get_str(given, "FifoQueue") != NULL;
	const size_t n = strlen(name), tail = fifo && local_sqs_fifo_named(name) ? 5 : 0;
	bool ok = n <= SQS_NAME_MAX && n > tail && (!fifo || tail);

	for (size_t i = 0; ok && i < n - tail; i++)
		ok = isalnum((unsigned char)name[i]) || name[i] == '-' || name[i] == '_';
	if (ok)
		return 0;
	return local_sqs_refuse(
		e, "InvalidParameterValueException", "%s",
		fifo ? "The name of a FIFO queue can only include alphanumeric characters, "
		       "hyphens, "
		       "or underscores, must end with .fifo suffix and be 1 to 80 in length."
		     : "Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 "
		       "in length");
}

/* AWS keeps a name back for a minute after its queue was deleted. */
static int name_rested(struct local *l, const char *name, struct err *e)
{
	AUTO(db_endp) struct db_row *r = NULL;
	int rc;

	if (DB_RUN(l->db, e, "DELETE FROM sqs_deleted WHERE at<=?",
		   DB_I(local_wall(l).ms - DELETED_REST_MS)) < 0)
		return -1;
	r = db_query(l->db, "SELECT 1 FROM sqs_deleted WHERE name=?", DB_ARGS(DB_S(name)), e);
	rc = r ? db_step(r, e) : -1;
	if (rc == 1)
		return local_sqs_refuse(
			e, "QueueDeletedRecently",
			"You must wait 60 seconds after deleting a queue before you can create "
			"another with the same name.");
	return rc;
}

static int create_new(struct local_call *c, const char *name, const struct json *given,
		      const struct json *tags, struct err *e)
{
	struct queue *q;

	if (name_rested(c->local, name, e) < 0)
		return -1;
	q = queue_add(c->local->sqs, name);
	local_sqs_queue_touch(q);
	q->created = q->modified = local_wall(c->local);
	q->attributes = json_object();
	q->tags = json_type(tags) == JSON_OBJECT ? json_ref((struct json *)tags) : json_object();
	local_sqs_attr_merge(q, given);
	if (store_renew(q, e) < 0 || local_sqs_queue_store(q, e) < 0)
		return -1;
	local_sqs_put_url(c, "QueueUrl", q);
	return 0;
}

static int create(struct local_call *c, const char *name, struct err *e)
{
	const struct json *given = json_get(c->params, "Attributes"),
			  *tags = json_get(c->params, "tags");
	struct queue *q = local_sqs_queue_find(c->local->sqs, name);
	const char *differs;

	if (!tags)
		tags = json_get(c->params, "Tags");
	if (name_check(name, given, e) < 0 ||
	    local_sqs_attr_check(c->local->sqs, name, given, e) < 0)
		return -1;
	if (!q)
		return create_new(c, name, given, tags, e);
	differs = local_sqs_attr_differs(q, given);
	if (differs)
		return local_sqs_refuse(
			e, "QueueNameExists",
			"A queue already exists with the same name and a different value for "
			"attribute %s",
			differs);
	local_sqs_put_url(c, "QueueUrl", q);
	return 0;
}

void local_sqs_create_queue(struct local_call *c)
{
	const char *name = local_str(c->params, "QueueName");
	struct err e;

	if (!name && !local_sqs_require(c, "QueueName", &name))
		return;
	err_clear(&e);
	if (create(c, name, &e) < 0)
		local_sqs_fail(c, &e);
	else
		local_done(c);
}

/* ---- delete and purge ---- */

void local_sqs_delete_queue(struct local_call *c)
{
	struct queue *q = local_sqs_queue_of(c);
	struct db *db = c->local->db;
	struct err e;

	if (!q)
		return;
	err_clear(&e);
	local_sqs_queue_touch(q);
	if (DB_RUN(db, &e, "UPDATE sqs_stores SET dead=1 WHERE id=?", DB_I(q->store)) < 0 ||
	    DB_RUN(db, &e, "INSERT OR REPLACE INTO sqs_deleted VALUES(?,?)", DB_S(q->name),
		   DB_I(local_wall(c->local).ms)) < 0 ||
	    DB_RUN(db, &e, "DELETE FROM sqs_queues WHERE name=?", DB_S(q->name)) < 0) {
		local_fail_internal(c, &e);
		return;
	}
	local_sqs_wait_end(q, "QueueDoesNotExist");
	queue_remove(q);
	local_sqs_sweep_start(c->local->sqs);
	local_done(c);
}

void local_sqs_queue_drop_all(struct local_sqs *s)
{
	for (size_t i = 0; i < SQS_BUCKETS; i++)
		while (s->buckets[i]) {
			struct queue *q = s->buckets[i];

			local_sqs_queue_touch(q);
			local_sqs_wait_end(q, "QueueDoesNotExist");
			queue_remove(q);
		}
}

void local_sqs_purge_queue(struct local_call *c)
{
	struct queue *q = local_sqs_queue_of(c);
	struct instant now = local_wall(c->local);
	struct err e;

	if (!q)
		return;
	if (!instant_is_never(q->purged) && now.ms - q->purged.ms < PURGE_REST_MS &&
	    now.ms >= q->purged.ms) {
		local_fail(c, "PurgeQueueInProgress",
			   "Only one PurgeQueue operation on %s is allowed every 60 seconds.",
			   q->name);
		return;
	}
	err_clear(&e);
	q->purged = now;
	if (store_renew(q, &e) < 0 || local_sqs_queue_store(q, &e) < 0) {
		local_fail_internal(c, &e);
		return;
	}
	local_sqs_wait_rearm(q);
	local_sqs_sweep_start(c->local->sqs);
	local_done(c);
}
