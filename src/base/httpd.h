/* HTTP server: libmicrohttpd's epoll descriptor hung into the loop (the only file that includes
 * it).
 *
 * A request is handed over once its headers are read (on_head decides where the body goes) and
 * again when its body is complete. The handler may answer at once or keep the exchange and answer
 * later (long polls): the connection is suspended meanwhile. A client that goes away calls on_gone.
 */
#ifndef BASE_HTTPD_H
#define BASE_HTTPD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/buf.h"
#include "base/loop.h"

struct httpd;
struct httpd_exchange;

struct httpd_limits {
	size_t body_cap;   /* memory bodies; past it 413. Default 2 MiB */
	int connections;   /* default 1000 */
	int idle_seconds;  /* a connection that moves no byte and has no exchange; default 60 */
	size_t header_cap; /* default 32 KiB */
};

struct httpd_handler {
	/* Headers are known, body is not. May say where it goes by httpd_body_to_sink() or _fd(),
	 * or answer at once (the body is then discarded). NULL: bodies go to memory. */
	void (*on_head)(struct httpd_exchange *x, void *arg);
	/* Everything is there. Must answer now or later, exactly once. */
	void (*on_request)(struct httpd_exchange *x, void *arg);
	/* Nothing will come of the exchange: the peer went away before the answer, its body was
	 * too large, the server is freed. It must not be used after this returns. NULL is fine. */
	void (*on_gone)(struct httpd_exchange *x, void *arg);
	void *arg;
};

/* Listens on @p address ("127.0.0.1", "::1", …) and @p port (0: the system chooses; httpd_port()
 * tells). */
MUST struct httpd *httpd_new(struct loop *l, const char *address, uint16_t port,
			     const struct httpd_limits *limits, const struct httpd_handler *handler,
			     struct err *e);
uint16_t httpd_port(const struct httpd *d);
/* Closes all connections; on_gone is called for what is not answered. Not from a handler. */
void httpd_free(struct httpd *d);
DEFINE_FREEP(struct httpd, httpd);

const char *httpd_method(const struct httpd_exchange *x);
const char *
httpd_target(const struct httpd_exchange *x); /* raw: path and query as received, undecoded */
const char *httpd_header(const struct httpd_exchange *x,
			 const char *name); /* any case; NULL when absent */
/* for (size_t it = 0; httpd_next_header(x, &it, &name, &value);) */
bool httpd_next_header(const struct httpd_exchange *x, size_t *it, const char **name,
		       const char **value);
const char *httpd_body(const struct httpd_exchange *x, size_t *ret_len);
int64_t httpd_body_bytes(const struct httpd_exchange *x);
const char *httpd_peer(const struct httpd_exchange *x); /* numeric address */
void *httpd_user(const struct httpd_exchange *x);
void httpd_set_user(struct httpd_exchange *x, void *user);

/* Takes a piece of a body, off the loop: one at a time and in order. -1: the rest is not wanted,
 * the exchange ends with 500. */
typedef int httpd_take_fn(const void *data, size_t len, void *arg);
struct httpd_sink {
	httpd_take_fn *take;
	httpd_take_fn *beside; /* gets the same pieces, perhaps at the same time; or NULL */
	/* On the loop, once no taker runs or will run, when it does not come to on_request: after
	 * on_gone, or after an answer that did not wait for the body. NULL is fine. */
	loop_fn *idle;
	void *arg;
};
/* From on_head: the body goes to @p sink in pieces of up to 256 KiB, at most @p cap bytes (413 past
 * it); on_request comes when all of it was taken. A client that sends faster than they are taken
 * waits. Memory: at most 2 MiB a body, and past 64 MiB for all at most 512 KiB. */
void httpd_body_to_sink(struct httpd_exchange *x, const struct httpd_sink *sink, int64_t cap);
/* The same, written to @p fd, which stays the caller's. */
void httpd_body_to_fd(struct httpd_exchange *x, int fd, int64_t cap);
/* From on_head: another cap for a memory body. */
void httpd_body_cap(struct httpd_exchange *x, size_t cap);
/* Takes a piece of the body and says how many bytes it took. Fewer than @p len: nothing more is
 * read from the peer until httpd_body_more(). It may answer. */
typedef size_t httpd_body_fn(struct httpd_exchange *x, const char *data, size_t len, void *arg);
/* From on_head: the body goes to @p fn as it comes, at most @p cap bytes (413 past it). */
void httpd_body_to_fn(struct httpd_exchange *x, httpd_body_fn *fn, void *arg, int64_t cap);
/* The rest may come; not from fn. Harmless when nothing waits. */
void httpd_body_more(struct httpd_exchange *x);
/* What the headers say of the body's length; -1: nothing. */
int64_t httpd_body_declared(const struct httpd_exchange *x);

struct httpd_header {
	const char *name, *value;
};
/* Answers are copied. The exchange is gone afterwards. @p body may be NULL with len 0. Date,
 * Content-Length and Connection are added. To HEAD no body is sent, and Content-Length is @p len,
 * or what a Content-Length among @p headers says. Headers with an empty value are left out. */
void httpd_answer(struct httpd_exchange *x, int status, const struct httpd_header *headers,
		  size_t n, const void *body, size_t len);
/* An answer whose body is written bit by bit, of a length that nobody knows yet. The exchange lives
 * on until httpd_end(), or on_gone. httpd_write() copies; -1: more than HTTPD_WAITING_MAX bytes
 * wait for a peer that does not read. */
#define HTTPD_WAITING_MAX ((size_t)256 << 10)
void httpd_begin(struct httpd_exchange *x, int status, const struct httpd_header *headers,
		 size_t n);
MUST int httpd_write(struct httpd_exchange *x, const void *data, size_t len);
void httpd_end(struct httpd_exchange *x);
/* Sends @p size bytes of @p fd from @p offset; the descriptor is closed afterwards by httpd. From
 * 4 MiB on the connection ends with the answer. */
void httpd_answer_fd(struct httpd_exchange *x, int status, const struct httpd_header *headers,
		     size_t n, int fd, int64_t offset, int64_t size);
/* Where a body is that lies in several files, one behind the other. On the loop. */
struct httpd_source {
	/* The file with the next bytes, which stays the source's: they begin at *ret_at and are
	 * *ret_count. -1, or none: the connection is closed. */
	int (*file)(void *arg, int64_t *ret_at, int64_t *ret_count);
	void (*sent)(void *arg, int64_t bytes);
	loop_fn *done; /* nothing more is sent, called once; NULL is fine */
	void *arg;
};
/* Sends @p size bytes that @p source has, as the peer takes them. */
void httpd_answer_source(struct httpd_exchange *x, int status, const struct httpd_header *headers,
			 size_t n, const struct httpd_source *source, int64_t size);

#endif
