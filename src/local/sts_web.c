#include "local/sts_web.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/crypto.h"
#include "base/log.h"
#include "local/schema.h"
#include "local/sts.h"

#define KEY_BYTES 32
#define TOKEN_MOST 4096
#define LASTS_S 86400
#define AGAIN_MS (12ll * 3600 * 1000)
#define AUDIENCE "sts.amazonaws.com"
#define SUBJECT "system:windlass-local:instance"

const char local_sts_web_schema[] =
	"CREATE TABLE local_issuer(id INTEGER PRIMARY KEY CHECK(id=1), key BLOB NOT NULL);";

struct local_web {
	struct local *local;
	struct loop_timer *timer;
	uint8_t key[KEY_BYTES];
};

static void base64url(const void *data, size_t len, struct buf *out)
{
	AUTO(buf_done) struct buf text = BUF(TOKEN_MOST);

	crypto_base64(data, len, &text);
	for (size_t i = 0; i < text.len && text.data[i] != '='; i++)
		buf_addc(out, text.data[i] == '+' ? '-' : text.data[i] == '/' ? '_' : text.data[i]);
}

/* ---- issuing ---- */

static void issuer_of(const struct local *l, struct buf *out)
{
	buf_addf(out, "%s/", l->endpoint);
}

static int token_write(struct local_web *w, struct err *e)
{
	static const char head[] = "{\"alg\":\"HS256\",\"typ\":\"JWT\"}";
	AUTO(own_freep) char *path = own_printf("%s/web-identity-token", w->local->data);
	AUTO(buf_done) struct buf issuer = BUF(256);
	AUTO(buf_done) struct buf claims = BUF(1024);
	AUTO(buf_done) struct buf token = BUF(TOKEN_MOST);
	uint8_t proof[CRYPTO_SHA256_BYTES];
	const int64_t now = clock_wall().ms / 1000;

	issuer_of(w->local, &issuer);
	buf_addf(&claims,
		 "{\"iss\":\"%s\",\"aud\":\"" AUDIENCE "\",\"sub\":\"" SUBJECT "\",\"iat\":%" PRId64
		 ",\"exp\":%" PRId64 "}",
		 buf_str(&issuer), now, now + LASTS_S);
	base64url(head, sizeof(head) - 1, &token);
	buf_addc(&token, '.');
	base64url(claims.data, claims.len, &token);
	crypto_hmac_sha256(w->key, sizeof(w->key), token.data, token.len, proof);
	buf_addc(&token, '.');
	base64url(proof, sizeof(proof), &token);
	return buf_write_file(&token, path, 0600, e);
}

static void write_again(void *arg)
{
	struct local_web *w = arg;
	struct err e;

	if (token_write(w, &e) < 0)
		LOG_ERROR("the web identity token cannot be written -> it expires", LOG_E(&e));
	loop_timer_start(w->timer, span_ms(AGAIN_MS));
}

/* The key of the state, or a new one. */
static int key_find(struct local *l, uint8_t key[static KEY_BYTES], struct err *e)
{
	AUTO(db_endp)
	struct db_row *r = db_query(l->db, "SELECT key FROM local_issuer", NULL, 0, e);
	int rc = r ? db_step(r, e) : -1;
	const void *kept;
	size_t len;

	if (rc < 0)
		return -1;
	kept = rc == 1 ? db_blob(r, 0, &len) : NULL;
	if (kept && len == KEY_BYTES) {
		memcpy(key, kept, KEY_BYTES);
		return 0;
	}
	crypto_random(key, KEY_BYTES);
	return DB_RUN(l->db, e, "REPLACE INTO local_issuer VALUES(1, ?)", DB_B(key, KEY_BYTES));
}

int local_sts_web_start(struct local *l, struct err *e)
{
	struct local_web *w = own_alloc(sizeof(*w));

	l->web = w;
	w->local = l;
	w->timer = loop_timer_new(l->loop, write_again, w);
	if (key_find(l, w->key, e) < 0 || token_write(w, e) < 0)
		return err_wrap(e, "the web identity");
	loop_timer_start(w->timer, span_ms(AGAIN_MS));
	return 0;
}

void local_sts_web_stop(struct local *l)
{
	struct local_web *w = l->web;

	if (!w)
		return;
	if (l->options.memory) {
		AUTO(own_freep) char *path = own_printf("%s/web-identity-token", l->data);

		unlink(path);
	}
	loop_timer_free(w->timer);
	own_wipe(w, sizeof(*w));
	own_free(w);
	l->web = NULL;
}

/* ---- checking ---- */

/* "head.claims.proof": is the proof ours? ret: the claims; NULL: the call has ended. */
static struct json *token_read(struct local_call *c, const char *token)
{
	const char *dot = strchr(token, '.'), *last = dot ? strrchr(token, '.') : NULL;
	AUTO(buf_done) struct buf claims = BUF(TOKEN_MOST);
	AUTO(buf_done) struct buf proof = BUF(64);
	uint8_t wanted[CRYPTO_SHA256_BYTES];
	struct json *j = NULL;

	if (!last || last == dot || strlen(token) > TOKEN_MOST ||
	    crypto_unbase64url(dot + 1, (size_t)(last - dot - 1), &claims, NULL) < 0 ||
	    !(j = json_parse(buf_str(&claims), claims.len, NULL))) {
		local_fail(c, "InvalidIdentityToken",
			   "The ID Token provided is not a valid JWT. (You may see this error if "
			   "you sent an Access Token)");
		return NULL;
	}
	crypto_hmac_sha256(c->local->web->key, KEY_BYTES, token, (size_t)(last - token), wanted);
	if (crypto_unbase64url(last + 1, strlen(last + 1), &proof, NULL) == 0 &&
	    proof.len == sizeof(wanted) && crypto_equal(proof.data, wanted, sizeof(wanted)))
		return j;
	json_free(j);
	local_fail(c, "InvalidIdentityToken",
		   "Couldn't retrieve verification key from your identity provider, please "
		   "reference AssumeRoleWithWebIdentity documentation for requirements");
	return NULL;
}

static bool audience_is(const struct json *claims, const char *name)
{
	const struct json *aud = json_get(claims, "aud");
	const char *one = json_str(aud);

	for (size_t i = 0; i < json_count(aud); i++)
		if (json_str(json_at(aud, i)) && strcmp(json_str(json_at(aud, i)), name) == 0)
			return true;
	return one && strcmp(one, name) == 0;
}

/* An issuer is ours by its key; its name tells a token of another port of this state apart from one
 * of somebody else, so any loopback name will do. */
static int check_claims(struct local_call *c, const struct json *claims)
{
	const char *iss = json_get_str(claims, "iss");
	int64_t expires = 0;
	const bool dated = json_int(json_get(claims, "exp"), &expires);

	if (!iss || strncmp(iss, "http://", 7) != 0)
		local_fail(c, "InvalidIdentityToken",
			   "No OpenIDConnect provider found in your account for %.200s",
			   iss ? iss : "");
	else if (!audience_is(claims, AUDIENCE))
		local_fail(c, "InvalidIdentityToken", "Incorrect token audience");
	else if (!dated || expires <= clock_wall().ms / 1000)
		local_fail(c, "ExpiredTokenException",
			   "Token expired: current date/time must be before the expiration "
			   "date/time");
	else
		return 0;
	return -1;
}

void local_sts_web_assume(struct local_call *c)
{
	const char *token = local_str(c->params, "WebIdentityToken"), *role, *session;
	AUTO(json_freep) struct json *claims = NULL;
	AUTO(buf_done) struct buf issuer = BUF(256);
	struct local_key k = { 0 };

	role = local_sts_role_of(c, "AssumeRoleWithWebIdentity");
	session = role ? local_sts_session_of(c) : NULL;
	if (!session)
		return;
	if (!token) {
		local_fail(c, "ValidationError",
			   "1 validation error detected: Value null at 'webIdentityToken' failed "
			   "to satisfy constraint: Member must not be null");
		return;
	}
	claims = token_read(c, token);
	if (!claims || check_claims(c, claims) < 0 || local_sts_issue(c, role, session, &k) < 0)
		return;
	local_sts_put_role(c, &k);
	local_put(c, "SubjectFromWebIdentityToken", json_get_str(claims, "sub"));
	issuer_of(c->local, &issuer);
	local_put(c, "Provider", buf_str(&issuer));
	local_put(c, "Audience", AUDIENCE);
	own_wipe(&k, sizeof(k));
	local_done(c);
}

bool local_sts_web_asks(const char *body, size_t len)
{
	static const char action[] = "Action=AssumeRoleWithWebIdentity";
	const char *at = body ? memmem(body, len, action, sizeof(action) - 1) : NULL;
	const char *end = at ? at + sizeof(action) - 1 : NULL;

	return at && (at == body || at[-1] == '&') && (end == body + len || *end == '&');
}
