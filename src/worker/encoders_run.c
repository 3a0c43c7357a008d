/* The supervisor's question at start. Jobs wait for its answer; the first poll does not. An ffmpeg
 * that cannot be asked is asked by the first job. */
#include "base/log.h"
#include "base/own.h"
#include "worker/encoders.h"
#include "worker/inside.h"
#include "worker/run.h"

#define LIMIT_S 20

static void answered(struct run_result *r, void *arg)
{
	struct worker *w = arg;
	struct err e = { 0 };

	w->asking_encoders = NULL;
	if (worker_run_verdict("ffmpeg", r, &e) < 0 || r->flooded) {
		LOG_WARN("ffmpeg does not tell its encoders: the first job will", LOG_E(&e));
	} else {
		worker_encoders_take(buf_str(&r->out));
		if (worker_encoders_check(&w->profile, &e) < 0) {
			w->failure = e;
			worker_supervise_drain(w);
		}
	}
	worker_supervise_turn(w);
}

void worker_encoders_start(struct worker *w)
{
	static const char *const argv[] = { "ffmpeg", "-hide_banner", "-encoders", NULL };
	struct run_spec s = { .argv = argv,
			      .cwd = w->folder.path,
			      .sandbox = { .confined = !w->o->unconfined },
			      .out_cap = ENCODERS_ANSWER_MAX,
			      .limit = span_s(LIMIT_S) };
	struct err e = { 0 };

	if (w->profile.processor != PROFILE_VIDEO || !loop_child_findable(argv[0]))
		return;
	if (worker_run_start(w->loop, &s, answered, w, &w->asking_encoders, &e) < 0)
		LOG_DEBUG("ffmpeg cannot be asked for its encoders", LOG_E(&e));
}

bool worker_encoders_ready(const struct worker *w)
{
	return !w->asking_encoders;
}

void worker_encoders_stop(struct worker *w)
{
	worker_run_cancel(TAKE(w->asking_encoders));
}
