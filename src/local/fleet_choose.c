#include <limits.h>
#include <string.h>

#include "local/fleet_choose.h"

#define BACKOFF_MOST_MS 60000

const char *local_fleet_choose_state_word(enum local_fleet_state s)
{
	static const char *const words[FLEET_STATE_COUNT] = {
		[FLEET_PENDING] = "Pending",
		[FLEET_PENDING_WAIT] = "Pending:Wait",
		[FLEET_IN_SERVICE] = "InService",
		[FLEET_TERMINATING] = "Terminating",
		[FLEET_TERMINATING_WAIT] = "Terminating:Wait",
		[FLEET_TERMINATING_PROCEED] = "Terminating:Proceed",
		[FLEET_STANDBY] = "Standby",
		[FLEET_WARMED_PENDING] = "Warmed:Pending",
		[FLEET_WARMED_PENDING_WAIT] = "Warmed:Pending:Wait",
		[FLEET_WARMED_PENDING_PROCEED] = "Warmed:Pending:Proceed",
		[FLEET_WARMED_STOPPED] = "Warmed:Stopped",
		[FLEET_WARMED_RUNNING] = "Warmed:Running",
		[FLEET_WARMED_HIBERNATED] = "Warmed:Hibernated",
		[FLEET_WARMED_TERMINATING] = "Warmed:Terminating",
		[FLEET_WARMED_TERMINATING_WAIT] = "Warmed:Terminating:Wait",
		[FLEET_WARMED_TERMINATING_PROCEED] = "Warmed:Terminating:Proceed",
	};

	return s < FLEET_STATE_COUNT ? words[s] : "Unknown";
}

bool local_fleet_choose_supply(enum local_fleet_state s)
{
	return s == FLEET_PENDING || s == FLEET_PENDING_WAIT || s == FLEET_IN_SERVICE;
}

bool local_fleet_choose_stopping(enum local_fleet_state s)
{
	return s == FLEET_TERMINATING || s == FLEET_TERMINATING_PROCEED ||
	       s == FLEET_WARMED_TERMINATING || s == FLEET_WARMED_TERMINATING_PROCEED;
}

bool local_fleet_choose_leaving(enum local_fleet_state s)
{
	return local_fleet_choose_stopping(s) || s == FLEET_TERMINATING_WAIT ||
	       s == FLEET_WARMED_TERMINATING_WAIT;
}

bool local_fleet_choose_pooled(enum local_fleet_state s)
{
	return s >= FLEET_WARMED_PENDING && s <= FLEET_WARMED_TERMINATING_PROCEED;
}

bool local_fleet_choose_warmed(enum local_fleet_state s)
{
	return local_fleet_choose_pooled(s) && !local_fleet_choose_leaving(s);
}

bool local_fleet_choose_ready(enum local_fleet_state s)
{
	return s == FLEET_WARMED_STOPPED || s == FLEET_WARMED_RUNNING ||
	       s == FLEET_WARMED_HIBERNATED;
}

const char *local_fleet_choose_target(enum local_fleet_state s)
{
	if (local_fleet_choose_leaving(s))
		return local_fleet_choose_pooled(s) ? "Warmed:Terminated" : "Terminated";
	if (local_fleet_choose_supply(s))
		return "InService";
	return local_fleet_choose_state_word(s);
}

static bool word_is(const char *word, size_t len, const char *name)
{
	return strlen(name) == len && memcmp(word, name, len) == 0;
}

size_t local_fleet_choose_orders(const char *policies,
				 enum local_fleet_order ret[static LOCAL_FLEET_ORDERS_MAX])
{
	size_t n = 0;

	for (const char *p = policies ? policies : "", *end; *p && n + 2 <= LOCAL_FLEET_ORDERS_MAX;
	     p = *end ? end + 1 : end) {
		end = strchrnul(p, ',');
		if (word_is(p, (size_t)(end - p), "NewestInstance"))
			ret[n++] = FLEET_ORDER_NEWEST;
		else if (word_is(p, (size_t)(end - p), "OldestInstance"))
			ret[n++] = FLEET_ORDER_OLDEST;
		else
			ret[n++] = FLEET_ORDER_OUTDATED;
	}
	/* AWS ends with the instance closest to the next billing hour, which says nothing where
	 * nothing is billed by the hour, and then with any: the oldest is as good, and repeatable.
	 */
	if (n == 0)
		ret[n++] = FLEET_ORDER_OUTDATED;
	ret[n++] = FLEET_ORDER_OLDEST;
	return n;
}

static int units_of(const struct local_fleet_candidate *c)
{
	return c->weight > 0 ? c->weight : 1;
}

/* Protection starts when an instance is in service, AWS's documents say. */
static bool held(const struct local_fleet_scene *s, const struct local_fleet_candidate *c)
{
	return !s->forced && c->is_protected && c->state == FLEET_IN_SERVICE;
}

/* Does @p a go before @p b? */
static bool before(const struct local_fleet_scene *s, const struct local_fleet_candidate *a,
		   const struct local_fleet_candidate *b, const int *zones)
{
	/* AWS's documents do not say what becomes of instances that are still Pending when capacity
	 * falls. Those that have not booted go first, newest first: no work can be lost with them.
	 */
	if ((a->state == FLEET_PENDING) != (b->state == FLEET_PENDING))
		return a->state == FLEET_PENDING;
	if (a->state == FLEET_PENDING && a->launched_ms != b->launched_ms)
		return a->launched_ms > b->launched_ms;
	if (zones[a->zone] != zones[b->zone])
		return zones[a->zone] > zones[b->zone];
	for (size_t i = 0; i < s->order_count; i++) {
		if (s->orders[i] == FLEET_ORDER_OUTDATED) {
			if (a->outdated != b->outdated)
				return a->outdated;
		} else if (a->launched_ms != b->launched_ms) {
			return (a->launched_ms < b->launched_ms) ==
			       (s->orders[i] == FLEET_ORDER_OLDEST);
		}
	}
	return strcmp(a->id, b->id) < 0;
}

static const struct local_fleet_candidate *
next_victim(const struct local_fleet_scene *s, const struct local_fleet_candidate *all, size_t n,
	    const enum local_fleet_verdict *verdicts, const int *zones, int surplus)
{
	const struct local_fleet_candidate *best = NULL;

	for (size_t i = 0; i < n; i++) {
		const struct local_fleet_candidate *c = &all[i];

		if (verdicts[i] != FLEET_STAYS || !local_fleet_choose_supply(c->state) ||
		    held(s, c) || units_of(c) > surplus)
			continue;
		if (!best || before(s, c, best, zones))
			best = c;
	}
	return best;
}

static int kept(const struct local_fleet_candidate *all, size_t n,
		const enum local_fleet_verdict *verdicts)
{
	int units = 0;

	for (size_t i = 0; i < n; i++)
		if (local_fleet_choose_supply(all[i].state) && verdicts[i] == FLEET_STAYS)
			units += units_of(&all[i]);
	return units;
}

/* Is it protection that keeps a surplus? A weight above it keeps one too, and for good. */
static bool holds_back(const struct local_fleet_scene *s, const struct local_fleet_candidate *all,
		       size_t n, int surplus)
{
	for (size_t i = 0; i < n; i++)
		if (held(s, &all[i]) && units_of(&all[i]) <= surplus)
			return true;
	return false;
}

struct local_fleet_choice local_fleet_choose(const struct local_fleet_scene *s,
					     const struct local_fleet_candidate *all, size_t n,
					     enum local_fleet_verdict *ret_verdicts)
{
	struct local_fleet_choice choice = { 0 };
	int zones[LOCAL_FLEET_ZONES_MAX] = { 0 };
	int surplus;

	for (size_t i = 0; i < n; i++) {
		ret_verdicts[i] = FLEET_STAYS;
		if (!local_fleet_choose_supply(all[i].state))
			continue;
		choice.supply += units_of(&all[i]);
		if (!all[i].healthy && s->may_replace && s->may_terminate)
			ret_verdicts[i] = FLEET_GOES_UNHEALTHY;
		else
			zones[all[i].zone]++;
	}
	surplus = kept(all, n, ret_verdicts) - s->desired;
	while (surplus > 0 && (s->may_terminate || s->forced)) {
		const struct local_fleet_candidate *c =
			next_victim(s, all, n, ret_verdicts, zones, surplus);

		if (!c)
			break;
		ret_verdicts[c - all] = FLEET_GOES_SURPLUS;
		zones[c->zone]--;
		surplus -= units_of(c);
	}
	if (surplus > 0 && s->may_terminate && holds_back(s, all, n, surplus))
		choice.short_by = surplus;
	if (surplus < 0 && s->may_launch)
		choice.launch = -surplus;
	return choice;
}

size_t local_fleet_choose_zone(const int *counts, size_t n)
{
	size_t best = 0;

	for (size_t i = 1; i < n; i++)
		if (counts[i] < counts[best])
			best = i;
	return best;
}

enum local_fleet_step local_fleet_choose_step(const struct local_fleet_sight *s)
{
	switch (s->state) {
	case FLEET_PENDING:
	case FLEET_WARMED_PENDING:
		return s->boot_due ? FLEET_STEP_BOOT : FLEET_STEP_NONE;
	case FLEET_PENDING_WAIT:
	case FLEET_WARMED_PENDING_WAIT:
		if (!s->running)
			return s->healthy ? FLEET_STEP_UNWELL : FLEET_STEP_NONE;
		if (s->hooks == FLEET_HOOKS_ABANDON)
			return FLEET_STEP_ABANDON;
		return s->hooks == FLEET_HOOKS_CONTINUE ? FLEET_STEP_ENTER : FLEET_STEP_NONE;
	case FLEET_IN_SERVICE:
	case FLEET_WARMED_RUNNING:
	case FLEET_WARMED_HIBERNATED:
		return !s->running && s->healthy && s->checked ? FLEET_STEP_UNWELL
							       : FLEET_STEP_NONE;
	case FLEET_TERMINATING_WAIT:
	case FLEET_WARMED_TERMINATING_WAIT:
		/* Hooks wait so that a machine can finish; for one that is dead there is nothing to
		 * finish, and AWS's hour of waiting would only keep the group from being deleted.
		 */
		return !s->running || s->hooks != FLEET_HOOKS_OPEN ? FLEET_STEP_PROCEED
								   : FLEET_STEP_NONE;
	case FLEET_TERMINATING:
	case FLEET_TERMINATING_PROCEED:
	case FLEET_WARMED_TERMINATING:
	case FLEET_WARMED_TERMINATING_PROCEED:
	case FLEET_WARMED_PENDING_PROCEED:
		if (!s->running)
			return FLEET_STEP_GONE;
		return s->stop_due ? FLEET_STEP_KILL : FLEET_STEP_NONE;
	case FLEET_STANDBY: /* not looked after: that is what it is for */
	case FLEET_WARMED_STOPPED:
	case FLEET_STATE_COUNT:
		break;
	}
	return FLEET_STEP_NONE;
}

int64_t local_fleet_choose_backoff_ms(int failures)
{
	if (failures <= 1)
		return 0;
	if (failures - 2 >= 6)
		return BACKOFF_MOST_MS;
	return (int64_t)1000 << (failures - 2);
}
