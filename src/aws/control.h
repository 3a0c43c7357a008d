/* The control calls of windlass-local: any action with texts as parameters. */
#ifndef AWS_CONTROL_H
#define AWS_CONTROL_H

#include "aws/call.h"

struct control_pair {
	const char *name, *value; /* value NULL: left out */
};

void aws_control_ask(struct request *r, const char *action, const struct control_pair *pairs,
		     size_t n);
/* The result's node is borrowed from @p ret. */
MUST int aws_control_read(const struct reply *r, struct xml **ret,
			  const struct xml_node **ret_result, struct err *e);

#endif
