/* What an answer means: the one place that turns status, headers and body into a kind and a
 * sentence. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "aws/reply_own.h"
#include "wire/awsxml.h"
#include "wire/codes.h"
#include "wire/jsonrpc.h"

#define RETRY_AFTER_MAX_MS 300000

void reply_done(struct reply *r)
{
	buf_done(&r->body);
	for (size_t i = 0; i < r->header_count; i++) {
		own_free(r->headers[i].name);
		own_free(r->headers[i].value);
	}
	own_free(r->headers);
	*r = (struct reply){ 0 };
}

const char *reply_header(const struct reply *r, const char *lower_name)
{
	for (size_t i = 0; i < r->header_count; i++)
		if (strcmp(r->headers[i].name, lower_name) == 0)
			return r->headers[i].value;
	return NULL;
}

static const char *request_id(const struct reply *r)
{
	static const char *const names[] = { "x-amzn-requestid", "x-amz-request-id", "x-amz-id-2" };

	for (size_t i = 0; i < COUNT_OF(names); i++) {
		const char *id = reply_header(r, names[i]);

		if (id && *id)
			return id;
	}
	return "";
}

/* First words of a body that is no AWS error, made printable. */
static void quote(const struct buf *body, char out[static 64])
{
	size_t n = 0;

	for (size_t i = 0; i < body->len && n < 60; i++) {
		unsigned char c = (unsigned char)body->data[i];

		if (c > ' ' && c < 0x7f)
			out[n++] = (char)c;
		else if (n && out[n - 1] != ' ')
			out[n++] = ' ';
	}
	out[n] = '\0';
}

static bool is_html(const struct reply *r)
{
	const char *type = reply_header(r, "content-type");
	char start[64];

	quote(&r->body, start);
	return (type && strncasecmp(type, "text/html", 9) == 0) ||
	       strncasecmp(start, "<html", 5) == 0 || strncasecmp(start, "<!doctype html", 14) == 0;
}

/* An answer that did not come from AWS, or a gateway's in between. */
static int not_aws(const struct reply *r, struct err *e)
{
	enum err_kind kind = r->status >= 500 || r->status == 429 ? code_kind_of_status(r->status)
								  : ERR_PROTOCOL;
	char start[64];

	if (is_html(r))
		return err_set(
			e, kind,
			"answered %d with an HTML page, not as %s does: is the endpoint right "
			"(AWS_ENDPOINT_URL, proxy)?",
			r->status, service_info(r->service)->title);
	quote(&r->body, start);
	return err_set(e, kind,
		       "answered %d without an error code (\"%s\"): is the endpoint right?",
		       r->status, start);
}

/* HEAD and S3's 304, 404 and 412 without a body say all by their status. */
static bool bare(const struct reply *r, struct wire_error *w)
{
	static const struct {
		int status;
		const char *code, *message;
	} bare_codes[] = {
		{ 301, "PermanentRedirect", "the bucket is in another region" },
		{ 304, "NotModified", "not modified" },
		{ 400, "BadRequest", "bad request" },
		{ 403, "AccessDenied", "access denied" },
		{ 404, "NotFound", "does not exist" },
		{ 409, "Conflict", "conflict" },
		{ 412, "PreconditionFailed", "a condition did not hold" },
		{ 500, "InternalError", "internal error" },
		{ 503, "SlowDown", "slow down" },
	};

	if (r->body.len || r->service != SERVICE_S3)
		return false;
	for (size_t i = 0; i < COUNT_OF(bare_codes); i++) {
		if (bare_codes[i].status != r->status)
			continue;
		snprintf(w->code, sizeof(w->code), "%s", bare_codes[i].code);
		snprintf(w->message, sizeof(w->message), "%s", bare_codes[i].message);
		return true;
	}
	return false;
}

static bool read_error(const struct reply *r, struct wire_error *w)
{
	const char *query_error = reply_header(r, "x-amzn-query-error");
	const char *body = buf_str(&r->body);

	*w = (struct wire_error){ 0 };
	if (bare(r, w))
		return true;
	if (body[strspn(body, " \t\r\n")] == '{')
		return jsonrpc_error_read(body, r->body.len, query_error, w) == 0;
	return awsxml_error_read(body, r->body.len, w) == 0;
}

/* Milliseconds in AWS's own header, seconds in HTTP's; what is no number is not there. */
static int retry_after_ms(const struct reply *r)
{
	const char *text = reply_header(r, "x-amz-retry-after");
	int64_t unit = text ? 1 : 1000, n;
	char *end;

	if (!text)
		text = reply_header(r, "retry-after");
	n = text ? strtol(text, &end, 10) : 0;
	if (n <= 0 || *end)
		return 0;
	return n > RETRY_AFTER_MAX_MS / unit ? RETRY_AFTER_MAX_MS : (int)(n * unit);
}

int reply_failure(const struct reply *r, struct err *e)
{
	const struct code *c;
	struct wire_error w;
	const char *id;

	if (!read_error(r, &w)) {
		not_aws(r, e);
		e->status = r->status;
		e->retry_after_ms = retry_after_ms(r);
		return err_wrap(e, "%s %s", service_info(r->service)->title, r->action);
	}
	id = *request_id(r) ? request_id(r) : w.request_id;
	c = code_find(r->service, w.code);
	err_set(e, c ? c->kind : code_kind_of_status(r->status), "%s %s: %d %s%s%.480s%s%.100s%s",
		service_info(r->service)->title, r->action, r->status, w.code,
		w.message[0] ? ": " : "", w.message, *id ? " (request " : "", id, *id ? ")" : "");
	snprintf(e->code, sizeof(e->code), "%s", w.code);
	e->status = r->status;
	e->retry_after_ms = retry_after_ms(r);
	return -1;
}

int reply_check(const struct reply *r, struct err *e)
{
	struct err unused = { 0 };

	if (r->err.kind != ERR_NONE) {
		if (e)
			*e = r->err;
		return -1;
	}
	if (r->status == 0)
		return err_set(e, ERR_UNREACHABLE, "%s %s: not called",
			       service_info(r->service)->title, r->action ? r->action : "");
	if (r->status >= 200 && r->status < 300)
		return 0;
	return reply_failure(r, e ? e : &unused);
}

int reply_odd(const struct reply *r, struct err *e, const char *fmt, ...)
{
	char text[256];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	err_set(e, ERR_PROTOCOL, "%s %s: %s", service_info(r->service)->title, r->action, text);
	if (e)
		e->status = r->status;
	return -1;
}

static int odd_body(const struct reply *r, const char *format, const struct err *why, struct err *e)
{
	if (is_html(r))
		return reply_odd(r, e,
				 "answered with an HTML page instead of %s: is the endpoint right "
				 "(AWS_ENDPOINT_URL, proxy)?",
				 format);
	return reply_odd(r, e, "the answer is not the %s it should be: %.120s", format, why->text);
}

int reply_json(const struct reply *r, struct json **ret, struct err *e)
{
	struct err why = { 0 };

	*ret = NULL;
	if (reply_check(r, e) < 0)
		return -1;
	if (r->body.len == 0) {
		*ret = json_object();
		return 0;
	}
	*ret = json_parse(buf_str(&r->body), r->body.len, &why);
	if (!*ret)
		return odd_body(r, "JSON", &why, e);
	if (json_type(*ret) != JSON_OBJECT) {
		json_free(TAKE(*ret));
		return reply_odd(r, e, "the answer is JSON, but no object");
	}
	return 0;
}

int reply_result(const struct reply *r, struct xml **ret, const struct xml_node **ret_result,
		 struct err *e)
{
	struct err why = { 0 };

	*ret = NULL;
	*ret_result = NULL;
	if (reply_check(r, e) < 0)
		return -1;
	*ret_result = awsxml_result(buf_str(&r->body), r->body.len, r->action, ret, &why);
	return *ret_result ? 0 : odd_body(r, "XML", &why, e);
}

int reply_xml(const struct reply *r, const char *root, struct xml **ret, struct err *e)
{
	struct err why = { 0 };

	*ret = NULL;
	if (reply_check(r, e) < 0)
		return -1;
	*ret = xml_parse(buf_str(&r->body), r->body.len, &why);
	if (!*ret)
		return odd_body(r, "XML", &why, e);
	if (strcmp(xml_root(*ret)->name, root) != 0) {
		err_set(&why, ERR_PROTOCOL, "<%.64s> stands where <%s> should",
			xml_root(*ret)->name, root);
		xml_free(TAKE(*ret));
		return odd_body(r, "XML", &why, e);
	}
	return 0;
}
