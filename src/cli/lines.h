/* Lines of a descriptor, as they come: a file, or a pipe that somebody writes into slowly. */
#ifndef CLI_LINES_H
#define CLI_LINES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

struct lines {
	int fd; /* borrowed */
	struct buf buf;
	size_t start, most;
	int64_t taken; /* bytes given out so far */
	bool ended, skipping;
	int errnum; /* of the read that failed, and so ended it; 0: the end was reached */
};

/* @p most: bytes of a line; a longer one is given cut, with its length most + 1 or more, and the
 * rest of it is skipped. */
void lines_init(struct lines *l, int fd, size_t most);
void lines_done(struct lines *l);

enum lines_got { LINES_END, LINES_LINE, LINES_LATER };
/* The next line without its newline, borrowed until the next call. The last needs no newline.
 * LINES_LATER, only without @p wait: none is there yet. */
enum lines_got lines_next(struct lines *l, bool wait, const char **ret, size_t *ret_len);

#endif
