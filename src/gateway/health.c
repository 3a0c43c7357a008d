/* Whether queue and store answer, and what was counted. */
#include <string.h>

#include "aws/sqs.h"
#include "base/clock.h"
#include "gateway/inside.h"

#define EVERY_S 15
#define SOON_S 2 /* while something is wrong */
#define PROBE_S 5

/* A refusal is an answer: somebody is there. What is not there at all is as good as away. */
static bool is_away(const struct err *e)
{
	return e->kind == ERR_UNREACHABLE || e->kind == ERR_NOT_FOUND;
}

static void set(struct gateway_health *h, const char *what, const struct err *e)
{
	bool good = !is_away(e);

	if (h->known && h->good != good) {
		if (good)
			LOG_INFO("answers again", LOG_S("what", what));
		else
			LOG_WARN("does not answer", LOG_S("what", what), LOG_E(e));
	} else if (!h->known && !good) {
		LOG_WARN("does not answer", LOG_S("what", what), LOG_E(e));
	}
	h->known = true;
	h->good = good;
	h->why = *e;
}

void gateway_health_queue(struct gateway *g, const struct err *e)
{
	struct err none = { 0 };

	set(&g->queue, "the queue", e ? e : &none);
}

static void queue_came(struct aws_call *c, void *arg)
{
	struct gateway *g = arg;
	struct depth d;
	struct err e = { 0 };

	err_ignore(aws_sqs_depth_read(&c->reply, &d, &e));
	gateway_health_queue(g, &e);
}

static void celery_came(const struct err *e, void *arg)
{
	struct gateway *g = arg;

	g->celery_asked = false;
	gateway_health_queue(g, e);
}

static void store_came(struct aws_call *c, void *arg)
{
	struct gateway *g = arg;
	struct err e = { 0 };

	err_ignore(aws_s3_none_read(&c->reply, &e));
	set(&g->store, "the store", &e);
}

static void probe_queue(struct gateway *g)
{
	if (g->path == PRODUCE_CELERY) {
		if (g->celery_asked)
			return;
		g->celery_asked = true;
		produce_celery_ping(g->celery, span_s(PROBE_S), celery_came, g);
	} else if (!g->queue_call.flight) {
		aws_call_done(&g->queue_call);
		aws_sqs_depth_ask(&g->queue_call.request, g->o->to.queue_url);
		lane_start(g->lane, &g->queue_call, span_s(PROBE_S), queue_came, g);
	}
}

void gateway_health_tick(struct gateway *g, struct tick now)
{
	bool good = g->queue.good && g->store.good;

	if (tick_since(g->probe_at, now).ms > 0)
		return;
	g->probe_at = tick_add(now, span_s(good ? EVERY_S : SOON_S));
	probe_queue(g);
	if (g->store_call.flight)
		return;
	aws_call_done(&g->store_call);
	aws_s3_head_bucket_ask(&g->store_call.request, g->place.bucket);
	lane_start(g->lane, &g->store_call, span_s(PROBE_S), store_came, g);
}

void gateway_health_stop(struct gateway *g)
{
	if (!g->lane)
		return;
	lane_cancel(g->lane, &g->queue_call);
	lane_cancel(g->lane, &g->store_call);
	aws_call_done(&g->queue_call);
	aws_call_done(&g->store_call);
}

bool gateway_health_ready(const struct gateway *g, const char **ret_why)
{
	if (g->queue.known && !g->queue.good)
		*ret_why = "the queue cannot be reached";
	else if (g->store.known && !g->store.good)
		*ret_why = "the store cannot be reached";
	else
		return true;
	return false;
}

/* --- metrics */

static void metric(struct buf *out, const char *name, const char *type, const char *help)
{
	buf_addf(out, "# HELP windlass_gateway_%s %s\n# TYPE windlass_gateway_%s %s\n", name, help,
		 name, type);
}

static void one(struct buf *out, const char *name, const char *type, const char *help, int64_t n)
{
	metric(out, name, type, help);
	buf_addf(out, "windlass_gateway_%s %lld\n", name, (long long)n);
}

void gateway_health_metrics(const struct gateway *g, struct buf *out)
{
	static const char *const words[GATEWAY_RESULTS] = { [GATEWAY_ACCEPTED] = "accepted",
							    [GATEWAY_REPLAYED] = "replayed",
							    [GATEWAY_REFUSED] = "refused",
							    [GATEWAY_FAILED] = "failed",
							    [GATEWAY_LEFT] = "left" };
	int64_t uploads = 0, watches = 0;

	for (const struct upload *u = g->uploads; u; u = u->next)
		uploads++;
	for (const struct watch *w = g->watches; w; w = gateway_watch_next(w))
		watches++;
	metric(out, "uploads_total", "counter", "Uploads by how they ended.");
	for (size_t i = 0; i < GATEWAY_RESULTS; i++)
		buf_addf(out, "windlass_gateway_uploads_total{result=\"%s\"} %lld\n", words[i],
			 (long long)g->results[i]);
	metric(out, "requests_total", "counter", "Answers by the first digit of their status.");
	for (int i = 1; i < 6; i++)
		buf_addf(out, "windlass_gateway_requests_total{class=\"%dxx\"} %lld\n", i,
			 (long long)g->requests[i]);
	one(out, "upload_bytes_total", "counter", "Bytes of videos that were accepted.", g->bytes);
	metric(out, "upload_seconds_total", "counter",
	       "Time of uploads that were accepted, from head to message.");
	buf_addf(out, "windlass_gateway_upload_seconds_total %lld.%03lld\n",
		 (long long)g->upload_ms / 1000, (long long)g->upload_ms % 1000);
	metric(out, "messages_total", "counter", "Messages that the queue took.");
	buf_addf(out, "windlass_gateway_messages_total{path=\"%s\"} %lld\n", produce_word(g->path),
		 (long long)g->sent);
	one(out, "swept_sent_total", "counter", "Forgotten uploads that got their message.",
	    g->swept_sent);
	one(out, "swept_removed_total", "counter", "Forgotten uploads that were removed.",
	    g->swept_removed);
	one(out, "uploads_active", "gauge", "Uploads under way.", uploads);
	one(out, "watches_active", "gauge", "Clients that follow a video.", watches);
	one(out, "queue_reachable", "gauge", "1 while the queue answers.",
	    !g->queue.known || g->queue.good);
	one(out, "store_reachable", "gauge", "1 while the store answers.",
	    !g->store.known || g->store.good);
}
