/* windlass explain: the staircases of a policy's decisions, from the journal. */
#include <string.h>

#include "base/clock.h"
#include "base/options.h"
#include "cli/cli.h"
#include "journal/journal.h"
#include "model/say.h"
#include "policy/policy.h"

#define EXPLAIN_BYTES_MAX (64u << 20)

struct explain {
	bool json, why_not;
	int64_t size; /* that is asked about */
	char **text;  /* newest first, as they are read; printed the other way round */
	size_t count;
	struct json *list;
	struct err err;
};

static void head(const struct journal_stairs *s, struct buf *out)
{
	char first[CLOCK_TEXT_MAX], last[CLOCK_TEXT_MAX];

	buf_adds(out, clock_print(s->first, first));
	if (s->runs > 1)
		buf_addf(out, " … %s (%lld turns)", clock_print(s->last, last), (long long)s->runs);
	if (s->wrote) {
		buf_addf(out, "  written: %s", s->settled ? s->outcome : "no answer yet");
		if (s->outcome_text[0])
			buf_addf(out, " (%s)", s->outcome_text);
	}
	buf_addc(out, '\n');
}

/* A stored decision, read back. */
struct decision {
	struct policy_set set;
	struct facts facts;
	struct plan plan;
	struct plan_without without;
};

static void decision_done(struct decision *d)
{
	policy_set_done(&d->set);
}

static int decision_read(const struct journal_stairs *s, struct decision *ret, struct err *e)
{
	struct policy_reading how = { .env = KEYS_ENV_WARN };

	if (!policy_read_text(s->policy, s->policy_text, strlen(s->policy_text), &how, &ret->set) ||
	    ret->set.count != 1)
		return err_set(e, ERR_LOCAL,
			       "the journal's copy of policy %s cannot be read by this version",
			       s->policy);
	if (say_plan_read(ret->set.items[0].policy, s->plan, &ret->plan, e) < 0 ||
	    say_facts_read(ret->set.items[0].policy, s->facts, &ret->facts, e) < 0)
		return err_wrap(e, "journal: policy %s", s->policy);
	say_without_read(s->without, &ret->plan, &ret->without);
	return 0;
}

/* The lines of say_why_not(), indented. */
static void why_not_text(const struct explain *x, const struct decision *d, struct buf *out)
{
	AUTO(buf_done) struct buf lines = BUF(65536);

	say_why_not(d->set.items[0].policy, &d->plan, &d->without, (int32_t)x->size, &lines);
	buf_addf(out, "  why not %lld:\n", (long long)x->size);
	for (const char *l = buf_str(&lines); *l; l += strcspn(l, "\n") + 1)
		buf_addf(out, "    %.*s\n", (int)strcspn(l, "\n"), l);
}

static int explain_text(struct explain *x, const struct journal_stairs *s)
{
	AUTO(decision_done) struct decision d = { 0 };
	AUTO(buf_done) struct buf out = BUF(1u << 20), without = BUF(1024);

	if (decision_read(s, &d, &x->err) < 0)
		return -1;
	head(s, &out);
	say_plan(d.set.items[0].policy, &d.facts, &d.plan, s->last, &out);
	say_without(&d.plan, &d.without, &without);
	if (without.len > 0)
		buf_addf(&out, "  (%s)\n", buf_str(&without));
	if (x->why_not)
		why_not_text(x, &d, &out);
	x->text = own_grow(x->text, x->count + 1, sizeof(*x->text));
	x->text[x->count++] = buf_take(&out);
	return 0;
}

static void why_not_json(const struct explain *x, const struct decision *d, struct json *j)
{
	AUTO(buf_done) struct buf lines = BUF(65536);
	struct json *o = json_object(), *list = json_array();

	say_why_not(d->set.items[0].policy, &d->plan, &d->without, (int32_t)x->size, &lines);
	for (const char *l = buf_str(&lines); *l; l += strcspn(l, "\n") + 1)
		json_add(list, json_new_strn(l, strcspn(l, "\n")));
	json_set_int(o, "size", x->size);
	json_set(o, "because", list);
	json_set(j, "why_not", o);
}

static int explain_json(struct explain *x, const struct journal_stairs *s)
{
	AUTO(decision_done) struct decision d = { 0 };
	char time[CLOCK_TEXT_MAX];
	struct json *j;

	if (x->why_not && decision_read(s, &d, &x->err) < 0)
		return -1;
	j = json_object();

	json_set_str(j, "policy", s->policy);
	json_set_str(j, "first", clock_print(s->first, time));
	json_set_str(j, "last", clock_print(s->last, time));
	json_set_int(j, "turns", s->runs);
	json_set(j, "facts", json_ref((struct json *)s->facts));
	json_set(j, "plan", json_ref((struct json *)s->plan));
	if (s->without)
		json_set(j, "without", json_ref((struct json *)s->without));
	if (x->why_not)
		why_not_json(x, &d, j);
	json_set_bool(j, "wrote", s->wrote);
	if (s->settled)
		json_set_str(j, "outcome", s->outcome);
	if (s->outcome_text[0])
		json_set_str(j, "outcome_text", s->outcome_text);
	json_add(x->list, j);
	return 0;
}

static int visit(const struct journal_stairs *s, void *arg)
{
	struct explain *x = arg;

	return (x->json ? explain_json(x, s) : explain_text(x, s)) < 0;
}

static int run(struct explain *x, const char *path, const char *policy, struct instant at,
	       int64_t most)
{
	AUTO(journal_freep) struct journal *j = journal_open_read(path, &x->err);
	AUTO(buf_done) struct buf out = BUF(EXPLAIN_BYTES_MAX);

	if (!j || journal_read_stairs(j, policy, at, most, visit, x, &x->err) < 0 ||
	    x->err.kind != ERR_NONE)
		return cli_fail("explain", &x->err);
	if (x->json ? json_count(x->list) == 0 : x->count == 0) {
		err_ignore(err_set(&x->err, ERR_NOT_FOUND,
				   "the journal %s has no decision of policy '%s' -> see windlass "
				   "status --journal %s",
				   path, policy ? policy : "(any)", path));
		return cli_fail("explain", &x->err);
	}
	if (x->json)
		json_write_pretty(x->list, &out);
	for (size_t i = x->count; i-- > 0;)
		buf_adds(&out, x->text[i]);
	return cli_print(&out, CLI_DONE);
}

int cli_explain(int argc, char **argv)
{
	struct explain x = { .list = json_array() };
	const char *output, *journal, *at_text = NULL;
	struct instant at = INSTANT_NEVER;
	int64_t last;
	const struct option table[] = {
		{ .name = "at",
		  .type = OPTION_STR,
		  .value = &at_text,
		  .meta = "TIME",
		  .doc = "the decisions up to then, as 2024-01-31T09:00:00Z" },
		CLI_ROW_JOURNAL(&journal, "the journal to read"),
		{ .name = "last",
		  .letter = 'n',
		  .type = OPTION_INT,
		  .value = &last,
		  .meta = "N",
		  .init = "0",
		  .least = 0,
		  .most = 100000,
		  .doc = "how many staircases, the newest last; 0: 20, with --why-not one" },
		{ .name = "why-not",
		  .type = OPTION_INT,
		  .value = &x.size,
		  .meta = "SIZE",
		  .init = "-1",
		  .least = -1,
		  .most = POLICY_CAPACITY_MAX,
		  .doc = "say what kept the fleet from this size" },
		CLI_ROW_OUTPUT(&output, "text", "text|json"),
	};
	const struct options opts = {
		.program = "windlass explain",
		.summary = "The staircases of past decisions, with their numbers.",
		.operands = "[POLICY]",
		.table = table,
		.count = COUNT_OF(table),
		.most_operands = 1,
		.details = "Turns that climbed the same stairs are shown once, with how many they "
			   "were. Below the stairs stands the size that they would have come to "
			   "without one of them, where that is another.",
	};
	char **operands;
	struct err e;
	int n, status, rc = options_parse(&opts, argc, argv, &operands, &n, &e);

	if (rc == 0 && at_text)
		rc = clock_parse(at_text, strlen(at_text), &at, &e);
	if (rc != 0) {
		json_free(x.list);
		return rc < 0 ? cli_usage("explain", &e) : CLI_DONE;
	}
	x.json = strcmp(output, "json") == 0;
	x.why_not = x.size >= 0;
	if (last == 0)
		last = x.why_not ? 1 : 20;
	status = run(&x, journal, n == 1 ? operands[0] : NULL, at, last);
	for (size_t i = 0; i < x.count; i++)
		own_free(x.text[i]);
	own_free(x.text);
	json_free(x.list);
	return status;
}
