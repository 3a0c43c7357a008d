/* Readiness, watchdog and status for systemd, where there is one. Without it nothing happens. */
#ifndef CONTROL_NOTIFY_H
#define CONTROL_NOTIFY_H

#include "base/own.h"

void control_notify_ready(void);
void control_notify_alive(void); /* a turn has ended: the loop turns */
void control_notify_stopping(void);
void control_notify_status(const char *fmt, ...) PRINTF_LIKE(1, 2);

#endif
