#include "worker/push.h"

#include <stdio.h>
#include <string.h>

#include "base/own.h"
#include "worker/hash.h"

#define AT_ONCE 3
#define CALL_S 60
#define PART_S 3600 /* the lease, which is renewed, ends it earlier */
#define TRIES_MOST 4
#define AGAIN_MS 500
#define PARTS_AIM 9000 /* of the 10,000 that there may be */

struct line { /* one part at a time */
	struct push *p;
	struct aws_call call;
	struct hash *hash;
	size_t number; /* from 0 */
	int tries;
	char sha256[HASH_HEX_MAX];
	struct loop_timer *again;
};

struct push {
	struct loop *loop;
	struct lane *lane;
	char *bucket, *key, *type, *if_match, *upload;
	bool if_none_match;
	struct s3_meta meta[S3_META_MAX];
	size_t meta_count;
	int fd;
	int64_t size, part_bytes;
	char **etags;
	size_t parts, begun, done;
	struct line lines[AT_ONCE];
	struct aws_call call; /* all but the parts */
	struct s3_uploads left;
	size_t swept;
	int tries, status;
	char etag[S3_ETAG_MAX];
	struct err failure;
	bool (*claimed)(void *arg);
	void *claimed_arg;
	push_done_fn *fn;
	void *arg;
};

void worker_push_cancel(struct push *p)
{
	if (!p)
		return;
	for (size_t i = 0; i < AT_ONCE; i++) {
		lane_cancel(p->lane, &p->lines[i].call);
		aws_call_done(&p->lines[i].call);
		worker_hash_forget(p->lines[i].hash);
		loop_timer_free(p->lines[i].again);
	}
	lane_cancel(p->lane, &p->call);
	aws_call_done(&p->call);
	for (size_t i = 0; i < p->parts; i++)
		own_free(p->etags[i]);
	own_free(p->etags);
	for (size_t i = 0; i < p->meta_count; i++) {
		own_free((char *)p->meta[i].name);
		own_free((char *)p->meta[i].value);
	}
	s3_uploads_done(&p->left);
	own_free(p->bucket);
	own_free(p->key);
	own_free(p->type);
	own_free(p->if_match);
	own_free(p->upload);
	own_free(p);
}

static void ended(struct push *p)
{
	push_done_fn *fn = p->fn;
	void *arg = p->arg;
	struct err e = p->failure;
	char etag[S3_ETAG_MAX];
	int status = p->status;

	memcpy(etag, p->etag, sizeof(etag));
	worker_push_cancel(p);
	fn(status, etag, &e, arg);
}

static void call(struct push *p, int64_t seconds, lane_done_fn *fn)
{
	lane_start(p->lane, &p->call, span_s(seconds), fn, p);
}

/* --- given up: what was sent is removed, as far as that can be done now */

static void aborted(struct aws_call *c, void *arg)
{
	(void)c; /* what stays is removed by the next attempt */
	ended(arg);
}

static void fail(struct push *p, const struct err *e, int status)
{
	p->failure = *e;
	p->status = status;
	for (size_t i = 0; i < AT_ONCE; i++) {
		lane_cancel(p->lane, &p->lines[i].call);
		worker_hash_forget(TAKE(p->lines[i].hash));
		loop_timer_stop(p->lines[i].again);
	}
	if (!p->upload) {
		ended(p);
		return;
	}
	aws_call_done(&p->call);
	aws_s3_multi_abort_ask(&p->call.request, p->bucket, p->key, p->upload);
	call(p, CALL_S, aborted);
}

static bool may_pass(const struct err *e)
{
	return e->kind == ERR_UNREACHABLE || e->kind == ERR_THROTTLED || e->kind == ERR_PROTOCOL;
}

/* --- joined */

static void join(struct push *p);

static void joined(struct aws_call *c, void *arg)
{
	struct push *p = arg;
	struct err e = { 0 };

	if (aws_s3_multi_complete_read(&c->reply, &e) == 0) {
		aws_s3_multi_complete_etag(&c->reply, p->etag);
		p->status = c->reply.status;
		ended(p);
	} else if (strcmp(e.code, "NoSuchUpload") == 0 && p->tries > 0) {
		/* The answer to the first try was lost: the object tells, as after a 412. */
		own_free(TAKE(p->upload));
		fail(p, &e, 412);
	} else if (may_pass(&e) && ++p->tries < TRIES_MOST) {
		join(p);
	} else {
		/* An error within a 200 is the service's: as if it had not answered. */
		fail(p, &e, c->reply.status == 200 ? 500 : c->reply.status);
	}
}

static void join(struct push *p)
{
	struct err e = { 0 };

	if (!p->claimed(p->claimed_arg)) {
		err_set(&e, ERR_CONFLICT, "the claim on the message ended before the store");
		fail(p, &e, 0);
		return;
	}
	aws_call_done(&p->call);
	aws_s3_multi_complete_ask(&p->call.request, p->bucket, p->key, p->upload,
				  (const char *const *)p->etags, p->parts);
	if (p->if_none_match)
		request_header(&p->call.request, "If-None-Match", "*");
	if (p->if_match)
		request_header(&p->call.request, "If-Match", p->if_match);
	call(p, PART_S, joined);
}

/* --- parts */

static void next(struct line *l);
static void hash(void *arg);

static void part_come(struct aws_call *c, void *arg)
{
	struct line *l = arg;
	struct push *p = l->p;
	char etag[S3_ETAG_MAX];
	struct err e = { 0 };

	if (aws_s3_put_read(&c->reply, etag, &e) < 0) {
		if (may_pass(&e) && ++l->tries < TRIES_MOST)
			loop_timer_start(l->again, span_ms(AGAIN_MS << l->tries));
		else
			fail(p, &e,
			     c->reply.status == 412 || c->reply.status == 409 ? 500
									      : c->reply.status);
		return;
	}
	p->etags[l->number] = own_strdup(etag);
	if (++p->done == p->parts)
		join(p);
	else
		next(l);
}

static int64_t part_size(const struct push *p, size_t number)
{
	int64_t left = p->size - (int64_t)number * p->part_bytes;

	return left < p->part_bytes ? left : p->part_bytes;
}

static void hashed(const char *hex, const struct err *e, void *arg)
{
	struct line *l = arg;
	struct push *p = l->p;

	l->hash = NULL;
	if (e->kind != ERR_NONE) {
		fail(p, e, 0);
		return;
	}
	aws_call_done(&l->call);
	aws_s3_multi_part_ask(&l->call.request, p->bucket, p->key, p->upload, (int)l->number + 1,
			      p->fd, (int64_t)l->number * p->part_bytes, part_size(p, l->number));
	/* Signed with its digest: S3 refuses what came otherwise. */
	snprintf(l->call.request.payload, sizeof(l->call.request.payload), "%s", hex);
	lane_start(p->lane, &l->call, span_s(PART_S), part_come, l);
}

static void hash(void *arg)
{
	struct line *l = arg;
	struct push *p = l->p;

	l->hash = worker_hash_range(p->loop, p->fd, (int64_t)l->number * p->part_bytes,
				    part_size(p, l->number), hashed, l);
}

static void next(struct line *l)
{
	if (l->p->begun == l->p->parts)
		return;
	l->number = l->p->begun++;
	l->tries = 0;
	hash(l);
}

/* --- begun */

static void created(struct aws_call *c, void *arg)
{
	struct push *p = arg;
	struct err e = { 0 };

	if (aws_s3_multi_create_read(&c->reply, &p->upload, &e) < 0) {
		fail(p, &e, c->reply.status);
		return;
	}
	for (size_t i = 0; i < AT_ONCE; i++)
		next(&p->lines[i]);
}

static void create(struct push *p)
{
	aws_call_done(&p->call);
	aws_s3_multi_create_ask(&p->call.request, p->bucket, p->key, p->type);
	aws_s3_add_meta(&p->call.request, p->meta, p->meta_count);
	call(p, CALL_S, created);
}

/* --- what others left: the message is ours, so is the key */

static void sweep(struct push *p);

static void swept(struct aws_call *c, void *arg)
{
	(void)c;
	sweep(arg);
}

static void sweep(struct push *p)
{
	while (p->swept < p->left.count) {
		const struct s3_upload *u = &p->left.list[p->swept++];

		if (strcmp(u->key, p->key) != 0)
			continue;
		aws_call_done(&p->call);
		aws_s3_multi_abort_ask(&p->call.request, p->bucket, p->key, u->upload);
		call(p, CALL_S, swept);
		return;
	}
	create(p);
}

static void listed(struct aws_call *c, void *arg)
{
	struct push *p = arg;
	struct err e = { 0 };

	/* Who may not list cannot sweep: a rule of the bucket has to. */
	if (aws_s3_multi_list_read(&c->reply, &p->left, &e) < 0)
		p->left = (struct s3_uploads){ 0 };
	sweep(p);
}

static void keep_meta(struct push *p, const struct s3_put *put)
{
	for (size_t i = 0; i < put->meta_count && i < S3_META_MAX; i++)
		p->meta[p->meta_count++] = (struct s3_meta){ own_strdup(put->meta[i].name),
							     own_strdup(put->meta[i].value) };
}

static int64_t part_bytes_for(int64_t size, int64_t part_bytes)
{
	int64_t least = size / PARTS_AIM + 1;

	return part_bytes > least ? part_bytes : least;
}

struct push *worker_push_start(const struct push_spec *s, push_done_fn *fn, void *arg)
{
	struct push *p = own_alloc(sizeof(*p));

	*p = (struct push){ .loop = s->loop,
			    .lane = s->lane,
			    .bucket = own_strdup(s->bucket),
			    .key = own_strdup(s->key),
			    .type = own_strdup(s->put->content_type),
			    .if_match = own_strdup(s->put->if_match),
			    .if_none_match = s->put->if_none_match,
			    .fd = s->fd,
			    .size = s->size,
			    .part_bytes = part_bytes_for(s->size, s->part_bytes),
			    .claimed = s->claimed,
			    .claimed_arg = s->claimed_arg,
			    .fn = fn,
			    .arg = arg };
	keep_meta(p, s->put);
	p->parts = (size_t)((p->size + p->part_bytes - 1) / p->part_bytes);
	p->etags = own_array(p->parts, sizeof(*p->etags));
	for (size_t i = 0; i < AT_ONCE; i++) {
		p->lines[i].p = p;
		p->lines[i].again = loop_timer_new(p->loop, hash, &p->lines[i]);
	}
	aws_s3_multi_list_ask(&p->call.request, p->bucket, p->key, NULL, NULL);
	call(p, CALL_S, listed);
	return p;
}
