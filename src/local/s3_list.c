/* Listings: buckets, and the keys of one by prefix and delimiter, a page at a time. */
#include "local/s3_own.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/crypto.h"
#include "base/text.h"
#include "base/xml.h"
#include "wire/uri.h"

#define LIST_MOST 1000
#define BUCKETS_MOST 10000
#define ROWS_A_QUERY 1000

static void put_owner(const struct s3_request *r, struct buf *out)
{
	xml_open(out, "Owner");
	xml_elem(out, "ID", r->s3->local->options.account);
	xml_elem(out, "DisplayName", "windlass");
	xml_close(out, "Owner");
}

/* How many, after which name: "max-buckets", and a token that is the last one told. */
static int buckets_read(const struct s3_request *r, int64_t *most, struct buf *after, struct err *e)
{
	const char *text = local_s3_query(r, "max-buckets"),
		   *token = local_s3_query(r, "continuation-token");

	*most = BUCKETS_MOST;
	if (text && (!text_int(text, most) || *most < 1 || *most > BUCKETS_MOST))
		return local_s3_refuse(
			e, "InvalidArgument",
			"Argument max-buckets must be an integer between 1 and 10000.");
	if (token && crypto_unbase64(token, strlen(token), after, e) < 0)
		return local_s3_refuse(e, "InvalidArgument",
				       "The continuation token provided is incorrect");
	return 0;
}

static int put_buckets(struct s3_request *r, const char *prefix, struct err *e)
{
	AUTO(buf_done) struct buf after = BUF(256), token = BUF(512);
	AUTO(db_endp) struct db_row *row = NULL;
	char last[64] = "";
	int64_t most, n = 0;
	int rc;

	if (buckets_read(r, &most, &after, e) < 0)
		return -1;
	row = db_query(r->s3->local->db,
		       "SELECT name, created FROM s3_buckets WHERE name>?1 AND "
		       "substr(name, 1, length(?2))=?2 ORDER BY name LIMIT ?3",
		       DB_ARGS(DB_S(buf_str(&after)), DB_S(prefix), DB_I(most + 1)), e);
	if (!row)
		return -1;
	xml_open(&r->out, "Buckets");
	while ((rc = db_step(row, e)) == 1 && n++ < most) {
		xml_open(&r->out, "Bucket");
		xml_elem(&r->out, "Name", db_str(row, 0));
		local_s3_reply_time(&r->out, "CreationDate", (struct instant){ db_int(row, 1) });
		xml_elem(&r->out, "BucketRegion", r->s3->local->options.region);
		xml_close(&r->out, "Bucket");
		snprintf(last, sizeof(last), "%s", db_str(row, 0));
	}
	xml_close(&r->out, "Buckets");
	if (rc == 1) {
		crypto_base64(last, strlen(last), &token);
		xml_elem(&r->out, "ContinuationToken", buf_str(&token));
	}
	return rc < 0 ? -1 : 0;
}

void local_s3_list_buckets(struct s3_request *r)
{
	const char *prefix = local_s3_query(r, "prefix");
	struct err e;

	err_clear(&e);
	local_s3_reply_xml(r, "ListAllMyBucketsResult");
	put_owner(r, &r->out);
	if (put_buckets(r, prefix ? prefix : "", &e) < 0) {
		local_s3_reply_error(r, &e);
		return;
	}
	if (prefix)
		xml_elem(&r->out, "Prefix", prefix);
	xml_close(&r->out, "ListAllMyBucketsResult");
	local_s3_reply_send(r, 200);
}

/* ---- a page of keys ---- */

struct page {
	const char *prefix, *delimiter;
	char after[S3_KEY_MAX +
		   2]; /* the last name of the page before, or where to start; "" the beginning */
	int64_t most;
	bool v2, encode, owner;
	bool versions; /* each object is its only version, "null" */
	/* What was found. */
	int64_t count;
	bool truncated;
	char last[S3_KEY_MAX + 2];
	struct buf keys, prefixes;
};

static void page_done(struct page *p)
{
	buf_done(&p->keys);
	buf_done(&p->prefixes);
}

static void put_name(const struct page *p, struct buf *out, const char *element, const char *name)
{
	AUTO(buf_done) struct buf encoded = BUF(3 * S3_KEY_MAX + 16);

	if (p->encode)
		uri_encode(&encoded, name, strlen(name), true);
	xml_elem(out, element, p->encode ? buf_str(&encoded) : name);
}

static void put_key(struct s3_request *r, struct page *p, const struct db_row *row)
{
	char etag[64];

	snprintf(etag, sizeof(etag), "\"%s\"", db_str(row, 2));
	xml_open(&p->keys, p->versions ? "Version" : "Contents");
	put_name(p, &p->keys, "Key", db_str(row, 0));
	if (p->versions)
		buf_adds(&p->keys, "<VersionId>null</VersionId><IsLatest>true</IsLatest>");
	local_s3_reply_time(&p->keys, "LastModified", (struct instant){ db_int(row, 3) });
	xml_elem(&p->keys, "ETag", etag);
	buf_addf(&p->keys, "<Size>%" PRId64 "</Size>", db_int(row, 1));
	xml_elem(&p->keys, "StorageClass", "STANDARD");
	if (p->owner)
		put_owner(r, &p->keys);
	xml_close(&p->keys, p->versions ? "Version" : "Contents");
}

/* The common prefix of @p key, delimiter included; false: it has none. */
static bool common_prefix(const struct page *p, const char *key, char ret[static S3_KEY_MAX + 2])
{
	size_t n = strlen(p->prefix);
	const char *at = *p->delimiter ? strstr(key + n, p->delimiter) : NULL;

	if (!at)
		return false;
	snprintf(ret, S3_KEY_MAX + 2, "%.*s", (int)(at + strlen(p->delimiter) - key), key);
	return true;
}

/* Where a scan goes on: at or after `from`. */
struct cursor {
	char from[S3_KEY_MAX + 2];
	bool inclusive;
};

/* Behind everything that starts with @p prefix: its last byte is less than 0xff, since it is UTF-8.
 */
static void cursor_skip(struct cursor *c, const char *prefix)
{
	size_t n = strlen(prefix);

	snprintf(c->from, sizeof(c->from), "%s", prefix);
	c->from[n - 1] = (char)(c->from[n - 1] + 1);
	c->inclusive = true;
}

static struct db_row *page_query(struct s3_request *r, const struct cursor *c, struct err *e)
{
	return db_query(r->s3->local->db,
			c->inclusive ? "SELECT key, size, etag, modified FROM s3_objects WHERE "
				       "bucket=? AND key>=? "
				       "ORDER BY key LIMIT ?"
				     : "SELECT key, size, etag, modified FROM s3_objects WHERE "
				       "bucket=? AND key>? "
				       "ORDER BY key LIMIT ?",
			DB_ARGS(DB_S(r->bucket), DB_S(c->from), DB_I(ROWS_A_QUERY)), e);
}

/* Takes one row. True: the scan must jump, and c says where to. */
static bool page_row(struct s3_request *r, struct page *p, struct cursor *c,
		     const struct db_row *row)
{
	const char *key = db_str(row, 0);
	char common[S3_KEY_MAX + 2];
	bool rolled = common_prefix(p, key, common), told = rolled && !strcmp(common, p->after);

	if (!told && p->count == p->most) {
		p->truncated = true;
		return false;
	}
	if (rolled) {
		cursor_skip(c, common);
		if (told)
			return true;
		xml_open(&p->prefixes, "CommonPrefixes");
		put_name(p, &p->prefixes, "Prefix", common);
		xml_close(&p->prefixes, "CommonPrefixes");
	} else {
		put_key(r, p, row);
		snprintf(c->from, sizeof(c->from), "%s", key);
		c->inclusive = false;
	}
	p->count++;
	snprintf(p->last, sizeof(p->last), "%s", rolled ? common : key);
	return rolled;
}

/* One query's worth. 1: go on from c; 0: the page is complete; -1: error. */
static int page_scan(struct s3_request *r, struct page *p, struct cursor *c, struct err *e)
{
	AUTO(db_endp) struct db_row *row = page_query(r, c, e);
	size_t n = strlen(p->prefix);
	int rows = 0, rc;

	if (!row)
		return -1;
	while ((rc = db_step(row, e)) == 1) {
		rows++;
		if (strncmp(db_str(row, 0), p->prefix, n))
			return 0;
		if (page_row(r, p, c, row))
			return 1;
		if (p->truncated)
			return 0;
	}
	return rc < 0 ? -1 : rows == ROWS_A_QUERY;
}

static int page_fill(struct s3_request *r, struct page *p, struct err *e)
{
	struct cursor c = { .inclusive = true };
	int rc = 1;

	if (strcmp(p->after, p->prefix) > 0) {
		snprintf(c.from, sizeof(c.from), "%s", p->after);
		c.inclusive = false;
	} else {
		snprintf(c.from, sizeof(c.from), "%.*s", S3_KEY_MAX, p->prefix);
		c.inclusive = true;
	}
	while (rc == 1 && p->most > 0)
		rc = page_scan(r, p, &c, e);
	return rc;
}

/* ---- asking and telling ---- */

static int page_read(struct s3_request *r, struct page *p, struct err *e)
{
	const char *most = local_s3_query(r, "max-keys"),
		   *encoding = local_s3_query(r, "encoding-type");

	p->prefix = local_s3_query(r, "prefix");
	p->prefix = p->prefix ? p->prefix : "";
	p->delimiter = local_s3_query(r, "delimiter");
	p->delimiter = p->delimiter ? p->delimiter : "";
	p->most = LIST_MOST;
	p->encode = encoding && !strcmp(encoding, "url");
	if (encoding && !p->encode)
		return local_s3_refuse(e, "InvalidArgument",
				       "Invalid Encoding Method specified in Request");
	if (most && *most && (!text_int(most, &p->most) || p->most < 0))
		return local_s3_refuse(e, "InvalidArgument",
				       "Provided max-keys not an integer or within integer range");
	p->most = p->most > LIST_MOST ? LIST_MOST : p->most;
	if (strlen(p->prefix) > S3_KEY_MAX || strlen(p->delimiter) > S3_KEY_MAX)
		return local_s3_refuse(e, "KeyTooLongError", NULL);
	return 0;
}

static int page_after(struct s3_request *r, struct page *p, const char *name, struct err *e)
{
	const char *token = p->v2 ? local_s3_query(r, "continuation-token") : NULL;
	AUTO(buf_done) struct buf text = BUF(S3_KEY_MAX);
	const char *start = local_s3_query(r, name);

	if (token && (crypto_unbase64(token, strlen(token), &text, e) < 0 || text.len == 0))
		return local_s3_refuse(e, "InvalidArgument",
				       "The continuation token provided is incorrect");
	start = token ? buf_str(&text) : start ? start : "";
	if (strlen(start) > S3_KEY_MAX)
		return local_s3_refuse(e, "InvalidArgument", NULL);
	snprintf(p->after, sizeof(p->after), "%s", start);
	return 0;
}

static void put_token(struct s3_request *r, const char *element, const char *name)
{
	AUTO(buf_done) struct buf token = BUF(2 * S3_KEY_MAX);

	crypto_base64(name, strlen(name), &token);
	xml_elem(&r->out, element, buf_str(&token));
}

static void put_versions(struct s3_request *r, const struct page *p)
{
	const char *marker = local_s3_query(r, "key-marker");

	put_name(p, &r->out, "KeyMarker", marker ? marker : "");
	xml_elem(&r->out, "VersionIdMarker", "");
	if (!p->truncated)
		return;
	put_name(p, &r->out, "NextKeyMarker", p->last);
	xml_elem(&r->out, "NextVersionIdMarker", "null");
}

static void put_page(struct s3_request *r, struct page *p)
{
	const char *root = p->versions ? "ListVersionsResult" : "ListBucketResult";

	local_s3_reply_xml(r, root);
	xml_elem(&r->out, "Name", r->bucket);
	put_name(p, &r->out, "Prefix", p->prefix);
	if (*p->delimiter)
		put_name(p, &r->out, "Delimiter", p->delimiter);
	buf_addf(&r->out, "<MaxKeys>%" PRId64 "</MaxKeys>", p->most);
	if (p->encode)
		xml_elem(&r->out, "EncodingType", "url");
	xml_elem(&r->out, "IsTruncated", p->truncated ? "true" : "false");
	if (p->versions) {
		put_versions(r, p);
	} else if (p->v2) {
		buf_addf(&r->out, "<KeyCount>%" PRId64 "</KeyCount>", p->count);
		if (local_s3_query(r, "start-after"))
			put_name(p, &r->out, "StartAfter", local_s3_query(r, "start-after"));
		if (local_s3_query(r, "continuation-token"))
			xml_elem(&r->out, "ContinuationToken",
				 local_s3_query(r, "continuation-token"));
		if (p->truncated)
			put_token(r, "NextContinuationToken", p->last);
	} else {
		put_name(p, &r->out, "Marker",
			 local_s3_query(r, "marker") ? local_s3_query(r, "marker") : "");
		if (p->truncated && *p->delimiter)
			put_name(p, &r->out, "NextMarker", p->last);
	}
	buf_add(&r->out, buf_str(&p->keys), p->keys.len);
	buf_add(&r->out, buf_str(&p->prefixes), p->prefixes.len);
	xml_close(&r->out, root);
	local_s3_reply_send(r, 200);
}

static void list(struct s3_request *r, bool v2, bool versions)
{
	const char *owner = local_s3_query(r, "fetch-owner");
	AUTO(page_done)
	struct page p = { .v2 = v2,
			  .versions = versions,
			  .owner = !v2 || (owner && !strcmp(owner, "true")) };
	struct err e;

	if (!local_s3_bucket(r))
		return;
	p.keys = BUF(S3_XML_MAX / 2 - (64 << 10));
	p.prefixes = BUF(S3_XML_MAX / 2 - (64 << 10));
	err_clear(&e);
	if (page_read(r, &p, &e) < 0 ||
	    page_after(r, &p,
		       versions ? "key-marker"
		       : v2     ? "start-after"
				: "marker",
		       &e) < 0 ||
	    page_fill(r, &p, &e) < 0)
		local_s3_reply_error(r, &e);
	else
		put_page(r, &p);
}

void local_s3_list_v1(struct s3_request *r)
{
	list(r, false, false);
}

void local_s3_list_v2(struct s3_request *r)
{
	list(r, true, false);
}

void local_s3_list_versions(struct s3_request *r)
{
	list(r, false, true);
}
