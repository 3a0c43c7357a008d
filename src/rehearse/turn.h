/* One turn without a cloud: what is asked for happens at once. */
#ifndef REHEARSE_TURN_H
#define REHEARSE_TURN_H

#include "model/facts.h"
#include "model/memory.h"
#include "model/plan.h"
#include "model/policy.h"

/* Learns, decides, presumes and settles as done. */
struct plan rehearse_turn(const struct policy *p, const struct facts *f, struct instant now,
			  struct memory *m);

#endif
