/* What the files of the database share, and nobody else. */
#ifndef BASE_DB_OWN_H
#define BASE_DB_OWN_H

#include <sqlite3.h>
#include <stdatomic.h>

#include "base/db.h"

#define DB_KEPT_MAX 256 /* prepared statements; the texts are the program's own, so few */

struct db_row {
	struct db *db;
	sqlite3_stmt *stmt;
	char *sql;
	uint64_t hash;
	bool busy;
};

struct db {
	sqlite3 *handle;
	char *path;
	struct db_row *kept[DB_KEPT_MAX];
	size_t kept_count;
	/* Synced apart: */
	sqlite3 *mover; /* the connection that moves pages; NULL: each commit syncs */
	int log;        /* our own descriptor of the write-ahead log */
	_Atomic int log_pages;
};

/* What SQLite says of @p rc, into @p e; -1. */
int db_fail(const struct db *d, int rc, struct err *e);
MUST int db_script(struct db *d, const char *sql, struct err *e);
void db_sync_committed(struct db *d); /* the log may be so long that it must start over */

#endif
