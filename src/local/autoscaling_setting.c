/* What a group launches: a launch configuration, a launch template, or a mix of types. */
#include <string.h>

#include "local/autoscaling.h"
#include "local/fleet_template.h"

static void replace(char **p, const char *value)
{
	own_free(*p);
	*p = own_strdup(value);
}

/* 1 it is there, 0 not, -1 the call was ended. */
static int launch_exists(struct local_call *c, const char *name)
{
	AUTO(db_endp) struct db_row *r = NULL;
	struct err e;
	int rc = -1;

	r = db_query(c->local->db, "SELECT 1 FROM fleet_launch WHERE name = ?", DB_ARGS(DB_S(name)),
		     &e);
	if (r)
		rc = db_step(r, &e);
	if (rc < 0)
		local_fail_internal(c, &e);
	return rc;
}

/* The name of the template that @p t names, owned; NULL: the call has ended. A launch configuration
 * that is named as a template is taken as one too, in any version. */
static char *template_name(struct local_call *c, const struct json *t)
{
	AUTO(local_fleet_template_done) struct local_fleet_template found = { 0 };
	AUTO(json_freep) struct json *data = NULL;
	const char *name = local_str(t, "LaunchTemplateName"),
		   *id = local_str(t, "LaunchTemplateId"), *version = local_str(t, "Version");
	struct db *d = c->local->db;
	struct err e;
	int rc = local_fleet_template_find(d, name, id, &found, &e);
	bool made = rc == 1;

	if (made)
		rc = local_fleet_template_data(
			d, &found, local_fleet_template_number(&found, version), &data, &e);
	if (rc < 0) {
		local_fail_internal(c, &e);
		return NULL;
	}
	if (rc == 1 || (!made && name && (rc = launch_exists(c, name)) == 1))
		return own_strdup(made ? found.name : name);
	if (rc == 0)
		local_fail(c, "ValidationError",
			   "You must use a valid fully-formed launch template. The specified launch"
			   " template%s%.40s, with template %s %.255s, does not exist.",
			   made ? " version " : "", made ? version : "", name ? "name" : "ID",
			   name ? name : id);
	return NULL;
}

int local_autoscaling_template(struct local_call *c, const struct json *t,
			       struct local_fleet_group *g)
{
	AUTO(own_freep) char *known = NULL;
	const char *name = local_str(t, "LaunchTemplateName"),
		   *id = local_str(t, "LaunchTemplateId");
	const char *version = local_str(t, "Version");

	if (!name == !id) {
		local_fail(c, "ValidationError",
			   "Valid requests must contain either launchTemplateId or"
			   " LaunchTemplateName");
		return -1;
	}
	known = template_name(c, t);
	if (!known)
		return -1;
	g->template = true;
	replace(&g->launch, known);
	replace(&g->version, version ? version : "$Default");
	return 0;
}

static int read_configuration(struct local_call *c, const char *name, struct local_fleet_group *g)
{
	int rc = launch_exists(c, name);
	if (rc == 0)
		local_fail(c, "ValidationError",
			   "Launch configuration name not found - Launch configuration %.255s not"
			   " found",
			   name);
	if (rc != 1)
		return -1;
	g->template = false;
	replace(&g->launch, name);
	replace(&g->version, NULL);
	return 0;
}

/* Is it a policy that AWS would take? */
static int check_mixed(struct local_call *c, const struct json *overrides)
{
	size_t weighted = 0;

	for (size_t i = 0; i < json_count(overrides); i++) {
		const struct json *o = json_at(overrides, i);
		int64_t weight = 0;

		if (local_autoscaling_number(c, o, "WeightedCapacity", 1, 999, &weight) < 0)
			return -1;
		weighted += weight > 0;
		if (local_str(o, "InstanceType"))
			continue;
		local_fail(c, "ValidationError",
			   "windlass-local takes overrides by InstanceType only");
		return -1;
	}
	if (weighted == 0 || weighted == json_count(overrides))
		return 0;
	local_fail(c, "ValidationError",
		   "Weighted capacity must be specified for all overrides or for none of them.");
	return -1;
}

/* Kept as it came; fleet_mixed.c reads it when something is launched. */
static int read_mixed(struct local_call *c, const struct json *m, struct local_fleet_group *g)
{
	const struct json *t = json_get(m, "LaunchTemplate");
	const struct json *spread = json_get(m, "InstancesDistribution");
	AUTO(buf_done) struct buf text = BUF(65536);
	int64_t n;

	if (!json_get(t, "LaunchTemplateSpecification")) {
		local_fail(c, "ValidationError",
			   "MixedInstancesPolicy needs LaunchTemplate.LaunchTemplateSpecification");
		return -1;
	}
	if (local_autoscaling_number(c, spread, "OnDemandBaseCapacity", 0, 10000, &n) < 0 ||
	    local_autoscaling_number(c, spread, "OnDemandPercentageAboveBaseCapacity", 0, 100, &n) <
		    0 ||
	    check_mixed(c, json_get(t, "Overrides")) < 0 ||
	    local_autoscaling_template(c, json_get(t, "LaunchTemplateSpecification"), g) < 0)
		return -1;
	if (json_write(m, &text) < 0) {
		local_fail(c, "ValidationError", "MixedInstancesPolicy is too long");
		return -1;
	}
	replace(&g->mixed, buf_str(&text));
	return 0;
}

int local_autoscaling_setting(struct local_call *c, struct local_fleet_group *g, bool needed)
{
	const char *name = local_str(c->params, "LaunchConfigurationName");
	const struct json *t = json_get(c->params, "LaunchTemplate");

	const struct json *mixed = json_get(c->params, "MixedInstancesPolicy");
	const int given = (name != NULL) + (t != NULL) + (mixed != NULL);

	if (json_get(c->params, "InstanceId")) {
		local_fail(c, "ValidationError",
			   "windlass-local launches from LaunchConfigurationName, LaunchTemplate"
			   " or MixedInstancesPolicy");
		return -1;
	}
	if ((!given && needed) || given > 1) {
		local_fail(
			c, "ValidationError",
			"Valid requests must contain either LaunchTemplate,"
			" LaunchConfigurationName, InstanceId or MixedInstancesPolicy parameter.");
		return -1;
	}
	if (!given)
		return 0;
	if (mixed)
		return read_mixed(c, mixed, g);
	replace(&g->mixed, NULL);
	if (t)
		return local_autoscaling_template(c, t, g);
	return read_configuration(c, name, g);
}

/* ---- shown again, in AWS's order of lists and structures ---- */

static void put_overrides(struct local_call *c, const struct json *overrides)
{
	local_list(c, "Overrides", NULL);
	for (size_t i = 0; i < json_count(overrides); i++) {
		local_object(c, NULL);
		local_put(c, "InstanceType", local_str(json_at(overrides, i), "InstanceType"));
		local_put(c, "WeightedCapacity",
			  local_str(json_at(overrides, i), "WeightedCapacity"));
		local_end(c);
	}
	local_end(c);
}

static void put_mixed(struct local_call *c, const struct local_fleet_group *g)
{
	static const struct {
		const char *name, *otherwise;
	} spread[] = {
		{ "OnDemandAllocationStrategy", "prioritized" },
		{ "OnDemandBaseCapacity", "0" },
		{ "OnDemandPercentageAboveBaseCapacity", "100" },
		{ "SpotAllocationStrategy", "lowest-price" },
		{ "SpotInstancePools", NULL },
		{ "SpotMaxPrice", NULL },
	};
	AUTO(json_freep) struct json *j = json_parse(g->mixed, strlen(g->mixed), NULL);
	const struct json *given = json_get(j, "InstancesDistribution");

	local_object(c, "MixedInstancesPolicy");
	local_object(c, "LaunchTemplate");
	local_autoscaling_put_template(c, "LaunchTemplateSpecification", g->launch, g->version);
	put_overrides(c, json_get(json_get(j, "LaunchTemplate"), "Overrides"));
	local_end(c);
	local_object(c, "InstancesDistribution");
	for (size_t i = 0; i < COUNT_OF(spread); i++) {
		const char *text = local_str(given, spread[i].name);

		local_put(c, spread[i].name, text ? text : spread[i].otherwise);
	}
	local_end(c);
	local_end(c);
}

void local_autoscaling_setting_put(struct local_call *c, const struct local_fleet_group *g)
{
	if (g->mixed)
		put_mixed(c, g);
	else
		local_autoscaling_put_launch(c, g->launch, g->template, g->version);
}
