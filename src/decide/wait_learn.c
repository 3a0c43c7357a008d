/* What the queue and the group show of service time, slots, boot time and lateness.
 *
 * Times follow from Little's law, L = lambda * W: jobs in flight summed over time, divided by the
 * jobs deleted meanwhile, is the time that a job runs; booting instances summed over time, divided
 * by those that came into service, is the boot time. Each starts from a guess that weighs as much
 * as a few observations. Counts are up to half a minute old, CloudWatch's minutes one to three. */
#include <math.h>
#include <string.h>

#include "decide/wait.h"

#define SEEN_MS 30000
#define GAP_MAX_MS 600000 /* a longer silence teaches nothing */
#define QUIET_MS 360000   /* without a new minute for so long the balance counts */
#define FADE_DONE 100000  /* jobs, boots: then old ones count half */
#define FADE_BOOTS 500
#define EXCESS_TURNS 4        /* in a row, before jobs in flight count as nobody's */
#define TURNS_MAX_MILLI 48000 /* changes of direction that can be saved up, */
#define TURN_MS 1333333       /* and how often there is a new one: 2.7 an hour */

static int64_t count(int64_t v, int64_t most)
{
	return v < 0 ? 0 : v > most ? most : v;
}

static int64_t running(const struct climb *c, const struct fact *f, double slots)
{
	double can = slots * (double)(c->f->group.in_service + c->f->group.draining);

	return (double)f->in_flight > can ? (int64_t)can : f->in_flight;
}

static void begin(const struct climb *c, const struct policy_rule *r, struct wait *w)
{
	struct wait_view v;

	wait_init(w);
	w->known = true;
	w->turn_at = w->fed_to = w->period_end = w->busy_at = c->now;
	w->setting = WAIT_FLEETS;
	v = decide_wait_view(c->p, r, w);
	w->step_ms = v.step_ms;
	for (unsigned i = 0; i < WAIT_FLEETS; i++)
		w->fleet[i].serving = (int32_t)count(c->f->group.in_service, POLICY_CAPACITY_MAX);
	w->setting = (uint8_t)decide_wait_choose(&v, w);
}

/* Fleets are imagined in steps of another length: they begin anew, what is learnt stays. */
static void begin_steps(const struct climb *c, const struct wait_view *v, struct wait *w)
{
	memset(w->fleet, 0, sizeof(w->fleet));
	memset(w->arrived, 0, sizeof(w->arrived));
	w->step_ms = v->step_ms;
	w->step = w->part_ms = w->part_jobs = w->jobs = w->gap_steps = 0;
	for (unsigned i = 0; i < WAIT_FLEETS; i++)
		w->fleet[i].serving = (int32_t)count(c->f->group.in_service, POLICY_CAPACITY_MAX);
}

static void see(struct wait *w, int64_t slot, int64_t in_flight)
{
	int64_t behind = slot - w->seen_slot;

	for (int64_t i = 1; i < behind && i < WAIT_SEEN; i++)
		w->seen[(slot - i) % WAIT_SEEN] = -1;
	w->seen[slot % WAIT_SEEN] = (int32_t)count(in_flight, INT32_MAX);
	w->seen_slot = slot;
}

/* The mean of what was in flight within @p ms up to @p end; false when nothing was seen then. */
static bool seen_mean(const struct wait *w, struct instant end, int64_t ms, double *ret)
{
	int64_t last = end.ms / SEEN_MS, n = ms / SEEN_MS, got = 0;
	double sum = 0;

	for (int64_t i = 0; i < n; i++) {
		int64_t slot = last - i;

		if (slot > w->seen_slot || slot + WAIT_SEEN <= w->seen_slot || slot < 0 ||
		    w->seen[slot % WAIT_SEEN] < 0)
			continue;
		sum += w->seen[slot % WAIT_SEEN];
		got++;
	}
	*ret = got ? sum / (double)got : 0;
	return got > 0;
}

static void fade(int64_t *ms, int64_t *n, int64_t most)
{
	if (*n <= most)
		return;
	*ms /= 2;
	*n /= 2;
}

static void learn_service(const struct fact *f, struct wait *w)
{
	double mean;

	if (!(f->has & QUEUE_DELETED) || !seen_mean(w, f->period_end, f->period.ms, &mean))
		return;
	w->busy_ms += (int64_t)(mean * (double)f->period.ms + 0.5);
	w->done += count(f->deleted, 1000000000);
	fade(&w->busy_ms, &w->done, FADE_DONE);
}

/* A full queue shows how many jobs an instance takes. */
static void learn_slots(const struct climb *c, const struct fact *f, struct wait *w)
{
	int64_t serving = c->f->group.in_service, ratio;

	if (serving < 1 || f->visible <= serving || c->f->group.draining > 0 ||
	    w->serving != serving || w->kills_milli > 0)
		return;
	ratio = count(f->in_flight * 1000 / serving, 10000000);
	w->slots_milli += (int32_t)((ratio - w->slots_milli) / 8);
}

static void learn_boot(const struct climb *c, struct wait *w, int64_t ms)
{
	const struct capacity *g = &c->f->group;
	int64_t change = g->in_service + g->pending - w->serving - w->pending;
	int64_t launched = change > 0 ? change : 0;
	int64_t came = launched + w->pending - g->pending - (change < 0 ? -change : 0);

	came = count(came, POLICY_CAPACITY_MAX);
	w->boot_ms += (g->pending + came / 2) * ms + came % 2 * (ms / 2);
	w->boots += came;
	fade(&w->boot_ms, &w->boots, FADE_BOOTS);
}

/* More in flight than slots, turn after turn: scale-in killed the rest, and they stay invisible
 * until their time is over. */
static void learn_kills(const struct climb *c, const struct wait_view *v, const struct fact *f,
			struct wait *w)
{
	double can = v->slots * (double)(c->f->group.in_service + c->f->group.draining);
	double excess = (double)f->in_flight - can;

	if (v->slots > 1 && c->p->fleet.jobs_per_instance == POLICY_AUTO)
		excess = 0;
	if (excess >= 1 && excess >= can * 0.15)
		w->excess_turns += w->excess_turns < 1000;
	else
		w->excess_turns = 0;
	if (w->excess_turns >= EXCESS_TURNS)
		w->kills_milli += (1000 - w->kills_milli) / 5;
}

/* The share of the jobs started between two turns that waited too long. First come, first served:
 * their waits lie between the oldest age at the last turn and that of now. */
static double share_late(const struct wait_view *v, double before, double now)
{
	double most = before > now ? before : now, least = before > now ? now : before;

	if (most <= v->promise)
		return 0;
	return least >= v->promise ? 1 : (most - v->promise) / (most - least);
}

/* Where the age is unknown it follows from what waits and how fast it is taken. */
static void learn_late(const struct wait_view *v, const struct fact *f, struct wait *w, int64_t ms)
{
	double done = (double)(f->in_flight + w->in_flight) / 2 * (double)ms / 1000 / v->service;
	double started = (double)(f->in_flight - w->in_flight) + done, before, now;

	if (started < 0.5)
		return;
	if (f->has & QUEUE_OLDEST_AGE) {
		before = (double)w->oldest_ms / 1000;
		now = (double)f->oldest_age_ms / 1000;
		if (f->visible == 0 && w->visible > 0) { /* the last to be taken */
			now = before / w->visible;
			before += (double)ms / 2000 / w->visible;
		}
	} else {
		before = (double)w->visible * (double)ms / 1000 / started;
		now = (double)f->visible * (double)ms / 1000 / started;
	}
	w->started_milli += (int64_t)floor(started * 1000 + 0.5);
	w->late_milli += (int64_t)floor(started * 1000 * share_late(v, before, now) + 0.5);
	if (w->started_milli > 1000000000000) {
		w->started_milli /= 2;
		w->late_milli /= 2;
		w->chosen_late /= 2;
	}
}

/* What came since the last turn: what is there now and was not, and what ended meanwhile. */
static int64_t balance(const struct wait_view *v, const struct fact *f, const struct wait *w,
		       int64_t ms)
{
	double came = (double)(f->visible + f->in_flight - w->visible - w->in_flight) +
		      (double)(f->in_flight + w->in_flight) / 2 * (double)ms / 1000 / v->service;

	return count((int64_t)floor(came + 0.5), 1000000000);
}

static void feed(const struct wait_view *v, const struct climb *c, const struct fact *f,
		 struct wait *w, int64_t ms)
{
	bool fresh = f->has & QUEUE_SENT && f->period.ms > 0 && !instant_is_never(f->period_end) &&
		     f->period_end.ms > w->period_end.ms && f->period_end.ms <= c->now.ms;
	int64_t span;

	if (fresh) {
		learn_service(f, w);
		span = f->period_end.ms - w->fed_to.ms;
		w->period_end = f->period_end;
		if (span <= 0)
			return;
		w->fed_to = f->period_end;
		if (span > GAP_MAX_MS)
			return;
		decide_wait_trial_feed(v, w, count(f->sent, 1000000000) * span / f->period.ms,
				       span);
	} else if (c->now.ms - w->period_end.ms > QUIET_MS) {
		span = c->now.ms - w->fed_to.ms;
		w->fed_to = c->now;
		if (span <= GAP_MAX_MS)
			decide_wait_trial_feed(v, w, balance(v, f, w, ms), span);
	}
}

/* The most jobs within each hold, in two parts, as the imagined fleets have it. */
static void look_back(const struct wait_view *v, const struct climb *c, struct wait *w,
		      int64_t jobs, struct instant before)
{
	for (unsigned h = 0; h < WAIT_HOLDS; h++) {
		int64_t part = decide_wait_size_setting(v, h).hold_ms * 2 / 3;
		int32_t *high = w->high[h], n = (int32_t)count(jobs, INT32_MAX);

		if (part < 1) {
			high[0] = high[1] = n;
		} else if (c->now.ms / part != before.ms / part) {
			high[1] = high[0];
			high[0] = n;
		} else if (n > high[0]) {
			high[0] = n;
		}
	}
}

static void learn_turns(const struct climb *c, struct wait *w, int64_t ms)
{
	int64_t have = c->f->group.in_service + c->f->group.pending;
	int64_t change = have - w->serving - w->pending;
	int64_t turns = w->turns_milli + count(ms, 86400000) * 1000 / TURN_MS;

	if (change < 0 && w->direction > 0)
		turns -= 1000;
	if (change != 0)
		w->direction = change > 0 ? 1 : -1;
	w->turns_milli = (int32_t)(turns > TURNS_MAX_MILLI ? TURNS_MAX_MILLI : turns);
}

static void learn_gap(const struct wait_view *v, const struct climb *c, const struct fact *f,
		      struct wait *w, int64_t ms)
{
	int64_t jobs = f->visible + f->in_flight, empty = elapsed_ms(c->now, w->busy_at) - ms;

	decide_wait_gap_learn(v, w, empty, jobs, balance(v, f, w, ms), ms);
	if (jobs > 0)
		w->busy_at = c->now;
}

static void learn(const struct climb *c, const struct policy_rule *r, struct wait *w)
{
	const struct fact *f = &c->f->metric[r->metric];
	struct instant before = w->turn_at;
	int64_t ms = elapsed_ms(c->now, before);
	struct wait_view v;

	if (ms <= 0)
		return;
	v = decide_wait_view(c->p, r, w);
	if (v.step_ms != w->step_ms)
		begin_steps(c, &v, w);
	see(w, c->now.ms / SEEN_MS, running(c, f, v.slots));
	if (ms <= GAP_MAX_MS) {
		learn_boot(c, w, ms);
		learn_slots(c, f, w);
		learn_kills(c, &v, f, w);
		learn_late(&v, f, w, ms);
	}
	learn_turns(c, w, ms);
	feed(&v, c, f, w, ms);
	learn_gap(&v, c, f, w, ms);
	look_back(&v, c, w, c->jobs[r->metric], before);
	v = decide_wait_view(c->p, r, w);
	w->setting = (uint8_t)decide_wait_choose(&v, w);
}

void decide_wait_learn(const struct climb *c, struct memory *m)
{
	unsigned both = QUEUE_VISIBLE | QUEUE_IN_FLIGHT;

	for (size_t i = 0; i < c->p->rule_count; i++) {
		const struct policy_rule *r = &c->p->rules[i];
		const struct fact *f = &c->f->metric[r->metric];
		struct wait *w = &m->wait;

		if (r->kind != POLICY_QUEUE_WAIT)
			continue;
		if (c->trust[r->metric] != FACT_READABLE || (f->has & both) != both)
			return;
		if (!w->known)
			begin(c, r, w);
		learn(c, r, w);
		w->turn_at = c->now;
		w->before = (int32_t)count((int64_t)w->visible + w->in_flight, INT32_MAX);
		w->oldest_ms = f->has & QUEUE_OLDEST_AGE ? f->oldest_age_ms : 0;
		w->visible = (int32_t)count(f->visible, INT32_MAX);
		w->in_flight = (int32_t)count(f->in_flight, INT32_MAX);
		w->serving = (int32_t)count(c->f->group.in_service, POLICY_CAPACITY_MAX);
		w->pending = (int32_t)count(c->f->group.pending, POLICY_CAPACITY_MAX);
		return;
	}
}
