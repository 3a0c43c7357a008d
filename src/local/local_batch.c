/* The batch: all calls of one turn of the loop in one transaction, answered once it is on the disk.
 *
 * The loop writes a transaction and goes on; a thread syncs it. What is committed meanwhile waits
 * for the next sync, so the slower the disk, the more calls share one, and nothing else waits for
 * it. */
#include "local/call.h"

#include <pthread.h>

#include "base/log.h"

struct before {
	loop_fn *fn;
	void *arg;
	struct before *next;
};

struct after {
	local_after_fn *fn;
	void *arg;
	struct after *next;
};

/* Who is told what became of a transaction: first the calls, then the hooks. */
struct told {
	struct local_call *held, **held_end;
	struct after *after, **after_end;
};

struct local_batch {
	bool open, undo, scheduled;
	struct told told;
	struct before *before, **before_end;
	/* Syncing. The thread touches the database's log, done, ok and error only. */
	struct local
		*local; /* NULL: the cloud is gone, and this is freed when the thread is back */
	bool syncing, tidying;
	struct told waiting, under_way; /* for the next sync, and for the one that runs */
	pthread_mutex_t lock;
	pthread_cond_t ended;
	bool done, ok, done_tidying;
	struct err error;
};

static void told_clear(struct told *t)
{
	*t = (struct told){ .held_end = &t->held, .after_end = &t->after };
}

/* All of @p from behind what is in @p to. */
static void told_move(struct told *to, struct told *from)
{
	if (from->held) {
		*to->held_end = from->held;
		to->held_end = from->held_end;
	}
	if (from->after) {
		*to->after_end = from->after;
		to->after_end = from->after_end;
	}
	told_clear(from);
}

struct local_batch *local_batch_new(struct local *l)
{
	struct local_batch *b = own_alloc(sizeof(*b));

	b->local = l;
	told_clear(&b->told);
	told_clear(&b->waiting);
	told_clear(&b->under_way);
	b->before_end = &b->before;
	pthread_mutex_init(&b->lock, NULL);
	pthread_cond_init(&b->ended, NULL);
	return b;
}

static void batch_free(struct local_batch *b)
{
	pthread_mutex_destroy(&b->lock);
	pthread_cond_destroy(&b->ended);
	own_free(b);
}

void local_batch_free(struct local_batch *b)
{
	b->local = NULL;
	if (!b->syncing && !b->tidying)
		batch_free(b);
}

bool local_batch_open(const struct local *l)
{
	return l->batch->open;
}

static void batch_turn(void *arg)
{
	struct local *l = arg;

	l->batch->scheduled = false;
	local_batch_commit(l);
}

int local_write(struct local *l, struct err *e)
{
	struct local_batch *b = l->batch;

	if (b->open)
		return 0;
	if (db_begin(l->db, e) < 0)
		return -1;
	b->open = true;
	b->undo = false;
	if (!b->scheduled) {
		b->scheduled = true;
		loop_soon(l->loop, batch_turn, l);
	}
	return 0;
}

void local_undo(struct local *l)
{
	l->batch->undo = true;
}

void local_before_commit(struct local *l, loop_fn *before, void *arg)
{
	struct before *h = own_alloc(sizeof(*h));

	*h = (struct before){ .fn = before, .arg = arg };
	*l->batch->before_end = h;
	l->batch->before_end = &h->next;
}

void local_after_commit(struct local *l, local_after_fn *after, void *arg)
{
	struct after *h = own_alloc(sizeof(*h));

	*h = (struct after){ .fn = after, .arg = arg };
	*l->batch->told.after_end = h;
	l->batch->told.after_end = &h->next;
}

void local_batch_hold(struct local *l, struct local_call *c)
{
	c->next = NULL;
	*l->batch->told.held_end = c;
	l->batch->told.held_end = &c->next;
}

/* Hooks may add hooks, so the list is taken from its front until it is empty. */
static void batch_before(struct local_batch *b)
{
	while (b->before) {
		struct before *h = b->before;

		b->before = h->next;
		if (!b->before)
			b->before_end = &b->before;
		h->fn(h->arg);
		own_free(h);
	}
}

static bool batch_end(struct local *l)
{
	struct err e;

	err_clear(&e);
	if (!l->batch->undo && db_commit(l->db, &e) == 0)
		return true;
	if (!l->batch->undo)
		LOG_ERROR("a batch of calls could not be stored and was undone", LOG_E(&e));
	db_rollback(l->db);
	return false;
}

/* What answers and hooks cause belongs to the next batch. */
static void tell(struct local *l, struct told *t, bool committed)
{
	struct local_call *c;
	struct after *h;

	while ((c = t->held)) {
		t->held = c->next;
		local_call_send(c, committed);
	}
	while ((h = t->after)) {
		t->after = h->next;
		h->fn(l, committed, h->arg);
		own_free(h);
	}
	told_clear(t);
}

/* ---- the disk ---- */

static void sync_work(void *arg)
{
	struct local_batch *b = arg;
	bool ok = db_sync(b->local->db, &b->error) == 0;

	pthread_mutex_lock(&b->lock);
	b->ok = ok;
	b->done = true;
	pthread_cond_signal(&b->ended);
	pthread_mutex_unlock(&b->lock);
}

static void tidy_work(void *arg)
{
	struct local_batch *b = arg;

	db_tidy(b->local->db);
	pthread_mutex_lock(&b->lock);
	b->done_tidying = true;
	pthread_cond_signal(&b->ended);
	pthread_mutex_unlock(&b->lock);
}

static void batch_sync(struct local_batch *b);

static void tidy_after(void *arg)
{
	struct local_batch *b = arg;

	b->tidying = false;
	if (!b->local && !b->syncing)
		batch_free(b);
}

static void sync_tell(struct local_batch *b)
{
	struct told t;

	if (!b->ok)
		LOG_ERROR("calls could not be synced to the disk -> they are answered as failed",
			  LOG_E(&b->error));
	told_clear(&t);
	told_move(&t, &b->under_way);
	tell(b->local, &t, b->ok);
}

static void sync_after(void *arg)
{
	struct local_batch *b = arg;

	b->syncing = false;
	if (!b->local) {
		if (!b->tidying)
			batch_free(b);
		return;
	}
	sync_tell(b);
	batch_sync(b);
	if (!b->tidying && db_tidy_due(b->local->db)) {
		b->tidying = true;
		b->done_tidying = false;
		loop_work(b->local->loop, tidy_work, tidy_after, b);
	}
}

static void batch_sync(struct local_batch *b)
{
	if (b->syncing || (!b->waiting.held && !b->waiting.after))
		return;
	told_move(&b->under_way, &b->waiting);
	b->syncing = true;
	b->done = false;
	err_clear(&b->error);
	loop_work(b->local->loop, sync_work, sync_after, b);
}

void local_batch_commit(struct local *l)
{
	struct local_batch *b = l->batch;
	struct told undone;
	bool committed;

	if (!b->open)
		return;
	batch_before(b);
	committed = batch_end(l);
	b->open = false;
	if (committed && !l->options.memory) {
		told_move(&b->waiting, &b->told);
		batch_sync(b);
		return;
	}
	told_clear(&undone);
	told_move(&undone, &b->told);
	tell(l, &undone, committed);
}

void local_batch_settle(struct local *l)
{
	struct local_batch *b = l->batch;

	local_batch_commit(l);
	pthread_mutex_lock(&b->lock);
	while ((b->syncing && !b->done) || (b->tidying && !b->done_tidying))
		pthread_cond_wait(&b->ended, &b->lock);
	pthread_mutex_unlock(&b->lock);
	if (b->syncing)
		sync_tell(b);
	told_move(&b->under_way, &b->waiting);
	b->ok = b->under_way.held || b->under_way.after ? db_sync(l->db, &b->error) == 0 : true;
	sync_tell(b);
}
