/* windlass-worker: a supervisor that owns the queue, and one process a slot that does the work.
 *
 * The supervisor receives, holds and acks messages, protects its instance, and watches over the
 * slots; a slot fetches, transcodes and stores, and talks with it over a socketpair. Either may be
 * killed at any moment.
 */
#ifndef WORKER_WORKER_H
#define WORKER_WORKER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/instant.h"
#include "base/log.h"

#define WORKER_QUEUES_MAX 8

struct worker_options {
	const char *queue_url; /* URL[=WEIGHT], several by commas; NULL: none */
	const char *region, *dead_letter_url;
	const char *evidence;   /* s3://bucket/prefix; NULL: none is kept */
	const char *broker_url; /* Celery's Redis, instead of queue_url or beside it; NULL: none */
	const char *celery_queue, *celery_task, *celery_prefix;
	const char *result_url, *result_prefix;
	struct span celery_visibility;
	const char *profile; /* file */
	const char
		*command; /* instead of a profile: run by the shell on each message; NULL: none */
	const char *command_sandbox;
	bool command_persistent;
	int64_t command_park_status;
	struct span command_limit, command_stall; /* stall 0: none */
	const char *work_dir;
	int64_t slots;
	int64_t part_mib;     /* of transfers from and to S3 */
	int64_t visibility_s; /* 0: the queue's */
	int64_t wait_s;
	int64_t receives_max; /* 0: the queue's */
	struct span retry;    /* first delay after a failure that may pass */
	struct span drain;    /* from SIGTERM until a job is given back */
	bool no_instance;
	const char *group;   /* NULL: found */
	struct span look;    /* at the instance's own metadata */
	struct span yield;   /* at the group, at most so often */
	struct span idle;    /* idle for so long: unprotected */
	struct span starved; /* no good poll for so long, with a slot free: ends; 0: never */
	const char *listen;  /* ADDRESS:PORT for metrics, health and jobs; NULL: none */
	int64_t jobs_max;    /* 0: no end */
	bool unconfined;     /* ffmpeg may reach what we can */
	bool all_layers;     /* or end: of the sandbox */
	bool until_empty;
	const char *event_queue_url, *event_url, *event_secret_file, *event_command; /* "": none */
	const char *publish;       /* namespace of CloudWatch; "": none */
	const char *record_prefix; /* "": none */
	enum log_format log_format;
	enum log_level log_level;
};

/* Exit statuses: 0 done, 1 failed. Errors that stop it before its first receive are returned. */
MUST int worker_supervise(const struct worker_options *o, struct err *e);
/* Takes the protection of this instance away, of whatever worker it was. */
MUST int worker_unprotect(const struct worker_options *o, struct err *e);
/* The process of one slot; @p fd is its end of the socketpair. */
int worker_slot(int fd);

#endif
