/* The pure middle: what a fleet's size should be, and why.
 *
 * No clock, no allocation, no input or output, no formatting. Equal arguments give equal results in
 * any process; simulate, replay and explain rest on that. A turn is learn, decide, presume, (the
 * write), settle.
 */
#ifndef DECIDE_DECIDE_H
#define DECIDE_DECIDE_H

#include "model/facts.h"
#include "model/memory.h"
#include "model/outcome.h"
#include "model/plan.h"
#include "model/policy.h"

/* Takes what was seen into the memory: windows, zeros, missing data, moves made by others. Times of
 * a clock that has jumped back are clamped to @p now. Once a turn, before decide(). */
void decide_learn(const struct policy *p, const struct facts *f, struct instant now,
		  struct memory *m);

/* The size @p p asks for, given what was seen. Cannot fail: facts that are missing or stale lead to
 * a plan that holds, but for the bounds in force. */
struct plan decide(const struct policy *p, const struct facts *f, const struct memory *m,
		   struct instant now);

/* As decide(), without the stairs whose bit (1u << step, see reasons.def) is set in @p mask: the
 * counterfactual. A plan with a mask never writes. */
struct plan decide_without(const struct policy *p, const struct facts *f, const struct memory *m,
			   struct instant now, unsigned mask);

/* What each limiting stair did: decide_without() for one after the other. */
struct plan_without decide_without_each(const struct policy *p, const struct facts *f,
					const struct memory *m, struct instant now);

/* The memory as if the write of @p plan succeeds: it is part of the recorded intent, so that a
 * crash after the write still starts the cooldown. Nothing changes for a plan that does not write.
 */
void decide_presume(const struct plan *plan, struct instant now, struct memory *m);

/* What came of it: confirms or takes back what was presumed. */
void decide_settle(const struct policy *p, const struct outcome *o, struct instant now,
		   struct memory *m);

/* Turns a plan that would scale in into a hold, because the journal cannot record it (C9).
 * Scale-out goes on. */
void decide_mode_unrecorded(struct plan *plan);

#endif
