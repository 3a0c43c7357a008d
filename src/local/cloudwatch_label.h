/* Labels of GetMetricData's results. */
#ifndef LOCAL_CLOUDWATCH_LABEL_H
#define LOCAL_CLOUDWATCH_LABEL_H

#include "local/cloudwatch_query.h"

/* The label that was asked for, with its ${…} replaced: AVG, DATAPOINT_COUNT, FIRST, LAST, MAX,
 * MIN, SUM and LABEL of the series, and PROP('MetricName'), 'Namespace', 'Period', 'Stat' and
 * 'Dim.NAME' of its metric. Without one the metric's name, or the id of an expression. What is not
 * known stays as it is. Owned. */
char *local_cloudwatch_label(const struct local_cloudwatch_query *q,
			     const struct local_cloudwatch_series *x);

#endif
