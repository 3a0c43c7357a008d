/* STS over Query, 2011-06-15. */
#ifndef AWS_STS_H
#define AWS_STS_H

#include "aws/call.h"

struct sts_identity {
	char account[16];
	char arn[2049];
	char user_id[257];
};
void aws_sts_identity_ask(struct request *r);
MUST int aws_sts_identity_read(const struct reply *r, struct sts_identity *ret, struct err *e);

#endif
