/* Lifecycle hooks: what a group waits for, and what those say whom it waits for. */
#include <stdio.h>
#include <string.h>

#include "local/autoscaling.h"
#include "local/fleet.h"

#define NAME_MAX_BYTES 255
#define HOOKS_MOST 50
#define TIMEOUT_LEAST 30
#define TIMEOUT_MOST 7200
#define TIMEOUT_USUAL 3600
#define WAIT_MOST_S (48ll * 3600)
#define LAUNCHING "autoscaling:EC2_INSTANCE_LAUNCHING"
#define TERMINATING "autoscaling:EC2_INSTANCE_TERMINATING"

static int check_result(struct local_call *c, const char *text, const char *name)
{
	if (!text || strcmp(text, "CONTINUE") == 0 || strcmp(text, "ABANDON") == 0)
		return 0;
	local_fail(c, "ValidationError", "%s must be CONTINUE or ABANDON, not %.40s", name, text);
	return -1;
}

/* 1 there is such a hook, 0 not, -1 the call was ended. */
static int hook_exists(struct local_call *c, const char *group, const char *name,
		       int64_t *ret_count)
{
	AUTO(db_endp) struct db_row *r = NULL;
	struct err e;
	int rc;

	r = db_query(c->local->db,
		     "SELECT count(*), coalesce(sum(name = ?2), 0) FROM fleet_hook WHERE grp = ?1",
		     DB_ARGS(DB_S(group), DB_S(name)), &e);
	rc = r ? db_step(r, &e) : -1;
	if (rc < 0) {
		local_fail_internal(c, &e);
		return -1;
	}
	*ret_count = db_int(r, 0);
	return db_int(r, 1) > 0;
}

int local_autoscaling_hook_check(struct local_call *c, const char *group, const struct json *spec)
{
	const char *transition = local_str(spec, "LifecycleTransition"), *name;
	int64_t timeout, count;
	int there;

	if (local_autoscaling_need(c, spec, "LifecycleHookName", NAME_MAX_BYTES, &name) < 0 ||
	    local_autoscaling_number(c, spec, "HeartbeatTimeout", TIMEOUT_LEAST, TIMEOUT_MOST,
				     &timeout) < 0 ||
	    check_result(c, local_str(spec, "DefaultResult"), "Lifecycle hook default result") < 0)
		return -1;
	there = hook_exists(c, group, name, &count);
	if (there < 0)
		return -1;
	if (!there && !transition) {
		local_fail(c, "ValidationError",
			   "Lifecycle transition must be specified for a new lifecycle hook.");
		return -1;
	}
	if (!there && count >= HOOKS_MOST) {
		local_fail(c, "LimitExceeded", "A group has at most %d lifecycle hooks.",
			   HOOKS_MOST);
		return -1;
	}
	if (transition && strcmp(transition, LAUNCHING) != 0 &&
	    strcmp(transition, TERMINATING) != 0) {
		local_fail(c, "ValidationError", "Invalid lifecycle transition: %.80s", transition);
		return -1;
	}
	return 0;
}

int local_autoscaling_hook_store(struct local_call *c, const char *group, const struct json *spec,
				 struct err *e)
{
	const char *transition = local_str(spec, "LifecycleTransition");
	const char *name = local_str(spec, "LifecycleHookName");
	int64_t timeout = -1;
	int rc = local_int(c, spec, "HeartbeatTimeout", &timeout);

	if (rc < 0)
		return -1;
	/* A change names only what it changes. */
	rc = DB_RUN(c->local->db, e,
		    "INSERT INTO fleet_hook (grp, name, launching, timeout_s, result, metadata,"
		    " target, role) VALUES (?1, ?2, coalesce(?3, 0), coalesce(?4, ?5),"
		    " coalesce(?6, 'ABANDON'), ?7, ?8, ?9)"
		    " ON CONFLICT (grp, name) DO UPDATE SET launching = coalesce(?3, launching),"
		    " timeout_s = coalesce(?4, timeout_s), result = coalesce(?6, result),"
		    " metadata = coalesce(?7, metadata), target = coalesce(?8, target),"
		    " role = coalesce(?9, role)",
		    DB_S(group), DB_S(name),
		    transition ? DB_I(strcmp(transition, LAUNCHING) == 0) : DB_N,
		    timeout >= 0 ? DB_I(timeout) : DB_N, DB_I(TIMEOUT_USUAL),
		    DB_S(local_str(spec, "DefaultResult")),
		    DB_S(local_str(spec, "NotificationMetadata")),
		    DB_S(local_str(spec, "NotificationTargetARN")),
		    DB_S(local_str(spec, "RoleARN")));
	return rc < 0 ? 0 : 1;
}

void local_autoscaling_hook_put(struct local_call *c)
{
	AUTO(local_fleet_rows_group_done) struct local_fleet_group g = { 0 };
	struct err e;
	int rc;

	if (local_autoscaling_group(c, &g) < 0 ||
	    local_autoscaling_hook_check(c, g.name, c->params) < 0)
		return;
	rc = local_autoscaling_hook_store(c, g.name, c->params, &e);
	if (rc == 0)
		local_fail_internal(c, &e);
	else if (rc == 1)
		local_done(c);
}

static void put_hook(struct local_call *c, const char *group, const struct db_row *r)
{
	int64_t timeout = db_int(r, 2), global = timeout * 100;

	local_object(c, NULL);
	local_put(c, "LifecycleHookName", db_str(r, 0));
	local_put(c, "AutoScalingGroupName", group);
	local_put(c, "LifecycleTransition", db_int(r, 1) ? LAUNCHING : TERMINATING);
	local_put(c, "NotificationTargetARN", db_str(r, 5));
	local_put(c, "RoleARN", db_str(r, 6));
	local_put(c, "NotificationMetadata", db_str(r, 4));
	local_put_int(c, "HeartbeatTimeout", timeout);
	local_put_int(c, "GlobalTimeout", global < WAIT_MOST_S ? global : WAIT_MOST_S);
	local_put(c, "DefaultResult", db_str(r, 3));
	local_end(c);
}

void local_autoscaling_hook_describe(struct local_call *c)
{
	AUTO(local_fleet_rows_group_done) struct local_fleet_group g = { 0 };
	AUTO(db_endp) struct db_row *r = NULL;
	const struct json *names = json_get(c->params, "LifecycleHookNames");
	struct err e;
	int rc = -1;

	if (local_autoscaling_group(c, &g) < 0)
		return;
	r = db_query(c->local->db,
		     "SELECT name, launching, timeout_s, result, metadata, target, role"
		     " FROM fleet_hook WHERE grp = ? ORDER BY name",
		     DB_ARGS(DB_S(g.name)), &e);
	local_list(c, "LifecycleHooks", NULL);
	while (r && (rc = db_step(r, &e)) == 1)
		if (json_count(names) == 0 || local_autoscaling_listed(names, db_str(r, 0)))
			put_hook(c, g.name, r);
	local_end(c);
	if (rc < 0)
		local_fail_internal(c, &e);
	else
		local_done(c);
}

/* Instances that wait for it go on as if it had continued. */
void local_autoscaling_hook_delete(struct local_call *c)
{
	AUTO(local_fleet_rows_group_done) struct local_fleet_group g = { 0 };
	const char *name;
	int64_t count;
	struct err e;
	int there;

	if (local_autoscaling_group(c, &g) < 0 ||
	    local_autoscaling_need(c, c->params, "LifecycleHookName", NAME_MAX_BYTES, &name) < 0)
		return;
	there = hook_exists(c, g.name, name, &count);
	if (there == 0)
		local_fail(c, "ValidationError", "No Lifecycle Hook found with name: %.255s", name);
	if (there != 1)
		return;
	if (DB_RUN(c->local->db, &e, "DELETE FROM fleet_hook WHERE grp = ? AND name = ?",
		   DB_S(g.name), DB_S(name)) < 0 ||
	    DB_RUN(c->local->db, &e,
		   "UPDATE fleet_wait SET result = 'CONTINUE' WHERE hook = ?2 AND result IS NULL"
		   " AND instance IN (SELECT id FROM fleet_instance WHERE grp = ?1)",
		   DB_S(g.name), DB_S(name)) < 0) {
		local_fail_internal(c, &e);
		return;
	}
	local_fleet_wake(c->local);
	local_done(c);
}

/* Runs @p sql on the action that the call names, by token or instance: ?1 group, ?2 hook, ?3 token,
 * ?4 instance, ?5 the argument. */
static void on_action(struct local_call *c, const char *sql, struct db_value argument)
{
	AUTO(local_fleet_rows_group_done) struct local_fleet_group g = { 0 };
	const char *token = local_str(c->params, "LifecycleActionToken");
	const char *id = local_str(c->params, "InstanceId"), *hook;
	int64_t changed = 0;
	struct err e;

	if (local_autoscaling_group(c, &g) < 0 ||
	    local_autoscaling_need(c, c->params, "LifecycleHookName", NAME_MAX_BYTES, &hook) < 0)
		return;
	if (!token && !id) {
		local_fail(c, "ValidationError",
			   "Either LifecycleActionToken or InstanceId must be specified.");
		return;
	}
	if (db_exec(c->local->db, sql,
		    DB_ARGS(DB_S(g.name), DB_S(hook), DB_S(token), DB_S(id), argument), &changed,
		    &e) < 0) {
		local_fail_internal(c, &e);
		return;
	}
	if (changed == 0) {
		local_fail(c, "ValidationError", "No active Lifecycle Action found with %s %.40s",
			   token ? "token" : "instance ID", token ? token : id);
		return;
	}
	local_fleet_wake(c->local);
	local_done(c);
}

#define ACTION                                                               \
	" WHERE hook = ?2 AND result IS NULL AND (?3 IS NULL OR token = ?3)" \
	" AND (?4 IS NULL OR instance = ?4)"                                 \
	" AND instance IN (SELECT id FROM fleet_instance WHERE grp = ?1)"

void local_autoscaling_hook_complete(struct local_call *c)
{
	const char *result;

	if (local_autoscaling_need(c, c->params, "LifecycleActionResult", 40, &result) < 0 ||
	    check_result(c, result, "Lifecycle action result") < 0)
		return;
	on_action(c, "UPDATE fleet_wait SET result = ?5" ACTION, DB_S(result));
}

void local_autoscaling_hook_heartbeat(struct local_call *c)
{
	on_action(c, "UPDATE fleet_wait SET due_ms = min(?5 + timeout_s * 1000, last_ms)" ACTION,
		  DB_I(local_wall(c->local).ms));
}
