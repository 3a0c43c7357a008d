#include "rehearse/stream.h"

#include <math.h>
#include <string.h>

#include "base/clock.h"
#include "model/say.h"
#include "rehearse/turn.h"

#define STREAM_COUNT_MAX 1000000000000000 /* no queue is longer; past it a number is a mistake */

int stream_init(struct stream *s, const struct policy *p, const char *queue, struct err *e)
{
	memset(s, 0, sizeof(*s));
	s->policy = p;
	s->last = INSTANT_NEVER;
	memory_init(&s->memory);
	season_init(&s->season);
	if (policy_is_predictive(p))
		s->memory.season = &s->season;
	for (size_t i = 0; i < p->metric_count; i++) {
		enum policy_source source = p->metrics[i].source;
		bool is_queue = source == POLICY_SQS || source == POLICY_CELERY;

		if (queue && strcmp(p->metrics[i].name, queue) != 0)
			continue;
		if (queue && !is_queue)
			return err_set(e, ERR_POLICY, "metric '%.64s' of policy %s is no queue",
				       queue, p->name);
		s->metric = i;
		if (is_queue)
			return 0;
	}
	if (!queue)
		return err_set(e, ERR_POLICY, "policy %s has no queue metric", p->name);
	return err_set(e, ERR_POLICY, "policy %s has no metric '%.64s'", p->name, queue);
}

static int read_time(const struct json *j, const char *what, struct instant *ret, struct err *e)
{
	const char *text = json_str(j);
	double seconds;

	if (text)
		return clock_parse(text, strlen(text), ret, e) < 0 ? err_wrap(e, "%s", what) : 0;
	if (!json_real(j, &seconds))
		return err_set(e, ERR_PROTOCOL, "%s is neither a time nor a number of seconds",
			       what);
	if (seconds < 0 || seconds > 253402300799.0)
		return err_set(e, ERR_PROTOCOL, "%s is not between 1970 and 9999", what);
	*ret = (struct instant){ (int64_t)floor(seconds * 1000 + 0.5) };
	return 0;
}

/* A count: absent is false, not a whole number from 0 is an error. */
static int read_count(const struct json *o, const char *name, bool *ret_given, int64_t *ret,
		      struct err *e)
{
	const struct json *j = json_get(o, name);

	*ret_given = json_type(j) != JSON_ABSENT && json_type(j) != JSON_NULL;
	if (!*ret_given)
		return 0;
	if (!json_int(j, ret) || *ret < 0 || *ret > STREAM_COUNT_MAX)
		return err_set(e, ERR_PROTOCOL, "%s is not a whole number from 0", name);
	return 0;
}

static int read_queue(const struct json *o, struct fact *f, struct err *e)
{
	struct {
		const char *name;
		unsigned bit;
		int64_t *to;
	} counts[] = {
		{ "visible", QUEUE_VISIBLE, &f->visible },
		{ "in_flight", QUEUE_IN_FLIGHT, &f->in_flight },
		{ "delayed", QUEUE_DELAYED, &f->delayed },
	};
	const struct json *age = json_get(o, "oldest_age_seconds");
	double seconds;

	for (size_t i = 0; i < COUNT_OF(counts); i++) {
		bool given;

		if (read_count(o, counts[i].name, &given, counts[i].to, e) < 0)
			return err_wrap(e, "queue");
		if (given)
			f->has |= counts[i].bit;
	}
	if (json_type(age) == JSON_ABSENT || json_type(age) == JSON_NULL)
		return 0;
	if (!json_real(age, &seconds) || seconds < 0 || seconds > 1e12)
		return err_set(e, ERR_PROTOCOL, "queue: oldest_age_seconds is not a number from 0");
	f->oldest_age_ms = (int64_t)floor(seconds * 1000 + 0.5);
	f->has |= QUEUE_OLDEST_AGE;
	return 0;
}

static int read_group(const struct json *o, struct instant now, struct capacity *g, struct err *e)
{
	struct {
		const char *name;
		int64_t *to;
		bool needed;
	} counts[] = {
		{ "desired", &g->desired, true },
		{ "in_service", &g->in_service, true },
		{ "pending", &g->pending, false },
		{ "terminating", &g->draining, false },
		{ "min", &g->min, false },
		{ "max", &g->max, false },
		{ "launch_failures", &g->launch_failures, false },
		{ "warming", &g->warming, false },
		{ "standby", &g->standby, false },
		{ "warmed", &g->warmed, false },
		{ "heaviest", &g->heaviest, false },
	};

	g->max = POLICY_CAPACITY_MAX;
	for (size_t i = 0; i < COUNT_OF(counts); i++) {
		bool given;

		if (read_count(o, counts[i].name, &given, counts[i].to, e) < 0)
			return err_wrap(e, "group");
		if (!given && counts[i].needed)
			return err_set(e, ERR_PROTOCOL, "group: %s is missing", counts[i].name);
	}
	g->ready = capacity_ready(g->in_service, g->warming);
	g->why = FACT_READABLE;
	g->seen_at = now;
	return 0;
}

/* Kept until the next minute arrives: CloudWatch's figures are one to three minutes late. */
static int read_period(const struct json *o, struct fact *period, struct err *e)
{
	int64_t seconds = 60;
	bool given;

	if (json_type(o) == JSON_ABSENT || json_type(o) == JSON_NULL)
		return 0;
	*period = (struct fact){ .period_end = INSTANT_NEVER };
	if (read_time(json_get(o, "end"), "end", &period->period_end, e) < 0 ||
	    read_count(o, "period_seconds", &given, &seconds, e) < 0)
		return err_wrap(e, "metrics");
	period->period = span_s(seconds > 86400 ? 86400 : seconds);
	if (read_count(o, "messages_sent", &given, &period->sent, e) < 0)
		return err_wrap(e, "metrics");
	period->has |= given ? QUEUE_SENT : 0;
	if (read_count(o, "messages_deleted", &given, &period->deleted, e) < 0)
		return err_wrap(e, "metrics");
	period->has |= given ? QUEUE_DELETED : 0;
	return 0;
}

static int read_facts(struct stream *s, const struct json *line, struct instant now,
		      struct facts *ret, struct err *e)
{
	const struct json *queue = json_get(line, "queue"), *group = json_get(line, "group");
	struct fact period = s->period, *f = &ret->metric[s->metric];

	memset(ret, 0, sizeof(*ret));
	ret->metric_count = s->policy->metric_count;
	for (size_t i = 0; i < ret->metric_count; i++)
		ret->metric[i] = (struct fact){ .why = FACT_NEVER_READ,
						.is_queue = true,
						.seen_at = INSTANT_NEVER,
						.period_end = INSTANT_NEVER };
	if (json_type(group) != JSON_OBJECT)
		return err_set(e, ERR_PROTOCOL, "group is missing");
	if (read_group(group, now, &ret->group, e) < 0)
		return -1;
	if (json_type(queue) == JSON_OBJECT) {
		if (read_queue(queue, f, e) < 0)
			return -1;
		f->why = FACT_READABLE;
		f->seen_at = now;
	}
	if (read_period(json_get(line, "metrics"), &period, e) < 0)
		return -1;
	s->period = period;
	f->has |= period.has;
	f->period_end = period.period_end;
	f->period = period.period;
	f->sent = period.sent;
	f->deleted = period.deleted;
	return 0;
}

static int read_line(struct stream *s, const char *line, size_t len, struct instant *ret_now,
		     struct facts *ret, struct err *e)
{
	AUTO(json_freep) struct json *j = NULL;

	if (len > STREAM_LINE_MAX)
		return err_set(e, ERR_PROTOCOL, "the line is longer than %d bytes",
			       STREAM_LINE_MAX);
	j = json_parse(line, len, e);
	if (!j)
		return -1;
	if (json_type(j) != JSON_OBJECT)
		return err_set(e, ERR_PROTOCOL, "the line is not a JSON object");
	if (read_time(json_get(j, "time"), "time", ret_now, e) < 0)
		return -1;
	if (!instant_is_never(s->last) && ret_now->ms <= s->last.ms)
		return err_set(e, ERR_PROTOCOL, "time does not rise");
	if (read_facts(s, j, *ret_now, ret, e) < 0)
		return -1;
	s->last = *ret_now;
	return 0;
}

static void say_error(const struct err *e, struct buf *out)
{
	AUTO(json_freep) struct json *o = json_object();

	json_set_str(o, "error", e->text);
	json_write(o, out);
	buf_addc(out, '\n');
}

static void say_decision(const struct stream *s, const struct plan *plan, struct buf *out)
{
	AUTO(json_freep) struct json *o = json_object(), *whole = say_plan_json(s->policy, plan);
	AUTO(buf_done) struct buf reason = BUF(4096);

	say_plan_short(s->policy, plan, &reason);
	if (plan->act == PLAN_SET)
		json_set_int(o, "desired", plan->desired);
	else
		json_set(o, "desired", plan->known ? json_new_int(plan->current) : json_new_null());
	json_set_str(o, "reason", buf_str(&reason));
	json_set_bool(o, "may_write", plan->may_write);
	json_set_int(o, "wanted", plan->desired);
	json_set(o, "stairs", json_ref((struct json *)json_get(whole, "stairs")));
	json_write(o, out);
	buf_addc(out, '\n');
}

void stream_line(struct stream *s, const char *line, size_t len, struct buf *out)
{
	struct facts facts;
	struct plan plan;
	struct instant now;
	struct err e;

	if (read_line(s, line, len, &now, &facts, &e) < 0) {
		say_error(&e, out);
		return;
	}
	plan = rehearse_turn(s->policy, &facts, now, &s->memory);
	say_decision(s, &plan, out);
}
