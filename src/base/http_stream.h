/* A stream of bytes to one peer, over TCP or TLS, for protocols that are not HTTP: libcurl makes
 * the connection (and its TLS), the loop says when there is something to read or room to write.
 *
 * Names are resolved by loop_resolve(); no proxy is used; TLS 1.2 and up, the peer verified unless
 * told otherwise. What is sent waits in a buffer of at most HTTP_STREAM_OUT_MAX bytes.
 */
#ifndef BASE_HTTP_STREAM_H
#define BASE_HTTP_STREAM_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/instant.h"
#include "base/loop.h"

#define HTTP_STREAM_OUT_MAX ((size_t)32 << 20)

struct http_stream;

struct http_stream_options {
	const char *host; /* a name or an address; IPv6 without brackets */
	int port;
	const char *scheme; /* for messages: "redis" */
	bool tls;
	bool unverified;             /* TLS: whoever answers is believed */
	const char *ca_file;         /* NULL: the system's */
	const char *cert_file;       /* NULL: no certificate of our own */
	const char *key_file;        /* NULL: in cert_file */
	struct span connect_timeout; /* names, TCP and TLS together; default 5 s */
};

/* Called from the loop: open with no data and no error, then data as it comes, then once with @p e
 * when it is over (ERR_UNREACHABLE). The stream may be freed in it. */
enum http_stream_event { HTTP_STREAM_OPEN, HTTP_STREAM_DATA, HTTP_STREAM_OVER };
typedef void http_stream_fn(enum http_stream_event what, const char *data, size_t len,
			    const struct err *e, void *arg);

struct http_stream *http_stream_new(struct loop *l, const struct http_stream_options *o,
				    http_stream_fn *fn, void *arg);
/* Copies; sent when there is room, before the open too. -1: the buffer is full (ERR_LOCAL). */
MUST int http_stream_send(struct http_stream *s, const void *data, size_t len, struct err *e);
void http_stream_free(struct http_stream *s); /* closes at once; fn is not called any more */

#endif
