/* What the files of SQS share; private to aws. */
#ifndef AWS_SQS_OWN_H
#define AWS_SQS_OWN_H

#include "aws/sqs.h"

struct json *aws_sqs_ask(struct request *r, const char *action,
			 const char *url); /* owned: the body so far */
/* For actions that name their queue otherwise: @p url only says where to send. */
struct json *aws_sqs_ask_at(struct request *r, const char *action, const char *url);
void aws_sqs_put(struct request *r, struct json *body); /* takes it */
bool aws_sqs_number(const struct json *attributes, const char *name, int64_t *ret);

#endif
