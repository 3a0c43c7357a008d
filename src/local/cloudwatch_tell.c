/* DescribeAlarms, DescribeAlarmsForMetric, DescribeAlarmHistory. */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "base/crypto.h"
#include "local/cloudwatch.h"
#include "local/cloudwatch_alarm.h"

#define PAGE_MOST 100
#define PAGE_USUAL 50

/* ---- one alarm ---- */

static void put_number(struct local_call *c, const struct json *spec, const char *name, bool whole)
{
	struct err e;
	double d;

	if (local_cloudwatch_query_number(spec, name, &d, &e) != 1)
		return;
	if (whole)
		local_put_int(c, name, (int64_t)d);
	else
		local_put_real(c, name, d);
}

static void put_texts(struct local_call *c, const char *name, const struct json *list)
{
	local_list(c, name, NULL);
	for (size_t i = 0; i < json_count(list); i++)
		local_put(c, NULL, json_str(json_at(list, i)));
	local_end(c);
}

static void put_dimensions(struct local_call *c, const struct json *list)
{
	local_list(c, "Dimensions", NULL);
	for (size_t i = 0; i < json_count(list); i++) {
		local_object(c, NULL);
		local_put(c, "Name", local_str(json_at(list, i), "Name"));
		local_put(c, "Value", local_str(json_at(list, i), "Value"));
		local_end(c);
	}
	local_end(c);
}

static void put_stat(struct local_call *c, const struct json *stat)
{
	const struct json *metric = json_get(stat, "Metric");

	local_object(c, "MetricStat");
	local_object(c, "Metric");
	local_put(c, "Namespace", local_str(metric, "Namespace"));
	local_put(c, "MetricName", local_str(metric, "MetricName"));
	put_dimensions(c, json_get(metric, "Dimensions"));
	local_end(c);
	put_number(c, stat, "Period", true);
	local_put(c, "Stat", local_str(stat, "Stat"));
	local_put(c, "Unit", local_str(stat, "Unit"));
	local_end(c);
}

static void put_metrics(struct local_call *c, const struct local_cloudwatch_alarm *a)
{
	const struct json *metrics = json_get(a->spec, "Metrics");

	local_list(c, "Metrics", NULL);
	for (size_t i = 0; i < json_count(metrics) && i < a->queries.count; i++) {
		const struct json *one = json_at(metrics, i);

		local_object(c, NULL);
		local_put(c, "Id", local_str(one, "Id"));
		if (json_type(json_get(one, "MetricStat")) == JSON_OBJECT)
			put_stat(c, json_get(one, "MetricStat"));
		local_put(c, "Expression", local_str(one, "Expression"));
		local_put(c, "Label", local_str(one, "Label"));
		local_put_bool(c, "ReturnData", a->queries.all[i].returned);
		put_number(c, one, "Period", true);
		local_end(c);
	}
	local_end(c);
}

static void put_single(struct local_call *c, const struct json *spec)
{
	local_put(c, "MetricName", local_str(spec, "MetricName"));
	local_put(c, "Namespace", local_str(spec, "Namespace"));
	local_put(c, "Statistic", local_str(spec, "Statistic"));
	local_put(c, "ExtendedStatistic", local_str(spec, "ExtendedStatistic"));
	put_dimensions(c, json_get(spec, "Dimensions"));
	put_number(c, spec, "Period", true);
	local_put(c, "Unit", local_str(spec, "Unit"));
}

/* What both kinds have. */
static void put_common(struct local_call *c, const struct local_cloudwatch_alarm *a)
{
	local_put(c, "AlarmName", a->name);
	local_put(c, "AlarmArn", a->arn);
	local_put(c, "AlarmDescription", local_str(a->spec, "AlarmDescription"));
	local_put_time(c, "AlarmConfigurationUpdatedTimestamp", a->configured);
	local_put_bool(c, "ActionsEnabled", a->enabled);
	put_texts(c, "OKActions", json_get(a->spec, "OKActions"));
	put_texts(c, "AlarmActions", json_get(a->spec, "AlarmActions"));
	put_texts(c, "InsufficientDataActions", json_get(a->spec, "InsufficientDataActions"));
	local_put(c, "StateValue", local_cloudwatch_alarm_word(a->state));
	local_put(c, "StateReason", a->reason);
	local_put(c, "StateReasonData", a->reason_data);
	local_put_time(c, "StateUpdatedTimestamp", a->updated);
	local_put_time(c, "StateTransitionedTimestamp", a->changed);
}

static void put_composite(struct local_call *c, const struct local_cloudwatch_alarm *a)
{
	local_object(c, NULL);
	put_common(c, a);
	local_put(c, "AlarmRule", local_str(a->spec, "AlarmRule"));
	local_end(c);
}

static void put_alarm(struct local_call *c, const struct local_cloudwatch_alarm *a)
{
	local_object(c, NULL);
	put_common(c, a);
	if (json_count(json_get(a->spec, "Metrics")))
		put_metrics(c, a);
	else
		put_single(c, a->spec);
	local_put_int(c, "EvaluationPeriods", a->rule.periods);
	put_number(c, a->spec, "DatapointsToAlarm", true);
	local_put_real(c, "Threshold", a->rule.threshold);
	local_put(c, "ComparisonOperator", local_str(a->spec, "ComparisonOperator"));
	local_put(c, "TreatMissingData", local_str(a->spec, "TreatMissingData"));
	local_put(c, "EvaluateLowSampleCountPercentile",
		  local_str(a->spec, "EvaluateLowSampleCountPercentile"));
	local_end(c);
}

/* ---- DescribeAlarms ---- */

static bool listed(const struct json *list, const char *text)
{
	for (size_t i = 0; i < json_count(list); i++)
		if (json_str(json_at(list, i)) && !strcmp(json_str(json_at(list, i)), text))
			return true;
	return false;
}

static bool has_action(const struct local_cloudwatch_alarm *a, const char *prefix)
{
	for (int s = 0; s <= CLOUDWATCH_INSUFFICIENT; s++) {
		const struct json *list =
			local_cloudwatch_alarm_actions(a, (enum local_cloudwatch_state)s);

		for (size_t i = 0; i < json_count(list); i++)
			if (!strncmp(json_str(json_at(list, i)), prefix, strlen(prefix)))
				return true;
	}
	return false;
}

struct filter {
	const struct json *names;
	const char *prefix, *state, *action;
	bool metric, composite; /* kinds */
};

static bool passes(const struct filter *f, const struct local_cloudwatch_alarm *a)
{
	return (a->clauses.count ? f->composite : f->metric) &&
	       (!json_count(f->names) || listed(f->names, a->name)) &&
	       (!f->prefix || !strncmp(a->name, f->prefix, strlen(f->prefix))) &&
	       (!f->state || !strcmp(f->state, local_cloudwatch_alarm_word(a->state))) &&
	       (!f->action || has_action(a, f->action));
}

/* MaxRecords and the name that a page follows, owned. -1: the call has ended. */
static int page_read(struct local_call *c, int64_t *ret_most, char **ret_after)
{
	const char *token = local_str(c->params, "NextToken");
	AUTO(buf_done) struct buf text = BUF(1024);

	*ret_most = PAGE_USUAL;
	*ret_after = own_strdup("");
	if (local_int(c, c->params, "MaxRecords", ret_most) < 0)
		return -1;
	if (*ret_most < 1 || *ret_most > PAGE_MOST) {
		local_fail(c, "ValidationError",
			   "1 validation error detected: Value '%" PRId64 "' at 'maxRecords' "
			   "failed to satisfy constraint: Member must have value from 1 to %d",
			   *ret_most, PAGE_MOST);
		return -1;
	}
	if (!token)
		return 0;
	if (crypto_unbase64(token, strlen(token), &text, NULL) < 0 ||
	    strncmp(buf_str(&text), "alarm:", 6)) {
		local_fail(c, "InvalidNextToken", "The token '%.100s' is invalid.", token);
		return -1;
	}
	own_free(*ret_after);
	*ret_after = own_strdup(buf_str(&text) + 6);
	return 0;
}

/* The alarms of one kind among the first @p end. */
static void put_kind(struct local_call *c, const struct local_cloudwatch_alarms *all, size_t end,
		     const struct filter *f, bool composite)
{
	local_list(c, composite ? "CompositeAlarms" : "MetricAlarms", NULL);
	for (size_t i = 0; i < end; i++) {
		const struct local_cloudwatch_alarm *a = &all->all[i];

		if (!passes(f, a) || (a->clauses.count > 0) != composite)
			continue;
		if (composite)
			put_composite(c, a);
		else
			put_alarm(c, a);
	}
	local_end(c);
}

static void put_page(struct local_call *c, const struct local_cloudwatch_alarms *all,
		     const struct filter *f, int64_t most)
{
	const char *last = NULL, *next = NULL;
	size_t end = 0;
	int64_t n = 0;

	for (; end < all->count && !next; end++) {
		if (!passes(f, &all->all[end]))
			continue;
		if (n++ == most)
			next = last;
		else
			last = all->all[end].name;
	}
	end -= next != NULL; /* the one that did not fit any more */
	put_kind(c, all, end, f, true);
	put_kind(c, all, end, f, false);
	if (next) {
		AUTO(own_freep) char *plain = own_printf("alarm:%s", next);
		AUTO(buf_done) struct buf text = BUF(2048);

		crypto_base64(plain, strlen(plain), &text);
		local_put(c, "NextToken", buf_str(&text));
	}
	local_done(c);
}

void local_cloudwatch_tell_alarms(struct local_call *c)
{
	AUTO(local_cloudwatch_alarm_all_done) struct local_cloudwatch_alarms all = { 0 };
	const struct json *types = json_get(c->params, "AlarmTypes");
	const struct filter f = { json_get(c->params, "AlarmNames"),
				  local_str(c->params, "AlarmNamePrefix"),
				  local_str(c->params, "StateValue"),
				  local_str(c->params, "ActionPrefix"),
				  !json_count(types) || listed(types, "MetricAlarm"),
				  listed(types, "CompositeAlarm") };
	enum local_cloudwatch_state state;
	AUTO(own_freep) char *after = NULL;
	int64_t most;
	struct err e;

	if (page_read(c, &most, &after) < 0)
		return;
	if (json_count(f.names) && f.prefix) {
		local_fail(c, "ValidationError",
			   "AlarmNamePrefix and AlarmNames must not be given together.");
		return;
	}
	if (f.state && local_cloudwatch_alarm_state(f.state, &state) < 0) {
		local_fail(c, "ValidationError", "'%.40s' is not a state of an alarm.", f.state);
		return;
	}
	err_clear(&e);
	if (local_cloudwatch_alarm_list(c->local, after, &all, &e) < 0)
		local_cloudwatch_fail(c, &e);
	else
		put_page(c, &all, &f, most);
}

/* ---- DescribeAlarmsForMetric ---- */

static bool same(const char *asked, const char *is)
{
	return !asked || (is && !strcmp(asked, is));
}

void local_cloudwatch_tell_for_metric(struct local_call *c)
{
	AUTO(local_cloudwatch_alarm_all_done) struct local_cloudwatch_alarms all = { 0 };
	AUTO(own_freep) char *dimensions = NULL;
	const char *space, *name;
	double period = 0;
	struct err e;

	err_clear(&e);
	if (local_cloudwatch_need(c, c->params, "", "Namespace", 255, &space) < 0 ||
	    local_cloudwatch_need(c, c->params, "", "MetricName", 255, &name) < 0 ||
	    local_cloudwatch_dimensions(c, c->params, "", &dimensions) < 0)
		return;
	if (local_cloudwatch_query_number(c->params, "Period", &period, &e) < 0 ||
	    local_cloudwatch_alarm_list(c->local, "", &all, &e) < 0) {
		local_cloudwatch_fail(c, &e);
		return;
	}
	local_list(c, "MetricAlarms", NULL);
	for (size_t i = 0; i < all.count; i++) {
		const struct local_cloudwatch_alarm *a = &all.all[i];
		const struct local_cloudwatch_query *q = a->queries.count ? a->queries.all : NULL;

		if (q && local_str(a->spec, "MetricName") && !strcmp(q->space, space) &&
		    !strcmp(q->name, name) && !strcmp(q->dimensions, dimensions) &&
		    (period == 0 || (double)a->period == period) &&
		    same(local_str(c->params, "Statistic"), local_str(a->spec, "Statistic")) &&
		    same(local_str(c->params, "Unit"), local_str(a->spec, "Unit")))
			put_alarm(c, a);
	}
	local_end(c);
	local_done(c);
}

/* ---- DescribeAlarmHistory ---- */

struct span_of {
	struct instant from, to;
	bool rising;
	int64_t most, skip;
};

static int span_read(struct local_call *c, struct span_of *s)
{
	const char *by = local_str(c->params, "ScanBy");

	*s = (struct span_of){ .to = { INT64_MAX }, .most = PAGE_MOST };
	s->rising = by && !strcmp(by, "TimestampAscending");
	if (local_time(c, c->params, "StartDate", &s->from) < 0 ||
	    local_time(c, c->params, "EndDate", &s->to) < 0 ||
	    local_int(c, c->params, "MaxRecords", &s->most) < 0 ||
	    local_cloudwatch_token(c, "history:", &s->skip) < 0)
		return -1;
	if (s->most >= 1 && s->most <= PAGE_MOST)
		return 0;
	local_fail(c, "ValidationError", "MaxRecords must be from 1 to %d.", PAGE_MOST);
	return -1;
}

/* Is the alarm of an item, as it is now, a composite? */
#define COMPOSITE                                                                       \
	"EXISTS(SELECT 1 FROM cloudwatch_alarm a WHERE a.name=cloudwatch_history.alarm" \
	" AND json_extract(a.spec, '$.AlarmRule') IS NOT NULL)"

static int put_history(struct local_call *c, const struct span_of *s, struct err *e)
{
	AUTO(db_endp)
	struct db_row *r = db_query(
		c->local->db,
		s->rising ? "SELECT alarm, at, type, summary, data, " COMPOSITE
			    " FROM cloudwatch_history WHERE at>=?1 AND at<=?2 AND (alarm=?3 OR ?3 "
			    "IS NULL) AND (type=?4 OR ?4 IS "
			    "NULL) ORDER BY id LIMIT ?5 OFFSET ?6"
			  : "SELECT alarm, at, type, summary, data, " COMPOSITE
			    " FROM cloudwatch_history WHERE at>=?1 AND at<=?2 AND (alarm=?3 OR ?3 "
			    "IS NULL) AND (type=?4 OR ?4 IS "
			    "NULL) ORDER BY id DESC LIMIT ?5 OFFSET ?6",
		DB_ARGS(DB_I(s->from.ms), DB_I(s->to.ms), DB_S(local_str(c->params, "AlarmName")),
			DB_S(local_str(c->params, "HistoryItemType")), DB_I(s->most + 1),
			DB_I(s->skip)),
		e);
	int64_t n = 0;
	int rc;

	if (!r)
		return -1;
	local_list(c, "AlarmHistoryItems", NULL);
	while ((rc = db_step(r, e)) == 1 && n++ < s->most) {
		local_object(c, NULL);
		local_put(c, "AlarmName", db_str(r, 0));
		local_put(c, "AlarmType", db_int(r, 5) ? "CompositeAlarm" : "MetricAlarm");
		local_put_time(c, "Timestamp", (struct instant){ db_int(r, 1) });
		local_put(c, "HistoryItemType", db_str(r, 2));
		local_put(c, "HistorySummary", db_str(r, 3));
		local_put(c, "HistoryData", db_str(r, 4));
		local_end(c);
	}
	local_end(c);
	if (n > s->most)
		local_cloudwatch_put_token(c, "history:", s->skip + s->most);
	return rc < 0 ? -1 : 0;
}

void local_cloudwatch_tell_history(struct local_call *c)
{
	struct span_of s;
	struct err e;

	if (span_read(c, &s) < 0)
		return;
	err_clear(&e);
	if (put_history(c, &s, &e) < 0)
		local_fail_internal(c, &e);
	else
		local_done(c);
}
