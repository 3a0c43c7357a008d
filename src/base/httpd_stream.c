/* A body that is taken off the loop, piece by piece.
 *
 * The loop copies what comes into pieces; full ones go to the takers, on libuv's threads, each of
 * which gets them in order. When all pieces are full the connection is suspended, so that a client
 * faster than the disk waits and memory stays as it is. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/httpd_own.h"

#define TAKERS 2
#define PIECES 8
/* Taken before it is said how far: meanwhile the rest is filled, so that nobody waits. */
#define BATCH (PIECES / 2)
#define PIECE_MOST (256u << 10)
#define PIECE_LEAST (4u << 10)
/* Of all bodies of one server; past it a body makes do with two pieces. */
#define BYTES_MOST (64u << 20)

struct taker {
	struct httpd_stream *stream;
	httpd_take_fn *take; /* NULL: there is none */
	int64_t taken, until;
	int64_t ring; /* the stream's, as it was when the work began */
	bool busy, failed;
};

struct httpd_stream {
	struct loop *loop;
	struct httpd_exchange *x; /* NULL: nothing will come of it */
	struct httpd_sink sink;
	int fd; /* what httpd_body_to_fd() was given, our own copy; -1: none */
	struct taker takers[TAKERS];
	char *pieces[PIECES];
	size_t lengths[PIECES], piece_size;
	size_t len;           /* of the piece that is being filled */
	int64_t ring, filled; /* pieces there are; pieces that were handed over */
};

static void stream_free(struct httpd_stream *s)
{
	for (int i = 0; i < PIECES; i++)
		own_free(s->pieces[i]);
	if (s->fd >= 0)
		close(s->fd);
	own_free(s);
}

static void give_back(struct httpd_stream *s)
{
	s->x->server->stream_bytes -= (size_t)s->ring * s->piece_size;
}

static bool busy(const struct httpd_stream *s)
{
	return s->takers[0].busy || s->takers[1].busy;
}

/* Pieces that all takers are done with. */
static int64_t done(const struct httpd_stream *s)
{
	const struct taker *a = &s->takers[0], *b = &s->takers[1];

	return !b->take || a->taken < b->taken ? a->taken : b->taken;
}

static void taker_go(struct taker *t);

static void taker_work(void *arg)
{
	struct taker *t = arg;
	const struct httpd_stream *s = t->stream;

	for (int64_t i = t->taken; i < t->until && !t->failed; i++)
		t->failed =
			t->take(s->pieces[i % t->ring], s->lengths[i % t->ring], s->sink.arg) < 0;
}

/* Nobody waits for it any more. */
static void stream_left(struct httpd_stream *s)
{
	if (s->sink.idle)
		s->sink.idle(s->sink.arg);
	stream_free(s);
}

static void taker_after(void *arg)
{
	struct taker *t = arg;
	struct httpd_stream *s = t->stream;

	t->busy = false;
	t->taken = t->until;
	if (!s->x) {
		if (!busy(s))
			stream_left(s);
		return;
	}
	if (t->failed) {
		httpd_exchange_unstored(s->x);
		return;
	}
	taker_go(t);
	httpd_exchange_room(s->x);
}

static void taker_go(struct taker *t)
{
	if (!t->take || t->busy || t->failed || t->taken == t->stream->filled)
		return;
	t->busy = true;
	t->until = t->stream->filled - t->taken < BATCH ? t->stream->filled : t->taken + BATCH;
	t->ring = t->stream->ring;
	loop_work(t->stream->loop, taker_work, taker_after, t);
}

static int write_fd(const void *data, size_t len, void *arg)
{
	const struct httpd_stream *s = arg;
	const char *at = data;

	while (len > 0) {
		ssize_t n = write(s->fd, at, len);

		if (n < 0 && errno != EINTR)
			return -1;
		at += n > 0 ? n : 0;
		len -= n > 0 ? (size_t)n : 0;
	}
	return 0;
}

static struct httpd_stream *stream_new(struct httpd_exchange *x, int64_t cap)
{
	struct httpd_stream *s = own_alloc(sizeof(*s));

	httpd_stream_leave(x); /* one that was set before */
	s->loop = x->server->loop;
	s->x = x;
	s->fd = -1;
	s->piece_size = PIECE_MOST;
	for (int i = 0; i < TAKERS; i++)
		s->takers[i].stream = s;
	x->stream = s;
	x->body_cap = cap;
	return s;
}

void httpd_body_to_sink(struct httpd_exchange *x, const struct httpd_sink *sink, int64_t cap)
{
	struct httpd_stream *s = stream_new(x, cap);

	s->sink = *sink;
	s->takers[0].take = sink->take;
	s->takers[1].take = sink->beside;
}

void httpd_body_to_fd(struct httpd_exchange *x, int fd, int64_t cap)
{
	struct httpd_stream *s = stream_new(x, cap);

	s->fd = fcntl(fd, F_DUPFD_CLOEXEC, 0); /* -1: writing fails */
	s->sink.arg = s;
	s->takers[0].take = write_fd;
}

void httpd_stream_size(struct httpd_stream *s, int64_t declared)
{
	if (declared > 0 && declared < PIECE_MOST)
		s->piece_size = declared < PIECE_LEAST ? PIECE_LEAST : (size_t)declared;
}

/* The piece that is being filled; NULL: none is free. How many there may be is settled while each
 * is used for the first time. */
static char *piece(struct httpd_stream *s)
{
	size_t *all = &s->x->server->stream_bytes;

	if (s->filled == s->ring && s->ring < PIECES &&
	    (s->ring < 2 || *all + s->piece_size <= BYTES_MOST)) {
		s->pieces[s->ring++] = own_alloc(s->piece_size);
		*all += s->piece_size;
	}
	return s->filled - done(s) < s->ring ? s->pieces[s->filled % s->ring] : NULL;
}

static void hand_over(struct httpd_stream *s)
{
	s->lengths[s->filled % s->ring] = s->len;
	s->len = 0;
	s->filled++;
	for (int i = 0; i < TAKERS; i++)
		taker_go(&s->takers[i]);
}

size_t httpd_stream_add(struct httpd_stream *s, const char *data, size_t size)
{
	size_t left = size, n;
	char *at;

	while (left > 0 && (at = piece(s))) {
		n = s->piece_size - s->len < left ? s->piece_size - s->len : left;
		memcpy(at + s->len, data, n);
		s->len += n;
		data += n;
		left -= n;
		if (s->len == s->piece_size)
			hand_over(s);
	}
	return size - left;
}

bool httpd_stream_end(struct httpd_exchange *x)
{
	struct httpd_stream *s = x->stream;

	if (!s)
		return true;
	if (s->len > 0)
		hand_over(s);
	if (s->takers[0].failed || s->takers[1].failed || s->filled > done(s))
		return false;
	give_back(s);
	x->stream = NULL;
	stream_free(s);
	return true;
}

void httpd_stream_leave(struct httpd_exchange *x)
{
	struct httpd_stream *s = TAKE(x->stream);

	if (!s)
		return;
	give_back(s);
	s->x = NULL;
	if (!busy(s))
		stream_left(s);
}
