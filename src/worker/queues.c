/* Which queues are worked on: of SQS, by weight, and Celery's Redis, while work moves from the one
 * to the other. */
#include <stdlib.h>
#include <string.h>

#include "base/own.h"
#include "base/text.h"
#include "broker/celery.h"
#include "worker/inside.h"

#define CELERY_RECEIVES_MAX 3 /* the guide's; Celery has no such count */
#define WEIGHT_MOST 100

/* "URL" or "URL=WEIGHT". @p item is cut at the sign. */
static int read_item(char *item, int64_t *ret_weight, struct err *e)
{
	char *sign = strrchr(item, '=');

	*ret_weight = 1;
	if (!sign)
		return 0;
	if (!text_int(sign + 1, ret_weight) || *ret_weight < 1 || *ret_weight > WEIGHT_MOST)
		return err_set(e, ERR_POLICY,
			       "--queue-url %.300s: a weight is a whole number from 1 to %d", item,
			       WEIGHT_MOST);
	*sign = '\0';
	return 0;
}

static int sqs_queues(struct worker *w, struct broker_share *list, size_t *n, struct err *e)
{
	AUTO(own_freep) char *all = own_strdup(w->o->queue_url ? w->o->queue_url : "");
	char *rest = all;

	while (rest) {
		char *item = strsep(&rest, ",");
		struct broker_sqs_options o = { .queue_url = item,
						.dead_letter_url = w->o->dead_letter_url };
		int64_t weight;

		if (!*item)
			continue;
		if (*n == WORKER_QUEUES_MAX)
			return err_set(e, ERR_POLICY, "more than %d queues", WORKER_QUEUES_MAX);
		if (read_item(item, &weight, e) < 0)
			return -1;
		list[(*n)++] = (struct broker_share){ broker_sqs_new(w->lane, &o), weight };
	}
	return 0;
}

static struct broker *celery_queue(const struct worker *w, struct err *e)
{
	const struct worker_options *o = w->o;
	const struct broker_celery_options celery = {
		.broker_url = o->broker_url,
		.names = { o->celery_queue, o->celery_task, o->celery_prefix },
		.visibility_s = o->celery_visibility.ms / 1000,
		.receives_max = o->receives_max ? o->receives_max : CELERY_RECEIVES_MAX,
		.result_url = o->result_url,
		.result_key_prefix = o->result_prefix
	};

	return broker_celery_new(w->loop, &celery, e);
}

struct broker *worker_queues(struct worker *w, struct err *e)
{
	struct broker_share list[WORKER_QUEUES_MAX + 1];
	size_t n = 0;
	int rc = sqs_queues(w, list, &n, e);

	if (rc == 0 && w->o->broker_url && *w->o->broker_url) {
		list[n] = (struct broker_share){ celery_queue(w, e), 1 };
		if (list[n].broker)
			n++;
		else
			rc = -1;
	}
	if (rc == 0 && n > 0)
		return n == 1 ? list[0].broker : broker_several_new(list, n);
	if (rc == 0)
		err_set(e, ERR_POLICY, "--queue-url names no queue");
	for (size_t i = 0; i < n; i++)
		broker_free(list[i].broker);
	return NULL;
}
