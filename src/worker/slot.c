/* The process of one slot: takes a job, its keys and its lease from the supervisor, reports stages,
 * progress and the end. It ends when the supervisor does. */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/own.h"
#include "worker/body.h"
#include "worker/encoders.h"
#include "worker/frames.h"
#include "worker/mate.h"
#include "worker/outputs.h"
#include "worker/task.h"
#include "worker/words.h"
#include "worker/worker.h"

#define JOB_BYTES_MAX 65536
#define ASK_BYTES_MAX (8u << 20)
#define HOST_BYTES_MAX 256
#define PART_BYTES (16 << 20)

struct slot {
	struct loop *loop;
	struct frames frames;
	struct lane *lane;
	struct profile profile;
	struct assets assets;
	bool ready, confined;
	int64_t part_bytes;
	char *folder;
	char host[HOST_BYTES_MAX];
	struct task *task;
	struct mate *mate; /* NULL: no persistent command */
	char *job_folder;
	struct tick ends; /* of the claim on the task's message */
	struct loop_timer *deadman, *alive;
};

static void say(struct slot *s, struct json *frame)
{
	if (!worker_frames_send(&s->frames, frame))
		loop_stop(s->loop); /* nobody reads: nothing that is done here would count */
}

static struct json *words(const char *what)
{
	struct json *j = json_object();

	json_set_str(j, WORDS_SAY, what);
	return j;
}

/* --- what the task says */

static void stage_done(enum task_stage stage, void *arg)
{
	struct slot *s = arg;
	struct json *j;

	if (worker_task_stage_after(&s->profile, stage) == TASK_STAGES)
		return; /* the end says it */
	j = words(WORDS_STAGE);
	json_set_str(j, "stage", worker_task_stage_word(stage));
	if (stage == TASK_FETCH)
		json_set_int(j, "amount", s->task->source_bytes);
	else if (stage == TASK_TRANSCODE)
		json_set_int(j, "amount", s->task->progress.out_ms);
	say(s, j);
}

static void progress(int permille, int64_t speed_milli, void *arg)
{
	struct json *j = words(WORDS_PROGRESS);

	json_set_int(j, "permille", permille);
	json_set_int(j, "speed_milli", speed_milli);
	say(arg, j);
}

static void running(pid_t group, void *arg)
{
	struct json *j = words(WORDS_RUNNING);

	json_set_int(j, "group", group);
	say(arg, j);
}

static bool claimed(void *arg)
{
	struct slot *s = arg;

	return clock_mono().ms < s->ends.ms;
}

/* The supervisor gives up a slot that it does not hear. */
static void still_alive(void *arg)
{
	struct slot *s = arg;

	say(s, words(WORDS_ALIVE));
	loop_timer_start(s->alive, span_s(WORDS_ALIVE_S));
}

static void drop_task(struct slot *s)
{
	loop_timer_stop(s->deadman);
	loop_timer_stop(s->alive);
	worker_task_free(TAKE(s->task));
}

/* What is not there is false, or empty: of many small jobs, words are much of the work. */
static void set_true(struct json *j, const char *key, bool value)
{
	if (value)
		json_set_bool(j, key, true);
}

static void set_text(struct json *j, const char *key, const char *text)
{
	if (*text)
		json_set_str(j, key, text);
}

static void task_ended(const struct task_end *end, void *arg)
{
	struct slot *s = arg;
	struct json *j = words(WORDS_END);

	json_set_str(j, "outcome", end->outcome == TASK_STORED ? WORDS_STORED : WORDS_FAILED);
	set_true(j, "permanent", end->why == TASK_PERMANENT);
	set_true(j, "machine", end->why == TASK_MACHINE);
	set_true(j, "away", end->why == TASK_AWAY);
	set_text(j, "stage", worker_task_stage_word(end->stage));
	set_text(j, "reason", end->reason);
	set_text(j, "complaint", end->complaint);
	set_true(j, "already", end->already);
	set_text(j, "bucket", end->bucket);
	set_text(j, "key", end->key);
	set_text(j, "etag", end->etag);
	if (end->bytes)
		json_set_int(j, "bytes", end->bytes);
	if (end->task)
		json_set(j, "outputs", worker_outputs_json(end->task, end->bucket));
	drop_task(s); /* first clean, then free for the next */
	say(s, j);
}

/* The claim has ended: whatever the supervisor does, nothing of this may be stored. */
static void claim_over(void *arg)
{
	struct slot *s = arg;
	struct json *j = words(WORDS_END);

	drop_task(s);
	json_set_str(j, "outcome", WORDS_LOST);
	say(s, j);
}

/* --- the persistent command */

static void mate_ready(bool ready, const char *why, int failures, void *arg)
{
	struct slot *s = arg;
	struct json *j;

	if (!worker_frames_are_open(&s->frames)) { /* the slot's end waits for its */
		loop_stop(s->loop);
		return;
	}
	j = words(ready ? WORDS_READY : WORDS_UNREADY);
	if (!ready) {
		json_set_str(j, "why", why);
		json_set_int(j, "failures", failures);
	}
	say(s, j);
}

static void mate_start(struct slot *s)
{
	const struct mate_spec spec = { .loop = s->loop,
					.profile = &s->profile,
					.folder = s->job_folder,
					.confined = s->confined,
					.ready = mate_ready,
					.running = running,
					.arg = s };

	s->mate = worker_mate_new(&spec);
}

/* --- what the supervisor says */

static void take_lease(struct slot *s, const struct json *frame)
{
	int64_t ends;

	if (!json_get_int(frame, "ends_ms", &ends))
		return;
	s->ends = (struct tick){ ends };
	loop_timer_start(s->deadman, tick_since(s->ends, clock_mono()));
}

static void take_keys(struct slot *s, const struct json *keys)
{
	struct cred c = { .access_key = own_strdup(json_get_str(keys, "access")),
			  .secret_key = own_strdup(json_get_str(keys, "secret")),
			  .token = own_strdup(json_get_str(keys, "token")),
			  .expires = INSTANT_NEVER,
			  .source = "supervisor" };

	if (c.access_key && c.secret_key)
		lane_set_keys(s->lane, &c);
	cred_done(&c);
}

/* What a persistent command is told: in the frame, or where it is long in the message's file. */
static struct json *read_ask(const struct json *frame, const char *file, struct err *e)
{
	AUTO(buf_done) struct buf text = BUF(ASK_BYTES_MAX);

	if (json_get(frame, "ask"))
		return json_ref((struct json *)json_get(frame, "ask"));
	if (buf_read_file(&text, file, e) < 0)
		return NULL;
	return json_parse(buf_str(&text), text.len, e);
}

static int read_job(const struct json *frame, struct job *ret, struct err *e)
{
	AUTO(buf_done) struct buf body = BUF(JOB_BYTES_MAX);
	const char *message = json_get_str(frame, "message");

	if (message) {
		*ret = (struct job){ .created_at = INSTANT_NEVER };
		snprintf(ret->task_id, sizeof(ret->task_id), "%s", message);
		return 0;
	}
	if (json_write(json_get(frame, "job"), &body) < 0)
		return err_set(e, ERR_PROTOCOL, "a job that is too long");
	return job_read(buf_str(&body), body.len, ret, e);
}

static void take_job(struct slot *s, const struct json *frame)
{
	struct job job;
	struct err e = { 0 };
	AUTO(own_freep) char *message = worker_body_path(s->folder);
	const char *encoders = json_get_str(frame, "encoders");
	struct task_spec spec = { .loop = s->loop,
				  .lane = s->lane,
				  .profile = &s->profile,
				  .job = &job,
				  .assets = &s->assets,
				  .message = message,
				  .mate = s->mate,
				  .folder = s->job_folder,
				  .host = s->host,
				  .confined = s->confined,
				  .part_bytes = s->part_bytes,
				  .hooks = { .stage = stage_done,
					     .progress = progress,
					     .running = running,
					     .claimed = claimed,
					     .end = task_ended,
					     .arg = s } };

	if (!s->ready || s->task || read_job(frame, &job, &e) < 0 ||
	    (s->mate && !(spec.ask = read_ask(frame, message, &e)))) {
		LOG_ERROR("a job that this slot cannot take", LOG_E(&e));
		loop_stop(s->loop); /* the supervisor returns the message */
		return;
	}
	if (!json_get_int(frame, "receives", &spec.receives))
		spec.receives = 0;
	if (encoders && *encoders)
		worker_encoders_take(encoders);
	if (json_get(frame, "keys"))
		take_keys(s, json_get(frame, "keys"));
	take_lease(s, frame);
	loop_timer_start(s->alive, span_s(WORDS_ALIVE_S));
	s->task = worker_task_new(&spec);
	worker_task_start(s->task);
}

static int open_lane(struct slot *s, const char *region, struct err *e)
{
	static const struct cred_source *const none[] = {
		NULL
	}; /* keys come from the supervisor */
	struct lane_options o = { .chain = none };

	s->lane = lane_new(s->loop, &o, e);
	if (s->lane && lane_region(s->lane)[0] == '\0' && region) {
		lane_free(TAKE(s->lane));
		o.region = region;
		s->lane = lane_new(s->loop, &o, e);
	}
	return s->lane ? 0 : -1;
}

static void set_up(struct slot *s, const struct json *frame)
{
	AUTO(buf_done) struct buf problems = BUF(PROFILE_BYTES_MAX);
	const char *text = json_get_str(frame, "profile"),
		   *file = json_get_str(frame, "profile_file");
	const char *folder = json_get_str(frame, "folder"), *host = json_get_str(frame, "host");
	struct err e = { 0 };

	if (!text || !file || !folder || !host || s->ready)
		err_set(&e, ERR_PROTOCOL, "an incomplete set-up");
	else if (worker_profile_read(file, text, strlen(text), &s->profile, &problems, &e) == 0 &&
		 open_lane(s, json_get_str(frame, "region"), &e) == 0)
		s->ready = true;
	if (!s->ready) {
		LOG_ERROR("the slot cannot start", LOG_E(&e));
		loop_stop(s->loop);
		return;
	}
	s->folder = own_strdup(folder);
	s->job_folder = own_printf("%s/job", folder);
	worker_assets_init(&s->assets, &s->profile, folder);
	s->confined = true;
	json_get_bool(frame, "confined", &s->confined);
	if (!json_get_int(frame, "part_bytes", &s->part_bytes) || s->part_bytes <= 0)
		s->part_bytes = PART_BYTES;
	strncpy(s->host, host, sizeof(s->host) - 1);
	if (s->profile.processor == PROFILE_EXEC && s->profile.exec.persistent)
		mate_start(s); /* it says when it is ready */
	else
		say(s, words(WORDS_READY));
}

static void heard(const struct json *frame, const struct err *e, void *arg)
{
	struct slot *s = arg;
	const char *what = json_get_str(frame, WORDS_DO);

	if (!frame || !what) {
		if (e->kind != ERR_NONE)
			LOG_ERROR("the supervisor cannot be understood", LOG_E(e));
		loop_stop(s->loop); /* the supervisor is gone */
	} else if (strcmp(what, WORDS_SETUP) == 0) {
		set_up(s, frame);
	} else if (strcmp(what, WORDS_JOB) == 0) {
		take_job(s, frame);
	} else if (strcmp(what, WORDS_LEASE) == 0 && s->task) {
		take_lease(s, frame);
	} else if (strcmp(what, WORDS_KEYS) == 0 && s->lane) {
		take_keys(s, json_get(frame, "keys"));
	}
}

int worker_slot(int fd)
{
	struct slot s = { .ends = { 0 } };

	/* The supervisor decides when a slot ends; a signal to the whole unit must not. */
	signal(SIGTERM, SIG_IGN);
	signal(SIGINT, SIG_IGN);
	s.loop = loop_new();
	s.deadman = loop_timer_new(s.loop, claim_over, &s);
	s.alive = loop_timer_new(s.loop, still_alive, &s);
	worker_frames_open(&s.frames, s.loop, fd, heard, &s);
	loop_run(s.loop);
	drop_task(&s);
	worker_frames_close(&s.frames);
	if (!worker_mate_leave(s.mate))
		loop_run(s.loop);
	worker_mate_free(s.mate);
	loop_timer_free(s.deadman);
	loop_timer_free(s.alive);
	lane_free(s.lane);
	worker_assets_done(&s.assets);
	worker_profile_done(&s.profile);
	own_free(s.folder);
	own_free(s.job_folder);
	loop_free(s.loop);
	return 0;
}
