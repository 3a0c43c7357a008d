/* What readers and the lane share of replies; private to aws. */
#ifndef AWS_REPLY_OWN_H
#define AWS_REPLY_OWN_H

#include "aws/call.h"

/* Of an answer that is no success: always -1 and a full @p e. */
int reply_failure(const struct reply *r, struct err *e);
/* Checks, and gives the document when its root has that name. */
MUST int reply_xml(const struct reply *r, const char *root, struct xml **ret, struct err *e);

#endif
