/* windlass-worker and what else it does. */
#ifndef PROGRAMS_WINDLASS_WORKER_H
#define PROGRAMS_WINDLASS_WORKER_H

#include <stdbool.h>

int windlass_worker_top(int argc, char **argv); /* the exit status; argv[0] is "top" */

/* Exit statuses. */
int windlass_worker_profile_told(bool schema);
int windlass_worker_profile_checked(const char *file);

#endif
