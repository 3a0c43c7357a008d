/* The promise of a waiting time: what its files share. Private to decide/.
 *
 * wait_learn.c   what the queue and the group show: service time, slots, boot time
 * wait_late.c    how many jobs started too late, and how many were killed
 * wait_turn.c    how often a fleet may change direction
 * wait_trial.c   imagined fleets that meet the same jobs at other settings
 * wait_gap.c     how long the last instance is kept
 * wait_choose.c  which setting keeps the promise at the lowest cost
 * wait_size.c    the size that one setting asks for
 * wait.c         the rule
 * chance.c       draws and quantiles
 */
#ifndef DECIDE_WAIT_H
#define DECIDE_WAIT_H

#include "decide/climb.h"
#include "model/wait.h"

#define WAIT_FOREVER_MS INT64_MAX

/* What is known while one turn is thought, in seconds and jobs. */
struct wait_view {
	double promise, share; /* the wait that is promised; the share of jobs that may miss it */
	double service, boot, slots;
	double boot_late; /* a boot time that few exceed */
	double kills;     /* chance that a busy instance dies when it is let go; */
	bool killing;     /* seen, not supposed */
	int64_t step_ms;
	int64_t keep_ms; /* the last instance stays so long without a job */
};

/* One setting: how much is asked for, and for how long it is kept. */
struct wait_setting {
	double jobs, root; /* instances for each job; for the root of the jobs */
	double band;       /* so many times as large a fleet is kept */
	int64_t hold_ms;
};

/* What a size is asked for. */
struct wait_need {
	int64_t jobs, high; /* in the system: now, and the most while the setting holds */
	int64_t idle_ms;    /* since a job was last there */
	bool may_wait;      /* the first job can wait for company */
	double killable;    /* jobs that scale-in may yet make late */
};

/* One look at the queue and the group. */
struct wait_look {
	const struct policy *p;
	const struct policy_rule *r;
	struct instant now;
	int64_t ms; /* since the last */
	struct fact f;
	struct capacity g;
};

struct wait_view decide_wait_view(const struct policy *p, const struct policy_rule *r,
				  const struct wait *w);
struct wait_setting decide_wait_size_setting(const struct wait_view *v, unsigned index);
int64_t decide_wait_size(const struct wait_view *v, const struct wait_setting *s,
			 const struct wait_need *n, int64_t have);
/* How many jobs scale-in may yet make late, of @p jobs of which @p late were. */
double decide_wait_size_killable(const struct wait_view *v, double jobs, double late);
/* Of the jobs that are killed under this setting, the share that starts too late. */
double decide_wait_size_killed(const struct wait_view *v, const struct wait_setting *s);
/* Whether a fleet that grew last may shrink to @p want, with so many turns left; what is left after
 * @p ms; and after a turn. */
bool decide_wait_turn_worth(int64_t turns_milli, int64_t have, int64_t want);
int64_t decide_wait_turn_earn(int64_t turns_milli, int64_t ms);
int64_t decide_wait_turn_spend(int64_t turns_milli);
void decide_wait_trial_begin(struct wait *w, int64_t serving);
void decide_wait_trial_feed(const struct wait_view *v, struct wait *w, int64_t jobs, int64_t ms);
/* @p jobs are there after @p empty_ms without any; or @p came in the @p ms since the last turn. */
void decide_wait_gap_learn(const struct wait_view *v, struct wait *w, int64_t empty_ms,
			   int64_t jobs, int64_t came, int64_t ms);
int64_t decide_wait_gap_keep(const struct wait_view *v, const struct wait *w);
/* Puts what is known now in force. */
void decide_wait_use(const struct wait_view *v, struct wait *w);
unsigned decide_wait_choose(const struct wait_view *v, const struct wait *w);
double
decide_wait_urgent(const struct wait_view *v); /* seconds that a first job may wait for company */

double decide_chance_uniform(uint64_t key); /* in (0, 1), the same for the same key */
double decide_chance_normal(double u);      /* quantile of the normal distribution */
int64_t decide_chance_binomial(int64_t n, double p, double u); /* quantiles */
int64_t decide_chance_poisson(double mean, double u);

/* Late jobs and killed ones, of those that started since the last look. */
void decide_wait_late_learn(const struct wait_look *l, const struct wait_view *v, struct wait *w);
/* The age of the oldest job, without those that were killed and are back. */
int64_t decide_wait_late_age(const struct wait_look *l, const struct wait *w);
/* The memory's part: called by decide_learn. */
void decide_wait_learn(const struct climb *c, struct memory *m);
/* Whether a promise wants an instance before there is a job. */
bool decide_wait_ahead(const struct climb *c);
/* Whether a queue that reads empty can be: at the last turn no more jobs were there than end
 * between two turns. */
bool decide_wait_ended(const struct climb *c);
struct proposal decide_wait(const struct climb *c, const struct policy_rule *r);

#endif
