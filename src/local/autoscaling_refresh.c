/* Instance refreshes: started, shown, cancelled, rolled back. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/crypto.h"
#include "local/autoscaling.h"
#include "local/fleet.h"
#include "local/fleet_refresh.h"
#include "local/fleet_template.h"

#define PAGE_USUAL 50
#define PAGE_MOST 100
#define DELAY_USUAL_S 3600
#define SECONDS_MOST 172800

/* ---- start ---- */

/* One of three words; the last is the usual one. Owned; NULL: the call has ended. */
static char *word_of(struct local_call *c, const struct json *p, const char *name,
		     const char *const words[3])
{
	const char *text = local_str(p, name);

	for (int i = 0; i < 3; i++)
		if (!text || strcmp(text, words[i]) == 0)
			return own_strdup(text ? text : words[2]);
	local_fail(c, "ValidationError", "%s must be %s, %s or %s, not '%.40s'", name, words[0],
		   words[1], words[2], text);
	return NULL;
}

/* Percentages that grow, to 100 at most. */
static int read_checkpoints(struct local_call *c, const struct json *p,
			    struct local_fleet_refreshing *r)
{
	const struct json *list = json_get(p, "CheckpointPercentages");
	int64_t last = 0;

	own_free(r->checkpoints);
	r->checkpoints = local_autoscaling_join(list);
	r->delay_s = DELAY_USUAL_S;
	for (size_t i = 0; i < json_count(list); i++) {
		const char *text = json_str(json_at(list, i));
		const int64_t n = text ? strtoll(text, NULL, 10) : 0;

		if (n > last && n <= 100) {
			last = n;
			continue;
		}
		local_fail(c, "ValidationError",
			   "CheckpointPercentages must be in ascending order, from 1 to 100.");
		return -1;
	}
	if (local_str(p, "CheckpointDelay") && !json_count(list)) {
		local_fail(c, "ValidationError",
			   "You must specify CheckpointPercentages when CheckpointDelay is"
			   " specified.");
		return -1;
	}
	return local_autoscaling_number(c, p, "CheckpointDelay", 0, SECONDS_MOST, &r->delay_s) < 0
		       ? -1
		       : 0;
}

static int read_health(struct local_call *c, const struct json *p, struct local_fleet_refreshing *r)
{
	const bool least = local_str(p, "MinHealthyPercentage") != NULL;

	if (local_autoscaling_number(c, p, "MinHealthyPercentage", 0, 100, &r->least) < 0 ||
	    local_autoscaling_number(c, p, "MaxHealthyPercentage", 100, 200, &r->most) < 0)
		return -1;
	if (local_str(p, "MaxHealthyPercentage") && !least) {
		local_fail(c, "ValidationError",
			   "You must specify MinHealthyPercentage when MaxHealthyPercentage is"
			   " specified.");
		return -1;
	}
	if (r->most - r->least > 100) {
		local_fail(c, "ValidationError",
			   "The difference between MinHealthyPercentage and MaxHealthyPercentage"
			   " cannot be greater than 100.");
		return -1;
	}
	return 0;
}

static int read_preferences(struct local_call *c, const struct local_fleet_group *g,
			    struct local_fleet_refreshing *r)
{
	static const char *const protection[3] = { "Refresh", "Ignore", "Wait" };
	static const char *const standby[3] = { "Terminate", "Ignore", "Wait" };
	const struct json *p = json_get(c->params, "Preferences");

	r->least = 90;
	r->most = 100;
	r->warmup_s = g->warmup_s >= 0 ? g->warmup_s : g->grace_s;
	if (read_health(c, p, r) < 0 ||
	    local_autoscaling_number(c, p, "InstanceWarmup", 0, SECONDS_MOST, &r->warmup_s) < 0 ||
	    local_autoscaling_number(c, p, "BakeTime", 0, SECONDS_MOST, &r->bake_s) < 0 ||
	    local_bool(c, p, "SkipMatching", &r->matching) < 0 ||
	    local_bool(c, p, "AutoRollback", &r->rollback) < 0 || read_checkpoints(c, p, r) < 0)
		return -1;
	r->protection = word_of(c, p, "ScaleInProtectedInstances", protection);
	if (!r->protection)
		return -1;
	r->standby = word_of(c, p, "StandbyInstances", standby);
	return r->standby ? 0 : -1;
}

/* What instances shall be launched from. */
static int read_desired(struct local_call *c, const struct local_fleet_group *g,
			struct local_fleet_refreshing *r)
{
	const struct json *d = json_get(c->params, "DesiredConfiguration");
	const struct json *t = json_get(d, "LaunchTemplate");
	AUTO(local_fleet_rows_group_done) struct local_fleet_group would = { 0 };
	AUTO(buf_done) struct buf text = BUF(8192);

	if (!d) {
		if (!r->rollback)
			return 0;
		local_fail(c, "ValidationError",
			   "AutoRollback cannot be set to true when no DesiredConfiguration is"
			   " specified.");
		return -1;
	}
	if (!t || json_get(d, "MixedInstancesPolicy")) {
		local_fail(c, "ValidationError",
			   "windlass-local takes a LaunchTemplate as DesiredConfiguration");
		return -1;
	}
	if (!g->template && r->rollback) {
		local_fail(c, "ValidationError",
			   "AutoRollback needs a group that has a launch template.");
		return -1;
	}
	if (local_autoscaling_template(c, t, &would) < 0)
		return -1;
	r->launch = TAKE(would.launch);
	r->version = TAKE(would.version);
	r->template = true;
	if (json_write(d, &text) == 0)
		r->desired = buf_take(&text);
	return 0;
}

static int list_instances(struct local_call *c, const struct local_fleet_group *g,
			  struct local_fleet_refreshing *r, struct err *e)
{
	const char *launch = r->launch ? r->launch : g->launch;
	AUTO(own_freep) char *version = NULL;

	if (local_fleet_template_word(c->local->db, launch, r->launch ? r->version : g->version,
				      &version, e) < 0)
		return -1;
	return db_exec(c->local->db,
		       "INSERT INTO fleet_refresh_todo SELECT ?1, id FROM fleet_instance"
		       " WHERE grp = ?2 AND NOT (?3 AND launch = ?4 AND version IS ?5)"
		       " AND state NOT IN (?6, ?7, ?8, ?9, ?10, ?11)",
		       DB_ARGS(DB_S(r->id), DB_S(g->name), DB_I(r->matching), DB_S(launch),
			       DB_S(version), DB_I(FLEET_TERMINATING), DB_I(FLEET_TERMINATING_WAIT),
			       DB_I(FLEET_TERMINATING_PROCEED), DB_I(FLEET_WARMED_TERMINATING),
			       DB_I(FLEET_WARMED_TERMINATING_WAIT),
			       DB_I(FLEET_WARMED_TERMINATING_PROCEED)),
		       &r->total, e);
}

/* 1 there is one, 0 there is none, -1 the call has ended. */
static int active(struct local_call *c, const char *group, struct local_fleet_refreshing *ret)
{
	struct err e;
	int rc = local_fleet_refresh_active(c->local->db, group, ret, &e);

	if (rc < 0)
		local_fail_internal(c, &e);
	return rc;
}

void local_autoscaling_refresh_start(struct local_call *c)
{
	AUTO(local_fleet_rows_group_done) struct local_fleet_group g = { 0 };
	AUTO(local_fleet_refreshing_done) struct local_fleet_refreshing r = { 0 };
	AUTO(local_fleet_refreshing_done) struct local_fleet_refreshing other = { 0 };
	const char *strategy = local_str(c->params, "Strategy");
	char uuid[CRYPTO_UUID_MAX];
	struct err e;
	int rc;

	if (local_autoscaling_group(c, &g) < 0)
		return;
	if (strategy && strcmp(strategy, "Rolling") != 0) {
		local_fail(c, "ValidationError", "windlass-local refreshes with Strategy Rolling");
		return;
	}
	rc = active(c, g.name, &other);
	if (rc == 1)
		local_fail(c, "InstanceRefreshInProgress",
			   "An Instance Refresh is already in progress and blocks the execution of"
			   " this Instance Refresh.");
	if (rc != 0 || read_preferences(c, &g, &r) < 0 || read_desired(c, &g, &r) < 0)
		return;
	r.id = own_strdup(crypto_uuid(uuid));
	r.grp = own_strdup(g.name);
	r.status = own_strdup("Pending");
	r.start = r.moved = local_wall(c->local);
	if (list_instances(c, &g, &r, &e) < 0) {
		local_fail_internal(c, &e);
		return;
	}
	r.todo = r.total;
	if (local_fleet_refresh_put(c->local->db, &r, &e) < 0) {
		local_fail_internal(c, &e);
		return;
	}
	local_put(c, "InstanceRefreshId", r.id);
	local_fleet_wake(c->local);
	local_done(c);
}

/* ---- cancel, roll back ---- */

/* The one that is under way; NULL: the call has ended. */
static int need_active(struct local_call *c, const char *group, struct local_fleet_refreshing *ret)
{
	int rc = active(c, group, ret);

	if (rc == 0)
		local_fail(c, "ActiveInstanceRefreshNotFound",
			   "No in progress or pending Instance Refresh found for Auto Scaling"
			   " group %.255s",
			   group);
	return rc == 1 ? 0 : -1;
}

static void answer(struct local_call *c, const struct local_fleet_refreshing *r, int rc,
		   const struct err *e)
{
	if (rc < 0) {
		local_fail_internal(c, e);
		return;
	}
	local_put(c, "InstanceRefreshId", r->id);
	local_fleet_wake(c->local);
	local_done(c);
}

void local_autoscaling_refresh_cancel(struct local_call *c)
{
	AUTO(local_fleet_rows_group_done) struct local_fleet_group g = { 0 };
	AUTO(local_fleet_refreshing_done) struct local_fleet_refreshing r = { 0 };
	struct err e;

	if (local_autoscaling_group(c, &g) < 0 || need_active(c, g.name, &r) < 0)
		return;
	own_free(r.status);
	r.status = own_strdup("Cancelling");
	answer(c, &r, local_fleet_refresh_put(c->local->db, &r, &e), &e);
}

void local_autoscaling_refresh_back(struct local_call *c)
{
	AUTO(local_fleet_rows_group_done) struct local_fleet_group g = { 0 };
	AUTO(local_fleet_refreshing_done) struct local_fleet_refreshing r = { 0 };
	struct err e;

	if (local_autoscaling_group(c, &g) < 0 || need_active(c, g.name, &r) < 0)
		return;
	if (!r.desired || !g.template || strncmp(r.status, "Rollback", 8) == 0) {
		local_fail(c, "IrreversibleInstanceRefresh",
			   "The instance refresh has no DesiredConfiguration that could be rolled"
			   " back, or is being rolled back.");
		return;
	}
	answer(c, &r,
	       local_fleet_refresh_back(c->local->db, &g, &r, "The user requested a rollback.",
					local_wall(c->local), &e),
	       &e);
}

/* ---- describe ---- */

static void put_preferences(struct local_call *c, const struct local_fleet_refreshing *r)
{
	local_object(c, "Preferences");
	local_put_int(c, "MinHealthyPercentage", r->least);
	local_put_int(c, "MaxHealthyPercentage", r->most);
	local_put_int(c, "InstanceWarmup", r->warmup_s);
	if (r->checkpoints[0]) {
		local_autoscaling_put_split(c, "CheckpointPercentages", r->checkpoints);
		local_put_int(c, "CheckpointDelay", r->delay_s);
	}
	local_put_bool(c, "SkipMatching", r->matching);
	local_put_bool(c, "AutoRollback", r->rollback);
	local_put(c, "ScaleInProtectedInstances", r->protection);
	local_put(c, "StandbyInstances", r->standby);
	if (r->bake_s)
		local_put_int(c, "BakeTime", r->bake_s);
	local_end(c);
}

static void put_rollback(struct local_call *c, const struct local_fleet_refreshing *r)
{
	if (!r->back_reason)
		return;
	local_object(c, "RollbackDetails");
	local_put(c, "RollbackReason", r->back_reason);
	local_put_time(c, "RollbackStartTime", r->back);
	local_put_int(c, "PercentageCompleteOnRollback", r->back_percent);
	local_put_int(c, "InstancesToUpdateOnRollback", r->back_todo);
	local_end(c);
}

static void put_refresh(struct local_call *c, const struct local_fleet_refreshing *r)
{
	local_object(c, NULL);
	local_put(c, "InstanceRefreshId", r->id);
	local_put(c, "AutoScalingGroupName", r->grp);
	local_put(c, "Status", r->status);
	local_put(c, "StatusReason", r->reason);
	local_put_time(c, "StartTime", r->start);
	if (r->end.ms)
		local_put_time(c, "EndTime", r->end);
	local_put_int(c, "PercentageComplete", r->percent);
	local_put_int(c, "InstancesToUpdate", r->todo);
	put_preferences(c, r);
	if (r->launch) {
		local_object(c, "DesiredConfiguration");
		local_autoscaling_put_launch(c, r->launch, r->template, r->version);
		local_end(c);
	}
	put_rollback(c, r);
	local_put(c, "Strategy", "Rolling");
	local_end(c);
}

static int put_refreshes(struct local_call *c, const char *group,
			 const struct local_autoscaling_page *p, struct err *e)
{
	const struct json *ids = json_get(c->params, "InstanceRefreshIds");
	int64_t seq = p->after[0] ? strtoll(p->after, NULL, 10) : INT64_MAX, last = 0;
	bool more = false;
	int64_t shown = 0;
	int rc = 1;

	local_list(c, "InstanceRefreshes", NULL);
	while (rc == 1 && !more) {
		AUTO(local_fleet_refreshing_done) struct local_fleet_refreshing r = { 0 };

		rc = local_fleet_refresh_before(c->local->db, group, &seq, &r, e);
		if (rc != 1 || (json_count(ids) > 0 && !local_autoscaling_listed(ids, r.id)))
			continue;
		more = shown++ == p->size;
		if (more)
			continue;
		put_refresh(c, &r);
		last = seq;
	}
	local_end(c);
	if (more) {
		char after[24];

		snprintf(after, sizeof(after), "%lld", (long long)last);
		local_autoscaling_put_token(c, after);
	}
	return rc < 0 ? -1 : 0;
}

void local_autoscaling_refresh_describe(struct local_call *c)
{
	AUTO(local_fleet_rows_group_done) struct local_fleet_group g = { 0 };
	AUTO(local_autoscaling_page_done) struct local_autoscaling_page p = { 0 };
	struct err e;

	if (local_autoscaling_group(c, &g) < 0 ||
	    local_autoscaling_page(c, PAGE_USUAL, PAGE_MOST, &p) < 0)
		return;
	if (put_refreshes(c, g.name, &p, &e) < 0)
		local_fail_internal(c, &e);
	else
		local_done(c);
}
