#include "worker/task.h"

#include <string.h>
#include <unistd.h>

#include "base/own.h"
#include "worker/folder.h"
#include "worker/hash.h"
#include "worker/transcode.h"

#define OUTPUT_KEY_BYTES_MAX 4096

const char *worker_task_stage_word(enum task_stage s)
{
	static const char *const words[] = { "fetch", "probe", "transcode", "verify", "store" };

	return (unsigned)s < COUNT_OF(words) ? words[s] : "?";
}

char *worker_task_path(const struct task *t, const char *name)
{
	return own_printf("%s/%s", t->folder, name);
}

char *worker_task_output_name(const struct task *t)
{
	return own_printf(TASK_OUTPUT_FOLDER "/%s.%s", t->output->name,
			  worker_transcode_extension(t->output));
}

struct task *worker_task_new(const struct task_spec *s)
{
	struct task *t = own_alloc(sizeof(*t));

	t->loop = s->loop;
	t->lane = s->lane;
	t->profile = s->profile;
	t->output = &s->profile->outputs[0];
	t->hooks = s->hooks;
	t->folder = own_strdup(s->folder);
	t->host = s->host;
	t->confined = s->confined;
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
	if (t->fd >= 0)
		close(t->fd);
	err_ignore(worker_folder_remove(t->folder, &ignored)); /* the supervisor clears after us */
	for (size_t i = 0; i < t->file_count; i++) {
		own_free(t->files[i].name);
		own_free(t->files[i].bucket);
		own_free(t->files[i].key);
	}
	own_free(t->files);
	own_free(t->looked_at);
	buf_done(&t->key);
	own_free(t->folder);
	own_free(t);
}

static void (*const stages[TASK_STAGES])(struct task *) = {
	[TASK_FETCH] = worker_fetch,         [TASK_PROBE] = worker_probe,
	[TASK_TRANSCODE] = worker_transcode, [TASK_VERIFY] = worker_probe_output,
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

static void stored(struct task *t)
{
	struct task_end end = { .outcome = TASK_STORED,
				.stage = TASK_STORE,
				.reason = "",
				.complaint = "",
				.already = t->already,
				.key = buf_str(&t->key),
				.etag = t->already ? t->found.etag : mark_etag(t),
				.bytes = t->already ? t->found.bytes : t->made_bytes };

	t->hooks.end(&end, t->hooks.arg);
}

void worker_task_start(struct task *t)
{
	AUTO(own_freep) char *out = worker_task_path(t, TASK_OUTPUT_FOLDER);
	struct err e = { 0 };

	t->stage = TASK_FETCH;
	/* What a killed slot left here would be in the way. */
	if (worker_folder_remove(t->folder, &e) < 0 || worker_folder_make(t->folder, &e) < 0 ||
	    worker_folder_make(out, &e) < 0) {
		worker_task_fail(t, TASK_MACHINE, &e, "");
		return;
	}
	stages[t->stage](t);
}

void worker_task_next(struct task *t)
{
	t->hooks.stage(t->stage, t->hooks.arg);
	t->stage++;
	if (t->stage == TASK_STAGES)
		stored(t);
	else
		stages[t->stage](t);
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
	bool ours = why == TASK_TRANSIENT || (why == TASK_PERMANENT && t->stage >= TASK_TRANSCODE);

	return ours && worker_folder_need(t->folder, 0, &ignored) < 0 ? TASK_MACHINE : why;
}

void worker_task_fail(struct task *t, enum task_class why, const struct err *e,
		      const char *complaint)
{
	struct task_end end = { .outcome = TASK_FAILED,
				.why = class_here(t, why),
				.stage = t->stage,
				.reason = e->text,
				.complaint = complaint,
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
