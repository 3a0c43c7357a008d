/* A policy at the plant: the same learn, decide, presume and settle as the controller's. */
#ifndef SIMULATE_SCALER_H
#define SIMULATE_SCALER_H

#include "base/buf.h"
#include "model/facts.h"
#include "model/memory.h"
#include "model/plan.h"
#include "model/policy.h"
#include "model/season.h"
#include "simulate/plant.h"

struct scaler {
	const struct policy *policy;
	size_t queue; /* the metric that the load feeds */
	struct memory memory;
	struct season season; /* of the memory, where a rule is predictive */
	struct plan plan;     /* the newest */
};

/* @p queue: a metric's name, or NULL for the first queue. What of the policy the load cannot give,
 * and what it is taken to be, is added to @p notes, a line each. An error when nothing is left to
 * decide on. It points into itself, so it stays where it is. */
MUST int scaler_init(struct scaler *s, const struct policy *p, const char *queue, struct buf *notes,
		     struct err *e);
/* What the plant asks; borrows @p s. */
struct plant_scaler scaler_plant(struct scaler *s);

#endif
