#include "cli/lines.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#define CHUNK 16384

void lines_init(struct lines *l, int fd, size_t most)
{
	*l = (struct lines){ .fd = fd, .most = most, .buf = BUF(2 * most + 2 * CHUNK) };
}

void lines_done(struct lines *l)
{
	buf_done(&l->buf);
}

static bool readable_now(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	int n;

	do
		n = poll(&p, 1, 0);
	while (n < 0 && errno == EINTR);
	return n != 0; /* an error is for read(2) to tell */
}

static void fill(struct lines *l)
{
	char chunk[CHUNK];
	ssize_t n;

	buf_drop(&l->buf, l->start);
	l->start = 0;
	do
		n = read(l->fd, chunk, sizeof(chunk));
	while (n < 0 && errno == EINTR);
	if (n > 0)
		buf_add(&l->buf, chunk, (size_t)n);
	else
		l->ended = true;
	if (n < 0)
		l->errnum = errno;
}

/* A line that is whole, or too long, or the last. */
static bool cut(struct lines *l, const char **ret, size_t *ret_len)
{
	const char *from = buf_str(&l->buf) + l->start;
	size_t have = l->buf.len - l->start;
	const char *nl = have ? memchr(from, '\n', have) : NULL;
	size_t len = nl ? (size_t)(nl - from) : have;

	if (!nl && len <= l->most && !(l->ended && len > 0))
		return false;
	l->start += nl ? len + 1 : len;
	l->taken += (int64_t)(nl ? len + 1 : len);
	*ret = from;
	*ret_len = len;
	return true;
}

enum lines_got lines_next(struct lines *l, bool wait, const char **ret, size_t *ret_len)
{
	for (;;) {
		bool skipped = l->skipping;

		if (cut(l, ret, ret_len)) {
			l->skipping = buf_str(&l->buf)[l->start - 1] != '\n' && !l->ended;
			if (!skipped)
				return LINES_LINE;
		} else if (l->ended) {
			return LINES_END;
		} else if (!wait && !readable_now(l->fd)) {
			return LINES_LATER;
		} else {
			fill(l);
		}
	}
}
