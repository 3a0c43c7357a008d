/* A metric of CloudWatch's becomes a fact. */
#include <math.h>

#include "observe/observe_own.h"

#define MOST 9e15 /* thousandths of it still fit */

static void fill(const struct policy_cloudwatch *c, const struct cloudwatch_newest *seen,
		 struct fact *f)
{
	if (fabs(seen->value) > MOST) {
		f->why = FACT_NONSENSE;
		return;
	}
	f->why = FACT_READABLE;
	f->seen_at = instant_add(seen->at, c->period); /* it says nothing of a later moment */
	f->value_milli = llround(seen->value * 1000);
}

static void seen(const struct cloudwatch_newest *newest, const struct err *e,
		 const struct facts_spent *spent, void *arg)
{
	struct observe_metered *m = arg;
	struct observe_want *w = m->want;
	size_t metric = (size_t)(m - w->metered);
	const struct policy_metric *p = &w->policy->metrics[metric];
	struct fact *f = &w->facts->metric[metric];

	w->facts->spent.cloudwatch += spent->cloudwatch;
	w->facts->spent.metrics += spent->metrics;
	if (newest) {
		fill(&p->cloudwatch, newest, f);
	} else if (e->kind != ERR_NOT_FOUND || instant_is_never(f->seen_at)) {
		f->why = observe_why(e);
		m->asked_at = INSTANT_NEVER; /* again at the next turn */
		observe_failed(w, e, "metric", p->name);
	} /* else there is nothing newer, and what was seen grows old by itself */
	observe_less(m->owner, w);
}

void observe_meter_fact(struct observe *o, struct observe_meters *meters, struct observe_want *w,
			size_t metric, struct instant now)
{
	const struct policy_cloudwatch *c = &w->policy->metrics[metric].cloudwatch;
	struct observe_metered *m = &w->metered[metric];
	struct fact *f = &w->facts->metric[metric];
	int64_t ago;

	if (!m->owner) {
		m->asked_at = INSTANT_NEVER;
		f->seen_at = INSTANT_NEVER;
		f->why = FACT_NEVER_READ;
	}
	m->owner = o;
	m->want = w;
	ago = instant_is_never(m->asked_at) ? -1 : instant_since(now, m->asked_at).ms;
	if (ago >= 0 && ago < observe_meters_every(c).ms)
		return;
	m->asked_at = now;
	w->left++;
	observe_meters_want(meters, w->metric_lane[metric], c, seen, m);
}
