/* CloudWatch over Query. The service speaks JSON 1.0 and CBOR too; Query is what all that play it
 * understand. */
#ifndef AWS_CLOUDWATCH_H
#define AWS_CLOUDWATCH_H

#include "aws/call.h"

/* Of one answer. The service allows 100800; so many stay well within REPLY_XML_MAX. */
#define CLOUDWATCH_POINTS_MAX 20000
#define CLOUDWATCH_DIMENSIONS_MAX 30
#define CLOUDWATCH_PARTS_MAX 10 /* of one expression; ours */

/* One metric over a time. Everything is borrowed. */
struct cloudwatch_query {
	const char *name_space, *metric, *statistic; /* "Sum" */
	const char *account_id;                      /* of a source account; NULL: our own */
	const char *const *names, *const *values;    /* of the dimensions */
	size_t dimension_count;
	int64_t period_s;
	struct instant from, to; /* starts of periods: from on, before to */
	const char *next_token;  /* NULL at first */
	/* Metric math instead of the metric: over so many parts, each with the id that the
	 * expression has for it. Asked for by cloudwatch_newest.h only. */
	const char *expression; /* NULL: the metric */
	const char *id;         /* of a part */
	const struct cloudwatch_query *parts;
	size_t part_count;
};

struct cloudwatch_point {
	struct instant at; /* the period's start */
	double value;
};

/* A period without data has no point: it is not zero. */
struct cloudwatch_points {
	struct cloudwatch_point *list;
	size_t count;
	char *next_token; /* NULL: this was the last of it */
	bool whole;       /* the service says that nothing of this answer is missing */
};

/* GetMetricData, oldest first. */
void aws_cloudwatch_data_ask(struct request *r, const struct cloudwatch_query *q);
MUST int aws_cloudwatch_data_read(const struct reply *r, struct cloudwatch_points *ret,
				  struct err *e);
void cloudwatch_points_done(struct cloudwatch_points *p);

#endif
