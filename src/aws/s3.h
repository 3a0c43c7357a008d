/* S3 over REST. Objects stream between descriptors: memory stays constant. */
#ifndef AWS_S3_H
#define AWS_S3_H

#include "aws/call.h"

#define S3_META_MAX 16
#define S3_ETAG_MAX 128

struct s3_meta {
	const char *name, *value; /* x-amz-meta-<name> */
};

struct s3_object {
	int64_t size;           /* of the whole object */
	int64_t got;            /* bytes of this reply's body */
	char etag[S3_ETAG_MAX]; /* with its quotes, as sent */
	char sha256[48];        /* base64, when the object has that checksum; "" otherwise */
	char content_type[128];
	char version_id[128];
	struct instant modified; /* INSTANT_NEVER: not told */
};

struct s3_get {
	int64_t from, to;     /* byte range, to included; to < 0: the whole object */
	const char *if_match; /* ETag; NULL: none */
};
/* Into @p fd at its position, or with fd -1 into the reply's memory; at most @p cap bytes. */
void aws_s3_get_ask(struct request *r, const char *bucket, const char *key, int fd, int64_t cap,
		    const struct s3_get *o); /* o may be NULL */
MUST int aws_s3_get_read(const struct reply *r, struct s3_object *ret, struct err *e);
void aws_s3_head_ask(struct request *r, const char *bucket, const char *key);
MUST int aws_s3_head_read(const struct reply *r, struct s3_object *ret,
			  struct err *e); /* ERR_NOT_FOUND */
/* Value of x-amz-meta-<name> of a get or head; NULL when absent; borrowed from the reply. */
const char *aws_s3_meta(const struct reply *r, const char *name);

struct s3_put {
	int fd; /* -1: body in memory */
	int64_t offset, size;
	const void *body; /* copied */
	size_t body_len;
	const char *content_type; /* NULL: application/octet-stream */
	const char *sha256_hex; /* of the body: signs it and is sent as x-amz-checksum-sha256. NULL:
				 * computed for memory; for descriptors the payload goes unsigned */
	bool if_none_match; /* If-None-Match: *; there already: ERR_CONFLICT, 412 PreconditionFailed
			     */
	const char *if_match; /* ETag; NULL: none */
	bool meets_itself; /* the caller looks what a 412 is of: so it may be repeated like a read
			    */
	const struct s3_meta *meta;
	size_t meta_count;
};
#define S3_PUT(...) ((struct s3_put){ .fd = -1, __VA_ARGS__ })
void aws_s3_put_ask(struct request *r, const char *bucket, const char *key, const struct s3_put *p);
/* Metadata of an object that is being made otherwise. */
void aws_s3_add_meta(struct request *r, const struct s3_meta *list, size_t n);
MUST int aws_s3_put_read(const struct reply *r, char etag[static S3_ETAG_MAX], struct err *e);

void aws_s3_delete_ask(struct request *r, const char *bucket, const char *key);
void aws_s3_create_bucket_ask(struct request *r, const char *bucket, const char *region);
void aws_s3_head_bucket_ask(struct request *r, const char *bucket);
MUST int aws_s3_none_read(const struct reply *r, struct err *e);

struct s3_entry {
	char *key;
	int64_t size;
	char etag[S3_ETAG_MAX];
	struct instant modified;
};
struct s3_entries {
	struct s3_entry *list;
	size_t count;
	char **prefixes; /* with a delimiter */
	size_t prefix_count;
	char *next_token; /* NULL: the last page */
};
void aws_s3_list_ask(struct request *r, const char *bucket, const char *prefix,
		     const char *delimiter, int max,
		     const char *next_token); /* NULLs allowed; max <= 0: 1000 */
MUST int aws_s3_list_read(const struct reply *r, struct s3_entries *ret, struct err *e);
void s3_entries_done(struct s3_entries *x);

/* Uploads in parts: create, parts numbered from 1 (each but the last 5 MiB to 5 GiB, at most
 * S3_PARTS_MAX), complete or abort. aws_s3_put_read() reads the ETag of a part. */
#define S3_PARTS_MAX 10000
#define S3_PART_LEAST (5ll << 20)
#define S3_UPLOAD_MAX 1024 /* bytes of an upload's id */
void aws_s3_multi_create_ask(struct request *r, const char *bucket, const char *key,
			     const char *content_type);
MUST int aws_s3_multi_create_read(const struct reply *r, char **ret_upload, struct err *e);
void aws_s3_multi_part_ask(struct request *r, const char *bucket, const char *key,
			   const char *upload, int number, int fd, int64_t offset, int64_t size);
/* @p etags of the parts 1 to n. An answer that was lost is cleared up by asking again: "no such
 * upload" (ERR_NOT_FOUND, code NoSuchUpload) then means that the object may be there. */
void aws_s3_multi_complete_ask(struct request *r, const char *bucket, const char *key,
			       const char *upload, const char *const *etags, size_t n);
MUST int aws_s3_multi_complete_read(const struct reply *r, struct err *e);
void aws_s3_multi_complete_etag(const struct reply *r, char etag[static S3_ETAG_MAX]); /* or "" */
void aws_s3_multi_abort_ask(struct request *r, const char *bucket, const char *key,
			    const char *upload); /* aws_s3_none_read() */

struct s3_upload {
	char *key, *upload;
	struct instant began; /* INSTANT_NEVER: not told */
};
struct s3_uploads {
	struct s3_upload *list;
	size_t count;
	char *next_key, *next_upload; /* NULL: the last page */
};
void aws_s3_multi_list_ask(struct request *r, const char *bucket, const char *prefix,
			   const char *key_marker,
			   const char *upload_marker); /* NULLs: from the start */
MUST int aws_s3_multi_list_read(const struct reply *r, struct s3_uploads *ret, struct err *e);
void s3_uploads_done(struct s3_uploads *x);

/* A URL by which anybody may GET the object for so long (a week at most, and no longer than the
 * keys live). ERR_DENIED: the lane has no keys yet; see lane_need_keys(). */
struct lane;
MUST int aws_s3_presign(const struct lane *l, const char *bucket, const char *key,
			struct span valid, struct buf *ret_url, struct err *e);
/* "https://host:port" of such URLs. */
MUST int aws_s3_origin(const struct lane *l, const char *bucket, struct buf *ret, struct err *e);

/* "s3://bucket/key" -> pieces, the caller frees both. Refuses other schemes, empty keys and ".."
 * parts. */
MUST int aws_s3_url_parse(const char *url, char **ret_bucket, char **ret_key, struct err *e);

#endif
