/* What one policy remembers from turn to turn. Plain data of fixed size, so that a copy is a
 * snapshot.
 *
 * Changed by decide_learn, decide_presume and decide_settle only. Stored by journal/ in the tagged
 * form of memory_write(): versioned, keyed by rule and metric name, so that reload, reordering and
 * upgrade keep it. Windows are monotonic queues with a cap: the extreme of the last N ms in a few
 * entries.
 */
#ifndef MODEL_MEMORY_H
#define MODEL_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/instant.h"
#include "base/json.h"
#include "model/policy.h"
#include "model/season.h"
#include "model/wait.h"

#define MEMORY_WINDOW_MAX 24 /* 300 s of a wish that falls at each turn of 15 s */
#define MEMORY_MOVES_MAX 16

struct window { /* one extreme over a span of time */
	struct {
		struct instant at;
		int32_t value;
	} item[MEMORY_WINDOW_MAX];
	uint8_t count;
};

struct moves { /* changes made, for rate limits */
	struct {
		struct instant at;
		int32_t amount;
	} item[MEMORY_MOVES_MAX]; /* amount > 0 */
	uint8_t count;
};

struct memory {
	struct instant last_turn;         /* INSTANT_NEVER before the first */
	struct instant last_out, last_in; /* when capacity was last raised, lowered by us */
	int32_t last_desired; /* what we last asked for; meaningful when asked_at is set */
	struct instant asked_at;
	int32_t seen_desired; /* the group's desired capacity at the last turn */
	bool seen_desired_known;
	struct instant foreign_at; /* when somebody else last moved desired */
	int32_t foreign_from, foreign_to;
	struct instant zero_since; /* all queues empty, seen in one call, since */
	int32_t above_samples;     /* for activation from zero */
	struct instant missing_since[POLICY_METRICS_MAX]; /* INSTANT_NEVER: not missing */
	struct instant group_missing_since;
	struct window in_window;  /* the highest wish, for scale-in: values fall with time */
	struct window out_window; /* the lowest wish, for scale-out: values rise with time */
	struct moves out_moves, in_moves;
	bool presumed; /* a write was intended and no outcome is known yet */
	struct {       /* what decide_settle() restores when it did not happen */
		struct instant last_out, last_in, asked_at;
		int32_t last_desired, desired; /* `desired`: the group's before the write */
	} before;
	/* Where a rule is predictive: kept by whoever keeps the memory, NULL else. A copy of the
	 * memory shares it. */
	struct season *season;
	struct wait wait; /* of the queue_wait rule, where there is one */
};
_Static_assert(offsetof(struct memory, wait) < 2048,
	       "the core of a policy's memory stays under 2 KiB");

void memory_init(struct memory *m);
/* Owned JSON object; never fails. */
struct json *memory_write(const struct policy *p, const struct memory *m);
/* Unknown tags are ignored, missing ones keep their initial value, times after @p now are clamped
 * to it. */
MUST int memory_read(const struct policy *p, const struct json *stored, struct instant now,
		     struct memory *ret, struct err *e);

#endif
