/* HTTP client: libcurl's multi-socket interface hung into the loop (the only file that includes
 * curl).
 *
 * Names are resolved by loop_resolve() and handed to curl, whose own resolver would block the loop
 * when a call is given up. No redirects, no cookies, no proxy but the environment's (never for
 * loopback); TLS 1.2 and up, peers verified. HTTP/1.1. Connections are reused within one struct
 * http. What goes out is the request line, Host, Content-Length where there is a body (or the
 * method is PUT or POST), and the headers given, nothing else: signatures depend on it.
 */
#ifndef BASE_HTTP_H
#define BASE_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/instant.h"
#include "base/loop.h"

struct http;
struct http_call;

struct http *http_new(struct loop *l);
void http_free(struct http *h); /* gives up what is running; their done functions are not called */
DEFINE_FREEP(struct http, http);

struct http_header {
	const char *name, *value;
};

struct http_request {
	const char *method;
	const char *url; /* http:// or https://, sent byte for byte as written (no normalisation) */
	const struct http_header *headers;
	size_t header_count;
	/* Body: memory, or @p body_size bytes of descriptor @p body_fd from body_offset (never
	 * both; -1: none), which is read by pread(). */
	const void *body;
	size_t body_len;
	int body_fd;
	int64_t body_offset, body_size;
	/* How many of them are in the descriptor by now; NULL: all. While there are no more than
	 * were sent the call waits for http_body_more(). */
	int64_t (*body_there)(void *arg);
	void *body_arg;
	size_t body_piece; /* read and sent at a time, and the memory for it; 16 KiB to 2 MiB, 0: 64
			      KiB, or less where the body is short */
	/* curl sends a request again by itself where a kept connection ends without an answer,
	 * though it may have been carried out. Once: not after its body was on its way. */
	bool once;
	bool expect_continue; /* send Expect: 100-continue; otherwise never sent */
	/* Reply body: memory up to reply_cap, or when status is 2xx and reply_fd >= 0 written
	 * there (at its offset; a regular file), up to reply_cap. What a failure says goes to
	 * memory, at most 1 MiB of it. */
	int reply_fd;
	size_t reply_cap;
	struct span connect_timeout; /* default 3 s */
	struct span timeout;         /* whole call, default 30 s */
	struct span stall_timeout;   /* no byte moved for so long: given up; 0: off */
	const char *ca_file;         /* NULL: the system's */
};
#define HTTP_REQUEST(...) \
	((struct http_request){ .body_fd = -1, .reply_fd = -1, .reply_cap = 1 << 20, __VA_ARGS__ })

struct http_reply {
	int status;
	struct buf body;             /* empty when it went to reply_fd */
	int64_t body_bytes;          /* in memory or to the descriptor */
	struct http_header *headers; /* names in lower case */
	size_t header_count;
	bool sent; /* some of the request may have reached the peer: not safe to repeat blindly */
	bool timed_out; /* connecting, or waiting for the answer */
};
const char *http_reply_header(const struct http_reply *r, const char *lower_name); /* or NULL */
void http_reply_done(struct http_reply *r);

/* On failure of the transport @p e is set (UNREACHABLE, or PROTOCOL for a body past its cap) and
 * r->status is 0 unless headers had come. The reply is borrowed; move r->body out to keep it. The
 * call is gone afterwards. */
typedef void http_done_fn(struct http_reply *r, const struct err *e, void *arg);

/* Copies all it needs of @p q (not the body memory: that must live until done, as must the
 * descriptors). Always ends in done_fn, from the loop, unless cancelled; @p h may be freed and
 * other calls started or cancelled in it. What cannot be sent as it is (a line break in a header,
 * user and password in the URL) ends with ERR_POLICY. Errors name scheme, host and port, no more:
 * paths, queries and headers may be secrets. */
struct http_call *http_start(struct http *h, const struct http_request *q, http_done_fn *fn,
			     void *arg);
void http_body_more(struct http_call *c); /* more of its body is there */
void http_cancel(struct http_call *c);    /* done_fn is not called; the connection is closed */

/* Runs one request on a loop of its own, for command-line programs. */
MUST int http_fetch(const struct http_request *q, struct http_reply *ret, struct err *e);

#endif
