/* Lists that never change, and those that are always empty here: there are no load balancers, and
 * nobody to be notified. */
#include <string.h>

#include "local/autoscaling.h"

static void put_all(struct local_call *c, const char *name, const char *const *all, size_t n)
{
	local_list(c, name, NULL);
	for (size_t i = 0; i < n; i++)
		local_put(c, NULL, all[i]);
	local_end(c);
	local_done(c);
}

void local_autoscaling_type_hooks(struct local_call *c)
{
	static const char *const all[] = { "autoscaling:EC2_INSTANCE_LAUNCHING",
					   "autoscaling:EC2_INSTANCE_TERMINATING" };

	put_all(c, "LifecycleHookTypes", all, COUNT_OF(all));
}

void local_autoscaling_type_orders(struct local_call *c)
{
	static const char *const all[] = { "AllocationStrategy",
					   "ClosestToNextInstanceHour",
					   "Default",
					   "NewestInstance",
					   "OldestInstance",
					   "OldestLaunchConfiguration",
					   "OldestLaunchTemplate" };

	put_all(c, "TerminationPolicyTypes", all, COUNT_OF(all));
}

void local_autoscaling_type_notices(struct local_call *c)
{
	static const char *const all[] = { "autoscaling:EC2_INSTANCE_LAUNCH",
					   "autoscaling:EC2_INSTANCE_LAUNCH_ERROR",
					   "autoscaling:EC2_INSTANCE_TERMINATE",
					   "autoscaling:EC2_INSTANCE_TERMINATE_ERROR",
					   "autoscaling:TEST_NOTIFICATION" };

	put_all(c, "AutoScalingNotificationTypes", all, COUNT_OF(all));
}

void local_autoscaling_type_none(struct local_call *c)
{
	static const struct {
		const char *action, *list;
	} lists[] = {
		{ "DescribeLoadBalancerTargetGroups", "LoadBalancerTargetGroups" },
		{ "DescribeLoadBalancers", "LoadBalancers" },
		{ "DescribeNotificationConfigurations", "NotificationConfigurations" },
		{ "DescribeTrafficSources", "TrafficSources" },
	};
	AUTO(local_fleet_rows_group_done) struct local_fleet_group g = { 0 };

	/* Notifications are listed of all groups, the others of one. */
	if (strcmp(c->action->name, "DescribeNotificationConfigurations") != 0 &&
	    local_autoscaling_group(c, &g) < 0)
		return;
	for (size_t i = 0; i < COUNT_OF(lists); i++) {
		if (strcmp(lists[i].action, c->action->name) != 0)
			continue;
		put_all(c, lists[i].list, NULL, 0);
		return;
	}
}
