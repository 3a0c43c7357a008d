/* One call to AWS without the I/O: an ask writes a request, a read understands a reply.
 *
 * aws_<service>_<action>_ask(struct request *, …) fills a zeroed or used request (it is cleared
 * first); request_done() frees it. aws_…_read(const struct reply *, …) gives -1 for a call that
 * failed in any way, with one sentence: "SQS GetQueueAttributes: 403 AccessDenied: … (request
 * 4f…)". Between the two stands a lane (lane.h), or a recorded reply in a test.
 */
#ifndef AWS_CALL_H
#define AWS_CALL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/instant.h"
#include "base/json.h"
#include "base/xml.h"
#include "wire/service.h"

#define REQUEST_HEADERS_MAX 32
#define REQUEST_BODY_MAX (12u << 20)
#define REPLY_JSON_MAX (11u << 20) /* ten messages of 1 MiB, and what surrounds them */
#define REPLY_XML_MAX (4u << 20)

struct request_header {
	char *name, *value;
};

struct request {
	enum service service;
	const char *action; /* a literal, for sentences and X-Amz-Target: "GetQueueAttributes" */
	const char *method; /* a literal */
	char *origin; /* "https://host" to send to where no endpoint is configured; NULL: by region
		       */
	char *region; /* NULL: the lane's */
	char *bucket; /* S3 */
	struct buf path;  /* encoded, below the endpoint; S3: the key */
	struct buf query; /* encoded */
	struct buf body;
	int body_fd; /* -1: body is in memory; else body_size bytes from body_offset */
	int64_t body_offset, body_size;
	int64_t (*body_there)(void *arg); /* see struct http_request; NULL: all of it is there */
	void *body_arg;
	size_t body_piece; /* see struct http_request */
	char payload[80];  /* hex SHA-256 of a descriptor's body, or "": unsigned over TLS and http
			    */
	struct request_header headers[REQUEST_HEADERS_MAX];
	size_t header_count;
	int reply_fd; /* -1: reply into memory */
	size_t reply_cap;
	bool reply_shared; /* others write to that file: a repeated attempt cuts nothing off */
	bool anonymous;    /* not signed, no keys needed */
	bool write;        /* repeated only when provably not executed */
	bool urgent;       /* before all others, where calls are scarce */
	struct span wait;  /* how long the service itself may wait (long poll); added to attempt
			      time-outs */
};

void request_done(struct request *r); /* zeroed is fine; does not close descriptors */
/* The start of every ask: clears, then sets what all need. */
void request_init(struct request *r, enum service s, const char *action, const char *method);
void request_header(struct request *r, const char *name, const char *value);

struct reply_header {
	char *name, *value; /* names in lower case */
};

struct reply {
	enum service service;
	const char *action;
	int status; /* 0: no answer; err says why */
	struct buf body;
	int64_t body_bytes; /* in body or written to the descriptor */
	struct reply_header *headers;
	size_t header_count;
	char request_id[128];
	struct err err; /* ERR_NONE for 2xx */
	int attempts;
	bool sent; /* some of the last attempt may have reached the service */
};

void reply_done(struct reply *r);
const char *reply_header(const struct reply *r, const char *lower_name); /* or NULL */

/* Used by readers. reply_check: -1 and the sentence when the call failed. It does all the mapping
 * from status and body to kinds, also for recorded replies whose err is not set. */
MUST int reply_check(const struct reply *r, struct err *e);
MUST int reply_json(const struct reply *r, struct json **ret,
		    struct err *e); /* checks; "{}" for no body */
MUST int reply_result(const struct reply *r, struct xml **ret, const struct xml_node **ret_result,
		      struct err *e);
/* An answer that is not what the action promises: kind PROTOCOL. */
int reply_odd(const struct reply *r, struct err *e, const char *fmt, ...) PRINTF_LIKE(3, 4);

/* A request, its reply and its place in a lane. Owned by the caller, at a fixed address while it
 * runs; zeroed is a fresh one; may be used again after aws_call_done(). */
struct aws_flight;
struct aws_call {
	struct request request;
	struct reply reply;
	void *user;
	struct aws_flight *flight; /* the lane's; NULL when not running */
};
void aws_call_done(struct aws_call *c);

#endif
