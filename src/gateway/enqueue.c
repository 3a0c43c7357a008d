/* From the last byte to the message in the queue.
 *
 * marker, record, object, message, record again: whenever the process dies, what is there says what
 * is lacking. The marker, an empty object, is there before anything that needs a message, and goes
 * last, so that a sweep has to look at the marked ones alone. Nothing that a client can see needs a
 * message before the object is there: the record is written first, since an object without one
 * would never be found. */
#include <string.h>

#include "base/clock.h"
#include "gateway/inside.h"

#define PUT_S 600
#define WRITE_S 30
#define TRIES_MOST 3
#define AGAIN_MS 500

/* Nothing was sent, so nothing needs what is in the store: all of it goes, the marker last. */
static void remove_all(struct upload *u)
{
	struct gateway *g = u->g;
	AUTO(own_freep) char *record = broker_record_key(g->place.prefix, u->job.video_id);
	AUTO(own_freep) char *marker = gateway_pending_key(g, u->job.video_id);

	gateway_errand_delete(g, u->job.key, NULL);
	gateway_errand_delete(g, record, marker);
	u->step = UPLOAD_OVER; /* an open upload in parts is aborted */
}

static void answer(struct upload *u)
{
	AUTO(json_freep) struct json *body = json_object();
	AUTO(own_freep) char *where = own_printf("/api/videos/%s", u->job.video_id);
	struct httpd_exchange *x = u->x;
	struct gateway_ask *a;

	u->g->upload_ms += tick_since(clock_mono(), u->since).ms;
	u->g->bytes += u->file_bytes;
	LOG_INFO("a video was uploaded", LOG_S("video", u->job.video_id),
		 LOG_S("task", u->job.task_id), LOG_S("path", produce_word(u->g->path)),
		 LOG_I("bytes", u->file_bytes), LOG_I("parts", u->parts));
	if (!x)
		return;
	json_set_str(body, "video_id", u->job.video_id);
	json_set_str(body, "task_id", u->job.task_id);
	json_set_str(body, "path", produce_word(u->g->path));
	a = httpd_user(x);
	a->upload = NULL;
	u->x = NULL;
	gateway_route_json(x, 201, body, "Location", where);
}

static void queued(const struct err *e, bool wrote, const struct record *now, void *arg)
{
	struct upload *u = arg;
	AUTO(own_freep) char *marker = gateway_pending_key(u->g, u->job.video_id);

	(void)wrote;
	(void)now;
	u->write = NULL;
	if (e->kind == ERR_NONE)
		gateway_errand_delete(u->g, marker, NULL);
	else
		LOG_WARN("a record stays as uploaded: the message will be sent once more",
			 LOG_S("video", u->job.video_id), LOG_E(e));
	gateway_upload_end(u, GATEWAY_ACCEPTED);
}

static void sent(const struct err *e, bool certain, void *arg)
{
	struct upload *u = arg;

	u->send = NULL;
	if (e->kind != ERR_NONE) {
		if (certain)
			remove_all(u);
		else
			LOG_WARN("a message may be lacking: the upload is looked at again later",
				 LOG_S("video", u->job.video_id), LOG_E(e));
		gateway_upload_away(u, "the queue", e);
		return;
	}
	answer(u);
	record_done(&u->record);
	record_init(&u->record, &u->job, RECORD_QUEUED, clock_wall());
	u->write = broker_record_put(u->g->loop, u->g->lane, &u->g->place, &u->record,
				     BROKER_RECORD_ANY, span_s(WRITE_S), queued, u);
}

static void stored(struct upload *u)
{
	own_free(TAKE(u->upload_id)); /* it is an object now */
	u->send = gateway_send_start(u->g, &u->job, sent, u);
}

static void not_stored(struct upload *u, const struct err *e)
{
	remove_all(u);
	gateway_upload_away(u, "the store", e);
}

static void put_came(struct aws_call *c, void *arg)
{
	char etag[S3_ETAG_MAX];
	struct err e = { 0 };

	if (aws_s3_put_read(&c->reply, etag, &e) < 0)
		not_stored(arg, &e);
	else
		stored(arg);
}

static void complete(void *arg);

static void looked(struct aws_call *c, void *arg)
{
	struct upload *u = arg;
	struct s3_object o;
	struct err e = { 0 };

	if (aws_s3_head_read(&c->reply, &o, &e) == 0 && o.size == u->file_bytes)
		stored(u);
	else
		not_stored(u, &e);
}

static void completed(struct aws_call *c, void *arg)
{
	struct upload *u = arg;
	struct err e = { 0 };

	if (aws_s3_multi_complete_read(&c->reply, &e) == 0) {
		stored(u);
	} else if (e.kind == ERR_NOT_FOUND && u->tries > 0) {
		/* An earlier try whose answer was lost may have done it. */
		aws_call_done(&u->call);
		aws_s3_head_ask(&u->call.request, u->job.bucket, u->job.key);
		lane_start(u->g->lane, &u->call, span_s(GATEWAY_CALL_S), looked, u);
	} else if ((e.kind == ERR_UNREACHABLE || e.kind == ERR_THROTTLED) &&
		   ++u->tries < TRIES_MOST) {
		loop_timer_start(u->again, span_ms((int64_t)AGAIN_MS << u->tries));
	} else {
		not_stored(u, &e);
	}
}

static void complete(void *arg)
{
	struct upload *u = arg;

	aws_call_done(&u->call);
	aws_s3_multi_complete_ask(&u->call.request, u->job.bucket, u->job.key, u->upload_id,
				  (const char *const *)u->etags, (size_t)u->parts);
	lane_start(u->g->lane, &u->call, span_s(PUT_S), completed, u);
}

static void put(struct upload *u)
{
	aws_call_done(&u->call);
	aws_s3_put_ask(&u->call.request, u->job.bucket, u->job.key,
		       &(struct s3_put){ .fd = u->spool,
					 .size = u->file_bytes,
					 .content_type = u->type->content_type });
	lane_start(u->g->lane, &u->call, span_s(PUT_S), put_came, u);
}

static void recorded(const struct err *e, bool wrote, const struct record *now, void *arg)
{
	struct upload *u = arg;

	(void)now;
	u->write = NULL;
	if (e->kind == ERR_CONFLICT) {
		u->step = UPLOAD_OVER;
		gateway_upload_fail(u, 409, "under_way",
				    "an upload with this Idempotency-Key is under way");
	} else if (!wrote) {
		u->step = UPLOAD_OVER; /* whose record stands there is not known: a sweep looks */
		gateway_upload_away(u, "the store", e);
	} else if (u->upload_id) {
		complete(u);
	} else {
		put(u);
	}
}

static void marked(struct aws_call *c, void *arg)
{
	struct upload *u = arg;
	char etag[S3_ETAG_MAX];
	struct err e = { 0 };

	if (aws_s3_put_read(&c->reply, etag, &e) < 0) {
		u->step = UPLOAD_OVER;
		gateway_upload_away(u, "the store", &e);
		return;
	}
	u->write = broker_record_put(u->g->loop, u->g->lane, &u->g->place, &u->record,
				     BROKER_RECORD_NEW, span_s(WRITE_S), recorded, u);
}

void gateway_enqueue_start(struct upload *u)
{
	AUTO(own_freep) char *marker = gateway_pending_key(u->g, u->job.video_id);

	u->step = UPLOAD_STORING;
	u->again = loop_timer_new(u->g->loop, complete, u);
	record_init(&u->record, &u->job, RECORD_UPLOADED, clock_wall());
	record_text(&u->record.title, buf_str(&u->title), RECORD_TITLE_MAX);
	record_text(&u->record.upload, u->upload_id, RECORD_UPLOAD_MAX);
	aws_call_done(&u->call);
	aws_s3_put_ask(&u->call.request, u->g->place.bucket, marker,
		       &S3_PUT(.body = "", .body_len = 0, .content_type = "text/plain"));
	lane_start(u->g->lane, &u->call, span_s(GATEWAY_CALL_S), marked, u);
}
