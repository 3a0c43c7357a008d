#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/db_own.h"

#define DB_BUSY_MS 5000

static const struct {
	int rc;
	const char *word;
	enum err_kind kind;
	const char *text; /* NULL: SQLite's own */
} db_codes[] = {
	{ SQLITE_BUSY, "busy", ERR_CONFLICT, "another process has kept it locked for 5 s" },
	{ SQLITE_LOCKED, "locked", ERR_CONFLICT, NULL },
	{ SQLITE_CONSTRAINT, "constraint", ERR_CONFLICT, NULL },
	{ SQLITE_CORRUPT, "corrupt", ERR_LOCAL, "the file is damaged" },
	{ SQLITE_NOTADB, "corrupt", ERR_LOCAL, "the file is damaged or no database" },
	{ SQLITE_FULL, "full", ERR_LOCAL, "the disk is full" },
	{ SQLITE_READONLY, "readonly", ERR_LOCAL, NULL },
	{ SQLITE_IOERR, "io", ERR_LOCAL, NULL },
};

int db_fail(const struct db *d, int rc, struct err *e)
{
	int system = d->handle ? sqlite3_system_errno(d->handle) : 0;
	const char *text = d->handle ? sqlite3_errmsg(d->handle) : sqlite3_errstr(rc);
	const char *word = "";
	enum err_kind kind = ERR_LOCAL;

	for (size_t i = 0; i < COUNT_OF(db_codes); i++)
		if (db_codes[i].rc == (rc & 0xFF)) {
			text = db_codes[i].text ? db_codes[i].text : text;
			word = db_codes[i].word;
			kind = db_codes[i].kind;
		}
	if ((rc & 0xFF) == SQLITE_CANTOPEN || (rc & 0xFF) == SQLITE_IOERR)
		err_errno(e, system ? system : EIO, "database '%s': %s", d->path, text);
	else
		err_set(e, kind, "database '%s': %s", d->path, text);
	if (e)
		snprintf(e->code, sizeof(e->code), "%s", word);
	return -1;
}

int db_script(struct db *d, const char *sql, struct err *e)
{
	int rc = sqlite3_exec(d->handle, sql, NULL, NULL, NULL);

	return rc == SQLITE_OK ? 0 : db_fail(d, rc, e);
}

/* Two processes that open a new file at once: the change to WAL does not ask the busy handler. */
static int db_set_wal(struct db *d, struct err *e)
{
	int rc = SQLITE_BUSY;

	for (int waited = 0; waited < DB_BUSY_MS && (rc & 0xFF) == SQLITE_BUSY; waited += 20) {
		rc = sqlite3_exec(d->handle, "PRAGMA journal_mode=WAL", NULL, NULL, NULL);
		if ((rc & 0xFF) == SQLITE_BUSY)
			sqlite3_sleep(20);
	}
	return rc == SQLITE_OK ? 0 : db_fail(d, rc, e);
}

static int db_read_version(struct db *d, int64_t *ret, struct err *e)
{
	struct db_row *r = db_query(d, "PRAGMA user_version", NULL, 0, e);
	int rc;

	if (!r)
		return -1;
	rc = db_step(r, e);
	if (rc == 1)
		*ret = db_int(r, 0);
	db_end(r);
	return rc == 1 ? 0 : -1;
}

static int db_check_version(struct db *d, int64_t version, size_t known, struct err *e)
{
	if (version >= 0 && (size_t)version <= known)
		return 0;
	return err_set(e, ERR_POLICY,
		       "database '%s' has version %lld, written by a newer program; this one knows "
		       "versions up to %zu",
		       d->path, (long long)version, known);
}

/* All that is missing, in the open transaction; the version is read again under the lock, as
 * another process may have done the same meanwhile. */
static int db_migrate_in(struct db *d, const char *const *migrations, size_t n, struct err *e)
{
	int64_t version = 0;
	char set[64];

	if (db_read_version(d, &version, e) < 0 || db_check_version(d, version, n, e) < 0)
		return -1;
	for (; (size_t)version < n; version++)
		if (db_script(d, migrations[version], e) < 0)
			return err_wrap(e, "migration to version %lld", (long long)version + 1);
	snprintf(set, sizeof(set), "PRAGMA user_version=%lld", (long long)version);
	return db_script(d, set, e);
}

/* One transaction: whoever reads meanwhile finds the old version or the new one, none between. */
static int db_migrate_all(struct db *d, const char *const *migrations, size_t n, struct err *e)
{
	if (db_begin(d, e) < 0)
		return -1;
	if (db_migrate_in(d, migrations, n, e) < 0) {
		db_rollback(d);
		return -1;
	}
	return db_commit(d, e);
}

static int db_migrate(struct db *d, enum db_mode mode, const char *const *migrations, size_t n,
		      struct err *e)
{
	int64_t version = 0;

	if (db_read_version(d, &version, e) < 0 || db_check_version(d, version, n, e) < 0)
		return -1;
	if ((size_t)version == n)
		return 0;
	if (mode != DB_READ_ONLY)
		return db_migrate_all(d, migrations, n, e);
	if (version == 0) /* just being made, as far as we know */
		return err_set(
			e, ERR_NOT_FOUND,
			"database '%s' is empty: the program that writes it has not made it yet",
			d->path);
	return err_set(e, ERR_POLICY,
		       "database '%s' has version %lld and this program reads version %zu: "
		       "start the program that writes it once",
		       d->path, (long long)version, n);
}

static int db_setup(struct db *d, enum db_mode mode, struct err *e)
{
	sqlite3_extended_result_codes(d->handle, 1);
	sqlite3_busy_timeout(d->handle, DB_BUSY_MS);
	sqlite3_db_config(d->handle, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	if (mode == DB_CREATE && db_set_wal(d, e) < 0)
		return -1;
	return db_script(d,
			 "PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON; "
			 "PRAGMA trusted_schema=OFF; PRAGMA temp_store=MEMORY",
			 e);
}

static int db_open_file(struct db *d, enum db_mode mode, struct err *e)
{
	int flags = SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
	int rc;

	flags |= mode == DB_READ_ONLY ? SQLITE_OPEN_READONLY
				      : SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;
	rc = sqlite3_open_v2(d->path, &d->handle, flags, NULL);
	if (rc == SQLITE_OK)
		return 0;
	db_fail(d, rc, e);
	if (e && (rc & 0xFF) == SQLITE_CANTOPEN && d->handle &&
	    sqlite3_system_errno(d->handle) == ENOENT)
		e->kind = ERR_NOT_FOUND;
	return -1;
}

/* Takes over the content of another file. */
static int db_load(struct db *d, const char *from, struct err *e)
{
	struct db source = { .path = own_strdup(from) };
	sqlite3_backup *backup;
	int rc = db_open_file(&source, DB_READ_ONLY, e);

	if (rc == 0) {
		backup = sqlite3_backup_init(d->handle, "main", source.handle, "main");
		if (backup)
			sqlite3_backup_step(backup, -1);
		rc = sqlite3_backup_finish(backup) == SQLITE_OK && backup
			     ? 0
			     : db_fail(d, sqlite3_errcode(d->handle), e);
	}
	sqlite3_close(source.handle);
	own_free(source.path);
	return rc;
}

struct db *db_open_copy(const char *from, const char *const *migrations, size_t n, struct err *e)
{
	struct db *d = own_alloc(sizeof(*d));

	d->path = own_strdup(":memory:");
	if (db_open_file(d, DB_MEMORY, e) < 0 || db_load(d, from, e) < 0 ||
	    db_setup(d, DB_MEMORY, e) < 0 || db_migrate(d, DB_MEMORY, migrations, n, e) < 0) {
		db_close(d);
		return NULL;
	}
	return d;
}

int db_copy(struct db *d, const char *path, struct err *e)
{
	return DB_RUN(d, e, "VACUUM INTO ?", DB_S(path));
}

struct db *db_open(const char *path, enum db_mode mode, const char *const *migrations, size_t n,
		   struct err *e)
{
	struct db *d = own_alloc(sizeof(*d));

	d->log = -1;
	d->path = own_strdup(mode == DB_MEMORY ? ":memory:" : path);
	if (db_open_file(d, mode, e) < 0 || db_setup(d, mode, e) < 0 ||
	    db_migrate(d, mode, migrations, n, e) < 0) {
		db_close(d);
		return NULL;
	}
	return d;
}

static void db_row_free(struct db_row *r)
{
	sqlite3_finalize(r->stmt);
	own_free(r->sql);
	own_free(r);
}

void db_close(struct db *d)
{
	if (!d)
		return;
	for (size_t i = 0; i < d->kept_count; i++)
		db_row_free(d->kept[i]);
	sqlite3_close(d->mover);
	sqlite3_close(d->handle);
	if (d->log >= 0)
		close(d->log);
	own_free(d->path);
	own_free(d);
}

int db_begin(struct db *d, struct err *e)
{
	return db_exec(d, "BEGIN IMMEDIATE", NULL, 0, NULL, e);
}

int db_commit(struct db *d, struct err *e)
{
	if (db_exec(d, "COMMIT", NULL, 0, NULL, e) == 0) {
		db_sync_committed(d);
		return 0;
	}
	db_rollback(d);
	return -1;
}

void db_rollback(struct db *d)
{
	if (db_in_transaction(d))
		err_ignore(sqlite3_exec(d->handle, "ROLLBACK", NULL, NULL, NULL));
}

bool db_in_transaction(const struct db *d)
{
	return !sqlite3_get_autocommit(d->handle);
}

struct db_value db_text(const char *s)
{
	return s ? (struct db_value){ .type = DB_TEXT, .p = s, .len = strlen(s) } : DB_N;
}

static uint64_t db_hash(const char *s)
{
	uint64_t h = 0xCBF29CE484222325u; /* FNV-1a */

	for (; *s; s++)
		h = (h ^ (unsigned char)*s) * 0x100000001B3u;
	return h;
}

/* Makes room for one more statement by dropping the oldest that nobody is in. */
static int db_keep(struct db *d, struct db_row *r, struct err *e)
{
	size_t old = 0;

	if (d->kept_count == DB_KEPT_MAX) {
		while (old < d->kept_count && d->kept[old]->busy)
			old++;
		if (old == d->kept_count)
			return err_set(e, ERR_LOCAL, "database '%s': too many open queries",
				       d->path);
		db_row_free(d->kept[old]);
		d->kept_count--;
		memmove(d->kept + old, d->kept + old + 1, (d->kept_count - old) * sizeof(*d->kept));
	}
	d->kept[d->kept_count++] = r;
	return 0;
}

static struct db_row *db_prepare(struct db *d, const char *sql, struct err *e)
{
	uint64_t hash = db_hash(sql);
	struct db_row *r;
	const char *tail = "";
	int rc;

	for (size_t i = 0; i < d->kept_count; i++)
		if (d->kept[i]->hash == hash && strcmp(d->kept[i]->sql, sql) == 0)
			return d->kept[i];
	r = own_alloc(sizeof(*r));
	*r = (struct db_row){ .db = d, .sql = own_strdup(sql), .hash = hash };
	rc = sqlite3_prepare_v3(d->handle, sql, -1, SQLITE_PREPARE_PERSISTENT, &r->stmt, &tail);
	if (rc != SQLITE_OK)
		db_fail(d, rc, e);
	else if (!r->stmt || tail[strspn(tail, " \t\r\n;")])
		rc = err_set(e, ERR_LOCAL, "database '%s': one statement is wanted: %.200s",
			     d->path, sql);
	if (rc == SQLITE_OK && db_keep(d, r, e) == 0)
		return r;
	db_row_free(r);
	return NULL;
}

static int db_bind_one(sqlite3_stmt *s, int at, const struct db_value *v,
		       sqlite3_destructor_type life)
{
	switch (v->type) {
	case DB_INT:
		return sqlite3_bind_int64(s, at, v->i);
	case DB_REAL:
		return sqlite3_bind_double(s, at, v->d);
	case DB_TEXT:
		return sqlite3_bind_text64(s, at, v->p ? v->p : "", v->len, life, SQLITE_UTF8);
	case DB_BLOB:
		return v->len ? sqlite3_bind_blob64(s, at, v->p, v->len, life)
			      : sqlite3_bind_zeroblob(s, at, 0);
	case DB_NULL:
		break;
	}
	return sqlite3_bind_null(s, at);
}

/* The statement, bound and not yet run. @p life: whether SQLite copies the arguments. */
static struct db_row *db_start(struct db *d, const char *sql, const struct db_value *args, size_t n,
			       sqlite3_destructor_type life, struct err *e)
{
	struct db_row *r = db_prepare(d, sql, e);

	if (!r)
		return NULL;
	if (r->busy || (size_t)sqlite3_bind_parameter_count(r->stmt) != n) {
		err_set(e, ERR_LOCAL, "database '%s': %s: %.200s", d->path,
			r->busy ? "the query is already open" : "wrong number of values", sql);
		return NULL;
	}
	for (size_t i = 0; i < n; i++) {
		int rc = db_bind_one(r->stmt, (int)i + 1, &args[i], life);

		if (rc != SQLITE_OK) {
			db_fail(d, rc, e);
			db_end(r);
			return NULL;
		}
	}
	r->busy = true;
	return r;
}

int db_exec(struct db *d, const char *sql, const struct db_value *args, size_t n,
	    int64_t *ret_changes, struct err *e)
{
	struct db_row *r = db_start(d, sql, args, n, SQLITE_STATIC, e);
	int rc;

	if (!r)
		return -1;
	do {
		rc = db_step(r, e);
	} while (rc == 1);
	if (rc == 0 && ret_changes)
		*ret_changes = sqlite3_changes64(d->handle);
	db_end(r);
	return rc;
}

struct db_row *db_query(struct db *d, const char *sql, const struct db_value *args, size_t n,
			struct err *e)
{
	return db_start(d, sql, args, n, SQLITE_TRANSIENT, e);
}

int db_step(struct db_row *r, struct err *e)
{
	int rc = sqlite3_step(r->stmt);

	if (rc == SQLITE_ROW)
		return 1;
	return rc == SQLITE_DONE ? 0 : db_fail(r->db, rc, e);
}

int64_t db_int(const struct db_row *r, int column)
{
	return sqlite3_column_int64(r->stmt, column);
}

double db_real(const struct db_row *r, int column)
{
	return sqlite3_column_double(r->stmt, column);
}

const char *db_str(const struct db_row *r, int column)
{
	return (const char *)sqlite3_column_text(r->stmt, column);
}

const void *db_blob(const struct db_row *r, int column, size_t *ret_len)
{
	const void *p = sqlite3_column_blob(r->stmt, column);

	*ret_len = p ? (size_t)sqlite3_column_bytes(r->stmt, column) : 0;
	return p;
}

bool db_is_null(const struct db_row *r, int column)
{
	return sqlite3_column_type(r->stmt, column) == SQLITE_NULL;
}

void db_end(struct db_row *r)
{
	if (!r)
		return;
	sqlite3_reset(r->stmt);
	sqlite3_clear_bindings(r->stmt);
	r->busy = false;
}

int64_t db_last_id(const struct db *d)
{
	return sqlite3_last_insert_rowid(d->handle);
}
