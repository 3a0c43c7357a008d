/* Readiness, watchdog and status for the service manager (systemd), where there is one. Without it
 * nothing happens. */
#ifndef BASE_NOTIFY_H
#define BASE_NOTIFY_H

#include "base/instant.h"
#include "base/own.h"

void notify_ready(void);
void notify_alive(void); /* the loop turns */
void notify_stopping(void);
void notify_status(const char *fmt, ...) PRINTF_LIKE(1, 2);
/* So often notify_alive() is to be called, half of what the service manager waits; 0: it does not
 * watch. */
struct span notify_every(void);

#endif
