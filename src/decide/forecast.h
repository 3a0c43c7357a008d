/* The rule predictive. Private to decide/. */
#ifndef DECIDE_FORECAST_H
#define DECIDE_FORECAST_H

#include "decide/climb.h"

/* Fills buckets, grades the forecast of each that is full, makes the next ones. */
void decide_forecast_learn(const struct climb *c, struct memory *m);
struct proposal decide_forecast_propose(const struct climb *c, const struct policy_rule *r);

#endif
