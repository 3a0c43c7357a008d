/* Random numbers that a seed repeats, for jitter and simulation. Not for secrets: see crypto.h. */
#ifndef BASE_RNG_H
#define BASE_RNG_H

#include <stdint.h>

struct rng {
	uint64_t s[4]; /* xoshiro256**, Blackman and Vigna 2018, public domain algorithm */
};

void rng_seed(struct rng *r, uint64_t seed); /* by splitmix64 */
void rng_seed_os(struct rng *r);
uint64_t rng_u64(struct rng *r);
uint64_t rng_below(struct rng *r, uint64_t n); /* 0 … n-1 without bias; n > 0 */
double rng_unit(struct rng *r);                /* [0, 1) */

#endif
