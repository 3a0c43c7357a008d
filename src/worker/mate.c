#include "worker/mate.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/own.h"
#include "base/rng.h"
#include "worker/folder.h"
#include "worker/run.h"
#include "worker/task.h"

#define HELLO_S 60
#define LEAVE_S 3
#define AGAIN_MS 500 /* doubled by each start that goes wrong */
#define AGAIN_DOUBLINGS 6
#define MEGABYTE 1048576
#define ASK_MAX (8u << 20) /* a message of SQS, each byte of it escaped */

enum state {
	DOWN,     /* and a timer runs for the next start */
	STARTING, /* no hello yet */
	IDLE,
	BUSY,
	LEAVING, /* told to end: replaced when it has, or for good */
	GONE
};

struct mate {
	struct mate_spec spec;
	enum state state;
	bool for_good;
	struct run *run;
	struct loop_timer *timer; /* of the state: start, hello, job, leave */
	struct loop_timer *stall;
	struct buf line; /* being read */
	struct rng rng;
	int failures;          /* deaths since a job was answered last */
	int64_t number, given; /* of the job under way; jobs of this process */
	ino_t folder;
	bool has_job;
	bool held; /* what is in the folder is a job's, which may still store it */
	struct mate_job job;
};

static void start(struct mate *m);
static void heard(const char *data, size_t len, void *arg);
static void ended(struct run_result *r, void *arg);

static void job_end(struct mate *m, enum mate_end how, const char *reason, const char *complaint)
{
	struct mate_job job = m->job;

	if (!m->has_job)
		return;
	m->has_job = false;
	json_free(job.ask);
	job.end(how, reason, complaint, job.arg);
}

/* --- its life */

static void down(struct mate *m, const char *why)
{
	int doublings = m->failures < AGAIN_DOUBLINGS ? m->failures : AGAIN_DOUBLINGS;
	int64_t most = m->failures ? (int64_t)AGAIN_MS << doublings : 0;

	m->state = DOWN;
	buf_clear(&m->line);
	loop_timer_start(m->timer, span_ms(most ? (int64_t)rng_below(&m->rng, (uint64_t)most) : 0));
	m->spec.running(0, m->spec.arg);
	m->spec.ready(false, why, m->failures, m->spec.arg);
}

/* It has died, or was killed: by its own fault. */
static void lost(struct mate *m, const char *why, const char *complaint)
{
	bool began = m->state != STARTING;

	m->failures++;
	LOG_WARN("a command that stays has ended: another is started", LOG_S("why", why),
		 LOG_S("said", complaint), LOG_I("failures", m->failures));
	down(m, why);
	job_end(m, began ? MATE_TRANSIENT : MATE_MACHINE, why, complaint);
}

static void kill_it(struct mate *m, const char *why)
{
	struct run *r = TAKE(m->run);
	AUTO(buf_done) struct buf said = BUF(RUN_COMPLAINT_MAX);

	worker_run_complaint(r, &said);
	worker_run_cancel(r);
	lost(m, why, buf_str(&said));
}

static void ended(struct run_result *r, void *arg)
{
	struct mate *m = arg;
	struct err e = { 0 };

	m->run = NULL;
	if (m->state == LEAVING) {
		if (m->for_good)
			m->state = GONE;
		else
			m->failures = 0;
		m->spec.running(0, m->spec.arg);
		if (m->for_good)
			m->spec.ready(false, "gone", 0, m->spec.arg);
		else
			start(m);
		return;
	}
	if (worker_run_verdict("the command", r, &e) == 0)
		err_set(&e, ERR_LOCAL, "the command ended, and was to stay");
	lost(m, e.text, r->complaint);
}

static int spawn(struct mate *m, struct err *e)
{
	struct stat st;

	if ((!m->held && worker_folder_fresh(m->spec.folder, TASK_OUTPUT_FOLDER, e) < 0) ||
	    worker_folder_need(m->spec.folder, 0, e) < 0)
		return -1;
	m->folder = stat(m->spec.folder, &st) == 0 ? st.st_ino : 0;
	return worker_exec_stay(&m->spec, heard, ended, m, &m->run, e);
}

static void start(struct mate *m)
{
	struct err e = { 0 };

	m->state = STARTING;
	m->given = 0;
	buf_clear(&m->line);
	if (spawn(m, &e) < 0) {
		lost(m, e.text, "");
		return;
	}
	loop_timer_start(m->timer, span_s(HELLO_S));
	m->spec.running(worker_run_group(m->run), m->spec.arg);
}

/* Its input ends: it may end what it has open. */
static void leave(struct mate *m)
{
	m->state = LEAVING;
	worker_run_hush(m->run);
	loop_timer_start(m->timer, span_s(LEAVE_S));
}

static bool worn(const struct mate *m)
{
	const struct profile_exec *x = &m->spec.profile->exec;

	return (x->max_jobs > 0 && m->given >= x->max_jobs) ||
	       worker_run_cpu(m->run).ms >= m->spec.profile->limits.cpu.ms ||
	       (x->max_resident_megabytes > 0 &&
		worker_run_resident(m->run) >= x->max_resident_megabytes * MEGABYTE);
}

static void too_late(void *arg)
{
	struct mate *m = arg;

	switch (m->state) {
	case DOWN:
		start(m);
		break;
	case STARTING:
		kill_it(m, "the command said no hello in its first minute");
		break;
	case BUSY:
		kill_it(m, "the command had not ended at its time limit");
		break;
	case LEAVING:
		worker_run_cancel(TAKE(m->run));
		ended(NULL, m);
		break;
	case IDLE:
	case GONE:
		break;
	}
}

static void stalled(void *arg)
{
	struct mate *m = arg;

	if (m->state == BUSY)
		kill_it(m, "the command made no progress for too long");
}

static void alive(struct mate *m)
{
	const struct profile_limits *limits = &m->spec.profile->limits;

	if (limits->has_stall)
		loop_timer_start(m->stall, limits->stall);
}

/* --- what is said to it */

static void say_job(struct mate *m)
{
	AUTO(buf_done) struct buf line = BUF(ASK_MAX);
	struct span limit = m->spec.profile->limits.wall;
	struct json *ask = m->job.ask;
	AUTO(own_freep) char *out = own_printf("%s/" TASK_OUTPUT_FOLDER, m->spec.folder);

	m->state = BUSY;
	m->number++;
	m->given++;
	json_set_int(ask, "job", m->number);
	json_set_int(ask, "deadline_ms", instant_add(clock_wall(), limit).ms);
	json_set_str(ask, "folder", m->spec.folder);
	json_set_str(ask, "out", out);
	loop_timer_start(m->timer, limit);
	alive(m);
	if (json_write(ask, &line) < 0 || buf_addc(&line, '\n') < 0 ||
	    !worker_run_say(m->run, buf_str(&line), line.len))
		kill_it(m, "the command does not read its jobs");
}

void worker_mate_give(struct mate *m, const struct mate_job *take)
{
	m->job = *take;
	m->has_job = m->held = true;
	if (m->state == IDLE)
		say_job(m);
}

/* --- what it says */

static void take_hello(struct mate *m, const struct json *j)
{
	AUTO(own_freep) char *why = NULL;
	int64_t version;

	if (!json_get_int(j, "hello", &version) || json_get(j, "job")) {
		kill_it(m, "the command's first line is no {\"hello\":1}");
	} else if (version != MATE_VERSION) {
		why = own_printf("the command speaks version %lld of the lines, and we %d",
				 (long long)version, MATE_VERSION);
		kill_it(m, why);
	} else {
		m->state = IDLE;
		loop_timer_stop(m->timer);
		m->spec.ready(true, "", 0, m->spec.arg);
		if (m->has_job)
			say_job(m);
	}
}

static void take_end(struct mate *m, const struct json *j, bool done)
{
	AUTO(buf_done) struct buf said = BUF(RUN_COMPLAINT_MAX);
	const char *reason = json_get_str(j, "reason");
	AUTO(buf_done) struct buf clean = BUF(ERR_TEXT_MAX);
	bool permanent = false;

	json_get_bool(j, "permanent", &permanent);
	worker_run_clean(reason ? reason : "", reason ? strlen(reason) : 0, ERR_TEXT_MAX / 2,
			 &clean);
	worker_run_complaint(m->run, &said);
	m->state = IDLE;
	m->failures = 0;
	loop_timer_stop(m->timer);
	if (worn(m)) {
		leave(m);
		m->spec.ready(false, "replaced", 0, m->spec.arg);
	}
	if (done)
		job_end(m, MATE_DONE, "", "");
	else
		job_end(m, permanent ? MATE_PERMANENT : MATE_TRANSIENT,
			clean.len ? buf_str(&clean) : "the command says that it failed",
			buf_str(&said));
}

static void take_progress(struct mate *m, const struct json *j)
{
	double progress;

	if (json_get_real(j, "progress", &progress) && progress >= 0 && progress <= 1)
		m->job.progress((int)(progress * 1000), m->job.arg);
}

static void take_word(struct mate *m, const struct json *j)
{
	const char *state = json_get_str(j, "state");
	AUTO(own_freep) char *why = NULL;
	int64_t number;

	if (!json_get_int(j, "job", &number) || !state) {
		kill_it(m, "the command's line has no job or no state");
	} else if (number != m->number) {
		why = own_printf("the command answered for job %lld while %lld is under way",
				 (long long)number, (long long)m->number);
		kill_it(m, why);
	} else if (strcmp(state, "working") == 0) {
		alive(m);
		take_progress(m, j);
	} else if (strcmp(state, "done") == 0 || strcmp(state, "failed") == 0) {
		take_end(m, j, *state == 'd');
	} else {
		kill_it(m, "the command's state is none of working, done and failed");
	}
}

static void take_line(struct mate *m, const char *text, size_t len)
{
	struct err e = { 0 };
	AUTO(json_freep) struct json *j = json_parse(text, len, &e);

	if (m->state == LEAVING)
		return;
	if (m->state == IDLE)
		kill_it(m, "the command spoke while it had no job");
	else if (!j || json_type(j) != JSON_OBJECT)
		kill_it(m, "the command's line is no JSON object");
	else if (m->state == STARTING)
		take_hello(m, j);
	else
		take_word(m, j);
}

/* Its run, and with it all that it still said, may be gone after a line. */
static void heard(const char *data, size_t len, void *arg)
{
	struct mate *m = arg;
	const struct run *of = m->run;

	while (len && m->run == of && of) {
		const char *end = memchr(data, '\n', len);
		size_t n = end ? (size_t)(end - data) : len;

		if (m->line.len + n > MATE_LINE_MAX || buf_add(&m->line, data, n) < 0) {
			kill_it(m, "the command's line is longer than 64 KiB");
			return;
		}
		if (!end)
			return;
		data += n + 1;
		len -= n + 1;
		take_line(m, buf_str(&m->line), m->line.len);
		buf_clear(&m->line);
	}
}

/* --- the rest */

void worker_mate_drop(struct mate *m)
{
	if (!m || !m->has_job)
		return;
	m->has_job = false;
	json_free(TAKE(m->job.ask));
	if (m->state == BUSY)
		kill_it(m, "its job was given up");
}

void worker_mate_tidy(struct mate *m)
{
	struct err e = { 0 };
	struct stat st;

	m->held = false;
	if (!m->run)
		return;
	if (worker_folder_tidied(m->spec.folder, TASK_OUTPUT_FOLDER, &e) == 0 &&
	    stat(m->spec.folder, &st) == 0 && st.st_ino == m->folder)
		return;
	if (m->state == IDLE || m->state == STARTING)
		kill_it(m, "its folder could not be cleared");
}

bool worker_mate_leave(struct mate *m)
{
	if (!m || !m->run)
		return true;
	m->for_good = true;
	if (m->state == LEAVING)
		return false;
	if (m->state != IDLE)
		return true;
	leave(m);
	return false;
}

struct mate *worker_mate_new(const struct mate_spec *s)
{
	struct mate *m = own_alloc(sizeof(*m));

	m->spec = *s;
	m->line = BUF(MATE_LINE_MAX);
	rng_seed_os(&m->rng);
	m->timer = loop_timer_new(s->loop, too_late, m);
	m->stall = loop_timer_new(s->loop, stalled, m);
	start(m);
	return m;
}

void worker_mate_free(struct mate *m)
{
	if (!m)
		return;
	if (m->has_job)
		json_free(m->job.ask);
	worker_run_cancel(m->run);
	loop_timer_free(m->timer);
	loop_timer_free(m->stall);
	buf_done(&m->line);
	own_free(m);
}
