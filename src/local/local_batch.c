/* The batch: all calls of one turn of the loop in one transaction, answered after its commit. */
#include "local/call.h"

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

struct local_batch {
	bool open, undo, scheduled;
	struct local_call *held, **held_end;
	struct before *before, **before_end;
	struct after *after, **after_end;
};

struct local_batch *local_batch_new(void)
{
	struct local_batch *b = own_alloc(sizeof(*b));

	b->held_end = &b->held;
	b->before_end = &b->before;
	b->after_end = &b->after;
	return b;
}

void local_batch_free(struct local_batch *b)
{
	own_free(b);
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
	*l->batch->after_end = h;
	l->batch->after_end = &h->next;
}

void local_batch_hold(struct local *l, struct local_call *c)
{
	c->next = NULL;
	*l->batch->held_end = c;
	l->batch->held_end = &c->next;
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

void local_batch_commit(struct local *l)
{
	struct local_batch *b = l->batch;
	struct local_call *held, *c;
	struct after *after, *h;
	bool committed;

	if (!b->open)
		return;
	batch_before(b);
	committed = batch_end(l);
	b->open = false;

	/* What the hooks and answers below cause belongs to the next batch. */
	held = b->held;
	b->held = NULL;
	b->held_end = &b->held;
	after = b->after;
	b->after = NULL;
	b->after_end = &b->after;
	while ((c = held)) {
		held = c->next;
		local_call_send(c, committed);
	}
	while ((h = after)) {
		after = h->next;
		h->fn(l, committed, h->arg);
		own_free(h);
	}
}
