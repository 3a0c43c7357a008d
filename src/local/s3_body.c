/* A body into a file, off the loop: decoded, digested and written while it comes, checked and
 * synced once it is there. */
#include "local/s3_own.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/crypto.h"
#include "wire/chunked.h"

#define AHEAD (16 << 20)
#define FLUSH (4 << 20)

int local_s3_body_new(struct s3_request *r, struct err *e)
{
	AUTO(own_freep) char *path = NULL;

	local_s3_random(r->file);
	path = local_s3_path(r->s3, r->file);
	r->fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (r->fd >= 0)
		return 0;
	r->file[0] = '\0';
	return err_errno(e, errno, "%s cannot be made", path);
}

int local_s3_body_sync(struct s3_request *r, struct err *e)
{
	int folder;

	if (r->s3->memory)
		return 0;
	if (fsync(r->fd) < 0)
		return err_errno(e, errno, "the body cannot be synced");
	folder = open(r->s3->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (folder < 0 || fsync(folder) < 0)
		err_errno(e, errno, "%s cannot be synced", r->s3->folder);
	else
		errno = 0;
	if (folder >= 0)
		close(folder);
	return errno ? -1 : 0;
}

/* ---- what came along ---- */

static int expect_md5(struct s3_request *r, struct err *e)
{
	const char *text = local_s3_header(r, "Content-MD5");
	AUTO(buf_done) struct buf bytes = BUF(64);

	if (!text)
		return 0;
	if (crypto_unbase64(text, strlen(text), &bytes, NULL) < 0 ||
	    bytes.len != sizeof(r->want_md5))
		return local_s3_refuse(e, "InvalidDigest",
				       "The Content-MD5 you specified was invalid.");
	memcpy(r->want_md5, bytes.data, sizeof(r->want_md5));
	r->has_md5 = true;
	return 0;
}

/* A part comes with no other kind than its upload has, and nothing with two. */
static int expect_kind(struct s3_request *r, enum s3_sum kind, struct err *e)
{
	const size_t prefix = strlen("x-amz-checksum-");

	if (r->sum != S3_SUM_NONE && r->sum != kind)
		return local_s3_refuse(e, "InvalidRequest",
				       "Checksum Type mismatch occurred, expected checksum Type: "
				       "%s, actual checksum Type: %s",
				       local_s3_sum_header(r->sum) + prefix,
				       local_s3_sum_header(kind) + prefix);
	r->sum = kind;
	return 0;
}

static int expect_sum(struct s3_request *r, struct err *e)
{
	const char *trailer = local_s3_header(r, "x-amz-trailer");

	for (int s = S3_SUM_CRC32; s <= S3_SUM_CRC64; s++) {
		const char *text = local_s3_header(r, local_s3_sum_header(s));
		AUTO(buf_done) struct buf bytes = BUF(64);

		if (!text && trailer && !strcasecmp(trailer, local_s3_sum_header(s)))
			r->sum_in_trailer = true;
		else if (!text)
			continue;
		if (expect_kind(r, s, e) < 0)
			return -1;
		if (!text)
			continue;
		if (crypto_unbase64(text, strlen(text), &bytes, NULL) < 0 ||
		    bytes.len != local_s3_sum_bytes(s))
			return local_s3_refuse(e, "InvalidRequest",
					       "Value for %s header is invalid.",
					       local_s3_sum_header(s));
		snprintf(r->want_sum, sizeof(r->want_sum), "%s", text);
	}
	return 0;
}

static int body_check(const struct s3_request *r, struct err *e)
{
	const char *payload = r->verdict.payload;

	if (r->want_bytes >= 0 && r->size != r->want_bytes)
		return local_s3_refuse(e, "IncompleteBody", NULL);
	if (strlen(payload) == 64 && strcasecmp(payload, r->digest.sha256))
		return local_s3_refuse(e, "XAmzContentSHA256Mismatch", NULL);
	if (r->has_md5 && memcmp(r->want_md5, r->digest.md5, sizeof(r->want_md5)))
		return local_s3_refuse(
			e, "BadDigest",
			"The Content-MD5 you specified did not match what we received.");
	if (r->want_sum[0] && strcmp(r->want_sum, r->digest.sum))
		return local_s3_refuse(
			e, "BadDigest",
			"The %s you specified did not match the calculated checksum.",
			local_s3_sum_word(r->sum));
	return 0;
}

bool local_s3_body_memory(struct s3_request *r, bool required)
{
	size_t len;
	const char *body = httpd_body(r->x, &len);
	struct err e;

	err_clear(&e);
	r->size = (int64_t)len;
	r->want_bytes = -1;
	if (expect_md5(r, &e) < 0 || expect_sum(r, &e) < 0) {
		local_s3_reply_error(r, &e);
		return false;
	}
	if (required && !r->has_md5 && !r->want_sum[0]) {
		local_s3_reply_fail(r, "InvalidRequest",
				    "Missing required header for this request: Content-MD5 OR "
				    "x-amz-checksum-*");
		return false;
	}
	r->sums = local_s3_sum_new(r->sum, strlen(r->verdict.payload) == 64);
	local_s3_sum_add(r->sums, body, len);
	local_s3_sum_end(r->sums, &r->digest);
	if (body_check(r, &e) == 0)
		return true;
	local_s3_reply_error(r, &e);
	return false;
}

/* ---- while it comes ---- */

/* The disk writes early what the sync at the end would wait for, and blocks are taken in advance:
 * what is written into those need not be on the disk before another file's sync is. */
static void body_ahead(struct s3_request *r)
{
	if (r->s3->memory)
		return;
	if (r->size + AHEAD > r->reserved && r->size >= AHEAD &&
	    fallocate(r->fd, FALLOC_FL_KEEP_SIZE, r->size, 2 * AHEAD) == 0)
		r->reserved = r->size + 2 * AHEAD;
	if (r->size - r->flushed < FLUSH)
		return;
	sync_file_range(r->fd, r->flushed, r->size - r->flushed, SYNC_FILE_RANGE_WRITE);
	r->flushed = r->size;
}

static int body_write(struct s3_request *r, const char *data, size_t len, struct err *e)
{
	while (len > 0) {
		ssize_t n = pwrite(r->fd, data, len, r->size);

		if (n < 0 && errno != EINTR)
			return err_errno(e, errno, "the body cannot be written");
		data += n > 0 ? n : 0;
		len -= n > 0 ? (size_t)n : 0;
		r->size += n > 0 ? n : 0;
	}
	body_ahead(r);
	return 0;
}

/* What was framed, without its framing. */
static int body_plain(const void *data, size_t len, void *arg, struct err *e)
{
	struct s3_request *r = arg;

	local_s3_sum_add(r->sums, data, len);
	return body_write(r, data, len, e);
}

/* A body that fails is received to its end all the same, for an answer in S3's words. */
static int body_take(const void *data, size_t len, void *arg)
{
	struct s3_request *r = arg;

	if (r->error.kind != ERR_NONE)
		return 0;
	if (r->chunked) {
		err_ignore(chunked_feed(r->chunked, data, len, body_plain, r, &r->error));
		return 0;
	}
	local_s3_sum_add_others(r->sums, data, len);
	err_ignore(body_write(r, data, len, &r->error));
	return 0;
}

static int body_beside(const void *data, size_t len, void *arg)
{
	struct s3_request *r = arg;

	local_s3_sum_add_md5(r->sums, data, len);
	return 0;
}

static void body_idle(void *arg)
{
	struct s3_request *r = arg;
	struct local_s3 *s = r->s3;

	local_s3_free(r);
	local_s3_idle(s);
}

void local_s3_body_open(struct s3_request *r)
{
	const char *decoded = local_s3_header(r, "x-amz-decoded-content-length"),
		   *payload = r->verdict.payload;
	bool framed = chunked_announced(payload);
	struct err e;

	err_clear(&e);
	r->want_bytes = decoded ? strtoll(decoded, NULL, 10) : -1;
	if (r->want_bytes > S3_PUT_MAX) {
		local_s3_reply_fail(r, "EntityTooLarge", NULL);
		return;
	}
	if (expect_md5(r, &e) < 0 || expect_sum(r, &e) < 0 || local_s3_body_new(r, &e) < 0) {
		local_s3_reply_error(r, &e);
		return;
	}
	r->sums = local_s3_sum_new(r->sum, strlen(payload) == 64);
	if (framed)
		r->chunked = chunked_new(
			payload,
			!strncmp(payload, "STREAMING-AWS4", 14) ? &r->verdict.stream : NULL,
			S3_PUT_MAX);
	r->working = true;
	r->s3->busy++;
	httpd_body_to_sink(
		r->x, &(struct httpd_sink){ body_take, framed ? NULL : body_beside, body_idle, r },
		S3_PUT_MAX + (framed ? S3_PUT_MAX / 8 : 0)); /* small chunks' framing */
}

/* ---- once it is there ---- */

static int body_trailer(struct s3_request *r, struct err *e)
{
	const char *trailer;

	if (!r->chunked)
		return 0;
	if (chunked_end(r->chunked, e) < 0)
		return -1;
	trailer =
		r->sum_in_trailer ? chunked_trailer(r->chunked, local_s3_sum_header(r->sum)) : NULL;
	if (r->sum_in_trailer && !trailer)
		return local_s3_refuse(e, "MalformedTrailerError", NULL);
	if (trailer)
		snprintf(r->want_sum, sizeof(r->want_sum), "%s", trailer);
	return 0;
}

static void body_work(struct s3_request *r)
{
	struct err *e = &r->error;

	local_s3_sum_end(r->sums, &r->digest);
	if (e->kind != ERR_NONE || body_trailer(r, e) < 0 || body_check(r, e) < 0)
		return;
	if (r->reserved && ftruncate(r->fd, r->size) < 0) /* gives back what was taken too much */
		err_ignore(err_errno(e, errno, "the body cannot be cut to its size"));
	else
		err_ignore(local_s3_body_sync(r, e));
}

void local_s3_body_finish(struct s3_request *r, s3_fn *then)
{
	r->s3->busy--; /* body_idle() will not come */
	r->then = then;
	local_s3_work(r, body_work);
}
