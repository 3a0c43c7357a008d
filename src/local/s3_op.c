/* Which operation a request is. */
#include "local/s3_own.h"

#include <string.h>

#include "local/s3.h"
#include "local/s3_cors.h"
#include "local/s3_none.h"
#include "local/s3_post.h"

/* The first row that fits is taken: those with a query name stand before those without. */
static const struct s3_op ops[] = {
	{ "GET", NULL, 0, S3_BODY_NONE, NULL, local_s3_list_buckets, "ListBuckets" },
	{ "GET", "location", 1, S3_BODY_NONE, NULL, local_s3_bucket_location, "GetBucketLocation" },
	{ "GET", "cors", 1, S3_BODY_NONE, NULL, local_s3_cors_get, "GetBucketCors" },
	{ "PUT", "cors", 1, S3_BODY_MEMORY, NULL, local_s3_cors_put, "PutBucketCors" },
	{ "DELETE", "cors", 1, S3_BODY_NONE, NULL, local_s3_cors_delete, "DeleteBucketCors" },
	{ "GET", "versioning", 1, S3_BODY_NONE, NULL, local_s3_bucket_versioning,
	  "GetBucketVersioning" },
	{ "GET", "tagging", 1, S3_BODY_NONE, NULL, local_s3_tag_get, "GetBucketTagging" },
	{ "PUT", "tagging", 1, S3_BODY_MEMORY, NULL, local_s3_tag_put, "PutBucketTagging" },
	{ "DELETE", "tagging", 1, S3_BODY_NONE, NULL, local_s3_tag_delete, "DeleteBucketTagging" },
	{ "GET", "notification", 1, S3_BODY_NONE, NULL, local_s3_event_get,
	  "GetBucketNotificationConfiguration" },
	{ "PUT", "notification", 1, S3_BODY_MEMORY, NULL, local_s3_event_put,
	  "PutBucketNotificationConfiguration" },
	{ "GET", "uploads", 1, S3_BODY_NONE, NULL, local_s3_multi_uploads, "ListMultipartUploads" },
	{ "GET", "versions", 1, S3_BODY_NONE, NULL, local_s3_list_versions, "ListObjectVersions" },
	{ "GET", "list-type", 1, S3_BODY_NONE, NULL, local_s3_list_v2, "ListObjectsV2" },
	{ "GET", NULL, 1, S3_BODY_NONE, NULL, local_s3_list_v1, "ListObjects" },
	{ "HEAD", NULL, 1, S3_BODY_NONE, NULL, local_s3_bucket_head, "HeadBucket" },
	{ "PUT", NULL, 1, S3_BODY_MEMORY, NULL, local_s3_bucket_create, "CreateBucket" },
	{ "DELETE", NULL, 1, S3_BODY_NONE, NULL, local_s3_bucket_delete, "DeleteBucket" },
	{ "POST", "delete", 1, S3_BODY_MEMORY, NULL, local_s3_bucket_delete_objects,
	  "DeleteObjects" },
	{ "GET", "tagging", 2, S3_BODY_NONE, NULL, local_s3_tag_get, "GetObjectTagging" },
	{ "PUT", "tagging", 2, S3_BODY_MEMORY, NULL, local_s3_tag_put, "PutObjectTagging" },
	{ "DELETE", "tagging", 2, S3_BODY_NONE, NULL, local_s3_tag_delete, "DeleteObjectTagging" },
	{ "GET", "attributes", 2, S3_BODY_NONE, NULL, local_s3_attributes, "GetObjectAttributes" },
	{ "GET", "uploadId", 2, S3_BODY_NONE, NULL, local_s3_multi_parts, "ListParts" },
	{ "GET", NULL, 2, S3_BODY_NONE, NULL, local_s3_get, "GetObject" },
	{ "HEAD", NULL, 2, S3_BODY_NONE, NULL, local_s3_get, "HeadObject" },
	{ "PUT", "uploadId", 2, S3_BODY_FILE, local_s3_multi_part_head, local_s3_multi_part,
	  "UploadPart" },
	{ "PUT", NULL, 2, S3_BODY_FILE, local_s3_put_head, local_s3_put, "PutObject" },
	{ "DELETE", "uploadId", 2, S3_BODY_NONE, NULL, local_s3_multi_abort,
	  "AbortMultipartUpload" },
	{ "DELETE", NULL, 2, S3_BODY_NONE, NULL, local_s3_put_delete, "DeleteObject" },
	{ "POST", "uploads", 2, S3_BODY_MEMORY, NULL, local_s3_multi_create,
	  "CreateMultipartUpload" },
	{ "POST", "uploadId", 2, S3_BODY_MEMORY, NULL, local_s3_join_complete,
	  "CompleteMultipartUpload" },
};
/* A put that names a source: its body is empty and its data comes from here. */
static const struct s3_op op_copy = { "PUT", NULL,          2,           S3_BODY_MEMORY,
				      NULL,  local_s3_copy, "CopyObject" };

static const struct s3_op op_part_copy = { "PUT",           "uploadId", 2,
					   S3_BODY_MEMORY,  NULL,       local_s3_copy_part,
					   "UploadPartCopy" };

/* What a browser sends without a signature. */
static const struct s3_op op_preflight = { "OPTIONS",          NULL,       1, S3_BODY_NONE, NULL,
					   local_s3_preflight, "Preflight" };
static const struct s3_op op_post = {
	"POST", NULL, 1, S3_BODY_FILE, local_s3_post_head, local_s3_post, "PostObject"
};
/* What is not set, and cannot be. */
static const struct s3_op op_none = { "GET", NULL,          1,          S3_BODY_MEMORY,
				      NULL,  local_s3_none, "(not set)" };

/* Parts of S3 that are not played: to ignore them would do something else than was asked. */
static const char *const absent[] = { "accelerate",
				      "acl",
				      "analytics",
				      "encryption",
				      "inventory",
				      "legal-hold",
				      "lifecycle",
				      "logging",
				      "metrics",
				      "object-lock",
				      "policy",
				      "policyStatus",
				      "publicAccessBlock",
				      "replication",
				      "requestPayment",
				      "restore",
				      "retention",
				      "select",
				      "torrent",
				      "website",
				      "ownershipControls",
				      "intelligent-tiering",
				      "metadataTable",
				      "metadataConfiguration",
				      "renameObject",
				      "session" };

bool local_s3_op_unsigned(struct s3_request *r)
{
	if (!strcmp(httpd_method(r->x), "OPTIONS"))
		r->op = &op_preflight;
	else if (local_s3_post_asked(r))
		r->op = &op_post;
	return r->op != NULL;
}

int local_s3_op(struct s3_request *r, struct err *e)
{
	int level = *r->key ? 2 : *r->bucket ? 1 : 0;

	if (local_s3_none_headers(r, e) < 0)
		return -1;
	if (local_s3_none_asked(r)) {
		r->op = &op_none;
		return 0;
	}
	for (size_t i = 0; i < COUNT_OF(absent); i++)
		if (local_s3_query(r, absent[i]))
			return local_s3_refuse(e, "NotImplemented",
					       "windlass-local does not offer the subresource %s.",
					       absent[i]);
	for (size_t i = 0; i < COUNT_OF(ops) && !r->op; i++)
		if (ops[i].level == level && !strcmp(ops[i].method, httpd_method(r->x)) &&
		    (!ops[i].query || local_s3_query(r, ops[i].query)))
			r->op = &ops[i];
	if (!r->op)
		return local_s3_refuse(e, "MethodNotAllowed", NULL);
	if (r->op->body == S3_BODY_FILE && local_s3_header(r, "x-amz-copy-source"))
		r->op = r->op->query ? &op_part_copy : &op_copy;
	return 0;
}

const char *local_s3_action(size_t i)
{
	static const struct s3_op *const copies[] = { &op_copy, &op_part_copy };

	if (i < COUNT_OF(ops))
		return ops[i].name;
	i -= COUNT_OF(ops);
	return i < COUNT_OF(copies) ? copies[i]->name : NULL;
}
