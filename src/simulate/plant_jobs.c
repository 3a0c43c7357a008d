#include <math.h>
#include <string.h>

#include "simulate/plant_own.h"

void plant_seed(struct rng *r, uint64_t base, uint64_t which)
{
	rng_seed(r, base * 0x9E3779B97F4A7C15u + which);
}

void plant_jobs_begin(struct plant_jobs *j, const struct plant_case *c)
{
	memset(j, 0, sizeof(*j));
	j->service = c->knobs->service;
	j->horizon = c->load->horizon_us;
	plant_seed(&j->rng, c->seed, 1);
	load_begin(&j->cursor, c->load, c->seed);
}

bool plant_jobs_next(struct plant_jobs *j, int64_t *ret_at_us, int64_t *ret_service_us)
{
	if (!load_next(&j->cursor, ret_at_us, ret_service_us) || *ret_at_us >= j->horizon)
		return false;
	if (*ret_service_us < 0)
		*ret_service_us = dist_draw(&j->service, &j->rng);
	return true;
}

/* Where it is not given, as many as the first five minutes keep busy. */
static int64_t initial(const struct plant_case *c)
{
	struct load_cursor cursor;
	int64_t at, service, most = 300 * (int64_t)LOAD_US;
	double work = 0;

	if (c->initial >= 0)
		return c->initial;
	most = most < c->load->horizon_us ? most : c->load->horizon_us;
	load_begin(&cursor, c->load, c->seed);
	while (load_next(&cursor, &at, &service) && at < most)
		work += service >= 0 ? (double)service : dist_mean_us(&c->knobs->service);
	return (int64_t)ceil(work / (double)most / (double)c->slots);
}

int64_t plant_initial(const struct plant_case *c)
{
	int64_t n = initial(c);

	return n < c->min ? c->min : n > c->max ? c->max : n;
}
