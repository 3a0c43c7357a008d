/* What is known of a video as it changes: server-sent events, until it is done or parked. The
 * record is looked at again and again, the less often the longer nothing happens. */
#include <string.h>

#include "base/clock.h"
#include "gateway/inside.h"

#define LOOK_LEAST_MS 1000
#define LOOK_MOST_MS 5000
#define ALIVE_MS 15000 /* a comment now and then: what stands between cuts silent connections */

struct watch {
	struct gateway *g;
	struct watch *next, **at;
	struct httpd_exchange *x;
	char video_id[JOB_ID_MAX + 1];
	char etag[S3_ETAG_MAX]; /* of what was told last */
	bool open;
	int64_t wait_ms;
	struct tick told;
	struct loop_timer *again;
	struct aws_call call;
};

static void watch_free(struct watch *w)
{
	*w->at = w->next;
	if (w->next)
		w->next->at = w->at;
	lane_cancel(w->g->lane, &w->call);
	aws_call_done(&w->call);
	loop_timer_free(w->again);
	own_free(w);
}

void gateway_watch_left(struct watch *w)
{
	watch_free(w);
}

/* The answer is complete; its ask goes with it. */
static void end(struct watch *w)
{
	struct gateway_ask *a = httpd_user(w->x);

	a->watch = NULL;
	gateway_route_told(w->x, 200);
	httpd_end(w->x);
	watch_free(w);
}

const struct watch *gateway_watch_next(const struct watch *w)
{
	return w->next;
}

void gateway_watch_stop_all(struct gateway *g)
{
	struct watch *next;

	for (struct watch *w = g->watches; w; w = next) {
		next = w->next;
		if (w->open)
			end(w);
	}
}

static void begin(struct watch *w)
{
	const struct httpd_header headers[] = { { "Content-Type", "text/event-stream" },
						{ "Cache-Control", "no-store" },
						{ "X-Accel-Buffering", "no" } };

	w->open = true;
	w->told = clock_mono();
	httpd_begin(w->x, 200, headers, COUNT_OF(headers));
}

/* False: it ended. */
static bool tell(struct watch *w, const struct record *r)
{
	AUTO(json_freep) struct json *body = gateway_look_json(w->g, r);
	AUTO(buf_done) struct buf text = BUF(GATEWAY_ANSWER_MAX);

	buf_adds(&text, "event: state\ndata: ");
	json_write(body, &text);
	buf_adds(&text, "\n\n");
	w->told = clock_mono();
	if (httpd_write(w->x, text.data, text.len) < 0 || r->state == RECORD_DONE ||
	    r->state == RECORD_PARKED) {
		end(w);
		return false;
	}
	return true;
}

static void look(void *arg);

static void refuse(struct watch *w, const struct err *e)
{
	struct gateway_ask *a = httpd_user(w->x);
	struct httpd_exchange *x = w->x;

	a->watch = NULL;
	watch_free(w);
	if (e->kind == ERR_NOT_FOUND)
		gateway_route_fail(x, 404, "not_found", "there is no video %s", a->video_id);
	else
		gateway_route_away(x, "the store", e);
}

static void came(struct aws_call *c, void *arg)
{
	struct watch *w = arg;
	AUTO(record_done) struct record r = { 0 };
	char etag[S3_ETAG_MAX];
	struct err e = { 0 };
	int rc = broker_record_get_read(&c->reply, &r, etag, &e);

	if (rc < 0 && (!w->open || e.kind == ERR_NOT_FOUND)) {
		if (w->open)
			end(w);
		else
			refuse(w, &e);
		return;
	}
	if (!w->open)
		begin(w);
	if (rc == 0 && strcmp(etag, w->etag) != 0) {
		memcpy(w->etag, etag, sizeof(etag));
		w->wait_ms = LOOK_LEAST_MS;
		if (!tell(w, &r))
			return;
	} else if (w->wait_ms < LOOK_MOST_MS) {
		w->wait_ms += w->wait_ms / 10;
	}
	if (tick_since(clock_mono(), w->told).ms > ALIVE_MS) {
		w->told = clock_mono();
		if (httpd_write(w->x, ":\n\n", 3) < 0) {
			end(w);
			return;
		}
	}
	loop_timer_start(w->again, span_ms(w->wait_ms));
}

static void look(void *arg)
{
	struct watch *w = arg;

	aws_call_done(&w->call);
	broker_record_get_ask(&w->call.request, &w->g->place, w->video_id);
	lane_start(w->g->lane, &w->call, span_s(GATEWAY_CALL_S), came, w);
}

void gateway_watch_start(struct gateway *g, struct httpd_exchange *x, struct gateway_ask *a)
{
	struct watch *w = own_alloc(sizeof(*w));

	w->g = g;
	w->x = x;
	w->wait_ms = LOOK_LEAST_MS;
	w->next = g->watches;
	w->at = &g->watches;
	if (w->next)
		w->next->at = &w->next;
	g->watches = w;
	w->again = loop_timer_new(g->loop, look, w);
	memcpy(w->video_id, a->video_id, sizeof(w->video_id));
	a->watch = w;
	look(w);
}
