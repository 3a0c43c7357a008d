/* Children, by fork and exec of our own: libuv's spawn has no hook between the two, and its
 * SIGCHLD handler looks at every child. Ends are seen and reaped through pidfds, so nobody
 * else's child is ever touched and no signal can get lost. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/loop_own.h"

#define CHILD_FDS 4
#define CHILD_SAFE_FD 16 /* above what the child shall see: a place to move descriptors to */

enum step { STEP_GROUP, STEP_FD, STEP_CWD, STEP_EXEC };

struct failure { /* what a child that could not start says to its parent */
	enum step step;
	int errnum;
};

struct loop_child {
	struct loop_owned owned;
	struct loop_fd *end;
	pid_t pid;
	int pidfd; /* -1 once it has ended */
	bool same_group, forgotten;
	loop_exit_fn *fn;
	void *arg;
};

static int pidfd_of(pid_t pid)
{
	return (int)syscall(SYS_pidfd_open, pid, 0);
}

/* The file that @p name means: as it is, or looked up in PATH. NULL: nowhere. */
char *loop_child_find(const char *name)
{
	const char *path = getenv("PATH"), *end;
	char *file;

	if (strchr(name, '/'))
		return own_strdup(name);
	for (path = path ? path : "/usr/local/bin:/usr/bin:/bin"; *path;
	     path = *end ? end + 1 : end) {
		end = strchrnul(path, ':');
		if (end == path)
			continue; /* "here" is no place to look for programs */
		file = own_printf("%.*s/%s", (int)(end - path), path, name);
		if (access(file, X_OK) == 0)
			return file;
		own_free(file);
	}
	return NULL;
}

/* Below runs in the child, between fork and exec: async-signal-safe calls only. */

static void child_fail(int error_fd, enum step step)
{
	struct failure f = { .step = step, .errnum = errno };
	ssize_t told = write(error_fd, &f, sizeof(f));

	_exit(told == (ssize_t)sizeof(f) ? 127 : 126);
}

static void child_signals(void)
{
	struct sigaction plain = { .sa_handler = SIG_DFL };
	sigset_t none;

	for (int i = 1; i < NSIG; i++)
		sigaction(i, &plain, NULL); /* refused for SIGKILL, SIGSTOP and libc's own */
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

static void child_fds(const int fd[static CHILD_FDS], int error_fd)
{
	int moved[CHILD_FDS];

	/* First out of the way, or one could be overwritten before it is placed. */
	for (int i = 0; i < CHILD_FDS; i++) {
		moved[i] = fd[i];
		if (fd[i] >= 0)
			moved[i] = fcntl(fd[i], F_DUPFD_CLOEXEC, CHILD_SAFE_FD);
		else if (i < 3)
			moved[i] = open("/dev/null", O_RDWR | O_CLOEXEC);
		if ((fd[i] >= 0 || i < 3) && moved[i] < 0)
			child_fail(error_fd, STEP_FD);
		if (moved[i] >= 0 && moved[i] < CHILD_SAFE_FD)
			moved[i] = fcntl(moved[i], F_DUPFD_CLOEXEC, CHILD_SAFE_FD);
	}
	for (int i = 0; i < CHILD_FDS; i++) {
		if (moved[i] < 0)
			close(i);
		else if (dup2(moved[i], i) < 0)
			child_fail(error_fd, STEP_FD);
	}
	/* Marked, not closed: the error pipe and what the prepare function uses live until exec. */
	if (syscall(SYS_close_range, CHILD_FDS, ~0u, 1u << 2 /* CLOSE_RANGE_CLOEXEC */) == 0)
		return;
	for (int i = CHILD_FDS, most = (int)sysconf(_SC_OPEN_MAX); i < most; i++)
		fcntl(i, F_SETFD, FD_CLOEXEC); /* before Linux 5.11 */
}

static void __attribute__((noreturn))
child_main(const struct loop_spawn *s, const char *file, pid_t parent, int error_fd)
{
	error_fd = fcntl(error_fd, F_DUPFD_CLOEXEC, CHILD_SAFE_FD);
	if (!s->same_group && setsid() < 0)
		child_fail(error_fd, STEP_GROUP);
	if (s->death_signal &&
	    (prctl(PR_SET_PDEATHSIG, s->death_signal) < 0 || getppid() != parent))
		child_fail(error_fd, STEP_GROUP);
	child_signals();
	child_fds(s->fd, error_fd);
	if (s->cwd && chdir(s->cwd) < 0)
		child_fail(error_fd, STEP_CWD);
	if (s->prepare)
		s->prepare(s->prepare_arg);
	execve(file, (char *const *)s->argv, s->env ? (char *const *)s->env : environ);
	child_fail(error_fd, STEP_EXEC);
	_exit(126);
}

/* Above runs in the child. */

static int say_failure(const struct loop_spawn *s, const struct failure *f, struct err *e)
{
	const char *name = s->argv[0];

	switch (f->step) {
	case STEP_CWD:
		return err_errno(e, f->errnum, "running %s in %s", name, s->cwd);
	case STEP_FD:
		return err_errno(e, f->errnum, "running %s: giving it its descriptors", name);
	case STEP_GROUP:
		return err_errno(e, f->errnum, "running %s: giving it a session", name);
	case STEP_EXEC:
		break;
	}
	return err_errno(e, f->errnum, "running %s", name);
}

/* Forks; returns the child's pid, and the reading end of the pipe that closes at exec. */
static pid_t child_fork(const struct loop_spawn *s, const char *file, int *ret_error_fd,
			struct err *e)
{
	pid_t pid, parent = getpid();
	sigset_t all, before;
	int error[2], errnum;

	if (pipe2(error, O_CLOEXEC) < 0)
		return err_errno(e, errno, "running %s: making a pipe", s->argv[0]);
	sigfillset(&all); /* no handler of ours may run in the child */
	pthread_sigmask(SIG_SETMASK, &all, &before);
	pid = fork();
	if (pid == 0)
		child_main(s, file, parent, error[1]);
	errnum = errno;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	close(error[1]);
	*ret_error_fd = error[0];
	if (pid < 0) {
		close(error[0]);
		return err_errno(e, errnum, "running %s: fork", s->argv[0]);
	}
	return pid;
}

/* Waits until the child has been executed: milliseconds, and no race can then be between
 * its session and a kill. Takes @p error_fd. */
static int child_started(const struct loop_spawn *s, pid_t pid, int error_fd, struct err *e)
{
	struct failure f;
	ssize_t n;

	do
		n = read(error_fd, &f, sizeof(f));
	while (n < 0 && errno == EINTR);
	close(error_fd);
	if (n == 0)
		return 0;
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		continue;
	if (n != (ssize_t)sizeof(f))
		return err_set(e, ERR_LOCAL, "running %s: it ended before it began", s->argv[0]);
	return say_failure(s, &f, e);
}

static void child_drop(struct loop_child *c)
{
	loop_fd_free(c->end);
	if (c->pidfd >= 0)
		close(c->pidfd);
	loop_disown(&c->owned);
	own_free(c);
}

static void child_drop_owned(struct loop_owned *o)
{
	child_drop((struct loop_child *)o);
}

static void child_ended(int events, void *arg)
{
	struct loop_child *c = arg;
	siginfo_t info = { 0 };
	bool known;
	int rc;

	(void)events;
	/* The leader is dead but not reaped, so its group cannot be somebody else's yet. */
	if (waitid(P_PIDFD, (id_t)c->pidfd, &info, WEXITED | WNOHANG | WNOWAIT) == 0) {
		if (info.si_pid == 0)
			return;
		if (!c->same_group)
			kill(-c->pid, SIGKILL);
	}
	do
		rc = waitid(P_PIDFD, (id_t)c->pidfd, &info, WEXITED | WNOHANG);
	while (rc < 0 && errno == EINTR);
	known = rc == 0 && info.si_pid == c->pid;

	loop_fd_free(TAKE(c->end));
	close(c->pidfd);
	c->pidfd = -1;
	c->pid = 0;
	if (c->forgotten) {
		child_drop(c);
		return;
	}
	if (known && info.si_code == CLD_EXITED)
		c->fn(info.si_status, 0, c->arg);
	else
		c->fn(0, known ? info.si_status : SIGKILL, c->arg);
}

bool loop_child_findable(const char *program)
{
	AUTO(own_freep) char *file = loop_child_find(program);

	return file != NULL;
}

struct loop_child *loop_child_new(struct loop *l, const struct loop_spawn *s, loop_exit_fn *fn,
				  void *arg, struct err *e)
{
	AUTO(own_freep) char *file = loop_child_find(s->argv[0]);
	struct loop_child *c;
	int error_fd, pidfd, errnum;
	pid_t pid;

	if (!file) {
		err_set(e, ERR_LOCAL, "running %s: there is no such program in PATH", s->argv[0]);
		return NULL;
	}
	pid = child_fork(s, file, &error_fd, e);
	if (pid < 0 || child_started(s, pid, error_fd, e) < 0)
		return NULL;
	pidfd = pidfd_of(pid);
	if (pidfd < 0) {
		errnum = errno;
		kill(s->same_group ? pid : -pid, SIGKILL);
		while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
			continue;
		err_errno(e, errnum, "running %s: watching it", s->argv[0]);
		return NULL;
	}
	c = own_alloc(sizeof(*c));
	c->pid = pid;
	c->pidfd = pidfd;
	c->same_group = s->same_group;
	c->fn = fn;
	c->arg = arg;
	c->end = loop_fd_new(l, pidfd, child_ended, c);
	loop_fd_watch(c->end, LOOP_READ);
	loop_own(l, &c->owned, child_drop_owned);
	return c;
}

pid_t loop_child_pid(const struct loop_child *c)
{
	return c->pid;
}

void loop_child_kill(struct loop_child *c, int signum)
{
	if (c && c->pid > 0)
		kill(c->same_group ? c->pid : -c->pid, signum);
}

void loop_child_free(struct loop_child *c)
{
	if (!c)
		return;
	if (c->pid == 0) {
		child_drop(c);
		return;
	}
	c->forgotten = true;
	loop_fd_unref(c->end);
}

struct loop_watch {
	struct loop_owned owned;
	struct loop_fd *end;
	int pidfd;
	loop_fn *gone;
	void *arg;
};

static void watch_ended(int events, void *arg)
{
	struct loop_watch *w = arg;

	(void)events;
	loop_fd_watch(w->end, 0);
	w->gone(w->arg);
}

static void watch_drop_owned(struct loop_owned *o)
{
	loop_watch_free((struct loop_watch *)o);
}

struct loop_watch *loop_watch_pid(struct loop *l, pid_t pid, loop_fn *gone, void *arg,
				  struct err *e)
{
	struct loop_watch *w;
	int fd = pidfd_of(pid);

	if (fd < 0) {
		if (errno == ESRCH || errno == EINVAL)
			err_set(e, ERR_NOT_FOUND, "there is no process %d", (int)pid);
		else
			err_errno(e, errno, "watching process %d", (int)pid);
		return NULL;
	}
	w = own_alloc(sizeof(*w));
	w->pidfd = fd;
	w->gone = gone;
	w->arg = arg;
	w->end = loop_fd_new(l, fd, watch_ended, w);
	loop_fd_watch(w->end, LOOP_READ);
	loop_own(l, &w->owned, watch_drop_owned);
	return w;
}

void loop_watch_free(struct loop_watch *w)
{
	if (!w)
		return;
	loop_fd_free(w->end);
	close(w->pidfd);
	loop_disown(&w->owned);
	own_free(w);
}
