/* What the files of the HTTP client share, and nobody else. */
#ifndef BASE_HTTP_OWN_H
#define BASE_HTTP_OWN_H

#include <curl/curl.h>

#include "base/http.h"

#define HTTP_HEADERS_MAX 1000
/* curl has its own cap at 300 KiB, and words it badly. */
#define HTTP_HEADER_BYTES_MAX (256u << 10)
#define HTTP_FAILURE_BODY_MAX ((size_t)1 << 20)
#define HTTP_PIECE_MAX (64l << 10)

struct http_call {
	struct http_call *prev, *next;
	struct http *http;
	CURL *easy;
	bool added; /* to the multi handle */
	struct curl_slist *headers, *resolve;
	struct loop_resolve *lookup;
	struct loop_timer *deadline; /* of the whole call; at once when it cannot begin */
	struct span timeout;

	char *origin; /* scheme://host:port, for messages */
	char *host;   /* without brackets */
	int port;
	bool proxied; /* the environment names a proxy that may be used */
	void (*connected)(
		struct http_call *c); /* a stream (http_stream.c): the connection is all */

	const char *body;
	int body_fd; /* -1: memory */
	int64_t body_offset, body_size, body_at;
	bool once;
	int64_t (*body_there)(void *arg);
	void *body_arg;
	bool body_waits;

	int reply_fd;
	size_t reply_cap, header_bytes;
	struct http_reply reply;

	struct err err; /* set by a callback that gave up, or before the start */
	char detail[CURL_ERROR_SIZE];
	http_done_fn *fn;
	void *arg;
};

/* http_request.c: checks @p q and tells curl all but the addresses. */
MUST int http_request_set(struct http_call *c, const struct http_request *q, struct err *e);
void http_request_done(struct http_call *c);

/* http_reply.c */
void http_reply_set(struct http_call *c, const struct http_request *q);
/* What went wrong, in @p e: -1, or 0 when nothing did. */
int http_reply_failure(struct http_call *c, CURLcode code, struct err *e);
/* What the proxy answered to CONNECT where it refused, else 0: nothing reached the host. */
long http_reply_proxy_refusal(const struct http_call *c);

#endif
