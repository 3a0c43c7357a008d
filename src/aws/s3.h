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

/* "s3://bucket/key" -> pieces, the caller frees both. Refuses other schemes, empty keys and ".."
 * parts. */
MUST int aws_s3_url_parse(const char *url, char **ret_bucket, char **ret_key, struct err *e);

#endif
