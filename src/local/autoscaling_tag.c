/* Tags of groups; those that propagate are seen by the instances. */
#include <stdio.h>
#include <string.h>

#include "local/autoscaling.h"

#define KEY_MOST 128
#define VALUE_MOST 256
#define TAGS_MOST 50

int local_autoscaling_tag_check(struct local_call *c, const struct json *tags)
{
	const char *key;

	if (json_count(tags) > TAGS_MOST) {
		local_fail(c, "LimitExceeded", "A group has at most %d tags.", TAGS_MOST);
		return -1;
	}
	for (size_t i = 0; i < json_count(tags); i++) {
		const struct json *t = json_at(tags, i);
		const char *value = local_str(t, "Value");
		bool propagate;

		if (local_autoscaling_need(c, t, "Key", KEY_MOST, &key) < 0 ||
		    local_bool(c, t, "PropagateAtLaunch", &propagate) < 0)
			return -1;
		if (strncmp(key, "aws:", 4) == 0 || (value && strlen(value) > VALUE_MOST)) {
			local_fail(c, "ValidationError",
				   key[3] == ':' ? "Tag keys that begin with aws: are reserved."
						 : "Tag values have 256 characters at most.");
			return -1;
		}
	}
	return 0;
}

int local_autoscaling_tag_store(struct local *l, const char *group, const struct json *tags,
				struct err *e)
{
	for (size_t i = 0; i < json_count(tags); i++) {
		const struct json *t = json_at(tags, i);
		const char *value = local_str(t, "Value"),
			   *propagate = local_str(t, "PropagateAtLaunch");

		if (DB_RUN(l->db, e,
			   "REPLACE INTO fleet_tag (grp, key, value, propagate) VALUES (?,?,?,?)",
			   DB_S(group), DB_S(local_str(t, "Key")), DB_S(value ? value : ""),
			   DB_I(propagate && strcmp(propagate, "true") == 0)) < 0)
			return -1;
	}
	return 0;
}

/* Every tag names its group. */
static int check_groups(struct local_call *c, const struct json *tags)
{
	if (json_count(tags) == 0) {
		local_fail(c, "ValidationError",
			   "1 validation error detected: Value null at 'tags' failed to satisfy"
			   " constraint: Member must not be null");
		return -1;
	}
	for (size_t i = 0; i < json_count(tags); i++) {
		AUTO(local_fleet_rows_group_done) struct local_fleet_group g = { 0 };
		const char *name = local_str(json_at(tags, i), "ResourceId");
		struct err e;
		int rc = local_fleet_rows_group(c->local->db, name ? name : "", &g, &e);

		if (rc == 1)
			continue;
		if (rc < 0)
			local_fail_internal(c, &e);
		else
			local_fail(c, "ValidationError",
				   "AutoScalingGroup name not found - AutoScalingGroup: %.255s not"
				   " found",
				   name ? name : "");
		return -1;
	}
	return 0;
}

void local_autoscaling_tag_put(struct local_call *c)
{
	const struct json *tags = json_get(c->params, "Tags");
	struct err e;

	if (local_autoscaling_tag_check(c, tags) < 0 || check_groups(c, tags) < 0)
		return;
	for (size_t i = 0; i < json_count(tags); i++) {
		AUTO(json_freep) struct json *one = json_array();

		json_add(one, json_ref((struct json *)json_at(tags, i)));
		if (local_autoscaling_tag_store(c->local, local_str(json_at(tags, i), "ResourceId"),
						one, &e) == 0)
			continue;
		local_fail_internal(c, &e);
		return;
	}
	local_done(c);
}

void local_autoscaling_tag_delete(struct local_call *c)
{
	const struct json *tags = json_get(c->params, "Tags");
	struct err e;

	if (check_groups(c, tags) < 0)
		return;
	for (size_t i = 0; i < json_count(tags); i++) {
		const struct json *t = json_at(tags, i);

		if (DB_RUN(c->local->db, &e, "DELETE FROM fleet_tag WHERE grp = ? AND key = ?",
			   DB_S(local_str(t, "ResourceId")), DB_S(local_str(t, "Key"))) == 0)
			continue;
		local_fail_internal(c, &e);
		return;
	}
	local_done(c);
}

/* ---- describe ---- */

static const struct {
	const char *name;
	int column;
} filters[] = {
	{ "auto-scaling-group", 0 },
	{ "key", 1 },
	{ "value", 2 },
	{ "propagate-at-launch", 4 },
};

static int filter_column(const char *name)
{
	for (size_t i = 0; name && i < COUNT_OF(filters); i++)
		if (strcmp(filters[i].name, name) == 0)
			return filters[i].column;
	return -1;
}

static int filters_check(struct local_call *c, const struct json *list)
{
	for (size_t i = 0; i < json_count(list); i++) {
		const char *name = local_str(json_at(list, i), "Name");

		if (filter_column(name) >= 0)
			continue;
		local_fail(c, "ValidationError",
			   "Filter type %.64s is not correct. Allowed Filter types are: "
			   "auto-scaling-group key value propagate-at-launch",
			   name ? name : "");
		return -1;
	}
	return 0;
}

static bool filters_take(const struct json *list, const struct db_row *r)
{
	for (size_t i = 0; i < json_count(list); i++) {
		const struct json *f = json_at(list, i);

		if (!local_autoscaling_listed(json_get(f, "Values"),
					      db_str(r, filter_column(local_str(f, "Name")))))
			return false;
	}
	return true;
}

static void put_tag(struct local_call *c, const struct db_row *r)
{
	local_object(c, NULL);
	local_put(c, "ResourceId", db_str(r, 0));
	local_put(c, "ResourceType", "auto-scaling-group");
	local_put(c, "Key", db_str(r, 1));
	local_put(c, "Value", db_str(r, 2));
	local_put_bool(c, "PropagateAtLaunch", db_int(r, 3) != 0);
	local_end(c);
}

/* A page's token is "group:key", since neither holds what the other may end with. */
static int put_tags(struct local_call *c, const struct json *list,
		    const struct local_autoscaling_page *p, struct err *e)
{
	AUTO(db_endp)
	struct db_row *r =
		db_query(c->local->db,
			 "SELECT grp, key, value, propagate, CASE propagate WHEN 0 THEN "
			 "'false' ELSE 'true' END, grp || ':' || key AS place FROM fleet_tag "
			 "WHERE grp || ':' || key > ? ORDER BY place",
			 DB_ARGS(DB_S(p->after)), e);
	AUTO(own_freep) char *last = NULL;
	int64_t n = 0;
	int rc;

	if (!r)
		return -1;
	local_list(c, "Tags", NULL);
	while ((rc = db_step(r, e)) == 1) {
		if (!filters_take(list, r))
			continue;
		if (n++ == p->size)
			break;
		put_tag(c, r);
		own_free(last);
		last = own_strdup(db_str(r, 5));
	}
	local_end(c);
	if (rc == 1)
		local_autoscaling_put_token(c, last);
	return rc < 0 ? -1 : 0;
}

void local_autoscaling_tag_describe(struct local_call *c)
{
	AUTO(local_autoscaling_page_done) struct local_autoscaling_page p = { 0 };
	const struct json *list = json_get(c->params, "Filters");
	struct err e;

	if (filters_check(c, list) < 0 || local_autoscaling_page(c, 50, 100, &p) < 0)
		return;
	err_clear(&e);
	if (put_tags(c, list, &p, &e) < 0)
		local_fail_internal(c, &e);
	else
		local_done(c);
}
