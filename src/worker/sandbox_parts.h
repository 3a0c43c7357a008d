/* What the files of the sandbox share. */
#ifndef WORKER_SANDBOX_PARTS_H
#define WORKER_SANDBOX_PARTS_H

#include "worker/sandbox.h"

/* Landlock */
int worker_sandbox_reach_abi(void); /* 0: not there */
MUST int worker_sandbox_reach_open(const struct sandbox *s, const char *folder, const char *program,
				   int *ret_ruleset, struct err *e);
int worker_sandbox_reach_enter(int ruleset); /* in the child */

/* seccomp */
bool worker_sandbox_filter_there(void);
/* Made once a process and kind; NULL when it cannot be. */
const void *worker_sandbox_filter(enum sandbox_kind kind, struct err *e);
int worker_sandbox_filter_enter(const void *filter); /* in the child */

#endif
