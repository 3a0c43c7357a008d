/* A job: one message of the queue, handed along by the worker. Its states are a table in job.c.
 *
 * RECEIVED -> FETCHED -> TRANSCODED -> STORED -> ACKED, and from each of the first four RETURNED
 * (visible again) or PARKED (dead letter). ACKED is reachable from STORED only.
 */
#ifndef MODEL_JOB_H
#define MODEL_JOB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/instant.h"
#include "base/json.h"

enum job_state {
	JOB_RECEIVED,
	JOB_FETCHED,
	JOB_TRANSCODED,
	JOB_STORED,
	JOB_ACKED,
	JOB_RETURNED,
	JOB_PARKED
};

const char *job_state_word(enum job_state s);
bool job_may_move(enum job_state from, enum job_state to);

#define JOB_ID_MAX 128
#define JOB_BUCKET_MAX 64
#define JOB_KEY_MAX 1025

/* What a producer asks for: {"video_id","video_path":"s3://bucket/key","task_id","created_at"}. */
struct job {
	char video_id[JOB_ID_MAX + 1]; /* [A-Za-z0-9._-], it becomes part of a key */
	char task_id[JOB_ID_MAX + 1];
	char bucket[JOB_BUCKET_MAX];
	char key[JOB_KEY_MAX];
	struct instant created_at; /* INSTANT_NEVER when absent */
	enum job_state state;
};

/* Reads and checks a message body. The error text says which field and why: it becomes the reason
 * of a parked message. Refuses other schemes than s3, "..", empty parts, control characters, bodies
 * past 1 MiB. */
MUST int job_read(const char *body, size_t len, struct job *ret, struct err *e);
/* The body a producer sends. */
struct json *job_write(const struct job *j);
/* "s3://bucket/key" into its parts, same checks. */
MUST int job_read_path(const char *path, char bucket[static JOB_BUCKET_MAX],
		       char key[static JOB_KEY_MAX], struct err *e);
/* Moves j->state; an arrow that is not in the table is a bug: it ends the process. */
void job_move(struct job *j, enum job_state to);

#endif
