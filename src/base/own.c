#include "base/own.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define OWN_EXIT_STATUS 70 /* EX_SOFTWARE */

static _Noreturn void own_die(const char *why)
{
	static const char head[] = "out of memory: ";

	if (write(STDERR_FILENO, head, sizeof(head) - 1) < 0 ||
	    write(STDERR_FILENO, why, strlen(why)) < 0 || write(STDERR_FILENO, "\n", 1) < 0)
		_exit(OWN_EXIT_STATUS);
	_exit(OWN_EXIT_STATUS);
}

void *own_alloc(size_t size)
{
	void *p = calloc(1, size ? size : 1);

	if (!p)
		own_die("allocation failed");
	return p;
}

void *own_array(size_t count, size_t size)
{
	size_t total;

	if (__builtin_mul_overflow(count, size, &total))
		own_die("array size overflows");
	return own_alloc(total);
}

void *own_grow(void *p, size_t count, size_t size)
{
	size_t total;
	void *grown;

	if (__builtin_mul_overflow(count, size, &total))
		own_die("array size overflows");
	grown = realloc(p, total ? total : 1);
	if (!grown)
		own_die("allocation failed");
	return grown;
}

char *own_strdup(const char *s)
{
	return s ? own_strndup(s, strlen(s)) : NULL;
}

char *own_strndup(const char *s, size_t n)
{
	size_t len;
	char *copy;

	if (!s)
		return NULL;
	len = strnlen(s, n);
	if (len == SIZE_MAX)
		own_die("string size overflows");
	copy = own_alloc(len + 1);
	memcpy(copy, s, len);
	return copy;
}

char *own_printf(const char *fmt, ...)
{
	va_list ap;
	char *text;

	va_start(ap, fmt);
	text = own_vprintf(fmt, ap);
	va_end(ap);
	return text;
}

char *own_vprintf(const char *fmt, va_list ap)
{
	char *text = NULL;

	if (vasprintf(&text, fmt, ap) < 0)
		own_die("formatting failed");
	return text;
}

void own_free(void *p)
{
	free(p);
}

void own_wipe(void *p, size_t n)
{
	if (p && n)
		explicit_bzero(p, n);
}

void own_wipe_str(char *s)
{
	if (!s)
		return;
	own_wipe(s, strlen(s));
	own_free(s);
}
