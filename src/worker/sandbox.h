/* What a child that reads strangers' files may do, in layers:
 *
 *   limits     bounds on processor time, memory, file size, descriptors; no new privileges; no core
 *              dumps; killed first when memory runs out. Always.
 *   Landlock   reads its one input and what programs are made of, writes to its one folder,
 *              executes itself only. By the ABI that the kernel has; ABI 1 and 2 leave truncation,
 *              ABI 1 to 3 the network, to the filter.
 *   seccomp    no socket, no process, no look at others, nothing of an administrator's.
 *
 * A command of somebody's own (SANDBOX_OFFLINE, SANDBOX_ONLINE) may start programs and owns all of
 * its folder.
 */
#ifndef WORKER_SANDBOX_H
#define WORKER_SANDBOX_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

enum sandbox_kind {
	SANDBOX_ONE,     /* one program, which starts no other and has no network */
	SANDBOX_OFFLINE, /* starts the system's programs; no network */
	SANDBOX_ONLINE,  /* and has the network */
	SANDBOX_KINDS
};

struct sandbox {
	enum sandbox_kind kind;
	int64_t cpu_s;           /* 0: no bound */
	int64_t file_bytes;      /* largest file it may write; 0: no bound */
	int64_t memory_bytes;    /* of its own data; 0: no bound */
	bool confined;           /* Landlock and seccomp too, as far as they are there */
	const char *read;        /* one file, or NULL; both from the child's folder, and no links */
	const char *write;       /* one folder, or NULL; "." for all of the child's folder */
	const char *look;        /* one folder that it may read, or NULL */
	const char *const *more; /* absolute paths that it may read too (of other kinds than
				  * SANDBOX_ONE: and execute), NULL-terminated; or NULL */
};

struct sandbox_layers {
	int landlock; /* ABI; 0: none */
	bool seccomp;
};
struct sandbox_layers worker_sandbox_layers(void);
/* What is not there and what that means, as "cause -> consequence"; "" when nothing lacks. */
void worker_sandbox_lacks(struct buf *out);
/* -1 unless @p program, looked up in PATH, can be run confined. */
MUST int worker_sandbox_fit(const char *program, struct err *e);

/* Made before a child is started, for that child alone. */
struct sandbox_child {
	struct sandbox limits;
	int ruleset;        /* -1: none */
	const void *filter; /* NULL: none */
};
/* @p folder: the child's. */
MUST int worker_sandbox_open(const struct sandbox *s, const char *folder, const char *program,
			     struct sandbox_child *ret, struct err *e);
void worker_sandbox_close(struct sandbox_child *c);
/* For struct loop_spawn's prepare; @p arg is a struct sandbox_child. Async-signal-safe. */
void worker_sandbox_prepare(void *arg);
/* Environment without anything of ours in it. NULL-terminated. */
const char *const *worker_sandbox_environment(void);

#endif
