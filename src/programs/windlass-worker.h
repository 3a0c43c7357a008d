/* windlass-worker and its one other verb. */
#ifndef PROGRAMS_WINDLASS_WORKER_H
#define PROGRAMS_WINDLASS_WORKER_H

int windlass_worker_top(int argc, char **argv); /* the exit status; argv[0] is "top" */

#endif
