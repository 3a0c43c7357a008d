/* What status says of the endpoints: written down when one changes, and now and then. */
#include "base/clock.h"
#include "base/own.h"
#include "control/inner.h"

#define CALM_MS 60000
#define TROUBLED_MS 5000 /* calls fail, or a rate is limited: that moves by itself */
#define CHANGED_MS 1000  /* after the last time, however many change */

struct listed {
	struct journal_endpoint *item;
	size_t count;
	bool troubled;
};

static void add(const struct lane_state *s, const char *role, void *arg)
{
	struct listed *l = arg;

	l->troubled = l->troubled || s->failures > 0 || s->rate_milli > 0;
	l->item = own_grow(l->item, l->count + 1, sizeof(*l->item));
	l->item[l->count++] = (struct journal_endpoint){
		.region = s->region,
		.service = service_info(s->service)->title,
		.origin = s->origin,
		.role = role ? role : "",
		.breaker = lane_breaker_word(s->breaker),
		.failures = s->failures,
		.open_for = s->open_for,
		.rate_milli = s->rate_milli,
		.queued = (int64_t)s->queued,
		.running = (int64_t)s->running,
		.calls = s->calls,
		.retries = s->retries,
		.throttled = s->throttled,
		.failed = s->failed,
	};
}

static bool is_due(const struct control *c, struct tick now)
{
	int64_t ago = tick_since(now, c->endpoints.at).ms;

	if (!c->endpoints.ever || (c->o.once && control_round_quiet(c)))
		return true;
	return ago >= (c->endpoints.changed    ? CHANGED_MS
		       : c->endpoints.troubled ? TROUBLED_MS
					       : CALM_MS);
}

void control_endpoints_round(struct control *c, struct now now)
{
	struct listed l = { 0 };
	struct err e;

	if (!c->lease || journal_is_short(c->journal) || !is_due(c, now.mono))
		return;
	control_lanes_states(c->lanes, add, &l);
	if (journal_write_endpoints(c->journal, l.item, l.count, now.wall, &e) < 0)
		c->o.on_report(&e, c->o.arg);
	own_free(l.item);
	c->endpoints.ever = true;
	c->endpoints.changed = false;
	c->endpoints.troubled = l.troubled;
	c->endpoints.at = now.mono;
}

void control_endpoints_changed(enum lane_change what, const struct lane_state *s, void *arg)
{
	struct control *c = arg;

	c->endpoints.changed = true;
	if (c->o.on_lane)
		c->o.on_lane(what, s, c->o.arg);
}
