#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "aws/cred_part.h"
#include "base/json.h"

#define SECONDS_MAX 60
#define OUTPUT_MAX (64 << 10)

struct ask {
	struct loop *loop;
	struct loop_child *child;
	struct loop_fd *watch;
	struct loop_timer *timer;
	int fd; /* what it prints; -1: read to its end */
	struct buf output;
	bool ended, late;
	int status, signum;
	cred_fn *fn;
	void *arg;
};

static void close_output(struct ask *a)
{
	loop_fd_free(TAKE(a->watch));
	if (a->fd >= 0)
		close(a->fd);
	a->fd = -1;
}

static void ask_free(struct ask *a)
{
	loop_child_kill(a->child, SIGKILL);
	loop_child_free(a->child);
	close_output(a);
	loop_timer_free(a->timer);
	buf_wipe(&a->output);
	own_free(a);
}

static int read_version(const struct buf *output, struct err *e)
{
	AUTO(json_freep) struct json *j = json_parse(buf_str(output), output->len, NULL);
	int64_t version = 0;

	if (!j)
		return err_set(e, ERR_PROTOCOL, "it printed no JSON");
	if (!json_get_int(j, "Version", &version) || version != 1)
		return err_set(e, ERR_PROTOCOL, "it printed another Version than 1");
	return 0;
}

static int judge(const struct ask *a, struct cred *ret, struct err *e)
{
	if (a->late)
		return err_set(e, ERR_UNREACHABLE, "it took longer than %d s", SECONDS_MAX);
	if (a->signum)
		return err_set(e, ERR_DENIED, "it was killed by signal %d", a->signum);
	if (a->status)
		return err_set(e, ERR_DENIED, "it ended with status %d", a->status);
	if (buf_ok(&a->output, "what it printed", e) < 0 || read_version(&a->output, e) < 0)
		return -1;
	return cred_read(buf_str(&a->output), a->output.len, "the process", "SessionToken", false,
			 ret, e);
}

static void end_when_all_is_seen(struct ask *a)
{
	AUTO(cred_done) struct cred c = { .expires = INSTANT_NEVER };
	struct err e = { 0 };
	cred_fn *fn = a->fn;
	void *arg = a->arg;
	bool ok;

	if (!a->late && (!a->ended || a->fd >= 0))
		return;
	ok = judge(a, &c, &e) == 0;
	if (!ok)
		err_wrap(&e, "credential_process");
	c.source = "process";
	ask_free(a);
	fn(ok ? &c : NULL, ok ? NULL : &e, arg);
}

static void readable(int events, void *arg)
{
	struct ask *a = arg;
	char piece[4096];
	ssize_t n;

	(void)events;
	do
		n = read(a->fd, piece, sizeof(piece));
	while (n < 0 && errno == EINTR);
	if (n > 0)
		buf_add(&a->output, piece, (size_t)n);
	own_wipe(piece, sizeof(piece));
	if (n > 0 || (n < 0 && errno == EAGAIN))
		return;
	close_output(a);
	end_when_all_is_seen(a);
}

static void ended(int status, int signum, void *arg)
{
	struct ask *a = arg;

	a->ended = true;
	a->status = status;
	a->signum = signum;
	end_when_all_is_seen(a);
}

static void too_late(void *arg)
{
	struct ask *a = arg;

	a->late = true;
	end_when_all_is_seen(a);
}

enum cred_answer cred_process_start(const struct cred_where *where, const char *command,
				    void **ret_handle, struct err *e)
{
	const char *argv[] = { "/bin/sh", "-c", command, NULL };
	struct loop_spawn s = { .argv = argv, .fd = { -1, -1, STDERR_FILENO, -1 } };
	struct ask *a;
	int pipe[2];

	if (pipe2(pipe, O_CLOEXEC) < 0) {
		err_errno(e, errno, "credential_process: making a pipe");
		return CRED_STOP;
	}
	s.fd[1] = pipe[1];
	a = own_alloc(sizeof(*a));
	a->loop = where->loop;
	a->fd = pipe[0];
	a->output = BUF(OUTPUT_MAX);
	a->fn = where->later;
	a->arg = where->later_arg;
	a->child = loop_child_new(where->loop, &s, ended, a, e);
	close(pipe[1]);
	if (!a->child) {
		ask_free(a);
		err_wrap(e, "credential_process");
		return CRED_STOP;
	}
	a->watch = loop_fd_new(where->loop, a->fd, readable, a);
	loop_fd_watch(a->watch, LOOP_READ);
	a->timer = loop_timer_new(where->loop, too_late, a);
	loop_timer_start(a->timer, span_s(SECONDS_MAX));
	*ret_handle = a;
	return CRED_LATER;
}

void cred_process_cancel(void *handle)
{
	ask_free(handle);
}
