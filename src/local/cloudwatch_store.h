/* The metrics and their values in the database.
 *
 * A metric is a namespace, a name and dimensions. Its values stand in rows, one a minute and unit,
 * or one a second where they were put with a resolution of a second. As on AWS, seconds become
 * minutes after 3 hours, minutes 5 minutes after 15 days, those hours after 63 days, and hours go
 * after 455 days. Past CLOUDWATCH_ROWS_MAX rows that happens sooner, so that the disk is bounded.
 */
#ifndef LOCAL_CLOUDWATCH_STORE_H
#define LOCAL_CLOUDWATCH_STORE_H

#include "local/cloudwatch_stat.h"
#include "local/local.h"

#define CLOUDWATCH_SERIES_MAX 50000
#define CLOUDWATCH_ROWS_MAX 4000000
#define CLOUDWATCH_VALUES_MAX                                               \
	150 /* different values that a row keeps, as many as a call may put \
	     */
#define CLOUDWATCH_DIMENSIONS_MAX 30

struct local_cloudwatch_metric {
	const char *space, *name;
	const char *dimensions; /* as local_cloudwatch_store_dimensions() writes them */
};

/* [{"Name","Value"}…] in one way of writing, whatever their order: JSON pairs by name. Owned. */
char *local_cloudwatch_store_dimensions(const struct json *dimensions);

int local_cloudwatch_store_unit(const char *word); /* -1: AWS has no such unit */
const char *local_cloudwatch_store_unit_word(int unit);
#define CLOUDWATCH_UNIT_ANY (-1)

/* 1 found, 0 not, -1 error. */
MUST int local_cloudwatch_store_find(struct local *l, const struct local_cloudwatch_metric *m,
				     int64_t *ret, struct err *e);
/* The same, made when it is not there, and marked as active @p now. 0: there are too many. */
MUST int local_cloudwatch_store_make(struct local *l, const struct local_cloudwatch_metric *m,
				     struct instant now, int64_t *ret, struct err *e);

struct local_cloudwatch_row {
	int64_t series;
	int64_t resolution, at; /* seconds */
	int unit;
	struct local_cloudwatch_sum sum;
};
/* The row as it is, instead of what was there. In the batch. */
MUST int local_cloudwatch_store_put(struct local *l, const struct local_cloudwatch_row *r,
				    struct err *e);
/* Adds to what the row has. In the batch. */
MUST int local_cloudwatch_store_add(struct local *l, const struct local_cloudwatch_row *r,
				    struct err *e);

struct local_cloudwatch_range {
	int64_t series, from, to; /* seconds, to excluded */
	int64_t period;           /* rows that are coarser say nothing */
	int unit;                 /* or CLOUDWATCH_UNIT_ANY */
	bool deep;                /* the values too */
};
typedef void local_cloudwatch_store_fn(const struct local_cloudwatch_row *r, void *arg);
/* All rows of it, by resolution and time. */
MUST int local_cloudwatch_store_read(struct local *l, const struct local_cloudwatch_range *range,
				     local_cloudwatch_store_fn *fn, void *arg, struct err *e);

/* Ages a few more metrics. 1: the round is not at its end. In the batch. */
struct local_cloudwatch_sweep {
	int64_t after; /* the metric that was looked at last */
	int64_t rows;  /* counted so far */
	int64_t share; /* of the ages that rows are kept, in percent */
	int64_t most;  /* rows; 0: CLOUDWATCH_ROWS_MAX */
};
MUST int local_cloudwatch_store_sweep(struct local *l, struct local_cloudwatch_sweep *s,
				      struct instant now, struct err *e);

#endif
