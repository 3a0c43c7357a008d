/* windlass plan --cost: what policies cost in calls of AWS. */
#ifndef CLI_PLAN_COST_H
#define CLI_PLAN_COST_H

#include "base/buf.h"
#include "control/control.h"

void cli_plan_cost_text(const struct control *c, struct buf *out);
void cli_plan_cost_json(const struct control *c, struct buf *out);

#endif
