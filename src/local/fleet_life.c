#include <signal.h>
#include <string.h>

#include "base/log.h"
#include "local/fleet_activity.h"
#include "local/fleet_launch.h"
#include "local/fleet_own.h"
#include "local/fleet_process.h"
#include "local/metadata.h"

#define SHORT_LIFE_MS 60000 /* one that ends sooner counts as a failed launch */
#define AGAIN_MS 50         /* between looks at processes that are being killed */

void local_fleet_life_failed(struct local_fleet_look *k)
{
	struct local_fleet_group *g = k->group;

	g->failures++;
	g->not_before =
		instant_add(k->now, span_ms(local_fleet_choose_backoff_ms((int)g->failures)));
	k->dirty = true;
}

int local_fleet_life_terminate(struct local *l, const struct local_fleet_group *g,
			       struct local_fleet_instance *i, const char *cause, bool forced,
			       struct instant now, struct err *e)
{
	AUTO(own_freep) char *what = own_printf("Terminating EC2 instance: %s", i->id);
	const struct local_fleet_run *r = local_fleet_find(l->fleet, i->id);
	bool served = r && r->running;
	char id[CRYPTO_UUID_MAX];
	int64_t hooks = 0;

	if (i->activity[0] &&
	    local_fleet_activity_end(l->db, i->activity, "Cancelled", NULL, now, e) < 0)
		return -1;
	/* What never ran, or does not run any more, has nobody who could finish something. */
	if (served && !forced && local_fleet_wait_begin(l->db, i, false, now, &hooks, e) < 0)
		return -1;
	if (local_fleet_activity_add(
		    l->db,
		    &(struct local_fleet_activity){ .group = g,
						    .description = what,
						    .cause = cause,
						    .zone = i->zone,
						    .status = hooks ? "MidLifecycleAction"
								    : "InProgress" },
		    now, id, e) < 0)
		return -1;
	own_free(i->activity);
	i->activity = own_strdup(id);
	if (local_fleet_choose_pooled(i->state))
		i->state = hooks ? FLEET_WARMED_TERMINATING_WAIT : FLEET_WARMED_TERMINATING;
	else
		i->state = hooks ? FLEET_TERMINATING_WAIT : FLEET_TERMINATING;
	i->stop = instant_add(now, l->options.stop_grace);
	LOG_INFO("instance terminating", LOG_S("instance", i->id), LOG_S("group", g->name),
		 LOG_I("hooks", hooks), LOG_S("cause", cause));
	return local_fleet_rows_put_instance(l->db, i, e);
}

static int end_activity(struct local_fleet_look *k, struct local_fleet_instance *i,
			const char *status, const char *message, struct err *e)
{
	if (local_fleet_activity_end(k->fleet->local->db, i->activity, status, message, k->now, e) <
	    0)
		return -1;
	own_free(k->group->scaled_by);
	k->group->scaled_by = own_strdup(i->activity);
	k->group->scaled = k->now;
	k->dirty = true;
	own_free(i->activity);
	i->activity = own_strdup("");
	return 0;
}

static int enter(struct local_fleet_look *k, struct local_fleet_instance *i, struct err *e)
{
	if (local_fleet_choose_pooled(i->state))
		return local_fleet_pool_settle(k, i, e);
	i->state = FLEET_IN_SERVICE;
	i->served = k->now;
	LOG_INFO("instance in service", LOG_S("instance", i->id), LOG_S("group", i->grp),
		 LOG_I("pid", i->pid), LOG_I("metadata_port", i->port));
	return end_activity(k, i, "Successful", NULL, e) < 0
		       ? -1
		       : local_fleet_rows_put_instance(k->fleet->local->db, i, e);
}

/* Starts the process, behind its gate. */
static int start_process(struct local_fleet_look *k, struct local_fleet_instance *i, struct err *e)
{
	struct local_fleet *f = k->fleet;
	struct local_fleet_run *r = local_fleet_run_new(f, i->id);
	char boot_id[LOCAL_FLEET_BOOT_ID_MAX];
	uint16_t port;

	r->fresh = true;
	port = (uint16_t)i->port;
	if (!local_metadata_is_open(f->local, i->id) &&
	    local_metadata_open(f->local, i, &port, e) < 0)
		return -1;
	i->port = port;
	r->child = local_fleet_launch(f->local, i, local_fleet_ended, r, &r->gate, e);
	if (!r->child)
		return -1;
	r->running = true;
	r->pid = loop_child_pid(r->child);
	r->started = local_fleet_process_started(r->pid);
	i->pid = r->pid;
	i->pid_start = r->started;
	own_free(i->boot_id);
	i->boot_id = own_strdup(local_fleet_process_boot_id(boot_id));
	i->started = k->now;
	return 0;
}

/* A machine that cannot be started: told in the activities, and tried again with a new one. */
static int launch_failed(struct local_fleet_look *k, struct local_fleet_instance *i,
			 const struct err *why, struct err *e)
{
	struct local_fleet_run *r = local_fleet_find(k->fleet, i->id);

	LOG_ERROR("instance cannot be started -> another is launched", LOG_S("instance", i->id),
		  LOG_S("group", i->grp), LOG_E(why));
	local_fleet_life_failed(k);
	r->gone = true;
	if (end_activity(k, i, "Failed", why->text, e) < 0)
		return -1;
	(*k->total)--;
	i->state = FLEET_TERMINATING; /* no supply for the choice that follows */
	if (DB_RUN(k->fleet->local->db, e, "DELETE FROM fleet_notice WHERE instance=?",
		   DB_S(i->id)) < 0)
		return -1;
	return local_fleet_rows_drop_instance(k->fleet->local->db, i->id, e);
}

static int boot(struct local_fleet_look *k, struct local_fleet_instance *i, struct err *e)
{
	struct db *d = k->fleet->local->db;
	struct local_fleet_run *r = local_fleet_find(k->fleet, i->id);
	const bool pooled = local_fleet_choose_pooled(i->state), runs = r && r->running;
	int64_t hooks = 0;
	struct err why;

	if (local_fleet_wait_begin(d, i, true, k->now, &hooks, e) < 0)
		return -1;
	if (runs)
		r->thaw = true; /* it waited in the pool, or in standby */
	else if ((!pooled || local_fleet_pool_runs(&k->pool, hooks)) &&
		 start_process(k, i, &why) < 0)
		return launch_failed(k, i, &why, e);
	if (hooks == 0)
		return enter(k, i, e);
	i->state = pooled ? FLEET_WARMED_PENDING_WAIT : FLEET_PENDING_WAIT;
	if (local_fleet_activity_status(d, i->activity, "MidLifecycleAction", 30, e) < 0)
		return -1;
	return local_fleet_rows_put_instance(d, i, e);
}

static int unwell(struct local_fleet_look *k, struct local_fleet_instance *i, struct err *e)
{
	LOG_WARN("instance's process is gone -> unhealthy", LOG_S("instance", i->id),
		 LOG_S("group", i->grp));
	i->healthy = false;
	if (instant_since(k->now, i->started).ms < SHORT_LIFE_MS) {
		local_fleet_life_failed(k);
	} else {
		k->group->failures = 0;
		k->dirty = true;
	}
	return local_fleet_rows_put_instance(k->fleet->local->db, i, e);
}

static int abandon(struct local_fleet_look *k, struct local_fleet_instance *i, struct err *e)
{
	AUTO(buf_done) struct buf cause = BUF(LOCAL_FLEET_CAUSE_MAX);

	local_fleet_activity_say(&cause, k->now,
				 "an instance was taken out of service in response to a launching"
				 " lifecycle hook that was abandoned.");
	local_fleet_life_failed(k);
	return local_fleet_life_terminate(k->fleet->local, k->group, i, buf_str(&cause), k->forced,
					  k->now, e);
}

static int proceed(struct local_fleet_look *k, struct local_fleet_instance *i, struct err *e)
{
	struct db *d = k->fleet->local->db;

	if (DB_RUN(d, e, "DELETE FROM fleet_wait WHERE instance = ?", DB_S(i->id)) < 0)
		return -1;
	if (i->reuse && local_fleet_pool_runs(&k->pool, 0))
		return local_fleet_pool_enter(k, i, e);
	i->state = local_fleet_choose_pooled(i->state) ? FLEET_WARMED_TERMINATING_PROCEED
						       : FLEET_TERMINATING_PROCEED;
	i->stop = instant_add(k->now, k->fleet->local->options.stop_grace);
	if (local_fleet_activity_status(d, i->activity, "InProgress", 50, e) < 0)
		return -1;
	return local_fleet_rows_put_instance(d, i, e);
}

/* The process is over; so are its relatives, at once, as when power is cut. */
static int gone(struct local_fleet_look *k, struct local_fleet_instance *i, struct err *e)
{
	struct local_fleet_run *r = local_fleet_find(k->fleet, i->id);

	if (i->pid > 0 && local_fleet_process_sweep(i->id, (pid_t)i->pid, i->pid_start, SIGKILL)) {
		local_fleet_due(k->fleet, instant_add(k->now, span_ms(AGAIN_MS)));
		return 0;
	}
	if (i->state == FLEET_WARMED_PENDING_PROCEED)
		return local_fleet_pool_stopped(k, i, e);
	if (i->reuse)
		return local_fleet_pool_enter(k, i, e);
	LOG_INFO("instance terminated", LOG_S("instance", i->id), LOG_S("group", i->grp));
	if (r)
		r->gone = true;
	(*k->total)--;
	k->fleet->changed = true;
	if (end_activity(k, i, "Successful", NULL, e) < 0)
		return -1;
	return local_fleet_rows_drop_instance(k->fleet->local->db, i->id, e);
}

/* Its process has been told to end, or is to be told. */
static bool stops(const struct local_fleet_instance *i)
{
	return local_fleet_choose_stopping(i->state) || i->state == FLEET_WARMED_PENDING_PROCEED;
}

static int look_at(struct local_fleet_look *k, const struct local_fleet_instance *i,
		   struct local_fleet_sight *ret, struct err *e)
{
	struct local_fleet *f = k->fleet;
	const struct local_fleet_run *r = local_fleet_find(f, i->id);
	const bool launches =
		i->state == FLEET_PENDING_WAIT || i->state == FLEET_WARMED_PENDING_WAIT;
	const bool waits = launches || i->state == FLEET_TERMINATING_WAIT ||
			   i->state == FLEET_WARMED_TERMINATING_WAIT;

	*ret = (struct local_fleet_sight){
		.state = i->state,
		.healthy = i->healthy,
		.running = r && r->running,
		.checked = !k->group->no_health_check,
		.boot_due = i->boot.ms <= k->now.ms && !k->forced,
		.stop_due = i->stop.ms <= k->now.ms || (f->stopping && f->hurry),
		.hooks = launches ? FLEET_HOOKS_OPEN : FLEET_HOOKS_CONTINUE,
	};
	if ((i->state == FLEET_PENDING || i->state == FLEET_WARMED_PENDING) && !ret->boot_due)
		local_fleet_due(f, i->boot);
	if (stops(i) && ret->running && !ret->stop_due)
		local_fleet_due(f, i->stop);
	if (!waits || k->forced)
		return 0;
	return local_fleet_wait_answer(f, i->id, k->now, &ret->hooks, e);
}

static int step(struct local_fleet_look *k, struct local_fleet_instance *i, struct err *e)
{
	struct local_fleet_run *r;
	struct local_fleet_sight sight;
	enum local_fleet_step next;

	if (local_fleet_notice_due(k, i, e) < 0 || look_at(k, i, &sight, e) < 0)
		return -1;
	next = local_fleet_choose_step(&sight);
	if (next != FLEET_STEP_NONE && next != FLEET_STEP_KILL && next != FLEET_STEP_GONE)
		k->fleet->changed = true;
	switch (next) {
	case FLEET_STEP_BOOT:
		return boot(k, i, e);
	case FLEET_STEP_ENTER:
		return enter(k, i, e);
	case FLEET_STEP_ABANDON:
		return abandon(k, i, e);
	case FLEET_STEP_UNWELL:
		return unwell(k, i, e);
	case FLEET_STEP_PROCEED:
		return proceed(k, i, e);
	case FLEET_STEP_KILL:
		local_fleet_process_sweep(i->id, (pid_t)i->pid, i->pid_start, SIGKILL);
		local_fleet_due(k->fleet, instant_add(k->now, span_ms(AGAIN_MS)));
		return 0;
	case FLEET_STEP_GONE:
		return gone(k, i, e);
	case FLEET_STEP_NONE:
		break;
	}
	r = local_fleet_find(k->fleet, i->id);
	if (r && stops(i))
		r->terminate = true;
	return 0;
}

int local_fleet_life(struct local_fleet_look *k, struct err *e)
{
	for (size_t i = 0; i < k->instances.count; i++)
		if (step(k, &k->instances.all[i], e) < 0)
			return err_wrap(e, "instance %s", k->instances.all[i].id);
	return 0;
}
