/* The round: what is ready is thought about, recorded and begun; what is done is settled and
 * recorded. */
#include "base/clock.h"
#include "base/own.h"
#include "base/trim.h"
#include "control/inner.h"
#include "control/pace.h"
#include "decide/decide.h"

#define TRIM_SLEEP_MS 250 /* trimming costs 2 ms; a controller of many policies sleeps less */

/* --- thinking */

static void plan_refuse(struct plan *p, enum reason why, bool hold)
{
	if (p->stair_count < PLAN_STAIRS_MAX)
		p->stairs[p->stair_count++] =
			(struct stair){ .code = why,
					.rule = -1,
					.from = p->desired,
					.to = hold ? p->current : p->desired };
	p->why = why;
	p->may_write = false;
	if (hold)
		p->act = PLAN_HOLD;
}

/* What one turn thinks, between its reads and its write. Pure but for its own memory. */
static void turn_think(struct turn *t)
{
	decide_learn(t->policy, &t->facts, t->at, &t->memory);
	t->plan = decide(t->policy, &t->facts, &t->memory, t->at);
	t->without = decide_without_each(t->policy, &t->facts, &t->memory, t->at);
	if (t->blocked)
		plan_refuse(&t->plan, REASON_BLOCKED, false);
}

static struct journal_turn turn_entry(const struct turn *t)
{
	return (struct journal_turn){
		.policy = t->policy,
		.policy_text = t->policy_text,
		.facts = &t->facts,
		.memory = &t->memory,
		.plan = &t->plan,
		.without = &t->without,
		.outcome = &t->write.outcome,
		.at = t->at,
		.intent = t->intent,
	};
}

static size_t turns_in(struct control *c, enum turn_state state, struct turn **ret)
{
	size_t n = 0;

	for (size_t i = 0; i < c->turn_count && n < CONTROL_ROUND_MAX; i++)
		if (c->turns[i].state == state)
			ret[n++] = &c->turns[i];
	return n;
}

/* Presumes each write and makes its entry. On a full disk only scale-out is left. */
static void prepare_intents(struct control *c, struct turn **turns, size_t n,
			    struct memory *ret_before, struct journal_turn *ret_entry)
{
	for (size_t i = 0; i < n; i++) {
		if (c->journal && journal_is_short(c->journal))
			decide_mode_unrecorded(&turns[i]->plan);
		ret_before[i] = turns[i]->memory;
		decide_presume(&turns[i]->plan, turns[i]->at, &turns[i]->memory);
		turns[i]->intent = 0;
		ret_entry[i] = turn_entry(turns[i]);
	}
}

static void take_back(struct turn **turns, size_t n, const struct memory *before)
{
	for (size_t i = 0; i < n; i++)
		turns[i]->memory = before[i];
}

/* Intents first. What cannot be recorded is not done, and its presumption is taken back. */
static void record_intents(struct control *c, struct turn **turns, size_t n)
{
	struct journal_turn entry[CONTROL_ROUND_MAX];
	AUTO(own_freep) struct memory *before = own_array(n, sizeof(*before));
	bool was_short = c->journal && journal_is_short(c->journal);
	struct err e;
	int rc;

	prepare_intents(c, turns, n, before, entry);
	if (!c->lease)
		return;
	rc = journal_write_intents(c->journal, entry, n, &e);
	if (rc < 0 && !was_short && journal_is_short(c->journal)) {
		take_back(turns, n, before); /* the reserve is given up for what is left */
		prepare_intents(c, turns, n, before, entry);
		rc = journal_write_intents(c->journal, entry, n, &e);
	}
	if (rc == 0) {
		for (size_t i = 0; i < n; i++)
			turns[i]->intent = entry[i].intent;
		return;
	}
	c->o.on_report(&e, c->o.arg);
	take_back(turns, n, before);
	for (size_t i = 0; i < n; i++)
		if (turns[i]->plan.act == PLAN_SET)
			plan_refuse(&turns[i]->plan, REASON_UNRECORDED, true);
}

/* C9: the full disk is said when it is seen, and again while it lasts. */
static void report_short(struct control *c, struct now now)
{
	struct err e;

	if (!c->lease || !journal_is_short(c->journal)) {
		c->short_said = false;
		return;
	}
	if (c->short_said && tick_since(now.mono, c->short_said_at).ms < CONTROL_COMPACT_EVERY_MS)
		return;
	c->short_said = true;
	c->short_said_at = now.mono;
	err_ignore(err_set(&e, ERR_LOCAL,
			   "the disk of the journal %s is full -> its reserve is given up and "
			   "scale-in waits: free some room",
			   c->o.journal));
	c->o.on_report(&e, c->o.arg);
}

static void begin_writes(struct control *c, struct turn **turns, size_t n, struct now now)
{
	struct act_write *writes[CONTROL_ROUND_MAX];
	struct permit permit = control_lease_permit(c->lease, now.mono);

	for (size_t i = 0; i < n; i++) {
		turns[i]->state = TURN_WRITING;
		writes[i] = &turns[i]->write;
	}
	act_ask(writes, n, &permit, now, span_ms(10000), control_round_done, c);
}

static void think_round(struct control *c, struct now now)
{
	struct turn *turns[CONTROL_ROUND_MAX];
	size_t n = turns_in(c, TURN_READY, turns);

	if (n == 0)
		return;
	for (size_t i = 0; i < n; i++)
		turn_think(turns[i]);
	record_intents(c, turns, n);
	report_short(c, now);
	begin_writes(c, turns, n, now);
}

/* --- settling */

static void turn_end(struct control *c, struct turn *t, struct now now)
{
	t->state = TURN_IDLE;
	t->number++;
	if (c->publish)
		control_publish_turn(c->publish, t, now.mono);
	t->due = control_pace_next(t->policy, control_pace_idle(t->policy, &t->facts), now.mono);
	if (c->o.on_turn)
		c->o.on_turn(t, c->o.arg);
}

static void settle_round(struct control *c, struct now now)
{
	struct turn *turns[CONTROL_ROUND_MAX];
	struct journal_turn entry[CONTROL_ROUND_MAX];
	size_t n = turns_in(c, TURN_DONE, turns), wrote = 0;
	struct err e;

	for (size_t i = 0; i < n; i++) {
		if (turns[i]->plan.act == PLAN_SET)
			decide_settle(turns[i]->policy, &turns[i]->write.outcome, now.wall,
				      &turns[i]->memory);
		if (turns[i]->intent)
			entry[wrote++] = turn_entry(turns[i]);
	}
	if (c->lease && wrote > 0 && journal_write_outcomes(c->journal, entry, wrote, &e) < 0)
		c->o.on_report(&e, c->o.arg); /* intents stand: a restart presumes they acted */
	for (size_t i = 0; i < n; i++)
		turn_end(c, turns[i], now);
}

/* --- turning */

bool control_round_quiet(const struct control *c)
{
	for (size_t i = 0; i < c->turn_count; i++)
		if (c->turns[i].state != TURN_IDLE)
			return false;
	return true;
}

static bool round_writing(const struct control *c)
{
	for (size_t i = 0; i < c->turn_count; i++)
		if (c->turns[i].state == TURN_WRITING || c->turns[i].state == TURN_DONE)
			return true;
	return false;
}

static void take_new_policies(struct control *c)
{
	control_turns_drop(c);
	policy_set_done(&c->policies);
	c->policies = c->next_policies;
	c->next_policies = (struct policy_set){ 0 };
	c->reloading = false;
	control_turns_make(c, clock_wall());
}

static void compact_round(struct control *c, struct now now)
{
	struct err e;

	if (!c->lease || (!c->o.once && /* cron's turns compact too, a little each */
			  tick_since(now.mono, c->compacted).ms < CONTROL_COMPACT_EVERY_MS))
		return;
	c->compacted = now.mono;
	if (journal_compact(c->journal, now.wall, span_s(86400L * CONTROL_KEEP_DAYS), &e) < 0)
		c->o.on_report(&e, c->o.arg);
}

static void control_round(void *arg)
{
	struct control *c = arg;
	struct now now = clock_now();

	c->round_due = false;
	if (!c->stopping)
		think_round(c, now);
	settle_round(c, now);
	if (c->o.once && control_round_quiet(c))
		compact_round(c, now);
	if (c->o.once && control_round_quiet(c) && c->publish && !control_publish_end(c->publish))
		return;
	if (c->stopping ? !round_writing(c) : c->o.once && control_round_quiet(c)) {
		loop_stop(c->o.loop);
		return;
	}
	if (c->stopping)
		return;
	compact_round(c, now);
	if (c->reloading && control_round_quiet(c))
		take_new_policies(c);
	control_round_read(c);
}

void control_round_soon(struct control *c)
{
	if (c->round_due)
		return;
	c->round_due = true;
	loop_soon(c->o.loop, control_round, c);
}

void control_round_seen(struct observe_want *w, void *arg)
{
	struct turn *t = w->user;

	t->state = TURN_READY;
	control_round_soon(arg);
}

void control_round_done(struct act_write *w, void *arg)
{
	struct turn *t = w->user;

	t->state = TURN_DONE;
	control_round_soon(arg);
}

static bool due(const struct control *c, const struct turn *t, struct tick now)
{
	return t->state == TURN_IDLE && (t->number == 0 || (!c->o.once && t->due.ms <= now.ms));
}

void control_round_read(struct control *c)
{
	struct observe_want *wants[CONTROL_ROUND_MAX];
	struct now now = clock_now();
	struct tick next = TICK_NEVER;
	struct span deadline = { 0 };
	size_t n = 0;

	if (c->stopping || c->reloading)
		return;
	for (size_t i = 0; i < c->turn_count; i++) {
		struct turn *t = &c->turns[i];

		if (due(c, t, now.mono) && n < CONTROL_ROUND_MAX) {
			t->state = TURN_READING;
			t->at = now.wall;
			if (n == 0 || control_pace_deadline(t->policy).ms < deadline.ms)
				deadline = control_pace_deadline(
					t->policy); /* the shortest: one batch serves all */
			wants[n++] = &t->want;
		} else if (t->state == TURN_IDLE && t->due.ms < next.ms) {
			next = t->due;
		}
	}
	if (n > 0)
		observe_ask(c->observe, wants, n, now.wall, deadline);
	if (next.ms == INT64_MAX || c->o.once)
		return;
	loop_timer_start(c->timer, tick_since(next, now.mono));
	if (tick_since(next, now.mono).ms >= TRIM_SLEEP_MS && control_round_quiet(c))
		trim_memory();
}
