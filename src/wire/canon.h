/* SigV4's canonical request and what is derived from it; private to wire. */
#ifndef WIRE_CANON_H
#define WIRE_CANON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "wire/sigv4.h"

#define CANON_MAX (256u << 10)

struct canon {
	const char *method;
	const char *path, *query; /* as on the wire */
	size_t path_len, query_len;
	bool s3;
	bool presigned; /* X-Amz-Signature in the query is left out */
	struct sigv4_header headers[SIGV4_HEADERS_MAX]; /* those to sign, any case and order */
	size_t header_count;
	const char *payload;
};

MUST int canon_add_header(struct canon *c, const char *name, const char *value, struct err *e);
/* Hex digest of the canonical request, and "host;x-amz-date". */
MUST int canon_digest(const struct canon *c, char ret_hex[static SIGV4_SHA_MAX],
		      struct buf *ret_signed, struct err *e);

/* "20240131/region/service/aws4_request" split and joined. */
struct canon_scope {
	char date[9];
	char region[64];
	char service[32];
};
int canon_scope_print(const struct canon_scope *s, char out[static SIGV4_SCOPE_MAX]);
void canon_key(const char *secret, const struct canon_scope *s, uint8_t out[static 32]);
/* Hex signature of "AWS4-HMAC-SHA256\ndate\nscope\nrest". */
void canon_sign(const uint8_t key[static 32], const char *algorithm, const char *date,
		const char *scope, const char *rest, char ret_hex[static SIGV4_SHA_MAX]);

#endif
