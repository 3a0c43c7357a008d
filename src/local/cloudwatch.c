/* CloudWatch: the actions, the readers they share, and the minutes. */
#include "local/cloudwatch.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/crypto.h"
#include "base/log.h"
#include "local/autoscaling.h"
#include "local/autoscaling_schedule.h"
#include "local/cloudwatch_alarm.h"
#include "local/fault.h"
#include "local/sqs.h"

#define SWEEP_FIRST_MS 5000
#define SWEEP_GO_ON_MS 20
#define SWEEP_AGAIN_MS 600000
#define TICK_MOST_MS 60000
#define CATCH_UP_MS 10000 /* so long nobody is answered, at most */

/* ---- readers ---- */

int local_cloudwatch_need(struct local_call *c, const struct json *object, const char *before,
			  const char *name, size_t most, const char **ret)
{
	const char *text = local_str(object, name);

	*ret = text;
	if (!text || !*text)
		local_fail(c, "MissingRequiredParameterException",
			   "The parameter %s%s is required.", before, name);
	else if (strlen(text) > most)
		local_fail(c, "InvalidParameterValueException",
			   "The value of parameter %s%s must be from 1 to %zu characters long.",
			   before, name, most);
	else
		return 0;
	return -1;
}

int local_cloudwatch_dimensions(struct local_call *c, const struct json *object, const char *before,
				char **ret)
{
	const struct json *list = json_get(object, "Dimensions");
	size_t n = json_count(list);

	if (n > CLOUDWATCH_DIMENSIONS_MAX) {
		local_fail(c, "InvalidParameterValueException",
			   "The collection %sDimensions must not have a size greater than %d.",
			   before, CLOUDWATCH_DIMENSIONS_MAX);
		return -1;
	}
	for (size_t i = 0; i < n; i++) {
		char place[128];
		const char *name, *value;

		snprintf(place, sizeof(place), "%sDimensions.member.%zu.", before, i + 1);
		if (local_cloudwatch_need(c, json_at(list, i), place, "Name", 255, &name) < 0 ||
		    local_cloudwatch_need(c, json_at(list, i), place, "Value", 1024, &value) < 0)
			return -1;
		for (size_t k = 0; k < i; k++)
			if (!strcmp(name, local_str(json_at(list, k), "Name"))) {
				local_fail(c, "InvalidParameterValueException",
					   "The dimension name %s is given twice.", name);
				return -1;
			}
	}
	*ret = local_cloudwatch_store_dimensions(list);
	return 0;
}

int local_cloudwatch_unit(struct local_call *c, const struct json *object, const char *before,
			  int *ret)
{
	const char *word = local_str(object, "Unit");

	*ret = word ? local_cloudwatch_store_unit(word) : CLOUDWATCH_UNIT_ANY;
	if (!word || *ret >= 0)
		return 0;
	local_fail(c, "InvalidParameterValueException",
		   "The parameter %sUnit must be a value in the set of units, not '%.40s'.", before,
		   word);
	return -1;
}

bool local_cloudwatch_period_ok(int64_t period)
{
	return period == 1 || period == 5 || period == 10 || period == 20 || period == 30 ||
	       (period > 0 && period % 60 == 0);
}

int64_t local_cloudwatch_round(int64_t from, int64_t period, int64_t now)
{
	int64_t age = now - from;
	int64_t to = period < 60 ? period : age <= 15 * 86400 ? 60 : age <= 63 * 86400 ? 300 : 3600;

	return from - from % to;
}

int local_cloudwatch_times(struct local_call *c, int64_t period, int64_t *ret_from, int64_t *ret_to)
{
	static const char *const names[] = { "StartTime", "EndTime" };
	struct instant t[2];

	for (int i = 0; i < 2; i++) {
		int rc = local_time(c, c->params, names[i], &t[i]);

		if (rc == 0)
			local_fail(c, "MissingRequiredParameterException",
				   "The parameter %s is required.", names[i]);
		if (rc <= 0)
			return -1;
		if (t[i].ms < 0)
			t[i].ms = 0;
	}
	if (t[0].ms / 1000 >= t[1].ms / 1000) { /* parts of a second do not count */
		bool data = !strcmp(c->action->name, "GetMetricData");

		local_fail(
			c, data ? "ValidationError" : "InvalidParameterValueException", "%s",
			data ? "The parameter EndTime must be greater than StartTime."
			     : "The parameter StartTime must be less than the parameter EndTime.");
		return -1;
	}
	*ret_from = local_cloudwatch_round(t[0].ms / 1000, period, local_wall(c->local).ms / 1000);
	*ret_to = (t[1].ms + 999) / 1000;
	return 0;
}

int local_cloudwatch_token(struct local_call *c, const char *kind, int64_t *ret)
{
	const char *token = local_str(c->params, "NextToken");
	AUTO(buf_done) struct buf text = BUF(128);
	size_t n = strlen(kind);
	char *end;

	*ret = 0;
	if (!token)
		return 0;
	if (crypto_unbase64(token, strlen(token), &text, NULL) == 0 &&
	    !strncmp(buf_str(&text), kind, n) && text.data[n] >= '0' && text.data[n] <= '9') {
		*ret = strtoll(text.data + n, &end, 10);
		if (!*end)
			return 0;
	}
	local_fail(c, "InvalidNextToken", "The token '%.100s' is invalid.", token);
	return -1;
}

void local_cloudwatch_put_token(struct local_call *c, const char *kind, int64_t value)
{
	AUTO(own_freep) char *plain = own_printf("%s%" PRId64, kind, value);
	AUTO(buf_done) struct buf text = BUF(256);

	crypto_base64(plain, strlen(plain), &text);
	local_put(c, "NextToken", buf_str(&text));
}

void local_cloudwatch_put_dimensions(struct local_call *c, const char *dimensions)
{
	AUTO(json_freep) struct json *list = json_parse(dimensions, strlen(dimensions), NULL);

	local_list(c, "Dimensions", NULL);
	for (size_t i = 0; i < json_count(list); i++) {
		local_object(c, NULL);
		local_put(c, "Name", json_str(json_at(json_at(list, i), 0)));
		local_put(c, "Value", json_str(json_at(json_at(list, i), 1)));
		local_end(c);
	}
	local_end(c);
}

/* ---- the cloud's own metrics ---- */

static bool is_own(const char *space)
{
	return strncmp(space, "AWS/", 4) == 0;
}

int64_t local_cloudwatch_shown(struct local *l, const char *space)
{
	const struct instant as_of = l->cloudwatch->as_of;
	int64_t now = instant_is_never(as_of) ? local_wall(l).ms : as_of.ms;
	const struct local_fault *late;

	if (!is_own(space))
		return INT64_MAX;
	now -= l->options.metrics_lag.ms;
	late = local_fault_hit(l, FAULT_DELAY, SERVICE_CLOUDWATCH, "Metrics");
	if (late)
		now -= late->value;
	now /= 1000;
	return now - now % 60;
}

static int own_series(struct local *l, const struct local_cloudwatch_own *what, int64_t *ret,
		      struct err *e)
{
	AUTO(buf_done) struct buf dimensions = BUF(4096);

	buf_adds(&dimensions, "[[");
	json_quote(&dimensions, what->dimension, strlen(what->dimension));
	buf_addc(&dimensions, ',');
	json_quote(&dimensions, what->of, strlen(what->of));
	buf_adds(&dimensions, "]]");
	return local_cloudwatch_store_make(
		l,
		&(struct local_cloudwatch_metric){ what->space, what->name, buf_str(&dimensions) },
		(struct instant){ what->end_s * 1000 }, ret, e);
}

int local_cloudwatch_own_sum(struct local *l, const struct local_cloudwatch_own *what,
			     const struct local_cloudwatch_sum *sum, struct err *e)
{
	struct local_cloudwatch_row row = { .series = *what->series,
					    .resolution = 60,
					    .at = what->end_s - 60,
					    .unit = local_cloudwatch_store_unit(what->unit),
					    .sum = *sum };
	int rc = 1;

	/* Once an hour it is marked as active. */
	if (!row.series || what->end_s % 3600 == 0)
		rc = own_series(l, what, &row.series, e);
	*what->series = row.series;
	return rc == 1 ? local_cloudwatch_store_put(l, &row, e) : rc;
}

int local_cloudwatch_own(struct local *l, const struct local_cloudwatch_own *what, double value,
			 struct err *e)
{
	struct local_cloudwatch_pair only = { value, 1 };

	return local_cloudwatch_own_sum(
		l, what, &(struct local_cloudwatch_sum){ 1, value, value, value, false, &only, 1 },
		e);
}

/* ---- minutes ---- */

static int minute(struct local *l, int64_t end_s, struct err *e)
{
	struct local_cloudwatch *w = l->cloudwatch;
	int rc;

	/* Scheduled actions last: what an alarm does at the same moment they set right. */
	w->as_of.ms = end_s * 1000;
	rc = local_sqs_meter_minute(l->sqs, end_s, e) < 0 ||
			     local_autoscaling_metric_minute(l, end_s, e) < 0 ||
			     local_cloudwatch_watch_minute(l, end_s, e) < 0 ||
			     local_autoscaling_schedule_minute(l, end_s, e) < 0
		     ? -1
		     : 0;
	w->as_of = INSTANT_NEVER;
	return rc;
}

/* All ends of minutes up to now. */
static int catch_up(struct local *l, struct err *e)
{
	struct local_cloudwatch *w = l->cloudwatch;
	int64_t now = local_wall(l).ms / 1000;
	int64_t last = now - now % 60;
	const struct tick end = tick_add(clock_mono(), span_ms(CATCH_UP_MS));

	if (last - w->minute > CLOUDWATCH_MAKE_UP * 60)
		w->minute = last - CLOUDWATCH_MAKE_UP * 60;
	while (w->minute < last) {
		w->minute += 60;
		if (minute(l, w->minute, e) < 0)
			return -1;
		if (clock_mono().ms < end.ms || w->minute == last)
			continue;
		LOG_WARN("there are too many metrics and alarms to make up for all minutes that "
			 "were skipped -> the others are missing",
			 LOG_I("minutes", (last - w->minute) / 60));
		w->minute = last;
	}
	return 0;
}

static void arm(struct local_cloudwatch *w)
{
	int64_t left = (w->minute + 60) * 1000 - local_wall(w->local).ms;

	left = local_real(w->local, span_ms(left > 1 ? left : 1)).ms;
	/* The wall clock may be set; no timer is trusted longer than a minute. */
	loop_timer_start(w->tick, span_ms(left < TICK_MOST_MS ? left : TICK_MOST_MS));
}

static void tick(void *arg)
{
	struct local_cloudwatch *w = arg;
	struct err e;

	err_clear(&e);
	if (local_wall(w->local).ms >= (w->minute + 60) * 1000 &&
	    (local_write(w->local, &e) < 0 || catch_up(w->local, &e) < 0)) {
		LOG_ERROR("the metrics of a minute could not be stored -> they are missing",
			  LOG_E(&e));
		local_undo(w->local);
	}
	arm(w);
}

int local_cloudwatch_clock_moved(struct local *l, struct err *e)
{
	int rc = catch_up(l, e);

	arm(l->cloudwatch);
	return rc;
}

static void sweep(void *arg)
{
	struct local_cloudwatch *w = arg;
	struct err e;
	int rc;

	err_clear(&e);
	rc = local_write(w->local, &e);
	if (rc == 0)
		rc = local_cloudwatch_store_sweep(w->local, &w->swept, local_wall(w->local), &e);
	if (rc < 0) {
		LOG_WARN("metrics past their age could not be removed -> tried again", LOG_E(&e));
		local_undo(w->local);
	}
	loop_timer_start(w->sweep, span_ms(rc > 0 ? SWEEP_GO_ON_MS : SWEEP_AGAIN_MS));
}

static int start(struct local *l, struct err *e)
{
	struct local_cloudwatch *w = own_alloc(sizeof(*w));
	int64_t now = local_wall(l).ms / 1000;

	(void)e;
	l->cloudwatch = w;
	w->local = l;
	w->minute = now - now % 60;
	w->as_of = INSTANT_NEVER;
	w->tick = loop_timer_new(l->loop, tick, w);
	w->sweep = loop_timer_new(l->loop, sweep, w);
	arm(w);
	loop_timer_start(w->sweep, span_ms(SWEEP_FIRST_MS));
	return 0;
}

static void stop(struct local *l)
{
	if (!l->cloudwatch)
		return;
	loop_timer_free(l->cloudwatch->tick);
	loop_timer_free(l->cloudwatch->sweep);
	own_free(TAKE(l->cloudwatch));
}

static const struct local_action actions[] = {
	{ "DeleteAlarms", local_cloudwatch_set_delete },
	{ "DescribeAlarmHistory", local_cloudwatch_tell_history },
	{ "DescribeAlarms", local_cloudwatch_tell_alarms },
	{ "DescribeAlarmsForMetric", local_cloudwatch_tell_for_metric },
	{ "DisableAlarmActions", local_cloudwatch_set_disable },
	{ "EnableAlarmActions", local_cloudwatch_set_enable },
	{ "GetMetricData", local_cloudwatch_data },
	{ "GetMetricStatistics", local_cloudwatch_get },
	{ "ListMetrics", local_cloudwatch_list },
	{ "ListTagsForResource", local_cloudwatch_tag_list },
	{ "PutCompositeAlarm", local_cloudwatch_compose_put },
	{ "PutMetricAlarm", local_cloudwatch_set_put },
	{ "PutMetricData", local_cloudwatch_put },
	{ "SetAlarmState", local_cloudwatch_set_state },
	{ "TagResource", local_cloudwatch_tag_put },
	{ "UntagResource", local_cloudwatch_tag_delete },
};

const struct local_service local_cloudwatch_service = {
	.id = SERVICE_CLOUDWATCH,
	.json = true,
	.cbor = true,
	.actions = actions,
	.action_count = COUNT_OF(actions),
	.start = start,
	.stop = stop,
};
