#include <string.h>

#include "local/fleet_refresh.h"

#define KEPT "100" /* of a group; AWS keeps those of six weeks */
#define COLUMNS                                                                                   \
	"id, grp, status, reason, start_ms, end_ms, total, todo, percent, moved_ms, least, most," \
	" warmup_s, matching, protection, standby, rollback, bake_s, bake_ms, checkpoints,"       \
	" delay_s, passed, resume_ms, desired, launch, template, version, back_reason, back_ms,"  \
	" back_percent, back_todo"

void local_fleet_refreshing_done(struct local_fleet_refreshing *r)
{
	own_free(r->id);
	own_free(r->grp);
	own_free(r->status);
	own_free(r->reason);
	own_free(r->protection);
	own_free(r->standby);
	own_free(r->checkpoints);
	own_free(r->desired);
	own_free(r->launch);
	own_free(r->version);
	own_free(r->back_reason);
	*r = (struct local_fleet_refreshing){ 0 };
}

static char *text_of(const struct db_row *r, int column)
{
	return own_strdup(db_str(r, column));
}

static struct local_fleet_refreshing refreshing_of(const struct db_row *r)
{
	return (struct local_fleet_refreshing){
		.id = text_of(r, 0),
		.grp = text_of(r, 1),
		.status = text_of(r, 2),
		.reason = text_of(r, 3),
		.start = { db_int(r, 4) },
		.end = { db_int(r, 5) },
		.total = db_int(r, 6),
		.todo = db_int(r, 7),
		.percent = db_int(r, 8),
		.moved = { db_int(r, 9) },
		.least = db_int(r, 10),
		.most = db_int(r, 11),
		.warmup_s = db_int(r, 12),
		.matching = db_int(r, 13) != 0,
		.protection = text_of(r, 14),
		.standby = text_of(r, 15),
		.rollback = db_int(r, 16) != 0,
		.bake_s = db_int(r, 17),
		.bake = { db_int(r, 18) },
		.checkpoints = text_of(r, 19),
		.delay_s = db_int(r, 20),
		.passed = db_int(r, 21),
		.resume = { db_int(r, 22) },
		.desired = text_of(r, 23),
		.launch = text_of(r, 24),
		.template = db_int(r, 25) != 0,
		.version = text_of(r, 26),
		.back_reason = text_of(r, 27),
		.back = { db_int(r, 28) },
		.back_percent = db_int(r, 29),
		.back_todo = db_int(r, 30),
	};
}

int local_fleet_refresh_active(struct db *d, const char *grp, struct local_fleet_refreshing *ret,
			       struct err *e)
{
	AUTO(db_endp)
	struct db_row *r = db_query(d,
				    "SELECT " COLUMNS " FROM fleet_refresh"
				    " WHERE grp = ? AND end_ms = 0",
				    DB_ARGS(DB_S(grp)), e);
	int rc = r ? db_step(r, e) : -1;

	*ret = (struct local_fleet_refreshing){ 0 };
	if (rc == 1)
		*ret = refreshing_of(r);
	return rc;
}

int local_fleet_refresh_before(struct db *d, const char *grp, int64_t *seq,
			       struct local_fleet_refreshing *ret, struct err *e)
{
	AUTO(db_endp)
	struct db_row *r = db_query(d,
				    "SELECT " COLUMNS ", seq FROM fleet_refresh"
				    " WHERE grp = ? AND seq < ? ORDER BY seq DESC LIMIT 1",
				    DB_ARGS(DB_S(grp), DB_I(*seq)), e);
	int rc = r ? db_step(r, e) : -1;

	*ret = (struct local_fleet_refreshing){ 0 };
	if (rc == 1) {
		*ret = refreshing_of(r);
		*seq = db_int(r, 31);
	}
	return rc;
}

static int update(struct db *d, const struct local_fleet_refreshing *r, struct err *e)
{
	return DB_RUN(d, e,
		      "UPDATE fleet_refresh SET status = ?, reason = ?, end_ms = ?, total = ?,"
		      " todo = ?, percent = ?, moved_ms = ?, bake_ms = ?, passed = ?,"
		      " resume_ms = ?, back_reason = ?, back_ms = ?, back_percent = ?,"
		      " back_todo = ? WHERE id = ?",
		      DB_S(r->status), DB_S(r->reason), DB_I(r->end.ms), DB_I(r->total),
		      DB_I(r->todo), DB_I(r->percent), DB_I(r->moved.ms), DB_I(r->bake.ms),
		      DB_I(r->passed), DB_I(r->resume.ms), DB_S(r->back_reason), DB_I(r->back.ms),
		      DB_I(r->back_percent), DB_I(r->back_todo), DB_S(r->id));
}

int local_fleet_refresh_put(struct db *d, const struct local_fleet_refreshing *r, struct err *e)
{
	if (DB_RUN(d, e,
		   "INSERT OR IGNORE INTO fleet_refresh (id, grp, status, start_ms, total, todo,"
		   " moved_ms, least, most, warmup_s, matching, protection, standby, rollback,"
		   " bake_s, checkpoints, delay_s, desired, launch, template, version)"
		   " VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
		   DB_S(r->id), DB_S(r->grp), DB_S(r->status), DB_I(r->start.ms), DB_I(r->total),
		   DB_I(r->todo), DB_I(r->moved.ms), DB_I(r->least), DB_I(r->most),
		   DB_I(r->warmup_s), DB_I(r->matching), DB_S(r->protection), DB_S(r->standby),
		   DB_I(r->rollback), DB_I(r->bake_s), DB_S(r->checkpoints), DB_I(r->delay_s),
		   DB_S(r->desired), DB_S(r->launch), DB_I(r->template), DB_S(r->version)) < 0)
		return -1;
	if (r->end.ms &&
	    (DB_RUN(d, e, "DELETE FROM fleet_refresh_todo WHERE refresh = ?", DB_S(r->id)) < 0 ||
	     DB_RUN(d, e,
		    "DELETE FROM fleet_refresh WHERE grp = ?1 AND seq <= (SELECT seq FROM"
		    " fleet_refresh WHERE grp = ?1 ORDER BY seq DESC LIMIT 1 OFFSET " KEPT ")",
		    DB_S(r->grp)) < 0))
		return -1;
	return update(d, r, e);
}

static void say(char **p, const char *text)
{
	own_free(*p);
	*p = own_strdup(text);
}

int local_fleet_refresh_back(struct db *d, const struct local_fleet_group *g,
			     struct local_fleet_refreshing *r, const char *why, struct instant now,
			     struct err *e)
{
	int64_t n = 0;

	if (DB_RUN(d, e, "DELETE FROM fleet_refresh_todo WHERE refresh = ?", DB_S(r->id)) < 0 ||
	    db_exec(d,
		    "INSERT INTO fleet_refresh_todo SELECT ?1, id FROM fleet_instance"
		    " WHERE grp = ?2 AND launched_ms >= ?3",
		    DB_ARGS(DB_S(r->id), DB_S(g->name), DB_I(r->start.ms)), &n, e) < 0)
		return -1;
	say(&r->status, "RollbackInProgress");
	say(&r->back_reason, why);
	r->back = now;
	r->back_percent = r->percent;
	r->back_todo = r->todo;
	r->total = r->todo = n;
	r->percent = n ? 0 : 100;
	r->moved = now;
	r->passed = 0;
	r->resume.ms = r->bake.ms = 0;
	return local_fleet_refresh_put(d, r, e);
}
