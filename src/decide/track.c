/* Rules that keep a metric at a target: so much for each instance (the HPA's AverageValue), or the
 * metric itself in proportion (the HPA's Value, EC2's target tracking, Nomad's target-value). */
#include "decide/climb.h"

#define MILLI 1000

static uint64_t share(int64_t milli)
{
	return milli < 0 ? 0 : milli > MILLI ? MILLI : (uint64_t)milli;
}

static int64_t tolerance(const struct climb *c, const struct policy_direction *d)
{
	return d->tolerance_given ? d->tolerance_milli : c->p->behavior.tolerance_milli;
}

/* Whether have / (one * n) is within one - in and one + out, both ends included, as the Kubernetes
 * HPA has it. In whole numbers: a division would round differently with each compiler. */
static bool within(const struct climb *c, int64_t have_milli, int64_t one_milli, int32_t n)
{
	unsigned __int128 have = (unsigned __int128)(uint64_t)have_milli * MILLI;
	unsigned __int128 one = (unsigned __int128)(uint64_t)one_milli * (uint32_t)n;

	return have >= one * (MILLI - share(tolerance(c, &c->p->behavior.scale_in))) &&
	       have <= one * (MILLI + share(tolerance(c, &c->p->behavior.scale_out)));
}

/* ceil(n * have / one), capped. By halving: a division of 128 bits is a call into the compiler's
 * library. */
static int32_t instances_for(int64_t have_milli, int64_t one_milli, int32_t n)
{
	unsigned __int128 all = (unsigned __int128)(uint64_t)have_milli * (uint32_t)n;
	int32_t least = 0, most = POLICY_CAPACITY_MAX;

	if (n == 1)
		return capped(have_milli / one_milli + (have_milli % one_milli != 0));
	while (least < most) {
		int32_t half = least + (most - least) / 2;

		if ((unsigned __int128)(uint64_t)one_milli * (uint32_t)half >= all)
			most = half;
		else
			least = half + 1;
	}
	return least;
}

static struct stair say_each(const struct climb *c, const struct policy_rule *r, bool keep,
			     int64_t per)
{
	bool queue = c->p->metrics[r->metric].source == POLICY_SQS;
	int64_t off = tolerance(c, &c->p->behavior.scale_out);
	int64_t jobs = c->jobs[r->metric], milli = c->milli[r->metric];

	if (!queue && keep)
		return (struct stair){ .code = REASON_ON_TARGET,
				       .arg = { (int64_t)r->metric, milli, off } };
	if (!queue)
		return (struct stair){ .code = REASON_TARGET_EACH,
				       .arg = { (int64_t)r->metric, milli, per } };
	if (keep)
		return (struct stair){ .code = REASON_WITHIN_TOLERANCE, .arg = { jobs, off } };
	return (struct stair){ .code = REASON_TARGET, .arg = { jobs, per } };
}

/* The HPA's AverageValue: ceil(total / target), or the supply while the ratio is within the
 * tolerance. */
static struct proposal each(const struct climb *c, const struct policy_rule *r, int64_t have,
			    int64_t per)
{
	bool keep = c->supply > 0 && within(c, have, per, c->supply);

	return (struct proposal){ .wish = keep ? c->supply : instances_for(have, per, 1),
				  .stair = say_each(c, r, keep, per) };
}

/* ceil(capacity * metric / target). From zero the metric alone counts. */
static struct proposal proportion(const struct climb *c, const struct policy_rule *r, int64_t have,
				  int64_t target)
{
	int64_t metric = (int64_t)r->metric, off = tolerance(c, &c->p->behavior.scale_out);
	int32_t n = c->supply > 0 ? c->supply : 1;

	if (c->supply > 0 && within(c, have, target, 1))
		return (struct proposal){ .wish = c->supply,
					  .stair = { .code = REASON_ON_TARGET,
						     .arg = { metric, have, off } } };
	return (struct proposal){ .wish = instances_for(have, target, n),
				  .stair = { .code = REASON_TARGET_VALUE,
					     .arg = { metric, have, target } } };
}

struct proposal decide_track_propose(const struct climb *c, const struct policy_rule *r)
{
	const struct policy_target_tracking *t = &r->target_tracking;
	int64_t have = c->milli[r->metric] < 0 ? 0 : c->milli[r->metric];

	if (t->value_milli > 0)
		return proportion(c, r, have, t->value_milli);
	return each(c, r, have, t->per_instance_milli < 1 ? 1 : t->per_instance_milli);
}
