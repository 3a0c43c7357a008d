#include "worker/sandbox.h"

#include <fcntl.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "worker/sandbox_parts.h"

#define FILES_MAX 64
#define FILES_OF_COMMANDS_MAX 1024

struct sandbox_layers worker_sandbox_layers(void)
{
	return (struct sandbox_layers){ .landlock = worker_sandbox_reach_abi(),
					.seccomp = worker_sandbox_filter_there() };
}

void worker_sandbox_lacks(struct buf *out)
{
	struct sandbox_layers l = worker_sandbox_layers();

	if (!l.landlock)
		buf_adds(out, "no Landlock (Linux 5.13, and landlock among the lsm= of the kernel)"
			      " -> a hostile video could read and write what this user can");
	if (!l.seccomp)
		buf_addf(out,
			 "%sno seccomp filter (a build with libseccomp, and a kernel with"
			 " CONFIG_SECCOMP_FILTER) -> a hostile video could use the network",
			 l.landlock ? "" : "; ");
}

int worker_sandbox_open(const struct sandbox *s, const char *folder, const char *program,
			struct sandbox_child *ret, struct err *e)
{
	*ret = (struct sandbox_child){ .limits = *s, .ruleset = -1 };
	if (!s->confined)
		return 0;
	if (worker_sandbox_filter_there()) {
		ret->filter = worker_sandbox_filter(s->kind, e);
		if (!ret->filter)
			return -1;
	}
	if (!worker_sandbox_reach_abi())
		return 0;
	return worker_sandbox_reach_open(s, folder, program, &ret->ruleset, e);
}

void worker_sandbox_close(struct sandbox_child *c)
{
	if (c->ruleset >= 0)
		close(c->ruleset);
	c->ruleset = -1;
}

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
	const struct sandbox_child *c = arg;
	const struct sandbox *s = &c->limits;

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		_exit(126);
	bound(RLIMIT_CORE, 0);
	bound(RLIMIT_NOFILE, s->kind == SANDBOX_ONE ? FILES_MAX : FILES_OF_COMMANDS_MAX);
	if (s->file_bytes > 0)
		bound(RLIMIT_FSIZE, s->file_bytes);
	if (s->cpu_s > 0)
		bound(RLIMIT_CPU, s->cpu_s); /* SIGKILL: ffmpeg would catch SIGXCPU */
	/* Not RLIMIT_AS: address space that nothing fills, of which x264's threads take much,
	 * does no harm. */
	if (s->memory_bytes > 0)
		bound(RLIMIT_DATA, s->memory_bytes);
	first_to_go();
	umask(077);
	if (c->ruleset >= 0 && worker_sandbox_reach_enter(c->ruleset) < 0)
		_exit(126);
	if (c->filter && worker_sandbox_filter_enter(c->filter) < 0)
		_exit(126);
}

const char *const *worker_sandbox_environment(void)
{
	static const char *const env[] = { "PATH=/usr/local/bin:/usr/bin:/bin", "HOME=/",
					   "LC_ALL=C", "TZ=UTC", NULL };

	return env;
}
