#include "local/cloudwatch_judge.h"

#include <math.h>

bool local_cloudwatch_judge_breaches(const struct local_cloudwatch_rule *r, double value)
{
	switch (r->comparison) {
	case CLOUDWATCH_GREATER_OR_EQUAL:
		return value >= r->threshold;
	case CLOUDWATCH_GREATER:
		return value > r->threshold;
	case CLOUDWATCH_LESS:
		return value < r->threshold;
	case CLOUDWATCH_LESS_OR_EQUAL:
		return value <= r->threshold;
	}
	return false;
}

struct seen {
	int64_t real, breaching; /* of the newest points, at most as many as there are periods */
	int64_t oldest;          /* the age of the oldest of those, the newest point's is 1 */
};

static struct seen look(const struct local_cloudwatch_rule *r, const double *points, size_t n)
{
	struct seen s = { 0 };

	for (size_t i = n; i-- > 0 && s.real < r->periods;) {
		if (isnan(points[i]))
			continue;
		s.real++;
		s.breaching += local_cloudwatch_judge_breaches(r, points[i]);
		s.oldest = (int64_t)(n - i);
	}
	return s;
}

static enum local_cloudwatch_state alarm_if(bool alarm)
{
	return alarm ? CLOUDWATCH_ALARM : CLOUDWATCH_OK;
}

enum local_cloudwatch_state local_cloudwatch_judge(const struct local_cloudwatch_rule *r,
						   const double *points, size_t n,
						   enum local_cloudwatch_state now)
{
	const struct seen s = look(r, points, n);
	const int64_t gone = r->periods - s.real;

	if (gone == 0)
		return alarm_if(s.breaching >= r->datapoints);
	switch (r->missing) {
	case CLOUDWATCH_BREACHING:
		return alarm_if(s.breaching + gone >= r->datapoints);
	case CLOUDWATCH_NOT_BREACHING:
		return alarm_if(s.breaching >= r->datapoints);
	case CLOUDWATCH_MISSING:
	case CLOUDWATCH_IGNORE:
		break;
	}
	if (s.real == 0)
		return r->missing == CLOUDWATCH_MISSING ? CLOUDWATCH_INSUFFICIENT : now;
	if (s.breaching >= r->datapoints)
		return CLOUDWATCH_ALARM;
	if (s.breaching < s.real)
		return CLOUDWATCH_OK;
	/* All that is there breaches, and is too little: old enough, it is an alarm all the same.
	 */
	return r->missing == CLOUDWATCH_MISSING && s.oldest >= r->datapoints ? CLOUDWATCH_ALARM
									     : now;
}
