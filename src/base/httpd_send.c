/* Answers whose body is in files.
 *
 * libmicrohttpd sends 128 KiB a turn, with which sender and receiver keep waiting for one another.
 * So it is given the head of a large body alone, and while its connection is suspended the body
 * goes from the files to the socket in large steps, one a turn of the loop. It knows nothing of the
 * bytes, and so the connection ends with them. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/httpd_own.h"

#define BLOCK_BYTES (256u << 10)
#define OWN_BYTES (4 << 20)  /* of a smaller body libmicrohttpd takes care */
#define TURN_BYTES (2 << 20) /* at most, so that others come to their turn */

struct httpd_send {
	struct httpd *server;
	struct httpd_conn *conn;
	struct MHD_Connection *mhd;
	struct httpd_source source;
	int64_t left;
	struct loop_fd *ready; /* NULL: its turn has not come, or is over */
	struct tick moved;
	bool failed;
};

/* ---- one file ---- */

struct file {
	int fd;
	int64_t at, left;
};

static int file_of(void *arg, int64_t *ret_at, int64_t *ret_count)
{
	const struct file *f = arg;

	*ret_at = f->at;
	*ret_count = f->left;
	return f->fd;
}

static void file_sent(void *arg, int64_t bytes)
{
	struct file *f = arg;

	f->at += bytes;
	f->left -= bytes;
}

static void file_done(void *arg)
{
	struct file *f = arg;

	close(f->fd);
	own_free(f);
}

/* ---- by our own hand ---- */

static void source_done(struct httpd_source *s)
{
	if (s->done)
		s->done(s->arg);
}

/* libmicrohttpd goes on, and asks once more for what comes. */
static void send_end(struct httpd_send *s)
{
	loop_fd_free(TAKE(s->ready));
	s->conn->send = NULL;
	MHD_resume_connection(s->mhd);
	httpd_wake(s->server);
}

void httpd_send_give_up(struct httpd_send *s)
{
	s->failed = true;
	send_end(s);
}

bool httpd_send_slow(const struct httpd_send *s, struct tick now)
{
	return tick_since(now, s->moved).ms / 1000 > s->server->limits.idle_seconds;
}

/* 1: there is room for more, 0: not now, -1: it cannot go on. */
static int send_some(struct httpd_send *s, int64_t most, int64_t *ret_sent)
{
	int64_t at = 0, count = 0, n;
	int fd = s->source.file(s->source.arg, &at, &count);
	off_t offset = at;
	ssize_t sent;

	n = count < s->left ? count : s->left;
	n = n < most ? n : most;
	if (fd < 0 || n <= 0)
		return -1;
	sent = sendfile(s->conn->fd, fd, &offset, (size_t)n);
	if (sent < 0 && errno == EINTR)
		return 1;
	if (sent < 0)
		return errno == EAGAIN ? 0 : -1;
	if (sent == 0) /* the file has become shorter */
		return -1;
	s->source.sent(s->source.arg, sent);
	s->left -= sent;
	s->moved = clock_mono();
	*ret_sent += sent;
	return sent == n;
}

static void send_ready(int events, void *arg)
{
	struct httpd_send *s = arg;
	int64_t sent = 0;
	int rc = 1;

	(void)events;
	while (rc == 1 && s->left > 0 && sent < TURN_BYTES)
		rc = send_some(s, TURN_BYTES - sent, &sent);
	if (rc < 0)
		httpd_send_give_up(s);
	else if (s->left == 0)
		send_end(s);
}

/* Called by libmicrohttpd once the head is sent, and again when we have done. */
static ssize_t send_begin(void *arg, uint64_t at, char *out, size_t size)
{
	struct httpd_send *s = arg;

	(void)at;
	(void)out;
	(void)size;
	if (s->failed)
		return MHD_CONTENT_READER_END_WITH_ERROR;
	if (s->left == 0)
		return MHD_CONTENT_READER_END_OF_STREAM;
	MHD_suspend_connection(s->mhd);
	s->moved = clock_mono();
	s->conn->send = s;
	s->ready = loop_fd_new(s->server->loop, s->conn->fd, send_ready, s);
	loop_fd_watch(s->ready, LOOP_WRITE);
	return 0;
}

static void send_free(void *arg)
{
	struct httpd_send *s = arg;

	source_done(&s->source);
	own_free(s);
}

static struct MHD_Response *sent(struct httpd_exchange *x, const struct httpd_source *source,
				 int64_t size)
{
	struct httpd_send *s = own_alloc(sizeof(*s));
	struct MHD_Response *r;
	char length[24];

	*s = (struct httpd_send){
		.server = x->server, .conn = x->conn, .mhd = x->mhd, .source = *source, .left = size
	};
	r = MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, 1, send_begin, s, send_free);
	if (!r) {
		send_free(s);
		return NULL;
	}
	snprintf(length, sizeof(length), "%lld", (long long)size);
	MHD_set_response_options(
		r, MHD_RF_HTTP_1_0_COMPATIBLE_STRICT | MHD_RF_INSANITY_HEADER_CONTENT_LENGTH,
		MHD_RO_END);
	MHD_add_response_header(r, "Content-Length", length);
	return r;
}

/* ---- by libmicrohttpd ---- */

static ssize_t copy_read(void *arg, uint64_t at, char *out, size_t size)
{
	const struct httpd_source *s = arg;
	int64_t from = 0, count = 0;
	int fd = s->file(s->arg, &from, &count);
	ssize_t n = -1;

	(void)at;
	if (fd >= 0 && count > 0)
		do
			n = pread(fd, out, (int64_t)size < count ? size : (size_t)count, from);
		while (n < 0 && errno == EINTR);
	if (n <= 0)
		return MHD_CONTENT_READER_END_WITH_ERROR;
	s->sent(s->arg, n);
	return n;
}

static void copy_done(void *arg)
{
	source_done(arg);
	own_free(arg);
}

static struct MHD_Response *copied(const struct httpd_source *source, int64_t size)
{
	struct httpd_source *s = own_alloc(sizeof(*s));
	size_t block = size < BLOCK_BYTES ? (size_t)size : BLOCK_BYTES;
	struct MHD_Response *r;

	*s = *source;
	r = MHD_create_response_from_callback((uint64_t)size, block, copy_read, s, copy_done);
	if (!r)
		copy_done(s);
	return r;
}

void httpd_answer_source(struct httpd_exchange *x, int status, const struct httpd_header *headers,
			 size_t n, const struct httpd_source *source, int64_t size)
{
	struct httpd_source s = *source;
	struct MHD_Response *r = NULL;

	if (size <= 0 || strcmp(x->method, "HEAD") == 0) {
		source_done(&s);
		r = httpd_exchange_head(NULL, 0, size);
	} else {
		r = size < OWN_BYTES ? copied(source, size) : sent(x, source, size);
	}
	if (r)
		httpd_exchange_add_headers(r, headers, n);
	httpd_exchange_answer(x, status, r);
}

void httpd_answer_fd(struct httpd_exchange *x, int status, const struct httpd_header *headers,
		     size_t n, int fd, int64_t offset, int64_t size)
{
	struct MHD_Response *r;
	struct file *f;

	if (size <= 0 || size >= OWN_BYTES || strcmp(x->method, "HEAD") == 0) {
		f = own_alloc(sizeof(*f));
		*f = (struct file){ fd, offset, size };
		httpd_answer_source(x, status, headers, n,
				    &(struct httpd_source){ file_of, file_sent, file_done, f },
				    size);
		return;
	}
	r = MHD_create_response_from_fd_at_offset64((uint64_t)size, fd, (uint64_t)offset);
	if (r)
		httpd_exchange_add_headers(r, headers, n);
	httpd_exchange_answer(x, status, r);
}
