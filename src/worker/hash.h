/* SHA-256 of a file, made off the loop. */
#ifndef WORKER_HASH_H
#define WORKER_HASH_H

#include <stdint.h>

#include "worker/task.h"

/* On the loop, unless forgotten. */
typedef void task_hashed_fn(struct task *t, const struct err *e);
/* Into t->sha256. @p fd is duplicated. */
void worker_hash_start(struct task *t, int fd, task_hashed_fn *fn);
void worker_hash_forget(struct task_hash *h); /* NULL is fine */

#endif
