/* Imagined fleets: the same rule at other settings, played against the jobs that really came.
 *
 * Each is a queue, a group and its launches in steps of half a minute or more, with service and
 * boot times as learnt: what it would have cost and how many jobs it would have kept waiting too
 * long. So the best setting in hindsight is known at all times, without trying the others on the
 * real fleet (the experts of Cesa-Bianchi, Lugosi: Prediction, learning, and games, 2006; the
 * workload histories of Google's Autopilot, EuroSys 2020, are weighed in the same spirit). All
 * fleets share the luck of a step, so that they differ by their settings alone. */
#include <math.h>
#include <string.h>

#include "decide/wait.h"

#define JOBS_MAX 1000000000
#define BOOT_SPREAD 0.2936 /* of the logarithm: lognormal, a third of the mean */
#define STALE_S 15         /* counts are as old on average */

/* What one step brings to every fleet. */
struct step {
	int64_t arrived, recent, oldest,
		lonely;          /* jobs: now; those that may still wait; of the step
				    before those; those a first job may wait with */
	double stays, new_stays; /* chance that a job still runs at the end of the step */
	double turns;            /* jobs that a busy slot ends in a step */
	double luck_done, luck_stay;
	unsigned boot; /* steps that what is launched now takes */
};

static int64_t least_of(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

static int64_t past(const struct wait *w, int64_t steps)
{
	int64_t sum = 0;

	for (int64_t i = 0; i < steps && i < WAIT_AGES && i < w->step; i++)
		sum += w->arrived[(w->step - 1 - i) % WAIT_AGES];
	return sum;
}

static struct step step_of(const struct wait_view *v, const struct wait *w, int64_t arrived)
{
	double s = (double)v->step_ms / 1000, wait = v->promise / s;
	uint64_t key = (uint64_t)w->step * 4;
	double boot = v->boot * exp(BOOT_SPREAD * decide_chance_normal(decide_chance_uniform(key)) -
				    BOOT_SPREAD * BOOT_SPREAD / 2);
	int64_t may = (int64_t)(wait + 0.5);
	struct step one = { .arrived = arrived, .recent = past(w, may) };

	one.oldest = past(w, may + 1) - one.recent;
	one.lonely = past(w, (int64_t)(decide_wait_urgent(v) / s + 0.5));
	one.stays = exp(-s / v->service);
	one.new_stays = v->service / s * (1 - one.stays);
	one.turns = s / v->service;
	one.luck_done = decide_chance_uniform(key + 1);
	one.luck_stay = decide_chance_uniform(key + 2);
	boot = (boot + STALE_S) / s + 0.5;
	one.boot = boot < 1 ? 1 : boot > 250 ? 250 : (unsigned)boot;
	return one;
}

static void boots_arrive(struct wait_fleet *f)
{
	for (unsigned i = 0; i < WAIT_BOOTS; i++) {
		if (f->due[i] == 0 || --f->due[i] > 0)
			continue;
		f->serving += f->boot[i];
		f->boot[i] = 0;
	}
}

static int64_t booting(const struct wait_fleet *f)
{
	int64_t sum = 0;

	for (unsigned i = 0; i < WAIT_BOOTS; i++)
		sum += f->boot[i];
	return sum;
}

/* With all groups taken the new one joins the last to come, which then comes at the mean time. */
static void launch(struct wait_fleet *f, int64_t n, unsigned due)
{
	unsigned at = 0;

	for (unsigned i = 1; i < WAIT_BOOTS; i++)
		if (f->due[at] != 0 && (f->due[i] == 0 || f->due[i] > f->due[at]))
			at = i;
	f->due[at] = (uint8_t)(((double)f->boot[at] * f->due[at] + (double)n * due) /
				       (double)(f->boot[at] + n) +
			       0.5);
	f->boot[at] += (int32_t)n;
}

static int64_t slots_of(const struct wait_view *v, const struct wait_fleet *f)
{
	return least_of((int64_t)((double)f->serving * v->slots + 0.5), JOBS_MAX);
}

static void serve(const struct wait_view *v, struct wait_fleet *f, const struct step *s)
{
	int64_t slots = slots_of(v, f);
	int64_t busy = least_of(f->running, slots), jobs = f->waiting + s->arrived;
	double mean = (double)busy * s->turns + (double)(slots - busy) * s->turns / 2;
	int64_t can = slots - busy + decide_chance_poisson(mean, s->luck_done);

	if (jobs <= can) {
		int64_t run = decide_chance_binomial(busy, s->stays, 1 - s->luck_done) +
			      decide_chance_binomial(jobs, s->new_stays, s->luck_stay);

		f->running = (int32_t)least_of(run, slots);
		f->waiting = (int32_t)(run - f->running);
	} else {
		f->waiting = (int32_t)least_of(jobs - can, JOBS_MAX);
		f->running = (int32_t)slots;
	}
	f->leaving = (int32_t)decide_chance_binomial(f->leaving, s->stays, s->luck_stay);
}

static void shrink(const struct wait_view *v, struct wait_fleet *f, int64_t n)
{
	int64_t slots;

	while (n > 0) { /* what boots goes first, the latest to come before the others */
		unsigned at = 0;
		int64_t k;

		for (unsigned i = 1; i < WAIT_BOOTS; i++)
			if (f->due[i] > f->due[at])
				at = i;
		if (f->due[at] == 0)
			break;
		k = least_of(n, f->boot[at]);
		f->boot[at] -= (int32_t)k;
		n -= k;
		if (f->boot[at] == 0)
			f->due[at] = 0;
	}
	if (n <= 0)
		return;
	if (v->kills > 0 && f->serving > 0) {
		double hit = (double)n * f->running / f->serving * v->kills;

		f->late += (uint32_t)(hit + 0.5);
		f->cost +=
			(uint32_t)(hit * v->service * 1000 / (2 * v->slots) / (double)v->step_ms);
	}
	f->serving -= (int32_t)n;
	slots = slots_of(v, f);
	if (f->running > slots) {
		f->leaving = (int32_t)least_of((int64_t)f->leaving + f->running - slots, JOBS_MAX);
		f->running = (int32_t)slots;
	}
}

/* The most jobs of the hold, in two parts of two thirds of it each. */
static void look_back(const struct wait_view *v, const struct wait *w,
		      const struct wait_setting *set, int32_t high[2], int32_t jobs)
{
	int64_t part = (set->hold_ms * 2 / 3 + v->step_ms / 2) / v->step_ms;

	if (part < 1) {
		high[0] = high[1] = jobs;
	} else if (w->step % part == 0) {
		high[1] = high[0];
		high[0] = jobs;
	} else if (jobs > high[0]) {
		high[0] = jobs;
	}
}

static void resize(const struct wait_view *v, const struct wait *w, struct wait_fleet *f,
		   const struct wait_setting *set, const struct step *s)
{
	int64_t jobs = f->waiting + f->running, have = f->serving + booting(f), want;
	struct wait_need n = { .jobs = jobs,
			       .idle_ms = jobs > 0 ? 0 : w->gap_steps * v->step_ms,
			       .may_wait = jobs <= 1 && s->lonely >= f->waiting };

	look_back(v, w, set, f->high, (int32_t)jobs);
	n.high = f->high[f->high[1] > f->high[0]];
	want = least_of(decide_wait_size(v, set, &n, have), POLICY_CAPACITY_MAX);
	f->cost += (uint32_t)(have + (int64_t)((double)f->leaving / v->slots + 0.5));
	if (want > have)
		launch(f, want - have, s->boot);
	else
		shrink(v, f, have - want);
}

/* Jobs of the step that may no longer wait, and still do. */
static int64_t too_late(const struct wait_fleet *f, const struct step *s)
{
	int64_t n = f->waiting - s->recent;

	return n < 0 ? 0 : least_of(n, s->oldest);
}

/* Old times count half once the sums grow large. */
static void forget(struct wait *w)
{
	bool full = w->jobs > JOBS_MAX;

	for (unsigned i = 0; i < WAIT_FLEETS; i++)
		full = full || w->fleet[i].cost > UINT32_MAX / 2;
	if (!full)
		return;
	w->jobs /= 2;
	for (unsigned i = 0; i < WAIT_FLEETS; i++) {
		w->fleet[i].cost /= 2;
		w->fleet[i].late /= 2;
	}
}

static void trial_step(const struct wait_view *v, struct wait *w, int64_t arrived)
{
	struct step s;

	w->gap_steps = arrived > 0 ? 0 : least_of(w->gap_steps + 1, JOBS_MAX);
	w->arrived[w->step % WAIT_AGES] = (int32_t)least_of(arrived, JOBS_MAX);
	w->step++;
	w->jobs += arrived;
	s = step_of(v, w, arrived);
	for (unsigned i = 0; i < WAIT_FLEETS; i++) {
		struct wait_setting set = decide_wait_size_setting(v, i);
		struct wait_fleet *f = &w->fleet[i];
		uint32_t before = f->late;

		boots_arrive(f);
		serve(v, f, &s);
		f->late += (uint32_t)too_late(f, &s);
		resize(v, w, f, &set, &s);
		if (i == w->setting)
			w->chosen_late += f->late - before;
	}
	forget(w);
}

void decide_wait_trial_feed(const struct wait_view *v, struct wait *w, int64_t jobs, int64_t ms)
{
	int64_t steps;

	w->part_ms += ms;
	w->part_jobs = least_of(w->part_jobs + jobs, JOBS_MAX);
	steps = w->part_ms / v->step_ms;
	for (int64_t i = steps; i > 0; i--) {
		double share = 1 / ((double)i +
				    (double)(w->part_ms - steps * v->step_ms) / (double)v->step_ms);
		int64_t n = decide_chance_binomial(
			w->part_jobs, share, decide_chance_uniform((uint64_t)w->step * 4 + 3));

		w->part_jobs -= n;
		trial_step(v, w, n);
	}
	w->part_ms -= steps * v->step_ms;
}
