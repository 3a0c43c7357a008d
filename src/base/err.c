#include "base/err.h"

#include <stdio.h>
#include <string.h>

#include "base/utf8.h"

/* Formats into @p text; a cut text ends at a whole character. */
PRINTF_LIKE(2, 0)
static void err_format(char text[static ERR_TEXT_MAX], const char *fmt, va_list ap)
{
	int n = vsnprintf(text, ERR_TEXT_MAX, fmt, ap);

	if (n < 0)
		text[0] = '\0';
	else if (n >= ERR_TEXT_MAX)
		text[utf8_cut(text, ERR_TEXT_MAX - 1)] = '\0';
}

int err_set(struct err *e, enum err_kind kind, const char *fmt, ...)
{
	char text[ERR_TEXT_MAX]; /* the arguments may point into e */
	va_list ap;

	if (!e)
		return -1;
	va_start(ap, fmt);
	err_format(text, fmt, ap);
	va_end(ap);
	err_clear(e);
	e->kind = kind;
	memcpy(e->text, text, strlen(text) + 1);
	return -1;
}

int err_errno(struct err *e, int errnum, const char *fmt, ...)
{
	char text[ERR_TEXT_MAX], why[128];
	va_list ap;

	if (!e)
		return -1;
	va_start(ap, fmt);
	err_format(text, fmt, ap);
	va_end(ap);
	return err_set(e, ERR_LOCAL, "%s: %s", text, strerror_r(errnum, why, sizeof(why)));
}

int err_wrap(struct err *e, const char *fmt, ...)
{
	char context[ERR_TEXT_MAX], text[ERR_TEXT_MAX];
	va_list ap;
	int n;

	if (!e)
		return -1;
	va_start(ap, fmt);
	err_format(context, fmt, ap);
	va_end(ap);
	memcpy(text, e->text, sizeof(text));
	n = snprintf(e->text, sizeof(e->text), "%s: %s", context, text);
	if (n >= ERR_TEXT_MAX)
		e->text[utf8_cut(e->text, ERR_TEXT_MAX - 1)] = '\0';
	return -1;
}

void err_clear(struct err *e)
{
	if (e)
		*e = (struct err){ .kind = ERR_NONE };
}

const char *err_word(enum err_kind kind)
{
	switch (kind) {
	case ERR_NONE:
		return "none";
	case ERR_POLICY:
		return "policy";
	case ERR_DENIED:
		return "denied";
	case ERR_THROTTLED:
		return "throttled";
	case ERR_UNREACHABLE:
		return "unreachable";
	case ERR_PROTOCOL:
		return "protocol";
	case ERR_CONFLICT:
		return "conflict";
	case ERR_NOT_FOUND:
		return "not_found";
	case ERR_LOCAL:
		return "local";
	}
	return "unknown";
}
