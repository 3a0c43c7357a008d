/* Signature Version 2 of S3: presigned URLs, headers, and the policies of forms. */
#ifndef LOCAL_S3_V2_H
#define LOCAL_S3_V2_H

#include "local/s3_own.h"

/* Is the request signed so? */
bool local_s3_v2_asked(const struct s3_request *r);
/* After the path was read; sets r->verdict. -1: @p e has AWS's code. */
MUST int local_s3_v2_check(struct s3_request *r, struct err *e);
/* The key, if it lives and its token is @p token (NULL: none); to be wiped. */
MUST int local_s3_v2_key(struct local *l, const char *access_key, const char *token,
			 struct local_key *ret, struct err *e);
/* Is @p signature the base64 of what @p key makes of the text? */
bool local_s3_v2_same(const struct local_key *key, const char *text, size_t len,
		      const char *signature);

#endif
