/* ListMultipartUploads: by key and id, a page at a time, rolled up by a delimiter. */
#include "local/s3_own.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "base/xml.h"
#include "wire/uri.h"

#define UPLOADS_MOST 1000

struct uploads {
	const char *prefix, *delimiter, *key_marker, *id_marker;
	bool encode;
	int64_t most, count;
	char common[S3_KEY_MAX + 2]; /* the last prefix that was told */
	char last_key[S3_KEY_MAX + 2], last_id[S3_FILE_NAME];
	struct buf prefixes;
};

static void uploads_done(struct uploads *u)
{
	buf_done(&u->prefixes);
}

static const char *query(const struct s3_request *r, const char *name)
{
	const char *value = local_s3_query(r, name);

	return value ? value : "";
}

static int uploads_read(const struct s3_request *r, struct uploads *u, struct err *e)
{
	const char *most = local_s3_query(r, "max-uploads"), *encoding = query(r, "encoding-type");

	u->prefix = query(r, "prefix");
	u->delimiter = query(r, "delimiter");
	u->key_marker = query(r, "key-marker");
	u->id_marker = *u->key_marker ? query(r, "upload-id-marker") : "";
	u->most = UPLOADS_MOST;
	u->encode = !strcmp(encoding, "url");
	u->prefixes = BUF(S3_XML_MAX / 2);
	if (*encoding && !u->encode)
		return local_s3_refuse(e, "InvalidArgument",
				       "Invalid Encoding Method specified in Request");
	if (most && *most && (!text_int(most, &u->most) || u->most < 0))
		return local_s3_refuse(
			e, "InvalidArgument",
			"Provided max-uploads not an integer or within integer range");
	if (strlen(u->prefix) > S3_KEY_MAX || strlen(u->delimiter) > S3_KEY_MAX ||
	    strlen(u->key_marker) > S3_KEY_MAX)
		return local_s3_refuse(e, "KeyTooLongError", NULL);
	u->most = u->most > UPLOADS_MOST ? UPLOADS_MOST : u->most;
	return 0;
}

static void put_name(const struct uploads *u, struct buf *out, const char *element,
		     const char *name)
{
	AUTO(buf_done) struct buf encoded = BUF(3 * S3_KEY_MAX + 16);

	if (u->encode)
		uri_encode(&encoded, name, strlen(name), true);
	xml_elem(out, element, u->encode ? buf_str(&encoded) : name);
}

static void put_upload(struct s3_request *r, const struct uploads *u, const struct db_row *row)
{
	xml_open(&r->out, "Upload");
	put_name(u, &r->out, "Key", db_str(row, 0));
	xml_elem(&r->out, "UploadId", db_str(row, 1));
	for (int i = 0; i < 2; i++) {
		xml_open(&r->out, i ? "Owner" : "Initiator");
		xml_elem(&r->out, "ID", r->s3->local->options.account);
		xml_elem(&r->out, "DisplayName", "windlass");
		xml_close(&r->out, i ? "Owner" : "Initiator");
	}
	xml_elem(&r->out, "StorageClass", "STANDARD");
	local_s3_reply_time(&r->out, "Initiated", (struct instant){ db_int(row, 2) });
	if (*db_str(row, 3)) {
		xml_elem(&r->out, "ChecksumAlgorithm", db_str(row, 3));
		xml_elem(&r->out, "ChecksumType", db_str(row, 4));
	}
	xml_close(&r->out, "Upload");
}

/* 1: told; 0: not of this prefix, or rolled up before; -1: the page is full. */
static int uploads_row(struct s3_request *r, struct uploads *u, const struct db_row *row)
{
	const char *key = db_str(row, 0), *end;
	char common[S3_KEY_MAX + 2] = "";

	if (strncmp(key, u->prefix, strlen(u->prefix)))
		return 0;
	end = *u->delimiter ? strstr(key + strlen(u->prefix), u->delimiter) : NULL;
	if (end)
		snprintf(common, sizeof(common), "%.*s", (int)(end + strlen(u->delimiter) - key),
			 key);
	if (end && (!strcmp(common, u->common) || !strcmp(common, u->key_marker)))
		return 0;
	if (u->count == u->most)
		return -1;
	u->count++;
	snprintf(u->last_key, sizeof(u->last_key), "%s", end ? common : key);
	snprintf(u->last_id, sizeof(u->last_id), "%s", end ? "" : db_str(row, 1));
	if (!end) {
		put_upload(r, u, row);
		return 1;
	}
	memcpy(u->common, common, sizeof(common));
	xml_open(&u->prefixes, "CommonPrefixes");
	put_name(u, &u->prefixes, "Prefix", common);
	xml_close(&u->prefixes, "CommonPrefixes");
	return 1;
}

static int uploads_fill(struct s3_request *r, struct uploads *u, bool *truncated, struct err *e)
{
	AUTO(db_endp)
	struct db_row *row = db_query(
		r->s3->local->db,
		"SELECT key, id, started, sum, sum_type FROM s3_uploads WHERE bucket=?1 AND "
		"(key>?2 OR (key=?2 AND ?3<>'' AND id>?3)) ORDER BY key, id",
		DB_ARGS(DB_S(r->bucket), DB_S(u->key_marker), DB_S(u->id_marker)), e);
	int rc = row ? 1 : -1;

	while (rc == 1 && (rc = db_step(row, e)) == 1)
		if (uploads_row(r, u, row) < 0) {
			*truncated = u->most > 0;
			return 0;
		}
	return rc;
}

static void put_head(struct s3_request *r, const struct uploads *u)
{
	local_s3_reply_xml(r, "ListMultipartUploadsResult");
	xml_elem(&r->out, "Bucket", r->bucket);
	put_name(u, &r->out, "KeyMarker", u->key_marker);
	xml_elem(&r->out, "UploadIdMarker", u->id_marker);
	put_name(u, &r->out, "Prefix", u->prefix);
	if (*u->delimiter)
		put_name(u, &r->out, "Delimiter", u->delimiter);
	if (u->encode)
		xml_elem(&r->out, "EncodingType", "url");
	buf_addf(&r->out, "<MaxUploads>%" PRId64 "</MaxUploads>", u->most);
}

void local_s3_multi_uploads(struct s3_request *r)
{
	AUTO(uploads_done) struct uploads u = { 0 };
	bool truncated = false;
	struct err e;

	if (!local_s3_bucket(r))
		return;
	err_clear(&e);
	if (uploads_read(r, &u, &e) < 0) {
		local_s3_reply_error(r, &e);
		return;
	}
	put_head(r, &u);
	if (uploads_fill(r, &u, &truncated, &e) < 0) {
		local_s3_reply_error(r, &e);
		return;
	}
	buf_add(&r->out, buf_str(&u.prefixes), u.prefixes.len);
	xml_elem(&r->out, "IsTruncated", truncated ? "true" : "false");
	if (truncated) {
		put_name(&u, &r->out, "NextKeyMarker", u.last_key);
		xml_elem(&r->out, "NextUploadIdMarker", u.last_id);
	}
	xml_close(&r->out, "ListMultipartUploadsResult");
	local_s3_reply_send(r, 200);
}
