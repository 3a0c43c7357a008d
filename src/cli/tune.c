/* windlass tune: the cheapest settings of a policy that keep a promise on a load. */
#include "cli/tune.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/pool.h"
#include "cli/cli.h"
#include "cli/policies.h"
#include "cli/simulate.h"
#include "simulate/scaler.h"

#define TUNE_OUT_MAX (64u << 20)
#define CLI_INTERRUPTED 4

struct asked {
	const char *promise, *output, *state, *chart, *search;
	struct option_list plant, vary;
	struct span for_;
	int64_t plays;
};

/* What of the policy the load cannot give is said once, and an impossible question at once. */
static int check(struct cli_tune *t, const struct policy *p, struct err *e)
{
	AUTO(own_freep) struct scaler *s = own_alloc(sizeof(*s));
	AUTO(buf_done) struct buf notes = BUF(16384);

	if (scaler_init(s, p, t->queue, &notes, e) < 0)
		return -1;
	fputs(buf_str(&notes), stderr);
	return 0;
}

/* A generator draws its load anew for each seed; what was recorded is one. */
static int open_loads(struct cli_tune *t, struct span for_, struct err *e)
{
	size_t n = load_makes(t->load_name) ? (size_t)t->seeds : 1;

	t->loads = own_array(n, sizeof(*t->loads));
	for (; t->load_count < n; t->load_count++)
		if (cli_simulate_ask_load(t->load_name, &t->knobs,
					  (uint64_t)t->seed + t->load_count, for_,
					  &t->loads[t->load_count], e) < 0)
			return -1;
	return 0;
}

/* The default state: the policy's name, in this folder. */
static char *state_name(const char *path)
{
	const char *base = strrchr(path, '/'), *dot;

	base = base ? base + 1 : path;
	dot = strrchr(base, '.');
	return own_printf("%.*s.tune.json", (int)(dot ? (size_t)(dot - base) : strlen(base)), base);
}

static int prepare(struct cli_tune *t, const struct asked *a, struct err *e)
{
	static const struct option_list none = { 0 };
	AUTO(policy_set_done) struct policy_set set = { 0 };
	AUTO(buf_done) struct buf text = BUF(4 * YAML_BYTES_MAX);

	if (!t->load_name)
		return err_set(e, ERR_POLICY, "say what comes: --load FILE, or a generator");
	if (cli_simulate_ask_plant(&a->plant, &t->knobs, e) < 0 ||
	    cli_simulate_ask_promise(a->promise, &t->percentile, &t->promise, e) < 0 ||
	    cli_policies_one(t->path, &none, "enforce", &set, e) < 0 ||
	    check(t, set.items[0].policy, e) < 0 || open_loads(t, a->for_, e) < 0 ||
	    cli_tune_axes(t, &a->vary, set.items[0].policy, e) < 0)
		return -1;
	t->search.limit = 1 - t->percentile / 100;
	t->search.seeds = (size_t)t->seeds;
	t->search.runs_max = (size_t)a->plays;
	t->search.grid = strcmp(a->search, "grid") == 0;
	t->search.play = cli_tune_play;
	t->search.arg = t;
	if (t->search.grid && tune_grid(&t->search) * (double)t->seeds > 1e6)
		return err_set(e, ERR_POLICY, "the grid has %.0f settings: too many to play all",
			       tune_grid(&t->search));
	policy_print(set.items[0].policy, &text);
	for (size_t i = 0; i < a->plant.count; i++)
		buf_addf(&text, "%s\n", a->plant.items[i]);
	return cli_tune_resume(t, buf_str(&text), e);
}

/* A file of keys that no policy has would make every setting impossible: said before anything is
 * played. */
static int try_keys(const struct cli_tune *t, struct err *e)
{
	static const struct option_list none = { 0 };

	for (size_t a = 0; a < t->axes; a++) {
		const struct cli_tune_axis *x = &t->axis[a];
		size_t good = 0;
		AUTO(buf_done) struct buf why = BUF(8192);

		for (size_t i = 0; i < x->levels; i++) {
			AUTO(policy_set_done) struct policy_set set = { 0 };
			const struct policy_override over = { x->path, x->level[i] };

			if (cli_policies_variant(t->path, &none, &over, x->level[i] ? 1 : 0, &set,
						 e) == 0)
				good += x->level[i] != NULL;
			else if (why.len == 0 && set.problem_count > 0)
				policy_problem_print(&set.problems[set.problem_count - 1], &why);
			else if (why.len == 0)
				buf_adds(&why, e->text);
		}
		if (good == 0)
			return err_set(e, ERR_POLICY,
				       "--vary %s: no value makes a valid policy: %s", x->path,
				       buf_str(&why));
	}
	return 0;
}

static int finish(struct cli_tune *t, const struct asked *a, int rc)
{
	struct err e;
	int status = CLI_DONE;

	if (t->live.tty)
		table_live_end(&t->live);
	if (rc == 0)
		unlink(t->state);
	if (strcmp(a->output, "json") == 0)
		cli_tune_json(t);
	else
		cli_tune_text(t);
	if (a->chart && tune_nearest(&t->search) && cli_tune_chart(t, a->chart, &e) < 0)
		status = cli_fail("tune", &e);
	if (t->interrupted)
		status = CLI_INTERRUPTED;
	else if (status == CLI_DONE && !tune_best(&t->search))
		status = CLI_FAILED;
	return cli_print(&t->out, status);
}

static const char details[] =
	"KEY is as of --set (fleet.min, rules.NAME.target_tracking.per_instance, "
	"behavior.scale_in.stabilization); RANGE is 1..20, 60s..15m, 1..20/2 (in steps) or 1,2,5. "
	"Without --vary the targets of the rules and the waits before scaling in are varied, and "
	"named.\n"
	"Every setting meets the same seeds. The search goes on from the cheapest setting that "
	"keeps the promise and from the cheapest that just fails, in ever smaller steps, until "
	"nothing near is better; kept says whether the promise holds on average, or surely: the "
	"whole confidence interval within it. Equal arguments give equal output on any number of "
	"cores.\n"
	"SIGINT ends it with the best so far; what was played is kept in the state file, and the "
	"same command goes on from there. Exit status: 0 found, 1 no setting keeps the promise, 2 "
	"an argument, the policy or the load is wrong, 4 interrupted.";

#define ROWS_MAX 20

/* What is asked, */
static size_t rows_of_question(struct cli_tune *t, struct asked *a, struct option *ret)
{
	const struct option rows[] = {
		{ .name = "load",
		  .letter = 'l',
		  .type = OPTION_STR,
		  .value = &t->load_name,
		  .meta = "LOAD",
		  .doc = "what comes: as of windlass simulate" },
		{ .name = "promise",
		  .type = OPTION_STR,
		  .value = &a->promise,
		  .meta = "TEXT",
		  .init = "p95 wait < 5m",
		  .doc = "what must be kept" },
		{ .name = "vary",
		  .type = OPTION_LIST,
		  .value = &a->vary,
		  .meta = "KEY=RANGE",
		  .doc = "a key and the values it may have" },
		{ .name = "seed",
		  .type = OPTION_INT,
		  .value = &t->seed,
		  .meta = "N",
		  .init = "1",
		  .least = 0,
		  .most = INT32_MAX,
		  .doc = "the first of the seeds" },
		{ .name = "seeds",
		  .type = OPTION_INT,
		  .value = &t->seeds,
		  .meta = "N",
		  .init = "5",
		  .least = 1,
		  .most = TUNE_SEEDS_MAX,
		  .doc = "on how many each setting is played" },
	};

	memcpy(ret, rows, sizeof(rows));
	return COUNT_OF(rows);
}

/* and how it is answered. */
static size_t rows_of_answer(struct cli_tune *t, struct asked *a, struct option *ret)
{
	const struct option rows[] = {
		{ .name = "plays",
		  .type = OPTION_INT,
		  .value = &a->plays,
		  .meta = "N",
		  .init = "0",
		  .least = 0,
		  .most = INT32_MAX,
		  .doc = "end after about so many; 0: when nothing better is near" },
		{ .name = "search",
		  .type = OPTION_CHOICE,
		  .value = &a->search,
		  .meta = "HOW",
		  .init = "pattern",
		  .choices = "pattern|grid",
		  .doc = "pattern, or grid: every setting of the ranges" },
		{ .name = "plant",
		  .type = OPTION_LIST,
		  .value = &a->plant,
		  .meta = "NAME=VALUE",
		  .doc = "a knob of the imitation cloud" },
		{ .name = "for",
		  .type = OPTION_SPAN,
		  .value = &a->for_,
		  .meta = "TIME",
		  .doc = "how long the load lasts; default: to its last bin or job" },
		{ .name = "queue",
		  .type = OPTION_STR,
		  .value = &t->queue,
		  .meta = "METRIC",
		  .doc = "the metric that the load feeds; default: the first queue" },
		{ .name = "jobs",
		  .letter = 'j',
		  .type = OPTION_INT,
		  .value = &t->threads,
		  .meta = "N",
		  .init = "0",
		  .least = 0,
		  .most = POOL_THREADS_MAX,
		  .doc = "plays at once; 0: one a core" },
		{ .name = "state",
		  .type = OPTION_STR,
		  .value = &a->state,
		  .meta = "FILE",
		  .doc = "what an interrupted search has played; default: POLICY.tune.json here" },
		{ .name = "chart",
		  .type = OPTION_STR,
		  .value = &a->chart,
		  .meta = "FILE.svg",
		  .doc = "draw cost against late jobs" },
		CLI_ROW_OUTPUT(&a->output, "text", "text|json"),
	};

	memcpy(ret, rows, sizeof(rows));
	return COUNT_OF(rows);
}

static int parse(struct cli_tune *t, struct asked *a, int argc, char **argv, struct err *e)
{
	struct option table[ROWS_MAX];
	size_t count = rows_of_question(t, a, table);
	char **operands;
	int n, rc;

	count += rows_of_answer(t, a, table + count);
	const struct options o = { .program = "windlass tune",
				   .summary =
					   "The cheapest settings that keep a promise on a load.",
				   .operands = "POLICY",
				   .details = details,
				   .table = table,
				   .count = count,
				   .least_operands = 1,
				   .most_operands = 1 };

	rc = options_parse(&o, argc, argv, &operands, &n, e);
	if (rc == 0)
		t->path = operands[0];
	return rc;
}

static void done(struct cli_tune *t, struct asked *a)
{
	for (size_t i = 0; i < t->axes; i++) {
		for (size_t k = 0; k < t->axis[i].levels; k++)
			own_free(t->axis[i].level[k]);
		own_free(t->axis[i].path);
	}
	for (size_t i = 0; i < t->load_count; i++)
		load_done(&t->loads[i]);
	own_free(t->loads);
	tune_done(&t->search);
	knobs_done(&t->knobs);
	json_free(t->played);
	buf_done(&t->out);
	options_list_done(&a->plant);
	options_list_done(&a->vary);
}

int cli_tune(int argc, char **argv)
{
	struct cli_tune t = { .out = BUF(TUNE_OUT_MAX) };
	struct asked a = { 0 };
	AUTO(own_freep) char *state = NULL;
	struct err e;
	int rc;

	knobs_init(&t.knobs);
	tune_init(&t.search);
	rc = parse(&t, &a, argc, argv, &e);
	if (rc < 0) {
		rc = cli_usage("tune", &e);
	} else if (rc > 0) {
		rc = CLI_DONE;
	} else {
		state = a.state ? own_strdup(a.state) : state_name(t.path);
		t.state = state;
		t.threads = t.threads > 0 ? t.threads : pool_cores();
		t.live = (struct table_live){ .to = stderr, .tty = table_is_tty(stderr) };
		if (prepare(&t, &a, &e) < 0 || try_keys(&t, &e) < 0) {
			rc = cli_fail("tune", &e);
		} else {
			cli_tune_catch();
			rc = finish(&t, &a, tune_search(&t.search));
		}
	}
	done(&t, &a);
	return rc;
}
