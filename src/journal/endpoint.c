/* How the controller's endpoints are: only what is, no history. */
#include "journal/schema.h"

static int put(struct journal *j, const struct journal_endpoint *p, struct instant now,
	       struct err *e)
{
	return DB_RUN(j->db, e,
		      "INSERT OR REPLACE INTO endpoint VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, "
		      "?, ?, ?)",
		      DB_S(p->region), DB_S(p->service), DB_S(p->origin), DB_S(p->role),
		      DB_I(now.ms), DB_S(p->breaker), DB_I(p->failures), DB_I(p->open_for.ms),
		      DB_I(p->rate_milli), DB_I(p->queued), DB_I(p->running), DB_I(p->calls),
		      DB_I(p->retries), DB_I(p->throttled), DB_I(p->failed));
}

int journal_write_endpoints(struct journal *j, const struct journal_endpoint *list, size_t n,
			    struct instant now, struct err *e)
{
	int rc;

	if (db_begin(j->db, e) < 0)
		return err_wrap(e, "writing the journal");
	rc = db_exec(j->db, "DELETE FROM endpoint", NULL, 0, NULL, e);
	for (size_t i = 0; rc == 0 && i < n; i++)
		rc = put(j, &list[i], now, e);
	if (rc < 0 || db_commit(j->db, e) < 0) {
		db_rollback(j->db);
		return err_wrap(e, "writing the journal");
	}
	return 0;
}

int journal_read_endpoints(struct journal *j, journal_endpoint_fn *fn, void *arg, struct err *e)
{
	AUTO(db_endp) struct db_row *r = NULL;
	int rc;

	r = db_query(j->db,
		     "SELECT region, service, origin, role, at, breaker, failures, open_ms,"
		     " rate_milli, queued, running, calls, retries, throttled, failed"
		     " FROM endpoint ORDER BY region, service, origin, role",
		     NULL, 0, e);
	if (!r)
		return err_wrap(e, "reading the journal");
	while ((rc = db_step(r, e)) == 1) {
		const struct journal_endpoint p = {
			.region = db_str(r, 0),
			.service = db_str(r, 1),
			.origin = db_str(r, 2),
			.role = db_str(r, 3),
			.breaker = db_str(r, 5),
			.failures = db_int(r, 6),
			.open_for = { db_int(r, 7) },
			.rate_milli = db_int(r, 8),
			.queued = db_int(r, 9),
			.running = db_int(r, 10),
			.calls = db_int(r, 11),
			.retries = db_int(r, 12),
			.throttled = db_int(r, 13),
			.failed = db_int(r, 14),
		};

		if (fn(&p, (struct instant){ db_int(r, 4) }, arg))
			return 0;
	}
	return rc < 0 ? err_wrap(e, "reading the journal") : 0;
}
