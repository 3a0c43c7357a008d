/* Signatures against AWS's worked examples, and what a verifier must refuse. */
#include "check_wire.h"

#include <stdio.h>
#include <string.h>

#include "base/crypto.h"
#include "wire/sigv4.h"

/* The keys of AWS's examples: "Signature Version 4 signing process" and its test suite; Amazon S3
 * API Reference, "Authenticating Requests: Using the Authorization Header". */
static const struct sigv4_keys suite_keys = { "AKIDEXAMPLE",
					      "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", NULL };
static const struct sigv4_keys s3_keys = { "AKIAIOSFODNN7EXAMPLE",
					   "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", NULL };

static const struct {
	const char *name;
	bool s3;
	const char *method, *host, *path, *query, *date, *service, *payload;
	struct sigv4_header headers[3];
	size_t header_count;
	const char *signature;
} vectors[] = {
	{ "get-vanilla",
	  false,
	  "GET",
	  "example.amazonaws.com",
	  "/",
	  "",
	  "20150830T123600Z",
	  "service",
	  SIGV4_EMPTY_SHA256,
	  { { 0 } },
	  0,
	  "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31" },
	{ "get-relative-relative",
	  false,
	  "GET",
	  "example.amazonaws.com",
	  "/example1/example2/../..",
	  "",
	  "20150830T123600Z",
	  "service",
	  SIGV4_EMPTY_SHA256,
	  { { 0 } },
	  0,
	  "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31" },
	{ "get-slashes",
	  false,
	  "GET",
	  "example.amazonaws.com",
	  "//.//",
	  "",
	  "20150830T123600Z",
	  "service",
	  SIGV4_EMPTY_SHA256,
	  { { 0 } },
	  0,
	  "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31" },
	{ "post-vanilla",
	  false,
	  "POST",
	  "example.amazonaws.com",
	  "/",
	  "",
	  "20150830T123600Z",
	  "service",
	  SIGV4_EMPTY_SHA256,
	  { { 0 } },
	  0,
	  "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b" },
	{ "get-vanilla-query-order-key-case",
	  false,
	  "GET",
	  "example.amazonaws.com",
	  "/",
	  "Param2=value2&Param1=value1",
	  "20150830T123600Z",
	  "service",
	  SIGV4_EMPTY_SHA256,
	  { { 0 } },
	  0,
	  "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500" },
	{ "IAM ListUsers",
	  false,
	  "GET",
	  "iam.amazonaws.com",
	  "/",
	  "Action=ListUsers&Version=2010-05-08",
	  "20150830T123600Z",
	  "iam",
	  SIGV4_EMPTY_SHA256,
	  { { "Content-Type", "application/x-www-form-urlencoded; charset=utf-8" } },
	  1,
	  "5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7" },
	{ "S3 GET of a range",
	  true,
	  "GET",
	  "examplebucket.s3.amazonaws.com",
	  "/test.txt",
	  NULL,
	  "20130524T000000Z",
	  "s3",
	  SIGV4_EMPTY_SHA256,
	  { { "Range", "bytes=0-9" } },
	  1,
	  "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41" },
	{ "S3 PUT",
	  true,
	  "PUT",
	  "examplebucket.s3.amazonaws.com",
	  "/test%24file.text",
	  NULL,
	  "20130524T000000Z",
	  "s3",
	  "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072",
	  { { "Date", "Fri, 24 May 2013 00:00:00 GMT" },
	    { "x-amz-storage-class", "REDUCED_REDUNDANCY" } },
	  2,
	  "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd" },
	{ "S3 GET of a sub-resource",
	  true,
	  "GET",
	  "examplebucket.s3.amazonaws.com",
	  "/",
	  "lifecycle",
	  "20130524T000000Z",
	  "s3",
	  SIGV4_EMPTY_SHA256,
	  { { 0 } },
	  0,
	  "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543" },
	{ "S3 list",
	  true,
	  "GET",
	  "examplebucket.s3.amazonaws.com",
	  "/",
	  "max-keys=2&prefix=J",
	  "20130524T000000Z",
	  "s3",
	  SIGV4_EMPTY_SHA256,
	  { { 0 } },
	  0,
	  "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7" },
};

static struct sigv4_request request_of(int i)
{
	struct instant at;

	ck_assert_int_eq(clock_parse_basic(vectors[i].date, &at, NULL), 0);
	return (struct sigv4_request){ .method = vectors[i].method,
				       .host = vectors[i].host,
				       .path = vectors[i].path,
				       .query = vectors[i].query,
				       .headers = vectors[i].headers,
				       .header_count = vectors[i].header_count,
				       .payload = vectors[i].payload,
				       .region = "us-east-1",
				       .service = vectors[i].service,
				       .at = at };
}

START_TEST(published_vectors)
{
	struct sigv4_request r = request_of(_i);
	struct sigv4_signed s;

	ck_assert_int_eq(sigv4_sign(&r, vectors[_i].s3 ? &s3_keys : &suite_keys, &s, NULL), 0);
	ck_assert_msg(strstr(s.authorization, vectors[_i].signature) != NULL, "%s: %s",
		      vectors[_i].name, s.authorization);
}
END_TEST

START_TEST(published_presigned)
{
	struct sigv4_request r = request_of(6);
	AUTO(buf_done) struct buf query = BUF(2000);

	r.header_count = 0;
	r.payload = SIGV4_UNSIGNED;
	ck_assert_int_eq(sigv4_presign(&r, &s3_keys, 86400, &query, NULL), 0);
	ck_assert_ptr_nonnull(strstr(buf_str(&query),
				     "X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f9"
				     "95330da4c265957d157751f604d404"));
}
END_TEST

/* --- a request as a server sees it */

struct seen {
	struct sigv4_header headers[12];
	size_t count;
	char target[512];
	struct sigv4_signed made;
};

static bool next_header(const void *source, size_t *it, const char **name, const char **value)
{
	const struct seen *s = source;

	if (*it >= s->count)
		return false;
	*name = s->headers[*it].name;
	*value = s->headers[(*it)++].value;
	return true;
}

static bool lookup(const char *access_key, struct sigv4_keys *ret, void *arg)
{
	const struct sigv4_keys *k = arg;

	*ret = *k;
	return strcmp(access_key, k->access_key) == 0;
}

static void add(struct seen *s, const char *name, const char *value)
{
	s->headers[s->count++] = (struct sigv4_header){ name, value };
}

static struct sigv4_keys session_keys = { "ASIA1", "secret", "the/token==" };

static void sign_into(struct seen *s, const char *service, const char *payload, struct instant at)
{
	struct sigv4_request r = { .method = "POST",
				   .host = "localhost:99",
				   .path = "/1/q%20x",
				   .query = "b=2&a=%7e1",
				   .payload = payload,
				   .region = "eu-west-1",
				   .service = service,
				   .at = at };

	ck_assert_int_eq(sigv4_sign(&r, &session_keys, &s->made, NULL), 0);
	*s = (struct seen){ .made = s->made };
	snprintf(s->target, sizeof(s->target), "/1/q%%20x?b=2&a=~1");
	add(s, "Host", "localhost:99");
	add(s, "Authorization", s->made.authorization);
	add(s, "X-Amz-Date", s->made.date);
	add(s, "X-Amz-Security-Token", session_keys.token);
	if (s->made.content_sha256[0])
		add(s, "X-Amz-Content-Sha256", s->made.content_sha256);
}

static int verify(struct seen *s, const char *service, const char *sha, struct instant now,
		  struct sigv4_verdict *v, struct err *e)
{
	struct sigv4_seen in = { .method = "POST",
				 .target = s->target,
				 .next = next_header,
				 .headers = s,
				 .body_sha256 = sha,
				 .service = service,
				 .now = now };

	return sigv4_verify(&in, lookup, &session_keys, v, e);
}

#define NOW ((struct instant){ 1700000000000 })
#define MINUTES(n) ((struct instant){ 1700000000000 + (n)*60000LL })
#define BODY_SHA "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072"

START_TEST(own_signature_verifies)
{
	static const char *const services[] = { "sqs", "s3", "autoscaling" };
	struct sigv4_verdict v;
	struct err e = { 0 };
	struct seen s = { 0 };

	sign_into(&s, services[_i], BODY_SHA, NOW);
	ck_assert_msg(verify(&s, services[_i], BODY_SHA, MINUTES(14), &v, &e) == 0, "%s", e.text);
	ck_assert_str_eq(v.access_key, "ASIA1");
	ck_assert_str_eq(v.region, "eu-west-1");
	ck_assert_str_eq(v.payload, BODY_SHA);
}
END_TEST

enum harm {
	NO_AUTH,
	BAD_WORD,
	NO_CREDENTIAL,
	OTHER_KEY,
	OTHER_SERVICE,
	LATE,
	EARLY,
	TOKEN,
	BODY,
	TARGET,
	HOST,
	SIGNATURE,
	NO_DATE,
	SHORT,
	EXTRA_AMZ
};

static const struct {
	const char *name;
	enum harm harm;
	const char *code, *s3_code;
} harms[] = {
	{ "no signature", NO_AUTH, "MissingAuthenticationToken", "AccessDenied" },
	{ "basic authentication", BAD_WORD, "IncompleteSignature", "AuthorizationHeaderMalformed" },
	{ "no credential", NO_CREDENTIAL, "IncompleteSignature", "AuthorizationHeaderMalformed" },
	{ "an unknown key", OTHER_KEY, "InvalidClientTokenId", "InvalidAccessKeyId" },
	{ "another service's scope", OTHER_SERVICE, "SignatureDoesNotMatch",
	  "AuthorizationHeaderMalformed" },
	{ "16 minutes old", LATE, "SignatureDoesNotMatch", "RequestTimeTooSkewed" },
	{ "16 minutes early", EARLY, "SignatureDoesNotMatch", "RequestTimeTooSkewed" },
	{ "another token", TOKEN, "InvalidClientTokenId", "InvalidToken" },
	{ "another body", BODY, "SignatureDoesNotMatch", "XAmzContentSHA256Mismatch" },
	{ "another query", TARGET, "SignatureDoesNotMatch", "SignatureDoesNotMatch" },
	{ "another host", HOST, "SignatureDoesNotMatch", "SignatureDoesNotMatch" },
	{ "another signature", SIGNATURE, "SignatureDoesNotMatch", "SignatureDoesNotMatch" },
	{ "no date", NO_DATE, "IncompleteSignature", "AuthorizationHeaderMalformed" },
	{ "a cut header", SHORT, "IncompleteSignature", "AuthorizationHeaderMalformed" },
	{ "an added header", EXTRA_AMZ, NULL, "AccessDenied" },
};

static void damage(struct seen *s, enum harm h)
{
	char *a = s->made.authorization;

	if (h == NO_AUTH)
		s->headers[1].name = "X-Other";
	else if (h == BAD_WORD)
		snprintf(a, 64, "Basic dXNlcjpwYXNz");
	else if (h == NO_CREDENTIAL)
		memcpy(strstr(a, "Credential"), "Credentiel", 10);
	else if (h == OTHER_KEY)
		memcpy(strstr(a, "ASIA1"), "ASIA2", 5);
	else if (h == TOKEN)
		s->headers[3].value = "another";
	else if (h == TARGET)
		snprintf(s->target, sizeof(s->target), "/1/q%%20x?b=2&a=~2");
	else if (h == HOST)
		s->headers[0].value = "localhost:98";
	else if (h == SIGNATURE)
		a[strlen(a) - 1] ^= 1;
	else if (h == NO_DATE)
		s->headers[2].name = "X-Other";
	else if (h == SHORT)
		a[strlen(a) - 1] = '\0';
	else if (h == EXTRA_AMZ)
		add(s, "x-amz-copy-source", "/b/k");
}

START_TEST(damaged_requests)
{
	for (int s3 = 0; s3 < 2; s3++) {
		const char *code = s3 ? harms[_i].s3_code : harms[_i].code;
		struct instant now = harms[_i].harm == LATE    ? MINUTES(16)
				     : harms[_i].harm == EARLY ? MINUTES(-16)
							       : NOW;
		const char *service = s3 ? "s3" : "sqs";
		struct sigv4_verdict v;
		struct err e = { 0 };
		struct seen s = { 0 };
		int rc;

		sign_into(&s, harms[_i].harm == OTHER_SERVICE ? "sts" : service, BODY_SHA, NOW);
		if (harms[_i].harm == OTHER_SERVICE && s3)
			add(&s, "x-amz-content-sha256", BODY_SHA);
		damage(&s, harms[_i].harm);
		rc = verify(&s, service, harms[_i].harm == BODY ? SIGV4_EMPTY_SHA256 : BODY_SHA,
			    now, &v, &e);
		ck_assert_msg(code ? rc < 0 && strcmp(e.code, code) == 0 : rc == 0, "%s: %s: %s %s",
			      harms[_i].name, service, e.code, e.text);
		ck_assert(!code || e.status >= 400);
		ck_assert(!code || e.kind == ERR_DENIED);
	}
}
END_TEST

START_TEST(presigned_verifies)
{
	struct sigv4_request r = request_of(6);
	AUTO(buf_done) struct buf query = BUF(2000);
	struct sigv4_keys keys = s3_keys;
	struct seen s = { .headers = { { "Host", "examplebucket.s3.amazonaws.com" } }, .count = 1 };
	struct sigv4_seen in = {
		.method = "GET", .next = next_header, .headers = &s, .service = "s3"
	};
	struct sigv4_verdict v;
	struct err e = { 0 };
	char target[3000];

	r.header_count = 0;
	r.payload = SIGV4_UNSIGNED;
	ck_assert_int_eq(sigv4_presign(&r, &keys, 3600, &query, NULL), 0);
	snprintf(target, sizeof(target), "/test.txt?%s", buf_str(&query));
	in.target = target;
	in.now = instant_add(r.at, span_s(3599));
	ck_assert_msg(sigv4_verify(&in, lookup, &keys, &v, &e) == 0, "%s", e.text);
	ck_assert(v.presigned);
	ck_assert_str_eq(v.payload, SIGV4_UNSIGNED);
	in.now = instant_add(r.at, span_s(3602));
	ck_assert_int_lt(sigv4_verify(&in, lookup, &keys, &v, &e), 0);
	ck_assert_str_eq(e.code, "AccessDenied");
	in.now = r.at;
	in.method = "DELETE";
	ck_assert_int_lt(sigv4_verify(&in, lookup, &keys, &v, &e), 0);
	ck_assert_str_eq(e.code, "SignatureDoesNotMatch");
}
END_TEST

Suite *check_wire_sign(void)
{
	Suite *s = suite_create("wire signatures");
	TCase *t = tcase_create("all");

	tcase_add_loop_test(t, published_vectors, 0, COUNT_OF(vectors));
	tcase_add_test(t, published_presigned);
	tcase_add_loop_test(t, own_signature_verifies, 0, 3);
	tcase_add_loop_test(t, damaged_requests, 0, COUNT_OF(harms));
	tcase_add_test(t, presigned_verifies);
	suite_add_tcase(s, t);
	return s;
}
