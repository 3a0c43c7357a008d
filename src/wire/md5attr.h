/* SQS's digests of a message: body and attributes. */
#ifndef WIRE_MD5ATTR_H
#define WIRE_MD5ATTR_H

#include <stdbool.h>
#include <stddef.h>

#define MD5ATTR_HEX 33
#define MD5ATTR_MAX 64

struct md5attr {
	const char *name, *type; /* "String", "Number.custom", "Binary" */
	const void *value;       /* text, or the bytes themselves when the type starts "Binary" */
	size_t len;
};

/* Over names in sorted order, at most MD5ATTR_MAX; "" for none. Returns @p out. */
const char *md5attr_digest(const struct md5attr *attrs, size_t n, char out[static MD5ATTR_HEX]);
const char *md5attr_body(const void *body, size_t len, char out[static MD5ATTR_HEX]);

#endif
