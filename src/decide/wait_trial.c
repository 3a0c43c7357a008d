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
#define BOOT_SPREAD 0.3 /* of the mean boot time */
#define STALE_S 15      /* counts are as old on average */
#define STAGE_MAX UINT16_MAX
#define TURNS_FIRST_MILLI 7000
#define DRAWS 16 /* of one step */

/* What one step brings to every fleet. */
struct step {
	int64_t arrived, lonely; /* jobs: now; those that a first job may wait with */
	/* Two steps of arrivals, half a step younger and older than the promise: what came later
	 * than each, and in it. */
	int64_t later[2], due[2];
	double stays, new_stays; /* chance that a job still runs at the end of the step */
	double turns;            /* jobs that a busy slot ends in a step */
	double luck_done, luck_stay;
	unsigned stages; /* of a launch */
	double moves;    /* chance that a launch leaves its stage in a step */
	double luck_boot[WAIT_BOOTS];
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

/* A launch passes through stages that it leaves with the same chance at every step. So the time
 * that it takes has the mean that is learnt and some spread (a negative binomial distribution, the
 * method of stages of Erlang), and of many launched together some come early. */
static void stages_of(const struct wait_view *v, double step_s, struct step *s)
{
	double mean = (v->boot + STALE_S) / step_s;
	double n = floor(mean / (1 + BOOT_SPREAD * BOOT_SPREAD * mean) + 0.5);

	n = n < 1 ? 1 : n > WAIT_BOOTS ? WAIT_BOOTS : n;
	s->stages = (unsigned)n;
	s->moves = mean > n ? n / mean : 1;
}

static struct step step_of(const struct wait_view *v, const struct wait *w, int64_t arrived)
{
	double s = (double)v->step_ms / 1000;
	uint64_t key = (uint64_t)w->step * DRAWS;
	int64_t halves = (int64_t)(2 * v->promise / s - 0.5);
	struct step one = { .arrived = arrived };

	for (int i = 0; i < 2; i++) {
		int64_t steps = (halves + i) / 2;

		one.later[i] = past(w, steps);
		one.due[i] = past(w, steps + 1) - one.later[i];
	}
	one.lonely = past(w, (int64_t)(decide_wait_urgent(v) / s + 0.5));
	one.stays = exp(-s / v->service);
	one.new_stays = v->service / s * (1 - one.stays);
	one.turns = s / v->service;
	one.luck_done = decide_chance_uniform(key + 1);
	one.luck_stay = decide_chance_uniform(key + 2);
	stages_of(v, s, &one);
	for (unsigned i = 0; i < one.stages; i++)
		one.luck_boot[i] = decide_chance_uniform(key + 4 + i);
	return one;
}

/* Those of the last stage come into service, the others reach the next. (There may be fewer stages
 * than there were: what is past the last leaves as from it.) */
static void boots_arrive(struct wait_fleet *f, const struct step *s)
{
	for (unsigned i = WAIT_BOOTS; i-- > 0;) {
		bool last = i + 1 >= s->stages;
		int64_t n = decide_chance_binomial(f->boot[i], s->moves,
						   s->luck_boot[last ? s->stages - 1 : i]);

		if (!last)
			n = least_of(n, STAGE_MAX - f->boot[i + 1]);
		f->boot[i] = (uint16_t)(f->boot[i] - n);
		if (!last)
			f->boot[i + 1] = (uint16_t)(f->boot[i + 1] + n);
		else
			f->serving = (int32_t)least_of(f->serving + n, POLICY_CAPACITY_MAX);
	}
}

static int64_t booting(const struct wait_fleet *f)
{
	int64_t sum = 0;

	for (unsigned i = 0; i < WAIT_BOOTS; i++)
		sum += f->boot[i];
	return sum;
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

static int64_t let_boots_go(struct wait_fleet *f, int64_t n)
{
	for (unsigned i = 0; i < WAIT_BOOTS && n > 0; i++) {
		int64_t k = least_of(n, f->boot[i]);

		f->boot[i] = (uint16_t)(f->boot[i] - k);
		n -= k;
	}
	return n;
}

/* Scale-in that kills takes any instance. What it had worked is lost, and jobs are late. */
static int64_t kill_some(const struct wait_view *v, const struct wait_setting *set,
			 struct wait_fleet *f, int64_t n)
{
	int64_t all = f->serving + booting(f), served;
	double jobs;

	if (!v->killing || all < 1)
		return n;
	jobs = v->kills * (double)n * f->running / (double)all;
	served = n * f->serving / all;
	f->late += (uint32_t)(2 * jobs * decide_wait_size_killed(v, set) + 0.5);
	f->cost += (uint32_t)(jobs * v->service * 1000 / (2 * v->slots) / (double)v->step_ms);
	f->serving -= (int32_t)served;
	return n - served;
}

/* What boots goes first, the newest before the others, then what is idle, then what is busy. */
static void shrink(const struct wait_view *v, const struct wait_setting *set, struct wait_fleet *f,
		   int64_t n)
{
	int64_t slots;

	if (n <= 0)
		return;
	n = kill_some(v, set, f, n);
	n = let_boots_go(f, n);
	f->serving -= (int32_t)least_of(n, f->serving);
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

/* The size it turns to, or stays at while turns are scarce. */
static int64_t turn(const struct wait_view *v, struct wait_fleet *f, int64_t have, int64_t want)
{
	int64_t turns = decide_wait_turn_earn(f->turns_milli, v->step_ms);

	if (want < have && f->direction > 0) {
		if (decide_wait_turn_worth(turns, have, want))
			turns = decide_wait_turn_spend(turns);
		else
			want = have;
	}
	f->turns_milli = (uint16_t)turns;
	if (want != have)
		f->direction = want > have ? 1 : -1;
	return want;
}

static void resize(const struct wait_view *v, const struct wait *w, struct wait_fleet *f,
		   const struct wait_setting *set, const struct step *s)
{
	int64_t jobs = f->waiting + f->running, have = f->serving + booting(f), want;
	struct wait_need n = { .jobs = jobs,
			       .idle_ms = jobs > 0 ? 0 : w->gap_steps * v->step_ms,
			       .may_wait = jobs <= 1 && s->lonely >= f->waiting };

	n.killable = decide_wait_size_killable(v, (double)w->jobs, f->late / 2.0);
	look_back(v, w, set, f->high, (int32_t)jobs);
	n.high = f->high[f->high[1] > f->high[0]];
	want = least_of(decide_wait_size(v, set, &n, have), POLICY_CAPACITY_MAX);
	want = turn(v, f, have, want);
	f->cost += (uint32_t)(have + (int64_t)((double)f->leaving / v->slots + 0.5));
	if (want > have)
		f->boot[0] = (uint16_t)(f->boot[0] + least_of(want - have, STAGE_MAX - f->boot[0]));
	else
		shrink(v, set, f, have - want);
}

/* Jobs that may no longer wait, and still do: in halves. */
static int64_t too_late(const struct wait_fleet *f, const struct step *s)
{
	int64_t sum = 0;

	for (int i = 0; i < 2; i++) {
		int64_t n = f->waiting - s->later[i];

		sum += n < 0 ? 0 : least_of(n, s->due[i]);
	}
	return sum;
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

		boots_arrive(f, &s);
		serve(v, f, &s);
		f->late += (uint32_t)too_late(f, &s);
		resize(v, w, f, &set, &s);
		if (i == w->setting)
			w->chosen_halves += f->late - before;
	}
	forget(w);
}

void decide_wait_trial_begin(struct wait *w, int64_t serving)
{
	memset(w->fleet, 0, sizeof(w->fleet));
	for (unsigned i = 0; i < WAIT_FLEETS; i++) {
		w->fleet[i].serving = (int32_t)serving;
		w->fleet[i].turns_milli = TURNS_FIRST_MILLI;
	}
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
			w->part_jobs, share, decide_chance_uniform((uint64_t)w->step * DRAWS + 3));

		w->part_jobs -= n;
		trial_step(v, w, n);
	}
	w->part_ms -= steps * v->step_ms;
}
