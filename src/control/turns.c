/* One turn a policy: made from the policies, with the memory that the journal has of each. */
#include "base/own.h"
#include "control/inner.h"

#define TURNS_TEXT_MAX (256u << 10)

static int lanes_of(struct control *c, struct turn *t, struct err *e)
{
	const struct policy *p = t->policy;
	char region[64];

	t->want.group_lane = control_lanes_get(c->lanes, p->fleet.region, p->fleet.role_arn,
					       p->fleet.external_id, e);
	if (!t->want.group_lane)
		return -1;
	t->write.lane = t->want.group_lane;
	for (size_t i = 0; i < p->metric_count; i++) {
		const struct policy_metric *m = &p->metrics[i];
		const char *role = policy_region_role(p, m);

		if (m->source != POLICY_SQS && m->source != POLICY_CLOUDWATCH)
			continue;
		t->want.metric_lane[i] = control_lanes_get(
			c->lanes, policy_region_metric(p, m, region, sizeof(region)), role,
			role ? p->fleet.external_id : NULL, e);
		if (!t->want.metric_lane[i])
			return -1;
	}
	return 0;
}

/* As with the memory, a season that cannot be read begins anew, and the report says so. */
static int season_make(struct control *c, struct turn *t, struct instant now, struct err *e)
{
	if (!policy_is_predictive(t->policy))
		return 0;
	t->season = own_alloc(sizeof(*t->season));
	season_init(t->season);
	if (c->journal && journal_read_season(c->journal, t->policy, now, t->season, e) < 0)
		season_init(t->season);
	t->memory.season = t->season;
	return 0;
}

static int turn_make(struct control *c, struct turn *t, const struct policy_item *item,
		     struct instant now, struct err *e)
{
	AUTO(buf_done) struct buf text = BUF(TURNS_TEXT_MAX);

	t->control = c;
	t->policy = item->policy;
	t->blocked = item->blocked;
	t->facts.group.why = FACT_NEVER_READ;
	t->facts.group.seen_at = INSTANT_NEVER;
	for (size_t i = 0; i < POLICY_METRICS_MAX; i++)
		t->facts.metric[i] =
			(struct fact){ .why = FACT_NEVER_READ, .seen_at = INSTANT_NEVER };
	policy_print(t->policy, &text);
	t->policy_text = buf_take(&text);
	t->want.policy = t->policy;
	t->want.facts = &t->facts;
	t->want.seen = &t->seen;
	t->want.user = t;
	t->write.policy = t->policy;
	t->write.plan = &t->plan;
	t->write.user = t;
	t->published = TICK_NEVER;
	memory_init(&t->memory);
	if (lanes_of(c, t, e) < 0)
		return err_wrap(e, "policy %s", t->policy->name);
	/* A memory that cannot be read must not stop the fleet: it starts anew, and the report says
	 * so. */
	if (c->journal && journal_read_memory(c->journal, t->policy, now, &t->memory, e) < 0)
		memory_init(&t->memory);
	else
		err_clear(e);
	return season_make(c, t, now, e);
}

static void turn_done(struct turn *t)
{
	act_write_done(&t->write);
	observe_seen_done(&t->seen);
	own_free(t->season);
	own_free(t->policy_text);
}

void control_turns_make(struct control *c, struct instant now)
{
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
}

void control_turns_drop(struct control *c)
{
	for (size_t i = 0; i < c->turn_count; i++)
		turn_done(&c->turns[i]);
	own_free(c->turns);
	c->turns = NULL;
	c->turn_count = 0;
}
