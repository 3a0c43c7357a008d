#include "base/buf.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define BUF_FIRST_BYTES 64
#define BUF_READ_BYTES 65536

void buf_done(struct buf *b)
{
	if (!b)
		return;
	own_free(b->data);
	*b = BUF(b->cap);
}

void buf_wipe(struct buf *b)
{
	if (!b)
		return;
	own_wipe(b->data, b->size);
	buf_done(b);
}

void buf_clear(struct buf *b)
{
	b->len = 0;
	b->full = false;
	if (b->data)
		b->data[0] = '\0';
}

/* Room for @p more bytes and the NUL behind them. */
static int buf_reserve(struct buf *b, size_t more)
{
	size_t want, size;

	if (b->len > b->cap || more > b->cap - b->len || b->cap == SIZE_MAX) {
		b->full = true;
		return -1;
	}
	want = b->len + more + 1;
	if (want <= b->size)
		return 0;
	size = b->size ? b->size : BUF_FIRST_BYTES;
	while (size < want)
		size = size > SIZE_MAX / 2 ? want : size * 2;
	if (size > b->cap + 1)
		size = b->cap + 1;
	b->data = own_grow(b->data, size, 1);
	b->size = size;
	return 0;
}

int buf_add(struct buf *b, const void *data, size_t len)
{
	if (buf_reserve(b, len) < 0)
		return -1;
	if (len)
		memcpy(b->data + b->len, data, len);
	b->len += len;
	b->data[b->len] = '\0';
	return 0;
}

int buf_addc(struct buf *b, char c)
{
	return buf_add(b, &c, 1);
}

int buf_adds(struct buf *b, const char *s)
{
	return buf_add(b, s, strlen(s));
}

int buf_addf(struct buf *b, const char *fmt, ...)
{
	va_list ap;
	char small[256];
	char *text;
	int n, rc;

	va_start(ap, fmt);
	n = vsnprintf(small, sizeof(small), fmt, ap);
	va_end(ap);
	if (n >= 0 && (size_t)n < sizeof(small))
		return buf_add(b, small, (size_t)n);
	va_start(ap, fmt);
	text = own_vprintf(fmt, ap);
	va_end(ap);
	rc = buf_adds(b, text);
	own_free(text);
	return rc;
}

void buf_drop(struct buf *b, size_t n)
{
	if (!b->data)
		return;
	if (n > b->len)
		n = b->len;
	memmove(b->data, b->data + n, b->len - n);
	b->len -= n;
	b->data[b->len] = '\0';
}

const char *buf_str(const struct buf *b)
{
	return b->data ? b->data : "";
}

char *buf_take(struct buf *b)
{
	char *text = b->data ? TAKE(b->data) : own_strdup("");

	*b = BUF(b->cap);
	return text;
}

int buf_ok(const struct buf *b, const char *what, struct err *e)
{
	if (b->full)
		return err_set(e, ERR_PROTOCOL, "%s is larger than %zu bytes", what, b->cap);
	return 0;
}

static int buf_read_fd(struct buf *b, int fd, const char *path, struct err *e)
{
	char *piece = own_alloc(BUF_READ_BYTES);
	ssize_t n = 0;
	int rc = 0;

	while (rc == 0) {
		n = read(fd, piece, BUF_READ_BYTES);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		rc = buf_add(b, piece, (size_t)n);
	}
	if (n < 0)
		rc = err_errno(e, errno, "reading '%s'", path);
	else if (rc < 0)
		err_set(e, ERR_LOCAL, "reading '%s': larger than %zu bytes", path, b->cap);
	own_wipe(piece, BUF_READ_BYTES); /* it may have been a secret */
	own_free(piece);
	return rc;
}

int buf_read_file(struct buf *b, const char *path, struct err *e)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	int rc;

	buf_clear(b);
	if (fd < 0) {
		rc = errno;
		err_errno(e, rc, "reading '%s'", path);
		if (e && rc == ENOENT)
			e->kind = ERR_NOT_FOUND;
		return -1;
	}
	rc = buf_read_fd(b, fd, path, e);
	close(fd);
	return rc;
}

static int buf_write_all(const struct buf *b, int fd)
{
	size_t at = 0;

	while (at < b->len) {
		ssize_t n = write(fd, b->data + at, b->len - at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		at += (size_t)n;
	}
	return 0;
}

static int buf_write_fd(const struct buf *b, int fd, int mode)
{
	return fchmod(fd, (mode_t)mode) < 0 || buf_write_all(b, fd) < 0 || fsync(fd) < 0 ? -1 : 0;
}

/* A pipe, a terminal or a device is written into: a rename would put a file in its place. */
static bool buf_writes_through(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && !S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode);
}

static int buf_write_through(const struct buf *b, const char *path, struct err *e)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC | O_NOCTTY), rc;

	if (fd < 0)
		return err_errno(e, errno, "writing '%s'", path);
	rc = buf_write_all(b, fd) < 0 ? err_errno(e, errno, "writing '%s'", path) : 0;
	close(fd);
	return rc;
}

/* A rename is on disk only when its folder is. */
static int buf_sync_folder(const char *path)
{
	AUTO(own_freep) char *folder = own_strdup(path);
	char *slash = strrchr(folder, '/');
	int fd, rc;

	if (slash)
		slash[slash == folder ? 1 : 0] = '\0';
	fd = open(slash ? folder : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	rc = fsync(fd);
	if (rc < 0 && (errno == EINVAL || errno == EROFS))
		rc = 0; /* file systems that cannot sync a folder */
	close(fd);
	return rc;
}

int buf_write_file(const struct buf *b, const char *path, int mode, struct err *e)
{
	AUTO(own_freep) char *beside = NULL;
	int fd, rc, why;

	if (buf_writes_through(path))
		return buf_write_through(b, path, e);
	beside = own_printf("%s.XXXXXX", path);
	fd = mkostemp(beside, O_CLOEXEC);
	if (fd < 0)
		return err_errno(e, errno, "writing '%s'", path);
	rc = buf_write_fd(b, fd, mode);
	why = errno;
	if (close(fd) < 0 && rc == 0) {
		rc = -1;
		why = errno;
	}
	if (rc == 0 && rename(beside, path) < 0) {
		rc = -1;
		why = errno;
	}
	if (rc < 0) {
		err_ignore(unlink(beside));
		return err_errno(e, why, "writing '%s'", path);
	}
	if (buf_sync_folder(path) < 0)
		return err_errno(e, errno, "writing '%s': syncing its folder", path);
	return 0;
}
