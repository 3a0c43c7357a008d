#include "worker/run.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/own.h"

#define READ_BYTES 16384
#define SAID_MAX (16u << 20) /* not taken by one that hears */

struct stream {
	struct run *run;
	int fd;
	struct loop_fd *io;
};

struct run {
	struct loop *loop;
	struct loop_child *child;
	struct stream out, err, in; /* in: of one that hears */
	struct buf said;            /* not yet taken by it */
	struct loop_timer *limit, *stall;
	struct span stall_after;
	bool talks;
	char *signs[2]; /* files whose change is life; NULL: none */
	struct run_result result;
	int64_t cpu_ms, cpu_before_ms; /* its bound; what children had used before it */
	char tail[RUN_COMPLAINT_MAX];
	size_t tail_len;
	struct buf complaint;
	void (*on_out)(const char *data, size_t len, void *arg);
	run_done_fn *fn;
	void *arg;
	bool ended;
};

static void stream_close(struct stream *s)
{
	loop_fd_free(s->io);
	s->io = NULL;
	if (s->fd >= 0)
		close(s->fd);
	s->fd = -1;
}

static void run_free(struct run *r)
{
	stream_close(&r->out);
	stream_close(&r->err);
	stream_close(&r->in);
	buf_done(&r->said);
	loop_timer_free(r->limit);
	loop_timer_free(r->stall);
	loop_child_free(r->child);
	buf_done(&r->result.out);
	buf_done(&r->complaint);
	for (size_t i = 0; i < COUNT_OF(r->signs); i++)
		own_free(r->signs[i]);
	own_free(r);
}

void worker_run_clean(const char *text, size_t len, size_t most, struct buf *out)
{
	AUTO(buf_done) struct buf all = BUF(len);
	bool gap = false;

	for (size_t i = 0; i < len; i++) {
		if (text[i] <= ' ' || text[i] > '~') {
			gap = all.len > 0;
			continue;
		}
		if (gap)
			buf_addc(&all, ' ');
		gap = false;
		buf_addc(&all, text[i]);
	}
	buf_add(out, buf_str(&all) + (all.len > most ? all.len - most : 0),
		all.len > most ? most : all.len);
}

/* The child has ended and both streams are at their ends: nothing more can come. */
static void maybe_done(struct run *r)
{
	if (!r->ended || r->out.fd >= 0 || r->err.fd >= 0)
		return;
	worker_run_clean(r->tail, r->tail_len, RUN_COMPLAINT_MAX, &r->complaint);
	r->result.complaint = buf_str(&r->complaint);
	r->fn(&r->result, r->arg);
	run_free(r);
}

static void out_take(struct run *r, const char *data, size_t len)
{
	if (r->on_out)
		r->on_out(data, len, r->arg);
	else if (!r->result.flooded && buf_add(&r->result.out, data, len) < 0)
		r->result.flooded = true;
}

static void err_take(struct run *r, const char *data, size_t len)
{
	size_t keep = sizeof(r->tail);

	if (len >= keep) {
		memcpy(r->tail, data + len - keep, keep);
		r->tail_len = keep;
		return;
	}
	if (r->tail_len + len > keep) {
		size_t drop = r->tail_len + len - keep;

		memmove(r->tail, r->tail + drop, r->tail_len - drop);
		r->tail_len -= drop;
	}
	memcpy(r->tail + r->tail_len, data, len);
	r->tail_len += len;
}

static void stream_ready(int events, void *arg)
{
	struct stream *s = arg;
	struct run *r = s->run;
	char data[READ_BYTES];
	ssize_t n = read(s->fd, data, sizeof(data));

	(void)events;
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		stream_close(s);
		maybe_done(r);
		return;
	}
	if (r->talks)
		worker_run_alive(r);
	if (s == &r->out)
		out_take(r, data, (size_t)n);
	else
		err_take(r, data, (size_t)n);
}

/* Of all children that have ended. */
static int64_t children_ms(void)
{
	struct rusage u;

	if (getrusage(RUSAGE_CHILDREN, &u) < 0)
		return 0;
	return (u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1000ll +
	       (u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1000;
}

static void child_ended(int status, int signum, void *arg)
{
	struct run *r = arg;

	r->ended = true;
	r->result.status = status;
	r->result.signum = signum;
	/* The kernel counts the bound in ticks and the use exactly: they differ a little. */
	r->result.overworked = r->cpu_ms > 0 && signum == SIGKILL &&
			       children_ms() - r->cpu_before_ms >= r->cpu_ms * 3 / 4;
	loop_timer_stop(r->limit);
	loop_timer_stop(r->stall);
	stream_close(&r->in);
	maybe_done(r);
}

static void give_up(struct run *r, enum run_end how)
{
	r->result.how = how;
	loop_child_kill(r->child, SIGKILL);
}

static void too_late(void *arg)
{
	give_up(arg, RUN_LATE);
}

/* Until its newest sign of life is too old; 0 or less: it is. */
static int64_t stall_left_ms(const struct run *r)
{
	int64_t newest_ms = 0, left_ms;
	struct stat st;

	for (size_t i = 0; i < COUNT_OF(r->signs); i++) {
		int64_t ms;

		if (!r->signs[i] || lstat(r->signs[i], &st) < 0)
			continue;
		ms = st.st_mtim.tv_sec * 1000ll + st.st_mtim.tv_nsec / 1000000;
		newest_ms = ms > newest_ms ? ms : newest_ms;
	}
	left_ms = r->stall_after.ms - (clock_wall().ms - newest_ms);
	return left_ms < r->stall_after.ms ? left_ms : r->stall_after.ms;
}

static void stalled(void *arg)
{
	struct run *r = arg;
	int64_t left_ms = stall_left_ms(r);

	if (left_ms > 0)
		loop_timer_start(r->stall, span_ms(left_ms));
	else
		give_up(r, RUN_STALLED);
}

static int stream_open(struct run *r, struct stream *s, int *ret_child_end, struct err *e)
{
	int pair[2];

	if (pipe2(pair, O_CLOEXEC) < 0)
		return err_errno(e, errno, "making a pipe");
	*ret_child_end = pair[1];
	s->run = r;
	s->fd = pair[0];
	if (fcntl(s->fd, F_SETFL, O_NONBLOCK) < 0)
		return err_errno(e, errno, "setting up a pipe");
	s->io = loop_fd_new(r->loop, s->fd, stream_ready, s);
	loop_fd_watch(s->io, LOOP_READ);
	return 0;
}

/* --- what is said to one that hears */

static void said_flush(struct run *r)
{
	while (r->in.fd >= 0 && r->said.len) {
		ssize_t n = write(r->in.fd, r->said.data, r->said.len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno != EAGAIN)
			stream_close(&r->in); /* it reads no more: its end, or its silence, tells */
		if (n < 0)
			break;
		buf_drop(&r->said, (size_t)n);
	}
	if (r->in.fd >= 0)
		loop_fd_watch(r->in.io, r->said.len ? LOOP_WRITE : 0);
}

static void in_ready(int events, void *arg)
{
	struct stream *s = arg;

	(void)events;
	said_flush(s->run);
}

static int in_open(struct run *r, int *ret_child_end, struct err *e)
{
	int pair[2];

	if (pipe2(pair, O_CLOEXEC) < 0)
		return err_errno(e, errno, "making a pipe");
	*ret_child_end = pair[0];
	r->in.run = r;
	r->in.fd = pair[1];
	if (fcntl(r->in.fd, F_SETFL, O_NONBLOCK) < 0)
		return err_errno(e, errno, "setting up a pipe");
	r->in.io = loop_fd_new(r->loop, r->in.fd, in_ready, &r->in);
	return 0;
}

bool worker_run_say(struct run *r, const char *data, size_t len)
{
	if (buf_add(&r->said, data, len) < 0)
		return false;
	said_flush(r);
	return true;
}

void worker_run_hush(struct run *r)
{
	stream_close(&r->in);
}

/* Standard input and output, where they are files. */
static int files_open(const struct run_spec *s, int *in, int *out, struct err *e)
{
	if (s->in && (*in = open(s->in, O_RDONLY | O_CLOEXEC | O_NOFOLLOW)) < 0)
		return err_errno(e, errno, "opening %s", s->in);
	if (s->out &&
	    (*out = open(s->out, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600)) < 0)
		return err_errno(e, errno, "making %s", s->out);
	return 0;
}

static int child_start(struct run *r, const struct run_spec *s, const int fd[static 3],
		       struct err *e)
{
	struct sandbox_child box;
	struct loop_spawn child = { .argv = s->argv,
				    .env = s->env ? s->env : worker_sandbox_environment(),
				    .cwd = s->cwd,
				    .fd = { fd[0], fd[1], fd[2], -1 },
				    .death_signal = SIGKILL,
				    .prepare = worker_sandbox_prepare,
				    .prepare_arg = &box };

	if (worker_sandbox_open(&s->sandbox, s->cwd, s->argv[0], &box, e) < 0)
		return -1;
	r->child = loop_child_new(r->loop, &child, child_ended, r, e);
	worker_sandbox_close(&box);
	return r->child ? 0 : -1;
}

static int spawn(struct run *r, const struct run_spec *s, struct err *e)
{
	int fd[3] = { -1, -1, -1 }, rc = -1;

	if (files_open(s, &fd[0], &fd[1], e) == 0 && (!s->hears || in_open(r, &fd[0], e) == 0) &&
	    (s->out || stream_open(r, &r->out, &fd[1], e) == 0) &&
	    stream_open(r, &r->err, &fd[2], e) == 0)
		rc = child_start(r, s, fd, e);
	for (size_t i = 0; i < COUNT_OF(fd); i++)
		if (fd[i] >= 0)
			close(fd[i]);
	return rc;
}

int worker_run_start(struct loop *l, const struct run_spec *s, run_done_fn *fn, void *arg,
		     struct run **ret, struct err *e)
{
	struct run *r = own_alloc(sizeof(*r));

	r->loop = l;
	r->out.fd = r->err.fd = r->in.fd = -1;
	r->said = BUF(SAID_MAX);
	r->result.out = BUF(s->out_cap);
	r->complaint = BUF(RUN_COMPLAINT_MAX);
	r->stall_after = s->stall;
	r->talks = s->talks;
	r->signs[0] = s->touches ? own_strdup(s->touches) : NULL;
	r->signs[1] = s->talks && s->out ? own_strdup(s->out) : NULL;
	r->cpu_ms = s->sandbox.cpu_s * 1000;
	r->cpu_before_ms = children_ms();
	r->on_out = s->on_out;
	r->fn = fn;
	r->arg = arg;
	r->limit = loop_timer_new(l, too_late, r);
	r->stall = loop_timer_new(l, stalled, r);
	*ret = NULL;
	if (spawn(r, s, e) < 0) {
		run_free(r);
		return -1;
	}
	if (s->limit.ms > 0)
		loop_timer_start(r->limit, s->limit);
	worker_run_alive(r);
	*ret = r;
	return 0;
}

pid_t worker_run_group(const struct run *r)
{
	return loop_child_pid(r->child);
}

void worker_run_alive(struct run *r)
{
	if (r->stall_after.ms > 0 && !r->ended)
		loop_timer_start(r->stall, r->stall_after);
}

void worker_run_complaint(struct run *r, struct buf *out)
{
	worker_run_clean(r->tail, r->tail_len, RUN_COMPLAINT_MAX, out);
	r->tail_len = 0;
}

struct span worker_run_cpu(const struct run *r)
{
	return clock_process(loop_child_pid(r->child));
}

int64_t worker_run_resident(const struct run *r)
{
	char path[64], text[128];
	long long pages = 0;
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/statm", (int)loop_child_pid(r->child));
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return 0;
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	text[n > 0 ? n : 0] = '\0';
	if (sscanf(text, "%*s %lld", &pages) != 1)
		return 0;
	return pages * sysconf(_SC_PAGESIZE);
}

void worker_run_cancel(struct run *r)
{
	if (!r)
		return;
	loop_child_kill(r->child, SIGKILL);
	run_free(r);
}

int worker_run_verdict(const char *name, const struct run_result *r, struct err *e)
{
	if (r->how == RUN_LATE)
		return err_set(e, ERR_LOCAL, "%s had not ended at its time limit", name);
	if (r->how == RUN_STALLED)
		return err_set(e, ERR_LOCAL, "%s made no progress for too long", name);
	if (r->signum == SIGXFSZ)
		return err_set(e, ERR_POLICY, "%s wrote more than the profile allows", name);
	if (r->overworked || r->signum == SIGXCPU)
		return err_set(e, ERR_POLICY, "%s used more processor time than the profile allows",
			       name);
	if (r->signum)
		return err_set(e, ERR_LOCAL, "%s was ended by signal %d", name, r->signum);
	if (r->status)
		return err_set(e, ERR_POLICY, "%s ended with status %d", name, r->status);
	return 0;
}

bool worker_run_hopeless(const struct run_result *r, const struct err *e)
{
	static const char *const machine[] = { "No space left on device", "Cannot allocate memory",
					       "Input/output error",
					       "Resource temporarily unavailable" };

	if (r->how != RUN_ENDED)
		return true;
	if (e->kind != ERR_POLICY)
		return false;
	/* ffmpeg calls this a lack of memory, which it is not. */
	if (strstr(r->complaint, "exceeds max_streams"))
		return true;
	for (size_t i = 0; r->status && i < COUNT_OF(machine); i++)
		if (strstr(r->complaint, machine[i]))
			return false;
	return true;
}
