/* Queues of Celery, each broker asked over one connection that stays. */
#ifndef OBSERVE_CELERY_H
#define OBSERVE_CELERY_H

#include "base/loop.h"
#include "broker/celery_busy.h"
#include "model/policy.h"

struct observe_celery;
struct observe_celery *observe_celery_new(struct loop *l);
void observe_celery_free(struct observe_celery *o); /* gives up what is asked */

bool observe_celery_same(const struct policy_celery *a, const struct policy_celery *b);
struct observe_celery_seen {
	struct broker_celery_depth depth;
	bool asked;                     /* workers were, and one at least answered */
	struct broker_celery_busy busy; /* when they were */
};
/* @p s is NULL when @p e says why. That workers did not answer is no error. */
typedef void observe_celery_fn(const struct observe_celery_seen *s, const struct err *e, void *arg);
/* Ends in fn, from the loop, within @p deadline. The error names no password. */
void observe_celery_ask(struct observe_celery *o, const struct policy_celery *m,
			struct span deadline, observe_celery_fn *fn, void *arg);

#endif
