/* What is known of a video. */
#include <string.h>

#include "base/clock.h"
#include "gateway/inside.h"

#define URL_MAX 16384

struct look {
	struct gateway *g;
	struct httpd_exchange *x;
	struct aws_call call;
};

static void set_instant(struct json *j, const char *name, struct instant at)
{
	char text[CLOCK_TEXT_MAX];

	if (!instant_is_never(at))
		json_set_str(j, name, clock_print(at, text));
}

static struct json *output_json(struct gateway *g, const struct record_output *o)
{
	struct json *j = json_object();
	AUTO(buf_wipe) struct buf url = BUF(URL_MAX);
	const char *slash = strrchr(o->key, '/');
	struct err e = { 0 };

	json_set_str(j, "name", slash ? slash + 1 : o->key);
	json_set_int(j, "bytes", o->bytes);
	json_set_str(j, "type", o->type ? o->type : "");
	if (aws_s3_presign(g->lane, o->bucket, o->key, g->o->url_valid, &url, &e) == 0)
		json_set_str(j, "url", buf_str(&url));
	else
		LOG_WARN("a URL could not be signed", LOG_E(&e));
	return j;
}

struct json *gateway_look_json(struct gateway *g, const struct record *r)
{
	struct json *j = json_object(), *outputs = json_array();
	/* What a client is to know: its video waits, whether the message was sent or will be. */
	enum record_state state = r->state == RECORD_UPLOADED ? RECORD_QUEUED : r->state;

	json_set_str(j, "video_id", r->video_id);
	json_set_str(j, "task_id", r->task_id);
	json_set_str(j, "title", r->title ? r->title : "");
	json_set_str(j, "state", record_state_word(state));
	json_set_int(j, "progress", state == RECORD_DONE ? 100 : r->progress);
	json_set_int(j, "attempt", r->attempt);
	set_instant(j, "created_at", r->created_at);
	set_instant(j, "at", r->at);
	json_set_str(j, "reason", r->reason ? r->reason : "");
	for (size_t i = 0; state == RECORD_DONE && i < r->output_count; i++)
		json_add(outputs, output_json(g, &r->outputs[i]));
	json_set(j, "outputs", outputs);
	return j;
}

static void look_free(struct look *l)
{
	lane_cancel(l->g->lane, &l->call);
	aws_call_done(&l->call);
	own_free(l);
}

void gateway_look_left(struct look *l)
{
	look_free(l);
}

static void came(struct aws_call *c, void *arg)
{
	struct look *l = arg;
	struct gateway_ask *a = httpd_user(l->x);
	AUTO(record_done) struct record r = { 0 };
	AUTO(json_freep) struct json *body = NULL;
	char etag[S3_ETAG_MAX];
	struct err e = { 0 };

	a->look = NULL;
	if (broker_record_get_read(&c->reply, &r, etag, &e) == 0) {
		body = gateway_look_json(l->g, &r);
		gateway_route_json(l->x, 200, body, NULL, NULL);
	} else if (e.kind == ERR_NOT_FOUND) {
		gateway_route_fail(l->x, 404, "not_found", "there is no video %s", a->video_id);
	} else {
		gateway_route_away(l->x, "the store", &e);
	}
	look_free(l);
}

void gateway_look_start(struct gateway *g, struct httpd_exchange *x, struct gateway_ask *a)
{
	struct look *l = own_alloc(sizeof(*l));

	l->g = g;
	l->x = x;
	a->look = l;
	broker_record_get_ask(&l->call.request, &g->place, a->video_id);
	lane_start(g->lane, &l->call, span_s(GATEWAY_CALL_S), came, l);
}
