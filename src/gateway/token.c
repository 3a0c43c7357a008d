#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/crypto.h"
#include "base/json.h"
#include "gateway/token.h"

#define FILE_MAX (256u << 10)
#define TOKENS_MAX 1000
#define TEXT_MAX 8192   /* of a token */
#define SECRET_LEAST 32 /* RFC 7518, section 3.2 */
#define SIGNATURE_MAX 1024

struct gateway_token {
	uint8_t (*digests)[CRYPTO_SHA256_BYTES]; /* of the tokens: comparing tells nothing */
	size_t count;
	struct buf secret;
	struct crypto_public *key;
	char *audience;
	int64_t leeway_s;
};

static bool given(const char *s)
{
	return s && *s;
}

void gateway_token_free(struct gateway_token *t)
{
	if (!t)
		return;
	buf_wipe(&t->secret);
	crypto_public_free(t->key);
	own_free(t->digests);
	own_free(t->audience);
	own_free(t);
}

static int add_line(struct gateway_token *t, const char *line, size_t len, int number,
		    struct err *e)
{
	while (len > 0 && strchr(" \t\r", line[len - 1]))
		len--;
	if (len == 0 || line[0] == '#')
		return 0;
	if (len < GATEWAY_TOKEN_LEAST)
		return err_set(e, ERR_POLICY, "line %d: a token of fewer than %d characters",
			       number, GATEWAY_TOKEN_LEAST);
	if (t->count == TOKENS_MAX)
		return err_set(e, ERR_POLICY, "more than %d tokens", TOKENS_MAX);
	t->digests = own_grow(t->digests, t->count + 1, sizeof(*t->digests));
	crypto_sha256(line, len, t->digests[t->count++]);
	return 0;
}

static int read_tokens(struct gateway_token *t, const char *path, struct err *e)
{
	AUTO(buf_wipe) struct buf text = BUF(FILE_MAX);
	int number = 1;

	if (buf_read_file(&text, path, e) < 0)
		return -1;
	for (const char *line = buf_str(&text); *line; number++) {
		size_t len = strcspn(line, "\n");

		if (add_line(t, line, len, number, e) < 0)
			return err_wrap(e, "%s", path);
		line += len + (line[len] == '\n');
	}
	if (t->count == 0)
		return err_set(e, ERR_POLICY, "%s: there is no token in it", path);
	return 0;
}

static int read_signer(struct gateway_token *t, const struct gateway_token_options *o,
		       struct err *e)
{
	const char *path = given(o->secret_file) ? o->secret_file : o->key_file;
	AUTO(buf_wipe) struct buf text = BUF(FILE_MAX);

	if (given(o->secret_file) && given(o->key_file))
		return err_set(e, ERR_POLICY,
			       "a JWT is signed by HS256 or by RS256: give --jwt-secret-file or "
			       "--jwt-key-file, not both");
	if (!given(o->audience))
		return err_set(e, ERR_POLICY, "--jwt-audience is missing: whom tokens are for");
	if (buf_read_file(&text, path, e) < 0)
		return -1;
	t->audience = own_strdup(o->audience);
	t->leeway_s = o->leeway.ms / 1000;
	if (given(o->key_file)) {
		t->key = crypto_public_read(buf_str(&text), text.len, e);
		return t->key ? 0 : err_wrap(e, "%s", path);
	}
	while (text.len > 0 && strchr("\r\n", text.data[text.len - 1]))
		text.data[--text.len] = '\0';
	if (text.len < SECRET_LEAST)
		return err_set(e, ERR_POLICY, "%s: a secret of fewer than %d bytes", path,
			       SECRET_LEAST);
	t->secret = text;
	text = BUF(0);
	return 0;
}

struct gateway_token *gateway_token_new(const struct gateway_token_options *o, struct err *e)
{
	AUTO(gateway_token_freep) struct gateway_token *t = own_alloc(sizeof(*t));
	bool jwt = given(o->secret_file) || given(o->key_file);

	if (!given(o->token_file) && !jwt) {
		err_set(e, ERR_POLICY,
			"nobody could upload: give --token-file, --jwt-secret-file or "
			"--jwt-key-file");
		return NULL;
	}
	if ((given(o->token_file) && read_tokens(t, o->token_file, e) < 0) ||
	    (jwt && read_signer(t, o, e) < 0))
		return NULL;
	return TAKE(t);
}

/* --- checking */

static int refuse(struct err *e, const char *code, const char *why)
{
	err_set(e, ERR_DENIED, "%s", why);
	if (e)
		snprintf(e->code, sizeof(e->code), "%s", code);
	return -1;
}

#define INVALID(e, why) refuse(e, "invalid_token", why)

static void name_who(const char *kind, const char *a, const char *b, char who[static 65])
{
	AUTO(buf_done) struct buf text = BUF(2 * TEXT_MAX + 64);
	uint8_t digest[CRYPTO_SHA256_BYTES];

	buf_addf(&text, "%s\n%s\n%s", kind, a, b);
	crypto_sha256(buf_str(&text), text.len, digest);
	crypto_hex(digest, sizeof(digest), who);
}

/* All of them are looked at, whichever it is. */
static bool is_listed(const struct gateway_token *t, const char *token, size_t len)
{
	uint8_t digest[CRYPTO_SHA256_BYTES];
	bool found = false;

	crypto_sha256(token, len, digest);
	for (size_t i = 0; i < t->count; i++)
		found |= crypto_equal(digest, t->digests[i], sizeof(digest));
	return found;
}

static struct json *decode(const char *text, size_t len)
{
	AUTO(buf_done) struct buf plain = BUF(TEXT_MAX);

	if (crypto_unbase64url(text, len, &plain, NULL) < 0)
		return NULL;
	return json_parse(buf_str(&plain), plain.len, NULL);
}

static bool is_signed(const struct gateway_token *t, const char *token, size_t len,
		      const char *signature, size_t signature_len)
{
	AUTO(buf_done) struct buf sig = BUF(SIGNATURE_MAX);
	uint8_t mac[CRYPTO_SHA256_BYTES];

	if (crypto_unbase64url(signature, signature_len, &sig, NULL) < 0)
		return false;
	if (t->key)
		return crypto_public_verify(t->key, token, len, buf_str(&sig), sig.len);
	crypto_hmac_sha256(t->secret.data, t->secret.len, token, len, mac);
	return sig.len == sizeof(mac) && crypto_equal(mac, sig.data, sizeof(mac));
}

static bool is_for(const struct json *aud, const char *audience)
{
	if (json_type(aud) == JSON_STR)
		return strcmp(json_str(aud), audience) == 0;
	for (size_t i = 0; i < json_count(aud); i++)
		if (json_str(json_at(aud, i)) && strcmp(json_str(json_at(aud, i)), audience) == 0)
			return true;
	return false;
}

/* The claims of RFC 7519 that say whether it is good here and now. */
static int check_claims(const struct gateway_token *t, const struct json *claims,
			struct instant now, struct err *e)
{
	double exp, nbf, at = (double)now.ms / 1000;

	if (!json_get_real(claims, "exp", &exp))
		return INVALID(e, "the token has no exp: it would never end");
	if (at >= exp + (double)t->leeway_s)
		return refuse(e, "expired_token", "the token has expired");
	if (json_type(json_get(claims, "nbf")) != JSON_ABSENT &&
	    (!json_get_real(claims, "nbf", &nbf) || at < nbf - (double)t->leeway_s))
		return INVALID(e, "the token is not good yet");
	if (!is_for(json_get(claims, "aud"), t->audience))
		return INVALID(e, "the token is for somebody else");
	return 0;
}

static int check_jwt(const struct gateway_token *t, const char *token, struct instant now,
		     char who[static 65], struct err *e)
{
	const char *first = strchr(token, '.'), *second = first ? strchr(first + 1, '.') : NULL;
	AUTO(json_freep) struct json *header = NULL, *claims = NULL;
	const char *alg, *sub, *iss;

	if (!second || strchr(second + 1, '.'))
		return INVALID(e, "the token is not known");
	header = decode(token, (size_t)(first - token));
	alg = json_get_str(header, "alg");
	/* What the token says of its algorithm is never believed, only compared. */
	if (!alg || strcmp(alg, t->key ? "RS256" : "HS256") != 0 ||
	    json_type(json_get(header, "crit")) != JSON_ABSENT)
		return INVALID(e, "the token is not signed as is asked here");
	if (!is_signed(t, token, (size_t)(second - token), second + 1, strlen(second + 1)))
		return INVALID(e, "the token's signature is wrong");
	claims = decode(first + 1, (size_t)(second - first - 1));
	if (json_type(claims) != JSON_OBJECT)
		return INVALID(e, "the token holds no claims");
	if (check_claims(t, claims, now, e) < 0)
		return -1;
	sub = json_get_str(claims, "sub");
	iss = json_get_str(claims, "iss");
	name_who("jwt", iss ? iss : "", sub ? sub : token, who);
	return 0;
}

int gateway_token_check(const struct gateway_token *t, const char *authorization,
			struct instant now, char who[static GATEWAY_TOKEN_WHO_MAX], struct err *e)
{
	const char *token = authorization;

	if (!token || strncasecmp(token, "Bearer ", 7) != 0)
		return refuse(e, "missing_token",
			      "no token: send the header Authorization: Bearer TOKEN");
	token += 7 + strspn(token + 7, " ");
	if (!*token || strlen(token) > TEXT_MAX)
		return INVALID(e, "the token is empty, or longer than 8 KiB");
	if (is_listed(t, token, strlen(token))) {
		name_who("token", token, "", who);
		return 0;
	}
	if (!t->key && !t->secret.len)
		return INVALID(e, "the token is not known");
	return check_jwt(t, token, now, who, e);
}
