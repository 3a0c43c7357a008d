/* An answer while the body still comes. libmicrohttpd sends none before a body's end, so an answer
 * that makes gigabytes pointless is written to the socket by hand: nothing else has been written to
 * it but perhaps "100 Continue". What still comes is read for a while and dropped, so that the
 * answer is not lost to a reset; then the connection is closed. */
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#include "base/httpd_own.h"

#define HEAD_MAX 8192

static bool much_to_come(const struct httpd_exchange *x)
{
	int64_t declared = httpd_body_declared(x);

	return x->stage == HTTPD_BODY && x->body_fn && declared >= 0 && !x->status && !x->gone &&
	       declared - x->body_bytes > HTTPD_DISCARD_MAX;
}

bool httpd_early_answer(struct httpd_exchange *x, int status, const struct httpd_header *headers,
			size_t n, const void *body, size_t len)
{
	AUTO(buf_done) struct buf out = BUF(HEAD_MAX + len);
	ssize_t sent;

	if (!much_to_come(x))
		return false;
	buf_addf(&out, "HTTP/1.1 %d %s\r\nContent-Length: %zu\r\nConnection: close\r\n", status,
		 MHD_get_reason_phrase_for((unsigned int)status), len);
	for (size_t i = 0; i < n; i++)
		if (strcasecmp(headers[i].name, "Connection") != 0 &&
		    strcasecmp(headers[i].name, "Content-Length") != 0)
			buf_addf(&out, "%s: %s\r\n", headers[i].name, headers[i].value);
	buf_adds(&out, "\r\n");
	if (len)
		buf_add(&out, body, len);
	if (out.full)
		return false;
	sent = send(x->conn->fd, out.data, out.len, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (sent != (ssize_t)out.len)
		shutdown(x->conn->fd, SHUT_RDWR); /* half an answer is none */
	else
		shutdown(x->conn->fd, SHUT_WR);
	x->known = false;
	x->status = status;
	x->answered_early = true;
	if (x->suspended)
		httpd_exchange_resume(x);
	return true;
}
