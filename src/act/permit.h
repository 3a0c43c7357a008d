/* The right to write until a moment of the boot-time clock. Made by control/lease.c and by nobody
 * else: tests/arch checks that act_act_permit_grant() is called from there only. A zeroed permit
 * permits nothing. */
#ifndef ACT_PERMIT_H
#define ACT_PERMIT_H

#include <stdbool.h>

#include "base/instant.h"

struct permit {
	bool granted;
	struct tick until;
};

struct permit act_permit_grant(struct tick until);
/* Whether a call that starts now and may take @p deadline ends within the permit. */
bool act_permit_covers(const struct permit *p, struct tick now, struct span deadline);

#endif
