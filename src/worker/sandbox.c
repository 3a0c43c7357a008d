#include "worker/sandbox.h"

#include <fcntl.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILES_MAX 64

static void bound(int what, int64_t n)
{
	struct rlimit now, want = { .rlim_cur = (rlim_t)n, .rlim_max = (rlim_t)n };

	if (getrlimit(what, &now) == 0 && now.rlim_max != RLIM_INFINITY &&
	    now.rlim_max < want.rlim_max)
		want = (struct rlimit){ .rlim_cur = now.rlim_max, .rlim_max = now.rlim_max };
	if (setrlimit(what, &want) < 0)
		_exit(126);
}

/* A process that is too large is better ended than the one that watches it. */
static void first_to_go(void)
{
	int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return;
	if (write(fd, "500", 3) < 0) {
		/* Only a preference: containers may forbid it. */
	}
	close(fd);
}

void worker_sandbox_prepare(void *arg)
{
	const struct sandbox *s = arg;

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		_exit(126);
	bound(RLIMIT_CORE, 0);
	bound(RLIMIT_NOFILE, FILES_MAX);
	if (s->file_bytes > 0)
		bound(RLIMIT_FSIZE, s->file_bytes);
	if (s->cpu_s > 0)
		bound(RLIMIT_CPU, s->cpu_s);
	first_to_go();
	umask(077);
}

const char *const *worker_sandbox_environment(void)
{
	static const char *const env[] = { "PATH=/usr/local/bin:/usr/bin:/bin", "HOME=/",
					   "LC_ALL=C", "TZ=UTC", NULL };

	return env;
}
