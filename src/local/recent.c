#include "local/recent.h"

#include <stdio.h>

#include "base/clock.h"

struct local_recent {
	struct local_recent_call calls[RECENT_MOST];
	size_t count; /* ever */
};

struct local_recent *local_recent_new(void)
{
	return own_alloc(sizeof(struct local_recent));
}

void local_recent_free(struct local_recent *r)
{
	own_free(r);
}

void local_recent_add(struct local *l, const char *service, const char *action, const char *about,
		      int status, const char *code)
{
	struct local_recent_call *c = &l->recent->calls[l->recent->count++ % RECENT_MOST];

	c->at = clock_wall();
	c->service = service;
	c->status = status;
	snprintf(c->action, sizeof(c->action), "%s", action);
	snprintf(c->about, sizeof(c->about), "%s", about ? about : "");
	snprintf(c->code, sizeof(c->code), "%s", code ? code : "");
}

const struct local_recent_call *local_recent_at(const struct local *l, size_t i)
{
	const struct local_recent *r = l->recent;

	return i < r->count && i < RECENT_MOST ? &r->calls[(r->count - 1 - i) % RECENT_MOST] : NULL;
}
