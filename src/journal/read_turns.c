/* Turns one by one, for replay and comparison. */
#include <string.h>

#include "base/own.h"
#include "journal/schema.h"
#include "model/say.h"

struct turns {
	const struct policy *p;
	struct journal_past past;
	struct facts facts;
	struct json *seen, *plan; /* of this turn or an earlier one that was the same */
	int64_t stairs;
	char *text;
};

static void turns_done(struct turns *t)
{
	json_free(t->seen);
	json_free(t->plan);
	own_free(t->text);
}

static int take_facts(struct turns *t, const char *text, struct err *e)
{
	if (text) {
		json_free(t->seen);
		t->seen = json_parse(text, strlen(text), e);
		if (!t->seen)
			return err_wrap(e, "journal: facts");
	}
	t->past.facts = NULL;
	if (!t->seen)
		return 0;
	if (say_facts_read(t->p, t->seen, &t->facts, e) < 0)
		return err_wrap(e, "journal: facts");
	journal_facts_shift(&t->facts, span_ms(t->past.at.ms));
	t->past.facts = &t->facts;
	return 0;
}

static int take_stairs(struct turns *t, const struct db_row *r, struct err *e)
{
	int64_t id = db_is_null(r, 2) ? 0 : db_int(r, 2);
	const char *plan = db_str(r, 4);

	t->past.begins = id != t->stairs;
	if (!t->past.begins)
		return 0;
	t->stairs = id;
	json_free(t->plan);
	own_free(t->text);
	t->plan = NULL;
	t->text = NULL;
	if (id == 0 || !plan)
		return 0;
	t->plan = json_parse(plan, strlen(plan), e);
	t->text = db_is_null(r, 5) ? NULL : own_strdup(db_str(r, 5));
	return t->plan ? 0 : err_wrap(e, "journal: a staircase");
}

static enum outcome_kind outcome_of(const char *word)
{
	for (int k = OUTCOME_HELD; word && k <= OUTCOME_UNKNOWN; k++)
		if (strcmp(say_outcome_word((enum outcome_kind)k), word) == 0)
			return (enum outcome_kind)k;
	return OUTCOME_UNKNOWN;
}

/* The turn at @p at of the row: a write is its first turn's. */
static int take_turn(struct turns *t, const struct db_row *r, struct instant at, struct err *e)
{
	bool first = at.ms == db_int(r, 0);

	t->past.at = at;
	if (take_facts(t, first ? db_str(r, 1) : NULL, e) < 0 || take_stairs(t, r, e) < 0)
		return -1;
	t->past.policy_text = t->text;
	t->past.plan = t->plan;
	t->past.newest = t->stairs != 0 && db_int(r, 3) == t->past.at.ms;
	t->past.wrote = first && !db_is_null(r, 6);
	t->past.from = t->past.wrote ? (int32_t)db_int(r, 6) : 0;
	t->past.to = t->past.wrote ? (int32_t)db_int(r, 7) : 0;
	t->past.settled = t->past.wrote && !db_is_null(r, 8);
	t->past.outcome = outcome_of(db_str(r, 8));
	return 0;
}

/* Rows of a policy are compacted in the order of their age, its text last of all. */
static int ask_whole(struct journal *j, const char *name, bool *ret, struct err *e)
{
	AUTO(db_endp)
	struct db_row *r =
		db_query(j->db,
			 "SELECT (SELECT min(first_at) FROM policy WHERE name = ?1) >="
			 " (SELECT min(at) FROM sample WHERE name = ?1 AND facts IS NOT NULL)",
			 DB_ARGS(DB_S(name)), e);
	int rc = r ? db_step(r, e) : -1;

	*ret = rc == 1 && !db_is_null(r, 0) && db_int(r, 0) != 0;
	return rc < 0 ? err_wrap(e, "reading the journal") : 0;
}

int journal_read_turns(struct journal *j, const char *name, const struct policy *p,
		       struct instant until, journal_past_fn *fn, void *arg, bool *ret_whole,
		       struct err *e)
{
	AUTO(turns_done) struct turns t = { .p = p };
	AUTO(db_endp) struct db_row *r = NULL;
	int64_t last = instant_is_never(until) ? INT64_MAX : until.ms;
	int rc = 0;

	if (ask_whole(j, name, ret_whole, e) < 0)
		return -1;
	r = db_query(j->db,
		     "SELECT s.at, s.facts, t.id, t.last_at, t.plan, p.text, i.current, i.desired,"
		     " i.outcome, s.later FROM sample s"
		     " LEFT JOIN stairs t ON t.id = (SELECT id FROM stairs WHERE name = s.name AND"
		     "  first_at <= s.at ORDER BY first_at DESC, id DESC LIMIT 1)"
		     " LEFT JOIN policy p ON p.id = t.policy"
		     " LEFT JOIN intent i ON i.id = (SELECT max(id) FROM intent WHERE stairs = t.id"
		     "  AND at = s.at)"
		     " WHERE s.name = ?1 AND s.at <= ?2 ORDER BY s.at",
		     DB_ARGS(DB_S(name), DB_I(last)), e);
	if (!r)
		return err_wrap(e, "reading the journal");
	while ((rc = db_step(r, e)) == 1) {
		struct journal_run run = { { db_int(r, 0) }, db_str(r, 9) };

		do {
			if (run.at.ms > last)
				break;
			if (take_turn(&t, r, run.at, e) < 0)
				return err_wrap(e, "policy %s", name);
			if (fn(&t.past, arg))
				return 0;
		} while (journal_run_next(&run));
	}
	return rc < 0 ? err_wrap(e, "reading the journal") : 0;
}
