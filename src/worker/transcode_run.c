/* The stage that runs ffmpeg. */
#include "base/own.h"
#include "worker/folder.h"
#include "worker/task.h"
#include "worker/transcode.h"

#define MEGABYTE 1048576

static void said(const char *data, size_t len, void *arg)
{
	struct task *t = arg;
	uint64_t steps = t->progress.steps;
	uint64_t blocks = t->progress.blocks;

	worker_progress_add(&t->progress, data, len);
	if (t->progress.steps != steps && t->run)
		worker_run_alive(t->run);
	if (t->progress.blocks != blocks)
		t->hooks.progress(worker_progress_permille(&t->progress, t->shape.duration.ms),
				  t->progress.speed_milli, t->hooks.arg);
}

static void transcoded(struct run_result *r, void *arg)
{
	struct task *t = arg;
	struct err e = { 0 };

	t->run = NULL;
	if (worker_run_verdict("ffmpeg", r, &e) < 0)
		worker_task_fail(t, worker_run_hopeless(r, &e) ? TASK_PERMANENT : TASK_TRANSIENT,
				 &e, r->complaint);
	else
		worker_task_next(t);
}

/* Folders of outputs of many files: ffmpeg may make files alone. */
static int folders_make(const struct task *t, struct err *e)
{
	for (size_t i = 0; i < t->targets.count; i++) {
		const struct target *one = &t->targets.list[i];
		AUTO(own_freep)
		char *name = own_printf(TASK_OUTPUT_FOLDER "/%s", one->output->name);
		AUTO(own_freep) char *path = worker_task_path(t, name);
		AUTO(own_freep) char *inner = NULL;

		if (!one->rendition && !one->output->has_every)
			continue;
		if (worker_folder_make(path, e) < 0)
			return -1;
		inner = own_printf("%s/%s", path, one->rendition ? one->rendition : ".");
		if (one->rendition && worker_folder_make(inner, e) < 0)
			return -1;
	}
	return 0;
}

static int plan(struct task *t, struct argv *argv, struct err *e)
{
	const struct transcode what = { .profile = t->profile,
					.source = &t->source,
					.assets = t->assets,
					.shape = &t->shape,
					.targets = &t->targets,
					.in = TASK_SOURCE };

	if (worker_shape(t->profile, &t->source, t->assets, &t->shape, e) < 0)
		return -1;
	worker_shape_targets(t->profile, &t->source, &t->shape, &t->targets);
	return worker_transcode_argv(&what, argv, e);
}

void worker_transcode(struct task *t)
{
	AUTO(worker_argv_done) struct argv argv = { 0 };
	const struct profile_limits *limits = &t->profile->limits;
	struct err e = { 0 };
	struct run_spec s = { .cwd = t->folder,
			      .sandbox = { .cpu_s = limits->cpu.ms / 1000,
					   .file_bytes = limits->max_output_megabytes * MEGABYTE,
					   .memory_bytes = limits->max_memory_megabytes * MEGABYTE,
					   .confined = t->confined,
					   .read = TASK_SOURCE,
					   .write = TASK_OUTPUT_FOLDER,
					   .more = t->assets->paths },
			      .limit = limits->wall,
			      .stall = limits->stall,
			      .on_out = said };

	if (plan(t, &argv, &e) < 0) {
		worker_task_fail(t, TASK_PERMANENT, &e, "");
		return;
	}
	s.argv = worker_argv_list(&argv);
	if (folders_make(t, &e) < 0 ||
	    worker_run_start(t->loop, &s, transcoded, t, &t->run, &e) < 0)
		worker_task_fail(t, TASK_MACHINE, &e, "");
}
