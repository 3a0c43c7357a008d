#include "worker/size.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/own.h"

#define PROCESSORS_A_SLOT 2
#define BYTES_A_SLOT (1ll << 30)
#define SHY_BYTES (256ll << 20) /* a machine sold with so many GiB shows a little less */
#define LINE_MAX 256

int64_t worker_size_slots(int64_t processors, int64_t memory_bytes)
{
	int64_t by_memory = (memory_bytes + SHY_BYTES) / BYTES_A_SLOT;
	int64_t n = processors / PROCESSORS_A_SLOT;

	if (n > by_memory)
		n = by_memory;
	if (n > WORKER_SIZE_MOST)
		n = WORKER_SIZE_MOST;
	return n < 1 ? 1 : n;
}

/* A value of this process' control group, the first of them "max" or a number; -1: no bound. */
static int64_t bound(const char *file, int64_t *ret_second)
{
	AUTO(buf_done) struct buf text = BUF(4096), value = BUF(LINE_MAX);
	AUTO(own_freep) char *path = NULL;
	const char *group;
	struct err ignored = { 0 };
	char *end;
	int64_t n;

	if (buf_read_file(&text, "/proc/self/cgroup", &ignored) < 0)
		return -1;
	group = strstr(buf_str(&text), "0::"); /* version 2 */
	if (!group)
		return -1;
	group += 3;
	path = own_printf("/sys/fs/cgroup%.*s/%s", (int)strcspn(group, "\n"), group, file);
	if (buf_read_file(&value, path, &ignored) < 0)
		return -1;
	n = strtoll(buf_str(&value), &end, 10);
	if (end == buf_str(&value))
		return -1; /* "max" */
	if (ret_second)
		*ret_second = strtoll(end, NULL, 10);
	return n;
}

int64_t worker_size_here(void)
{
	int64_t memory = (int64_t)sysconf(_SC_PHYS_PAGES) * sysconf(_SC_PAGESIZE);
	int64_t most = bound("memory.max", NULL), period = 0, quota = bound("cpu.max", &period);
	int64_t processors = sysconf(_SC_NPROCESSORS_ONLN);
	cpu_set_t set;

	if (sched_getaffinity(0, sizeof(set), &set) == 0)
		processors = CPU_COUNT(&set);
	if (quota > 0 && period > 0 && quota / period < processors)
		processors = quota / period;
	if (most > 0 && most < memory)
		memory = most;
	return worker_size_slots(processors, memory);
}
