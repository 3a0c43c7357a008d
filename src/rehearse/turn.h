/* One turn without a cloud. */
#ifndef REHEARSE_TURN_H
#define REHEARSE_TURN_H

#include "model/facts.h"
#include "model/memory.h"
#include "model/plan.h"
#include "model/policy.h"

/* Learns and decides: what simulation, replay and streams have in common with the controller. */
struct plan rehearse_turn_think(const struct policy *p, const struct facts *f, struct instant now,
				struct memory *m);
/* The same, presumes and settles as done: what is asked for happens at once. */
struct plan rehearse_turn(const struct policy *p, const struct facts *f, struct instant now,
			  struct memory *m);

#endif
