/* Answers that are written bit by bit: what waits to be sent is kept here, and while nothing does
 * the connection is suspended, since libmicrohttpd would ask for more over and over. */
#include <string.h>

#include "base/httpd_own.h"

#define BLOCK_BYTES 4096

/* Called by libmicrohttpd for more. */
static ssize_t more(void *arg, uint64_t at, char *out, size_t size)
{
	struct httpd_exchange *x = arg;
	size_t n = x->out.len < size ? x->out.len : size;

	(void)at;
	if (x->gone)
		return MHD_CONTENT_READER_END_WITH_ERROR;
	if (n > 0) {
		memcpy(out, x->out.data, n);
		buf_drop(&x->out, n);
		return (ssize_t)n;
	}
	if (x->ending)
		return MHD_CONTENT_READER_END_OF_STREAM;
	httpd_exchange_suspend(x);
	return 0;
}

void httpd_begin(struct httpd_exchange *x, int status, const struct httpd_header *headers, size_t n)
{
	struct MHD_Response *r =
		MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, BLOCK_BYTES, more, x, NULL);

	if (!r)
		return;
	x->out = BUF(HTTPD_WAITING_MAX);
	x->open = true;
	httpd_exchange_add_headers(r, headers, n);
	httpd_exchange_answer(x, status, r);
}

int httpd_write(struct httpd_exchange *x, const void *data, size_t len)
{
	if (buf_add(&x->out, data, len) < 0) {
		x->out.full = false;
		return -1;
	}
	if (x->suspended)
		httpd_exchange_resume(x);
	return 0;
}

void httpd_end(struct httpd_exchange *x)
{
	x->ending = true;
	x->known = false;
	if (x->suspended)
		httpd_exchange_resume(x);
}
