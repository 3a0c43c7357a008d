/* The embedded EC2 Auto Scaling: groups whose instances are real child processes.
 *
 * What shall be stands in the database before anything is done about it. One function, turn() of
 * fleet.c, reads all rows, lets fleet_choose decide, writes what follows, and acts once that is
 * committed; it runs after each change, end of a process and due time. So a kill -9 at any moment
 * leaves rows from which the next start goes on: instances that still run are adopted by pid,
 * start time and boot id, those that ended meanwhile are replaced.
 *
 * An instance is a launch configuration's user data, run in a session of its own:
 *
 *   Pending       until its boot delay is over
 *   InService     the process is started in the same moment (Pending:Wait before it where a
 *                 launching hook waits)
 *   Terminating   SIGTERM to the process group, SIGKILL to all that is left after the grace
 *                 (Terminating:Wait before it where a terminating hook waits, Terminating:Proceed
 *                 instead of it after that)
 *
 * A process that ends by itself is a machine that was stopped: unhealthy, and replaced.
 */
#ifndef LOCAL_FLEET_H
#define LOCAL_FLEET_H

#include "local/local.h"

MUST int local_fleet_start(struct local *l, struct err *e); /* adopts what still runs */
void local_fleet_stop(struct local *l); /* forgets the instances; they go on running */

/* Something was written that may change what shall run: look once the batch is committed. */
void local_fleet_wake(struct local *l);

/* Tells an instance by its metadata that it is a candidate for rebalancing, or (spot) that it will
 * be taken away in two minutes, which happens. In the batch. 1 done, 0 no such instance, -1 error.
 */
MUST int local_fleet_notice(struct local *l, const char *instance, bool spot, struct err *e);

/* Terminates all instances, with the grace, while the services go on, so that they can hand back
 * their work; @p done when none is left. Groups keep their desired capacity: the next start
 * launches anew. Not for those who want to keep their instances. */
void local_fleet_shutdown(struct local *l, loop_fn *done, void *arg);
/* Ends all groups and instances, without grace or hooks; ret_left: instances that are still there.
 * In the batch. */
MUST int local_fleet_clear(struct local *l, int64_t *ret_left, struct err *e);
/* No grace any more: what still runs is killed. Only during a shutdown. */
void local_fleet_hurry(struct local *l);

#endif
