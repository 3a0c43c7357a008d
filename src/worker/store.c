/* The output: stored under the job's own key, only where nothing is, and only while the message is
 * ours. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/own.h"
#include "worker/hash.h"
#include "worker/task.h"
#include "worker/transcode.h"

#define HEAD_S 60
#define PUT_S 3600 /* the lease, which is renewed, ends it earlier */
#define PUT_AGAIN_MAX 3

#define META_TASK "task-id"
#define META_SOURCE "source-etag"
#define META_PROFILE "profile"
#define META_RECEIVES "receive-count"
#define META_HOST "worker"

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
	    strcmp(profile, t->profile->digest) != 0) {
		err_set(&e, ERR_CONFLICT,
			"s3://%s/%s is there and was not made from this source by this profile: "
			"remove it, or change "
			"the profile's key",
			t->job.bucket, buf_str(&t->key));
	} else {
		memcpy(t->made_etag, o.etag, sizeof(t->made_etag));
		t->made_bytes = o.size;
	}
	t->seen(t, &e);
}

void worker_store_look(struct task *t, task_seen_fn *fn)
{
	aws_call_done(&t->call);
	t->seen = fn;
	aws_s3_head_ask(&t->call.request, t->job.bucket, buf_str(&t->key));
	lane_start(t->lane, &t->call, span_s(HEAD_S), looked, t);
}

static void seen_after_put(struct task *t, const struct err *e)
{
	if (e->kind == ERR_NONE) {
		t->already = true;
		worker_task_next(t);
	} else {
		/* What is there stays there: only another's output can never be replaced. */
		worker_task_fail(t,
				 e->kind == ERR_CONFLICT    ? TASK_PERMANENT
				 : e->kind == ERR_NOT_FOUND ? TASK_TRANSIENT
							    : worker_task_class_of(e),
				 e, "");
	}
}

static void put(struct task *t);

static void put_come(struct aws_call *c, void *arg)
{
	struct task *t = arg;
	struct err e = { 0 };

	if (aws_s3_put_read(&c->reply, t->made_etag, &e) == 0) {
		worker_task_next(t);
	} else if (c->reply.status == 412) {
		worker_store_look(t, seen_after_put); /* somebody was first: will it do? */
	} else if (c->reply.status == 409 && t->put_again++ < PUT_AGAIN_MAX) {
		put(t); /* two at once: S3 says to ask again */
	} else {
		enum task_class why = worker_task_class_of(&e);

		worker_task_fail(t, why == TASK_PERMANENT ? TASK_TRANSIENT : why, &e, "");
	}
}

static void put(struct task *t)
{
	char etag[S3_ETAG_MAX], receives[24];
	const struct s3_meta meta[] = { { META_TASK, t->job.task_id },
					{ META_SOURCE, bare(t->etag, etag) },
					{ META_PROFILE, t->profile->digest },
					{ META_RECEIVES, receives },
					{ META_HOST, t->host } };
	struct s3_put p = { .fd = t->fd,
			    .size = t->made_bytes,
			    .content_type = worker_transcode_content_type(t->output),
			    .sha256_hex = t->sha256,
			    .if_none_match = true,
			    .meta = meta,
			    .meta_count = COUNT_OF(meta) };
	struct err e = { 0 };

	if (!t->hooks.claimed(t->hooks.arg)) {
		err_set(&e, ERR_CONFLICT, "the claim on the message ended before the store");
		worker_task_fail(t, TASK_TRANSIENT, &e, "");
		return;
	}
	snprintf(receives, sizeof(receives), "%lld", (long long)t->receives);
	aws_call_done(&t->call);
	aws_s3_put_ask(&t->call.request, t->job.bucket, buf_str(&t->key), &p);
	lane_start(t->lane, &t->call, span_s(PUT_S), put_come, t);
}

static void hashed(struct task *t, const struct err *e)
{
	if (e->kind != ERR_NONE)
		worker_task_fail(t, TASK_MACHINE, e, "");
	else
		put(t);
}

void worker_store(struct task *t)
{
	AUTO(own_freep) char *name = worker_task_output_name(t);
	AUTO(own_freep) char *path = worker_task_path(t, name);
	struct err e = { 0 };
	struct stat st;

	t->fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (t->fd < 0 || fstat(t->fd, &st) < 0) {
		err_errno(&e, errno, "opening the output");
		worker_task_fail(t, TASK_MACHINE, &e, "");
		return;
	}
	t->made_bytes = st.st_size;
	worker_hash_start(t, t->fd, hashed);
}
