/* application/x-www-form-urlencoded, and AWS Query's way of writing lists and structures in it. */
#ifndef WIRE_FORM_H
#define WIRE_FORM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

#define FORM_PAIRS_MAX 32768 /* a thousand metrics of CloudWatch's, with some dimensions each */
#define FORM_NAME_MAX 256

struct form_pair {
	char *name, *value; /* decoded; NUL bytes are refused */
};

struct form {
	struct form_pair *pairs; /* in order of arrival */
	size_t count;
	size_t *by_name; /* indices sorted by name, then arrival */
};

/* Reads a query string or a body. Errors are of kind PROTOCOL. */
MUST int form_parse(const char *text, size_t len, struct form *ret, struct err *e);
void form_done(struct form *f);

const char *form_get(const struct form *f, const char *name); /* first of that name, or NULL */
bool form_int(const struct form *f, const char *name,
	      int64_t *ret); /* false: absent or not a number */
bool form_bool(const struct form *f, const char *name, bool *ret); /* "true"/"false", any case */

/* "Attribute.3.Name": form_at(f, "Attribute", 3, "Name"); i from 1; NULL suffix for plain lists. */
const char *form_at(const struct form *f, const char *list, size_t i, const char *suffix);
/* Length of a list: highest i with a name that starts "list.i." or equals "list.i", without gaps.
 */
size_t form_count(const struct form *f, const char *list);
/* A plain list under either of AWS's spellings, "X.1" or "X.member.1". */
const char *form_item(const struct form *f, const char *list, size_t i);
size_t form_items(const struct form *f, const char *list);

/* Writers: '&' between pairs is put by itself. */
int form_add(struct buf *out, const char *name, const char *value);
int form_add_int(struct buf *out, const char *name, int64_t value);
int form_add_bool(struct buf *out, const char *name, bool value);
int form_addf(struct buf *out, const char *value, const char *name_fmt, ...) PRINTF_LIKE(3, 4);

#endif
