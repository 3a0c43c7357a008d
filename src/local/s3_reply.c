/* Answers of S3: now, after a commit, out of a file, or an error in S3's XML. */
#include "local/s3_own.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/xml.h"
#include "local/recent.h"
#include "wire/awsxml.h"
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

void local_s3_reply_drop(struct s3_request *r, const char *file)
{
	if (!*file)
		return;
	r->drops = own_grow(r->drops, r->drop_count + 1, sizeof(*r->drops));
	r->drops[r->drop_count++] = own_strdup(file);
}

/* ---- sending ---- */

static void reply_id(struct s3_request *r)
{
	local_s3_reply_header(r, "x-amz-request-id", r->id);
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

static void headers_clear(struct s3_request *r)
{
	for (size_t i = 0; i < r->header_count; i++) {
		own_free((char *)r->headers[i].name);
		own_free((char *)r->headers[i].value);
	}
	r->header_count = 0;
}

static void reply_error(struct s3_request *r, const struct code *code, const char *message)
{
	AUTO(own_freep)
	char *resource = own_printf("/%s%s%s", r->bucket, *r->key ? "/" : "", r->key);

	headers_clear(r);
	buf_done(&r->out);
	r->code = code->name;
	r->out = BUF(ERROR_BODY_MAX);
	local_s3_reply_header(r, "Content-Type", "application/xml");
	if (r->x && strcmp(httpd_method(r->x), "HEAD"))
		awsxml_error(&r->out, code, SERVICE_S3,
			     *message        ? message
			     : code->message ? code->message
					     : code->name,
			     resource, r->id);
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

struct drops {
	struct local_s3 *s3;
	char **paths;
	size_t count;
};

static void drops_work(void *arg)
{
	struct drops *d = arg;

	for (size_t i = 0; i < d->count; i++)
		unlink(d->paths[i]);
}

static void drops_after(void *arg)
{
	struct drops *d = arg;

	for (size_t i = 0; i < d->count; i++)
		own_free(d->paths[i]);
	own_free(d->paths);
	local_s3_idle(d->s3);
	own_free(d);
}

/* Removing a large file takes time: off the loop. */
static void drops_go(struct s3_request *r)
{
	struct drops *d;

	if (!r->drop_count)
		return;
	d = own_alloc(sizeof(*d));
	*d = (struct drops){ r->s3, own_array(r->drop_count, sizeof(char *)), r->drop_count };
	for (size_t i = 0; i < r->drop_count; i++)
		d->paths[i] = local_s3_path(r->s3, r->drops[i]);
	d->s3->busy++;
	loop_work(r->s3->local->loop, drops_work, drops_after, d);
}

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
	drops_go(r);
	local_s3_reply_send(r, r->status);
}

void local_s3_reply_commit(struct s3_request *r, int status)
{
	r->ended = true;
	r->status = status;
	local_after_commit(r->s3->local, committed, r);
}
