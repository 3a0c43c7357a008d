/* S3 inside.
 *
 * An object is a row and a file. Files have random names in one folder and are never changed once a
 * row points at them: a put writes a new file, syncs it, and the row's commit makes it the object.
 * A crash in between leaves a file that no row names, which the next start removes. Keys of users
 * never become names of files.
 *
 * Bodies are received, digested, joined and removed off the loop; only rows are touched on it.
 */
#ifndef LOCAL_S3_OWN_H
#define LOCAL_S3_OWN_H

#include "local/local.h"
#include "wire/chunked.h"
#include "wire/form.h"
#include "wire/sigv4.h"

#define S3_KEY_MAX 1024
#define S3_OBJECT_MAX (INT64_C(5) << 40)
#define S3_PUT_MAX (INT64_C(5) << 30)
#define S3_PART_MIN (5 << 20)
#define S3_PARTS_MAX 10000
#define S3_FILE_NAME 33 /* 32 hex digits */
#define S3_HEADERS_MAX 128
#define S3_XML_MAX (16u << 20)
#define S3_DETAIL_MAX (16u << 10)

struct local_s3 {
	struct local *local; /* NULL once stopped: what is still worked on is dropped when it comes
				back */
	char *folder;
	bool memory; /* nothing need outlive the machine */
	int busy;    /* pieces of work off the loop */
	struct s3_pieces *reading;
	unsigned sequence; /* of events */
};

/* ---- s3_sum.c: digests of a body ---- */

enum s3_sum { S3_SUM_NONE, S3_SUM_CRC32, S3_SUM_CRC32C, S3_SUM_SHA1, S3_SUM_SHA256, S3_SUM_CRC64 };
#define S3_SUM_TEXT_MAX 64 /* base64, and "-10000" behind a composite */

struct s3_pieces;
struct s3_sums;
struct s3_sums *local_s3_sum_new(enum s3_sum also, bool sha256); /* always MD5 */
void local_s3_sum_free(struct s3_sums *s);                       /* NULL is fine */
void local_s3_sum_add(struct s3_sums *s, const void *data, size_t len);
/* Its two halves, which may run at the same time. */
void local_s3_sum_add_md5(struct s3_sums *s, const void *data, size_t len);
void local_s3_sum_add_others(struct s3_sums *s, const void *data, size_t len);

struct s3_digest {
	uint8_t md5[16];
	char sha256[65];           /* hex, when it was asked for */
	char sum[S3_SUM_TEXT_MAX]; /* base64, of the algorithm asked for */
};
void local_s3_sum_end(struct s3_sums *s, struct s3_digest *ret);
/* From CRCs to that of the whole: *crc is of what stands before (0: of nothing), @p next of the
 * @p len bytes behind it. Nothing for kinds that are no CRCs. */
void local_s3_sum_join(enum s3_sum kind, uint64_t *crc, uint64_t next, int64_t len);
void local_s3_sum_crc(enum s3_sum kind, uint64_t crc, char out[static S3_SUM_TEXT_MAX]);
enum s3_sum local_s3_sum_named(const char *word); /* "CRC32"; NONE: unknown */
const char *local_s3_sum_header(enum s3_sum s);   /* "x-amz-checksum-crc32" */
const char *local_s3_sum_element(enum s3_sum s);  /* "ChecksumCRC32" */
const char *local_s3_sum_word(enum s3_sum s);     /* "CRC32" */
size_t local_s3_sum_bytes(enum s3_sum s);

/* ---- a request ---- */

struct s3_request;
typedef void s3_fn(struct s3_request *r);

/* How the body of an operation comes. */
enum s3_body { S3_BODY_NONE, S3_BODY_MEMORY, S3_BODY_FILE };

struct s3_op {
	const char *method;
	const char
		*query; /* a name that must be in the query; NULL: none of those that others have */
	int level;      /* 0 the service, 1 a bucket, 2 an object */
	enum s3_body body;
	s3_fn *head; /* more checks before the body comes; ends the request when they fail; or NULL
		      */
	s3_fn *run;
	const char *name; /* AWS's */
};

struct s3_object {
	char file[S3_FILE_NAME], etag[48],
		sum[S3_SUM_TEXT_MAX + 24]; /* sum: "CRC32:FULL_OBJECT:base64", "" */
	int64_t size;
	int64_t parts; /* it was completed from; their rows name file as their upload. 0: one file
			*/
	struct instant modified;
	struct json *headers; /* to be told again: content-type, x-amz-meta-… */
	struct json *tags;    /* of one that is to be put; NULL: none */
};
void local_s3_object_done(struct s3_object *o);

/* Files to be removed. */
struct s3_drop {
	char object[S3_FILE_NAME]; /* that it is a piece of */
	char file[S3_FILE_NAME];
};
struct s3_drops {
	struct s3_drop *all;
	size_t count;
};

struct s3_request {
	struct local_s3 *s3;
	struct httpd_exchange *x; /* NULL: the client went away */
	const struct s3_op *op;
	char *bucket, *key; /* decoded; "" where there is none */
	bool hosted;        /* the bucket stands in the host, not in the path */
	struct form query;
	struct sigv4_verdict verdict;
	char id[40];
	bool hung;           /* by a fault: its client waits in vain */
	bool ended, working; /* answered (or to be, after a commit); off the loop */

	/* Body in a file. */
	int fd;
	char file[S3_FILE_NAME]; /* removed at the end, unless a row took it over */
	enum s3_sum sum;         /* the checksum that came along or is wanted */
	char want_sum[S3_SUM_TEXT_MAX];
	bool sum_in_trailer;
	uint8_t want_md5[16];
	bool has_md5;
	int64_t want_bytes; /* x-amz-decoded-content-length; -1: not told */
	struct s3_sums *sums;
	struct chunked *chunked;   /* NULL: it comes as it is */
	int64_t size;              /* written so far; at the end all of it */
	int64_t reserved, flushed; /* blocks taken, and bytes that the disk was told of */
	struct s3_digest digest;
	struct err error; /* of the work */
	s3_fn *then;      /* on the loop, after the work went well */

	struct s3_copy *copy; /* what is copied, and what becomes of it */
	struct s3_post *post; /* of a browser's form */

	/* The answer, while it waits for a commit. */
	int status;
	const char *code; /* of an error */
	struct httpd_header headers[S3_HEADERS_MAX];
	size_t header_count;
	struct buf out, detail; /* detail: elements of an error, behind its message */
	struct s3_drops drops;  /* once the batch is committed */
};

/* ---- s3.c ---- */
void local_s3_free(struct s3_request *r);
/* Runs @p work off the loop and then r->then on it; r->error refuses. */
void local_s3_work(struct s3_request *r, s3_fn *work);
/* A piece of work came back; the last one after the stop frees what is left. */
void local_s3_idle(struct local_s3 *s);
char *local_s3_path(const struct local_s3 *s, const char *file); /* owned */
void local_s3_random(char out[static S3_FILE_NAME]);
const char *local_s3_query(const struct s3_request *r, const char *name); /* NULL when absent */
const char *local_s3_header(const struct s3_request *r, const char *name);
/* Do buckets belong to @p account? They are kept once for all of ours. */
bool local_s3_owner(const struct s3_request *r, const char *account);
/* The bucket exists; else the request has ended. */
bool local_s3_bucket(struct s3_request *r);

/* ---- s3_op.c ---- */
MUST int local_s3_op(struct s3_request *r, struct err *e); /* r->op */
/* Those that nobody signs: preflights, and forms, which sign themselves. */
bool local_s3_op_unsigned(struct s3_request *r);

/* ---- s3_reply.c: each request ends by exactly one of these ---- */
void local_s3_reply_header(struct s3_request *r, const char *name,
			   const char *value); /* copied; NULL value: none */
void local_s3_reply_headerf(struct s3_request *r, const char *name, const char *fmt, ...)
	PRINTF_LIKE(3, 4);
void local_s3_reply_send(struct s3_request *r, int status); /* r->out, now */
void local_s3_reply_commit(struct s3_request *r,
			   int status); /* r->out, once the batch is committed */
void local_s3_reply_fd(struct s3_request *r, int status, int fd, int64_t offset, int64_t size);
/* The bytes of @p from, which it frees. */
void local_s3_reply_pieces(struct s3_request *r, int status, struct s3_pieces *from, int64_t size);
void local_s3_reply_fail(struct s3_request *r, const char *code, const char *fmt, ...)
	PRINTF_LIKE(3, 4);
void local_s3_reply_error(struct s3_request *r,
			  const struct err *e);                  /* e->code, or InternalError */
void local_s3_reply_xml(struct s3_request *r, const char *root); /* declaration, <root xmlns=…> */
int local_s3_refuse(struct err *e, const char *code, const char *fmt, ...) PRINTF_LIKE(3, 4);
/* One more element of the error that follows: what it is about. NULL value: none. */
void local_s3_reply_detail(struct s3_request *r, const char *name, const char *value);
/* "2024-01-31T23:59:59.000Z" as an element. */
void local_s3_reply_time(struct buf *out, const char *name, struct instant t);

/* ---- s3_body.c: a body into a file ---- */
void local_s3_body_open(struct s3_request *r); /* from on_head; ends the request on failure */
/* Is a body in memory what its Content-MD5 and checksum say? Else the request has ended, also when
 * it has none of them and @p required. */
bool local_s3_body_memory(struct s3_request *r, bool required);
void local_s3_body_finish(struct s3_request *r,
			  s3_fn *then); /* digest, check, sync; then @p then */
MUST int local_s3_body_new(struct s3_request *r,
			   struct err *e); /* a fresh file at r->file, r->fd */
MUST int local_s3_body_sync(struct s3_request *r,
			    struct err *e); /* off the loop: file and folder */

/* ---- s3_object.c: rows of objects ---- */
/* 1 found, 0 not, -1 error. */
MUST int local_s3_object_find(struct local_s3 *s, const char *bucket, const char *key,
			      struct s3_object *ret, struct err *e);
/* The bucket is there, and the object where one is named; else the request has ended. */
bool local_s3_object_there(struct s3_request *r);
/* Puts the row of r's bucket and key, drops the file it replaces, and r->file is the row's. @p
 * event: what it is called, "ObjectCreated:Put". */
MUST int local_s3_object_put(struct s3_request *r, const struct s3_object *o, const char *event,
			     struct err *e);
/* Is @p etag (bare) what the list @p want ("a", W/"b", *) names? */
bool local_s3_object_matches(const char *want, const char *etag);
/* 1 when there was one. */
MUST int local_s3_object_delete(struct s3_request *r, const char *key, struct err *e);
/* If-Match and If-None-Match of a write, against what is there. Ends the request when they fail. */
bool local_s3_object_precondition(struct s3_request *r);
struct json *
local_s3_object_headers(const struct s3_request *r); /* those of the request to be kept; owned */
/* Keeps what is kept of headers; false: more user metadata than there may be. */
bool local_s3_object_keep(struct json *headers, const char *name, const char *value);
void local_s3_object_sum(struct s3_object *o, enum s3_sum s, const char *type, const char *sum);

/* ---- s3_multi.c: uploads in parts ---- */
struct s3_upload {
	struct json *headers; /* and the tags that the object will have, as "tags" */
	enum s3_sum sum;
	bool full; /* its checksum is that of the whole object */
};
void local_s3_multi_done(struct s3_upload *u);
/* The upload that the query names, of this bucket and key; else the request has ended. */
bool local_s3_multi_find(struct s3_request *r, struct s3_upload *ret);
/* Its rows; its files after the commit. */
MUST int local_s3_multi_remove(struct s3_request *r, struct err *e);
/* The row of the part that the query names: its file is r->file, its sums are r->digest. One that
 * is sent again replaces the one before. False: the request has ended. */
bool local_s3_multi_store(struct s3_request *r, char ret_etag[static 33]);
bool local_s3_multi_number(struct s3_request *r, int64_t *ret); /* else the request has ended */

/* ---- s3_pieces.c: the files of an object ---- */
/* Will be removed: @p file, a piece of @p object (the file of its row); "" is none. */
void local_s3_pieces_drop(struct s3_drops *d, const char *object, const char *file);
void local_s3_pieces_drops_done(struct s3_drops *d);
/* Removes them, or leaves that to who reads them. On the loop; what is given stays the caller's. */
void local_s3_pieces_remove(struct local_s3 *s, const struct s3_drops *d);
/* The files of @p o go once the batch is committed, and the rows of its parts with it. */
MUST int local_s3_pieces_forget(struct s3_request *r, const struct s3_object *o, struct err *e);
/* Where the part @p number of @p o is; an object of one file is part 1. 1 found, 0 not, -1 error.
 */
MUST int local_s3_pieces_part(struct local_s3 *s, const struct s3_object *o, int64_t number,
			      int64_t *ret_first, int64_t *ret_count, struct err *e);

struct s3_piece {
	char file[S3_FILE_NAME];
	int64_t first, count;
};
/* The @p count bytes of @p o from @p first on; they stay until it is freed, also when the object
 * goes. Made and freed on the loop, read anywhere. */
struct s3_pieces *local_s3_pieces_new(struct local_s3 *s, const struct s3_object *o, int64_t first,
				      int64_t count, struct err *e);
void local_s3_pieces_free(struct s3_pieces *p);
DEFINE_FREEP(struct s3_pieces, local_s3_pieces);
/* The file that the next bytes are in, which stays theirs, where they begin there and how many they
 * are. -1: there are no more, or it cannot be opened. */
MUST int local_s3_pieces_file(struct s3_pieces *p, int64_t *ret_at, int64_t *ret_count,
			      struct err *e);
void local_s3_pieces_taken(struct s3_pieces *p, int64_t bytes); /* so many of them */
/* The first read will not fail for want of its file. */
MUST int local_s3_pieces_open(struct s3_pieces *p, struct err *e);

/* ---- s3_copy.c ---- */
struct s3_copy;
void local_s3_copy_free(struct s3_copy *c); /* NULL is fine */

/* ---- s3_get.c ---- */
/* 0: what the four headers (NULL: absent) ask of @p o holds; else 412 or 304. */
struct s3_condition {
	const char *match, *none_match, *unmodified_since, *modified_since;
};
int local_s3_get_condition(const struct s3_condition *c, const struct s3_object *o);
bool local_s3_get_find(struct s3_request *r, struct s3_object *ret); /* or the request has ended */

/* ---- s3_tag.c: tags of buckets (key "") and objects ---- */
/* Those of the x-amz-tagging header, owned; {} without one. NULL: @p e. */
struct json *local_s3_tag_header(const struct s3_request *r, struct err *e);
/* Those of an XML document, owned; NULL: @p e. */
struct json *local_s3_tag_xml(const char *text, size_t len, struct err *e);
/* Instead of what was there; {} or NULL: none. Inside a batch. */
MUST int local_s3_tag_store(struct local_s3 *s, const char *bucket, const char *key,
			    const struct json *tags, struct err *e);
/* Owned; {} when there are none. NULL: @p e. */
struct json *local_s3_tag_find(struct local_s3 *s, const char *bucket, const char *key,
			       struct err *e);

/* ---- s3_event.c: who is told of what happens to objects ---- */
/* "ObjectCreated:Put" of r's bucket, inside the batch that does it. */
MUST int local_s3_event_tell(struct s3_request *r, const char *event, const char *key,
			     const struct s3_object *o, struct err *e);

/* ---- operations ---- */
s3_fn local_s3_post;
s3_fn local_s3_tag_get, local_s3_tag_put, local_s3_tag_delete;
s3_fn local_s3_event_get, local_s3_event_put;
s3_fn local_s3_attributes, local_s3_copy, local_s3_copy_part;
s3_fn local_s3_list_buckets, local_s3_list_v1, local_s3_list_v2;
s3_fn local_s3_bucket_create, local_s3_bucket_delete, local_s3_bucket_head, local_s3_list_versions,
	local_s3_bucket_location, local_s3_bucket_versioning, local_s3_bucket_delete_objects;
s3_fn local_s3_put_head, local_s3_put, local_s3_put_delete;
s3_fn local_s3_get; /* HEAD too: the server leaves the body out */
s3_fn local_s3_multi_create, local_s3_multi_part_head, local_s3_multi_part, local_s3_multi_abort,
	local_s3_multi_parts, local_s3_multi_uploads;
s3_fn local_s3_join_complete;

#endif
