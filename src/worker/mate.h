/* A command that stays: started once, given jobs one by one on its standard input, a line of JSON
 * each, and answering each by a line on its standard output.
 *
 *   it first      {"hello":1}                          the version of these lines
 *   we            {"job":7,"message_id":"…","receives":1,"deadline_ms":…,"folder":"…","out":"…",
 *                  "attributes":{…},"body":"…"}
 *   it meanwhile  {"job":7,"state":"working","progress":0.4}       as often as it likes
 *   it at last    {"job":7,"state":"done"}, or
 *                 {"job":7,"state":"failed","reason":"…","permanent":false}
 *
 * One that says anything else, or anything unasked, is killed with its whole process group, as is
 * one whose job is past its time or given up; another is started, after a pause that grows while
 * starts go wrong. A death during a job is that job's failure, which may go better another time.
 * Between jobs it is replaced, told by the end of its input, after so many jobs, or when it has
 * grown or has used up its processor time. */
#ifndef WORKER_MATE_H
#define WORKER_MATE_H

#include <stdbool.h>

#include "base/json.h"
#include "base/loop.h"
#include "worker/profile.h"
#include "worker/run.h"

#define MATE_VERSION 1
#define MATE_LINE_MAX 65536u /* of what it says */

struct mate;

struct mate_spec { /* all borrowed; they outlive the mate */
	struct loop *loop;
	const struct profile *profile;
	const char *folder; /* where it runs; made here, with out in it */
	bool confined;
	/* Whether it can take a job now. Not: @p why, and how many starts went wrong in a row. */
	void (*ready)(bool ready, const char *why, int failures, void *arg);
	void (*running)(pid_t group, void *arg); /* 0: it has ended */
	void *arg;
};

enum mate_end {
	MATE_DONE,
	MATE_TRANSIENT,
	MATE_PERMANENT,
	MATE_MACHINE /* it cannot be started */
};

struct mate_job {
	struct json *ask; /* message_id, receives, attributes, body; taken */
	void (*progress)(int permille, void *arg);
	/* Last call. @p complaint: what it said on standard error during the job. */
	void (*end)(enum mate_end how, const char *reason, const char *complaint, void *arg);
	void *arg;
};

struct mate *worker_mate_new(const struct mate_spec *s); /* starts it */
/* One at a time. It may have to wait until the mate is ready. */
void worker_mate_give(struct mate *m, const struct mate_job *take);
/* Its job is given up: no end is told. Harmless without a job. */
void worker_mate_drop(struct mate *m);
/* Clears what jobs left in the folder, or begins anew where that cannot be done. */
void worker_mate_tidy(struct mate *m);
/* Ends it kindly; false: it has not ended yet, and ready() is called with "gone" when it has. */
bool worker_mate_leave(struct mate *m);
void worker_mate_free(struct mate *m); /* kills it */

/* Starts its process. */
MUST int worker_exec_stay(const struct mate_spec *m, void (*on_out)(const char *, size_t, void *),
			  run_done_fn *fn, void *arg, struct run **ret, struct err *e);

#endif
