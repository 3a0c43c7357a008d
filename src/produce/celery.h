/* The way before the migration: the job as a task of Celery, pushed into Redis. */
#ifndef PRODUCE_CELERY_H
#define PRODUCE_CELERY_H

#include "base/err.h"
#include "base/instant.h"
#include "base/loop.h"
#include "broker/celery.h"
#include "model/job.h"

struct produce_celery_options {
	const char *broker_url; /* CELERY_BROKER_URL */
	struct broker_celery_names names;
	int priority; /* 0 to 9; 0 is eaten first, on Redis */
};

/* One connection to the broker. */
struct produce_celery;
/* @p l NULL: a loop of its own, for produce_celery_send(). Nothing is sent yet. */
MUST struct produce_celery *
produce_celery_new(struct loop *l, const struct produce_celery_options *o, struct err *e);
void produce_celery_free(struct produce_celery *p); /* gives up what is being sent */
DEFINE_FREEP(struct produce_celery, produce_celery);

/* ERR_NONE: it is in the queue. Else it may be there or not: sent again it has the same task id,
 * and its output stays one. */
typedef void produce_celery_fn(const struct err *e, void *arg);
/* Ends in fn, from the loop. ERR_POLICY: the job does not fit a message; fn is not called. */
MUST int produce_celery_start(struct produce_celery *p, const struct job *j, struct span deadline,
			      produce_celery_fn *fn, void *arg, struct err *e);
/* Asks whether Redis is there; ends in fn, from the loop. */
void produce_celery_ping(struct produce_celery *p, struct span deadline, produce_celery_fn *fn,
			 void *arg);
/* Runs a loop of its own until each that was started has ended. */
void produce_celery_wait(struct produce_celery *p);
/* Sends and waits; tries again, with the same task id, while the broker cannot be reached. */
MUST int produce_celery_send(struct produce_celery *p, const struct job *j, struct span deadline,
			     struct err *e);

#endif
