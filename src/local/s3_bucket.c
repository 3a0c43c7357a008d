/* Buckets, and removing many objects of one. */
#include "local/s3_own.h"

#include <ctype.h>
#include <string.h>

#include "base/xml.h"
#include "wire/codes.h"

#define DELETE_MOST 1000

/* "192.168.5.4" */
static bool is_address(const char *name)
{
	int dots = 0;

	for (const char *p = name; *p; p++)
		dots += *p == '.';
	return dots == 3 && !name[strspn(name, "0123456789.")];
}

static bool name_ok(const char *name)
{
	size_t n = strlen(name);

	if (n < 3 || n > 63 || name[0] == '-' || name[0] == '.' || name[n - 1] == '-' ||
	    name[n - 1] == '.' || strstr(name, ".."))
		return false;
	for (size_t i = 0; i < n; i++)
		if (!islower((unsigned char)name[i]) && !isdigit((unsigned char)name[i]) &&
		    name[i] != '-' && name[i] != '.')
			return false;
	return !is_address(name) && strncmp(name, "xn--", 4) && strncmp(name, "sthree-", 7) &&
	       (n < 9 || strcmp(name + n - 8, "-s3alias"));
}

/* 1 there is such a bucket, 0 not, -1 error. */
static int bucket_there(struct s3_request *r, struct err *e)
{
	AUTO(db_endp)
	struct db_row *row = db_query(r->s3->local->db, "SELECT 1 FROM s3_buckets WHERE name=?",
				      DB_ARGS(DB_S(r->bucket)), e);

	return row ? db_step(row, e) : -1;
}

static int location_check(struct s3_request *r, struct err *e)
{
	const char *region = r->s3->local->options.region, *asked = NULL;
	AUTO(xml_freep) struct xml *x = NULL;
	size_t len;
	const char *body = httpd_body(r->x, &len);

	if (len == 0)
		return 0;
	x = xml_parse(body, len, e);
	if (!x)
		return local_s3_refuse(e, "MalformedXML", NULL);
	asked = xml_text(xml_root(x), "LocationConstraint");
	if (asked && *asked && strcmp(asked, region))
		return local_s3_refuse(e, "IllegalLocationConstraintException",
				       "The %.40s location constraint is incompatible for the "
				       "region specific endpoint "
				       "this request was sent to.",
				       asked);
	return 0;
}

void local_s3_bucket_create(struct s3_request *r)
{
	struct local *l = r->s3->local;
	struct err e;
	int there;

	err_clear(&e);
	if (!name_ok(r->bucket)) {
		local_s3_reply_fail(r, "InvalidBucketName", NULL);
		return;
	}
	if (location_check(r, &e) < 0 || local_write(l, &e) < 0 ||
	    (there = bucket_there(r, &e)) < 0) {
		local_s3_reply_error(r, &e);
		return;
	}
	/* us-east-1 alone answers 200 to the owner who makes it again. */
	if (there && strcmp(l->options.region, "us-east-1")) {
		local_s3_reply_fail(r, "BucketAlreadyOwnedByYou", NULL);
		return;
	}
	if (!there && DB_RUN(l->db, &e, "INSERT INTO s3_buckets VALUES(?,?)", DB_S(r->bucket),
			     DB_I(local_wall(l).ms)) < 0) {
		local_undo(l);
		local_s3_reply_error(r, &e);
		return;
	}
	local_s3_reply_headerf(r, "Location", "/%s", r->bucket);
	local_s3_reply_commit(r, 200);
}

void local_s3_bucket_head(struct s3_request *r)
{
	if (!local_s3_bucket(r))
		return;
	local_s3_reply_header(r, "x-amz-bucket-region", r->s3->local->options.region);
	local_s3_reply_send(r, 200);
}

/* 1 empty, 0 not, -1 error. Uploads that were never finished count, as with AWS they do not. */
static int bucket_empty(struct s3_request *r, struct err *e)
{
	AUTO(db_endp)
	struct db_row *row =
		db_query(r->s3->local->db, "SELECT 1 FROM s3_objects WHERE bucket=? LIMIT 1",
			 DB_ARGS(DB_S(r->bucket)), e);
	int rc = row ? db_step(row, e) : -1;

	return rc < 0 ? -1 : !rc;
}

/* Files of its unfinished uploads. */
static int uploads_drop(struct s3_request *r, struct err *e)
{
	struct db *db = r->s3->local->db;
	AUTO(db_endp)
	struct db_row *row = db_query(db,
				      "SELECT p.file, p.upload FROM s3_parts p JOIN s3_uploads u "
				      "ON u.id=p.upload WHERE u.bucket=?",
				      DB_ARGS(DB_S(r->bucket)), e);
	int rc;

	if (!row)
		return -1;
	while ((rc = db_step(row, e)) == 1)
		local_s3_pieces_drop(&r->drops, db_str(row, 1), db_str(row, 0));
	if (rc < 0)
		return -1;
	if (DB_RUN(db, e,
		   "DELETE FROM s3_tags WHERE bucket='' AND key IN (SELECT id FROM s3_uploads "
		   "WHERE "
		   "bucket=?)",
		   DB_S(r->bucket)) < 0 ||
	    DB_RUN(db, e,
		   "DELETE FROM s3_parts WHERE upload IN (SELECT id FROM s3_uploads WHERE "
		   "bucket=?)",
		   DB_S(r->bucket)) < 0)
		return -1;
	return DB_RUN(db, e, "DELETE FROM s3_uploads WHERE bucket=?", DB_S(r->bucket));
}

void local_s3_bucket_delete(struct s3_request *r)
{
	struct local *l = r->s3->local;
	struct err e;
	int empty;

	if (!local_s3_bucket(r))
		return;
	err_clear(&e);
	empty = bucket_empty(r, &e);
	if (empty == 0) {
		local_s3_reply_fail(r, "BucketNotEmpty", NULL);
		return;
	}
	if (empty < 0 || local_write(l, &e) < 0 || uploads_drop(r, &e) < 0 ||
	    DB_RUN(l->db, &e, "DELETE FROM s3_tags WHERE bucket=?", DB_S(r->bucket)) < 0 ||
	    DB_RUN(l->db, &e, "DELETE FROM s3_events WHERE bucket=?", DB_S(r->bucket)) < 0 ||
	    DB_RUN(l->db, &e, "DELETE FROM s3_cors WHERE bucket=?", DB_S(r->bucket)) < 0 ||
	    DB_RUN(l->db, &e, "DELETE FROM s3_buckets WHERE name=?", DB_S(r->bucket)) < 0) {
		local_undo(l);
		local_s3_reply_error(r, &e);
		return;
	}
	local_s3_reply_commit(r, 204);
}

/* us-east-1 is the one that has no name here. */
void local_s3_bucket_location(struct s3_request *r)
{
	const char *region = r->s3->local->options.region;

	if (!local_s3_bucket(r))
		return;
	local_s3_reply_xml(r, "LocationConstraint");
	if (strcmp(region, "us-east-1"))
		xml_escape(&r->out, region, strlen(region));
	xml_close(&r->out, "LocationConstraint");
	local_s3_reply_send(r, 200);
}

void local_s3_bucket_versioning(struct s3_request *r)
{
	if (!local_s3_bucket(r))
		return;
	local_s3_reply_xml(r, "VersioningConfiguration");
	xml_close(&r->out, "VersioningConfiguration");
	local_s3_reply_send(r, 200);
}

/* ---- removing many objects ---- */

/* All is looked at before anything is removed. */
static int delete_check(const struct xml_node *root, struct err *e)
{
	int n = 0;

	for (const struct xml_node *o = xml_first(root, "Object"); o; o = xml_next(o, "Object")) {
		const char *key = xml_text(o, "Key");

		if (++n > DELETE_MOST || !key || !*key)
			return local_s3_refuse(e, "MalformedXML", NULL);
	}
	return n ? 0 : local_s3_refuse(e, "MalformedXML", NULL);
}

static void put_error(struct buf *out, const char *key, const char *code)
{
	xml_open(out, "Error");
	xml_elem(out, "Key", key);
	xml_elem(out, "Code", code);
	xml_elem(out, "Message", code_get(SERVICE_S3, code)->message);
	xml_close(out, "Error");
}

/* The code of what keeps @p o from being removed; NULL: nothing does. -1 in *ret: @p e. */
static const char *delete_refusal(struct s3_request *r, const struct xml_node *o, int *ret,
				  struct err *e)
{
	AUTO(local_s3_object_done) struct s3_object there = { 0 };
	const char *key = xml_text(o, "Key"), *etag = xml_text(o, "ETag");

	*ret = 0;
	if (xml_text(o, "VersionId") && strcmp(xml_text(o, "VersionId"), "null"))
		return "NotImplemented";
	if (strlen(key) > S3_KEY_MAX)
		return "KeyTooLongError";
	if (!etag)
		return NULL;
	*ret = local_s3_object_find(r->s3, r->bucket, key, &there, e);
	if (*ret == 0)
		return "NoSuchKey";
	return *ret == 1 && !local_s3_object_matches(etag, there.etag) ? "PreconditionFailed"
								       : NULL;
}

static int delete_all(struct s3_request *r, const struct xml_node *root, struct err *e)
{
	const char *word = xml_text(root, "Quiet");
	bool quiet = word && !strcmp(word, "true");

	for (const struct xml_node *o = xml_first(root, "Object"); o; o = xml_next(o, "Object")) {
		const char *key = xml_text(o, "Key"), *code;
		int rc;

		code = delete_refusal(r, o, &rc, e);
		if (rc < 0 || (!code && local_s3_object_delete(r, key, e) < 0))
			return -1;
		if (code)
			put_error(&r->out, key, code);
		if (code || quiet)
			continue;
		xml_open(&r->out, "Deleted");
		xml_elem(&r->out, "Key", key);
		xml_close(&r->out, "Deleted");
	}
	return 0;
}

void local_s3_bucket_delete_objects(struct s3_request *r)
{
	AUTO(xml_freep) struct xml *x = NULL;
	size_t len;
	const char *body = httpd_body(r->x, &len);
	struct err e;

	if (!local_s3_bucket(r) || !local_s3_body_memory(r, true))
		return;
	err_clear(&e);
	x = xml_parse(body, len, &e);
	if (!x || delete_check(xml_root(x), &e) < 0) {
		local_s3_reply_fail(r, "MalformedXML", NULL);
		return;
	}
	local_s3_reply_xml(r, "DeleteResult");
	if (local_write(r->s3->local, &e) < 0 || delete_all(r, xml_root(x), &e) < 0) {
		local_undo(r->s3->local);
		local_s3_reply_error(r, &e);
		return;
	}
	xml_close(&r->out, "DeleteResult");
	local_s3_reply_commit(r, 200);
}
