/* CopyObject and UploadPartCopy. */
#include "local/s3_own.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/crypto.h"
#include "base/utf8.h"
#include "base/xml.h"
#include "wire/uri.h"

struct source {
	char *bucket, *key;
	struct s3_object object;
};

static void source_done(struct source *s)
{
	own_free(s->bucket);
	own_free(s->key);
	local_s3_object_done(&s->object);
}

static int bucket_there(struct s3_request *r, const char *bucket, struct err *e)
{
	AUTO(db_endp)
	struct db_row *row = db_query(r->s3->local->db, "SELECT 1 FROM s3_buckets WHERE name=?",
				      DB_ARGS(DB_S(bucket)), e);

	return row ? db_step(row, e) : -1;
}

/* "/bucket/key" or "bucket/key", encoded. */
static int source_name(struct s3_request *r, struct source *ret, struct err *e)
{
	const char *text = local_s3_header(r, "x-amz-copy-source"), *slash;
	AUTO(buf_done) struct buf path = BUF(S3_KEY_MAX + 128);

	if (strchr(text, '?'))
		return local_s3_refuse(e, "NotImplemented",
				       "windlass-local keeps no versions of objects.");
	if (uri_decode(&path, text, strlen(text), false, e) < 0 || path.full)
		return local_s3_refuse(e, "InvalidArgument",
				       "Copy Source must mention the source bucket and key");
	if (path.len && path.data[0] == '/')
		buf_drop(&path, 1);
	slash = strchr(buf_str(&path), '/');
	if (!slash || slash == path.data || !slash[1] || !utf8_valid(path.data, path.len))
		return local_s3_refuse(e, "InvalidArgument",
				       "Copy Source must mention the source bucket and key");
	ret->bucket = own_strndup(path.data, (size_t)(slash - path.data));
	ret->key = own_strdup(slash + 1);
	return 0;
}

/* The object that x-amz-copy-source names, if its conditions hold. */
static int source_find(struct s3_request *r, struct source *ret, struct err *e)
{
	const struct s3_condition c = {
		local_s3_header(r, "x-amz-copy-source-if-match"),
		local_s3_header(r, "x-amz-copy-source-if-none-match"),
		local_s3_header(r, "x-amz-copy-source-if-unmodified-since"),
		local_s3_header(r, "x-amz-copy-source-if-modified-since"),
	};
	int found;

	if (source_name(r, ret, e) < 0)
		return -1;
	found = bucket_there(r, ret->bucket, e);
	if (found <= 0)
		return found ? -1 : local_s3_refuse(e, "NoSuchBucket", NULL);
	found = local_s3_object_find(r->s3, ret->bucket, ret->key, &ret->object, e);
	if (found <= 0)
		return found ? -1 : local_s3_refuse(e, "NoSuchKey", NULL);
	return local_s3_get_condition(&c, &ret->object)
		       ? local_s3_refuse(e, "PreconditionFailed", NULL)
		       : 0;
}

/* ---- off the loop ---- */

#define PIECE (256 << 10)

struct s3_copy {
	struct s3_pieces *from;
	struct json *headers, *tags; /* of the object */
};

void local_s3_copy_free(struct s3_copy *c)
{
	if (!c)
		return;
	local_s3_pieces_free(c->from);
	json_free(c->headers);
	json_free(c->tags);
	own_free(c);
}

static int write_all(int fd, const char *at, size_t len, struct err *e)
{
	while (len > 0) {
		ssize_t n = write(fd, at, len);

		if (n < 0 && errno != EINTR)
			return err_errno(e, errno, "the copy cannot be written");
		at += n > 0 ? n : 0;
		len -= n > 0 ? (size_t)n : 0;
	}
	return 0;
}

/* The next at most PIECE bytes. */
static ssize_t read_some(struct s3_pieces *p, char *out, struct err *e)
{
	int64_t at = 0, count = 0;
	int fd = local_s3_pieces_file(p, &at, &count, e);
	ssize_t n = -1;

	if (fd < 0)
		return -1;
	do
		n = pread(fd, out, count < PIECE ? (size_t)count : PIECE, at);
	while (n < 0 && errno == EINTR);
	if (n > 0)
		local_s3_pieces_taken(p, n);
	else if (n == 0)
		err_set(e, ERR_LOCAL, "a file is shorter than its row says");
	else
		err_errno(e, errno, "the source cannot be read");
	return n;
}

static void copy_work(struct s3_request *r)
{
	AUTO(own_freep) char *piece = own_alloc(PIECE);
	struct err *e = &r->error;
	ssize_t n;

	r->sums = local_s3_sum_new(r->sum, false);
	for (int64_t left = r->size; left > 0; left -= n) {
		n = read_some(r->copy->from, piece, e);
		if (n <= 0 || write_all(r->fd, piece, (size_t)n, e) < 0)
			return;
		local_s3_sum_add(r->sums, piece, (size_t)n);
	}
	local_s3_sum_end(r->sums, &r->digest);
	err_ignore(local_s3_body_sync(r, e));
}

/* Copying @p count bytes from @p first of it, with their digests. */
static int copy_begin(struct s3_request *r, const struct s3_object *o, int64_t first, int64_t count,
		      s3_fn *then, struct err *e)
{
	r->copy = own_alloc(sizeof(*r->copy));
	r->copy->from = local_s3_pieces_new(r->s3, o, first, count, e);
	r->size = count;
	r->then = then;
	return r->copy->from ? local_s3_body_new(r, e) : -1;
}

/* ---- answers ---- */

static void copy_result(struct s3_request *r, const char *root, const char *etag)
{
	local_s3_reply_xml(r, root);
	local_s3_reply_time(&r->out, "LastModified", local_wall(r->s3->local));
	buf_addf(&r->out, "<ETag>&quot;%s&quot;</ETag>", etag);
	if (r->sum != S3_SUM_NONE) {
		xml_elem(&r->out, local_s3_sum_element(r->sum), r->digest.sum);
		if (!strcmp(root, "CopyObjectResult"))
			xml_elem(&r->out, "ChecksumType", "FULL_OBJECT");
	}
	xml_close(&r->out, root);
	local_s3_reply_commit(r, 200);
}

/* ---- of an object ---- */

static bool replaces(const struct s3_request *r, const char *header)
{
	const char *directive = local_s3_header(r, header);

	return directive && !strcasecmp(directive, "REPLACE");
}

static int copy_check(struct s3_request *r, const struct source *s, bool replace, struct err *e)
{
	if (s->object.size > S3_PUT_MAX)
		return local_s3_refuse(e, "InvalidRequest",
				       "The specified copy source is larger than the maximum "
				       "allowable size for a copy source: %" PRId64,
				       S3_PUT_MAX);
	if (replace || strcmp(s->bucket, r->bucket) || strcmp(s->key, r->key))
		return 0;
	return local_s3_refuse(
		e, "InvalidRequest",
		"This copy request is illegal because it is trying to copy an object "
		"to itself without changing the object's metadata, storage class, "
		"website redirect location or encryption attributes.");
}

static void copy_store(struct s3_request *r)
{
	struct s3_object o = { .size = r->size };
	char hex[33];
	struct err e;

	if (!local_s3_bucket(r) || !local_s3_object_precondition(r))
		return;
	err_clear(&e);
	o.headers = r->copy->headers;
	o.tags = r->copy->tags;
	o.modified = local_wall(r->s3->local);
	snprintf(o.file, sizeof(o.file), "%s", r->file);
	snprintf(o.etag, sizeof(o.etag), "%s",
		 crypto_hex(r->digest.md5, sizeof(r->digest.md5), hex));
	local_s3_object_sum(&o, r->sum, "FULL_OBJECT", r->digest.sum);
	if (local_s3_object_put(r, &o, "ObjectCreated:Copy", &e) < 0) {
		local_undo(r->s3->local);
		local_s3_reply_error(r, &e);
		return;
	}
	copy_result(r, "CopyObjectResult", o.etag);
}

/* The checksum that was asked for, or else the kind that the source has. */
static int copy_sum(struct s3_request *r, const struct s3_object *o, struct err *e)
{
	const char *word = local_s3_header(r, "x-amz-checksum-algorithm");
	char had[16] = "";

	if (!word && *o->sum)
		snprintf(had, sizeof(had), "%.*s", (int)strcspn(o->sum, ":"), o->sum);
	r->sum = local_s3_sum_named(word ? word : had);
	return word && r->sum == S3_SUM_NONE
		       ? local_s3_refuse(e, "InvalidRequest",
					 "Checksum algorithm provided is unsupported.")
		       : 0;
}

/* Metadata and tags of the copy. */
static int copy_kept(struct s3_request *r, struct source *s, bool replace, struct err *e)
{
	r->copy->headers = replace ? local_s3_object_headers(r) : TAKE(s->object.headers);
	if (!r->copy->headers)
		return local_s3_refuse(e, "MetadataTooLarge", NULL);
	r->copy->tags = replaces(r, "x-amz-tagging-directive")
				? local_s3_tag_header(r, e)
				: local_s3_tag_find(r->s3, s->bucket, s->key, e);
	return r->copy->tags ? 0 : -1;
}

void local_s3_copy(struct s3_request *r)
{
	bool replace = replaces(r, "x-amz-metadata-directive");
	AUTO(source_done) struct source s = { 0 };
	struct err e;

	if (!local_s3_bucket(r) || !local_s3_object_precondition(r))
		return;
	err_clear(&e);
	if (source_find(r, &s, &e) < 0 || copy_check(r, &s, replace, &e) < 0 ||
	    copy_sum(r, &s.object, &e) < 0 ||
	    copy_begin(r, &s.object, 0, s.object.size, copy_store, &e) < 0 ||
	    copy_kept(r, &s, replace, &e) < 0)
		local_s3_reply_error(r, &e);
	else
		local_s3_work(r, copy_work);
}

/* ---- into a part ---- */

/* "bytes=first-last", both given and inside the source. */
static int part_range(struct s3_request *r, int64_t size, int64_t *first, int64_t *count,
		      struct err *e)
{
	const char *text = local_s3_header(r, "x-amz-copy-source-range");
	int64_t last = size - 1;
	char *end;

	*first = 0;
	errno = 0;
	if (text) {
		bool ok = !strncmp(text, "bytes=", 6) && isdigit((unsigned char)text[6]);

		*first = ok ? strtoll(text + 6, &end, 10) : 0;
		ok = ok && *end == '-' && isdigit((unsigned char)end[1]);
		last = ok ? strtoll(end + 1, &end, 10) : 0;
		if (!ok || *end || errno || last < *first)
			return local_s3_refuse(
				e, "InvalidArgument",
				"The x-amz-copy-source-range value must be of the form "
				"bytes=first-last where first and last are the zero-based offsets "
				"of the first and last bytes to copy");
	}
	if (text && last >= size)
		return local_s3_refuse(e, "InvalidArgument",
				       "Range specified is not valid for source object of size: "
				       "%" PRId64,
				       size);
	*count = last - *first + 1;
	return *count > S3_PUT_MAX ? local_s3_refuse(e, "EntityTooLarge", NULL) : 0;
}

static void part_store(struct s3_request *r)
{
	char etag[33];

	if (local_s3_multi_store(r, etag))
		copy_result(r, "CopyPartResult", etag);
}

void local_s3_copy_part(struct s3_request *r)
{
	AUTO(local_s3_multi_done) struct s3_upload u = { 0 };
	AUTO(source_done) struct source s = { 0 };
	int64_t number, first = 0, count = 0;
	struct err e;

	if (!local_s3_bucket(r) || !local_s3_multi_find(r, &u) ||
	    !local_s3_multi_number(r, &number))
		return;
	err_clear(&e);
	if (source_find(r, &s, &e) < 0 || part_range(r, s.object.size, &first, &count, &e) < 0 ||
	    copy_begin(r, &s.object, first, count, part_store, &e) < 0) {
		local_s3_reply_error(r, &e);
		return;
	}
	r->sum = u.sum;
	local_s3_work(r, copy_work);
}
