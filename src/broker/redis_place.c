#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/own.h"
#include "broker/redis.h"

#define PORT_USUAL 6379
#define DB_MOST 1000000

void broker_redis_place_done(struct broker_redis_place *p)
{
	own_free(p->host);
	own_wipe_str(p->user);
	own_wipe_str(p->password);
	own_free(p->ca_file);
	own_free(p->cert_file);
	own_free(p->key_file);
	*p = (struct broker_redis_place){ 0 };
}

static bool same(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

bool broker_redis_place_equal(const struct broker_redis_place *a,
			      const struct broker_redis_place *b)
{
	return same(a->host, b->host) && a->port == b->port && a->db == b->db && a->tls == b->tls &&
	       a->unverified == b->unverified && same(a->user, b->user) &&
	       same(a->password, b->password) && same(a->ca_file, b->ca_file) &&
	       same(a->cert_file, b->cert_file) && same(a->key_file, b->key_file);
}

static int nibble(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)tolower((unsigned char)c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* NULL: a broken escape, or a NUL. */
static char *decoded(const char *s, size_t len)
{
	char *out = own_alloc(len + 1), *at = out;

	for (size_t i = 0; i < len; i++) {
		int hi, lo;

		if (s[i] != '%') {
			*at++ = s[i];
			continue;
		}
		hi = i + 1 < len ? nibble(s[i + 1]) : -1;
		lo = i + 2 < len ? nibble(s[i + 2]) : -1;
		if (hi < 0 || lo < 0 || hi * 16 + lo == 0) {
			own_wipe_str(out);
			return NULL;
		}
		*at++ = (char)(hi * 16 + lo);
		i += 2;
	}
	*at = '\0';
	return out;
}

static int wrong(struct err *e, const char *why)
{
	return err_set(e, ERR_POLICY,
		       "this is no redis://[USER:PASSWORD@]HOST:PORT/DB or rediss://: %s", why);
}

static int whole(const char *s, size_t len, int64_t most, int64_t *ret)
{
	int64_t n = 0;

	if (len == 0)
		return -1;
	for (size_t i = 0; i < len; i++) {
		if (!isdigit((unsigned char)s[i]))
			return -1;
		n = n * 10 + (s[i] - '0');
		if (n > most)
			return -1;
	}
	*ret = n;
	return 0;
}

static int read_who(const char *s, size_t len, struct broker_redis_place *p, struct err *e)
{
	const char *colon = memchr(s, ':', len);
	size_t user = colon ? (size_t)(colon - s) : len;

	/* Celery's form ":PASSWORD@", the server's "USER:PASSWORD@". */
	if (user > 0)
		p->user = decoded(s, user);
	if (colon)
		p->password = decoded(colon + 1, len - user - 1);
	if ((user > 0 && !p->user) || (colon && !p->password))
		return wrong(e, "a percent sign in its user or password begins no escape");
	if (p->user && (!p->password || !*p->password))
		return wrong(e, "a user without a password");
	if (p->password && !*p->password) {
		own_wipe_str(p->password);
		p->password = NULL;
	}
	return 0;
}

static int read_host(const char *s, size_t len, struct broker_redis_place *p, struct err *e)
{
	const char *end, *port;
	int64_t n = PORT_USUAL;

	if (len > 0 && *s == '[') {
		end = memchr(s, ']', len);
		if (!end)
			return wrong(e, "its IPv6 address does not end");
		p->host = own_strndup(s + 1, (size_t)(end - s - 1));
		port = end + 1;
		if (p->host[strspn(p->host, "0123456789abcdefABCDEF:.")] || !*p->host)
			return wrong(e, "its IPv6 address is not one");
	} else {
		end = memchr(s, ':', len);
		port = end ? end : s + len;
		p->host = own_strndup(s, (size_t)(port - s));
		for (const char *c = p->host; *c; c++)
			if (!isalnum((unsigned char)*c) && !strchr("-._", *c))
				return wrong(e, "a character that no host has");
	}
	if (!*p->host) { /* redis:// alone is the machine's own, to Celery too */
		own_free(p->host);
		p->host = own_strdup("localhost");
	}
	if (port < s + len &&
	    (*port != ':' || whole(port + 1, (size_t)(s + len - port - 1), 65535, &n) < 0 || n < 1))
		return wrong(e, "its port is not a number from 1 to 65535");
	p->port = (int)n;
	return 0;
}

static int read_reqs(const char *value, struct broker_redis_place *p, struct err *e)
{
	const char *word = strncasecmp(value, "cert_", 5) == 0 ? value + 5 : value;

	if (strcasecmp(word, "none") == 0)
		p->unverified = true;
	else if (strcasecmp(word, "required") != 0 && strcasecmp(word, "optional") != 0)
		return wrong(e, "ssl_cert_reqs is required, optional or none");
	return 0;
}

static int read_parameter(const char *s, size_t len, struct broker_redis_place *p, struct err *e)
{
	static const char *const names[] = { "ssl_cert_reqs=", "ssl_ca_certs=", "ssl_certfile=",
					     "ssl_keyfile=" };
	char **files[] = { NULL, &p->ca_file, &p->cert_file, &p->key_file };

	for (size_t i = 0; i < COUNT_OF(names); i++) {
		size_t name = strlen(names[i]);
		AUTO(own_freep) char *value = NULL;

		if (len < name || strncmp(s, names[i], name) != 0)
			continue;
		if (!p->tls)
			return wrong(e, "ssl_… is for rediss://");
		value = decoded(s + name, len - name);
		if (!value || !*value)
			return wrong(e, "one of its ssl_… has no value");
		if (!files[i])
			return read_reqs(value, p, e);
		own_free(*files[i]);
		*files[i] = TAKE(value);
		return 0;
	}
	return err_set(e, ERR_POLICY,
		       "'%.*s' of a Redis URL is not known: ssl_cert_reqs, ssl_ca_certs, "
		       "ssl_certfile and ssl_keyfile are",
		       (int)(strcspn(s, "=&") < 64 ? strcspn(s, "=&") : 64), s);
}

static int read_parameters(const char *s, struct broker_redis_place *p, struct err *e)
{
	while (*s) {
		size_t len = strcspn(s, "&");

		if (len > 0 && read_parameter(s, len, p, e) < 0)
			return -1;
		s += len + (s[len] == '&');
	}
	return 0;
}

static int read_all(const char *url, struct broker_redis_place *p, struct err *e)
{
	const char *at, *path, *query, *host;
	size_t len;

	if (strlen(url) > BROKER_REDIS_URL_MAX)
		return wrong(e, "it is too long");
	p->tls = strncmp(url, "rediss://", 9) == 0;
	if (!p->tls && strncmp(url, "redis://", 8) != 0)
		return wrong(e, "it begins with neither");
	at = strstr(url, "://") + 3;
	len = strcspn(at, "/?#");
	host = memrchr(at, '@', len);
	if (host && read_who(at, (size_t)(host - at), p, e) < 0)
		return -1;
	host = host ? host + 1 : at;
	if (read_host(host, (size_t)(at + len - host), p, e) < 0)
		return -1;
	path = at + len;
	query = path + strcspn(path, "?");
	if (*path == '/' && query > path + 1 &&
	    whole(path + 1, (size_t)(query - path - 1), DB_MOST, &p->db) < 0)
		return wrong(e, "what follows its first slash is not the number of a database");
	if (*path && *path != '/' && *path != '?')
		return wrong(e, "'#' has no meaning in it");
	return *query ? read_parameters(query + 1, p, e) : 0;
}

int broker_redis_place_read(const char *url, struct broker_redis_place *ret, struct err *e)
{
	*ret = (struct broker_redis_place){ 0 };
	if (read_all(url, ret, e) == 0)
		return 0;
	broker_redis_place_done(ret);
	return -1;
}
