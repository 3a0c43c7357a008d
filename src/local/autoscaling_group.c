/* Groups: made, changed, deleted. */
#include <stdio.h>
#include <string.h>

#include "base/crypto.h"
#include "local/autoscaling.h"
#include "local/fleet.h"
#include "local/fleet_activity.h"

#define NAME_MAX_BYTES 255
#define SIZE_MOST                                                                                 \
	10000 /* what the local machine could ever be asked for; instance_limit is the real bound \
	       */
#define SECONDS_MOST (30 * 24 * 3600)
#define LIFETIME_LEAST_S 86400
#define LIFETIME_MOST_S (365 * 86400)
#define GROUPS_MOST 500 /* AWS's default quota */

static void replace(char **p, const char *value)
{
	own_free(*p);
	*p = own_strdup(value);
}

static int read_zones(struct local_call *c, struct local_fleet_group *g, bool needed)
{
	const struct json *zones = json_get(c->params, "AvailabilityZones");
	const char *subnets = local_str(c->params, "VPCZoneIdentifier");
	const char *region = c->local->options.region;
	size_t len = strlen(region), n = json_count(zones);

	if (n == 0 && !subnets && needed) {
		local_fail(c, "ValidationError",
			   "At least one Availability Zone or VPC Subnet is required.");
		return -1;
	}
	for (size_t i = 0; i < n; i++) {
		const char *z = json_str(json_at(zones, i));

		if (z && strncmp(z, region, len) == 0 && strlen(z) == len + 1 && z[len] >= 'a' &&
		    z[len] <= 'z' && n <= LOCAL_FLEET_ZONES_MAX)
			continue;
		local_fail(c, "ValidationError", "Invalid availability zones: [%.80s]", z ? z : "");
		return -1;
	}
	if (subnets)
		replace(&g->subnets, subnets);
	if (n > 0) {
		own_free(g->zones);
		g->zones = local_autoscaling_join(zones);
	} else if (!g->zones) {
		g->zones = own_printf("%sa", region); /* subnets are names only: all in one zone */
	}
	return 0;
}

/* Bounds and desired capacity, as AWS fits them when only some are given. */
static int read_sizes(struct local_call *c, struct local_fleet_group *g, bool needed)
{
	int least = local_autoscaling_number(c, c->params, "MinSize", 0, SIZE_MOST, &g->least);
	int most = least < 0 ? -1
			     : local_autoscaling_number(c, c->params, "MaxSize", 0, SIZE_MOST,
							&g->most);
	int desired = most < 0 ? -1
			       : local_autoscaling_number(c, c->params, "DesiredCapacity", 0,
							  SIZE_MOST, &g->desired);
	const char *missing;

	if (desired < 0)
		return -1;
	if (needed && (!least || !most))
		return local_autoscaling_need(c, c->params, least ? "MaxSize" : "MinSize", 1,
					      &missing);
	if (g->most < g->least) {
		local_fail(c, "ValidationError",
			   "Max bound, %lld, must be greater than or equal to min bound, %lld",
			   (long long)g->most, (long long)g->least);
		return -1;
	}
	if (!desired && g->desired < g->least)
		g->desired = g->least;
	if (!desired && g->desired > g->most)
		g->desired = g->most;
	if (g->desired < g->least || g->desired > g->most) {
		local_fail(
			c, "ValidationError",
			"Desired capacity:%lld must be between the specified min size:%lld and max"
			" size:%lld",
			(long long)g->desired, (long long)g->least, (long long)g->most);
		return -1;
	}
	return 0;
}

static int read_policies(struct local_call *c, struct local_fleet_group *g)
{
	static const char *const known[] = { "Default",
					     "AllocationStrategy",
					     "ClosestToNextInstanceHour",
					     "NewestInstance",
					     "OldestInstance",
					     "OldestLaunchConfiguration",
					     "OldestLaunchTemplate" };
	const struct json *policies = json_get(c->params, "TerminationPolicies");

	for (size_t i = 0; i < json_count(policies); i++) {
		const char *p = json_str(json_at(policies, i));
		bool found = false;

		for (size_t k = 0; p && k < COUNT_OF(known); k++)
			found |= strcmp(p, known[k]) == 0;
		if (!found) {
			local_fail(c, "ValidationError",
				   "Termination policy name not found - %.80s is not a valid"
				   " termination policy",
				   p ? p : "");
			return -1;
		}
	}
	if (json_count(policies) > 0) {
		own_free(g->policies);
		g->policies = local_autoscaling_join(policies);
	}
	return 0;
}

/* Kept and shown again, without effect here. */
static void read_detail(struct local_call *c, struct local_fleet_group *g)
{
	static const char *const names[] = { "Context", "DesiredCapacityType", "PlacementGroup",
					     "ServiceLinkedRoleARN", "CapacityRebalance" };
	AUTO(json_freep) struct json *j = json_parse(g->detail, strlen(g->detail), NULL);
	AUTO(buf_done) struct buf text = BUF(8192);

	for (size_t i = 0; j && i < COUNT_OF(names); i++)
		if (local_str(c->params, names[i]))
			json_set_str(j, names[i], local_str(c->params, names[i]));
	if (!j || json_write(j, &text) < 0)
		return;
	own_free(g->detail);
	g->detail = buf_take(&text);
}

/* 0: no limit, else a day at least. */
static int read_lifetime(struct local_call *c, struct local_fleet_group *g)
{
	int rc = local_autoscaling_number(c, c->params, "MaxInstanceLifetime", 0, LIFETIME_MOST_S,
					  &g->lifetime_s);

	if (rc < 0 || g->lifetime_s == 0 || g->lifetime_s >= LIFETIME_LEAST_S)
		return rc < 0 ? -1 : 0;
	local_fail(c, "ValidationError",
		   "Maximum instance lifetime must be 0, or between %d and %d seconds.",
		   LIFETIME_LEAST_S, LIFETIME_MOST_S);
	return -1;
}

static int read_settings(struct local_call *c, struct local_fleet_group *g, bool needed)
{
	const char *check = local_str(c->params, "HealthCheckType");

	if (local_autoscaling_setting(c, g, needed) < 0 || read_zones(c, g, needed) < 0 ||
	    read_sizes(c, g, needed) < 0 || read_policies(c, g) < 0 || read_lifetime(c, g) < 0)
		return -1;
	if (local_autoscaling_number(c, c->params, "DefaultCooldown", 0, SECONDS_MOST,
				     &g->cooldown_s) < 0 ||
	    local_autoscaling_number(c, c->params, "HealthCheckGracePeriod", 0, SECONDS_MOST,
				     &g->grace_s) < 0 ||
	    local_autoscaling_number(c, c->params, "DefaultInstanceWarmup", -1, 21600,
				     &g->warmup_s) < 0 ||
	    local_bool(c, c->params, "NewInstancesProtectedFromScaleIn", &g->protect_new) < 0)
		return -1;
	if (check && strcmp(check, "EC2") != 0 && strcmp(check, "ELB") != 0) {
		local_fail(c, "ValidationError",
			   "Invalid health check type: %.40s, it must be EC2 or ELB", check);
		return -1;
	}
	if (check)
		replace(&g->health_check, check);
	read_detail(c, g);
	return 0;
}

static int check_name(struct local_call *c, const char *name)
{
	AUTO(local_fleet_rows_group_done) struct local_fleet_group there = { 0 };
	AUTO(db_endp) struct db_row *r = NULL;
	struct err e;
	int rc;

	if (strchr(name, ':')) {
		local_fail(c, "ValidationError",
			   "Invalid AutoScalingGroup name: a colon cannot stand in it");
		return -1;
	}
	rc = local_fleet_rows_group(c->local->db, name, &there, &e);
	if (rc == 1)
		local_fail(c, "AlreadyExists",
			   "AutoScalingGroup by this name already exists - A group with the name"
			   " %.255s already exists%s",
			   name, there.status ? " and is pending delete" : "");
	if (rc == 0) {
		r = db_query(c->local->db, "SELECT count(*) FROM fleet_group", NULL, 0, &e);
		rc = r ? db_step(r, &e) : -1;
		if (rc == 1 && db_int(r, 0) < GROUPS_MOST)
			return 0;
		if (rc == 1)
			local_fail(c, "LimitExceeded", "You already have %d groups.", GROUPS_MOST);
	}
	if (rc < 0)
		local_fail_internal(c, &e);
	return -1;
}

static int check_extras(struct local_call *c, const char *group)
{
	const struct json *hooks = json_get(c->params, "LifecycleHookSpecificationList");

	for (size_t i = 0; i < json_count(hooks); i++)
		if (local_autoscaling_hook_check(c, group, json_at(hooks, i)) < 0)
			return -1;
	return local_autoscaling_tag_check(c, json_get(c->params, "Tags"));
}

/* -1: the call was ended. */
static int store_extras(struct local_call *c, const char *group)
{
	const struct json *hooks = json_get(c->params, "LifecycleHookSpecificationList");
	struct err e;

	for (size_t i = 0; i < json_count(hooks); i++) {
		int rc = local_autoscaling_hook_store(c, group, json_at(hooks, i), &e);

		if (rc == 0)
			local_fail_internal(c, &e);
		if (rc != 1)
			return -1;
	}
	if (local_autoscaling_tag_store(c->local, group, json_get(c->params, "Tags"), &e) < 0) {
		local_fail_internal(c, &e);
		return -1;
	}
	return 0;
}

static void say_change(struct local_fleet_group *g, struct instant now, const char *what,
		       int64_t before)
{
	AUTO(buf_done) struct buf cause = BUF(LOCAL_FLEET_CAUSE_MAX);

	if (before == g->desired)
		return;
	local_fleet_activity_say(
		&cause, now, "a user request %s changing the desired capacity from %lld to %lld.",
		what, (long long)before, (long long)g->desired);
	replace(&g->cause, buf_str(&cause));
}

void local_autoscaling_group_create(struct local_call *c)
{
	AUTO(local_fleet_rows_group_done)
	struct local_fleet_group g = {
		.cooldown_s = 300,
		.warmup_s = -1,
		.policies = own_strdup("Default"),
		.subnets = own_strdup(""),
		.health_check = own_strdup("EC2"),
		.detail = own_strdup("{}"),
		.cause = own_strdup(""),
	};
	const struct local_options *o = &c->local->options;
	char uuid[CRYPTO_UUID_MAX];
	const char *name;
	struct err e;

	if (local_autoscaling_need(c, c->params, "AutoScalingGroupName", NAME_MAX_BYTES, &name) <
		    0 ||
	    check_name(c, name) < 0 || read_settings(c, &g, true) < 0 || check_extras(c, name) < 0)
		return;
	g.name = own_strdup(name);
	g.created = local_wall(c->local);
	g.arn = own_printf("arn:aws:autoscaling:%s:%s:autoScalingGroup:%s:autoScalingGroupName/%s",
			   o->region, o->account, crypto_uuid(uuid), name);
	say_change(&g, g.created, "created an AutoScalingGroup", 0);
	if (local_fleet_rows_add_group(c->local->db, &g, &e) < 0) {
		local_fail_internal(c, &e);
		return;
	}
	if (store_extras(c, name) < 0)
		return;
	local_fleet_wake(c->local);
	local_done(c);
}

void local_autoscaling_group_update(struct local_call *c)
{
	AUTO(local_fleet_rows_group_done) struct local_fleet_group g = { 0 };
	AUTO(own_freep) char *what = NULL;
	int64_t before;
	struct err e;

	if (local_autoscaling_group(c, &g) < 0)
		return;
	before = g.desired;
	if (read_settings(c, &g, false) < 0)
		return;
	what = own_printf("update of AutoScalingGroup constraints to min: %lld, max: %lld, desired:"
			  " %lld",
			  (long long)g.least, (long long)g.most, (long long)g.desired);
	say_change(&g, local_wall(c->local), what, before);
	g.failures = 0; /* whoever changes a group has mended it, or wants to see it fail again */
	g.not_before.ms = 0;
	if (local_fleet_rows_put_group(c->local->db, &g, &e) < 0) {
		local_fail_internal(c, &e);
		return;
	}
	local_fleet_wake(c->local);
	local_done(c);
}

void local_autoscaling_group_delete(struct local_call *c)
{
	AUTO(local_fleet_rows_group_done) struct local_fleet_group g = { 0 };
	AUTO(local_fleet_rows_instances_done) struct local_fleet_instances is = { 0 };
	bool force = false, supply = false;
	int64_t before;
	struct err e;

	if (local_autoscaling_group(c, &g) < 0 ||
	    local_bool(c, c->params, "ForceDelete", &force) < 0)
		return;
	if (local_fleet_rows_instances(c->local->db, g.name, NULL, -1, &is, &e) < 0) {
		local_fail_internal(c, &e);
		return;
	}
	for (size_t i = 0; i < is.count; i++)
		supply |= local_fleet_choose_supply(is.all[i].state);
	if (is.count > 0 && !force) {
		local_fail(
			c, supply ? "ResourceInUse" : "ScalingActivityInProgress",
			supply ? "You cannot delete an AutoScalingGroup while there are instances"
				 " or pending Spot instance request(s) still in the group."
			       : "You cannot delete an AutoScalingGroup while there are scaling"
				 " activities in progress for that group.");
		return;
	}
	before = g.desired;
	g.least = g.most = g.desired = 0;
	replace(&g.status, FLEET_DELETING);
	say_change(&g, local_wall(c->local), "force deleted the AutoScalingGroup", before);
	if ((is.count > 0 ? local_fleet_rows_put_group(c->local->db, &g, &e)
			  : local_fleet_rows_drop_group(c->local->db, g.name, &e)) < 0) {
		local_fail_internal(c, &e);
		return;
	}
	local_fleet_wake(c->local);
	local_done(c);
}
