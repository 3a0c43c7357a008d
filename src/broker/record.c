#include "broker/record.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/rng.h"

#define AGAIN_MS 50 /* first ceiling of the wait before another try; doubles */
#define AGAIN_MOST_MS 3000

struct broker_record_write {
	struct lane *lane;
	char *bucket, *key;
	struct record want, seen; /* seen: as stored, when its etag is not "" */
	char etag[S3_ETAG_MAX];
	enum broker_record_if when;
	bool unsure; /* a write was sent whose end is not known */
	struct tick ends;
	int tries;
	struct rng rng;
	struct loop_timer *again;
	struct aws_call call;
	broker_record_fn *fn;
	void *arg;
};

char *broker_record_key(const char *prefix, const char *video_id)
{
	return own_printf("%s%s.json", prefix, video_id);
}

void broker_record_get_ask(struct request *r, const struct broker_record_place *p,
			   const char *video_id)
{
	AUTO(own_freep) char *key = broker_record_key(p->prefix, video_id);

	aws_s3_get_ask(r, p->bucket, key, -1, RECORD_BYTES_MAX, NULL);
}

int broker_record_get_read(const struct reply *r, struct record *ret, char etag[static S3_ETAG_MAX],
			   struct err *e)
{
	struct s3_object o;

	*ret = (struct record){ .began_at = INSTANT_NEVER };
	etag[0] = '\0';
	if (aws_s3_get_read(r, &o, e) < 0 ||
	    record_read(buf_str(&r->body), r->body.len, ret, e) < 0)
		return -1;
	memcpy(etag, o.etag, S3_ETAG_MAX);
	return 0;
}

/* --- one write */

void broker_record_cancel(struct broker_record_write *w)
{
	if (!w)
		return;
	lane_cancel(w->lane, &w->call);
	aws_call_done(&w->call);
	loop_timer_free(w->again);
	record_done(&w->want);
	record_done(&w->seen);
	own_free(w->bucket);
	own_free(w->key);
	own_free(w);
}

static void end(struct broker_record_write *w, const struct err *e, bool wrote)
{
	bool known = w->etag[0] && (e->kind == ERR_NONE || e->kind == ERR_CONFLICT);

	w->fn(e, wrote, wrote ? &w->want : known ? &w->seen : NULL, w->arg);
	broker_record_cancel(w);
}

static struct span left(const struct broker_record_write *w)
{
	return tick_since(w->ends, clock_mono());
}

static void look(struct broker_record_write *w);

static void again(void *arg)
{
	look(arg);
}

/* Somebody was first, or nobody answered: the store is read again, after a while that differs from
 * the others'. */
static void retry(struct broker_record_write *w, const struct err *e)
{
	int64_t ceiling = (int64_t)AGAIN_MS << (w->tries < 6 ? w->tries : 6);
	int64_t wait = 1 + (int64_t)rng_below(&w->rng, (uint64_t)ceiling);

	if (wait < e->retry_after_ms)
		wait = e->retry_after_ms;
	w->tries++;
	if (wait > AGAIN_MOST_MS)
		wait = AGAIN_MOST_MS;
	if (wait >= left(w).ms) {
		end(w, e, false);
		return;
	}
	loop_timer_start(w->again, span_ms(wait));
}

static bool may_pass(const struct err *e)
{
	return e->kind == ERR_UNREACHABLE || e->kind == ERR_THROTTLED || e->kind == ERR_CONFLICT;
}

static void put_came(struct aws_call *c, void *arg)
{
	struct broker_record_write *w = arg;
	char etag[S3_ETAG_MAX];
	struct err e = { 0 };

	if (aws_s3_put_read(&c->reply, etag, &e) == 0) {
		end(w, &e, true);
		return;
	}
	/* "Not found" here: what was there when it was read is gone. */
	w->unsure |= e.kind == ERR_UNREACHABLE;
	if (may_pass(&e) || e.kind == ERR_NOT_FOUND)
		retry(w, &e);
	else
		end(w, &e, false);
}

static void put(struct broker_record_write *w)
{
	AUTO(json_freep) struct json *j = record_json(&w->want);
	AUTO(buf_done) struct buf text = BUF(RECORD_BYTES_MAX);
	struct s3_put p = S3_PUT(.content_type = "application/json", .if_none_match = !w->etag[0],
				 .if_match = w->etag[0] ? w->etag : NULL);
	struct err e = { 0 };

	json_write(j, &text);
	if (buf_ok(&text, "the record", &e) < 0) {
		end(w, &e, false);
		return;
	}
	p.body = text.data;
	p.body_len = text.len;
	aws_call_done(&w->call);
	aws_s3_put_ask(&w->call.request, w->bucket, w->key, &p);
	lane_start(w->lane, &w->call, left(w), put_came, w);
}

/* Is what is stored what we wanted to store? Then our own write had come, unheard. */
static bool is_ours(const struct broker_record_write *w)
{
	return w->unsure && w->seen.state == w->want.state && w->seen.at.ms == w->want.at.ms &&
	       w->seen.began_at.ms == w->want.began_at.ms && w->seen.progress == w->want.progress &&
	       strcmp(w->seen.task_id, w->want.task_id) == 0;
}

static void found(struct broker_record_write *w)
{
	struct err e = { 0 };

	if (is_ours(w)) {
		end(w, &e, true);
	} else if (w->when == BROKER_RECORD_NEW) {
		err_set(&e, ERR_CONFLICT, "there is a record of video %s already",
			w->want.video_id);
		end(w, &e, false);
	} else if (!record_may_follow(&w->seen, &w->want)) {
		end(w, &e, false);
	} else {
		record_inherit(&w->want, &w->seen);
		put(w);
	}
}

static void looked(struct aws_call *c, void *arg)
{
	struct broker_record_write *w = arg;
	struct err e = { 0 };

	record_done(&w->seen);
	if (broker_record_get_read(&c->reply, &w->seen, w->etag, &e) == 0)
		found(w);
	else if (e.kind == ERR_NOT_FOUND && strcmp(e.code, "NoSuchKey") == 0 &&
		 w->when != BROKER_RECORD_THERE)
		put(w);
	else if (may_pass(&e))
		retry(w, &e);
	else
		end(w, &e, false);
}

static void look(struct broker_record_write *w)
{
	aws_call_done(&w->call);
	aws_s3_get_ask(&w->call.request, w->bucket, w->key, -1, RECORD_BYTES_MAX, NULL);
	lane_start(w->lane, &w->call, left(w), looked, w);
}

struct broker_record_write *broker_record_put(struct loop *l, struct lane *lane,
					      const struct broker_record_place *p,
					      const struct record *r, enum broker_record_if when,
					      struct span deadline, broker_record_fn *fn, void *arg)
{
	struct broker_record_write *w = own_alloc(sizeof(*w));

	*w = (struct broker_record_write){ .lane = lane,
					   .bucket = own_strdup(p->bucket),
					   .key = broker_record_key(p->prefix, r->video_id),
					   .when = when,
					   .ends = tick_add(clock_mono(), deadline),
					   .fn = fn,
					   .arg = arg };
	record_copy(&w->want, r);
	w->seen.began_at = INSTANT_NEVER;
	rng_seed_os(&w->rng);
	w->again = loop_timer_new(l, again, w);
	if (when == BROKER_RECORD_NEW)
		put(w); /* mostly there is none: looking first would be a call too many */
	else
		look(w);
	return w;
}
