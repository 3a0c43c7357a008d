/* EC2 Auto Scaling's Query API (2011-01-01): what its actions share. */
#ifndef LOCAL_AUTOSCALING_H
#define LOCAL_AUTOSCALING_H

#include "local/fleet_rows.h"

/* Readers that end the call with AWS's words and return -1 when the value is missing or wrong. */

/* A text of @p most bytes at most that must be there. */
MUST int local_autoscaling_need(struct local_call *c, const struct json *object, const char *name,
				size_t most, const char **ret);
/* A number within bounds; 1 present, 0 absent. */
MUST int local_autoscaling_number(struct local_call *c, const struct json *object, const char *name,
				  int64_t least, int64_t most, int64_t *ret);
/* The group that AutoScalingGroupName names. One that is being deleted is not found by actions that
 * change it. */
MUST int local_autoscaling_group(struct local_call *c, struct local_fleet_group *ret);
/* The instance and its group, or "Instance Id not found". */
MUST int local_autoscaling_instance(struct local_call *c, const char *id,
				    struct local_fleet_instance *ret,
				    struct local_fleet_group *ret_group);

/* A page: MaxRecords and NextToken. A token is the name behind which the page starts. */
struct local_autoscaling_page {
	int64_t size;
	char *after; /* "" at the start */
};
MUST int local_autoscaling_page(struct local_call *c, int64_t usual, int64_t most,
				struct local_autoscaling_page *ret);
void local_autoscaling_page_done(struct local_autoscaling_page *p);
void local_autoscaling_put_token(struct local_call *c, const char *after);
bool local_autoscaling_listed(const struct json *list, const char *text); /* is it in it? */

/* Texts of a list, joined with commas; "" for none. The caller frees it. */
char *local_autoscaling_join(const struct json *list);
void local_autoscaling_put_split(struct local_call *c, const char *name, const char *joined);

/* What groups and instances both show: LaunchConfigurationName or LaunchTemplate. */
void local_autoscaling_put_launch(struct local_call *c, const char *launch, bool template,
				  const char *version);
/* LaunchTemplate or LaunchTemplateSpecification, as @p as says. */
void local_autoscaling_put_template(struct local_call *c, const char *as, const char *launch,
				    const char *version);

/* What a group launches, as the call says it, into @p g. -1: the call has ended. @p needed: it must
 * be said. */
MUST int local_autoscaling_setting(struct local_call *c, struct local_fleet_group *g, bool needed);
MUST int local_autoscaling_template(struct local_call *c, const struct json *t,
				    struct local_fleet_group *g);
/* Reads a launch's user data: base64 of a script that can be started. -1: the call has ended. */
MUST int local_autoscaling_launch_data(struct local_call *c, const char *data);
void local_autoscaling_setting_put(struct local_call *c, const struct local_fleet_group *g);
/* An instance in a list; @p alone: in one that is not of its group. */
void local_autoscaling_put_instance(struct local_call *c, const struct local_fleet_instance *i,
				    bool alone);
/* WarmPoolConfiguration and WarmPoolSize of a group. */
MUST int local_autoscaling_pool_put_group(struct local_call *c, const struct local_fleet_group *g,
					  const struct local_fleet_instances *is, struct err *e);

/* Actions, by file. */
local_action_fn local_autoscaling_group_create, local_autoscaling_group_update,
	local_autoscaling_group_delete;
local_action_fn local_autoscaling_describe_groups, local_autoscaling_describe_instances,
	local_autoscaling_describe_activities, local_autoscaling_describe_limits;
local_action_fn local_autoscaling_instance_capacity, local_autoscaling_instance_protection,
	local_autoscaling_instance_terminate, local_autoscaling_instance_health;
local_action_fn local_autoscaling_hook_put, local_autoscaling_hook_describe,
	local_autoscaling_hook_delete, local_autoscaling_hook_complete,
	local_autoscaling_hook_heartbeat;
local_action_fn local_autoscaling_launch_create, local_autoscaling_launch_describe,
	local_autoscaling_launch_delete;
local_action_fn local_autoscaling_process_suspend, local_autoscaling_process_resume,
	local_autoscaling_process_types;
local_action_fn local_autoscaling_tag_put, local_autoscaling_tag_delete,
	local_autoscaling_tag_describe;

local_action_fn local_autoscaling_scale_put, local_autoscaling_scale_describe,
	local_autoscaling_scale_delete, local_autoscaling_scale_execute,
	local_autoscaling_scale_types;
local_action_fn local_autoscaling_plan_put, local_autoscaling_plan_describe,
	local_autoscaling_plan_delete, local_autoscaling_plan_put_batch,
	local_autoscaling_plan_delete_batch;
local_action_fn local_autoscaling_standby_enter, local_autoscaling_standby_exit,
	local_autoscaling_standby_detach, local_autoscaling_standby_attach;
local_action_fn local_autoscaling_pool_put, local_autoscaling_pool_delete,
	local_autoscaling_pool_describe;
local_action_fn local_autoscaling_refresh_start, local_autoscaling_refresh_cancel,
	local_autoscaling_refresh_back, local_autoscaling_refresh_describe;
local_action_fn local_autoscaling_type_hooks, local_autoscaling_type_orders,
	local_autoscaling_type_notices, local_autoscaling_type_none;
local_action_fn local_autoscaling_metric_enable, local_autoscaling_metric_disable,
	local_autoscaling_metric_types;

/* EnabledMetrics of a group, and the values of those each minute. */
MUST int local_autoscaling_metric_put(struct local_call *c, const char *group, struct err *e);
MUST int local_autoscaling_metric_minute(struct local *l, int64_t end_s, struct err *e);

/* Adds or changes a hook of @p group as @p spec says. 1 done, 0 database error in @p e, -1 the call
 * has been ended. */
MUST int local_autoscaling_hook_store(struct local_call *c, const char *group,
				      const struct json *spec, struct err *e);
/* As local_autoscaling_hook_store(), without writing: is it right? */
MUST int local_autoscaling_hook_check(struct local_call *c, const char *group,
				      const struct json *spec);
MUST int local_autoscaling_tag_store(struct local *l, const char *group, const struct json *tags,
				     struct err *e);
MUST int local_autoscaling_tag_check(struct local_call *c, const struct json *tags);

#endif
