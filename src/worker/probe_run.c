/* The stages that run ffprobe: on the source, and on each thing that was made of it. */
#include <dirent.h>
#include <errno.h>
#include <string.h>

#include "base/own.h"
#include "worker/hls.h"
#include "worker/outputs.h"
#include "worker/task.h"
#include "worker/transcode.h"
#include "worker/verify.h"

#define PROBE_CPU_S 60
#define MEGABYTE 1048576
#define MASTER_BYTES_MAX 65536

/* A slow machine and a bad file look the same when time runs out: the redrive decides. */
static enum task_class class_of(const struct run_result *r, const struct err *e)
{
	return r->how == RUN_ENDED && worker_run_hopeless(r, e) ? TASK_PERMANENT : TASK_TRANSIENT;
}

/* @p own: of ours, which may be a playlist that names its neighbours. */
static void probe(struct task *t, const char *file, bool own, run_done_fn *fn)
{
	AUTO(worker_argv_done) struct argv argv = { 0 };
	struct err e = { 0 };
	struct run_spec s = { .cwd = t->folder,
			      .sandbox = { .cpu_s = PROBE_CPU_S,
					   .file_bytes = MEGABYTE,
					   .memory_bytes = t->profile->limits.max_memory_megabytes *
							   MEGABYTE,
					   .confined = t->confined,
					   .read = own ? NULL : file,
					   .look = own ? TASK_OUTPUT_FOLDER : NULL },
			      .out_cap = PROBE_ANSWER_MAX,
			      .limit = t->profile->limits.probe };

	if (own)
		worker_probe_own_argv(file, &argv);
	else
		worker_probe_argv(t->profile, file, &argv);
	s.argv = worker_argv_list(&argv);
	if (worker_run_start(t->loop, &s, fn, t, &t->run, &e) < 0)
		worker_task_fail(t, TASK_MACHINE, &e, "");
}

int worker_probe_ended(const struct run_result *r, struct probe *ret, struct err *e)
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
	if (worker_probe_ended(r, &t->source, &e) < 0 ||
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
	probe(t, TASK_SOURCE, false, source_probed);
}

/* --- what was made */

static void verify(struct task *t);

/* The file that stands for a target: of many pictures the first. */
static char *probed_name(const struct target *one)
{
	AUTO(own_freep) char *name = worker_transcode_name(one->output, one->rendition);

	if (!one->output->has_every)
		return TAKE(name);
	return own_printf("%s/00001.%s", name,
			  one->output->container == PROFILE_PNG ? "png" : "jpg");
}

static void output_probed(struct run_result *r, void *arg)
{
	struct task *t = arg;
	struct target *one = &t->targets.list[t->verifying];
	AUTO(own_freep) char *name = NULL;
	struct probe made;
	struct err e = { 0 };

	t->run = NULL;
	if (worker_probe_ended(r, &made, &e) < 0 ||
	    worker_verify_target(one, &t->shape, t->profile, &made, &e) < 0) {
		enum task_class why = class_of(r, &e);

		if (t->targets.count > 1)
			err_wrap(&e, "%s%s%s", one->output->name, one->rendition ? "/" : "",
				 one->rendition ? one->rendition : "");
		worker_task_fail(t, why, &e, r->complaint);
		return;
	}
	if (*made.level && one->rendition)
		worker_hls_codecs(made.level, one->audio, one->codecs);
	name = probed_name(one);
	worker_outputs_probed(t, name, &made);
	t->verifying++;
	verify(t);
}

/* Of many pictures the first is looked at, and all are counted. */
static int pictures_check(struct task *t, const struct target *one, struct err *e)
{
	AUTO(own_freep) char *name = worker_transcode_name(one->output, NULL);
	AUTO(own_freep) char *path = worker_task_path(t, name);
	DIR *d = opendir(path);
	struct dirent *entry;
	size_t n = 0;

	if (!d)
		return err_errno(e, errno, "reading %s", name);
	while ((entry = readdir(d)))
		n += entry->d_name[0] != '.';
	closedir(d);
	return worker_verify_pictures(one, &t->shape, n, e);
}

static int masters_write(struct task *t, struct err *e)
{
	for (size_t i = 0; i < t->profile->output_count; i++) {
		const struct profile_output *o = &t->profile->outputs[i];
		struct hls_variant list[PROFILE_RENDITIONS_MAX];
		AUTO(buf_done) struct buf text = BUF(MASTER_BYTES_MAX);
		AUTO(own_freep)
		char *name = own_printf(TASK_OUTPUT_FOLDER "/%s/" HLS_MASTER, o->name);
		AUTO(own_freep) char *path = worker_task_path(t, name);
		size_t n = 0;

		if (o->container != PROFILE_HLS)
			continue;
		for (size_t k = 0; k < t->targets.count; k++) {
			const struct target *one = &t->targets.list[k];
			AUTO(own_freep)
			char *in = own_printf("%s/" TASK_OUTPUT_FOLDER "/%s/%s", t->folder, o->name,
					      one->rendition ? one->rendition : "");
			struct hls_playlist p;

			if (one->output != o)
				continue;
			if (worker_hls_check(in, &p, e) < 0)
				return err_wrap(e, "%s/%s", o->name, one->rendition);
			list[n++] = (struct hls_variant){ .name = one->rendition,
							  .codecs = one->codecs,
							  .width = one->width,
							  .height = one->height,
							  .peak = p.peak,
							  .mean = p.mean };
		}
		worker_hls_master(list, n, &text);
		if (buf_write_file(&text, path, 0600, e) < 0)
			return -1;
	}
	return 0;
}

static void verify(struct task *t)
{
	const struct target *one = &t->targets.list[t->verifying];
	AUTO(own_freep) char *name = NULL;
	struct err e = { 0 };

	if (t->verifying == t->targets.count) {
		if (masters_write(t, &e) < 0)
			worker_task_fail(t, e.kind == ERR_POLICY ? TASK_PERMANENT : TASK_MACHINE,
					 &e, "");
		else
			worker_task_next(t);
		return;
	}
	if (one->output->has_every && pictures_check(t, one, &e) < 0) {
		worker_task_fail(t, e.kind == ERR_POLICY ? TASK_PERMANENT : TASK_MACHINE, &e, "");
		return;
	}
	name = probed_name(one);
	probe(t, name, true, output_probed);
}

void worker_probe_output(struct task *t)
{
	t->verifying = 0;
	verify(t);
}
