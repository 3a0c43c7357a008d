/* multipart/form-data as it comes, in pieces of any size (RFC 7578, RFC 2046). What is not yet
 * handed on is at most a delimiter; nothing is allocated but the heads of the parts, which are
 * bounded. */
#ifndef WIRE_MULTIPART_H
#define WIRE_MULTIPART_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/buf.h"

#define MULTIPART_HEAD_MAX 8192
#define MULTIPART_NAME_MAX 256
#define MULTIPART_FILE_MAX 1025
#define MULTIPART_PARTS_MAX 64
#define MULTIPART_BOUNDARY_MAX 70 /* RFC 2046 */

struct multipart_part {
	char name[MULTIPART_NAME_MAX]; /* of the field; longer ones are refused */
	bool is_file;                  /* it has a file name: */
	char file[MULTIPART_FILE_MAX]; /* cut to that; "" */
};

struct multipart_events {
	/* -1: the form is given up, @p e says why. */
	int (*begin)(const struct multipart_part *p, void *arg, struct err *e);
	/* How much of it was taken. Fewer: feeding stops there. */
	size_t (*data)(const char *data, size_t len, void *arg);
	int (*end)(void *arg, struct err *e);
	void *arg;
};

enum multipart_state {
	MULTIPART_PREAMBLE,
	MULTIPART_HEAD,
	MULTIPART_BODY,
	MULTIPART_DELIMITER, /* behind one: a line's end, or "--" */
	MULTIPART_EPILOGUE,
	MULTIPART_BROKEN
};

struct multipart {
	struct multipart_events events;
	enum multipart_state state;
	char delimiter[MULTIPART_BOUNDARY_MAX + 5]; /* CR LF -- boundary */
	size_t delimiter_len;
	size_t matched; /* bytes of the delimiter that stand at the end of what was fed */
	size_t owed_at,
		owed; /* of them, those that turned out to be data and are to be handed on */
	size_t preamble;
	int parts;
	char tail[2]; /* what stands behind a delimiter */
	size_t tail_len;
	struct buf head;
};

/* ERR_POLICY: @p content_type is not a form's, or has no boundary that is allowed. */
MUST int multipart_init(struct multipart *f, const char *content_type,
			const struct multipart_events *events, struct err *e);
void multipart_done(struct multipart *f);
/* Returns how many bytes were taken, or -1 (ERR_POLICY). What was not is to be fed again. */
MUST ssize_t multipart_feed(struct multipart *f, const char *data, size_t len, struct err *e);
/* Has it come to its end? */
bool multipart_whole(const struct multipart *f);

#endif
