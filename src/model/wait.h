/* What a queue_wait rule has learnt: plain data of fixed size, a part of struct memory.
 *
 * Changed by decide_learn only (decide/wait*.c), stored by model/wait.c in a tagged form. Counts
 * are whole, spans in milliseconds. Beside the plain estimates it holds the imagined fleets: the
 * same rule at other settings, played against the jobs that really came (decide/wait_trial.c).
 */
#ifndef MODEL_WAIT_H
#define MODEL_WAIT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/instant.h"
#include "base/json.h"

#define WAIT_URGES 8 /* how much of the promised wait is spent */
#define WAIT_HOLDS 4 /* how long capacity that was needed is kept */
#define WAIT_FLEETS (WAIT_URGES * WAIT_HOLDS)
#define WAIT_BOOTS 8           /* stages of a launch, of an imagined fleet */
#define WAIT_AGES 24           /* steps of arrivals that are remembered */
#define WAIT_SEEN 8            /* half minutes of in-flight counts that are remembered */
#define WAIT_GAPS 18           /* classes of idle gaps, each half as long again as the last */
#define WAIT_KILLS_UNKNOWN 500 /* kills_milli up to here: scale-in has not been seen to kill */
#define WAIT_PARTS 4           /* parts of the time that one class of hold looks back */

struct wait_fleet {                /* one imagined fleet */
	int32_t waiting, running;  /* jobs */
	int32_t serving, leaving;  /* instances in service; jobs on instances that leave */
	uint16_t boot[WAIT_BOOTS]; /* launches under way, by stage */
	int32_t high[2];           /* most jobs in this and the last part of the hold */
	uint32_t late, cost;       /* jobs that waited too long, in halves; instances times steps */
	uint16_t turns_milli;      /* changes of direction that are left */
	int8_t direction;          /* of the last change */
};

struct wait {
	bool known; /* the rest means something */
	struct instant turn_at, fed_to, period_end;
	int32_t visible, in_flight, serving, pending; /* at the last turn */
	int64_t oldest_ms;          /* age of the oldest that waited at the last turn */
	int32_t before;             /* jobs at the turn before that */
	int64_t busy_ms, done;      /* for Little's law: running jobs times time, jobs deleted */
	int64_t boot_ms, boots;     /* the same of booting instances */
	struct instant launched_at; /* when there were more of them last */
	int32_t slots_milli;        /* where the policy does not say */
	int32_t seen[WAIT_SEEN];    /* in flight, by half minute; -1: not seen */
	int64_t seen_slot;          /* the half minute of the newest */
	int32_t excess_turns,
		kills_milli;    /* jobs in flight that nobody runs; how likely scale-in kills */
	int64_t killed_milli;   /* jobs that it must have killed, not yet seen as such */
	struct instant busy_at; /* when a job was last seen */
	int64_t started_milli,
		late_milli;    /* jobs that were started, of those later than promised */
	int64_t chosen_halves; /* the same of the settings in force, as imagined, in halves */
	int32_t turns_milli;   /* changes of direction that are left */
	int8_t direction;
	/* In force this turn: chosen by what was known at the last, so that a larger backlog never
	 * gives fewer instances. */
	int64_t use_service_ms, use_boot_ms, use_slots_milli, use_keep_ms;
	uint8_t setting;             /* the fleet whose setting is in force */
	int32_t high[WAIT_HOLDS][2]; /* of the real queue, as in wait_fleet */
	/* The imagined time. */
	int64_t step_ms, step;      /* length and number of the current step */
	int64_t part_ms, part_jobs; /* of a step that is not full */
	int64_t jobs;               /* all that came since the fleets began */
	int32_t arrived[WAIT_AGES]; /* by step */
	int64_t gap_steps;          /* since a job last came */
	uint8_t gap_class;          /* whose cold start is being counted, */
	int64_t gap_left_ms;        /* for so long yet */
	uint32_t gaps[WAIT_GAPS], gap_late[WAIT_GAPS];
	struct wait_fleet fleet[WAIT_FLEETS];
};
_Static_assert(sizeof(struct wait) < 2560, "what a promise learns stays small");

void wait_init(struct wait *w);
/* Owned JSON object; never fails. */
struct json *wait_write(const struct wait *w);
/* What is missing or impossible keeps its initial value; times are clamped to @p now. */
void wait_read(const struct json *stored, struct instant now, struct wait *ret);

#endif
