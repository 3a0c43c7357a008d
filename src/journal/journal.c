#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/own.h"
#include "journal/schema.h"

const char *const journal_migrations[] = {
	"CREATE TABLE policy ("
	"  id INTEGER PRIMARY KEY, name TEXT NOT NULL, text TEXT NOT NULL, first_at INTEGER NOT "
	"NULL,"
	"  UNIQUE (name, text));"
	"CREATE TABLE memory ("
	"  name TEXT PRIMARY KEY, at INTEGER NOT NULL, json TEXT NOT NULL) WITHOUT ROWID;"
	"CREATE TABLE stairs ("
	"  id INTEGER PRIMARY KEY, policy INTEGER NOT NULL REFERENCES policy(id), name TEXT NOT "
	"NULL,"
	"  first_at INTEGER NOT NULL, last_at INTEGER NOT NULL, runs INTEGER NOT NULL,"
	"  shape TEXT NOT NULL, plan TEXT NOT NULL, facts TEXT NOT NULL);"
	"CREATE INDEX stairs_by_name ON stairs (name, first_at);"
	"CREATE TABLE intent ("
	"  id INTEGER PRIMARY KEY, stairs INTEGER NOT NULL REFERENCES stairs(id), name TEXT NOT "
	"NULL,"
	"  at INTEGER NOT NULL, current INTEGER NOT NULL, desired INTEGER NOT NULL,"
	"  low INTEGER NOT NULL, high INTEGER NOT NULL,"
	"  settled_at INTEGER, outcome TEXT, error TEXT);"
	"CREATE INDEX intent_by_stairs ON intent (stairs);"
	"CREATE INDEX intent_open ON intent (id) WHERE settled_at IS NULL;"
	"CREATE TABLE sample ("
	"  name TEXT NOT NULL, at INTEGER NOT NULL, visible INTEGER, in_flight INTEGER, desired "
	"INTEGER,"
	"  wanted INTEGER, in_service INTEGER, pending INTEGER, busy INTEGER, draining INTEGER,"
	"  PRIMARY KEY (name, at)) WITHOUT ROWID;",
	"ALTER TABLE stairs ADD COLUMN without TEXT;", /* what each limiter did */
	"CREATE TABLE season ("
	"  name TEXT NOT NULL, metric TEXT NOT NULL, bucket INTEGER NOT NULL, mean INTEGER NOT "
	"NULL,"
	"  PRIMARY KEY (name, metric, bucket)) WITHOUT ROWID;",
	"ALTER TABLE sample ADD COLUMN facts TEXT;", /* NULL: those of the turn before */
	"CREATE TABLE endpoint ("
	"  region TEXT NOT NULL, service TEXT NOT NULL, origin TEXT NOT NULL, role TEXT NOT NULL,"
	"  at INTEGER NOT NULL, breaker TEXT NOT NULL, failures INTEGER NOT NULL,"
	"  open_ms INTEGER NOT NULL, rate_milli INTEGER NOT NULL, queued INTEGER NOT NULL,"
	"  running INTEGER NOT NULL, calls INTEGER NOT NULL, retries INTEGER NOT NULL,"
	"  throttled INTEGER NOT NULL, failed INTEGER NOT NULL,"
	"  PRIMARY KEY (region, service, origin, role)) WITHOUT ROWID;",
	/* Turns that were the same follow the row's: " 10000 9998" is 10 s and again 9.998 s on. */
	"ALTER TABLE sample ADD COLUMN later TEXT;",
};
const size_t journal_migration_count = COUNT_OF(journal_migrations);

/* Real blocks, not a hole: only those are there to give up when the disk is full. */
int journal_reserve_make(struct journal *j, struct err *e)
{
	int fd = open(j->reserve, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	int rc;

	if (fd < 0)
		return err_errno(e, errno, "making the journal's reserve %s", j->reserve);
	rc = posix_fallocate(fd, 0, JOURNAL_RESERVE_BYTES);
	close(fd);
	if (rc != 0) {
		unlink(j->reserve);
		return err_errno(e, rc, "making the journal's reserve %s", j->reserve);
	}
	j->short_ = false;
	return 0;
}

void journal_reserve_give(struct journal *j)
{
	if (j->reserve)
		unlink(j->reserve);
	j->short_ = true;
}

static struct journal *open_as(const char *path, enum db_mode mode, struct err *e)
{
	struct journal *j;
	struct db *db = db_open(path, mode, journal_migrations, journal_migration_count, e);

	if (!db)
		return NULL;
	j = own_alloc(sizeof(*j));
	j->db = db;
	return j;
}

struct journal *journal_open(const char *path, struct instant now, struct err *e)
{
	AUTO(own_freep) char *reserve = own_printf("%s.reserve", path);
	AUTO(journal_freep) struct journal *j = open_as(path, DB_CREATE, e);
	bool given = false;
	struct err full;

	/* Opening writes too, and who starts on a full disk must be able to scale out. */
	if (!j && unlink(reserve) == 0) {
		given = true;
		j = open_as(path, DB_CREATE, e);
	}
	if (!j) {
		err_wrap(e, "journal");
		return NULL;
	}
	j->reserve = TAKE(reserve);
	if (given || journal_reserve_make(j, &full) < 0)
		j->short_ = true; /* the disk is full already: scale-in waits, and status says so */
	if (DB_RUN(j->db, e,
		   "UPDATE intent SET settled_at = ?, outcome = 'unknown', error ="
		   " 'the controller ended before the answer came' WHERE settled_at IS NULL",
		   DB_I(now.ms)) < 0) {
		err_wrap(e, "journal %s", path);
		return NULL;
	}
	return TAKE(j);
}

struct journal *journal_open_read(const char *path, struct err *e)
{
	AUTO(own_freep) char *reserve = own_printf("%s.reserve", path);
	struct journal *j;

	if (access(path, F_OK) < 0 && errno == ENOENT) {
		err_set(e, ERR_NOT_FOUND,
			"journal %s: No such file or directory -> windlassd and windlass turn make "
			"it; another is named by --journal",
			path);
		return NULL;
	}
	j = open_as(path, DB_READ_ONLY, e);
	if (!j) {
		err_wrap(e, "journal");
		return NULL;
	}
	j->short_ = access(reserve, F_OK) < 0; /* whoever writes it has given it up */
	return j;
}

void journal_free(struct journal *j)
{
	if (!j)
		return;
	db_close(j->db);
	own_free(j->reserve);
	own_free(j);
}

bool journal_is_short(const struct journal *j)
{
	return j->short_;
}

bool journal_run_next(struct journal_run *r)
{
	char *end;
	long long by = r->later ? strtoll(r->later, &end, 10) : 0;

	if (by <= 0)
		return false;
	r->at = instant_add(r->at, span_ms(by));
	r->later = end;
	return true;
}

static void shift(struct instant *t, struct span by)
{
	if (!instant_is_never(*t))
		*t = instant_add(*t, by);
}

void journal_facts_shift(struct facts *f, struct span by)
{
	shift(&f->group.seen_at, by);
	for (size_t i = 0; i < f->metric_count; i++) {
		shift(&f->metric[i].seen_at, by);
		shift(&f->metric[i].period_end, by);
	}
}
