/* Answers whose body is somewhere else: in a file, or with somebody who gives it piece by piece. */
#include <string.h>
#include <unistd.h>

#include "base/httpd_own.h"

#define BLOCK_BYTES (256u << 10)

void httpd_answer_fd(struct httpd_exchange *x, int status, const struct httpd_header *headers,
		     size_t n, int fd, int64_t offset, int64_t size)
{
	struct MHD_Response *r;

	if (size <= 0 || strcmp(x->method, "HEAD") == 0) {
		close(fd);
		r = httpd_exchange_head(NULL, 0, size);
	} else {
		r = MHD_create_response_from_fd_at_offset64((uint64_t)size, fd, (uint64_t)offset);
	}
	if (r)
		httpd_exchange_add_headers(r, headers, n);
	httpd_exchange_answer(x, status, r);
}

static ssize_t source_read(void *arg, uint64_t at, char *out, size_t size)
{
	const struct httpd_source *s = arg;
	ssize_t n = s->read(s->arg, out, size);

	(void)at;
	return n > 0 ? n : MHD_CONTENT_READER_END_WITH_ERROR;
}

static void source_done(void *arg)
{
	struct httpd_source *s = arg;

	if (s->done)
		s->done(s->arg);
	own_free(s);
}

void httpd_answer_source(struct httpd_exchange *x, int status, const struct httpd_header *headers,
			 size_t n, const struct httpd_source *source, int64_t size)
{
	struct httpd_source *s = own_alloc(sizeof(*s));
	struct MHD_Response *r;

	*s = *source;
	if (size <= 0 || strcmp(x->method, "HEAD") == 0) {
		source_done(s);
		r = httpd_exchange_head(NULL, 0, size);
	} else {
		r = MHD_create_response_from_callback(
			(uint64_t)size, size < BLOCK_BYTES ? (size_t)size : BLOCK_BYTES,
			source_read, s, source_done);
		if (!r)
			source_done(s);
	}
	if (r)
		httpd_exchange_add_headers(r, headers, n);
	httpd_exchange_answer(x, status, r);
}
