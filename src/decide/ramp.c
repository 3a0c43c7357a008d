/* Stair 5: the HPA's scaling policies. Each limit gives the furthest size from what the fleet was
 * when its period began; `select` takes the furthest or the nearest of them. */
#include "decide/climb.h"

/* What we added and removed within the period. */
static void moved(const struct climb *c, struct span per, int64_t *ret_added, int64_t *ret_removed)
{
	*ret_added = decide_window_moves_sum(&c->m->out_moves, per, c->now);
	*ret_removed = decide_window_moves_sum(&c->m->in_moves, per, c->now);
}

/* Growing starts from the supply where instances that were let go have not left yet: growing by one
 * while they leave would else launch nothing. Where they have, it is the HPA's start. */
static int64_t out_limit(const struct climb *c, const struct policy_limit *l)
{
	int64_t added, removed, start, amount = l->amount < 0 ? 0 : capped(l->amount);

	moved(c, l->per, &added, &removed);
	start = c->desired + removed;
	if (start < c->supply)
		start = c->supply;
	start = start > added ? start - added : 0;
	if (!l->is_percent)
		return start + amount;
	return start + (start * amount + 99) / 100;
}

static int64_t in_limit(const struct climb *c, const struct policy_limit *l)
{
	int64_t added, removed, start, amount = l->amount < 0 ? 0 : capped(l->amount);

	moved(c, l->per, &added, &removed);
	start = c->desired - added + removed;
	if (start < 0)
		start = 0;
	if (!l->is_percent)
		return start - amount;
	return amount >= 100 ? 0 : start * (100 - amount) / 100;
}

/* The limit that select takes; its index in *ret_by. */
static int64_t pick(const struct climb *c, const struct policy_direction *d, bool out,
		    size_t *ret_by)
{
	int64_t picked = 0;

	for (size_t i = 0; i < d->limit_count; i++) {
		int64_t one = out ? out_limit(c, &d->limits[i]) : in_limit(c, &d->limits[i]);
		bool further = out ? one > picked : one < picked;

		if (i == 0 ||
		    (d->select == POLICY_SELECT_MAX ? further : one != picked && !further)) {
			picked = one;
			*ret_by = i;
		}
	}
	return picked;
}

static void ramp_out(struct climb *c, const struct policy_direction *d)
{
	size_t by = 0;
	int64_t most = pick(c, d, true, &by), added, removed;

	if (most < c->desired)
		most = c->desired;
	if (most == 0)
		most = 1; /* a share of nothing is nothing: the first instance is free */
	if (c->n <= most)
		return;
	moved(c, d->limits[by].per, &added, &removed);
	decide_climb_to(
		c, (struct stair){ .code = REASON_RAMP_OUT,
				   .rule = -1,
				   .to = (int32_t)most,
				   .arg = { most - c->desired, d->limits[by].per.ms, added } });
}

static void ramp_in(struct climb *c, const struct policy_direction *d)
{
	size_t by = 0;
	int64_t least = pick(c, d, false, &by), added, removed;

	if (least > c->desired)
		least = c->desired;
	if (c->n >= least)
		return;
	moved(c, d->limits[by].per, &added, &removed);
	decide_climb_to(
		c, (struct stair){ .code = REASON_RAMP_IN,
				   .rule = -1,
				   .to = (int32_t)least,
				   .arg = { c->desired - least, d->limits[by].per.ms, removed } });
}

void decide_ramp(struct climb *c)
{
	const struct policy_direction *d =
		c->n > c->desired ? &c->p->behavior.scale_out : &c->p->behavior.scale_in;

	if (c->n == c->desired)
		return;
	if (d->select == POLICY_SELECT_DISABLED)
		decide_climb_to(c, (struct stair){ .code = REASON_RAMP_DISABLED,
						   .rule = -1,
						   .to = c->desired });
	else if (d->limit_count > 0 && c->n > c->desired)
		ramp_out(c, d);
	else if (d->limit_count > 0)
		ramp_in(c, d);
}
