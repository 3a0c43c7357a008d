/* A job as a message of SQS: its body, and video_id and video_path as attributes. */
#ifndef PRODUCE_MESSAGE_H
#define PRODUCE_MESSAGE_H

#include "aws/sqs.h"
#include "base/buf.h"
#include "model/job.h"

struct produce_message { /* at a fixed address while it is used */
	struct buf body, path;
	struct sqs_send_attr attrs[2];
	struct sqs_send send;
	size_t bytes; /* as SQS counts: body, and names, types and values of attributes */
};
/* Borrows the job's texts. ERR_POLICY: too long. @p m is zeroed or not yet used. */
MUST int produce_message_write(struct produce_message *m, const struct job *j, struct err *e);
void produce_message_done(struct produce_message *m);

#endif
