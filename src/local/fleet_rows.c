#include <stdio.h>
#include <string.h>

#include "local/fleet_rows.h"

#define GROUP_COLUMNS                                                                             \
	"name, arn, created_ms, least, most, desired, launch, template, version, zones, subnets," \
	" policies, protect_new, cooldown_s, grace_s, warmup_s, health_check, detail, status,"    \
	" cause, scaled_ms, scaled_by, failures, not_before_ms, short_by, mixed, lifetime_s"
#define GROUP_MARKS "?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?"
#define ENDED_KEPT 200
#define INSTANCE_COLUMNS                                                                          \
	"id, grp, zone, launch, template, version, type, image, profile, script, state, healthy," \
	" protected, launched_ms, boot_ms, started_ms, stop_ms, pid, pid_start, boot_id, port,"   \
	" secret, activity, spot, reuse, weight, served_ms"
#define INSTANCE_MARKS "?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?"

void local_fleet_rows_group_done(struct local_fleet_group *g)
{
	own_free(g->name);
	own_free(g->arn);
	own_free(g->launch);
	own_free(g->version);
	own_free(g->zones);
	own_free(g->subnets);
	own_free(g->policies);
	own_free(g->health_check);
	own_free(g->detail);
	own_free(g->status);
	own_free(g->cause);
	own_free(g->scaled_by);
	own_free(g->mixed);
	*g = (struct local_fleet_group){ 0 };
}

void local_fleet_rows_groups_done(struct local_fleet_groups *gs)
{
	for (size_t i = 0; i < gs->count; i++)
		local_fleet_rows_group_done(&gs->all[i]);
	own_free(gs->all);
	*gs = (struct local_fleet_groups){ 0 };
}

void local_fleet_rows_instance_done(struct local_fleet_instance *i)
{
	own_free(i->grp);
	own_free(i->zone);
	own_free(i->launch);
	own_free(i->version);
	own_free(i->type);
	own_free(i->image);
	own_free(i->profile);
	own_free(i->script);
	own_free(i->boot_id);
	own_free(i->secret);
	own_free(i->activity);
	*i = (struct local_fleet_instance){ 0 };
}

void local_fleet_rows_instances_done(struct local_fleet_instances *is)
{
	for (size_t i = 0; i < is->count; i++)
		local_fleet_rows_instance_done(&is->all[i]);
	own_free(is->all);
	*is = (struct local_fleet_instances){ 0 };
}

static char *text_of(const struct db_row *r, int column)
{
	return own_strdup(db_str(r, column));
}

static struct instant instant_of(const struct db_row *r, int column)
{
	return (struct instant){ db_int(r, column) };
}

static struct local_fleet_group group_of(const struct db_row *r)
{
	return (struct local_fleet_group){
		.name = text_of(r, 0),
		.arn = text_of(r, 1),
		.created = instant_of(r, 2),
		.least = db_int(r, 3),
		.most = db_int(r, 4),
		.desired = db_int(r, 5),
		.launch = text_of(r, 6),
		.template = db_int(r, 7) != 0,
		.version = text_of(r, 8),
		.zones = text_of(r, 9),
		.subnets = text_of(r, 10),
		.policies = text_of(r, 11),
		.protect_new = db_int(r, 12) != 0,
		.cooldown_s = db_int(r, 13),
		.grace_s = db_int(r, 14),
		.warmup_s = db_int(r, 15),
		.health_check = text_of(r, 16),
		.detail = text_of(r, 17),
		.status = text_of(r, 18),
		.cause = text_of(r, 19),
		.scaled = instant_of(r, 20),
		.scaled_by = text_of(r, 21),
		.failures = db_int(r, 22),
		.not_before = instant_of(r, 23),
		.short_by = db_int(r, 24),
		.mixed = text_of(r, 25),
		.lifetime_s = db_int(r, 26),
	};
}

static struct local_fleet_instance instance_of(const struct db_row *r)
{
	struct local_fleet_instance i = {
		.grp = text_of(r, 1),
		.zone = text_of(r, 2),
		.launch = text_of(r, 3),
		.template = db_int(r, 4) != 0,
		.version = text_of(r, 5),
		.type = text_of(r, 6),
		.image = text_of(r, 7),
		.profile = text_of(r, 8),
		.script = text_of(r, 9),
		.state = (enum local_fleet_state)db_int(r, 10),
		.healthy = db_int(r, 11) != 0,
		.is_protected = db_int(r, 12) != 0,
		.launched = instant_of(r, 13),
		.boot = instant_of(r, 14),
		.started = instant_of(r, 15),
		.stop = instant_of(r, 16),
		.pid = db_int(r, 17),
		.pid_start = db_int(r, 18),
		.boot_id = text_of(r, 19),
		.port = db_int(r, 20),
		.secret = text_of(r, 21),
		.activity = text_of(r, 22),
		.spot = db_int(r, 23) != 0,
		.reuse = db_int(r, 24) != 0,
		.weight = db_int(r, 25),
		.served = instant_of(r, 26),
	};

	snprintf(i.id, sizeof(i.id), "%s", db_str(r, 0));
	return i;
}

/* Which of the group's processes are suspended. */
static int read_suspended(struct db *d, struct local_fleet_group *g, struct err *e)
{
	AUTO(db_endp) struct db_row *r = NULL;
	int rc;

	r = db_query(d, "SELECT process FROM fleet_suspended WHERE grp = ?", DB_ARGS(DB_S(g->name)),
		     e);
	if (!r)
		return -1;
	while ((rc = db_step(r, e)) == 1) {
		const char *p = db_str(r, 0);

		g->no_launch |= strcmp(p, "Launch") == 0;
		g->no_terminate |= strcmp(p, "Terminate") == 0;
		g->no_health_check |= strcmp(p, "HealthCheck") == 0;
		g->no_replace |= strcmp(p, "ReplaceUnhealthy") == 0;
		g->no_refresh |= strcmp(p, "InstanceRefresh") == 0;
	}
	return rc;
}

int local_fleet_rows_groups(struct db *d, const char *after, int64_t limit,
			    struct local_fleet_groups *ret, struct err *e)
{
	AUTO(db_endp) struct db_row *r = NULL;
	int rc;

	*ret = (struct local_fleet_groups){ 0 };
	r = db_query(
		d, "SELECT " GROUP_COLUMNS " FROM fleet_group WHERE name > ? ORDER BY name LIMIT ?",
		DB_ARGS(DB_S(after), DB_I(limit)), e);
	if (!r)
		return -1;
	while ((rc = db_step(r, e)) == 1) {
		ret->all = own_grow(ret->all, ret->count + 1, sizeof(*ret->all));
		ret->all[ret->count++] = group_of(r);
	}
	for (size_t i = 0; rc == 0 && i < ret->count; i++)
		rc = read_suspended(d, &ret->all[i], e);
	if (rc < 0)
		local_fleet_rows_groups_done(ret);
	return rc;
}

int local_fleet_rows_group(struct db *d, const char *name, struct local_fleet_group *ret,
			   struct err *e)
{
	AUTO(db_endp) struct db_row *r = NULL;
	int rc;

	*ret = (struct local_fleet_group){ 0 };
	r = db_query(d, "SELECT " GROUP_COLUMNS " FROM fleet_group WHERE name = ?",
		     DB_ARGS(DB_S(name)), e);
	if (!r)
		return -1;
	rc = db_step(r, e);
	if (rc != 1)
		return rc;
	*ret = group_of(r);
	if (read_suspended(d, ret, e) < 0) {
		local_fleet_rows_group_done(ret);
		return -1;
	}
	return 1;
}

int local_fleet_rows_instance(struct db *d, const char *id, struct local_fleet_instance *ret,
			      struct err *e)
{
	AUTO(db_endp) struct db_row *r = NULL;
	int rc;

	*ret = (struct local_fleet_instance){ 0 };
	r = db_query(d, "SELECT " INSTANCE_COLUMNS " FROM fleet_instance WHERE id = ?",
		     DB_ARGS(DB_S(id)), e);
	if (!r)
		return -1;
	rc = db_step(r, e);
	if (rc == 1)
		*ret = instance_of(r);
	return rc;
}

int local_fleet_rows_instances(struct db *d, const char *grp, const char *after, int64_t limit,
			       struct local_fleet_instances *ret, struct err *e)
{
	AUTO(db_endp) struct db_row *r = NULL;
	int rc;

	*ret = (struct local_fleet_instances){ 0 };
	if (grp)
		r = db_query(d,
			     "SELECT " INSTANCE_COLUMNS " FROM fleet_instance WHERE grp = ?"
			     " ORDER BY launched_ms, id",
			     DB_ARGS(DB_S(grp)), e);
	else
		r = db_query(d,
			     "SELECT " INSTANCE_COLUMNS " FROM fleet_instance WHERE id > ?"
			     " ORDER BY id LIMIT ?",
			     DB_ARGS(DB_S(after), DB_I(limit)), e);
	if (!r)
		return -1;
	while ((rc = db_step(r, e)) == 1) {
		ret->all = own_grow(ret->all, ret->count + 1, sizeof(*ret->all));
		ret->all[ret->count++] = instance_of(r);
	}
	if (rc < 0)
		local_fleet_rows_instances_done(ret);
	return rc;
}

static int write_group(struct db *d, const char *sql, const struct local_fleet_group *g,
		       struct err *e)
{
	return DB_RUN(d, e, sql, DB_S(g->name), DB_S(g->arn), DB_I(g->created.ms), DB_I(g->least),
		      DB_I(g->most), DB_I(g->desired), DB_S(g->launch), DB_I(g->template),
		      DB_S(g->version), DB_S(g->zones), DB_S(g->subnets), DB_S(g->policies),
		      DB_I(g->protect_new), DB_I(g->cooldown_s), DB_I(g->grace_s),
		      DB_I(g->warmup_s), DB_S(g->health_check), DB_S(g->detail), DB_S(g->status),
		      DB_S(g->cause), DB_I(g->scaled.ms), DB_S(g->scaled_by), DB_I(g->failures),
		      DB_I(g->not_before.ms), DB_I(g->short_by), DB_S(g->mixed),
		      DB_I(g->lifetime_s));
}

int local_fleet_rows_add_group(struct db *d, const struct local_fleet_group *g, struct err *e)
{
	return write_group(
		d, "INSERT INTO fleet_group (" GROUP_COLUMNS ") VALUES (" GROUP_MARKS ")", g, e);
}

int local_fleet_rows_put_group(struct db *d, const struct local_fleet_group *g, struct err *e)
{
	return write_group(
		d, "REPLACE INTO fleet_group (" GROUP_COLUMNS ") VALUES (" GROUP_MARKS ")", g, e);
}

int local_fleet_rows_drop_group(struct db *d, const char *name, struct err *e)
{
	if (DB_RUN(d, e, "DELETE FROM fleet_group WHERE name = ?", DB_S(name)) < 0 ||
	    DB_RUN(d, e, "DELETE FROM fleet_tag WHERE grp = ?", DB_S(name)) < 0 ||
	    DB_RUN(d, e, "DELETE FROM fleet_suspended WHERE grp = ?", DB_S(name)) < 0 ||
	    DB_RUN(d, e, "DELETE FROM fleet_pool WHERE grp = ?", DB_S(name)) < 0 ||
	    DB_RUN(d, e,
		   "DELETE FROM fleet_refresh_todo WHERE refresh IN"
		   " (SELECT id FROM fleet_refresh WHERE grp = ?)",
		   DB_S(name)) < 0 ||
	    DB_RUN(d, e, "DELETE FROM fleet_refresh WHERE grp = ?", DB_S(name)) < 0 ||
	    DB_RUN(d, e, "DELETE FROM fleet_hook WHERE grp = ?", DB_S(name)) < 0)
		return -1;
	return DB_RUN(d, e, "UPDATE fleet_activity SET deleted = 1 WHERE grp = ?", DB_S(name));
}

int local_fleet_rows_add_instance(struct db *d, const struct local_fleet_instance *i, struct err *e)
{
	return DB_RUN(d, e,
		      "INSERT INTO fleet_instance (" INSTANCE_COLUMNS ") VALUES (" INSTANCE_MARKS
		      ")",
		      DB_S(i->id), DB_S(i->grp), DB_S(i->zone), DB_S(i->launch), DB_I(i->template),
		      DB_S(i->version), DB_S(i->type), DB_S(i->image), DB_S(i->profile),
		      DB_S(i->script), DB_I(i->state), DB_I(i->healthy), DB_I(i->is_protected),
		      DB_I(i->launched.ms), DB_I(i->boot.ms), DB_I(i->started.ms), DB_I(i->stop.ms),
		      DB_I(i->pid), DB_I(i->pid_start), DB_S(i->boot_id), DB_I(i->port),
		      DB_S(i->secret), DB_S(i->activity), DB_I(i->spot), DB_I(i->reuse),
		      DB_I(i->weight), DB_I(i->served.ms));
}

int local_fleet_rows_put_instance(struct db *d, const struct local_fleet_instance *i, struct err *e)
{
	return DB_RUN(d, e,
		      "UPDATE fleet_instance SET grp = ?, state = ?, healthy = ?, protected = ?,"
		      " boot_ms = ?, started_ms = ?, stop_ms = ?, pid = ?, pid_start = ?,"
		      " boot_id = ?, port = ?, activity = ?, reuse = ?, served_ms = ? WHERE id = ?",
		      DB_S(i->grp), DB_I(i->state), DB_I(i->healthy), DB_I(i->is_protected),
		      DB_I(i->boot.ms), DB_I(i->started.ms), DB_I(i->stop.ms), DB_I(i->pid),
		      DB_I(i->pid_start), DB_S(i->boot_id), DB_I(i->port), DB_S(i->activity),
		      DB_I(i->reuse), DB_I(i->served.ms), DB_S(i->id));
}

int local_fleet_rows_drop_instance(struct db *d, const char *id, struct err *e)
{
	if (DB_RUN(d, e, "DELETE FROM fleet_wait WHERE instance = ?", DB_S(id)) < 0 ||
	    DB_RUN(d, e,
		   "INSERT OR IGNORE INTO fleet_ended (id, zone, type, image, spot, launched_ms)"
		   " SELECT id, zone, type, image, spot, launched_ms FROM fleet_instance"
		   " WHERE id = ?",
		   DB_S(id)) < 0 ||
	    DB_RUN(d, e,
		   "DELETE FROM fleet_ended WHERE seq <="
		   " (SELECT max(seq) FROM fleet_ended) - ?",
		   DB_I(ENDED_KEPT)) < 0)
		return -1;
	return DB_RUN(d, e, "DELETE FROM fleet_instance WHERE id = ?", DB_S(id));
}
