/* windlass history --compare: what the policy that enforced cost and let wait, and what its shadows
 * would have.
 *
 * Only what ran is recorded. What a shadow would have made of the fleet is not: its decisions were
 * taken beside a fleet that another policy steered. So both are played on the arrivals that the
 * record lets guess, and what ran is played too: how far that is from what was recorded is how far
 * the rest may be off.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/table.h"
#include "cli/cli.h"
#include "cli/history.h"
#include "cli/simulate.h"
#include "journal/journal.h"
#include "model/say.h"
#include "policy/policy.h"
#include "simulate/scaler.h"

#define GAP_MS 600000 /* between two turns; of longer ones nothing is counted */
#define OUT_MAX (1u << 20)

static void comparing_done(struct cli_history_comparing *c)
{
	for (size_t i = 0; i < c->count; i++)
		policy_set_done(&c->side[i].set);
	load_done(&c->load);
	load_done(&c->seen.load);
	knobs_done(&c->knobs);
	journal_free(c->journal);
}

/* --- which policies */

static int on_stairs(const struct journal_stairs *s, void *arg)
{
	struct cli_history_comparing *c = arg;
	struct cli_history_side *side = &c->side[c->count];
	const struct policy_override over = { "mode", "enforce" };
	struct policy_reading plain = { .env = KEYS_ENV_WARN };
	struct policy_reading played = { .env = KEYS_ENV_WARN,
					 .overrides = &over,
					 .override_count = 1 };
	AUTO(policy_set_done) struct policy_set set = { 0 };
	size_t len = s->policy_text ? strlen(s->policy_text) : 0;

	memset(side, 0, sizeof(*side));
	if (!policy_read_text(s->policy, s->policy_text, len, &plain, &set) || set.count != 1)
		return 0;
	side->mode = set.items[0].policy->mode;
	if (!policy_read_text(s->policy, s->policy_text, len, &played, &side->set) ||
	    side->set.count != 1) {
		policy_set_done(&side->set);
		return 0;
	}
	side->policy = side->set.items[0].policy;
	c->count++;
	return 0;
}

static int on_policy(const char *name, struct instant last, void *arg)
{
	struct cli_history_comparing *c = arg;

	(void)last;
	if (c->count == CLI_HISTORY_POLICIES_MAX)
		return 1;
	return journal_read_stairs(c->journal, name, INSTANT_NEVER, 1, on_stairs, c, &c->err) < 0;
}

static void drop(struct cli_history_comparing *c, size_t i)
{
	policy_set_done(&c->side[i].set);
	memmove(&c->side[i], &c->side[i + 1], (--c->count - i) * sizeof(c->side[0]));
}

static bool has_shadow(const struct cli_history_comparing *c, const struct policy *p)
{
	for (size_t i = 0; i < c->count; i++)
		if (c->side[i].mode == POLICY_SHADOW && c->side[i].policy != p &&
		    policy_region_same_group(c->side[i].policy, p))
			return true;
	return false;
}

/* The one that enforces first, then the shadows of its group. */
static int pick(struct cli_history_comparing *c, struct err *e)
{
	const char *name = c->asked->policy;
	size_t lead = SIZE_MAX;
	struct cli_history_side first;

	for (size_t i = 0; i < c->count && lead == SIZE_MAX; i++)
		if (name ? strcmp(c->side[i].policy->name, name) == 0
			 : c->side[i].mode == POLICY_ENFORCE && has_shadow(c, c->side[i].policy))
			lead = i;
	if (lead == SIZE_MAX || !has_shadow(c, c->side[lead].policy))
		return err_set(
			e, ERR_NOT_FOUND,
			"the journal %s has no policy%s%s%s that enforces with a shadow beside it "
			"-> a policy of the same group with mode: shadow, given to windlassd, is "
			"compared once both have run",
			c->asked->journal, name ? " '" : "", name ? name : "", name ? "'" : "");
	first = c->side[lead];
	memmove(&c->side[1], &c->side[0], lead * sizeof(first));
	c->side[0] = first;
	for (size_t i = c->count; i-- > 1;)
		if (c->side[i].mode != POLICY_SHADOW ||
		    !policy_region_same_group(c->side[i].policy, first.policy))
			drop(c, i);
	if (c->count > CLI_HISTORY_SIDES_MAX)
		fprintf(stderr, "windlass history: the newest %d of %zu shadows are compared\n",
			CLI_HISTORY_SIDES_MAX - 1, c->count - 1);
	while (c->count > CLI_HISTORY_SIDES_MAX)
		drop(c, c->count - 1);
	return 0;
}

/* --- what is recorded */

static int on_span(const struct journal_past *t, void *arg)
{
	struct cli_history_comparing *c = arg;

	if (!t->facts || t->at.ms < c->asked->since.ms)
		return 0;
	if (c->reading->turns++ == 0)
		c->reading->first = t->at;
	c->reading->last = t->at;
	return 0;
}

static int64_t jobs(const struct policy *p, const struct facts *f, bool waiting_only)
{
	int64_t n = 0;

	for (size_t i = 0; i < f->metric_count && i < p->metric_count; i++)
		if (f->metric[i].is_queue && f->metric[i].why == FACT_READABLE)
			n += f->metric[i].visible + (waiting_only ? 0 : f->metric[i].in_flight);
	return n;
}

static bool readable(const struct facts *f)
{
	bool queue = false;

	for (size_t i = 0; i < f->metric_count; i++)
		if (f->metric[i].is_queue) {
			queue = true;
			if (f->metric[i].why != FACT_READABLE)
				return false;
		}
	return queue && f->group.why == FACT_READABLE;
}

static void count_up(struct cli_history_side *s, const struct journal_past *t)
{
	double gone = (double)(t->at.ms - s->at.ms) / 1000;
	const struct capacity *g = &t->facts->group;
	int64_t wanted = -1;

	if (s->turns++ > 0 && gone * 1000 > GAP_MS) {
		s->gap_s += gone;
	} else if (s->turns > 1) {
		s->span_s += gone;
		s->fleet_s += gone * (double)s->fleet;
		s->waiting_s += gone * (double)s->waiting;
		s->wanted_s += gone * (double)s->wanted;
	}
	if (s->turns == 1)
		s->initial = g->in_service;
	(void)json_get_int(t->plan, "desired", &wanted);
	s->at = t->at;
	s->fleet = g->in_service + g->pending + g->draining;
	s->waiting = jobs(s->policy, t->facts, true);
	s->least = g->min;
	s->most = g->max;
	/* The staircase's size holds for all of its turns. */
	s->wanted = wanted >= 0 ? wanted : g->desired;
	s->writes += t->wrote && t->settled && t->outcome == OUTCOME_DONE;
}

static int on_turn(const struct journal_past *t, void *arg)
{
	struct cli_history_comparing *c = arg;
	struct cli_history_side *s = c->reading;
	int64_t waiting;

	if (!t->facts || t->at.ms < c->from.ms || t->at.ms > c->to.ms || !readable(t->facts))
		return 0;
	count_up(s, t);
	waiting = jobs(s->policy, t->facts, true);
	if (s == &c->side[0] &&
	    load_seen_add(&c->seen, t->at, waiting, jobs(s->policy, t->facts, false) - waiting,
			  &c->err) < 0)
		return 1;
	return 0;
}

static int read_side(struct cli_history_comparing *c, struct cli_history_side *s,
		     journal_past_fn *fn)
{
	bool whole;

	c->reading = s;
	s->turns = 0;
	if (journal_read_turns(c->journal, s->policy->name, s->policy, INSTANT_NEVER, fn, c, &whole,
			       &c->err) < 0)
		return -1;
	return c->err.kind == ERR_NONE ? 0 : -1;
}

static int read_record(struct cli_history_comparing *c, struct err *e)
{
	int rc;

	c->from = c->asked->since;
	c->to = (struct instant){ INT64_MAX };
	for (size_t i = 0; i < c->count; i++) {
		struct cli_history_side *s = &c->side[i];

		if (read_side(c, s, on_span) < 0)
			return -1;
		if (s->turns < 2)
			return err_set(e, ERR_NOT_FOUND,
				       "the journal %s has no two turns of policy '%s' since then",
				       c->asked->journal, s->policy->name);
		c->from = s->first.ms > c->from.ms ? s->first : c->from;
		c->to = s->last.ms < c->to.ms ? s->last : c->to;
	}
	load_seen_begin(&c->seen, dist_mean_us(&c->knobs.service));
	for (size_t i = 0; i < c->count; i++)
		if (read_side(c, &c->side[i], on_turn) < 0)
			return -1;
	for (size_t i = 0; i < c->count; i++)
		if (c->side[i].turns < 2 || c->side[i].span_s <= 0)
			return err_set(e, ERR_NOT_FOUND,
				       "%s and its shadow did not run together for long enough",
				       c->side[0].policy->name);
	rc = load_seen_finish(&c->seen, &c->load, e);
	c->seen.load = (struct load){ 0 };
	if (rc < 0)
		return err_wrap(e, "what was recorded of the queue of %s while both ran",
				c->side[0].policy->name);
	return 0;
}

/* --- what is played */

static int play(struct cli_history_comparing *c, struct cli_history_side *s, struct err *e)
{
	AUTO(own_freep) struct scaler *scaler = own_alloc(sizeof(*scaler));
	AUTO(buf_done) struct buf notes = BUF(16384);
	struct plant_scaler plant;
	struct plant_case k = {
		.scaler = &plant, .load = &c->load, .promise = c->promise, .seed = 1
	};

	if (scaler_init(scaler, s->policy, NULL, &notes, e) < 0)
		return -1;
	fputs(buf_str(&notes), stderr);
	plant = scaler_plant(scaler);
	cli_simulate_ask_case(s->policy, &c->knobs, &k);
	/* Bounds that the policy leaves to the group, and the fleet at the start, were recorded. */
	k.min = s->policy->fleet.min_given ? k.min : s->least;
	k.max = s->policy->fleet.max_given ? k.max : s->most;
	k.initial = c->side[0].initial;
	if (k.max < k.min)
		return err_set(e, ERR_POLICY, "%s: at most %lld instances, at least %lld",
			       s->policy->name, (long long)k.max, (long long)k.min);
	plant_run(&k, &s->played);
	return 0;
}

static void find_promise(struct cli_history_comparing *c)
{
	c->percentile = 95;
	c->promise = span_s(300);
	for (size_t i = c->count; i-- > 0;)
		for (size_t k = 0; k < c->side[i].policy->rule_count; k++) {
			const struct policy_rule *r = &c->side[i].policy->rules[k];

			if (r->kind != POLICY_QUEUE_WAIT)
				continue;
			c->percentile = (double)r->queue_wait.percentile_milli / 1000;
			c->promise = r->queue_wait.target;
		}
}

static int compare(struct cli_history_comparing *c, struct err *e)
{
	knobs_init(&c->knobs);
	c->knobs.first_look = span_s(1); /* it ran already */
	if (cli_simulate_ask_plant(c->asked->plant, &c->knobs, e) < 0)
		return -1;
	c->journal = journal_open_read(c->asked->journal, e);
	if (!c->journal)
		return -1;
	if (journal_read_policies(c->journal, on_policy, c, e) < 0)
		return -1;
	if (c->err.kind != ERR_NONE) {
		*e = c->err;
		return -1;
	}
	if (pick(c, e) < 0)
		return -1;
	find_promise(c);
	if (read_record(c, e) < 0) {
		if (c->err.kind != ERR_NONE)
			*e = c->err;
		return -1;
	}
	for (size_t i = 0; i < c->count; i++)
		if (play(c, &c->side[i], e) < 0)
			return -1;
	return 0;
}

int cli_history_compare(const struct cli_history_asked *a)
{
	AUTO(own_freep) struct cli_history_comparing *c = own_alloc(sizeof(*c));
	AUTO(buf_done) struct buf out = BUF(OUT_MAX);
	struct err e = { 0 };
	int status;

	memset(c, 0, sizeof(*c));
	c->asked = a;
	if (compare(c, &e) < 0) {
		status = cli_fail("history", &e);
	} else {
		if (a->json)
			cli_history_json(c, &out);
		else
			cli_history_text(c, &out);
		status = cli_print(&out, CLI_DONE);
	}
	comparing_done(c);
	return status;
}
