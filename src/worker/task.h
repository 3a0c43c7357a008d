/* One job inside a slot: assets, fetch, probe, transcode, verify, store, in this order; or, of a
 * command: fetch, which looks whether it was done, run, store.
 *
 * A stage starts something and returns; when it has come it calls worker_task_next() or
 * worker_task_fail(), once. The lease is the slot's to watch: worker_task_free() at any moment
 * stops everything and stores nothing more.
 */
#ifndef WORKER_TASK_H
#define WORKER_TASK_H

#include "aws/lane.h"
#include "aws/s3.h"
#include "base/crypto.h"
#include "base/json.h"
#include "base/loop.h"
#include "model/job.h"
#include "worker/assets.h"
#include "worker/probe.h"
#include "worker/profile.h"
#include "worker/progress.h"
#include "worker/run.h"
#include "worker/shape.h"

/* Names inside the job's folder. */
#define TASK_SOURCE "source"
#define TASK_OUTPUT_FOLDER "out"

#define TASK_MESSAGE "message" /* beside the job's folder: its body, where a command is run */
#define TASK_MANIFEST "manifest.json"

enum task_stage {
	TASK_ASSETS,
	TASK_FETCH,
	TASK_PROBE,
	TASK_TRANSCODE,
	TASK_VERIFY,
	TASK_RUN,
	TASK_STORE,
	TASK_STAGES
};
const char *worker_task_stage_word(enum task_stage s);
enum task_stage worker_task_stage_first(const struct profile *p);
enum task_stage worker_task_stage_after(const struct profile *p, enum task_stage done);

enum task_class {
	TASK_TRANSIENT, /* may go better another time, or elsewhere */
	TASK_AWAY,      /* S3 does not answer: not the job's fault */
	TASK_MACHINE,   /* cannot be done here: not the job's fault */
	TASK_PERMANENT  /* can never succeed */
};

enum task_outcome { TASK_STORED, TASK_FAILED };

struct task_end {
	enum task_outcome outcome;
	enum task_class why; /* TASK_FAILED */
	enum task_stage stage;
	const char *reason, *complaint;
	bool already;                    /* TASK_STORED: it was there before us */
	const char *bucket, *key, *etag; /* of the mark; bucket "": the source's */
	int64_t bytes;
	const struct task *task; /* borrowed for the call; NULL: it failed */
};

struct task_hooks {
	void (*running)(pid_t group, void *arg); /* a command's process group; 0: it has ended */
	void (*stage)(enum task_stage done, void *arg); /* a stage has been completed */
	void (*progress)(int permille, int64_t speed_milli, void *arg);
	bool (*claimed)(void *arg); /* is the message still ours? asked before the store */
	void (*end)(const struct task_end *e, void *arg); /* the task may be freed in it */
	void *arg;
};

struct hash; /* of the output */
struct mate;
struct pull;
struct push;

#define TASK_PROBE_MAX 768
#define TASK_FILES_MAX 8192
#define TASK_SHA256_MAX (2 * CRYPTO_SHA256_BYTES + 1) /* in hex */
struct task_file {                                    /* one object that the job leaves */
	char *name;                                   /* inside the job's folder */
	char *bucket, *key;
	const char *type;   /* of its content; static */
	const char *output; /* by which the profile names it; NULL: none */
	int64_t bytes;
	char sha256[TASK_SHA256_MAX], etag[S3_ETAG_MAX];
};

struct task_found { /* an object that is there already and was made from the same */
	char etag[S3_ETAG_MAX], sha256[TASK_SHA256_MAX];
	int64_t bytes, receives;    /* of the message that made it */
	char probe[TASK_PROBE_MAX]; /* what was found in it, as JSON; "": not told */
};

struct task {
	struct loop *loop;
	struct lane *lane;
	const struct profile *profile;
	struct task_hooks hooks;
	char *folder, *message; /* message: the file of its body; of a command only */
	struct mate *mate;      /* the slot's persistent command; NULL: it has none */
	struct json *ask;       /* what that one is told */
	const char *host;
	bool confined;
	struct job job;
	int64_t receives;

	const enum task_stage *stages; /* of this kind of job, to TASK_STAGES */
	size_t step;                   /* place in it */
	char etag[S3_ETAG_MAX]; /* of the source, with its quotes; of a command: the body's digest
				 */
	int64_t source_bytes;
	struct assets *assets; /* the slot's */
	struct probe source;
	struct shape shape; /* of the source after the steps */
	struct targets targets;
	size_t asset, verifying; /* which is looked at: of assets, of targets */
	struct json *probes;     /* of the files that it made: outputs.c */
	struct buf
		key; /* of the mark: the object that is stored last and says that all are there */
	struct task_file *files; /* in the order of their storing, the mark last */
	size_t file_count, file; /* file: being stored */
	int64_t made_bytes;      /* of all of them */
	bool already;
	struct progress progress;

	struct aws_call call;                              /* at most one runs */
	void (*seen)(struct task *t, const struct err *e); /* who looks for an object */
	struct task_found found;
	char *looked_at; /* for messages */
	struct run *run;
	struct hash *hash;
	struct pull *pull;
	struct push *push;
	int64_t part_bytes; /* of transfers */
	int fd;             /* being read or written; -1: none */
	int put_again;
};

struct task_spec {
	struct loop *loop;
	struct lane *lane;
	const struct profile *profile;
	const struct job *job; /* of a command: its task_id alone, the message's id */
	int64_t receives;
	struct assets *assets;
	const char *message; /* file of the message's body; NULL: not kept */
	struct mate *mate;   /* NULL: none */
	struct json *ask;    /* taken; for the mate */
	const char *folder;  /* made here, removed by worker_task_free() */
	const char *host;
	bool confined; /* ffmpeg and ffprobe, by all layers that are there */
	int64_t part_bytes;
	struct task_hooks hooks;
};

struct task *worker_task_new(const struct task_spec *s);
void worker_task_start(struct task *t);
void worker_task_free(struct task *t);

/* For the stages. */
void worker_task_next(struct task *t);
void worker_task_fail(struct task *t, enum task_class why, const struct err *e,
		      const char *complaint);
void worker_task_found(struct task *t); /* the output is there already: straight to the end */
char *worker_task_path(const struct task *t, const char *name);
enum task_stage worker_task_stage(const struct task *t);
/* What keys are made of. */
struct profile_key_parts worker_task_key_parts(const struct task *t);
void worker_assets_ready(struct task *t);
void worker_exec_look(struct task *t);
void worker_exec(struct task *t);
void worker_fetch(struct task *t);
void worker_probe(struct task *t);
MUST int worker_probe_ended(const struct run_result *r, struct probe *ret, struct err *e);
void worker_transcode(struct task *t);
void worker_probe_output(struct task *t);
void worker_store(struct task *t);
/* Lists what the job made, in the order of storing, the mark last. */
MUST int worker_gather(struct task *t, struct err *e);
/* Writes the list of what is stored: its own content. */
MUST int worker_gather_manifest(const struct task *t, struct err *e);
/* One more file to store, before or in worker_store(). */
struct task_file *worker_task_file(struct task *t, const char *name, const char *bucket,
				   const char *key, const char *type);
/* Looks whether an object is there and made from the same (then t->found): by fetch, for the mark,
 * before the work; by store after a 412. */
typedef void task_seen_fn(struct task *t,
			  const struct err *e); /* ERR_NONE, ERR_NOT_FOUND, ERR_CONFLICT, … */
void worker_store_look(struct task *t, const char *bucket, const char *key, task_seen_fn *fn);
enum task_class worker_task_class_of(const struct err *e);

#endif
