/* Processes of this machine, as /proc shows them: is it still the one we started, and what else
 * belongs to it. */
#ifndef LOCAL_FLEET_PROCESS_H
#define LOCAL_FLEET_PROCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define LOCAL_FLEET_BOOT_ID_MAX 40
#define FLEET_MARK "WINDLASS_INSTANCE_ID" /* in the environment of all that an instance runs */

/* This boot of the machine; "" where the kernel does not tell. */
const char *local_fleet_process_boot_id(char out[static LOCAL_FLEET_BOOT_ID_MAX]);
/* When it was started, in clock ticks since boot; -1 when it is gone or a zombie. */
int64_t local_fleet_process_started(pid_t pid);
/* A pid alone may have become another's: same start, same boot. */
bool local_fleet_process_is(pid_t pid, int64_t started, const char *boot_id);

/* Sends @p signum (0: none) to all that the instance runs, and returns how many that were. Its
 * processes are those in the group or session of @p leader (0: it never had one), those that carry
 * the instance's mark in their environment, and the descendants of both: a slot of a worker has a
 * session of its own, and may clear its environment, but not both before it has children of the
 * worker above it. */
size_t local_fleet_process_sweep(const char *instance, pid_t leader, int64_t started, int signum);

#endif
