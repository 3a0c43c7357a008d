/* The grammar of RFC 8259, checked before json-c builds the tree: json-c also takes comments,
 * NaN, other cases of true and false and raw control characters, and cuts keys at NUL. */
#ifndef BASE_JSON_CHECK_H
#define BASE_JSON_CHECK_H

#include <stddef.h>

#include "base/err.h"

MUST int json_check(const char *text, size_t len, size_t most_depth, struct err *e);

#endif
