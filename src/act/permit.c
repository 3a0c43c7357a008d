#include "act/permit.h"

struct permit act_permit_grant(struct tick until)
{
	return (struct permit){ .granted = true, .until = until };
}

bool act_permit_covers(const struct permit *p, struct tick now, struct span deadline)
{
	return p && p->granted && tick_add(now, deadline).ms < p->until.ms;
}
