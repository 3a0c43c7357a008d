#include "aws/call.h"

void aws_call_done(struct aws_call *c)
{
	request_done(&c->request);
	reply_done(&c->reply);
}
