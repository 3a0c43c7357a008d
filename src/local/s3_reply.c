/* Answers of S3: now, after a commit, out of a file, or an error in S3's XML. */
#include "local/s3_cors.h"
#include "local/s3_own.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/xml.h"
#include "local/recent.h"
#include "wire/codes.h"

#define ERROR_BODY_MAX (16u << 10)

int local_s3_refuse(struct err *e, const char *code, const char *fmt, ...)
{
	va_list ap;

	err_clear(e);
	e->kind = ERR_PROTOCOL;
	snprintf(e->code, sizeof(e->code), "%s", code);
	if (fmt) {
		va_start(ap, fmt);
		vsnprintf(e->text, sizeof(e->text), fmt, ap);
		va_end(ap);
	}
	return -1;
}

void local_s3_reply_header(struct s3_request *r, const char *name, const char *value)
{
	if (value && r->header_count < S3_HEADERS_MAX)
		r->headers[r->header_count++] =
			(struct httpd_header){ own_strdup(name), own_strdup(value) };
}

void local_s3_reply_headerf(struct s3_request *r, const char *name, const char *fmt, ...)
{
	AUTO(own_freep) char *value = NULL;
	va_list ap;

	va_start(ap, fmt);
	value = own_vprintf(fmt, ap);
	va_end(ap);
	local_s3_reply_header(r, name, value);
}

void local_s3_reply_xml(struct s3_request *r, const char *root)
{
	local_s3_reply_header(r, "Content-Type", "application/xml");
	buf_addf(&r->out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<%s xmlns=\"%s\">", root,
		 service_info(SERVICE_S3)->xmlns);
}

void local_s3_reply_time(struct buf *out, const char *name, struct instant t)
{
	char text[CLOCK_TEXT_MAX];

	xml_elem(out, name, clock_print(t, text));
}

/* ---- sending ---- */

static void reply_id(struct s3_request *r)
{
	local_s3_reply_header(r, "x-amz-request-id", r->id);
	local_s3_reply_header(r, "x-amz-id-2", r->id);
	local_s3_preflight_headers(r);
}

static void reply_recent(const struct s3_request *r, int status, const char *code)
{
	AUTO(own_freep)
	char *about = own_printf("%s%s%s", r->bucket, *r->key ? "/" : "", r->key);

	local_recent_add(r->s3->local, "s3", r->op ? r->op->name : "?", about, status, code);
}

void local_s3_reply_send(struct s3_request *r, int status)
{
	r->ended = true;
	if (r->x) {
		reply_recent(r, status, r->code);
		reply_id(r);
		httpd_set_user(r->x, NULL);
		httpd_answer(r->x, status, r->headers, r->header_count, buf_str(&r->out),
			     r->out.len);
		r->x = NULL;
	}
	local_s3_free(r);
}

void local_s3_reply_fd(struct s3_request *r, int status, int fd, int64_t offset, int64_t size)
{
	r->ended = true;
	reply_recent(r, status, NULL);
	reply_id(r);
	httpd_set_user(r->x, NULL);
	httpd_answer_fd(r->x, status, r->headers, r->header_count, fd, offset, size);
	r->x = NULL;
	local_s3_free(r);
}

struct sending {
	struct s3_pieces *from;
	char id[40];
};

static int sending_file(void *arg, int64_t *ret_at, int64_t *ret_count)
{
	struct sending *s = arg;
	struct err e;
	int fd;

	err_clear(&e);
	fd = local_s3_pieces_file(s->from, ret_at, ret_count, &e);
	if (fd < 0)
		LOG_ERROR("an object cannot be read -> its answer is cut", LOG_S("request", s->id),
			  LOG_E(&e));
	return fd;
}

static void sending_sent(void *arg, int64_t bytes)
{
	const struct sending *s = arg;

	local_s3_pieces_taken(s->from, bytes);
}

static void sending_done(void *arg)
{
	struct sending *s = arg;

	local_s3_pieces_free(s->from);
	own_free(s);
}

void local_s3_reply_pieces(struct s3_request *r, int status, struct s3_pieces *from, int64_t size)
{
	struct sending *s = own_alloc(sizeof(*s));

	s->from = from;
	memcpy(s->id, r->id, sizeof(s->id));
	r->ended = true;
	reply_recent(r, status, NULL);
	reply_id(r);
	httpd_set_user(r->x, NULL);
	httpd_answer_source(r->x, status, r->headers, r->header_count,
			    &(struct httpd_source){ sending_file, sending_sent, sending_done, s },
			    size);
	r->x = NULL;
	local_s3_free(r);
}

static void headers_clear(struct s3_request *r)
{
	for (size_t i = 0; i < r->header_count; i++) {
		own_free((char *)r->headers[i].name);
		own_free((char *)r->headers[i].value);
	}
	r->header_count = 0;
}

void local_s3_reply_detail(struct s3_request *r, const char *name, const char *value)
{
	if (value)
		xml_elem(&r->detail, name, value);
}

/* What AWS names in an error besides its message. */
static void detail_usual(struct s3_request *r, const char *code)
{
	static const char *const of_bucket[] = { "NoSuchBucket",
						 "BucketNotEmpty",
						 "BucketAlreadyOwnedByYou",
						 "InvalidBucketName",
						 "NoSuchBucketPolicy",
						 "NoSuchCORSConfiguration",
						 "NoSuchLifecycleConfiguration",
						 "NoSuchTagSet",
						 "NoSuchWebsiteConfiguration",
						 "ObjectLockConfigurationNotFoundError",
						 "ReplicationConfigurationNotFoundError" };

	if (!strcmp(code, "NoSuchKey"))
		local_s3_reply_detail(r, "Key", r->key);
	if (!strcmp(code, "NoSuchUpload"))
		local_s3_reply_detail(r, "UploadId", local_s3_query(r, "uploadId"));
	for (size_t i = 0; i < COUNT_OF(of_bucket); i++)
		if (!strcmp(code, of_bucket[i]))
			local_s3_reply_detail(r, "BucketName", r->bucket);
	if (r->x && !strcmp(code, "MethodNotAllowed")) {
		local_s3_reply_detail(r, "Method", httpd_method(r->x));
		local_s3_reply_detail(r, "ResourceType",
				      *r->key      ? "OBJECT"
				      : *r->bucket ? "BUCKET"
						   : "SERVICE");
	}
}

static void put_error(struct s3_request *r, const struct code *code, const char *message)
{
	if (!r->detail.len)
		detail_usual(r, code->name);
	buf_adds(&r->out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error>");
	xml_elem(&r->out, "Code", code->name);
	xml_elem(&r->out, "Message", message);
	buf_add(&r->out, buf_str(&r->detail), r->detail.len);
	if (!r->detail.len) {
		AUTO(own_freep)
		char *resource = own_printf("/%s%s%s", r->bucket, *r->key ? "/" : "", r->key);

		xml_elem(&r->out, "Resource", resource);
	}
	xml_elem(&r->out, "RequestId", r->id);
	xml_elem(&r->out, "HostId", r->id);
	buf_adds(&r->out, "</Error>");
}

static void reply_error(struct s3_request *r, const struct code *code, const char *message)
{
	headers_clear(r);
	buf_done(&r->out);
	r->code = code->name;
	r->out = BUF(ERROR_BODY_MAX);
	local_s3_reply_header(r, "Content-Type", "application/xml");
	if (r->x && strcmp(httpd_method(r->x), "HEAD"))
		put_error(r, code, *message ? message : code->message ? code->message : code->name);
	local_s3_reply_send(r, code->status);
}

void local_s3_reply_fail(struct s3_request *r, const char *code, const char *fmt, ...)
{
	char message[ERR_TEXT_MAX] = "";
	va_list ap;

	if (fmt) {
		va_start(ap, fmt);
		vsnprintf(message, sizeof(message), fmt, ap);
		va_end(ap);
	}
	reply_error(r, code_get(SERVICE_S3, code), message);
}

void local_s3_reply_error(struct s3_request *r, const struct err *e)
{
	if (code_find(SERVICE_S3, e->code)) {
		reply_error(r, code_get(SERVICE_S3, e->code), e->text);
		return;
	}
	LOG_ERROR("an S3 request failed -> answered with InternalError", LOG_S("bucket", r->bucket),
		  LOG_S("key", r->key), LOG_E(e));
	reply_error(r, code_get(SERVICE_S3, "InternalError"),
		    "We encountered an internal error. Please try again.");
}

/* ---- after the commit ---- */

/* A transaction that was undone left its file to us; one that was written and could not be synced
 * left it to its row. Where neither is known, the next start looks. */
static bool file_named(const struct s3_request *r)
{
	struct err e;
	AUTO(db_endp)
	struct db_row *row =
		db_query(r->s3->local->db,
			 "SELECT 1 FROM s3_objects WHERE bucket=? AND key=? AND file=? UNION ALL "
			 "SELECT 1 FROM s3_parts WHERE upload=? AND file=?",
			 DB_ARGS(DB_S(r->bucket), DB_S(r->key), DB_S(r->file),
				 DB_S(local_s3_query(r, "uploadId")), DB_S(r->file)),
			 &e);

	return !row || db_step(row, &e) != 0;
}

static void committed(struct local *l, bool ok, void *arg)
{
	struct s3_request *r = arg;

	(void)l;
	if (!ok) {
		if (r->file[0] && file_named(r))
			r->file[0] = '\0';
		reply_error(r, code_get(SERVICE_S3, "InternalError"),
			    "The request could not be stored.");
		return;
	}
	r->file[0] = '\0'; /* a row names it now */
	if (r->drops.count)
		local_s3_pieces_remove(r->s3, &r->drops);
	local_s3_reply_send(r, r->status);
}

void local_s3_reply_commit(struct s3_request *r, int status)
{
	r->ended = true;
	r->status = status;
	local_after_commit(r->s3->local, committed, r);
}
