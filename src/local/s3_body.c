/* A body into a file: received by the loop, decoded, digested, checked and synced off it. */
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

#define PIECE (256 << 10)

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

static int expect_sum(struct s3_request *r, struct err *e)
{
	const char *trailer = local_s3_header(r, "x-amz-trailer");

	for (int s = S3_SUM_CRC32; s <= S3_SUM_CRC64; s++) {
		const char *text = local_s3_header(r, local_s3_sum_header(s));
		AUTO(buf_done) struct buf bytes = BUF(64);

		if (!text && trailer && !strcasecmp(trailer, local_s3_sum_header(s))) {
			r->sum = s;
			r->sum_in_trailer = true;
		}
		if (!text)
			continue;
		if (crypto_unbase64(text, strlen(text), &bytes, NULL) < 0 ||
		    bytes.len != local_s3_sum_bytes(s))
			return local_s3_refuse(e, "InvalidRequest",
					       "Value for %s header is invalid.",
					       local_s3_sum_header(s));
		r->sum = s;
		snprintf(r->want_sum, sizeof(r->want_sum), "%s", text);
	}
	return 0;
}

void local_s3_body_open(struct s3_request *r)
{
	const char *decoded = local_s3_header(r, "x-amz-decoded-content-length");
	int64_t cap = S3_PUT_MAX;
	struct err e;

	err_clear(&e);
	r->want_bytes = decoded ? strtoll(decoded, NULL, 10) : -1;
	if (r->want_bytes > S3_PUT_MAX) {
		local_s3_reply_fail(r, "EntityTooLarge", NULL);
		return;
	}
	if (chunked_announced(r->verdict.payload))
		cap += S3_PUT_MAX / 8; /* the framing of small chunks */
	if (expect_md5(r, &e) < 0 || expect_sum(r, &e) < 0 || local_s3_body_new(r, &e) < 0) {
		local_s3_reply_error(r, &e);
		return;
	}
	httpd_body_to_fd(r->x, r->fd, cap);
}

/* ---- off the loop ---- */

struct pass {
	struct s3_sums *sums;
	int out; /* -1: the body stays where it is */
	int64_t bytes;
};

static int pass_sink(const void *data, size_t len, void *arg, struct err *e)
{
	struct pass *p = arg;
	const char *at = data;

	local_s3_sum_add(p->sums, data, len);
	p->bytes += (int64_t)len;
	while (p->out >= 0 && len > 0) {
		ssize_t n = write(p->out, at, len);

		if (n < 0 && errno != EINTR)
			return err_errno(e, errno, "the body cannot be written");
		at += n > 0 ? n : 0;
		len -= n > 0 ? (size_t)n : 0;
	}
	return 0;
}

/* The whole of @p fd through @p sink, or through the chunk decoder first. */
static int pass_read(int fd, struct chunked *c, struct pass *p, struct err *e)
{
	AUTO(own_freep) char *piece = own_alloc(PIECE);
	int64_t offset = 0;
	ssize_t n;

	while ((n = pread(fd, piece, PIECE, offset)) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_errno(e, errno, "the body cannot be read back");
		offset += n;
		if ((c ? chunked_feed(c, piece, (size_t)n, pass_sink, p, e)
		       : pass_sink(piece, (size_t)n, p, e)) < 0)
			return -1;
	}
	return c ? chunked_end(c, e) : 0;
}

/* Framing is taken off into another file, which replaces the one that was received. */
static int body_decode(struct s3_request *r, struct pass *p, struct err *e)
{
	bool checked = !strncmp(r->verdict.payload, "STREAMING-AWS4", 14);
	AUTO(chunked_freep)
	struct chunked *c =
		chunked_new(r->verdict.payload, checked ? &r->verdict.stream : NULL, S3_PUT_MAX);
	AUTO(own_freep) char *framed = local_s3_path(r->s3, r->file);
	const char *trailer;
	int from = r->fd, rc;

	if (local_s3_body_new(r, e) < 0) {
		close(from);
		unlink(framed);
		return -1;
	}
	p->out = r->fd;
	rc = pass_read(from, c, p, e);
	close(from);
	unlink(framed);
	if (rc < 0)
		return -1;
	trailer = r->sum_in_trailer ? chunked_trailer(c, local_s3_sum_header(r->sum)) : NULL;
	if (r->sum_in_trailer && !trailer)
		return local_s3_refuse(e, "MalformedTrailerError", NULL);
	if (trailer)
		snprintf(r->want_sum, sizeof(r->want_sum), "%s", trailer);
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

static void body_work(struct s3_request *r)
{
	bool hex = strlen(r->verdict.payload) == 64;
	struct pass p = { .sums = local_s3_sum_new(r->sum, hex), .out = -1 };
	int rc;

	if (chunked_announced(r->verdict.payload))
		rc = body_decode(r, &p, &r->error);
	else
		rc = pass_read(r->fd, NULL, &p, &r->error);
	r->size = p.bytes;
	local_s3_sum_end(p.sums, &r->digest);
	local_s3_sum_free(p.sums);
	if (rc == 0 && body_check(r, &r->error) == 0)
		err_ignore(local_s3_body_sync(r, &r->error));
}

void local_s3_body_finish(struct s3_request *r, s3_fn *then)
{
	r->then = then;
	local_s3_work(r, body_work);
}
