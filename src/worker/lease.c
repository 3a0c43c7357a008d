#include "worker/lease.h"

#define MARGIN_LEAST_MS 500
#define MARGIN_MOST_MS 15000
#define RENEW_PART 3
#define RETRY_PART 12
#define JITTER_PART 5 /* of the renewal's distance: a tenth to either side */

static int64_t clamp(int64_t v, int64_t least, int64_t most)
{
	if (v < least)
		return least;
	return v > most ? most : v;
}

struct lease_rule worker_lease_rule(struct span hold)
{
	return (struct lease_rule){ .hold = span_s(hold.ms / 1000),
				    .margin = span_ms(
					    clamp(hold.ms / 10, MARGIN_LEAST_MS, MARGIN_MOST_MS)) };
}

struct span worker_lease_poll_wait(const struct lease_rule *r, struct span wait)
{
	int64_t most = (r->hold.ms / 2 - r->margin.ms) / 1000;
	int64_t s = wait.ms / 1000;

	if (s <= 0)
		return span_s(0);
	return span_s(clamp(s, 1, most > 1 ? most : 1));
}

static struct tick renewal(struct tick asked, struct span hold, double jitter)
{
	int64_t third = hold.ms / RENEW_PART;
	int64_t around = third / JITTER_PART;

	return tick_add(asked, span_ms(third - around / 2 + (int64_t)(jitter * (double)around)));
}

struct lease worker_lease_take(const struct lease_rule *r, struct tick asked, double jitter)
{
	return (struct lease){ .received = asked,
			       .ends = tick_add(asked, span_ms(r->hold.ms - r->margin.ms)),
			       .renew = renewal(asked, r->hold, jitter) };
}

bool worker_lease_live(const struct lease *l, struct tick now)
{
	return now.ms < l->ends.ms;
}

struct span worker_lease_left(const struct lease *l, struct tick now)
{
	return worker_lease_live(l, now) ? tick_since(l->ends, now) : span_ms(0);
}

struct span worker_lease_next_hold(const struct lease_rule *r, const struct lease *l,
				   struct tick now)
{
	struct tick last = tick_add(l->received, span_s(LEASE_MOST_S - LEASE_MOST_MARGIN_S));
	struct span left = tick_since(last, now);
	struct span hold = left.ms < r->hold.ms ? span_s(left.ms / 1000) : r->hold;

	/* Not worth a call that does not move the end. */
	if (hold.ms <= 0 || tick_add(now, span_ms(hold.ms - r->margin.ms)).ms <= l->ends.ms)
		return span_ms(0);
	return hold;
}

void worker_lease_ask(struct lease *l, struct tick now, struct span hold)
{
	l->asking = true;
	l->asked = now;
	l->holding = hold;
	l->renew = TICK_NEVER;
}

void worker_lease_answer(const struct lease_rule *r, struct lease *l, enum broker_held held,
			 struct tick now, double jitter)
{
	struct tick ends = tick_add(l->asked, span_ms(l->holding.ms - r->margin.ms));

	l->asking = false;
	switch (held) {
	case BROKER_HELD:
		/* An answer that comes after the end does not bring the claim back. */
		if (worker_lease_live(l, now) && ends.ms > l->ends.ms)
			l->ends = ends;
		l->renew = renewal(l->asked, l->holding, jitter);
		break;
	case BROKER_LOST:
		l->ends = now;
		l->renew = TICK_NEVER;
		break;
	case BROKER_UNSURE:
		l->renew = tick_add(now, span_ms(r->hold.ms / RETRY_PART));
		break;
	}
	if (l->retired)
		l->renew = TICK_NEVER;
}

void worker_lease_retire(struct lease *l)
{
	l->retired = true;
	l->renew = TICK_NEVER;
}
