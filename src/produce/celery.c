#include "produce/celery.h"

#include <assert.h>
#include <string.h>

#include "base/clock.h"
#include "base/own.h"

#define TRY_S 4
#define TRIES_MOST 4
#define AGAIN_MS 250

struct produce_celery {
	struct loop *loop;
	bool own_loop;
	struct broker_redis *redis;
	struct broker_celery_names names;
	char *key;
	int priority;
	size_t running;
	struct sending *asked;
	bool waited_for;
};

struct sending {
	struct produce_celery *p;
	struct sending *next, **at;
	produce_celery_fn *fn;
	void *arg;
};

struct produce_celery *produce_celery_new(struct loop *l, const struct produce_celery_options *o,
					  struct err *e)
{
	AUTO(broker_redis_place_done) struct broker_redis_place place = { 0 };
	struct broker_celery_names names = o->names;
	struct produce_celery *p;

	if (broker_celery_names_check(&names, e) < 0)
		return NULL;
	if (broker_redis_place_read(o->broker_url, &place, e) < 0) {
		err_wrap(e, "CELERY_BROKER_URL");
		return NULL;
	}
	p = own_alloc(sizeof(*p));
	p->own_loop = !l;
	p->loop = l ? l : loop_new();
	p->names = (struct broker_celery_names){ .queue = own_strdup(names.queue),
						 .task = own_strdup(names.task),
						 .key_prefix = own_strdup(names.key_prefix) };
	p->priority = o->priority;
	p->key = broker_celery_key(&p->names, p->priority);
	p->redis = broker_redis_new(p->loop, &place);
	return p;
}

static struct sending *sending_new(struct produce_celery *p, produce_celery_fn *fn, void *arg)
{
	struct sending *s = own_alloc(sizeof(*s));

	*s = (struct sending){ .p = p, .next = p->asked, .at = &p->asked, .fn = fn, .arg = arg };
	if (s->next)
		s->next->at = &s->next;
	p->asked = s;
	p->running++;
	return s;
}

static void sending_free(struct sending *s)
{
	*s->at = s->next;
	if (s->next)
		s->next->at = s->at;
	s->p->running--;
	own_free(s);
}

void produce_celery_free(struct produce_celery *p)
{
	if (!p)
		return;
	broker_redis_free(p->redis);
	while (p->asked)
		sending_free(p->asked);
	if (p->own_loop)
		loop_free(p->loop);
	own_free((char *)p->names.queue);
	own_free((char *)p->names.task);
	own_free((char *)p->names.key_prefix);
	own_free(p->key);
	own_free(p);
}

static void ended(struct sending *s, const struct err *e)
{
	struct produce_celery *p = s->p;
	produce_celery_fn *fn = s->fn;
	void *arg = s->arg;
	struct loop *stop;

	sending_free(s);
	stop = p->running == 0 && p->waited_for ? p->loop : NULL;
	fn(e, arg); /* which may free p, where the loop is not its own */
	if (stop)
		loop_stop(stop);
}

static void pushed(const struct broker_redis_reply *reply, const struct err *e, void *arg)
{
	struct err none = { 0 };

	if (reply && (reply->kind != REDIS_INT || reply->integer < 1)) {
		err_set(&none, ERR_PROTOCOL, "Redis answered LPUSH with no length");
		e = &none;
	}
	ended(arg, e);
}

static void ponged(const struct broker_redis_reply *reply, const struct err *e, void *arg)
{
	(void)reply; /* whatever it says, it is there */
	ended(arg, e);
}

void produce_celery_ping(struct produce_celery *p, struct span deadline, produce_celery_fn *fn,
			 void *arg)
{
	const struct broker_redis_word word = broker_redis_word("PING");

	broker_redis_ask(p->redis, &word, 1, deadline, ponged, sending_new(p, fn, arg));
}

static void push(struct produce_celery *p, const struct buf *message, struct span deadline,
		 produce_celery_fn *fn, void *arg)
{
	struct sending *s = sending_new(p, fn, arg);
	const struct broker_redis_word words[] = { broker_redis_word("LPUSH"),
						   broker_redis_word(p->key),
						   { message->data, message->len } };

	broker_redis_ask(p->redis, words, COUNT_OF(words), deadline, pushed, s);
}

int produce_celery_start(struct produce_celery *p, const struct job *j, struct span deadline,
			 produce_celery_fn *fn, void *arg, struct err *e)
{
	AUTO(buf_done) struct buf message = BUF(BROKER_CELERY_MESSAGE_MAX);

	if (broker_celery_write(&p->names, j, p->priority, &message, e) < 0)
		return -1;
	push(p, &message, deadline, fn, arg);
	return 0;
}

void produce_celery_wait(struct produce_celery *p)
{
	assert(p->own_loop);
	p->waited_for = true;
	while (p->running > 0)
		loop_run(p->loop);
	p->waited_for = false;
}

struct waiting {
	struct produce_celery *p;
	const struct buf *message;
	struct tick ends;
	struct loop_timer *again;
	int tries;
	struct err e;
};

static void answered(const struct err *e, void *arg)
{
	struct waiting *w = arg;
	int64_t again_ms = (int64_t)AGAIN_MS << w->tries;

	w->e = *e;
	if (e->kind == ERR_UNREACHABLE && ++w->tries < TRIES_MOST &&
	    tick_since(w->ends, clock_mono()).ms > again_ms)
		loop_timer_start(w->again, span_ms(again_ms));
	else
		loop_stop(w->p->loop);
}

static void try(void *arg)
{
	struct waiting *w = arg;
	struct span left = tick_since(w->ends, clock_mono());

	push(w->p, w->message, left.ms < TRY_S * 1000 ? left : span_s(TRY_S), answered, w);
}

int produce_celery_send(struct produce_celery *p, const struct job *j, struct span deadline,
			struct err *e)
{
	AUTO(buf_done) struct buf message = BUF(BROKER_CELERY_MESSAGE_MAX);
	struct waiting w = { .p = p,
			     .message = &message,
			     .ends = tick_add(clock_mono(), deadline) };

	assert(p->own_loop);
	if (broker_celery_write(&p->names, j, p->priority, &message, e) < 0)
		return -1;
	w.again = loop_timer_new(p->loop, try, &w);
	try(&w);
	loop_run(p->loop);
	loop_timer_free(w.again);
	if (w.e.kind == ERR_NONE)
		return 0;
	*e = w.e;
	return -1;
}
