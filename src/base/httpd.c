/* The listening socket, how libmicrohttpd hangs in the loop, and who has been too slow. What
 * becomes of a request is in httpd_exchange.c. */
#include "base/httpd.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/httpd_own.h"

#define BODY_RATE_MIN \
	1024 /* bytes a second on average, once a body takes longer than idle_seconds */
#define BACKLOG 1024

static void run(struct httpd *d)
{
	MHD_UNSIGNED_LONG_LONG ms;

	d->again = false;
	MHD_run(d->mhd);
	if (d->again)
		loop_timer_start(d->due, span_ms(0));
	else if (MHD_get_timeout(d->mhd, &ms) == MHD_YES)
		loop_timer_start(d->due, span_ms(ms > 60000 ? 60000 : (int64_t)ms));
	else
		loop_timer_stop(d->due);
}

void httpd_wake(struct httpd *d)
{
	d->again = true;
	loop_timer_start(d->due, span_ms(0));
}

static void epoll_ready(int events, void *arg)
{
	(void)events;
	run(arg);
}

static void due(void *arg)
{
	run(arg);
}

/* libmicrohttpd's timeout starts anew with each byte, so one byte a minute would hold a
 * connection for ever. Headers have idle_seconds in all; a body has a least rate. */
static bool too_slow(const struct httpd *d, const struct httpd_conn *k, struct tick now)
{
	const struct httpd_exchange *x = k->exchange;
	int64_t seconds = tick_since(now, k->since).ms / 1000;

	if (k->send)
		return httpd_send_slow(k->send, now);
	if (seconds <= d->limits.idle_seconds)
		return false;
	if (!x || x->stage == HTTPD_LINE)
		return true;
	/* A body that waits for us is not late. */
	return x->stage == HTTPD_BODY && !x->suspended &&
	       (x->body_bytes + x->discarded) / BODY_RATE_MIN < seconds;
}

/* libmicrohttpd asks for changes only and takes a short read for the last of what there is: an end
 * that came together with the data before it is never told. */
static bool ended(const struct httpd_conn *k)
{
	char byte;

	return k->exchange && k->exchange->stage == HTTPD_BODY && !k->exchange->suspended &&
	       recv(k->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0;
}

static void sweep(void *arg)
{
	struct httpd *d = arg;
	struct tick now = clock_mono();

	for (struct httpd_conn *k = d->conns; k; k = k->next) {
		if (too_slow(d, k, now) || ended(k))
			shutdown(k->fd, SHUT_RDWR); /* libmicrohttpd sees its end and closes it */
	}
	if (d->conns)
		loop_timer_start(d->sweep, span_ms(d->limits.idle_seconds * 250));
}

static void conn_changed(void *arg, struct MHD_Connection *mhd, void **context,
			 enum MHD_ConnectionNotificationCode what)
{
	struct httpd *d = arg;
	struct httpd_conn *k = *context;

	if (what == MHD_CONNECTION_NOTIFY_STARTED) {
		k = own_alloc(sizeof(*k));
		k->fd = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
		k->since = clock_mono();
		k->next = d->conns;
		if (k->next)
			k->next->prev = k;
		d->conns = k;
		d->conn_count++;
		*context = k;
		if (!loop_timer_active(d->sweep))
			loop_timer_start(d->sweep, span_ms(d->limits.idle_seconds * 250));
		return;
	}
	if (k->prev)
		k->prev->next = k->next;
	else
		d->conns = k->next;
	if (k->next)
		k->next->prev = k->prev;
	own_free(k);
	*context = NULL;
	/* libmicrohttpd listens again in its next turn, and nothing else may ask for one. */
	if (d->conn_count-- >= d->limits.connections)
		httpd_wake(d);
}

static size_t as_it_came(void *arg, struct MHD_Connection *mhd, char *text)
{
	(void)arg;
	(void)mhd;
	return strlen(text);
}

union address {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
};

static int parse_address(const char *text, uint16_t port, union address *a, socklen_t *ret_len)
{
	*a = (union address){ 0 };
	if (inet_pton(AF_INET, text, &a->v4.sin_addr) == 1) {
		a->v4.sin_family = AF_INET;
		a->v4.sin_port = htons(port);
		*ret_len = sizeof(a->v4);
		return 0;
	}
	if (inet_pton(AF_INET6, text, &a->v6.sin6_addr) == 1) {
		a->v6.sin6_family = AF_INET6;
		a->v6.sin6_port = htons(port);
		*ret_len = sizeof(a->v6);
		return 0;
	}
	return -1;
}

static int listen_on(const char *address, uint16_t *port, struct err *e)
{
	union address a;
	socklen_t len;
	int fd, one = 1, errnum;

	if (parse_address(address, *port, &a, &len) < 0)
		return err_set(e, ERR_POLICY, "listening on %s: this is no numeric address",
			       address);
	fd = socket(a.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return err_errno(e, errno, "listening on %s port %d", address, *port);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (a.any.sa_family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof(one));
	if (bind(fd, &a.any, len) < 0 || listen(fd, BACKLOG) < 0 ||
	    getsockname(fd, &a.any, &len) < 0) {
		errnum = errno;
		close(fd);
		return err_errno(e, errnum, "listening on %s port %d", address, *port);
	}
	*port = ntohs(a.any.sa_family == AF_INET ? a.v4.sin_port : a.v6.sin6_port);
	return fd;
}

/* What a caller left at 0, and no more connections than descriptors allow. */
static struct httpd_limits full_limits(const struct httpd_limits *given)
{
	struct httpd_limits l = given ? *given : (struct httpd_limits){ 0 };
	struct rlimit files;

	if (l.body_cap == 0)
		l.body_cap = 2 << 20;
	if (l.connections <= 0)
		l.connections = 1000;
	if (l.idle_seconds <= 0)
		l.idle_seconds = 60;
	if (l.header_cap == 0)
		l.header_cap = 32 << 10;
	if (getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur / 4 * 3 < (rlim_t)l.connections)
		l.connections = (int)(files.rlim_cur / 4 * 3);
	return l;
}

static struct MHD_Daemon *start(struct httpd *d, int fd)
{
	return MHD_start_daemon(
		MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME, 0, NULL, NULL, httpd_exchange_turn, d,
		/* loop_new() ignores it, and so sendfile() may be used. */
		MHD_OPTION_SIGPIPE_HANDLED_BY_APP, 1, MHD_OPTION_LISTEN_SOCKET, fd,
		MHD_OPTION_CONNECTION_LIMIT, (unsigned int)d->limits.connections,
		MHD_OPTION_CONNECTION_TIMEOUT, (unsigned int)d->limits.idle_seconds,
		MHD_OPTION_CONNECTION_MEMORY_LIMIT, d->limits.header_cap,
		MHD_OPTION_NOTIFY_CONNECTION, conn_changed, d, MHD_OPTION_NOTIFY_COMPLETED,
		httpd_exchange_done, d, MHD_OPTION_URI_LOG_CALLBACK, httpd_exchange_new, d,
		MHD_OPTION_UNESCAPE_CALLBACK, as_it_came, d, MHD_OPTION_END);
}

struct httpd *httpd_new(struct loop *l, const char *address, uint16_t port,
			const struct httpd_limits *limits, const struct httpd_handler *handler,
			struct err *e)
{
	const union MHD_DaemonInfo *info;
	struct httpd *d;
	int fd = listen_on(address, &port, e);

	if (fd < 0)
		return NULL;
	d = own_alloc(sizeof(*d));
	d->loop = l;
	d->port = port;
	d->limits = full_limits(limits);
	d->handler = *handler;
	d->mhd = start(d, fd); /* takes fd, also when it fails */
	if (!d->mhd) {
		own_free(d);
		err_set(e, ERR_LOCAL, "listening on %s port %d: the server does not start", address,
			port);
		return NULL;
	}
	info = MHD_get_daemon_info(d->mhd, MHD_DAEMON_INFO_EPOLL_FD);
	d->ready = loop_fd_new(l, info->epoll_fd, epoll_ready, d);
	loop_fd_watch(d->ready, LOOP_READ);
	d->due = loop_timer_new(l, due, d);
	d->sweep = loop_timer_new(l, sweep, d);
	return d;
}

uint16_t httpd_port(const struct httpd *d)
{
	return d->port;
}

void httpd_free(struct httpd *d)
{
	if (!d)
		return;
	/* libmicrohttpd ends the process when it is stopped with suspended connections. */
	for (struct httpd_conn *k = d->conns; k; k = k->next) {
		if (k->exchange && k->exchange->suspended)
			httpd_exchange_give_up(k->exchange);
		if (k->send)
			httpd_send_give_up(k->send);
	}
	loop_fd_free(d->ready);
	MHD_stop_daemon(d->mhd);
	loop_timer_free(d->due);
	loop_timer_free(d->sweep);
	own_free(d);
}
