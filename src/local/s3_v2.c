/* Signature Version 2, which boto3 still puts into presigned URLs and forms of us-east-1 when
 * nobody says otherwise, and old clients into headers. */
#include "local/s3_v2.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "base/crypto.h"
#include "base/text.h"
#include "wire/uri.h"

#define TEXT_MAX (64u << 10)
#define AMZ_MOST 128
#define SKEW_MAX_MS (15 * 60 * 1000)

/* Names in a query that are signed; sorted. */
static const char *const signed_names[] = { "accelerate",
					    "acl",
					    "analytics",
					    "cors",
					    "defaultObjectAcl",
					    "delete",
					    "inventory",
					    "lifecycle",
					    "location",
					    "logging",
					    "metrics",
					    "notification",
					    "object-lock",
					    "partNumber",
					    "policy",
					    "replication",
					    "requestPayment",
					    "response-cache-control",
					    "response-content-disposition",
					    "response-content-encoding",
					    "response-content-language",
					    "response-content-type",
					    "response-expires",
					    "restore",
					    "select",
					    "select-type",
					    "storageClass",
					    "tagging",
					    "torrent",
					    "uploadId",
					    "uploads",
					    "versionId",
					    "versioning",
					    "versions",
					    "website" };

bool local_s3_v2_asked(const struct s3_request *r)
{
	const char *authorization = local_s3_header(r, "Authorization");

	return authorization
		       ? !strncmp(authorization, "AWS ", 4)
		       : local_s3_query(r, "AWSAccessKeyId") && local_s3_query(r, "Signature") &&
				 !local_s3_query(r, "X-Amz-Algorithm");
}

bool local_s3_v2_same(const struct local_key *key, const char *text, size_t len,
		      const char *signature)
{
	uint8_t digest[CRYPTO_SHA1_BYTES];
	AUTO(buf_done) struct buf expected = BUF(64);

	crypto_hmac_sha1(key->secret, strlen(key->secret), text, len, digest);
	crypto_base64(digest, sizeof(digest), &expected);
	return expected.len == strlen(signature) &&
	       crypto_equal(buf_str(&expected), signature, expected.len);
}

/* ---- what is signed ---- */

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

struct lines {
	char *all[AMZ_MOST];
	size_t count;
};

static void lines_done(struct lines *l)
{
	for (size_t i = 0; i < l->count; i++)
		own_free(l->all[i]);
}

/* "x-amz-meta-a:1"; values of one name stand behind one another. */
static void lines_add(struct lines *l, const char *name, const char *value)
{
	char *line = own_printf("%s:%s", name, value + strspn(value, " \t"));
	size_t n = strlen(name) + 1;

	for (size_t i = 0; i < n; i++)
		line[i] = line[i] >= 'A' && line[i] <= 'Z' ? (char)(line[i] + 32) : line[i];
	for (size_t i = 0; i < l->count; i++)
		if (!strncmp(l->all[i], line, n)) {
			char *both = own_printf("%s,%s", l->all[i], line + n);

			own_free(l->all[i]);
			own_free(line);
			l->all[i] = both;
			return;
		}
	if (l->count < AMZ_MOST)
		l->all[l->count++] = line;
	else
		own_free(line);
}

static void add_amz(const struct s3_request *r, struct buf *out)
{
	AUTO(lines_done) struct lines l = { 0 };
	const char *name, *value;

	for (size_t it = 0; httpd_next_header(r->x, &it, &name, &value);)
		if (!strncasecmp(name, "x-amz-", 6))
			lines_add(&l, name, value);
	for (size_t i = 0; !local_s3_header(r, "Authorization") && i < r->query.count; i++)
		if (!strncasecmp(r->query.pairs[i].name, "x-amz-", 6) &&
		    !httpd_header(r->x, r->query.pairs[i].name))
			lines_add(&l, r->query.pairs[i].name, r->query.pairs[i].value);
	qsort(l.all, l.count, sizeof(*l.all), by_name);
	for (size_t i = 0; i < l.count; i++)
		buf_addf(out, "%s\n", l.all[i]);
}

/* "/bucket/path?acl", the path as it came. */
static void add_resource(const struct s3_request *r, struct buf *out)
{
	struct uri_target t = uri_split(httpd_target(r->x));
	char mark = '?';

	if (r->hosted)
		buf_addf(out, "/%s", r->bucket);
	buf_add(out, t.path, t.path_len);
	for (size_t i = 0; i < COUNT_OF(signed_names); i++) {
		const char *value = local_s3_query(r, signed_names[i]);

		if (!value)
			continue;
		buf_addf(out, "%c%s%s%s", mark, signed_names[i], *value ? "=" : "", value);
		mark = '&';
	}
}

static const char *or_empty(const char *s)
{
	return s ? s : "";
}

static void add_text(const struct s3_request *r, const char *date, struct buf *out)
{
	const char *type = local_s3_header(r, "Content-Type"),
		   *md5 = local_s3_header(r, "Content-MD5");

	if (!type && !local_s3_header(r, "Authorization"))
		type = local_s3_query(r, "content-type");
	buf_addf(out, "%s\n%s\n%s\n%s\n", httpd_method(r->x), or_empty(md5), or_empty(type), date);
	add_amz(r, out);
	add_resource(r, out);
}

/* ---- when ---- */

static int url_time(const char *expires, struct err *e)
{
	int64_t at;

	if (!expires || !text_int(expires, &at))
		return local_s3_refuse(e, "AccessDenied",
				       "Invalid date (should be seconds since epoch): %.40s",
				       or_empty(expires));
	return at * 1000 < clock_wall().ms
		       ? local_s3_refuse(e, "AccessDenied", "Request has expired")
		       : 0;
}

static int header_time(const struct s3_request *r, struct err *e)
{
	const char *date = local_s3_header(r, "x-amz-date");
	struct instant at;
	int64_t age;

	date = date ? date : local_s3_header(r, "Date");
	if (!date ||
	    (clock_parse_http(date, &at, NULL) < 0 && clock_parse_basic(date, &at, NULL) < 0))
		return local_s3_refuse(e, "AccessDenied",
				       "AWS authentication requires a valid Date or x-amz-date "
				       "header");
	age = instant_since(clock_wall(), at).ms;
	return age > SKEW_MAX_MS || age < -SKEW_MAX_MS
		       ? local_s3_refuse(e, "RequestTimeTooSkewed", NULL)
		       : 0;
}

/* ---- a key ---- */

int local_s3_v2_key(struct local *l, const char *access_key, const char *token,
		    struct local_key *ret, struct err *e)
{
	if (!local_key_find(l, access_key, ret))
		return local_s3_refuse(e, "InvalidAccessKeyId", NULL);
	if (!instant_is_never(ret->expires) && ret->expires.ms <= clock_wall().ms)
		return local_s3_refuse(e, "ExpiredToken", NULL);
	return strcmp(ret->token, or_empty(token)) ? local_s3_refuse(e, "InvalidToken", NULL) : 0;
}

static int check(struct s3_request *r, const char *access_key, const char *signature,
		 const char *date, const char *token, struct err *e)
{
	AUTO(buf_done) struct buf text = BUF(TEXT_MAX);
	struct local_key key = { 0 };
	int rc = local_s3_v2_key(r->s3->local, access_key, token, &key, e);

	add_text(r, date, &text);
	if (rc == 0 && (text.full || !local_s3_v2_same(&key, buf_str(&text), text.len, signature)))
		rc = local_s3_refuse(e, "SignatureDoesNotMatch", NULL);
	own_wipe(&key, sizeof(key));
	return rc;
}

int local_s3_v2_check(struct s3_request *r, struct err *e)
{
	const char *authorization = local_s3_header(r, "Authorization"), *colon;
	AUTO(own_freep) char *access_key = NULL;

	snprintf(r->verdict.payload, sizeof(r->verdict.payload), "%s", SIGV4_UNSIGNED);
	if (!authorization) {
		const char *expires = local_s3_query(r, "Expires");

		r->verdict.presigned = true;
		return url_time(expires, e) < 0
			       ? -1
			       : check(r, local_s3_query(r, "AWSAccessKeyId"),
				       local_s3_query(r, "Signature"), expires,
				       local_s3_query(r, "x-amz-security-token"), e);
	}
	authorization += 4;
	colon = strchr(authorization, ':');
	if (!colon)
		return local_s3_refuse(
			e, "InvalidArgument",
			"AWS authorization header is invalid.  Expected AwsAccessKeyId:"
			"signature");
	if (header_time(r, e) < 0)
		return -1;
	access_key = own_strndup(authorization, (size_t)(colon - authorization));
	return check(r, access_key, colon + 1,
		     local_s3_header(r, "x-amz-date") ? "" : or_empty(local_s3_header(r, "Date")),
		     local_s3_header(r, "x-amz-security-token"), e);
}
