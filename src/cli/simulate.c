/* windlass simulate: what policies would cost and promise on a load, before they touch anything. */
#include "cli/simulate.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/chartjs.h"
#include "base/clock.h"
#include "base/options.h"
#include "base/table.h"
#include "cli/cli.h"
#include "cli/policies.h"
#include "simulate/peer.h"
#include "simulate/scaler.h"

#define SIMULATE_OUT_MAX (1u << 20)
#define SIMULATE_PAGE_MAX (128u << 20)
#define UNIT_FACTOR 100 /* so many times the largest fleet is a load in another unit */

struct simulate {
	const char *load_name, *against, *promise_text, *queue, *output, *page;
	struct option_list plant, sets;
	struct span for_, bound_step;
	bool no_bound;
	int64_t seed;
	bool print_plant;
	double percentile;
	struct span promise;
	bool promise_given;
	struct knobs knobs;
	struct load load;
	struct cli_simulate_report report;
	struct table_live live;
	struct buf details; /* of --help */
};

const char *cli_simulate_knob(const struct option_list *given, const struct knobs_row *row)
{
	const char *value = row->init;
	size_t len = strlen(row->name);

	for (size_t k = 0; k < given->count; k++)
		if (strncmp(given->items[k], row->name, len) == 0 && given->items[k][len] == '=')
			value = given->items[k] + len + 1;
	return value;
}

static int show_plant(const struct simulate *s)
{
	static const char *const titles[] = { "knob", "value", "default", "source" };
	static const enum table_align align[] = { TABLE_LEFT, TABLE_LEFT, TABLE_LEFT, TABLE_LEFT };
	AUTO(table_freep) struct table *t = table_new(titles, align, 4);
	AUTO(buf_done) struct buf out = BUF(SIMULATE_OUT_MAX);
	const struct knobs_row *row;

	for (size_t i = 0; (row = knobs_list(i)); i++)
		table_row(t, (const char *[]){ row->name, cli_simulate_knob(&s->plant, row),
					       row->init, row->source });
	table_print(t, &out);
	return cli_print(&out, CLI_DONE);
}

static void show_progress(void *to, const struct plant_case *c, int64_t now_us)
{
	struct simulate *s = to;
	AUTO(buf_done) struct buf line = BUF(256);
	double share = (double)now_us / (double)c->load->horizon_us;
	char at[CLOCK_TEXT_MAX];

	if (!s->live.tty)
		return;
	table_bar(&line, share < 1 ? share : 1, 30);
	clock_print((struct instant){ (c->load->start.ms + now_us / 1000) / 1000 * 1000 }, at);
	buf_addf(&line, " %s  %s", at, s->report.row[s->report.count].name);
	table_live_show(&s->live, buf_str(&line));
}

/* The same for all who meet the same jobs with the same slots, start and promise. */
static void find_bound(struct simulate *s, const struct plant_case *c, struct cli_simulate_row *row)
{
	row->slots = c->slots;
	row->initial = plant_initial(c);
	for (const struct cli_simulate_row *o = s->report.row; o < row; o++)
		if (o->slots == row->slots && o->initial == row->initial &&
		    o->promise.ms == row->promise.ms) {
			row->bound = o->bound;
			return;
		}
	bound_find(c, row->promise, s->bound_step.ms * 1000, &row->bound);
}

/* One column of the report. */
static int run(struct simulate *s, const char *name, struct plant_case *c, struct err *e)
{
	struct cli_simulate_row *row = &s->report.row[s->report.count];
	double busy = load_peak(&s->load) * dist_mean_us(&s->knobs.service) / LOAD_US;

	if (c->max < c->min)
		return err_set(e, ERR_POLICY, "%s: at most %lld instances, at least %lld", name,
			       (long long)c->max, (long long)c->min);
	row->name = own_strdup(name);
	c->load = &s->load;
	c->knobs = &s->knobs;
	c->seed = (uint64_t)s->seed;
	c->initial = s->knobs.initial;
	c->promise = row->promise;
	c->trace = s->page ? &row->trace : NULL;
	c->progress = show_progress;
	c->progress_to = s;
	if (!s->load.has_service && busy > (double)UNIT_FACTOR * (double)(c->max * c->slots))
		fprintf(stderr,
			"windlass simulate: %s: the load's peak would keep %.0f jobs running, over "
			"%d times what %lld instances can: is it in another unit?\n",
			name, busy, UNIT_FACTOR, (long long)c->max);
	plant_run(c, &row->result);
	row->hour_price = c->hour_price;
	if (!s->no_bound)
		find_bound(s, c, row);
	s->report.count++;
	if (row->result.jobs == 0)
		return err_set(e, ERR_POLICY, "the load is empty: no job comes within --for");
	return 0;
}

static int room(const struct simulate *s, struct err *e)
{
	if (s->report.count < CLI_SIMULATE_MAX)
		return 0;
	return err_set(e, ERR_POLICY, "at most %d policies and peers are compared at once",
		       CLI_SIMULATE_MAX);
}

static int run_policy(struct simulate *s, const struct policy *p, struct err *e)
{
	AUTO(buf_done) struct buf notes = BUF(16384);
	struct scaler scaler;
	struct plant_scaler plant;
	struct plant_case c = { .scaler = &plant };
	struct cli_simulate_row *row;

	if (room(s, e) < 0 || scaler_init(&scaler, p, s->queue, &notes, e) < 0)
		return -1;
	fputs(buf_str(&notes), stderr);
	plant = scaler_plant(&scaler);
	cli_simulate_ask_case(p, &s->knobs, &c);
	row = &s->report.row[s->report.count];
	row->percentile = s->percentile;
	row->promise = s->promise;
	for (size_t i = 0; i < p->rule_count && !s->promise_given; i++)
		if (p->rules[i].kind == POLICY_QUEUE_WAIT) {
			row->percentile = (double)p->rules[i].queue_wait.percentile_milli / 1000;
			row->promise = p->rules[i].queue_wait.target;
		}
	return run(s, p->name, &c, e);
}

/* A policy that only watches is played as if it wrote. */
static int run_path(struct simulate *s, const char *path, struct err *e)
{
	AUTO(policy_set_done) struct policy_set set = { 0 };

	if (cli_policies_read(path, &s->sets, "enforce", &set, e) < 0)
		return -1;
	for (size_t i = 0; i < set.count; i++)
		if (run_policy(s, set.items[i].policy, e) < 0)
			return -1;
	return 0;
}

static int run_peer(struct simulate *s, const char *text, struct err *e)
{
	struct peer peer;
	struct plant_scaler plant;
	struct plant_case c = { .scaler = &plant,
				.slots = s->knobs.slots,
				.min = s->knobs.group_min,
				.max = s->knobs.group_max,
				.hour_price = s->knobs.instance_hour_price };

	if (room(s, e) < 0 || peer_init(&peer, text, c.slots, e) < 0)
		return -1;
	plant = peer_plant(&peer);
	c.min = c.min > peer_floor(&peer) ? c.min : peer_floor(&peer);
	s->report.row[s->report.count].percentile = s->percentile;
	s->report.row[s->report.count].promise = s->promise;
	return run(s, peer.name, &c, e);
}

static int run_peers(struct simulate *s, struct err *e)
{
	const char *at = s->against ? s->against : "";

	while (*at) {
		size_t len = strcspn(at, ",");
		char one[64];

		if (len >= sizeof(one))
			return err_set(e, ERR_POLICY, "--against '%.60s' is too long", at);
		memcpy(one, at, len);
		one[len] = '\0';
		if (run_peer(s, one, e) < 0)
			return err_wrap(e, "--against");
		at += len + (at[len] == ',');
	}
	return 0;
}

/* Before a long run what would make its report impossible is found. */
static int check_page(const struct simulate *s, struct err *e)
{
	AUTO(own_freep) char *folder = NULL;
	struct embed script;
	char *slash;

	if (!s->page)
		return 0;
	if (!*s->page)
		return err_set(e, ERR_POLICY, "--report needs the name of a file");
	folder = own_strdup(s->page);
	slash = strrchr(folder, '/');
	if (slash)
		slash[slash == folder] = '\0';
	if (access(slash ? folder : ".", W_OK) < 0)
		return err_errno(e, errno, "--report: writing '%s'", s->page);
	return chartjs_script(&script, e) < 0 ? err_wrap(e, "--report") : 0;
}

static int write_page(struct simulate *s, struct err *e)
{
	AUTO(buf_done) struct buf out = BUF(SIMULATE_PAGE_MAX);

	if (!s->page)
		return 0;
	if (cli_simulate_page(&s->report, &out, e) < 0 ||
	    buf_write_file(&out, s->page, 0644, e) < 0)
		return err_wrap(e, "--report");
	return 0;
}

static int prepare(struct simulate *s, struct err *e)
{
	if (check_page(s, e) < 0)
		return -1;
	s->promise_given = s->promise_text != NULL;
	if (cli_simulate_ask_plant(&s->plant, &s->knobs, e) < 0)
		return -1;
	return cli_simulate_ask_promise(s->promise_text, &s->percentile, &s->promise, e);
}

static int simulate(struct simulate *s, char **paths, int n, struct err *e)
{
	AUTO(buf_done) struct buf out = BUF(SIMULATE_OUT_MAX);
	struct cli_simulate_report *r = &s->report;
	int status;

	if (prepare(s, e) < 0)
		return -1;
	if (s->print_plant)
		return show_plant(s);
	if (!s->load_name)
		return err_set(e, ERR_POLICY, "say what comes: --load FILE, or a generator");
	if (n == 0 && !s->against)
		return err_set(e, ERR_POLICY, "name a policy, or a peer with --against");
	if (cli_simulate_ask_load(s->load_name, &s->knobs, (uint64_t)s->seed, s->for_, &s->load,
				  e) < 0)
		return -1;
	r->load_name = s->load_name;
	r->load = &s->load;
	r->seed = s->seed;
	r->plant = &s->plant;
	s->live = (struct table_live){ .to = stderr, .tty = table_is_tty(stderr) };
	for (int i = 0; i < n; i++)
		if (run_path(s, paths[i], e) < 0)
			return -1;
	if (run_peers(s, e) < 0)
		return -1;
	if (s->live.tty)
		table_live_end(&s->live);
	if (strcmp(s->output, "json") == 0)
		cli_simulate_json(r, &out);
	else if (strcmp(s->output, "csv") == 0)
		cli_simulate_csv(r, &out);
	else
		cli_simulate_text(r, &out);
	/* The numbers first: a full disk shall not cost a long run its result. */
	status = cli_print(&out, CLI_DONE);
	return write_page(s, e) < 0 ? -1 : status;
}

static const char details[] =
	"A load is a file: CSV (t_seconds,arrivals; or a time a job, with service_seconds if "
	"known), NDJSON of enqueue times, or what aws cloudwatch get-metric-statistics or "
	"get-metric-data printed of NumberOfMessagesSent; or journal:FILE:POLICY, arrivals guessed "
	"from the counts that a "
	"controller has seen and --plant service. Or a generator: constant, poisson, "
	"diurnal, burst, batch, ramp, as diurnal:per_hour=600,swing=80%,peak=15h,for=7d.\n"
	"Peers: naive fixed:N hpa keda target-tracking step nomad buildkite, each with :TARGET.\n"
	"The bound is for a scheduler that knows all arrivals, service times and the mean boot "
	"time, "
	"begins with the same instances and starts every job within the promised wait. The work "
	"done "
	"by t is then at most what had come by t, at least what had come a wait earlier, and grows "
	"by "
	"no more than the slots in service; each launch costs a boot. All else is left out, so the "
	"least bill of what is left, found by dynamic programming over time, instances and work, "
	"lies "
	"below that of every such schedule; the grid's rounding is taken off it. A policy that "
	"lets "
	"some jobs be late, as a promise to 95 % allows, is asked for less than the bound is.\n"
	"Equal arguments give equal output. Exit status: 0 done, 1 failed, 2 a load, a policy or "
	"an argument is wrong.\n";

/* 0, 1 when help was shown, or -1. */
static int parse(struct simulate *s, int argc, char **argv, char ***ret_paths, int *ret_n,
		 struct err *e)
{
	const struct option table[] = {
		{ .name = "load",
		  .letter = 'l',
		  .type = OPTION_STR,
		  .value = &s->load_name,
		  .meta = "LOAD",
		  .doc = "what comes: a file or a generator" },
		{ .name = "against",
		  .type = OPTION_STR,
		  .value = &s->against,
		  .meta = "PEERS",
		  .doc = "other autoscalers on the same load, separated by commas" },
		{ .name = "promise",
		  .type = OPTION_STR,
		  .value = &s->promise_text,
		  .meta = "TEXT",
		  .doc = "as \"p95 wait < 5m\"; default: the policy's queue_wait, else that" },
		{ .name = "seed",
		  .type = OPTION_INT,
		  .value = &s->seed,
		  .meta = "N",
		  .init = "1",
		  .least = 0,
		  .most = INT32_MAX,
		  .doc = "of all that is drawn at random" },
		{ .name = "plant",
		  .type = OPTION_LIST,
		  .value = &s->plant,
		  .meta = "NAME=VALUE",
		  .doc = "a knob of the imitation cloud, as boot=lognormal:90s:0.3" },
		{ "print-plant", 0, OPTION_FLAG, &s->print_plant,
		  .doc = "list the knobs with their defaults and where these are from" },
		{ .name = "for",
		  .type = OPTION_SPAN,
		  .value = &s->for_,
		  .meta = "TIME",
		  .doc = "how long the load lasts; default: to its last bin or job" },
		{ "no-bound", 0, OPTION_FLAG, &s->no_bound,
		  .doc = "leave out what nobody can go below: it takes a part of the time" },
		{ .name = "bound-step",
		  .type = OPTION_SPAN,
		  .value = &s->bound_step,
		  .meta = "TIME",
		  .doc = "the grid of the bound; default: the finest that is little work" },
		{ .name = "set",
		  .type = OPTION_LIST,
		  .value = &s->sets,
		  .meta = "PATH=VALUE",
		  .doc = "override a key of every policy" },
		{ .name = "queue",
		  .type = OPTION_STR,
		  .value = &s->queue,
		  .meta = "METRIC",
		  .doc = "the metric that the load feeds; default: the first queue" },
		{ .name = "report",
		  .type = OPTION_STR,
		  .value = &s->page,
		  .meta = "FILE",
		  .doc = "write a page of HTML with charts and reasons to FILE, too" },
		CLI_ROW_OUTPUT(&s->output, "text", "text|json|csv"),
	};
	const struct options o = { .program = "windlass simulate",
				   .summary = "Plays policies on a load: cost, waits, actions.",
				   .operands = "POLICY…",
				   .details = buf_str(&s->details),
				   .table = table,
				   .count = COUNT_OF(table),
				   .most_operands = -1 };

	return options_parse(&o, argc, argv, ret_paths, ret_n, e);
}

int cli_simulate(int argc, char **argv)
{
	struct simulate s = { 0 };
	char **paths;
	struct err e;
	int n, rc;

	knobs_init(&s.knobs);
	s.details = BUF(16384);
	buf_adds(&s.details, details);
	cli_simulate_columns(&s.details);
	rc = parse(&s, argc, argv, &paths, &n, &e);
	if (rc < 0)
		rc = cli_usage("simulate", &e);
	else if (rc > 0)
		rc = CLI_DONE;
	else if ((rc = simulate(&s, paths, n, &e)) < 0) {
		if (s.live.tty)
			table_live_end(&s.live);
		rc = cli_fail("simulate", &e);
	}
	for (size_t i = 0; i < CLI_SIMULATE_MAX; i++) {
		own_free(s.report.row[i].name);
		trace_done(&s.report.row[i].trace);
	}
	load_done(&s.load);
	knobs_done(&s.knobs);
	buf_done(&s.details);
	options_list_done(&s.plant);
	options_list_done(&s.sets);
	return rc;
}
