#include "wire/chunked.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "base/crypto.h"
#include "wire/codes.h"

#define LINE_MAX_BYTES 8192
#define CHUNK_KIND "AWS4-HMAC-SHA256-PAYLOAD"
#define TRAILER_KIND "AWS4-HMAC-SHA256-TRAILER"

enum state { AT_SIZE, IN_DATA, AFTER_DATA, AT_TRAILER, AT_END };

struct chunked {
	enum state state;
	bool is_signed, trailers; /* trailers: a signature of them is still to come */
	struct sigv4_stream stream;
	struct crypto_hash *hash;      /* of the chunk, when signed */
	char signature[SIGV4_SHA_MAX]; /* of the chunk */
	struct buf line;
	struct buf signed_trailers; /* "name:value\n" each */
	int64_t left, bytes, cap;
	char *names[CHUNKED_TRAILERS_MAX], *values[CHUNKED_TRAILERS_MAX];
	size_t count;
};

bool chunked_announced(const char *content_sha256)
{
	return strncmp(content_sha256, "STREAMING-", 10) == 0;
}

struct chunked *chunked_new(const char *content_sha256, const struct sigv4_stream *stream,
			    int64_t size_cap)
{
	struct chunked *c = own_alloc(sizeof(*c));
	size_t len = strlen(content_sha256);

	c->cap = size_cap;
	c->line = BUF(LINE_MAX_BYTES);
	c->signed_trailers = BUF(LINE_MAX_BYTES * 2);
	c->is_signed =
		stream && strncmp(content_sha256, "STREAMING-AWS4-HMAC-SHA256-PAYLOAD", 34) == 0;
	c->trailers = len > 8 && strcmp(content_sha256 + len - 8, "-TRAILER") == 0;
	if (c->is_signed) {
		c->stream = *stream;
		c->hash = crypto_hash_new(CRYPTO_SHA256);
	}
	return c;
}

void chunked_free(struct chunked *c)
{
	if (!c)
		return;
	for (size_t i = 0; i < c->count; i++) {
		own_free(c->names[i]);
		own_free(c->values[i]);
	}
	if (c->hash)
		crypto_hash_free(c->hash);
	buf_done(&c->line);
	buf_done(&c->signed_trailers);
	sigv4_stream_done(&c->stream);
	own_free(c);
}

static int refuse(const char *name, const char *message, struct err *e)
{
	const struct code *c = code_get(SERVICE_S3, name);

	err_set(e, ERR_PROTOCOL, "%s", message ? message : c->message);
	if (e) {
		snprintf(e->code, sizeof(e->code), "%s", c->name);
		e->status = c->status;
	}
	return -1;
}

static int check_chunk(struct chunked *c, struct err *e)
{
	uint8_t digest[CRYPTO_SHA256_BYTES];
	char hex[SIGV4_SHA_MAX];

	if (!c->is_signed)
		return 0;
	crypto_hash_end(c->hash, digest);
	crypto_hex(digest, sizeof(digest), hex);
	return sigv4_stream_check(&c->stream, CHUNK_KIND, hex, c->signature, e);
}

/* "1a2b" or "1a2b;chunk-signature=<64 hex>" */
static int read_size(struct chunked *c, struct err *e)
{
	const char *s = buf_str(&c->line), *extension;
	int64_t size = 0;
	size_t n = 0;

	for (; isxdigit((unsigned char)s[n]); n++) {
		int digit = isdigit((unsigned char)s[n]) ? s[n] - '0' : (s[n] | 32) - 'a' + 10;

		if (n == 12)
			return refuse("EntityTooLarge", NULL, e);
		size = size * 16 + digit;
	}
	if (n == 0 || (s[n] && s[n] != ';'))
		return refuse("InvalidRequest", "The body is not in aws-chunked form.", e);
	c->signature[0] = '\0';
	extension = strstr(s + n, ";chunk-signature=");
	if (extension && strlen(extension + 17) == 64)
		memcpy(c->signature, extension + 17, 65);
	if (c->is_signed && !c->signature[0])
		return refuse("SignatureDoesNotMatch", "A chunk has no signature.", e);
	if (size > c->cap - c->bytes)
		return refuse("EntityTooLarge", NULL, e);
	c->left = size;
	if (size > 0) {
		c->state = IN_DATA;
		return 0;
	}
	c->state = AT_TRAILER;
	return check_chunk(c, e);
}

static int end_trailers(struct chunked *c, const char *signature, struct err *e)
{
	uint8_t digest[CRYPTO_SHA256_BYTES];
	char hex[SIGV4_SHA_MAX];

	crypto_sha256(buf_str(&c->signed_trailers), c->signed_trailers.len, digest);
	crypto_hex(digest, sizeof(digest), hex);
	return sigv4_stream_check(&c->stream, TRAILER_KIND, hex, signature, e);
}

static int read_trailer(struct chunked *c, struct err *e)
{
	char *line = c->line.data, *colon, *value;

	if (c->line.len == 0) {
		c->state = AT_END;
		if (c->is_signed && c->trailers)
			return refuse("SignatureDoesNotMatch", "The trailers have no signature.",
				      e);
		return 0;
	}
	colon = strchr(line, ':');
	if (!colon || colon == line || c->count == CHUNKED_TRAILERS_MAX)
		return refuse("MalformedTrailerError", NULL, e);
	*colon = '\0';
	value = colon + 1 + strspn(colon + 1, " ");
	for (char *p = line; *p; p++)
		*p = (char)tolower((unsigned char)*p);
	if (strcmp(line, "x-amz-trailer-signature") == 0) {
		if (!c->is_signed)
			return 0;
		c->trailers = false; /* none is missing any more */
		return end_trailers(c, value, e);
	}
	if (buf_addf(&c->signed_trailers, "%s:%s\n", line, value) < 0)
		return refuse("MalformedTrailerError", NULL, e);
	c->names[c->count] = own_strdup(line);
	c->values[c->count++] = own_strdup(value);
	return 0;
}

/* Takes bytes up to a line's end. Returns how many; *ret_whole when the line is there. */
static int take_line(struct chunked *c, const char *data, size_t len, size_t *ret_used,
		     bool *ret_whole, struct err *e)
{
	const char *newline = memchr(data, '\n', len);
	size_t n = newline ? (size_t)(newline - data) : len;

	*ret_used = n + (newline ? 1 : 0);
	*ret_whole = newline != NULL;
	if (buf_add(&c->line, data, n) < 0 || memchr(data, '\0', n))
		return refuse("InvalidRequest", "The body is not in aws-chunked form.", e);
	if (newline && c->line.len && c->line.data[c->line.len - 1] == '\r')
		c->line.data[--c->line.len] = '\0';
	return 0;
}

static int feed_line(struct chunked *c, const char *data, size_t len, size_t *ret_used,
		     struct err *e)
{
	bool whole;
	int rc = 0;

	if (take_line(c, data, len, ret_used, &whole, e) < 0)
		return -1;
	if (!whole)
		return 0;
	if (c->state == AFTER_DATA && c->line.len)
		rc = refuse("IncompleteBody", "A chunk is longer than it says.", e);
	else if (c->state == AFTER_DATA)
		c->state = AT_SIZE;
	else if (c->state == AT_SIZE)
		rc = read_size(c, e);
	else
		rc = read_trailer(c, e);
	buf_clear(&c->line);
	return rc;
}

static int feed_data(struct chunked *c, const char *data, size_t len, size_t *ret_used,
		     chunked_sink *sink, void *arg, struct err *e)
{
	size_t n = (int64_t)len < c->left ? len : (size_t)c->left;

	*ret_used = n;
	if (c->is_signed)
		crypto_hash_add(c->hash, data, n);
	if (sink(data, n, arg, e) < 0)
		return -1;
	c->left -= (int64_t)n;
	c->bytes += (int64_t)n;
	if (c->left > 0)
		return 0;
	c->state = AFTER_DATA;
	return check_chunk(c, e);
}

int chunked_feed(struct chunked *c, const void *data, size_t len, chunked_sink *sink, void *arg,
		 struct err *e)
{
	const char *at = data;
	size_t used;

	for (; len; at += used, len -= used) {
		if (c->state == AT_END)
			return refuse("InvalidRequest", "The body goes on after its last chunk.",
				      e);
		if ((c->state == IN_DATA ? feed_data(c, at, len, &used, sink, arg, e)
					 : feed_line(c, at, len, &used, e)) < 0)
			return -1;
	}
	return 0;
}

int chunked_end(struct chunked *c, struct err *e)
{
	/* Some clients leave out the empty line after the last chunk. */
	if (c->state == AT_TRAILER && c->line.len == 0)
		return read_trailer(c, e);
	if (c->state != AT_END)
		return refuse("IncompleteBody", NULL, e);
	return 0;
}

int64_t chunked_bytes(const struct chunked *c)
{
	return c->bytes;
}

const char *chunked_trailer(const struct chunked *c, const char *lower_name)
{
	for (size_t i = 0; i < c->count; i++)
		if (strcmp(c->names[i], lower_name) == 0)
			return c->values[i];
	return NULL;
}
