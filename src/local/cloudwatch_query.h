/* Metrics and expressions that are asked for together: a call's MetricDataQueries, an alarm's
 * Metrics, those of a target tracking policy. */
#ifndef LOCAL_CLOUDWATCH_QUERY_H
#define LOCAL_CLOUDWATCH_QUERY_H

#include "local/cloudwatch_math.h"
#include "local/cloudwatch_store.h"

#define CLOUDWATCH_QUERIES_MAX 500
#define CLOUDWATCH_POINTS_MAX (2u << 20) /* that one evaluation makes, all told */
#define CLOUDWATCH_GRID_MAX 700000       /* of one metric: 455 days of minutes */

struct local_cloudwatch_query {
	char *id, *label; /* label NULL: the usual one */
	char *space, *name, *dimensions, *word;
	struct local_cloudwatch_stat stat; /* what the word says */
	int unit;
	int64_t period;                     /* 0: an expression without one */
	struct local_cloudwatch_math *math; /* NULL: a metric */
	bool returned;
	struct local_cloudwatch_value result;
	enum { QUERY_NEW, QUERY_BUSY, QUERY_DONE } state;
};

struct local_cloudwatch_queries {
	struct local_cloudwatch_query *all;
	size_t count;
	char **names; /* of what was searched, for labels */
	size_t name_count;
};
void local_cloudwatch_query_done(struct local_cloudwatch_queries *q);

/* Refusal in AWS's words: sets e->code and text, returns -1. Any other error is a failure of our
 * own. */
int local_cloudwatch_refuse(struct err *e, const char *code, const char *fmt, ...)
	PRINTF_LIKE(3, 4);
void local_cloudwatch_fail(struct local_call *c,
			   const struct err *e); /* ends the call as it says */

/* A number that may stand as a text, as Query has it. 1 there, 0 not, -1 refused. */
MUST int local_cloudwatch_query_number(const struct json *object, const char *name, double *ret,
				       struct err *e);
/* Reads a list of MetricDataQuery. At least one must be returned; @p one: exactly one. */
MUST int local_cloudwatch_query_read(const struct json *list, bool one,
				     struct local_cloudwatch_queries *ret, struct err *e);
/* A single metric as alarms and policies name it: Namespace, MetricName, Dimensions, Statistic or
 * ExtendedStatistic, Unit, Period. */
MUST int local_cloudwatch_query_single(const struct json *object,
				       struct local_cloudwatch_queries *ret, struct err *e);
/* Evaluates what is returned for times from @p from to @p to, in seconds. */
MUST int local_cloudwatch_query_run(struct local *l, struct local_cloudwatch_queries *q,
				    int64_t from, int64_t to, struct err *e);
/* The least period of the metrics; of expressions alone a minute. */
int64_t local_cloudwatch_query_period(const struct local_cloudwatch_queries *q);

#endif
