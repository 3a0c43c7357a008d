/* Notices of EC2 to an instance: it may be rebalanced, or it is a spot instance that goes. */
#include "local/fleet_activity.h"
#include "local/fleet_own.h"
#include "local/schema.h"

#define SPOT_WARNING_S 120

const char local_notice_schema[] =
	"CREATE TABLE fleet_notice (instance TEXT NOT NULL, kind TEXT NOT NULL,"
	" noticed INTEGER NOT NULL, due INTEGER NOT NULL, PRIMARY KEY (instance, kind)) WITHOUT "
	"ROWID;";

int local_fleet_notice(struct local *l, const char *instance, bool spot, struct err *e)
{
	AUTO(local_fleet_rows_instance_done) struct local_fleet_instance i = { 0 };
	const int64_t now = local_wall(l).ms;
	int rc = local_fleet_rows_instance(l->db, instance, &i, e);

	if (rc != 1)
		return rc;
	if (DB_RUN(l->db, e, "INSERT OR IGNORE INTO fleet_notice VALUES (?,?,?,?)", DB_S(instance),
		   DB_S(spot ? "spot" : "rebalance"), DB_I(now),
		   DB_I(spot ? now + SPOT_WARNING_S * 1000 : 0)) < 0)
		return -1;
	local_fleet_wake(l);
	return 1;
}

int local_fleet_notice_due(struct local_fleet_look *k, struct local_fleet_instance *i,
			   struct err *e)
{
	AUTO(buf_done) struct buf cause = BUF(LOCAL_FLEET_CAUSE_MAX);
	AUTO(db_endp) struct db_row *r = NULL;
	struct instant due;
	int rc;

	if (local_fleet_choose_stopping(i->state))
		return 0;
	r = db_query(k->fleet->local->db,
		     "SELECT due FROM fleet_notice WHERE instance=? AND kind='spot'",
		     DB_ARGS(DB_S(i->id)), e);
	rc = r ? db_step(r, e) : -1;
	if (rc != 1)
		return rc;
	due.ms = db_int(r, 0);
	if (due.ms > k->now.ms) {
		local_fleet_due(k->fleet, due);
		return 0;
	}
	local_fleet_activity_say(&cause, k->now,
				 "an instance was taken out of service in response to an EC2 "
				 "instance spot interruption.");
	k->fleet->changed = true;
	return local_fleet_life_terminate(k->fleet->local, k->group, i, buf_str(&cause), true,
					  k->now, e);
}
