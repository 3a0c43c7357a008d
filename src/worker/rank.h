/* Which of the protected instances of a group is to yield: all of them compute the same, so no one
 * is told. */
#ifndef WORKER_RANK_H
#define WORKER_RANK_H

#include <stdbool.h>
#include <stdint.h>

#include "aws/autoscaling.h"

struct rank {
	/* All in units of capacity: instances, where none weighs more than one. */
	int64_t in_service, desired;
	int64_t surplus; /* protected ones that must yield: the group removes unprotected ones by
			    itself */
	int64_t place;   /* how much of the protected goes before us; -1: we are not among them */
	bool yields;
};

struct rank worker_rank(const struct asg_group *g, const char *id);

#endif
