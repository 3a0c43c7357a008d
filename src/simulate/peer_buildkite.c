/* buildkite-agent-scaler (scaler/scaling_calculator.go, scaler/scaler.go): every 10 s; jobs over
 * agents an instance; one more while less than half of the agents expected are there; in at most
 * once an hour, out at once. One agent is one slot. */
#include "simulate/peer.h"

#define IN_COOLDOWN_US (3600 * (int64_t)LOAD_US)

int64_t peer_buildkite_desired(int64_t scheduled, int64_t running, int64_t agents,
			       int64_t per_instance, int64_t desired, int64_t in_service,
			       int64_t min, int64_t max)
{
	int64_t work = scheduled + running, d = (work + per_instance - 1) / per_instance;
	int64_t expected = per_instance * (in_service ? in_service : desired);
	bool missing = expected > 0 && 2 * agents < expected;

	if (work > 0 && missing && in_service == desired && d < desired + 1)
		d = desired + 1;
	d = d < max ? d : max;
	return d > min ? d : min;
}

int64_t peer_buildkite(struct peer *p, const struct plant_view *v)
{
	int64_t agents = v->in_service * p->slots,
		have = v->in_service ? v->in_service : v->desired;
	int64_t d = peer_buildkite_desired(v->visible, v->in_flight, agents, p->slots, v->desired,
					   v->in_service, v->min, v->max);
	bool in;

	if (d == v->desired || (d > have && d < v->desired && v->now_us < p->in_until_us))
		return -1;
	in = d < v->desired;
	if (in && v->now_us < p->in_until_us)
		return -1;
	if (in)
		p->in_until_us = v->now_us + IN_COOLDOWN_US;
	return d;
}
