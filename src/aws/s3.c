/* Objects: get, head, put, delete. */
#include "aws/s3.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "aws/s3_own.h"
#include "base/clock.h"
#include "base/crypto.h"
#include "wire/sigv4.h"
#include "wire/uri.h"

void aws_s3_ask(struct request *r, const char *action, const char *method, const char *bucket,
		const char *key)
{
	request_init(r, SERVICE_S3, action, method);
	r->bucket = own_strdup(bucket);
	if (key) {
		buf_addc(&r->path, '/');
		uri_encode(&r->path, key, strlen(key), true);
	}
}

void aws_s3_get_ask(struct request *r, const char *bucket, const char *key, int fd, int64_t cap,
		    const struct s3_get *o)
{
	char range[64];

	aws_s3_ask(r, "GetObject", "GET", bucket, key);
	r->reply_fd = fd;
	r->reply_cap = cap < 0 ? 0 : (size_t)cap;
	if (o && o->to >= 0) {
		snprintf(range, sizeof(range), "bytes=%lld-%lld", (long long)o->from,
			 (long long)o->to);
		request_header(r, "Range", range);
	}
	if (o && o->if_match)
		request_header(r, "If-Match", o->if_match);
}

/* The size of the whole object: behind the slash of Content-Range, or Content-Length. */
static bool read_size(const struct reply *r, int64_t *ret)
{
	const char *range = reply_header(r, "content-range");
	const char *text = range ? strrchr(range, '/') : reply_header(r, "content-length");
	char *end;

	if (range && text)
		text++;
	if (!text || *text < '0' || *text > '9')
		return false;
	errno = 0;
	*ret = strtoll(text, &end, 10);
	return !errno && !*end;
}

static void keep_text(char *out, size_t size, const char *text)
{
	snprintf(out, size, "%s", text ? text : "");
}

static int read_object(const struct reply *r, struct s3_object *ret, struct err *e)
{
	const char *modified = reply_header(r, "last-modified");
	const char *etag = reply_header(r, "etag");

	*ret = (struct s3_object){ .got = r->body_bytes, .modified = INSTANT_NEVER };
	if (reply_check(r, e) < 0)
		return -1;
	if (!etag || strlen(etag) >= sizeof(ret->etag))
		return reply_odd(
			r, e,
			"the answer has no ETag: is the endpoint right (AWS_ENDPOINT_URL, proxy)?");
	keep_text(ret->etag, sizeof(ret->etag), etag);
	keep_text(ret->content_type, sizeof(ret->content_type), reply_header(r, "content-type"));
	keep_text(ret->version_id, sizeof(ret->version_id), reply_header(r, "x-amz-version-id"));
	keep_text(ret->sha256, sizeof(ret->sha256), reply_header(r, "x-amz-checksum-sha256"));
	if (modified && clock_parse_http(modified, &ret->modified, NULL) < 0)
		ret->modified = INSTANT_NEVER;
	return 0;
}

int aws_s3_get_read(const struct reply *r, struct s3_object *ret, struct err *e)
{
	if (read_object(r, ret, e) < 0)
		return -1;
	if (!read_size(r, &ret->size))
		ret->size = r->body_bytes;
	/* Without a range a shorter body is a broken transfer that looked whole. */
	if (!reply_header(r, "content-range") && ret->size != r->body_bytes)
		return reply_odd(r, e, "%lld of %lld bytes came", (long long)r->body_bytes,
				 (long long)ret->size);
	return 0;
}

void aws_s3_head_ask(struct request *r, const char *bucket, const char *key)
{
	aws_s3_ask(r, "HeadObject", "HEAD", bucket, key);
	request_header(r, "x-amz-checksum-mode", "ENABLED");
}

int aws_s3_head_read(const struct reply *r, struct s3_object *ret, struct err *e)
{
	if (read_object(r, ret, e) < 0)
		return -1;
	if (!read_size(r, &ret->size))
		return reply_odd(r, e, "the answer has no Content-Length");
	return 0;
}

const char *aws_s3_meta(const struct reply *r, const char *name)
{
	char header[128];
	int n = snprintf(header, sizeof(header), "x-amz-meta-%s", name);

	if (n < 0 || (size_t)n >= sizeof(header))
		return NULL;
	for (char *c = header; *c; c++)
		if (*c >= 'A' && *c <= 'Z')
			*c = (char)(*c | 32);
	return reply_header(r, header);
}

/* The digest goes out twice: hex signs the body, base64 makes S3 compare and keep it. */
static void put_digest(struct request *r, const char *hex)
{
	AUTO(buf_done) struct buf base64 = BUF(64);
	uint8_t sha[CRYPTO_SHA256_BYTES];

	if (strlen(hex) != 64 || crypto_unhex(hex, sha, sizeof(sha), NULL) < 0)
		return;
	snprintf(r->payload, sizeof(r->payload), "%s", hex);
	crypto_base64(sha, sizeof(sha), &base64);
	request_header(r, "x-amz-checksum-sha256", buf_str(&base64));
}

static void put_body(struct request *r, const struct s3_put *p)
{
	uint8_t sha[CRYPTO_SHA256_BYTES];
	char hex[SIGV4_SHA_MAX];

	if (p->fd >= 0) {
		r->body_fd = p->fd;
		r->body_offset = p->offset;
		r->body_size = p->size;
		if (p->sha256_hex)
			put_digest(r, p->sha256_hex);
		return;
	}
	buf_add(&r->body, p->body ? p->body : "", p->body_len);
	crypto_sha256(buf_str(&r->body), r->body.len, sha);
	put_digest(r, p->sha256_hex ? p->sha256_hex : crypto_hex(sha, sizeof(sha), hex));
}

void aws_s3_add_meta(struct request *r, const struct s3_meta *list, size_t n)
{
	for (size_t i = 0; i < n && i < S3_META_MAX; i++) {
		char name[128];

		snprintf(name, sizeof(name), "x-amz-meta-%s", list[i].name);
		request_header(r, name, list[i].value);
	}
}

void aws_s3_put_ask(struct request *r, const char *bucket, const char *key, const struct s3_put *p)
{
	aws_s3_ask(r, "PutObject", "PUT", bucket, key);
	/* The same bytes to the same key do no harm twice, a condition might: it would meet itself.
	 */
	r->write = (p->if_none_match || p->if_match) && !p->meets_itself;
	request_header(r, "Content-Type",
		       p->content_type ? p->content_type : "application/octet-stream");
	if (p->if_none_match)
		request_header(r, "If-None-Match", "*");
	if (p->if_match)
		request_header(r, "If-Match", p->if_match);
	aws_s3_add_meta(r, p->meta, p->meta_count);
	put_body(r, p);
}

int aws_s3_put_read(const struct reply *r, char etag[static S3_ETAG_MAX], struct err *e)
{
	const char *told = reply_header(r, "etag");

	etag[0] = '\0';
	if (reply_check(r, e) < 0)
		return -1;
	if (!told || strlen(told) >= S3_ETAG_MAX)
		return reply_odd(
			r, e,
			"the answer has no ETag: is the endpoint right (AWS_ENDPOINT_URL, proxy)?");
	keep_text(etag, S3_ETAG_MAX, told);
	return 0;
}

void aws_s3_delete_ask(struct request *r, const char *bucket, const char *key)
{
	aws_s3_ask(r, "DeleteObject", "DELETE", bucket, key);
}

int aws_s3_none_read(const struct reply *r, struct err *e)
{
	if (reply_check(r, e) < 0)
		return -1;
	if (r->body.len && r->body.data[0] != '<')
		return reply_odd(r, e, "the answer is not S3's: is the endpoint right?");
	return 0;
}

int aws_s3_url_parse(const char *url, char **ret_bucket, char **ret_key, struct err *e)
{
	const char *bucket = url + 5, *key;
	size_t bucket_len;

	*ret_bucket = *ret_key = NULL;
	if (strncmp(url, "s3://", 5) != 0)
		return err_set(e, ERR_POLICY, "'%.200s' is not an s3:// URL", url);
	bucket_len = strcspn(bucket, "/");
	key = bucket + bucket_len + 1;
	if (bucket_len < 3 || bucket_len > 63 ||
	    strspn(bucket, "abcdefghijklmnopqrstuvwxyz0123456789.-") < bucket_len)
		return err_set(e, ERR_POLICY, "'%.200s' names no bucket as S3 allows it", url);
	if (!bucket[bucket_len] || !*key || strlen(key) > 1024)
		return err_set(e, ERR_POLICY, "'%.200s' names no key of 1 to 1024 bytes", url);
	for (const char *at = key; *at; at++)
		if ((unsigned char)*at < ' ' || *at == 0x7f)
			return err_set(e, ERR_POLICY,
				       "the key of this s3:// URL has control characters");
	for (const char *at = key; *at;) {
		size_t len = strcspn(at, "/");

		if ((len == 2 && memcmp(at, "..", 2) == 0) || (len == 1 && *at == '.'))
			return err_set(e, ERR_POLICY, "'%.200s' has a '.' or '..' in its path",
				       url);
		at += len + (at[len] == '/');
	}
	*ret_bucket = own_strndup(bucket, bucket_len);
	*ret_key = own_strdup(key);
	return 0;
}
