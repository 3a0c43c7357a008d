/* Which bytes are UTF-8 (RFC 3629: no overlong forms, no surrogates, nothing past U+10FFFF). */
#ifndef BASE_UTF8_H
#define BASE_UTF8_H

#include <stdbool.h>
#include <stddef.h>

#define UTF8_REPLACEMENT "\xEF\xBF\xBD" /* U+FFFD */

/* Bytes of the character at @p s, 1…4; 0 when there is none whole and valid. */
size_t utf8_char(const char *s, size_t len);
bool utf8_valid(const char *s, size_t len);
size_t utf8_count(const char *s, size_t len); /* characters; an invalid byte counts as one */
/* The largest length up to @p len that does not end inside a character. */
size_t utf8_cut(const char *s, size_t len);

#endif
