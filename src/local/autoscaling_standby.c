/* Standby, and instances that leave their group or join one as they are. */
#include <stdio.h>
#include <string.h>

#include "local/autoscaling.h"
#include "local/fleet.h"
#include "local/fleet_activity.h"

#define IDS_MOST 20

/* What the four calls have in common: the group, and its instances of the call. */
struct moving {
	struct local_fleet_group g;
	struct local_fleet_instances is;
	struct instant now;
	bool decrement;
};

static void moving_done(struct moving *m)
{
	local_fleet_rows_group_done(&m->g);
	local_fleet_rows_instances_done(&m->is);
}

/* Reads one instance; -1: the call has ended, since it is none. */
static int read_one(struct local_call *c, const char *id, struct moving *m)
{
	struct local_fleet_instance i = { 0 };
	struct err e;
	int rc = local_fleet_rows_instance(c->local->db, id, &i, &e);

	for (size_t k = 0; rc == 1 && k < m->is.count; k++)
		if (strcmp(m->is.all[k].id, i.id) == 0) { /* named twice: once is enough */
			local_fleet_rows_instance_done(&i);
			return 0;
		}
	if (rc == 1) {
		m->is.all = own_grow(m->is.all, m->is.count + 1, sizeof(*m->is.all));
		m->is.all[m->is.count++] = i;
		return 0;
	}
	if (rc < 0)
		local_fail_internal(c, &e);
	else
		local_fail(c, "ValidationError", "Invalid Instance ID(s): [%.40s]", id);
	return -1;
}

static int read_moving(struct local_call *c, bool decrements, struct moving *ret)
{
	const struct json *ids = json_get(c->params, "InstanceIds");
	const char *text;

	ret->now = local_wall(c->local);
	if (local_autoscaling_group(c, &ret->g) < 0)
		return -1;
	if (decrements &&
	    (local_autoscaling_need(c, c->params, "ShouldDecrementDesiredCapacity", 5, &text) < 0 ||
	     local_bool(c, c->params, "ShouldDecrementDesiredCapacity", &ret->decrement) < 0))
		return -1;
	if (json_count(ids) == 0 || json_count(ids) > IDS_MOST) {
		local_fail(c, "ValidationError",
			   json_count(ids) ? "The number of instance IDs exceeds the limit of %d"
					   : "At least one instance ID is needed, at most %d.",
			   IDS_MOST);
		return -1;
	}
	for (size_t k = 0; k < json_count(ids); k++) {
		const char *id = json_str(json_at(ids, k));

		if (read_one(c, id ? id : "", ret) < 0)
			return -1;
	}
	return 0;
}

/* All of the group, and in a state of @p mask (bits). */
static int check_states(struct local_call *c, const struct moving *m, unsigned mask,
			const char *words)
{
	for (size_t k = 0; k < m->is.count; k++) {
		const struct local_fleet_instance *i = &m->is.all[k];

		if (strcmp(i->grp, m->g.name) != 0)
			local_fail(c, "ValidationError",
				   "The instance %s is not part of Auto Scaling group %.255s.",
				   i->id, m->g.name);
		else if (!(mask & 1u << i->state))
			local_fail(c, "ValidationError", "The instance %s is not in %s.", i->id,
				   words);
		else
			continue;
		return -1;
	}
	return 0;
}

/* Would the group's sizes still hold with @p by units more, or less? */
static int check_sizes(struct local_call *c, const struct local_fleet_group *g, int64_t by,
		       const char *what)
{
	const int64_t n = by < 0 ? -by : by;

	if (g->desired + by >= g->least && g->desired + by <= g->most)
		return 0;
	local_fail(c, "ValidationError",
		   "AutoScalingGroup %.255s has min-size=%lld, max-size=%lld, and"
		   " desired-size=%lld. To %s %lld instance%s, please update the AutoScalingGroup"
		   " sizes appropriately.",
		   g->name, (long long)g->least, (long long)g->most, (long long)g->desired, what,
		   (long long)n, n == 1 ? "" : "s");
	return -1;
}

/* How a move is told. */
struct told {
	const char *description; /* "Moving EC2 instance to Standby" */
	const char *done;        /* "was moved to standby" */
	const char *status;      /* what the reply says */
	int progress;
	int64_t by; /* the change of the desired capacity, each */
};

static void put_activity(struct local_call *c, const struct local_fleet_group *g,
			 const struct told *t, const struct local_fleet_activity *a, const char *id,
			 struct instant now)
{
	AUTO(own_freep)
	char *detail = own_printf("{\"Subnet ID\":\"\",\"Availability Zone\":\"%s\"}", a->zone);

	local_object(c, NULL);
	local_put(c, "ActivityId", id);
	local_put(c, "AutoScalingGroupName", g->name);
	local_put(c, "Description", a->description);
	local_put(c, "Cause", a->cause);
	local_put_time(c, "StartTime", now);
	local_put(c, "StatusCode", t->status);
	local_put_int(c, "Progress", t->progress);
	local_put(c, "Details", detail);
	local_put(c, "AutoScalingGroupARN", g->arn);
	local_end(c);
}

/* Writes one move: its row, its activity, its line in the reply. */
static int move_one(struct local_call *c, struct moving *m, struct local_fleet_instance *i,
		    const struct told *t, struct err *e)
{
	AUTO(own_freep) char *what = own_printf("%s: %s", t->description, i->id);
	AUTO(buf_done) struct buf cause = BUF(LOCAL_FLEET_CAUSE_MAX);
	const bool open = i->state == FLEET_PENDING;
	struct local_fleet_activity a = { .group = &m->g,
					  .description = what,
					  .zone = i->zone,
					  .status = open ? "InProgress" : "Successful" };
	char id[CRYPTO_UUID_MAX];

	local_fleet_activity_say(&cause, m->now, "instance %s %s in response to a user request%s",
				 i->id, t->done, t->by ? "" : ".");
	if (t->by)
		buf_addf(&cause, ", %s the capacity from %lld to %lld.",
			 t->by < 0 ? "shrinking" : "increasing", (long long)m->g.desired,
			 (long long)(m->g.desired + t->by));
	m->g.desired += t->by;
	a.cause = buf_str(&cause);
	if (local_fleet_activity_add(c->local->db, &a, m->now, id, e) < 0)
		return -1;
	own_free(i->activity);
	i->activity = own_strdup(open ? id : "");
	if (open && local_fleet_activity_status(c->local->db, id, t->status, t->progress, e) < 0)
		return -1;
	put_activity(c, &m->g, t, &a, id, m->now);
	return local_fleet_rows_put_instance(c->local->db, i, e);
}

static void move_all(struct local_call *c, struct moving *m, const struct told *t)
{
	struct err e;
	int rc = 0;

	local_list(c, "Activities", NULL);
	for (size_t k = 0; rc == 0 && k < m->is.count; k++)
		rc = move_one(c, m, &m->is.all[k], t, &e);
	local_end(c);
	if (rc == 0)
		rc = local_fleet_rows_put_group(c->local->db, &m->g, &e);
	if (rc < 0) {
		local_fail_internal(c, &e);
		return;
	}
	local_fleet_wake(c->local);
	local_done(c);
}

void local_autoscaling_standby_enter(struct local_call *c)
{
	AUTO(moving_done) struct moving m = { 0 };
	struct told t = { "Moving EC2 instance to Standby", "was moved to standby", "InProgress",
			  50, 0 };

	if (read_moving(c, true, &m) < 0 ||
	    check_states(c, &m, 1u << FLEET_IN_SERVICE, "InService") < 0)
		return;
	if (m.decrement) {
		t.by = -1;
		if (check_sizes(c, &m.g, -(int64_t)m.is.count, "place into standby") < 0)
			return;
	}
	for (size_t k = 0; k < m.is.count; k++)
		m.is.all[k].state = FLEET_STANDBY;
	move_all(c, &m, &t);
}

void local_autoscaling_standby_exit(struct local_call *c)
{
	AUTO(moving_done) struct moving m = { 0 };
	const struct told t = { "Moving EC2 instance out of Standby", "was moved out of standby",
				"PreInService", 30, 1 };

	if (read_moving(c, false, &m) < 0 ||
	    check_states(c, &m, 1u << FLEET_STANDBY, "Standby") < 0 ||
	    check_sizes(c, &m.g, (int64_t)m.is.count, "take out of standby") < 0)
		return;
	for (size_t k = 0; k < m.is.count; k++) {
		m.is.all[k].state = FLEET_PENDING;
		m.is.all[k].boot = m.now;
	}
	move_all(c, &m, &t);
}

void local_autoscaling_standby_detach(struct local_call *c)
{
	AUTO(moving_done) struct moving m = { 0 };
	struct told t = { "Detaching EC2 instance", "was detached", "InProgress", 50, 0 };

	if (read_moving(c, true, &m) < 0 ||
	    check_states(c, &m, 1u << FLEET_IN_SERVICE | 1u << FLEET_STANDBY,
			 "InService or Standby") < 0)
		return;
	if (m.decrement) {
		t.by = -1;
		if (check_sizes(c, &m.g, -(int64_t)m.is.count, "detach") < 0)
			return;
	}
	for (size_t k = 0; k < m.is.count; k++) {
		struct local_fleet_instance *i = &m.is.all[k];

		own_free(i->grp);
		i->grp = own_strdup("");
		i->is_protected = false;
		i->state = FLEET_IN_SERVICE; /* of nobody: it runs, as a machine of its own */
	}
	move_all(c, &m, &t);
}

void local_autoscaling_standby_attach(struct local_call *c)
{
	AUTO(moving_done) struct moving m = { 0 };
	const struct told t = { "Attaching an existing EC2 instance", "was attached", "InProgress",
				30, 1 };

	if (read_moving(c, false, &m) < 0)
		return;
	for (size_t k = 0; k < m.is.count; k++) {
		const struct local_fleet_instance *i = &m.is.all[k];

		if (!i->grp[0] && i->state == FLEET_IN_SERVICE)
			continue;
		if (i->grp[0])
			local_fail(c, "ValidationError",
				   "Instance %s is already part of AutoScalingGroup:%.255s", i->id,
				   i->grp);
		else
			local_fail(c, "ValidationError", "Instance %s is not in correct state",
				   i->id);
		return;
	}
	if (check_sizes(c, &m.g, (int64_t)m.is.count, "attach") < 0)
		return;
	for (size_t k = 0; k < m.is.count; k++) {
		struct local_fleet_instance *i = &m.is.all[k];

		own_free(i->grp);
		i->grp = own_strdup(m.g.name);
		i->is_protected = m.g.protect_new;
		i->state = FLEET_PENDING;
		i->boot = m.now;
	}
	move_all(c, &m, &t);
}
