#include "worker/task.h"

#include <string.h>
#include <unistd.h>

#include "base/own.h"
#include "worker/folder.h"
#include "worker/hash.h"
#include "worker/mate.h"
#include "worker/pull.h"
#include "worker/push.h"

#define OUTPUT_KEY_BYTES_MAX 4096

const char *worker_task_stage_word(enum task_stage s)
{
	static const char *const words[] = { "assets", "fetch", "probe", "transcode",
					     "verify", "run",   "store" };

	return (unsigned)s < COUNT_OF(words) ? words[s] : "?";
}

static const enum task_stage of_video[] = { TASK_ASSETS, TASK_FETCH, TASK_PROBE, TASK_TRANSCODE,
					    TASK_VERIFY, TASK_STORE, TASK_STAGES };
static const enum task_stage of_exec[] = { TASK_FETCH, TASK_RUN, TASK_STORE, TASK_STAGES };

/* A persistent command that leaves nothing has nothing to look for, and nothing to store. */
static const enum task_stage of_mate[] = { TASK_RUN, TASK_STAGES };

static const enum task_stage *stages_of(const struct profile *p)
{
	if (p->processor != PROFILE_EXEC)
		return of_video;
	return p->exec.persistent && !p->output_count ? of_mate : of_exec;
}

enum task_stage worker_task_stage_first(const struct profile *p)
{
	return stages_of(p)[0];
}

enum task_stage worker_task_stage_after(const struct profile *p, enum task_stage done)
{
	const enum task_stage *s = stages_of(p);

	while (*s != done && *s != TASK_STAGES)
		s++;
	return *s == TASK_STAGES ? TASK_STAGES : s[1];
}

char *worker_task_path(const struct task *t, const char *name)
{
	return own_printf("%s/%s", t->folder, name);
}

enum task_stage worker_task_stage(const struct task *t)
{
	return t->stages[t->step];
}

struct profile_key_parts worker_task_key_parts(const struct task *t)
{
	return (struct profile_key_parts){ .video_id = t->job.video_id,
					   .task_id = t->job.task_id,
					   .message_id = t->job.task_id,
					   .bucket = t->job.bucket,
					   .key = t->job.key,
					   .etag = t->etag,
					   .assets = t->assets->count ? t->assets->digest : NULL };
}

struct task *worker_task_new(const struct task_spec *s)
{
	struct task *t = own_alloc(sizeof(*t));

	t->loop = s->loop;
	t->lane = s->lane;
	t->profile = s->profile;
	t->stages = stages_of(s->profile);
	t->assets = s->assets;
	t->hooks = s->hooks;
	t->folder = own_strdup(s->folder);
	t->message = own_strdup(s->message);
	t->mate = s->mate;
	t->ask = s->ask;
	t->host = s->host;
	t->confined = s->confined;
	t->part_bytes = s->part_bytes;
	t->job = *s->job;
	t->receives = s->receives;
	t->progress = PROGRESS_INIT;
	t->key = BUF(OUTPUT_KEY_BYTES_MAX);
	t->fd = -1;
	return t;
}

void worker_task_free(struct task *t)
{
	struct err ignored = { 0 };

	if (!t)
		return;
	lane_cancel(t->lane, &t->call);
	aws_call_done(&t->call);
	worker_run_cancel(t->run);
	worker_hash_forget(t->hash);
	worker_pull_cancel(t->pull);
	worker_push_cancel(t->push);
	if (t->fd >= 0)
		close(t->fd);
	worker_mate_drop(t->mate);
	if (t->mate)
		worker_mate_tidy(t->mate);
	else
		err_ignore(worker_folder_fresh(t->folder, TASK_OUTPUT_FOLDER,
					       &ignored)); /* the supervisor clears after us */
	json_free(t->ask);
	for (size_t i = 0; i < t->file_count; i++) {
		own_free(t->files[i].name);
		own_free(t->files[i].bucket);
		own_free(t->files[i].key);
	}
	own_free(t->files);
	own_free(t->looked_at);
	json_free(t->probes);
	buf_done(&t->key);
	own_free(t->folder);
	own_free(t->message);
	own_free(t);
}

static void fetch(struct task *t)
{
	if (t->profile->processor == PROFILE_EXEC)
		worker_exec_look(t);
	else
		worker_fetch(t);
}

static void (*const stages[TASK_STAGES])(struct task *) = {
	[TASK_ASSETS] = worker_assets_ready, [TASK_FETCH] = fetch,
	[TASK_PROBE] = worker_probe,         [TASK_TRANSCODE] = worker_transcode,
	[TASK_VERIFY] = worker_probe_output, [TASK_RUN] = worker_exec,
	[TASK_STORE] = worker_store,
};

struct task_file *worker_task_file(struct task *t, const char *name, const char *bucket,
				   const char *key, const char *type)
{
	struct task_file *f;

	if (t->file_count % 16 == 0)
		t->files = own_grow(t->files, t->file_count + 16, sizeof(*t->files));
	f = &t->files[t->file_count++];
	*f = (struct task_file){ .name = own_strdup(name),
				 .bucket = own_strdup(bucket),
				 .key = own_strdup(key),
				 .type = type };
	return f;
}

static const char *mark_etag(const struct task *t)
{
	return t->file_count ? t->files[t->file_count - 1].etag : "";
}

static const char *mark_bucket(const struct task *t)
{
	const char *bucket;

	worker_profile_mark(t->profile, &bucket);
	return bucket ? bucket : "";
}

static void stored(struct task *t)
{
	struct task_end end = { .outcome = TASK_STORED,
				.stage = TASK_STORE,
				.reason = "",
				.complaint = "",
				.already = t->already,
				.bucket = mark_bucket(t),
				.key = buf_str(&t->key),
				.etag = t->already ? t->found.etag : mark_etag(t),
				.bytes = t->already ? t->found.bytes : t->made_bytes,
				.task = t };

	t->hooks.end(&end, t->hooks.arg);
}

void worker_task_start(struct task *t)
{
	struct err e = { 0 };

	/* What a killed slot left here would be in the way. */
	if (!t->mate && worker_folder_fresh(t->folder, TASK_OUTPUT_FOLDER, &e) < 0) {
		worker_task_fail(t, TASK_MACHINE, &e, "");
		return;
	}
	stages[worker_task_stage(t)](t);
}

void worker_task_next(struct task *t)
{
	t->hooks.stage(worker_task_stage(t), t->hooks.arg);
	t->step++;
	if (worker_task_stage(t) == TASK_STAGES)
		stored(t);
	else
		stages[worker_task_stage(t)](t);
}

void worker_task_found(struct task *t)
{
	t->already = true;
	stored(t);
}

/* What fails while the disk is full says nothing about the job, whatever its words. A source that
 * was not even fetched has its fault from elsewhere. */
static enum task_class class_here(const struct task *t, enum task_class why)
{
	struct err ignored = { 0 };
	bool ours = why == TASK_TRANSIENT ||
		    (why == TASK_PERMANENT && worker_task_stage(t) >= TASK_TRANSCODE);

	return ours && worker_folder_need(t->folder, 0, &ignored) < 0 ? TASK_MACHINE : why;
}

void worker_task_fail(struct task *t, enum task_class why, const struct err *e,
		      const char *complaint)
{
	struct task_end end = { .outcome = TASK_FAILED,
				.why = class_here(t, why),
				.stage = worker_task_stage(t),
				.reason = e->text,
				.complaint = complaint,
				.bucket = "",
				.key = "",
				.etag = "" };

	t->hooks.end(&end, t->hooks.arg);
}

enum task_class worker_task_class_of(const struct err *e)
{
	switch (e->kind) {
	case ERR_POLICY:
	case ERR_NOT_FOUND:
		return TASK_PERMANENT;
	case ERR_UNREACHABLE:
	case ERR_THROTTLED:
	case ERR_PROTOCOL: /* something else answers in its place */
		return TASK_AWAY;
	default:
		return TASK_TRANSIENT;
	}
}
