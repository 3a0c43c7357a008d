/* What came of a plan: made by act/ only. */
#ifndef MODEL_OUTCOME_H
#define MODEL_OUTCOME_H

#include <stdint.h>

#include "base/err.h"
#include "base/instant.h"

enum outcome_kind {
	OUTCOME_HELD,      /* the plan wanted no write */
	OUTCOME_FORBIDDEN, /* no permit, or a mode that may not write */
	OUTCOME_DONE,      /* the service confirmed */
	OUTCOME_CONFLICT,  /* ScalingActivityInProgress, ResourceContention: next turn */
	OUTCOME_REFUSED,   /* the service said no; err says why */
	OUTCOME_UNKNOWN    /* timed out or 5xx: may have happened; the next turn reads the world */
};

struct outcome {
	enum outcome_kind kind;
	int32_t from, to;
	struct instant at;
	struct err err; /* for kinds past CONFLICT */
};

#endif
