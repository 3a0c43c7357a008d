#include "simulate/sketch.h"

#include <math.h>

static unsigned bucket_of(int64_t us)
{
	uint64_t v = us > 0 ? (uint64_t)us : 0;
	unsigned high;

	if (v < 2 * SKETCH_PARTS)
		return (unsigned)v;
	high = 63u - (unsigned)__builtin_clzll(v); /* at least 8 */
	return (high - 7) * SKETCH_PARTS + (unsigned)(v >> (high - 7));
}

/* The middle of what falls into bucket @p i. */
static int64_t middle(unsigned i)
{
	unsigned shift;

	if (i < 2 * SKETCH_PARTS)
		return i;
	shift = i / SKETCH_PARTS - 1;
	return (int64_t)(((uint64_t)(i % SKETCH_PARTS + SKETCH_PARTS) << shift) +
			 (1ull << shift) / 2);
}

void sketch_add(struct sketch *s, int64_t us)
{
	s->bucket[bucket_of(us)]++;
	s->count++;
	s->sum += (double)us;
	if (us > s->most)
		s->most = us;
}

int64_t sketch_quantile(const struct sketch *s, double share)
{
	uint64_t rank = (uint64_t)ceil(share * (double)s->count), seen = 0;

	if (s->count == 0)
		return 0;
	rank = rank < 1 ? 1 : rank;
	if (rank >= s->count)
		return s->most;
	for (unsigned i = 0; i < SKETCH_BUCKETS; i++) {
		seen += s->bucket[i];
		if (seen >= rank)
			return middle(i) < s->most ? middle(i) : s->most;
	}
	return s->most;
}

double sketch_beyond(const struct sketch *s, int64_t us)
{
	unsigned at = bucket_of(us);
	uint64_t beyond = 0;

	if (s->count == 0)
		return 0;
	for (unsigned i = at + 1; i < SKETCH_BUCKETS; i++)
		beyond += s->bucket[i];
	/* What shares the bucket with the limit counts as beyond it when its middle is. */
	if (middle(at) > us)
		beyond += s->bucket[at];
	return (double)beyond / (double)s->count;
}
