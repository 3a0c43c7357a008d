/* The endpoints of `windlass status`. */
#ifndef CLI_STATUS_ENDPOINTS_H
#define CLI_STATUS_ENDPOINTS_H

#include "base/buf.h"
#include "journal/journal.h"

/* A table, nothing where the journal knows of none. */
MUST int cli_status_endpoints_text(struct journal *j, struct buf *out, struct err *e);
/* *ret is an array, owned by the caller. */
MUST int cli_status_endpoints_json(struct journal *j, struct json **ret, struct err *e);

#endif
