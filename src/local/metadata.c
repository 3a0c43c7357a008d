#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/crypto.h"
#include "base/log.h"
#include "local/metadata_own.h"

#define TTL_MOST_S 21600
#define KEYS_LAST_MS (6ll * 3600 * 1000)
#define KEYS_AHEAD_MS (30ll * 60 * 1000)
#define BODY_MAX 1024
#define ANSWER_MAX (64 * 1024)
#define TOKEN_RAW (8 + CRYPTO_SHA256_BYTES)
#define TOKEN_HEADER "X-aws-ec2-metadata-token"
#define TTL_HEADER "X-aws-ec2-metadata-token-ttl-seconds"
#define DEFAULT_ROLE "windlass-instance"

struct local_metadata {
	struct local_metadata_end **ends;
	size_t count;
};

const char *local_metadata_role(const char *profile)
{
	const char *slash = profile ? strrchr(profile, '/') : NULL;

	if (!profile || !profile[0])
		return DEFAULT_ROLE;
	return slash && slash[1] ? slash + 1 : profile;
}

int local_metadata_start(struct local *l, struct err *e)
{
	(void)e;
	l->metadata = own_alloc(sizeof(*l->metadata));
	return 0;
}

static void end_free(struct local_metadata_end *m)
{
	httpd_free(m->httpd);
	own_wipe(m, sizeof(*m));
	own_free(m);
}

void local_metadata_stop(struct local *l)
{
	struct local_metadata *all = l->metadata;

	if (!all)
		return;
	for (size_t i = 0; i < all->count; i++)
		end_free(all->ends[i]);
	own_free(all->ends);
	own_free(all);
	l->metadata = NULL;
}

/* ---- tokens: the time they end, and a proof that we wrote it; they survive a restart ---- */

static void token_proof(const struct local_metadata_end *m, const uint8_t at[static 8],
			uint8_t out[static CRYPTO_SHA256_BYTES])
{
	crypto_hmac_sha256(m->secret, sizeof(m->secret), at, 8, out);
}

static void token_write(const struct local_metadata_end *m, struct instant ends, struct buf *out)
{
	uint8_t raw[TOKEN_RAW];

	for (int i = 0; i < 8; i++)
		raw[i] = (uint8_t)((uint64_t)ends.ms >> (56 - 8 * i));
	token_proof(m, raw, raw + 8);
	crypto_base64(raw, sizeof(raw), out);
}

static bool token_is_good(const struct local_metadata_end *m, const char *token, struct instant now)
{
	AUTO(buf_done) struct buf raw = BUF(TOKEN_RAW);
	uint8_t proof[CRYPTO_SHA256_BYTES];
	const uint8_t *p;
	int64_t ends = 0;

	if (!token || crypto_unbase64(token, strlen(token), &raw, NULL) < 0 || raw.len != TOKEN_RAW)
		return false;
	p = (const uint8_t *)raw.data;
	token_proof(m, p, proof);
	for (int i = 0; i < 8; i++)
		ends = (int64_t)((uint64_t)ends << 8 | p[i]);
	return crypto_equal(proof, p + 8, sizeof(proof)) && ends > now.ms;
}

/* ---- requests ---- */

static void answer(struct httpd_exchange *x, int status, bool json, const char *body, size_t len)
{
	const struct httpd_header headers[] = {
		{ "Content-Type", json ? "application/json" : "text/plain" },
		{ "Server", "EC2ws" },
	};

	httpd_answer(x, status, headers, COUNT_OF(headers), body, len);
}

static void answer_status(struct httpd_exchange *x, int status)
{
	const char *text = status == 400   ? "400 - Bad Request"
			   : status == 401 ? "401 - Unauthorized"
			   : status == 403 ? "403 - Forbidden"
			   : status == 404 ? "404 - Not Found"
			   : status == 405 ? "405 - Method Not Allowed"
					   : "500 - Internal Server Error";

	answer(x, status, false, text, strlen(text));
}

/* Seconds of a time to live, or -1. */
static long ttl_of(const char *text)
{
	char *end;
	long ttl;

	if (!text || text[0] < '0' || text[0] > '9')
		return -1;
	ttl = strtol(text, &end, 10);
	return *end || ttl < 1 || ttl > TTL_MOST_S ? -1 : ttl;
}

static void put_token(struct local_metadata_end *m, struct httpd_exchange *x)
{
	long ttl = ttl_of(httpd_header(x, TTL_HEADER));
	AUTO(buf_wipe) struct buf token = BUF(128);
	char text[24];

	if (ttl < 0) {
		answer_status(x, 400);
		return;
	}
	token_write(m, instant_add(local_wall(m->local), span_s(ttl)), &token);
	snprintf(text, sizeof(text), "%ld", ttl);
	httpd_answer(x, 200,
		     (const struct httpd_header[]){ { "Content-Type", "text/plain" },
						    { "Server", "EC2ws" },
						    { TTL_HEADER, text } },
		     3, token.data, token.len);
}

static void get(struct local_metadata_end *m, struct httpd_exchange *x, const char *path)
{
	AUTO(buf_wipe) struct buf out = BUF(ANSWER_MAX);
	bool json = false;
	int status;

	if (!token_is_good(m, httpd_header(x, TOKEN_HEADER), local_wall(m->local))) {
		answer_status(x, 401);
		return;
	}
	status = local_metadata_tree(m, path, &out, &json);
	if (status != 200 || out.full)
		answer_status(x, status != 200 ? status : 500);
	else
		answer(x, 200, json, buf_str(&out), out.len);
}

static void on_request(struct httpd_exchange *x, void *arg)
{
	struct local_metadata_end *m = arg;
	const char *method = httpd_method(x), *target = httpd_target(x);
	AUTO(own_freep) char *path = own_strndup(target, strcspn(target, "?"));

	if (httpd_header(x, "X-Forwarded-For"))
		answer_status(x, 403); /* as AWS: a proxy that is open to the world gets nothing */
	else if (strcmp(method, "PUT") == 0 && strcmp(path, "/latest/api/token") == 0)
		put_token(m, x);
	else if (strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0)
		answer_status(x, 405);
	else if (strncmp(path, "/latest", 7) != 0 || (path[7] && path[7] != '/'))
		answer_status(x, 404);
	else
		get(m, x, path + 7);
}

/* ---- one address an instance ---- */

static struct local_metadata_end *find(const struct local *l, const char *id)
{
	for (size_t i = 0; i < l->metadata->count; i++)
		if (strcmp(l->metadata->ends[i]->id, id) == 0)
			return l->metadata->ends[i];
	return NULL;
}

bool local_metadata_is_open(const struct local *l, const char *id)
{
	return find(l, id);
}

int local_metadata_open(struct local *l, const struct local_fleet_instance *i, uint16_t *ret_port,
			struct err *e)
{
	struct local_metadata *all = l->metadata;
	struct local_metadata_end *m = own_alloc(sizeof(*m));
	const struct httpd_limits limits = { .body_cap = BODY_MAX,
					     .connections = 64,
					     .idle_seconds = 60 };

	m->local = l;
	snprintf(m->id, sizeof(m->id), "%s", i->id);
	snprintf(m->role, sizeof(m->role), "%s", local_metadata_role(i->profile));
	if (crypto_unhex(i->secret, m->secret, sizeof(m->secret), e) < 0) {
		end_free(m);
		return err_wrap(e, "secret of %s", i->id);
	}
	m->httpd = httpd_new(l->loop, "127.0.0.1", (uint16_t)i->port, &limits,
			     &(struct httpd_handler){ .on_request = on_request, .arg = m }, e);
	if (!m->httpd) {
		end_free(m);
		return err_wrap(e, "metadata address of %s", i->id);
	}
	*ret_port = httpd_port(m->httpd);
	all->ends = own_grow(all->ends, all->count + 1, sizeof(struct local_metadata_end *));
	all->ends[all->count++] = m;
	return 0;
}

void local_metadata_close(struct local *l, const char *id)
{
	struct local_metadata *all = l->metadata;

	for (size_t i = 0; all && i < all->count; i++) {
		if (strcmp(all->ends[i]->id, id) != 0)
			continue;
		end_free(all->ends[i]);
		all->ends[i] = all->ends[--all->count];
		return;
	}
}

int local_metadata_renew(struct local *l, struct instant now, struct instant *ret_next,
			 struct err *e)
{
	struct span life = span_ms(KEYS_LAST_MS - KEYS_AHEAD_MS);
	bool swept = false;

	*ret_next = (struct instant){ INT64_MAX };
	for (size_t i = 0; i < l->metadata->count; i++) {
		struct local_metadata_end *m = l->metadata->ends[i];
		struct instant due = m->issued ? instant_add(m->issued_at, life) : now;

		if (due.ms <= now.ms) {
			if (!swept && local_key_sweep(l, e) < 0)
				return -1;
			swept = true;
			if (local_key_issue(l, l->options.account, m->role, m->id,
					    instant_add(clock_wall(), span_ms(KEYS_LAST_MS)),
					    &m->next, e) < 0)
				return -1;
			m->coming = true;
			m->coming_at = now;
			due = instant_add(now, life);
		}
		if (due.ms < ret_next->ms)
			*ret_next = due;
	}
	return 0;
}

void local_metadata_settle(struct local *l, bool committed)
{
	for (size_t i = 0; i < l->metadata->count; i++) {
		struct local_metadata_end *m = l->metadata->ends[i];

		if (m->coming && committed) {
			m->keys = m->next;
			m->issued_at = m->coming_at;
			m->issued = true;
		}
		m->coming = false;
		own_wipe(&m->next, sizeof(m->next));
	}
}
