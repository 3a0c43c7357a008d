/* What the files of `windlass send` share. */
#ifndef CLI_SEND_H
#define CLI_SEND_H

#include "aws/lane.h"
#include "base/table.h"
#include "produce/celery.h"
#include "produce/produce.h"

#define SEND_BAR_CELLS 24

struct send {
	struct lane *lane;
	const char *queue_url, *bucket, *prefix;
	const char *batch; /* NULL: operands are sent */
	enum produce_path path;
	struct produce_celery *celery; /* where it is that path */
	bool json;
	struct table_live live;
	size_t count, done;
};

/* The result line of a job that is in the queue. */
void cli_send_line(const struct send *s, const struct job *j, const char *message_id,
		   struct buf *out);
/* Sends the lines of s->batch. Returns the exit status. */
int cli_send_batch(struct send *s);

#endif
