/* Step scaling as EC2 has it: a step that the metric has reached changes the capacity.
 *
 * The outermost bound of each side is the alarm's threshold: above means more, below means less
 * (with `inclusive` the bound itself too). Between steps the bound belongs to the further step:
 * lower <= d < upper above, lower < d <= upper below. Sizes count from the instances that are not
 * warming up, and the result is compared with the desired capacity, so that a step does not add
 * twice while what it added is starting (EC2 Auto Scaling guide, "Step and simple scaling
 * policies"). */
#include "decide/climb.h"

#define PERCENT 100

/* The step that holds, NULL between them. Steps above rise, steps below fall. */
static const struct policy_step *find(const struct policy_step_scaling *s, int64_t value)
{
	const struct policy_step *found = NULL;
	bool outer[2] = { true, true };

	for (size_t i = 0; i < s->step_count; i++) {
		const struct policy_step *one = &s->steps[i];
		int64_t past = one->above ? value : one->bound_milli;
		int64_t bound = one->above ? one->bound_milli : value;
		bool strict = outer[one->above] && !s->inclusive;

		outer[one->above] = false;
		if (strict ? past > bound : past >= bound)
			found = one;
	}
	return found;
}

/* A share of the capacity: past one it is cut, below one it is one. */
static int64_t percent_of(int64_t base, int64_t percent, int64_t least)
{
	int64_t x = base * percent, n = x / PERCENT;

	if (n == 0 && x != 0)
		n = x > 0 ? 1 : -1;
	if (percent > 0 && n < least)
		n = least;
	if (percent < 0 && n > -least)
		n = -least;
	return n;
}

/* *ret_coming: what the step adds was launched before and warms up. */
static int32_t size_after(const struct climb *c, const struct policy_step_scaling *s,
			  const struct policy_step *step, bool *ret_coming)
{
	const struct capacity *g = &c->f->group;
	int64_t ready = capped(g->ready);
	int64_t change = step->amount, n;
	bool out;

	if (step->act == POLICY_STEP_EXACT)
		return capped(step->amount);
	out = step->amount >= 0;
	if (!out)
		ready = c->desired;
	if (step->act == POLICY_STEP_PERCENT)
		change = percent_of(ready, step->amount, s->min_adjustment);
	n = ready + change;
	*ret_coming = out && change > 0 && n <= c->desired;
	if (out ? n < c->desired : n > c->desired)
		n = c->desired;
	return capped(n);
}

struct proposal decide_step_propose(const struct climb *c, const struct policy_rule *r)
{
	int64_t value = c->milli[r->metric], metric = (int64_t)r->metric;
	const struct policy_step *step = find(&r->step_scaling, value);

	bool coming = false;
	int32_t wish;

	if (!step)
		return (struct proposal){ .wish = c->desired,
					  .stair = { .code = REASON_NO_STEP,
						     .arg = { metric, value } } };
	wish = size_after(c, &r->step_scaling, step, &coming);
	return (struct proposal){ .wish = wish,
				  .stair = { .code = coming ? REASON_STEP_COMING : REASON_STEP,
					     .arg = { metric, value, step->bound_milli } } };
}
