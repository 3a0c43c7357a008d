/* Quantiles of lengths of time in a fixed 64 KiB, however many there are.
 *
 * Buckets as of HdrHistogram: each power of two in 128 equal parts, so that a quantile is at most
 * 1/256 (0.4 %) from an exact one. Largest and sum are exact.
 */
#ifndef SIMULATE_SKETCH_H
#define SIMULATE_SKETCH_H

#include <stdint.h>

#define SKETCH_PARTS 128
#define SKETCH_BUCKETS (SKETCH_PARTS * 57)

struct sketch {
	uint64_t bucket[SKETCH_BUCKETS];
	uint64_t count;
	int64_t most;
	double sum;
};

void sketch_add(struct sketch *s, int64_t us); /* us >= 0 */
/* The length that a share (0 to 1) of all do not exceed; 0 when there are none. */
int64_t sketch_quantile(const struct sketch *s, double share);
/* The share of all that are longer than @p us; exact where @p us ends a bucket, else within one
 * bucket's content. */
double sketch_beyond(const struct sketch *s, int64_t us);

#endif
