/* The only place that reads a clock or waits. */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stddef.h>

#include "base/err.h"
#include "base/instant.h"

struct now clock_now(void);
struct instant clock_wall(void);
struct span clock_process(int pid); /* processor time that it used; 0 where that is not known */
struct tick clock_mono(void);       /* CLOCK_BOOTTIME: goes on while the machine sleeps */
void clock_sleep(struct span d);    /* for command-line programs only, never in a loop */

#define CLOCK_TEXT_MAX 32

/* RFC 3339 in UTC, milliseconds only when there are any. Returns @p buf. */
const char *clock_print(struct instant t, char buf[static CLOCK_TEXT_MAX]);
/* The same, always with milliseconds, so that lines of a log are of one width and sort. */
const char *clock_print_ms(struct instant t, char buf[static CLOCK_TEXT_MAX]);
/* "20240131T235959Z", as SigV4 writes it, and its date part. */
const char *clock_print_basic(struct instant t, char buf[static CLOCK_TEXT_MAX]);
/* RFC 3339 with Z or an offset, fractions cut to milliseconds. */
MUST int clock_parse(const char *text, size_t len, struct instant *ret, struct err *e);
MUST int clock_parse_basic(const char *text, struct instant *ret, struct err *e);
/* The HTTP Date header: "Sun, 06 Nov 1994 08:49:37 GMT". */
MUST int clock_parse_http(const char *text, struct instant *ret, struct err *e);
const char *clock_print_http(struct instant t, char buf[static CLOCK_TEXT_MAX]);

/* "90s", "5m", "1h30m", "250ms", "14d"; a bare number is seconds. */
MUST int clock_parse_span(const char *text, struct span *ret, struct err *e);
const char *clock_print_span(struct span d, char buf[static CLOCK_TEXT_MAX]);

#endif
