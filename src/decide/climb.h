/* What the stairs of one decision hand along. Private to decide/. */
#ifndef DECIDE_CLIMB_H
#define DECIDE_CLIMB_H

#include "decide/decide.h"

struct climb {
	const struct policy *p;
	const struct facts *f; /* as seen, no count past what a sum can bear */
	struct facts seen;
	const struct memory *m;
	struct instant now;
	enum fact_why group_why;   /* where the group cannot be read */
	int32_t desired;           /* the group's, where every hold stays */
	int32_t supply;            /* max(desired, in service + pending) */
	int32_t low, high;         /* bounds of schedules, policy and group */
	int low_by, high_by;       /* the schedule that says so, or -1 */
	int32_t own_low, own_high; /* those of policy and schedules alone */
	bool apart;                /* and they have nothing in common with the group's */
	enum fact_why trust[POLICY_METRICS_MAX]; /* FACT_READABLE: may decide */
	int64_t jobs[POLICY_METRICS_MAX];        /* what the metric counts, where trusted */
	int64_t milli[POLICY_METRICS_MAX];       /* the same in thousandths; may be negative */
	bool guessed[POLICY_METRICS_MAX];        /* stands on a value that was not measured */
	bool blind;                              /* a rule has no data: no scale-in */
	bool wished; /* a rule has data: the stairs 3 to 7 have something to limit */
	int32_t n;   /* the number so far */
	struct plan plan;
};

/* What one rule asks for. */
struct proposal {
	int32_t wish;
	bool silent;   /* no opinion; the stair says why */
	bool forecast; /* cannot shrink the fleet without another that agrees */
	struct stair stair;
};

/* One kind of rule: what @p r asks for. Its metric is trusted. */
struct proposal decide_track_propose(const struct climb *c, const struct policy_rule *r);
struct proposal decide_step_propose(const struct climb *c, const struct policy_rule *r);

void decide_climb_init(struct climb *c, const struct policy *p, const struct facts *f,
		       const struct memory *m, struct instant now);
/* Appends @p s with from = the number so far, and takes s.to as the new number. */
void decide_climb_to(struct climb *c, struct stair s);
/* Appends @p s without moving. */
void decide_climb_note(struct climb *c, struct stair s);

bool decide_trust(struct climb *c); /* false: the group cannot be read */
void decide_trust_say(struct climb *c);
bool decide_demand_wish(const struct climb *c,
			int32_t *ret_wish); /* false: no rule has data, or a fall is vetoed */
void decide_demand(struct climb *c);
void decide_activate(struct climb *c);
void decide_stabilize(struct climb *c);
void decide_ramp(struct climb *c);
void decide_cool(struct climb *c);
void decide_reach(struct climb *c);
void decide_bounds_find(struct climb *c);
void decide_bounds(struct climb *c);
void decide_mode(struct climb *c);

/* The value of a derived metric, in thousandths; why there is none where there is none. */
enum fact_why decide_expr_run(const struct climb *c, const struct policy_metric *m,
			      int64_t *ret_milli, bool *ret_guessed);
/* Whether rule @p i has all the data that it needs to agree to fewer. */
bool decide_trust_rule(const struct climb *c, size_t i);

/* Windows and moves of the memory. */
void decide_window_push(struct window *w, bool falling, struct span keep, struct instant now,
			int32_t value);
void decide_window_trim(struct window *w, struct span keep, struct instant now);
/* The extreme of @p n and what is younger than @p keep. */
int32_t decide_window_most(const struct window *w, struct span keep, struct instant now, int32_t n);
int32_t decide_window_least(const struct window *w, struct span keep, struct instant now,
			    int32_t n);
void decide_window_moves_push(struct moves *w, struct instant now, int32_t amount);
void decide_window_moves_trim(struct moves *w, struct span keep, struct instant now);
int64_t decide_window_moves_sum(const struct moves *w, struct span within, struct instant now);
/* Takes the last presumed write back. */
void decide_presume_undo(struct memory *m);

/* How long ago, never negative: a time ahead of the clock counts as now, no time at all as ages
 * ago. */
static inline int64_t elapsed_ms(struct instant now, struct instant t)
{
	if (instant_is_never(t))
		return INT64_MAX;
	return t.ms >= now.ms ? 0 : instant_since(now, t).ms;
}

static inline int32_t capped(int64_t v)
{
	return (int32_t)(v < 0 ? 0 : v > POLICY_CAPACITY_MAX ? POLICY_CAPACITY_MAX : v);
}

#endif
