/* How long jobs take, put into CloudWatch where that was asked for: what a controller, or an alarm,
 * divides a backlog by. A minute's jobs go in one call, as their number, sum, least and most. */
#include <string.h>

#include "aws/cloudwatch_put.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/own.h"
#include "worker/inside.h"

#define EVERY_S 60
#define CALL_S 10
#define REPEAT_MS 600000 /* a failure that goes on is said again so often */
#define NAME_MAX_BYTES 256

struct publish {
	struct worker *w;
	struct loop_timer *timer;
	struct aws_call call;
	bool busy, failing;
	struct tick said;               /* the last failure */
	double count, sum, least, most; /* seconds of what is to be told */
	char queue[NAME_MAX_BYTES];
};

static void say(struct publish *p, const struct err *e)
{
	struct tick now = clock_mono();

	if (e->kind == ERR_NONE) {
		if (p->failing)
			LOG_INFO("metrics are published again");
		p->failing = false;
		return;
	}
	if (p->failing && tick_since(now, p->said).ms < REPEAT_MS)
		return;
	p->failing = true;
	p->said = now;
	LOG_WARN("metrics cannot be published -> they are dropped; no job waits for it",
		 LOG_S("namespace", p->w->o->publish), LOG_E(e));
}

static void answered(struct aws_call *c, void *arg)
{
	struct publish *p = arg;
	struct err e = { 0 };

	p->busy = false;
	err_ignore(aws_cloudwatch_put_read(&c->reply, &e)); /* said */
	say(p, &e);
	worker_supervise_turn(p->w);
}

static void flush(void *arg)
{
	struct publish *p = arg;
	const struct cloudwatch_datum datum = { .metric = "JobSeconds",
						.names = { "QueueName" },
						.values = { p->queue },
						.dimension_count = 1,
						.unit = "Seconds",
						.value = p->sum,
						.count = p->count,
						.least = p->least,
						.most = p->most,
						.at = clock_wall() };

	loop_timer_stop(p->timer);
	if (p->busy || p->count == 0)
		return;
	p->busy = true;
	p->count = p->sum = 0;
	aws_call_done(&p->call);
	aws_cloudwatch_put_ask(&p->call.request, p->w->o->publish, &datum, 1);
	lane_start(p->w->lane, &p->call, span_s(CALL_S), answered, p);
}

void worker_publish_job(struct worker *w, struct span took)
{
	struct publish *p = w->publish;
	double s = (double)took.ms / 1000;

	if (!p)
		return;
	p->least = p->count == 0 || s < p->least ? s : p->least;
	p->most = p->count == 0 || s > p->most ? s : p->most;
	p->count++;
	p->sum += s;
	if (!loop_timer_active(p->timer))
		loop_timer_start(p->timer, span_s(EVERY_S));
}

bool worker_publish_closed(struct worker *w)
{
	if (!w->publish)
		return true;
	flush(w->publish);
	return !w->publish->busy;
}

/* The first queue's name: the last part of its URL's path. */
static void name_queue(const struct worker_options *o, char name[static NAME_MAX_BYTES])
{
	const char *url = o->queue_url && *o->queue_url ? o->queue_url : o->celery_queue;
	size_t len = strcspn(url, ",=?"), from = len;

	while (from > 0 && url[from - 1] != '/')
		from--;
	len -= from;
	if (len >= NAME_MAX_BYTES)
		len = NAME_MAX_BYTES - 1;
	memcpy(name, url + from, len);
	name[len] = '\0';
}

void worker_publish_start(struct worker *w)
{
	struct publish *p;

	if (!w->o->publish || !*w->o->publish)
		return;
	p = own_alloc(sizeof(*p));
	p->w = w;
	p->timer = loop_timer_new(w->loop, flush, p);
	name_queue(w->o, p->queue);
	w->publish = p;
}

void worker_publish_stop(struct worker *w)
{
	struct publish *p = w->publish;

	if (!p)
		return;
	lane_cancel(w->lane, &p->call);
	aws_call_done(&p->call);
	loop_timer_free(p->timer);
	own_free(p);
}
