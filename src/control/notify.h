/* Readiness, watchdog and status for systemd, where there is one. Without it nothing happens. */
#ifndef CONTROL_NOTIFY_H
#define CONTROL_NOTIFY_H

#include "base/own.h"

void notify_ready(void);
void notify_alive(void); /* a turn has ended: the loop turns */
void notify_stopping(void);
void notify_status(const char *fmt, ...) PRINTF_LIKE(1, 2);

#endif
