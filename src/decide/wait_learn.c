/* What the queue and the group show of service time, slots and boot time.
 *
 * Times follow from Little's law, L = lambda * W: jobs in flight summed over time, divided by the
 * jobs deleted meanwhile, is the time that a job runs; booting instances summed over time, divided
 * by those that came into service, is the boot time. Each starts from a guess that weighs as much
 * as a few observations. Counts are up to half a minute old, CloudWatch's minutes one to three. */
#include <math.h>
#include <string.h>

#include "decide/wait.h"

#define SEEN_MS 30000
#define COUNT_MAX 1000000000
#define DAY_MS 86400000
#define SUM_MAX_MS 1000000000000000
#define GAP_MAX_MS 600000 /* a longer silence teaches nothing */
#define QUIET_MS 360000   /* without a new minute for so long the balance counts */
#define FADE_DONE 100000  /* jobs, boots: then old ones count half */
#define FADE_BOOTS 500

static int64_t count(int64_t v, int64_t most)
{
	return v < 0 ? 0 : v > most ? most : v;
}

static int64_t running(const struct wait_look *l, double slots)
{
	double can = slots * (double)(l->g.in_service + l->g.draining);

	return (double)l->f.in_flight > can ? (int64_t)can : l->f.in_flight;
}

static void begin(const struct wait_look *l, struct wait *w)
{
	struct wait_view v;

	wait_init(w);
	w->known = true;
	w->turn_at = w->fed_to = w->period_end = w->busy_at = l->now;
	v = decide_wait_view(l->p, l->r, w);
	w->step_ms = v.step_ms;
	decide_wait_trial_begin(w, l->g.in_service);
	decide_wait_use(&v, w);
}

/* Fleets are imagined in steps of another length: they begin anew, what is learnt stays. */
static void begin_steps(const struct wait_look *l, const struct wait_view *v, struct wait *w)
{
	memset(w->arrived, 0, sizeof(w->arrived));
	w->step_ms = v->step_ms;
	w->step = w->part_ms = w->part_jobs = w->jobs = w->gap_steps = 0;
	decide_wait_trial_begin(w, l->g.in_service);
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

/* Old observations count half once there are many. */
static void fade(int64_t *ms, int64_t *n, int64_t most)
{
	while (*n > most || *ms > SUM_MAX_MS) {
		*ms = *ms / 2 > 0 ? *ms / 2 : 1;
		*n = *n / 2 > 0 ? *n / 2 : 1;
	}
}

static void learn_service(const struct wait_look *l, struct wait *w)
{
	double mean;

	if (!(l->f.has & QUEUE_DELETED) || !seen_mean(w, l->f.period_end, l->f.period.ms, &mean))
		return;
	w->busy_ms += (int64_t)(mean * (double)l->f.period.ms + 0.5);
	w->done += count(l->f.deleted, 1000000000);
	fade(&w->busy_ms, &w->done, FADE_DONE);
}

/* A full queue shows how many jobs an instance takes. */
static void learn_slots(const struct wait_look *l, struct wait *w)
{
	int64_t serving = l->g.in_service, ratio;

	if (serving < 1 || l->f.visible <= serving || l->g.draining > 0 || w->serving != serving ||
	    w->kills_milli > WAIT_KILLS_UNKNOWN)
		return;
	ratio = count(l->f.in_flight * 1000 / serving, 10000000);
	w->slots_milli += (int32_t)((ratio - w->slots_milli) / 8);
}

/* What is let go while it boots was launched last: its time tells nothing. */
static void forget_cancelled(const struct wait_look *l, struct wait *w, int64_t gone)
{
	int64_t n = count(gone, w->pending), half = w->boot_ms / 2;

	if (instant_is_never(w->launched_at))
		return;
	w->boot_ms -= n * count(elapsed_ms(l->now, w->launched_at), DAY_MS);
	if (w->boot_ms < half)
		w->boot_ms = half > 0 ? half : 1;
}

static void learn_boot(const struct wait_look *l, struct wait *w)
{
	const struct capacity *g = &l->g;
	int64_t change = g->in_service + g->pending - w->serving - w->pending;
	int64_t launched = change > 0 ? change : 0;
	int64_t came = launched + w->pending - g->pending - (change < 0 ? -change : 0);

	if (change > 0)
		w->launched_at = l->now;
	if (change < 0)
		forget_cancelled(l, w, -change);
	came = count(came, POLICY_CAPACITY_MAX);
	w->boot_ms += (g->pending + came / 2) * l->ms + came % 2 * (l->ms / 2);
	w->boots += came;
	fade(&w->boot_ms, &w->boots, FADE_BOOTS);
}

/* What came since the last turn: what is there now and was not, and what ended meanwhile. */
static int64_t balance(const struct wait_look *l, const struct wait_view *v, const struct wait *w)
{
	double came =
		(double)(l->f.visible + l->f.in_flight - w->visible - w->in_flight) +
		(double)(l->f.in_flight + w->in_flight) / 2 * (double)l->ms / 1000 / v->service;

	return count((int64_t)floor(came + 0.5), 1000000000);
}

static void feed(const struct wait_look *l, const struct wait_view *v, struct wait *w)
{
	bool fresh = l->f.has & QUEUE_SENT && l->f.period.ms > 0 &&
		     !instant_is_never(l->f.period_end) && l->f.period_end.ms > w->period_end.ms &&
		     l->f.period_end.ms <= l->now.ms;
	int64_t span;

	if (fresh) {
		learn_service(l, w);
		span = l->f.period_end.ms - w->fed_to.ms;
		w->period_end = l->f.period_end;
		if (span <= 0)
			return;
		w->fed_to = l->f.period_end;
		if (span > GAP_MAX_MS)
			return;
		decide_wait_trial_feed(v, w, count(l->f.sent, 1000000000) * span / l->f.period.ms,
				       span);
	} else if (l->now.ms - w->period_end.ms > QUIET_MS) {
		span = l->now.ms - w->fed_to.ms;
		w->fed_to = l->now;
		if (span <= GAP_MAX_MS)
			decide_wait_trial_feed(v, w, balance(l, v, w), span);
	}
}

/* The most jobs within each hold, in two parts, as the imagined fleets have it. */
static void look_back(const struct wait_look *l, const struct wait_view *v, struct wait *w)
{
	for (unsigned h = 0; h < WAIT_HOLDS; h++) {
		int64_t part = decide_wait_size_setting(v, h).hold_ms * 2 / 3;
		int32_t *high = w->high[h],
			n = (int32_t)count(l->f.visible + l->f.in_flight, INT32_MAX);

		if (part < 1) {
			high[0] = high[1] = n;
		} else if (l->now.ms / part != w->turn_at.ms / part) {
			high[1] = high[0];
			high[0] = n;
		} else if (n > high[0]) {
			high[0] = n;
		}
	}
}

static void learn_turns(const struct wait_look *l, struct wait *w)
{
	int64_t have = l->g.in_service + l->g.pending;
	int64_t change = have - w->serving - w->pending;

	w->turns_milli = (int32_t)decide_wait_turn_earn(w->turns_milli, count(l->ms, DAY_MS));
	if (change < 0 && w->direction > 0)
		w->turns_milli = (int32_t)decide_wait_turn_spend(w->turns_milli);
	if (change != 0)
		w->direction = change > 0 ? 1 : -1;
}

static void learn_gap(const struct wait_look *l, const struct wait_view *v, struct wait *w)
{
	int64_t jobs = l->f.visible + l->f.in_flight,
		empty = elapsed_ms(l->now, w->busy_at) - l->ms;

	decide_wait_gap_learn(v, w, empty, jobs, balance(l, v, w), l->ms);
	if (jobs > 0)
		w->busy_at = l->now;
}

/* Counts from outside, made small enough to calculate with. */
static struct fact sane_fact(const struct fact *from)
{
	struct fact f = *from;

	f.visible = count(f.visible, COUNT_MAX);
	f.in_flight = count(f.in_flight, COUNT_MAX);
	f.sent = count(f.sent, COUNT_MAX);
	f.deleted = count(f.deleted, COUNT_MAX);
	f.oldest_age_ms = count(f.oldest_age_ms, COUNT_MAX);
	f.period.ms = count(f.period.ms, DAY_MS);
	return f;
}

static struct capacity sane_group(const struct capacity *from)
{
	struct capacity g = *from;

	g.in_service = count(g.in_service, POLICY_CAPACITY_MAX);
	g.pending = count(g.pending, POLICY_CAPACITY_MAX);
	g.draining = count(g.draining, POLICY_CAPACITY_MAX);
	return g;
}

static void learn(const struct wait_look *l, struct wait *w)
{
	struct wait_view v = decide_wait_view(l->p, l->r, w);

	if (v.step_ms != w->step_ms)
		begin_steps(l, &v, w);
	decide_wait_use(&v, w);
	see(w, l->now.ms / SEEN_MS, running(l, v.slots));
	if (l->ms <= GAP_MAX_MS) {
		learn_boot(l, w);
		learn_slots(l, w);
		decide_wait_late_learn(l, &v, w);
	}
	learn_turns(l, w);
	feed(l, &v, w);
	learn_gap(l, &v, w);
	look_back(l, &v, w);
}

static void remember(const struct wait_look *l, struct wait *w)
{
	w->turn_at = l->now;
	w->before = (int32_t)count((int64_t)w->visible + w->in_flight, INT32_MAX);
	w->oldest_ms = l->f.has & QUEUE_OLDEST_AGE ? l->f.oldest_age_ms : 0;
	w->visible = (int32_t)l->f.visible;
	w->in_flight = (int32_t)l->f.in_flight;
	w->serving = (int32_t)l->g.in_service;
	w->pending = (int32_t)l->g.pending;
}

static void look(const struct climb *c, const struct policy_rule *r, struct wait *w)
{
	struct wait_look l = { .p = c->p,
			       .r = r,
			       .now = c->now,
			       .f = sane_fact(&c->f->metric[r->metric]),
			       .g = sane_group(&c->f->group) };

	if (!w->known)
		begin(&l, w);
	l.ms = elapsed_ms(l.now, w->turn_at);
	l.f.oldest_age_ms = decide_wait_late_age(&l, w);
	if (l.ms > 0)
		learn(&l, w);
	remember(&l, w);
}

void decide_wait_learn(const struct climb *c, struct memory *m)
{
	unsigned both = QUEUE_VISIBLE | QUEUE_IN_FLIGHT;

	for (size_t i = 0; i < c->p->rule_count; i++) {
		const struct policy_rule *r = &c->p->rules[i];

		if (r->kind != POLICY_QUEUE_WAIT)
			continue;
		if (c->trust[r->metric] == FACT_READABLE && c->now.ms >= 0 &&
		    (c->f->metric[r->metric].has & both) == both)
			look(c, r, &m->wait);
		return;
	}
}
