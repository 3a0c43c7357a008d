/* Metrics of the controller's own, put into CloudWatch for the policies that ask for it.
 *
 * A turn's values are taken when it has ended, wait some seconds for those of other policies, and
 * go a thousand to a call. What fails is dropped and logged: no turn waits for it or is changed by
 * it.
 */
#ifndef CONTROL_PUBLISH_H
#define CONTROL_PUBLISH_H

#include "base/loop.h"

struct turn;
struct publish;
/* @p quiet is called whenever nothing is under way any more. */
struct publish *control_publish_new(struct loop *l, void (*quiet)(void *arg), void *arg);
void control_publish_free(struct publish *p); /* gives up what is under way */
/* Takes what @p t has come to, where its policy publishes and is due to. */
void control_publish_turn(struct publish *p, struct turn *t, struct tick now);
/* Sends what waits. True: nothing waits, nothing is under way. */
bool control_publish_end(struct publish *p);

#define PUBLISH_VALUES_MAX (POLICY_METRICS_MAX + POLICY_RULES_MAX + 2)
struct publish_value {
	const char *metric, *unit,
		*label;   /* literals; label: name of the dimension beside Policy */
	const char *what; /* its value, of the policy; NULL: Policy alone */
	double value;
};
/* What is known of a turn; returns how many. Pure. */
size_t control_publish_values(const struct turn *t, struct publish_value *ret);

#endif
