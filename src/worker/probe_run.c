/* The stages that run ffprobe: on the source, and on what was made of it. */
#include "base/own.h"
#include "worker/task.h"

#define PROBE_CPU_S 60
#define MEGABYTE 1048576

/* A slow machine and a bad file look the same when time runs out: the redrive decides. */
static enum task_class class_of(const struct run_result *r, const struct err *e)
{
	return r->how == RUN_ENDED && worker_run_hopeless(r, e) ? TASK_PERMANENT : TASK_TRANSIENT;
}

static void probe(struct task *t, const char *file, run_done_fn *fn)
{
	AUTO(worker_argv_done) struct argv argv = { 0 };
	struct err e = { 0 };
	struct run_spec s = { .cwd = t->folder,
			      .sandbox = { .cpu_s = PROBE_CPU_S,
					   .file_bytes = MEGABYTE,
					   .memory_bytes = t->profile->limits.max_memory_megabytes *
							   MEGABYTE,
					   .confined = t->confined,
					   .read = file },
			      .out_cap = PROBE_ANSWER_MAX,
			      .limit = t->profile->limits.probe };

	worker_probe_argv(t->profile, file, &argv);
	s.argv = worker_argv_list(&argv);
	if (worker_run_start(t->loop, &s, fn, t, &t->run, &e) < 0)
		worker_task_fail(t, TASK_MACHINE, &e, "");
}

static int probed(struct run_result *r, struct probe *ret, struct err *e)
{
	if (worker_run_verdict("ffprobe", r, e) < 0)
		return -1;
	if (r->flooded)
		return err_set(e, ERR_POLICY, "ffprobe says more than %u bytes about it",
			       PROBE_ANSWER_MAX);
	return worker_probe_read(buf_str(&r->out), r->out.len, ret, e);
}

static void source_probed(struct run_result *r, void *arg)
{
	struct task *t = arg;
	struct err e = { 0 };

	t->run = NULL;
	if (probed(r, &t->source, &e) < 0 ||
	    worker_probe_check_source(&t->source, t->profile, &e) < 0) {
		enum task_class why = class_of(r, &e);

		err_wrap(&e, "s3://%s/%s", t->job.bucket, t->job.key);
		worker_task_fail(t, why, &e, r->complaint);
	} else {
		worker_task_next(t);
	}
}

void worker_probe(struct task *t)
{
	probe(t, TASK_SOURCE, source_probed);
}

static void output_probed(struct run_result *r, void *arg)
{
	struct task *t = arg;
	struct err e = { 0 };

	t->run = NULL;
	if (probed(r, &t->made, &e) < 0 ||
	    worker_probe_check_output(&t->made, &t->source, t->profile, t->output, &e) < 0)
		worker_task_fail(t, class_of(r, &e), &e, r->complaint);
	else
		worker_task_next(t);
}

void worker_probe_output(struct task *t)
{
	AUTO(own_freep) char *out = worker_task_output_name(t);

	probe(t, out, output_probed);
}
