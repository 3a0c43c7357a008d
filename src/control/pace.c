#include "control/pace.h"

#define PACE_LEAST_MS 1000
#define PACE_DEADLINE_MOST_MS 20000
#define PACE_DEADLINE_LEAST_MS 5000

/* FNV-1a, Fowler, Noll and Vo. */
static uint64_t phase_of(const char *name)
{
	uint64_t h = 1469598103934665603u;

	for (; *name; name++)
		h = (h ^ (unsigned char)*name) * 1099511628211u;
	return h;
}

bool control_pace_idle(const struct policy *p, const struct facts *f)
{
	const struct capacity *g = &f->group;

	int64_t over = g->heaviest > 1 ? g->heaviest - 1 : 0; /* a unit alone cannot be let go */

	if (g->why != FACT_READABLE || g->pending > 0 || g->draining > 0 ||
	    g->in_service < g->desired || g->in_service > g->desired + over)
		return false;
	if (g->desired > (p->fleet.min_given && p->fleet.min > g->min ? p->fleet.min : g->min))
		return false;
	for (size_t i = 0; i < f->metric_count; i++) {
		const struct fact *m = &f->metric[i];

		if (i < p->metric_count && policy_metric_is_derived(&p->metrics[i]))
			continue;
		if (m->why != FACT_READABLE ||
		    (m->is_queue && (m->visible > 0 || m->in_flight > 0 || m->delayed > 0)))
			return false;
	}
	return true;
}

struct tick control_pace_next(const struct policy *p, bool idle, struct tick now)
{
	int64_t every = idle ? p->evaluate.idle_every.ms : p->evaluate.every.ms;
	int64_t phase, past;

	if (every < PACE_LEAST_MS)
		every = PACE_LEAST_MS;
	phase = (int64_t)(phase_of(p->name) % (uint64_t)every);
	past = (now.ms - phase) % every;
	return (struct tick){ now.ms - (past < 0 ? past + every : past) + every };
}

struct span control_pace_deadline(const struct policy *p)
{
	int64_t ms = p->evaluate.every.ms;

	if (ms < PACE_DEADLINE_LEAST_MS)
		ms = PACE_DEADLINE_LEAST_MS;
	return span_ms(ms > PACE_DEADLINE_MOST_MS ? PACE_DEADLINE_MOST_MS : ms);
}
