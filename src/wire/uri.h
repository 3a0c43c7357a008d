/* Percent coding and request targets. */
#ifndef WIRE_URI_H
#define WIRE_URI_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

/* Encodes all but RFC 3986's unreserved characters, upper-case hex; '/' is kept when asked. */
int uri_encode(struct buf *out, const char *s, size_t len, bool keep_slash);

/* Decodes %XX, and '+' to a space when @p plus. A broken escape is an error of kind PROTOCOL. */
MUST int uri_decode(struct buf *out, const char *s, size_t len, bool plus, struct err *e);

/* A target as received, cut at the first '?'; borrowed from it. */
struct uri_target {
	const char *path, *query; /* query: "" when there is none; without the '?' */
	size_t path_len, query_len;
};
struct uri_target uri_split(const char *target);

/* "https://host:8080/base" in pieces; borrowed. Only http and https; no user info. */
struct uri_parts {
	bool tls;
	const char *host; /* host with port, as a Host header has it */
	size_t host_len;
	const char *path; /* "" or "/…"; query included */
};
MUST int uri_parse(const char *url, struct uri_parts *ret, struct err *e);

#endif
