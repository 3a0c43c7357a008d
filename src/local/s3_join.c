/* One file out of others, off the loop, and CompleteMultipartUpload. */
#include "local/s3_own.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/crypto.h"
#include "base/text.h"
#include "base/xml.h"

#define PIECE (256 << 10)

void local_s3_join_free(struct s3_join *j)
{
	if (!j)
		return;
	json_free(j->headers);
	json_free(j->tags);
	own_free(j->files);
	own_free(j);
}

/* ---- off the loop ---- */

static int write_all(int fd, const char *at, size_t len, struct err *e)
{
	while (len > 0) {
		ssize_t n = write(fd, at, len);

		if (n < 0 && errno != EINTR)
			return err_errno(e, errno, "the object cannot be written");
		at += n > 0 ? n : 0;
		len -= n > 0 ? (size_t)n : 0;
	}
	return 0;
}

/* Through our hands, for its digests: at most @p most bytes. */
static int copy_read(int from, int to, int64_t most, struct s3_sums *sums, struct err *e)
{
	AUTO(own_freep) char *piece = own_alloc(PIECE);
	ssize_t n;

	while (most > 0 && (n = read(from, piece, most < PIECE ? (size_t)most : PIECE)) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_errno(e, errno, "a part cannot be read");
		most -= n;
		if (sums)
			local_s3_sum_add(sums, piece, (size_t)n);
		if (write_all(to, piece, (size_t)n, e) < 0)
			return -1;
	}
	return 0;
}

/* Inside the kernel, shared where the file system can; by hand where it cannot at all. */
static int copy_range(int from, int to, struct err *e)
{
	ssize_t n;
	bool any = false;

	while ((n = copy_file_range(from, NULL, to, NULL, 1 << 30, 0)) > 0)
		any = true;
	if (n == 0)
		return 0;
	if (any || (errno != EXDEV && errno != EINVAL && errno != ENOSYS && errno != EOPNOTSUPP))
		return err_errno(e, errno, "a part cannot be copied");
	return copy_read(from, to, INT64_MAX, NULL, e);
}

static int join_file(struct s3_request *r, const char *file, struct s3_sums *sums)
{
	AUTO(own_freep) char *path = local_s3_path(r->s3, file);
	const struct s3_join *j = r->join;
	int fd = open(path, O_RDONLY | O_CLOEXEC), rc;

	if (fd < 0 && errno == ENOENT) /* it was replaced while we came here */
		return local_s3_refuse(&r->error, "OperationAborted", NULL);
	if (fd < 0)
		return err_errno(&r->error, errno, "%s cannot be opened", path);
	if (j->first && lseek(fd, j->first, SEEK_SET) < 0)
		rc = err_errno(&r->error, errno, "%s cannot be read", path);
	else
		rc = sums ? copy_read(fd, r->fd, j->most, sums, &r->error)
			  : copy_range(fd, r->fd, &r->error);
	close(fd);
	return rc;
}

void local_s3_join_work(struct s3_request *r)
{
	struct s3_join *j = r->join;
	struct s3_sums *sums = j->read ? local_s3_sum_new(r->sum, false) : NULL;
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < j->count; i++)
		rc = join_file(r, j->files[i], sums);
	if (sums) {
		local_s3_sum_end(sums, &r->digest);
		local_s3_sum_free(sums);
	}
	if (rc == 0)
		err_ignore(local_s3_body_sync(r, &r->error));
}

/* The row of what was joined. */
int local_s3_join_store(struct s3_request *r, const char *event, struct err *e)
{
	struct s3_join *j = r->join;
	struct s3_object o = { .size = j->size, .headers = j->headers, .tags = j->tags };

	o.modified = local_wall(r->s3->local);
	snprintf(o.file, sizeof(o.file), "%s", r->file);
	snprintf(o.etag, sizeof(o.etag), "%s", j->etag);
	snprintf(o.sum, sizeof(o.sum), "%s", j->sum);
	return local_s3_object_put(r, &o, event, e);
}

/* ---- complete ---- */

struct part {
	int64_t size;
	char etag[33], sum[S3_SUM_TEXT_MAX], file[S3_FILE_NAME];
};

static int part_find(struct s3_request *r, int64_t number, struct part *ret, struct err *e)
{
	AUTO(db_endp)
	struct db_row *row =
		db_query(r->s3->local->db,
			 "SELECT file, size, etag, sum FROM s3_parts WHERE upload=? AND number=?",
			 DB_ARGS(DB_S(local_s3_query(r, "uploadId")), DB_I(number)), e);
	int rc = row ? db_step(row, e) : -1;

	if (rc == 0)
		return local_s3_refuse(e, "InvalidPart", NULL);
	if (rc < 0)
		return -1;
	snprintf(ret->file, sizeof(ret->file), "%s", db_str(row, 0));
	ret->size = db_int(row, 1);
	snprintf(ret->etag, sizeof(ret->etag), "%s", db_str(row, 2));
	snprintf(ret->sum, sizeof(ret->sum), "%s", db_str(row, 3));
	return 0;
}

/* Adds the part that @p n names to the join, and its digests to those of the whole. */
static int part_add(struct s3_request *r, const struct s3_upload *u, const struct xml_node *n,
		    int64_t *last, struct buf *md5s, struct buf *sums, struct err *e)
{
	const char *number = xml_text(n, "PartNumber"), *etag = xml_text(n, "ETag");
	const char *sum = xml_text(n, local_s3_sum_element(u->sum));
	uint8_t md5[CRYPTO_MD5_BYTES];
	struct s3_join *j = r->join;
	struct part p = { 0 };
	int64_t i;

	if (!number || !etag || !text_int(number, &i))
		return local_s3_refuse(e, "MalformedXML", NULL);
	if (i <= *last)
		return local_s3_refuse(e, "InvalidPartOrder", NULL);
	if (part_find(r, i, &p, e) < 0)
		return -1;
	etag += *etag == '"';
	if (strncmp(etag, p.etag, 32) || (etag[32] && strcmp(etag + 32, "\"")) ||
	    (u->sum != S3_SUM_NONE && sum && strcmp(sum, p.sum)))
		return local_s3_refuse(e, "InvalidPart", NULL);
	if (n->next && xml_next(n, "Part") && p.size < S3_PART_MIN)
		return local_s3_refuse(e, "EntityTooSmall", NULL);
	*last = i;
	if (crypto_unhex(p.etag, md5, sizeof(md5), e) < 0)
		return -1;
	buf_add(md5s, md5, sizeof(md5));
	if (crypto_unbase64(p.sum, strlen(p.sum), sums, e) < 0)
		return -1;
	memcpy(j->files[j->count++], p.file, sizeof(p.file));
	j->size += p.size;
	return 0;
}

static void join_digests(struct s3_request *r, const struct s3_upload *u, const struct buf *md5s,
			 const struct buf *sums)
{
	struct s3_join *j = r->join;
	struct s3_sums *of = local_s3_sum_new(u->sum, false);
	struct s3_digest d;
	uint8_t md5[CRYPTO_MD5_BYTES];
	char hex[33], text[S3_SUM_TEXT_MAX];
	struct s3_object o = { 0 };

	crypto_md5(md5s->data, md5s->len, md5);
	snprintf(j->etag, sizeof(j->etag), "%s-%zu", crypto_hex(md5, sizeof(md5), hex), j->count);
	local_s3_sum_add(of, buf_str(sums), sums->len);
	local_s3_sum_end(of, &d);
	local_s3_sum_free(of);
	snprintf(text, sizeof(text), "%.48s-%zu", d.sum, j->count);
	if (!u->full)
		local_s3_object_sum(&o, u->sum, "COMPOSITE", text);
	snprintf(j->sum, sizeof(j->sum), "%s", o.sum);
}

static int complete_read(struct s3_request *r, struct s3_upload *u, struct err *e)
{
	AUTO(xml_freep) struct xml *x = NULL;
	AUTO(buf_done) struct buf md5s = BUF(16 * S3_PARTS_MAX), sums = BUF(32 * S3_PARTS_MAX);
	size_t len;
	const char *body = httpd_body(r->x, &len),
		   *size = local_s3_header(r, "x-amz-mp-object-size");
	int64_t last = 0, want;

	x = len ? xml_parse(body, len, e) : NULL;
	if (!x || !xml_first(xml_root(x), "Part"))
		return local_s3_refuse(e, "MalformedXML", NULL);
	r->join = own_alloc(sizeof(*r->join));
	r->join->files = own_array(S3_PARTS_MAX, sizeof(*r->join->files));
	r->join->headers = TAKE(u->headers);
	r->join->most = INT64_MAX;
	r->join->read = u->full && u->sum != S3_SUM_NONE;
	r->sum = u->sum;
	for (const struct xml_node *n = xml_first(xml_root(x), "Part"); n;
	     n = xml_next(n, "Part")) {
		if (r->join->count == S3_PARTS_MAX)
			return local_s3_refuse(e, "MalformedXML", NULL);
		if (part_add(r, u, n, &last, &md5s, &sums, e) < 0)
			return -1;
	}
	if (size && (!text_int(size, &want) || want != r->join->size))
		return local_s3_refuse(e, "InvalidRequest",
				       "The provided 'x-amz-mp-object-size' header does not match "
				       "what was computed.");
	join_digests(r, u, &md5s, &sums);
	return 0;
}

static void complete_store(struct s3_request *r)
{
	AUTO(local_s3_multi_done) struct s3_upload u = { 0 };
	struct s3_join *j = r->join;
	struct s3_object o = { 0 };
	const char *sum;
	struct err e;

	/* Somebody may have aborted it, or put the object, while the parts were joined. */
	if (!local_s3_multi_find(r, &u) || !local_s3_object_precondition(r))
		return;
	if (j->read) {
		local_s3_object_sum(&o, r->sum, "FULL_OBJECT", r->digest.sum);
		snprintf(j->sum, sizeof(j->sum), "%s", o.sum);
	}
	err_clear(&e);
	if (!(j->tags = local_s3_tag_find(r->s3, "", local_s3_query(r, "uploadId"), &e)) ||
	    local_s3_join_store(r, "ObjectCreated:CompleteMultipartUpload", &e) < 0 ||
	    local_s3_multi_remove(r, &e) < 0) {
		local_undo(r->s3->local);
		local_s3_reply_error(r, &e);
		return;
	}
	local_s3_reply_xml(r, "CompleteMultipartUploadResult");
	buf_addf(&r->out, "<Location>http://%s/%s/",
		 local_s3_header(r, "Host") ? local_s3_header(r, "Host") : "", r->bucket);
	xml_escape(&r->out, r->key, strlen(r->key));
	buf_adds(&r->out, "</Location>");
	xml_elem(&r->out, "Bucket", r->bucket);
	xml_elem(&r->out, "Key", r->key);
	buf_addf(&r->out, "<ETag>&quot;%s&quot;</ETag>", j->etag);
	sum = strrchr(j->sum, ':');
	if (sum) {
		xml_elem(&r->out, local_s3_sum_element(r->sum), sum + 1);
		xml_elem(&r->out, "ChecksumType", j->read ? "FULL_OBJECT" : "COMPOSITE");
	}
	xml_close(&r->out, "CompleteMultipartUploadResult");
	local_s3_reply_commit(r, 200);
}

void local_s3_join_complete(struct s3_request *r)
{
	AUTO(local_s3_multi_done) struct s3_upload u = { 0 };
	struct err e;

	if (!local_s3_bucket(r) || !local_s3_multi_find(r, &u) || !local_s3_object_precondition(r))
		return;
	err_clear(&e);
	if (complete_read(r, &u, &e) < 0 || local_s3_body_new(r, &e) < 0) {
		local_s3_reply_error(r, &e);
		return;
	}
	r->then = complete_store;
	local_s3_work(r, local_s3_join_work);
}
