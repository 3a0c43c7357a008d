/* windlass trace fetch: how many messages came when, out of CloudWatch's history, as a load. */
#include "cli/trace.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "aws/cloudwatch.h"
#include "aws/lane.h"
#include "base/clock.h"
#include "base/options.h"
#include "cli/cli.h"
#include "wire/uri.h"

#define CALL_S 60
#define PAGES_MAX 1000
#define PERIODS_MAX 1000000
#define OUT_MAX (64u << 20)
#define GAPS_SHOWN 10
#define LATE_S 180 /* a minute can be read one to three minutes after its end */
#define FILLS "refuse|zero|before|day"

/* How long CloudWatch keeps data of a period (User Guide, "Metrics retention"). */
static const struct {
	int64_t period_s, days;
} kept[] = { { 60, 15 }, { 300, 63 }, { 3600, 455 } };

struct fetch {
	const char *queue, *name_space, *metric, *since_text, *until_text, *fill_text, *out;
	struct lane_options where;
	struct span period;
	struct instant from, to;
	struct cli_trace trace;
	bool partial; /* the service itself says that its answer lacks something */
};

static int read_when(const char *text, struct instant now, struct instant *ret, struct err *e)
{
	struct span ago;

	if (clock_parse(text, strlen(text), ret, NULL) == 0)
		return 0;
	if (clock_parse_span(text, &ago, NULL) < 0)
		return err_set(
			e, ERR_POLICY,
			"'%.40s' is neither a time, as 2024-01-31T09:00:00Z, nor a length of "
			"time, as 14d",
			text);
	*ret = instant_add(now, span_ms(-ago.ms));
	return 0;
}

/* The finest period that is kept for all of the time asked for. One for the whole: a load has one
 * resolution. */
static int choose_period(struct fetch *f, struct instant now, struct err *e)
{
	int64_t age_s = instant_since(now, f->from).ms / 1000;

	for (size_t i = 0; i < COUNT_OF(kept); i++) {
		if (age_s > kept[i].days * 86400)
			continue;
		if (f->period.ms == 0)
			f->period = span_s(kept[i].period_s);
		if (f->period.ms % (kept[i].period_s * 1000) == 0)
			return 0;
		return err_set(e, ERR_POLICY,
			       "--period: from so long ago CloudWatch has periods of %lld s and "
			       "their multiples",
			       (long long)kept[i].period_s);
	}
	return err_set(e, ERR_POLICY, "--since: CloudWatch keeps nothing for more than 455 days");
}

static int prepare(struct fetch *f, struct err *e)
{
	struct instant now = clock_wall(), last = instant_add(now, span_s(-LATE_S));

	if (read_when(f->since_text, now, &f->from, e) < 0)
		return err_wrap(e, "--since");
	f->to = last;
	if (f->until_text && read_when(f->until_text, now, &f->to, e) < 0)
		return err_wrap(e, "--until");
	if (f->period.ms != 0 && (f->period.ms < 60000 || f->period.ms > 86400000))
		return err_set(e, ERR_POLICY, "--period is not between 60s and 1d");
	if (choose_period(f, now, e) < 0)
		return -1;
	f->from.ms -= f->from.ms % f->period.ms;
	f->to.ms -= f->to.ms % f->period.ms;
	if ((f->to.ms - f->from.ms) / f->period.ms > PERIODS_MAX)
		return err_set(e, ERR_POLICY, "--until is too far: more than %d periods",
			       PERIODS_MAX);
	if (f->from.ms < 0 || f->to.ms <= f->from.ms)
		return err_set(e, ERR_POLICY,
			       "--since is not before --until, by a period at least");
	f->trace = (struct cli_trace){
		.from = f->from,
		.period = f->period,
		.periods = (size_t)((f->to.ms - f->from.ms) / f->period.ms),
	};
	f->trace.count = own_array(f->trace.periods, sizeof(*f->trace.count));
	for (size_t i = 0; i < f->trace.periods; i++)
		f->trace.count[i] = CLI_TRACE_MISSING;
	return 0;
}

/* A queue's name, also of its URL; AWS's URL names the region too. */
static char *queue_name(struct fetch *f, char **ret_region)
{
	const char *slash = strrchr(f->queue, '/');
	struct uri_parts p;

	*ret_region = NULL;
	if (!strstr(f->queue, "://"))
		return own_strdup(f->queue);
	if (!f->where.region && uri_parse(f->queue, &p, NULL) == 0 && p.host_len > 4 &&
	    strncmp(p.host, "sqs.", 4) == 0 &&
	    memmem(p.host, p.host_len, "amazonaws.com", strlen("amazonaws.com")))
		*ret_region = own_strndup(p.host + 4, strcspn(p.host + 4, "."));
	return own_strdup(slash + 1);
}

static int take(struct fetch *f, const struct cloudwatch_points *p, struct err *e)
{
	for (size_t i = 0; i < p->count; i++) {
		int64_t at = (p->list[i].at.ms - f->from.ms) / f->period.ms;

		if (p->list[i].at.ms < f->from.ms || (size_t)at >= f->trace.periods)
			continue;
		if (!(p->list[i].value >= 0) || p->list[i].value > 1e12)
			return err_set(e, ERR_PROTOCOL, "CloudWatch has a count of %g",
				       p->list[i].value);
		f->trace.count[at] = round(p->list[i].value);
	}
	f->partial = f->partial || (!p->whole && !p->next_token);
	return 0;
}

static int fetch_pages(struct fetch *f, struct lane *l, struct cloudwatch_query *q, struct err *e)
{
	AUTO(own_freep) char *token = NULL;

	for (int page = 0; page < PAGES_MAX; page++) {
		AUTO(aws_call_done) struct aws_call c = { 0 };
		AUTO(cloudwatch_points_done) struct cloudwatch_points p = { 0 };

		q->next_token = token;
		aws_cloudwatch_data_ask(&c.request, q);
		aws_run_one(l, &c, span_s(CALL_S));
		if (aws_cloudwatch_data_read(&c.reply, &p, e) < 0 || take(f, &p, e) < 0)
			return -1;
		if (!p.next_token)
			return 0;
		own_free(token);
		token = TAKE(p.next_token);
	}
	return err_set(e, ERR_PROTOCOL, "CloudWatch goes on after %d pages", PAGES_MAX);
}

static int fetch_all(struct fetch *f, struct err *e)
{
	AUTO(own_freep) char *region = NULL;
	AUTO(own_freep) char *name = queue_name(f, &region);
	AUTO(lane_freep) struct lane *l = NULL;
	struct cloudwatch_query q = {
		.name_space = f->name_space,
		.metric = f->metric,
		.statistic = "Sum",
		.names = (const char *const[]){ "QueueName" },
		.values = (const char *const[]){ name },
		.dimension_count = 1,
		.period_s = f->period.ms / 1000,
		.from = f->from,
		.to = f->to,
	};
	char at[CLOCK_TEXT_MAX];

	if (region)
		f->where.region = region;
	l = lane_new(NULL, &f->where, e);
	f->where.region = NULL;
	if (!l || fetch_pages(f, l, &q, e) < 0)
		return -1;
	cli_trace_trim(&f->trace);
	if (f->trace.periods == 0)
		return err_set(
			e, ERR_NOT_FOUND,
			"CloudWatch has no %s of queue '%s' in %s since %s -> check the name "
			"and the region; a queue that is idle for six hours has none",
			f->metric, name, lane_region(l), clock_print(f->from, at));
	return 0;
}

static int say(struct fetch *f, struct err *e)
{
	AUTO(buf_done) struct buf gaps = BUF(65536);
	enum cli_trace_fill how = strcmp(f->fill_text, "zero") == 0     ? CLI_TRACE_ZERO
				  : strcmp(f->fill_text, "before") == 0 ? CLI_TRACE_BEFORE
				  : strcmp(f->fill_text, "day") == 0    ? CLI_TRACE_DAY
									: CLI_TRACE_REFUSE;
	size_t missing = cli_trace_gaps(&f->trace, GAPS_SHOWN, &gaps);
	char from[CLOCK_TEXT_MAX], lasts[CLOCK_TEXT_MAX], period[CLOCK_TEXT_MAX];
	double sum = 0;

	clock_print_span(f->period, period);
	fputs(buf_str(&gaps), stderr);
	if (f->partial)
		fprintf(stderr, "CloudWatch says that its answer is not whole\n");
	if (missing > 0 && how == CLI_TRACE_REFUSE)
		return err_set(
			e, ERR_NOT_FOUND,
			"%zu of %zu periods have no data, which is not zero -> say what they "
			"are taken for: --fill zero (an idle queue), before (as the count "
			"before them) or day (as on other days)",
			missing, f->trace.periods);
	cli_trace_fill(&f->trace, how);
	for (size_t i = 0; i < f->trace.periods; i++)
		sum += f->trace.count[i];
	fprintf(stderr,
		"%.0f messages in %s from %s, by periods of %s: when within one they came is not "
		"known\n",
		sum, clock_print_span(span_ms((int64_t)f->trace.periods * f->period.ms), lasts),
		clock_print(f->trace.from, from), period);
	if (missing > 0)
		fprintf(stderr, "%zu of %zu periods were filled: %s\n", missing, f->trace.periods,
			f->fill_text);
	return 0;
}

static int run(struct fetch *f)
{
	AUTO(buf_done) struct buf out = BUF(OUT_MAX);
	struct err e;

	if (prepare(f, &e) < 0 || fetch_all(f, &e) < 0 || say(f, &e) < 0)
		return cli_fail("trace fetch", &e);
	cli_trace_csv(&f->trace, &out);
	if (!f->out)
		return cli_print(&out, CLI_DONE);
	if (buf_ok(&out, "the load", &e) < 0 || buf_write_file(&out, f->out, 0644, &e) < 0)
		return cli_fail("trace fetch", &e);
	printf("windlass simulate POLICY --load %s\n", f->out);
	return fflush(stdout) == 0 ? CLI_DONE : CLI_FAILED;
}

static const char details[] =
	"CloudWatch keeps minutes for 15 days, five minutes for 63 and hours for 455: the finest "
	"period that is there for all of the time is taken, and said. A period without data is "
	"missing and not zero; what is missing is said, and --fill says what it is taken for. "
	"Needs "
	"cloudwatch:GetMetricData.\n"
	"Exit status: 0 done, 1 failed, or periods are missing, 2 wrong arguments.";

static int trace_fetch(int argc, char **argv)
{
	struct fetch f = { 0 };
	const struct option table[] = {
		{ .name = "since",
		  .type = OPTION_STR,
		  .value = &f.since_text,
		  .meta = "TIME",
		  .init = "14d",
		  .doc = "from when on: a time, or so long ago" },
		{ .name = "until",
		  .type = OPTION_STR,
		  .value = &f.until_text,
		  .meta = "TIME",
		  .doc = "to when; default: what can be read now" },
		{ .name = "period",
		  .type = OPTION_SPAN,
		  .value = &f.period,
		  .meta = "TIME",
		  .doc = "length of a count; default: the finest that is kept" },
		{ .name = "fill",
		  .type = OPTION_CHOICE,
		  .value = &f.fill_text,
		  .meta = "HOW",
		  .init = "refuse",
		  .choices = FILLS,
		  .doc = "what a period without data is taken for: " FILLS },
		{ .name = "out",
		  .type = OPTION_STR,
		  .value = &f.out,
		  .meta = "FILE",
		  .doc = "write it there; default: standard output" },
		{ .name = "region",
		  .type = OPTION_STR,
		  .value = &f.where.region,
		  .meta = "REGION",
		  .env = "SQS_REGION",
		  .doc = "else of the queue's URL, AWS_REGION or the profile's" },
		{ .name = "namespace",
		  .type = OPTION_STR,
		  .value = &f.name_space,
		  .meta = "NAME",
		  .init = "AWS/SQS",
		  .doc = "of the metric" },
		{ .name = "metric",
		  .type = OPTION_STR,
		  .value = &f.metric,
		  .meta = "NAME",
		  .init = "NumberOfMessagesSent",
		  .doc = "what is counted, by its Sum" },
	};
	const struct options o = { .program = "windlass trace fetch",
				   .summary = "CloudWatch's history of a queue, as a load.",
				   .operands = "QUEUE|URL",
				   .details = details,
				   .table = table,
				   .count = COUNT_OF(table),
				   .least_operands = 1,
				   .most_operands = 1 };
	struct err e = { 0 };
	char **operands;
	int n, status, rc = options_parse(&o, argc, argv, &operands, &n, &e);

	if (rc == 0 && !operands[0][0])
		rc = err_set(&e, ERR_POLICY, "the queue's name is empty");
	if (rc != 0)
		return rc < 0 ? cli_usage("trace fetch", &e) : CLI_DONE;
	f.queue = operands[0];
	status = run(&f);
	cli_trace_done(&f.trace);
	return status;
}

int cli_trace(int argc, char **argv)
{
	const struct options o = { .program = "windlass trace",
				   .summary = "Loads out of recorded history.",
				   .operands = "fetch …",
				   .details = "windlass trace fetch QUEUE|URL   messages sent, by "
					      "CloudWatch\n" };
	struct err e = { 0 };
	char **operands;
	int n, rc;

	if (argc > 1 && strcmp(argv[1], "fetch") == 0)
		return trace_fetch(argc - 1, argv + 1);
	rc = options_parse(&o, argc, argv, &operands, &n, &e);
	if (rc == 0)
		rc = err_set(&e, ERR_POLICY, "say what: fetch");
	return rc < 0 ? cli_usage("trace", &e) : CLI_DONE;
}
