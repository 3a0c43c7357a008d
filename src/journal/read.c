#include <string.h>

#include "base/own.h"
#include "journal/schema.h"

int journal_read_memory(struct journal *j, const struct policy *p, struct instant now,
			struct memory *ret, struct err *e)
{
	AUTO(json_freep) struct json *stored = NULL;
	AUTO(db_endp) struct db_row *r = NULL;
	const char *text;
	int rc;

	memory_init(ret);
	r = db_query(j->db, "SELECT json FROM memory WHERE name = ?", DB_ARGS(DB_S(p->name)), e);
	if (!r)
		return err_wrap(e, "reading the journal");
	rc = db_step(r, e);
	if (rc <= 0)
		return rc < 0 ? err_wrap(e, "reading the journal") : 0;
	text = db_str(r, 0);
	stored = text ? json_parse(text, strlen(text), e) : NULL;
	if (!stored || memory_read(p, stored, now, ret, e) < 0)
		return err_wrap(e, "journal: memory of policy %s", p->name);
	return 0;
}

static int read_grade(struct journal *j, const char *name, const char *metric, struct instant now,
		      struct season *ret, struct err *e)
{
	AUTO(json_freep) struct json *stored = NULL;
	AUTO(db_endp) struct db_row *r = NULL;
	const char *text;
	int rc;

	r = db_query(j->db, "SELECT json FROM memory WHERE name = ?", DB_ARGS(DB_S(name)), e);
	if (!r)
		return -1;
	rc = db_step(r, e);
	text = rc == 1 ? db_str(r, 0) : NULL;
	stored = text ? json_parse(text, strlen(text), e) : NULL;
	if (rc < 0 || (text && !stored))
		return -1;
	season_read(json_get(stored, "season"), metric, now, ret);
	return 0;
}

int journal_read_season(struct journal *j, const struct policy *p, struct instant now,
			struct season *ret, struct err *e)
{
	const char *metric = policy_predicted(p);
	AUTO(db_endp) struct db_row *r = NULL;
	int rc;

	season_init(ret);
	if (!metric)
		return 0;
	if (read_grade(j, p->name, metric, now, ret, e) < 0)
		return err_wrap(e, "journal: season of policy %s", p->name);
	r = db_query(
		j->db,
		"SELECT bucket, mean FROM season WHERE name = ? AND metric = ? ORDER BY bucket "
		"DESC LIMIT ?",
		DB_ARGS(DB_S(p->name), DB_S(metric), DB_I(SEASON_BUCKETS)), e);
	if (!r)
		return err_wrap(e, "reading the journal");
	while ((rc = db_step(r, e)) == 1)
		season_put(ret, db_int(r, 0), db_int(r, 1));
	return rc < 0 ? err_wrap(e, "reading the journal") : 0;
}

static int visit_stairs(const struct db_row *r, journal_stairs_fn *fn, void *arg, int *ret_stop,
			struct err *e)
{
	AUTO(json_freep) struct json *plan = NULL;
	AUTO(json_freep) struct json *facts = NULL;
	AUTO(json_freep) struct json *without = NULL;
	const char *plan_text = db_str(r, 5), *facts_text = db_str(r, 6);
	struct journal_stairs s = {
		.policy = db_str(r, 0),
		.policy_text = db_str(r, 1),
		.first = { db_int(r, 2) },
		.last = { db_int(r, 3) },
		.runs = db_int(r, 4),
		.wrote = !db_is_null(r, 7),
		.settled = !db_is_null(r, 8),
		.outcome = db_is_null(r, 8) ? "" : db_str(r, 8),
		.outcome_text = db_is_null(r, 9) ? "" : db_str(r, 9),
	};

	plan = json_parse(plan_text ? plan_text : "", plan_text ? strlen(plan_text) : 0, e);
	if (!plan)
		return err_wrap(e, "journal: a staircase of policy %s", s.policy);
	facts = json_parse(facts_text ? facts_text : "", facts_text ? strlen(facts_text) : 0, e);
	if (!facts)
		return err_wrap(e, "journal: facts of policy %s", s.policy);
	if (!db_is_null(r, 10))
		without = json_parse(db_str(r, 10), strlen(db_str(r, 10)), NULL);
	s.without = without;
	s.plan = plan;
	s.facts = facts;
	*ret_stop = fn(&s, arg);
	return 0;
}

int journal_read_stairs(struct journal *j, const char *policy, struct instant until, int64_t most,
			journal_stairs_fn *fn, void *arg, struct err *e)
{
	AUTO(db_endp) struct db_row *r = NULL;
	int64_t last = instant_is_never(until) ? INT64_MAX : until.ms;
	int rc, stop = 0;

	r = db_query(
		j->db,
		"SELECT s.name, p.text, s.first_at, s.last_at, s.runs, s.plan, s.facts, i.id, "
		"i.outcome, i.error, s.without"
		" FROM stairs s JOIN policy p ON p.id = s.policy"
		" LEFT JOIN intent i ON i.id = (SELECT max(id) FROM intent WHERE stairs = s.id)"
		" WHERE (?1 IS NULL OR s.name = ?1) AND s.first_at <= ?2 ORDER BY s.id DESC LIMIT "
		"?3",
		DB_ARGS(DB_S(policy), DB_I(last), DB_I(most)), e);
	if (!r)
		return err_wrap(e, "reading the journal");
	while (!stop && (rc = db_step(r, e)) == 1)
		if (visit_stairs(r, fn, arg, &stop, e) < 0)
			return -1;
	return !stop && rc < 0 ? err_wrap(e, "reading the journal") : 0;
}

static int64_t or_unknown(const struct db_row *r, int column)
{
	return db_is_null(r, column) ? JOURNAL_UNKNOWN : db_int(r, column);
}

/* A row that began earlier may have turns from then on. */
static int64_t run_since(struct instant since)
{
	return instant_add(since, span_ms(-JOURNAL_RUN_MS)).ms;
}

int journal_read_samples(struct journal *j, const char *policy, struct instant since,
			 journal_sample_fn *fn, void *arg, struct err *e)
{
	AUTO(db_endp) struct db_row *r = NULL;
	int rc = 0;

	r = db_query(j->db,
		     "WITH RECURSIVE turn AS (SELECT name, at, visible, in_flight, desired, wanted,"
		     "  in_service, pending, busy, draining, later FROM sample"
		     "  WHERE (?1 IS NULL OR name = ?1) AND at >= ?2"
		     " UNION ALL SELECT name, at + CAST(later AS INTEGER), visible, in_flight,"
		     "  desired, wanted, in_service, pending, busy, draining,"
		     "  CASE instr(substr(later, 2), ' ') WHEN 0 THEN ''"
		     "  ELSE substr(later, instr(substr(later, 2), ' ') + 1) END"
		     "  FROM turn WHERE later <> '')"
		     " SELECT * FROM turn WHERE at >= ?3 ORDER BY at",
		     DB_ARGS(DB_S(policy), DB_I(run_since(since)), DB_I(since.ms)), e);
	if (!r)
		return err_wrap(e, "reading the journal");
	while ((rc = db_step(r, e)) == 1) {
		struct journal_sample s = {
			.policy = db_str(r, 0),
			.at = { db_int(r, 1) },
			.visible = or_unknown(r, 2),
			.in_flight = or_unknown(r, 3),
			.desired = or_unknown(r, 4),
			.wanted = or_unknown(r, 5),
			.in_service = or_unknown(r, 6),
			.pending = or_unknown(r, 7),
			.busy = or_unknown(r, 8),
			.draining = or_unknown(r, 9),
		};

		if (fn(&s, arg))
			return 0;
	}
	return rc < 0 ? err_wrap(e, "reading the journal") : 0;
}

int journal_read_policies(struct journal *j, journal_policy_fn *fn, void *arg, struct err *e)
{
	AUTO(db_endp) struct db_row *r = NULL;
	int rc = 0;

	r = db_query(j->db,
		     "SELECT name, max(last_at) FROM stairs GROUP BY name ORDER BY 2 DESC, 1", NULL,
		     0, e);
	if (!r)
		return err_wrap(e, "reading the journal");
	while ((rc = db_step(r, e)) == 1)
		if (fn(db_str(r, 0), (struct instant){ db_int(r, 1) }, arg))
			return 0;
	return rc < 0 ? err_wrap(e, "reading the journal") : 0;
}

int journal_read_facts(struct journal *j, const char *policy, struct instant since,
		       journal_facts_fn *fn, void *arg, struct err *e)
{
	AUTO(db_endp) struct db_row *r = NULL;
	AUTO(json_freep) struct json *facts = NULL;
	int rc = 0;

	r = db_query(j->db,
		     "SELECT at, facts, later FROM sample WHERE name = ? AND at >= ? ORDER BY at",
		     DB_ARGS(DB_S(policy), DB_I(run_since(since))), e);
	if (!r)
		return err_wrap(e, "reading the journal");
	while ((rc = db_step(r, e)) == 1) {
		const char *text = db_str(r, 1);

		if (text) {
			json_free(facts);
			facts = json_parse(text, strlen(text), e);
			if (!facts)
				return err_wrap(e, "journal: facts of policy %s", policy);
		}
		struct journal_run run = { { db_int(r, 0) }, db_str(r, 2) };

		do {
			if (facts && run.at.ms >= since.ms && fn(run.at, facts, arg))
				return 0;
		} while (journal_run_next(&run));
	}
	return rc < 0 ? err_wrap(e, "reading the journal") : 0;
}
