/* Commits that are written at once and synced by another thread. */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/db_own.h"

/* Pages in the write-ahead log: from here on they are moved to the file, off the loop; and past the
 * second number the writer waits, so that a log which is always written to starts over at last. */
#define DB_LOG_DUE 1000
#define DB_LOG_MOST 16000

void db_sync_committed(struct db *d)
{
	if (d->mover && d->log_pages > DB_LOG_MOST)
		sqlite3_wal_checkpoint_v2(d->handle, NULL, SQLITE_CHECKPOINT_RESTART, NULL, NULL);
}

static int db_log_grew(void *arg, sqlite3 *handle, const char *name, int pages)
{
	struct db *d = arg;

	(void)handle;
	(void)name;
	d->log_pages = pages;
	return SQLITE_OK;
}

int db_sync_apart(struct db *d, struct err *e)
{
	AUTO(own_freep) char *log = own_printf("%s-wal", d->path);
	int flags = SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE | SQLITE_OPEN_READWRITE;
	int rc;

	if (db_script(d, "PRAGMA synchronous=NORMAL", e) < 0)
		return -1;
	d->log = open(log, O_RDWR | O_CLOEXEC);
	if (d->log < 0)
		return err_errno(e, errno, "database '%s': its log cannot be opened", d->path);
	rc = sqlite3_open_v2(d->path, &d->mover, flags, NULL);
	if (rc != SQLITE_OK)
		return db_fail(d, rc, e);
	sqlite3_wal_hook(d->handle, db_log_grew, d);
	return 0;
}

int db_sync(const struct db *d, struct err *e)
{
	if (d->log >= 0 && fdatasync(d->log) < 0)
		return err_errno(e, errno, "database '%s': its log cannot be synced", d->path);
	return 0;
}

bool db_tidy_due(const struct db *d)
{
	return d->mover && d->log_pages >= DB_LOG_DUE;
}

void db_tidy(struct db *d)
{
	sqlite3_wal_checkpoint_v2(d->mover, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
}
