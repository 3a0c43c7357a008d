/* The service manager's protocol: a datagram of lines NAME=VALUE to the socket that NOTIFY_SOCKET
 * names. It is short and will not change, so no library is needed for it, and a unit of Type=notify
 * starts whatever a program was built with. */
#include "base/notify.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/text.h"

#define SLOW_S 2 /* a manager that is busy has so long to read what was told before */

/* Nobody listens: nothing to do about it. */
static void tell(const char *what)
{
	const struct timeval slow = { .tv_sec = SLOW_S };
	const char *where = getenv("NOTIFY_SOCKET");
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	size_t len = where ? strlen(where) : 0;
	int fd;

	if (len < 2 || len >= sizeof(to.sun_path) || (*where != '/' && *where != '@'))
		return;
	memcpy(to.sun_path, where, len);
	if (*where == '@') /* a name that is no file's */
		to.sun_path[0] = '\0';
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return;
	(void)!setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &slow, sizeof(slow));
	(void)!sendto(fd, what, strlen(what), MSG_NOSIGNAL, (struct sockaddr *)&to,
		      (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len));
	close(fd);
}

void notify_ready(void)
{
	tell("READY=1");
}

void notify_alive(void)
{
	tell("WATCHDOG=1");
}

void notify_stopping(void)
{
	tell("STOPPING=1");
}

void notify_status(const char *fmt, ...)
{
	AUTO(own_freep) char *text = NULL;
	AUTO(own_freep) char *line = NULL;
	va_list ap;

	va_start(ap, fmt);
	text = own_vprintf(fmt, ap);
	va_end(ap);
	line = own_printf("STATUS=%s", text);
	tell(line);
}

struct span notify_every(void)
{
	const char *us_text = getenv("WATCHDOG_USEC"), *pid_text = getenv("WATCHDOG_PID");
	int64_t us = 0, pid = 0;

	if (!us_text || !text_int(us_text, &us) || us <= 0)
		return span_ms(0);
	if (pid_text && (!text_int(pid_text, &pid) || pid != getpid()))
		return span_ms(0); /* another is watched */
	return span_ms(us < 2000 ? 1 : us / 2000);
}
