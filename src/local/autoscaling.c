#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "base/crypto.h"
#include "local/autoscaling.h"
#include "local/fleet.h"
#include "local/fleet_template.h"
#include "local/metadata.h"

#define TOKEN_MAX 1024

/* AWS's texts name members with a small first letter. */
static void null_member(struct local_call *c, const char *name)
{
	local_fail(c, "ValidationError",
		   "1 validation error detected: Value null at '%c%s' failed to satisfy constraint:"
		   " Member must not be null",
		   tolower((unsigned char)name[0]), name + 1);
}

/* What AWS's patterns leave out, and XML cannot carry. */
static bool has_control(const char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text < ' ' && !strchr("\t\r\n", *text))
			return true;
	return false;
}

int local_autoscaling_need(struct local_call *c, const struct json *object, const char *name,
			   size_t most, const char **ret)
{
	const char *text = local_str(object, name);
	bool is_long = text && strlen(text) > most;

	*ret = text;
	if (!text) {
		null_member(c, name);
		return -1;
	}
	if (has_control(text)) {
		local_fail(
			c, "ValidationError",
			"1 validation error detected: Value at '%c%s' failed to satisfy constraint:"
			" Member must satisfy regular expression pattern:"
			" [\\u0020-\\uD7FF\\uE000-\\uFFFD\\r\\n\\t]*",
			tolower((unsigned char)name[0]), name + 1);
		return -1;
	}
	if (!text[0] || is_long) {
		local_fail(
			c, "ValidationError",
			"1 validation error detected: Value '%.40s%s' at '%c%s' failed to satisfy"
			" constraint: Member must have length %s than or equal to %zu",
			text, strlen(text) > 40 ? "..." : "", tolower((unsigned char)name[0]),
			name + 1, is_long ? "less" : "greater", is_long ? most : (size_t)1);
		return -1;
	}
	return 0;
}

int local_autoscaling_number(struct local_call *c, const struct json *object, const char *name,
			     int64_t least, int64_t most, int64_t *ret)
{
	int64_t v = 0;
	int rc = local_int(c, object, name, &v);

	if (rc <= 0)
		return rc;
	if (v < least || v > most) {
		local_fail(c, "ValidationError",
			   "1 validation error detected: Value '%lld' at '%c%s' failed to satisfy"
			   " constraint: Member must have value %s than or equal to %lld",
			   (long long)v, tolower((unsigned char)name[0]), name + 1,
			   v < least ? "greater" : "less", (long long)(v < least ? least : most));
		return -1;
	}
	*ret = v;
	return 1;
}

int local_autoscaling_group(struct local_call *c, struct local_fleet_group *ret)
{
	const char *name;
	struct err e;
	int rc;

	*ret = (struct local_fleet_group){ 0 };
	if (local_autoscaling_need(c, c->params, "AutoScalingGroupName", 1600, &name) < 0)
		return -1;
	if (strncmp(name, "arn:", 4) == 0 && strstr(name, ":autoScalingGroupName/"))
		name = strstr(name, ":autoScalingGroupName/") + strlen(":autoScalingGroupName/");
	rc = local_fleet_rows_group(c->local->db, name, ret, &e);
	if (rc < 0) {
		local_fail_internal(c, &e);
		return -1;
	}
	if (rc == 1 && !ret->status)
		return 0;
	local_fail(c, "ValidationError",
		   "AutoScalingGroup name not found - AutoScalingGroup: %.255s %s", name,
		   rc == 1 ? "is pending delete" : "not found");
	local_fleet_rows_group_done(ret);
	return -1;
}

int local_autoscaling_instance(struct local_call *c, const char *id,
			       struct local_fleet_instance *ret,
			       struct local_fleet_group *ret_group)
{
	struct err e;
	int rc = local_fleet_rows_instance(c->local->db, id, ret, &e);

	if (rc == 1)
		rc = local_fleet_rows_group(c->local->db, ret->grp, ret_group, &e);
	if (rc == 1)
		return 0;
	if (rc < 0)
		local_fail_internal(c, &e);
	else
		local_fail(
			c, "ValidationError",
			"Instance Id not found - No managed instance found for instance ID: %.40s",
			id);
	return -1;
}

void local_autoscaling_page_done(struct local_autoscaling_page *p)
{
	own_free(p->after);
	*p = (struct local_autoscaling_page){ 0 };
}

int local_autoscaling_page(struct local_call *c, int64_t usual, int64_t most,
			   struct local_autoscaling_page *ret)
{
	const char *token = local_str(c->params, "NextToken");
	AUTO(buf_done) struct buf after = BUF(TOKEN_MAX);

	ret->size = usual;
	ret->after = own_strdup("");
	if (local_autoscaling_number(c, c->params, "MaxRecords", 1, most, &ret->size) < 0)
		return -1;
	if (!token)
		return 0;
	if (crypto_unbase64(token, strlen(token), &after, NULL) < 0 || after.len == 0 ||
	    strlen(after.data) != after.len) {
		local_fail(c, "InvalidNextToken", "The token '%.100s' is invalid.", token);
		return -1;
	}
	own_free(ret->after);
	ret->after = buf_take(&after);
	return 0;
}

void local_autoscaling_put_token(struct local_call *c, const char *after)
{
	local_put_base64(c, "NextToken", after, strlen(after));
}

bool local_autoscaling_listed(const struct json *list, const char *text)
{
	for (size_t i = 0; i < json_count(list); i++) {
		const char *item = json_str(json_at(list, i));

		if (item && strcmp(item, text) == 0)
			return true;
	}
	return false;
}

char *local_autoscaling_join(const struct json *list)
{
	AUTO(buf_done) struct buf out = BUF(16384);

	for (size_t i = 0; i < json_count(list); i++) {
		const char *item = json_str(json_at(list, i));

		if (item && !strchr(item, ','))
			buf_addf(&out, "%s%s", out.len ? "," : "", item);
	}
	return out.len ? buf_take(&out) : own_strdup("");
}

void local_autoscaling_put_split(struct local_call *c, const char *name, const char *joined)
{
	local_list(c, name, NULL);
	for (const char *p = joined, *end; *p; p = *end ? end + 1 : end) {
		end = strchrnul(p, ',');
		local_putn(c, NULL, p, (size_t)(end - p));
	}
	local_end(c);
}

void local_autoscaling_put_template(struct local_call *c, const char *as, const char *launch,
				    const char *version)
{
	AUTO(local_fleet_template_done) struct local_fleet_template t = { 0 };
	struct err e;

	/* Without a row it is a launch configuration named as a template, which has no id. */
	err_ignore(local_fleet_template_find(c->local->db, launch, NULL, &t, &e));
	local_object(c, as);
	local_put(c, "LaunchTemplateId", t.id);
	local_put(c, "LaunchTemplateName", launch);
	local_put(c, "Version", version);
	local_end(c);
}

void local_autoscaling_put_launch(struct local_call *c, const char *launch, bool template,
				  const char *version)
{
	if (!template) {
		local_put(c, "LaunchConfigurationName", launch);
		return;
	}
	local_autoscaling_put_template(c, "LaunchTemplate", launch, version);
}

static const struct local_action actions[] = {
	{ "AttachInstances", local_autoscaling_standby_attach },
	{ "BatchDeleteScheduledAction", local_autoscaling_plan_delete_batch },
	{ "BatchPutScheduledUpdateGroupAction", local_autoscaling_plan_put_batch },
	{ "CancelInstanceRefresh", local_autoscaling_refresh_cancel },
	{ "CompleteLifecycleAction", local_autoscaling_hook_complete },
	{ "CreateAutoScalingGroup", local_autoscaling_group_create },
	{ "CreateLaunchConfiguration", local_autoscaling_launch_create },
	{ "CreateOrUpdateTags", local_autoscaling_tag_put },
	{ "DeleteAutoScalingGroup", local_autoscaling_group_delete },
	{ "DeleteLaunchConfiguration", local_autoscaling_launch_delete },
	{ "DeleteLifecycleHook", local_autoscaling_hook_delete },
	{ "DeletePolicy", local_autoscaling_scale_delete },
	{ "DeleteScheduledAction", local_autoscaling_plan_delete },
	{ "DeleteTags", local_autoscaling_tag_delete },
	{ "DeleteWarmPool", local_autoscaling_pool_delete },
	{ "DescribeAccountLimits", local_autoscaling_describe_limits },
	{ "DescribeAdjustmentTypes", local_autoscaling_scale_types },
	{ "DescribeAutoScalingGroups", local_autoscaling_describe_groups },
	{ "DescribeAutoScalingInstances", local_autoscaling_describe_instances },
	{ "DescribeAutoScalingNotificationTypes", local_autoscaling_type_notices },
	{ "DescribeInstanceRefreshes", local_autoscaling_refresh_describe },
	{ "DescribeLaunchConfigurations", local_autoscaling_launch_describe },
	{ "DescribeLifecycleHookTypes", local_autoscaling_type_hooks },
	{ "DescribeLifecycleHooks", local_autoscaling_hook_describe },
	{ "DescribeLoadBalancerTargetGroups", local_autoscaling_type_none },
	{ "DescribeLoadBalancers", local_autoscaling_type_none },
	{ "DescribeMetricCollectionTypes", local_autoscaling_metric_types },
	{ "DescribeNotificationConfigurations", local_autoscaling_type_none },
	{ "DescribePolicies", local_autoscaling_scale_describe },
	{ "DescribeScalingActivities", local_autoscaling_describe_activities },
	{ "DescribeScalingProcessTypes", local_autoscaling_process_types },
	{ "DescribeScheduledActions", local_autoscaling_plan_describe },
	{ "DescribeTags", local_autoscaling_tag_describe },
	{ "DescribeTerminationPolicyTypes", local_autoscaling_type_orders },
	{ "DescribeTrafficSources", local_autoscaling_type_none },
	{ "DescribeWarmPool", local_autoscaling_pool_describe },
	{ "DetachInstances", local_autoscaling_standby_detach },
	{ "DisableMetricsCollection", local_autoscaling_metric_disable },
	{ "EnableMetricsCollection", local_autoscaling_metric_enable },
	{ "EnterStandby", local_autoscaling_standby_enter },
	{ "ExecutePolicy", local_autoscaling_scale_execute },
	{ "ExitStandby", local_autoscaling_standby_exit },
	{ "PutLifecycleHook", local_autoscaling_hook_put },
	{ "PutScalingPolicy", local_autoscaling_scale_put },
	{ "PutScheduledUpdateGroupAction", local_autoscaling_plan_put },
	{ "PutWarmPool", local_autoscaling_pool_put },
	{ "RecordLifecycleActionHeartbeat", local_autoscaling_hook_heartbeat },
	{ "ResumeProcesses", local_autoscaling_process_resume },
	{ "RollbackInstanceRefresh", local_autoscaling_refresh_back },
	{ "SetDesiredCapacity", local_autoscaling_instance_capacity },
	{ "SetInstanceHealth", local_autoscaling_instance_health },
	{ "SetInstanceProtection", local_autoscaling_instance_protection },
	{ "StartInstanceRefresh", local_autoscaling_refresh_start },
	{ "SuspendProcesses", local_autoscaling_process_suspend },
	{ "TerminateInstanceInAutoScalingGroup", local_autoscaling_instance_terminate },
	{ "UpdateAutoScalingGroup", local_autoscaling_group_update },
};

static int start(struct local *l, struct err *e)
{
	return local_metadata_start(l, e) < 0 ? -1 : local_fleet_start(l, e);
}

static void stop(struct local *l)
{
	local_fleet_stop(l);
	local_metadata_stop(l);
}

const struct local_service local_autoscaling_service = {
	.id = SERVICE_AUTOSCALING,
	.actions = actions,
	.action_count = COUNT_OF(actions),
	.start = start,
	.stop = stop,
};
