/* Errors say what the caller should do, and grow leftwards into one sentence.
 *
 * A function that can fail returns 0 or -1 and fills a caller-owned struct err,
 * its last argument, which may be NULL. It either returns an error or logs it,
 * never both; libraries and stages return.
 */
#ifndef BASE_ERR_H
#define BASE_ERR_H

#include "base/own.h"

enum err_kind {
	ERR_NONE,
	ERR_POLICY,      /* a file or argument is wrong: mend it */
	ERR_DENIED,      /* credentials missing, expired or not allowed */
	ERR_THROTTLED,   /* too many calls: wait retry_after_ms */
	ERR_UNREACHABLE, /* no answer, refused, timed out, 5xx: later perhaps */
	ERR_PROTOCOL,    /* an answer that cannot be understood */
	ERR_CONFLICT,    /* somebody else was first: read again */
	ERR_NOT_FOUND,   /* the thing named does not exist */
	ERR_LOCAL        /* this machine: disk, process, permission */
};

#define ERR_TEXT_MAX 1024

struct err {
	enum err_kind kind;
	int retry_after_ms; /* 0: not told */
	int status;         /* HTTP status, 0 where there was none */
	char code[96];      /* the service's own code, "" where there is none */
	char text[ERR_TEXT_MAX];
};

/* Sets @p e and returns -1. @p e may be NULL. Cuts the text at its cap. */
int err_set(struct err *e, enum err_kind kind, const char *fmt, ...) PRINTF_LIKE(3, 4);

/* As err_set(), with ": " and strerror(@p errnum) appended and kind ERR_LOCAL. */
int err_errno(struct err *e, int errnum, const char *fmt, ...) PRINTF_LIKE(3, 4);

/* Puts "<context>: " before the text of @p e and returns -1. */
int err_wrap(struct err *e, const char *fmt, ...) PRINTF_LIKE(2, 3);

void err_clear(struct err *e);
const char *err_word(enum err_kind kind); /* "policy", "denied", … for logs and JSON */

/* The named way to drop an error: says in the code that nothing can be done about it. */
static inline void err_ignore(int rc)
{
	(void)rc;
}

#endif
