/* The journal: what each policy remembers, what was intended and what came of it, in one SQLite
 * file.
 *
 * journal_write_intents() runs before the first write of a round and journal_write_outcomes() after
 * the last, each in one transaction, so that a crash between them leaves intents without an
 * outcome: the memory stored with an intent presumes that it acted, and the next process starts
 * from there. A staircase is stored when it differs from the policy's last one; otherwise that
 * row's run length grows.
 *
 * When the disk is full a preallocated reserve beside the file is given up, so that intents stay
 * writable; journal_is_short() then tells. Intents that met the full disk are refused once: the
 * caller holds scale-in, and writes what is left out of the reserve.
 */
#ifndef JOURNAL_JOURNAL_H
#define JOURNAL_JOURNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/instant.h"
#include "base/json.h"
#include "model/facts.h"
#include "model/memory.h"
#include "model/outcome.h"
#include "model/plan.h"
#include "model/policy.h"

#define JOURNAL_RESERVE_BYTES (4 << 20)

struct journal;

/* For the controller. Creates the file (mode 0600) and its reserve. Intents of an earlier process
 * that have no outcome become OUTCOME_UNKNOWN. */
MUST struct journal *journal_open(const char *path, struct instant now, struct err *e);
/* For explain, history, status, plan: never writes, works beside a running controller. */
MUST struct journal *journal_open_read(const char *path, struct err *e);
void journal_free(struct journal *j); /* closes */
DEFINE_FREEP(struct journal, journal);

/* Where the journal keeps what a policy had last, so that it need not look it up at every turn.
 * Zeroed: not known. Filled by journal_write_intents(), for one policy and one open journal. */
struct journal_place {
	int64_t policy, stairs;  /* rows */
	uint64_t shape, facts;   /* of the staircase, and of what was seen */
	struct instant facts_at; /* when it was written down in full */
	/* The row that the newest turn is in: when it begins, and what its turns have in common. */
	struct instant run_from, run_last;
	int64_t run_stairs, run_wanted; /* run_stairs 0: no row */
};

/* One policy's part of a round. Everything is borrowed. */
struct journal_turn {
	const struct policy *policy;
	struct journal_place *place; /* NULL: none */
	const char *policy_text; /* as policy_print() gives it; needed where no place knows it */
	const struct facts *facts;
	const struct memory
		*memory; /* intents: as decide_presume() left it; outcomes: after decide_settle() */
	const struct plan *plan;
	const struct plan_without *without; /* intents; NULL: not known */
	const struct outcome *outcome;      /* outcomes only */
	struct instant at;
	int64_t intent; /* set by journal_write_intents() where the plan will write, else 0 */
};

MUST int journal_write_intents(struct journal *j, struct journal_turn *turns, size_t n,
			       struct err *e);
MUST int journal_write_outcomes(struct journal *j, const struct journal_turn *turns, size_t n,
				struct err *e);
/* What the policy of that name remembers; an initial memory where the journal has none. */
MUST int journal_read_memory(struct journal *j, const struct policy *p, struct instant now,
			     struct memory *ret, struct err *e);
/* What its predictive rule has seen; an initial season where the journal has none. */
MUST int journal_read_season(struct journal *j, const struct policy *p, struct instant now,
			     struct season *ret, struct err *e);
/* The disk filled up and the reserve is in use. Cleared by journal_compact() once there is room
 * again. */
bool journal_is_short(const struct journal *j);
/* Drops rows older than @p keep; bounded work a call, so that it fits between two rounds. 1: there
 * may be more of them, so it is worth another call soon. */
MUST int journal_compact(struct journal *j, struct instant now, struct span keep, struct err *e);

/* A stored staircase and the turns that had it. Texts are borrowed for the call of the visitor. */
struct journal_stairs {
	const char *policy; /* its name */
	const char *policy_text;
	const struct json *plan, *facts;
	const struct json *without; /* say_without_read(); NULL where it is not known */
	struct instant first, last; /* turns with this staircase */
	int64_t runs;
	bool wrote; /* some turn of it intended a write; the newest one's outcome: */
	bool settled;
	const char *outcome; /* say_outcome_word(), "" when not settled */
	const char *outcome_text;
};
/* Return non-zero to stop. */
typedef int journal_stairs_fn(const struct journal_stairs *s, void *arg);
/* Newest first, at most @p most, of turns at or before @p until (INSTANT_NEVER: now). @p policy
 * NULL: all. */
MUST int journal_read_stairs(struct journal *j, const char *policy, struct instant until,
			     int64_t most, journal_stairs_fn *fn, void *arg, struct err *e);

/* One turn's numbers, for charts. Unknown values are JOURNAL_UNKNOWN, never zero. */
#define JOURNAL_UNKNOWN INT64_MIN
struct journal_sample {
	const char *policy;
	struct instant at;
	int64_t visible, in_flight; /* sums over the policy's queue metrics that were readable */
	int64_t desired, wanted, in_service, pending, busy, draining;
};
typedef int journal_sample_fn(const struct journal_sample *s, void *arg);
/* Oldest first, from @p since on. */
MUST int journal_read_samples(struct journal *j, const char *policy, struct instant since,
			      journal_sample_fn *fn, void *arg, struct err *e);

/* The facts' JSON of each turn of @p policy from @p since on, oldest first; of a turn that saw the
 * same as the one before, that one's again. */
typedef int journal_facts_fn(struct instant at, const struct json *facts, void *arg);
MUST int journal_read_facts(struct journal *j, const char *policy, struct instant since,
			    journal_facts_fn *fn, void *arg, struct err *e);

/* One turn as it was: what was seen, decided and written. Borrowed for the call of the visitor. */
struct journal_past {
	struct instant at;
	const struct facts
		*facts; /* by index of the metrics of the policy that asks; NULL: not kept */
	bool begins;    /* another staircase than that of the turn before */
	const char *policy_text; /* of the policy that decided; NULL, as the next: not kept */
	const struct json *plan; /* its staircase */
	bool newest; /* the staircase's last turn: the plan's arguments are this turn's */
	bool wrote, settled;
	int32_t from, to;
	enum outcome_kind outcome;
};
typedef int journal_past_fn(const struct journal_past *t, void *arg);
/* The turns of policy @p name, oldest first, up to @p until, with the facts read for the metrics of
 * @p p. *ret_whole: nothing of that policy was ever recorded before the first of them. */
MUST int journal_read_turns(struct journal *j, const char *name, const struct policy *p,
			    struct instant until, journal_past_fn *fn, void *arg, bool *ret_whole,
			    struct err *e);

/* What the controller calls, as it was at one instant. Texts are borrowed for the call. */
struct journal_endpoint {
	const char *region, *service;
	const char *origin, *role; /* "": AWS's own; the base keys */
	const char *breaker;       /* "closed", "open" or "half-open" */
	int64_t failures;          /* in a row */
	struct span open_for;      /* until one call may try */
	int64_t rate_milli;        /* thousandths of a call a second; 0: not limited */
	int64_t queued, running;
	int64_t calls, retries, throttled, failed; /* since the controller's start: attempts */
};
/* These and no others, in a transaction of its own. */
MUST int journal_write_endpoints(struct journal *j, const struct journal_endpoint *list, size_t n,
				 struct instant now, struct err *e);
/* Return non-zero to stop. @p at: when they were so. */
typedef int journal_endpoint_fn(const struct journal_endpoint *p, struct instant at, void *arg);
MUST int journal_read_endpoints(struct journal *j, journal_endpoint_fn *fn, void *arg,
				struct err *e);

/* Names of the policies that the journal knows, newest turn first. */
typedef int journal_policy_fn(const char *name, struct instant last_turn, void *arg);
MUST int journal_read_policies(struct journal *j, journal_policy_fn *fn, void *arg, struct err *e);

#endif
