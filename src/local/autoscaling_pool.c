/* Warm pools: PutWarmPool, DescribeWarmPool, DeleteWarmPool. */
#include <stdio.h>
#include <string.h>

#include "local/autoscaling.h"
#include "local/fleet.h"
#include "local/fleet_pool.h"

#define SIZE_MOST 10000
#define PAGE_MOST 50

static void put_configuration(struct local_call *c, const struct local_fleet_pool *p)
{
	local_object(c, "WarmPoolConfiguration");
	if (p->prepared >= 0)
		local_put_int(c, "MaxGroupPreparedCapacity", p->prepared);
	local_put_int(c, "MinSize", p->least);
	local_put(c, "PoolState", p->state);
	if (p->leaving)
		local_put(c, "Status", "PendingDelete");
	if (p->reuse) {
		local_object(c, "InstanceReusePolicy");
		local_put_bool(c, "ReuseOnScaleIn", true);
		local_end(c);
	}
	local_end(c);
}

int local_autoscaling_pool_put_group(struct local_call *c, const struct local_fleet_group *g,
				     const struct local_fleet_instances *is, struct err *e)
{
	struct local_fleet_pool p;
	int64_t n = 0;

	if (local_fleet_pool_read(c->local->db, g->name, &p, e) < 0)
		return -1;
	if (!p.exists)
		return 0;
	put_configuration(c, &p);
	for (size_t i = 0; i < is->count; i++)
		n += local_fleet_choose_pooled(is->all[i].state);
	local_put_int(c, "WarmPoolSize", n);
	return 0;
}

/* The call's settings over those that were. -1: it has ended. */
static int read_settings(struct local_call *c, struct local_fleet_pool *p)
{
	const struct json *reuse = json_get(c->params, "InstanceReusePolicy");
	const char *state = local_str(c->params, "PoolState");

	if (local_autoscaling_number(c, c->params, "MinSize", 0, SIZE_MOST, &p->least) < 0 ||
	    local_autoscaling_number(c, c->params, "MaxGroupPreparedCapacity", -1, SIZE_MOST,
				     &p->prepared) < 0 ||
	    local_bool(c, reuse, "ReuseOnScaleIn", &p->reuse) < 0)
		return -1;
	if (state && strcmp(state, "Stopped") != 0 && strcmp(state, "Running") != 0 &&
	    strcmp(state, "Hibernated") != 0) {
		local_fail(c, "ValidationError",
			   "1 validation error detected: Value '%.40s' at 'poolState' failed to"
			   " satisfy constraint: Member must satisfy enum value set: [Stopped,"
			   " Running, Hibernated]",
			   state);
		return -1;
	}
	if (state)
		snprintf(p->state, sizeof(p->state), "%s", state);
	return 0;
}

void local_autoscaling_pool_put(struct local_call *c)
{
	AUTO(local_fleet_rows_group_done) struct local_fleet_group g = { 0 };
	struct local_fleet_pool p;
	struct err e;

	if (local_autoscaling_group(c, &g) < 0)
		return;
	if (local_fleet_pool_read(c->local->db, g.name, &p, &e) < 0) {
		local_fail_internal(c, &e);
		return;
	}
	if (p.leaving) {
		local_fail(c, "ScalingActivityInProgress",
			   "The warm pool of the group is pending delete.");
		return;
	}
	if (g.mixed) {
		local_fail(c, "ValidationError",
			   "You can't add a warm pool to an Auto Scaling group that has a mixed"
			   " instances policy or a launch template or launch configuration that"
			   " requests Spot Instances.");
		return;
	}
	if (!p.exists)
		p = (struct local_fleet_pool){ .prepared = -1, .state = "Stopped" };
	if (read_settings(c, &p) < 0)
		return;
	if (DB_RUN(c->local->db, &e, "REPLACE INTO fleet_pool VALUES (?,?,?,?,?,0)", DB_S(g.name),
		   DB_I(p.least), DB_I(p.prepared), DB_S(p.state), DB_I(p.reuse)) < 0) {
		local_fail_internal(c, &e);
		return;
	}
	local_fleet_wake(c->local);
	local_done(c);
}

/* Force or not, its instances go; on AWS force spares the wait for their hooks. */
void local_autoscaling_pool_delete(struct local_call *c)
{
	AUTO(local_fleet_rows_group_done) struct local_fleet_group g = { 0 };
	AUTO(local_fleet_rows_instances_done) struct local_fleet_instances is = { 0 };
	struct local_fleet_pool p;
	bool force = false;
	int64_t n = 0;
	struct err e;

	if (local_autoscaling_group(c, &g) < 0 ||
	    local_bool(c, c->params, "ForceDelete", &force) < 0)
		return;
	if (local_fleet_pool_read(c->local->db, g.name, &p, &e) < 0 ||
	    local_fleet_rows_instances(c->local->db, g.name, NULL, -1, &is, &e) < 0) {
		local_fail_internal(c, &e);
		return;
	}
	if (!p.exists) {
		local_fail(c, "ValidationError", "No warm pool found for Auto Scaling group %.255s",
			   g.name);
		return;
	}
	for (size_t i = 0; i < is.count; i++)
		n += local_fleet_choose_pooled(is.all[i].state);
	if (DB_RUN(c->local->db, &e, "UPDATE fleet_pool SET leaving = 1 WHERE grp = ?",
		   DB_S(g.name)) < 0 ||
	    (force && DB_RUN(c->local->db, &e,
			     "UPDATE fleet_wait SET result = 'CONTINUE' WHERE result IS NULL AND"
			     " instance IN (SELECT id FROM fleet_instance WHERE grp = ? AND state"
			     " BETWEEN ? AND ?)",
			     DB_S(g.name), DB_I(FLEET_WARMED_PENDING),
			     DB_I(FLEET_WARMED_TERMINATING_PROCEED)) < 0) ||
	    (n == 0 &&
	     DB_RUN(c->local->db, &e, "DELETE FROM fleet_pool WHERE grp = ?", DB_S(g.name)) < 0)) {
		local_fail_internal(c, &e);
		return;
	}
	local_fleet_wake(c->local);
	local_done(c);
}

void local_autoscaling_pool_describe(struct local_call *c)
{
	AUTO(local_fleet_rows_group_done) struct local_fleet_group g = { 0 };
	AUTO(local_autoscaling_page_done) struct local_autoscaling_page page = { 0 };
	AUTO(local_fleet_rows_instances_done) struct local_fleet_instances is = { 0 };
	struct local_fleet_pool p;
	const char *last = NULL;
	bool past, more = false;
	int64_t shown = 0;
	struct err e;

	if (local_autoscaling_group(c, &g) < 0 ||
	    local_autoscaling_page(c, PAGE_MOST, PAGE_MOST, &page) < 0)
		return;
	if (local_fleet_pool_read(c->local->db, g.name, &p, &e) < 0 ||
	    local_fleet_rows_instances(c->local->db, g.name, NULL, -1, &is, &e) < 0) {
		local_fail_internal(c, &e);
		return;
	}
	if (p.exists)
		put_configuration(c, &p);
	local_list(c, "Instances", NULL);
	past = !page.after[0];
	for (size_t i = 0; i < is.count && !more; i++) {
		if (past && local_fleet_choose_pooled(is.all[i].state)) {
			more = shown++ == page.size;
			if (!more)
				local_autoscaling_put_instance(c, &is.all[i], false);
			last = more ? last : is.all[i].id;
		}
		past |= strcmp(is.all[i].id, page.after) == 0;
	}
	local_end(c);
	if (more)
		local_autoscaling_put_token(c, last);
	local_done(c);
}
