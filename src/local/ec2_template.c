/* EC2's launch templates: what a group launches, in numbered versions. */
#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/crypto.h"
#include "local/autoscaling.h"
#include "local/ec2.h"
#include "local/fleet_template.h"

#define NAME_LEAST 3
#define NAME_MOST 128
#define NOTE_MOST 255
#define DATA_MOST (64u << 10)
#define PAGE_MOST 200

/* ---- telling ---- */

/* The reply's name of a member: it begins small, and a list ends in Set. */
static void put_value(struct local_call *c, const char *name, const struct json *v)
{
	AUTO(own_freep)
	char *small = own_printf("%s%s", name ? name : "", json_type(v) == JSON_ARRAY ? "Set" : "");
	const struct json *member;
	const char *key;

	small[0] = (char)tolower((unsigned char)small[0]);
	if (json_type(v) == JSON_ARRAY) {
		local_list(c, small, NULL);
		for (size_t i = 0; i < json_count(v); i++)
			put_value(c, NULL, json_at(v, i));
		local_end(c);
	} else if (json_type(v) == JSON_OBJECT) {
		local_object(c, name ? small : NULL);
		for (size_t it = 0; json_next(v, &it, &key, &member);)
			put_value(c, key, member);
		local_end(c);
	} else {
		local_put(c, name ? small : NULL, json_str(v));
	}
}

static void put_template(struct local_call *c, const char *name,
			 const struct local_fleet_template *t)
{
	local_object(c, name);
	local_put(c, "launchTemplateId", t->id);
	local_put(c, "launchTemplateName", t->name);
	local_put_time(c, "createTime", t->created);
	local_put(c, "createdBy", c->arn);
	local_put_int(c, "defaultVersionNumber", t->preset);
	local_put_int(c, "latestVersionNumber", t->latest);
	local_end(c);
}

static void put_version(struct local_call *c, const char *name,
			const struct local_fleet_template *t, const struct db_row *r)
{
	AUTO(json_freep)
	struct json *data = json_parse(db_str(r, 3), strlen(db_str(r, 3)), NULL);

	local_object(c, name);
	local_put(c, "launchTemplateId", t->id);
	local_put(c, "launchTemplateName", t->name);
	local_put_int(c, "versionNumber", db_int(r, 0));
	local_put(c, "versionDescription", db_str(r, 2));
	local_put_time(c, "createTime", (struct instant){ db_int(r, 1) });
	local_put(c, "createdBy", c->arn);
	local_put_bool(c, "defaultVersion", db_int(r, 0) == t->preset);
	put_value(c, "launchTemplateData", data);
	local_end(c);
}

/* Of the versions that @p only lists, all where it is NULL. How many there were; -1 error. */
static int put_versions(struct local_call *c, const struct local_fleet_template *t,
			const char *name, const struct json *only, struct err *e)
{
	AUTO(db_endp)
	struct db_row *r =
		db_query(c->local->db,
			 "SELECT number, created_ms, note, data FROM "
			 "fleet_template_version WHERE template = ? ORDER BY number DESC",
			 DB_ARGS(DB_S(t->id)), e);
	int n = 0, rc = -1;

	while (r && (rc = db_step(r, e)) == 1) {
		bool wanted = json_count(only) == 0;

		for (size_t i = 0; i < json_count(only) && !wanted; i++)
			wanted = local_fleet_template_number(t, json_str(json_at(only, i))) ==
				 db_int(r, 0);
		if (wanted)
			put_version(c, name, t, r);
		n += wanted;
	}
	return rc < 0 ? -1 : n;
}

/* ---- asking ---- */

/* The template that LaunchTemplateName or LaunchTemplateId names. 1, or the call has ended. */
static int named(struct local_call *c, struct local_fleet_template *ret)
{
	const char *name = local_str(c->params, "LaunchTemplateName"),
		   *id = local_str(c->params, "LaunchTemplateId");
	struct err e;
	int rc;

	if (!name == !id) {
		local_fail(c, name ? "InvalidParameterCombination" : "MissingParameter",
			   "Either a launch template ID or a launch template name must be "
			   "specified in the request.");
		return -1;
	}
	rc = local_fleet_template_find(c->local->db, name, id, ret, &e);
	if (rc < 0)
		local_fail_internal(c, &e);
	else if (rc == 0)
		local_fail(c,
			   name ? "InvalidLaunchTemplateName.NotFoundException"
				: "InvalidLaunchTemplateId.NotFound",
			   "The specified launch template, with template %s %.255s, does not "
			   "exist.",
			   name ? "name" : "ID", name ? name : id);
	return rc == 1 ? 1 : -1;
}

static bool name_ok(const char *name)
{
	size_t n = name ? strlen(name) : 0;

	for (size_t i = 0; i < n; i++)
		if (!isalnum((unsigned char)name[i]) && !strchr("(),./_-", name[i]))
			return false;
	return n >= NAME_LEAST && n <= NAME_MOST;
}

/* What the call's LaunchTemplateData says, over @p base, as text. -1: the call has ended. */
static int read_data(struct local_call *c, struct json *base, struct buf *ret)
{
	const struct json *given = json_get(c->params, "LaunchTemplateData"), *value;
	const char *key, *script = local_str(given, "UserData");

	if (json_type(given) != JSON_OBJECT) {
		local_fail(c, "MissingParameter",
			   "The request must contain the parameter LaunchTemplateData");
		return -1;
	}
	if (script && *script && local_autoscaling_launch_data(c, script) < 0)
		return -1;
	for (size_t it = 0; json_next(given, &it, &key, &value);)
		json_set(base, key, json_ref((struct json *)value));
	json_write(base, ret);
	if (buf_ok(ret, "the template", NULL) == 0)
		return 0;
	local_fail(c, "InvalidParameterValue", "The launch template is too large.");
	return -1;
}

/* The version becomes the template's latest. */
static int store_version(struct local_call *c, const struct local_fleet_template *t,
			 const char *data, struct err *e)
{
	const char *note = local_str(c->params, "VersionDescription");

	return DB_RUN(c->local->db, e, "INSERT INTO fleet_template_version VALUES (?,?,?,?,?)",
		      DB_S(t->id), DB_I(t->latest), DB_I(local_wall(c->local).ms), DB_S(note),
		      DB_S(data));
}

static int store_template(struct local_call *c, const struct local_fleet_template *t, struct err *e)
{
	return DB_RUN(c->local->db, e, "INSERT OR REPLACE INTO fleet_template VALUES (?,?,?,?,?)",
		      DB_S(t->id), DB_S(t->name), DB_I(t->created.ms), DB_I(t->preset),
		      DB_I(t->latest));
}

/* ---- actions ---- */

void local_ec2_template_create(struct local_call *c)
{
	AUTO(local_fleet_template_done) struct local_fleet_template t = { 0 };
	AUTO(json_freep) struct json *base = json_object();
	AUTO(buf_done) struct buf data = BUF(DATA_MOST);
	const char *name = local_str(c->params, "LaunchTemplateName");
	uint8_t bytes[9];
	struct err e;
	int rc;

	if (!name_ok(name)) {
		local_fail(c, "InvalidLaunchTemplateName.MalformedException",
			   "A launch template name must be between 3 and 128 characters, and may "
			   "contain letters, numbers, and the following characters: - ( ) . / _.");
		return;
	}
	rc = local_fleet_template_find(c->local->db, name, NULL, &t, &e);
	if (rc < 0)
		local_fail_internal(c, &e);
	else if (rc == 1)
		local_fail(c, "InvalidLaunchTemplateName.AlreadyExistsException",
			   "Launch template name already in use.");
	if (rc != 0 || read_data(c, base, &data) < 0)
		return;
	crypto_random(bytes, sizeof(bytes));
	t.id = own_printf("lt-0%08x%08x", *(uint32_t *)bytes, *(uint32_t *)(bytes + 4));
	t.name = own_strdup(name);
	t.created = local_wall(c->local);
	t.preset = t.latest = 1;
	if (store_template(c, &t, &e) < 0 || store_version(c, &t, buf_str(&data), &e) < 0) {
		local_fail_internal(c, &e);
		return;
	}
	put_template(c, "launchTemplate", &t);
	local_done(c);
}

/* What SourceVersion names, to be changed; an empty object without one. NULL: the call has ended.
 */
static struct json *source_of(struct local_call *c, const struct local_fleet_template *t)
{
	const char *word = local_str(c->params, "SourceVersion");
	struct json *data = NULL;
	struct err e;
	int rc;

	if (!word)
		return json_object();
	rc = local_fleet_template_data(c->local->db, t, local_fleet_template_number(t, word), &data,
				       &e);
	if (rc < 0)
		local_fail_internal(c, &e);
	else if (rc == 0)
		local_fail(c, "InvalidLaunchTemplateId.VersionNotFound",
			   "Could not find the specified version %.40s for the launch template "
			   "with ID %s.",
			   word, t->id);
	return data;
}

void local_ec2_template_version(struct local_call *c)
{
	AUTO(local_fleet_template_done) struct local_fleet_template t = { 0 };
	AUTO(json_freep) struct json *base = NULL;
	AUTO(json_freep) struct json *only = json_array();
	AUTO(buf_done) struct buf data = BUF(DATA_MOST);
	struct err e;

	if (named(c, &t) < 0)
		return;
	base = source_of(c, &t);
	if (!base || read_data(c, base, &data) < 0)
		return;
	t.latest++;
	json_add(only, json_new_str("$Latest"));
	if (store_template(c, &t, &e) < 0 || store_version(c, &t, buf_str(&data), &e) < 0 ||
	    put_versions(c, &t, "launchTemplateVersion", only, &e) < 0)
		local_fail_internal(c, &e);
	else
		local_done(c);
}

void local_ec2_template_modify(struct local_call *c)
{
	AUTO(local_fleet_template_done) struct local_fleet_template t = { 0 };
	AUTO(json_freep) struct json *data = NULL;
	const char *word = local_str(c->params, "SetDefaultVersion");
	struct err e;
	int rc;

	if (named(c, &t) < 0)
		return;
	t.preset = local_fleet_template_number(&t, word);
	rc = local_fleet_template_data(c->local->db, &t, t.preset, &data, &e);
	if (rc == 0) {
		local_fail(c, "InvalidLaunchTemplateId.VersionNotFound",
			   "Could not find the specified version %.40s for the launch template "
			   "with ID %s.",
			   word, t.id);
		return;
	}
	if (rc < 0 || store_template(c, &t, &e) < 0) {
		local_fail_internal(c, &e);
		return;
	}
	put_template(c, "launchTemplate", &t);
	local_done(c);
}

void local_ec2_template_delete(struct local_call *c)
{
	AUTO(local_fleet_template_done) struct local_fleet_template t = { 0 };
	struct err e;

	if (named(c, &t) < 0)
		return;
	if (DB_RUN(c->local->db, &e, "DELETE FROM fleet_template WHERE id = ?", DB_S(t.id)) < 0 ||
	    DB_RUN(c->local->db, &e, "DELETE FROM fleet_template_version WHERE template = ?",
		   DB_S(t.id)) < 0) {
		local_fail_internal(c, &e);
		return;
	}
	put_template(c, "launchTemplate", &t);
	local_done(c);
}

void local_ec2_template_describe_versions(struct local_call *c)
{
	AUTO(local_fleet_template_done) struct local_fleet_template t = { 0 };
	const struct json *only = json_get(c->params, "LaunchTemplateVersion");
	struct err e;
	int n;

	if (named(c, &t) < 0)
		return;
	local_list(c, "launchTemplateVersionSet", NULL);
	n = put_versions(c, &t, NULL, only, &e);
	local_end(c);
	if (n < 0)
		local_fail_internal(c, &e);
	else if ((size_t)n < json_count(only))
		local_fail(c, "InvalidLaunchTemplateId.VersionNotFound",
			   "Could not find launch template version");
	else
		local_done(c);
}

/* The rows of LaunchTemplateName.n and LaunchTemplateId.n; how many are shown. */
static int put_templates(struct local_call *c, const struct json *names, const struct json *ids,
			 struct err *e)
{
	AUTO(db_endp)
	struct db_row *r = db_query(c->local->db,
				    "SELECT id, name, created_ms, preset, latest FROM "
				    "fleet_template ORDER BY name",
				    NULL, 0, e);
	int n = 0, rc = -1;

	while (r && (rc = db_step(r, e)) == 1) {
		const struct local_fleet_template t = { (char *)db_str(r, 0),
							(char *)db_str(r, 1),
							{ db_int(r, 2) },
							db_int(r, 3),
							db_int(r, 4) };

		if ((json_count(names) && !local_autoscaling_listed(names, t.name)) ||
		    (json_count(ids) && !local_autoscaling_listed(ids, t.id)))
			continue;
		put_template(c, NULL, &t);
		n++;
	}
	return rc < 0 ? -1 : n;
}

void local_ec2_template_describe(struct local_call *c)
{
	const struct json *names = json_get(c->params, "LaunchTemplateName"),
			  *ids = json_get(c->params, "LaunchTemplateId");
	struct err e;
	int n;

	if (json_get(c->params, "Filters")) {
		local_fail(c, "InvalidParameterValue",
			   "windlass-local finds launch templates by name and id");
		return;
	}
	local_list(c, "launchTemplates", NULL);
	n = put_templates(c, names, ids, &e);
	local_end(c);
	if (n < 0)
		local_fail_internal(c, &e);
	else if ((size_t)n < json_count(names) || (size_t)n < json_count(ids))
		local_fail(c,
			   json_count(names) ? "InvalidLaunchTemplateName.NotFoundException"
					     : "InvalidLaunchTemplateId.NotFound",
			   "At least one of the launch templates specified in the request does "
			   "not exist.");
	else
		local_done(c);
}
