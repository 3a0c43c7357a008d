#include "control/lease.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/own.h"

#define LEASE_PERMIT_MS \
	60000 /* a permit is made anew each round; no call of a round takes longer */

struct lease {
	int fd;
	char *path;
};

/* A lock of the open file, not of the process: it ends with the last descriptor, whoever closes
 * another one, and F_OFD_GETLK asks for it without taking it for a moment. */
static struct flock whole_file(void)
{
	return (struct flock){ .l_type = F_WRLCK, .l_whence = SEEK_SET };
}

/* The file that is locked is still the one that others find under the name. */
static bool is_named(int fd, const char *path)
{
	struct stat mine, named;

	return fstat(fd, &mine) == 0 && stat(path, &named) == 0 && mine.st_ino == named.st_ino &&
	       mine.st_dev == named.st_dev;
}

static pid_t read_pid(int fd)
{
	char text[32] = "";
	ssize_t n = pread(fd, text, sizeof(text) - 1, 0);
	long pid = n > 0 ? strtol(text, NULL, 10) : 0;

	return pid > 0 ? (pid_t)pid : 0;
}

static int write_pid(int fd, struct err *e)
{
	char text[32];
	int n = snprintf(text, sizeof(text), "%ld\n", (long)getpid());

	if (ftruncate(fd, 0) < 0 || pwrite(fd, text, (size_t)n, 0) != n)
		return err_errno(e, errno, "writing the lease file");
	return 0;
}

static int lock(int fd, const char *path, struct err *e)
{
	struct flock whole = whole_file();

	if (fcntl(fd, F_OFD_SETLK, &whole) < 0) {
		if (errno != EAGAIN && errno != EACCES)
			return err_errno(e, errno, "lease %s", path);
		return err_set(
			e, ERR_CONFLICT,
			"process %ld holds the lease %s -> stop it first, or use another journal",
			(long)read_pid(fd), path);
	}
	if (!is_named(fd, path)) /* removed between our open and our lock: somebody may hold the new
				    one */
		return err_set(e, ERR_CONFLICT, "the lease %s was replaced while it was taken",
			       path);
	return 0;
}

struct lease *control_lease_take(const char *journal, struct err *e)
{
	AUTO(own_freep) char *path = own_printf("%s.lock", journal);
	struct lease *l;
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

	if (fd < 0) {
		err_set(e, ERR_LOCAL,
			"lease %s: %s -> make the journal's folder, or name another --journal",
			path, strerror(errno));
		return NULL;
	}
	if (lock(fd, path, e) < 0 || write_pid(fd, e) < 0) {
		close(fd);
		return NULL;
	}
	l = own_alloc(sizeof(*l));
	l->fd = fd;
	l->path = TAKE(path);
	return l;
}

void control_lease_free(struct lease *l)
{
	if (!l)
		return;
	close(l->fd);
	own_free(l->path);
	own_free(l);
}

struct permit control_lease_permit(const struct lease *l, struct tick now)
{
	if (!l || !is_named(l->fd, l->path))
		return (struct permit){ 0 };
	return act_permit_grant(tick_add(now, span_ms(LEASE_PERMIT_MS)));
}

pid_t control_lease_holder(const char *journal)
{
	AUTO(own_freep) char *path = own_printf("%s.lock", journal);
	struct flock whole = whole_file();
	int fd = open(path, O_RDWR | O_CLOEXEC);
	pid_t pid = 0;

	if (fd < 0)
		return 0;
	if (fcntl(fd, F_OFD_GETLK, &whole) == 0 && whole.l_type != F_UNLCK)
		pid = read_pid(fd);
	close(fd);
	return pid;
}
