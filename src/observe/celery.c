#include "observe/celery.h"

#include <string.h>

#include "base/own.h"

struct line { /* to one broker */
	struct line *next;
	char *url;
	struct broker_redis *redis;
};

struct refusal { /* told from the loop */
	struct refusal *next;
	struct observe_celery *owner;
	struct err e;
	struct loop_timer *soon;
	broker_celery_depth_fn *fn;
	void *arg;
};

struct observe_celery {
	struct loop *loop;
	struct line *lines;
	struct refusal *refusals;
};

struct observe_celery *observe_celery_new(struct loop *l)
{
	struct observe_celery *o = own_alloc(sizeof(*o));

	o->loop = l;
	return o;
}

static void refusal_free(struct refusal *f)
{
	loop_timer_free(f->soon);
	own_free(f);
}

void observe_celery_free(struct observe_celery *o)
{
	if (!o)
		return;
	for (struct line *l = o->lines, *next; l; l = next) {
		next = l->next;
		broker_redis_free(l->redis);
		own_wipe_str(l->url);
		own_free(l);
	}
	for (struct refusal *f = o->refusals, *next; f; f = next) {
		next = f->next;
		refusal_free(f);
	}
	own_free(o);
}

static bool same(const char *a, const char *b)
{
	return strcmp(a ? a : "", b ? b : "") == 0;
}

bool observe_celery_same(const struct policy_celery *a, const struct policy_celery *b)
{
	return same(a->broker_url, b->broker_url) && same(a->queue, b->queue) &&
	       same(a->key_prefix, b->key_prefix);
}

static struct line *line_of(struct observe_celery *o, const char *url, struct err *e)
{
	AUTO(broker_redis_place_done) struct broker_redis_place place = { 0 };
	struct line *l;

	for (l = o->lines; l; l = l->next)
		if (strcmp(l->url, url) == 0)
			return l;
	if (broker_redis_place_read(url, &place, e) < 0)
		return NULL;
	l = own_alloc(sizeof(*l));
	l->url = own_strdup(url);
	l->redis = broker_redis_new(o->loop, &place);
	l->next = o->lines;
	o->lines = l;
	return l;
}

static void tell_refusal(void *arg)
{
	struct refusal *f = arg, **at = &f->owner->refusals;
	struct refusal told = *f;

	while (*at != f)
		at = &(*at)->next;
	*at = f->next;
	refusal_free(f);
	told.fn(NULL, &told.e, told.arg);
}

static void refuse(struct observe_celery *o, const struct err *e, broker_celery_depth_fn *fn,
		   void *arg)
{
	struct refusal *f = own_alloc(sizeof(*f));

	*f = (struct refusal){ .next = o->refusals, .owner = o, .e = *e, .fn = fn, .arg = arg };
	o->refusals = f;
	f->soon = loop_timer_new(o->loop, tell_refusal, f);
	loop_timer_start(f->soon, span_ms(0));
}

void observe_celery_ask(struct observe_celery *o, const struct policy_celery *m,
			struct span deadline, broker_celery_depth_fn *fn, void *arg)
{
	struct broker_celery_names names = { .queue = m->queue, .key_prefix = m->key_prefix };
	struct err e = { 0 };
	struct line *l = NULL;

	if (broker_celery_names_check(&names, &e) == 0)
		l = line_of(o, m->broker_url, &e);
	if (!l)
		refuse(o, &e, fn, arg);
	else
		broker_celery_depth_ask(l->redis, &names, deadline, fn, arg);
}
