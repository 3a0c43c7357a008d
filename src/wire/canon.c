#include "wire/canon.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/crypto.h"
#include "wire/form.h"
#include "wire/uri.h"

int canon_add_header(struct canon *c, const char *name, const char *value, struct err *e)
{
	if (c->header_count == SIGV4_HEADERS_MAX)
		return err_set(e, ERR_LOCAL, "more than %d headers to sign", SIGV4_HEADERS_MAX);
	c->headers[c->header_count++] = (struct sigv4_header){ .name = name, .value = value };
	return 0;
}

/* RFC 3986 5.2.4, and empty segments go too, as the SDKs have it for all but S3. */
static void clean_path(struct buf *out, const char *path, size_t len)
{
	size_t at = 0;

	buf_addc(out, '/');
	while (at < len) {
		const char *slash = memchr(path + at, '/', len - at);
		size_t n = slash ? (size_t)(slash - path) - at : len - at;

		if (n == 2 && memcmp(path + at, "..", 2) == 0) {
			while (out->len > 1 && out->data[--out->len - 1] != '/')
				continue;
			out->data[out->len] = '\0';
		} else if (n && !(n == 1 && path[at] == '.')) {
			buf_add(out, path + at, n);
			if (slash)
				buf_addc(out, '/');
		}
		at += n + 1;
	}
	if (out->len > 1 && out->data[out->len - 1] == '/' && path[len - 1] != '/')
		out->data[--out->len] = '\0';
}

static void add_path(struct buf *out, const struct canon *c)
{
	AUTO(buf_done) struct buf clean = BUF(CANON_MAX);

	if (c->path_len == 0) {
		buf_addc(out, '/');
	} else if (c->s3) {
		buf_add(out, c->path, c->path_len);
	} else {
		clean_path(&clean, c->path, c->path_len);
		uri_encode(out, buf_str(&clean), clean.len, true);
	}
}

struct pair {
	char *name, *value; /* encoded */
};
struct pairs {
	struct pair *list;
	size_t count;
};

static void pairs_done(struct pairs *p)
{
	for (size_t i = 0; i < p->count; i++) {
		own_free(p->list[i].name);
		own_free(p->list[i].value);
	}
	own_free(p->list);
}

/* Decoded and encoded again, so that it does not matter how a client spells its escapes. */
static int respell(const char *s, size_t len, char **ret, struct err *e)
{
	AUTO(buf_done) struct buf plain = BUF(len + 1);
	AUTO(buf_done) struct buf out = BUF(3 * len + 1);

	if (uri_decode(&plain, s, len, true, e) < 0)
		return err_wrap(e, "query string");
	uri_encode(&out, buf_str(&plain), plain.len, false);
	*ret = out.len ? buf_take(&out) : own_strdup("");
	return 0;
}

static int read_query_pair(struct pairs *p, const char *s, size_t len, struct err *e)
{
	const char *equals = memchr(s, '=', len);
	size_t name_len = equals ? (size_t)(equals - s) : len;
	struct pair one = { 0 };

	if (p->count == FORM_PAIRS_MAX)
		return err_set(e, ERR_PROTOCOL, "more than %d query fields", FORM_PAIRS_MAX);
	if (respell(s, name_len, &one.name, e) < 0)
		return -1;
	if (respell(equals ? equals + 1 : "", equals ? len - name_len - 1 : 0, &one.value, e) < 0) {
		own_free(one.name);
		return -1;
	}
	p->list = own_grow(p->list, p->count + 1, sizeof(*p->list));
	p->list[p->count++] = one;
	return 0;
}

static int by_pair(const void *a, const void *b)
{
	const struct pair *pa = a, *pb = b;
	int order = strcmp(pa->name, pb->name);

	return order ? order : strcmp(pa->value, pb->value);
}

static int add_query(struct buf *out, const struct canon *c, struct err *e)
{
	AUTO(pairs_done) struct pairs p = { 0 };
	const char *between = "";
	size_t end;

	for (size_t at = 0; at < c->query_len; at = end + 1) {
		const char *amp = memchr(c->query + at, '&', c->query_len - at);

		end = amp ? (size_t)(amp - c->query) : c->query_len;
		if (end > at && read_query_pair(&p, c->query + at, end - at, e) < 0)
			return -1;
	}
	if (p.count)
		qsort(p.list, p.count, sizeof(*p.list), by_pair);
	for (size_t i = 0; i < p.count; i++) {
		if (c->presigned && strcmp(p.list[i].name, "X-Amz-Signature") == 0)
			continue;
		buf_addf(out, "%s%s=%s", between, p.list[i].name, p.list[i].value);
		between = "&";
	}
	return 0;
}

static int by_header(const void *a, const void *b)
{
	const struct sigv4_header *const *ha = a, *const *hb = b;
	int order = strcasecmp((*ha)->name, (*hb)->name);

	return order ? order : (*ha > *hb) - (*ha < *hb);
}

/* Trimmed, and runs of white space inside become one space. */
static void add_value(struct buf *out, const char *value)
{
	bool gap = false, any = false;

	for (; *value; value++) {
		if (isspace((unsigned char)*value)) {
			gap = any;
			continue;
		}
		if (gap)
			buf_addc(out, ' ');
		gap = false;
		any = true;
		buf_addc(out, *value);
	}
}

static void add_headers(struct buf *out, const struct canon *c, struct buf *ret_signed)
{
	const struct sigv4_header *sorted[SIGV4_HEADERS_MAX];

	for (size_t i = 0; i < c->header_count; i++)
		sorted[i] = &c->headers[i];
	if (c->header_count)
		qsort(sorted, c->header_count, sizeof(*sorted), by_header);
	for (size_t i = 0; i < c->header_count; i++) {
		if (i && strcasecmp(sorted[i - 1]->name, sorted[i]->name) == 0) {
			buf_addc(out, ',');
		} else {
			if (i) {
				buf_addc(out, '\n');
				buf_addc(ret_signed, ';');
			}
			for (const char *n = sorted[i]->name; *n; n++) {
				buf_addc(out, (char)tolower((unsigned char)*n));
				buf_addc(ret_signed, (char)tolower((unsigned char)*n));
			}
			buf_addc(out, ':');
		}
		add_value(out, sorted[i]->value);
	}
	buf_addc(out, '\n');
}

int canon_digest(const struct canon *c, char ret_hex[static SIGV4_SHA_MAX], struct buf *ret_signed,
		 struct err *e)
{
	AUTO(buf_wipe) struct buf out = BUF(CANON_MAX);
	uint8_t sha[CRYPTO_SHA256_BYTES];

	buf_addf(&out, "%s\n", c->method);
	add_path(&out, c);
	buf_addc(&out, '\n');
	if (add_query(&out, c, e) < 0)
		return -1;
	buf_addc(&out, '\n');
	add_headers(&out, c, ret_signed);
	buf_addf(&out, "\n%s\n%s", buf_str(ret_signed), c->payload);
	if (buf_ok(&out, "request to sign", e) < 0 ||
	    buf_ok(ret_signed, "list of signed headers", e) < 0)
		return -1;
	crypto_sha256(out.data, out.len, sha);
	crypto_hex(sha, sizeof(sha), ret_hex);
	return 0;
}

int canon_scope_print(const struct canon_scope *s, char out[static SIGV4_SCOPE_MAX])
{
	int n = snprintf(out, SIGV4_SCOPE_MAX, "%s/%s/%s/aws4_request", s->date, s->region,
			 s->service);

	return n > 0 && n < SIGV4_SCOPE_MAX ? 0 : -1;
}

static void mac(uint8_t key[static 32], const char *text)
{
	uint8_t out[CRYPTO_SHA256_BYTES];

	crypto_hmac_sha256(key, 32, text, strlen(text), out);
	memcpy(key, out, 32);
	own_wipe(out, sizeof(out));
}

void canon_key(const char *secret, const struct canon_scope *s, uint8_t out[static 32])
{
	AUTO(buf_wipe) struct buf first = BUF(1024);

	buf_addf(&first, "AWS4%s", secret);
	crypto_hmac_sha256(buf_str(&first), first.len, s->date, strlen(s->date), out);
	mac(out, s->region);
	mac(out, s->service);
	mac(out, "aws4_request");
}

void canon_sign(const uint8_t key[static 32], const char *algorithm, const char *date,
		const char *scope, const char *rest, char ret_hex[static SIGV4_SHA_MAX])
{
	AUTO(buf_done) struct buf text = BUF(1024);
	uint8_t out[CRYPTO_SHA256_BYTES];

	buf_addf(&text, "%s\n%s\n%s\n%s", algorithm, date, scope, rest);
	crypto_hmac_sha256(key, 32, buf_str(&text), text.len, out);
	crypto_hex(out, sizeof(out), ret_hex);
}
