/* Groups and their instances: reading, and the writes that change capacity. */
#include "aws/autoscaling.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "aws/query.h"

static const struct {
	const char *word;
	enum asg_state state;
} states[] = {
	{ "Pending", ASG_PENDING },
	{ "Pending:Wait", ASG_PENDING_WAIT },
	{ "Pending:Proceed", ASG_PENDING_PROCEED },
	{ "InService", ASG_IN_SERVICE },
	{ "Terminating", ASG_TERMINATING },
	{ "Terminating:Wait", ASG_TERMINATING_WAIT },
	{ "Terminating:Proceed", ASG_TERMINATING_PROCEED },
	{ "Terminating:Retained", ASG_TERMINATING_RETAINED },
	{ "Terminated", ASG_TERMINATED },
	{ "Detaching", ASG_DETACHING },
	{ "Detached", ASG_DETACHED },
	{ "EnteringStandby", ASG_ENTERING_STANDBY },
	{ "Standby", ASG_STANDBY },
	{ "Warmed", ASG_WARMED },
	{ "other", ASG_OTHER },
};

const char *asg_state_word(enum asg_state s)
{
	for (size_t i = 0; i < COUNT_OF(states); i++)
		if (states[i].state == s)
			return states[i].word;
	return "other";
}

enum asg_state asg_state_parse(const char *word)
{
	if (strncmp(word, "Warmed:", 7) == 0)
		return ASG_WARMED;
	for (size_t i = 0; i < COUNT_OF(states); i++)
		if (strcmp(states[i].word, word) == 0)
			return states[i].state;
	return ASG_OTHER;
}

static bool is_true(const struct xml_node *n, const char *path)
{
	const char *text = xml_text(n, path);

	return text && strcmp(text, "true") == 0;
}

void aws_autoscaling_groups_ask(struct request *r, const char *const *names, size_t n,
				const char *next_token)
{
	aws_query_ask(r, SERVICE_AUTOSCALING, "DescribeAutoScalingGroups");
	aws_query_add_list(r, "AutoScalingGroupNames", names,
			   n < AUTOSCALING_NAMES_MAX ? n : AUTOSCALING_NAMES_MAX);
	aws_query_add_int(r, "MaxRecords", 100); /* 50 groups come without it */
	aws_query_add(r, "NextToken", next_token);
}

static int read_instance(const struct reply *r, const struct xml_node *m, struct asg_instance *i,
			 struct err *e)
{
	const char *state = xml_text(m, "LifecycleState");
	const char *health = xml_text(m, "HealthStatus");

	*i = (struct asg_instance){ .id = aws_query_dup(m, "InstanceId"),
				    .zone = aws_query_dup(m, "AvailabilityZone"),
				    .type = aws_query_dup(m, "InstanceType"),
				    .group = aws_query_dup(m, "AutoScalingGroupName"),
				    .state = asg_state_parse(state ? state : ""),
				    /* "Healthy" in groups, "HEALTHY" in instances */
				    .healthy = health && strcasecmp(health, "healthy") == 0,
				    .protected = is_true(m, "ProtectedFromScaleIn") };
	if (!i->id[0] || !state || !aws_query_int(m, "WeightedCapacity", 1, &i->weight))
		return reply_odd(r, e, "an instance lacks InstanceId or LifecycleState");
	return 0;
}

static void instance_done(struct asg_instance *i)
{
	own_free(i->id);
	own_free(i->zone);
	own_free(i->type);
	own_free(i->group);
}

static void read_suspended(const struct xml_node *m, struct asg_group *g)
{
	const struct xml_node *list = xml_get(m, "SuspendedProcesses");

	g->suspended = own_array(aws_query_members(list) + 1, sizeof(*g->suspended));
	for (const struct xml_node *p = list ? xml_first(list, "member") : NULL; p;
	     p = xml_next(p, "member"))
		g->suspended[g->suspended_count++] = aws_query_dup(p, "ProcessName");
}

static int read_group(const struct reply *r, const struct xml_node *m, struct asg_group *g,
		      struct err *e)
{
	const struct xml_node *list = xml_get(m, "Instances");

	g->name = aws_query_dup(m, "AutoScalingGroupName");
	g->arn = aws_query_dup(m, "AutoScalingGroupARN");
	g->status = own_strdup(xml_text(m, "Status"));
	g->new_instances_protected = is_true(m, "NewInstancesProtectedFromScaleIn");
	if (!g->name[0] || !aws_query_int(m, "MinSize", -1, &g->min) ||
	    !aws_query_int(m, "MaxSize", -1, &g->max) ||
	    !aws_query_int(m, "DesiredCapacity", -1, &g->desired) ||
	    !aws_query_int(m, "DefaultCooldown", 0, &g->cooldown_s) ||
	    !aws_query_int(m, "WarmPoolSize", 0, &g->warm_pool) ||
	    !aws_query_int(m, "MaxInstanceLifetime", 0, &g->max_lifetime_s) || g->min < 0 ||
	    g->max < 0 || g->desired < 0)
		return reply_odd(r, e, "a group lacks its name or sizes");
	read_suspended(m, g);
	g->instances = own_array(aws_query_members(list) + 1, sizeof(*g->instances));
	for (const struct xml_node *i = list ? xml_first(list, "member") : NULL; i;
	     i = xml_next(i, "member"))
		if (read_instance(r, i, &g->instances[g->instance_count++], e) < 0)
			return -1;
	return 0;
}

int aws_autoscaling_groups_read(const struct reply *r, struct asg_groups *ret, struct err *e)
{
	AUTO(xml_freep) struct xml *x = NULL;
	const struct xml_node *result, *list;

	*ret = (struct asg_groups){ 0 };
	if (reply_result(r, &x, &result, e) < 0)
		return -1;
	list = xml_get(result, "AutoScalingGroups");
	if (!list)
		return reply_odd(r, e, "the answer has no AutoScalingGroups");
	ret->list = own_array(aws_query_members(list) + 1, sizeof(*ret->list));
	for (const struct xml_node *m = xml_first(list, "member"); m; m = xml_next(m, "member")) {
		if (read_group(r, m, &ret->list[ret->count++], e) < 0) {
			asg_groups_done(ret);
			return -1;
		}
	}
	ret->next_token = own_strdup(xml_text(result, "NextToken"));
	return 0;
}

void asg_groups_done(struct asg_groups *g)
{
	for (size_t i = 0; i < g->count; i++) {
		struct asg_group *one = &g->list[i];

		own_free(one->name);
		own_free(one->arn);
		own_free(one->status);
		for (size_t k = 0; k < one->instance_count; k++)
			instance_done(&one->instances[k]);
		own_free(one->instances);
		for (size_t k = 0; k < one->suspended_count; k++)
			own_free(one->suspended[k]);
		own_free(one->suspended);
	}
	own_free(g->list);
	own_free(g->next_token);
	*g = (struct asg_groups){ 0 };
}

const struct asg_group *asg_group_find(const struct asg_groups *g, const char *name)
{
	for (size_t i = 0; i < g->count; i++)
		if (strcmp(g->list[i].name, name) == 0)
			return &g->list[i];
	return NULL;
}

void aws_autoscaling_instances_ask(struct request *r, const char *const *ids, size_t n,
				   const char *next_token)
{
	aws_query_ask(r, SERVICE_AUTOSCALING, "DescribeAutoScalingInstances");
	aws_query_add_list(r, "InstanceIds", ids,
			   n < AUTOSCALING_PROTECT_MAX ? n : AUTOSCALING_PROTECT_MAX);
	aws_query_add(r, "NextToken", next_token);
}

int aws_autoscaling_instances_read(const struct reply *r, struct asg_instances *ret, struct err *e)
{
	AUTO(xml_freep) struct xml *x = NULL;
	const struct xml_node *result, *list;

	*ret = (struct asg_instances){ 0 };
	if (reply_result(r, &x, &result, e) < 0)
		return -1;
	list = xml_get(result, "AutoScalingInstances");
	if (!list)
		return reply_odd(r, e, "the answer has no AutoScalingInstances");
	ret->list = own_array(aws_query_members(list) + 1, sizeof(*ret->list));
	for (const struct xml_node *m = xml_first(list, "member"); m; m = xml_next(m, "member")) {
		if (read_instance(r, m, &ret->list[ret->count++], e) < 0) {
			asg_instances_done(ret);
			return -1;
		}
	}
	ret->next_token = own_strdup(xml_text(result, "NextToken"));
	return 0;
}

void asg_instances_done(struct asg_instances *i)
{
	for (size_t k = 0; k < i->count; k++)
		instance_done(&i->list[k]);
	own_free(i->list);
	own_free(i->next_token);
	*i = (struct asg_instances){ 0 };
}

static void ask_write(struct request *r, const char *action, const char *group)
{
	aws_query_ask(r, SERVICE_AUTOSCALING, action);
	r->write = true;
	aws_query_add(r, "AutoScalingGroupName", group);
}

void aws_autoscaling_set_desired_ask(struct request *r, const char *group, int64_t desired)
{
	ask_write(r, "SetDesiredCapacity", group);
	aws_query_add_int(r, "DesiredCapacity", desired);
	aws_query_add(r, "HonorCooldown", "false");
}

void aws_autoscaling_protect_ask(struct request *r, const char *group, const char *const *ids,
				 size_t n, bool protect)
{
	ask_write(r, "SetInstanceProtection", group);
	r->write = false; /* says how it shall be: saying it twice does no harm */
	aws_query_add_list(r, "InstanceIds", ids,
			   n < AUTOSCALING_PROTECT_MAX ? n : AUTOSCALING_PROTECT_MAX);
	aws_query_add(r, "ProtectedFromScaleIn", protect ? "true" : "false");
}

void aws_autoscaling_terminate_ask(struct request *r, const char *instance_id, bool decrement)
{
	aws_query_ask(r, SERVICE_AUTOSCALING, "TerminateInstanceInAutoScalingGroup");
	r->write = true;
	aws_query_add(r, "InstanceId", instance_id);
	aws_query_add(r, "ShouldDecrementDesiredCapacity", decrement ? "true" : "false");
}

/* What is not there is told as a wrong parameter. */
static void not_there(struct err *e)
{
	static const char *const words[] = { "name not found", "does not exist",
					     "No active Lifecycle Action", "not found",
					     "No Lifecycle Hook" };

	if (!e || strcmp(e->code, "ValidationError") != 0)
		return;
	for (size_t i = 0; i < COUNT_OF(words); i++)
		if (strstr(e->text, words[i]))
			e->kind = ERR_NOT_FOUND;
}

int aws_autoscaling_none_read(const struct reply *r, struct err *e)
{
	AUTO(xml_freep) struct xml *x = NULL;
	const struct xml_node *result;

	if (reply_result(r, &x, &result, e) < 0) {
		not_there(e);
		return -1;
	}
	return 0;
}

void aws_autoscaling_create_ask(struct request *r, const struct asg_create *g)
{
	bool by_id = strncmp(g->launch_template, "lt-", 3) == 0;

	ask_write(r, "CreateAutoScalingGroup", g->name);
	aws_query_add(
		r, by_id ? "LaunchTemplate.LaunchTemplateId" : "LaunchTemplate.LaunchTemplateName",
		g->launch_template);
	aws_query_add(r, "LaunchTemplate.Version", g->launch_template_version);
	aws_query_add_int(r, "MinSize", g->min);
	aws_query_add_int(r, "MaxSize", g->max);
	aws_query_add_int(r, "DesiredCapacity", g->desired < 0 ? g->min : g->desired);
	aws_query_add(r, "VPCZoneIdentifier", g->subnets);
	aws_query_add(r, "NewInstancesProtectedFromScaleIn",
		      g->new_instances_protected ? "true" : NULL);
	for (const char *at = g->zones ? g->zones : "", *from = at; *at;) {
		size_t len = strcspn(at, ",");
		char name[48], zone[64];
		int i = 1;

		for (const char *c = from; c < at; c++)
			i += *c == ',';
		snprintf(name, sizeof(name), "AvailabilityZones.member.%d", i);
		snprintf(zone, sizeof(zone), "%.*s", (int)(len < 60 ? len : 60), at);
		aws_query_add(r, name, zone);
		at += len + (at[len] == ',');
	}
}

void aws_autoscaling_update_ask(struct request *r, const char *group, int64_t min, int64_t max,
				int64_t desired)
{
	ask_write(r, "UpdateAutoScalingGroup", group);
	if (min >= 0)
		aws_query_add_int(r, "MinSize", min);
	if (max >= 0)
		aws_query_add_int(r, "MaxSize", max);
	if (desired >= 0)
		aws_query_add_int(r, "DesiredCapacity", desired);
}

void aws_autoscaling_delete_ask(struct request *r, const char *group, bool force)
{
	ask_write(r, "DeleteAutoScalingGroup", group);
	aws_query_add(r, "ForceDelete", force ? "true" : NULL);
}
