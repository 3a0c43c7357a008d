/* CompleteMultipartUpload: the parts stay where they are, and an object is made that consists of
 * them; see s3_pieces.c. */
#include "local/s3_own.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/crypto.h"
#include "base/text.h"
#include "base/xml.h"

/* What the body of the request asks for, read. */
struct join {
	struct s3_upload upload;
	int64_t numbers[S3_PARTS_MAX], left[S3_PARTS_MAX]; /* parts it is to have, and is not to */
	size_t count, left_count;
	int64_t size;
	struct buf md5s, sums; /* of the parts, one behind the other */
	uint64_t crc;          /* of the whole so far, where that is wanted */
};

static void join_free(struct join *j)
{
	local_s3_multi_done(&j->upload);
	buf_done(&j->md5s);
	buf_done(&j->sums);
	own_free(j);
}
DEFINE_FREEP(struct join, join);

struct part {
	int64_t size;
	char etag[33], sum[S3_SUM_TEXT_MAX];
};

static int part_find(struct s3_request *r, int64_t number, struct part *ret, struct err *e)
{
	AUTO(db_endp)
	struct db_row *row =
		db_query(r->s3->local->db,
			 "SELECT size, etag, sum FROM s3_parts WHERE upload=? AND number=?",
			 DB_ARGS(DB_S(local_s3_query(r, "uploadId")), DB_I(number)), e);
	int rc = row ? db_step(row, e) : -1;

	if (rc == 0)
		return local_s3_refuse(e, "InvalidPart", NULL);
	if (rc < 0)
		return -1;
	ret->size = db_int(row, 0);
	snprintf(ret->etag, sizeof(ret->etag), "%s", db_str(row, 1));
	snprintf(ret->sum, sizeof(ret->sum), "%s", db_str(row, 2));
	return 0;
}

/* Its digests behind those before it. */
static int part_digests(struct join *j, const struct part *p, struct err *e)
{
	uint8_t md5[CRYPTO_MD5_BYTES], crc[8] = { 0 };
	size_t had = j->sums.len, n;
	uint64_t next = 0;

	if (crypto_unhex(p->etag, md5, sizeof(md5), e) < 0 ||
	    crypto_unbase64(p->sum, strlen(p->sum), &j->sums, e) < 0)
		return -1;
	buf_add(&j->md5s, md5, sizeof(md5));
	n = j->sums.len - had;
	if (!j->upload.full || n > sizeof(crc))
		return 0;
	for (size_t i = 0; i < n; i++)
		next = next << 8 | (uint8_t)j->sums.data[had + i];
	local_s3_sum_join(j->upload.sum, &j->crc, next, p->size);
	return 0;
}

/* Adds the part that @p n names. */
static int part_add(struct s3_request *r, struct join *j, const struct xml_node *n, struct err *e)
{
	const char *number = xml_text(n, "PartNumber"), *etag = xml_text(n, "ETag");
	const char *sum = xml_text(n, local_s3_sum_element(j->upload.sum));
	struct part p = { 0 };
	int64_t i;

	if (!number || !etag || !text_int(number, &i) || j->count == S3_PARTS_MAX)
		return local_s3_refuse(e, "MalformedXML", NULL);
	if (i <= (j->count ? j->numbers[j->count - 1] : 0))
		return local_s3_refuse(e, "InvalidPartOrder", NULL);
	if (part_find(r, i, &p, e) < 0)
		return -1;
	etag += *etag == '"';
	if (strncmp(etag, p.etag, 32) || (etag[32] && strcmp(etag + 32, "\"")) ||
	    (j->upload.sum != S3_SUM_NONE && sum && strcmp(sum, p.sum)))
		return local_s3_refuse(e, "InvalidPart", NULL);
	if (n->next && xml_next(n, "Part") && p.size < S3_PART_MIN)
		return local_s3_refuse(e, "EntityTooSmall", NULL);
	j->numbers[j->count++] = i;
	j->size += p.size;
	return part_digests(j, &p, e);
}

static int join_read(struct s3_request *r, struct join *j, struct err *e)
{
	AUTO(xml_freep) struct xml *x = NULL;
	size_t len;
	const char *body = httpd_body(r->x, &len),
		   *size = local_s3_header(r, "x-amz-mp-object-size");
	int64_t want;

	x = len ? xml_parse(body, len, e) : NULL;
	if (!x || !xml_first(xml_root(x), "Part"))
		return local_s3_refuse(e, "MalformedXML", NULL);
	j->md5s = BUF(16 * S3_PARTS_MAX);
	j->sums = BUF(32 * S3_PARTS_MAX);
	for (const struct xml_node *n = xml_first(xml_root(x), "Part"); n; n = xml_next(n, "Part"))
		if (part_add(r, j, n, e) < 0)
			return -1;
	if (j->size > S3_OBJECT_MAX)
		return local_s3_refuse(e, "EntityTooLarge", NULL);
	if (size && (!text_int(size, &want) || want != j->size))
		return local_s3_refuse(e, "InvalidRequest",
				       "The provided 'x-amz-mp-object-size' header does not match "
				       "what was computed.");
	return 0;
}

/* ETag and checksum of the whole, from those of its parts. */
static void join_digests(const struct join *j, struct s3_object *o)
{
	struct s3_sums *of = local_s3_sum_new(j->upload.sum, false);
	struct s3_digest d;
	uint8_t md5[CRYPTO_MD5_BYTES];
	char hex[33], text[S3_SUM_TEXT_MAX];

	crypto_md5(j->md5s.data, j->md5s.len, md5);
	snprintf(o->etag, sizeof(o->etag), "%s-%zu", crypto_hex(md5, sizeof(md5), hex), j->count);
	local_s3_sum_add(of, buf_str(&j->sums), j->sums.len);
	local_s3_sum_end(of, &d);
	local_s3_sum_free(of);
	if (j->upload.full)
		local_s3_sum_crc(j->upload.sum, j->crc, text);
	else
		snprintf(text, sizeof(text), "%.48s-%zu", d.sum, j->count);
	local_s3_object_sum(o, j->upload.sum, j->upload.full ? "FULL_OBJECT" : "COMPOSITE", text);
}

/* Parts that were sent and are not among those it is completed from. */
static int join_prune(struct s3_request *r, struct join *j, struct err *e)
{
	struct db *db = r->s3->local->db;
	const char *id = local_s3_query(r, "uploadId");
	AUTO(db_endp)
	struct db_row *row =
		db_query(db, "SELECT number, file FROM s3_parts WHERE upload=? ORDER BY number",
			 DB_ARGS(DB_S(id)), e);
	size_t at = 0;
	int rc = -1;

	while (row && (rc = db_step(row, e)) == 1) {
		if (at < j->count && j->numbers[at] == db_int(row, 0)) {
			at++;
			continue;
		}
		j->left[j->left_count++] = db_int(row, 0);
		local_s3_pieces_drop(&r->drops, id, db_str(row, 1));
	}
	for (size_t i = 0; rc == 0 && i < j->left_count; i++)
		rc = DB_RUN(db, e, "DELETE FROM s3_parts WHERE upload=? AND number=?", DB_S(id),
			    DB_I(j->left[i]));
	return rc;
}

static int join_store(struct s3_request *r, struct join *j, struct s3_object *o, struct err *e)
{
	const char *id = local_s3_query(r, "uploadId");

	o->size = j->size;
	o->parts = (int64_t)j->count;
	o->modified = local_wall(r->s3->local);
	o->headers = TAKE(j->upload.headers);
	snprintf(o->file, sizeof(o->file), "%s", id);
	join_digests(j, o);
	o->tags = local_s3_tag_find(r->s3, "", id, e);
	if (!o->tags || local_write(r->s3->local, e) < 0 || join_prune(r, j, e) < 0 ||
	    local_s3_object_put(r, o, "ObjectCreated:CompleteMultipartUpload", e) < 0 ||
	    local_s3_tag_store(r->s3, "", id, NULL, e) < 0)
		return -1;
	return DB_RUN(r->s3->local->db, e, "DELETE FROM s3_uploads WHERE id=?", DB_S(id));
}

static void join_result(struct s3_request *r, const struct join *j, const struct s3_object *o)
{
	const char *host = local_s3_header(r, "Host"), *sum = strrchr(o->sum, ':');

	local_s3_reply_xml(r, "CompleteMultipartUploadResult");
	buf_addf(&r->out, "<Location>http://%s/%s/", host ? host : "", r->bucket);
	xml_escape(&r->out, r->key, strlen(r->key));
	buf_adds(&r->out, "</Location>");
	xml_elem(&r->out, "Bucket", r->bucket);
	xml_elem(&r->out, "Key", r->key);
	buf_addf(&r->out, "<ETag>&quot;%s&quot;</ETag>", o->etag);
	if (sum) {
		xml_elem(&r->out, local_s3_sum_element(j->upload.sum), sum + 1);
		xml_elem(&r->out, "ChecksumType", j->upload.full ? "FULL_OBJECT" : "COMPOSITE");
	}
	xml_close(&r->out, "CompleteMultipartUploadResult");
	local_s3_reply_commit(r, 200);
}

void local_s3_join_complete(struct s3_request *r)
{
	AUTO(join_freep) struct join *j = own_alloc(sizeof(*j));
	AUTO(local_s3_object_done) struct s3_object o = { 0 };
	struct err e;

	if (!local_s3_bucket(r) || !local_s3_multi_find(r, &j->upload) ||
	    !local_s3_object_precondition(r))
		return;
	err_clear(&e);
	if (join_read(r, j, &e) < 0) {
		local_s3_reply_error(r, &e);
		return;
	}
	if (join_store(r, j, &o, &e) < 0) {
		local_undo(r->s3->local);
		local_s3_reply_error(r, &e);
		return;
	}
	join_result(r, j, &o);
}
