#include "local/autoscaling_policy.h"

#include <math.h>
#include <string.h>

#include "base/crypto.h"
#include "local/cloudwatch_alarm.h"
#include "local/schema.h"

#define SPEC_MAX (128u << 10)
#define SECONDS_MOST (30 * 24 * 3600)
#define REFUSE(e, ...) local_cloudwatch_refuse((e), "ValidationError", __VA_ARGS__)

const char local_autoscaling_policy_schema[] =
	"CREATE TABLE fleet_policy(grp TEXT NOT NULL, name TEXT NOT NULL, arn TEXT NOT NULL UNIQUE,"
	" alarms TEXT NOT NULL, spec TEXT NOT NULL, PRIMARY KEY(grp, name)) WITHOUT ROWID;"
	"CREATE TABLE fleet_scheduled(grp TEXT NOT NULL, name TEXT NOT NULL, arn TEXT NOT NULL,"
	" spec TEXT NOT NULL, next_ms INTEGER, PRIMARY KEY(grp, name)) WITHOUT ROWID;"
	"CREATE TABLE fleet_metric(grp TEXT NOT NULL, name TEXT NOT NULL, PRIMARY KEY(grp, name))"
	" WITHOUT ROWID;";

void local_autoscaling_policy_done(struct local_autoscaling_policy *p)
{
	own_free(p->group);
	own_free(p->name);
	own_free(p->arn);
	own_free(p->alarms);
	json_free(p->spec);
	*p = (struct local_autoscaling_policy){ 0 };
}

void local_autoscaling_policy_all_done(struct local_autoscaling_policies *all)
{
	for (size_t i = 0; i < all->count; i++)
		local_autoscaling_policy_done(&all->all[i]);
	own_free(all->all);
	*all = (struct local_autoscaling_policies){ 0 };
}

/* ---- checking ---- */

static int whole(const struct json *o, const char *name, int64_t least, int64_t most, int64_t *ret,
		 struct err *e)
{
	double d = 0;
	int rc = local_cloudwatch_query_number(o, name, &d, e);

	if (rc <= 0)
		return rc;
	if (d != floor(d) || d < (double)least || d > (double)most)
		return REFUSE(e, "The value %.10g for parameter %s is not valid.", d, name);
	*ret = (int64_t)d;
	return 1;
}

static int way_read(const struct json *spec, struct local_autoscaling_policy *p, struct err *e)
{
	static const char *const ways[] = { "ChangeInCapacity", "ExactCapacity",
					    "PercentChangeInCapacity" };
	const char *word = local_str(spec, "AdjustmentType");
	int rc;

	for (size_t i = 0; i < COUNT_OF(ways); i++) {
		if (!word || strcmp(word, ways[i]))
			continue;
		p->adjustment.way = (enum local_autoscaling_way)i;
		rc = whole(spec, "MinAdjustmentMagnitude", 1, INT32_MAX, &p->adjustment.magnitude,
			   e);
		if (rc == 0)
			rc = whole(spec, "MinAdjustmentStep", 1, INT32_MAX,
				   &p->adjustment.magnitude, e);
		if (rc == 1 && p->adjustment.way != ADJUST_PERCENT)
			return REFUSE(e, "MinAdjustmentMagnitude is only supported with "
					 "PercentChangeInCapacity.");
		return rc < 0 ? -1 : 0;
	}
	return REFUSE(e,
		      "Invalid AdjustmentType: %.60s. Valid values are ChangeInCapacity, "
		      "ExactCapacity, PercentChangeInCapacity.",
		      word ? word : "null");
}

static int adjustment_check(const struct local_autoscaling_policy *p, int64_t by, struct err *e)
{
	if (p->adjustment.way == ADJUST_EXACT && by < 0)
		return REFUSE(e, "ScalingAdjustment must not be negative with ExactCapacity.");
	return 0;
}

static int simple_read(const struct json *spec, struct local_autoscaling_policy *p, struct err *e)
{
	int rc = whole(spec, "ScalingAdjustment", INT32_MIN, INT32_MAX, &p->adjustment.by, e);

	if (rc < 0)
		return -1;
	if (rc == 0 || json_count(json_get(spec, "StepAdjustments")))
		return REFUSE(e, "A SimpleScaling policy needs ScalingAdjustment and no "
				 "StepAdjustments.");
	if (adjustment_check(p, p->adjustment.by, e) < 0)
		return -1;
	return whole(spec, "Cooldown", 0, SECONDS_MOST, &p->cooldown_s, e) < 0 ? -1 : 0;
}

static int step_read(const struct json *o, struct local_autoscaling_policy *p,
		     struct local_autoscaling_step *s, struct err *e)
{
	*s = (struct local_autoscaling_step){ -INFINITY, INFINITY, 0 };
	if (local_cloudwatch_query_number(o, "MetricIntervalLowerBound", &s->low, e) < 0 ||
	    local_cloudwatch_query_number(o, "MetricIntervalUpperBound", &s->high, e) < 0)
		return -1;
	if (whole(o, "ScalingAdjustment", INT32_MIN, INT32_MAX, &s->by, e) != 1)
		return e->kind ? -1 : REFUSE(e, "A step needs a ScalingAdjustment.");
	if (!(s->low < s->high) || (isinf(s->low) && isinf(s->high) && p->adjustment.step_count))
		return REFUSE(e, "A step's lower bound must be below its upper bound.");
	return adjustment_check(p, s->by, e);
}

/* In order, without gaps and overlaps. */
static int steps_check(const struct local_autoscaling_policy *p, struct err *e)
{
	const struct local_autoscaling_step *s = p->steps;
	size_t n = p->adjustment.step_count;

	for (size_t i = 0; i < n; i++) {
		int before = 0, after = 0;

		for (size_t k = 0; k < n; k++) {
			if (k != i && s[k].low < s[i].high && s[i].low < s[k].high)
				return REFUSE(e, "StepAdjustment intervals can't overlap.");
			before += s[k].high == s[i].low;
			after += s[k].low == s[i].high;
		}
		if ((!before && !isinf(s[i].low) && s[i].low != 0) ||
		    (!after && !isinf(s[i].high) && s[i].high != 0))
			return REFUSE(e, "There must not be a gap between StepAdjustment "
					 "intervals, nor beyond the last.");
	}
	return 0;
}

static int steps_read(const struct json *spec, struct local_autoscaling_policy *p, struct err *e)
{
	const struct json *list = json_get(spec, "StepAdjustments");
	const char *by = local_str(spec, "MetricAggregationType");
	size_t n = json_count(list);

	if (n == 0 || n > AUTOSCALING_STEPS_MAX || local_str(spec, "Cooldown") ||
	    local_str(spec, "ScalingAdjustment"))
		return REFUSE(e,
			      "A StepScaling policy needs from 1 to %d StepAdjustments, and no "
			      "ScalingAdjustment and Cooldown.",
			      AUTOSCALING_STEPS_MAX);
	if (by && strcmp(by, "Minimum") && strcmp(by, "Maximum") && strcmp(by, "Average"))
		return REFUSE(e, "Invalid MetricAggregationType: %.60s", by);
	for (size_t i = 0; i < n; i++) {
		if (step_read(json_at(list, i), p, &p->steps[i], e) < 0)
			return -1;
		p->adjustment.step_count++;
	}
	return steps_check(p, e);
}

static int tracking_read(const struct json *spec, struct local_autoscaling_policy *p, struct err *e)
{
	const struct json *how = json_get(spec, "TargetTrackingConfiguration");
	const struct json *custom = json_get(how, "CustomizedMetricSpecification");
	const struct json *keeps = json_get(how, "DisableScaleIn");
	int rc = local_cloudwatch_query_number(how, "TargetValue", &p->adjustment.target, e);

	if (rc < 0)
		return -1;
	if (json_type(json_get(how, "PredefinedMetricSpecification")) == JSON_OBJECT)
		return REFUSE(e, "windlass-local measures neither CPU nor network nor load "
				 "balancers of instances: name a metric in "
				 "CustomizedMetricSpecification.");
	if (rc == 0 || !(p->adjustment.target > 0) || json_type(custom) != JSON_OBJECT)
		return REFUSE(e, "TargetTrackingConfiguration needs a TargetValue above 0 and a "
				 "CustomizedMetricSpecification.");
	if (!json_bool(keeps, &p->keeps))
		p->keeps = json_str(keeps) && !strcmp(json_str(keeps), "true");
	return 0;
}

static int type_read(const struct json *spec, struct local_autoscaling_policy *p, struct err *e)
{
	const char *type = local_str(spec, "PolicyType");

	if (!type || !strcmp(type, "SimpleScaling"))
		p->adjustment.type = POLICY_SIMPLE;
	else if (!strcmp(type, "StepScaling"))
		p->adjustment.type = POLICY_STEP;
	else if (!strcmp(type, "TargetTrackingScaling"))
		p->adjustment.type = POLICY_TRACKING;
	else if (!strcmp(type, "PredictiveScaling"))
		return REFUSE(e, "windlass-local does not play PredictiveScaling.");
	else
		return REFUSE(e, "Invalid PolicyType: %.60s", type);
	return 0;
}

int local_autoscaling_policy_parse(const struct json *spec, struct local_autoscaling_policy *p,
				   struct err *e)
{
	const struct json *enabled = json_get(spec, "Enabled");

	p->spec = json_ref((struct json *)spec);
	p->cooldown_s = p->warmup_s = -1;
	p->enabled = true;
	if (!json_bool(enabled, &p->enabled))
		p->enabled = !json_str(enabled) || strcmp(json_str(enabled), "false") != 0;
	if (type_read(spec, p, e) < 0 ||
	    whole(spec, "EstimatedInstanceWarmup", 0, SECONDS_MOST, &p->warmup_s, e) < 0)
		return -1;
	if (p->adjustment.type == POLICY_TRACKING)
		return tracking_read(spec, p, e);
	if (way_read(spec, p, e) < 0)
		return -1;
	return p->adjustment.type == POLICY_STEP ? steps_read(spec, p, e) : simple_read(spec, p, e);
}

/* ---- rows ---- */

static int row_read(const struct db_row *r, struct local_autoscaling_policy *ret, struct err *e)
{
	const char *text = db_str(r, 4);
	AUTO(json_freep) struct json *spec = json_parse(text, strlen(text), e);

	*ret = (struct local_autoscaling_policy){ .group = own_strdup(db_str(r, 0)),
						  .name = own_strdup(db_str(r, 1)),
						  .arn = own_strdup(db_str(r, 2)),
						  .alarms = own_strdup(db_str(r, 3)) };
	return spec ? local_autoscaling_policy_parse(spec, ret, e) : -1;
}

int local_autoscaling_policy_list(struct local *l, const char *group, const char *name_or_arn,
				  struct local_autoscaling_policies *ret, struct err *e)
{
	AUTO(db_endp)
	struct db_row *r = db_query(l->db,
				    "SELECT grp, name, arn, alarms, spec FROM fleet_policy WHERE "
				    "(grp=?1 OR ?1 IS NULL) AND (?2 IS NULL OR name=?2 OR arn=?2) "
				    "ORDER BY grp, name",
				    DB_ARGS(DB_S(group), DB_S(name_or_arn)), e);
	int rc;

	*ret = (struct local_autoscaling_policies){ 0 };
	if (!r)
		return -1;
	while ((rc = db_step(r, e)) == 1) {
		ret->all = own_grow(ret->all, ret->count + 1, sizeof(*ret->all));
		if (row_read(r, &ret->all[ret->count++], e) < 0)
			return -1;
	}
	return rc;
}

/* ---- the alarms of target tracking ---- */

char *local_autoscaling_policy_alarm_name(const struct local_autoscaling_policy *p, bool high)
{
	return own_printf("TargetTracking-%.180s-Alarm%s-%s", p->group, high ? "High" : "Low",
			  p->alarms);
}

static void copy_members(const struct json *from, struct json *to)
{
	static const char *const names[] = { "Namespace", "MetricName", "Dimensions", "Statistic",
					     "Unit",      "Metrics",    "Period" };

	for (size_t i = 0; i < COUNT_OF(names); i++)
		if (json_type(json_get(from, names[i])) > JSON_NULL)
			json_set(to, names[i], json_ref((struct json *)json_get(from, names[i])));
}

/* The object with a period of a minute where it has none. */
static struct json *with_period(const struct json *stat)
{
	struct json *copy = json_object();
	const struct json *value;
	const char *name;

	json_set_int(copy, "Period", 60);
	for (size_t it = 0; json_next(stat, &it, &name, &value);)
		json_set(copy, name, json_ref((struct json *)value));
	return copy;
}

/* Metrics of a policy need no period of their own. */
static struct json *with_periods(const struct json *metrics)
{
	struct json *list = json_array();

	for (size_t i = 0; i < json_count(metrics); i++) {
		const struct json *one = json_at(metrics, i), *value;
		struct json *copy = json_object();
		const char *name;

		for (size_t it = 0; json_next(one, &it, &name, &value);)
			json_set(copy, name,
				 strcmp(name, "MetricStat") ? json_ref((struct json *)value)
							    : with_period(value));
		json_add(list, copy);
	}
	return list;
}

static int alarm_put(struct local *l, const struct local_autoscaling_policy *p, bool high,
		     struct err *e)
{
	const struct json *custom = json_get(json_get(p->spec, "TargetTrackingConfiguration"),
					     "CustomizedMetricSpecification");
	AUTO(json_freep) struct json *spec = json_object();
	AUTO(own_freep) char *name = local_autoscaling_policy_alarm_name(p, high);
	AUTO(own_freep)
	char *text =
		own_printf("DO NOT EDIT OR DELETE. For TargetTrackingScaling policy %s.", p->arn);
	struct json *actions = json_array();

	copy_members(custom, spec);
	if (json_count(json_get(custom, "Metrics")))
		json_set(spec, "Metrics", with_periods(json_get(custom, "Metrics")));
	else if (json_type(json_get(spec, "Period")) <= JSON_NULL)
		json_set_int(spec, "Period", 60);
	json_add(actions, json_new_str(p->arn));
	json_set(spec, "AlarmActions", actions);
	json_set_str(spec, "AlarmName", name);
	json_set_str(spec, "AlarmDescription", text);
	json_set_int(spec, "EvaluationPeriods", high ? 3 : 15);
	json_set_real(spec, "Threshold", p->adjustment.target * (high ? 1 : 0.9));
	json_set_str(spec, "ComparisonOperator",
		     high ? "GreaterThanThreshold" : "LessThanThreshold");
	return local_cloudwatch_alarm_put(l, spec, e);
}

static int alarm_drop(struct local *l, const struct local_autoscaling_policy *p, bool high,
		      struct err *e)
{
	AUTO(own_freep) char *name = local_autoscaling_policy_alarm_name(p, high);

	return *p->alarms && local_cloudwatch_alarm_delete(l, name, e) < 0 ? -1 : 0;
}

static int alarms_put(struct local *l, struct local_autoscaling_policy *p, struct err *e)
{
	if (p->adjustment.type != POLICY_TRACKING) {
		if (alarm_drop(l, p, true, e) < 0 || alarm_drop(l, p, false, e) < 0)
			return -1;
		own_free(p->alarms);
		p->alarms = own_strdup("");
		return 0;
	}
	if (!*p->alarms) {
		char id[CRYPTO_UUID_MAX];

		own_free(p->alarms);
		p->alarms = own_strdup(crypto_uuid(id));
	}
	if (alarm_put(l, p, true, e) < 0)
		return -1;
	return p->keeps ? alarm_drop(l, p, false, e) : alarm_put(l, p, false, e);
}

int local_autoscaling_policy_store(struct local *l, struct local_autoscaling_policy *p,
				   struct err *e)
{
	AUTO(buf_done) struct buf spec = BUF(SPEC_MAX);

	json_write(p->spec, &spec);
	if (buf_ok(&spec, "the policy", e) < 0)
		return REFUSE(e, "The policy is too large.");
	/* First, since these may be refused, and what is refused must not have written. */
	if (alarms_put(l, p, e) < 0)
		return -1;
	return DB_RUN(l->db, e, "INSERT OR REPLACE INTO fleet_policy VALUES(?,?,?,?,?)",
		      DB_S(p->group), DB_S(p->name), DB_S(p->arn), DB_S(p->alarms),
		      DB_S(buf_str(&spec)));
}

int local_autoscaling_policy_delete(struct local *l, const struct local_autoscaling_policy *p,
				    struct err *e)
{
	if (alarm_drop(l, p, true, e) < 0 || alarm_drop(l, p, false, e) < 0)
		return -1;
	return DB_RUN(l->db, e, "DELETE FROM fleet_policy WHERE grp=? AND name=?", DB_S(p->group),
		      DB_S(p->name));
}

int local_autoscaling_policy_forget(struct local *l, const char *group, struct err *e)
{
	AUTO(local_autoscaling_policy_all_done) struct local_autoscaling_policies all = { 0 };

	if (local_autoscaling_policy_list(l, group, NULL, &all, e) < 0)
		return -1;
	for (size_t i = 0; i < all.count; i++)
		if (local_autoscaling_policy_delete(l, &all.all[i], e) < 0)
			return -1;
	if (DB_RUN(l->db, e, "DELETE FROM fleet_scheduled WHERE grp=?", DB_S(group)) < 0)
		return -1;
	return DB_RUN(l->db, e, "DELETE FROM fleet_metric WHERE grp=?", DB_S(group));
}
