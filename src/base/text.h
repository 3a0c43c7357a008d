/* Small readers and writers of text that options and keys share. */
#ifndef BASE_TEXT_H
#define BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

/* The whole of @p s as a decimal number: sign, digits, nothing else. */
bool text_int(const char *s, int64_t *ret);
/* The same with a point, in thousandths; false when a digit past the third is not zero. */
bool text_milli(const char *s, int64_t *ret);
/* The other way: "1.5", "-0.001", "3". Returns @p out. */
#define TEXT_MILLI_MAX 32
const char *text_print_milli(int64_t milli, char out[static TEXT_MILLI_MAX]);

/* Index of @p word among choices "a|b|c", or -1. */
int text_choice(const char *choices, const char *word);
/* Choice @p i, borrowed with its length; NULL past the end. */
const char *text_choice_at(const char *choices, size_t i, size_t *ret_len);
/* "a, b or c" in @p out; cut when it has no room. Returns @p out. */
const char *text_choices(const char *choices, char *out, size_t size);

/* The first identifier in @p s, [A-Za-z_][A-Za-z0-9_]*, that stands neither between quotes nor in a
 * number (1e5); NULL: none. Borrowed. */
const char *text_ident(const char *s, size_t *ret_len);

/* Adds @p s broken at blanks so that no line passes @p width, when it can. @p at: the column where
 * the first line starts; @p indent: that of the others. A newline in @p s stays one. */
void text_wrap(struct buf *out, const char *s, int at, int indent, int width);

#endif
