#include "simulate/scaler.h"

#include <string.h>

#include "decide/decide.h"
#include "model/say.h"
#include "rehearse/turn.h"

static bool is_queue(const struct policy_metric *m)
{
	return m->source == POLICY_SQS || m->source == POLICY_CELERY;
}

/* The metrics of AWS/SQS that the plant keeps; -1: another. */
static int sqs_metric(const struct policy_metric *m)
{
	static const char *const names[] = { "ApproximateNumberOfMessagesVisible",
					     "ApproximateNumberOfMessagesNotVisible",
					     "ApproximateAgeOfOldestMessage",
					     "NumberOfMessagesSent", "NumberOfMessagesDeleted" };

	if (m->source != POLICY_CLOUDWATCH || strcmp(m->cloudwatch.name_space, "AWS/SQS") != 0)
		return -1;
	for (size_t i = 0; i < COUNT_OF(names); i++)
		if (strcmp(names[i], m->cloudwatch.metric) == 0)
			return (int)i;
	return -1;
}

static int pick_queue(struct scaler *s, const char *name, struct err *e)
{
	const struct policy *p = s->policy;

	for (size_t i = 0; i < p->metric_count; i++)
		if (name ? strcmp(p->metrics[i].name, name) == 0 : is_queue(&p->metrics[i])) {
			s->queue = i;
			return 0;
		}
	s->queue = SIZE_MAX;
	return name ? err_set(e, ERR_POLICY, "policy %s has no metric '%.64s'", p->name, name) : 0;
}

int scaler_init(struct scaler *s, const struct policy *p, const char *queue, struct buf *notes,
		struct err *e)
{
	size_t given = 0;

	memset(s, 0, sizeof(*s));
	s->policy = p;
	memory_init(&s->memory);
	season_init(&s->season);
	if (policy_is_predictive(p))
		s->memory.season = &s->season;
	if (pick_queue(s, queue, e) < 0)
		return -1;
	for (size_t i = 0; i < p->metric_count; i++) {
		const struct policy_metric *m = &p->metrics[i];

		if (i == s->queue || sqs_metric(m) >= 0)
			given++;
		else if (is_queue(m))
			buf_addf(notes,
				 "policy %s: metric %s is not in the load: taken to be empty\n",
				 p->name, m->name);
		else if (!policy_metric_is_derived(m))
			buf_addf(notes,
				 "policy %s: metric %s is not in the load: taken to be missing\n",
				 p->name, m->name);
	}
	if (given == 0)
		return err_set(e, ERR_POLICY,
			       "policy %s has no metric that a load can give: it needs a queue, or "
			       "one of AWS/SQS",
			       p->name);
	return 0;
}

static struct fact queue_fact(const struct plant_view *v, bool fed)
{
	struct fact f = { .why = FACT_READABLE,
			  .is_queue = true,
			  .seen_at = v->wall,
			  .has = QUEUE_VISIBLE | QUEUE_IN_FLIGHT | QUEUE_DELAYED,
			  .period_end = INSTANT_NEVER };
	const struct plant_point *n = v->newest;

	if (!fed)
		return f;
	f.visible = v->visible;
	f.in_flight = v->in_flight;
	f.oldest_age_ms = v->oldest_age_us / 1000;
	f.has |= QUEUE_OLDEST_AGE;
	if (n) {
		f.period_end = (struct instant){ v->wall.ms - (v->now_us - n->end_us) / 1000 };
		f.period = span_s(60);
		f.sent = n->sent;
		f.deleted = n->deleted;
		f.has |= QUEUE_SENT | QUEUE_DELETED;
	}
	return f;
}

static struct fact scalar_fact(const struct plant_view *v, int which)
{
	const struct plant_point *n = v->newest;
	struct fact f = { .why = FACT_NEVER_READ,
			  .seen_at = INSTANT_NEVER,
			  .period_end = INSTANT_NEVER };

	if (which < 0 || !n)
		return f;
	f.why = FACT_READABLE;
	f.seen_at = (struct instant){ v->wall.ms - (v->now_us - n->end_us) / 1000 };
	f.value_milli =
		(int64_t[]){ n->visible * 1000, n->in_flight * 1000, n->oldest_age_us / 1000,
			     n->sent * 1000, n->deleted * 1000 }[which];
	return f;
}

static void see(const struct scaler *s, const struct plant_view *v, struct facts *ret)
{
	const struct policy *p = s->policy;

	memset(ret, 0, sizeof(*ret));
	ret->group = (struct capacity){ .why = FACT_READABLE,
					.seen_at = v->wall,
					.min = v->min,
					.max = v->max,
					.desired = v->desired,
					.in_service = v->in_service,
					.ready = v->in_service,
					.pending = v->pending,
					.busy = v->busy,
					.draining = v->draining };
	ret->metric_count = p->metric_count;
	for (size_t i = 0; i < p->metric_count; i++)
		ret->metric[i] = is_queue(&p->metrics[i])
					 ? queue_fact(v, i == s->queue)
					 : scalar_fact(v, sqs_metric(&p->metrics[i]));
}

static struct span pace(const struct policy *p, const struct plant_view *v)
{
	bool idle = v->visible + v->in_flight == 0 && v->pending + v->draining == 0 &&
		    v->in_service == v->desired && v->desired <= v->min;

	return idle ? p->evaluate.idle_every : p->evaluate.every;
}

static int64_t decide_now(void *self, const struct plant_view *v, struct span *ret_next)
{
	struct scaler *s = self;
	struct facts f;

	see(s, v, &f);
	s->plan = rehearse_turn_think(s->policy, &f, v->wall, &s->memory);
	*ret_next = pace(s->policy, v);
	/* A policy that only watches is simulated as if it wrote: that is what is asked. */
	if (s->plan.act != PLAN_SET)
		return -1;
	decide_presume(&s->plan, v->wall, &s->memory);
	return s->plan.desired;
}

static void settle(void *self, const struct plant_view *v, bool done)
{
	struct scaler *s = self;
	struct outcome o = { .kind = done ? OUTCOME_DONE : OUTCOME_REFUSED,
			     .from = s->plan.current,
			     .to = s->plan.desired,
			     .at = v->wall };

	if (!done)
		o.err.kind = ERR_THROTTLED;
	decide_settle(s->policy, &o, v->wall, &s->memory);
}

/* "2 -> 6: at most +4 now, after +0 within 1m", and below it the staircase, a line a stair. */
static void say(void *self, struct buf *out)
{
	const struct scaler *s = self;

	say_plan_short(s->policy, &s->plan, out);
	for (size_t i = 0; i < s->plan.stair_count; i++) {
		const struct stair *stair = &s->plan.stairs[i];

		buf_addf(out, "\n%d %s: ", say_reason_step((enum reason)stair->code),
			 say_step_word(say_reason_step((enum reason)stair->code)));
		say_stair(s->policy, stair, out);
	}
}

struct plant_scaler scaler_plant(struct scaler *s)
{
	struct plant_scaler ret = { .self = s, .decide = decide_now, .settle = settle, .say = say };

	for (size_t i = 0; i < s->policy->metric_count; i++) {
		const struct policy_metric *m = &s->policy->metrics[i];

		ret.sqs_calls_per_look += m->source == POLICY_SQS;
		if (m->source == POLICY_CLOUDWATCH)
			ret.metrics_per_minute +=
				m->cloudwatch.expression ? m->cloudwatch.query_count : 1;
	}
	for (size_t i = 0; i < s->policy->rule_count; i++)
		if (s->policy->rules[i].kind == POLICY_QUEUE_WAIT)
			ret.metrics_per_minute += 2; /* sent and deleted */
	return ret;
}
