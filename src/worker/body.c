#include "worker/body.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/own.h"
#include "worker/task.h"

char *worker_body_path(const char *folder)
{
	return own_printf("%s/" TASK_MESSAGE, folder);
}

void worker_body_remove(const char *folder)
{
	AUTO(own_freep) char *path = worker_body_path(folder);

	unlink(path); /* there may be none */
}

int worker_body_write(const char *folder, const char *body, size_t len, struct err *e)
{
	AUTO(own_freep) char *path = worker_body_path(folder);
	size_t done = 0;
	int fd;

	unlink(path);
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
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
