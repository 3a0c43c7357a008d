#include "local/autoscaling_adjust.h"

#include <math.h>

#define CAPACITY_MOST 1000000

static int64_t bounded(const struct local_autoscaling_fleet *f, double capacity)
{
	if (!(capacity > (double)f->least))
		return f->least;
	return capacity >= (double)f->most ? f->most : (int64_t)capacity;
}

/* Toward zero, but at least one, or the least change that is asked for. */
static double percent_of(int64_t capacity, int64_t percent, int64_t magnitude)
{
	double x = (double)capacity * (double)percent / 100,
	       least = magnitude > 1 ? (double)magnitude : 1;

	if (x == 0)
		return 0;
	x = trunc(x);
	return percent > 0 ? fmax(x, least) : fmin(x, -least);
}

static double changed(const struct local_autoscaling_adjustment *a, int64_t base, int64_t by)
{
	switch (a->way) {
	case ADJUST_EXACT:
		return (double)by;
	case ADJUST_PERCENT:
		return (double)base + percent_of(base, by, a->magnitude);
	case ADJUST_CHANGE:
		break;
	}
	return (double)base + (double)by;
}

/* Above the threshold a step begins at its lower bound, below it it ends at its upper one. */
static const struct local_autoscaling_step *step_of(const struct local_autoscaling_adjustment *a,
						    double off)
{
	for (size_t i = 0; i < a->step_count; i++) {
		const struct local_autoscaling_step *s = &a->steps[i];

		if (off >= 0 ? off >= s->low && off < s->high : off > s->low && off <= s->high)
			return s;
	}
	return NULL;
}

static double track(const struct local_autoscaling_adjustment *a,
		    const struct local_autoscaling_fleet *f, double value, bool over)
{
	double ready = f->in_service > 0 ? (double)f->in_service : 1;
	double wish = ceil(ready * value / a->target - 1e-9);

	return over ? fmax(wish, (double)f->desired) : fmin(wish, (double)f->desired);
}

int64_t local_autoscaling_adjust(const struct local_autoscaling_adjustment *a,
				 const struct local_autoscaling_fleet *f, double value,
				 double threshold, bool *ret_waits)
{
	const struct local_autoscaling_step *s;
	int64_t ready = f->in_service - f->warming, wish = f->desired;

	*ret_waits = false;
	switch (a->type) {
	case POLICY_SIMPLE:
		return bounded(f, changed(a, f->desired, a->by));
	case POLICY_STEP:
		s = step_of(a, value - threshold);
		if (!s)
			return f->desired;
		wish = bounded(f, changed(a, f->desired, s->by));
		/* Of the capacity without what warms up, so that a step is not added twice. */
		if (wish > f->desired && a->way != ADJUST_EXACT) {
			wish = bounded(f, changed(a,
						  ready > 0    ? ready
						  : f->desired ? 1
							       : 0,
						  s->by));
			wish = wish > f->desired ? wish : f->desired;
		}
		break;
	case POLICY_TRACKING:
		wish = bounded(f, track(a, f, value, threshold >= a->target));
		break;
	}
	*ret_waits = wish < f->desired &&
		     (f->warming > 0 || f->supply > f->in_service || f->supply < f->desired);
	return *ret_waits ? f->desired : wish;
}
