#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/own.h"
#include "worker/inside.h"
#include "worker/task.h"
#include "worker/words.h"

#define SLOT_FD 3
#define SILENT_S (12 * WORDS_ALIVE_S)
#define QUICK_S 10 /* a slot that lives shorter than this has crashed at its start */
#define RESPAWN_MOST_MS 30000
#define ENV_MAX 512
#define HOW_MAX 64
#define STARTS_MOST 4 /* of a persistent command, by a worker that is to end */

extern char **environ;

/* --- words to a slot */

static struct json *words(const char *what)
{
	struct json *j = json_object();

	json_set_str(j, WORDS_DO, what);
	return j;
}

/* A slot that does not read its socket is of no use: it is killed, and its job returned. */
static void tell(struct seat *s, struct json *frame)
{
	if (!worker_frames_send(&s->frames, frame) && s->child) {
		LOG_WARN("a slot does not listen: killing it", LOG_I("slot", s->number));
		loop_child_kill(s->child, SIGKILL);
	}
}

void worker_crew_assign(struct claim *c)
{
	struct worker *w = c->w;
	struct json *j;
	struct seat *s = w->seats;
	struct err e = { 0 };

	while (!s->ready || s->claim)
		s++;
	j = worker_assign_frame(c, s->folder, &e);
	if (!j) {
		worker_ground_trouble(w, e.text);
		worker_finish_interrupted(c, e.text);
		return;
	}
	s->claim = c;
	c->seat = s;
	c->state = CLAIM_WORKING;
	c->started = c->stage_began = s->heard = clock_mono();
	c->stage = worker_task_stage_first(&w->profile);
	if (!instant_is_never(c->message.sent))
		worker_meter_wait(&w->meter, instant_since(clock_wall(), c->message.sent));
	LOG_INFO("job started", LOG_S("video", c->job.video_id), LOG_S("task", c->job.task_id),
		 LOG_S("message", c->message.id), LOG_I("receives", c->message.receives),
		 LOG_I("slot", s->number));
	worker_record_begin(c);
	tell(s, j);
}

void worker_crew_lease(struct claim *c)
{
	struct json *j;

	if (!c->seat)
		return;
	j = words(WORDS_LEASE);
	json_set_int(j, "ends_ms", c->lease.ends.ms);
	tell(c->seat, j);
}

void worker_crew_keys(struct worker *w)
{
	const struct cred *keys = lane_keys(w->lane);

	for (size_t i = 0; keys && i < w->seat_count; i++) {
		struct json *j;

		if (!w->seats[i].claim)
			continue;
		j = words(WORDS_KEYS);
		json_set(j, "keys", worker_assign_keys(keys));
		tell(&w->seats[i], j);
	}
}

void worker_crew_watch(struct worker *w)
{
	for (size_t i = 0; i < w->seat_count; i++) {
		struct seat *s = &w->seats[i];

		if (!s->claim || !s->child ||
		    tick_since(clock_mono(), s->heard).ms < SILENT_S * 1000)
			continue;
		LOG_WARN("a slot has gone silent: killing it", LOG_I("slot", s->number));
		loop_child_kill(s->child, SIGKILL);
	}
}

/* --- words from a slot */

static const char *text_of(const struct json *j, const char *key)
{
	const char *s = json_get_str(j, key);

	return s ? s : "";
}

static void stage_over(struct claim *c, enum task_stage s, int64_t amount)
{
	static const enum job_state moves[TASK_STAGES] = { [TASK_FETCH] = JOB_FETCHED,
							   [TASK_VERIFY] = JOB_TRANSCODED,
							   [TASK_RUN] = JOB_TRANSCODED,
							   [TASK_STORE] = JOB_STORED };
	struct meter *m = &c->w->meter;
	struct tick now = clock_mono();

	LOG_DEBUG("stage done", LOG_S("video", c->job.video_id), LOG_S("message", c->message.id),
		  LOG_S("stage", worker_task_stage_word(s)));
	worker_meter_stage(m, s, tick_since(now, c->stage_began));
	if (amount > 0)
		*(s == TASK_FETCH ? &m->fetched_bytes : &m->media_ms) += amount;
	while (c->job.state < moves[s]) /* a persistent command has no fetch */
		job_move(&c->job, c->job.state + 1);
	if (s == TASK_PROBE)
		c->transcoding = now;
	c->stage_began = now;
	c->stage = worker_task_stage_after(&c->w->profile, s);
}

static void stage_done(struct claim *c, const struct json *frame)
{
	const char *word = text_of(frame, "stage");
	enum task_stage s = 0;
	int64_t amount = 0;

	while (s < TASK_STAGES && strcmp(word, worker_task_stage_word(s)) != 0)
		s++;
	json_get_int(frame, "amount", &amount);
	if (s < TASK_STAGES)
		stage_over(c, s, amount);
}

/* A job that was done before passes through the states that its output proves. */
static void to_stored(struct job *j)
{
	for (enum job_state s = j->state; s < JOB_STORED; s++)
		job_move(j, s + 1);
}

static void end_said(struct claim *c, const struct json *j)
{
	const char *outcome = text_of(j, "outcome"), *stage = text_of(j, "stage"),
		   *reason = text_of(j, "reason");
	bool permanent = false, machine = false, away = false, already = false;
	int64_t bytes = 0;

	worker_assign_clear(c, c->seat->folder);
	worker_receive_took(c->w, tick_since(clock_mono(), c->started));
	snprintf(c->bucket, sizeof(c->bucket), "%s", text_of(j, "bucket"));
	c->seat->claim = NULL;
	c->seat = NULL;
	json_get_bool(j, "permanent", &permanent);
	json_get_bool(j, "machine", &machine);
	json_get_bool(j, "away", &away);
	json_get_bool(j, "already", &already);
	json_get_int(j, "bytes", &bytes);
	if (strcmp(outcome, WORDS_STORED) == 0) {
		if (!already && c->stage < TASK_STAGES)
			stage_over(c, c->stage, 0); /* the last: the end says it */
		to_stored(&c->job);
		worker_ground_well(c->w);
		c->finish.outputs = json_ref((struct json *)json_get(j, "outputs"));
		worker_finish_stored(c, text_of(j, "key"), bytes, already);
	} else if (strcmp(outcome, WORDS_LOST) == 0) {
		worker_finish_lost(c);
	} else if (machine || away) {
		if (away)
			worker_ground_away(c->w, reason);
		else
			worker_ground_trouble(c->w, reason);
		worker_finish_interrupted(c, reason);
	} else if (permanent) {
		worker_finish_parked(c, stage, reason, text_of(j, "complaint"));
	} else {
		worker_finish_failed(c, stage, reason, text_of(j, "complaint"));
	}
}

/* Its persistent command is away. Who waits for the end of --until-empty is not kept waiting by one
 * that cannot be started. */
static void unready(struct seat *s, const struct json *j)
{
	struct worker *w = s->w;
	int64_t failures = 0;

	s->ready = false;
	json_get_int(j, "failures", &failures);
	if (!w->o->until_empty || failures < STARTS_MOST || w->phase != WORKER_RUNNING)
		return;
	err_set(&w->failure, ERR_LOCAL, "%.700s, %lld times in a row", text_of(j, "why"),
		(long long)failures);
	worker_supervise_drain(w);
}

static void heard(const struct json *j, const struct err *e, void *arg)
{
	struct seat *s = arg;
	const char *what = text_of(j, WORDS_SAY);
	int64_t permille = 0, group = 0;

	s->heard = clock_mono();
	if (!j) {
		/* Gone, or talking nonsense: its exit is what counts. */
		if (e->kind != ERR_NONE)
			LOG_WARN("a slot talks nonsense: killing it", LOG_I("slot", s->number),
				 LOG_E(e));
		if (s->child)
			loop_child_kill(s->child, SIGKILL);
	} else if (strcmp(what, WORDS_READY) == 0) {
		s->ready = true;
	} else if (strcmp(what, WORDS_UNREADY) == 0) {
		unready(s, j);
	} else if (strcmp(what, WORDS_RUNNING) == 0) {
		s->command = json_get_int(j, "group", &group) && group > 1 ? (pid_t)group : 0;
	} else if (!s->claim || s->claim->stop != CLAIM_GO_ON) {
		return; /* said before it heard of its end */
	} else if (strcmp(what, WORDS_STAGE) == 0) {
		stage_done(s->claim, j);
	} else if (strcmp(what, WORDS_PROGRESS) == 0) {
		if (json_get_int(j, "permille", &permille) && permille >= 0 && permille <= 1000)
			s->claim->permille = (int)permille;
		json_get_int(j, "speed_milli", &s->claim->speed_milli);
		worker_record_progress(s->claim);
		LOG_DEBUG("progress", LOG_S("video", s->claim->job.video_id),
			  LOG_I("permille", permille));
		return;
	} else if (strcmp(what, WORDS_END) == 0) {
		end_said(s->claim, j);
	}
	worker_supervise_turn(s->w);
}

/* --- the processes */

static void spawn(void *arg);

static void describe_end(int status, int signum, char how[static HOW_MAX])
{
	if (signum)
		snprintf(how, HOW_MAX, "was killed by signal %d", signum);
	else
		snprintf(how, HOW_MAX, "ended with status %d", status);
}

static void orphaned(struct seat *s, const char *how)
{
	struct claim *c = TAKE(s->claim);

	c->seat = NULL;
	if (c->stop == CLAIM_LOST)
		worker_finish_lost(c);
	else if (c->stop == CLAIM_INTERRUPTED)
		worker_finish_interrupted(c, "interrupted");
	else
		worker_finish_crashed(c, how);
}

static void exited(int status, int signum, void *arg)
{
	struct seat *s = arg;
	struct worker *w = s->w;
	char how[HOW_MAX];
	bool quick = tick_since(clock_mono(), s->spawned).ms < QUICK_S * 1000;
	bool meant = s->claim && s->claim->stop != CLAIM_GO_ON;
	struct err ignored = { 0 };

	describe_end(status, signum, how);
	/* Its own children die with it; theirs do not. */
	if (s->command > 1)
		kill(-s->command, SIGKILL);
	s->command = 0;
	loop_child_free(TAKE(s->child));
	worker_frames_close(&s->frames);
	s->ready = false;
	err_ignore(worker_folder_remove(s->folder, &ignored)); /* the next spawn tells */
	if (!meant && (s->claim || w->phase == WORKER_RUNNING))
		LOG_WARN("a slot has ended", LOG_I("slot", s->number), LOG_S("how", how));
	s->crashes = quick && !meant ? s->crashes + 1 : 0;
	if (s->claim)
		orphaned(s, how);
	if (w->phase == WORKER_RUNNING) {
		int64_t ms = s->crashes > 1 ? 500LL << (s->crashes > 7 ? 7 : s->crashes) : 0;

		loop_timer_start(s->respawn, span_ms(ms < RESPAWN_MOST_MS ? ms : RESPAWN_MOST_MS));
	}
	worker_supervise_turn(w);
}

/* What a slot inherits: everything but credentials, which go over the socket, a job at a time. */
static void environment(const char *env[static ENV_MAX])
{
	static const char *const secret[] = { "AWS_ACCESS_KEY_ID=",
					      "AWS_SECRET_ACCESS_KEY=",
					      "AWS_SESSION_TOKEN=",
					      "AWS_SECURITY_TOKEN=",
					      "AWS_CONTAINER_AUTHORIZATION_TOKEN",
					      "AWS_CONTAINER_CREDENTIALS_",
					      "AWS_WEB_IDENTITY_TOKEN_FILE=",
					      "CELERY_BROKER_URL=",
					      "CELERY_RESULT_BACKEND=",
					      "WINDLASS_EVENT_",
					      "WINDLASS_BROKER=",
					      "NOTIFY_SOCKET=", /* the supervisor speaks */
					      "WATCHDOG_" };
	size_t n = 0;

	for (char **e = environ; *e && n + 1 < ENV_MAX; e++) {
		bool keep = true;

		for (size_t i = 0; i < COUNT_OF(secret); i++)
			keep &= strncmp(*e, secret[i], strlen(secret[i])) != 0;
		if (keep)
			env[n++] = *e;
	}
	env[n] = NULL;
}

static void set_up(struct seat *s)
{
	struct worker *w = s->w;
	struct json *j = words(WORDS_SETUP);

	json_set_str(j, "folder", s->folder);
	json_set_str(j, "host", w->host);
	json_set_str(j, "region", lane_region(w->lane));
	json_set_str(j, "profile_file", worker_command_profile_file(w->o));
	json_set_str(j, "profile", w->profile_text);
	json_set_bool(j, "confined", !w->o->unconfined);
	json_set_int(j, "part_bytes", w->o->part_mib << 20);
	tell(s, j);
}

static int start(struct seat *s, struct err *e)
{
	static const char *const argv[] = { "/proc/self/exe", "--slot", "3", NULL };
	const char *env[ENV_MAX];
	/* A slot that runs a command sees our end at its socket, and has time to end the command's
	 * whole group; any other has one child, which dies with it. */
	bool command = s->w->profile.processor == PROFILE_EXEC;
	struct loop_spawn spawn_spec = { .argv = argv,
					 .env = env,
					 .fd = { -1, STDERR_FILENO, STDERR_FILENO, -1 },
					 .death_signal = command ? 0 : SIGKILL };
	int pair[2];

	if (worker_folder_make(s->folder, e) < 0)
		return -1;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		return err_errno(e, errno, "making a socketpair");
	environment(env);
	spawn_spec.fd[SLOT_FD] = pair[1];
	s->child = loop_child_new(s->w->loop, &spawn_spec, exited, s, e);
	close(pair[1]);
	if (!s->child) {
		close(pair[0]);
		return -1;
	}
	s->spawned = clock_mono();
	worker_frames_open(&s->frames, s->w->loop, pair[0], heard, s);
	set_up(s);
	return 0;
}

static void spawn(void *arg)
{
	struct seat *s = arg;
	struct err e = { 0 };

	if (s->w->phase != WORKER_RUNNING || s->child)
		return;
	if (start(s, &e) < 0) {
		LOG_ERROR("a slot cannot be started: trying again", LOG_I("slot", s->number),
			  LOG_E(&e));
		loop_timer_start(s->respawn, span_ms(RESPAWN_MOST_MS / 6));
	}
}

void worker_crew_start(struct worker *w)
{
	w->seat_count = (size_t)w->o->slots;
	w->seats = own_array(w->seat_count, sizeof(*w->seats));
	for (size_t i = 0; i < w->seat_count; i++) {
		struct seat *s = &w->seats[i];

		s->w = w;
		s->number = (int)i;
		s->frames.fd = -1;
		s->folder = own_printf("%s/slot-%zu", w->folder.path, i);
		s->respawn = loop_timer_new(w->loop, spawn, s);
		spawn(s);
	}
}

size_t worker_crew_idle(const struct worker *w)
{
	size_t n = 0;

	for (size_t i = 0; i < w->seat_count; i++)
		n += w->seats[i].ready && !w->seats[i].claim;
	return n;
}

bool worker_crew_gone(const struct worker *w)
{
	for (size_t i = 0; i < w->seat_count; i++)
		if (w->seats[i].child)
			return false;
	return true;
}

void worker_crew_kill(struct claim *c, enum claim_stop why)
{
	struct worker *w = c->w;

	if (c->stop == CLAIM_GO_ON)
		c->stop = why;
	if (c->seat && c->seat->child) {
		loop_child_kill(c->seat->child,
				SIGKILL); /* ffmpeg dies with it; exited() goes on */
		return;
	}
	if (c->state == CLAIM_WAITING && why == CLAIM_LOST)
		worker_finish_lost(c); /* may be freed by this */
	else if (c->state == CLAIM_WAITING)
		worker_finish_interrupted(c, "not begun");
	else if (c->state == CLAIM_TELLING)
		worker_finish_untold(c, why);
	worker_supervise_turn(w);
}

void worker_crew_dismiss(struct worker *w)
{
	for (size_t i = 0; i < w->seat_count; i++) {
		loop_timer_stop(w->seats[i].respawn);
		worker_frames_close(
			&w->seats[i].frames); /* the end of the socket is the end of the slot */
	}
}

void worker_crew_stop(struct worker *w)
{
	for (size_t i = 0; i < w->seat_count; i++) {
		struct seat *s = &w->seats[i];

		worker_frames_close(&s->frames);
		if (s->child)
			loop_child_kill(s->child, SIGKILL);
		loop_child_free(s->child);
		loop_timer_free(s->respawn);
		own_free(s->folder);
	}
	own_free(w->seats);
}
