/* Alarms, each minute: the points, the verdict, the change, the actions. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/log.h"
#include "local/autoscaling_policy.h"
#include "local/cloudwatch.h"
#include "local/cloudwatch_alarm.h"

#define REASON_MAX 1023
#define DATA_MAX 4000
#define TOLD_MOST 10 /* points in a reason */

/* ---- actions ---- */

static const char scaling_arn[] = "arn:aws:autoscaling:";

static int note_action(struct local *l, const struct local_cloudwatch_alarm *a, const char *arn,
		       struct instant at, bool done, const char *what, struct err *e)
{
	AUTO(own_freep)
	char *summary =
		own_printf("%s action %s", done ? "Successfully executed" : "Did not take", arn);
	AUTO(buf_done) struct buf data = BUF(DATA_MAX);

	buf_adds(&data, "{\"actionState\":");
	buf_adds(&data, done ? "\"Succeeded\"" : "\"Failed\"");
	buf_adds(&data, ",\"notificationResource\":");
	json_quote(&data, arn, strlen(arn));
	buf_adds(&data, ",\"message\":");
	json_quote(&data, what, strlen(what));
	buf_adds(&data, "}");
	return local_cloudwatch_alarm_note(l, a->name, at, "Action", summary, buf_str(&data), e);
}

/* A scaling policy is executed; all else is told in the history only. */
static int take_action(struct local *l, const struct local_cloudwatch_alarm *a, const char *arn,
		       const struct local_cloudwatch_verdict *v, bool again, struct err *e)
{
	struct local_autoscaling_alarm alarm = {
		.name = a->name, .threshold = a->rule.threshold, .value = v->value, .at = v->at
	};
	AUTO(buf_done) struct buf what = BUF(512);
	int rc;

	if (strncmp(arn, scaling_arn, sizeof(scaling_arn) - 1))
		return again ? 0
			     : note_action(l, a, arn, v->at, true,
					   "recorded: windlass-local notifies nobody", e);
	rc = local_autoscaling_act_alarm(l, arn, &alarm, &what, e);
	if (rc < 0)
		return -1;
	/* Repetitions that change nothing are not told, or they would fill the history. */
	return again && rc == 0 ? 0 : note_action(l, a, arn, v->at, rc == 1, buf_str(&what), e);
}

static int take_actions(struct local *l, const struct local_cloudwatch_alarm *a,
			const struct local_cloudwatch_verdict *v, bool again, struct err *e)
{
	const struct json *list = local_cloudwatch_alarm_actions(a, v->state);

	for (size_t i = 0; a->enabled && i < json_count(list); i++)
		if (take_action(l, a, json_str(json_at(list, i)), v, again, e) < 0)
			return -1;
	return 0;
}

static int note_change(struct local *l, const struct local_cloudwatch_alarm *a,
		       enum local_cloudwatch_state from, struct instant at, struct err *e)
{
	AUTO(own_freep)
	char *summary = own_printf("Alarm updated from %s to %s", local_cloudwatch_alarm_word(from),
				   local_cloudwatch_alarm_word(a->state));
	AUTO(buf_done) struct buf data = BUF(2 * DATA_MAX);

	buf_addf(&data, "{\"version\":\"1.0\",\"oldState\":{\"stateValue\":\"%s\"},\"newState\":{",
		 local_cloudwatch_alarm_word(from));
	buf_addf(&data,
		 "\"stateValue\":\"%s\",\"stateReason\":", local_cloudwatch_alarm_word(a->state));
	json_quote(&data, a->reason, strlen(a->reason));
	buf_adds(&data, "}}");
	return local_cloudwatch_alarm_note(l, a->name, at, "StateUpdate", summary, buf_str(&data),
					   e);
}

int local_cloudwatch_watch_change(struct local *l, struct local_cloudwatch_alarm *a,
				  const struct local_cloudwatch_verdict *v, struct err *e)
{
	const enum local_cloudwatch_state from = a->state;
	char *reason = own_strdup(v->reason), *data = own_strdup(v->reason_data);

	own_free(a->reason);
	own_free(a->reason_data);
	a->reason = reason;
	a->reason_data = data;
	a->state = v->state;
	a->updated = v->at;
	if (from != v->state)
		a->changed = v->at;
	if (local_cloudwatch_alarm_store(l, a, e) < 0)
		return -1;
	if (from == v->state)
		return 0;
	LOG_INFO("alarm changed", LOG_S("alarm", a->name),
		 LOG_S("state", local_cloudwatch_alarm_word(v->state)), LOG_S("why", a->reason));
	if (note_change(l, a, from, v->at, e) < 0 || take_actions(l, a, v, false, e) < 0)
		return -1;
	return local_cloudwatch_compose_changed(l, a, v->at, e);
}

/* ---- the points of an alarm ---- */

struct watch {
	double *points;
	size_t n;
	int64_t from; /* of the first point */
};

/* What comes late by its nature is waited for, and is not missing. */
static int64_t end_of(struct local *l, const struct local_cloudwatch_alarm *a, int64_t end_s)
{
	for (size_t i = 0; i < a->queries.count; i++) {
		const struct local_cloudwatch_query *q = &a->queries.all[i];
		int64_t shown = q->math ? end_s : local_cloudwatch_shown(l, q->space);

		end_s = shown < end_s ? shown : end_s;
	}
	return end_s;
}

static int watch_read(struct local *l, struct local_cloudwatch_alarm *a, int64_t end_s,
		      struct watch *ret, struct err *e)
{
	const struct local_cloudwatch_series *x = NULL;

	end_s = end_of(l, a, end_s);
	ret->n = (size_t)(a->rule.periods + CLOUDWATCH_MORE_POINTS);
	ret->from = end_s - (int64_t)ret->n * a->period;
	ret->points = own_array(ret->n, sizeof(double));
	if (local_cloudwatch_query_run(l, &a->queries, ret->from, end_s, e) < 0)
		return -1;
	for (size_t i = 0; i < a->queries.count; i++)
		if (a->queries.all[i].returned && a->queries.all[i].result.count)
			x = &a->queries.all[i].result.all[0];
	for (size_t i = 0; i < ret->n; i++) {
		int64_t at = ret->from + (int64_t)i * a->period;

		ret->points[i] = x && at >= x->start && (at - x->start) % x->period == 0 &&
						 (size_t)((at - x->start) / x->period) < x->count
					 ? x->values[(at - x->start) / x->period]
					 : NAN;
	}
	return 0;
}

/* ---- words ---- */

static void add_time(struct buf *out, int64_t at)
{
	time_t t = at;
	struct tm tm;

	if (gmtime_r(&t, &tm))
		buf_addf(out, "%02d/%02d/%02d %02d:%02d:%02d", tm.tm_mday, tm.tm_mon + 1,
			 tm.tm_year % 100, tm.tm_hour, tm.tm_min, tm.tm_sec);
}

/* "3 out of the last 3 datapoints [5.0 (24/11/26 11:00:00), …] were greater than …" */
static void say_points(const struct local_cloudwatch_alarm *a, const struct watch *w,
		       struct buf *out, double *ret_newest)
{
	static const char *const how[] = { "greater than or equal to", "greater than", "less than",
					   "less than or equal to" };
	AUTO(buf_done) struct buf list = BUF(REASON_MAX);
	int64_t seen = 0, breaching = 0;

	*ret_newest = NAN;
	for (size_t i = w->n; i-- > 0 && seen < a->rule.periods;) {
		if (isnan(w->points[i]))
			continue;
		if (seen == 0)
			*ret_newest = w->points[i];
		breaching += local_cloudwatch_judge_breaches(&a->rule, w->points[i]);
		if (seen++ >= TOLD_MOST)
			continue;
		buf_addf(&list, "%s%.10g (", list.len ? ", " : "", w->points[i]);
		add_time(&list, w->from + (int64_t)i * a->period);
		buf_addc(&list, ')');
	}
	if (seen == 0) {
		buf_addf(out, "Insufficient Data: %" PRId64 " datapoint%s unknown.",
			 a->rule.periods, a->rule.periods == 1 ? " was" : "s were");
		return;
	}
	buf_addf(out,
		 "Threshold Crossed: %" PRId64 " out of the last %" PRId64
		 " datapoints [%s] were %s the threshold (%.10g) (minimum %" PRId64
		 " datapoint%s for OK -> ALARM transition).",
		 breaching, seen, buf_str(&list), how[a->rule.comparison], a->rule.threshold,
		 a->rule.datapoints, a->rule.datapoints == 1 ? "" : "s");
}

static void say_data(const struct local_cloudwatch_alarm *a, const struct watch *w, int64_t end_s,
		     struct buf *out)
{
	char at[CLOCK_TEXT_MAX];
	bool any = false;

	buf_addf(out, "{\"version\":\"1.0\",\"queryDate\":\"%s\"",
		 clock_print((struct instant){ end_s * 1000 }, at));
	buf_addf(out, ",\"startDate\":\"%s\",\"period\":%" PRId64 ",\"recentDatapoints\":[",
		 clock_print((struct instant){ w->from * 1000 }, at), a->period);
	for (size_t i = 0; i < w->n && i < TOLD_MOST; i++) {
		if (isnan(w->points[w->n - 1 - i]))
			continue;
		buf_adds(out, any ? "," : "");
		json_number(out, w->points[w->n - 1 - i]);
		any = true;
	}
	buf_adds(out, "],\"threshold\":");
	json_number(out, a->rule.threshold);
	buf_adds(out, "}");
}

/* ---- the minute ---- */

static int watch_one(struct local *l, struct local_cloudwatch_alarm *a, int64_t end_s,
		     struct err *e)
{
	AUTO(buf_done) struct buf reason = BUF(REASON_MAX);
	AUTO(buf_done) struct buf data = BUF(DATA_MAX);
	struct local_cloudwatch_verdict v = { .at = { end_s * 1000 } };
	struct watch w = { 0 };
	int rc = watch_read(l, a, end_s, &w, e);

	if (rc == 0) {
		v.state = local_cloudwatch_judge(&a->rule, w.points, w.n, a->state);
		say_points(a, &w, &reason, &v.value);
		say_data(a, &w, end_s, &data);
		v.reason = buf_str(&reason);
		v.reason_data = buf_str(&data);
	}
	own_free(w.points);
	if (rc < 0 && e->kind == ERR_PROTOCOL && e->code[0]) {
		/* What can only be found out by evaluating it: it has no data. */
		buf_addf(&reason, "Unchecked: %s", e->text);
		err_clear(e);
		v = (struct local_cloudwatch_verdict){ CLOUDWATCH_INSUFFICIENT, buf_str(&reason),
						       NULL, NAN, v.at };
		rc = 0;
	}
	if (rc < 0)
		return -1;
	/* As on AWS, an alarm goes on to scale for as long as it lasts. */
	if (v.state == a->state)
		return take_actions(l, a, &v, true, e);
	return local_cloudwatch_watch_change(l, a, &v, e);
}

int local_cloudwatch_watch_minute(struct local *l, int64_t end_s, struct err *e)
{
	AUTO(local_cloudwatch_alarm_all_done) struct local_cloudwatch_alarms all = { 0 };

	if (local_cloudwatch_alarm_list(l, "", &all, e) < 0)
		return -1;
	for (size_t i = 0; i < all.count; i++)
		if (!all.all[i].clauses.count && all.all[i].configured.ms < end_s * 1000 &&
		    watch_one(l, &all.all[i], end_s, e) < 0)
			return err_wrap(e, "alarm %s", all.all[i].name);
	return 0;
}
