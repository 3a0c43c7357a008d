/* How many jobs of the real fleet started later than promised.
 *
 * The queue is looked at twice a minute, and a job is seen only as a count and as the age of the
 * oldest. First come, first served: the jobs that started between two looks waited between the one
 * age and the other. How many started follows from those in flight and those that must have ended
 * meanwhile (Little's law). Single errors are large, both ways, and cancel out over a day.
 *
 * Where scale-in kills, what it must have killed is counted: instances let go times the share that
 * was busy. Jobs in flight that nobody can be running show that it kills at all, and those that
 * were missed. */
#include <math.h>

#include "decide/wait.h"

#define STALE_MS 30000    /* counts are up to so old */
#define EXCESS_TURNS 4    /* in a row, before jobs in flight count as nobody's, */
#define EXCESS_LEAST 0.15 /* where they are so many of those that can run: counts may err */
#define TOLD 0.2 /* how much a job tells that ought to have been killed and was not seen so */
#define INVISIBLE_MS 270000.0 /* a killed job: the visibility timeout less what it had run */
#define SUM_MAX_MILLI 1000000000000000
#define STARTED_MAX_MILLI 1000000000000 /* then old ones count half */

static double real(int64_t v)
{
	return (double)v;
}

static void add(int64_t *sum_milli, double jobs)
{
	*sum_milli += (int64_t)floor(jobs * 1000 + 0.5);
	if (*sum_milli < 0)
		*sum_milli = 0;
	if (*sum_milli > SUM_MAX_MILLI)
		*sum_milli = SUM_MAX_MILLI;
}

/* Jobs that were killed, where so many were. */
static void late_by_kill(const struct wait_view *v, struct wait *w, double jobs)
{
	struct wait_setting set = decide_wait_size_setting(v, w->setting);

	add(&w->late_milli, jobs * decide_wait_size_killed(v, &set));
}

static void learn_kills(const struct wait_look *l, const struct wait_view *v, struct wait *w)
{
	double can = v->slots * real(l->g.in_service + l->g.draining);
	double excess = real(l->f.in_flight) - can, turns, missed;

	if (v->slots > 1 && l->p->fleet.jobs_per_instance == POLICY_AUTO)
		excess = 0;
	if (excess >= 1 && excess >= can * EXCESS_LEAST)
		w->excess_turns += w->excess_turns < 1000;
	else
		w->excess_turns = 0;
	if (w->excess_turns < EXCESS_TURNS)
		return;
	turns = w->excess_turns == EXCESS_TURNS ? EXCESS_TURNS : 1;
	missed = excess * turns * real(l->ms) / INVISIBLE_MS - real(w->killed_milli) / 1000;
	add(&w->killed_milli, -excess * turns * real(l->ms) / INVISIBLE_MS);
	if (missed > 0)
		late_by_kill(v, w, missed);
	w->kills_milli += (1000 - w->kills_milli) / 5;
}

static void learn_killed(const struct wait_look *l, const struct wait_view *v, struct wait *w)
{
	double had = real(w->serving) + real(w->pending);
	double gone = had - real(l->g.in_service) - real(l->g.pending);
	double busy = real(w->in_flight) / v->slots, jobs;

	if (gone <= 0 || v->kills <= 0)
		return;
	if (busy > w->serving)
		busy = w->serving;
	if (!v->killing) {
		w->kills_milli = (int32_t)(w->kills_milli * exp(-TOLD * gone * busy / had));
		return;
	}
	jobs = v->kills * gone * busy * v->slots / had;
	add(&w->killed_milli, jobs);
	late_by_kill(v, w, jobs);
}

int64_t decide_wait_late_age(const struct wait_look *l, const struct wait *w)
{
	int64_t age = l->f.oldest_age_ms, most = w->oldest_ms + l->ms;

	return w->kills_milli > 0 && age > most + STALE_MS ? most : age;
}

/* Of jobs whose waits are spread evenly between two, the share that waited too long. */
static double share_late(const struct wait_view *v, double one, double other)
{
	double most = fmax(one, other), least = fmin(one, other);

	if (most <= v->promise)
		return 0;
	return least >= v->promise ? 1 : (most - v->promise) / (most - least);
}

/* The queue ran empty: all that waited were taken in the @p s seconds since, the first at about the
 * age it had, the last, which had just come, at the end. */
static double late_of_last(const struct wait_view *v, const struct wait *w, double s)
{
	double n = w->visible, age = real(w->oldest_ms) / 1000, step = s / (n + 1);
	double first = age + step, last = age / n + s - step;

	return n * share_late(v, fmin(first, last) - step, fmax(first, last) + step);
}

/* Some still wait. Most jobs are told by the ages; of few jobs the oldest tells more. */
static double late_of_many(const struct wait_look *l, const struct wait_view *v,
			   const struct wait *w, double started)
{
	double s = real(l->ms) / 1000, before = real(w->oldest_ms) / 1000;
	double now = real(l->f.oldest_age_ms) / 1000;
	double late = started * share_late(v, before, now);
	bool oldest_started = now < before;

	if (w->visible == 0)
		return late;
	if (oldest_started) /* at any time since */
		late = fmax(late, fmin(fmax((before + s - v->promise) / s, 0), 1));
	if (v->promise > s) /* who is late by now had come by then */
		late = fmin(late, real(w->visible) - !oldest_started);
	return late;
}

/* The age is not told: it follows from what waits and how fast it is taken. */
static double late_by_count(const struct wait_look *l, const struct wait_view *v,
			    const struct wait *w, double started)
{
	double s = real(l->ms) / 1000;

	if (started < 0.5)
		return 0;
	return started * share_late(v, w->visible * s / started, real(l->f.visible) * s / started);
}

void decide_wait_late_learn(const struct wait_look *l, const struct wait_view *v, struct wait *w)
{
	double ended = real(l->f.in_flight + w->in_flight) / 2 * real(l->ms) / 1000 / v->service;
	double started = real(l->f.in_flight - w->in_flight) + ended, late;

	if (l->g.busy > 0 && w->kills_milli <= WAIT_KILLS_UNKNOWN)
		w->kills_milli = 0; /* busy instances are protected from scale-in */
	learn_kills(l, v, w);
	learn_killed(l, v, w);
	if (!(l->f.has & QUEUE_OLDEST_AGE))
		late = late_by_count(l, v, w, started);
	else if (l->f.visible == 0 && w->visible > 0)
		late = late_of_last(v, w, real(l->ms) / 1000);
	else
		late = late_of_many(l, v, w, started);
	add(&w->started_milli, started);
	add(&w->late_milli, late);
	while (w->started_milli > STARTED_MAX_MILLI) {
		w->started_milli /= 2;
		w->late_milli /= 2;
		w->chosen_halves /= 2;
	}
}
