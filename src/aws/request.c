#include "aws/call.h"

void request_init(struct request *r, enum service s, const char *action, const char *method)
{
	request_done(r);
	*r = (struct request){ .service = s,
			       .action = action,
			       .method = method,
			       .path = BUF(8192),
			       .query = BUF(64 << 10),
			       .body = BUF(REQUEST_BODY_MAX),
			       .body_fd = -1,
			       .reply_fd = -1,
			       .reply_cap = REPLY_XML_MAX };
}

void request_done(struct request *r)
{
	own_free(r->origin);
	own_free(r->region);
	own_free(r->bucket);
	buf_done(&r->path);
	buf_done(&r->query);
	buf_done(&r->body);
	for (size_t i = 0; i < r->header_count; i++) {
		own_free(r->headers[i].name);
		own_free(r->headers[i].value);
	}
	*r = (struct request){ .body_fd = -1, .reply_fd = -1 };
}

void request_header(struct request *r, const char *name, const char *value)
{
	if (r->header_count == REQUEST_HEADERS_MAX) {
		r->body.full = true; /* seen by the lane before anything is sent */
		return;
	}
	r->headers[r->header_count++] =
		(struct request_header){ .name = own_strdup(name), .value = own_strdup(value) };
}
