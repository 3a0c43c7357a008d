/* What the job made: each file under the job's own key, only while the message is ours, the mark
 * last.
 *
 * A file is written only where nothing is. What is there already will do when it was made from the
 * same source by the same profile and is equal; else, of a job of several files, the attempt of the
 * later receive has the word: files of two attempts are never mixed behind one mark. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/own.h"
#include "worker/hash.h"
#include "worker/outputs.h"
#include "worker/push.h"
#include "worker/task.h"

#define HEAD_S 60
#define PUT_S 3600 /* the lease, which is renewed, ends it earlier */
#define PUT_AGAIN_MAX 3

#define META_TASK "task-id"
#define META_SOURCE "source-etag"
#define META_PROFILE "profile"
#define META_RECEIVES "receive-count"
#define META_HOST "worker"
#define META_SHA256 "sha256"
#define META_PROBE "probe"

/* Header values do not carry an ETag's quotes well. */
static const char *bare(const char *etag, char out[static S3_ETAG_MAX])
{
	size_t n = 0;

	for (; *etag && n + 1 < S3_ETAG_MAX; etag++)
		if (*etag != '"')
			out[n++] = *etag;
	out[n] = '\0';
	return out;
}

static void found(struct task *t, const struct reply *r, const struct s3_object *o)
{
	const char *sum = aws_s3_meta(r, META_SHA256), *receives = aws_s3_meta(r, META_RECEIVES),
		   *probe = aws_s3_meta(r, META_PROBE);
	struct task_found *f = &t->found;

	*f = (struct task_found){ .bytes = o->size };
	memcpy(f->etag, o->etag, sizeof(f->etag));
	if (sum)
		snprintf(f->sha256, sizeof(f->sha256), "%s", sum);
	if (probe)
		snprintf(f->probe, sizeof(f->probe), "%s", probe);
	if (receives)
		f->receives = strtoll(receives, NULL, 10);
}

static void looked(struct aws_call *c, void *arg)
{
	struct task *t = arg;
	struct s3_object o;
	struct err e = { 0 };
	char etag[S3_ETAG_MAX];
	const char *source, *profile;

	if (aws_s3_head_read(&c->reply, &o, &e) < 0) {
		t->seen(t, &e);
		return;
	}
	source = aws_s3_meta(&c->reply, META_SOURCE);
	profile = aws_s3_meta(&c->reply, META_PROFILE);
	if (!source || !profile || strcmp(source, bare(t->etag, etag)) != 0 ||
	    strcmp(profile, t->profile->digest) != 0)
		err_set(&e, ERR_CONFLICT,
			"%s is there and was not made from this source by this profile: remove "
			"it, or change the profile's key",
			t->looked_at);
	else
		found(t, &c->reply, &o);
	t->seen(t, &e);
}

void worker_store_look(struct task *t, const char *bucket, const char *key, task_seen_fn *fn)
{
	own_free(t->looked_at);
	t->looked_at = own_printf("s3://%s/%s", bucket, key);
	aws_call_done(&t->call);
	t->seen = fn;
	aws_s3_head_ask(&t->call.request, bucket, key);
	lane_start(t->lane, &t->call, span_s(HEAD_S), looked, t);
}

static void next_file(struct task *t);
static void put(struct task *t, const char *instead_of);

static bool is_mark(const struct task *t)
{
	return t->file + 1 == t->file_count;
}

/* What is there stays there, unless it is of an earlier attempt at this very job. */
static void seen_after_put(struct task *t, const struct err *e)
{
	struct task_file *f = &t->files[t->file];
	struct err newer = { 0 };

	if (e->kind != ERR_NONE) {
		worker_task_fail(t,
				 e->kind == ERR_CONFLICT    ? TASK_PERMANENT
				 : e->kind == ERR_NOT_FOUND ? TASK_TRANSIENT
							    : worker_task_class_of(e),
				 e, "");
	} else if (t->file_count == 1 || strcmp(t->found.sha256, f->sha256) == 0) {
		t->already = is_mark(t);
		memcpy(f->etag, t->found.etag, sizeof(f->etag));
		next_file(t);
	} else if (t->found.receives <= t->receives && t->put_again++ < PUT_AGAIN_MAX) {
		put(t, t->found.etag);
	} else {
		err_set(&newer, ERR_CONFLICT, "a later attempt at this job stores %s",
			t->looked_at);
		worker_task_fail(t, TASK_TRANSIENT, &newer, "");
	}
}

/* The end of one put, by whatever way: @p status is S3's. */
static void put_ended(struct task *t, int status, const struct err *e)
{
	struct task_file *f = &t->files[t->file];

	if (e->kind == ERR_NONE) {
		next_file(t);
	} else if (status == 412) {
		worker_store_look(t, f->bucket, f->key, seen_after_put);
	} else if (status == 409 && t->put_again++ < PUT_AGAIN_MAX) {
		put(t, NULL); /* two at once: S3 says to ask again */
	} else {
		enum task_class why = worker_task_class_of(e);

		worker_task_fail(t, why == TASK_PERMANENT ? TASK_TRANSIENT : why, e, "");
	}
}

static void put_come(struct aws_call *c, void *arg)
{
	struct task *t = arg;
	struct err e = { 0 };

	err_ignore(aws_s3_put_read(&c->reply, t->files[t->file].etag, &e)); /* looked at below */
	put_ended(t, c->reply.status, &e);
}

static void pushed(int status, const char *etag, const struct err *e, void *arg)
{
	struct task *t = arg;

	t->push = NULL;
	snprintf(t->files[t->file].etag, S3_ETAG_MAX, "%s", etag);
	put_ended(t, status, e);
}

/* In parts, anew after a 409: the file is still there. */
static void push(struct task *t, const struct s3_put *p)
{
	const struct task_file *f = &t->files[t->file];
	const struct push_spec spec = { .loop = t->loop,
					.lane = t->lane,
					.bucket = f->bucket,
					.key = f->key,
					.fd = t->fd,
					.size = f->bytes,
					.part_bytes = t->part_bytes,
					.put = p,
					.claimed = t->hooks.claimed,
					.claimed_arg = t->hooks.arg };

	t->push = worker_push_start(&spec, pushed, t);
}

/* @p instead_of: the ETag of what is replaced; NULL: nothing may be there. */
static void put(struct task *t, const char *instead_of)
{
	char etag[S3_ETAG_MAX], receives[24], probe[TASK_PROBE_MAX];
	const struct task_file *f = &t->files[t->file];
	bool probed = worker_outputs_probe(t, f->name, probe);
	const struct s3_meta meta[] = {
		{ META_TASK, t->job.task_id },
		{ META_SOURCE, bare(t->etag, etag) },
		{ META_PROFILE, t->profile->digest },
		{ META_RECEIVES, receives },
		{ META_HOST, t->host },
		{ META_SHA256, f->sha256 },
		{ META_PROBE, probe },
	};
	struct s3_put p = { .fd = t->fd,
			    .size = f->bytes,
			    .content_type = f->type,
			    .sha256_hex = f->sha256,
			    .if_none_match = !instead_of,
			    .if_match = instead_of,
			    .meets_itself = true, /* put_come() looks */
			    .meta = meta,
			    .meta_count = COUNT_OF(meta) - !probed };
	struct err e = { 0 };

	if (!t->hooks.claimed(t->hooks.arg)) {
		err_set(&e, ERR_CONFLICT, "the claim on the message ended before the store");
		worker_task_fail(t, TASK_TRANSIENT, &e, "");
		return;
	}
	snprintf(receives, sizeof(receives), "%lld", (long long)t->receives);
	if (f->bytes > t->part_bytes * 2) {
		push(t, &p);
		return;
	}
	aws_call_done(&t->call);
	aws_s3_put_ask(&t->call.request, f->bucket, f->key, &p);
	lane_start(t->lane, &t->call, span_s(PUT_S), put_come, t);
}

static void hashed(const char *hex, const struct err *e, void *arg)
{
	struct task *t = arg;

	t->hash = NULL;
	if (e->kind != ERR_NONE) {
		worker_task_fail(t, TASK_MACHINE, e, "");
		return;
	}
	snprintf(t->files[t->file].sha256, TASK_SHA256_MAX, "%s", hex);
	put(t, NULL);
}

/* t->file: opened, hashed, then put. */
static void begin_file(struct task *t)
{
	struct task_file *f = &t->files[t->file];
	AUTO(own_freep) char *path = worker_task_path(t, f->name);
	struct err e = { 0 };
	struct stat st;

	t->put_again = 0;
	if (is_mark(t) && t->profile->manifest && worker_gather_manifest(t, &e) < 0) {
		worker_task_fail(t, TASK_MACHINE, &e, "");
		return;
	}
	t->fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (t->fd < 0 || fstat(t->fd, &st) < 0 || !S_ISREG(st.st_mode)) {
		err_errno(&e, t->fd < 0 ? errno : EINVAL, "opening the output %s", f->name);
		worker_task_fail(t, TASK_MACHINE, &e, "");
		return;
	}
	f->bytes = st.st_size;
	t->made_bytes += f->bytes;
	t->hash = worker_hash_range(t->loop, t->fd, 0, -1, hashed, t);
}

static void next_file(struct task *t)
{
	if (t->fd >= 0)
		close(t->fd);
	t->fd = -1;
	t->file++;
	if (t->file == t->file_count)
		worker_task_next(t);
	else
		begin_file(t);
}

void worker_store(struct task *t)
{
	struct err e = { 0 };

	if (worker_gather(t, &e) < 0)
		worker_task_fail(t, e.kind == ERR_POLICY ? TASK_PERMANENT : TASK_MACHINE, &e, "");
	else if (t->file_count == 0)
		worker_task_next(t); /* a command that leaves nothing */
	else
		begin_file(t);
}
