/* Which instances a call asks for. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "local/autoscaling.h"
#include "local/ec2.h"

void local_ec2_instances_done(struct local_ec2_instances *is)
{
	for (size_t k = 0; k < is->count; k++)
		if (is->all[k].ended)
			local_fleet_rows_instance_done(&is->all[k].i);
	own_free(is->all);
	local_fleet_rows_instances_done(&is->alive);
	*is = (struct local_ec2_instances){ 0 };
}

static int by_id(const void *a, const void *b)
{
	return strcmp(((const struct local_ec2_instance *)a)->i.id,
		      ((const struct local_ec2_instance *)b)->i.id);
}

static struct local_ec2_instance *add(struct local_ec2_instances *is)
{
	is->all = own_grow(is->all, is->count + 1, sizeof(*is->all));
	is->all[is->count] = (struct local_ec2_instance){ 0 };
	return &is->all[is->count++];
}

static int read_ended(struct db *d, struct local_ec2_instances *is, struct err *e)
{
	AUTO(db_endp)
	struct db_row *r = db_query(
		d, "SELECT id, zone, type, image, spot, launched_ms FROM fleet_ended", NULL, 0, e);
	int rc = -1;

	while (r && (rc = db_step(r, e)) == 1) {
		struct local_ec2_instance *i = add(is);

		i->ended = true;
		snprintf(i->i.id, sizeof(i->i.id), "%s", db_str(r, 0));
		i->i.grp = own_strdup("");
		i->i.zone = own_strdup(db_str(r, 1));
		i->i.type = own_strdup(db_str(r, 2));
		i->i.image = own_strdup(db_str(r, 3));
		i->i.spot = db_int(r, 4) != 0;
		i->i.launched.ms = db_int(r, 5);
	}
	return rc;
}

int local_ec2_instances(struct db *d, struct local_ec2_instances *ret, struct err *e)
{
	*ret = (struct local_ec2_instances){ 0 };
	if (local_fleet_rows_instances(d, NULL, "", -1, &ret->alive, e) < 0 ||
	    read_ended(d, ret, e) < 0) {
		local_ec2_instances_done(ret);
		return -1;
	}
	for (size_t k = 0; k < ret->alive.count; k++)
		add(ret)->i = ret->alive.all[k];
	if (ret->count)
		qsort(ret->all, ret->count, sizeof(*ret->all), by_id);
	return 0;
}

struct local_ec2_state local_ec2_state_of(const struct local_ec2_instance *i)
{
	static const struct local_ec2_state words[] = {
		{ 0, "pending" },     { 16, "running" },  { 32, "shutting-down" },
		{ 48, "terminated" }, { 64, "stopping" }, { 80, "stopped" },
	};
	enum { PENDING, RUNNING, SHUTTING, TERMINATED, STOPPING, STOPPED } at = RUNNING;

	if (i->ended)
		at = TERMINATED;
	else if (local_fleet_choose_stopping(i->i.state))
		at = SHUTTING;
	else if (i->i.state == FLEET_WARMED_PENDING_PROCEED)
		at = STOPPING;
	else if (i->i.state == FLEET_WARMED_STOPPED || i->i.state == FLEET_WARMED_HIBERNATED)
		at = STOPPED;
	else if (i->i.pid == 0)
		at = PENDING;
	return words[at];
}

/* "*" any characters, "?" any one. */
static bool glob(const char *pattern, const char *text)
{
	const char *star = NULL, *back = NULL;

	while (*text) {
		if (*pattern == '*') {
			star = ++pattern;
			back = text;
		} else if (*pattern == '?' || *pattern == *text) {
			pattern++;
			text++;
		} else if (star) {
			pattern = star;
			text = ++back;
		} else {
			return false;
		}
	}
	while (*pattern == '*')
		pattern++;
	return !*pattern;
}

static bool any(const struct json *values, const char *text)
{
	for (size_t i = 0; text && i < json_count(values); i++) {
		const char *pattern = json_str(json_at(values, i));

		if (pattern && glob(pattern, text))
			return true;
	}
	return false;
}

/* The field that a filter names; NULL: it is none of a text. */
static const char *field(const struct local_ec2_instance *i, const char *filter)
{
	const struct {
		const char *name, *value;
	} fields[] = {
		{ "instance-id", i->i.id },
		{ "instance-state-name", local_ec2_state_of(i).word },
		{ "instance-type", i->i.type },
		{ "image-id", i->i.image },
		{ "availability-zone", i->i.zone },
		{ "instance-lifecycle", i->i.spot ? "spot" : "" },
		{ "private-ip-address", "127.0.0.1" },
	};

	for (size_t k = 0; k < COUNT_OF(fields); k++)
		if (strcmp(fields[k].name, filter) == 0)
			return fields[k].value;
	return NULL;
}

static bool is_tag_filter(const char *name)
{
	return strncmp(name, "tag:", 4) == 0 || strcmp(name, "tag-key") == 0;
}

int local_ec2_check(struct local_call *c, const struct local_ec2_instances *is)
{
	static const struct local_ec2_instance nobody = { 0 };
	const struct json *ids = json_get(c->params, "InstanceIds");
	const struct json *filters = json_get(c->params, "Filters");

	for (size_t i = 0; i < json_count(filters); i++) {
		const char *name = local_str(json_at(filters, i), "Name");

		if (name && (is_tag_filter(name) || field(&nobody, name) ||
			     strcmp(name, "instance-type") == 0 || strcmp(name, "image-id") == 0 ||
			     strcmp(name, "availability-zone") == 0))
			continue;
		local_fail(c, "InvalidParameterValue", "The filter '%.100s' is invalid",
			   name ? name : "");
		return -1;
	}
	for (size_t i = 0; i < json_count(ids); i++) {
		const char *id = json_str(json_at(ids, i));
		bool found = false;

		for (size_t k = 0; id && k < is->count; k++)
			found |= strcmp(is->all[k].i.id, id) == 0;
		if (found)
			continue;
		if (!id || strncmp(id, "i-", 2) != 0)
			local_fail(c, "InvalidInstanceID.Malformed", "Invalid id: \"%.40s\"",
				   id ? id : "");
		else
			local_fail(c, "InvalidInstanceID.NotFound",
				   "The instance ID '%.40s' does not exist", id);
		return -1;
	}
	return 0;
}

static int meets_tag(struct local_call *c, const struct local_ec2_instance *i, const char *name,
		     const struct json *values, struct err *e)
{
	AUTO(db_endp)
	struct db_row *r = db_query(c->local->db,
				    "SELECT key, value FROM fleet_tag WHERE grp = ?1 AND propagate"
				    " UNION SELECT 'aws:autoscaling:groupName', ?1 WHERE ?1 <> ''",
				    DB_ARGS(DB_S(i->i.grp)), e);
	const bool by_key = strcmp(name, "tag-key") == 0;
	bool found = false;
	int rc = -1;

	while (r && (rc = db_step(r, e)) == 1) {
		const char *key = db_str(r, 0), *value = db_str(r, 1);

		found |= by_key ? any(values, key)
				: strcmp(name + 4, key) == 0 && any(values, value);
	}
	return rc < 0 ? -1 : found;
}

int local_ec2_wanted(struct local_call *c, const struct local_ec2_instance *i, struct err *e)
{
	const struct json *ids = json_get(c->params, "InstanceIds");
	const struct json *filters = json_get(c->params, "Filters");

	if (json_count(ids) && !local_autoscaling_listed(ids, i->i.id))
		return 0;
	for (size_t k = 0; k < json_count(filters); k++) {
		const char *name = local_str(json_at(filters, k), "Name");
		const struct json *values = json_get(json_at(filters, k), "Value");
		int rc = is_tag_filter(name) ? meets_tag(c, i, name, values, e)
					     : any(values, field(i, name));

		if (rc != 1)
			return rc;
	}
	return 1;
}
