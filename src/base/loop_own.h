/* What the files of the loop share, and nobody else: values that go when the loop goes. */
#ifndef BASE_LOOP_OWN_H
#define BASE_LOOP_OWN_H

#include "base/loop.h"

/* What fails only for want of memory or descriptors, or by a mistake of ours, ends the process.
 * @p rc is 0 or a negated errno. */
void loop_must(int rc, const char *what);

struct loop_owned {
	struct loop_owned *prev, *next;
	void (*drop)(struct loop_owned *o); /* frees it, calls nobody back */
};

void loop_own(struct loop *l, struct loop_owned *o, void (*drop)(struct loop_owned *o));
void loop_disown(struct loop_owned *o);

struct loop_resolver;
struct loop_resolver **loop_resolver_of(struct loop *l); /* made at the first lookup */

#endif
