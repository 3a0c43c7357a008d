#include "control/control.h"

#include "base/clock.h"
#include "base/own.h"
#include "control/inner.h"

static void gathered(void *arg)
{
	control_round_soon(arg);
}

static void wake(void *arg)
{
	control_round_read(arg);
}

/* What was published has been answered: a single turn may have waited for that alone. */
static void told(void *arg)
{
	struct control *c = arg;

	if (c->o.once)
		control_round_soon(c);
}

static int open_journal(struct control *c, struct err *e)
{
	struct err why;

	if (!c->o.journal)
		return 0;
	if (!c->o.act) { /* a plan without a journal is a plan without a past */
		c->journal = journal_open_read(c->o.journal, &why);
		if (c->journal || why.kind == ERR_NOT_FOUND)
			return 0;
		*e = why; /* there is a past, and a plan without it would be wrong */
		return -1;
	}
	c->lease = control_lease_take(c->o.journal, e);
	if (!c->lease)
		return -1;
	c->journal = journal_open(c->o.journal, clock_wall(), e);
	return c->journal ? 0 : -1;
}

static int read_policies(struct control *c, struct policy_set *ret, struct err *e)
{
	struct policy_reading how = { .env = KEYS_ENV_REFUSE };

	if (policy_set_read(c->o.policies, &how, ret, e) < 0)
		return -1;
	return 0;
}

struct control *control_new(const struct control_options *o, struct err *e)
{
	AUTO(control_freep) struct control *c = own_alloc(sizeof(*c));

	c->o = *o;
	c->compacted = c->trimmed = clock_mono();
	if (read_policies(c, &c->policies, e) < 0 || open_journal(c, e) < 0)
		return NULL;
	c->lanes = control_lanes_new(o->loop);
	control_lanes_watch(c->lanes, control_endpoints_changed, c);
	c->observe = observe_new(o->loop, control_round_seen, c);
	c->timer = loop_timer_new(o->loop, wake, c);
	c->gather = loop_timer_new(o->loop, gathered, c);
	if (o->act)
		c->publish = control_publish_new(o->loop, told, c);
	control_turns_make(c, clock_wall());
	return TAKE(c);
}

void control_free(struct control *c)
{
	if (!c)
		return;
	observe_free(c->observe); /* before the turns that its reads point to */
	control_publish_free(c->publish);
	control_turns_drop(c);
	control_lanes_free(c->lanes);
	if (c->timer)
		loop_timer_free(c->timer);
	if (c->gather)
		loop_timer_free(c->gather);
	journal_free(c->journal);
	control_lease_free(c->lease); /* last: nobody else may write before the journal is closed */
	policy_set_done(&c->policies);
	policy_set_done(&c->next_policies);
	own_free(c->first);
	own_free(c);
}

const struct policy_set *control_policies(const struct control *c)
{
	return &c->policies;
}

size_t control_turning(const struct control *c)
{
	return c->turn_count;
}

void control_start(struct control *c)
{
	control_round_read(c);
	if (c->o.once && control_round_quiet(c))
		loop_stop(c->o.loop);
}

void control_stop(struct control *c)
{
	c->stopping = true;
	loop_timer_stop(c->timer);
	control_round_soon(c);
}

static void report_problems(struct control *c, const struct policy_set *set)
{
	for (size_t i = 0; i < set->problem_count; i++) {
		const struct policy_problem *p = &set->problems[i];
		struct err e;

		if (p->warning)
			continue;
		err_ignore(err_set(&e, ERR_POLICY, "%s:%d:%d: %s", p->file, p->line, p->column,
				   p->text));
		c->o.on_report(&e, c->o.arg);
	}
}

int control_reload(struct control *c, struct err *e)
{
	struct policy_set next = { 0 };

	if (read_policies(c, &next, e) < 0)
		return err_wrap(e, "reload -> the present policies stay");
	report_problems(c, &next);
	/* All or nothing: a slip in one file must not leave its fleet without a policy. */
	if (next.count == 0 || next.error_count > 0) {
		size_t errors = next.error_count;

		policy_set_done(&next);
		return err_set(e, ERR_POLICY,
			       "%s: %zu errors -> the present policies stay; mend the files and "
			       "send SIGHUP again",
			       c->o.policies, errors);
	}
	policy_set_done(&c->next_policies);
	c->next_policies = next;
	c->reloading = true;
	control_round_soon(c);
	return 0;
}
