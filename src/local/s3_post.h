/* Forms that browsers post to a bucket: their fields, and the policy that these must keep. */
#ifndef LOCAL_S3_POST_H
#define LOCAL_S3_POST_H

#include "local/s3_own.h"
#include "wire/multipart.h"

struct s3_field {
	char *name, *value;
	bool covered; /* a condition of the policy names it */
};

struct s3_form {
	struct s3_field fields[MULTIPART_PARTS_MAX + 1]; /* and the bucket, which is one too */
	size_t count;
	int64_t size;  /* of the file */
	int64_t limit; /* of the policy, that the size breaks */
};

/* NULL: no such field. Any case, the first of its name. */
const char *local_s3_form_get(const struct s3_form *f, const char *name);
void local_s3_form_cover(struct s3_form *f, const char *name);

/* ---- s3_policy.c ---- */
/* -1: @p e is what AWS answers: InvalidPolicyDocument, AccessDenied, EntityTooLarge or -Small. */
MUST int local_s3_policy_check(const char *text, struct s3_form *f, struct instant now,
			       struct err *e);

/* ---- s3_post.c ---- */
bool local_s3_post_asked(const struct s3_request *r);
void local_s3_post_head(struct s3_request *r); /* instead of a signature's check */
void local_s3_post_free(struct s3_post *p);

/* ---- s3_post_sign.c ---- */
/* Is the form signed by a key of ours? */
MUST int local_s3_post_sign(struct s3_request *r, const struct s3_form *f, struct err *e);

#endif
