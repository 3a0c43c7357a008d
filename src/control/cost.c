#include "control/cost.h"

#include <string.h>

#include "base/own.h"
#include "control/inner.h"
#include "control/pace.h"
#include "observe/meter.h"

const struct cost_price control_cost_price[COST_PRICES] = {
	[COST_SQS] = { "SQS requests", "request", 0.40, 1e6, "https://aws.amazon.com/sqs/pricing/",
		       "2026-03" },
	[COST_METRICS] = { "CloudWatch GetMetricData", "metric asked for", 0.01, 1e3,
			   "https://aws.amazon.com/cloudwatch/pricing/", "2026-03" },
	[COST_PUTS] = { "CloudWatch PutMetricData", "request", 0.01, 1e3,
			"https://aws.amazon.com/cloudwatch/pricing/", "2026-03" },
	[COST_KEPT] = { "CloudWatch custom metrics", "metric and month", 0.30, 1,
			"https://aws.amazon.com/cloudwatch/pricing/", "2026-03" },
	[COST_AUTOSCALING] = { "EC2 Auto Scaling requests", "request", 0, 1,
			       "https://aws.amazon.com/autoscaling/pricing/", "2026-03" },
};

static double price(enum cost_price_of of, double n)
{
	return n * control_cost_price[of].dollars / control_cost_price[of].per;
}

double control_cost_dollars(const struct facts_spent *s)
{
	return price(COST_SQS, (double)s->sqs / FACTS_MICRO) +
	       price(COST_METRICS, (double)s->metrics / FACTS_MICRO) +
	       price(COST_AUTOSCALING, (double)s->autoscaling / FACTS_MICRO);
}

/* --- who looks together */

static int64_t interval(const struct policy *p, bool idle)
{
	int64_t ms = idle ? p->evaluate.idle_every.ms : p->evaluate.every.ms;

	return ms > 1000 ? ms : 1000;
}

/* Turns that are due at the same moments share a batch of reads. */
struct look {
	int64_t every, first;
};

static struct look look_of(const struct turn *t, bool idle)
{
	return (struct look){ interval(t->policy, idle),
			      control_pace_next(t->policy, t->phase, idle, (struct tick){ 0 }).ms };
}

static bool same_queue(const struct turn *a, size_t i, const struct turn *b, size_t k)
{
	const struct policy_metric *m = &a->policy->metrics[i], *n = &b->policy->metrics[k];

	return m->source == POLICY_SQS && n->source == POLICY_SQS &&
	       a->want.metric_lane[i] == b->want.metric_lane[k] &&
	       strcmp(m->sqs.queue_url, n->sqs.queue_url) == 0;
}

static bool same_meter(const struct turn *a, size_t i, const struct turn *b, size_t k)
{
	const struct policy_metric *m = &a->policy->metrics[i], *n = &b->policy->metrics[k];

	return m->source == POLICY_CLOUDWATCH && n->source == POLICY_CLOUDWATCH &&
	       a->want.metric_lane[i] == b->want.metric_lane[k] &&
	       observe_meters_same(&m->cloudwatch, &n->cloudwatch);
}

/* How many look at this very metric at the same time, the policy itself among them. */
static double sharers(struct turn *const *set, size_t n, const struct turn *t, size_t metric,
		      bool (*same)(const struct turn *, size_t, const struct turn *, size_t))
{
	double count = 0;

	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < set[i]->policy->metric_count; k++)
			count += same(t, metric, set[i], k);
	return count > 0 ? count : 1;
}

static bool same_group(const struct turn *a, const struct turn *b)
{
	return a->want.group_lane == b->want.group_lane &&
	       strcmp(a->policy->fleet.auto_scaling_group, b->policy->fleet.auto_scaling_group) ==
		       0;
}

/* Its share of the describe calls of its lane: of the call that has its group, by subscribers. The
 * groups of a lane fill calls of a hundred; all calls of a set are divided by all of its turns. */
static double group_share(struct turn *const *set, size_t n, const struct turn *t)
{
	size_t turns = 0, groups = 0;

	for (size_t i = 0; i < n; i++) {
		bool first = true;

		if (set[i]->want.group_lane != t->want.group_lane)
			continue;
		turns++;
		for (size_t k = 0; k < i && first; k++)
			first = !same_group(set[i], set[k]);
		groups += first;
	}
	return (double)((groups + AUTOSCALING_NAMES_MAX - 1) / AUTOSCALING_NAMES_MAX) /
	       (double)(turns ? turns : 1);
}

/* Metrics of one lane that are worth a call at the same looks go into one, five hundred at most. */
static double meter_call_share(struct turn *const *set, size_t n, const struct turn *t,
			       size_t metric)
{
	const struct policy_metric *m = &t->policy->metrics[metric];
	double distinct = 0, weight = 0, calls;

	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < set[i]->policy->metric_count; k++) {
			const struct policy_metric *o = &set[i]->policy->metrics[k];

			if (o->source == POLICY_CLOUDWATCH &&
			    set[i]->want.metric_lane[k] == t->want.metric_lane[metric] &&
			    observe_meters_every(&o->cloudwatch).ms ==
				    observe_meters_every(&m->cloudwatch).ms) {
				double share = 1 / sharers(set, n, set[i], k, same_meter);

				distinct += share;
				weight += share * (double)observe_meters_weight(&o->cloudwatch);
			}
		}
	calls = (double)(((size_t)(weight + 0.5) + CLOUDWATCH_QUERIES_MAX - 1) /
			 CLOUDWATCH_QUERIES_MAX);
	return calls / (distinct > 0 ? distinct : 1) / sharers(set, n, t, metric, same_meter);
}

/* --- a policy's month */

static void add_metric(struct turn *const *set, size_t n, const struct turn *t, size_t i,
		       int64_t every, struct cost_rate *ret)
{
	const struct policy_metric *m = &t->policy->metrics[i];
	double looks;

	if (m->source == POLICY_SQS)
		ret->sqs += ret->turns / sharers(set, n, t, i, same_queue);
	if (m->source != POLICY_CLOUDWATCH)
		return;
	/* At the first look that finds the metric's own interval over. */
	looks = (double)((observe_meters_every(&m->cloudwatch).ms + every - 1) / every);
	ret->metrics += ret->turns / looks * (double)observe_meters_metrics(&m->cloudwatch) /
			sharers(set, n, t, i, same_meter);
	ret->cloudwatch += ret->turns / looks * meter_call_share(set, n, t, i);
}

static void month_of(struct turn *const *set, size_t n, const struct turn *t, bool idle,
		     struct cost_rate *ret)
{
	int64_t every = interval(t->policy, idle);

	*ret = (struct cost_rate){ .turns = COST_MONTH_S * 1000 / (double)every };
	ret->autoscaling = ret->turns * group_share(set, n, t);
	for (size_t i = 0; i < t->policy->metric_count; i++)
		add_metric(set, n, t, i, every, ret);
	ret->dollars = price(COST_SQS, ret->sqs) + price(COST_METRICS, ret->metrics) +
		       price(COST_AUTOSCALING, ret->autoscaling);
}

/* The turns that look together with turn @p i, into @p ret; a batch has so many at most. */
static size_t set_of(const struct control *c, const struct look *looks, size_t i, struct turn **ret)
{
	size_t n = 1;

	ret[0] = &c->turns[i];
	for (size_t k = 0; k < c->turn_count && n < CONTROL_LOOK_MAX; k++)
		if (k != i && looks[k].every == looks[i].every && looks[k].first == looks[i].first)
			ret[n++] = &c->turns[k];
	return n;
}

static void months(const struct control *c, bool idle, struct cost *ret)
{
	AUTO(own_freep) struct turn **set = own_array(CONTROL_LOOK_MAX, sizeof(struct turn *));
	AUTO(own_freep) struct look *looks = own_array(c->turn_count + 1, sizeof(*looks));

	for (size_t i = 0; i < c->turn_count; i++)
		looks[i] = look_of(&c->turns[i], idle);
	for (size_t i = 0; i < c->turn_count; i++)
		month_of(set, set_of(c, looks, i, set), &c->turns[i], idle,
			 idle ? &ret[i].idle : &ret[i].busy);
}

static void publishing(const struct policy *p, struct cost *ret)
{
	if (!p->publish.name_space)
		return;
	ret->published = 1 + (double)p->rule_count;
	for (size_t i = 0; i < p->metric_count; i++)
		ret->published +=
			p->metrics[i].source == POLICY_SQS || p->metrics[i].source == POLICY_CELERY;
	for (size_t i = 0; i < p->rule_count; i++)
		ret->published += p->rules[i].kind == POLICY_QUEUE_WAIT;
	ret->puts = COST_MONTH_S * 1000 / (double)p->publish.every.ms;
	ret->published_dollars = price(COST_KEPT, ret->published) + price(COST_PUTS, ret->puts);
}

void control_cost(const struct control *c, struct cost *ret)
{
	for (size_t i = 0; i < c->turn_count; i++) {
		ret[i] = (struct cost){ .policy = c->turns[i].policy };
		publishing(c->turns[i].policy, &ret[i]);
	}
	months(c, false, ret);
	months(c, true, ret);
}
