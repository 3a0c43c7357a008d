/* The stage that runs ffmpeg. */
#include "base/own.h"
#include "worker/task.h"
#include "worker/transcode.h"

#define MEGABYTE 1048576

static void said(const char *data, size_t len, void *arg)
{
	struct task *t = arg;
	uint64_t steps = t->progress.steps;
	uint64_t blocks = t->progress.blocks;
	struct span whole = worker_profile_duration(t->profile, t->source.duration);

	worker_progress_add(&t->progress, data, len);
	if (t->progress.steps != steps && t->run)
		worker_run_alive(t->run);
	if (t->progress.blocks != blocks)
		t->hooks.progress(worker_progress_permille(&t->progress, whole.ms),
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

void worker_transcode(struct task *t)
{
	AUTO(own_freep) char *out = worker_task_output_name(t);
	AUTO(worker_argv_done) struct argv argv = { 0 };
	struct transcode_files files = { .in = TASK_SOURCE, .out = out };
	const struct profile_limits *limits = &t->profile->limits;
	struct err e = { 0 };
	struct run_spec s = { .cwd = t->folder,
			      .sandbox = { .cpu_s = limits->cpu.ms / 1000,
					   .file_bytes = limits->max_output_megabytes * MEGABYTE,
					   .memory_bytes = limits->max_memory_megabytes * MEGABYTE,
					   .confined = t->confined,
					   .read = TASK_SOURCE,
					   .write = TASK_OUTPUT_FOLDER },
			      .limit = limits->wall,
			      .stall = limits->stall,
			      .on_out = said };

	worker_transcode_argv(t->profile, t->output, &t->source, &files, &argv);
	s.argv = worker_argv_list(&argv);
	if (worker_run_start(t->loop, &s, transcoded, t, &t->run, &e) < 0)
		worker_task_fail(t, TASK_MACHINE, &e, "");
}
