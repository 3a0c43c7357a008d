/* The body of a message as a file, handed to the slot that runs a command on it. */
#ifndef WORKER_BODY_H
#define WORKER_BODY_H

#include <stddef.h>

#include "base/err.h"

#define BODY_BYTES_MAX (1u << 20) /* SQS takes no longer message */

/* In the slot's folder, in place of an earlier one. */
MUST int worker_body_write(const char *folder, const char *body, size_t len, struct err *e);
void worker_body_clear(const char *folder);
char *worker_body_path(const char *folder);

#endif
