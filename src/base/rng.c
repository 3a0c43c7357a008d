#include "base/rng.h"

#include <sys/random.h>

#include "base/own.h"

static uint64_t rng_splitmix(uint64_t *state)
{
	uint64_t z = (*state += 0x9E3779B97F4A7C15u);

	z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
	z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
	return z ^ (z >> 31);
}

static uint64_t rng_rotl(uint64_t x, int k)
{
	return (x << k) | (x >> (64 - k));
}

void rng_seed(struct rng *r, uint64_t seed)
{
	for (size_t i = 0; i < COUNT_OF(r->s); i++)
		r->s[i] = rng_splitmix(&seed);
}

void rng_seed_os(struct rng *r)
{
	uint64_t seed = 0;

	/* Eight bytes are never cut short. Before the pool is ready any seed will do: it is jitter.
	 */
	if (getrandom(&seed, sizeof(seed), GRND_NONBLOCK) != (ssize_t)sizeof(seed))
		seed = (uint64_t)(uintptr_t)r;
	rng_seed(r, seed);
}

uint64_t rng_u64(struct rng *r)
{
	uint64_t *s = r->s;
	uint64_t result = rng_rotl(s[1] * 5, 7) * 9;
	uint64_t t = s[1] << 17;

	s[2] ^= s[0];
	s[3] ^= s[1];
	s[1] ^= s[2];
	s[0] ^= s[3];
	s[2] ^= t;
	s[3] = rng_rotl(s[3], 45);
	return result;
}

uint64_t rng_below(struct rng *r, uint64_t n)
{
	uint64_t odd, x;

	if (n < 2)
		return 0;
	odd = -n % n; /* so many of the lowest values would favour small answers */
	do {
		x = rng_u64(r);
	} while (x < odd);
	return x % n;
}

double rng_unit(struct rng *r)
{
	return (double)(rng_u64(r) >> 11) * 0x1.0p-53;
}
