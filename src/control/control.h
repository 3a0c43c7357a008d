/* The controller: policies in, turns round and round. One loop; nothing in it waits.
 *
 * A turn is IDLE -> READING -> READY -> WRITING -> DONE -> IDLE. A round takes the turns that are
 * ready, thinks, records the intents of all of them, starts the writes; and takes the turns that
 * are done, settles them and records the outcomes. Daemon, `windlass turn` and `windlass plan` run
 * the same turns and differ in what they hold: a plan has neither lease nor a journal to write, so
 * it cannot act.
 */
#ifndef CONTROL_CONTROL_H
#define CONTROL_CONTROL_H

#include "act/act.h"
#include "base/loop.h"
#include "control/image.h"
#include "control/lanes.h"
#include "control/lease.h"
#include "journal/journal.h"
#include "observe/observe.h"
#include "policy/policy.h"

enum turn_state { TURN_IDLE, TURN_READING, TURN_READY, TURN_WRITING, TURN_DONE };

struct control;

/* What a turn needs to think and to act, so that ten thousand policies that wait are small, and
 * those of a region that does not answer are not large: while a turn reads it has the facts of its
 * want alone. */
struct turn_work {
	struct facts facts;
	struct memory memory;
	struct err err; /* the first read that failed */
	struct plan_without without;
	struct plan plan;
	struct act_write write;
	int64_t intent;
	char *policy_text; /* as policy_print() gives it, where the journal lacks it */
};

struct turn {
	struct control *control;
	const struct policy *policy;
	bool blocked; /* another enforcing policy has the group */
	enum turn_state state;
	struct tick due;
	uint64_t phase;             /* control/pace.h */
	struct turn *next;          /* ready or done: in that list */
	struct instant at;          /* of the facts, the plan and the presumption */
	int64_t number;             /* turns since the start */
	struct image facts, memory; /* from one turn to the next */
	struct season *season;      /* of the memory, where a rule is predictive; owned */
	struct observe_seen seen;
	struct observe_want want;
	struct turn_work *work;          /* from its thinking on until it is idle */
	struct journal_place at_journal; /* what the journal has of it already */
	struct tick published;           /* TICK_NEVER at first */
};

/* Called at the end of each turn; t->work tells all. */
typedef void control_turn_fn(const struct turn *t, void *arg);
/* Something went wrong that belongs to no turn: the journal, a reload. */
typedef void control_report_fn(const struct err *e, void *arg);

struct control_options {
	struct loop *loop;
	const char *policies; /* a file or a directory */
	const char *journal;  /* NULL: none */
	bool act;             /* take the lease and write; else journal is only read */
	bool once;            /* every turn once, then loop_stop() */
	control_turn_fn *on_turn;
	control_report_fn *on_report;
	lane_change_fn *on_lane; /* an endpoint broke, answers again, or throttles; may be NULL */
	void *arg;
};

/* Reads the policies (their problems are in control_policies()), opens the journal, takes the
 * lease. ERR_POLICY: no policy can run; ERR_CONFLICT: somebody else holds the lease. */
MUST struct control *control_new(const struct control_options *o, struct err *e);
void control_free(struct control *c);
DEFINE_FREEP(struct control, control);

const struct policy_set *control_policies(const struct control *c);
/* How many policies take turns: those whose region and endpoint can be used at all. */
size_t control_turning(const struct control *c);
/* Starts the first turns at once. loop_run() does the rest. */
void control_start(struct control *c);
/* No new turn is started; writes under way are waited for; then loop_stop(). */
void control_stop(struct control *c);
/* Reads the policies anew. All or nothing: with an error in any file the present ones stay, and the
 * error says so, since a slip must not leave a fleet without its policy (at a start the good files
 * run). Memory is carried over by the policies' names. Takes effect once the turns under way have
 * ended.
 */
MUST int control_reload(struct control *c, struct err *e);

#endif
