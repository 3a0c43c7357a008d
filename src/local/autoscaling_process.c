/* Suspended processes. Launch, Terminate, HealthCheck and ReplaceUnhealthy are obeyed; the others
 * have nothing to suspend here, and are kept and shown. */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "local/autoscaling.h"
#include "local/fleet.h"

static const char *const known[] = { "AZRebalance",      "AddToLoadBalancer", "AlarmNotification",
				     "HealthCheck",      "InstanceRefresh",   "Launch",
				     "ReplaceUnhealthy", "ScheduledActions",  "Terminate" };

static int check_processes(struct local_call *c, const struct json *list)
{
	for (size_t i = 0; i < json_count(list); i++) {
		const char *p = json_str(json_at(list, i));
		bool found = false;

		for (size_t k = 0; p && k < COUNT_OF(known); k++)
			found |= strcmp(p, known[k]) == 0;
		if (found)
			continue;
		local_fail(c, "ValidationError",
			   "Scaling process name not found - '%.80s' is not a scaling process",
			   p ? p : "");
		return -1;
	}
	return 0;
}

/* Suspends or resumes what the call lists, or all when it lists none. */
static void change(struct local_call *c, const char *sql, const char *reason)
{
	AUTO(local_fleet_rows_group_done) struct local_fleet_group g = { 0 };
	const struct json *list = json_get(c->params, "ScalingProcesses");
	struct err e;

	if (local_autoscaling_group(c, &g) < 0 || check_processes(c, list) < 0)
		return;
	for (size_t k = 0; k < COUNT_OF(known); k++) {
		if (json_count(list) > 0 && !local_autoscaling_listed(list, known[k]))
			continue;
		if (DB_RUN(c->local->db, &e, sql, DB_S(g.name), DB_S(known[k]), DB_S(reason)) < 0) {
			local_fail_internal(c, &e);
			return;
		}
	}
	local_fleet_wake(c->local);
	local_done(c);
}

void local_autoscaling_process_suspend(struct local_call *c)
{
	struct instant now = local_wall(c->local);
	char at[CLOCK_TEXT_MAX], reason[64];

	now.ms -= now.ms % 1000;
	snprintf(reason, sizeof(reason), "User suspended at %s", clock_print(now, at));
	change(c,
	       "INSERT OR IGNORE INTO fleet_suspended (grp, process, reason) VALUES (?1, ?2, ?3)",
	       reason);
}

void local_autoscaling_process_resume(struct local_call *c)
{
	change(c, "DELETE FROM fleet_suspended WHERE grp = ?1 AND process = ?2 AND ?3 IS NULL",
	       NULL);
}

void local_autoscaling_process_types(struct local_call *c)
{
	local_list(c, "Processes", NULL);
	for (size_t k = 0; k < COUNT_OF(known); k++) {
		local_object(c, NULL);
		local_put(c, "ProcessName", known[k]);
		local_end(c);
	}
	local_end(c);
	local_done(c);
}
