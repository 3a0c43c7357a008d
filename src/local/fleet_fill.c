#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "local/fault.h"
#include "local/fleet_activity.h"
#include "local/fleet_launch.h"
#include "local/fleet_own.h"

#define SECRET_BYTES 32
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
		.desired = k->forced ? 0 : (int)g->desired,
		.forced = k->forced,
		.may_launch = !k->forced && !g->no_launch && g->not_before.ms <= k->now.ms,
		.may_terminate = !g->no_terminate || k->forced,
		.may_replace = !g->no_replace,
		.zone_count = zone_count,
	};

	s.order_count = local_fleet_choose_orders(g->policies, s.orders);
	return s;
}

/* What the launch configuration says, into a new instance. 0: there is none of that name. */
static int read_launch(struct local *l, struct local_fleet_instance *i, struct err *e)
{
	AUTO(db_endp) struct db_row *r = NULL;
	AUTO(buf_done) struct buf script = BUF(FLEET_SCRIPT_MAX);
	const char *data;
	int rc;

	r = db_query(l->db,
		     "SELECT user_data, type, image, profile FROM fleet_launch WHERE name = ?",
		     DB_ARGS(DB_S(i->launch)), e);
	if (!r)
		return -1;
	rc = db_step(r, e);
	if (rc != 1)
		return rc;
	data = db_str(r, 0);
	if (crypto_unbase64(data, strlen(data), &script, e) < 0)
		return -1;
	i->script = own_strdup(buf_str(&script));
	i->type = own_strdup(db_str(r, 1));
	i->image = own_strdup(db_str(r, 2));
	i->profile = own_strdup(db_str(r, 3));
	return 1;
}

static void new_id(char out[static LOCAL_FLEET_ID_MAX])
{
	uint8_t bytes[8];
	char hex[17];

	crypto_random(bytes, sizeof(bytes));
	snprintf(out, LOCAL_FLEET_ID_MAX, "i-0%s", crypto_hex(bytes, sizeof(bytes), hex));
}

static char *new_secret(void)
{
	uint8_t bytes[SECRET_BYTES];
	char hex[SECRET_BYTES * 2 + 1];

	crypto_random(bytes, sizeof(bytes));
	return own_strdup(crypto_hex(bytes, sizeof(bytes), hex));
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

static int fail_launch(struct local_fleet_look *k, const char *cause, const char *why,
		       struct err *e)
{
	AUTO(own_freep)
	char *what = own_printf("Launching a new EC2 instance.  Status Reason: %s", why);
	char id[CRYPTO_UUID_MAX];

	local_fleet_life_failed(k);
	LOG_WARN("instance not launched", LOG_S("group", k->group->name), LOG_S("cause", why));
	return local_fleet_activity_add(k->fleet->local->db,
					&(struct local_fleet_activity){ .group = k->group,
									.description = what,
									.cause = cause,
									.status = "Failed",
									.message = why },
					k->now, id, e);
}

static int add_instance(struct local_fleet_look *k, struct local_fleet_instance *i,
			const char *cause, struct err *e)
{
	struct local *l = k->fleet->local;
	AUTO(own_freep) char *what = own_printf("Launching a new EC2 instance: %s", i->id);
	char activity[CRYPTO_UUID_MAX];
	struct span delay;

	if (local_fleet_launch_delay(i->script, l->options.boot_delay, &delay, NULL) < 0)
		delay = l->options
				.boot_delay; /* refused when it was given; an older one may stand */
	i->boot = instant_add(k->now, delay);
	if (local_fleet_activity_add(l->db,
				     &(struct local_fleet_activity){ .group = k->group,
								     .description = what,
								     .cause = cause,
								     .zone = i->zone,
								     .status = "InProgress" },
				     k->now, activity, e) < 0)
		return -1;
	i->activity = own_strdup(activity);
	LOG_INFO("instance launched", LOG_S("instance", i->id), LOG_S("group", i->grp),
		 LOG_S("cause", cause));
	(*k->total)++;
	k->fleet->changed = true;
	return local_fleet_rows_add_instance(l->db, i, e);
}

/* 1 launched, 0 failed for now, -1 error. */
static int launch(struct local_fleet_look *k, const char *zone, int supply, struct err *e)
{
	AUTO(local_fleet_rows_instance_done) struct local_fleet_instance i = { 0 };
	AUTO(buf_done) struct buf cause = BUF(LOCAL_FLEET_CAUSE_MAX);
	const struct local_fleet_group *g = k->group;
	struct local *l = k->fleet->local;
	int rc;

	say_launch(k, supply, &cause);
	if (local_fault_hit(l, FAULT_CAPACITY, SERVICE_AUTOSCALING, "Launch")) {
		AUTO(own_freep)
		char *why = own_printf("We currently do not have sufficient capacity in the "
				       "Availability Zone you requested (%s). Our system will be "
				       "working on provisioning additional capacity. Launching EC2 "
				       "instance failed.",
				       zone);

		return fail_launch(k, buf_str(&cause), why, e);
	}
	if (*k->total >= l->options.instance_limit) {
		AUTO(own_freep)
		char *why = own_printf(
			"You have requested more instances (%d) than your current instance limit of"
			" %d allows for the specified instance type. Launching EC2 instance "
			"failed.",
			(int)*k->total + 1, (int)l->options.instance_limit);

		return fail_launch(k, buf_str(&cause), why, e);
	}
	new_id(i.id);
	i.grp = own_strdup(g->name);
	i.zone = own_strdup(zone);
	i.launch = own_strdup(g->launch);
	i.template = g->template;
	i.version = own_strdup(g->version);
	i.secret = new_secret();
	i.healthy = true;
	i.is_protected = g->protect_new;
	i.launched = k->now;
	rc = read_launch(l, &i, e);
	if (rc < 0)
		return -1;
	if (rc == 0)
		return fail_launch(k, buf_str(&cause), "The launch configuration does not exist.",
				   e);
	return add_instance(k, &i, buf_str(&cause), e) < 0 ? -1 : 1;
}

static int launch_all(struct local_fleet_look *k, struct zones *z, int more, int supply,
		      struct err *e)
{
	for (; more > 0; more--, supply++) {
		size_t zone = local_fleet_choose_zone(z->counts, z->count);
		int rc = launch(k, z->names[zone], supply, e);

		if (rc <= 0)
			return rc;
		z->counts[zone]++;
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
		if (local_fleet_life_terminate(k->fleet->local, k->group, it, buf_str(&cause),
					       k->forced, k->now, e) < 0)
			return -1;
		k->fleet->changed = true;
		*ret_replaces |= verdicts[i] == FLEET_GOES_UNHEALTHY;
		(*supply)--;
	}
	return 0;
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

	for (size_t i = 0; i < n; i++) {
		const struct local_fleet_instance *it = &k->instances.all[i];

		all[i] = (struct local_fleet_candidate){
			.id = it->id,
			.state = it->state,
			.healthy = it->healthy,
			.is_protected = it->is_protected,
			.outdated = strcmp(it->launch, k->group->launch) != 0,
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
	if (k->group->not_before.ms > k->now.ms)
		local_fleet_due(k->fleet, k->group->not_before);
	return k->forced ? 0 : note_short(k, choice.short_by, choice.supply, e);
}
