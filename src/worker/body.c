#include "worker/body.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/own.h"
#include "worker/task.h"

char *worker_body_path(const char *folder)
{
	return own_printf("%s/" TASK_MESSAGE, folder);
}

/* The last job's file, written over: making a file costs more than writing a short one. Unless it
 * is no plain file of ours any more. */
static int own_file(const char *path)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	struct stat st;

	if (fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_nlink == 1 &&
	    fchmod(fd, 0600) == 0 && ftruncate(fd, 0) == 0)
		return fd;
	if (fd >= 0)
		close(fd);
	unlink(path);
	return open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
}

void worker_body_clear(const char *folder)
{
	AUTO(own_freep) char *path = worker_body_path(folder);
	int fd = own_file(path);

	if (fd >= 0)
		close(fd);
}

int worker_body_write(const char *folder, const char *body, size_t len, struct err *e)
{
	AUTO(own_freep) char *path = worker_body_path(folder);
	size_t done = 0;
	int fd;

	fd = own_file(path);
	if (fd < 0)
		return err_errno(e, errno, "making %s", path);
	while (done < len) {
		ssize_t n = write(fd, body + done, len - done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			err_errno(e, errno, "writing %s", path);
			close(fd);
			return -1;
		}
		done += (size_t)n;
	}
	return close(fd) < 0 ? err_errno(e, errno, "writing %s", path) : 0;
}
