/* windlass replay: what a policy would have decided on what a controller saw, beside what it did.
 */
#include "rehearse/replay.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/options.h"
#include "cli/cli.h"
#include "cli/policies.h"
#include "journal/journal.h"
#include "model/say.h"

#define REPLAY_BYTES_MAX (64u << 20)

struct replaying {
	const struct policy *policy; /* the one that is asked */
	const char *name;            /* of the one that is recorded */
	struct instant since;
	int64_t most; /* differences to show */
	bool json;
	struct replay replay;
	/* What decided then: its text, read back once a staircase. */
	struct policy_set past;
	struct plan decided;
	bool decided_known;
	int64_t versions;
	char *text;
	bool whole;
	int64_t shown, left_off;
	struct buf out;
	struct json *list;
	struct err err;
};

static void replaying_done(struct replaying *r)
{
	replay_done(&r->replay);
	policy_set_done(&r->past);
	own_free(r->text);
	buf_done(&r->out);
	json_free(r->list);
}

static const struct policy *past_policy(const struct replaying *r)
{
	return r->past.count == 1 ? r->past.items[0].policy : NULL;
}

/* The policy and the staircase of another run of turns. A policy that this version cannot read
 * leaves its turns without a comparison. */
static void take_stairs(struct replaying *r, const struct journal_past *t)
{
	struct policy_reading how = { .env = KEYS_ENV_WARN };

	r->decided_known = false;
	if (!t->plan || !t->policy_text)
		return;
	if (!r->text || strcmp(r->text, t->policy_text) != 0) {
		own_free(r->text);
		r->text = own_strdup(t->policy_text);
		policy_set_done(&r->past);
		r->past = (struct policy_set){ 0 };
		r->versions++;
		if (!policy_read_text(r->name, r->text, strlen(r->text), &how, &r->past))
			return;
	}
	r->decided_known =
		past_policy(r) && say_plan_read(past_policy(r), t->plan, &r->decided, NULL) == 0;
}

static const char *match_word(enum replay_match m)
{
	static const char *const words[] = { [REPLAY_SAME] = "same",
					     [REPLAY_STAIRS] = "other stairs",
					     [REPLAY_SIZE] = "other size" };

	return words[m];
}

static void show_text(struct replaying *r, const struct replay_turn *t, const struct plan *plan,
		      enum replay_match m)
{
	char at[CLOCK_TEXT_MAX];

	buf_addf(&r->out, "%s  %s\n", clock_print(t->at, at), match_word(m));
	buf_adds(&r->out, "decided: ");
	say_plan(t->policy, NULL, t->plan, t->at, &r->out);
	buf_adds(&r->out, "replayed: ");
	say_plan(r->policy, t->facts, plan, t->at, &r->out);
	buf_addc(&r->out, '\n');
}

static void show_json(struct replaying *r, const struct replay_turn *t, const struct plan *plan,
		      enum replay_match m)
{
	struct json *o = json_object();
	char at[CLOCK_TEXT_MAX];

	json_set_str(o, "time", clock_print(t->at, at));
	json_set_str(o, "match", match_word(m));
	json_set(o, "facts", say_facts_json(r->policy, t->facts));
	json_set(o, "decided", say_plan_json(t->policy, t->plan));
	json_set(o, "replayed", say_plan_json(r->policy, plan));
	json_add(r->list, o);
}

static int on_turn(const struct journal_past *past, void *arg)
{
	struct replaying *r = arg;
	struct replay_turn t = { .at = past->at,
				 .facts = past->facts,
				 .wrote = past->wrote,
				 .settled = past->settled,
				 .from = past->from,
				 .to = past->to,
				 .outcome = past->outcome };
	enum replay_match match;
	struct plan plan;

	if (past->begins)
		take_stairs(r, past);
	/* Before --since turns are only learnt from. */
	if (r->decided_known && past->at.ms >= r->since.ms) {
		t.policy = past_policy(r);
		t.plan = &r->decided;
		t.exact = past->newest;
	}
	if (!replay_turn(&r->replay, &t, &plan, &match) || match == REPLAY_SAME)
		return 0;
	if (r->shown == r->most) {
		r->left_off++;
		return 0;
	}
	r->shown++;
	if (r->json)
		show_json(r, &t, &plan, match);
	else
		show_text(r, &t, &plan, match);
	return 0;
}

static int64_t compared(const struct replay *r)
{
	return r->count[REPLAY_SAME] + r->count[REPLAY_STAIRS] + r->count[REPLAY_SIZE];
}

static void end_text(struct replaying *r)
{
	const struct replay_resolution *s = &r->replay.seen;
	const int64_t *n = r->replay.count;
	char a[CLOCK_TEXT_MAX], b[CLOCK_TEXT_MAX], c[CLOCK_TEXT_MAX];

	if (r->left_off > 0)
		buf_addf(&r->out, "… and %lld more (--first N shows more)\n\n",
			 (long long)r->left_off);
	buf_addf(&r->out,
		 "%lld turns compared: %lld same, %lld of the same size by other stairs, "
		 "%lld of another size\n",
		 (long long)compared(&r->replay), (long long)n[REPLAY_SAME],
		 (long long)n[REPLAY_STAIRS], (long long)n[REPLAY_SIZE]);
	buf_addf(&r->out, "record: %lld turns from %s to %s", (long long)s->turns,
		 clock_print(s->first, a), clock_print(s->last, b));
	if (s->turns > 1)
		buf_addf(&r->out, ", usually %s apart", clock_print_span(s->usual, c));
	buf_adds(&r->out, "; nothing is known between two turns\n");
	if (s->gaps > 0)
		buf_addf(&r->out, "gaps: %lld, together %s, the longest %s from %s\n",
			 (long long)s->gaps, clock_print_span(s->missing, a),
			 clock_print_span(s->longest, b), clock_print(s->longest_at, c));
	if (s->without_facts > 0)
		buf_addf(&r->out,
			 "not kept: what %lld turns saw (an earlier version, or compacted)\n",
			 (long long)s->without_facts);
	if (!r->whole)
		buf_adds(&r->out, "the record does not begin with the policy: what it remembered "
				  "then is not known, and first turns may differ for that\n");
	if (r->versions > 1)
		buf_addf(&r->out, "the policy was changed: %lld versions of it decided\n",
			 (long long)r->versions);
}

static void end_json(struct replaying *r)
{
	const struct replay_resolution *s = &r->replay.seen;
	AUTO(json_freep) struct json *o = json_object();
	struct json *record = json_object();
	char at[CLOCK_TEXT_MAX];

	json_set_str(o, "policy", r->policy->name);
	json_set_str(o, "recorded", r->name);
	json_set_int(o, "compared", compared(&r->replay));
	json_set_int(o, "same", r->replay.count[REPLAY_SAME]);
	json_set_int(o, "other_stairs", r->replay.count[REPLAY_STAIRS]);
	json_set_int(o, "other_size", r->replay.count[REPLAY_SIZE]);
	json_set_int(record, "turns", s->turns);
	json_set_int(record, "turns_without_facts", s->without_facts);
	json_set_str(record, "first", clock_print(s->first, at));
	json_set_str(record, "last", clock_print(s->last, at));
	json_set_real(record, "usual_seconds", (double)s->usual.ms / 1000);
	json_set_real(record, "longest_seconds", (double)s->longest.ms / 1000);
	json_set_int(record, "gaps", s->gaps);
	json_set_real(record, "gap_seconds", (double)s->missing.ms / 1000);
	json_set_bool(record, "whole", r->whole);
	json_set_int(record, "policy_versions", r->versions);
	json_set(o, "record", record);
	json_set_int(o, "differences_left_off", r->left_off);
	json_set(o, "differences", json_ref(r->list));
	json_write_pretty(o, &r->out);
}

static int nothing(const struct replaying *r, const char *path, struct err *e)
{
	if (r->replay.seen.turns == 0)
		return err_set(e, ERR_NOT_FOUND,
			       "the journal %s has no turn of policy '%s' -> see windlass status "
			       "--journal %s, and --of NAME",
			       path, r->name, path);
	return err_set(e, ERR_NOT_FOUND,
		       "the journal %s has turns of policy '%s', but none %s that can be compared: "
		       "what they saw was not kept",
		       path, r->name, r->since.ms > 0 ? "since then" : "with its facts");
}

static void warn_of_metrics(const struct replaying *r)
{
	const struct policy *p = r->policy, *past = past_policy(r);

	for (size_t i = 0; past && i < p->metric_count; i++) {
		bool there = policy_metric_is_derived(&p->metrics[i]);

		for (size_t k = 0; k < past->metric_count && !there; k++)
			there = strcmp(p->metrics[i].name, past->metrics[k].name) == 0;
		if (!there)
			fprintf(stderr,
				"windlass replay: metric %s is not in the record: taken to be "
				"missing\n",
				p->metrics[i].name);
	}
}

static int run(struct replaying *r, const char *path)
{
	AUTO(journal_freep) struct journal *j = journal_open_read(path, &r->err);
	int rc;

	if (!j)
		return cli_fail("replay", &r->err);
	replay_init(&r->replay, r->policy);
	rc = journal_read_turns(j, r->name, r->policy, INSTANT_NEVER, on_turn, r, &r->whole,
				&r->err);
	replay_finish(&r->replay);
	if (rc == 0 && compared(&r->replay) == 0)
		rc = nothing(r, path, &r->err);
	if (rc < 0)
		return cli_fail("replay", &r->err);
	warn_of_metrics(r);
	if (r->json)
		end_json(r);
	else
		end_text(r);
	return cli_print(&r->out, r->replay.count[REPLAY_SIZE] > 0 ? CLI_CHANGE : CLI_DONE);
}

static const char details[] =
	"Each turn starts from what was recorded: what was seen then, and the writes that really "
	"happened before it. So an answer is what the policy would have decided at that turn, not "
	"what the fleet would have become; windlass simulate --load journal:FILE:POLICY is for "
	"that.\n"
	"Exit status: 0 every size is the same, 1 the journal cannot be read, 2 the policy or an "
	"argument is wrong, 3 some turn would have had another size.";

int cli_replay(int argc, char **argv)
{
	struct replaying r = { .out = BUF(REPLAY_BYTES_MAX), .list = json_array() };
	AUTO(policy_set_done) struct policy_set set = { 0 };
	AUTO(options_list_done) struct option_list sets = { 0 };
	const char *output, *journal, *since_text = NULL;
	const struct option table[] = {
		CLI_ROW_JOURNAL(&journal, "the journal to read"),
		{ .name = "of",
		  .type = OPTION_STR,
		  .value = &r.name,
		  .meta = "NAME",
		  .doc = "the recorded policy, where it has another name" },
		{ .name = "since",
		  .type = OPTION_STR,
		  .value = &since_text,
		  .meta = "TIME",
		  .doc = "compare from then on, as 2024-01-31T09:00:00Z" },
		{ .name = "first",
		  .letter = 'n',
		  .type = OPTION_INT,
		  .value = &r.most,
		  .meta = "N",
		  .init = "20",
		  .least = 0,
		  .most = 1000000,
		  .doc = "how many differences to show, the oldest first; all are counted" },
		{ .name = "set",
		  .type = OPTION_LIST,
		  .value = &sets,
		  .meta = "PATH=VALUE",
		  .doc = "override a key of the policy" },
		CLI_ROW_OUTPUT(&output, "text", "text|json"),
	};
	const struct options opts = {
		.program = "windlass replay",
		.summary = "What a policy would have decided on what was recorded, and what was.",
		.operands = "POLICY",
		.table = table,
		.count = COUNT_OF(table),
		.least_operands = 1,
		.most_operands = 1,
		.details = details,
	};
	char **operands;
	struct err e;
	int n, status, rc = options_parse(&opts, argc, argv, &operands, &n, &e);

	if (rc == 0 && since_text)
		rc = clock_parse(since_text, strlen(since_text), &r.since, &e);
	if (rc != 0) {
		status = rc < 0 ? cli_usage("replay", &e) : CLI_DONE;
	} else if (cli_policies_one(operands[0], &sets, NULL, &set, &e) < 0) {
		status = cli_fail("replay", &e);
	} else {
		r.json = strcmp(output, "json") == 0;
		r.policy = set.items[0].policy;
		r.name = r.name ? r.name : r.policy->name;
		status = run(&r, journal);
	}
	replaying_done(&r);
	return status;
}
