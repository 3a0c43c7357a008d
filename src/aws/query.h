/* Requests in the Query protocol; private to aws. */
#ifndef AWS_QUERY_H
#define AWS_QUERY_H

#include "aws/call.h"

void aws_query_ask(struct request *r, enum service s, const char *action);
void aws_query_add(struct request *r, const char *name, const char *value); /* NULL: left out */
void aws_query_add_int(struct request *r, const char *name, int64_t value);
void aws_query_add_list(struct request *r, const char *list, const char *const *values, size_t n);

/* A count of XML; @p missing where there is none. False: not a number. */
bool aws_query_int(const struct xml_node *n, const char *path, int64_t missing, int64_t *ret);
char *aws_query_dup(const struct xml_node *n, const char *path); /* "" where absent; owned */
size_t aws_query_members(const struct xml_node *list);           /* children called member */

#endif
