/* Idempotency keys: the ids that an upload with a key has are kept under the key, so that whoever
 * sends it again meets the same video. */
#include <string.h>

#include "base/clock.h"
#include "base/crypto.h"
#include "gateway/inside.h"

#define BODY_MAX 4096

char *gateway_again_key(const struct gateway *g, const char *who, const char *key)
{
	AUTO(buf_done) struct buf text = BUF(GATEWAY_KEY_MAX + GATEWAY_TOKEN_WHO_MAX + 2);
	uint8_t digest[CRYPTO_SHA256_BYTES];
	char hex[2 * CRYPTO_SHA256_BYTES + 1];

	buf_addf(&text, "%s\n%s", who, key);
	crypto_sha256(buf_str(&text), text.len, digest);
	return own_printf("%skeys/%s.json", g->place.prefix,
			  crypto_hex(digest, sizeof(digest), hex));
}

static void replay(struct upload *u, const struct record *r)
{
	AUTO(json_freep) struct json *body = json_object();
	struct httpd_exchange *x = u->x;

	json_set_str(body, "video_id", r->video_id);
	json_set_str(body, "task_id", r->task_id);
	json_set_str(body, "path", produce_word(u->g->path));
	gateway_upload_end(u, GATEWAY_REPLAYED);
	gateway_route_json(x, 201, body, "Idempotency-Replayed", "true");
}

static void record_came(struct aws_call *c, void *arg)
{
	struct upload *u = arg;
	AUTO(record_done) struct record r = { 0 };
	char etag[S3_ETAG_MAX];
	struct err e = { 0 };

	if (broker_record_get_read(&c->reply, &r, etag, &e) < 0) {
		if (e.kind == ERR_NOT_FOUND)
			gateway_upload_ready(u); /* the first one did not get that far */
		else
			gateway_upload_away(u, "the store", &e);
	} else if (r.state == RECORD_UPLOADED) {
		gateway_upload_fail(u, 409, "under_way",
				    "an upload with this Idempotency-Key is under way");
	} else {
		replay(u, &r);
	}
}

/* The message that such a job would have says whether the ids are ids. */
static int read_ids(const struct reply *r, struct upload *u, struct err *e)
{
	struct job j;
	struct s3_object o;
	struct gateway_ask *a = httpd_user(u->x);

	if (aws_s3_get_read(r, &o, e) < 0 || job_read(buf_str(&r->body), r->body.len, &j, e) < 0)
		return -1;
	memcpy(u->job.video_id, j.video_id, sizeof(j.video_id));
	memcpy(u->job.task_id, j.task_id, sizeof(j.task_id));
	memcpy(a->video_id, j.video_id, sizeof(j.video_id));
	return 0;
}

static void ids_came(struct aws_call *c, void *arg)
{
	struct upload *u = arg;
	struct err e = { 0 };

	if (read_ids(&c->reply, u, &e) < 0) {
		gateway_upload_away(u, "the store", &e);
		return;
	}
	aws_call_done(&u->call);
	broker_record_get_ask(&u->call.request, &u->g->place, u->job.video_id);
	lane_start(u->g->lane, &u->call, span_s(GATEWAY_CALL_S), record_came, u);
}

static void claimed(struct aws_call *c, void *arg)
{
	struct upload *u = arg;
	AUTO(own_freep) char *key = gateway_again_key(u->g, u->who, u->key);
	char etag[S3_ETAG_MAX];
	struct err e = { 0 };

	if (aws_s3_put_read(&c->reply, etag, &e) == 0) {
		gateway_upload_ready(u);
		return;
	}
	/* A claim whose answer was lost is found to be there, with our own ids in it. */
	if (e.kind != ERR_CONFLICT && e.kind != ERR_UNREACHABLE) {
		gateway_upload_away(u, "the store", &e);
		return;
	}
	aws_call_done(&u->call);
	aws_s3_get_ask(&u->call.request, u->g->place.bucket, key, -1, BODY_MAX, NULL);
	lane_start(u->g->lane, &u->call, span_s(GATEWAY_CALL_S), ids_came, u);
}

void gateway_again_start(struct upload *u)
{
	AUTO(own_freep) char *key = gateway_again_key(u->g, u->who, u->key);
	AUTO(json_freep) struct json *body = job_write(&u->job);
	AUTO(buf_done) struct buf text = BUF(BODY_MAX);

	json_write(body, &text);
	aws_s3_put_ask(&u->call.request, u->g->place.bucket, key,
		       &S3_PUT(.body = buf_str(&text), .body_len = text.len,
			       .content_type = "application/json", .if_none_match = true));
	lane_start(u->g->lane, &u->call, span_s(GATEWAY_CALL_S), claimed, u);
}
