/* What decide() says: a number, and the staircase that led to it. Plain values. */
#ifndef MODEL_PLAN_H
#define MODEL_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/instant.h"

#define PLAN_STAIRS_MAX 48 /* two for each metric and rule of a full policy, and the rest */

enum reason {
#define REASON(code, word, step, text) REASON_##code,
#include "model/reasons.def"
#undef REASON
	REASON_COUNT
};

struct stair {
	uint16_t code; /* enum reason */
	int16_t rule;  /* index of the policy's rule, or -1 */
	int32_t from, to;
	int64_t arg[3]; /* typed by the text of reasons.def */
};

#define PLAN_STEPS 10 /* numbers of the stairs: 1 trust … 9 mode */

/* The counterfactual: the size that the same stairs would have come to without one of them. Of
 * those that limit: 3 activate … 8 bounds. */
struct plan_without {
	bool known;
	int32_t desired[PLAN_STEPS];
};

enum plan_act {
	PLAN_HOLD, /* write nothing */
	PLAN_SET   /* set desired capacity to `desired` */
};

struct plan {
	enum plan_act act;
	bool may_write;    /* false for paused, shadow and dry run: act/ refuses too */
	bool known;        /* false: the group could not be read, the numbers below mean nothing */
	int32_t current;   /* the group's desired capacity as seen */
	int32_t desired;   /* what is wanted; equals current for a hold without a wish */
	int32_t low, high; /* the bounds in force: every write lies within */
	uint16_t why;      /* enum reason of the stair that decided */
	struct stair stairs[PLAN_STAIRS_MAX];
	uint8_t stair_count;
};

#endif
