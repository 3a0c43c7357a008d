/* An instance refresh replaces a group's instances: only a call of its own tells. Pure. */
#include "observe/observe.h"

#define ASK_EVERY_MS 60000
#define CLOSED_MS 3600000

bool observe_refresh_due(const struct observe_seen *seen, const struct capacity *c,
			 struct instant now)
{
	int64_t ago = instant_since(now, seen->refresh_at).ms;
	bool moves = c->draining > 0 || c->failed > 0 ||
		     time_add_(c->in_service, c->pending) < c->desired;

	return (moves || seen->refreshing) &&
	       (ago < 0 || ago >= (seen->refresh_closed ? CLOSED_MS : ASK_EVERY_MS));
}

void observe_refresh_seen(const struct asg_refresh *r, struct observe_seen *seen,
			  struct capacity *ret)
{
	seen->refresh_closed = !r;
	seen->refreshing = ret->refreshing = r && r->running;
	seen->refresh_left = ret->refresh_left = r && r->running ? r->left : 0;
}
