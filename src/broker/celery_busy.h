/* What Celery's workers say they are running, asked as `celery inspect active` asks: a message
 * published to all, and a list that each answers into (kombu/pidbox.py and transport/redis.py, 5.2
 * and 5.6). */
#ifndef BROKER_CELERY_BUSY_H
#define BROKER_CELERY_BUSY_H

#include "broker/celery.h"

struct broker_celery_busy {
	int64_t workers, answered; /* that heard, of all queues; and of them said something */
	int64_t running;           /* tasks of the queue that were acked: held nowhere */
};
/* @p b is NULL when @p e says why. */
typedef void broker_celery_busy_fn(const struct broker_celery_busy *b, const struct err *e,
				   void *arg);

struct broker_celery_asking;
/* Ends in fn, from the loop, when all have answered, at @p limit at the latest: a worker of the
 * solo pool answers after its task only. @p id names the asker, the same each time, and only one
 * ask of it runs at a time. @p n is checked; @p db as in the broker's URL. */
struct broker_celery_asking *broker_celery_busy_ask(struct loop *l, struct broker_redis *r,
						    const struct broker_celery_names *n, int64_t db,
						    const char *id, struct span limit,
						    broker_celery_busy_fn *fn, void *arg);
/* fn is not called; only before it was, and after @p r was freed. */
void broker_celery_busy_cancel(struct broker_celery_asking *a);

/* One answer, as it stands in the list: false when it answers another question. */
bool broker_celery_busy_read(const char *text, size_t len, const char *ticket, const char *queue,
			     int64_t *ret_running);

#endif
