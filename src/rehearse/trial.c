/* Runs a test: the group and the queue as the file has them, turn by turn. */
#include "rehearse/trial.h"

#include <string.h>

#include "base/clock.h"
#include "model/say.h"
#include "rehearse/turn.h"

#define LAUNCHES_MAX 256
#define RESULT_BYTES_MAX (1u << 20)

struct stage {
	const struct trial_file *f;
	const struct trial *t;
	struct memory memory;
	struct season season;
	struct facts facts;
	int64_t desired;
	struct {
		struct instant ready;
		int64_t count;
	} coming[LAUNCHES_MAX];
	size_t coming_count;
};

static int64_t value_at(const struct trial_series *s, size_t turn)
{
	return s->values[turn < s->count ? turn : s->count - 1];
}

static int64_t whole(int64_t milli)
{
	return milli >= 0 ? milli / 1000 : -(-milli / 1000);
}

static void see_member(struct fact *f, int member, int64_t milli)
{
	static const unsigned bits[] = {
		0,          QUEUE_VISIBLE, QUEUE_IN_FLIGHT, QUEUE_DELAYED, QUEUE_OLDEST_AGE,
		QUEUE_SENT, QUEUE_DELETED
	};
	int64_t *const fields[] = { NULL,        &f->visible,       &f->in_flight,
				    &f->delayed, &f->oldest_age_ms, &f->sent,
				    &f->deleted };

	if (milli == TRIAL_MISSING) {
		f->has &= ~bits[member];
		return;
	}
	f->has |= bits[member];
	if (member > 0)
		*fields[member] = member == POLICY_MEMBER_OLDEST_AGE ? milli : whole(milli);
}

static void see_metric(struct stage *g, const struct trial_series *s, size_t turn,
		       struct instant now)
{
	struct fact *f = &g->facts.metric[s->metric];
	int64_t v = value_at(s, turn);

	if (s->target == TRIAL_MEMBER) {
		see_member(f, s->member, v);
		return;
	}
	f->why = v == TRIAL_MISSING ? FACT_UNREACHABLE : FACT_READABLE;
	if (v == TRIAL_MISSING)
		return;
	f->seen_at = now;
	f->value_milli = v;
	if (f->is_queue)
		see_member(f, POLICY_MEMBER_VISIBLE, v);
}

static void see_group(struct stage *g, size_t turn, struct instant now)
{
	struct capacity *c = &g->facts.group;
	int64_t pending = 0, come;
	size_t kept = 0;

	for (size_t i = 0; i < g->coming_count; i++)
		if (g->coming[i].ready.ms > now.ms) {
			pending += g->coming[i].count;
			g->coming[kept++] = g->coming[i];
		}
	g->coming_count = kept;
	*c = (struct capacity){ .seen_at = now, .min = g->t->min, .max = g->t->max };
	for (size_t i = 0; i < g->t->series_count; i++) {
		const struct trial_series *s = &g->t->series[i];
		int64_t v = value_at(s, turn);

		if (s->target == TRIAL_GROUP && v == TRIAL_MISSING)
			c->why = FACT_UNREACHABLE;
		if (v == TRIAL_MISSING)
			continue;
		if (s->target == TRIAL_DESIRED && turn < s->count)
			g->desired = whole(v);
		if (s->target == TRIAL_FAILED)
			c->launch_failures = whole(v);
	}
	c->desired = g->desired;
	c->launch_why = LAUNCH_CAPACITY;
	if (c->launch_failures < 0 || c->launch_failures > g->desired)
		c->launch_failures = c->launch_failures < 0 ? 0 : g->desired;
	come = g->desired - c->launch_failures;
	c->pending = pending < come ? pending : come;
	c->in_service = c->ready = come - c->pending;
}

static void see(struct stage *g, size_t turn, struct instant now)
{
	const struct policy *p = g->f->policy;

	g->facts.metric_count = p->metric_count;
	for (size_t i = 0; i < p->metric_count; i++) {
		enum policy_source source = p->metrics[i].source;
		struct fact *f = &g->facts.metric[i];

		if (turn == 0)
			*f = (struct fact){ .why = FACT_NEVER_READ,
					    .seen_at = INSTANT_NEVER,
					    .period_end = INSTANT_NEVER };
		f->is_queue = source == POLICY_SQS || source == POLICY_CELERY;
		f->has |= f->is_queue ? QUEUE_IN_FLIGHT | QUEUE_DELAYED : 0; /* none, unless told */
	}
	see_group(g, turn, now);
	for (size_t i = 0; i < g->t->series_count; i++)
		if (g->t->series[i].target == TRIAL_METRIC ||
		    g->t->series[i].target == TRIAL_MEMBER)
			see_metric(g, &g->t->series[i], turn, now);
}

static void launch(struct stage *g, int64_t count, struct instant now)
{
	struct instant ready = instant_add(now, g->t->boot);

	if (count <= 0 || g->t->boot.ms == 0)
		return;
	if (g->coming_count == LAUNCHES_MAX) {
		g->coming[LAUNCHES_MAX - 1].count += count;
		return;
	}
	g->coming[g->coming_count].ready = ready;
	g->coming[g->coming_count++].count = count;
}

static bool has_reason(const struct plan *plan, const char *word)
{
	for (size_t i = 0; i < plan->stair_count; i++)
		if (strcmp(say_reason_word((enum reason)plan->stairs[i].code), word) == 0)
			return true;
	return false;
}

static void fail(const struct stage *g, const struct trial_expect *x, const struct plan *plan,
		 struct instant now, const char *what, struct trial_result *r)
{
	AUTO(buf_done) struct buf stairs = BUF(65536);
	char span[CLOCK_TEXT_MAX], at[CLOCK_TEXT_MAX];
	struct json *j = json_object();

	r->failures++;
	buf_addf(&r->text, "  %s:%d: at %s: %s\n", g->f->path, x->line,
		 clock_print_span(x->at, span), what);
	say_plan(g->f->policy, &g->facts, plan, now, &stairs);
	for (const char *s = buf_str(&stairs); *s;) {
		size_t n = strcspn(s, "\n");

		buf_addf(&r->text, "    %.*s\n", (int)n, s);
		s += n + (s[n] == '\n');
	}
	json_set_int(j, "line", x->line);
	json_set_str(j, "at", clock_print(now, at));
	json_set_str(j, "text", what);
	json_set(j, "facts", say_facts_json(g->f->policy, &g->facts));
	json_set(j, "plan", say_plan_json(g->f->policy, plan));
	json_add(r->json, j);
}

static void judge(const struct stage *g, const struct trial_expect *x, const struct plan *plan,
		  struct instant now, struct trial_result *r)
{
	AUTO(buf_done) struct buf what = BUF(1024);

	if (x->desired_given && plan->desired != x->desired)
		buf_addf(&what, "%d is wanted, not %lld; ", plan->desired, (long long)x->desired);
	if (x->least_given && plan->desired < x->least)
		buf_addf(&what, "%d is wanted, fewer than %lld; ", plan->desired,
			 (long long)x->least);
	if (x->most_given && plan->desired > x->most)
		buf_addf(&what, "%d is wanted, more than %lld; ", plan->desired,
			 (long long)x->most);
	for (size_t i = 0; i < x->reason_count; i++)
		if (!has_reason(plan, x->reasons[i]))
			buf_addf(&what, "no stair '%.40s'; ", x->reasons[i]);
	for (size_t i = 0; i < x->without_count; i++)
		if (has_reason(plan, x->without[i]))
			buf_addf(&what, "a stair '%.40s'; ", x->without[i]);
	if (what.len == 0)
		return;
	what.data[what.len - 2] = '\0';
	fail(g, x, plan, now, what.data, r);
}

void trial_run(const struct trial_file *f, const struct trial *t, struct trial_result *ret)
{
	struct stage g = { .f = f, .t = t, .desired = t->desired };
	size_t next = 0;

	*ret = (struct trial_result){ .trial = t,
				      .text = BUF(RESULT_BYTES_MAX),
				      .json = json_array() };
	memory_init(&g.memory);
	season_init(&g.season);
	if (policy_is_predictive(f->policy))
		g.memory.season = &g.season;
	for (size_t turn = 0; turn < TRIAL_VALUES_MAX && next < t->expect_count; turn++) {
		struct span since = span_ms((int64_t)turn * t->every.ms);
		struct instant now = instant_add(t->start, since);
		struct plan plan;

		see(&g, turn, now);
		plan = rehearse_turn(f->policy, &g.facts, now, &g.memory);
		while (next < t->expect_count && t->expects[next].at.ms < since.ms + t->every.ms)
			judge(&g, &t->expects[next++], &plan, now, ret);
		if (plan.act == PLAN_SET) {
			launch(&g, plan.desired - g.desired, now);
			g.desired = plan.desired;
		}
	}
}

void trial_result_done(struct trial_result *r)
{
	buf_done(&r->text);
	json_free(r->json);
}
