/* GetMetricData for the newest value of many metrics at once. */
#ifndef AWS_CLOUDWATCH_NEWEST_H
#define AWS_CLOUDWATCH_NEWEST_H

#include "aws/cloudwatch.h"

#define CLOUDWATCH_QUERIES_MAX 500 /* the service's own limit a call */

struct cloudwatch_newest {
	struct instant at; /* start of the newest period that has ended; INSTANT_NEVER: none seen */
	double value;
	bool denied;  /* this one of the call may not be read */
	bool several; /* the expression gives more than one series */
};

/* How many of a call's CLOUDWATCH_QUERIES_MAX it takes: an expression one more than its parts. */
size_t aws_cloudwatch_newest_weight(const struct cloudwatch_query *q);
/* @p list: at most CLOUDWATCH_QUERIES_MAX by weight; their from, to and next_token are not looked
 * at. */
void aws_cloudwatch_newest_ask(struct request *r, const struct cloudwatch_query *const *list,
			       size_t n, struct instant from, struct instant to,
			       const char *next_token);
/* @p ret has @p n members, by the place of the query, made INSTANT_NEVER by the caller before the
 * first page; each page moves them on. *ret_next_token, owned: NULL on the last page. */
MUST int aws_cloudwatch_newest_read(const struct reply *r,
				    const struct cloudwatch_query *const *list, size_t n,
				    struct instant now, struct cloudwatch_newest *ret,
				    char **ret_next_token, struct err *e);

#endif
