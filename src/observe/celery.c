#include "observe/celery.h"

#include <string.h>

#include "base/clock.h"
#include "base/crypto.h"
#include "base/own.h"

#define ASK_MS 1000 /* what its workers have to answer */

struct line { /* to one broker */
	struct line *next;
	char *url;
	struct broker_redis *redis;
	int64_t db;
	char id[CRYPTO_UUID_MAX];
	bool asking; /* its workers */
};

struct look { /* at one queue; then at what its workers say */
	struct look *next, **at;
	struct observe_celery *owner;
	struct line *line;
	struct broker_celery_names names; /* own */
	bool ask_workers;
	struct tick ends;
	struct observe_celery_seen seen;
	struct broker_celery_asking *asking;
	observe_celery_fn *fn;
	void *arg;
};

struct refusal { /* told from the loop */
	struct refusal *next;
	struct observe_celery *owner;
	struct err e;
	struct loop_timer *soon;
	observe_celery_fn *fn;
	void *arg;
};

struct observe_celery {
	struct loop *loop;
	struct line *lines;
	struct refusal *refusals;
	struct look *looks;
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

static void look_free(struct look *k)
{
	*k->at = k->next;
	if (k->next)
		k->next->at = k->at;
	broker_celery_busy_cancel(k->asking);
	own_free((char *)k->names.queue);
	own_free((char *)k->names.task);
	own_free((char *)k->names.key_prefix);
	own_free(k);
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
	while (o->looks)
		look_free(o->looks);
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
	       same(a->key_prefix, b->key_prefix) && a->ask_workers == b->ask_workers;
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
	l->db = place.db;
	crypto_uuid(l->id);
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

static void refuse(struct observe_celery *o, const struct err *e, observe_celery_fn *fn, void *arg)
{
	struct refusal *f = own_alloc(sizeof(*f));

	*f = (struct refusal){ .next = o->refusals, .owner = o, .e = *e, .fn = fn, .arg = arg };
	o->refusals = f;
	f->soon = loop_timer_new(o->loop, tell_refusal, f);
	loop_timer_start(f->soon, span_ms(0));
}

static void told(struct look *k, const struct err *e)
{
	struct look done = *k;

	k->asking = NULL;
	look_free(k);
	done.fn(e->kind == ERR_NONE ? &done.seen : NULL, e, done.arg);
}

static void workers_said(const struct broker_celery_busy *b, const struct err *e, void *arg)
{
	struct look *k = arg;
	struct err none = { 0 };

	(void)e; /* the queue itself was read: what its workers do stays unknown */
	k->line->asking = false;
	k->seen.asked = b && b->answered > 0;
	if (b)
		k->seen.busy = *b;
	told(k, &none);
}

static void queue_looked(const struct broker_celery_depth *d, const struct err *e, void *arg)
{
	struct look *k = arg;
	struct span left = tick_since(k->ends, clock_mono());

	if (d)
		k->seen.depth = *d;
	if (!d || !k->ask_workers || k->line->asking || left.ms <= ASK_MS) {
		told(k, e);
		return;
	}
	k->line->asking = true;
	k->asking = broker_celery_busy_ask(k->owner->loop, k->line->redis, &k->names, k->line->db,
					   k->line->id, span_ms(ASK_MS), workers_said, k);
}

static void look_start(struct observe_celery *o, struct line *l, const struct policy_celery *m,
		       const struct broker_celery_names *names, struct span deadline,
		       observe_celery_fn *fn, void *arg)
{
	struct look *k = own_alloc(sizeof(*k));

	*k = (struct look){ .next = o->looks,
			    .at = &o->looks,
			    .owner = o,
			    .line = l,
			    .names = { own_strdup(names->queue), own_strdup(names->task),
				       own_strdup(names->key_prefix) },
			    .ask_workers = m->ask_workers,
			    .ends = tick_add(clock_mono(), deadline),
			    .fn = fn,
			    .arg = arg };
	if (k->next)
		k->next->at = &k->next;
	o->looks = k;
	broker_celery_depth_ask(l->redis, names, deadline, queue_looked, k);
}

void observe_celery_ask(struct observe_celery *o, const struct policy_celery *m,
			struct span deadline, observe_celery_fn *fn, void *arg)
{
	struct broker_celery_names names = { .queue = m->queue, .key_prefix = m->key_prefix };
	struct err e = { 0 };
	struct line *l = NULL;

	if (broker_celery_names_check(&names, &e) == 0)
		l = line_of(o, m->broker_url, &e);
	if (!l)
		refuse(o, &e, fn, arg);
	else
		look_start(o, l, m, &names, deadline, fn, arg);
}
