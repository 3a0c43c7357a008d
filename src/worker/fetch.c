/* The source: is it there, has it been done already, does it fit; then into the job's folder. */
#include <string.h>

#include "base/own.h"
#include "worker/folder.h"
#include "worker/pull.h"
#include "worker/task.h"

#define HEAD_S 60
#define MEGABYTE 1048576

static void pulled(const struct err *e, void *arg)
{
	struct task *t = arg;
	struct err said = *e;

	t->pull = NULL;
	if (e->kind == ERR_NONE) {
		worker_task_next(t);
		return;
	}
	/* Replaced between look and fetch: the next receive sees the new one. */
	if (e->kind == ERR_CONFLICT)
		err_wrap(&said, "the source was replaced meanwhile");
	worker_task_fail(t, e->kind == ERR_LOCAL ? TASK_MACHINE : worker_task_class_of(e), &said,
			 "");
}

static void get(struct task *t)
{
	AUTO(own_freep) char *path = worker_task_path(t, TASK_SOURCE);
	const struct pull_spec spec = { .loop = t->loop,
					.lane = t->lane,
					.bucket = t->job.bucket,
					.key = t->job.key,
					.etag = t->etag,
					.path = path,
					.size = t->source_bytes,
					.part_bytes = t->part_bytes };
	struct err e = { 0 };

	if (worker_folder_could(t->folder, t->source_bytes, &e) < 0) {
		worker_task_fail(t, e.kind == ERR_POLICY ? TASK_PERMANENT : TASK_MACHINE, &e, "");
		return;
	}
	if (worker_folder_need(t->folder, t->source_bytes, &e) < 0) {
		worker_task_fail(t, TASK_MACHINE, &e, "");
		return;
	}
	if (worker_pull_start(&spec, pulled, t, &t->pull, &e) < 0)
		worker_task_fail(t, TASK_MACHINE, &e, "");
}

static void seen(struct task *t, const struct err *e)
{
	if (e->kind == ERR_NONE)
		worker_task_found(t);
	else if (e->kind == ERR_NOT_FOUND || e->kind == ERR_DENIED)
		/* S3 says 403, not 404, to those who may not list: the conditional write tells. */
		get(t);
	else if (e->kind == ERR_CONFLICT)
		worker_task_fail(t, TASK_PERMANENT, e, "");
	else
		worker_task_fail(t, worker_task_class_of(e), e, "");
}

static void source_come(struct aws_call *c, void *arg)
{
	struct task *t = arg;
	struct s3_object o;
	struct err e = { 0 };
	struct profile_key_parts parts;
	const char *bucket, *mark = worker_profile_mark(t->profile, &bucket);

	if (aws_s3_head_read(&c->reply, &o, &e) < 0) {
		/* A 404 of anybody else, at a wrong endpoint, must not park every good job. */
		if (e.kind == ERR_NOT_FOUND && !c->reply.request_id[0])
			err_set(&e, ERR_PROTOCOL,
				"answered 404, but not as S3 does: is the endpoint right "
				"(AWS_ENDPOINT_URL, proxy)?");
		else if (e.kind == ERR_NOT_FOUND)
			err_wrap(&e, "there is no source s3://%s/%s", t->job.bucket, t->job.key);
		worker_task_fail(t, worker_task_class_of(&e), &e, "");
		return;
	}
	memcpy(t->etag, o.etag, sizeof(t->etag));
	t->source_bytes = o.size;
	parts = worker_task_key_parts(t);
	if (o.size <= 0)
		err_set(&e, ERR_POLICY, "the source s3://%s/%s is empty", t->job.bucket,
			t->job.key);
	else if (o.size > t->profile->input.max_megabytes * MEGABYTE)
		err_set(&e, ERR_POLICY,
			"the source's %lld bytes are more than the %lld MiB that the profile takes",
			(long long)o.size, (long long)t->profile->input.max_megabytes);
	else
		err_ignore(worker_profile_key(t->profile, mark, &parts, &t->key,
					      &e)); /* looked at below */
	if (e.kind != ERR_NONE)
		worker_task_fail(t, TASK_PERMANENT, &e, "");
	else
		worker_store_look(t, bucket ? bucket : t->job.bucket, buf_str(&t->key), seen);
}

void worker_fetch(struct task *t)
{
	aws_call_done(&t->call);
	aws_s3_head_ask(&t->call.request, t->job.bucket, t->job.key);
	lane_start(t->lane, &t->call, span_s(HEAD_S), source_come, t);
}
