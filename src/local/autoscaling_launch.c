/* Launch configurations: what an instance runs is the user data of one. */
#include <stdio.h>
#include <string.h>

#include "base/crypto.h"
#include "local/autoscaling.h"
#include "local/fleet_launch.h"

#define NAME_MAX_BYTES 255
#define DATA_MOST 21847 /* base64 of FLEET_SCRIPT_MAX */
#define LAUNCHES_MOST 200
#define PAGE_USUAL 50
#define PAGE_MOST 100

static const char *const kept[] = {
	"KeyName",      "ClassicLinkVPCId",         "KernelId",        "RamdiskId", "SpotPrice",
	"EbsOptimized", "AssociatePublicIpAddress", "PlacementTenancy"
};
static const char *const structures[] = { "BlockDeviceMappings", "ClassicLinkVPCSecurityGroups",
					  "InstanceMonitoring" };
/* Told where nothing was said. */
static const struct {
	const char *name, *value;
} usual[] = {
	{ "KeyName", "" }, { "KernelId", "" }, { "RamdiskId", "" }, { "EbsOptimized", "false" }
};
static const char idle[] = "ZXhlYyBzbGVlcCBpbmZpbml0eQo="; /* exec sleep infinity */

/* 1 there is one, 0 not, -1 the call was ended. */
static int launch_exists(struct local_call *c, const char *name, int64_t *ret_count)
{
	AUTO(db_endp) struct db_row *r = NULL;
	struct err e;
	int rc;

	r = db_query(c->local->db, "SELECT count(*), coalesce(sum(name = ?), 0) FROM fleet_launch",
		     DB_ARGS(DB_S(name)), &e);
	rc = r ? db_step(r, &e) : -1;
	if (rc < 0) {
		local_fail_internal(c, &e);
		return -1;
	}
	*ret_count = db_int(r, 0);
	return db_int(r, 1) > 0;
}

/* As above, of the one that the call names. */
static int launch_named(struct local_call *c, const char **ret_name, int64_t *ret_count)
{
	if (local_autoscaling_need(c, c->params, "LaunchConfigurationName", NAME_MAX_BYTES,
				   ret_name) < 0)
		return -1;
	return launch_exists(c, *ret_name, ret_count);
}

/* Without user data a machine boots and does nothing, so we do: it waits to be stopped. */
int local_autoscaling_launch_data(struct local_call *c, const char *data)
{
	AUTO(buf_done) struct buf script = BUF(FLEET_SCRIPT_MAX);
	struct span delay;
	struct err e;

	if (strlen(data) > DATA_MOST || crypto_unbase64(data, strlen(data), &script, &e) < 0) {
		local_fail(c, "ValidationError",
			   "Invalid BASE64 encoding of user data, or more than"
			   " %d bytes",
			   FLEET_SCRIPT_MAX);
		return -1;
	}
	if (script.len != strlen(buf_str(&script))) {
		local_fail(c, "ValidationError", "User data holds a NUL byte: it must be a script");
		return -1;
	}
	if (local_fleet_launch_delay(buf_str(&script), span_ms(0), &delay, &e) < 0 ||
	    delay.ms < 0) {
		local_fail(c, "ValidationError", "User data: #windlass: %s", e.text);
		return -1;
	}
	return 0;
}

static void detail_of(struct local_call *c, struct buf *out)
{
	AUTO(json_freep) struct json *j = json_object();
	AUTO(own_freep)
	char *groups = local_autoscaling_join(json_get(c->params, "SecurityGroups"));

	for (size_t i = 0; i < COUNT_OF(kept); i++)
		if (local_str(c->params, kept[i]))
			json_set_str(j, kept[i], local_str(c->params, kept[i]));
	for (size_t i = 0; i < COUNT_OF(structures); i++)
		if (json_get(c->params, structures[i]))
			json_set(j, structures[i],
				 json_ref((struct json *)json_get(c->params, structures[i])));
	json_set_str(j, "SecurityGroups", groups);
	json_write(j, out);
}

static int store(struct local_call *c, const char *name, const char *data, struct err *e)
{
	const struct local_options *o = &c->local->options;
	AUTO(buf_done) struct buf detail = BUF(65536);
	AUTO(own_freep) char *arn = NULL;
	const char *image = local_str(c->params, "ImageId");
	const char *type = local_str(c->params, "InstanceType");
	char uuid[CRYPTO_UUID_MAX];

	detail_of(c, &detail);
	arn = own_printf(
		"arn:aws:autoscaling:%s:%s:launchConfiguration:%s:launchConfigurationName/%s",
		o->region, o->account, crypto_uuid(uuid), name);
	return DB_RUN(c->local->db, e,
		      "INSERT INTO fleet_launch (name, arn, created_ms, user_data, image, type,"
		      " profile, detail) VALUES (?,?,?,?,?,?,?,?)",
		      DB_S(name), DB_S(arn), DB_I(local_wall(c->local).ms), DB_S(data),
		      DB_S(image ? image : ""), DB_S(type ? type : "m1.small"),
		      DB_S(local_str(c->params, "IamInstanceProfile")), DB_S(buf_str(&detail)));
}

void local_autoscaling_launch_create(struct local_call *c)
{
	const char *data = local_str(c->params, "UserData"), *name;
	int64_t count;
	struct err e;
	int there = launch_named(c, &name, &count);

	if (there == 1)
		local_fail(c, "AlreadyExists",
			   "Launch Configuration by this name already exists - A launch"
			   " configuration already exists with the name %.255s",
			   name);
	else if (there == 0 && count >= LAUNCHES_MOST)
		local_fail(c, "LimitExceeded", "You already have %d launch configurations.",
			   LAUNCHES_MOST);
	if (there != 0 || count >= LAUNCHES_MOST)
		return;
	data = data && data[0] ? data : idle;
	if (local_autoscaling_launch_data(c, data) < 0)
		return;
	if (store(c, name, data, &e) < 0)
		local_fail_internal(c, &e);
	else
		local_done(c);
}

static void put_value(struct local_call *c, const char *name, const struct json *v)
{
	const struct json *member;
	const char *key;

	if (json_type(v) == JSON_ARRAY) {
		local_list(c, name, NULL);
		for (size_t i = 0; i < json_count(v); i++)
			put_value(c, NULL, json_at(v, i));
		local_end(c);
	} else if (json_type(v) == JSON_OBJECT) {
		local_object(c, name);
		for (size_t it = 0; json_next(v, &it, &key, &member);)
			put_value(c, key, member);
		local_end(c);
	} else {
		local_put(c, name, json_str(v));
	}
}

static void put_usual(struct local_call *c, const struct json *detail)
{
	for (size_t i = 0; i < COUNT_OF(usual); i++)
		if (!json_get(detail, usual[i].name))
			local_put(c, usual[i].name, usual[i].value);
	for (size_t i = 0; i < 2; i++)
		if (!json_get(detail, structures[i])) {
			local_list(c, structures[i], NULL);
			local_end(c);
		}
	if (json_get(detail, "InstanceMonitoring"))
		return;
	local_object(c, "InstanceMonitoring");
	local_put_bool(c, "Enabled", true);
	local_end(c);
}

static void put_detail(struct local_call *c, const char *text)
{
	AUTO(json_freep) struct json *detail = json_parse(text, strlen(text), NULL);
	const struct json *value;
	const char *key;

	for (size_t it = 0; json_next(detail, &it, &key, &value);) {
		if (strcmp(key, "SecurityGroups") == 0)
			local_autoscaling_put_split(c, key, json_str(value));
		else
			put_value(c, key, value);
	}
	put_usual(c, detail);
}

static void put_launch(struct local_call *c, const struct db_row *r)
{
	local_object(c, NULL);
	local_put(c, "LaunchConfigurationName", db_str(r, 0));
	local_put(c, "LaunchConfigurationARN", db_str(r, 1));
	local_put_time(c, "CreatedTime", (struct instant){ db_int(r, 2) });
	local_put(c, "UserData", strcmp(db_str(r, 3), idle) ? db_str(r, 3) : "");
	local_put(c, "ImageId", db_str(r, 4));
	local_put(c, "InstanceType", db_str(r, 5));
	local_put(c, "IamInstanceProfile", db_str(r, 6));
	put_detail(c, db_str(r, 7));
	local_end(c);
}

static int put_launches(struct local_call *c, const struct local_autoscaling_page *p, struct err *e)
{
	const struct json *names = json_get(c->params, "LaunchConfigurationNames");
	AUTO(db_endp) struct db_row *r = NULL;
	AUTO(own_freep) char *last = NULL;
	bool more = false;
	int64_t shown = 0;
	int rc = 0;

	r = db_query(c->local->db,
		     "SELECT name, arn, created_ms, user_data, image, type, profile, detail"
		     " FROM fleet_launch WHERE name > ? ORDER BY name",
		     DB_ARGS(DB_S(p->after)), e);
	if (!r)
		return -1;
	local_list(c, "LaunchConfigurations", NULL);
	while (!more && (rc = db_step(r, e)) == 1) {
		if (json_count(names) > 0 && !local_autoscaling_listed(names, db_str(r, 0)))
			continue;
		more = shown == p->size;
		if (more)
			break;
		put_launch(c, r);
		own_free(last);
		last = own_strdup(db_str(r, 0));
		shown++;
	}
	local_end(c);
	if (more)
		local_autoscaling_put_token(c, last);
	return rc < 0 ? -1 : 0;
}

void local_autoscaling_launch_describe(struct local_call *c)
{
	AUTO(local_autoscaling_page_done) struct local_autoscaling_page p = { 0 };
	struct err e;

	if (local_autoscaling_page(c, PAGE_USUAL, PAGE_MOST, &p) < 0)
		return;
	if (put_launches(c, &p, &e) < 0)
		local_fail_internal(c, &e);
	else
		local_done(c);
}

/* 1 some group launches from it, 0 none, -1 the call was ended. */
static int in_use(struct local_call *c, const char *name)
{
	AUTO(db_endp) struct db_row *r = NULL;
	struct err e;
	int rc;

	r = db_query(c->local->db, "SELECT name FROM fleet_group WHERE launch = ? LIMIT 1",
		     DB_ARGS(DB_S(name)), &e);
	rc = r ? db_step(r, &e) : -1;
	if (rc < 0)
		local_fail_internal(c, &e);
	else if (rc == 1)
		local_fail(c, "ResourceInUse",
			   "Cannot delete launch configuration %.255s because it is attached to"
			   " AutoScalingGroup %.255s",
			   name, db_str(r, 0));
	return rc;
}

void local_autoscaling_launch_delete(struct local_call *c)
{
	const char *name;
	int64_t count;
	struct err e;
	int there = launch_named(c, &name, &count);

	if (there == 0)
		local_fail(c, "ValidationError",
			   "Launch configuration name not found - Launch configuration %.255s not"
			   " found",
			   name);
	if (there != 1 || in_use(c, name) != 0)
		return;
	if (DB_RUN(c->local->db, &e, "DELETE FROM fleet_launch WHERE name = ?", DB_S(name)) < 0)
		local_fail_internal(c, &e);
	else
		local_done(c);
}
