/* nomad-autoscaler's target-value strategy (plugins/builtin/strategy/target-value/plugin.go): every
 * 10 s unless in a cooldown of 5 minutes; factor = metric / target, threshold 1 %; count * factor,
 * rounded up. The metric is the backlog an instance; at zero, the backlog. */
#include <math.h>

#include "simulate/peer.h"

#define COOLDOWN_US (300 * (int64_t)LOAD_US)

int64_t peer_nomad_count(int64_t count, double metric, double target)
{
	double factor = metric / target;

	if (count == 0)
		return factor > 0 ? (int64_t)ceil(factor) : 0;
	if (factor >= 1 - 0.01 && factor <= 1.01)
		return count;
	return (int64_t)ceil((double)count * factor - 1e-9);
}

int64_t peer_nomad(struct peer *p, const struct plant_view *v)
{
	double backlog = (double)(v->visible + v->in_flight);
	int64_t wish;

	if (v->now_us < p->until_us)
		return -1;
	wish = peer_nomad_count(v->desired, v->desired ? backlog / (double)v->desired : backlog,
				p->target);
	wish = wish < v->min ? v->min : wish > v->max ? v->max : wish;
	if (wish == v->desired)
		return -1;
	p->until_us = v->now_us + COOLDOWN_US;
	return wish;
}
