#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/crypto.h"
#include "wire/canon.h"
#include "wire/codes.h"
#include "wire/form.h"
#include "wire/sigv4.h"
#include "wire/uri.h"

#define ALGORITHM "AWS4-HMAC-SHA256"
#define SKEW_MAX_MS (15 * 60 * 1000)
#define EXPIRES_MAX_S (7 * 24 * 3600)

/* What a request says of its signature, from header or query. */
struct claim {
	char access_key[128];
	struct canon_scope scope;
	char signed_headers[1536];
	char signature[SIGV4_SHA_MAX];
	char date[SIGV4_DATE_MAX];
	char token[4096];
	int64_t expires_s; /* of a presigned query */
	bool presigned;
};

static void claim_done(struct claim *c)
{
	own_wipe(c, sizeof(*c));
}

static bool is_s3(const struct sigv4_seen *s)
{
	return strcmp(s->service, "s3") == 0;
}

static int refuse(const struct sigv4_seen *s, const char *name, const char *message, struct err *e)
{
	const struct code *c = code_get(is_s3(s) ? SERVICE_S3 : SERVICE_STS, name);

	err_set(e, ERR_DENIED, "%s", message ? message : c->message);
	if (e) {
		snprintf(e->code, sizeof(e->code), "%s", c->name);
		e->status = c->status;
	}
	return -1;
}

static int malformed(const struct sigv4_seen *s, const struct claim *c, const char *message,
		     struct err *e)
{
	const char *s3 =
		c->presigned ? "AuthorizationQueryParametersError" : "AuthorizationHeaderMalformed";

	return refuse(s, is_s3(s) ? s3 : "IncompleteSignature", message, e);
}

static const char *header(const struct sigv4_seen *s, const char *name)
{
	const char *n, *value;

	for (size_t it = 0; s->next(s->headers, &it, &n, &value);)
		if (strcasecmp(n, name) == 0)
			return value;
	return NULL;
}

/* @p len bytes into @p out; false when they do not fit. */
static bool keep(char *out, size_t size, const char *s, size_t len)
{
	if (len >= size)
		return false;
	memcpy(out, s, len);
	out[len] = '\0';
	return true;
}

/* "AKID/20240131/region/service/aws4_request"; an access key has no slash. */
static bool read_credential(struct claim *c, const char *s, size_t len)
{
	const char *part[5];
	size_t part_len[5], n = 0;

	for (size_t at = 0; n < 5; n++) {
		const char *slash = n < 4 ? memchr(s + at, '/', len - at) : NULL;

		if (n < 4 && !slash)
			return false;
		part[n] = s + at;
		part_len[n] = n < 4 ? (size_t)(slash - s) - at : len - at;
		at += part_len[n] + 1;
	}
	return part_len[4] == strlen("aws4_request") && part_len[0] > 0 && part_len[1] == 8 &&
	       memcmp(part[4], "aws4_request", part_len[4]) == 0 &&
	       keep(c->access_key, sizeof(c->access_key), part[0], part_len[0]) &&
	       keep(c->scope.date, sizeof(c->scope.date), part[1], part_len[1]) &&
	       keep(c->scope.region, sizeof(c->scope.region), part[2], part_len[2]) &&
	       keep(c->scope.service, sizeof(c->scope.service), part[3], part_len[3]);
}

/* The Date header as X-Amz-Date is written; "-0000" of RFC 5322 is GMT. False: it is no such date.
 */
static bool plain_date(const char *text, char out[static CLOCK_TEXT_MAX])
{
	char gmt[CLOCK_TEXT_MAX];
	struct instant at;
	size_t n = strlen(text);

	if (n < 6 || n >= sizeof(gmt))
		return false;
	memcpy(gmt, text, n + 1);
	if (!strcmp(gmt + n - 5, "-0000") || !strcmp(gmt + n - 5, "+0000"))
		memcpy(gmt + n - 5, "GMT", 4);
	if (clock_parse_http(gmt, &at, NULL) < 0)
		return false;
	clock_print_basic(at, out);
	return true;
}

static int read_header_claim(const struct sigv4_seen *s, const char *text, struct claim *c,
			     struct err *e)
{
	const char *date = header(s, "x-amz-date"), *old = header(s, "Date"),
		   *token = header(s, "x-amz-security-token");
	char basic[CLOCK_TEXT_MAX];
	bool credential = false, names = false, signature = false;

	if (strncmp(text, ALGORITHM, strlen(ALGORITHM)) != 0)
		return malformed(s, c, "Unsupported authorization type: AWS4-HMAC-SHA256 is taken",
				 e);
	for (const char *at = text + strlen(ALGORITHM); *at;) {
		size_t len;

		at += strspn(at, " ,\t");
		len = strcspn(at, " ,\t");
		if (len > 11 && memcmp(at, "Credential=", 11) == 0)
			credential = read_credential(c, at + 11, len - 11);
		else if (len > 14 && memcmp(at, "SignedHeaders=", 14) == 0)
			names = keep(c->signed_headers, sizeof(c->signed_headers), at + 14,
				     len - 14);
		else if (len == 10 + 64 && memcmp(at, "Signature=", 10) == 0)
			signature = keep(c->signature, sizeof(c->signature), at + 10, 64);
		at += len;
	}
	if (!credential)
		return malformed(s, c,
				 "Authorization header requires 'Credential' parameter, as "
				 "key/date/region/service/aws4_request.",
				 e);
	if (!names || !signature)
		return malformed(s, c,
				 "Authorization header requires 'SignedHeaders' and "
				 "'Signature' parameters.",
				 e);
	if (!date && old)
		date = plain_date(old, basic) ? basic : old;
	if (!date || !keep(c->date, sizeof(c->date), date, strlen(date)))
		return malformed(s, c,
				 "Authorization header requires existence of either an "
				 "'X-Amz-Date' or a 'Date' header.",
				 e);
	if (token && !keep(c->token, sizeof(c->token), token, strlen(token)))
		return malformed(s, c, "X-Amz-Security-Token is too long.", e);
	return 0;
}

static int read_query_claim(const struct sigv4_seen *s, const struct form *f, struct claim *c,
			    struct err *e)
{
	const char *credential = form_get(f, "X-Amz-Credential"), *date = form_get(f, "X-Amz-Date");
	const char *names = form_get(f, "X-Amz-SignedHeaders");
	const char *signature = form_get(f, "X-Amz-Signature");
	const char *token = form_get(f, "X-Amz-Security-Token");

	c->presigned = true;
	if (strcmp(form_get(f, "X-Amz-Algorithm"), ALGORITHM) != 0)
		return malformed(s, c, "X-Amz-Algorithm only supports \"AWS4-HMAC-SHA256\"", e);
	if (!credential || !date || !names || !signature || !form_get(f, "X-Amz-Expires"))
		return malformed(s, c,
				 "Query-string authentication version 4 requires the "
				 "X-Amz-Algorithm, X-Amz-Credential, X-Amz-Signature, X-Amz-Date, "
				 "X-Amz-SignedHeaders, and X-Amz-Expires parameters.",
				 e);
	if (!form_int(f, "X-Amz-Expires", &c->expires_s))
		return malformed(s, c, "X-Amz-Expires should be a number", e);
	if (c->expires_s < 0)
		return malformed(s, c, "X-Amz-Expires must be non-negative", e);
	if (c->expires_s > EXPIRES_MAX_S)
		return malformed(s, c,
				 "X-Amz-Expires must be less than a week (in seconds); that is, "
				 "the given X-Amz-Expires must be less than 604800 seconds",
				 e);
	if (!read_credential(c, credential, strlen(credential)) ||
	    !keep(c->signed_headers, sizeof(c->signed_headers), names, strlen(names)) ||
	    strlen(signature) != 64 || !keep(c->signature, sizeof(c->signature), signature, 64) ||
	    !keep(c->date, sizeof(c->date), date, strlen(date)) ||
	    (token && !keep(c->token, sizeof(c->token), token, strlen(token))))
		return malformed(s, c, "Query-string authentication has a malformed parameter.", e);
	return 0;
}

static int read_claim(const struct sigv4_seen *s, struct claim *c, struct err *e)
{
	AUTO(form_done) struct form f = { 0 };
	struct uri_target t = uri_split(s->target);
	const char *authorization = header(s, "authorization");

	if (authorization)
		return read_header_claim(s, authorization, c, e);
	if (form_parse(t.query, t.query_len, &f, e) < 0)
		return malformed(s, c, "The query string is malformed.", e);
	if (form_get(&f, "X-Amz-Algorithm"))
		return read_query_claim(s, &f, c, e);
	return refuse(s, is_s3(s) ? "AccessDenied" : "MissingAuthenticationToken", NULL, e);
}

static int check_scope(const struct sigv4_seen *s, const struct claim *c, struct err *e)
{
	const char *code = is_s3(s) ? "AuthorizationHeaderMalformed" : "SignatureDoesNotMatch";
	char text[192];

	if (strncmp(c->date, c->scope.date, 8) != 0)
		return refuse(s, code,
			      "Date in Credential scope does not match YYYYMMDD from "
			      "ISO-8601 version of date from HTTP",
			      e);
	if (strcmp(c->scope.service, s->service) != 0) {
		snprintf(text, sizeof(text),
			 "Credential should be scoped to correct service: '%s'.", s->service);
		return refuse(s, code, text, e);
	}
	if (s->region && strcmp(c->scope.region, s->region) != 0) {
		snprintf(text, sizeof(text),
			 "Credential should be scoped to a valid region, not '%s': expecting '%s'.",
			 c->scope.region, s->region);
		return refuse(s, code, text, e);
	}
	return 0;
}

static int check_time(const struct sigv4_seen *s, const struct claim *c, struct err *e)
{
	char now[CLOCK_TEXT_MAX], text[192];
	struct instant at;
	int64_t age;

	if (clock_parse_basic(c->date, &at, NULL) < 0)
		return malformed(s, c, "X-Amz-Date must be in ISO-8601 'YYYYMMDDTHHMMSSZ' format",
				 e);
	age = instant_since(s->now, at).ms;
	clock_print_basic(s->now, now);
	if (age < -SKEW_MAX_MS) {
		snprintf(text, sizeof(text), "Signature not yet current: %s is still later than %s",
			 c->date, now);
		return refuse(s, is_s3(s) ? "RequestTimeTooSkewed" : "SignatureDoesNotMatch",
			      is_s3(s) ? NULL : text, e);
	}
	if (c->presigned && age > c->expires_s * 1000)
		return refuse(s, is_s3(s) ? "AccessDenied" : "RequestExpired",
			      "Request has expired", e);
	if (!c->presigned && age > SKEW_MAX_MS) {
		snprintf(text, sizeof(text),
			 "Signature expired: %s is now earlier than %s - 15 min.", c->date, now);
		return refuse(s, is_s3(s) ? "RequestTimeTooSkewed" : "SignatureDoesNotMatch",
			      is_s3(s) ? NULL : text, e);
	}
	return 0;
}

static bool listed(const char *names, const char *name)
{
	size_t n = strlen(name);

	for (const char *at = names; *at;) {
		size_t len = strcspn(at, ";");

		if (len == n && strncasecmp(at, name, n) == 0)
			return true;
		at += len + (at[len] == ';');
	}
	return false;
}

/* Takes over the signed headers; an x-amz- header that is not signed could have been added by
 * anyone. */
static int pick_headers(const struct sigv4_seen *s, const struct claim *claim, struct canon *c,
			struct err *e)
{
	const char *name, *value;

	if (!listed(claim->signed_headers, "host"))
		return refuse(s, is_s3(s) ? "AccessDenied" : "SignatureDoesNotMatch",
			      "'Host' must be a signed header", e);
	for (size_t it = 0; s->next(s->headers, &it, &name, &value);) {
		if (listed(claim->signed_headers, name)) {
			if (canon_add_header(c, name, value, NULL) < 0)
				return malformed(s, claim, "too many signed headers", e);
		} else if (is_s3(s) && strncasecmp(name, "x-amz-", 6) == 0) {
			return refuse(
				s, "AccessDenied",
				"There were headers present in the request which were not signed",
				e);
		}
	}
	return 0;
}

/* The payload digest that was signed: S3 takes the declared one, others the body's own. */
static int pick_payload(const struct sigv4_seen *s, const struct claim *claim,
			struct sigv4_verdict *v, struct err *e)
{
	const char *declared = header(s, "x-amz-content-sha256");
	size_t len = declared ? strlen(declared) : 0;

	if (len >= sizeof(v->payload))
		return refuse(s, is_s3(s) ? "XAmzContentSHA256Mismatch" : "IncompleteSignature",
			      "x-amz-content-sha256 is too long", e);
	if (declared && (is_s3(s) || !s->body_sha256)) {
		memcpy(v->payload, declared, len + 1);
	} else if (is_s3(s)) {
		if (!claim->presigned)
			return refuse(
				s, "InvalidRequest",
				"Missing required header for this request: x-amz-content-sha256",
				e);
		snprintf(v->payload, sizeof(v->payload), SIGV4_UNSIGNED);
	} else {
		snprintf(v->payload, sizeof(v->payload), "%s",
			 s->body_sha256 ? s->body_sha256 : SIGV4_EMPTY_SHA256);
	}
	if (is_s3(s) && s->body_sha256 && len == 64 && strcmp(declared, s->body_sha256) != 0)
		return refuse(s, "XAmzContentSHA256Mismatch", NULL, e);
	return 0;
}

static int check_signature(const struct sigv4_seen *s, const struct claim *claim,
			   const struct sigv4_keys *k, struct sigv4_verdict *v, struct err *e)
{
	AUTO(buf_done) struct buf names = BUF(CANON_MAX);
	struct uri_target t = uri_split(s->target);
	struct canon c = { .method = s->method,
			   .path = t.path,
			   .path_len = t.path_len,
			   .query = t.query,
			   .query_len = t.query_len,
			   .s3 = is_s3(s),
			   .presigned = claim->presigned };
	char digest[SIGV4_SHA_MAX], expected[SIGV4_SHA_MAX];

	if (pick_headers(s, claim, &c, e) < 0 || pick_payload(s, claim, v, e) < 0)
		return -1;
	c.payload = v->payload;
	if (canon_digest(&c, digest, &names, NULL) < 0 ||
	    canon_scope_print(&claim->scope, v->stream.scope) < 0)
		return malformed(s, claim, "The request cannot be put into canonical form.", e);
	canon_key(k->secret_key, &claim->scope, v->stream.key);
	canon_sign(v->stream.key, ALGORITHM, claim->date, v->stream.scope, digest, expected);
	if (!crypto_equal(expected, claim->signature, 64))
		return refuse(s, "SignatureDoesNotMatch", NULL, e);
	memcpy(v->stream.date, claim->date, sizeof(v->stream.date));
	memcpy(v->stream.previous, claim->signature, sizeof(v->stream.previous));
	return 0;
}

static bool same(const char *a, const char *b)
{
	size_t len = strlen(a);

	return len == strlen(b) && crypto_equal(a, b, len);
}

int sigv4_verify(const struct sigv4_seen *s, sigv4_lookup_fn *lookup, void *arg,
		 struct sigv4_verdict *ret, struct err *e)
{
	AUTO(claim_done) struct claim c = { 0 };
	struct sigv4_keys keys = { 0 };

	*ret = (struct sigv4_verdict){ 0 };
	if (read_claim(s, &c, e) < 0)
		return -1;
	if (!lookup(c.access_key, &keys, arg))
		return refuse(s, is_s3(s) ? "InvalidAccessKeyId" : "InvalidClientTokenId", NULL, e);
	if (check_scope(s, &c, e) < 0 || check_time(s, &c, e) < 0)
		return -1;
	if (!same(keys.token ? keys.token : "", c.token))
		return refuse(s, is_s3(s) ? "InvalidToken" : "InvalidClientTokenId", NULL, e);
	if (check_signature(s, &c, &keys, ret, e) < 0) {
		sigv4_stream_done(&ret->stream);
		return -1;
	}
	ret->presigned = c.presigned;
	memcpy(ret->access_key, c.access_key, sizeof(ret->access_key));
	memcpy(ret->region, c.scope.region, sizeof(ret->region));
	return 0;
}

void sigv4_believe(const struct sigv4_seen *s, struct sigv4_verdict *ret)
{
	AUTO(claim_done) struct claim c = { 0 };
	const char *declared = header(s, "x-amz-content-sha256");

	*ret = (struct sigv4_verdict){ 0 };
	err_ignore(read_claim(s, &c, NULL)); /* what could be read of it stands in c */
	if (!declared || !keep(ret->payload, sizeof(ret->payload), declared, strlen(declared)))
		snprintf(ret->payload, sizeof(ret->payload), SIGV4_UNSIGNED);
	ret->presigned = c.presigned;
	memcpy(ret->access_key, c.access_key, sizeof(ret->access_key));
	memcpy(ret->region, c.scope.region, sizeof(ret->region));
}

int sigv4_stream_check(struct sigv4_stream *s, const char *kind, const char *data_sha256,
		       const char *signature, struct err *e)
{
	char rest[4 * SIGV4_SHA_MAX], expected[SIGV4_SHA_MAX];
	bool trailer = strcmp(kind, "AWS4-HMAC-SHA256-TRAILER") == 0;
	const struct sigv4_seen s3 = { .service = "s3" };

	snprintf(rest, sizeof(rest), "%s\n%s%s%s", s->previous, trailer ? "" : SIGV4_EMPTY_SHA256,
		 trailer ? "" : "\n", data_sha256);
	canon_sign(s->key, kind, s->date, s->scope, rest, expected);
	if (strlen(signature) != 64 || !crypto_equal(expected, signature, 64))
		return refuse(&s3, "SignatureDoesNotMatch", NULL, e);
	memcpy(s->previous, expected, sizeof(s->previous));
	return 0;
}

void sigv4_stream_done(struct sigv4_stream *s)
{
	own_wipe(s, sizeof(*s));
}
