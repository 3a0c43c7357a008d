/* What the files of control share. */
#ifndef CONTROL_INNER_H
#define CONTROL_INNER_H

#include "control/agenda.h"
#include "control/control.h"
#include "control/publish.h"

#define CONTROL_ROUND_MAX 256
#define CONTROL_LOOK_MAX 512 /* turns that begin together: more than metrics go into one call */
#define CONTROL_KEEP_DAYS 30
#define CONTROL_COMPACT_EVERY_MS 600000
#define CONTROL_COMPACT_AGAIN_MS 1000 /* while more is old than a call drops */

/* Facts and memory before a first turn; what is kept of them is told from these. */
struct turn_first {
	struct facts facts;
	struct memory memory;
};

struct control {
	struct control_options o;
	struct lanes *lanes;
	struct observe *observe;
	struct journal *journal;
	struct lease *lease;
	struct policy_set policies;
	struct turn *turns;
	size_t turn_count;
	struct turn_first *first;
	struct agenda waiting; /* idle turns */
	struct turn_list {
		struct turn *first, **end;
	} ready, done;
	size_t busy;             /* turns that are not idle; of them: */
	size_t reading, writing; /* writing: or done with it */
	struct loop_timer *timer;
	struct loop_timer *gather; /* a round waits a little for turns that read still */
	bool round_due;            /* a round is already asked for */
	bool stopping;
	bool reloading; /* next_policies waits for the turns under way to end */
	struct policy_set next_policies;
	struct tick compacted, trimmed;
	bool compact_more;       /* the last call dropped all that it may */
	struct publish *publish; /* NULL: a plan tells nobody */
	struct {                 /* as the journal has them */
		bool ever, changed, troubled;
		struct tick at;
	} endpoints;
	bool short_said; /* that the journal lives on its reserve, and when */
	struct tick short_said_at;
};

/* turns.c */
void control_turns_make(struct control *c, struct instant now);
void control_turns_begin(struct turn *t); /* gives it what a turn needs to read */
void control_turns_seen(struct turn *t);  /* and to think and act, and takes that back: */
void control_turns_end(struct turn *t);
void control_turns_drop(struct control *c);

/* round.c */
void control_round_soon(struct control *c); /* a round at the next turn of the loop */
void control_round_read(
	struct control *c); /* starts the reads of the turns that are due, sets the timer */
bool control_round_quiet(const struct control *c); /* no turn under way */
void control_round_done(struct act_write *w, void *arg);
void control_round_seen(struct observe_want *w, void *arg);

/* endpoints.c: from each round; control_lanes_watch() */
void control_endpoints_round(struct control *c, struct now now);
void control_endpoints_changed(enum lane_change what, const struct lane_state *s, void *arg);

#endif
