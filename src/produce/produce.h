/* The producer's rule of the migration: jobs go to SQS when SQS_QUEUE_URL is set, and to Celery
 * while it is not. */
#ifndef PRODUCE_PRODUCE_H
#define PRODUCE_PRODUCE_H

#include "aws/call.h"
#include "aws/sqs.h"
#include "base/err.h"
#include "model/job.h"

enum produce_path { PRODUCE_SQS, PRODUCE_CELERY };
const char *produce_word(enum produce_path p);

struct produce_options {        /* NULL or "": not set */
	const char *queue_url;  /* SQS_QUEUE_URL */
	const char *broker_url; /* CELERY_BROKER_URL */
};

/* Which way a job goes. ERR_POLICY names the variable to set when there is none. */
MUST int produce_route(const struct produce_options *o, enum produce_path *ret, struct err *e);

/* A new job for an object: ids are made, the time is now. */
MUST int produce_job(const char *bucket, const char *key, struct job *ret, struct err *e);
/* SendMessage with the job as body, and video_id and video_path as String attributes. */
MUST int produce_sqs_ask(struct request *r, const char *queue_url, const struct job *j,
			 struct err *e);

#endif
