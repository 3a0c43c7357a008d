/* PutMetricData: values of metrics of our own, many in a call. */
#ifndef AWS_CLOUDWATCH_PUT_H
#define AWS_CLOUDWATCH_PUT_H

#include "aws/cloudwatch.h"

/* The service's limits a call are 1000 metrics and 1 MB. */
#define CLOUDWATCH_DATA_MAX 1000
#define CLOUDWATCH_DATA_BYTES 1000000

/* Everything is borrowed. */
struct cloudwatch_datum {
	const char *metric;
	const char *names[3], *values[3]; /* dimensions */
	size_t dimension_count;
	const char *unit; /* "Count", "Percent" */
	double value;     /* finite; with a count the sum of so many values, of which the others are
			   * the least and the most */
	double count, least, most;
	struct instant at;
};

/* Takes as many of @p list as one call holds, at least one; returns how many. */
size_t aws_cloudwatch_put_ask(struct request *r, const char *name_space,
			      const struct cloudwatch_datum *list, size_t n);
MUST int aws_cloudwatch_put_read(const struct reply *r, struct err *e);

#endif
