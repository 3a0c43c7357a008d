/* SQLite in WAL mode (the only file that includes it): journal and local state.
 *
 * One connection a struct db, one thread a connection. Statements are prepared once and kept
 * by their text. synchronous=FULL: a committed transaction survives kill -9 and power loss.
 */
#ifndef BASE_DB_H
#define BASE_DB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct db;
struct db_row; /* a statement at a row */

enum db_mode { DB_CREATE, DB_READ_ONLY, DB_MEMORY };

/* Opens @p path; runs @p migrations[user_version…] in order, all in one transaction with the new
 * user_version: a reader never meets a version between. A file written by a newer program is an
 * error that says so. A file that is not there is ERR_NOT_FOUND for DB_READ_ONLY. Errors of the
 * database carry a code: "busy" and "constraint" (ERR_CONFLICT), "corrupt", "full", "io",
 * "readonly" (ERR_LOCAL). */
MUST struct db *db_open(const char *path, enum db_mode mode, const char *const *migrations,
			size_t n, struct err *e);
/* A database in memory that starts as what the file @p from holds, brought to @p n migrations. */
MUST struct db *db_open_copy(const char *from, const char *const *migrations, size_t n,
			     struct err *e);
/* Writes all that is committed to a new file, in one piece; not inside a transaction. */
MUST int db_copy(struct db *d, const char *path, struct err *e);
void db_close(struct db *d);
static inline void db_closep(struct db **d)
{
	if (*d)
		db_close(*d);
	*d = NULL;
}

MUST int db_begin(struct db *d, struct err *e);  /* BEGIN IMMEDIATE */
MUST int db_commit(struct db *d, struct err *e); /* on failure it has been rolled back */
void db_rollback(struct db *d);
bool db_in_transaction(const struct db *d);

/* From now on a commit is written and not synced: it survives kill -9 at once, and a power cut once
 * a db_sync() that was begun after it has returned 0. Not for DB_MEMORY. */
MUST int db_sync_apart(struct db *d, struct err *e);
MUST int db_sync(const struct db *d, struct err *e); /* any thread; nothing where commits sync */
/* The log has grown: db_tidy() moves it into the file. On any thread, one at a time. */
bool db_tidy_due(const struct db *d);
void db_tidy(struct db *d);

enum db_type { DB_INT, DB_REAL, DB_TEXT, DB_BLOB, DB_NULL };
struct db_value {
	enum db_type type;
	int64_t i;
	double d;
	const void *p;
	size_t len;
};
#define DB_I(x) ((struct db_value){ .type = DB_INT, .i = (x) })
#define DB_D(x) ((struct db_value){ .type = DB_REAL, .d = (x) })
#define DB_S(x) db_text(x)
#define DB_B(ptr, n) ((struct db_value){ .type = DB_BLOB, .p = (ptr), .len = (n) })
#define DB_N ((struct db_value){ .type = DB_NULL })
struct db_value db_text(const char *s); /* NULL becomes NULL */

/* Runs one statement to its end. ret_changes may be NULL. */
MUST int db_exec(struct db *d, const char *sql, const struct db_value *args, size_t n,
		 int64_t *ret_changes, struct err *e);
/* DB_RUN(d, e, "INSERT INTO t VALUES(?,?)", DB_I(1), DB_S("x")) */
#define DB_ARGS(...)                                \
	((const struct db_value[]){ __VA_ARGS__ }), \
		(sizeof((const struct db_value[]){ __VA_ARGS__ }) / sizeof(struct db_value))
#define DB_RUN(d, e, sql, ...) db_exec((d), (sql), DB_ARGS(__VA_ARGS__), NULL, (e))

/* struct db_row *r = db_query(...); while ((rc = db_step(r, e)) == 1) …; db_end(r).
 * Values are borrowed until the next step. Queries of the same text do not nest. */
MUST struct db_row *db_query(struct db *d, const char *sql, const struct db_value *args, size_t n,
			     struct err *e);
MUST int db_step(struct db_row *r, struct err *e); /* 1 a row, 0 no more, -1 error */
int64_t db_int(const struct db_row *r, int column);
double db_real(const struct db_row *r, int column);
const char *db_str(const struct db_row *r, int column); /* NULL for NULL */
const void *db_blob(const struct db_row *r, int column, size_t *ret_len);
bool db_is_null(const struct db_row *r, int column);
void db_end(struct db_row *r);
static inline void db_endp(struct db_row **r)
{
	if (*r)
		db_end(*r);
	*r = NULL;
}
int64_t db_last_id(const struct db *d);

#endif
