#include "control/pace.h"

#define PACE_LEAST_MS 1000
#define PACE_DEADLINE_MOST_MS 20000
#define PACE_DEADLINE_LEAST_MS 5000

/* FNV-1a, Fowler, Noll and Vo. */
static uint64_t hash_of(const char *name)
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

/* Multiples of the golden ratio fall evenly, however many there are (Knuth, TAOCP 6.4). */
uint64_t control_pace_phase(const char *name, size_t n)
{
	return hash_of(name) + n * 0x9E3779B97F4A7C15u;
}

static int64_t at_least(struct span s)
{
	return s.ms > PACE_LEAST_MS ? s.ms : PACE_LEAST_MS;
}

static int64_t part_of(uint64_t phase, int64_t interval)
{
	return (int64_t)((phase >> 32) * (uint64_t)interval >> 32);
}

struct tick control_pace_next(const struct policy *p, uint64_t phase, bool idle, struct tick now)
{
	int64_t every = at_least(p->evaluate.every), slow = at_least(p->evaluate.idle_every);
	int64_t start = part_of(phase, every), past;

	if (idle && slow % every == 0)
		start += every * (int64_t)(phase % (uint64_t)(slow / every));
	else if (idle)
		start = part_of(phase, slow);
	if (idle)
		every = slow;
	past = (now.ms - start) % every;
	return (struct tick){ now.ms - (past < 0 ? past + every : past) + every };
}

struct span control_pace_deadline(const struct policy *p)
{
	int64_t ms = p->evaluate.every.ms;

	if (ms < PACE_DEADLINE_LEAST_MS)
		ms = PACE_DEADLINE_LEAST_MS;
	return span_ms(ms > PACE_DEADLINE_MOST_MS ? PACE_DEADLINE_MOST_MS : ms);
}
