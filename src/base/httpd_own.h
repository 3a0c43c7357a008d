/* What the files of the HTTP server share, and nobody else. */
#ifndef BASE_HTTPD_OWN_H
#define BASE_HTTPD_OWN_H

#include <microhttpd.h>

#include "base/httpd.h"

struct httpd {
	struct loop *loop;
	struct MHD_Daemon *mhd;
	struct loop_fd *ready;
	struct loop_timer *due, *sweep;
	struct httpd_conn *conns;
	int conn_count;
	struct httpd_limits limits;
	struct httpd_handler handler;
	uint16_t port;
	bool again;
	size_t stream_bytes; /* in pieces of bodies that are taken off the loop */
};

struct httpd_conn {
	struct httpd_conn *prev, *next;
	int fd;
	struct tick since; /* began to wait for a request line, or for a body */
	struct httpd_exchange *exchange;
	struct httpd_send *send; /* a body is sent by our own hand */
};

/* An answer to a request whose body still comes is held back until the body was read, or a
 * client that only writes would see its connection reset instead. Not past this, though. */
#define HTTPD_DISCARD_MAX (64ll << 20)

enum httpd_stage { HTTPD_LINE, HTTPD_BODY, HTTPD_ASKED };

struct httpd_exchange {
	struct httpd *server;
	struct MHD_Connection *mhd;
	struct httpd_conn *conn;
	enum httpd_stage stage;
	bool known;     /* to the handler, which has not answered yet */
	bool suspended; /* until the answer, or until there is room for more of the body; watch
			   tells when the peer goes away meanwhile */
	bool gone;
	struct loop_fd *watch;

	char *target;
	const char *method;
	struct httpd_header *headers; /* made when somebody wants them all */
	size_t header_count;
	char peer[64];
	void *user;

	struct buf body;
	struct httpd_stream *stream; /* NULL: memory, or all of it was taken */
	httpd_body_fn *body_fn;      /* takes the body; NULL: stream or memory */
	void *body_arg;
	int64_t body_cap, body_bytes, discarded;

	int status; /* of the answer, not 0 once there is one */
	struct MHD_Response *response;
	bool answered_early; /* by our own hand, while the body still came */
	bool open, ending;   /* a body that is written bit by bit */
	struct buf out;      /* of it, not yet sent */
};

/* A resumed connection goes on in libmicrohttpd's next turn, which its epoll descriptor does not
 * ask for: this does. */
void httpd_wake(struct httpd *d);

/* Called by libmicrohttpd; see httpd_exchange.c. */
void *httpd_exchange_new(void *server, const char *target, struct MHD_Connection *mhd);
enum MHD_Result httpd_exchange_turn(void *server, struct MHD_Connection *mhd, const char *url,
				    const char *method, const char *version, const char *data,
				    size_t *size, void **exchange);
void httpd_exchange_done(void *server, struct MHD_Connection *mhd, void **exchange,
			 enum MHD_RequestTerminationCode why);
/* The body goes on: there is room, or it was all taken, or it could not be stored. */
void httpd_exchange_room(struct httpd_exchange *x);
void httpd_exchange_unstored(struct httpd_exchange *x);
/* Nothing goes on until it is resumed; a peer that goes away meanwhile is noticed. */
void httpd_exchange_suspend(struct httpd_exchange *x);
void httpd_exchange_resume(struct httpd_exchange *x); /* harmless when it is not suspended */
/* The answer to HEAD: the length that GET would have, @p len or what @p headers say, without its
 * bytes. */
struct MHD_Response *httpd_exchange_head(const struct httpd_header *headers, size_t n, int64_t len);
void httpd_exchange_add_headers(struct MHD_Response *r, const struct httpd_header *headers,
				size_t n);
/* Gives @p r to the exchange as its answer. */
void httpd_exchange_answer(struct httpd_exchange *x, int status, struct MHD_Response *r);
/* httpd_early.c: an answer while more of the body is to come than is worth reading. False: it could
 * not be sent so. */
bool httpd_early_answer(struct httpd_exchange *x, int status, const struct httpd_header *headers,
			size_t n, const void *body, size_t len);
/* Gives up a suspended exchange: its connection closes at the next turn. */
void httpd_exchange_give_up(struct httpd_exchange *x);

/* ---- httpd_send.c ---- */

/* Gives up a body that is being sent: its connection closes at the next turn. */
void httpd_send_give_up(struct httpd_send *s);
bool httpd_send_slow(const struct httpd_send *s, struct tick now);

/* ---- httpd_stream.c ---- */

/* @p declared: the Content-Length, 0 when there is none. Before the first byte. */
void httpd_stream_size(struct httpd_stream *s, int64_t declared);
/* Copies as much as there is room for; returns how much. */
size_t httpd_stream_add(struct httpd_stream *s, const char *data, size_t size);
/* No more will come. True: all was taken, and the stream is gone; false: httpd_exchange_room() or
 * httpd_exchange_unstored() will be called. */
bool httpd_stream_end(struct httpd_exchange *x);
/* Nothing will come of the body; harmless without one. */
void httpd_stream_leave(struct httpd_exchange *x);

#endif
