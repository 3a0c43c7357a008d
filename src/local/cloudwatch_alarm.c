#include "local/cloudwatch_alarm.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "local/cloudwatch.h"
#include "local/schema.h"

#define SPEC_MAX (256u << 10)
#define ACTIONS_MAX 5
#define WINDOW_MAX_S (7 * 86400)
#define REFUSE(e, ...) local_cloudwatch_refuse((e), "ValidationError", __VA_ARGS__)

const char local_cloudwatch_alarm_schema[] =
	"CREATE TABLE cloudwatch_alarm(name TEXT PRIMARY KEY, arn TEXT NOT NULL, spec TEXT NOT "
	"NULL,"
	" enabled INTEGER NOT NULL, state INTEGER NOT NULL, reason TEXT NOT NULL, data TEXT,"
	" updated INTEGER NOT NULL, changed INTEGER NOT NULL, configured INTEGER NOT NULL)"
	" WITHOUT ROWID;"
	"CREATE TABLE cloudwatch_history(id INTEGER PRIMARY KEY AUTOINCREMENT, alarm TEXT NOT NULL,"
	" at INTEGER NOT NULL, type TEXT NOT NULL, summary TEXT NOT NULL, data TEXT NOT NULL);";

static const char *const states[] = { "OK", "ALARM", "INSUFFICIENT_DATA" };

const char *local_cloudwatch_alarm_word(enum local_cloudwatch_state s)
{
	return states[s];
}

/* Where @p word is in a list; -1 not. */
static int place_of(const char *const *words, size_t n, const char *word)
{
	for (size_t i = 0; word && i < n; i++)
		if (!strcmp(words[i], word))
			return (int)i;
	return -1;
}

int local_cloudwatch_alarm_state(const char *word, enum local_cloudwatch_state *ret)
{
	int i = place_of(states, COUNT_OF(states), word);

	if (i < 0)
		return -1;
	*ret = (enum local_cloudwatch_state)i;
	return 0;
}

const struct json *local_cloudwatch_alarm_actions(const struct local_cloudwatch_alarm *a,
						  enum local_cloudwatch_state s)
{
	static const char *const names[] = { "OKActions", "AlarmActions",
					     "InsufficientDataActions" };

	return json_get(a->spec, names[s]);
}

void local_cloudwatch_alarm_done(struct local_cloudwatch_alarm *a)
{
	own_free(a->name);
	own_free(a->arn);
	json_free(a->spec);
	own_free(a->reason);
	own_free(a->reason_data);
	local_cloudwatch_query_done(&a->queries);
	local_cloudwatch_clause_done(&a->clauses);
	*a = (struct local_cloudwatch_alarm){ 0 };
}

void local_cloudwatch_alarm_all_done(struct local_cloudwatch_alarms *all)
{
	for (size_t i = 0; i < all->count; i++)
		local_cloudwatch_alarm_done(&all->all[i]);
	own_free(all->all);
	*all = (struct local_cloudwatch_alarms){ 0 };
}

/* ---- checking ---- */

static int whole_read(const struct json *spec, const char *name, int64_t *ret, struct err *e)
{
	double d = 0;
	int rc = local_cloudwatch_query_number(spec, name, &d, e);

	if (rc <= 0)
		return rc;
	if (!(d >= 1) || d > WINDOW_MAX_S || d != floor(d))
		return REFUSE(e,
			      "1 validation error detected: Value '%g' at '%s' failed to satisfy "
			      "constraint: Member must have value greater than or equal to 1",
			      d, name);
	*ret = (int64_t)d;
	return 1;
}

static int rule_words(const struct json *spec, struct local_cloudwatch_rule *r, struct err *e)
{
	static const char *const comparisons[] = { "GreaterThanOrEqualToThreshold",
						   "GreaterThanThreshold", "LessThanThreshold",
						   "LessThanOrEqualToThreshold" };
	static const char *const treats[] = { "missing", "ignore", "breaching", "notBreaching" };
	const char *word = local_str(spec, "ComparisonOperator");
	const char *treat = local_str(spec, "TreatMissingData");
	int comparison = place_of(comparisons, COUNT_OF(comparisons), word);
	int missing = treat ? place_of(treats, COUNT_OF(treats), treat) : 0;

	if (comparison < 0)
		return REFUSE(e,
			      "1 validation error detected: Value '%.60s' at 'comparisonOperator' "
			      "failed to satisfy constraint: Member must satisfy enum value set: "
			      "[GreaterThanOrEqualToThreshold, GreaterThanThreshold, "
			      "LessThanThreshold, LessThanOrEqualToThreshold]",
			      word ? word : "null");
	if (missing < 0)
		return REFUSE(e,
			      "Option %.60s is not supported for the parameter TreatMissingData. "
			      "Options are missing, ignore, breaching, notBreaching.",
			      treat);
	r->comparison = (enum local_cloudwatch_comparison)comparison;
	r->missing = (enum local_cloudwatch_missing)missing;
	return 0;
}

static int rule_read(const struct json *spec, struct local_cloudwatch_rule *r, struct err *e)
{
	int rc = whole_read(spec, "EvaluationPeriods", &r->periods, e);

	if (rc == 0)
		return REFUSE(e, "1 validation error detected: Value null at 'evaluationPeriods' "
				 "failed to satisfy constraint: Member must not be null");
	r->datapoints = r->periods;
	if (rc < 0 || rule_words(spec, r, e) < 0 ||
	    whole_read(spec, "DatapointsToAlarm", &r->datapoints, e) < 0)
		return -1;
	if (r->datapoints > r->periods)
		return REFUSE(e, "DatapointsToAlarm must be less than or equal to "
				 "EvaluationPeriods.");
	if (local_str(spec, "ThresholdMetricId"))
		return REFUSE(e, "windlass-local has no anomaly detection: ThresholdMetricId is "
				 "not supported.");
	rc = local_cloudwatch_query_number(spec, "Threshold", &r->threshold, e);
	return rc == 0 ? REFUSE(e, "The parameter Threshold is required.") : rc < 0 ? -1 : 0;
}

static int metrics_read(const struct json *spec, struct local_cloudwatch_alarm *a, struct err *e)
{
	const struct json *metrics = json_get(spec, "Metrics");
	const char *low = local_str(spec, "EvaluateLowSampleCountPercentile");
	bool single = local_str(spec, "MetricName") != NULL;

	if (json_count(metrics) && single)
		return local_cloudwatch_refuse(
			e, "InvalidParameterCombinationException",
			"The parameters MetricName and Metrics are mutually exclusive.");
	if (local_str(spec, "Statistic") && local_str(spec, "ExtendedStatistic"))
		return local_cloudwatch_refuse(
			e, "InvalidParameterCombinationException",
			"The parameters Statistic and ExtendedStatistic are mutually exclusive.");
	if (low && strcmp(low, "evaluate") && strcmp(low, "ignore"))
		return REFUSE(e,
			      "Option %.40s is not supported. Supported options for parameter "
			      "EvaluateLowSampleCountPercentile are evaluate and ignore.",
			      low);
	if (json_count(metrics) ? local_cloudwatch_query_read(metrics, true, &a->queries, e) < 0
				: local_cloudwatch_query_single(spec, &a->queries, e) < 0)
		return -1;
	for (size_t i = 0; i < a->queries.count; i++)
		if (a->queries.all[i].math &&
		    local_cloudwatch_math_searches(a->queries.all[i].math))
			return REFUSE(e, "SEARCH is not supported on Metric Alarms.");
	a->period = local_cloudwatch_query_period(&a->queries);
	if (a->period != 10 && a->period != 20 && a->period != 30 && a->period % 60)
		return REFUSE(e, "Period must be 10, 20, 30 or a multiple of 60.");
	if (a->period * a->rule.periods > WINDOW_MAX_S ||
	    (a->period < 3600 && a->period * a->rule.periods > 86400))
		return REFUSE(e, "Metrics cannot be checked across more than a day "
				 "(EvaluationPeriods * Period must be <= 86400).");
	return 0;
}

static int actions_check(const struct local_cloudwatch_alarm *a, struct err *e)
{
	for (int s = 0; s <= CLOUDWATCH_INSUFFICIENT; s++) {
		const struct json *list =
			local_cloudwatch_alarm_actions(a, (enum local_cloudwatch_state)s);

		if (json_count(list) > ACTIONS_MAX)
			return REFUSE(e, "There must be at most %d actions for a state.",
				      ACTIONS_MAX);
		for (size_t i = 0; i < json_count(list); i++) {
			const char *arn = json_str(json_at(list, i));

			if (!arn || strncmp(arn, "arn:", 4) || strlen(arn) > 1024)
				return REFUSE(e, "Invalid arn syntax: %.100s", arn ? arn : "");
		}
	}
	return 0;
}

/* A composite alarm notifies; it moves no fleet. */
static int compose_read(const struct json *spec, struct local_cloudwatch_alarm *ret, struct err *e)
{
	struct err why;

	if (local_cloudwatch_clause_read(local_str(spec, "AlarmRule"), &ret->clauses, &why) < 0)
		return REFUSE(e, "%s", why.text);
	for (int s = 0; s <= CLOUDWATCH_INSUFFICIENT; s++) {
		const struct json *list =
			local_cloudwatch_alarm_actions(ret, (enum local_cloudwatch_state)s);

		for (size_t i = 0; i < json_count(list); i++) {
			const char *arn = json_str(json_at(list, i));

			if (arn && strncmp(arn, "arn:aws:autoscaling:", 20) == 0)
				return REFUSE(e, "Invalid action for a composite alarm: %.200s",
					      arn);
		}
	}
	return 0;
}

int local_cloudwatch_alarm_parse(const struct json *spec, struct local_cloudwatch_alarm *ret,
				 struct err *e)
{
	const char *name = local_str(spec, "AlarmName");

	if (!name || !*name || strlen(name) > CLOUDWATCH_ALARM_NAME_MAX)
		return REFUSE(e,
			      "1 validation error detected: Value at 'alarmName' failed to satisfy "
			      "constraint: Member must have length from 1 to %d",
			      CLOUDWATCH_ALARM_NAME_MAX);
	ret->name = own_strdup(name);
	ret->spec = json_ref((struct json *)spec);
	if (local_str(spec, "AlarmRule"))
		return compose_read(spec, ret, e) < 0 ? -1 : actions_check(ret, e);
	if (rule_read(spec, &ret->rule, e) < 0 || metrics_read(spec, ret, e) < 0)
		return -1;
	return actions_check(ret, e);
}

/* ---- rows ---- */

#define COLUMNS "name, arn, spec, enabled, state, reason, data, updated, changed, configured"

static int row_read(const struct db_row *r, struct local_cloudwatch_alarm *ret, struct err *e)
{
	const char *text = db_str(r, 2);
	AUTO(json_freep) struct json *spec = json_parse(text, strlen(text), e);

	*ret = (struct local_cloudwatch_alarm){
		.arn = own_strdup(db_str(r, 1)),
		.enabled = db_int(r, 3),
		.state = (enum local_cloudwatch_state)db_int(r, 4),
		.reason = own_strdup(db_str(r, 5)),
		.reason_data = own_strdup(db_str(r, 6)),
		.updated = { db_int(r, 7) },
		.changed = { db_int(r, 8) },
		.configured = { db_int(r, 9) },
	};
	return spec ? local_cloudwatch_alarm_parse(spec, ret, e) : -1;
}

int local_cloudwatch_alarm_find(struct local *l, const char *name,
				struct local_cloudwatch_alarm *ret, struct err *e)
{
	AUTO(db_endp)
	struct db_row *r = db_query(l->db, "SELECT " COLUMNS " FROM cloudwatch_alarm WHERE name=?",
				    DB_ARGS(DB_S(name)), e);
	int rc = r ? db_step(r, e) : -1;

	*ret = (struct local_cloudwatch_alarm){ 0 };
	return rc == 1 && row_read(r, ret, e) < 0 ? -1 : rc;
}

int local_cloudwatch_alarm_list(struct local *l, const char *after,
				struct local_cloudwatch_alarms *ret, struct err *e)
{
	AUTO(db_endp)
	struct db_row *r = db_query(
		l->db, "SELECT " COLUMNS " FROM cloudwatch_alarm WHERE name>? ORDER BY name",
		DB_ARGS(DB_S(after)), e);
	int rc;

	*ret = (struct local_cloudwatch_alarms){ 0 };
	if (!r)
		return -1;
	while ((rc = db_step(r, e)) == 1) {
		ret->all = own_grow(ret->all, ret->count + 1, sizeof(*ret->all));
		if (row_read(r, &ret->all[ret->count++], e) < 0)
			return -1;
	}
	return rc;
}

int local_cloudwatch_alarm_store(struct local *l, const struct local_cloudwatch_alarm *a,
				 struct err *e)
{
	AUTO(buf_done) struct buf spec = BUF(SPEC_MAX);

	json_write(a->spec, &spec);
	if (buf_ok(&spec, "the alarm", e) < 0)
		return REFUSE(e, "The alarm is too large.");
	return DB_RUN(l->db, e,
		      "INSERT OR REPLACE INTO cloudwatch_alarm VALUES(?,?,?,?,?,?,?,?,?,?)",
		      DB_S(a->name), DB_S(a->arn), DB_S(buf_str(&spec)), DB_I(a->enabled),
		      DB_I(a->state), DB_S(a->reason), DB_S(a->reason_data), DB_I(a->updated.ms),
		      DB_I(a->changed.ms), DB_I(a->configured.ms));
}

static int count(struct local *l, int64_t *ret, struct err *e)
{
	AUTO(db_endp)
	struct db_row *r = db_query(l->db, "SELECT count(*) FROM cloudwatch_alarm", NULL, 0, e);

	if (!r || db_step(r, e) < 0)
		return -1;
	*ret = db_int(r, 0);
	return 0;
}

static bool is_enabled(const struct json *spec)
{
	const struct json *v = json_get(spec, "ActionsEnabled");
	bool on = true;

	return json_bool(v, &on) ? on : !json_str(v) || strcmp(json_str(v), "false") != 0;
}

int local_cloudwatch_alarm_put(struct local *l, const struct json *spec, struct err *e)
{
	AUTO(local_cloudwatch_alarm_done) struct local_cloudwatch_alarm a = { 0 }, before = { 0 };
	const struct instant now = local_wall(l);
	int64_t many;
	int rc;

	if (local_cloudwatch_alarm_parse(spec, &a, e) < 0)
		return -1;
	rc = local_cloudwatch_alarm_find(l, a.name, &before, e);
	if (rc < 0 || count(l, &many, e) < 0)
		return -1;
	if (rc == 0 && many >= CLOUDWATCH_ALARMS_MAX)
		return local_cloudwatch_refuse(e, "LimitExceededFault",
					       "There are %d alarms already.",
					       CLOUDWATCH_ALARMS_MAX);
	if (rc == 1) /* tags are changed by actions of their own */
		json_set(a.spec, "Tags",
			 json_count(json_get(before.spec, "Tags"))
				 ? json_ref((struct json *)json_get(before.spec, "Tags"))
				 : json_array());
	a.arn = own_printf("arn:aws:cloudwatch:%s:%s:alarm:%s", l->options.region,
			   l->options.account, a.name);
	a.enabled = is_enabled(spec);
	a.state = rc ? before.state : CLOUDWATCH_INSUFFICIENT;
	a.reason = own_strdup(rc ? before.reason : "Unchecked: Initial alarm creation");
	a.reason_data = own_strdup(before.reason_data);
	a.updated = rc ? before.updated : now;
	a.changed = rc ? before.changed : now;
	a.configured = now;
	if (local_cloudwatch_alarm_store(l, &a, e) < 0)
		return -1;
	return local_cloudwatch_alarm_note(l, a.name, now, "ConfigurationUpdate",
					   rc ? "Alarm updated" : "Alarm created",
					   rc ? "{\"version\":\"1.0\",\"type\":\"Update\"}"
					      : "{\"version\":\"1.0\",\"type\":\"Create\"}",
					   e);
}

int local_cloudwatch_alarm_delete(struct local *l, const char *name, struct err *e)
{
	int64_t gone = 0;

	if (db_exec(l->db, "DELETE FROM cloudwatch_alarm WHERE name=?", DB_ARGS(DB_S(name)), &gone,
		    e) < 0)
		return -1;
	if (gone && local_cloudwatch_alarm_note(l, name, local_wall(l), "ConfigurationUpdate",
						"Alarm deleted",
						"{\"version\":\"1.0\",\"type\":\"Delete\"}", e) < 0)
		return -1;
	return gone > 0;
}

int local_cloudwatch_alarm_note(struct local *l, const char *alarm, struct instant at,
				const char *type, const char *summary, const char *data,
				struct err *e)
{
	if (DB_RUN(l->db, e,
		   "INSERT INTO cloudwatch_history(alarm, at, type, summary, data) "
		   "VALUES(?,?,?,?,?)",
		   DB_S(alarm), DB_I(at.ms), DB_S(type), DB_S(summary), DB_S(data)) < 0)
		return -1;
	return DB_RUN(l->db, e, "DELETE FROM cloudwatch_history WHERE id<=?",
		      DB_I(db_last_id(l->db) - CLOUDWATCH_HISTORY_MAX));
}
