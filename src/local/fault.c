#include "local/fault.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "local/call.h"

struct local_faults {
	struct local_fault *first;
	struct local_fault hit; /* a copy of the last that struck, since it may be gone by then */
	int64_t last_id;
};

static const char *const words[FAULT_KIND_COUNT] = {
	[FAULT_THROTTLE] = "throttle", [FAULT_FAIL] = "fail",   [FAULT_HANG] = "hang",
	[FAULT_LOSE] = "lose",         [FAULT_LIE] = "lie",     [FAULT_TWICE] = "twice",
	[FAULT_CAPACITY] = "capacity", [FAULT_DELAY] = "delay",
};

struct local_faults *local_fault_new(void)
{
	return own_alloc(sizeof(struct local_faults));
}

void local_fault_free(struct local_faults *f)
{
	while (f && f->first) {
		struct local_fault *next = f->first->next;

		own_free(f->first);
		f->first = next;
	}
	own_free(f);
}

const char *local_fault_word(enum local_fault_kind k)
{
	return words[k];
}

bool local_fault_kind(const char *word, enum local_fault_kind *ret)
{
	for (int k = 0; word && k < FAULT_KIND_COUNT; k++)
		if (!strcmp(words[k], word)) {
			*ret = (enum local_fault_kind)k;
			return true;
		}
	return false;
}

int64_t local_fault_add(struct local *l, const struct local_fault *f, uint64_t seed)
{
	struct local_fault **end = &l->faults->first, *copy = own_alloc(sizeof(*copy));

	*copy = *f;
	copy->id = ++l->faults->last_id;
	copy->next = NULL;
	rng_seed(&copy->rng, seed);
	while (*end)
		end = &(*end)->next;
	*end = copy;
	return copy->id;
}

size_t local_fault_clear(struct local *l, int64_t id)
{
	struct local_fault **p = &l->faults->first;
	size_t n = 0;

	while (*p) {
		struct local_fault *f = *p;

		if (id && f->id != id) {
			p = &f->next;
			continue;
		}
		*p = f->next;
		own_free(f);
		n++;
	}
	return n;
}

const struct local_fault *local_fault_first(const struct local *l)
{
	return l->faults->first;
}

bool local_fault_wanted(const struct local *l, enum local_fault_kind k)
{
	for (const struct local_fault *f = l->faults->first; f; f = f->next)
		if (f->kind == k)
			return true;
	return false;
}

static bool matches(const struct local_fault *f, enum local_fault_kind k, enum service s,
		    const char *action, struct instant now)
{
	if (f->kind != k || now.ms < f->from.ms || f->left == 0 ||
	    (!instant_is_never(f->until) && now.ms >= f->until.ms))
		return false;
	return (!f->service[0] || !strcasecmp(f->service, service_info(s)->signing) ||
		!strcasecmp(f->service, service_info(s)->section)) &&
	       (!f->action[0] || !strcmp(f->action, action));
}

/* A draw is made for each call that matches, so that a seed repeats the same ones. */
const struct local_fault *local_fault_hit(struct local *l, enum local_fault_kind k, enum service s,
					  const char *action)
{
	struct instant now;

	if (!l->faults->first)
		return NULL;
	now = local_wall(l);
	for (struct local_fault *f = l->faults->first; f; f = f->next) {
		if (!matches(f, k, s, action, now) || rng_unit(&f->rng) >= f->share)
			continue;
		if (f->left > 0)
			f->left--;
		l->faults->hit = *f;
		return &l->faults->hit;
	}
	return NULL;
}

/* ---- calls that hang ---- */

struct hung {
	struct local_call *call;
	struct loop_timer *timer; /* NULL: for ever */
};

static void hung_gone(struct local_call *c)
{
	struct hung *h = c->user;

	loop_timer_free(h->timer);
	own_free(h);
	c->user = NULL;
}

static void hung_over(void *arg)
{
	struct local_call *c = arg;

	hung_gone(c);
	c->gone = NULL;
	local_call_act(c);
}

static void hang(struct local_call *c, int64_t ms)
{
	struct hung *h = own_alloc(sizeof(*h));

	h->call = c;
	c->user = h;
	c->gone = hung_gone;
	if (ms <= 0)
		return;
	h->timer = loop_timer_new(c->local->loop, hung_over, c);
	loop_timer_start(h->timer, span_ms(ms));
}

static const char *throttle_code(const struct local_call *c)
{
	if (c->service->id == SERVICE_SQS)
		return "RequestThrottled";
	return c->protocol == LOCAL_QUERY ? "Throttling" : "ThrottlingException";
}

bool local_fault_call(struct local_call *c)
{
	const enum service s = c->service->id;
	const char *action = c->action->name;
	const struct local_fault *f;

	if (s == SERVICE_CONTROL) /* or nobody could heal anything */
		return false;
	f = local_fault_hit(c->local, FAULT_THROTTLE, s, action);
	if (f) {
		local_fail(c, f->code[0] ? f->code : throttle_code(c), NULL);
		return true;
	}
	f = local_fault_hit(c->local, FAULT_FAIL, s, action);
	if (f) {
		local_fail(c, f->code[0] ? f->code : "InternalFailure", NULL);
		return true;
	}
	f = local_fault_hit(c->local, FAULT_HANG, s, action);
	if (f) {
		hang(c, f->value);
		return true;
	}
	c->mute = local_fault_hit(c->local, FAULT_LOSE, s, action) != NULL;
	return false;
}
