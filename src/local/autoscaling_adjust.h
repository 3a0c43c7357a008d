/* How far a scaling policy goes. Pure; the rules of EC2 Auto Scaling's user guide. */
#ifndef LOCAL_AUTOSCALING_ADJUST_H
#define LOCAL_AUTOSCALING_ADJUST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum local_autoscaling_policy_type { POLICY_SIMPLE, POLICY_STEP, POLICY_TRACKING };
enum local_autoscaling_way { ADJUST_CHANGE, ADJUST_EXACT, ADJUST_PERCENT };

struct local_autoscaling_step {
	double low, high; /* from the threshold of the alarm; infinite where open */
	int64_t by;
};

struct local_autoscaling_adjustment {
	enum local_autoscaling_policy_type type;
	enum local_autoscaling_way way;
	int64_t by, magnitude; /* of a simple policy; the least change by percent, 0: none */
	const struct local_autoscaling_step *steps;
	size_t step_count;
	double target;
};

struct local_autoscaling_fleet {
	int64_t least, most, desired;
	int64_t in_service, warming; /* warming ones are in service */
	int64_t supply;              /* and pending ones */
};

/* The capacity that a policy wants at @p value, within the group's bounds; the desired one when it
 * wants none. @p threshold: of the alarm. @p *ret_waits: it would shrink the group, and waits for
 * what is being launched or warms up. */
int64_t local_autoscaling_adjust(const struct local_autoscaling_adjustment *a,
				 const struct local_autoscaling_fleet *f, double value,
				 double threshold, bool *ret_waits);

#endif
