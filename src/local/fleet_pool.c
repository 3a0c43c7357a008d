#include "local/fleet_pool.h"

#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "local/fleet_activity.h"
#include "local/fleet_own.h"

int local_fleet_pool_read(struct db *d, const char *group, struct local_fleet_pool *ret,
			  struct err *e)
{
	AUTO(db_endp)
	struct db_row *r = db_query(d,
				    "SELECT least, prepared, state, reuse, leaving FROM fleet_pool"
				    " WHERE grp = ?",
				    DB_ARGS(DB_S(group)), e);
	int rc = r ? db_step(r, e) : -1;

	*ret = (struct local_fleet_pool){ .exists = rc == 1 };
	if (rc != 1)
		return rc;
	ret->least = db_int(r, 0);
	ret->prepared = db_int(r, 1);
	snprintf(ret->state, sizeof(ret->state), "%s", db_str(r, 2));
	ret->reuse = db_int(r, 3) != 0;
	ret->leaving = db_int(r, 4) != 0;
	return 0;
}

int64_t local_fleet_pool_size(const struct local_fleet_pool *p, const struct local_fleet_group *g)
{
	int64_t size = (p->prepared >= 0 ? p->prepared : g->most) - g->desired;

	if (!p->exists || p->leaving)
		return 0;
	return size > p->least ? size : p->least;
}

static bool stops(const struct local_fleet_pool *p)
{
	return p->state[0] == 'S' || !p->exists;
}

bool local_fleet_pool_runs(const struct local_fleet_pool *p, int64_t hooks)
{
	return hooks > 0 || !stops(p);
}

static int end_activity(struct local_fleet_look *k, struct local_fleet_instance *i, struct err *e)
{
	if (i->activity[0] && local_fleet_activity_end(k->fleet->local->db, i->activity,
						       "Successful", NULL, k->now, e) < 0)
		return -1;
	own_free(i->activity);
	i->activity = own_strdup("");
	return 0;
}

static int wait_in(struct local_fleet_look *k, struct local_fleet_instance *i,
		   enum local_fleet_state s, struct err *e)
{
	i->state = s;
	k->fleet->changed = true;
	LOG_INFO("instance waits in the warm pool", LOG_S("instance", i->id),
		 LOG_S("group", i->grp), LOG_S("state", local_fleet_choose_state_word(s)));
	if (end_activity(k, i, e) < 0)
		return -1;
	return local_fleet_rows_put_instance(k->fleet->local->db, i, e);
}

int local_fleet_pool_settle(struct local_fleet_look *k, struct local_fleet_instance *i,
			    struct err *e)
{
	struct local_fleet_run *r = local_fleet_find(k->fleet, i->id);
	const bool runs = r && r->running;

	if (stops(&k->pool) && !runs)
		return local_fleet_pool_stopped(k, i, e);
	if (stops(&k->pool)) {
		i->state = FLEET_WARMED_PENDING_PROCEED;
		i->stop = instant_add(k->now, k->fleet->local->options.stop_grace);
		return local_fleet_rows_put_instance(k->fleet->local->db, i, e);
	}
	if (k->pool.state[0] == 'R')
		return wait_in(k, i, FLEET_WARMED_RUNNING, e);
	if (r)
		r->freeze = true;
	return wait_in(k, i, FLEET_WARMED_HIBERNATED, e);
}

int local_fleet_pool_stopped(struct local_fleet_look *k, struct local_fleet_instance *i,
			     struct err *e)
{
	struct local_fleet_run *r = local_fleet_find(k->fleet, i->id);

	if (r)
		r->parked = true;
	i->pid = i->pid_start = i->port = 0;
	return wait_in(k, i, FLEET_WARMED_STOPPED, e);
}

static int64_t count(const struct local_fleet_look *k)
{
	int64_t n = 0;

	for (size_t i = 0; i < k->instances.count; i++)
		n += local_fleet_choose_warmed(k->instances.all[i].state) ||
		     k->instances.all[i].reuse;
	return n;
}

bool local_fleet_pool_room(const struct local_fleet_look *k)
{
	return !k->forced && k->pool.reuse && count(k) < local_fleet_pool_size(&k->pool, k->group);
}

int local_fleet_pool_enter(struct local_fleet_look *k, struct local_fleet_instance *i,
			   struct err *e)
{
	struct local_fleet_run *r = local_fleet_find(k->fleet, i->id);

	if (r && !r->running)
		r->parked = true;
	if (!r || !r->running)
		i->pid = i->pid_start = i->port = 0;
	if (end_activity(k, i, e) < 0)
		return -1;
	i->reuse = false;
	i->is_protected = false;
	i->state = FLEET_WARMED_PENDING;
	i->boot = k->now;
	k->fleet->changed = true;
	return local_fleet_rows_put_instance(k->fleet->local->db, i, e);
}

static struct local_fleet_instance *oldest_ready(struct local_fleet_look *k)
{
	for (size_t i = 0; i < k->instances.count; i++) {
		struct local_fleet_instance *it = &k->instances.all[i];

		if (it->healthy && local_fleet_choose_ready(it->state))
			return it;
	}
	return NULL;
}

int local_fleet_pool_take(struct local_fleet_look *k, const char *cause, int *ret_units,
			  struct err *e)
{
	struct local_fleet_instance *i = oldest_ready(k);
	struct db *d = k->fleet->local->db;
	AUTO(own_freep) char *what = NULL;
	char id[CRYPTO_UUID_MAX];

	if (!i || k->forced)
		return 0;
	what = own_printf("Launching a new EC2 instance from warm pool: %s", i->id);
	if (local_fleet_activity_add(d,
				     &(struct local_fleet_activity){ .group = k->group,
								     .description = what,
								     .cause = cause,
								     .zone = i->zone,
								     .status = "InProgress" },
				     k->now, id, e) < 0)
		return -1;
	own_free(i->activity);
	i->activity = own_strdup(id);
	i->state = FLEET_PENDING;
	i->boot = k->now;
	i->is_protected = k->group->protect_new;
	*ret_units = i->weight > 0 ? (int)i->weight : 1;
	k->fleet->changed = true;
	LOG_INFO("instance taken from the warm pool", LOG_S("instance", i->id),
		 LOG_S("group", i->grp));
	return local_fleet_rows_put_instance(d, i, e) < 0 ? -1 : 1;
}

static int let_go(struct local_fleet_look *k, struct local_fleet_instance *i, struct err *e)
{
	AUTO(buf_done) struct buf cause = BUF(LOCAL_FLEET_CAUSE_MAX);

	if (!i->healthy)
		local_fleet_activity_say(
			&cause, k->now,
			"an instance was taken out of the warm pool in response to "
			"an EC2 health check indicating it has been terminated or "
			"stopped.");
	else
		local_fleet_activity_say(
			&cause, k->now,
			"an instance was taken out of the warm pool in response to "
			"a difference between its size and the size it shall "
			"have.");
	k->fleet->changed = true;
	return local_fleet_life_terminate(k->fleet->local, k->group, i, buf_str(&cause), k->forced,
					  k->now, e);
}

/* Its group goes as a whole. */
static int clear(struct local_fleet_look *k, struct err *e)
{
	for (size_t i = 0; i < k->instances.count; i++) {
		struct local_fleet_instance *it = &k->instances.all[i];

		if ((local_fleet_choose_warmed(it->state) || it->state == FLEET_STANDBY) &&
		    let_go(k, it, e) < 0)
			return -1;
		it->reuse = false;
	}
	return 0;
}

static int shrink(struct local_fleet_look *k, int64_t *n, int64_t size, struct err *e)
{
	for (size_t i = 0; i < k->instances.count; i++) {
		struct local_fleet_instance *it = &k->instances.all[i];

		if (!local_fleet_choose_warmed(it->state) || (it->healthy && *n <= size))
			continue;
		if (let_go(k, it, e) < 0)
			return -1;
		(*n)--;
	}
	return 0;
}

static int grow(struct local_fleet_look *k, int64_t n, int64_t size, struct err *e)
{
	const char *zones = k->group->zones;

	for (int units; n < size; n++) {
		AUTO(buf_done) struct buf cause = BUF(LOCAL_FLEET_CAUSE_MAX);
		AUTO(own_freep) char *zone = own_printf("%.*s", (int)strcspn(zones, ","), zones);
		int rc;

		local_fleet_activity_say(
			&cause, k->now,
			"an instance was started in response to a difference "
			"between desired and actual warm pool capacity, increasing "
			"the capacity from %lld to %lld.",
			(long long)n, (long long)n + 1);
		rc = local_fleet_new(k, zone, buf_str(&cause), true, &units, e);
		if (rc <= 0)
			return rc;
	}
	return 0;
}

int local_fleet_pool_fill(struct local_fleet_look *k, struct err *e)
{
	const struct local_fleet_group *g = k->group;
	const int64_t size = local_fleet_pool_size(&k->pool, g);
	int64_t n = count(k);

	if (k->forced)
		return clear(k, e);
	if (!k->pool.exists)
		return 0;
	if (k->pool.leaving && n == 0)
		return DB_RUN(k->fleet->local->db, e, "DELETE FROM fleet_pool WHERE grp = ?",
			      DB_S(g->name));
	if (!g->no_terminate && shrink(k, &n, size, e) < 0)
		return -1;
	if (g->no_launch || g->not_before.ms > k->now.ms)
		return 0;
	return grow(k, n, size, e);
}
