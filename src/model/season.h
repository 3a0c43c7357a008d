/* What a predictive rule has seen: four weeks of a metric by quarters of an hour, and how good its
 * forecasts were. Plain data of fixed size, beside struct memory where a rule is predictive.
 *
 * Changed by decide_learn only. The journal stores it bucket by bucket, the rest with the memory.
 */
#ifndef MODEL_SEASON_H
#define MODEL_SEASON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/instant.h"
#include "base/json.h"

#define SEASON_BUCKET_MS 900000
#define SEASON_DAY 96 /* buckets */
#define SEASON_DAYS 28
#define SEASON_BUCKETS (SEASON_DAY * SEASON_DAYS)
#define SEASON_AHEAD 16 /* buckets that a forecast may look ahead */
#define SEASON_MISSING INT64_MIN
#define SEASON_VALUE_MAX 1000000000000 /* thousandths; keeps every sum far from overflow */

struct season {
	int64_t open;       /* number of the bucket that is being filled, -1 before the first */
	int64_t sum, count; /* of its samples, in thousandths */
	int64_t mean[SEASON_BUCKETS]; /* by number % SEASON_BUCKETS: those before open */
	struct {                      /* forecasts of buckets to come, by number % SEASON_AHEAD */
		int64_t bucket, value, naive; /* naive: that nothing changes */
	} ahead[SEASON_AHEAD];
	int64_t graded;                     /* forecasts that were compared with what came, */
	int64_t error, naive_error, actual; /* how far off, and of what: sums that fade */
	/* Made of the above when a bucket is closed, not stored. */
	int64_t made_for;               /* the open bucket then; -1: to be made */
	int64_t high[SEASON_AHEAD + 1]; /* the rule's quantile, from the open bucket on */
};
_Static_assert(sizeof(struct season) < 57344, "a season stays under 56 KiB");

void season_init(struct season *s);
/* The mean of bucket @p number, or SEASON_MISSING. */
int64_t season_mean(const struct season *s, int64_t number);
/* Takes a stored bucket; those that are not of the newest four weeks before the open one are
 * dropped. */
void season_put(struct season *s, int64_t number, int64_t mean);
/* All but the buckets. Owned; never fails. */
struct json *season_write(const struct season *s, const char *metric);
/* What is missing or impossible keeps its initial value, all of it where it is of another metric;
 * the time is clamped to @p now. */
void season_read(const struct json *stored, const char *metric, struct instant now,
		 struct season *ret);

#endif
