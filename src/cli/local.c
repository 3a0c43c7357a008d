/* windlass local: moves the clock of an embedded cloud, and makes things go wrong in it. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "aws/control.h"
#include "aws/lane.h"
#include "base/clock.h"
#include "base/options.h"
#include "cli/cli.h"

#define CALL_S 10
#define OUT_MAX 65536
#define PAIRS_MAX 12
#define RESET_TRIES 300
#define RESET_PAUSE_MS 100

struct asked {
	const char *endpoint, *action;
	struct control_pair pairs[PAIRS_MAX];
	size_t count;
};

#define ROW_ENDPOINT(at)                                                              \
	{                                                                             \
		.name = "endpoint", .type = OPTION_STR, .value = (at), .meta = "URL", \
		.env = "AWS_ENDPOINT_URL", .doc = "where windlass-local serves"       \
	}

static void ask_pair(struct asked *a, const char *name, const char *value)
{
	a->pairs[a->count++] = (struct control_pair){ name, value };
}

typedef void tell_fn(const struct xml_node *result, struct buf *out);

static void tell_nothing(const struct xml_node *result, struct buf *out)
{
	(void)result;
	(void)out;
}

static void tell_clock(const struct xml_node *result, struct buf *out)
{
	const char *at = xml_text(result, "Time"), *rate = xml_text(result, "Rate");

	buf_addf(out, "%s at rate %s\n", at ? at : "", rate ? rate : "");
}

static void tell_id(const struct xml_node *result, struct buf *out)
{
	const char *id = xml_text(result, "Id");

	buf_addf(out, "%s\n", id ? id : "");
}

static void tell_cleared(const struct xml_node *result, struct buf *out)
{
	const char *n = xml_text(result, "Cleared");

	buf_addf(out, "%s faults taken away\n", n ? n : "");
}

static const char *word(const struct xml_node *n, const char *name, const char *otherwise)
{
	const char *text = xml_text(n, name);

	return text && *text ? text : otherwise;
}

static void tell_faults(const struct xml_node *result, struct buf *out)
{
	const struct xml_node *list = xml_first(result, "Faults");

	for (const struct xml_node *f = xml_first(list, "member"); f; f = xml_next(f, "member")) {
		const char *left = word(f, "Left", "-1");

		buf_addf(out, "%s  %s  %s %s  share %s", word(f, "Id", "?"), word(f, "Kind", "?"),
			 word(f, "OnService", "any"), word(f, "OnAction", "any"),
			 word(f, "Share", "1"));
		buf_addf(out, *left == '-' ? "\n" : "  %s left\n", left);
	}
}

static int ask_for(const struct asked *a, const char *verb, tell_fn *tell, struct buf *out)
{
	const struct lane_options where = { .region = "us-east-1", .endpoint = a->endpoint };
	AUTO(aws_call_done) struct aws_call c = { 0 };
	AUTO(lane_freep) struct lane *l = NULL;
	AUTO(xml_freep) struct xml *x = NULL;
	const struct xml_node *result;
	struct err e = { 0 };

	if (!a->endpoint || !*a->endpoint) {
		err_set(&e, ERR_POLICY,
			"no endpoint -> say --endpoint URL, or set AWS_ENDPOINT_URL as "
			"windlass-local prints it");
		return cli_usage(verb, &e);
	}
	l = lane_new(NULL, &where, &e);
	if (!l)
		return cli_fail(verb, &e);
	aws_control_ask(&c.request, a->action, a->pairs, a->count);
	aws_run_one(l, &c, span_s(CALL_S));
	if (aws_control_read(&c.reply, &x, &result, &e) < 0)
		return cli_fail(verb, &e);
	tell(result, out);
	return CLI_DONE;
}

static int ask(const struct asked *a, const char *verb, tell_fn *tell)
{
	AUTO(buf_done) struct buf out = BUF(OUT_MAX);
	int rc = ask_for(a, verb, tell, &out);

	return rc == CLI_DONE ? cli_print(&out, CLI_DONE) : rc;
}

static const char *milliseconds(struct span s, char out[static 32])
{
	snprintf(out, 32, "%" PRId64, s.ms);
	return s.ms ? out : NULL;
}

/* --- one verb each; all take the words after it */

static int local_advance(int argc, char **argv)
{
	struct asked a = { .action = "SetClock" };
	const struct option table[] = { ROW_ENDPOINT(&a.endpoint) };
	const struct options o = { .program = "windlass local advance",
				   .summary = "Moves the clock of the services forward.",
				   .operands = "TIME",
				   .details =
					   "TIME is like 12h, 90s or 250ms. Long polls keep real "
					   "time; signatures are checked against it.\n",
				   .table = table,
				   .count = COUNT_OF(table),
				   .least_operands = 1,
				   .most_operands = 1 };
	struct err e = { 0 };
	struct span by = { 0 };
	char **operands, text[32];
	int n, rc = options_parse(&o, argc, argv, &operands, &n, &e);

	if (rc > 0)
		return CLI_DONE;
	if (rc < 0 || clock_parse_span(operands[0], &by, &e) < 0)
		return cli_usage("local advance", &e);
	ask_pair(&a, "Milliseconds", milliseconds(by, text));
	return ask(&a, "local advance", tell_clock);
}

/* The verbs that take at most one word, which is parameter @p name. */
static int local_word(int argc, char **argv, const char *verb, const char *summary,
		      const char *operands, int least, struct asked *a, const char *name,
		      tell_fn *tell)
{
	const struct option table[] = { ROW_ENDPOINT(&a->endpoint) };
	AUTO(own_freep) char *program = own_printf("windlass %s", verb);
	const struct options o = { .program = program,
				   .summary = summary,
				   .operands = operands,
				   .table = table,
				   .count = COUNT_OF(table),
				   .least_operands = least,
				   .most_operands = name ? 1 : 0 };
	struct err e = { 0 };
	char **words;
	int n, rc = options_parse(&o, argc, argv, &words, &n, &e);

	if (rc != 0)
		return rc < 0 ? cli_usage(verb, &e) : CLI_DONE;
	if (n)
		ask_pair(a, name, words[0]);
	return ask(a, verb, tell);
}

static int local_rate(int argc, char **argv)
{
	struct asked a = { .action = "SetClock" };

	return local_word(argc, argv, "local rate", "Sets how fast the clock of the services runs.",
			  "N", 1, &a, "Rate", tell_clock);
}

static int local_clock(int argc, char **argv)
{
	struct asked a = { .action = "DescribeClock" };

	return local_word(argc, argv, "local clock", "Shows the clock of the services.", NULL, 0,
			  &a, NULL, tell_clock);
}

static int local_faults(int argc, char **argv)
{
	struct asked a = { .action = "DescribeFaults" };

	return local_word(argc, argv, "local faults", "Shows the faults that are set.", NULL, 0, &a,
			  NULL, tell_faults);
}

static int local_heal(int argc, char **argv)
{
	struct asked a = { .action = "ClearFaults" };

	return local_word(argc, argv, "local heal", "Takes a fault away, or all.", "[ID]", 0, &a,
			  "Id", tell_cleared);
}

static int local_interrupt(int argc, char **argv)
{
	struct asked a = { .action = "NotifyInstance" };

	ask_pair(&a, "Kind", "spot");
	return local_word(argc, argv, "local interrupt",
			  "Interrupts a spot instance: a notice, and its end two minutes later.",
			  "INSTANCE", 1, &a, "InstanceId", tell_nothing);
}

static int local_rebalance(int argc, char **argv)
{
	struct asked a = { .action = "NotifyInstance" };

	ask_pair(&a, "Kind", "rebalance");
	return local_word(argc, argv, "local rebalance",
			  "Tells an instance that it had better be replaced.", "INSTANCE", 1, &a,
			  "InstanceId", tell_nothing);
}

/* ---- the state */

static void tell_left(const struct xml_node *result, struct buf *out)
{
	const char *left = xml_text(result, "Left");

	buf_adds(out, left ? left : "");
}

static int local_snapshot(int argc, char **argv)
{
	struct asked a = { .action = "TakeSnapshot" };
	const struct option table[] = { ROW_ENDPOINT(&a.endpoint) };
	const struct options o = { .program = "windlass local snapshot",
				   .summary = "Writes all that the services hold to a new folder.",
				   .operands = "DIR",
				   .details = "windlass-local --from DIR starts with it.\n",
				   .table = table,
				   .count = COUNT_OF(table),
				   .least_operands = 1,
				   .most_operands = 1 };
	AUTO(own_freep) char *here = NULL;
	AUTO(own_freep) char *path = NULL;
	struct err e = { 0 };
	char **words;
	int n, rc = options_parse(&o, argc, argv, &words, &n, &e);

	if (rc != 0)
		return rc < 0 ? cli_usage("local snapshot", &e) : CLI_DONE;
	here = getcwd(NULL, 0);
	path = words[0][0] == '/' ? own_strdup(words[0])
				  : own_printf("%s/%s", here ? here : "", words[0]);
	ask_pair(&a, "Folder", path);
	return ask(&a, "local snapshot", tell_nothing);
}

/* Instances take a moment to end: it is asked again until none is left. */
static int local_reset(int argc, char **argv)
{
	struct asked a = { .action = "Reset" };
	const char *service = NULL;
	const struct option table[] = {
		ROW_ENDPOINT(&a.endpoint),
		{ "service", 0, OPTION_STR, &service, "NAME",
		  .doc = "autoscaling, cloudwatch, s3 or sqs; all, and the faults, unless given" },
	};
	const struct options o = { .program = "windlass local reset",
				   .summary = "Empties an embedded cloud.",
				   .details = "Keys and clock stay as they are.\n",
				   .table = table,
				   .count = COUNT_OF(table) };
	struct err e = { 0 };
	char **words;
	int n, rc = options_parse(&o, argc, argv, &words, &n, &e);

	if (rc != 0)
		return rc < 0 ? cli_usage("local reset", &e) : CLI_DONE;
	ask_pair(&a, "OnService", service);
	for (int tries = 0; tries < RESET_TRIES; tries++) {
		AUTO(buf_done) struct buf left = BUF(64);

		if ((rc = ask_for(&a, "local reset", tell_left, &left)) != CLI_DONE)
			return rc;
		if (strcmp(buf_str(&left), "0") == 0)
			return CLI_DONE;
		clock_sleep(span_ms(RESET_PAUSE_MS));
	}
	err_ignore(err_set(&e, ERR_LOCAL, "instances that do not end"));
	return cli_fail("local reset", &e);
}

static const char fault_details[] =
	"KIND is what goes wrong:\n"
	"  throttle   refused as too fast\n"
	"  fail       refused with InternalFailure, or with --code\n"
	"  hang       answered after --value milliseconds, or never\n"
	"  lose       done, but the answer never comes\n"
	"  lie        a queue's counts are --value, 0 unless given\n"
	"  twice      received messages stay visible\n"
	"  capacity   no instance can be launched\n"
	"  delay      CloudWatch shows metrics of queues and groups --value milliseconds later\n"
	"S3 knows throttle, fail and a hang for ever; its actions are GET, HEAD, PUT, POST and "
	"DELETE.\n"
	"Prints the fault's id, for windlass local heal. Equal seeds strike the same calls.\n";

struct fault {
	const char *endpoint, *service, *action, *code, *share, *count, *value, *seed;
	struct span after, lasts;
};

static int fault_ask(const struct fault *f, const char *kind)
{
	struct asked a = { .endpoint = f->endpoint, .action = "AddFault" };
	char begins[32], ends[32];

	ask_pair(&a, "Kind", kind);
	ask_pair(&a, "OnService", f->service);
	ask_pair(&a, "OnAction", f->action);
	ask_pair(&a, "Share", f->share);
	ask_pair(&a, "Count", f->count);
	ask_pair(&a, "Code", f->code);
	ask_pair(&a, "Value", f->value);
	ask_pair(&a, "Seed", f->seed);
	ask_pair(&a, "AfterMilliseconds", milliseconds(f->after, begins));
	ask_pair(&a, "ForMilliseconds", milliseconds(f->lasts, ends));
	return ask(&a, "local fault", tell_id);
}

static int local_fault(int argc, char **argv)
{
	struct fault f = { 0 };
	const struct option table[] = {
		ROW_ENDPOINT(&f.endpoint),
		{ "service", 0, OPTION_STR, &f.service, "NAME",
		  .doc = "sqs, s3, autoscaling or sts; any unless given" },
		{ "action", 0, OPTION_STR, &f.action, "NAME",
		  .doc = "as SendMessage; any unless given" },
		{ "share", 0, OPTION_STR, &f.share, "0..1",
		  .doc = "of the calls that match; all unless given" },
		{ "after", 0, OPTION_SPAN, &f.after, "TIME", .doc = "begin so much later" },
		{ "for", 0, OPTION_SPAN, &f.lasts, "TIME", .doc = "end after so long" },
		{ "count", 0, OPTION_STR, &f.count, "N", .doc = "end after so many calls" },
		{ "code", 0, OPTION_STR, &f.code, "CODE",
		  .doc = "the error code of fail and throttle" },
		{ "value", 0, OPTION_STR, &f.value, "N",
		  .doc = "milliseconds of hang, counts of lie" },
		{ "seed", 0, OPTION_STR, &f.seed, "N",
		  .doc = "which calls a share strikes; 1 unless given" },
	};
	const struct options o = { .program = "windlass local fault",
				   .summary = "Makes calls to an embedded cloud go wrong.",
				   .operands = "KIND",
				   .details = fault_details,
				   .table = table,
				   .count = COUNT_OF(table),
				   .least_operands = 1,
				   .most_operands = 1 };
	struct err e = { 0 };
	char **operands;
	int n, rc = options_parse(&o, argc, argv, &operands, &n, &e);

	if (rc != 0)
		return rc < 0 ? cli_usage("local fault", &e) : CLI_DONE;
	return fault_ask(&f, operands[0]);
}

static const struct {
	const char *name;
	int (*run)(int argc, char **argv);
} verbs[] = {
	{ "advance", local_advance },     { "rate", local_rate },
	{ "clock", local_clock },         { "fault", local_fault },
	{ "faults", local_faults },       { "heal", local_heal },
	{ "interrupt", local_interrupt }, { "rebalance", local_rebalance },
	{ "reset", local_reset },         { "snapshot", local_snapshot },
};

int cli_local(int argc, char **argv)
{
	const struct options o = {
		.program = "windlass local",
		.summary = "Moves the clock of an embedded cloud, and makes things go wrong in it.",
		.operands = "advance|rate|clock|fault|faults|heal|interrupt|rebalance|reset|"
			    "snapshot …",
		.details = "windlass local advance 12h        the services see twelve hours pass\n"
			   "windlass local rate 60            and a minute in each second\n"
			   "windlass local clock              what they see\n"
			   "windlass local fault KIND         calls go wrong; --help tells how\n"
			   "windlass local faults             which are set\n"
			   "windlass local heal [ID]          take one or all away\n"
			   "windlass local interrupt ID       a spot notice, and the end in 2 "
			   "minutes\n"
			   "windlass local rebalance ID       a rebalance recommendation\n"
			   "windlass local snapshot DIR       all that it holds, for --from DIR\n"
			   "windlass local reset [--service]  empty again\n"
	};
	struct err e = { 0 };
	char **operands;
	int n, rc;

	for (size_t i = 0; argc > 1 && i < COUNT_OF(verbs); i++)
		if (strcmp(argv[1], verbs[i].name) == 0)
			return verbs[i].run(argc - 1, argv + 1);
	rc = options_parse(&o, argc, argv, &operands, &n, &e);
	if (rc == 0)
		rc = err_set(&e, ERR_POLICY,
			     "say what: advance, rate, clock, fault, faults, heal, interrupt, "
			     "rebalance, reset or snapshot");
	return rc < 0 ? cli_usage("local", &e) : CLI_DONE;
}
