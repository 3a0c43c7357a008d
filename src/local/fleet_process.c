#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/own.h"
#include "local/fleet_process.h"

#define ENVIRON_MAX (128 * 1024)
#define STAT_MAX 1024

struct process {
	pid_t pid, parent, group, session;
	bool own;
};

struct processes {
	struct process *all;
	size_t count;
};

/* Reads at most @p size - 1 bytes; their number, or -1. */
static ssize_t read_proc(const char *path, char *out, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	size_t len = 0;
	ssize_t n;

	if (fd < 0)
		return -1;
	while (len < size - 1 && (n = read(fd, out + len, size - 1 - len)) > 0)
		len += (size_t)n;
	close(fd);
	out[len] = '\0';
	return (ssize_t)len;
}

const char *local_fleet_process_boot_id(char out[static LOCAL_FLEET_BOOT_ID_MAX])
{
	if (read_proc("/proc/sys/kernel/random/boot_id", out, LOCAL_FLEET_BOOT_ID_MAX) < 0)
		out[0] = '\0';
	out[strcspn(out, "\n")] = '\0';
	return out;
}

/* The fields behind the name, which may hold anything: state is the first. */
static bool read_stat(pid_t pid, struct process *ret, char *ret_state, int64_t *ret_started)
{
	char path[64], text[STAT_MAX], *p;
	int parent, group, session;
	long long started;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	if (read_proc(path, text, sizeof(text)) <= 0)
		return false;
	p = strrchr(text, ')');
	if (!p ||
	    sscanf(p + 1,
		   " %c %d %d %d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %*d %*d %lld",
		   ret_state, &parent, &group, &session, &started) != 5)
		return false;
	*ret = (struct process){ .pid = pid, .parent = parent, .group = group, .session = session };
	*ret_started = started;
	return true;
}

int64_t local_fleet_process_started(pid_t pid)
{
	struct process p;
	int64_t started;
	char state;

	if (pid <= 0 || !read_stat(pid, &p, &state, &started) || state == 'Z' || state == 'X')
		return -1;
	return started;
}

bool local_fleet_process_is(pid_t pid, int64_t started, const char *boot_id)
{
	char now[LOCAL_FLEET_BOOT_ID_MAX];

	return boot_id && strcmp(boot_id, local_fleet_process_boot_id(now)) == 0 &&
	       local_fleet_process_started(pid) == started && started >= 0;
}

static bool carries(pid_t pid, const char *mark, size_t mark_len)
{
	AUTO(own_freep) char *text = own_alloc(ENVIRON_MAX);
	char path[64];
	ssize_t len;

	snprintf(path, sizeof(path), "/proc/%d/environ", (int)pid);
	len = read_proc(path, text, ENVIRON_MAX);
	for (ssize_t at = 0; at < len; at += (ssize_t)strlen(text + at) + 1)
		if (strncmp(text + at, mark, mark_len + 1) == 0)
			return true;
	return false;
}

/* All living processes but ourselves and init. */
static struct processes list(void)
{
	struct processes ps = { 0 };
	DIR *dir = opendir("/proc");

	for (struct dirent *d; dir && (d = readdir(dir));) {
		struct process p;
		int64_t started;
		char state;
		long pid;

		if (!isdigit((unsigned char)d->d_name[0]))
			continue;
		pid = strtol(d->d_name, NULL, 10);
		if (pid <= 1 || pid == getpid() || !read_stat((pid_t)pid, &p, &state, &started) ||
		    state == 'Z' || state == 'X')
			continue;
		ps.all = own_grow(ps.all, ps.count + 1, sizeof(*ps.all));
		ps.all[ps.count++] = p;
	}
	if (dir)
		closedir(dir);
	return ps;
}

static void claim_descendants(struct processes *ps)
{
	bool more = true;

	while (more) {
		more = false;
		for (size_t i = 0; i < ps->count; i++) {
			struct process *p = &ps->all[i];

			for (size_t k = 0; !p->own && k < ps->count; k++)
				if (ps->all[k].own && ps->all[k].pid == p->parent)
					p->own = more = true;
		}
	}
}

size_t local_fleet_process_sweep(const char *instance, pid_t leader, int64_t started, int signum)
{
	struct processes ps = list();
	int64_t there = leader > 0 ? local_fleet_process_started(leader) : -1;
	char mark[128];
	int mark_len = snprintf(mark, sizeof(mark), FLEET_MARK "=%s", instance);
	size_t found = 0;

	if (there >= 0 && there != started)
		leader = 0; /* the number is somebody else's now, and so are group and session */
	for (size_t i = 0; i < ps.count; i++) {
		struct process *p = &ps.all[i];

		p->own = (leader > 0 && (p->group == leader || p->session == leader)) ||
			 carries(p->pid, mark, (size_t)mark_len);
	}
	claim_descendants(&ps);
	for (size_t i = 0; i < ps.count; i++) {
		if (!ps.all[i].own)
			continue;
		found++;
		if (signum)
			kill(ps.all[i].pid, signum);
	}
	own_free(ps.all);
	return found;
}
