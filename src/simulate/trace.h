/* The course of a run, for charts: equal lengths of time, of each the least and the most.
 *
 * What is kept is bounded however long the run is and however much happens: when it lasts longer
 * than there is room for, neighbours are put together, so that no peak is lost.
 */
#ifndef SIMULATE_TRACE_H
#define SIMULATE_TRACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TRACE_BINS 1440    /* at most */
#define TRACE_WHY_MAX 1024 /* bytes of a reason, longer ones are cut */

struct trace_state {
	int64_t backlog, desired, ready; /* jobs that wait; instances wanted, in service */
};

struct trace_bin {
	int64_t arrivals, starts; /* jobs */
	int64_t wait_most_us;     /* of those that were started */
	double wait_sum_us;
	struct trace_state least, most;
	int64_t changes;  /* of the desired capacity */
	int64_t from, to; /* the largest of them; equal: there was none */
	char *why;        /* that one's, else the first look's; NULL: nobody looked */
};

struct trace {
	struct trace_bin *bin; /* TRACE_BINS, `count` in use */
	size_t count;
	int64_t width_us;
	struct trace_state state; /* the newest */
};

void trace_begin(struct trace *t, int64_t horizon_us, const struct trace_state *first);
void trace_done(struct trace *t); /* also of one never begun, all zero */
/* Times never fall, but that a job's start may be told late. */
void trace_arrival(struct trace *t, int64_t at_us);
void trace_start(struct trace *t, int64_t at_us, int64_t wait_us);
void trace_state(struct trace *t, int64_t at_us, const struct trace_state *s);
/* Whether the reason of this look would be kept: finding its words is the caller's work. */
bool trace_wants(struct trace *t, int64_t at_us, int64_t from, int64_t to);
void trace_look(struct trace *t, int64_t at_us, int64_t from, int64_t to, const char *why);
void trace_end(struct trace *t, int64_t at_us);
/* Puts neighbours together until there are at most @p most. */
void trace_fit(struct trace *t, size_t most);

/* @p next, what followed, is put into @p b. Owns what both owned. */
void trace_merge(struct trace_bin *b, struct trace_bin *next);

#endif
