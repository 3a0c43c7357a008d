/* All that is known of a parked job, as an object: a message's attribute has little room. The put
 * runs beside the parking: an object that could not be stored must not keep a message from its
 * dead-letter queue, whose note then names an object that is not there, as the log says. */
#include <string.h>

#include "aws/s3.h"
#include "base/json.h"
#include "base/log.h"
#include "base/own.h"
#include "worker/inside.h"

#define PUT_S 30
#define EVIDENCE_BYTES_MAX 65536
#define ID_MAX 100

struct evidence {
	struct worker *w;
	struct aws_call call;
	char *url;
	struct evidence *next, **at;
};

static void evidence_free(struct evidence *v)
{
	*v->at = v->next;
	if (v->next)
		v->next->at = v->at;
	aws_call_done(&v->call);
	own_free(v->url);
	own_free(v);
}

static void stored(struct aws_call *c, void *arg)
{
	struct evidence *v = arg;
	struct worker *w = v->w;
	char etag[S3_ETAG_MAX];
	struct err e = { 0 };

	if (aws_s3_put_read(&c->reply, etag, &e) < 0)
		LOG_WARN("the evidence of a parked message could not be stored",
			 LOG_S("at", v->url), LOG_E(&e));
	evidence_free(v);
	worker_supervise_turn(w);
}

/* Ids of SQS are plain; those of another broker are anybody's text. */
static void plain(const char *id, char out[static ID_MAX])
{
	size_t n = 0;

	for (; id[n] && n + 1 < ID_MAX; n++)
		out[n] =
			strchr("/\\?#%&+ \"'<>", id[n]) || id[n] < ' ' || id[n] > '~' ? '_' : id[n];
	out[n] = '\0';
}

static int body_of(const struct claim *c, const struct worker_end *end, struct buf *out)
{
	AUTO(json_freep) struct json *j = json_object();

	json_set_str(j, "message_id", c->message.id);
	json_set_str(j, "video_id", c->job.video_id);
	json_set_str(j, "task_id", c->job.task_id);
	json_set_int(j, "attempt", c->message.receives);
	json_set_str(j, "host", c->w->host);
	json_set_str(j, "stage", end->stage);
	json_set_str(j, "reason", end->reason);
	json_set_str(j, "stderr", end->complaint);
	return json_write_pretty(j, out);
}

char *worker_evidence_put(struct claim *c, const struct worker_end *end)
{
	struct worker *w = c->w;
	AUTO(buf_done) struct buf body = BUF(EVIDENCE_BYTES_MAX);
	AUTO(own_freep) char *bucket = NULL, *prefix = NULL, *key = NULL;
	struct err ignored = { 0 };
	struct s3_put p = S3_PUT(.content_type = "application/json");
	char id[ID_MAX];
	struct evidence *v;

	if (!w->o->evidence || aws_s3_url_parse(w->o->evidence, &bucket, &prefix, &ignored) < 0 ||
	    body_of(c, end, &body) < 0)
		return NULL;
	plain(c->message.id, id);
	key = own_printf("%s%s%s-%lld.json", prefix, prefix[strlen(prefix) - 1] == '/' ? "" : "/",
			 id, (long long)c->message.receives);
	p.body = buf_str(&body);
	p.body_len = body.len;
	v = own_alloc(sizeof(*v));
	*v = (struct evidence){ .w = w, .next = w->evidence, .at = &w->evidence };
	if (v->next)
		v->next->at = &v->next;
	w->evidence = v;
	v->url = own_printf("s3://%s/%s", bucket, key);
	aws_s3_put_ask(&v->call.request, bucket, key, &p);
	lane_start(w->lane, &v->call, span_s(PUT_S), stored, v);
	return own_strdup(v->url);
}

int worker_evidence_check(const struct worker_options *o, struct err *e)
{
	AUTO(own_freep) char *bucket = NULL, *prefix = NULL;

	if (!o->evidence || aws_s3_url_parse(o->evidence, &bucket, &prefix, e) == 0)
		return 0;
	return err_wrap(e, "--evidence");
}

void worker_evidence_stop(struct worker *w)
{
	while (w->evidence) {
		lane_cancel(w->lane, &w->evidence->call);
		evidence_free(w->evidence);
	}
}
