/* When each policy is looked at next. Pure.
 *
 * Due times lie on a grid, phase + k * interval, so that no turn drifts. Policies whose groups one
 * call can describe share a phase, a cohort; the cohorts spread over the interval. */
#ifndef CONTROL_PACE_H
#define CONTROL_PACE_H

#include "base/instant.h"
#include "model/facts.h"
#include "model/policy.h"

/* Nothing waits, nothing runs, nobody boots: the slower interval will do. */
bool control_pace_idle(const struct policy *p, const struct facts *f);
/* The phase of cohort @p n of a controller, as a fraction of 2^64 of an interval: evenly spread for
 * any number of cohorts, from a start that @p name gives. */
uint64_t control_pace_phase(const char *name, size_t n);
/* The first grid point after @p now. Those of the slower interval are among those of the faster one
 * where that divides it. */
struct tick control_pace_next(const struct policy *p, uint64_t phase, bool idle, struct tick now);
/* The longest that one turn's reads, and then its write, may take. */
struct span control_pace_deadline(const struct policy *p);

#endif
