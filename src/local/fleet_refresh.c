#include "local/fleet_refresh.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "local/fleet_activity.h"
#include "local/fleet_own.h"

#define PATIENCE_MS (3600ll * 1000) /* AWS: waits an hour for what does not move, then fails */

/* ---- how many at a time ---- */

static int64_t floor_of(const struct local_fleet_roll *r)
{
	return (r->desired * r->least + 99) / 100;
}

int64_t local_fleet_refresh_take(const struct local_fleet_roll *r)
{
	int64_t least = floor_of(r), n;

	/* A hundred percent means one at a time, where nothing may be launched first. */
	if (r->most <= 100 && least >= r->desired)
		least = r->desired - 1;
	n = r->ready - least;
	if (n > r->todo)
		n = r->todo;
	return n > 0 ? n : 0;
}

int64_t local_fleet_refresh_extra(const struct local_fleet_roll *r)
{
	int64_t n = r->desired * (r->most - 100) / 100;

	if (r->most <= 100 || r->todo <= 0)
		return 0;
	if (n < 1)
		n = 1;
	return n < r->todo ? n : r->todo;
}

/* ---- one turn ---- */

struct turn {
	struct local_fleet_look *k;
	struct local_fleet_refreshing *r;
	struct local_fleet_roll roll;
	bool *listed;                  /* beside k->instances: still to be replaced */
	int64_t left, coming, waiting; /* instances: listed; new and not warm; listed and held */
};

static void say(char **p, const char *text)
{
	own_free(*p);
	*p = own_strdup(text);
}

static int64_t units(const struct local_fleet_instance *i)
{
	return i->weight > 0 ? i->weight : 1;
}

static bool is_back(const struct local_fleet_refreshing *r)
{
	return strncmp(r->status, "Rollback", 8) == 0;
}

static int end(struct turn *t, const char *status, const char *reason, struct err *e)
{
	LOG_INFO("instance refresh ended", LOG_S("group", t->r->grp), LOG_S("status", status));
	say(&t->r->status, status);
	if (reason)
		say(&t->r->reason, reason);
	t->r->end = t->k->now;
	t->k->fleet->changed = true;
	return local_fleet_refresh_put(t->k->fleet->local->db, t->r, e);
}

static bool held(const struct turn *t, const struct local_fleet_instance *i)
{
	if (i->state == FLEET_STANDBY)
		return t->r->standby[0] != 'T';
	return i->is_protected && i->state == FLEET_IN_SERVICE && t->r->protection[0] != 'R';
}

static bool ignored(const struct turn *t, const struct local_fleet_instance *i)
{
	return held(t, i) &&
	       (i->state == FLEET_STANDBY ? t->r->standby : t->r->protection)[0] == 'I';
}

static int unlist(struct turn *t, const char *instance, struct err *e)
{
	return DB_RUN(t->k->fleet->local->db, e,
		      "DELETE FROM fleet_refresh_todo WHERE refresh = ? AND instance = ?",
		      DB_S(t->r->id), DB_S(instance));
}

/* Finds what is listed; what has gone, or is none of its business, goes from the list. */
static int read_list(struct turn *t, struct err *e)
{
	const struct local_fleet_instances *all = &t->k->instances;
	struct db *d = t->k->fleet->local->db;
	AUTO(db_endp) struct db_row *r = NULL;
	int rc;

	if (DB_RUN(d, e,
		   "DELETE FROM fleet_refresh_todo WHERE refresh = ?1 AND instance NOT IN"
		   " (SELECT id FROM fleet_instance WHERE grp = ?2)",
		   DB_S(t->r->id), DB_S(t->r->grp)) < 0)
		return -1;
	r = db_query(d, "SELECT instance FROM fleet_refresh_todo WHERE refresh = ?",
		     DB_ARGS(DB_S(t->r->id)), e);
	if (!r)
		return -1;
	while ((rc = db_step(r, e)) == 1)
		for (size_t i = 0; i < all->count; i++)
			t->listed[i] |= strcmp(all->all[i].id, db_str(r, 0)) == 0;
	return rc;
}

static int count_one(struct turn *t, size_t at, struct err *e)
{
	const struct local_fleet_instance *i = &t->k->instances.all[at];
	const struct instant warm = instant_add(i->served, span_s(t->r->warmup_s));
	const bool serves = i->state == FLEET_IN_SERVICE && i->healthy;

	if (t->listed[at] && (local_fleet_choose_leaving(i->state) || ignored(t, i))) {
		t->listed[at] = false;
		if (unlist(t, i->id, e) < 0)
			return -1;
	}
	if (local_fleet_choose_supply(i->state))
		t->roll.supply += units(i);
	if (serves && (t->listed[at] || i->launched.ms < t->r->start.ms || warm.ms <= t->k->now.ms))
		t->roll.ready += units(i);
	else if (local_fleet_choose_supply(i->state) && !t->listed[at])
		t->coming++;
	if (serves && !t->listed[at] && warm.ms > t->k->now.ms)
		local_fleet_due(t->k->fleet, warm);
	if (!t->listed[at])
		return 0;
	t->left++;
	t->waiting += held(t, i);
	t->roll.todo += local_fleet_choose_pooled(i->state) || held(t, i) ? 0 : units(i);
	return 0;
}

/* The checkpoint that is next: a percentage, 100 when there is none any more. */
static int64_t checkpoint(const struct local_fleet_refreshing *r, bool *ret_last)
{
	const char *p = r->checkpoints;

	for (int64_t i = 0; i < r->passed && *p; i++) {
		p = strchrnul(p, ',');
		p += *p == ',';
	}
	*ret_last = !strchr(p, ',');
	return *p ? strtoll(p, NULL, 10) : 100;
}

/* Instances that may still be taken before the next checkpoint. */
static int64_t until_checkpoint(struct turn *t)
{
	struct local_fleet_refreshing *r = t->r;
	bool last;
	int64_t goal = (r->total * checkpoint(r, &last) + 99) / 100;
	const int64_t done = r->total - t->left;

	if (is_back(r))
		return t->left;
	if (done >= goal && t->coming == 0 && !last) {
		r->passed++;
		r->resume = instant_add(t->k->now, span_s(r->delay_s));
		goal = (r->total * checkpoint(r, &last) + 99) / 100;
	}
	if (r->resume.ms > t->k->now.ms) {
		local_fleet_due(t->k->fleet, r->resume);
		return 0;
	}
	return goal - done;
}

static int replace(struct turn *t, struct local_fleet_instance *i, struct err *e)
{
	AUTO(buf_done) struct buf cause = BUF(LOCAL_FLEET_CAUSE_MAX);

	local_fleet_activity_say(&cause, t->k->now,
				 "an instance was taken out of service in response to an instance "
				 "refresh.");
	t->k->fleet->changed = true;
	if (local_fleet_life_terminate(t->k->fleet->local, t->k->group, i, buf_str(&cause), false,
				       t->k->now, e) < 0)
		return -1;
	return unlist(t, i->id, e);
}

/* Those of the pool and in standby are no capacity: they go at once. */
static int take(struct turn *t, struct err *e)
{
	const bool stands = t->k->group->no_terminate || t->k->group->no_launch;
	int64_t most = stands ? 0 : until_checkpoint(t);
	int64_t room = local_fleet_refresh_take(&t->roll);

	for (size_t k = 0; k < t->k->instances.count && most > 0; k++) {
		struct local_fleet_instance *i = &t->k->instances.all[k];
		const bool serves = local_fleet_choose_supply(i->state);

		if (!t->listed[k] || held(t, i) || (serves && units(i) > room) ||
		    (serves && i->state != FLEET_IN_SERVICE))
			continue;
		if (replace(t, i, e) < 0)
			return -1;
		room -= serves ? units(i) : 0;
		t->roll.todo -= serves ? units(i) : 0;
		most--;
	}
	return 0;
}

/* The group becomes what the refresh made of its instances. */
static void adopt(struct turn *t)
{
	struct local_fleet_group *g = t->k->group;

	if (!t->r->launch || is_back(t->r))
		return;
	say(&g->launch, t->r->launch);
	own_free(g->version);
	g->version = own_strdup(t->r->version);
	g->template = t->r->template;
	t->k->launch = g->launch;
	t->k->version = g->version;
	t->k->dirty = true;
}

static int finish(struct turn *t, struct err *e)
{
	struct local_fleet_refreshing *r = t->r;

	if (is_back(r))
		return end(t, "RollbackSuccessful", NULL, e);
	if (r->bake_s && !r->bake.ms) {
		r->bake = instant_add(t->k->now, span_s(r->bake_s));
		say(&r->status, "Baking");
	}
	if (r->bake.ms > t->k->now.ms) {
		local_fleet_due(t->k->fleet, r->bake);
		return local_fleet_refresh_put(t->k->fleet->local->db, r, e);
	}
	adopt(t);
	return end(t, "Successful", NULL, e);
}

static int give_up(struct turn *t, struct err *e)
{
	static const char why[] = "The instance refresh did not make progress for an hour.";

	if (is_back(t->r))
		return end(t, "RollbackFailed", why, e);
	if (t->r->rollback && t->r->desired)
		return local_fleet_refresh_back(t->k->fleet->local->db, t->k->group, t->r, why,
						t->k->now, e);
	return end(t, "Failed", why, e);
}

static void progress(struct turn *t)
{
	struct local_fleet_refreshing *r = t->r;
	int64_t todo = t->left + t->coming;

	if (todo > r->total)
		todo = r->total;
	if (todo != r->todo)
		r->moved = t->k->now;
	r->todo = todo;
	r->percent = r->total ? (r->total - todo) * 100 / r->total : 100;
	own_free(r->reason);
	r->reason = NULL;
	if (t->waiting)
		r->reason = own_strdup("Waiting for instances that are protected from scale-in or "
				       "in standby.");
	else if (t->coming)
		r->reason = own_strdup("Waiting for instances to warm up before continuing.");
}

static int step(struct turn *t, struct err *e)
{
	struct local_fleet_look *k = t->k;
	const struct instant patience = instant_add(t->r->moved, span_ms(PATIENCE_MS));
	bool last;
	int64_t goal;

	for (size_t i = 0; i < k->instances.count; i++)
		if (count_one(t, i, e) < 0)
			return -1;
	progress(t);
	goal = (t->r->total * checkpoint(t->r, &last) + 99) / 100;
	if (t->coming == 0 && t->roll.supply >= k->group->desired &&
	    (t->left == 0 || (last && !is_back(t->r) && t->r->total - t->left >= goal)))
		return finish(t, e);
	if (patience.ms <= k->now.ms && t->r->resume.ms <= k->now.ms)
		return give_up(t, e);
	if (patience.ms > k->now.ms)
		local_fleet_due(k->fleet, patience);
	if (take(t, e) < 0)
		return -1;
	k->extra = (int)local_fleet_refresh_extra(&t->roll);
	return local_fleet_refresh_put(k->fleet->local->db, t->r, e);
}

int local_fleet_refresh(struct local_fleet_look *k, struct local_fleet_refreshing *r, struct err *e)
{
	AUTO(own_freep) bool *listed = own_array(k->instances.count + 1, sizeof(*listed));
	struct turn t = { .k = k, .r = r, .listed = listed };
	int rc = local_fleet_refresh_active(k->fleet->local->db, k->group->name, r, e);

	if (rc <= 0)
		return rc;
	t.roll = (struct local_fleet_roll){ .desired = k->group->desired,
					    .least = r->least,
					    .most = r->most };
	if (strcmp(r->status, "Cancelling") == 0)
		return end(&t, "Cancelled", NULL, e);
	if (strcmp(r->status, "Pending") == 0)
		say(&r->status, "InProgress");
	if (read_list(&t, e) < 0 || (!k->group->no_refresh && step(&t, e) < 0))
		return err_wrap(e, "instance refresh");
	if (r->launch && !is_back(r) && !r->end.ms) {
		k->launch = r->launch;
		k->version = r->version;
		k->template = r->template;
	}
	return 0;
}
