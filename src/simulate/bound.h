/* What a scheduler that knows everything could not beat: a lower bound on the billed time.
 *
 * It knows every arrival, every service time and the mean boot time, starts with the same free
 * instances, and starts every job within the wait. Any such schedule, with c(t) instances in
 * service and S(t) the work that is done by t, satisfies
 *
 *   S(t) <= A(t)           the work done by t if every job starts when it is sent
 *   S(t) >= D(t) = A(t - wait)  if every job starts as late as it may, and runs without a break
 *   S grows by at most slots * c(t), and the bill is the integral of c plus a boot time a launch.
 *
 * All else is left out (which job runs where, that a job does not split), so the least bill of what
 * is left is below that of every such schedule. It is found by dynamic programming over whole c and
 * S in whole steps. For the grid to stay below, S is rounded up to the step, a launch is priced two
 * steps below a boot, and a step is taken off for each instance that was there at the start: a
 * schedule, moved onto the grid by taking the largest c of each step, gains that much at most.
 * After the load's end only work is billed, as in the plant.
 *
 * Where some jobs may be late, as of a promise to 95 %, a schedule may lie below by what those are
 * worth. Random boot times: the bound is for their mean.
 */
#ifndef SIMULATE_BOUND_H
#define SIMULATE_BOUND_H

#include <stdbool.h>
#include <stdint.h>

#include "base/instant.h"
#include "simulate/plant.h"

struct bound {
	double seconds;  /* of instances: the bound */
	double work_s;   /* the jobs' own, over the slots */
	int64_t step_us; /* of the grid; 0: none was fine and small enough, the bound is the work */
};

/* For the jobs that a run of @p c meets. @p step_us: the grid; 0: the finest that is little work.
 */
void bound_find(const struct plant_case *c, struct span wait, int64_t step_us, struct bound *ret);

#endif
