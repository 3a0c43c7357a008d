#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "local/fleet_pool.h"
#include "local/metadata_own.h"

struct asked {
	const struct local_metadata_end *end;
	const struct local_fleet_instance *instance;
	const char *rest; /* of the path, for folders */
	struct buf *out;
	bool json;
};

/* 200 or 404. */
typedef int leaf_fn(struct asked *a);

static int say(struct asked *a, const char *text)
{
	if (!text || !text[0])
		return 404;
	buf_adds(a->out, text);
	return 200;
}

static int leaf_image(struct asked *a)
{
	return say(a, a->instance->image);
}

static int leaf_id(struct asked *a)
{
	return say(a, a->instance->id);
}

static int leaf_type(struct asked *a)
{
	return say(a, a->instance->type);
}

static int leaf_life_cycle(struct asked *a)
{
	return say(a, a->instance->spot ? "spot" : "on-demand");
}

static int leaf_address(struct asked *a)
{
	return say(a, "127.0.0.1");
}

static int leaf_zone(struct asked *a)
{
	return say(a, a->instance->zone);
}

static int leaf_region(struct asked *a)
{
	return say(a, a->end->local->options.region);
}

static int leaf_script(struct asked *a)
{
	return say(a, a->instance->script);
}

/* Where the group is taking it: a worker that reads Terminated has time as long as the hook waits.
 */
static int leaf_target(struct asked *a)
{
	const struct local_fleet_instance *i = a->instance;
	struct local_fleet_pool p = { 0 };
	char target[32];
	struct err e;

	if (!i->grp[0] && !local_fleet_choose_leaving(i->state))
		return say(a, "Detached");
	if (!local_fleet_choose_warmed(i->state))
		return say(a, local_fleet_choose_target(i->state));
	if (local_fleet_pool_read(a->end->local->db, i->grp, &p, &e) < 0)
		return 500;
	snprintf(target, sizeof(target), "Warmed:%s", p.exists ? p.state : "Stopped");
	return say(a, target);
}

static int write_json(struct asked *a, struct json *j)
{
	AUTO(json_freep) struct json *owned = j;

	a->json = true;
	json_write_pretty(owned, a->out);
	return 200;
}

static const char *time_text(struct instant t, char out[static CLOCK_TEXT_MAX])
{
	t.ms -= t.ms % 1000;
	return clock_print(t, out);
}

static int leaf_profile(struct asked *a)
{
	const struct local_options *o = &a->end->local->options;
	AUTO(own_freep)
	char *arn = own_printf("arn:aws:iam::%s:instance-profile/%s", o->account, a->end->role);
	struct json *j = json_object();
	char at[CLOCK_TEXT_MAX];

	json_set_str(j, "Code", "Success");
	json_set_str(j, "LastUpdated", time_text(a->end->issued_at, at));
	json_set_str(j, "InstanceProfileArn", arn);
	json_set_str(j, "InstanceProfileId", "AIPAWINDLASSLOCAL0000");
	return write_json(a, j);
}

static int keys_json(struct asked *a)
{
	const struct local_key *k = &a->end->keys;
	struct json *j = json_object();
	char at[CLOCK_TEXT_MAX];

	json_set_str(j, "Code", "Success");
	json_set_str(j, "LastUpdated", time_text(a->end->issued_at, at));
	json_set_str(j, "Type", "AWS-HMAC");
	json_set_str(j, "AccessKeyId", k->access_key);
	json_set_str(j, "SecretAccessKey", k->secret);
	json_set_str(j, "Token", k->token);
	json_set_str(j, "Expiration", time_text(k->expires, at));
	return write_json(a, j);
}

/* The role's name, and below it its keys. */
static int folder_keys(struct asked *a)
{
	if (!a->rest[0])
		return say(a, a->end->role);
	if (strcmp(a->rest, a->end->role) != 0 || !a->end->issued)
		return 404;
	return keys_json(a);
}

/* Tags of the group that go to its instances, by name; without a rest their names. */
static int folder_tags(struct asked *a)
{
	struct db *d = a->end->local->db;
	AUTO(db_endp) struct db_row *r = NULL;
	bool all = !a->rest[0], found = false;
	struct err e;

	r = db_query(d,
		     "SELECT key, value FROM fleet_tag WHERE grp = ?1 AND propagate"
		     " UNION SELECT 'aws:autoscaling:groupName', ?1 WHERE ?1 <> '' ORDER BY 1",
		     DB_ARGS(DB_S(a->instance->grp)), &e);
	while (r && db_step(r, &e) == 1) {
		if (all) {
			buf_addf(a->out, "%s%s", found ? "\n" : "", db_str(r, 0));
			found = true;
		} else if (strcmp(db_str(r, 0), a->rest) == 0) {
			buf_adds(a->out, db_str(r, 1));
			return 200;
		}
	}
	return found ? 200 : 404;
}

static int leaf_identity(struct asked *a)
{
	const struct local_options *o = &a->end->local->options;
	const struct local_fleet_instance *i = a->instance;
	struct json *j = json_object();
	char at[CLOCK_TEXT_MAX];

	json_set_str(j, "accountId", o->account);
	json_set_str(j, "architecture", sizeof(void *) == 8 ? "x86_64" : "i386");
	json_set_str(j, "availabilityZone", i->zone);
	json_set_str(j, "imageId", i->image);
	json_set_str(j, "instanceId", i->id);
	json_set_str(j, "instanceType", i->type);
	json_set_str(j, "pendingTime", time_text(i->launched, at));
	json_set_str(j, "privateIp", "127.0.0.1");
	json_set_str(j, "region", o->region);
	json_set_str(j, "version", "2017-09-30");
	return write_json(a, j);
}

/* The notice of @p kind that was given to the instance. 404: none. */
static int notice(struct asked *a, const char *kind, struct instant *ret_noticed,
		  struct instant *ret_due)
{
	AUTO(db_endp)
	struct db_row *r =
		db_query(a->end->local->db,
			 "SELECT noticed, due FROM fleet_notice WHERE instance=? AND kind=?",
			 DB_ARGS(DB_S(a->instance->id), DB_S(kind)), NULL);

	if (!r || db_step(r, NULL) != 1)
		return 404;
	ret_noticed->ms = db_int(r, 0);
	ret_due->ms = db_int(r, 1);
	return 200;
}

static int leaf_rebalance(struct asked *a)
{
	struct instant noticed, due;
	struct json *j;
	char at[CLOCK_TEXT_MAX];

	if (notice(a, "rebalance", &noticed, &due) != 200)
		return 404;
	j = json_object();
	json_set_str(j, "noticeTime", time_text(noticed, at));
	return write_json(a, j);
}

static int leaf_spot_action(struct asked *a)
{
	struct instant noticed, due;
	struct json *j;
	char at[CLOCK_TEXT_MAX];

	if (notice(a, "spot", &noticed, &due) != 200)
		return 404;
	j = json_object();
	json_set_str(j, "action", "terminate");
	json_set_str(j, "time", time_text(due, at));
	return write_json(a, j);
}

static int leaf_spot_time(struct asked *a)
{
	struct instant noticed, due;
	char at[CLOCK_TEXT_MAX];

	return notice(a, "spot", &noticed, &due) == 200 ? say(a, time_text(due, at)) : 404;
}

/* A name that ends with a slash is a folder of its own making: it gets what follows. */
static const struct leaf {
	const char *path;
	leaf_fn *fn;
	bool rare; /* not listed: most instances have none */
} leaves[] = {
	{ "/dynamic/instance-identity/document", leaf_identity, false },
	{ "/meta-data/ami-id", leaf_image, false },
	{ "/meta-data/autoscaling/target-lifecycle-state", leaf_target, false },
	{ "/meta-data/events/recommendations/rebalance", leaf_rebalance, true },
	{ "/meta-data/iam/info", leaf_profile, false },
	{ "/meta-data/iam/security-credentials/", folder_keys, false },
	{ "/meta-data/instance-id", leaf_id, false },
	{ "/meta-data/instance-life-cycle", leaf_life_cycle, false },
	{ "/meta-data/instance-type", leaf_type, false },
	{ "/meta-data/local-ipv4", leaf_address, false },
	{ "/meta-data/placement/availability-zone", leaf_zone, false },
	{ "/meta-data/placement/region", leaf_region, false },
	{ "/meta-data/spot/instance-action", leaf_spot_action, true },
	{ "/meta-data/spot/termination-time", leaf_spot_time, true },
	{ "/meta-data/tags/instance/", folder_tags, false },
	{ "/user-data", leaf_script, false },
};

/* The names just below a folder, as AWS lists them: folders with a slash. The table is sorted, so
 * equal names stand together. */
static int list(const char *folder, struct buf *out)
{
	size_t len = strlen(folder);
	char last[64] = "";

	for (size_t i = 0; i < COUNT_OF(leaves); i++) {
		const char *rest = leaves[i].path + len;
		char name[64];

		if (leaves[i].rare || strncmp(leaves[i].path, folder, len) != 0 || !*rest)
			continue;
		snprintf(name, sizeof(name), "%.*s",
			 (int)(strcspn(rest, "/") + (strchr(rest, '/') != NULL)), rest);
		if (strcmp(name, last) != 0)
			buf_addf(out, "%s%s", out->len ? "\n" : "", name);
		snprintf(last, sizeof(last), "%s", name);
	}
	return out->len ? 200 : 404;
}

static int look_up(struct asked *a, const char *path)
{
	size_t len = strlen(path);
	AUTO(own_freep)
	char *folder = own_printf("%s%s", path, len && path[len - 1] == '/' ? "" : "/");

	for (size_t i = 0; i < COUNT_OF(leaves); i++) {
		const struct leaf *f = &leaves[i];
		size_t n = strlen(f->path);

		a->rest = "";
		if (strcmp(f->path, path) == 0 || strcmp(f->path, folder) == 0)
			return f->fn(a);
		if (f->path[n - 1] == '/' && strncmp(f->path, path, n) == 0) {
			a->rest = path + n;
			return f->fn(a);
		}
	}
	return list(folder, a->out);
}

int local_metadata_tree(const struct local_metadata_end *m, const char *path, struct buf *out,
			bool *ret_json)
{
	AUTO(local_fleet_rows_instance_done) struct local_fleet_instance i = { 0 };
	struct asked a = { .end = m, .instance = &i, .out = out, .rest = "" };
	struct err e;
	int rc = local_fleet_rows_instance(m->local->db, m->id, &i, &e);

	if (rc != 1)
		return rc < 0 ? 500 : 404;
	rc = look_up(&a, path);
	*ret_json = a.json;
	return rc;
}
