/* The warm pool of a group: instances that are launched ahead of need and wait.
 *
 *   Warmed:Pending   until the boot delay is over; where a launching hook waits, and in a pool of
 *                    running or hibernated instances, the process is started then
 *   Warmed:Stopped   no process (one that ran for a hook has been told to end); a start into
 *                    service has no boot delay any more
 *   Warmed:Running   the process runs, and reads in its metadata that it is not in service
 *   Warmed:Hibernated  its processes are stopped (SIGSTOP) and go on when it is taken
 */
#ifndef LOCAL_FLEET_POOL_H
#define LOCAL_FLEET_POOL_H

#include "local/fleet_rows.h"

struct local_fleet_look;

struct local_fleet_pool {
	bool exists, reuse, leaving;
	int64_t least, prepared; /* prepared -1: the group's maximum */
	char state[16];          /* "Stopped", "Running" or "Hibernated" */
};

/* exists is false where there is none. */
MUST int local_fleet_pool_read(struct db *d, const char *group, struct local_fleet_pool *ret,
			       struct err *e);
/* How many shall wait in it. */
int64_t local_fleet_pool_size(const struct local_fleet_pool *p, const struct local_fleet_group *g);

/* Must a process run before the instance can wait, when @p hooks are to be asked? */
bool local_fleet_pool_runs(const struct local_fleet_pool *p, int64_t hooks);
/* Its hooks are over: it goes to where it waits. */
MUST int local_fleet_pool_settle(struct local_fleet_look *k, struct local_fleet_instance *i,
				 struct err *e);
/* Its process has ended: it waits, stopped. */
MUST int local_fleet_pool_stopped(struct local_fleet_look *k, struct local_fleet_instance *i,
				  struct err *e);
/* Is there room for one that leaves service? */
bool local_fleet_pool_room(const struct local_fleet_look *k);
/* An instance that left service comes in, instead of being terminated. */
MUST int local_fleet_pool_enter(struct local_fleet_look *k, struct local_fleet_instance *i,
				struct err *e);
/* Takes one that is ready into service. 1 taken, 0 there is none, -1 error. */
MUST int local_fleet_pool_take(struct local_fleet_look *k, const char *cause, int *ret_units,
			       struct err *e);
/* Launches what it lacks, and terminates what is too much; and all of it, and those in standby,
 * when the group goes. */
MUST int local_fleet_pool_fill(struct local_fleet_look *k, struct err *e);

#endif
