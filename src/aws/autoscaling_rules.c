/* What else moves a group: scaling policies and scheduled actions of its own, and the refresh of
 * its instances. */
#include "aws/autoscaling.h"

#include <stdio.h>
#include <string.h>

#include "aws/query.h"

void aws_autoscaling_policies_ask(struct request *r, const char *group, const char *next_token)
{
	aws_query_ask(r, SERVICE_AUTOSCALING, "DescribePolicies");
	aws_query_add(r, "AutoScalingGroupName", group);
	aws_query_add(r, "NextToken", next_token);
}

void aws_autoscaling_scheduled_ask(struct request *r, const char *group, const char *next_token)
{
	aws_query_ask(r, SERVICE_AUTOSCALING, "DescribeScheduledActions");
	aws_query_add(r, "AutoScalingGroupName", group);
	aws_query_add(r, "NextToken", next_token);
}

static int read_rules(const struct reply *r, const char *list_name, const char *name,
		      const char *kind, struct asg_rules *ret, struct err *e)
{
	AUTO(xml_freep) struct xml *x = NULL;
	const struct xml_node *result, *list;

	*ret = (struct asg_rules){ 0 };
	if (reply_result(r, &x, &result, e) < 0)
		return -1;
	list = xml_get(result, list_name);
	if (!list)
		return reply_odd(r, e, "the answer has no %s", list_name);
	ret->list = own_array(aws_query_members(list) + 1, sizeof(*ret->list));
	for (const struct xml_node *m = xml_first(list, "member"); m; m = xml_next(m, "member")) {
		struct asg_rule *rule = &ret->list[ret->count++];
		const char *enabled = xml_text(m, "Enabled");

		rule->name = aws_query_dup(m, name);
		rule->kind = kind ? aws_query_dup(m, kind) : own_strdup("ScheduledAction");
		rule->enabled = !enabled || strcmp(enabled, "false") != 0;
		if (!rule->name[0]) {
			asg_rules_done(ret);
			return reply_odd(r, e, "a member of %s has no %s", list_name, name);
		}
	}
	ret->next_token = own_strdup(xml_text(result, "NextToken"));
	return 0;
}

int aws_autoscaling_policies_read(const struct reply *r, struct asg_rules *ret, struct err *e)
{
	return read_rules(r, "ScalingPolicies", "PolicyName", "PolicyType", ret, e);
}

int aws_autoscaling_scheduled_read(const struct reply *r, struct asg_rules *ret, struct err *e)
{
	return read_rules(r, "ScheduledUpdateGroupActions", "ScheduledActionName", NULL, ret, e);
}

void asg_rules_done(struct asg_rules *r)
{
	for (size_t i = 0; i < r->count; i++) {
		own_free(r->list[i].name);
		own_free(r->list[i].kind);
	}
	own_free(r->list);
	own_free(r->next_token);
	*r = (struct asg_rules){ 0 };
}

void aws_autoscaling_refresh_ask(struct request *r, const char *group)
{
	aws_query_ask(r, SERVICE_AUTOSCALING, "DescribeInstanceRefreshes");
	aws_query_add(r, "AutoScalingGroupName", group);
	aws_query_add_int(r, "MaxRecords", 1); /* the newest comes first */
}

int aws_autoscaling_refresh_read(const struct reply *r, struct asg_refresh *ret, struct err *e)
{
	static const char *const running[] = { "Pending", "InProgress", "Cancelling",
					       "RollbackInProgress", "Baking" };
	AUTO(xml_freep) struct xml *x = NULL;
	const struct xml_node *result, *list, *first;
	const char *status;

	*ret = (struct asg_refresh){ 0 };
	if (reply_result(r, &x, &result, e) < 0)
		return -1;
	list = xml_get(result, "InstanceRefreshes");
	if (!list)
		return reply_odd(r, e, "the answer has no InstanceRefreshes");
	first = xml_first(list, "member");
	if (!first)
		return 0;
	status = xml_text(first, "Status");
	if (!status || !aws_query_int(first, "InstancesToUpdate", 0, &ret->left) ||
	    !aws_query_int(first, "PercentageComplete", 0, &ret->percent))
		return reply_odd(r, e, "a refresh lacks its Status");
	snprintf(ret->status, sizeof(ret->status), "%s", status);
	for (size_t i = 0; i < COUNT_OF(running); i++)
		ret->running |= strcmp(status, running[i]) == 0;
	return 0;
}
