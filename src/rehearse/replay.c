#include "rehearse/replay.h"

#include <stdlib.h>
#include <string.h>

#include "base/own.h"
#include "decide/decide.h"
#include "rehearse/turn.h"

#define REPLAY_TURNS_MAX 50000000 /* of which times between are kept */

void replay_init(struct replay *r, const struct policy *p)
{
	memset(r, 0, sizeof(*r));
	r->policy = p;
	r->seen.first = r->seen.last = r->seen.longest_at = INSTANT_NEVER;
	memory_init(&r->memory);
	season_init(&r->season);
	if (policy_is_predictive(p))
		r->memory.season = &r->season;
}

void replay_done(struct replay *r)
{
	own_free(r->between);
	r->between = NULL;
}

static const char *rule_of(const struct policy *p, const struct stair *s)
{
	return s->rule >= 0 && (size_t)s->rule < p->rule_count ? p->rules[s->rule].name : "";
}

static bool same_stair(const struct policy *a, const struct stair *x, const struct policy *b,
		       const struct stair *y, bool exact)
{
	return x->code == y->code && x->from == y->from && x->to == y->to &&
	       strcmp(rule_of(a, x), rule_of(b, y)) == 0 &&
	       (!exact || memcmp(x->arg, y->arg, sizeof(x->arg)) == 0);
}

enum replay_match replay_compare(const struct policy *a, const struct plan *x,
				 const struct policy *b, const struct plan *y, bool exact)
{
	if (x->known != y->known || (x->known && x->desired != y->desired))
		return REPLAY_SIZE;
	if (x->act != y->act || x->may_write != y->may_write || x->stair_count != y->stair_count)
		return REPLAY_STAIRS;
	if (exact && (x->current != y->current || x->low != y->low || x->high != y->high))
		return REPLAY_STAIRS;
	for (size_t i = 0; i < x->stair_count; i++)
		if (!same_stair(a, &x->stairs[i], b, &y->stairs[i], exact))
			return REPLAY_STAIRS;
	return REPLAY_SAME;
}

static void note_time(struct replay *r, struct instant at)
{
	struct replay_resolution *s = &r->seen;
	int64_t gap;

	s->turns++;
	if (instant_is_never(s->first))
		s->first = at;
	if (!instant_is_never(s->last)) {
		gap = instant_since(at, s->last).ms;
		if (gap > s->longest.ms) {
			s->longest = span_ms(gap);
			s->longest_at = s->last;
		}
		if (r->between_count == r->between_size && r->between_size < REPLAY_TURNS_MAX) {
			r->between_size = r->between_size ? 2 * r->between_size : 1024;
			r->between = own_grow(r->between, r->between_size, sizeof(*r->between));
		}
		if (r->between_count < r->between_size)
			r->between[r->between_count++] = gap;
	}
	s->last = at;
}

/* The write that really happened, as if the policy had made it. */
static void learn_write(struct replay *r, const struct replay_turn *t)
{
	const struct plan wrote = { .act = PLAN_SET,
				    .may_write = true,
				    .known = true,
				    .current = t->from,
				    .desired = t->to };
	const struct outcome o = { .kind = t->outcome, .from = t->from, .to = t->to, .at = t->at };

	decide_presume(&wrote, t->at, &r->memory);
	if (t->settled)
		decide_settle(r->policy, &o, t->at, &r->memory);
}

bool replay_turn(struct replay *r, const struct replay_turn *t, struct plan *ret,
		 enum replay_match *ret_match)
{
	note_time(r, t->at);
	*ret_match = REPLAY_SAME;
	if (!t->facts) {
		r->seen.without_facts++;
		return false;
	}
	*ret = rehearse_turn_think(r->policy, t->facts, t->at, &r->memory);
	if (t->wrote)
		learn_write(r, t);
	if (!t->plan)
		return false;
	*ret_match = replay_compare(r->policy, ret, t->policy, t->plan, t->exact);
	r->count[*ret_match]++;
	return true;
}

static int by_length(const void *a, const void *b)
{
	const int64_t *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

void replay_finish(struct replay *r)
{
	struct replay_resolution *s = &r->seen;
	int64_t most = r->policy->evaluate.idle_every.ms;

	if (r->between_count == 0)
		return;
	qsort(r->between, r->between_count, sizeof(*r->between), by_length);
	s->usual = span_ms(r->between[r->between_count / 2]);
	most = REPLAY_GAP * (most > s->usual.ms ? most : s->usual.ms);
	for (size_t i = r->between_count; i-- > 0 && r->between[i] > most;) {
		s->gaps++;
		s->missing.ms += r->between[i];
	}
}
