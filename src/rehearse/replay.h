/* What a policy would have decided on recorded observations, against what was decided.
 *
 * Each turn starts from what was recorded: the facts of that moment, and the writes that really
 * happened before it, whoever asked for them. So every answer is what the policy would have done
 * had it been asked then, not what the fleet would have become: that is what simulate is for.
 * What the recorded writes would have taught a policy is learnt as if it had made them, so that a
 * policy replayed on its own record gives its own plans again.
 */
#ifndef REHEARSE_REPLAY_H
#define REHEARSE_REPLAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/instant.h"
#include "model/facts.h"
#include "model/memory.h"
#include "model/outcome.h"
#include "model/plan.h"
#include "model/policy.h"
#include "model/season.h"

enum replay_match {
	REPLAY_SAME,   /* the same staircase */
	REPLAY_STAIRS, /* the same size, by other stairs */
	REPLAY_SIZE,   /* another size */
	REPLAY_MATCHES
};

/* One recorded turn. */
struct replay_turn {
	struct instant at;
	const struct facts *facts;   /* by index of the replayed policy's metrics; NULL: not kept */
	const struct policy *policy; /* that decided; for the names of rules */
	const struct plan *plan;     /* what was decided; NULL: not known */
	bool exact; /* the arguments of the plan's stairs are this turn's, not of a later one */
	bool wrote; /* a write was intended; what of it: */
	bool settled;
	int32_t from, to;
	enum outcome_kind outcome;
};

/* How dense the record is. */
struct replay_resolution {
	int64_t turns, without_facts;
	struct instant first, last;
	struct span usual;         /* the median time between two turns */
	struct span longest;       /* between two turns, */
	struct instant longest_at; /* from then on */
	int64_t gaps; /* times of which nothing is known: REPLAY_GAP times longer than usual, and
			 than a policy is idle */
	struct span missing; /* their sum */
};

#define REPLAY_GAP 4 /* a turn or two late is a slow call, no gap */

struct replay {
	const struct policy *policy;
	struct memory memory;
	struct season season;
	int64_t count[REPLAY_MATCHES];
	struct replay_resolution seen;
	/* Times between turns, in milliseconds; kept for the median. */
	int64_t *between;
	size_t between_count, between_size;
};

void replay_init(struct replay *r, const struct policy *p);
void replay_done(struct replay *r);
/* The policy's own plan of that turn. *ret_match is meaningful where @p t has facts and a plan,
 * which is when true is returned. Turns come oldest first. */
bool replay_turn(struct replay *r, const struct replay_turn *t, struct plan *ret,
		 enum replay_match *ret_match);
/* Fills `usual` and the gaps; after the last turn. */
void replay_finish(struct replay *r);
/* Compares two plans of policies that may differ; @p exact: the arguments of the stairs too. */
enum replay_match replay_compare(const struct policy *a, const struct plan *x,
				 const struct policy *b, const struct plan *y, bool exact);

#endif
