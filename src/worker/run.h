/* One child process with its output read and bounded, and an end in any case. */
#ifndef WORKER_RUN_H
#define WORKER_RUN_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/loop.h"
#include "worker/sandbox.h"

#define RUN_COMPLAINT_MAX 4096 /* of standard error, its last bytes are kept */

enum run_end {
	RUN_ENDED,  /* by itself; see status and signum */
	RUN_LATE,   /* past its limit: killed */
	RUN_STALLED /* no life for too long: killed */
};

struct run_result {
	enum run_end how;
	int status, signum;
	struct buf out;  /* standard output, unless somebody else takes it */
	bool overworked; /* it was ended, and had used up its processor time */
	bool flooded;    /* standard output went past its cap: the rest is dropped */
	const char
		*complaint; /* standard error's tail, made safe to print, "" when it was silent */
};

struct run_spec {
	const char *const *argv;
	const char *cwd;
	const char *const *env; /* NULL: worker_sandbox_environment() */
	const char *in, *out;   /* files of standard input and output, from our own folder; NULL:
				 * nothing, and a pipe */
	struct sandbox sandbox;
	bool hears; /* standard input is a pipe too, for worker_run_say(); not with in or out */
	size_t out_cap;
	struct span limit, stall; /* 0: none; of stall see worker_run_alive() */
	bool talks;          /* whatever it says, or adds to a file that is its output, is life */
	const char *touches; /* so is a change of this file; NULL: none */
	void (*on_out)(const char *data, size_t len, void *arg); /* NULL: kept in result.out */
};

struct run;
/* @p r is borrowed and gone after the call. */
typedef void run_done_fn(struct run_result *r, void *arg);

MUST int worker_run_start(struct loop *l, const struct run_spec *s, run_done_fn *fn, void *arg,
			  struct run **ret, struct err *e);
pid_t worker_run_group(const struct run *r); /* its process group */
void worker_run_alive(struct run *r);        /* it made progress: the stall counts anew */
/* Written to one that hears as it reads. False: it reads too little, and is to be given up. */
bool worker_run_say(struct run *r, const char *data, size_t len);
void worker_run_hush(struct run *r); /* closes its standard input */
/* Standard error's tail up to now, made safe to print; from here on it begins anew. */
void worker_run_complaint(struct run *r, struct buf *out);
struct span worker_run_cpu(const struct run *r);  /* of the process alone, without its children */
int64_t worker_run_resident(const struct run *r); /* likewise, in bytes; 0: not known */
/* Kills it now. fn is not called. NULL is fine. */
void worker_run_cancel(struct run *r);

/* How @p name ended, as an error; 0 for a good end. */
MUST int worker_run_verdict(const char *name, const struct run_result *r, struct err *e);
/* Whether another try must end the same way: bad input, not bad luck of this machine. */
bool worker_run_hopeless(const struct run_result *r, const struct err *e);

/* Text from outside made safe for logs and messages: printable ASCII, one space for what else there
 * is, the last @p most bytes. */
void worker_run_clean(const char *text, size_t len, size_t most, struct buf *out);

#endif
