#include "act/permit.h"

struct permit permit_grant(struct tick until)
{
	return (struct permit){ .granted = true, .until = until };
}

bool permit_covers(const struct permit *p, struct tick now, struct span deadline)
{
	return p && p->granted && tick_add(now, deadline).ms < p->until.ms;
}
