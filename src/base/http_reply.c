/* What becomes of a reply: headers, body within its cap, and the sentence when there is none. */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/http_own.h"

const char *http_reply_header(const struct http_reply *r, const char *lower_name)
{
	for (size_t i = 0; i < r->header_count; i++) {
		if (strcmp(r->headers[i].name, lower_name) == 0)
			return r->headers[i].value;
	}
	return NULL;
}

static void drop_headers(struct http_reply *r)
{
	for (size_t i = 0; i < r->header_count; i++)
		own_free((char *)r->headers[i].name); /* the value lies behind it */
	own_free(r->headers);
	r->headers = NULL;
	r->header_count = 0;
}

void http_reply_done(struct http_reply *r)
{
	if (!r)
		return;
	buf_done(&r->body);
	drop_headers(r);
	*r = (struct http_reply){ 0 };
}

/* Name and value in one allocation, the name in lower case. */
static void keep_header(struct http_reply *r, const char *line, size_t len)
{
	const char *colon = memchr(line, ':', len), *value;
	size_t name_len;
	char *text;

	if (!colon || colon == line || isspace((unsigned char)*line))
		return;
	value = colon + 1;
	while (len > 0 && isspace((unsigned char)line[len - 1]))
		len--;
	while (value < line + len && isspace((unsigned char)*value))
		value++;
	name_len = (size_t)(colon - line);
	text = own_strndup(line, len);
	if (strlen(text) < len) { /* a NUL inside: nothing to be trusted */
		own_free(text);
		return;
	}
	text[name_len] = '\0';
	for (char *s = text; *s; s++)
		*s = (char)tolower((unsigned char)*s);
	if ((r->header_count & (r->header_count - 1)) == 0)
		r->headers = own_grow(r->headers, r->header_count ? r->header_count * 2 : 1,
				      sizeof(*r->headers));
	r->headers[r->header_count++] = (struct http_header){
		.name = text,
		.value = value < line + len ? text + (value - line) : text + name_len,
	};
}

static size_t header_came(char *line, size_t size, size_t count, void *arg)
{
	struct http_call *c = arg;
	size_t len = size * count;

	if (len >= 5 && strncasecmp(line, "HTTP/", 5) == 0) { /* also after a 100 */
		drop_headers(&c->reply);
		c->header_bytes = 0;
		return len;
	}
	c->header_bytes += len;
	if (c->header_bytes > HTTP_HEADER_BYTES_MAX || c->reply.header_count >= HTTP_HEADERS_MAX) {
		err_set(&c->err, ERR_PROTOCOL, "reply of %s: too many headers", c->origin);
		return 0;
	}
	keep_header(&c->reply, line, len);
	return len;
}

static int write_all(int fd, const char *data, size_t len)
{
	ssize_t n;

	while (len > 0) {
		n = write(fd, data, len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		data += n;
		len -= (size_t)n;
	}
	return 0;
}

static int keep_body(struct http_call *c, const char *data, size_t len)
{
	long status = 0;

	curl_easy_getinfo(c->easy, CURLINFO_RESPONSE_CODE, &status);
	if (c->reply_fd >= 0 && status / 100 == 2) {
		if (len > c->reply_cap - (size_t)c->reply.body_bytes)
			return err_set(&c->err, ERR_PROTOCOL, "reply of %s: larger than %zu bytes",
				       c->origin, c->reply_cap);
		if (write_all(c->reply_fd, data, len) < 0)
			return err_errno(&c->err, errno, "reply of %s: writing it down", c->origin);
	} else if (buf_add(&c->reply.body, data, len) < 0) {
		return err_set(&c->err, ERR_PROTOCOL, "reply of %s: larger than %zu bytes",
			       c->origin, c->reply.body.cap);
	}
	c->reply.body_bytes += (int64_t)len;
	return 0;
}

static size_t body_came(char *data, size_t size, size_t count, void *arg)
{
	return keep_body(arg, data, size * count) < 0 ? 0 : size * count;
}

void http_reply_set(struct http_call *c, const struct http_request *q)
{
	/* The cap of a descriptor is the file's; what a failure says has its own. */
	c->reply.body = BUF(q->reply_fd >= 0 ? HTTP_FAILURE_BODY_MAX : q->reply_cap);
	c->reply_fd = q->reply_fd;
	c->reply_cap = q->reply_cap;
	curl_easy_setopt(c->easy, CURLOPT_HEADERFUNCTION, header_came);
	curl_easy_setopt(c->easy, CURLOPT_HEADERDATA, c);
	curl_easy_setopt(c->easy, CURLOPT_WRITEFUNCTION, body_came);
	curl_easy_setopt(c->easy, CURLOPT_WRITEDATA, c);
}

/* "Connection refused" in the middle of a sentence. */
static const char *why(const struct http_call *c, CURLcode code, char *text, size_t size)
{
	long os = 0;

	if (c->detail[0] && strstr(c->detail, "SSL"))
		code = CURLE_SSL_CONNECT_ERROR;
	curl_easy_getinfo(c->easy, CURLINFO_OS_ERRNO, &os);
	switch (code) {
	case CURLE_COULDNT_CONNECT:
	case CURLE_SEND_ERROR:
	case CURLE_RECV_ERROR:
		snprintf(text, size, "%s", os ? strerror((int)os) : curl_easy_strerror(code));
		break;
	case CURLE_GOT_NOTHING:
	case CURLE_SEND_FAIL_REWIND: /* curl would have sent it again */
		return "the connection was closed without a reply";
	case CURLE_PARTIAL_FILE:
		return "the reply was cut off";
	case CURLE_SSL_CONNECT_ERROR:
	case CURLE_PEER_FAILED_VERIFICATION:
	case CURLE_SSL_CACERT_BADFILE:
	case CURLE_SSL_CERTPROBLEM:
		snprintf(text, size, "%s", c->detail[0] ? c->detail : curl_easy_strerror(code));
		return text; /* it begins with a name */
	default:
		snprintf(text, size, "%s", curl_easy_strerror(code));
		break;
	}
	text[0] = (char)tolower((unsigned char)text[0]);
	return text;
}

static int say_timeout(struct http_call *c, bool connected, struct err *e)
{
	if (!connected)
		return err_set(e, ERR_UNREACHABLE, "connecting to %s failed: no answer in time",
			       c->origin);
	if (c->reply.header_count == 0)
		return err_set(e, ERR_UNREACHABLE, "calling %s failed: no answer in time",
			       c->origin);
	return err_set(e, ERR_UNREACHABLE, "calling %s failed: the answer did not end in time",
		       c->origin);
}

long http_reply_proxy_refusal(const struct http_call *c)
{
	long answer = 0;

	if (!c->proxied || !c->easy)
		return 0;
	curl_easy_getinfo(c->easy, CURLINFO_HTTP_CONNECTCODE, &answer);
	return answer >= 300 ? answer : 0;
}

int http_reply_failure(struct http_call *c, CURLcode code, struct err *e)
{
	char text[CURL_ERROR_SIZE];
	long sent = 0, refusal;

	if (c->err.kind != ERR_NONE) { /* said by a callback, which knows best */
		*e = c->err;
		return -1;
	}
	if (code == CURLE_OK)
		return 0;
	refusal = http_reply_proxy_refusal(c);
	if (refusal)
		return err_set(
			e, ERR_UNREACHABLE,
			"connecting to %s failed: the proxy answered %ld -> check the proxy, "
			"its user and its password",
			c->origin, refusal);
	curl_easy_getinfo(c->easy, CURLINFO_REQUEST_SIZE, &sent);
	if (code == CURLE_OPERATION_TIMEDOUT)
		return say_timeout(c, sent > 0, e);
	switch (code) {
	case CURLE_UNSUPPORTED_PROTOCOL: /* not HTTP at all */
	case CURLE_WEIRD_SERVER_REPLY:
	case CURLE_BAD_CONTENT_ENCODING:
		return err_set(e, ERR_PROTOCOL, "calling %s failed: the reply is not HTTP",
			       c->origin);
	case CURLE_OUT_OF_MEMORY: /* a line past curl's 100 KiB; for memory itself we do not live on
				   */
		return err_set(e, ERR_PROTOCOL, "reply of %s: a header is too long", c->origin);
	case CURLE_SSL_CACERT_BADFILE:
		return err_set(e, ERR_LOCAL, "calling %s failed: %s", c->origin,
			       why(c, code, text, sizeof(text)));
	default:
		return err_set(e, ERR_UNREACHABLE, "%s %s failed: %s",
			       sent > 0 ? "calling" : "connecting to", c->origin,
			       why(c, code, text, sizeof(text)));
	}
}
