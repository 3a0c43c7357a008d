/* One turn a policy: made from the policies, with the memory that the journal has of each. */
#include <string.h>

#include "aws/cloudwatch_newest.h"
#include "base/clock.h"
#include "base/own.h"
#include "control/inner.h"
#include "control/pace.h"
#include "observe/meter.h"

#define FIRST_COHORTS 8   /* so many have their first turn at once; the others at their time */
#define FIRST_APART_MS 20 /* or nearly so */

static int lanes_of(struct control *c, struct turn *t, struct err *e)
{
	const struct policy *p = t->policy;
	char region[64];

	t->want.group_lane = control_lanes_get(c->lanes, p->fleet.region, p->fleet.role_arn,
					       p->fleet.external_id, e);
	if (!t->want.group_lane)
		return -1;
	t->want.metric_lane = own_array(p->metric_count, sizeof(*t->want.metric_lane));
	for (size_t i = 0; i < p->metric_count; i++) {
		const struct policy_metric *m = &p->metrics[i];
		const char *role = policy_region_role(p, m);

		if (m->source != POLICY_SQS && m->source != POLICY_CLOUDWATCH)
			continue;
		if (m->source == POLICY_CLOUDWATCH && !t->want.metered)
			t->want.metered = own_array(p->metric_count, sizeof(*t->want.metered));
		t->want.metric_lane[i] = control_lanes_get(
			c->lanes, policy_region_metric(p, m, region, sizeof(region)), role,
			role ? p->fleet.external_id : NULL, e);
		if (!t->want.metric_lane[i])
			return -1;
	}
	return 0;
}

/* As with the memory, a season that cannot be read begins anew, and the report says so. */
static int season_make(struct control *c, struct turn *t, struct instant now, struct memory *m,
		       struct err *e)
{
	if (!policy_is_predictive(t->policy))
		return 0;
	t->season = own_alloc(sizeof(*t->season));
	season_init(t->season);
	if (c->journal && journal_read_season(c->journal, t->policy, now, t->season, e) < 0)
		season_init(t->season);
	m->season = t->season;
	return 0;
}

static struct turn_first *first_new(void)
{
	struct turn_first *f = own_alloc(sizeof(*f));

	memory_init(&f->memory);
	for (size_t i = 0; i < POLICY_METRICS_MAX; i++)
		f->facts.metric[i] =
			(struct fact){ .why = FACT_NEVER_READ, .seen_at = INSTANT_NEVER };
	f->facts.group = (struct capacity){ .why = FACT_NEVER_READ, .seen_at = INSTANT_NEVER };
	return f;
}

/* Those that hold the policy's metrics and no more: most have one. */
static size_t facts_bytes(const struct turn *t)
{
	return offsetof(struct facts, metric) + t->policy->metric_count * sizeof(struct fact);
}

void control_turns_begin(struct turn *t)
{
	const struct turn_first *first = t->control->first;
	struct facts kept;

	err_ignore(control_image_get(&t->facts, &first->facts, sizeof(kept), &kept));
	kept.metric_count = t->policy->metric_count;
	t->want.facts = own_alloc(facts_bytes(t));
	memcpy(t->want.facts, &kept, facts_bytes(t));
}

static void want_drop(struct observe_want *w)
{
	own_free(w->facts);
	own_free(w->err);
	w->facts = NULL;
	w->err = NULL;
}

void control_turns_seen(struct turn *t)
{
	const struct turn_first *first = t->control->first;
	struct turn_work *w = t->work = own_alloc(sizeof(*t->work));

	w->facts = first->facts;
	memcpy(&w->facts, t->want.facts, facts_bytes(t));
	if (t->want.err)
		w->err = *t->want.err;
	want_drop(&t->want);
	err_ignore(
		control_image_get(&t->memory, &first->memory, sizeof(first->memory), &w->memory));
	w->write.policy = t->policy;
	w->write.plan = &w->plan;
	w->write.lane = t->want.group_lane;
	w->write.user = t;
}

static void keep(struct turn *t, const struct memory *m)
{
	const struct turn_first *first = t->control->first;

	control_image_put(&t->memory, m, &first->memory, sizeof(*m));
}

void control_turns_end(struct turn *t)
{
	const struct turn_first *first = t->control->first;

	want_drop(&t->want); /* given up: what it saw is not all there */
	if (!t->work)
		return;
	keep(t, &t->work->memory);
	control_image_put(&t->facts, &t->work->facts, &first->facts, sizeof(first->facts));
	act_write_done(&t->work->write);
	own_free(t->work->policy_text);
	own_free(t->work);
	t->work = NULL;
}

static int turn_make(struct control *c, struct turn *t, const struct policy_item *item,
		     struct instant now, struct err *e)
{
	struct memory m;
	int rc;

	t->control = c;
	t->policy = item->policy;
	t->blocked = item->blocked;
	t->want.policy = t->policy;
	t->want.seen = &t->seen;
	t->want.user = t;
	t->published = TICK_NEVER;
	if (lanes_of(c, t, e) < 0)
		return err_wrap(e, "policy %s", t->policy->name);
	/* A memory that cannot be read must not stop the fleet: it starts anew, and the report says
	 * so. */
	memory_init(&m);
	if (c->journal && journal_read_memory(c->journal, t->policy, now, &m, e) < 0)
		memory_init(&m);
	else
		err_clear(e);
	rc = season_make(c, t, now, &m, e);
	keep(t, &m);
	return rc;
}

static void turn_done(struct turn *t)
{
	control_turns_end(t);
	observe_seen_done(&t->seen);
	own_free(t->season);
	control_image_done(&t->facts);
	control_image_done(&t->memory);
	own_free(t->want.metric_lane);
	own_free(t->want.metered);
}

/* A single turn shares as many reads as it can; a daemon spreads its work from the start. */
static struct tick first_due(const struct control *c, const struct turn *t, size_t cohort,
			     struct tick now)
{
	if (c->o.once)
		return now;
	if (cohort < FIRST_COHORTS)
		return tick_add(now, span_ms((int64_t)cohort * FIRST_APART_MS));
	return control_pace_next(t->policy, t->phase, false, now);
}

static size_t meters_of(const struct turn *t)
{
	size_t n = 0;

	for (size_t i = 0; i < t->policy->metric_count; i++)
		if (t->policy->metrics[i].source == POLICY_CLOUDWATCH)
			n += observe_meters_weight(&t->policy->metrics[i].cloudwatch);
	return n;
}

/* Turns of a lane that come at one time. */
struct cohort {
	const struct turn *first;
	size_t number, size, meters;
};

static bool is_of(const struct cohort *of, const struct turn *t)
{
	const struct policy *a = of->first->policy, *b = t->policy;

	return of->first->want.group_lane == t->want.group_lane &&
	       a->evaluate.every.ms == b->evaluate.every.ms &&
	       a->evaluate.idle_every.ms == b->evaluate.idle_every.ms;
}

/* One call describes a hundred groups. One call asks for five hundred metrics of CloudWatch, for
 * which the groups of five calls come together. */
static bool is_full(const struct cohort *of, const struct turn *t)
{
	if (meters_of(t) == 0)
		return of->size % AUTOSCALING_NAMES_MAX == 0;
	return of->size == CLOUDWATCH_QUERIES_MAX ||
	       of->meters + meters_of(t) > CLOUDWATCH_QUERIES_MAX;
}

struct cohorts {
	struct cohort *newest; /* of each kind */
	size_t count, numbers;
};

static void join(struct control *c, struct cohorts *all, struct turn *t, struct tick now)
{
	struct cohort *of = all->newest;

	while (of < all->newest + all->count && !is_of(of, t))
		of++;
	if (of == all->newest + all->count) {
		all->newest = own_grow(all->newest, ++all->count, sizeof(*all->newest));
		of = &all->newest[all->count - 1];
		*of = (struct cohort){ .first = t, .number = all->numbers++ };
	} else if (is_full(of, t)) {
		*of = (struct cohort){ .first = t, .number = all->numbers++ };
	}
	of->size++;
	of->meters += meters_of(t);
	t->phase = control_pace_phase(c->turns[0].policy->name, of->number);
	t->due = first_due(c, t, of->number, now);
}

/* Those with metrics of CloudWatch first, so that they are together; the others fill up. */
static void set_phases(struct control *c, struct tick now)
{
	struct cohorts all = { 0 };

	for (size_t i = 0; i < c->turn_count; i++)
		if (meters_of(&c->turns[i]) > 0)
			join(c, &all, &c->turns[i], now);
	for (size_t i = 0; i < c->turn_count; i++)
		if (meters_of(&c->turns[i]) == 0)
			join(c, &all, &c->turns[i], now);
	own_free(all.newest);
}

void control_turns_make(struct control *c, struct instant now)
{
	if (!c->first)
		c->first = first_new();
	c->turns = own_array(c->policies.count ? c->policies.count : 1, sizeof(*c->turns));
	for (size_t i = 0; i < c->policies.count; i++) {
		struct turn *t = &c->turns[c->turn_count];
		struct err e = { 0 };

		if (turn_make(c, t, &c->policies.items[i], now, &e) < 0) {
			c->o.on_report(&e, c->o.arg);
			turn_done(t);
			*t = (struct turn){ 0 };
			continue;
		}
		if (e.kind != ERR_NONE)
			c->o.on_report(&e, c->o.arg);
		c->turn_count++;
	}
	set_phases(c, clock_mono());
	for (size_t i = 0; i < c->turn_count; i++)
		control_agenda_add(&c->waiting, &c->turns[i]);
	c->ready.end = &c->ready.first;
	c->done.end = &c->done.first;
}

void control_turns_drop(struct control *c)
{
	for (size_t i = 0; i < c->turn_count; i++)
		turn_done(&c->turns[i]);
	own_free(c->turns);
	control_agenda_done(&c->waiting);
	c->ready.first = c->done.first = NULL;
	c->busy = c->reading = c->writing = 0;
	c->turns = NULL;
	c->turn_count = 0;
}
