/* PutObject and DeleteObject. */
#include "local/s3_own.h"

#include <stdio.h>
#include <string.h>

#include "base/crypto.h"

/* Before the body comes, so that a refused upload costs nothing. */
void local_s3_put_head(struct s3_request *r)
{
	AUTO(json_freep) struct json *headers = NULL, *tags = NULL;
	struct err e;

	if (!local_s3_bucket(r) || !local_s3_object_precondition(r))
		return;
	headers = local_s3_object_headers(r);
	if (!headers) {
		local_s3_reply_fail(r, "MetadataTooLarge", NULL);
		return;
	}
	err_clear(&e);
	tags = local_s3_tag_header(r, &e);
	if (!tags) {
		local_s3_reply_error(r, &e);
		return;
	}
	local_s3_body_open(r);
}

static void put_store(struct s3_request *r)
{
	AUTO(local_s3_object_done) struct s3_object o = { .size = r->size };
	char hex[33];
	struct err e;

	/* The client is gone: nobody would know whether it was stored. */
	if (!r->x) {
		local_s3_free(r);
		return;
	}
	/* Others may have come first while the body was on its way. */
	if (!local_s3_bucket(r) || !local_s3_object_precondition(r))
		return;
	err_clear(&e);
	o.headers = local_s3_object_headers(r);
	o.modified = local_wall(r->s3->local);
	snprintf(o.file, sizeof(o.file), "%s", r->file);
	snprintf(o.etag, sizeof(o.etag), "%s",
		 crypto_hex(r->digest.md5, sizeof(r->digest.md5), hex));
	local_s3_object_sum(&o, r->sum, "FULL_OBJECT", r->digest.sum);
	o.tags = local_s3_tag_header(r, &e);
	if (!o.tags || local_s3_object_put(r, &o, "ObjectCreated:Put", &e) < 0) {
		local_undo(r->s3->local);
		local_s3_reply_error(r, &e);
		return;
	}
	local_s3_reply_headerf(r, "ETag", "\"%s\"", o.etag);
	if (r->sum != S3_SUM_NONE) {
		local_s3_reply_header(r, local_s3_sum_header(r->sum), r->digest.sum);
		local_s3_reply_header(r, "x-amz-checksum-type", "FULL_OBJECT");
	}
	local_s3_reply_commit(r, 200);
}

void local_s3_put(struct s3_request *r)
{
	local_s3_body_finish(r, put_store);
}

void local_s3_put_delete(struct s3_request *r)
{
	struct err e;

	if (!local_s3_bucket(r) || !local_s3_object_precondition(r))
		return;
	err_clear(&e);
	if (local_s3_object_delete(r, r->key, &e) < 0) {
		local_undo(r->s3->local);
		local_s3_reply_error(r, &e);
		return;
	}
	local_s3_reply_commit(r, 204);
}
