/* Lifecycle hooks and scaling activities. */
#include "aws/autoscaling.h"

#include <string.h>

#include "aws/query.h"
#include "base/clock.h"

static void ask_lifecycle(struct request *r, const char *action, const char *group,
			  const char *hook, const char *instance_id, const char *token)
{
	aws_query_ask(r, SERVICE_AUTOSCALING, action);
	aws_query_add(r, "AutoScalingGroupName", group);
	aws_query_add(r, "LifecycleHookName", hook);
	aws_query_add(r, "InstanceId", instance_id);
	aws_query_add(r, "LifecycleActionToken", token);
}

void aws_autoscaling_complete_ask(struct request *r, const char *group, const char *hook,
				  const char *instance_id, const char *token, const char *result)
{
	ask_lifecycle(r, "CompleteLifecycleAction", group, hook, instance_id, token);
	aws_query_add(r, "LifecycleActionResult", result);
}

void aws_autoscaling_heartbeat_ask(struct request *r, const char *group, const char *hook,
				   const char *instance_id, const char *token)
{
	ask_lifecycle(r, "RecordLifecycleActionHeartbeat", group, hook, instance_id, token);
}

void aws_autoscaling_hooks_ask(struct request *r, const char *group)
{
	aws_query_ask(r, SERVICE_AUTOSCALING, "DescribeLifecycleHooks");
	aws_query_add(r, "AutoScalingGroupName", group);
}

int aws_autoscaling_hooks_read(const struct reply *r, struct asg_hooks *ret, struct err *e)
{
	AUTO(xml_freep) struct xml *x = NULL;
	const struct xml_node *result, *list;

	*ret = (struct asg_hooks){ 0 };
	if (reply_result(r, &x, &result, e) < 0)
		return -1;
	list = xml_get(result, "LifecycleHooks");
	if (!list)
		return reply_odd(r, e, "the answer has no LifecycleHooks");
	ret->list = own_array(aws_query_members(list) + 1, sizeof(*ret->list));
	for (const struct xml_node *m = xml_first(list, "member"); m; m = xml_next(m, "member")) {
		struct asg_hook *h = &ret->list[ret->count++];

		h->name = aws_query_dup(m, "LifecycleHookName");
		h->group = aws_query_dup(m, "AutoScalingGroupName");
		h->transition = aws_query_dup(m, "LifecycleTransition");
		h->result = aws_query_dup(m, "DefaultResult");
		if (!h->name[0] || !aws_query_int(m, "HeartbeatTimeout", 3600, &h->heartbeat_s) ||
		    !aws_query_int(m, "GlobalTimeout", 0, &h->global_s)) {
			asg_hooks_done(ret);
			return reply_odd(r, e, "a lifecycle hook is not understood");
		}
	}
	return 0;
}

void asg_hooks_done(struct asg_hooks *h)
{
	for (size_t i = 0; i < h->count; i++) {
		own_free(h->list[i].name);
		own_free(h->list[i].group);
		own_free(h->list[i].transition);
		own_free(h->list[i].result);
	}
	own_free(h->list);
	*h = (struct asg_hooks){ 0 };
}

void aws_autoscaling_put_hook_ask(struct request *r, const char *group, const char *hook,
				  const char *transition, int heartbeat_s,
				  const char *default_result)
{
	aws_query_ask(r, SERVICE_AUTOSCALING, "PutLifecycleHook");
	r->write = true;
	aws_query_add(r, "AutoScalingGroupName", group);
	aws_query_add(r, "LifecycleHookName", hook);
	aws_query_add(r, "LifecycleTransition", transition);
	aws_query_add_int(r, "HeartbeatTimeout", heartbeat_s);
	aws_query_add(r, "DefaultResult", default_result);
}

void aws_autoscaling_activities_ask(struct request *r, const char *group, int max)
{
	aws_query_ask(r, SERVICE_AUTOSCALING, "DescribeScalingActivities");
	aws_query_add(r, "AutoScalingGroupName", group);
	aws_query_add_int(r, "MaxRecords", max > 0 && max < 100 ? max : 100);
}

static int read_activity(const struct reply *r, const struct xml_node *m, struct asg_activity *a,
			 struct err *e)
{
	const char *start = xml_text(m, "StartTime");
	int64_t progress;

	a->id = aws_query_dup(m, "ActivityId");
	a->description = aws_query_dup(m, "Description");
	a->cause = aws_query_dup(m, "Cause");
	a->status = aws_query_dup(m, "StatusCode");
	a->message = aws_query_dup(m, "StatusMessage");
	if (!a->status[0] || !start || clock_parse(start, strlen(start), &a->start, NULL) < 0 ||
	    !aws_query_int(m, "Progress", 0, &progress) || progress < 0 || progress > 100)
		return reply_odd(r, e, "a scaling activity is not understood");
	a->progress = (int)progress;
	return 0;
}

int aws_autoscaling_activities_read(const struct reply *r, struct asg_activities *ret,
				    struct err *e)
{
	AUTO(xml_freep) struct xml *x = NULL;
	const struct xml_node *result, *list;

	*ret = (struct asg_activities){ 0 };
	if (reply_result(r, &x, &result, e) < 0)
		return -1;
	list = xml_get(result, "Activities");
	if (!list)
		return reply_odd(r, e, "the answer has no Activities");
	ret->list = own_array(aws_query_members(list) + 1, sizeof(*ret->list));
	for (const struct xml_node *m = xml_first(list, "member"); m; m = xml_next(m, "member")) {
		if (read_activity(r, m, &ret->list[ret->count++], e) < 0) {
			asg_activities_done(ret);
			return -1;
		}
	}
	ret->next_token = own_strdup(xml_text(result, "NextToken"));
	return 0;
}

void asg_activities_done(struct asg_activities *a)
{
	for (size_t i = 0; i < a->count; i++) {
		own_free(a->list[i].id);
		own_free(a->list[i].description);
		own_free(a->list[i].cause);
		own_free(a->list[i].status);
		own_free(a->list[i].message);
	}
	own_free(a->list);
	own_free(a->next_token);
	*a = (struct asg_activities){ 0 };
}
