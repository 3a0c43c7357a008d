/* What the parts of observe/ share; private to it. */
#ifndef OBSERVE_OBSERVE_OWN_H
#define OBSERVE_OBSERVE_OWN_H

#include "observe/meter.h"
#include "observe/observe.h"

/* A read of @p w failed: its first failure is the turn's. */
void observe_failed(struct observe_want *w, const struct err *e, const char *what,
		    const char *name);
/* A read of @p w has ended; the last one ends the want, which must not be touched afterwards. */
void observe_less(struct observe *o, struct observe_want *w);

/* Has a metric of CloudWatch's asked for when it is worth a call, and its fact filled. */
void observe_meter_fact(struct observe *o, struct observe_meters *meters, struct observe_want *w,
			size_t metric, struct instant now);

#endif
