/* Capacity, protection, health, and the end of one instance. */
#include <stdio.h>
#include <string.h>

#include "local/autoscaling.h"
#include "local/fleet.h"
#include "local/fleet_activity.h"
#include "local/fleet_own.h"

#define PROTECT_MOST 50

static int set_desired(struct local_call *c, struct local_fleet_group *g, int64_t desired,
		       const char *cause, struct err *e)
{
	g->desired = desired;
	own_free(g->cause);
	g->cause = own_strdup(cause);
	return local_fleet_rows_put_group(c->local->db, g, e);
}

/* Refuses as AWS does; 0 when the capacity may be set. */
static int check_capacity(struct local_call *c, const struct local_fleet_group *g, int64_t desired)
{
	struct instant over = instant_add(g->scaled, span_s(g->cooldown_s));
	bool honor = false;

	if (desired < g->least) {
		local_fail(c, "ValidationError",
			   "New SetDesiredCapacity value %lld is below min value %lld for the"
			   " AutoScalingGroup.",
			   (long long)desired, (long long)g->least);
		return -1;
	}
	if (desired > g->most) {
		local_fail(c, "ValidationError",
			   "New SetDesiredCapacity value %lld is above max value %lld for the"
			   " AutoScalingGroup.",
			   (long long)desired, (long long)g->most);
		return -1;
	}
	if (local_bool(c, c->params, "HonorCooldown", &honor) < 0)
		return -1;
	if (honor && g->scaled_by && local_wall(c->local).ms < over.ms) {
		local_fail(c, "ScalingActivityInProgress",
			   "Scaling activity %s is in progress and blocks this action",
			   g->scaled_by);
		return -1;
	}
	return 0;
}

void local_autoscaling_instance_capacity(struct local_call *c)
{
	AUTO(local_fleet_rows_group_done) struct local_fleet_group g = { 0 };
	AUTO(buf_done) struct buf cause = BUF(LOCAL_FLEET_CAUSE_MAX);
	const char *text;
	int64_t desired;
	struct err e;

	if (local_autoscaling_group(c, &g) < 0 ||
	    local_autoscaling_need(c, c->params, "DesiredCapacity", 20, &text) < 0 ||
	    local_int(c, c->params, "DesiredCapacity", &desired) < 0 ||
	    check_capacity(c, &g, desired) < 0)
		return;
	if (desired != g.desired) {
		local_fleet_activity_say(&cause, local_wall(c->local),
					 "a user request explicitly set group desired capacity"
					 " changing the desired capacity from %lld to %lld.",
					 (long long)g.desired, (long long)desired);
		if (set_desired(c, &g, desired, buf_str(&cause), &e) < 0) {
			local_fail_internal(c, &e);
			return;
		}
		local_fleet_wake(c->local);
	}
	local_done(c);
}

/* Every id must be an instance of the group, in service. */
static int check_protection(struct local_call *c, const struct local_fleet_group *g,
			    const struct json *ids)
{
	for (size_t k = 0; k < json_count(ids); k++) {
		AUTO(local_fleet_rows_instance_done) struct local_fleet_instance i = { 0 };
		const char *id = json_str(json_at(ids, k));
		struct err e;
		int rc = local_fleet_rows_instance(c->local->db, id ? id : "", &i, &e);

		if (rc == 1 && strcmp(i.grp, g->name) == 0 &&
		    (i.state == FLEET_IN_SERVICE || i.state == FLEET_STANDBY))
			continue;
		if (rc < 0)
			local_fail_internal(c, &e);
		else if (rc == 0 || strcmp(i.grp, g->name) != 0)
			local_fail(c, "ValidationError",
				   "The instance %.40s is not part of Auto Scaling group %.255s.",
				   id ? id : "", g->name);
		else
			local_fail(c, "ValidationError",
				   "The instance %s is not in InService or EnteringStandby or"
				   " Standby.",
				   i.id);
		return -1;
	}
	return 0;
}

void local_autoscaling_instance_protection(struct local_call *c)
{
	AUTO(local_fleet_rows_group_done) struct local_fleet_group g = { 0 };
	const struct json *ids = json_get(c->params, "InstanceIds");
	bool wanted = false;
	const char *text;
	struct err e;

	if (local_autoscaling_group(c, &g) < 0 ||
	    local_autoscaling_need(c, c->params, "ProtectedFromScaleIn", 5, &text) < 0 ||
	    local_bool(c, c->params, "ProtectedFromScaleIn", &wanted) < 0)
		return;
	if (json_count(ids) == 0) {
		local_fail(c, "ValidationError",
			   "1 validation error detected: Value null at 'instanceIds' failed to"
			   " satisfy constraint: Member must not be null");
		return;
	}
	if (json_count(ids) > PROTECT_MOST) {
		local_fail(c, "LimitExceeded", "At most %d instances a call.", PROTECT_MOST);
		return;
	}
	if (check_protection(c, &g, ids) < 0)
		return;
	for (size_t k = 0; k < json_count(ids); k++) {
		if (DB_RUN(c->local->db, &e, "UPDATE fleet_instance SET protected = ? WHERE id = ?",
			   DB_I(wanted), DB_S(json_str(json_at(ids, k)))) == 0)
			continue;
		local_fail_internal(c, &e);
		return;
	}
	local_fleet_wake(c->local); /* a surplus that waited for this goes now */
	local_done(c);
}

static void put_new_activity(struct local_call *c, const struct local_fleet_group *g,
			     const struct local_fleet_instance *i, const char *cause,
			     struct instant now)
{
	AUTO(own_freep) char *what = own_printf("Terminating EC2 instance: %s", i->id);
	AUTO(own_freep)
	char *detail = own_printf("{\"Subnet ID\":\"\",\"Availability Zone\":\"%s\"}", i->zone);

	local_object(c, "Activity");
	local_put(c, "ActivityId", i->activity);
	local_put(c, "AutoScalingGroupName", g->name);
	local_put(c, "Description", what);
	local_put(c, "Cause", cause);
	local_put_time(c, "StartTime", now);
	local_put(c, "StatusCode",
		  local_fleet_choose_stopping(i->state) ? "InProgress" : "MidLifecycleAction");
	local_put_int(c, "Progress", 0);
	local_put(c, "Details", detail);
	local_put(c, "AutoScalingGroupARN", g->arn);
	local_end(c);
}

static int check_termination(struct local_call *c, const struct local_fleet_group *g,
			     const struct local_fleet_instance *i, bool decrement)
{
	if (local_fleet_choose_leaving(i->state)) {
		local_fail(c, "ScalingActivityInProgress",
			   "Scaling activity %s is in progress and blocks this action",
			   i->activity);
		return -1;
	}
	if (decrement && local_fleet_choose_pooled(i->state)) {
		local_fail(c, "ValidationError",
			   "Instance %s is in the warm pool, which is no part of the desired"
			   " capacity: ShouldDecrementDesiredCapacity must be false.",
			   i->id);
		return -1;
	}
	if (decrement && g->desired <= g->least) {
		local_fail(
			c, "ValidationError",
			"Currently, desiredSize equals minSize (%lld). Terminating instance without"
			" replacement will violate group's min size constraint. Either set"
			" shouldDecrementDesiredCapacity flag to false or lower group's min size.",
			(long long)g->least);
		return -1;
	}
	return 0;
}

void local_autoscaling_instance_terminate(struct local_call *c)
{
	AUTO(local_fleet_rows_instance_done) struct local_fleet_instance i = { 0 };
	AUTO(local_fleet_rows_group_done) struct local_fleet_group g = { 0 };
	AUTO(buf_done) struct buf cause = BUF(LOCAL_FLEET_CAUSE_MAX);
	struct instant now = local_wall(c->local);
	bool decrement = false;
	const char *id, *text;
	struct err e;

	if (local_autoscaling_need(c, c->params, "InstanceId", 19, &id) < 0 ||
	    local_autoscaling_need(c, c->params, "ShouldDecrementDesiredCapacity", 5, &text) < 0 ||
	    local_bool(c, c->params, "ShouldDecrementDesiredCapacity", &decrement) < 0 ||
	    local_autoscaling_instance(c, id, &i, &g) < 0 ||
	    check_termination(c, &g, &i, decrement) < 0)
		return;
	local_fleet_activity_say(&cause, now,
				 "instance %s was taken out of service in response to a user"
				 " request%s",
				 i.id, decrement ? "" : ".");
	if (decrement) {
		buf_addf(&cause, ", shrinking the capacity from %lld to %lld.",
			 (long long)g.desired, (long long)g.desired - 1);
		if (set_desired(c, &g, g.desired - 1, "", &e) < 0) {
			local_fail_internal(c, &e);
			return;
		}
	}
	if (local_fleet_life_terminate(c->local, &g, &i, buf_str(&cause), g.status != NULL, now,
				       &e) < 0) {
		local_fail_internal(c, &e);
		return;
	}
	put_new_activity(c, &g, &i, buf_str(&cause), now);
	local_fleet_wake(c->local);
	local_done(c);
}

void local_autoscaling_instance_health(struct local_call *c)
{
	AUTO(local_fleet_rows_instance_done) struct local_fleet_instance i = { 0 };
	AUTO(local_fleet_rows_group_done) struct local_fleet_group g = { 0 };
	bool respect = true, graced;
	const char *id, *health;
	struct err e;

	if (local_autoscaling_need(c, c->params, "InstanceId", 19, &id) < 0 ||
	    local_autoscaling_need(c, c->params, "HealthStatus", 32, &health) < 0 ||
	    local_bool(c, c->params, "ShouldRespectGracePeriod", &respect) < 0 ||
	    local_autoscaling_instance(c, id, &i, &g) < 0)
		return;
	if (strcmp(health, "Healthy") != 0 && strcmp(health, "Unhealthy") != 0) {
		local_fail(c, "ValidationError",
			   "Health status must be one of Healthy, Unhealthy, not %.40s", health);
		return;
	}
	graced = respect && local_wall(c->local).ms < instant_add(i.started, span_s(g.grace_s)).ms;
	i.healthy = health[0] == 'H' || graced;
	if (local_fleet_rows_put_instance(c->local->db, &i, &e) < 0) {
		local_fail_internal(c, &e);
		return;
	}
	local_fleet_wake(c->local);
	local_done(c);
}
