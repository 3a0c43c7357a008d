/* What groups, instances and activities look like. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "local/autoscaling.h"
#include "local/fleet.h"

#define PAGE_USUAL 50
#define PAGE_MOST 100

static const char *health_word(const struct local_fleet_instance *i)
{
	return i->healthy ? "Healthy" : "Unhealthy";
}

void local_autoscaling_put_instance(struct local_call *c, const struct local_fleet_instance *i,
				    bool alone)
{
	char weight[24];

	local_object(c, NULL);
	local_put(c, "InstanceId", i->id);
	local_put(c, "InstanceType", i->type);
	if (alone)
		local_put(c, "AutoScalingGroupName", i->grp);
	local_put(c, "AvailabilityZone", i->zone);
	local_put(c, "LifecycleState", local_fleet_choose_state_word(i->state));
	/* The two lists spell it differently, on AWS too. */
	local_put(c, "HealthStatus",
		  !alone       ? health_word(i)
		  : i->healthy ? "HEALTHY"
			       : "UNHEALTHY");
	local_autoscaling_put_launch(c, i->launch, i->template, i->version);
	local_put_bool(c, "ProtectedFromScaleIn", i->is_protected);
	snprintf(weight, sizeof(weight), "%lld", (long long)i->weight);
	if (i->weight > 0)
		local_put(c, "WeightedCapacity", weight);
	local_end(c);
}

static int put_tags(struct local_call *c, const char *group, struct err *e)
{
	AUTO(db_endp) struct db_row *r = NULL;
	int rc;

	r = db_query(c->local->db,
		     "SELECT key, value, propagate FROM fleet_tag WHERE grp = ? ORDER BY key",
		     DB_ARGS(DB_S(group)), e);
	if (!r)
		return -1;
	local_list(c, "Tags", NULL);
	while ((rc = db_step(r, e)) == 1) {
		local_object(c, NULL);
		local_put(c, "ResourceId", group);
		local_put(c, "ResourceType", "auto-scaling-group");
		local_put(c, "Key", db_str(r, 0));
		local_put(c, "Value", db_str(r, 1));
		local_put_bool(c, "PropagateAtLaunch", db_int(r, 2) != 0);
		local_end(c);
	}
	local_end(c);
	return rc;
}

static int put_suspended(struct local_call *c, const char *group, struct err *e)
{
	AUTO(db_endp) struct db_row *r = NULL;
	int rc;

	r = db_query(c->local->db,
		     "SELECT process, reason FROM fleet_suspended WHERE grp = ? ORDER BY process",
		     DB_ARGS(DB_S(group)), e);
	if (!r)
		return -1;
	local_list(c, "SuspendedProcesses", NULL);
	while ((rc = db_step(r, e)) == 1) {
		local_object(c, NULL);
		local_put(c, "ProcessName", db_str(r, 0));
		local_put(c, "SuspensionReason", db_str(r, 1));
		local_end(c);
	}
	local_end(c);
	return rc;
}

static void put_detail(struct local_call *c, const struct local_fleet_group *g)
{
	AUTO(json_freep) struct json *detail = json_parse(g->detail, strlen(g->detail), NULL);
	const struct json *value;
	const char *key;

	for (size_t it = 0; json_next(detail, &it, &key, &value);)
		local_put(c, key, json_str(value));
}

/* Those of the warm pool have a list of their own, and a number here. */
static int put_instances(struct local_call *c, const struct local_fleet_group *g, bool wanted,
			 struct err *e)
{
	AUTO(local_fleet_rows_instances_done) struct local_fleet_instances is = { 0 };

	if (local_fleet_rows_instances(c->local->db, g->name, NULL, -1, &is, e) < 0)
		return -1;
	local_list(c, "Instances", NULL);
	for (size_t i = 0; wanted && i < is.count; i++)
		if (!local_fleet_choose_pooled(is.all[i].state))
			local_autoscaling_put_instance(c, &is.all[i], false);
	local_end(c);
	return local_autoscaling_pool_put_group(c, g, &is, e);
}

static int put_group(struct local_call *c, const struct local_fleet_group *g, bool instances,
		     struct err *e)
{
	local_object(c, NULL);
	local_put(c, "AutoScalingGroupName", g->name);
	local_put(c, "AutoScalingGroupARN", g->arn);
	local_autoscaling_setting_put(c, g);
	local_put_int(c, "MinSize", g->least);
	local_put_int(c, "MaxSize", g->most);
	local_put_int(c, "DesiredCapacity", g->desired);
	local_put_int(c, "DefaultCooldown", g->cooldown_s);
	local_autoscaling_put_split(c, "AvailabilityZones", g->zones);
	local_autoscaling_put_split(c, "LoadBalancerNames", "");
	local_autoscaling_put_split(c, "TargetGroupARNs", "");
	local_put(c, "HealthCheckType", g->health_check);
	local_put_int(c, "HealthCheckGracePeriod", g->grace_s);
	local_put_time(c, "CreatedTime", g->created);
	local_put(c, "VPCZoneIdentifier", g->subnets);
	local_autoscaling_put_split(c, "TerminationPolicies", g->policies);
	local_put_bool(c, "NewInstancesProtectedFromScaleIn", g->protect_new);
	local_put(c, "Status", g->status);
	if (g->warmup_s >= 0)
		local_put_int(c, "DefaultInstanceWarmup", g->warmup_s);
	if (g->lifetime_s > 0)
		local_put_int(c, "MaxInstanceLifetime", g->lifetime_s);
	put_detail(c, g);
	if (put_instances(c, g, instances, e) < 0 || put_suspended(c, g->name, e) < 0 ||
	    local_autoscaling_metric_put(c, g->name, e) < 0 || put_tags(c, g->name, e) < 0)
		return -1;
	local_end(c);
	return 0;
}

/* Does a tag of the group meet one filter? */
static int meets(struct local_call *c, const char *group, const struct json *filter, struct err *e)
{
	const char *name = local_str(filter, "Name");
	const struct json *values = json_get(filter, "Values");
	AUTO(db_endp) struct db_row *r = NULL;
	bool found = false;
	int rc;

	r = db_query(c->local->db, "SELECT key, value FROM fleet_tag WHERE grp = ? -- filter",
		     DB_ARGS(DB_S(group)), e);
	if (!r)
		return -1;
	while ((rc = db_step(r, e)) == 1) {
		const char *key = db_str(r, 0), *value = db_str(r, 1);

		if (strcmp(name, "tag-key") == 0)
			found |= local_autoscaling_listed(values, key);
		else if (strcmp(name, "tag-value") == 0)
			found |= local_autoscaling_listed(values, value);
		else
			found |= strcmp(name + 4, key) == 0 &&
				 local_autoscaling_listed(values, value);
	}
	return rc < 0 ? -1 : found;
}

static int check_filters(struct local_call *c, const struct json *filters)
{
	for (size_t i = 0; i < json_count(filters); i++) {
		const char *name = local_str(json_at(filters, i), "Name");

		if (name && (strcmp(name, "tag-key") == 0 || strcmp(name, "tag-value") == 0 ||
			     strncmp(name, "tag:", 4) == 0))
			continue;
		local_fail(c, "ValidationError", "Invalid filter name: '%.80s'", name ? name : "");
		return -1;
	}
	return 0;
}

/* 1 wanted, 0 not, -1 error. */
static int wanted_group(struct local_call *c, const char *name, struct err *e)
{
	const struct json *names = json_get(c->params, "AutoScalingGroupNames");
	const struct json *filters = json_get(c->params, "Filters");

	if (json_count(names) > 0 && !local_autoscaling_listed(names, name))
		return 0;
	for (size_t i = 0; i < json_count(filters); i++) {
		int rc = meets(c, name, json_at(filters, i), e);

		if (rc != 1)
			return rc;
	}
	return 1;
}

static int put_groups(struct local_call *c, const struct local_autoscaling_page *p, bool instances,
		      struct err *e)
{
	AUTO(local_fleet_rows_groups_done) struct local_fleet_groups gs = { 0 };
	const char *last = NULL;
	bool more = false;
	int64_t shown = 0;

	if (local_fleet_rows_groups(c->local->db, p->after, -1, &gs, e) < 0)
		return -1;
	local_list(c, "AutoScalingGroups", NULL);
	for (size_t i = 0; i < gs.count && !more; i++) {
		int rc = wanted_group(c, gs.all[i].name, e);

		more = rc == 1 && shown == p->size;
		if (rc < 0 || (rc == 1 && !more && put_group(c, &gs.all[i], instances, e) < 0))
			return -1;
		if (rc == 1 && !more) {
			last = gs.all[i].name;
			shown++;
		}
	}
	local_end(c);
	if (more)
		local_autoscaling_put_token(c, last);
	return 0;
}

void local_autoscaling_describe_groups(struct local_call *c)
{
	AUTO(local_autoscaling_page_done) struct local_autoscaling_page p = { 0 };
	bool instances = true;
	struct err e;

	if (local_autoscaling_page(c, PAGE_USUAL, PAGE_MOST, &p) < 0 ||
	    check_filters(c, json_get(c->params, "Filters")) < 0 ||
	    local_bool(c, c->params, "IncludeInstances", &instances) < 0)
		return;
	if (put_groups(c, &p, instances, &e) < 0)
		local_fail_internal(c, &e);
	else
		local_done(c);
}

void local_autoscaling_describe_instances(struct local_call *c)
{
	AUTO(local_autoscaling_page_done) struct local_autoscaling_page p = { 0 };
	AUTO(local_fleet_rows_instances_done) struct local_fleet_instances is = { 0 };
	const struct json *ids = json_get(c->params, "InstanceIds");
	const char *last = NULL;
	bool more = false;
	int64_t shown = 0;
	struct err e;

	if (local_autoscaling_page(c, PAGE_USUAL, PAGE_USUAL, &p) < 0)
		return;
	if (local_fleet_rows_instances(c->local->db, NULL, p.after, -1, &is, &e) < 0) {
		local_fail_internal(c, &e);
		return;
	}
	local_list(c, "AutoScalingInstances", NULL);
	for (size_t i = 0; i < is.count && !more; i++) {
		if (!is.all[i].grp[0] || /* detached */
		    (json_count(ids) > 0 && !local_autoscaling_listed(ids, is.all[i].id)))
			continue;
		more = shown == p.size;
		if (more)
			break;
		local_autoscaling_put_instance(c, &is.all[i], true);
		last = is.all[i].id;
		shown++;
	}
	local_end(c);
	if (more)
		local_autoscaling_put_token(c, last);
	local_done(c);
}

static void put_activity(struct local_call *c, const struct db_row *r)
{
	local_object(c, NULL);
	local_put(c, "ActivityId", db_str(r, 1));
	local_put(c, "AutoScalingGroupName", db_str(r, 2));
	local_put(c, "Description", db_str(r, 3));
	local_put(c, "Cause", db_str(r, 4));
	local_put_time(c, "StartTime", (struct instant){ db_int(r, 5) });
	if (db_int(r, 6))
		local_put_time(c, "EndTime", (struct instant){ db_int(r, 6) });
	local_put(c, "StatusCode", db_str(r, 7));
	local_put(c, "StatusMessage", db_str(r, 8));
	local_put_int(c, "Progress", db_int(r, 9));
	local_put(c, "Details", db_str(r, 10));
	if (db_int(r, 12))
		local_put(c, "AutoScalingGroupState", "Deleted");
	local_put(c, "AutoScalingGroupARN", db_str(r, 11));
	local_end(c);
}

#define ACTIVITY_COLUMNS                                                                  \
	"seq, id, grp, description, cause, start_ms, end_ms, status, message, progress, " \
	"detail, arn, deleted"

static int put_activities(struct local_call *c, const char *group, bool deleted,
			  const struct local_autoscaling_page *p, struct err *e)
{
	const struct json *ids = json_get(c->params, "ActivityIds");
	int64_t before = p->after[0] ? strtoll(p->after, NULL, 10) : INT64_MAX;
	AUTO(db_endp) struct db_row *r = NULL;
	char last[24] = "";
	bool more = false;
	int64_t shown = 0;
	int rc = 0;

	r = db_query(c->local->db,
		     "SELECT " ACTIVITY_COLUMNS " FROM fleet_activity"
		     " WHERE seq < ?1 AND (?2 IS NULL OR grp = ?2) AND (?3 OR NOT deleted)"
		     " ORDER BY seq DESC",
		     DB_ARGS(DB_I(before), DB_S(group), DB_I(deleted)), e);
	if (!r)
		return -1;
	local_list(c, "Activities", NULL);
	while (!more && (rc = db_step(r, e)) == 1) {
		if (json_count(ids) > 0 && !local_autoscaling_listed(ids, db_str(r, 1)))
			continue;
		more = shown == p->size;
		if (more)
			break;
		put_activity(c, r);
		snprintf(last, sizeof(last), "%lld", (long long)db_int(r, 0));
		shown++;
	}
	local_end(c);
	if (more)
		local_autoscaling_put_token(c, last);
	return rc < 0 ? -1 : 0;
}

void local_autoscaling_describe_activities(struct local_call *c)
{
	AUTO(local_autoscaling_page_done) struct local_autoscaling_page p = { 0 };
	AUTO(local_fleet_rows_group_done) struct local_fleet_group g = { 0 };
	const char *name = local_str(c->params, "AutoScalingGroupName");
	bool deleted = false;
	struct err e;
	int rc;

	if (local_autoscaling_page(c, PAGE_MOST, PAGE_MOST, &p) < 0 ||
	    local_bool(c, c->params, "IncludeDeletedGroups", &deleted) < 0)
		return;
	rc = name && !deleted ? local_fleet_rows_group(c->local->db, name, &g, &e) : 1;
	if (rc == 0) {
		local_fail(c, "ValidationError",
			   "AutoScalingGroup name not found - AutoScalingGroup: %.255s not found",
			   name);
		return;
	}
	if (rc < 0 || put_activities(c, name, deleted, &p, &e) < 0)
		local_fail_internal(c, &e);
	else
		local_done(c);
}

void local_autoscaling_describe_limits(struct local_call *c)
{
	AUTO(db_endp) struct db_row *r = NULL;
	struct err e;

	r = db_query(
		c->local->db,
		"SELECT (SELECT count(*) FROM fleet_group), (SELECT count(*) FROM fleet_launch)",
		NULL, 0, &e);
	if (!r || db_step(r, &e) < 0) {
		local_fail_internal(c, &e);
		return;
	}
	local_put_int(c, "MaxNumberOfAutoScalingGroups", 500);
	local_put_int(c, "MaxNumberOfLaunchConfigurations", 200);
	local_put_int(c, "NumberOfAutoScalingGroups", db_int(r, 0));
	local_put_int(c, "NumberOfLaunchConfigurations", db_int(r, 1));
	local_done(c);
}
