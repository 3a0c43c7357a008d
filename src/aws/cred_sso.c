#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "aws/cred_part.h"
#include "base/clock.h"
#include "base/crypto.h"
#include "base/http.h"
#include "base/json.h"
#include "wire/uri.h"

#define FILE_MAX (64 << 10)
#define REPLY_MAX (64 << 10)
#define HEX_MAX (2 * CRYPTO_SHA256_BYTES + 1)

struct ask {
	struct http *http;
	cred_fn *fn;
	void *arg;
};

static void ask_free(struct ask *a)
{
	http_free(a->http);
	own_free(a);
}

/* Where it stands and what it says, as the profile has it. */
struct login {
	const char *profile;
	const char *session; /* NULL: the old form, keyed by the start URL */
	const char *start_url, *region, *account, *role;
};

static int read_login(const struct profiles *p, const char *profile, struct login *l, struct err *e)
{
	const char *missing = NULL;

	l->profile = profile;
	l->session = profile_get(p, profile, "sso_session");
	if (l->session && !profile_sso_session(p, l->session, ""))
		return err_set(e, ERR_DENIED, "there is no [sso-session %.80s] in ~/.aws/config",
			       l->session);
	l->start_url = l->session ? profile_sso_session(p, l->session, "sso_start_url")
				  : profile_get(p, profile, "sso_start_url");
	l->region = l->session ? profile_sso_session(p, l->session, "sso_region")
			       : profile_get(p, profile, "sso_region");
	l->account = profile_get(p, profile, "sso_account_id");
	l->role = profile_get(p, profile, "sso_role_name");
	if (!l->start_url)
		missing = "sso_start_url";
	else if (!l->region)
		missing = "sso_region";
	else if (!l->account)
		missing = "sso_account_id";
	else if (!l->role)
		missing = "sso_role_name";
	if (missing)
		return err_set(e, ERR_DENIED, "SSO lacks %s", missing);
	if (strspn(l->region, "abcdefghijklmnopqrstuvwxyz0123456789-") < strlen(l->region))
		return err_set(e, ERR_DENIED, "sso_region '%.80s' is no region's name", l->region);
	return 0;
}

static char *cache_path(const struct login *l)
{
	const char *key = l->session ? l->session : l->start_url;
	struct crypto_hash *h = crypto_hash_new(CRYPTO_SHA1);
	uint8_t sha[CRYPTO_SHA256_BYTES];
	char hex[HEX_MAX];
	size_t len;

	crypto_hash_add(h, key, strlen(key));
	len = crypto_hash_end(h, sha);
	crypto_hash_free(h);
	return own_printf("%s/.aws/sso/cache/%s.json", profile_home(), crypto_hex(sha, len, hex));
}

/* "2026-11-24T12:00:00Z"; older tools wrote UTC for the Z. */
static int read_end(const char *text, struct instant *ret)
{
	char plain[64];
	size_t len = text ? strlen(text) : 0;

	if (len < 4 || len >= sizeof(plain))
		return -1;
	memcpy(plain, text, len + 1);
	if (strcmp(plain + len - 3, "UTC") == 0)
		memcpy(plain + len - 3, "Z", 2);
	return clock_parse(plain, strlen(plain), ret, NULL);
}

static int read_cache(const struct login *l, struct buf *ret_token, struct err *e)
{
	AUTO(own_freep) char *path = cache_path(l);
	AUTO(buf_wipe) struct buf file = BUF(FILE_MAX);
	AUTO(json_freep) struct json *j = NULL;
	struct instant ends;
	const char *token;

	if (buf_read_file(&file, path, NULL) < 0)
		return err_set(e, ERR_DENIED,
			       "nobody has logged in -> aws sso login --profile %.80s", l->profile);
	j = json_parse(buf_str(&file), file.len, NULL);
	token = json_get_str(j, "accessToken");
	if (!token || !*token || strpbrk(token, "\r\n") ||
	    read_end(json_get_str(j, "expiresAt"), &ends) < 0)
		return err_set(e, ERR_DENIED,
			       "%.300s is not understood -> aws sso login --profile %.80s", path,
			       l->profile);
	if (ends.ms <= clock_wall().ms)
		return err_set(e, ERR_DENIED,
			       "the login has ended -> aws sso login --profile %.80s", l->profile);
	buf_adds(ret_token, token);
	return buf_ok(ret_token, "SSO token", e);
}

static int read_keys(const struct http_reply *r, struct cred *ret, struct err *e)
{
	AUTO(json_freep) struct json *j = json_parse(buf_str(&r->body), r->body.len, NULL);
	const struct json *keys = json_get(j, "roleCredentials");
	const char *access = json_get_str(keys, "accessKeyId");
	const char *secret = json_get_str(keys, "secretAccessKey");
	const char *token = json_get_str(keys, "sessionToken");

	if (r->status != 200) {
		const char *message = json_get_str(j, "message");

		return err_set(e, r->status >= 500 ? ERR_UNREACHABLE : ERR_DENIED,
			       "GetRoleCredentials answered %d%s%.200s%s", r->status,
			       message ? ": " : "", message ? message : "",
			       r->status == 401 ? " -> aws sso login" : "");
	}
	if (!access || !*access || !secret || !*secret || !token ||
	    !json_get_int(keys, "expiration", &ret->expires.ms))
		return err_set(e, ERR_PROTOCOL,
			       "what GetRoleCredentials answered is not understood");
	ret->access_key = own_strdup(access);
	ret->secret_key = own_strdup(secret);
	ret->token = own_strdup(token);
	return 0;
}

static void answered(struct http_reply *r, const struct err *e, void *arg)
{
	AUTO(cred_done) struct cred c = { .expires = INSTANT_NEVER };
	struct ask *a = arg;
	struct err own = { 0 };
	cred_fn *fn = a->fn;
	void *fn_arg = a->arg;

	if (e)
		own = *e;
	else
		err_ignore(read_keys(r, &c, &own));
	buf_wipe(&r->body);
	if (own.kind != ERR_NONE)
		err_wrap(&own, "SSO");
	c.source = "SSO";
	ask_free(a);
	fn(own.kind == ERR_NONE ? &c : NULL, own.kind == ERR_NONE ? NULL : &own, fn_arg);
}

static void add_url(struct buf *url, const struct login *l)
{
	const char *given = getenv("AWS_ENDPOINT_URL_SSO");

	if (given && *given)
		buf_adds(url, given);
	else
		buf_addf(url, "https://portal.sso.%s.%s", l->region,
			 strncmp(l->region, "cn-", 3) == 0 ? "amazonaws.com.cn" : "amazonaws.com");
	buf_adds(url, "/federation/credentials?account_id=");
	uri_encode(url, l->account, strlen(l->account), false);
	buf_adds(url, "&role_name=");
	uri_encode(url, l->role, strlen(l->role), false);
}

enum cred_answer cred_sso_start(const struct cred_where *where, const char *profile,
				void **ret_handle, struct err *e)
{
	AUTO(buf_wipe) struct buf token = BUF(FILE_MAX);
	AUTO(buf_done) struct buf url = BUF(8192);
	struct http_header bearer = { "x-amz-sso_bearer_token", NULL };
	struct login l = { 0 };
	struct ask *a;

	if (read_login(where->profiles, profile, &l, e) < 0 || read_cache(&l, &token, e) < 0)
		return CRED_STOP;
	add_url(&url, &l);
	if (buf_ok(&url, "SSO's URL", e) < 0)
		return CRED_STOP;
	bearer.value = buf_str(&token);
	a = own_alloc(sizeof(*a));
	a->http = http_new(where->loop);
	a->fn = where->later;
	a->arg = where->later_arg;
	http_start(a->http,
		   &HTTP_REQUEST(.method = "GET", .url = buf_str(&url), .headers = &bearer,
				 .header_count = 1, .reply_cap = REPLY_MAX, .timeout = span_s(10),
				 .ca_file = where->ca_file),
		   answered, a);
	*ret_handle = a;
	return CRED_LATER;
}

void cred_sso_cancel(void *handle)
{
	ask_free(handle);
}
