#include "local/ec2.h"

#include <stdio.h>
#include <string.h>

#include "base/crypto.h"
#include "local/autoscaling.h"
#include "local/fleet.h"
#include "local/fleet_activity.h"
#include "local/fleet_own.h"

#define PAGE_LEAST 5
#define PAGE_MOST 1000

/* MaxResults and NextToken, which EC2 spells its own way. */
static int read_page(struct local_call *c, struct local_autoscaling_page *ret)
{
	const char *token = local_str(c->params, "NextToken");
	AUTO(buf_done) struct buf after = BUF(64);

	ret->size = PAGE_MOST;
	if (local_autoscaling_number(c, c->params, "MaxResults", PAGE_LEAST, PAGE_MOST,
				     &ret->size) < 0)
		return -1;
	if (local_str(c->params, "MaxResults") && json_count(json_get(c->params, "InstanceIds"))) {
		local_fail(c, "InvalidParameterCombination",
			   "The parameter instancesSet cannot be used with the parameter "
			   "maxResults");
		return -1;
	}
	if (token && (crypto_unbase64(token, strlen(token), &after, NULL) < 0 || !after.len ||
		      strlen(after.data) != after.len)) {
		local_fail(c, "InvalidParameterValue", "Unable to parse pagination token");
		return -1;
	}
	ret->after = own_strdup(token ? buf_str(&after) : "");
	return 0;
}

/* An item of the reply's list. */
typedef int show_fn(struct local_call *c, const struct local_ec2_instance *i, struct err *e);

static int show_reservation(struct local_call *c, const struct local_ec2_instance *i, struct err *e)
{
	AUTO(own_freep) char *id = own_printf("r-%s", i->i.id + 2);
	int rc;

	local_object(c, NULL);
	local_put(c, "reservationId", id);
	local_put(c, "ownerId", c->local->options.account);
	local_list(c, "groupSet", NULL);
	local_end(c);
	local_list(c, "instancesSet", NULL);
	rc = local_ec2_show(c, i, e);
	local_end(c);
	local_end(c);
	return rc;
}

static int show_status(struct local_call *c, const struct local_ec2_instance *i, struct err *e)
{
	bool all = false;

	(void)e;
	if (local_bool(c, c->params, "IncludeAllInstances", &all) < 0)
		all = false;
	if (all || local_ec2_state_of(i).code == 16)
		local_ec2_show_status(c, i);
	return 0;
}

static int show_page(struct local_call *c, const struct local_ec2_instances *is,
		     const struct local_autoscaling_page *p, show_fn *show, struct err *e)
{
	const char *last = NULL;
	bool more = false;
	int64_t shown = 0;

	for (size_t i = 0; i < is->count && !more; i++) {
		int rc = strcmp(is->all[i].i.id, p->after) > 0 ? local_ec2_wanted(c, &is->all[i], e)
							       : 0;

		more = rc == 1 && shown == p->size;
		if (rc < 0 || (rc == 1 && !more && show(c, &is->all[i], e) < 0))
			return -1;
		if (rc == 1 && !more) {
			last = is->all[i].i.id;
			shown++;
		}
	}
	local_end(c);
	if (more)
		local_put_base64(c, "nextToken", last, strlen(last));
	return 0;
}

static void describe(struct local_call *c, const char *list, show_fn *show)
{
	AUTO(local_ec2_instances_done) struct local_ec2_instances is = { 0 };
	AUTO(local_autoscaling_page_done) struct local_autoscaling_page p = { 0 };
	struct err e;

	if (local_ec2_instances(c->local->db, &is, &e) < 0) {
		local_fail_internal(c, &e);
		return;
	}
	if (read_page(c, &p) < 0 || local_ec2_check(c, &is) < 0)
		return;
	local_list(c, list, NULL);
	if (show_page(c, &is, &p, show, &e) < 0)
		local_fail_internal(c, &e);
	else
		local_done(c);
}

static void describe_instances(struct local_call *c)
{
	describe(c, "reservationSet", show_reservation);
}

static void describe_status(struct local_call *c)
{
	describe(c, "instanceStatusSet", show_status);
}

/* No hook is waited for: the machine is gone, and its group finds that out. */
static int terminate(struct local_call *c, struct local_fleet_instance *i, struct err *e)
{
	AUTO(local_fleet_rows_group_done) struct local_fleet_group g = { 0 };
	AUTO(buf_done) struct buf cause = BUF(LOCAL_FLEET_CAUSE_MAX);
	const struct instant now = local_wall(c->local);
	char none[] = "";
	const struct local_fleet_group nobody = { .name = none, .arn = none };
	int rc = i->grp[0] ? local_fleet_rows_group(c->local->db, i->grp, &g, e) : 0;

	if (rc < 0)
		return -1;
	local_fleet_activity_say(
		&cause, now,
		"an instance was taken out of service in response to an EC2 health "
		"check indicating it has been terminated or stopped.");
	i->healthy = false;
	return local_fleet_life_terminate(c->local, rc == 1 ? &g : &nobody, i, buf_str(&cause),
					  true, now, e);
}

static int terminate_one(struct local_call *c, const struct local_ec2_instance *x, struct err *e)
{
	const struct local_ec2_state before = local_ec2_state_of(x);
	AUTO(local_fleet_rows_instance_done) struct local_fleet_instance i = { 0 };
	struct local_ec2_instance after = *x;

	if (!x->ended && !local_fleet_choose_stopping(x->i.state)) {
		if (local_fleet_rows_instance(c->local->db, x->i.id, &i, e) < 0 ||
		    terminate(c, &i, e) < 0)
			return -1;
		after.i.state = i.state;
	}
	local_object(c, NULL);
	local_put(c, "instanceId", x->i.id);
	local_ec2_show_state(c, "currentState", local_ec2_state_of(&after));
	local_ec2_show_state(c, "previousState", before);
	local_end(c);
	return 0;
}

static void terminate_instances(struct local_call *c)
{
	AUTO(local_ec2_instances_done) struct local_ec2_instances is = { 0 };
	const struct json *ids = json_get(c->params, "InstanceIds");
	struct err e;

	if (json_count(ids) == 0) {
		local_fail(c, "MissingParameter",
			   "The request must contain the parameter InstanceId");
		return;
	}
	if (local_ec2_instances(c->local->db, &is, &e) < 0) {
		local_fail_internal(c, &e);
		return;
	}
	if (local_ec2_check(c, &is) < 0)
		return;
	local_list(c, "instancesSet", NULL);
	for (size_t i = 0; i < is.count; i++) {
		if (!local_autoscaling_listed(ids, is.all[i].i.id))
			continue;
		if (terminate_one(c, &is.all[i], &e) < 0) {
			local_fail_internal(c, &e);
			return;
		}
	}
	local_end(c);
	local_fleet_wake(c->local);
	local_done(c);
}

static void describe_regions(struct local_call *c)
{
	const char *region = c->local->options.region;

	local_list(c, "regionInfo", NULL);
	local_object(c, NULL);
	local_put(c, "regionName", region);
	local_put(c, "regionEndpoint", c->host);
	local_put(c, "optInStatus", "opt-in-not-required");
	local_end(c);
	local_end(c);
	local_done(c);
}

static void describe_zones(struct local_call *c)
{
	const char *region = c->local->options.region;

	local_list(c, "availabilityZoneInfo", NULL);
	for (char letter = 'a'; letter <= 'c'; letter++) {
		AUTO(own_freep) char *name = own_printf("%s%c", region, letter);
		AUTO(own_freep) char *id = own_printf("%.3s1-az%d", region, letter - 'a' + 1);

		local_object(c, NULL);
		local_put(c, "zoneName", name);
		local_put(c, "zoneId", id);
		local_put(c, "zoneState", "available");
		local_put(c, "regionName", region);
		local_put(c, "groupName", region);
		local_put(c, "optInStatus", "opt-in-not-required");
		local_put(c, "zoneType", "availability-zone");
		local_end(c);
	}
	local_end(c);
	local_done(c);
}

static const struct local_action actions[] = {
	{ "CreateLaunchTemplate", local_ec2_template_create },
	{ "CreateLaunchTemplateVersion", local_ec2_template_version },
	{ "DeleteLaunchTemplate", local_ec2_template_delete },
	{ "DescribeAvailabilityZones", describe_zones },
	{ "DescribeInstanceStatus", describe_status },
	{ "DescribeInstances", describe_instances },
	{ "DescribeLaunchTemplateVersions", local_ec2_template_describe_versions },
	{ "DescribeLaunchTemplates", local_ec2_template_describe },
	{ "DescribeRegions", describe_regions },
	{ "ModifyLaunchTemplate", local_ec2_template_modify },
	{ "TerminateInstances", terminate_instances },
};

static const struct local_alias aliases[] = {
	{ "InstanceId", "InstanceIds", NULL },
	{ "Filter", "Filters", NULL },
};

const struct local_service local_ec2_service = {
	.id = SERVICE_EC2,
	.actions = actions,
	.action_count = COUNT_OF(actions),
	.aliases = aliases,
	.alias_count = COUNT_OF(aliases),
};
