/* Many jobs at once: SendMessageBatch of ten, or as many tasks of Celery on one connection, some
 * of them under way at the same time. */
#ifndef PRODUCE_BATCH_H
#define PRODUCE_BATCH_H

#include "aws/lane.h"
#include "produce/celery.h"
#include "produce/produce.h"

#define PRODUCE_LINE_MAX 16384        /* bytes of one line of a file of jobs */
#define PRODUCE_WINDOW 160            /* jobs that are sent together */
#define PRODUCE_BATCH_BYTES (1 << 18) /* of one SendMessageBatch: what every queue takes */

/* One line: s3://bucket/key, or a JSON object with video_path, and with video_id, task_id and
 * created_at where they are to be those; what is left out is made. What `send` itself prints of a
 * job may be there and says nothing. ERR_POLICY: which field and why. */
MUST int produce_line_read(const char *line, size_t len, struct job *ret, struct err *e);

/* How many of the @p n messages, at most ten, go into one batch: their @p bytes together stay in
 * PRODUCE_BATCH_BYTES; at least one. */
size_t produce_batch_fit(const size_t *bytes, size_t n);

struct produce_way { /* all borrowed */
	enum produce_path path;
	struct lane *lane; /* PRODUCE_SQS; with a loop of its own */
	const char *queue_url;
	struct produce_celery *celery; /* PRODUCE_CELERY; likewise */
};

struct produce_entry {
	struct job job;
	bool sent;
	char message_id[JOB_ID_MAX + 1]; /* when sent; Celery's is the task_id */
	struct err err;                  /* when not */
	bool alone;                      /* was refused among others: tried by itself */
	bool over;                       /* sent, or refused for good */
};

/* Sends each entry that is not over, and waits. What the service could not take, or did not answer,
 * is sent again under the same task id until @p deadline: it may then be in the queue twice, and
 * its output is one. Afterwards each is sent or has its error. */
void produce_batch(const struct produce_way *w, struct produce_entry *list, size_t n,
		   struct span deadline);

#endif
