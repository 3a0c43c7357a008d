/* Argument lists that are built piece by piece and freed whole. */
#ifndef WORKER_ARGV_H
#define WORKER_ARGV_H

#include <stddef.h>

#include "base/own.h"

#define ARGV_MAX 1024

struct argv {
	char *list[ARGV_MAX + 1]; /* NULL-terminated */
	size_t count;
};

void worker_argv_add(struct argv *a,
		     const char *s); /* copied; past ARGV_MAX is a bug: it ends the process */
void worker_argv_addf(struct argv *a, const char *fmt, ...) PRINTF_LIKE(2, 3);
void worker_argv_adds(struct argv *a, const char *const *list, size_t n);
void worker_argv_done(struct argv *a);
static inline const char *const *worker_argv_list(const struct argv *a)
{
	return (const char *const *)a->list;
}

#endif
