/* PutScalingPolicy, DescribePolicies, DeletePolicy, ExecutePolicy. */
#include <math.h>
#include <string.h>

#include "base/crypto.h"
#include "local/autoscaling.h"
#include "local/autoscaling_policy.h"
#include "local/cloudwatch_alarm.h"

#define PAGE_USUAL 50
#define PAGE_MOST 100

static struct json *spec_of(const struct json *params)
{
	static const char *const names[] = {
		"PolicyType",
		"AdjustmentType",
		"MinAdjustmentStep",
		"MinAdjustmentMagnitude",
		"ScalingAdjustment",
		"Cooldown",
		"MetricAggregationType",
		"StepAdjustments",
		"EstimatedInstanceWarmup",
		"TargetTrackingConfiguration",
		"Enabled",
	};
	struct json *spec = json_object();

	for (size_t i = 0; i < COUNT_OF(names); i++)
		if (json_type(json_get(params, names[i])) > JSON_NULL)
			json_set(spec, names[i],
				 json_ref((struct json *)json_get(params, names[i])));
	return spec;
}

static void put_alarm(struct local_call *c, const struct local_autoscaling_policy *p, bool high)
{
	AUTO(own_freep) char *name = local_autoscaling_policy_alarm_name(p, high);
	AUTO(own_freep)
	char *arn = own_printf("arn:aws:cloudwatch:%s:%s:alarm:%s", c->local->options.region,
			       c->local->options.account, name);

	local_object(c, NULL);
	local_put(c, "AlarmName", name);
	local_put(c, "AlarmARN", arn);
	local_end(c);
}

/* Those of target tracking, and those of others that name the policy as their action. */
static int put_alarms(struct local_call *c, const struct local_autoscaling_policy *p,
		      const struct local_cloudwatch_alarms *all)
{
	local_list(c, "Alarms", NULL);
	if (p->adjustment.type == POLICY_TRACKING) {
		put_alarm(c, p, true);
		if (!p->keeps)
			put_alarm(c, p, false);
	}
	for (size_t i = 0; p->adjustment.type != POLICY_TRACKING && all && i < all->count; i++) {
		if (!local_autoscaling_listed(json_get(all->all[i].spec, "AlarmActions"), p->arn))
			continue;
		local_object(c, NULL);
		local_put(c, "AlarmName", all->all[i].name);
		local_put(c, "AlarmARN", all->all[i].arn);
		local_end(c);
	}
	local_end(c);
	return 0;
}

/* The policy of the group by its name, if it is there: its ARN and alarms stay. -1: ended. */
static int before_of(struct local_call *c, struct local_autoscaling_policy *p)
{
	AUTO(local_autoscaling_policy_all_done) struct local_autoscaling_policies all = { 0 };
	char id[CRYPTO_UUID_MAX];
	struct err e;

	err_clear(&e);
	if (local_autoscaling_policy_list(c->local, p->group, NULL, &all, &e) < 0) {
		local_fail_internal(c, &e);
		return -1;
	}
	for (size_t i = 0; i < all.count; i++)
		if (!strcmp(all.all[i].name, p->name)) {
			p->arn = TAKE(all.all[i].arn);
			p->alarms = TAKE(all.all[i].alarms);
			return 0;
		}
	if (all.count >= AUTOSCALING_POLICIES_MAX) {
		local_fail(c, "LimitExceeded", "A group has at most %d scaling policies.",
			   AUTOSCALING_POLICIES_MAX);
		return -1;
	}
	p->arn = own_printf("arn:aws:autoscaling:%s:%s:scalingPolicy:%s:autoScalingGroupName/%s:"
			    "policyName/%s",
			    c->local->options.region, c->local->options.account, crypto_uuid(id),
			    p->group, p->name);
	p->alarms = own_strdup("");
	return 0;
}

void local_autoscaling_scale_put(struct local_call *c)
{
	AUTO(local_fleet_rows_group_done) struct local_fleet_group g = { 0 };
	AUTO(local_autoscaling_policy_done) struct local_autoscaling_policy p = { 0 };
	AUTO(json_freep) struct json *spec = spec_of(c->params);
	const char *name;
	struct err e;

	if (local_autoscaling_group(c, &g) < 0 ||
	    local_autoscaling_need(c, c->params, "PolicyName", 255, &name) < 0)
		return;
	err_clear(&e);
	p.group = own_strdup(g.name);
	p.name = own_strdup(name);
	if (local_autoscaling_policy_parse(spec, &p, &e) < 0) {
		local_cloudwatch_fail(c, &e);
		return;
	}
	if (before_of(c, &p) < 0)
		return;
	if (local_autoscaling_policy_store(c->local, &p, &e) < 0) {
		local_cloudwatch_fail(c, &e);
		return;
	}
	local_put(c, "PolicyARN", p.arn);
	put_alarms(c, &p, NULL);
	local_done(c);
}

/* ---- DescribePolicies ---- */

static void put_number(struct local_call *c, const struct json *o, const char *name, bool whole)
{
	struct err e;
	double d;

	if (local_cloudwatch_query_number(o, name, &d, &e) != 1)
		return;
	if (whole)
		local_put_int(c, name, (int64_t)d);
	else
		local_put_real(c, name, d);
}

/* Any part of a spec as it was put. All of its values are texts in XML. */
static void put_tree(struct local_call *c, const char *name, const struct json *v)
{
	const struct json *member;
	const char *key;
	int64_t i;
	double d;
	bool b;

	switch (json_type(v)) {
	case JSON_OBJECT:
		local_object(c, name);
		for (size_t it = 0; json_next(v, &it, &key, &member);)
			put_tree(c, key, member);
		local_end(c);
		break;
	case JSON_ARRAY:
		local_list(c, name, NULL);
		for (size_t k = 0; k < json_count(v); k++)
			put_tree(c, NULL, json_at(v, k));
		local_end(c);
		break;
	case JSON_STR:
		local_put(c, name, json_str(v));
		break;
	default:
		if (json_int(v, &i))
			local_put_int(c, name, i);
		else if (json_real(v, &d))
			local_put_real(c, name, d);
		else if (json_bool(v, &b))
			local_put_bool(c, name, b);
	}
}

static void put_policy(struct local_call *c, const struct local_autoscaling_policy *p,
		       const struct local_cloudwatch_alarms *alarms)
{
	static const char *const types[] = { "SimpleScaling", "StepScaling",
					     "TargetTrackingScaling" };
	const char *by = local_str(p->spec, "MetricAggregationType");

	local_object(c, NULL);
	local_put(c, "AutoScalingGroupName", p->group);
	local_put(c, "PolicyName", p->name);
	local_put(c, "PolicyARN", p->arn);
	local_put(c, "PolicyType", types[p->adjustment.type]);
	local_put(c, "AdjustmentType", local_str(p->spec, "AdjustmentType"));
	put_number(c, p->spec, "MinAdjustmentStep", true);
	put_number(c, p->spec, "MinAdjustmentMagnitude", true);
	put_number(c, p->spec, "ScalingAdjustment", true);
	put_number(c, p->spec, "Cooldown", true);
	put_number(c, p->spec, "EstimatedInstanceWarmup", true);
	if (p->adjustment.type == POLICY_STEP)
		local_put(c, "MetricAggregationType", by ? by : "Average");
	if (json_type(json_get(p->spec, "StepAdjustments")) == JSON_ARRAY)
		put_tree(c, "StepAdjustments", json_get(p->spec, "StepAdjustments"));
	if (p->adjustment.type == POLICY_TRACKING)
		put_tree(c, "TargetTrackingConfiguration",
			 json_get(p->spec, "TargetTrackingConfiguration"));
	local_put_bool(c, "Enabled", p->enabled);
	put_alarms(c, p, alarms);
	local_end(c);
}

static bool asked(const struct local_call *c, const struct local_autoscaling_policy *p)
{
	static const char *const types[] = { "SimpleScaling", "StepScaling",
					     "TargetTrackingScaling" };
	const struct json *names = json_get(c->params, "PolicyNames");
	const struct json *kinds = json_get(c->params, "PolicyTypes");

	return (!json_count(names) || local_autoscaling_listed(names, p->name) ||
		local_autoscaling_listed(names, p->arn)) &&
	       (!json_count(kinds) || local_autoscaling_listed(kinds, types[p->adjustment.type]));
}

/* A token is the ARN that the page follows. */
static void describe(struct local_call *c, const struct local_autoscaling_policies *all,
		     const struct local_cloudwatch_alarms *alarms,
		     const struct local_autoscaling_page *page)
{
	bool begun = !*page->after;
	const char *last = NULL, *next = NULL;
	int64_t n = 0;

	local_list(c, "ScalingPolicies", NULL);
	for (size_t i = 0; i < all->count && !next; i++) {
		const struct local_autoscaling_policy *p = &all->all[i];

		if (begun && asked(c, p) && n++ == page->size)
			next = last;
		else if (begun && asked(c, p))
			put_policy(c, p, alarms);
		last = p->arn;
		begun |= !strcmp(p->arn, page->after);
	}
	local_end(c);
	if (next)
		local_autoscaling_put_token(c, next);
	local_done(c);
}

void local_autoscaling_scale_describe(struct local_call *c)
{
	AUTO(local_autoscaling_policy_all_done) struct local_autoscaling_policies all = { 0 };
	AUTO(local_cloudwatch_alarm_all_done) struct local_cloudwatch_alarms alarms = { 0 };
	AUTO(local_autoscaling_page_done) struct local_autoscaling_page page = { 0 };
	AUTO(local_fleet_rows_group_done) struct local_fleet_group g = { 0 };
	const char *group = local_str(c->params, "AutoScalingGroupName");
	struct err e;

	if (local_autoscaling_page(c, PAGE_USUAL, PAGE_MOST, &page) < 0 ||
	    (group && local_autoscaling_group(c, &g) < 0))
		return;
	err_clear(&e);
	if (local_autoscaling_policy_list(c->local, group ? g.name : NULL, NULL, &all, &e) < 0 ||
	    local_cloudwatch_alarm_list(c->local, "", &alarms, &e) < 0)
		local_fail_internal(c, &e);
	else
		describe(c, &all, &alarms, &page);
}

void local_autoscaling_scale_types(struct local_call *c)
{
	static const char *const types[] = { "ChangeInCapacity", "ExactCapacity",
					     "PercentChangeInCapacity" };

	local_list(c, "AdjustmentTypes", NULL);
	for (size_t i = 0; i < COUNT_OF(types); i++) {
		local_object(c, NULL);
		local_put(c, "AdjustmentType", types[i]);
		local_end(c);
	}
	local_end(c);
	local_done(c);
}

/* ---- DeletePolicy, ExecutePolicy ---- */

/* The one policy that PolicyName, a name or an ARN, and the group name. -1: the call has ended. */
static int one_of(struct local_call *c, struct local_autoscaling_policies *ret)
{
	const char *name, *group = local_str(c->params, "AutoScalingGroupName");
	struct err e;

	if (local_autoscaling_need(c, c->params, "PolicyName", 1600, &name) < 0)
		return -1;
	if (!group && strncmp(name, "arn:", 4)) {
		local_fail(c, "ValidationError",
			   "The AutoScalingGroupName is required when a policy is named by its "
			   "name.");
		return -1;
	}
	err_clear(&e);
	if (local_autoscaling_policy_list(c->local, group, name, ret, &e) < 0) {
		local_fail_internal(c, &e);
		return -1;
	}
	if (ret->count == 1)
		return 0;
	local_fail(c, "ValidationError", "PolicyName not found - Scaling policy %.255s not found",
		   name);
	return -1;
}

void local_autoscaling_scale_delete(struct local_call *c)
{
	AUTO(local_autoscaling_policy_all_done) struct local_autoscaling_policies found = { 0 };
	struct err e;

	if (one_of(c, &found) < 0)
		return;
	err_clear(&e);
	if (local_autoscaling_policy_delete(c->local, &found.all[0], &e) < 0)
		local_fail_internal(c, &e);
	else
		local_done(c);
}

/* What a step is found by. -1: the call has ended. */
static int metric_of(struct local_call *c, const struct local_autoscaling_policy *p,
		     struct local_autoscaling_alarm *a)
{
	int value = local_double(c, c->params, "MetricValue", &a->value), threshold;

	if (value < 0)
		return -1;
	threshold = local_double(c, c->params, "BreachThreshold", &a->threshold);
	if (threshold < 0)
		return -1;
	if (p->adjustment.type == POLICY_TRACKING ||
	    (p->adjustment.type == POLICY_STEP) != (value > 0) || value != threshold) {
		local_fail(c, "ValidationError",
			   p->adjustment.type == POLICY_TRACKING
				   ? "A TargetTrackingScaling policy cannot be executed."
			   : p->adjustment.type == POLICY_STEP
				   ? "A StepScaling policy needs MetricValue and BreachThreshold."
				   : "A SimpleScaling policy takes no MetricValue and "
				     "BreachThreshold.");
		return -1;
	}
	return 0;
}

void local_autoscaling_scale_execute(struct local_call *c)
{
	AUTO(local_autoscaling_policy_all_done) struct local_autoscaling_policies found = { 0 };
	AUTO(local_fleet_rows_group_done) struct local_fleet_group g = { 0 };
	struct local_autoscaling_alarm a = { .at = local_wall(c->local) };
	AUTO(buf_done) struct buf what = BUF(512);
	bool honor = false;
	struct err e;
	int rc;

	if (one_of(c, &found) < 0 || metric_of(c, &found.all[0], &a) < 0 ||
	    local_bool(c, c->params, "HonorCooldown", &honor) < 0)
		return;
	err_clear(&e);
	a.hurry = !honor;
	rc = local_fleet_rows_group(c->local->db, found.all[0].group, &g, &e);
	if (rc == 1)
		rc = local_autoscaling_act(c->local, &g, &found.all[0], &a, &what, &e);
	if (rc < 0)
		local_fail_internal(c, &e);
	else if (rc == 2)
		local_fail(c, "ScalingActivityInProgress",
			   "Scaling activity %s is in progress and blocks this action",
			   g.scaled_by ? g.scaled_by : "");
	else
		local_done(c);
}
