/* Parts of S3 that are not played: what a bucket without them answers, and what is refused. */
#ifndef LOCAL_S3_NONE_H
#define LOCAL_S3_NONE_H

#include "local/s3_own.h"

/* Is it about one of them, and of those that have an answer all the same? */
bool local_s3_none_asked(const struct s3_request *r);
s3_fn local_s3_none;
/* -1: a header asks for what would be another thing if it were ignored. */
MUST int local_s3_none_headers(const struct s3_request *r, struct err *e);

#endif
