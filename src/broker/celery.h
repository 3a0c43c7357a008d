/* Celery over Redis: its messages (protocol 2), its keys, and a broker that takes part in its
 * bookkeeping as kombu's workers do.
 *
 * A queue is four lists, one a step of priority (0, 3, 6, 9; 0 first and under the bare name), fed
 * on the left and eaten on the right. What a worker holds stands in the hash "unacked" with its
 * time in "unacked_index"; what is older than the visibility timeout there goes back to its queue,
 * by whoever looks first. Sources: kombu/transport/redis.py and celery/app/amqp.py, 5.2 and 5.6.
 */
#ifndef BROKER_CELERY_H
#define BROKER_CELERY_H

#include "base/buf.h"
#include "base/err.h"
#include "broker/broker.h"
#include "broker/redis.h"
#include "model/job.h"

#define BROKER_CELERY_QUEUE "celery"         /* task_default_queue */
#define BROKER_CELERY_TASK "video.transcode" /* no default of Celery's */
#define BROKER_CELERY_PRIORITIES 4           /* lists of one queue */
#define BROKER_CELERY_MESSAGE_MAX (2u << 20) /* a body of 1 MiB, in base64, and its headers */
#define BROKER_CELERY_NAME_MAX 200           /* of a queue, a task or a key prefix */
#define BROKER_CELERY_VISIBILITY_S 3600      /* kombu's visibility_timeout, when not set */
#define BROKER_CELERY_RESULT_KEY "celery-task-meta-"

/* Of one deployment; each NULL or "": the default above, or no prefix. */
struct broker_celery_names {
	const char *queue, *task;
	const char *key_prefix; /* global_keyprefix */
};
/* ERR_POLICY: too long, a control character, or no name at all. Fills in what was left out. */
MUST int broker_celery_names_check(struct broker_celery_names *n, struct err *e);

/* Key of the list for @p priority (0 to 9). The caller frees it. */
char *broker_celery_key(const struct broker_celery_names *n, int priority);

/* The message that runs n->task with the job's video_id and video_path as keyword arguments and
 * its task_id as id; for LPUSH. ERR_POLICY: too long. */
MUST int broker_celery_write(const struct broker_celery_names *n, const struct job *j, int priority,
			     struct buf *out, struct err *e);

/* --- celery_depth.c */

struct broker_celery_depth {
	int64_t waiting; /* in the lists of all priorities */
	int64_t held;    /* in unacked, of this queue; where that hash is very large, of all */
};
/* @p d is NULL when @p e says why. */
typedef void broker_celery_depth_fn(const struct broker_celery_depth *d, const struct err *e,
				    void *arg);
/* One look, by one script, so that what moves meanwhile is neither missed nor seen twice. What runs
 * of tasks that were acked early is nowhere. Ends in fn, from the loop. @p n is checked. */
void broker_celery_depth_ask(struct broker_redis *r, const struct broker_celery_names *n,
			     struct span deadline, broker_celery_depth_fn *fn, void *arg);

/* --- the broker: celery.c */

struct broker_celery_options {
	const char *broker_url;
	struct broker_celery_names names;
	/* What the deployment's workers have as visibility_timeout, in seconds; 0: kombu's default.
	 * All that share a Redis must agree: whoever has less takes away what others still work on.
	 */
	int64_t visibility_s;
	int64_t receives_max;          /* then it is parked; 0: never */
	const char *result_url;        /* NULL: the same Redis; "none": no results are written */
	const char *result_key_prefix; /* NULL: none */
	int64_t result_ttl_s;          /* 0: a day, as Celery */
};
/* Messages that can never be jobs go to the list QUEUE.parked, with the reason among their headers:
 * LMOVE takes one back. ERR_POLICY: a URL or a name that is none. Nothing is sent yet. */
MUST struct broker *broker_celery_new(struct loop *l, const struct broker_celery_options *o,
				      struct err *e);

#endif
