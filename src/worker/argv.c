#include "worker/argv.h"

#include <assert.h>
#include <stdarg.h>

void worker_argv_add(struct argv *a, const char *s)
{
	assert(a->count < ARGV_MAX);
	a->list[a->count++] = own_strdup(s);
}

void worker_argv_addf(struct argv *a, const char *fmt, ...)
{
	va_list ap;

	assert(a->count < ARGV_MAX);
	va_start(ap, fmt);
	a->list[a->count++] = own_vprintf(fmt, ap);
	va_end(ap);
}

void worker_argv_adds(struct argv *a, const char *const *list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		worker_argv_add(a, list[i]);
}

void worker_argv_done(struct argv *a)
{
	for (size_t i = 0; i < a->count; i++)
		own_free(a->list[i]);
	*a = (struct argv){ 0 };
}
