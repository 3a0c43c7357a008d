/* Schedules of a policy. Private to policy/. */
#ifndef POLICY_SCHEDULE_H
#define POLICY_SCHEDULE_H

#include "policy/check.h"

MUST int policy_cron_parse(const char *text, struct calendar_cron *ret, struct err *e);
void policy_schedule_check(const struct check *c, size_t i, struct policy *ret);
void policy_schedule_raw(const struct policy_schedule *s, struct raw_schedule *raw);

#endif
