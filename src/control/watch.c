#include "control/watch.h"

#include <string.h>

#include "base/log.h"
#include "base/own.h"
#include "control/inner.h"
#include "model/say.h"

#define WATCH_REPEAT_MS 600000 /* an error that goes on is said again so often */

struct watch {
	struct watch_item {
		char *policy;
		char *error; /* the last one that was said; NULL: all well */
		struct instant error_at;
		int why, current, desired;
	} * item;
	size_t count;
	size_t *of_turn; /* item of each turn, and one; 0: not looked up yet */
	size_t turns;
};

struct watch *control_watch_new(void)
{
	return own_alloc(sizeof(struct watch));
}

void control_watch_free(struct watch *w)
{
	if (!w)
		return;
	for (size_t i = 0; i < w->count; i++) {
		own_free(w->item[i].policy);
		own_free(w->item[i].error);
	}
	own_free(w->item);
	own_free(w->of_turn);
	own_free(w);
}

static size_t find(struct watch *w, const char *policy)
{
	for (size_t i = 0; i < w->count; i++)
		if (strcmp(w->item[i].policy, policy) == 0)
			return i;
	w->item = own_grow(w->item, w->count + 1, sizeof(*w->item));
	w->item[w->count] = (struct watch_item){ .policy = own_strdup(policy), .why = -1 };
	return w->count++;
}

/* By the turn's number first: to go through ten thousand names at each turn is too much. */
static struct watch_item *item_of(struct watch *w, const struct turn *t)
{
	size_t n = (size_t)(t - t->control->turns), *of;

	if (w->turns <= n) {
		w->of_turn = own_grow(w->of_turn, t->control->turn_count, sizeof(*w->of_turn));
		memset(w->of_turn + w->turns, 0,
		       (t->control->turn_count - w->turns) * sizeof(*w->of_turn));
		w->turns = t->control->turn_count;
	}
	of = &w->of_turn[n];
	if (*of == 0 || strcmp(w->item[*of - 1].policy, t->policy->name) != 0)
		*of = find(w, t->policy->name) + 1; /* or another since a reload */
	return &w->item[*of - 1];
}

static const struct err *error_of(const struct turn *t)
{
	if (t->work->err.kind != ERR_NONE)
		return &t->work->err;
	return t->work->write.outcome.kind > OUTCOME_DONE ? &t->work->write.outcome.err : NULL;
}

static void say_error(struct watch_item *i, const struct turn *t)
{
	const struct err *e = error_of(t);

	if (!e) {
		if (i->error)
			LOG_INFO("the policy is well again", LOG_S("policy", i->policy));
		own_free(i->error);
		i->error = NULL;
		return;
	}
	/* Request ids differ each time: the code and the kind tell whether it is the same trouble.
	 */
	if (i->error && strcmp(i->error, e->code[0] ? e->code : err_word(e->kind)) == 0 &&
	    instant_since(t->at, i->error_at).ms < WATCH_REPEAT_MS)
		return;
	LOG_WARN("a turn met an error", LOG_S("policy", i->policy), LOG_E(e));
	own_free(i->error);
	i->error = own_strdup(e->code[0] ? e->code : err_word(e->kind));
	i->error_at = t->at;
}

void control_watch_turn(struct watch *w, const struct turn *t)
{
	struct watch_item *i = item_of(w, t);
	AUTO(buf_done) struct buf text = BUF(4096);
	const struct plan *p = &t->work->plan;
	enum log_level level = LOG_LEVEL_DEBUG;
	const char *event = "turn";

	if (p->act == PLAN_SET && t->work->write.outcome.kind == OUTCOME_DONE) {
		level = LOG_LEVEL_INFO;
		event = "desired capacity set";
	} else if (p->why != i->why || p->desired != i->desired || p->current != i->current) {
		level = LOG_LEVEL_INFO;
		event = p->act == PLAN_SET ? "a change is due" : "decided";
	}
	if (log_wants(level))
		say_plan_short(t->policy, p, &text);
	LOG_AT(level, event, LOG_S("policy", t->policy->name), LOG_I("from", p->current),
	       LOG_I("to", p->desired),
	       LOG_S("outcome", say_outcome_word(t->work->write.outcome.kind)),
	       LOG_S("why", buf_str(&text)));
	i->why = p->why;
	i->desired = p->desired;
	i->current = p->current;
	say_error(i, t);
}
