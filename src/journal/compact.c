#include "journal/schema.h"

#define COMPACT_ROWS 2000 /* a call, so that it stays within milliseconds */

static int drop(struct journal *j, const char *sql, struct instant oldest, bool *more,
		struct err *e)
{
	int64_t gone = 0;

	if (db_exec(j->db, sql, DB_ARGS(DB_I(oldest.ms), DB_I(COMPACT_ROWS)), &gone, e) < 0)
		return -1;
	*more |= gone == COMPACT_ROWS;
	return 0;
}

int journal_compact(struct journal *j, struct instant now, struct span keep, struct err *e)
{
	struct instant oldest = instant_add(now, span_ms(-keep.ms));
	bool more = false;

	if (j->short_)
		err_ignore(journal_reserve_make(
			j, NULL)); /* still full: short_ stays, and is reported */
	if (db_begin(j->db, e) < 0)
		return err_wrap(e, "compacting the journal");
	/* The newest staircase of each policy stays, however old: explain must have an answer. */
	if (drop(j,
		 "DELETE FROM sample WHERE (name, at) IN (SELECT name, at FROM sample WHERE at < "
		 "?1 LIMIT ?2)",
		 oldest, &more, e) < 0 ||
	    drop(j,
		 "DELETE FROM intent WHERE id IN (SELECT id FROM intent WHERE at < ?1 AND "
		 "settled_at IS NOT NULL"
		 " LIMIT ?2)",
		 oldest, &more, e) < 0 ||
	    drop(j,
		 "DELETE FROM stairs WHERE id IN (SELECT s.id FROM stairs s WHERE s.last_at < ?1"
		 " AND s.id < (SELECT max(id) FROM stairs WHERE name = s.name)"
		 " AND NOT EXISTS (SELECT 1 FROM intent WHERE stairs = s.id) LIMIT ?2)",
		 oldest, &more, e) < 0 ||
	    DB_RUN(j->db, e,
		   "DELETE FROM policy WHERE first_at < ?1 AND NOT EXISTS (SELECT 1 FROM stairs "
		   "WHERE policy = policy.id)",
		   DB_I(oldest.ms)) < 0 ||
	    db_commit(j->db, e) < 0) {
		db_rollback(j->db);
		return err_wrap(e, "compacting the journal");
	}
	return more;
}
