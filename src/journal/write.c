#include <stdio.h>

#include "base/own.h"
#include "journal/schema.h"
#include "model/say.h"

#define JOURNAL_TEXT_MAX (256u << 10)

static bool will_write(const struct plan *p)
{
	return p->act == PLAN_SET && p->may_write;
}

/* A staircase is the same as the last one when its stairs are: their args are ages and countdowns,
 * which change at every turn and would defeat the run length. */
static int shape_of(const struct policy *p, const struct plan *plan, struct buf *out)
{
	buf_addf(out, "%d %d %d:", plan->act, plan->may_write, plan->known);
	for (size_t i = 0; i < plan->stair_count; i++) {
		const struct stair *s = &plan->stairs[i];
		const char *rule = s->rule >= 0 && (size_t)s->rule < p->rule_count
					   ? p->rules[s->rule].name
					   : "";

		buf_addf(out, " %s %d %d %s,", say_reason_word(s->code), s->from, s->to, rule);
	}
	return 0;
}

static void write_free(struct json *j, struct buf *out)
{
	json_write(j, out);
	json_free(j);
}

/* FNV-1a, Fowler, Noll and Vo. */
static uint64_t hash_of(const struct buf *text)
{
	uint64_t h = 1469598103934665603u;

	for (size_t i = 0; i < text->len; i++)
		h = (h ^ (unsigned char)text->data[i]) * 1099511628211u;
	return h;
}

static int put_policy(struct journal *j, const struct journal_turn *t, int64_t *ret_id,
		      struct err *e)
{
	struct db_row *r;
	int rc;

	*ret_id = t->place ? t->place->policy : 0;
	if (*ret_id)
		return 0;

	if (DB_RUN(j->db, e, "INSERT OR IGNORE INTO policy (name, text, first_at) VALUES (?, ?, ?)",
		   DB_S(t->policy->name), DB_S(t->policy_text), DB_I(t->at.ms)) < 0)
		return -1;
	r = db_query(j->db, "SELECT id FROM policy WHERE name = ? AND text = ?",
		     DB_ARGS(DB_S(t->policy->name), DB_S(t->policy_text)), e);
	if (!r)
		return -1;
	rc = db_step(r, e);
	if (rc == 1)
		*ret_id = db_int(r, 0);
	db_end(r);
	return rc == 1 ? 0 : rc == 0 ? err_set(e, ERR_LOCAL, "the policy's row is gone") : -1;
}

/* The id of the policy's newest staircase when it has this shape, else 0. */
static int same_stairs(struct journal *j, const struct journal_turn *t, int64_t policy,
		       const struct buf *shape, int64_t *ret_id, struct err *e)
{
	struct db_row *r;
	int rc;

	*ret_id = 0;
	if (t->place && t->place->stairs) {
		if (t->place->shape == hash_of(shape))
			*ret_id = t->place->stairs;
		return 0;
	}
	r = db_query(j->db,
		     "SELECT id, policy = ? AND shape = ? FROM stairs WHERE name = ?"
		     " ORDER BY id DESC LIMIT 1",
		     DB_ARGS(DB_I(policy), DB_S(buf_str(shape)), DB_S(t->policy->name)), e);
	if (!r)
		return -1;
	rc = db_step(r, e);
	if (rc == 1 && db_int(r, 1))
		*ret_id = db_int(r, 0);
	db_end(r);
	return rc < 0 ? -1 : 0;
}

static int put_stairs(struct journal *j, const struct journal_turn *t, int64_t *ret_id,
		      struct err *e)
{
	AUTO(buf_done) struct buf shape = BUF(JOURNAL_TEXT_MAX);
	AUTO(buf_done) struct buf plan = BUF(JOURNAL_TEXT_MAX);
	AUTO(buf_done) struct buf facts = BUF(JOURNAL_TEXT_MAX);
	AUTO(buf_done) struct buf without = BUF(JOURNAL_TEXT_MAX);
	struct json *each = say_without_json(t->plan, t->without);
	int64_t policy = 0;

	shape_of(t->policy, t->plan, &shape);
	write_free(say_plan_json(t->policy, t->plan), &plan);
	write_free(say_facts_json(t->policy, t->facts), &facts);
	if (each)
		write_free(each, &without);
	if (buf_ok(&shape, "a staircase", e) < 0 || buf_ok(&plan, "a plan", e) < 0 ||
	    buf_ok(&facts, "facts", e) < 0 || put_policy(j, t, &policy, e) < 0 ||
	    same_stairs(j, t, policy, &shape, ret_id, e) < 0)
		return -1;
	if (*ret_id) { /* the newest numbers stay, under the same stairs */
		if (DB_RUN(j->db, e,
			   "UPDATE stairs SET last_at = ?, runs = runs + 1, plan = ?, facts = "
			   "?, without = ? "
			   "WHERE id = ?",
			   DB_I(t->at.ms), DB_S(buf_str(&plan)), DB_S(buf_str(&facts)),
			   each ? DB_S(buf_str(&without)) : DB_N, DB_I(*ret_id)) < 0)
			return -1;
	} else {
		if (DB_RUN(j->db, e,
			   "INSERT INTO stairs (policy, name, first_at, last_at, runs, shape, "
			   "plan, facts, without)"
			   " VALUES (?, ?, ?, ?, 1, ?, ?, ?, ?)",
			   DB_I(policy), DB_S(t->policy->name), DB_I(t->at.ms), DB_I(t->at.ms),
			   DB_S(buf_str(&shape)), DB_S(buf_str(&plan)), DB_S(buf_str(&facts)),
			   each ? DB_S(buf_str(&without)) : DB_N) < 0)
			return -1;
		*ret_id = db_last_id(j->db);
	}
	if (t->place) {
		t->place->policy = policy;
		t->place->stairs = *ret_id;
		t->place->shape = hash_of(&shape);
	}
	return 0;
}

static int put_memory(struct journal *j, const struct journal_turn *t, struct err *e)
{
	AUTO(buf_done) struct buf text = BUF(JOURNAL_TEXT_MAX);

	write_free(memory_write(t->policy, t->memory), &text);
	if (buf_ok(&text, "a memory", e) < 0)
		return -1;
	return DB_RUN(j->db, e, "INSERT OR REPLACE INTO memory (name, at, json) VALUES (?, ?, ?)",
		      DB_S(t->policy->name), DB_I(t->at.ms), DB_S(buf_str(&text)));
}

#define SEASON_AGAIN 4 /* buckets that are written again, should a write have failed */

/* The newest full buckets of the metric that is forecast. */
static int put_season(struct journal *j, const struct journal_turn *t, struct err *e)
{
	const struct season *s = t->memory->season;
	const char *metric = policy_predicted(t->policy);

	if (!s || !metric || s->open < 0)
		return 0;
	for (int64_t b = s->open - SEASON_AGAIN; b < s->open; b++) {
		int64_t mean = season_mean(s, b);

		if (mean != SEASON_MISSING &&
		    DB_RUN(j->db, e, "INSERT OR REPLACE INTO season VALUES (?, ?, ?, ?)",
			   DB_S(t->policy->name), DB_S(metric), DB_I(b), DB_I(mean)) < 0)
			return -1;
	}
	return DB_RUN(j->db, e, "DELETE FROM season WHERE name = ? AND metric = ? AND bucket < ?",
		      DB_S(t->policy->name), DB_S(metric), DB_I(s->open - SEASON_BUCKETS));
}

/* Times become ages, so that a turn which saw the same as the one before has the same text. */
static void facts_text(const struct journal_turn *t, struct buf *out)
{
	AUTO(own_freep) struct facts *f = own_alloc(sizeof(*f));

	*f = *t->facts;
	journal_facts_shift(f, span_ms(-t->at.ms));
	write_free(say_facts_json(t->policy, f), out);
}

#define FACTS_AGAIN_MS \
	JOURNAL_RUN_MS /* so often at least in full: what is older may be compacted away */

/* 1: the turn before saw the same, 0: it did not, or is too long ago. */
static int same_facts(struct journal *j, const struct journal_turn *t, const struct buf *text,
		      struct err *e)
{
	AUTO(db_endp) struct db_row *r = NULL;
	int rc;

	if (t->place && t->place->facts) {
		int64_t ago = instant_since(t->at, t->place->facts_at).ms;

		return ago > 0 && ago <= FACTS_AGAIN_MS && t->place->facts == hash_of(text);
	}
	r = db_query(j->db,
		     "SELECT facts = ?1 FROM sample WHERE name = ?2 AND at < ?3 AND at >= ?4 AND"
		     " facts IS NOT NULL ORDER BY at DESC LIMIT 1",
		     DB_ARGS(DB_S(buf_str(text)), DB_S(t->policy->name), DB_I(t->at.ms),
			     DB_I(t->at.ms - FACTS_AGAIN_MS)),
		     e);
	rc = r ? db_step(r, e) : -1;

	return rc == 1 ? db_int(r, 0) != 0 : rc;
}

static struct db_value known(bool is_known, int64_t v)
{
	return is_known ? DB_I(v) : DB_N;
}

static int64_t wanted_of(const struct journal_turn *t)
{
	return t->plan->known ? t->plan->desired : JOURNAL_UNKNOWN;
}

/* 1: the turn was as the one before it, and joins its row; 0: it needs a row of its own. */
static int join_run(struct journal *j, const struct journal_turn *t, int64_t stairs, struct err *e)
{
	struct journal_place *p = t->place;
	int64_t by = p ? instant_since(t->at, p->run_last).ms : 0;
	char text[32];

	if (!p || p->run_stairs == 0 || p->run_stairs != stairs || p->run_wanted != wanted_of(t) ||
	    will_write(t->plan) || by <= 0 || instant_since(t->at, p->run_from).ms > JOURNAL_RUN_MS)
		return 0;
	snprintf(text, sizeof(text), " %lld", (long long)by);
	if (DB_RUN(j->db, e,
		   "UPDATE sample SET later = coalesce(later, '') || ? WHERE name = ? AND at = ?",
		   DB_S(text), DB_S(t->policy->name), DB_I(p->run_from.ms)) < 0)
		return -1;
	p->run_last = t->at;
	return 1;
}

static void begin_run(const struct journal_turn *t, int64_t stairs)
{
	if (!t->place)
		return;
	t->place->run_from = t->place->run_last = t->at;
	t->place->run_stairs = stairs;
	t->place->run_wanted = wanted_of(t);
}

static int put_sample(struct journal *j, const struct journal_turn *t, int64_t stairs,
		      struct err *e)
{
	const struct capacity *g = &t->facts->group;
	bool group = g->why == FACT_READABLE, visible = false, in_flight = false;
	int64_t visible_sum = 0, in_flight_sum = 0;
	AUTO(buf_done) struct buf text = BUF(JOURNAL_TEXT_MAX);
	int same, joined = 0;

	facts_text(t, &text);
	if (buf_ok(&text, "facts", e) < 0)
		return -1;
	same = same_facts(j, t, &text, e);
	if (same > 0)
		joined = join_run(j, t, stairs, e);
	if (same < 0 || joined != 0)
		return same < 0 || joined < 0 ? -1 : 0;
	begin_run(t, stairs);
	if (t->place && !same) {
		t->place->facts = hash_of(&text);
		t->place->facts_at = t->at;
	}
	for (size_t i = 0; i < t->facts->metric_count; i++) {
		const struct fact *f = &t->facts->metric[i];

		if (f->why != FACT_READABLE || !f->is_queue)
			continue;
		if (f->has & QUEUE_VISIBLE) {
			visible = true;
			visible_sum += f->visible;
		}
		if (f->has & QUEUE_IN_FLIGHT) {
			in_flight = true;
			in_flight_sum += f->in_flight;
		}
	}
	return DB_RUN(j->db, e,
		      "INSERT OR REPLACE INTO sample (name, at, visible, in_flight, desired,"
		      " wanted, in_service, pending, busy, draining, facts)"
		      " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
		      DB_S(t->policy->name), DB_I(t->at.ms), known(visible, visible_sum),
		      known(in_flight, in_flight_sum), known(group, g->desired),
		      known(t->plan->known, t->plan->desired), known(group, g->in_service),
		      known(group, g->pending), known(group, g->busy), known(group, g->draining),
		      same ? DB_N : DB_S(buf_str(&text)));
}

static int put_intent(struct journal *j, struct journal_turn *t, int64_t stairs, struct err *e)
{
	t->intent = 0;
	if (!will_write(t->plan))
		return 0;
	if (DB_RUN(j->db, e,
		   "INSERT INTO intent (stairs, name, at, current, desired, low, high) VALUES (?, "
		   "?, ?, ?, ?, ?, ?)",
		   DB_I(stairs), DB_S(t->policy->name), DB_I(t->at.ms), DB_I(t->plan->current),
		   DB_I(t->plan->desired), DB_I(t->plan->low), DB_I(t->plan->high)) < 0)
		return -1;
	t->intent = db_last_id(j->db);
	return 0;
}

static int intents_once(struct journal *j, struct journal_turn *turns, size_t n, struct err *e)
{
	if (db_begin(j->db, e) < 0)
		return -1;
	for (size_t i = 0; i < n; i++) {
		int64_t stairs;

		if (put_stairs(j, &turns[i], &stairs, e) < 0 || put_memory(j, &turns[i], e) < 0 ||
		    put_season(j, &turns[i], e) < 0 || put_sample(j, &turns[i], stairs, e) < 0 ||
		    put_intent(j, &turns[i], stairs, e) < 0) {
			db_rollback(j->db);
			return err_wrap(e, "policy %s", turns[i].policy->name);
		}
	}
	if (db_commit(j->db, e) < 0) {
		db_rollback(j->db);
		return -1;
	}
	return 0;
}

static int outcomes_once(struct journal *j, const struct journal_turn *turns, size_t n,
			 struct err *e)
{
	if (db_begin(j->db, e) < 0)
		return -1;
	for (size_t i = 0; i < n; i++) {
		const struct journal_turn *t = &turns[i];

		if (put_memory(j, t, e) < 0 ||
		    (t->intent &&
		     DB_RUN(j->db, e,
			    "UPDATE intent SET settled_at = ?, outcome = ?, error = ? WHERE id = ?",
			    DB_I(t->outcome->at.ms), DB_S(say_outcome_word(t->outcome->kind)),
			    DB_S(t->outcome->err.text), DB_I(t->intent)) < 0)) {
			db_rollback(j->db);
			return err_wrap(e, "policy %s", t->policy->name);
		}
	}
	if (db_commit(j->db, e) < 0) {
		db_rollback(j->db);
		return -1;
	}
	return 0;
}

int journal_write_intents(struct journal *j, struct journal_turn *turns, size_t n, struct err *e)
{
	if (n == 0 || intents_once(j, turns, n, e) == 0)
		return 0;
	for (size_t i = 0; i < n; i++) /* what they point to was rolled back */
		if (turns[i].place)
			*turns[i].place = (struct journal_place){ 0 };
	if (!j->short_)
		journal_reserve_give(j);
	return err_wrap(e, "writing the journal");
}

int journal_write_outcomes(struct journal *j, const struct journal_turn *turns, size_t n,
			   struct err *e)
{
	if (n == 0 || outcomes_once(j, turns, n, e) == 0)
		return 0;
	if (!j->short_) {
		journal_reserve_give(j);
		if (outcomes_once(j, turns, n, e) == 0)
			return 0;
	}
	return err_wrap(e, "writing the journal");
}
