/* The round: what is ready is thought about, recorded and begun; what is done is settled and
 * recorded. */
#include "base/clock.h"
#include "base/own.h"
#include "base/trim.h"
#include "control/inner.h"
#include "control/pace.h"
#include "decide/decide.h"

#define GATHER_MS 20 /* the answers to one batch come within it: one transaction for them */
#define ROUND_TEXT_MAX (256u << 10)
#define TRIM_SLEEP_MS 250  /* trimming costs 2 ms; a controller of many policies sleeps less */
#define TRIM_BUSY_MS 10000 /* and gives back this seldom what a burst of turns has taken */

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
	decide_learn(t->policy, &t->work->facts, t->at, &t->work->memory);
	t->work->plan = decide(t->policy, &t->work->facts, &t->work->memory, t->at);
	t->work->without = decide_without_each(t->policy, &t->work->facts, &t->work->memory, t->at);
	if (t->blocked)
		plan_refuse(&t->work->plan, REASON_BLOCKED, false);
}

static struct journal_turn turn_entry(struct turn *t)
{
	return (struct journal_turn){
		.policy = t->policy,
		.place = &t->at_journal,
		.policy_text = t->work->policy_text,
		.facts = &t->work->facts,
		.memory = &t->work->memory,
		.plan = &t->work->plan,
		.without = &t->work->without,
		.outcome = &t->work->write.outcome,
		.at = t->at,
		.intent = t->work->intent,
	};
}

static void list_add(struct turn_list *l, struct turn *t)
{
	t->next = NULL;
	*l->end = t;
	l->end = &t->next;
}

/* At most CONTROL_ROUND_MAX of those that have waited longest. */
static size_t list_take(struct turn_list *l, struct turn **ret)
{
	size_t n = 0;

	while (l->first && n < CONTROL_ROUND_MAX) {
		ret[n++] = l->first;
		l->first = l->first->next;
	}
	if (!l->first)
		l->end = &l->first;
	return n;
}

static char *text_of(const struct turn *t)
{
	AUTO(buf_done) struct buf text = BUF(ROUND_TEXT_MAX);

	policy_print(t->policy, &text);
	return buf_take(&text);
}

/* Presumes each write and makes its entry. On a full disk only scale-out is left. */
static void prepare_intents(struct control *c, struct turn **turns, size_t n,
			    struct memory *ret_before, struct journal_turn *ret_entry)
{
	for (size_t i = 0; i < n; i++) {
		if (c->journal && journal_is_short(c->journal))
			decide_mode_unrecorded(&turns[i]->work->plan);
		ret_before[i] = turns[i]->work->memory;
		decide_presume(&turns[i]->work->plan, turns[i]->at, &turns[i]->work->memory);
		turns[i]->work->intent = 0;
		if (c->lease && !turns[i]->at_journal.policy && !turns[i]->work->policy_text)
			turns[i]->work->policy_text = text_of(turns[i]);
		ret_entry[i] = turn_entry(turns[i]);
	}
}

static void take_back(struct turn **turns, size_t n, const struct memory *before)
{
	for (size_t i = 0; i < n; i++)
		turns[i]->work->memory = before[i];
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
			turns[i]->work->intent = entry[i].intent;
		return;
	}
	c->o.on_report(&e, c->o.arg);
	take_back(turns, n, before);
	for (size_t i = 0; i < n; i++)
		if (turns[i]->work->plan.act == PLAN_SET)
			plan_refuse(&turns[i]->work->plan, REASON_UNRECORDED, true);
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
		c->writing++;
		writes[i] = &turns[i]->work->write;
	}
	act_ask(writes, n, &permit, now, span_ms(10000), control_round_done, c);
}

static void think_round(struct control *c, struct now now)
{
	struct turn *turns[CONTROL_ROUND_MAX];
	size_t n = list_take(&c->ready, turns);

	if (n == 0)
		return;
	for (size_t i = 0; i < n; i++) {
		control_turns_seen(turns[i]);
		turn_think(turns[i]);
	}
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
	t->due = control_pace_next(t->policy, t->phase,
				   control_pace_idle(t->policy, &t->work->facts), now.mono);
	c->busy--;
	c->writing--;
	if (c->o.on_turn)
		c->o.on_turn(t, c->o.arg);
	control_turns_end(t);
	if (!c->o.once)
		control_agenda_add(&c->waiting, t);
}

static void settle_round(struct control *c, struct now now)
{
	struct turn *turns[CONTROL_ROUND_MAX];
	struct journal_turn entry[CONTROL_ROUND_MAX];
	size_t n = list_take(&c->done, turns), wrote = 0;
	struct err e;

	for (size_t i = 0; i < n; i++) {
		if (turns[i]->work->plan.act == PLAN_SET)
			decide_settle(turns[i]->policy, &turns[i]->work->write.outcome, now.wall,
				      &turns[i]->work->memory);
		if (turns[i]->work->intent)
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
	return c->busy == 0 && !(c->o.once && control_agenda_next(&c->waiting));
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
	int64_t every_ms = c->compact_more ? CONTROL_COMPACT_AGAIN_MS : CONTROL_COMPACT_EVERY_MS;
	struct err e;
	int rc;

	if (!c->lease || (!c->o.once && /* cron's turns compact too, a little each */
			  tick_since(now.mono, c->compacted).ms < every_ms))
		return;
	c->compacted = now.mono;
	rc = journal_compact(c->journal, now.wall, span_s(86400L * CONTROL_KEEP_DAYS), &e);
	c->compact_more = rc == 1;
	if (rc < 0)
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
	control_endpoints_round(c, now);
	if (c->o.once && control_round_quiet(c))
		compact_round(c, now);
	if (c->o.once && control_round_quiet(c) && c->publish && !control_publish_end(c->publish))
		return;
	if (c->stopping ? c->writing == 0 : c->o.once && control_round_quiet(c)) {
		loop_stop(c->o.loop);
		return;
	}
	if (c->stopping)
		return;
	if (c->ready.first || c->done.first)
		control_round_soon(c);
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

/* With others still reading a round waits for them a little, and they share its transaction. */
void control_round_seen(struct observe_want *w, void *arg)
{
	struct control *c = arg;
	struct turn *t = w->user;

	t->state = TURN_READY;
	list_add(&c->ready, t);
	if (--c->reading == 0)
		control_round_soon(c);
	else if (!loop_timer_active(c->gather))
		loop_timer_start(c->gather, span_ms(GATHER_MS));
}

void control_round_done(struct act_write *w, void *arg)
{
	struct control *c = arg;
	struct turn *t = w->user;

	t->state = TURN_DONE;
	list_add(&c->done, t);
	control_round_soon(c);
}

/* Takes what is due; one batch of reads serves all, by the shortest of their deadlines. */
static size_t begin_due(struct control *c, struct now now, struct observe_want **ret,
			struct span *ret_deadline)
{
	struct turn *t;
	size_t n = 0;

	while (n < CONTROL_LOOK_MAX && (t = control_agenda_next(&c->waiting)) &&
	       t->due.ms <= now.mono.ms) {
		struct span deadline = control_pace_deadline(t->policy);

		control_agenda_take(&c->waiting);
		control_turns_begin(t);
		t->state = TURN_READING;
		t->at = now.wall;
		if (n == 0 || deadline.ms < ret_deadline->ms)
			*ret_deadline = deadline;
		ret[n++] = &t->want;
	}
	c->busy += n;
	c->reading += n;
	return n;
}

void control_round_read(struct control *c)
{
	struct observe_want *wants[CONTROL_LOOK_MAX];
	struct now now = clock_now();
	struct span deadline = { 0 }, left;
	const struct turn *next;
	size_t n;

	if (c->stopping || c->reloading)
		return;
	n = begin_due(c, now, wants, &deadline);
	if (n > 0)
		observe_ask(c->observe, wants, n, now.wall, deadline);
	next = control_agenda_next(&c->waiting);
	if (!next)
		return;
	left = tick_since(next->due, now.mono);
	loop_timer_start(c->timer, left);
	if (left.ms >= TRIM_SLEEP_MS && control_round_quiet(c))
		trim_memory();
	else if (tick_since(now.mono, c->trimmed).ms >= TRIM_BUSY_MS)
		trim_heap();
	else
		return;
	c->trimmed = now.mono;
}
