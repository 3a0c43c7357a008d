#include "config.h"

#include "control/notify.h"

#include <stdarg.h>

#ifdef HAVE_SYSTEMD
#include <systemd/sd-daemon.h>
#endif

static void tell(const char *what)
{
#ifdef HAVE_SYSTEMD
	sd_notify(0, what); /* nobody listens: nothing to do about it */
#else
	(void)what;
#endif
}

void control_notify_ready(void)
{
	tell("READY=1");
}

void control_notify_alive(void)
{
	tell("WATCHDOG=1");
}

void control_notify_stopping(void)
{
	tell("STOPPING=1");
}

void control_notify_status(const char *fmt, ...)
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
