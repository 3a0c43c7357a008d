/* Message move tasks: from a dead-letter queue back to where its messages came from, or elsewhere,
 * a bounded piece a turn. A moved message is a new one: new id, new age, never received. */
#include "local/sqs.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/crypto.h"
#include "base/log.h"

#define MOVE_EVERY_MS 20
#define MOVE_PIECE 100
#define MOVE_RATE_MAX 500
#define MOVE_TASKS_KEPT 10
#define MOVE_HANDLE_MAX 1024

static int not_found(struct err *e, const char *text)
{
	return local_sqs_refuse(e, "ResourceNotFoundException", "%s", text);
}

/* ---- handles: base64 of {"taskId": …, "sourceArn": …}, as AWS has them ---- */

static void handle_put(struct local_call *c, const char *id, const char *arn)
{
	AUTO(json_freep) struct json *j = json_object();
	AUTO(buf_done) struct buf text = BUF(MOVE_HANDLE_MAX);
	AUTO(buf_done) struct buf handle = BUF(2 * MOVE_HANDLE_MAX);

	json_set_str(j, "taskId", id);
	json_set_str(j, "sourceArn", arn);
	json_write(j, &text);
	crypto_base64(text.data, text.len, &handle);
	local_put(c, "TaskHandle", buf_str(&handle));
}

/* The id of a task whose source is there. */
static int handle_read(const struct local *l, const char *text, char ret[static CRYPTO_UUID_MAX],
		       struct err *e)
{
	AUTO(buf_done) struct buf plain = BUF(MOVE_HANDLE_MAX);
	AUTO(json_freep) struct json *j = NULL;
	const char *id, *arn, *name;

	if (crypto_unbase64(text, strlen(text), &plain, NULL) == 0)
		j = json_parse(buf_str(&plain), plain.len, NULL);
	id = json_get_str(j, "taskId");
	arn = json_get_str(j, "sourceArn");
	if (!id || !arn)
		return local_sqs_refuse(e, "InvalidParameterValueException",
					"Value for parameter TaskHandle is invalid.");
	name = local_sqs_redrive_name(l, arn);
	if (!name || !local_sqs_queue_find(l->sqs, name))
		return not_found(e, "The resource that you specified for the SourceArn parameter "
				    "doesn't exist.");
	snprintf(ret, CRYPTO_UUID_MAX, "%s", id);
	return 0;
}

/* ---- moving ---- */

struct task {
	char id[CRYPTO_UUID_MAX];
	char source[SQS_NAME_MAX + 1], destination[SQS_NAME_MAX + 1];
	int64_t rate, moved, started;
};

struct item {
	int64_t id;
	char origin[SQS_NAME_MAX + 1]; /* where it came from; "" is not known */
};

static int task_end(struct local *l, const struct task *t, const char *status, const char *failure,
		    struct err *e)
{
	return DB_RUN(l->db, e, "UPDATE sqs_moves SET status=?, failure=? WHERE id=?", DB_S(status),
		      DB_S(failure), DB_S(t->id));
}

static int items_read(struct queue *q, int64_t most, struct item *ret, struct err *e)
{
	static const char in_order[] = "SELECT id, source FROM sqs_messages WHERE store=? AND "
				       "visible<=? ORDER BY id LIMIT ?";
	static const char any[] = "SELECT id, source FROM sqs_messages WHERE store=? AND "
				  "visible<=? ORDER BY visible LIMIT ?";
	struct local *l = q->sqs->local;
	AUTO(db_endp)
	struct db_row *r = db_query(l->db, q->fifo ? in_order : any,
				    DB_ARGS(DB_I(q->store), DB_I(local_wall(l).ms), DB_I(most)), e);
	int n = 0, rc;

	if (!r)
		return -1;
	while ((rc = db_step(r, e)) == 1) {
		const char *arn = db_str(r, 1);
		const char *name = arn ? local_sqs_redrive_name(l, arn) : NULL;

		ret[n].id = db_int(r, 0);
		snprintf(ret[n++].origin, sizeof(ret->origin), "%s", name ? name : "");
	}
	return rc < 0 ? -1 : n;
}

static int item_move(struct queue *from, struct queue *to, int64_t id, struct err *e)
{
	struct db *db = from->sqs->local->db;
	const int64_t now = local_wall(from->sqs->local).ms;
	char fresh[CRYPTO_UUID_MAX], group[SQS_GROUP_MAX] = "";
	int64_t row;

	if (from->fifo && local_sqs_fifo_group(from, id, group, e) < 0)
		return -1;
	if (DB_RUN(db, e,
		   "INSERT INTO sqs_messages(store, visible, delayed, sent, received, receipt, "
		   "grp) "
		   "SELECT ?, ?, 0, ?, 0, 0, grp FROM sqs_messages WHERE id=?",
		   DB_I(to->store), DB_I(now), DB_I(now), DB_I(id)) < 0)
		return -1;
	row = db_last_id(db);
	if (DB_RUN(db, e, "UPDATE sqs_bodies SET id=?, message_id=? WHERE id=?", DB_I(row),
		   DB_S(crypto_uuid(fresh)), DB_I(id)) < 0 ||
	    DB_RUN(db, e, "DELETE FROM sqs_messages WHERE id=?", DB_I(id)) < 0)
		return -1;
	if (from->fifo && (local_sqs_fifo_refresh(from, group, e) < 0 ||
			   local_sqs_fifo_refresh(to, group, e) < 0))
		return -1;
	if (from->total > 0)
		from->total--;
	if (to->total >= 0)
		to->total++;
	local_sqs_wait_dirty(to);
	return 0;
}

/* How many may go now, by the rate. */
static int64_t task_allowance(const struct task *t, int64_t now)
{
	int64_t due = 1 + (now - t->started) * t->rate / 1000 - t->moved;

	if (t->rate == 0 || due > MOVE_PIECE)
		return MOVE_PIECE;
	return due > 0 ? due : 0;
}

static int task_moved(struct local *l, const struct task *t, int64_t moved, struct err *e)
{
	return DB_RUN(l->db, e, "UPDATE sqs_moves SET moved=moved+? WHERE id=?", DB_I(moved),
		      DB_S(t->id));
}

static int task_turn(struct local_sqs *s, const struct task *t, struct err *e)
{
	struct queue *from = local_sqs_queue_find(s, t->source), *to;
	const int64_t most = task_allowance(t, local_wall(s->local).ms);
	struct item items[MOVE_PIECE];
	int n = from ? items_read(from, most, items, e) : 0, i;

	if (n < 0 || most == 0)
		return n < 0 ? -1 : 0;
	if (!from)
		return task_end(s->local, t, "FAILED", "AWS.SimpleQueueService.NonExistentQueue",
				e);
	local_sqs_queue_touch(from);
	for (i = 0; i < n; i++) {
		const char *name = t->destination[0] ? t->destination : items[i].origin;

		to = *name ? local_sqs_queue_find(s, name) : NULL;
		if (!to || to->fifo != from->fifo)
			break;
		if (item_move(from, to, items[i].id, e) < 0)
			return -1;
	}
	if (i > 0 && task_moved(s->local, t, i, e) < 0)
		return -1;
	if (i < n)
		return task_end(s->local, t, "FAILED",
				t->destination[0] || items[i].origin[0]
					? "AWS.SimpleQueueService.NonExistentQueue"
					: "CouldNotDetermineMessageSource",
				e);
	return n < most ? task_end(s->local, t, "COMPLETED", NULL, e) : 0;
}

/* The running task behind @p after, by id. 1 found, 0 none, -1 error. */
static int task_next(struct local *l, const char *after, struct task *ret, struct err *e)
{
	AUTO(db_endp)
	struct db_row *r = db_query(l->db,
				    "SELECT id, source, destination, rate, moved, started FROM "
				    "sqs_moves WHERE status='RUNNING' AND id>? ORDER BY id LIMIT 1",
				    DB_ARGS(DB_S(after)), e);
	int rc = r ? db_step(r, e) : -1;

	if (rc != 1)
		return rc;
	*ret = (struct task){ .rate = db_int(r, 3),
			      .moved = db_int(r, 4),
			      .started = db_int(r, 5) };
	snprintf(ret->id, sizeof(ret->id), "%s", db_str(r, 0));
	snprintf(ret->source, sizeof(ret->source), "%s", db_str(r, 1));
	snprintf(ret->destination, sizeof(ret->destination), "%s",
		 db_str(r, 2) ? db_str(r, 2) : "");
	return 1;
}

static int move_turn(struct local_sqs *s, bool *ret_more, struct err *e)
{
	struct task t = { 0 };
	int rc;

	while ((rc = task_next(s->local, t.id, &t, e)) == 1) {
		*ret_more = true;
		if (local_write(s->local, e) < 0 || task_turn(s, &t, e) < 0)
			return -1;
	}
	return rc;
}

static void move(void *arg)
{
	struct local_sqs *s = arg;
	bool more = false;
	struct err e;

	err_clear(&e);
	if (move_turn(s, &more, &e) < 0) {
		LOG_WARN("messages could not be moved -> tried again", LOG_E(&e));
		local_undo(s->local);
		more = true;
	}
	if (more)
		loop_timer_start(s->move, span_ms(MOVE_EVERY_MS));
}

void local_sqs_move_go(struct local_sqs *s)
{
	if (!s->move)
		s->move = loop_timer_new(s->local->loop, move, s);
	loop_timer_start(s->move, span_ms(1));
}

/* ---- the calls ---- */

static struct queue *queue_of_arn(struct local_call *c, const char *param, struct err *e)
{
	const char *arn = local_str(c->params, param);
	const char *name = arn ? local_sqs_redrive_name(c->local, arn) : NULL;
	struct queue *q = name ? local_sqs_queue_find(c->local->sqs, name) : NULL;

	if (!arn || !*arn)
		local_sqs_refuse(e, "MissingRequiredParameterException",
				 "The request must contain the parameter %s.", param);
	else if (strncmp(arn, "arn:", 4))
		local_sqs_refuse(e, "InvalidParameterValueException",
				 "You must use this format to specify the %s: "
				 "arn:<partition>:<service>:<region>:<account-id>:<resource-id>",
				 param);
	else if (!q)
		local_sqs_refuse(e, "ResourceNotFoundException",
				 "The resource that you specified for the %s parameter doesn't "
				 "exist.",
				 param);
	return q;
}

static bool is_dead_letter(const struct local_sqs *s, const char *name)
{
	for (size_t i = 0; i < SQS_BUCKETS; i++)
		for (const struct queue *q = s->buckets[i]; q; q = q->next)
			if (q->dead_letter && !strcmp(q->dead_letter, name))
				return true;
	return false;
}

/* How many a query with the store and the time counts. */
static int count_of(struct local *l, const char *sql, struct db_value what, int64_t now,
		    int64_t *ret, struct err *e)
{
	AUTO(db_endp) struct db_row *r = db_query(l->db, sql, DB_ARGS(what, DB_I(now)), e);

	if (!r || db_step(r, e) < 0)
		return -1;
	*ret = db_int(r, 0);
	return 0;
}

static int start_check(struct local_call *c, struct queue **ret_from, struct queue **ret_to,
		       int64_t *rate, struct err *e)
{
	int64_t running;

	*ret_from = queue_of_arn(c, "SourceArn", e);
	if (!*ret_from)
		return -1;
	if (!is_dead_letter(c->local->sqs, (*ret_from)->name))
		return local_sqs_refuse(e, "InvalidParameterValueException",
					"Source queue must be configured as a Dead Letter Queue.");
	*ret_to = NULL;
	if (local_str(c->params, "DestinationArn")) {
		*ret_to = queue_of_arn(c, "DestinationArn", e);
		if (!*ret_to)
			return -1;
		if (*ret_to == *ret_from || (*ret_to)->fifo != (*ret_from)->fifo)
			return local_sqs_refuse(
				e, "InvalidParameterValueException",
				"Source queue and destination queue must be two queues of the same "
				"type.");
	}
	if (*rate != 0 && (*rate < 1 || *rate > MOVE_RATE_MAX))
		return local_sqs_refuse(e, "InvalidParameterValueException",
					"Value %" PRId64
					" for parameter MaxNumberOfMessagesPerSecond is invalid. "
					"Reason: You must enter a value that is between 1 and 500.",
					*rate);
	if (count_of(c->local,
		     "SELECT count(*) FROM sqs_moves WHERE source=? AND status='RUNNING' AND ?",
		     DB_S((*ret_from)->name), 1, &running, e) < 0)
		return -1;
	return running ? local_sqs_refuse(e, "InvalidParameterValueException",
					  "There is already a task running. Only one active task "
					  "is allowed for a source queue arn at a given time.")
		       : 0;
}

static int start_store(struct local_call *c, const struct queue *from, const struct queue *to,
		       int64_t rate, struct err *e)
{
	AUTO(own_freep) char *arn = local_sqs_arn(c->local, from->name);
	const int64_t now = local_wall(c->local).ms;
	struct db *db = c->local->db;
	char id[CRYPTO_UUID_MAX];
	int64_t total;

	if (count_of(c->local, "SELECT count(*) FROM sqs_messages WHERE store=? AND visible<=?",
		     DB_I(from->store), now, &total, e) < 0 ||
	    DB_RUN(db, e, "INSERT INTO sqs_moves VALUES(?,?,?,?,'RUNNING',0,?,?,NULL)",
		   DB_S(crypto_uuid(id)), DB_S(from->name), to ? DB_S(to->name) : DB_N,
		   rate ? DB_I(rate) : DB_N, DB_I(total), DB_I(now)) < 0 ||
	    DB_RUN(db, e,
		   "DELETE FROM sqs_moves WHERE source=? AND id NOT IN (SELECT id FROM sqs_moves "
		   "WHERE source=? ORDER BY started DESC, rowid DESC LIMIT ?)",
		   DB_S(from->name), DB_S(from->name), DB_I(MOVE_TASKS_KEPT)) < 0)
		return -1;
	handle_put(c, id, arn);
	return 0;
}

void local_sqs_move_start(struct local_call *c)
{
	struct queue *from, *to = NULL;
	int64_t rate = 0;
	struct err e;

	if (local_int(c, c->params, "MaxNumberOfMessagesPerSecond", &rate) < 0)
		return;
	err_clear(&e);
	if (start_check(c, &from, &to, &rate, &e) < 0 || start_store(c, from, to, rate, &e) < 0) {
		local_sqs_fail(c, &e);
		return;
	}
	local_sqs_move_go(c->local->sqs);
	local_done(c);
}

static int cancel(struct local_call *c, const char *handle, struct err *e)
{
	AUTO(db_endp) struct db_row *r = NULL;
	char id[CRYPTO_UUID_MAX];
	int rc;

	if (handle_read(c->local, handle, id, e) < 0)
		return -1;
	r = db_query(c->local->db, "SELECT status, moved FROM sqs_moves WHERE id=?",
		     DB_ARGS(DB_S(id)), e);
	rc = r ? db_step(r, e) : -1;
	if (rc == 0)
		return not_found(e, "Task does not exist.");
	if (rc == 1 && strcmp(db_str(r, 0), "RUNNING"))
		return local_sqs_refuse(e, "InvalidParameterValueException",
					"Only active tasks can be cancelled.");
	if (rc < 0 || DB_RUN(c->local->db, e, "UPDATE sqs_moves SET status='CANCELLED' WHERE id=?",
			     DB_S(id)) < 0)
		return -1;
	local_put_int(c, "ApproximateNumberOfMessagesMoved", db_int(r, 1));
	return 0;
}

void local_sqs_move_cancel(struct local_call *c)
{
	const char *handle;
	struct err e;

	if (!local_sqs_require(c, "TaskHandle", &handle))
		return;
	err_clear(&e);
	if (cancel(c, handle, &e) < 0)
		local_sqs_fail(c, &e);
	else
		local_done(c);
}

static void task_put(struct local_call *c, const struct db_row *r, const char *arn)
{
	AUTO(own_freep) char *to = db_str(r, 1) ? local_sqs_arn(c->local, db_str(r, 1)) : NULL;

	local_object(c, NULL);
	if (!strcmp(db_str(r, 3), "RUNNING"))
		handle_put(c, db_str(r, 0), arn);
	local_put(c, "Status", db_str(r, 3));
	local_put(c, "SourceArn", arn);
	local_put(c, "DestinationArn", to);
	if (!db_is_null(r, 2))
		local_put_int(c, "MaxNumberOfMessagesPerSecond", db_int(r, 2));
	local_put_int(c, "ApproximateNumberOfMessagesMoved", db_int(r, 4));
	local_put_int(c, "ApproximateNumberOfMessagesToMove", db_int(r, 5));
	local_put(c, "FailureReason", db_str(r, 7));
	local_put_int(c, "StartedTimestamp", db_int(r, 6));
	local_end(c);
}

static int list(struct local_call *c, int64_t most, struct err *e)
{
	const struct queue *q = queue_of_arn(c, "SourceArn", e);
	AUTO(own_freep) char *arn = q ? local_sqs_arn(c->local, q->name) : NULL;
	AUTO(db_endp) struct db_row *r = NULL;
	int rc;

	if (!q || local_sqs_range(e, "MaxResults", most, 1, MOVE_TASKS_KEPT) < 0)
		return -1;
	r = db_query(c->local->db,
		     "SELECT id, destination, rate, status, moved, total, started, failure FROM "
		     "sqs_moves WHERE source=? ORDER BY started DESC, rowid DESC LIMIT ?",
		     DB_ARGS(DB_S(q->name), DB_I(most)), e);
	if (!r)
		return -1;
	local_list(c, "Results", "ListMessageMoveTasksResultEntry");
	while ((rc = db_step(r, e)) == 1)
		task_put(c, r, arn);
	local_end(c);
	return rc;
}

void local_sqs_move_list(struct local_call *c)
{
	int64_t most = 1;
	struct err e;

	if (local_int(c, c->params, "MaxResults", &most) < 0)
		return;
	err_clear(&e);
	if (list(c, most, &e) < 0)
		local_sqs_fail(c, &e);
	else
		local_done(c);
}
