/* When each policy is looked at next. Pure.
 *
 * Due times lie on the policy's own grid: phase + k * interval, the phase taken from its name, so
 * that policies spread over the interval and no turn drifts. */
#ifndef CONTROL_PACE_H
#define CONTROL_PACE_H

#include "base/instant.h"
#include "model/facts.h"
#include "model/policy.h"

/* Nothing waits, nothing runs, nobody boots: the slower interval will do. */
bool control_pace_idle(const struct policy *p, const struct facts *f);
/* The first grid point after @p now. */
struct tick control_pace_next(const struct policy *p, bool idle, struct tick now);
/* The longest that one turn's reads, and then its write, may take. */
struct span control_pace_deadline(const struct policy *p);

#endif
