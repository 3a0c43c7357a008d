/* Who may write: one process a journal, by a lock on the file beside it.
 *
 * The lock belongs to the open file, so it ends with the process however that ends. It never
 * expires while the process lives: a permit made of it is good for the deadline of one round's
 * calls.
 */
#ifndef CONTROL_LEASE_H
#define CONTROL_LEASE_H

#include <sys/types.h>

#include "act/permit.h"
#include "base/err.h"

struct lease;
/* ERR_CONFLICT names the process that holds it. The file is "<journal>.lock". */
MUST struct lease *control_lease_take(const char *journal, struct err *e);
void control_lease_free(struct lease *l);
DEFINE_FREEP(struct lease, control_lease);
/* A permit that permits nothing where there is no lease, or its file was removed or replaced:
 * somebody else may hold the new one by now. */
struct permit control_lease_permit(const struct lease *l, struct tick now);
/* The process that holds the lease of @p journal, or 0. */
pid_t control_lease_holder(const char *journal);

#endif
