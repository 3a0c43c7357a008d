/* PutMetricAlarm, SetAlarmState, DeleteAlarms, EnableAlarmActions, DisableAlarmActions. */
#include <math.h>
#include <string.h>

#include "local/cloudwatch.h"
#include "local/cloudwatch_alarm.h"

#define NAMES_MAX 100

/* What of a call is the alarm. */
static struct json *spec_of(const struct json *params)
{
	static const char *const names[] = {
		"AlarmName",  "AlarmDescription",   "ActionsEnabled",
		"OKActions",  "AlarmActions",       "InsufficientDataActions",
		"MetricName", "Namespace",          "Statistic",
		"Dimensions", "ExtendedStatistic",  "Period",
		"Unit",       "EvaluationPeriods",  "DatapointsToAlarm",
		"Threshold",  "ComparisonOperator", "TreatMissingData",
		"Metrics",    "ThresholdMetricId",  "EvaluateLowSampleCountPercentile",
		"Tags",
	};
	struct json *spec = json_object();

	for (size_t i = 0; i < COUNT_OF(names); i++) {
		const struct json *v = json_get(params, names[i]);

		if (json_type(v) != JSON_ABSENT && json_type(v) != JSON_NULL)
			json_set(spec, names[i], json_ref((struct json *)v));
	}
	return spec;
}

static void end(struct local_call *c, int rc, const struct err *e)
{
	if (rc < 0)
		local_cloudwatch_fail(c, e);
	else
		local_done(c);
}

void local_cloudwatch_set_put(struct local_call *c)
{
	AUTO(json_freep) struct json *spec = spec_of(c->params);
	struct err e;

	err_clear(&e);
	end(c, local_cloudwatch_alarm_put(c->local, spec, &e), &e);
}

/* The alarm AlarmName, or ResourceNotFound. -1: the call has ended. */
static int alarm_of(struct local_call *c, const char *name, struct local_cloudwatch_alarm *ret)
{
	struct err e;
	int rc;

	err_clear(&e);
	rc = local_cloudwatch_alarm_find(c->local, name, ret, &e);
	if (rc < 0)
		local_cloudwatch_fail(c, &e);
	else if (rc == 0)
		local_fail(c, "ResourceNotFound", "Unknown alarm name %.255s.", name);
	return rc == 1 ? 0 : -1;
}

void local_cloudwatch_set_state(struct local_call *c)
{
	AUTO(local_cloudwatch_alarm_done) struct local_cloudwatch_alarm a = { 0 };
	struct local_cloudwatch_verdict v = { .value = NAN, .at = local_wall(c->local) };
	const char *name, *word, *reason, *data = local_str(c->params, "StateReasonData");
	AUTO(json_freep) struct json *parsed = NULL;
	struct err e;

	if (local_cloudwatch_need(c, c->params, "", "AlarmName", 255, &name) < 0 ||
	    local_cloudwatch_need(c, c->params, "", "StateValue", 64, &word) < 0 ||
	    local_cloudwatch_need(c, c->params, "", "StateReason", 1023, &reason) < 0)
		return;
	if (local_cloudwatch_alarm_state(word, &v.state) < 0) {
		local_fail(c, "ValidationError",
			   "1 validation error detected: Value '%.40s' at 'stateValue' failed to "
			   "satisfy constraint: Member must satisfy enum value set: "
			   "[INSUFFICIENT_DATA, ALARM, OK]",
			   word);
		return;
	}
	err_clear(&e);
	if (data && !(parsed = json_parse(data, strlen(data), &e))) {
		local_fail(c, "InvalidFormatFault", "StateReasonData was not valid JSON.");
		return;
	}
	if (data && strlen(data) > 4000) {
		local_fail(c, "ValidationError", "StateReasonData has at most 4000 characters.");
		return;
	}
	if (alarm_of(c, name, &a) < 0)
		return;
	v.reason = reason;
	v.reason_data = data;
	end(c, local_cloudwatch_watch_change(c->local, &a, &v, &e), &e);
}

/* AlarmNames, 1 … NAMES_MAX texts. NULL: the call has ended. */
static const struct json *names_of(struct local_call *c)
{
	const struct json *names = json_get(c->params, "AlarmNames");
	bool ok = json_count(names) > 0 && json_count(names) <= NAMES_MAX;

	for (size_t i = 0; i < json_count(names); i++)
		ok &= json_str(json_at(names, i)) != NULL;
	if (ok)
		return names;
	local_fail(c, "ValidationError",
		   "1 validation error detected: Value at 'alarmNames' failed to satisfy "
		   "constraint: Member must have from 1 to %d names",
		   NAMES_MAX);
	return NULL;
}

/* All or none. */
void local_cloudwatch_set_delete(struct local_call *c)
{
	const struct json *names = names_of(c);
	struct err e;
	int rc = 0;

	for (size_t i = 0; names && i < json_count(names); i++) {
		AUTO(local_cloudwatch_alarm_done) struct local_cloudwatch_alarm a = { 0 };

		if (alarm_of(c, json_str(json_at(names, i)), &a) < 0)
			return;
	}
	if (!names)
		return;
	err_clear(&e);
	for (size_t i = 0; rc >= 0 && i < json_count(names); i++)
		rc = local_cloudwatch_alarm_delete(c->local, json_str(json_at(names, i)), &e);
	end(c, rc, &e);
}

/* Names of no alarm are passed over, as on AWS. */
static void enable(struct local_call *c, bool on)
{
	const struct json *names = names_of(c);
	struct err e;
	int rc = 0;

	if (!names)
		return;
	err_clear(&e);
	for (size_t i = 0; rc == 0 && i < json_count(names); i++)
		rc = DB_RUN(c->local->db, &e, "UPDATE cloudwatch_alarm SET enabled=? WHERE name=?",
			    DB_I(on), DB_S(json_str(json_at(names, i))));
	end(c, rc, &e);
}

void local_cloudwatch_set_enable(struct local_call *c)
{
	enable(c, true);
}

void local_cloudwatch_set_disable(struct local_call *c)
{
	enable(c, false);
}
