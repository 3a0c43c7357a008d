/* Metric math: expressions over metrics, as GetMetricData and alarms take them. Pure.
 *
 * A value is a number, a time series, or an array of them. A time series is a grid: a value for
 * each period from its start, NaN where there is none. Operators work on points of equal time;
 * where one of them is missing the result is missing, and so it is where a result is not finite.
 *
 * Known: + - * / ^, comparisons, AND and OR (&&, ||), arrays, and the functions of the table in
 * cloudwatch_call.c. Not: LAMBDA and those of other services (anomaly detection,
 * Contributor Insights, Performance Insights, service quotas, Metrics Insights).
 */
#ifndef LOCAL_CLOUDWATCH_MATH_H
#define LOCAL_CLOUDWATCH_MATH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define CLOUDWATCH_MATH_TEXT_MAX 2048
#define CLOUDWATCH_MATH_NODES_MAX 512
#define CLOUDWATCH_MATH_DEPTH_MAX 32

struct local_cloudwatch_series {
	int64_t start, period; /* seconds */
	size_t count;
	double *values;   /* owned */
	const char *name; /* borrowed: the metric's, for labels */
};

enum local_cloudwatch_shape { CLOUDWATCH_NUMBER, CLOUDWATCH_SERIES, CLOUDWATCH_ARRAY };

struct local_cloudwatch_value {
	enum local_cloudwatch_shape shape;
	double number;
	struct local_cloudwatch_series *all; /* owned; one of a series */
	size_t count;
};
void local_cloudwatch_math_done(struct local_cloudwatch_value *v);

struct local_cloudwatch_math;
/* NULL: what is wrong, in @p e. */
MUST struct local_cloudwatch_math *local_cloudwatch_math_parse(const char *text, struct err *e);
void local_cloudwatch_math_free(struct local_cloudwatch_math *m);
DEFINE_FREEP(struct local_cloudwatch_math, local_cloudwatch_math);
/* Does it name @p id? */
bool local_cloudwatch_math_names(const struct local_cloudwatch_math *m, const char *id);
/* Does it search? An alarm must not. */
bool local_cloudwatch_math_searches(const struct local_cloudwatch_math *m);

struct local_cloudwatch_scope {
	/* The value of an id, borrowed until the end of the evaluation; NULL and @p e. */
	const struct local_cloudwatch_value *(*find)(const char *id, void *arg, struct err *e);
	/* Metric @p i of those that are not expressions; NULL past the last. */
	const struct local_cloudwatch_value *(*metric)(size_t i, const char **ret_id, void *arg,
						       struct err *e);
	/* What SEARCH finds, an array; NULL where nothing can be searched. @p period 0: the
	 * scope's.
	 */
	int (*search)(const char *text, const char *stat, int64_t period,
		      struct local_cloudwatch_value *ret, void *arg, struct err *e);
	void *arg;
	int64_t start, period; /* the grid of what has none of its own */
	size_t count;
	size_t left; /* points that may be made still, so that memory is bounded */
};
/* -1: what is wrong, in @p e. */
MUST int local_cloudwatch_math_run(const struct local_cloudwatch_math *m,
				   struct local_cloudwatch_scope *s,
				   struct local_cloudwatch_value *ret, struct err *e);

#endif
