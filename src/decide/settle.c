#include "decide/climb.h"

void decide_settle(const struct policy *p, const struct outcome *o, struct instant now,
		   struct memory *m)
{
	(void)p;
	(void)now;
	switch (o->kind) {
	case OUTCOME_DONE:
		if (m->presumed) {
			m->presumed = false;
			m->seen_desired = m->last_desired;
			m->seen_desired_known = true;
		}
		break;
	case OUTCOME_FORBIDDEN:
	case OUTCOME_CONFLICT:
	case OUTCOME_REFUSED:
		decide_presume_undo(m);
		break;
	case OUTCOME_HELD:
	case OUTCOME_UNKNOWN: /* the next look at the group tells */
		break;
	}
}
