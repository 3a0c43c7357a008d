/* When an alarm changes its state. Pure.
 *
 * An alarm looks at its last EvaluationPeriods points and two more, so that a late or missing one
 * does not blind it ("How alarm state is evaluated when data is missing", CloudWatch's user guide):
 * where there are enough points, the newest of them decide; else what is missing counts as
 * TreatMissingData says.
 */
#ifndef LOCAL_CLOUDWATCH_JUDGE_H
#define LOCAL_CLOUDWATCH_JUDGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CLOUDWATCH_MORE_POINTS 2

enum local_cloudwatch_state { CLOUDWATCH_OK, CLOUDWATCH_ALARM, CLOUDWATCH_INSUFFICIENT };
enum local_cloudwatch_missing {
	CLOUDWATCH_MISSING, /* is missing */
	CLOUDWATCH_IGNORE,
	CLOUDWATCH_BREACHING,
	CLOUDWATCH_NOT_BREACHING
};
enum local_cloudwatch_comparison {
	CLOUDWATCH_GREATER_OR_EQUAL,
	CLOUDWATCH_GREATER,
	CLOUDWATCH_LESS,
	CLOUDWATCH_LESS_OR_EQUAL
};

struct local_cloudwatch_rule {
	int64_t periods, datapoints; /* datapoints of so many periods must breach */
	double threshold;
	enum local_cloudwatch_comparison comparison;
	enum local_cloudwatch_missing missing;
};

bool local_cloudwatch_judge_breaches(const struct local_cloudwatch_rule *r, double value);
/* @p points: oldest first, NaN where one is missing; periods and CLOUDWATCH_MORE_POINTS of them. */
enum local_cloudwatch_state local_cloudwatch_judge(const struct local_cloudwatch_rule *r,
						   const double *points, size_t n,
						   enum local_cloudwatch_state now);

#endif
