#include "control/publish.h"

#include <string.h>

#include "aws/cloudwatch_put.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/own.h"
#include "control/control.h"
#include "model/say.h"

#define GATHER_MS 10000
#define CALL_S 10
#define REPEAT_MS 600000 /* a failure that goes on is said again so often */
#define DEMAND 2         /* the stair on which each rule says its wish */

struct waiting { /* one value; owns its texts but for the literals */
	struct publish_value value;
	char *policy, *what;
	struct instant at;
};

struct batch { /* what goes to one place */
	struct batch *next;
	struct publish *owner;
	struct lane *lane;
	char *name_space;
	struct waiting *list;
	size_t count;
	struct aws_call call;
	size_t asked; /* of the list, by the call under way */
};

struct publish {
	struct loop_timer *timer;
	struct batch *waiting, *flying;
	void (*quiet)(void *arg);
	void *arg;
	bool gathering;
	struct tick said; /* the last failure */
	bool failing;
};

/* --- what is worth telling */

static void add(struct publish_value *list, size_t *n, struct publish_value v)
{
	list[(*n)++] = v;
}

static void backlogs(const struct turn *t, struct publish_value *ret, size_t *n)
{
	int64_t serving = t->work->facts.group.in_service;

	if (t->work->facts.group.why != FACT_READABLE)
		return;
	for (size_t i = 0; i < t->policy->metric_count; i++) {
		const struct policy_metric *m = &t->policy->metrics[i];
		const struct fact *f = &t->work->facts.metric[i];

		if ((m->source != POLICY_SQS && m->source != POLICY_CELERY) ||
		    f->why != FACT_READABLE)
			continue;
		add(ret, n,
		    (struct publish_value){
			    .metric = "BacklogPerInstance",
			    .unit = "Count",
			    .label = "Metric",
			    .what = m->name,
			    .value = (double)fact_jobs(f, policy_metric_counts(m) & f->has) /
				     (double)(serving > 0 ? serving : 1) });
	}
}

/* The first stair of a rule on the second step is its wish. */
static void wishes(const struct turn *t, struct publish_value *ret, size_t *n)
{
	bool said[POLICY_RULES_MAX] = { false };

	for (size_t i = 0; i < t->work->plan.stair_count; i++) {
		const struct stair *s = &t->work->plan.stairs[i];

		if (s->rule < 0 || (size_t)s->rule >= t->policy->rule_count || said[s->rule] ||
		    say_reason_step((enum reason)s->code) != DEMAND)
			continue;
		said[s->rule] = true;
		if (s->code != REASON_UNPROVEN)
			add(ret, n,
			    (struct publish_value){ .metric = "DesiredByRule",
						    .unit = "Count",
						    .label = "Rule",
						    .what = t->policy->rules[s->rule].name,
						    .value = s->to });
	}
}

static void promise(const struct turn *t, struct publish_value *ret, size_t *n)
{
	const struct wait *w = &t->work->memory.wait;

	for (size_t i = 0; i < t->policy->rule_count; i++)
		if (t->policy->rules[i].kind == POLICY_QUEUE_WAIT && w->known &&
		    w->started_milli > 0) {
			double late = (double)w->late_milli / (double)w->started_milli;

			add(ret, n,
			    (struct publish_value){ .metric = "PromiseKept",
						    .unit = "Percent",
						    .label = "Rule",
						    .what = t->policy->rules[i].name,
						    .value = late < 1 ? 100 * (1 - late) : 0 });
			return;
		}
}

size_t control_publish_values(const struct turn *t, struct publish_value *ret)
{
	size_t n = 0;

	backlogs(t, ret, &n);
	if (t->work->plan.known) {
		wishes(t, ret, &n);
		add(ret, &n,
		    (struct publish_value){ .metric = "DesiredCapacity",
					    .unit = "Count",
					    .value = t->work->plan.desired });
	}
	promise(t, ret, &n);
	return n;
}

/* --- sending */

static void batch_free(struct batch *b)
{
	aws_call_done(&b->call);
	for (size_t i = 0; i < b->count; i++) {
		own_free(b->list[i].policy);
		own_free(b->list[i].what);
	}
	own_free(b->list);
	own_free(b->name_space);
	own_free(b);
}

static void say(struct publish *p, const struct batch *b, const struct err *e)
{
	struct tick now = clock_mono();

	if (!e) {
		if (p->failing)
			LOG_INFO("metrics are published again");
		p->failing = false;
		return;
	}
	if (p->failing && tick_since(now, p->said).ms < REPEAT_MS)
		return;
	p->failing = true;
	p->said = now;
	LOG_WARN("metrics cannot be published -> they are dropped; no turn waits for them",
		 LOG_S("namespace", b->name_space), LOG_E(e));
}

static void drop_front(struct batch *b)
{
	for (size_t i = 0; i < b->asked; i++) {
		own_free(b->list[i].policy);
		own_free(b->list[i].what);
	}
	b->count -= b->asked;
	memmove(b->list, b->list + b->asked, b->count * sizeof(*b->list));
}

static void send_next(struct batch *b);

static void answered(struct aws_call *c, void *arg)
{
	struct batch *b = arg;
	struct publish *p = b->owner;
	struct err e = { 0 };
	int rc = aws_cloudwatch_put_read(&c->reply, &e);

	say(p, b, rc < 0 ? &e : NULL);
	drop_front(b);
	if (b->count > 0 && rc == 0) {
		send_next(b);
		return;
	}
	for (struct batch **at = &p->flying; *at; at = &(*at)->next)
		if (*at == b) {
			*at = b->next;
			break;
		}
	batch_free(b);
	if (!p->flying && !p->waiting)
		p->quiet(p->arg);
}

static void send_next(struct batch *b)
{
	size_t n = b->count < CLOUDWATCH_DATA_MAX ? b->count : CLOUDWATCH_DATA_MAX;
	AUTO(own_freep) struct cloudwatch_datum *data = own_array(n, sizeof(*data));

	for (size_t i = 0; i < n; i++) {
		const struct waiting *w = &b->list[i];

		data[i] = (struct cloudwatch_datum){
			.metric = w->value.metric,
			.names = { "Policy", w->value.label },
			.values = { w->policy, w->what },
			.dimension_count = w->what ? 2 : 1,
			.unit = w->value.unit,
			.value = w->value.value,
			.at = w->at,
		};
	}
	b->asked = aws_cloudwatch_put_ask(&b->call.request, b->name_space, data, n);
	lane_start(b->lane, &b->call, span_s(CALL_S), answered, b);
}

static void flush(void *arg)
{
	struct publish *p = arg;

	p->gathering = false;
	while (p->waiting) {
		struct batch *b = p->waiting;

		p->waiting = b->next;
		b->next = p->flying;
		p->flying = b;
		send_next(b);
	}
}

/* --- taking */

static struct batch *batch_of(struct publish *p, struct lane *l, const char *name_space)
{
	struct batch *b = p->waiting;

	while (b && (b->lane != l || strcmp(b->name_space, name_space) != 0))
		b = b->next;
	if (b)
		return b;
	b = own_alloc(sizeof(*b));
	b->owner = p;
	b->lane = l;
	b->name_space = own_strdup(name_space);
	b->next = p->waiting;
	p->waiting = b;
	return b;
}

/* Half a turn early is on time: turns come at fixed times, give or take some milliseconds. */
static bool due(const struct turn *t, struct tick now)
{
	if (!t->policy->publish.name_space)
		return false;
	return t->published.ms == TICK_NEVER.ms ||
	       tick_since(now, t->published).ms + t->policy->evaluate.every.ms / 2 >=
		       t->policy->publish.every.ms;
}

void control_publish_turn(struct publish *p, struct turn *t, struct tick now)
{
	struct publish_value list[PUBLISH_VALUES_MAX];
	struct batch *b;
	size_t n;

	if (!due(t, now))
		return;
	t->published = now;
	n = control_publish_values(t, list);
	if (n == 0)
		return;
	b = batch_of(p, t->want.group_lane, t->policy->publish.name_space);
	b->list = own_grow(b->list, b->count + n, sizeof(*b->list));
	for (size_t i = 0; i < n; i++)
		b->list[b->count++] = (struct waiting){ .value = list[i],
							.policy = own_strdup(t->policy->name),
							.what = own_strdup(list[i].what),
							.at = t->at };
	if (!p->gathering)
		loop_timer_start(p->timer, span_ms(GATHER_MS));
	p->gathering = true;
}

bool control_publish_end(struct publish *p)
{
	flush(p);
	return !p->flying;
}

struct publish *control_publish_new(struct loop *l, void (*quiet)(void *arg), void *arg)
{
	struct publish *p = own_alloc(sizeof(*p));

	p->timer = loop_timer_new(l, flush, p);
	p->quiet = quiet;
	p->arg = arg;
	return p;
}

void control_publish_free(struct publish *p)
{
	if (!p)
		return;
	loop_timer_free(p->timer);
	for (struct batch *b = p->flying, *next; b; b = next) {
		next = b->next;
		lane_cancel(b->lane, &b->call);
		batch_free(b);
	}
	for (struct batch *b = p->waiting, *next; b; b = next) {
		next = b->next;
		batch_free(b);
	}
	own_free(p);
}
