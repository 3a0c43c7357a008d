#include "cli/once.h"

#include <stdio.h>
#include <string.h>

#include "base/loop.h"
#include "base/options.h"
#include "cli/cli.h"
#include "cli/plan_cost.h"
#include "control/control.h"
#include "model/say.h"

#define ONCE_BYTES_MAX (16u << 20)

struct once_run {
	const struct once *o;
	const char *policies, *journal;
	bool as_json, cost;
	struct buf out;
	struct json *list;
	bool failed, change;
};

static void complain(const char *verb, const struct err *e)
{
	err_ignore(cli_fail(verb, e));
}

static void on_report(const struct err *e, void *arg)
{
	struct once_run *r = arg;

	complain(r->o->verb, e);
	r->failed = true;
}

static bool asked_to_write(const struct turn *t)
{
	return t->work->plan.act == PLAN_SET && t->work->plan.may_write;
}

static void print_text(struct once_run *r, const struct turn *t)
{
	say_plan(t->policy, &t->work->facts, &t->work->plan, t->at, &r->out);
	if (!r->o->act || !asked_to_write(t))
		return;
	buf_addf(&r->out, "  -> %s", say_outcome_word(t->work->write.outcome.kind));
	if (t->work->write.outcome.kind == OUTCOME_DONE)
		buf_addf(&r->out, ": desired capacity of %s is %d",
			 t->policy->fleet.auto_scaling_group, t->work->plan.desired);
	buf_addc(&r->out, '\n');
}

static void print_json(struct once_run *r, const struct turn *t)
{
	struct json *j = json_object();

	json_set_str(j, "policy", t->policy->name);
	json_set_str(j, "mode", say_mode_word(t->policy->mode));
	json_set_str(j, "group", t->policy->fleet.auto_scaling_group);
	json_set_bool(j, "change", asked_to_write(t));
	json_set(j, "facts", say_facts_json(t->policy, &t->work->facts));
	json_set(j, "plan", say_plan_json(t->policy, &t->work->plan));
	if (r->o->act)
		json_set_str(j, "outcome", say_outcome_word(t->work->write.outcome.kind));
	if (t->work->err.kind != ERR_NONE)
		json_set_str(j, "error", t->work->err.text);
	json_add(r->list, j);
}

static void on_turn(const struct turn *t, void *arg)
{
	struct once_run *r = arg;
	const struct outcome *out = &t->work->write.outcome;

	if (r->as_json)
		print_json(r, t);
	else
		print_text(r, t);
	if (t->work->err.kind != ERR_NONE) {
		struct err e = t->work->err;

		err_ignore(err_wrap(&e, "policy %s", t->policy->name));
		complain(r->o->verb, &e);
		r->failed = true;
	}
	if (asked_to_write(t))
		r->change = true;
	if (r->o->act && asked_to_write(t) && out->kind != OUTCOME_DONE) {
		if (out->err.kind != ERR_NONE)
			complain(r->o->verb, &out->err);
		r->failed = true;
	}
}

/* The number of errors; all of them are printed, warnings too. */
static size_t print_problems(const struct policy_set *set)
{
	for (size_t i = 0; i < set->problem_count; i++) {
		AUTO(buf_done) struct buf line = BUF(8192);

		policy_problem_print(&set->problems[i], &line);
		fprintf(stderr, "%s\n", buf_str(&line));
	}
	return set->error_count;
}

static int status_of(const struct once_run *r, size_t errors)
{
	if (errors > 0)
		return CLI_USAGE;
	if (r->failed)
		return CLI_FAILED;
	return r->change && !r->o->act ? CLI_CHANGE : CLI_DONE;
}

static int run_all(struct once_run *r)
{
	AUTO(loop_freep) struct loop *loop = loop_new();
	struct control_options how = {
		.loop = loop,
		.policies = r->policies,
		.journal = r->journal,
		.act = r->o->act,
		.once = true,
		.on_turn = on_turn,
		.on_report = on_report,
		.arg = r,
	};
	struct err e = { 0 };
	AUTO(control_freep) struct control *c = control_new(&how, &e);
	size_t errors;

	if (!c)
		return cli_fail(r->o->verb, &e);
	errors = print_problems(control_policies(c));
	if (r->cost && control_policies(c)->count > 0) {
		(r->as_json ? cli_plan_cost_json : cli_plan_cost_text)(c, &r->out);
		return cli_print(&r->out, status_of(r, errors));
	}
	if (control_policies(c)->count > 0) {
		control_start(c);
		loop_run(loop);
	} else if (errors == 0) { /* a cron job must not succeed by doing nothing */
		err_set(&e, ERR_POLICY, "%s holds no *.yaml or *.yml file", r->policies);
		return cli_fail(r->o->verb, &e);
	}
	if (r->as_json)
		json_write_pretty(r->list, &r->out);
	return cli_print(&r->out, status_of(r, errors));
}

int cli_once_main(const struct once *o, int argc, char **argv)
{
	struct once_run r = { .o = o, .out = BUF(ONCE_BYTES_MAX) };
	const char *output;
	const struct option table[] = {
		CLI_ROW_JOURNAL(&r.journal, o->journal_doc),
		CLI_ROW_OUTPUT(&output, "text", "text|json"),
		{ .name = "policies",
		  .letter = 'p',
		  .type = OPTION_STR,
		  .value = &r.policies,
		  .meta = "PATH",
		  .env = "WINDLASS_POLICIES",
		  .init = "/etc/windlass/policies",
		  .doc = "a policy file, or a folder of them" },
		{ .name = "cost",
		  .type = OPTION_FLAG,
		  .value = &r.cost,
		  .doc = "the calls and dollars a month that looking costs each policy; nothing is "
			 "called" },
	};
	const struct options opts = {
		.program = o->program,
		.summary = o->summary,
		.operands = "[PATH]",
		.table = table,
		.count = COUNT_OF(table) - !o->costs, /* --cost is the last */
		.most_operands = 1,
		.details = o->details,
	};
	char **operands;
	struct err e;
	int n, status, rc = options_parse(&opts, argc, argv, &operands, &n, &e);

	if (rc != 0)
		return rc < 0 ? cli_usage(o->verb, &e) : CLI_DONE;
	if (n == 1)
		r.policies = operands[0];
	r.as_json = strcmp(output, "json") == 0;
	r.list = json_array();
	status = run_all(&r);
	json_free(r.list);
	buf_done(&r.out);
	return status;
}
