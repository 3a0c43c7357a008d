/* Signature Version 4, both ways: one canonicalisation signs our requests and verifies those that
 * the embedded cloud receives.
 *
 * Paths and queries are taken as they go over the wire. S3 signs the path as it stands; for every
 * other service dot segments and empty ones are removed and the rest is encoded once more.
 */
#ifndef WIRE_SIGV4_H
#define WIRE_SIGV4_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/clock.h"

#define SIGV4_UNSIGNED "UNSIGNED-PAYLOAD"
#define SIGV4_EMPTY_SHA256 "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
#define SIGV4_DATE_MAX 17
#define SIGV4_SHA_MAX 65
#define SIGV4_SCOPE_MAX 128 /* "20240131/eu-central-1/sqs/aws4_request" */
#define SIGV4_HEADERS_MAX 64

/* Borrowed secrets. token NULL or "": none. */
struct sigv4_keys {
	const char *access_key, *secret_key, *token;
};

struct sigv4_header {
	const char *name, *value;
};

struct sigv4_request {
	const char *method;
	const char *host;                   /* as the Host header will have it */
	const char *path;                   /* encoded, as sent; "" is "/" */
	const char *query;                  /* encoded, as sent, without '?'; may be NULL */
	const struct sigv4_header *headers; /* to be signed besides host and x-amz-*; any case */
	size_t header_count;
	const char *payload;          /* lower-case hex SHA-256 of the body, or SIGV4_UNSIGNED */
	const char *region, *service; /* service: signing name; "s3" has rules of its own */
	struct instant at;
};

/* What to add to the request. Secrets (the token) are not copied here: it goes from the keys to
 * X-Amz-Security-Token as it is. */
struct sigv4_signed {
	char authorization[2048];
	char date[SIGV4_DATE_MAX];          /* X-Amz-Date */
	char content_sha256[SIGV4_SHA_MAX]; /* X-Amz-Content-Sha256; "" where not sent (not S3) */
	bool token;                         /* X-Amz-Security-Token must go out */
};

/* -1: too many or too long headers. */
MUST int sigv4_sign(const struct sigv4_request *r, const struct sigv4_keys *k,
		    struct sigv4_signed *ret, struct err *e);

/* A presigned query: "X-Amz-Algorithm=…&…&X-Amz-Signature=…", @p r->query first. Adds to @p
 * ret_query. */
MUST int sigv4_presign(const struct sigv4_request *r, const struct sigv4_keys *k, int expires_s,
		       struct buf *ret_query, struct err *e);

/* Hex signature of the base64 @p policy of a browser's form that posts to S3. @p date: "20240131".
 */
void sigv4_policy_sign(const char *secret, const char *date, const char *region, const char *policy,
		       char ret_hex[static SIGV4_SHA_MAX]);

/* --- verifying ------------------------------------------------------------------------------ */

/* for (size_t it = 0; next(source, &it, &name, &value);) — the shape of httpd_next_header(). */
typedef bool sigv4_next_fn(const void *source, size_t *it, const char **name, const char **value);
/* Fills borrowed keys for an access key; false: unknown. */
typedef bool sigv4_lookup_fn(const char *access_key, struct sigv4_keys *ret, void *arg);

struct sigv4_seen {
	const char *method;
	const char *target; /* raw: path and query as received */
	sigv4_next_fn *next;
	const void *headers;
	const char *body_sha256; /* hex of what was received. NULL: not read yet;
				  * x-amz-content-sha256 is believed and the caller compares
				  * verdict.payload afterwards (S3) */
	const char *service;     /* signing name that must stand in the scope */
	const char *region;      /* NULL: any */
	struct instant now;
};

/* What the chunks of a signed stream are checked with; see chunked.h. Holds a derived secret. */
struct sigv4_stream {
	uint8_t key[32];
	char date[SIGV4_DATE_MAX];
	char scope[SIGV4_SCOPE_MAX];
	char previous[SIGV4_SHA_MAX];
};

struct sigv4_verdict {
	char access_key[128];
	char region[64];
	char payload[80]; /* declared: hex, UNSIGNED-PAYLOAD or STREAMING-…; "" where none was */
	bool presigned;
	struct sigv4_stream stream;
};

/* 0, or -1 with e->code and e->status as AWS answers: MissingAuthenticationToken (S3:
 * AccessDenied), IncompleteSignature (S3: AuthorizationHeaderMalformed), InvalidClientTokenId (S3:
 * InvalidAccessKeyId), SignatureDoesNotMatch, RequestTimeTooSkewed (S3) or SignatureDoesNotMatch
 * with "Signature expired", ExpiredToken, XAmzContentSHA256Mismatch. */
MUST int sigv4_verify(const struct sigv4_seen *s, sigv4_lookup_fn *lookup, void *arg,
		      struct sigv4_verdict *ret, struct err *e);
/* What a request says of itself, believed: its access key ("" where it names none) and its declared
 * payload. Nothing is checked, and no stream can be. */
void sigv4_believe(const struct sigv4_seen *s, struct sigv4_verdict *ret);
/* Checks one chunk of a signed stream and moves on: @p kind "AWS4-HMAC-SHA256-PAYLOAD" or
 * "AWS4-HMAC-SHA256-TRAILER". */
MUST int sigv4_stream_check(struct sigv4_stream *s, const char *kind, const char *data_sha256,
			    const char *signature, struct err *e);
void sigv4_stream_done(struct sigv4_stream *s); /* wipes */

#endif
