/* From an instance's row to a running process: its folder, its script, its environment, and a gate.
 */
#ifndef LOCAL_FLEET_LAUNCH_H
#define LOCAL_FLEET_LAUNCH_H

#include "local/fleet_rows.h"

#define FLEET_SCRIPT_MAX 16384 /* AWS's limit on user data */

/* What "#windlass: boot-delay=5s" in the comment lines that begin the script says, else @p
 * otherwise. -1: there is such a line, and it cannot be read. */
MUST int local_fleet_launch_delay(const char *script, struct span otherwise, struct span *ret,
				  struct err *e);

/* Starts the instance's script in a session of its own, held at a gate: it runs once a line is
 * written to
 * @p ret_gate, and ends at once when that is closed without one. So a process whose pid was never
 * recorded, since we died in between, has done nothing and is gone. */
MUST struct loop_child *local_fleet_launch(struct local *l, const struct local_fleet_instance *i,
					   loop_exit_fn *ended, void *arg, int *ret_gate,
					   struct err *e);
void local_fleet_launch_open(int gate); /* lets it run, and closes the gate */

#endif
