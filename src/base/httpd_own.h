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
	struct httpd_limits limits;
	struct httpd_handler handler;
	uint16_t port;
	bool again;
};

struct httpd_conn {
	struct httpd_conn *prev, *next;
	int fd;
	struct tick since; /* began to wait for a request line, or for a body */
	struct httpd_exchange *exchange;
};

enum httpd_stage { HTTPD_LINE, HTTPD_BODY, HTTPD_ASKED };

struct httpd_exchange {
	struct httpd *server;
	struct MHD_Connection *mhd;
	struct httpd_conn *conn;
	enum httpd_stage stage;
	bool known;     /* to the handler, which has not answered yet */
	bool suspended; /* until the answer; watch tells when the peer goes away meanwhile */
	bool gone;
	struct loop_fd *watch;

	char *target;
	const char *method;
	struct httpd_header *headers; /* made when somebody wants them all */
	size_t header_count;
	char peer[64];
	void *user;

	struct buf body;
	int body_fd; /* -1: memory */
	int64_t body_cap, body_bytes, discarded;

	int status; /* of the answer, not 0 once there is one */
	struct MHD_Response *response;
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
/* Gives up a suspended exchange: its connection closes at the next turn. */
void httpd_exchange_give_up(struct httpd_exchange *x);

#endif
