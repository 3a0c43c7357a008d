/* The machine under the worker: room to work in, and the programs that do it. Where one is missing
 * no job is received: each receive counts, so a full disk would else bring good jobs, one after the
 * other, into the dead-letter queue. */
#include "base/log.h"
#include "base/own.h"
#include "worker/inside.h"
#include "worker/sandbox.h"

#define LOOK_MS 10000
#define PAUSE_MOST_MS 900000
#define AWAY_MOST_MS 60000
#define DOUBLINGS_MOST 10

static void again(void *arg)
{
	worker_supervise_turn(arg);
}

static int look(const struct worker *w, struct err *e)
{
	static const char *const programs[] = { "ffmpeg", "ffprobe" };

	if (worker_folder_need(w->folder.path, 0, e) < 0)
		return -1;
	if (w->profile.processor == PROFILE_EXEC) {
		if (!loop_child_findable(w->profile.exec.command[0]))
			return err_set(e, ERR_LOCAL, "there is no program %.200s",
				       w->profile.exec.command[0]);
		return 0;
	}
	for (size_t i = 0; i < COUNT_OF(programs); i++) {
		if (!loop_child_findable(programs[i]))
			return err_set(e, ERR_LOCAL,
				       "there is no %s in PATH -> install the package ffmpeg",
				       programs[i]);
		if (!w->o->unconfined && worker_sandbox_fit(programs[i], e) < 0)
			return -1;
	}
	return 0;
}

/* Nobody mends a machine for a worker that was to work a queue off and end. */
static void unfit(struct worker *w, const struct err *e)
{
	struct ground *g = &w->ground;

	if (!g->told)
		LOG_ERROR("this machine can do no job: none is received until it can", LOG_E(e));
	g->told = true;
	if (w->o->until_empty && w->failure.kind == ERR_NONE) {
		w->failure = *e;
		worker_supervise_drain(w);
		return;
	}
	loop_timer_start(g->again, span_ms(LOOK_MS));
}

bool worker_ground_fit(struct worker *w)
{
	struct ground *g = &w->ground;
	struct err e = { 0 };

	if (loop_timer_active(g->again))
		return false;
	if (look(w, &e) < 0) {
		unfit(w, &e);
		return false;
	}
	if (g->told)
		LOG_INFO("this machine can do jobs again");
	g->told = false;
	return true;
}

/* Of many slots that fail at once, the first starts the pause. */
static void pause_for(struct worker *w, const char *what, const char *why, int64_t most_ms)
{
	struct ground *g = &w->ground;
	int64_t ms = w->o->retry.ms
		     << (g->troubles < DOUBLINGS_MOST ? g->troubles : DOUBLINGS_MOST);

	if (loop_timer_active(g->again))
		return;
	if (ms > most_ms)
		ms = most_ms;
	g->troubles++;
	LOG_ERROR(what, LOG_S("why", why), LOG_I("for_ms", ms));
	loop_timer_start(g->again, span_ms(ms));
}

void worker_ground_trouble(struct worker *w, const char *why)
{
	pause_for(w, "this machine could not do a job: none is received for a while", why,
		  PAUSE_MOST_MS);
}

void worker_ground_away(struct worker *w, const char *why)
{
	pause_for(w, "S3 does not answer as it should: no job is received for a while", why,
		  AWAY_MOST_MS);
}

void worker_ground_well(struct worker *w)
{
	w->ground.troubles = 0;
}

void worker_ground_start(struct worker *w)
{
	w->ground.again = loop_timer_new(w->loop, again, w);
}

void worker_ground_stop(struct worker *w)
{
	loop_timer_free(w->ground.again);
}
