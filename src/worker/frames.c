#include "worker/frames.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define READ_BYTES 65536

static void watch(struct frames *f)
{
	loop_fd_watch(f->io, LOOP_READ | (f->out.len ? LOOP_WRITE : 0));
}

static void flush(struct frames *f)
{
	while (f->out.len) {
		ssize_t n = send(f->fd, f->out.data, f->out.len, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return; /* full: later; gone: reading tells */
		own_wipe(f->out.data, (size_t)n);
		buf_drop(&f->out, (size_t)n);
	}
}

static void closed(struct frames *f, const struct err *e)
{
	frames_fn *fn = f->fn;
	void *arg = f->arg;

	worker_frames_close(f);
	fn(NULL, e, arg);
}

/* Gives whole lines away. The callee may close us. */
static void give(struct frames *f)
{
	struct err e = { 0 };

	for (;;) {
		const char *end = f->in.len ? memchr(f->in.data, '\n', f->in.len) : NULL;
		struct json *j;
		size_t len;

		if (!end) {
			if (f->in.len >= FRAME_MAX) {
				err_set(&e, ERR_PROTOCOL, "a message of more than %u bytes",
					FRAME_MAX);
				closed(f, &e);
			}
			return;
		}
		len = (size_t)(end - f->in.data);
		j = json_parse(f->in.data, len, &e);
		own_wipe(f->in.data, len);
		buf_drop(&f->in, len + 1);
		if (!j) {
			closed(f, &e);
			return;
		}
		f->fn(j, &e, f->arg);
		json_free(j);
		if (!f->io)
			return;
	}
}

static void ready(int events, void *arg)
{
	struct frames *f = arg;
	char data[READ_BYTES];
	struct err e = { 0 };
	ssize_t n;

	if (events & LOOP_WRITE) {
		flush(f);
		watch(f);
	}
	if (!(events & LOOP_READ))
		return;
	n = recv(f->fd, data, sizeof(data), MSG_DONTWAIT);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		closed(f, &e);
		return;
	}
	buf_add(&f->in, data, (size_t)n);
	own_wipe(data, (size_t)n);
	if (f->in.full) {
		err_set(&e, ERR_PROTOCOL, "a message of more than %u bytes", FRAME_MAX);
		closed(f, &e);
		return;
	}
	give(f);
}

void worker_frames_open(struct frames *f, struct loop *l, int fd, frames_fn *fn, void *arg)
{
	*f = (struct frames){ .fd = fd,
			      .in = BUF(FRAME_MAX + READ_BYTES),
			      .out = BUF(FRAMES_WAITING_MAX),
			      .fn = fn,
			      .arg = arg };
	f->io = loop_fd_new(l, fd, ready, f);
	watch(f);
}

bool worker_frames_send(struct frames *f, struct json *frame)
{
	bool sent = false;

	if (f->io) {
		size_t before = f->out.len;

		sent = json_write(frame, &f->out) == 0 && buf_addc(&f->out, '\n') == 0;
		if (!sent) { /* a cut frame would be nonsense */
			f->out.len = before;
			f->out.full = false;
		}
		flush(f);
		watch(f);
	}
	json_free(frame);
	return sent;
}

void worker_frames_close(struct frames *f)
{
	if (!f->io)
		return;
	loop_fd_free(f->io);
	f->io = NULL;
	close(f->fd);
	f->fd = -1;
	buf_wipe(&f->in);
	buf_wipe(&f->out);
}
