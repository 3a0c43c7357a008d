/* The jobs of workers, as their --listen addresses tell them. */
#ifndef WORKER_TOP_H
#define WORKER_TOP_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

/* Asks the worker at @p where, ADDRESS:PORT, and adds what it says: its answer as it is, or a
 * table. */
MUST int worker_top(const char *where, bool as_json, struct buf *out, struct err *e);
/* The table of one answer of /jobs. */
MUST int worker_top_table(const char *text, size_t len, struct buf *out, struct err *e);

#endif
