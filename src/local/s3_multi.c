/* Multipart uploads: parts are files of their own until they are joined, off the loop. */
#include "local/s3_own.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/crypto.h"
#include "base/text.h"
#include "base/xml.h"

#define HEADERS_TEXT_MAX (64u << 10)

/* ---- create ---- */

void local_s3_multi_create(struct s3_request *r)
{
	const char *word = local_s3_header(r, "x-amz-checksum-algorithm"),
		   *type = local_s3_header(r, "x-amz-checksum-type");
	AUTO(json_freep) struct json *headers = NULL, *tags = NULL;
	AUTO(buf_done) struct buf text = BUF(HEADERS_TEXT_MAX);
	struct local *l = r->s3->local;
	enum s3_sum sum = local_s3_sum_named(word);
	char upload[S3_FILE_NAME];
	struct err e;

	if (!local_s3_bucket(r))
		return;
	headers = local_s3_object_headers(r);
	if (!headers || (word && sum == S3_SUM_NONE)) {
		local_s3_reply_fail(r, headers ? "InvalidRequest" : "MetadataTooLarge", NULL);
		return;
	}
	err_clear(&e);
	json_write(headers, &text);
	local_s3_random(upload);
	if (type &&
	    (sum == S3_SUM_NONE || (strcmp(type, "COMPOSITE") && strcmp(type, "FULL_OBJECT")) ||
	     (sum == S3_SUM_CRC64 && strcmp(type, "FULL_OBJECT")) ||
	     ((sum == S3_SUM_SHA1 || sum == S3_SUM_SHA256) && strcmp(type, "COMPOSITE")))) {
		local_s3_reply_fail(r, "InvalidRequest",
				    "The %.20s checksum type cannot be used with the %s checksum "
				    "algorithm.",
				    type, sum == S3_SUM_NONE ? "given" : local_s3_sum_word(sum));
		return;
	}
	if (!type)
		type = sum == S3_SUM_CRC64 ? "FULL_OBJECT" : "COMPOSITE";
	tags = local_s3_tag_header(r, &e);
	if (!tags || local_write(l, &e) < 0 ||
	    local_s3_tag_store(r->s3, "", upload, tags, &e) < 0 ||
	    DB_RUN(l->db, &e, "INSERT INTO s3_uploads VALUES(?,?,?,?,?,?,?)", DB_S(upload),
		   DB_S(r->bucket), DB_S(r->key), DB_I(local_wall(l).ms), DB_S(buf_str(&text)),
		   DB_S(local_s3_sum_word(sum)), DB_S(type)) < 0) {
		local_s3_reply_error(r, &e);
		return;
	}
	if (sum != S3_SUM_NONE) {
		local_s3_reply_header(r, "x-amz-checksum-algorithm", local_s3_sum_word(sum));
		local_s3_reply_header(r, "x-amz-checksum-type", type);
	}
	local_s3_reply_xml(r, "InitiateMultipartUploadResult");
	xml_elem(&r->out, "Bucket", r->bucket);
	xml_elem(&r->out, "Key", r->key);
	xml_elem(&r->out, "UploadId", upload);
	xml_close(&r->out, "InitiateMultipartUploadResult");
	local_s3_reply_commit(r, 200);
}

/* ---- an upload ---- */

void local_s3_multi_done(struct s3_upload *u)
{
	json_free(u->headers);
	u->headers = NULL;
}

bool local_s3_multi_find(struct s3_request *r, struct s3_upload *ret)
{
	const char *id = local_s3_query(r, "uploadId");
	AUTO(db_endp) struct db_row *row = NULL;
	struct err e;
	int rc;

	*ret = (struct s3_upload){ 0 };
	err_clear(&e);
	row = db_query(
		r->s3->local->db,
		"SELECT headers, sum, sum_type FROM s3_uploads WHERE id=? AND bucket=? AND key=?",
		DB_ARGS(DB_S(id), DB_S(r->bucket), DB_S(r->key)), &e);
	rc = row ? db_step(row, &e) : -1;
	if (rc == 1) {
		ret->headers = json_parse(db_str(row, 0), strlen(db_str(row, 0)), &e);
		ret->sum = local_s3_sum_named(db_str(row, 1));
		ret->full = !strcmp(db_str(row, 2), "FULL_OBJECT");
		return true;
	}
	db_endp(&row);
	if (rc == 0)
		local_s3_reply_fail(r, "NoSuchUpload", NULL);
	else
		local_s3_reply_error(r, &e);
	return false;
}

/* ---- parts ---- */

bool local_s3_multi_number(struct s3_request *r, int64_t *ret)
{
	const char *text = local_s3_query(r, "partNumber");

	if (text && text_int(text, ret) && *ret >= 1 && *ret <= S3_PARTS_MAX)
		return true;
	local_s3_reply_fail(r, "InvalidArgument",
			    "Part number must be an integer between 1 and 10000, inclusive");
	return false;
}

void local_s3_multi_part_head(struct s3_request *r)
{
	AUTO(local_s3_multi_done) struct s3_upload u = { 0 };
	int64_t number;

	if (!local_s3_bucket(r) || !local_s3_multi_find(r, &u) ||
	    !local_s3_multi_number(r, &number))
		return;
	if (u.sum != S3_SUM_NONE)
		r->sum = u.sum; /* also of a part that came without */
	local_s3_body_open(r);
}

static int part_put(struct s3_request *r, int64_t number, const char *etag, struct err *e)
{
	const char *id = local_s3_query(r, "uploadId");
	struct local *l = r->s3->local;
	AUTO(db_endp) struct db_row *row = NULL;
	int rc;

	if (local_write(l, e) < 0)
		return -1;
	row = db_query(l->db, "SELECT file FROM s3_parts WHERE upload=? AND number=?",
		       DB_ARGS(DB_S(id), DB_I(number)), e);
	rc = row ? db_step(row, e) : -1;
	if (rc < 0)
		return -1;
	if (rc == 1)
		local_s3_pieces_drop(&r->drops, id, db_str(row, 0));
	return DB_RUN(l->db, e, "INSERT OR REPLACE INTO s3_parts VALUES(?,?,?,?,?,?,?)", DB_S(id),
		      DB_I(number), DB_S(r->file), DB_I(r->size), DB_S(etag), DB_S(r->digest.sum),
		      DB_I(local_wall(l).ms));
}

bool local_s3_multi_store(struct s3_request *r, char ret_etag[static 33])
{
	AUTO(local_s3_multi_done) struct s3_upload u = { 0 };
	int64_t number = 0;
	struct err e;

	/* It may have been completed or aborted meanwhile. */
	if (!local_s3_multi_find(r, &u) || !local_s3_multi_number(r, &number))
		return false;
	err_clear(&e);
	crypto_hex(r->digest.md5, sizeof(r->digest.md5), ret_etag);
	if (part_put(r, number, ret_etag, &e) == 0)
		return true;
	local_undo(r->s3->local);
	local_s3_reply_error(r, &e);
	return false;
}

static void part_store(struct s3_request *r)
{
	char etag[33];

	if (!local_s3_multi_store(r, etag))
		return;
	local_s3_reply_headerf(r, "ETag", "\"%s\"", etag);
	if (r->sum != S3_SUM_NONE)
		local_s3_reply_header(r, local_s3_sum_header(r->sum), r->digest.sum);
	local_s3_reply_commit(r, 200);
}

void local_s3_multi_part(struct s3_request *r)
{
	local_s3_body_finish(r, part_store);
}

void local_s3_multi_parts(struct s3_request *r)
{
	const char *after = local_s3_query(r, "part-number-marker"),
		   *most = local_s3_query(r, "max-parts");
	AUTO(local_s3_multi_done) struct s3_upload u = { 0 };
	AUTO(db_endp) struct db_row *row = NULL;
	int64_t from = 0, limit = 1000, n = 0, last = 0;
	int rc = 0;
	struct err e;

	if (!local_s3_bucket(r) || !local_s3_multi_find(r, &u))
		return;
	if ((after && !text_int(after, &from)) ||
	    (most && (!text_int(most, &limit) || limit < 0))) {
		local_s3_reply_fail(r, "InvalidArgument", NULL);
		return;
	}
	limit = limit > 1000 ? 1000 : limit;
	err_clear(&e);
	row = db_query(r->s3->local->db,
		       "SELECT number, size, etag, sum, modified FROM s3_parts WHERE upload=? AND "
		       "number>? ORDER BY number "
		       "LIMIT ?",
		       DB_ARGS(DB_S(local_s3_query(r, "uploadId")), DB_I(from), DB_I(limit + 1)),
		       &e);
	local_s3_reply_xml(r, "ListPartsResult");
	xml_elem(&r->out, "Bucket", r->bucket);
	xml_elem(&r->out, "Key", r->key);
	xml_elem(&r->out, "UploadId", local_s3_query(r, "uploadId"));
	while (row && (rc = db_step(row, &e)) == 1 && n < limit) {
		n++;
		last = db_int(row, 0);
		xml_open(&r->out, "Part");
		buf_addf(&r->out,
			 "<PartNumber>%" PRId64 "</PartNumber><Size>%" PRId64
			 "</Size><ETag>\"%s\"</ETag>",
			 last, db_int(row, 1), db_str(row, 2));
		if (u.sum != S3_SUM_NONE)
			xml_elem(&r->out, local_s3_sum_element(u.sum), db_str(row, 3));
		local_s3_reply_time(&r->out, "LastModified", (struct instant){ db_int(row, 4) });
		xml_close(&r->out, "Part");
	}
	if (!row || rc < 0) {
		local_s3_reply_error(r, &e);
		return;
	}
	buf_addf(&r->out,
		 "<PartNumberMarker>%" PRId64 "</PartNumberMarker><NextPartNumberMarker>%" PRId64
		 "</NextPartNumberMarker><MaxParts>%" PRId64 "</MaxParts>",
		 from, last, limit);
	xml_elem(&r->out, "IsTruncated", rc == 1 ? "true" : "false");
	xml_elem(&r->out, "StorageClass", "STANDARD");
	xml_close(&r->out, "ListPartsResult");
	local_s3_reply_send(r, 200);
}

/* ---- abort ---- */

int local_s3_multi_remove(struct s3_request *r, struct err *e)
{
	struct db *db = r->s3->local->db;
	const char *id = local_s3_query(r, "uploadId");
	AUTO(db_endp) struct db_row *row = NULL;
	int rc;

	if (local_write(r->s3->local, e) < 0)
		return -1;
	row = db_query(db, "SELECT file FROM s3_parts WHERE upload=?", DB_ARGS(DB_S(id)), e);
	if (!row)
		return -1;
	while ((rc = db_step(row, e)) == 1)
		local_s3_pieces_drop(&r->drops, id, db_str(row, 0));
	if (rc < 0 || DB_RUN(db, e, "DELETE FROM s3_parts WHERE upload=?", DB_S(id)) < 0)
		return -1;
	if (local_s3_tag_store(r->s3, "", id, NULL, e) < 0)
		return -1;
	return DB_RUN(db, e, "DELETE FROM s3_uploads WHERE id=?", DB_S(id));
}

void local_s3_multi_abort(struct s3_request *r)
{
	AUTO(local_s3_multi_done) struct s3_upload u = { 0 };
	struct err e;

	if (!local_s3_bucket(r) || !local_s3_multi_find(r, &u))
		return;
	err_clear(&e);
	if (local_s3_multi_remove(r, &e) < 0) {
		local_undo(r->s3->local);
		local_s3_reply_error(r, &e);
		return;
	}
	local_s3_reply_commit(r, 204);
}
