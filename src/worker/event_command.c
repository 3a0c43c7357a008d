/* Events to a command of the operator's: run by the shell, the event on its standard input,
 * acknowledged by status 0. */
#include <errno.h>
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#include "worker/event.h"

static bool wanted(const struct worker_options *o)
{
	return o->event_command && *o->event_command;
}

static void ended(int status, int signum, void *arg)
{
	struct event_sink *s = arg;
	struct err e = { 0 };

	loop_child_free(TAKE(s->child));
	if (signum)
		err_set(&e, ERR_LOCAL, "the command was ended by signal %d", signum);
	else if (status)
		err_set(&e, ERR_LOCAL, "the command ended with status %d", status);
	worker_event_answer(s, &e);
}

/* A file without a name: a command that does not read it all blocks nobody. */
static int input_of(const struct buf *body, struct err *e)
{
	int fd = memfd_create("windlass-event", MFD_CLOEXEC);
	size_t at = 0;

	if (fd < 0)
		return err_errno(e, errno, "making the input of the command");
	while (at < body->len) {
		ssize_t n = write(fd, body->data + at, body->len - at);

		if (n < 0 && errno != EINTR) {
			err_errno(e, errno, "writing the input of the command");
			close(fd);
			return -1;
		}
		at += n > 0 ? (size_t)n : 0;
	}
	if (lseek(fd, 0, SEEK_SET) == 0)
		return fd;
	err_errno(e, errno, "rewinding the input of the command");
	close(fd);
	return -1;
}

static void start(struct event_sink *s)
{
	const char *const argv[] = { "/bin/sh", "-c", s->t->claim->w->o->event_command, NULL };
	struct loop_spawn spawn = { .argv = argv,
				    .fd = { -1, STDERR_FILENO, STDERR_FILENO, -1 },
				    .death_signal = SIGKILL };
	struct err e = { 0 };
	int fd = input_of(&s->t->body, &e);

	if (fd >= 0) {
		spawn.fd[0] = fd;
		s->child = loop_child_new(s->t->claim->w->loop, &spawn, ended, s, &e);
		close(fd);
	}
	if (s->child)
		loop_timer_start(s->again, span_s(EVENT_ANSWER_S));
	else
		worker_event_answer(s, &e);
}

static void stop(struct event_sink *s)
{
	if (!s->child)
		return;
	loop_child_kill(s->child, SIGKILL);
	loop_child_free(TAKE(s->child));
}

const struct event_kind worker_event_command = {
	.word = "command", .wanted = wanted, .start = start, .stop = stop
};
