#include "control/lease.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/own.h"

#define LEASE_PERMIT_MS \
	60000 /* a permit is made anew each round; no call of a round takes longer */

struct lease {
	int fd;
};

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
	if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		if (errno == EWOULDBLOCK)
			err_set(e, ERR_CONFLICT,
				"process %ld holds the lease %s -> stop it first, or use another "
				"journal",
				(long)read_pid(fd), path);
		else
			err_errno(e, errno, "lease %s", path);
		close(fd);
		return NULL;
	}
	if (write_pid(fd, e) < 0) {
		close(fd);
		return NULL;
	}
	l = own_alloc(sizeof(*l));
	l->fd = fd;
	return l;
}

void control_lease_free(struct lease *l)
{
	if (!l)
		return;
	close(l->fd);
	own_free(l);
}

struct permit control_lease_permit(const struct lease *l, struct tick now)
{
	return l ? act_permit_grant(tick_add(now, span_ms(LEASE_PERMIT_MS))) : (struct permit){ 0 };
}

pid_t control_lease_holder(const char *journal)
{
	AUTO(own_freep) char *path = own_printf("%s.lock", journal);
	int fd = open(path, O_RDWR | O_CLOEXEC);
	pid_t pid = 0;

	if (fd < 0)
		return 0;
	if (flock(fd, LOCK_EX | LOCK_NB) < 0 && errno == EWOULDBLOCK)
		pid = read_pid(fd);
	close(fd);
	return pid;
}
