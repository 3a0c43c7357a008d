/* Metrics of CloudWatch: all that one lane wants in calls of 500, equal ones once.
 *
 * A call that the service refuses as invalid is cut in two until the one bad metric stands alone,
 * so that it costs its own policy only.
 */
#ifndef OBSERVE_METER_H
#define OBSERVE_METER_H

#include "aws/cloudwatch_newest.h"
#include "aws/lane.h"
#include "model/facts.h"
#include "model/policy.h"

/* @p seen NULL: @p e says why; a metric without a value in the last periods is ERR_NOT_FOUND.
 * @p spent: this one's share of the calls that it took. */
typedef void observe_meter_fn(const struct cloudwatch_newest *seen, const struct err *e,
			      const struct facts_spent *spent, void *arg);

struct observe_meters;
struct observe_meters *observe_meters_new(void);
void observe_meters_free(struct observe_meters *m); /* gives up what is under way */
/* Remembers one that is wanted; @p c is borrowed until fn, which comes from the loop. */
void observe_meters_want(struct observe_meters *m, struct lane *l,
			 const struct policy_cloudwatch *c, observe_meter_fn *fn, void *arg);
/* Asks for all that was wanted since the last. */
void observe_meters_ask(struct observe_meters *m, struct instant now, struct span deadline);
/* Whether two metrics of one lane are one question. */
bool observe_meters_same(const struct policy_cloudwatch *a, const struct policy_cloudwatch *b);
/* How many of a call's five hundred it takes, and how many metrics are paid for. */
size_t observe_meters_weight(const struct policy_cloudwatch *c);
size_t observe_meters_metrics(const struct policy_cloudwatch *c);
/* How often such a metric is worth a call: once a period, once a minute at most. */
struct span observe_meters_every(const struct policy_cloudwatch *c);

#endif
