#include "wire/sigv4.h"

#include <stdio.h>
#include <string.h>

#include "wire/canon.h"
#include "wire/form.h"

#define ALGORITHM "AWS4-HMAC-SHA256"

static int start(const struct sigv4_request *r, struct canon *c, struct canon_scope *scope,
		 char date[static SIGV4_DATE_MAX], struct err *e)
{
	char text[CLOCK_TEXT_MAX];

	if (strlen(r->region) >= sizeof(scope->region) ||
	    strlen(r->service) >= sizeof(scope->service))
		return err_set(e, ERR_POLICY, "region '%.80s' is no region's name", r->region);
	*c = (struct canon){ .method = r->method,
			     .path = r->path,
			     .path_len = strlen(r->path),
			     .query = r->query ? r->query : "",
			     .query_len = r->query ? strlen(r->query) : 0,
			     .s3 = strcmp(r->service, "s3") == 0,
			     .payload = r->payload };
	snprintf(date, SIGV4_DATE_MAX, "%s", clock_print_basic(r->at, text));
	snprintf(scope->date, sizeof(scope->date), "%.8s", date);
	snprintf(scope->region, sizeof(scope->region), "%s", r->region);
	snprintf(scope->service, sizeof(scope->service), "%s", r->service);
	for (size_t i = 0; i < r->header_count; i++)
		if (canon_add_header(c, r->headers[i].name, r->headers[i].value, e) < 0)
			return -1;
	return canon_add_header(c, "host", r->host, e);
}

static int finish(const struct canon *c, const struct canon_scope *scope, const char *date,
		  const struct sigv4_keys *k, char ret_signature[static SIGV4_SHA_MAX],
		  struct buf *ret_signed, struct err *e)
{
	char digest[SIGV4_SHA_MAX], scope_text[SIGV4_SCOPE_MAX];
	uint8_t key[32];

	if (canon_digest(c, digest, ret_signed, e) < 0)
		return -1;
	if (canon_scope_print(scope, scope_text) < 0)
		return err_set(e, ERR_POLICY, "the credential scope is too long");
	canon_key(k->secret_key, scope, key);
	canon_sign(key, ALGORITHM, date, scope_text, digest, ret_signature);
	own_wipe(key, sizeof(key));
	return 0;
}

int sigv4_sign(const struct sigv4_request *r, const struct sigv4_keys *k, struct sigv4_signed *ret,
	       struct err *e)
{
	AUTO(buf_done) struct buf names = BUF(1536);
	char signature[SIGV4_SHA_MAX];
	struct canon_scope scope;
	struct canon c;
	int n;

	*ret = (struct sigv4_signed){ .token = k->token && *k->token };
	if (start(r, &c, &scope, ret->date, e) < 0 ||
	    canon_add_header(&c, "x-amz-date", ret->date, e) < 0)
		return -1;
	if (c.s3) {
		snprintf(ret->content_sha256, sizeof(ret->content_sha256), "%s", r->payload);
		if (canon_add_header(&c, "x-amz-content-sha256", ret->content_sha256, e) < 0)
			return -1;
	}
	if (ret->token && canon_add_header(&c, "x-amz-security-token", k->token, e) < 0)
		return -1;
	if (finish(&c, &scope, ret->date, k, signature, &names, e) < 0)
		return -1;
	n = snprintf(ret->authorization, sizeof(ret->authorization),
		     ALGORITHM " Credential=%s/%s/%s/%s/aws4_request, SignedHeaders=%s, "
			       "Signature=%s",
		     k->access_key, scope.date, scope.region, scope.service, buf_str(&names),
		     signature);
	if (n < 0 || (size_t)n >= sizeof(ret->authorization))
		return err_set(e, ERR_LOCAL, "the authorization header is too long");
	return 0;
}

int sigv4_presign(const struct sigv4_request *r, const struct sigv4_keys *k, int expires_s,
		  struct buf *ret_query, struct err *e)
{
	AUTO(buf_done) struct buf names = BUF(1536);
	AUTO(buf_done) struct buf credential = BUF(512);
	char date[SIGV4_DATE_MAX], signature[SIGV4_SHA_MAX], digest[SIGV4_SHA_MAX];
	struct canon_scope scope;
	struct canon c;

	/* The names come first: they are part of the query that is signed. */
	if (start(r, &c, &scope, date, e) < 0 || canon_digest(&c, digest, &names, e) < 0)
		return -1;
	buf_addf(&credential, "%s/%s/%s/%s/aws4_request", k->access_key, scope.date, scope.region,
		 scope.service);
	if (r->query)
		buf_adds(ret_query, r->query);
	form_add(ret_query, "X-Amz-Algorithm", ALGORITHM);
	form_add(ret_query, "X-Amz-Credential", buf_str(&credential));
	form_add(ret_query, "X-Amz-Date", date);
	form_add_int(ret_query, "X-Amz-Expires", expires_s);
	form_add(ret_query, "X-Amz-SignedHeaders", buf_str(&names));
	if (k->token && *k->token)
		form_add(ret_query, "X-Amz-Security-Token", k->token);
	if (buf_ok(ret_query, "presigned query", e) < 0)
		return -1;
	c.query = ret_query->data;
	c.query_len = ret_query->len;
	buf_clear(&names);
	if (finish(&c, &scope, date, k, signature, &names, e) < 0)
		return -1;
	form_add(ret_query, "X-Amz-Signature", signature);
	return buf_ok(ret_query, "presigned query", e);
}
