/* How long something takes: a constant, a law with a mean and a spread, or recorded lengths. */
#ifndef SIMULATE_DIST_H
#define SIMULATE_DIST_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/rng.h"

enum dist_kind { DIST_CONSTANT, DIST_EXPONENTIAL, DIST_LOGNORMAL, DIST_FILE, DIST_LIST };

#define DIST_FILE_BYTES_MAX (64u << 20)

struct dist {
	enum dist_kind kind;
	double mean_us, mu, sigma; /* mu and sigma of the logarithm */
	int64_t *sample_us;        /* DIST_FILE: drawn at random; DIST_LIST: one after the other */
	size_t count, next;
};

/* "constant:60s", "exponential:60s", "lognormal:60s:1" (mean, coefficient of variation),
 * "file:PATH" (seconds, one a line, drawn at random) and "list:PATH" (the same, in order, again
 * from the first when all are used). */
MUST int dist_parse(const char *text, struct dist *ret, struct err *e);
void dist_done(struct dist *d);
int64_t dist_draw(struct dist *d, struct rng *r); /* microseconds, at least 0 */
double dist_mean_us(const struct dist *d);

/* One draw of a Poisson law, exact; time grows with the mean. */
int64_t dist_poisson(struct rng *r, double mean);

#endif
