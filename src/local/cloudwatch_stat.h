/* What CloudWatch keeps of many values, and the statistics it tells of them. Pure.
 *
 * A sum holds count, sum, least and greatest, and, as long as they are known, the values with their
 * counts: percentiles and trimmed means are told from those. A statistic set that a client sent
 * says nothing of its values, so that none of them can be told where such a one went in.
 */
#ifndef LOCAL_CLOUDWATCH_STAT_H
#define LOCAL_CLOUDWATCH_STAT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/own.h"

struct local_cloudwatch_pair {
	double value, count;
};

struct local_cloudwatch_sum {
	double n, sum, low, high;
	bool blind;                          /* values went in that are not known */
	struct local_cloudwatch_pair *pairs; /* by value, rising; owned */
	size_t count;
};

/* Room for @p count pairs, to be filled by the caller: as the others grow it. */
struct local_cloudwatch_pair *local_cloudwatch_stat_room(size_t count);
void local_cloudwatch_stat_done(struct local_cloudwatch_sum *s);
/* Adds a value @p count times. Past @p most different values the nearest two become one, so that
 * percentiles stay near. */
void local_cloudwatch_stat_value(struct local_cloudwatch_sum *s, double value, double count,
				 size_t most);
void local_cloudwatch_stat_add(struct local_cloudwatch_sum *s, const struct local_cloudwatch_sum *o,
			       size_t most);

enum local_cloudwatch_kind {
	CLOUDWATCH_COUNT,
	CLOUDWATCH_AVERAGE,
	CLOUDWATCH_SUM,
	CLOUDWATCH_LEAST,
	CLOUDWATCH_MOST,
	CLOUDWATCH_PERCENTILE,
	CLOUDWATCH_TRIMMED_MEAN,
	CLOUDWATCH_WINSORIZED_MEAN,
	CLOUDWATCH_TRIMMED_COUNT,
	CLOUDWATCH_TRIMMED_SUM,
	CLOUDWATCH_RANK, /* percent of the values that are in the bounds */
};

struct local_cloudwatch_stat {
	enum local_cloudwatch_kind kind;
	double low, high; /* a percentile is in high */
	bool percent;     /* the bounds are shares of the values, else values */
	bool open_low, open_high;
};

/* "Average", "p99.9", "tm90", "TM(10%:90%)", "PR(:300)", "IQM". -1: no statistic. */
MUST int local_cloudwatch_stat_parse(const char *text, struct local_cloudwatch_stat *ret);
/* Are the values needed, beyond count, sum, least and greatest? */
bool local_cloudwatch_stat_deep(const struct local_cloudwatch_stat *t);
/* False: there is nothing to tell. */
bool local_cloudwatch_stat_tell(const struct local_cloudwatch_stat *t,
				const struct local_cloudwatch_sum *s, double *ret);

#endif
