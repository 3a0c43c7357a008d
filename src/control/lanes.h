/* Lanes by region, made when first asked for: one account for now; roles join the key later. */
#ifndef CONTROL_LANES_H
#define CONTROL_LANES_H

#include "aws/lane.h"

struct lanes;
struct lanes *control_lanes_new(struct loop *l);
void control_lanes_free(struct lanes *l);
DEFINE_FREEP(struct lanes, control_lanes);
/* @p region NULL: the environment's or the profile's. Borrowed. */
MUST struct lane *control_lanes_get(struct lanes *l, const char *region, struct err *e);

#endif
