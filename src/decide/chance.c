/* Draws and quantiles. All of them by inversion of one uniform number, so that imagined fleets that
 * share the number share their luck (common random numbers) and equal inputs give equal draws. */
#include <math.h>

#include "decide/wait.h"

#define EXACT 20 /* up to here term by term, above by the normal distribution */

/* SplitMix64, Steele, Lea, Flood: Fast splittable pseudorandom number generators, 2014. */
double decide_chance_uniform(uint64_t key)
{
	uint64_t z = key * 0x9e3779b97f4a7c15u + 0x632be59bd9b4e019u;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	z ^= z >> 31;
	return ((double)(z >> 12) + 0.5) / 4503599627370496.0;
}

/* Abramowitz, Stegun, Handbook of Mathematical Functions, 26.2.23: off by less than 0.00045. */
double decide_chance_normal(double u)
{
	double p = u < 0.5 ? u : 1 - u, t, x;

	if (p < 1e-12)
		p = 1e-12;
	t = sqrt(-2 * log(p));
	x = t - (2.515517 + 0.802853 * t + 0.010328 * t * t) /
			(1 + 1.432788 * t + 0.189269 * t * t + 0.001308 * t * t * t);
	return u < 0.5 ? -x : x;
}

static int64_t near_normal(double mean, double variance, double u, double most)
{
	double x = floor(mean + sqrt(variance) * decide_chance_normal(u) + 0.5);

	return (int64_t)(x < 0 ? 0 : x > most ? most : x);
}

int64_t decide_chance_binomial(int64_t n, double p, double u)
{
	double term, sum;
	int64_t k = 0;

	if (n <= 0 || p <= 0)
		return 0;
	if (p >= 1)
		return n;
	if (n > EXACT)
		return near_normal((double)n * p, (double)n * p * (1 - p), u, (double)n);
	term = sum = pow(1 - p, (double)n);
	while (u > sum && k < n) {
		term *= (double)(n - k) / (double)(k + 1) * p / (1 - p);
		sum += term;
		k++;
	}
	return k;
}

int64_t decide_chance_poisson(double mean, double u)
{
	double term, sum;
	int64_t k = 0;

	if (!(mean > 0))
		return 0;
	if (mean > EXACT)
		return near_normal(mean, mean, u, 1e9);
	term = sum = exp(-mean);
	while (u > sum && k < 200) {
		k++;
		term *= mean / (double)k;
		sum += term;
	}
	return k;
}
