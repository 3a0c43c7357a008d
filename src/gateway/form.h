/* multipart/form-data as it comes, in pieces of any size (RFC 7578, RFC 2046). What is not yet
 * handed on is at most a delimiter; nothing is allocated but the heads of the parts, which are
 * bounded. */
#ifndef GATEWAY_FORM_H
#define GATEWAY_FORM_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/buf.h"

#define GATEWAY_FORM_HEAD_MAX 8192
#define GATEWAY_FORM_NAME_MAX 256
#define GATEWAY_FORM_PARTS_MAX 64
#define GATEWAY_FORM_BOUNDARY_MAX 70 /* RFC 2046 */

struct gateway_form_part {
	char name[GATEWAY_FORM_NAME_MAX]; /* of the field; longer ones are refused */
	bool is_file;                     /* it has a file name */
};

struct gateway_form_events {
	/* -1: the form is given up, @p e says why. */
	int (*begin)(const struct gateway_form_part *p, void *arg, struct err *e);
	/* How much of it was taken. Fewer: feeding stops there. */
	size_t (*data)(const char *data, size_t len, void *arg);
	int (*end)(void *arg, struct err *e);
	void *arg;
};

enum gateway_form_state {
	GATEWAY_FORM_PREAMBLE,
	GATEWAY_FORM_HEAD,
	GATEWAY_FORM_BODY,
	GATEWAY_FORM_DELIMITER, /* behind one: a line's end, or "--" */
	GATEWAY_FORM_EPILOGUE,
	GATEWAY_FORM_BROKEN
};

struct gateway_form {
	struct gateway_form_events events;
	enum gateway_form_state state;
	char delimiter[GATEWAY_FORM_BOUNDARY_MAX + 5]; /* CR LF -- boundary */
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
MUST int gateway_form_init(struct gateway_form *f, const char *content_type,
			   const struct gateway_form_events *events, struct err *e);
void gateway_form_done(struct gateway_form *f);
/* Returns how many bytes were taken, or -1 (ERR_POLICY). What was not is to be fed again. */
MUST ssize_t gateway_form_feed(struct gateway_form *f, const char *data, size_t len, struct err *e);
/* Has it come to its end? */
bool gateway_form_whole(const struct gateway_form *f);

#endif
