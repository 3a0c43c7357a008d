#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "local/autoscaling_policy.h"
#include "local/fleet_launch.h"
#include "local/fleet_own.h"
#include "local/fleet_process.h"
#include "local/metadata.h"

#define RETRY_MS 1000

static void turn(void *arg);

struct local_fleet_run *local_fleet_find(struct local_fleet *f, const char *id)
{
	for (size_t i = 0; i < f->count; i++)
		if (strcmp(f->runs[i]->id, id) == 0)
			return f->runs[i];
	return NULL;
}

/* Forgets the handles; a process that still runs goes on, one behind its gate ends. */
static void run_done(struct local_fleet_run *r)
{
	if (r->gate >= 0)
		close(r->gate);
	loop_child_free(r->child);
	loop_watch_free(r->watch);
}

struct local_fleet_run *local_fleet_run_new(struct local_fleet *f, const char *id)
{
	struct local_fleet_run *r = local_fleet_find(f, id);

	if (r) { /* its process has ended, and it is started again */
		run_done(r);
	} else {
		r = own_alloc(sizeof(*r));
		f->runs = own_grow(f->runs, f->count + 1, sizeof(struct local_fleet_run *));
		f->runs[f->count++] = r;
	}
	*r = (struct local_fleet_run){ .fleet = f, .gate = -1 };
	snprintf(r->id, sizeof(r->id), "%s", id);
	return r;
}

static void run_free(struct local_fleet_run *r)
{
	run_done(r);
	own_free(r);
}

static void run_drop(struct local_fleet *f, size_t i)
{
	run_free(f->runs[i]);
	f->runs[i] = f->runs[--f->count];
}

void local_fleet_due(struct local_fleet *f, struct instant t)
{
	if (t.ms < f->due.ms)
		f->due = t;
}

static void wake(struct local_fleet *f)
{
	if (f->woken)
		return;
	f->woken = true;
	loop_timer_start(f->timer, span_ms(0));
}

static void wake_after(struct local *l, bool committed, void *arg)
{
	(void)arg;
	if (committed && l->fleet)
		wake(l->fleet);
}

void local_fleet_wake(struct local *l)
{
	if (l->fleet)
		local_after_commit(l, wake_after, NULL);
}

void local_fleet_ended(int status, int signum, void *arg)
{
	struct local_fleet_run *r = arg;

	LOG_INFO("instance's process ended", LOG_S("instance", r->id), LOG_I("status", status),
		 LOG_I("signal", signum));
	r->running = false;
	wake(r->fleet);
}

static void adopted_ended(void *arg)
{
	struct local_fleet_run *r = arg;

	LOG_INFO("adopted instance's process ended", LOG_S("instance", r->id));
	r->running = false;
	wake(r->fleet);
}

/* Finds the process of a row again. Whatever is not found is left to turn(), which sees that
 * nothing runs. */
static int adopt(struct local_fleet *f, const struct local_fleet_instance *i, struct err *e)
{
	struct local_fleet_run *r = local_fleet_run_new(f, i->id);

	r->pid = (pid_t)i->pid;
	r->started = i->pid_start;
	if (!local_fleet_process_is(r->pid, r->started, i->boot_id))
		return 0;
	r->watch = loop_watch_pid(f->local->loop, r->pid, adopted_ended, r, e);
	if (!r->watch)
		return e->kind == ERR_NOT_FOUND ? 0 : -1;
	/* The watch holds one process; is it still the same? */
	r->running = local_fleet_process_is(r->pid, r->started, i->boot_id);
	if (r->running)
		LOG_INFO("instance adopted", LOG_S("instance", i->id), LOG_S("group", i->grp),
			 LOG_I("pid", i->pid));
	return 0;
}

int local_fleet_start(struct local *l, struct err *e)
{
	AUTO(local_fleet_rows_instances_done) struct local_fleet_instances all = { 0 };
	struct local_fleet *f = own_alloc(sizeof(*f));

	l->fleet = f;
	f->local = l;
	f->timer = loop_timer_new(l->loop, turn, f);
	if (local_fleet_rows_instances(l->db, NULL, "", -1, &all, e) < 0)
		return err_wrap(e, "reading instances");
	for (size_t i = 0; i < all.count; i++)
		if (all.all[i].pid > 0 && adopt(f, &all.all[i], e) < 0)
			return err_wrap(e, "adopting %s", all.all[i].id);
	wake(f);
	return 0;
}

void local_fleet_stop(struct local *l)
{
	struct local_fleet *f = l->fleet;

	if (!f)
		return;
	while (f->count)
		run_drop(f, f->count - 1);
	own_free(f->runs);
	loop_timer_free(f->timer);
	own_free(f);
	l->fleet = NULL;
}

/* Adopted instances get their metadata address back. Somebody else may sit at the port for a
 * moment. */
static void reopen_metadata(struct local_fleet *f, const struct local_fleet_instance *i,
			    struct instant now)
{
	struct local_fleet_run *r = local_fleet_find(f, i->id);
	struct err e;
	uint16_t port;

	if (!r || !r->running || i->port == 0 || local_metadata_is_open(f->local, i->id))
		return;
	if (local_metadata_open(f->local, i, &port, &e) == 0) {
		r->deaf = false;
		return;
	}
	if (!r->deaf)
		LOG_WARN("instance's metadata address is not to be had -> trying again",
			 LOG_S("instance", i->id), LOG_I("port", i->port), LOG_E(&e));
	r->deaf = true;
	local_fleet_due(f, instant_add(now, span_ms(RETRY_MS)));
}

static void look_at_one(struct local_fleet_look *k, const struct local_fleet_instance *i)
{
	reopen_metadata(k->fleet, i, k->now);
	if (local_fleet_choose_supply(i->state))
		local_fleet_mixed_count(&k->mix, i->weight, i->spot);
}

/* Instances that were detached have no group. Each is a machine of its own: it goes when its
 * process ends, when it was told to, or with everything. */
static int look_at_detached(struct local_fleet *f, struct instant now, int64_t *total,
			    size_t *ret_left, struct err *e)
{
	char empty[] = "";
	struct local_fleet_group none = {
		.name = empty, .arn = empty, .launch = empty, .cause = empty, .no_launch = true
	};
	struct local_fleet_look k = { .fleet = f,
				      .group = &none,
				      .now = now,
				      .forced = f->stopping,
				      .total = total,
				      .launch = empty };
	int rc = local_fleet_rows_instances(f->local->db, "", NULL, -1, &k.instances, e);

	*ret_left = k.instances.count;
	for (size_t i = 0; rc == 0 && i < k.instances.count; i++)
		look_at_one(&k, &k.instances.all[i]);
	if (rc == 0)
		rc = local_fleet_life(&k, e);
	for (size_t i = 0; rc == 0 && i < k.instances.count; i++) {
		struct local_fleet_instance *it = &k.instances.all[i];

		if (local_fleet_choose_leaving(it->state) || (it->healthy && !k.forced))
			continue;
		rc = local_fleet_life_terminate(f->local, &none, it, "", true, now, e);
		f->changed = true;
	}
	own_free(none.scaled_by);
	local_fleet_rows_instances_done(&k.instances);
	return rc < 0 ? err_wrap(e, "detached instances") : 0;
}

static int look_at_group(struct local_fleet *f, struct local_fleet_group *g, struct instant now,
			 int64_t *total, size_t *ret_left, struct err *e)
{
	struct local_fleet_look k = {
		.fleet = f,
		.group = g,
		.now = now,
		.forced = f->stopping || g->status,
		.total = total,
		.launch = g->launch,
		.version = g->version,
		.template = g->template,
	};
	AUTO(local_fleet_refreshing_done) struct local_fleet_refreshing refreshing = { 0 };
	int rc = local_fleet_rows_instances(f->local->db, g->name, NULL, -1, &k.instances, e);

	*ret_left = k.instances.count;
	if (rc == 0)
		rc = local_fleet_pool_read(f->local->db, g->name, &k.pool, e);
	for (size_t i = 0; rc == 0 && i < k.instances.count; i++)
		look_at_one(&k, &k.instances.all[i]);
	if (rc == 0)
		rc = local_fleet_life(&k, e);
	if (rc == 0 && !k.forced)
		rc = local_fleet_refresh(&k, &refreshing, e);
	if (rc == 0)
		rc = local_fleet_fill(&k, e);
	if (rc == 0 && k.dirty)
		rc = local_fleet_rows_put_group(f->local->db, g, e);
	local_fleet_rows_instances_done(&k.instances);
	if (rc < 0)
		return err_wrap(e, "group '%s'", g->name);
	if (g->status && *ret_left == 0) {
		f->changed = true;
		LOG_INFO("group deleted", LOG_S("group", g->name));
		if (local_autoscaling_policy_forget(f->local, g->name, e) < 0)
			return -1;
		return local_fleet_rows_drop_group(f->local->db, g->name, e);
	}
	return 0;
}

static int count_instances(struct local *l, int64_t *ret, struct err *e)
{
	AUTO(db_endp)
	struct db_row *r = db_query(l->db, "SELECT count(*) FROM fleet_instance", NULL, 0, e);

	if (!r || db_step(r, e) < 0)
		return -1;
	*ret = db_int(r, 0);
	return 0;
}

static int look(struct local_fleet *f, struct instant now, size_t *ret_left, struct err *e)
{
	AUTO(local_fleet_rows_groups_done) struct local_fleet_groups groups = { 0 };
	struct instant next = { INT64_MAX };
	int64_t total;
	size_t left;

	*ret_left = 0;
	if (count_instances(f->local, &total, e) < 0 ||
	    local_fleet_rows_groups(f->local->db, "", -1, &groups, e) < 0)
		return -1;
	for (size_t i = 0; i < groups.count; i++) {
		if (look_at_group(f, &groups.all[i], now, &total, &left, e) < 0)
			return -1;
		*ret_left += left;
	}
	if (look_at_detached(f, now, &total, &left, e) < 0)
		return -1;
	*ret_left += left;
	if (local_metadata_renew(f->local, now, &next, e) < 0)
		return err_wrap(e, "keys of instances");
	local_fleet_due(f, next);
	return 0;
}

/* The rows say that it was started: let it run, or, where they do not, end it unseen. */
static void settle_start(struct local_fleet_run *r, bool committed)
{
	if (!r->fresh)
		return;
	r->fresh = false;
	if (committed && r->gate >= 0)
		local_fleet_launch_open(r->gate);
	else if (r->gate >= 0)
		close(r->gate);
	r->gate = -1;
	r->gone |= !committed;
}

static void settle_run(struct local_fleet_run *r, bool committed)
{
	settle_start(r, committed);
	if (committed && r->terminate && !r->terminated) {
		/* A restart sends it once more: nobody can know whether the first arrived. */
		r->terminated = true;
		if (r->running)
			kill(-r->pid, SIGTERM);
		r->thaw = true; /* one that is hibernated could not hear it */
	}
	if (committed && r->freeze && r->running)
		kill(-r->pid, SIGSTOP);
	if (committed && r->thaw && r->running)
		kill(-r->pid, SIGCONT);
	r->freeze = r->thaw = false;
	if (!committed)
		r->terminate = r->terminated;
}

/* After the commit: what was written becomes true. */
static void act(struct local *l, bool committed, void *arg)
{
	struct local_fleet *f = l->fleet;

	(void)arg;
	for (size_t i = 0; f && i < f->count;) {
		struct local_fleet_run *r = f->runs[i];
		bool fresh = r->fresh;

		settle_run(r, committed);
		if ((r->gone && (committed || fresh)) || (r->parked && committed)) {
			const bool gone = r->gone;
			char id[LOCAL_FLEET_ID_MAX];

			snprintf(id, sizeof(id), "%s", r->id);
			run_drop(f, i);
			local_metadata_close(l, id);
			if (committed && gone)
				local_fleet_prune(f, id);
			continue;
		}
		r->gone = r->parked = false;
		i++;
	}
	if (!f)
		return; /* stopped between the writing and the commit */
	local_metadata_settle(l, committed);
	if (!committed)
		loop_timer_start(f->timer, span_ms(RETRY_MS));
	else if (f->changed)
		wake(f);
}

/* Looks at everything, writes what follows, and has it acted on after the commit. */
static void turn(void *arg)
{
	struct local_fleet *f = arg;
	struct instant now = local_wall(f->local);
	size_t left = 0;
	struct err e;

	f->woken = false;
	f->changed = false;
	f->due = (struct instant){ INT64_MAX };
	if (local_write(f->local, &e) < 0) {
		LOG_ERROR("instances cannot be looked after -> trying again", LOG_E(&e));
		loop_timer_start(f->timer, span_ms(RETRY_MS));
		return;
	}
	local_after_commit(f->local, act, NULL);
	if (look(f, now, &left, &e) < 0) {
		LOG_ERROR("instances cannot be looked after -> trying again", LOG_E(&e));
		local_undo(f->local);
		return;
	}
	if (f->stopping && left == 0 && !f->changed && f->done)
		loop_soon(f->local->loop, TAKE(f->done), f->done_arg);
	if (f->due.ms != INT64_MAX)
		loop_timer_start(f->timer, local_real(f->local, instant_since(f->due, now)));
}

void local_fleet_shutdown(struct local *l, loop_fn *done, void *arg)
{
	struct local_fleet *f = l->fleet;

	f->stopping = true;
	f->done = done;
	f->done_arg = arg;
	wake(f);
}

void local_fleet_hurry(struct local *l)
{
	l->fleet->hurry = true;
	wake(l->fleet);
}
