/* A growing buffer that states its cap at birth.
 *
 * Adding past the cap leaves the buffer unchanged and sets `full`, so a writer may
 * add without looking and ask once at the end. data is always NUL-terminated once
 * anything was added; len does not count the NUL.
 */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

struct buf {
	char *data;
	size_t len;
	size_t size; /* allocated */
	size_t cap;  /* most bytes it may hold; 0: nothing can be added */
	bool full;
};

#define BUF(max) ((struct buf){ .cap = (max) })

void buf_done(struct buf *b);  /* frees and zeroes; keeps the cap */
void buf_wipe(struct buf *b);  /* as buf_done(), for secrets */
void buf_clear(struct buf *b); /* keeps the memory */
int buf_add(struct buf *b, const void *data, size_t len);
int buf_addc(struct buf *b, char c);
int buf_adds(struct buf *b, const char *s);
int buf_addf(struct buf *b, const char *fmt, ...) PRINTF_LIKE(2, 3);
void buf_drop(struct buf *b, size_t n);   /* removes the first n bytes */
const char *buf_str(const struct buf *b); /* "" when empty; borrowed */
char *buf_take(struct buf *b);            /* the string, owned by the caller; b is empty */
MUST int buf_ok(const struct buf *b, const char *what,
		struct err *e); /* -1 when it was ever full */

/* Whole file into @p b (which states the cap), and back: written beside, synced, renamed. A pipe or
 * a device that has the name is written into. */
MUST int buf_read_file(struct buf *b, const char *path, struct err *e);
MUST int buf_write_file(const struct buf *b, const char *path, int mode, struct err *e);

#endif
