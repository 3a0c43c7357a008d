/* The rule queue_wait: a share of the jobs starts within a time. The size is what the setting in
 * force asks for the queue as it is. */
#include "decide/wait.h"

#include <math.h>

#define BOOT_NORMAL 0.2936              /* spread of the logarithm of boot times */
#define KEEP_MOST_MS ((int64_t)1 << 50) /* for ever */
#define JOBS_MOST 1000000000000

static double real(int64_t v)
{
	return (double)v;
}

static double service_s(const struct policy_rule *r, const struct wait *w)
{
	if (r->queue_wait.service_time.ms != POLICY_AUTO)
		return real(r->queue_wait.service_time.ms) / 1000;
	return real(w->busy_ms) / real(w->done > 0 ? w->done : 1) / 1000;
}

static double slots_of(const struct policy *p, const struct wait *w)
{
	if (p->fleet.jobs_per_instance != POLICY_AUTO)
		return real(p->fleet.jobs_per_instance);
	return floor(w->slots_milli / 1000.0 + 0.4);
}

static double clip(double v, double least, double most)
{
	return v < least ? least : v > most ? most : v;
}

static void set_boot(struct wait_view *v, double boot)
{
	v->boot = clip(boot, 1, 86400);
	v->boot_late = v->boot * exp(BOOT_NORMAL * decide_chance_normal(1 - v->share / 2) -
				     BOOT_NORMAL * BOOT_NORMAL / 2);
}

struct wait_view decide_wait_view(const struct policy *p, const struct policy_rule *r,
				  const struct wait *w)
{
	struct wait_view v = {
		.promise = real(r->queue_wait.target.ms) / 1000,
		.share = 1 - real(r->queue_wait.percentile_milli) / 100000,
		.service = service_s(r, w),
		.slots = slots_of(p, w),
		.boot = p->fleet.warm_up.ms != POLICY_AUTO
				? real(p->fleet.warm_up.ms) / 1000
				: real(w->boot_ms) / real(w->boots > 0 ? w->boots : 1) / 1000,
		.kills = w->kills_milli / 1000.0,
		.killing = w->kills_milli > WAIT_KILLS_UNKNOWN,
	};
	int64_t steps = (r->queue_wait.target.ms / 30000 + WAIT_AGES - 4) / (WAIT_AGES - 3);

	v.service = clip(v.service, 0.1, 604800);
	v.slots = clip(v.slots, 1, 10000);
	v.step_ms = 30000 * (steps < 1 ? 1 : steps);
	set_boot(&v, v.boot);
	v.keep_ms = decide_wait_gap_keep(&v, w);
	return v;
}

void decide_wait_use(const struct wait_view *v, struct wait *w)
{
	w->use_service_ms = (int64_t)(v->service * 1000 + 0.5);
	w->use_boot_ms = (int64_t)(v->boot * 1000 + 0.5);
	w->use_slots_milli = (int64_t)(v->slots * 1000 + 0.5);
	w->use_keep_ms = v->keep_ms > KEEP_MOST_MS ? KEEP_MOST_MS : v->keep_ms;
	w->setting = (uint8_t)decide_wait_choose(v, w);
}

/* What is in force this turn. */
static struct wait_view view_in_use(const struct policy_rule *r, const struct wait *w)
{
	struct wait_view v = {
		.promise = real(r->queue_wait.target.ms) / 1000,
		.share = 1 - real(r->queue_wait.percentile_milli) / 100000,
		.service = real(w->use_service_ms) / 1000,
		.slots = real(w->use_slots_milli) / 1000,
		.kills = real(w->kills_milli) / 1000,
		.killing = w->kills_milli > WAIT_KILLS_UNKNOWN,
		.keep_ms = w->use_keep_ms >= KEEP_MOST_MS ? WAIT_FOREVER_MS : w->use_keep_ms,
	};

	set_boot(&v, real(w->use_boot_ms) / 1000);
	return v;
}

double decide_wait_urgent(const struct wait_view *v)
{
	double left = v->promise - v->boot_late - 60;

	return left > 0 ? left : 0;
}

/* Why so many, with what was learnt. */
static struct stair say(const struct wait *w, const struct wait_need *n, int32_t want)
{
	int64_t late = w->started_milli > 0 ? w->late_milli * 1000 / w->started_milli : 0;

	if (n->jobs == 0 && want == 1 && w->use_keep_ms >= KEEP_MOST_MS)
		return (struct stair){ .code = REASON_PROMISE_READY,
				       .arg = { w->use_boot_ms, late } };
	if (n->jobs == 0 && want == 1 && n->idle_ms < w->use_keep_ms)
		return (struct stair){ .code = REASON_PROMISE_KEEP,
				       .arg = { n->idle_ms, w->use_keep_ms } };
	return (struct stair){ .code = REASON_PROMISE,
			       .arg = { n->jobs, w->use_service_ms, w->use_boot_ms } };
}

struct proposal decide_wait(const struct climb *c, const struct policy_rule *r)
{
	const struct wait *w = &c->m->wait;
	const struct fact *f = &c->f->metric[r->metric];
	struct wait_view v = view_in_use(r, w);
	struct wait_setting set = decide_wait_size_setting(&v, w->setting);
	const int32_t *high = w->high[w->setting % WAIT_HOLDS];
	int64_t jobs = c->jobs[r->metric] < JOBS_MOST ? c->jobs[r->metric] : JOBS_MOST;
	struct wait_need n = { .jobs = jobs,
			       .high = high[high[1] > high[0]],
			       .idle_ms = jobs > 0 ? 0 : elapsed_ms(c->now, w->busy_at) };
	int32_t want;

	if (n.high < jobs)
		n.high = jobs;
	n.killable = decide_wait_size_killable(&v, real(w->started_milli) / 1000,
					       real(w->late_milli) / 1000);
	n.may_wait = f->has & QUEUE_OLDEST_AGE && jobs <= 1 &&
		     f->oldest_age_ms < decide_wait_urgent(&v) * 1000;
	want = capped(decide_wait_size(&v, &set, &n, c->desired));
	if (want < c->desired && w->direction > 0 &&
	    !decide_wait_turn_worth(w->turns_milli, c->desired, want))
		want = c->desired;
	return (struct proposal){ .wish = want, .stair = say(w, &n, want) };
}

bool decide_wait_ahead(const struct climb *c)
{
	for (size_t i = 0; i < c->p->rule_count; i++) {
		const struct policy_rule *r = &c->p->rules[i];

		if (r->kind == POLICY_QUEUE_WAIT && c->trust[r->metric] == FACT_READABLE &&
		    c->m->wait.use_keep_ms >= KEEP_MOST_MS)
			return true;
	}
	return false;
}

bool decide_wait_ended(const struct climb *c)
{
	const struct wait *w = &c->m->wait;
	int64_t had = w->before;
	bool promise = c->p->rule_count > 0;

	for (size_t i = 0; i < c->p->rule_count; i++)
		promise = promise && c->p->rules[i].kind == POLICY_QUEUE_WAIT;
	return promise && w->known && had >= 0 && had <= 2 && !instant_is_never(c->m->zero_since);
}
