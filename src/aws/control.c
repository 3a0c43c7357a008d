#include "aws/control.h"

#include "aws/query.h"

void aws_control_ask(struct request *r, const char *action, const struct control_pair *pairs,
		     size_t n)
{
	aws_query_ask(r, SERVICE_CONTROL, action);
	for (size_t i = 0; i < n; i++)
		aws_query_add(r, pairs[i].name, pairs[i].value);
}

int aws_control_read(const struct reply *r, struct xml **ret, const struct xml_node **ret_result,
		     struct err *e)
{
	return reply_result(r, ret, ret_result, e);
}
