/* Who goes, who is launched, and what an instance does next. Pure: no clock, no database, no
 * process; equal arguments give equal answers. */
#ifndef LOCAL_FLEET_CHOOSE_H
#define LOCAL_FLEET_CHOOSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LOCAL_FLEET_ZONES_MAX 16
#define LOCAL_FLEET_ORDERS_MAX 8

enum local_fleet_state {
	FLEET_PENDING,
	FLEET_PENDING_WAIT,
	FLEET_IN_SERVICE,
	FLEET_TERMINATING,
	FLEET_TERMINATING_WAIT,
	FLEET_TERMINATING_PROCEED,
	FLEET_STANDBY,
	/* In the warm pool of a group: none of these is capacity. */
	FLEET_WARMED_PENDING,
	FLEET_WARMED_PENDING_WAIT,
	FLEET_WARMED_PENDING_PROCEED, /* its process is being stopped */
	FLEET_WARMED_STOPPED,
	FLEET_WARMED_RUNNING,
	FLEET_WARMED_HIBERNATED,
	FLEET_WARMED_TERMINATING,
	FLEET_WARMED_TERMINATING_WAIT,
	FLEET_WARMED_TERMINATING_PROCEED,
	FLEET_STATE_COUNT /* the numbers stand in databases: new states go to the end */
};

/* AWS's word: "Pending:Wait". */
const char *local_fleet_choose_state_word(enum local_fleet_state s);
bool local_fleet_choose_supply(
	enum local_fleet_state s); /* Pending or InService: counts as capacity */
bool local_fleet_choose_stopping(
	enum local_fleet_state s); /* told to end, without a hook to wait for */
bool local_fleet_choose_leaving(enum local_fleet_state s); /* on its way out, hook or not */
bool local_fleet_choose_warmed(enum local_fleet_state s);  /* of the pool, and not leaving it */
bool local_fleet_choose_pooled(enum local_fleet_state s);  /* of the pool, leaving it or not */
/* Waits in the pool, ready to be taken into service. */
bool local_fleet_choose_ready(enum local_fleet_state s);
/* AWS's word for where the group takes it, as instance metadata shows it: "InService". Of one in
 * the warm pool that is known by the pool only. */
const char *local_fleet_choose_target(enum local_fleet_state s);

/* Termination policies that make a difference here; AWS's others behave as Default. */
enum local_fleet_order { FLEET_ORDER_OLDEST, FLEET_ORDER_NEWEST, FLEET_ORDER_OUTDATED };
/* "Default,NewestInstance" -> orders; returns their number. */
size_t local_fleet_choose_orders(const char *policies,
				 enum local_fleet_order ret[static LOCAL_FLEET_ORDERS_MAX]);

struct local_fleet_candidate {
	const char *id;
	enum local_fleet_state state;
	bool healthy, is_protected, outdated;
	int64_t launched_ms;
	size_t zone;
	int weight; /* units of capacity it counts for; 0: one */
};

struct local_fleet_scene {
	int desired;
	bool forced; /* the group is being deleted, or everything stops: protection does not count
		      */
	bool may_launch, may_terminate, may_replace; /* no process suspended, no back-off running */
	enum local_fleet_order orders[LOCAL_FLEET_ORDERS_MAX];
	size_t order_count;
	size_t zone_count;
};

enum local_fleet_verdict { FLEET_STAYS, FLEET_GOES_UNHEALTHY, FLEET_GOES_SURPLUS };

struct local_fleet_choice {
	int launch;   /* so many units more */
	int supply;   /* the units that counted, before the verdicts */
	int short_by; /* surplus that nobody could be found for, since the rest is protected */
};

/* Fills a verdict for each candidate. */
struct local_fleet_choice local_fleet_choose(const struct local_fleet_scene *s,
					     const struct local_fleet_candidate *all, size_t n,
					     enum local_fleet_verdict *ret_verdicts);
/* The zone with the fewest; the first of equals. */
size_t local_fleet_choose_zone(const int *counts, size_t n);

/* What hooks say about an instance that waits for them. */
enum local_fleet_answer { FLEET_HOOKS_OPEN, FLEET_HOOKS_CONTINUE, FLEET_HOOKS_ABANDON };

struct local_fleet_sight {
	enum local_fleet_state state;
	bool healthy;
	bool running; /* its process is there */
	bool checked; /* HealthCheck is not suspended */
	bool boot_due, stop_due;
	enum local_fleet_answer hooks;
};

enum local_fleet_step {
	FLEET_STEP_NONE,
	FLEET_STEP_BOOT,    /* start the process */
	FLEET_STEP_ENTER,   /* into service */
	FLEET_STEP_ABANDON, /* a launching hook said no: terminate */
	FLEET_STEP_UNWELL,  /* its process is gone: mark it unhealthy */
	FLEET_STEP_PROCEED, /* hooks are over: stop the process */
	FLEET_STEP_KILL,    /* the grace is over */
	FLEET_STEP_GONE     /* nothing runs any more: forget it */
};
enum local_fleet_step local_fleet_choose_step(const struct local_fleet_sight *s);

/* How long a group waits before it launches again, after so many instances in a row that ended
 * soon after their start or could not be started: none after the first, then 1 s doubling to 60 s.
 */
int64_t local_fleet_choose_backoff_ms(int failures);

#endif
