#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "local/fleet_activity.h"
#include "local/fleet_own.h"
#include "local/fleet_pool.h"

#define REPLACES \
	"replace" /* stands in a group's cause when its next launch replaces an unhealthy one */

struct zones {
	char names[LOCAL_FLEET_ZONES_MAX][64];
	int counts[LOCAL_FLEET_ZONES_MAX];
	size_t count;
};

static struct zones zones_of(const char *list)
{
	struct zones z = { 0 };

	for (const char *p = list, *end; *p && z.count < LOCAL_FLEET_ZONES_MAX;
	     p = *end ? end + 1 : end) {
		end = strchrnul(p, ',');
		snprintf(z.names[z.count++], sizeof(z.names[0]), "%.*s", (int)(end - p), p);
	}
	return z;
}

static size_t zone_index(const struct zones *z, const char *name)
{
	for (size_t i = 0; i < z->count; i++)
		if (strcmp(z->names[i], name) == 0)
			return i;
	return 0;
}

static struct local_fleet_scene scene_of(const struct local_fleet_look *k, size_t zone_count)
{
	const struct local_fleet_group *g = k->group;
	struct local_fleet_scene s = {
		.desired = k->forced ? 0 : (int)g->desired + k->extra,
		.forced = k->forced,
		.may_launch = !k->forced && !g->no_launch && g->not_before.ms <= k->now.ms,
		.may_terminate = !g->no_terminate || k->forced,
		.may_replace = !g->no_replace,
		.zone_count = zone_count,
	};

	s.order_count = local_fleet_choose_orders(g->policies, s.orders);
	return s;
}

/* Why one more is launched, when there were @p supply. */
static void say_launch(const struct local_fleet_look *k, int supply, struct buf *cause)
{
	const char *why = k->group->cause;

	if (strcmp(why, REPLACES) == 0) {
		local_fleet_activity_say(cause, k->now,
					 "an instance was launched in response to an unhealthy"
					 " instance needing to be replaced.");
		return;
	}
	buf_adds(cause, why);
	local_fleet_activity_say(cause, k->now,
				 "an instance was started in response to a difference between"
				 " desired and actual capacity, increasing the capacity from %d to"
				 " %d.",
				 supply, supply + 1);
}

/* 1 launched, or taken from the warm pool, 0 failed for now, -1 error. */
static int launch(struct local_fleet_look *k, struct zones *z, int supply, int *ret_units,
		  struct err *e)
{
	AUTO(buf_done) struct buf cause = BUF(LOCAL_FLEET_CAUSE_MAX);
	size_t zone = local_fleet_choose_zone(z->counts, z->count);
	int rc;

	say_launch(k, supply, &cause);
	rc = local_fleet_pool_take(k, buf_str(&cause), ret_units, e);
	if (rc == 0)
		rc = local_fleet_new(k, z->names[zone], buf_str(&cause), false, ret_units, e);
	if (rc == 1)
		z->counts[zone]++;
	return rc;
}

static int launch_all(struct local_fleet_look *k, struct zones *z, int more, int supply,
		      struct err *e)
{
	for (int units = 0; more > 0; more -= units, supply += units) {
		int rc = launch(k, z, supply, &units, e);

		if (rc <= 0)
			return rc;
	}
	return 0;
}

/* Why this one goes, when there are @p supply. */
static void say_victim(const struct local_fleet_look *k, const struct local_fleet_instance *i,
		       enum local_fleet_verdict why, int supply, struct buf *cause)
{
	if (why == FLEET_GOES_UNHEALTHY) {
		bool runs = local_fleet_find(k->fleet, i->id) &&
			    local_fleet_find(k->fleet, i->id)->running;

		local_fleet_activity_say(cause, k->now,
					 "an instance was taken out of service in response to %s",
					 runs ? "a user health-check."
					      : "an EC2 health check indicating it has been"
						" terminated or stopped.");
		return;
	}
	if (k->fleet->stopping) {
		local_fleet_activity_say(
			cause, k->now,
			"an instance was taken out of service because windlass-local"
			" is being stopped.");
		return;
	}
	if (strcmp(k->group->cause, REPLACES) != 0)
		buf_adds(cause, k->group->cause);
	local_fleet_activity_say(cause, k->now,
				 "an instance was taken out of service in response to a difference"
				 " between desired and actual capacity, shrinking the capacity from"
				 " %d to %d.",
				 supply, supply - 1);
	local_fleet_activity_say(cause, k->now, "instance %s was selected for termination.", i->id);
}

static int let_go(struct local_fleet_look *k, const enum local_fleet_verdict *verdicts, int *supply,
		  bool *ret_replaces, struct err *e)
{
	for (size_t i = 0; i < k->instances.count; i++) {
		AUTO(buf_done) struct buf cause = BUF(LOCAL_FLEET_CAUSE_MAX);
		struct local_fleet_instance *it = &k->instances.all[i];

		if (verdicts[i] == FLEET_STAYS)
			continue;
		say_victim(k, it, verdicts[i], *supply, &cause);
		it->reuse = verdicts[i] == FLEET_GOES_SURPLUS && local_fleet_pool_room(k);
		if (local_fleet_life_terminate(k->fleet->local, k->group, it, buf_str(&cause),
					       k->forced, k->now, e) < 0)
			return -1;
		k->fleet->changed = true;
		*ret_replaces |= verdicts[i] == FLEET_GOES_UNHEALTHY;
		*supply -= it->weight > 0 ? (int)it->weight : 1;
	}
	return 0;
}

/* AWS replaces those past the group's maximum lifetime one at a time, so that the rest can serve.
 */
static int outlived(struct local_fleet_look *k, struct err *e)
{
	const struct span life = span_s(k->group->lifetime_s);
	struct local_fleet_instance *oldest = NULL;
	AUTO(buf_done) struct buf cause = BUF(LOCAL_FLEET_CAUSE_MAX);
	bool coming = false;

	if (life.ms <= 0 || k->forced || k->group->no_terminate)
		return 0;
	for (size_t i = 0; i < k->instances.count; i++) {
		struct local_fleet_instance *it = &k->instances.all[i];

		coming |= local_fleet_choose_supply(it->state) && it->state != FLEET_IN_SERVICE;
		if (it->state == FLEET_IN_SERVICE && !it->is_protected && !oldest)
			oldest = it; /* they stand in the order of their launch */
	}
	if (!oldest)
		return 0;
	if (instant_add(oldest->launched, life).ms > k->now.ms) {
		local_fleet_due(k->fleet, instant_add(oldest->launched, life));
		return 0;
	}
	if (coming)
		return 0;
	local_fleet_activity_say(&cause, k->now,
				 "an instance was taken out of service in response to the maximum "
				 "instance lifetime being exceeded.");
	k->fleet->changed = true;
	return local_fleet_life_terminate(k->fleet->local, k->group, oldest, buf_str(&cause), false,
					  k->now, e);
}

/* Told once each time it comes about. */
static int note_short(struct local_fleet_look *k, int short_by, int supply, struct err *e)
{
	AUTO(buf_done) struct buf cause = BUF(LOCAL_FLEET_CAUSE_MAX);
	struct local_fleet_group *g = k->group;
	bool told = g->short_by > 0 && short_by <= g->short_by;
	char id[CRYPTO_UUID_MAX];

	if (short_by == g->short_by)
		return 0;
	g->short_by = short_by;
	k->dirty = true;
	if (told || short_by == 0)
		return 0;
	if (strcmp(g->cause, REPLACES) != 0)
		buf_adds(&cause, g->cause);
	local_fleet_activity_say(&cause, k->now,
				 "group could not be shrunk from %d to %d instances.", supply,
				 supply - short_by);
	return local_fleet_activity_add(
		k->fleet->local->db,
		&(struct local_fleet_activity){
			.group = g,
			.description = "Could not scale to desired capacity because all remaining"
				       " instances are protected from scale-in.",
			.cause = buf_str(&cause),
			.status = "Cancelled" },
		k->now, id, e);
}

static void set_cause(struct local_fleet_look *k, const char *cause)
{
	if (strcmp(k->group->cause, cause) == 0)
		return;
	own_free(k->group->cause);
	k->group->cause = own_strdup(cause);
	k->dirty = true;
}

int local_fleet_fill(struct local_fleet_look *k, struct err *e)
{
	size_t n = k->instances.count;
	AUTO(own_freep) struct local_fleet_candidate *all = own_array(n + 1, sizeof(*all));
	AUTO(own_freep) enum local_fleet_verdict *verdicts = own_array(n + 1, sizeof(*verdicts));
	struct zones z = zones_of(k->group->zones);
	struct local_fleet_scene scene = scene_of(k, z.count);
	struct local_fleet_choice choice;
	bool replaces = false;
	int supply;

	if (outlived(k, e) < 0)
		return -1;
	for (size_t i = 0; i < n; i++) {
		const struct local_fleet_instance *it = &k->instances.all[i];

		all[i] = (struct local_fleet_candidate){
			.id = it->id,
			.state = it->state,
			.healthy = it->healthy,
			.is_protected = it->is_protected,
			.outdated = strcmp(it->launch, k->launch) != 0,
			.weight = (int)it->weight,
			.launched_ms = it->launched.ms,
			.zone = zone_index(&z, it->zone),
		};
	}
	choice = local_fleet_choose(&scene, all, n, verdicts);
	supply = choice.supply;
	if (let_go(k, verdicts, &supply, &replaces, e) < 0)
		return -1;
	if (replaces)
		set_cause(k, REPLACES);
	for (size_t i = 0; i < n; i++)
		z.counts[all[i].zone] += local_fleet_choose_supply(k->instances.all[i].state);
	if (launch_all(k, &z, choice.launch, supply, e) < 0)
		return -1;
	if (supply + choice.launch == k->group->desired)
		set_cause(k, "");
	if (local_fleet_pool_fill(k, e) < 0)
		return -1;
	if (k->group->not_before.ms > k->now.ms)
		local_fleet_due(k->fleet, k->group->not_before);
	return k->forced ? 0 : note_short(k, choice.short_by, choice.supply, e);
}
