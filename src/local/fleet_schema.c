#include "local/schema.h"

/* Times are UTC milliseconds, 0 where there is none. Lists are joined with commas. */
const char local_fleet_schema[] =
	"CREATE TABLE fleet_launch ("
	" name TEXT PRIMARY KEY, arn TEXT NOT NULL, created_ms INTEGER NOT NULL,"
	" user_data TEXT NOT NULL," /* base64, as it came */
	" image TEXT NOT NULL, type TEXT NOT NULL, profile TEXT, detail TEXT NOT NULL) WITHOUT "
	"ROWID;"
	"CREATE TABLE fleet_group ("
	" name TEXT PRIMARY KEY, arn TEXT NOT NULL, created_ms INTEGER NOT NULL,"
	" least INTEGER NOT NULL, most INTEGER NOT NULL, desired INTEGER NOT NULL,"
	" launch TEXT NOT NULL,"                    /* a fleet_launch */
	" template INTEGER NOT NULL, version TEXT," /* named by the caller as a launch template */
	" zones TEXT NOT NULL, subnets TEXT NOT NULL, policies TEXT NOT NULL,"
	" protect_new INTEGER NOT NULL, cooldown_s INTEGER NOT NULL, grace_s INTEGER NOT NULL,"
	" warmup_s INTEGER NOT NULL, health_check TEXT NOT NULL, detail TEXT NOT NULL,"
	" status TEXT,"                    /* 'Delete in progress' */
	" cause TEXT NOT NULL DEFAULT ''," /* what changed the capacity, for the activities it makes
					    */
	" scaled_ms INTEGER NOT NULL DEFAULT 0, scaled_by TEXT," /* end and id of the last activity
								  */
	" failures INTEGER NOT NULL DEFAULT 0, not_before_ms INTEGER NOT NULL DEFAULT 0,"
	" short_by INTEGER NOT NULL DEFAULT 0) WITHOUT ROWID;"
	"CREATE TABLE fleet_tag ("
	" grp TEXT NOT NULL, key TEXT NOT NULL, value TEXT NOT NULL, propagate INTEGER NOT NULL,"
	" PRIMARY KEY (grp, key)) WITHOUT ROWID;"
	"CREATE TABLE fleet_suspended ("
	" grp TEXT NOT NULL, process TEXT NOT NULL, reason TEXT NOT NULL,"
	" PRIMARY KEY (grp, process)) WITHOUT ROWID;"
	"CREATE TABLE fleet_hook ("
	" grp TEXT NOT NULL, name TEXT NOT NULL, launching INTEGER NOT NULL,"
	" timeout_s INTEGER NOT NULL, result TEXT NOT NULL,"
	" metadata TEXT, target TEXT, role TEXT, PRIMARY KEY (grp, name)) WITHOUT ROWID;"
	"CREATE TABLE fleet_instance ("
	" id TEXT PRIMARY KEY, grp TEXT NOT NULL, zone TEXT NOT NULL, launch TEXT NOT NULL,"
	" template INTEGER NOT NULL, version TEXT,"
	" type TEXT NOT NULL, image TEXT NOT NULL, profile TEXT, script TEXT NOT NULL,"
	" state INTEGER NOT NULL, healthy INTEGER NOT NULL DEFAULT 1, protected INTEGER NOT NULL,"
	" launched_ms INTEGER NOT NULL, boot_ms INTEGER NOT NULL," /* when its boot delay is over */
	" started_ms INTEGER NOT NULL DEFAULT 0, stop_ms INTEGER NOT NULL DEFAULT 0,"
	" pid INTEGER NOT NULL DEFAULT 0, pid_start INTEGER NOT NULL DEFAULT 0, boot_id TEXT,"
	" port INTEGER NOT NULL DEFAULT 0, secret TEXT NOT NULL," /* what signs metadata tokens, hex
								   */
	" activity TEXT NOT NULL) WITHOUT ROWID;" /* the one in progress, '' when none is */
	"CREATE INDEX fleet_instance_grp ON fleet_instance (grp, launched_ms);"
	"CREATE TABLE fleet_wait ("
	" instance TEXT NOT NULL, hook TEXT NOT NULL, token TEXT NOT NULL UNIQUE,"
	" timeout_s INTEGER NOT NULL, due_ms INTEGER NOT NULL, last_ms INTEGER NOT NULL,"
	" silence TEXT NOT NULL," /* the result when nobody answers in time */
	" result TEXT, PRIMARY KEY (instance, hook)) WITHOUT ROWID;"
	"CREATE TABLE fleet_activity ("
	" seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, grp TEXT NOT NULL,"
	" arn TEXT NOT NULL, deleted INTEGER NOT NULL DEFAULT 0, description TEXT NOT NULL,"
	" cause TEXT NOT NULL, detail TEXT NOT NULL, start_ms INTEGER NOT NULL,"
	" end_ms INTEGER NOT NULL DEFAULT 0, status TEXT NOT NULL, message TEXT,"
	" progress INTEGER NOT NULL);"
	"CREATE INDEX fleet_activity_grp ON fleet_activity (grp, seq);";

const char local_fleet_pool_schema[] =
	"ALTER TABLE fleet_group ADD COLUMN mixed TEXT;"
	"ALTER TABLE fleet_group ADD COLUMN lifetime_s INTEGER NOT NULL DEFAULT 0;"
	"ALTER TABLE fleet_instance ADD COLUMN spot INTEGER NOT NULL DEFAULT 0;"
	"ALTER TABLE fleet_instance ADD COLUMN reuse INTEGER NOT NULL DEFAULT 0;"
	"ALTER TABLE fleet_instance ADD COLUMN weight INTEGER NOT NULL DEFAULT 0;"
	"ALTER TABLE fleet_instance ADD COLUMN served_ms INTEGER NOT NULL DEFAULT 0;"
	"CREATE TABLE fleet_pool ("
	" grp TEXT PRIMARY KEY, least INTEGER NOT NULL,"
	" prepared INTEGER NOT NULL," /* -1: as many as the group's maximum */
	" state TEXT NOT NULL, reuse INTEGER NOT NULL, leaving INTEGER NOT NULL) WITHOUT ROWID;"
	/* The setting that instances get is in launch, template, version: NULL is the group's own.
	 */
	"CREATE TABLE fleet_refresh ("
	" seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, grp TEXT NOT NULL,"
	" status TEXT NOT NULL, reason TEXT, start_ms INTEGER NOT NULL,"
	" end_ms INTEGER NOT NULL DEFAULT 0, total INTEGER NOT NULL, todo INTEGER NOT NULL,"
	" percent INTEGER NOT NULL DEFAULT 0, moved_ms INTEGER NOT NULL,"
	" least INTEGER NOT NULL, most INTEGER NOT NULL, warmup_s INTEGER NOT NULL,"
	" matching INTEGER NOT NULL, protection TEXT NOT NULL, standby TEXT NOT NULL,"
	" rollback INTEGER NOT NULL, bake_s INTEGER NOT NULL, bake_ms INTEGER NOT NULL DEFAULT 0,"
	" checkpoints TEXT NOT NULL, delay_s INTEGER NOT NULL,"
	" passed INTEGER NOT NULL DEFAULT 0, resume_ms INTEGER NOT NULL DEFAULT 0,"
	" desired TEXT, launch TEXT, template INTEGER NOT NULL, version TEXT,"
	" back_reason TEXT, back_ms INTEGER NOT NULL DEFAULT 0,"
	" back_percent INTEGER NOT NULL DEFAULT 0, back_todo INTEGER NOT NULL DEFAULT 0);"
	"CREATE INDEX fleet_refresh_grp ON fleet_refresh (grp, seq);"
	"CREATE TABLE fleet_refresh_todo ("
	" refresh TEXT NOT NULL, instance TEXT NOT NULL,"
	" PRIMARY KEY (refresh, instance)) WITHOUT ROWID;";

/* What EC2 still tells of instances that were terminated. */
const char local_fleet_ended_schema[] =
	"CREATE TABLE fleet_ended ("
	" seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, zone TEXT NOT NULL,"
	" type TEXT NOT NULL, image TEXT NOT NULL, spot INTEGER NOT NULL,"
	" launched_ms INTEGER NOT NULL);";
