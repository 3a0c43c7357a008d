/* How long a received message is ours, by our own clock. Arithmetic only; no clock is read here.
 *
 * A claim ends at (tick before the receive or renewal was sent) + what was asked for - margin,
 * whatever the service answers: after an expiry it can still answer 200 to a renewal.
 */
#ifndef WORKER_LEASE_H
#define WORKER_LEASE_H

#include <stdbool.h>

#include "base/instant.h"
#include "broker/broker.h"

/* SQS counts 12 hours from the receive, and renewals do not reset it. */
#define LEASE_MOST_S 43200
#define LEASE_MOST_MARGIN_S 10

struct lease_rule {
	struct span hold;   /* asked for at receive and renewal; whole seconds */
	struct span margin; /* the claim ends so long before the hold does */
};

struct lease {
	struct tick received; /* before the receive was sent */
	struct tick ends;
	struct tick renew;   /* when the next renewal is due; TICK_NEVER: none */
	struct tick asked;   /* of the renewal under way */
	struct span holding; /* what it asked for */
	bool asking, retired;
};

/* A tenth of the hold as margin, at least 500 ms, at most 15 s. */
struct lease_rule worker_lease_rule(struct span hold);
/* The longest wait of a poll that leaves at least half of the hold to what it brings. Whole
 * seconds, at least one. */
struct span worker_lease_poll_wait(const struct lease_rule *r, struct span wait);
/* @p jitter in [0, 1) spreads renewals around a third of the hold. */
struct lease worker_lease_take(const struct lease_rule *r, struct tick asked, double jitter);
bool worker_lease_live(const struct lease *l, struct tick now);
struct span worker_lease_left(const struct lease *l, struct tick now); /* never negative */
/* What a renewal sent now may ask for: the hold, or what is left of the 12 hours; 0: no renewal can
 * help. */
struct span worker_lease_next_hold(const struct lease_rule *r, const struct lease *l,
				   struct tick now);
void worker_lease_ask(struct lease *l, struct tick now, struct span hold);
void worker_lease_answer(const struct lease_rule *r, struct lease *l, enum broker_held held,
			 struct tick now, double jitter);
/* No renewal from here on; what is under way may still be answered. */
void worker_lease_retire(struct lease *l);

#endif
