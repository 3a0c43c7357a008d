/* Policies at work: for an alarm, or because a user says so. */
#include <inttypes.h>
#include <string.h>

#include "local/autoscaling_policy.h"
#include "local/cloudwatch_alarm.h"
#include "local/fleet.h"
#include "local/fleet_activity.h"

#define COOLDOWN_S 300

/* Instances warm up for as long as policy, group or, at last, cooldown says. */
static int64_t warmup_of(const struct local_fleet_group *g,
			 const struct local_autoscaling_policy *p)
{
	return p->warmup_s >= 0 ? p->warmup_s : g->warmup_s >= 0 ? g->warmup_s : g->cooldown_s;
}

static int fleet_read(struct local *l, const struct local_fleet_group *g,
		      const struct local_autoscaling_policy *p, struct instant at,
		      struct local_autoscaling_fleet *ret, struct err *e)
{
	AUTO(local_fleet_rows_instances_done) struct local_fleet_instances all = { 0 };
	const struct span warmup = span_s(warmup_of(g, p));

	*ret = (struct local_autoscaling_fleet){ .least = g->least,
						 .most = g->most,
						 .desired = g->desired };
	if (local_fleet_rows_instances(l->db, g->name, NULL, -1, &all, e) < 0)
		return -1;
	for (size_t i = 0; i < all.count; i++) {
		const struct local_fleet_instance *x = &all.all[i];

		const int64_t units = x->weight > 0 ? x->weight : 1;

		ret->supply += local_fleet_choose_supply(x->state) ? units : 0;
		if (x->state != FLEET_IN_SERVICE)
			continue;
		ret->in_service += units;
		if (p->adjustment.type != POLICY_SIMPLE &&
		    instant_add(x->served, warmup).ms > at.ms)
			ret->warming += units;
	}
	return 0;
}

/* A simple policy waits for the end of an activity, and then for its cooldown. */
static bool cools(const struct local_fleet_group *g, const struct local_autoscaling_policy *p,
		  const struct local_autoscaling_fleet *f, const struct local_autoscaling_alarm *a)
{
	int64_t s = p->cooldown_s >= 0 ? p->cooldown_s : g->cooldown_s;

	if (p->adjustment.type != POLICY_SIMPLE || a->hurry)
		return false;
	return f->supply != f->desired || f->in_service != f->supply ||
	       (g->scaled_by && instant_add(g->scaled, span_s(s)).ms > a->at.ms);
}

/* Target tracking shrinks only when all such policies of the group would. 1: they do. */
static int all_low(struct local *l, const struct local_autoscaling_policy *p, struct err *e)
{
	AUTO(local_autoscaling_policy_all_done) struct local_autoscaling_policies all = { 0 };

	if (local_autoscaling_policy_list(l, p->group, NULL, &all, e) < 0)
		return -1;
	for (size_t i = 0; i < all.count; i++) {
		AUTO(local_cloudwatch_alarm_done) struct local_cloudwatch_alarm low = { 0 };
		AUTO(own_freep) char *name = NULL;
		int rc;

		if (all.all[i].adjustment.type != POLICY_TRACKING || all.all[i].keeps ||
		    !all.all[i].enabled || !strcmp(all.all[i].name, p->name))
			continue;
		name = local_autoscaling_policy_alarm_name(&all.all[i], false);
		rc = local_cloudwatch_alarm_find(l, name, &low, e);
		if (rc < 0)
			return -1;
		if (rc == 1 && low.state != CLOUDWATCH_ALARM)
			return 0;
	}
	return 1;
}

static int change(struct local *l, struct local_fleet_group *g,
		  const struct local_autoscaling_policy *p, const struct local_autoscaling_alarm *a,
		  int64_t wish, struct err *e)
{
	AUTO(buf_done) struct buf cause = BUF(LOCAL_FLEET_CAUSE_MAX);

	if (a->name)
		local_fleet_activity_say(&cause, a->at,
					 "a monitor alarm %s in state ALARM triggered policy %s "
					 "changing the desired capacity from %" PRId64
					 " to %" PRId64 ".",
					 a->name, p->name, g->desired, wish);
	else
		local_fleet_activity_say(&cause, a->at,
					 "a user request executed policy %s changing the desired "
					 "capacity from %" PRId64 " to %" PRId64 ".",
					 p->name, g->desired, wish);
	g->desired = wish;
	own_free(g->cause);
	g->cause = own_strdup(buf_str(&cause));
	if (local_fleet_rows_put_group(l->db, g, e) < 0)
		return -1;
	local_fleet_wake(l);
	return 1;
}

int local_autoscaling_act(struct local *l, struct local_fleet_group *g,
			  const struct local_autoscaling_policy *p,
			  const struct local_autoscaling_alarm *a, struct buf *what, struct err *e)
{
	struct local_autoscaling_adjustment how = p->adjustment;
	struct local_autoscaling_fleet f;
	int64_t wish, before = g->desired;
	bool waits;
	int low;

	if (fleet_read(l, g, p, a->at, &f, e) < 0)
		return -1;
	if (cools(g, p, &f, a)) {
		buf_addf(what, "policy %s waits for its cooldown", p->name);
		return 2;
	}
	how.steps = p->steps;
	wish = local_autoscaling_adjust(&how, &f, a->value, a->threshold, &waits);
	if (waits)
		buf_addf(what, "policy %s waits for instances that warm up", p->name);
	if (wish == before) {
		buf_addf(what, "%s", waits ? "" : "the desired capacity is right as it is");
		return 0;
	}
	low = p->adjustment.type == POLICY_TRACKING && wish < before ? all_low(l, p, e) : 1;
	if (low <= 0) {
		buf_addf(what, "another target tracking policy does not want to shrink the group");
		return low;
	}
	buf_addf(what, "the desired capacity was changed from %" PRId64 " to %" PRId64, before,
		 wish);
	return change(l, g, p, a, wish, e);
}

/* 1: alarms may change the group. */
static int notified(struct local *l, const char *group, struct err *e)
{
	AUTO(db_endp)
	struct db_row *r = db_query(l->db,
				    "SELECT 1 FROM fleet_suspended WHERE grp=? AND "
				    "process='AlarmNotification'",
				    DB_ARGS(DB_S(group)), e);
	int rc = r ? db_step(r, e) : -1;

	return rc < 0 ? -1 : !rc;
}

int local_autoscaling_act_alarm(struct local *l, const char *arn,
				const struct local_autoscaling_alarm *alarm, struct buf *what,
				struct err *e)
{
	AUTO(local_autoscaling_policy_all_done) struct local_autoscaling_policies found = { 0 };
	AUTO(local_fleet_rows_group_done) struct local_fleet_group g = { 0 };
	int rc;

	if (local_autoscaling_policy_list(l, NULL, arn, &found, e) < 0)
		return -1;
	if (found.count == 0 || !found.all[0].enabled) {
		buf_adds(what,
			 found.count ? "the policy is not enabled" : "there is no such policy");
		return 0;
	}
	rc = local_fleet_rows_group(l->db, found.all[0].group, &g, e);
	if (rc == 1 && g.status)
		rc = 0;
	if (rc == 1 && (rc = notified(l, g.name, e)) == 0)
		buf_adds(what, "AlarmNotification is suspended");
	if (rc != 1)
		return rc;
	rc = local_autoscaling_act(l, &g, &found.all[0], alarm, what, e);
	return rc == 2 ? 0 : rc;
}
