/* Lanes by region and role, made when first asked for. The base keys are fetched once for all of
 * them, and a role is taken once, however many regions it is used in. */
#ifndef CONTROL_LANES_H
#define CONTROL_LANES_H

#include "aws/lane.h"

struct lanes;
struct lanes *control_lanes_new(struct loop *l);
/* @p fn hears of changes at the endpoints of lanes made from now on. */
void control_lanes_watch(struct lanes *l, lane_change_fn *fn, void *arg);
void control_lanes_free(struct lanes *l);
DEFINE_FREEP(struct lanes, control_lanes);
/* @p region NULL: the environment's or the profile's. @p role_arn NULL: the base keys. Borrowed. */
MUST struct lane *control_lanes_get(struct lanes *l, const char *region, const char *role_arn,
				    const char *external_id, struct err *e);
/* Each endpoint that a lane has called; @p role NULL: with the base keys. */
typedef void control_lanes_state_fn(const struct lane_state *s, const char *role, void *arg);
void control_lanes_states(const struct lanes *l, control_lanes_state_fn *fn, void *arg);

#endif
