/* STS over Query, 2011-06-15. */
#ifndef AWS_STS_H
#define AWS_STS_H

#include "aws/call.h"
#include "aws/cred.h"

struct sts_identity {
	char account[16];
	char arn[2049];
	char user_id[257];
};
void aws_sts_identity_ask(struct request *r);
MUST int aws_sts_identity_read(const struct reply *r, struct sts_identity *ret, struct err *e);

/* Temporary keys of a role. NULLs are left out; @p seconds 0: STS's own 3600. */
struct sts_role {
	const char *arn, *session; /* session: 2 to 64 of A-Z a-z 0-9 + = , . @ - _ */
	const char *external_id;
	int seconds;
};
void aws_sts_assume_ask(struct request *r, const struct sts_role *role);
/* The same by a token of somebody whom the role trusts (EKS, GitHub); not signed. */
void aws_sts_assume_web_ask(struct request *r, const struct sts_role *role, const char *token);
/* Of both. The caller frees @p ret by cred_done(). */
MUST int aws_sts_assume_read(const struct reply *r, struct cred *ret, struct err *e);

#endif
