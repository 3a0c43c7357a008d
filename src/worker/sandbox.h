/* What a child that reads strangers' files may do. Bounds on processor time, file size,
 * descriptors; no new privileges; no core dumps; killed first when memory runs out. */
#ifndef WORKER_SANDBOX_H
#define WORKER_SANDBOX_H

#include <stdint.h>

struct sandbox {
	int64_t cpu_s;      /* 0: no bound */
	int64_t file_bytes; /* largest file it may write */
};

/* For struct loop_spawn's prepare; @p arg is a struct sandbox. Async-signal-safe. */
void worker_sandbox_prepare(void *arg);
/* Environment without anything of ours in it. NULL-terminated. */
const char *const *worker_sandbox_environment(void);

#endif
