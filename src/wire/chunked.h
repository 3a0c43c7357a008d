/* aws-chunked bodies: "size[;chunk-signature=…]\r\ndata\r\n" … "0\r\n" trailers.
 *
 * Fed in any pieces; what it yields goes to a sink, so memory is constant. */
#ifndef WIRE_CHUNKED_H
#define WIRE_CHUNKED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "wire/sigv4.h"

#define CHUNKED_TRAILERS_MAX 8

/* True for the X-Amz-Content-Sha256 values that announce such a body. */
bool chunked_announced(const char *content_sha256);

struct chunked;
/* @p stream: from sigv4_verify(), for STREAMING-AWS4-HMAC-SHA256-…; else NULL and chunk signatures
 * are not looked at. @p size_cap: most decoded bytes. */
struct chunked *chunked_new(const char *content_sha256, const struct sigv4_stream *stream,
			    int64_t size_cap);
void chunked_free(struct chunked *c);
DEFINE_FREEP(struct chunked, chunked);

typedef int chunked_sink(const void *data, size_t len, void *arg, struct err *e);
/* Errors carry AWS codes: IncompleteBody, SignatureDoesNotMatch, EntityTooLarge,
 * InvalidChunkSizeError. */
MUST int chunked_feed(struct chunked *c, const void *data, size_t len, chunked_sink *sink,
		      void *arg, struct err *e);
/* No more will come: -1 when the last chunk was not seen. */
MUST int chunked_end(struct chunked *c, struct err *e);
int64_t chunked_bytes(const struct chunked *c);                               /* decoded so far */
const char *chunked_trailer(const struct chunked *c, const char *lower_name); /* NULL when absent */

#endif
