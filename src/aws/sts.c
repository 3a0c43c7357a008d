#include "aws/sts.h"

#include <stdio.h>

#include "aws/query.h"

void aws_sts_identity_ask(struct request *r)
{
	aws_query_ask(r, SERVICE_STS, "GetCallerIdentity");
}

int aws_sts_identity_read(const struct reply *r, struct sts_identity *ret, struct err *e)
{
	AUTO(xml_freep) struct xml *x = NULL;
	const struct xml_node *result;
	const char *account, *arn, *user;

	*ret = (struct sts_identity){ 0 };
	if (reply_result(r, &x, &result, e) < 0)
		return -1;
	account = xml_text(result, "Account");
	arn = xml_text(result, "Arn");
	user = xml_text(result, "UserId");
	if (!account || !arn)
		return reply_odd(r, e, "the answer lacks Account or Arn");
	snprintf(ret->account, sizeof(ret->account), "%s", account);
	snprintf(ret->arn, sizeof(ret->arn), "%s", arn);
	snprintf(ret->user_id, sizeof(ret->user_id), "%s", user ? user : "");
	return 0;
}
