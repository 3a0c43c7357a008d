/* A job that is a command: the message on its standard input, a folder of its own, an exit status
 * that says what becomes of the message. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/own.h"
#include "model/job.h"
#include "worker/body.h"
#include "worker/folder.h"
#include "worker/mate.h"
#include "worker/task.h"

#define MEGABYTE 1048576
#define ENVIRONMENT_MAX 96
#define STDOUT_NAME TASK_OUTPUT_FOLDER "/stdout"
#define ALIVE_NAME "alive"

/* --- was it done before? */

static void seen(struct task *t, const struct err *e)
{
	if (e->kind == ERR_NONE)
		worker_task_found(t);
	else if (e->kind == ERR_NOT_FOUND || e->kind == ERR_DENIED)
		worker_task_next(t); /* the conditional write tells those who may not list */
	else
		worker_task_fail(t,
				 e->kind == ERR_CONFLICT ? TASK_PERMANENT : worker_task_class_of(e),
				 e, "");
}

/* Equal messages are one job: the digest of the body stands for a source's ETag. */
static int body_digest(struct task *t, struct err *e)
{
	AUTO(buf_done) struct buf body = BUF(BODY_BYTES_MAX);
	uint8_t sum[CRYPTO_SHA256_BYTES];
	size_t len = 0;
	const char *told = json_strn(json_get(t->ask, "body"), &len);

	if (!t->mate && buf_read_file(&body, t->message, e) < 0)
		return -1;
	if (!t->mate)
		crypto_sha256(buf_str(&body), body.len, sum);
	else
		crypto_sha256(told ? told : "", len, sum);
	crypto_hex(sum, sizeof(sum), t->etag);
	return 0;
}

void worker_exec_look(struct task *t)
{
	const char *bucket, *mark = worker_profile_mark(t->profile, &bucket);
	struct profile_key_parts parts;
	struct err e = { 0 };

	if (body_digest(t, &e) < 0) {
		worker_task_fail(t, TASK_MACHINE, &e, "");
		return;
	}
	if (!mark) {
		worker_task_next(t);
		return;
	}
	parts = worker_task_key_parts(t);
	if (worker_profile_key(t->profile, mark, &parts, &t->key, &e) < 0)
		worker_task_fail(t, TASK_PERMANENT, &e, "");
	else
		worker_store_look(t, bucket, buf_str(&t->key), seen);
}

/* --- its run */

/* Of our own environment, the names that the profile lists; and what a command wants to know. */
struct environment {
	char *list[ENVIRONMENT_MAX];
	size_t count;
};

static void environment_done(struct environment *v)
{
	for (size_t i = 0; i < v->count; i++)
		own_free(v->list[i]);
}

static void give(struct environment *v, const char *name, const char *value)
{
	if (value && v->count + 1 < ENVIRONMENT_MAX)
		v->list[v->count++] = own_printf("%s=%s", name, value);
}

/* What a command gets, whichever job it does. */
static void environment_base(const struct profile_exec *x, const char *folder,
			     struct environment *v)
{
	AUTO(own_freep) char *out = own_printf("%s/" TASK_OUTPUT_FOLDER, folder);
	const char *path = getenv("PATH");

	give(v, "PATH", path ? path : "/usr/local/bin:/usr/bin:/bin");
	give(v, "HOME", folder);
	give(v, "TMPDIR", folder);
	give(v, "LC_ALL", "C.UTF-8");
	give(v, "TZ", "UTC");
	give(v, "WINDLASS_OUT", out);
	for (size_t i = 0; i < x->environment_count; i++)
		give(v, x->environment[i], getenv(x->environment[i]));
}

static void environment_make(const struct task *t, struct environment *v)
{
	AUTO(own_freep) char *receives = own_printf("%lld", (long long)t->receives);
	AUTO(own_freep) char *alive = worker_task_path(t, ALIVE_NAME);

	give(v, "WINDLASS_MESSAGE_ID", t->job.task_id);
	give(v, "WINDLASS_RECEIVE_COUNT", receives);
	give(v, "WINDLASS_ALIVE", alive);
	environment_base(&t->profile->exec, t->folder, v);
}

static void failed(struct task *t, const struct run_result *r, const struct err *e)
{
	bool parked =
		r->how == RUN_ENDED && !r->signum && r->status == (int)t->profile->exec.park_status;

	worker_task_fail(t, parked ? TASK_PERMANENT : TASK_TRANSIENT, e, r->complaint);
}

static void ended(struct run_result *r, void *arg)
{
	struct task *t = arg;
	struct err e = { 0 };

	t->run = NULL;
	t->hooks.running(0, t->hooks.arg);
	if (worker_run_verdict("the command", r, &e) < 0)
		failed(t, r, &e);
	else
		worker_task_next(t);
}

static struct sandbox sandbox_of(const struct profile *p, bool confined, const char *const *more)
{
	const struct profile_limits *limits = &p->limits;
	const struct profile_exec *x = &p->exec;

	return (struct sandbox){
		.kind = x->sandbox == PROFILE_CONFINE_ALL ? SANDBOX_OFFLINE : SANDBOX_ONLINE,
		.cpu_s = limits->cpu.ms / 1000 * (x->persistent ? 2 : 1),
		.file_bytes = limits->max_output_megabytes * MEGABYTE,
		.memory_bytes = limits->max_memory_megabytes * MEGABYTE,
		.confined = confined && x->sandbox != PROFILE_CONFINE_NONE,
		.write = ".",
		.more = more,
	};
}

static void run_once(struct task *t)
{
	AUTO(environment_done) struct environment env = { 0 };
	AUTO(worker_argv_done) struct argv argv = { 0 }, more = { 0 };
	AUTO(own_freep) char *out = worker_task_path(t, STDOUT_NAME);
	AUTO(own_freep) char *alive = worker_task_path(t, ALIVE_NAME);
	const struct profile_exec *x = &t->profile->exec;
	struct err e = { 0 };
	struct run_spec s = {
		.argv = worker_argv_list(&argv),
		.cwd = t->folder,
		.in = t->message,
		.out = t->profile->output_count ? out : NULL,
		.sandbox = sandbox_of(t->profile, t->confined, worker_argv_list(&more)),
		.limit = t->profile->limits.wall,
		.stall = t->profile->limits.has_stall ? t->profile->limits.stall : span_ms(0),
		.talks = true,
		.touches = alive
	};

	/* A profile's lists have a count, and no NULL at their end. */
	worker_argv_adds(&argv, x->command, x->command_count);
	worker_argv_adds(&more, x->read, x->read_count);
	environment_make(t, &env);
	s.env = (const char *const *)env.list;
	if (worker_folder_need(t->folder, 0, &e) < 0 ||
	    worker_run_start(t->loop, &s, ended, t, &t->run, &e) < 0)
		worker_task_fail(t, TASK_MACHINE, &e, "");
	else
		t->hooks.running(worker_run_group(t->run), t->hooks.arg);
}

/* --- a command that stays */

int worker_exec_stay(const struct mate_spec *m, void (*on_out)(const char *, size_t, void *),
		     run_done_fn *fn, void *arg, struct run **ret, struct err *e)
{
	AUTO(environment_done) struct environment env = { 0 };
	AUTO(worker_argv_done) struct argv argv = { 0 }, more = { 0 };
	const struct profile_exec *x = &m->profile->exec;
	struct run_spec s = { .cwd = m->folder, .hears = true, .on_out = on_out };

	worker_argv_adds(&argv, x->command, x->command_count);
	worker_argv_adds(&more, x->read, x->read_count);
	environment_base(x, m->folder, &env);
	s.argv = worker_argv_list(&argv);
	s.env = (const char *const *)env.list;
	s.sandbox = sandbox_of(m->profile, m->confined, worker_argv_list(&more));
	return worker_run_start(m->loop, &s, fn, arg, ret, e);
}

static void progressed(int permille, void *arg)
{
	struct task *t = arg;

	t->hooks.progress(permille, 0, t->hooks.arg);
}

static void mate_ended(enum mate_end how, const char *reason, const char *complaint, void *arg)
{
	static const enum task_class classes[] = { [MATE_TRANSIENT] = TASK_TRANSIENT,
						   [MATE_PERMANENT] = TASK_PERMANENT,
						   [MATE_MACHINE] = TASK_MACHINE };
	struct task *t = arg;
	struct err e = { 0 };

	if (how == MATE_DONE) {
		worker_task_next(t);
		return;
	}
	err_set(&e, ERR_POLICY, "%s", reason);
	worker_task_fail(t, classes[how], &e, complaint);
}

void worker_exec(struct task *t)
{
	const struct mate_job job = {
		.ask = TAKE(t->ask), .progress = progressed, .end = mate_ended, .arg = t
	};

	if (t->mate)
		worker_mate_give(t->mate, &job);
	else
		run_once(t);
}
