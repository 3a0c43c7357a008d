/* Whether what was made is what source and profile promise. */
#ifndef WORKER_VERIFY_H
#define WORKER_VERIFY_H

#include "worker/shape.h"

MUST int worker_verify_target(const struct target *t, const struct shape *s,
			      const struct profile *p, const struct probe *made, struct err *e);
/* @p pictures were made where "every" asks for some. */
MUST int worker_verify_pictures(const struct target *t, const struct shape *s, size_t pictures,
				struct err *e);

#endif
