/* windlass queue redrive: dead letters back to where they came from. windlass queue purge. */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/loop.h"
#include "base/options.h"
#include "base/table.h"
#include "cli/cli.h"
#include "cli/queue.h"
#include "cli/queue_carry.h"

#define CALL_S 30
#define LOOK_MS 1000 /* between two looks at a task */
#define OUT_MAX 65536
#define HIDDEN_S 60              /* while we carry them; longer than ten calls take */
#define PARKED "windlass-parked" /* why it was given up: of the past, once it is tried again */

struct redrive {
	const char *from, *to, *region, *output;
	int64_t rate;
	bool own;
	struct lane *lane;
	char *url, *to_url;
	struct sqs_attributes at, to_at;
	struct sqs_move task;
};

static void redrive_done(struct redrive *r)
{
	lane_free(r->lane);
	own_free(r->url);
	own_free(r->to_url);
	sqs_attributes_done(&r->at);
	sqs_attributes_done(&r->to_at);
}

/* The one queue whose dead letters these are. A message that a worker parked itself has no source
 * that SQS would know, so the destination is always named. */
static int find_source(struct redrive *r, struct err *e)
{
	AUTO(aws_call_done) struct aws_call c = { 0 };
	AUTO(sqs_urls_done) struct sqs_urls urls = { 0 };

	aws_sqs_sources_ask(&c.request, r->url);
	aws_run_one(r->lane, &c, span_s(CALL_S));
	if (aws_sqs_sources_read(&c.reply, &urls, e) < 0)
		return -1;
	if (urls.count != 1)
		return err_set(e, ERR_POLICY,
			       urls.count
				       ? "it holds the dead letters of %zu queues -> say --to QUEUE"
				       : "no queue sends its dead letters here (%zu) -> say --to "
					 "QUEUE",
			       urls.count);
	r->to_url = TAKE(urls.list[0]);
	return 0;
}

static int find_queues(struct redrive *r, struct err *e)
{
	if (cli_queue_url(r->lane, r->from, &r->url, e) < 0 ||
	    cli_queue_attributes(r->lane, r->url, &r->at, e) < 0)
		return -1;
	if (r->to ? cli_queue_url(r->lane, r->to, &r->to_url, e) < 0 : find_source(r, e) < 0)
		return -1;
	if (cli_queue_attributes(r->lane, r->to_url, &r->to_at, e) < 0)
		return err_wrap(e, "queue '%.200s'", r->to_url);
	if (!r->at.arn || !r->to_at.arn)
		return err_set(e, ERR_PROTOCOL, "the queue's attributes have no QueueArn");
	if (strcmp(r->at.arn, r->to_at.arn) == 0)
		return err_set(e, ERR_POLICY, "--to is the queue itself");
	return 0;
}

static int start(struct redrive *r, struct err *e)
{
	AUTO(aws_call_done) struct aws_call c = { 0 };
	AUTO(own_freep) char *handle = NULL;

	aws_sqs_move_start_ask(&c.request, r->url, r->at.arn, r->to_at.arn, (int)r->rate);
	aws_run_one(r->lane, &c, span_s(CALL_S));
	return aws_sqs_move_start_read(&c.reply, &handle, e);
}

static int look(struct redrive *r, struct err *e)
{
	AUTO(aws_call_done) struct aws_call c = { 0 };

	aws_sqs_move_list_ask(&c.request, r->url, r->at.arn);
	aws_run_one(r->lane, &c, span_s(CALL_S));
	return aws_sqs_move_list_read(&c.reply, &r->task, e);
}

static void stop(void *arg)
{
	loop_stop(arg);
}

static void pause_for(struct span d)
{
	AUTO(loop_freep) struct loop *l = loop_new();
	struct loop_timer *t = loop_timer_new(l, stop, l);

	loop_timer_start(t, d);
	loop_run(l);
	loop_timer_free(t);
}

static bool runs(const struct sqs_move *m)
{
	return strcmp(m->status, "RUNNING") == 0 || strcmp(m->status, "CANCELLING") == 0;
}

static void show(const struct redrive *r, struct table_live *live)
{
	AUTO(buf_done) struct buf line = BUF(512);
	int64_t total = r->task.total >= 0 ? r->task.total : r->at.depth.visible;

	table_bar(&line, total > 0 ? (double)r->task.moved / (double)total : 0, 24);
	buf_addf(&line, "  %lld of about %lld moved", (long long)r->task.moved, (long long)total);
	table_live_show(live, buf_str(&line));
}

static int follow(struct redrive *r, struct err *e)
{
	struct table_live live = { .to = stderr, .tty = table_is_tty(stderr) };
	int rc;

	while ((rc = look(r, e)) == 0) {
		show(r, &live);
		if (!runs(&r->task))
			break;
		pause_for(span_ms(LOOK_MS));
	}
	table_live_end(&live);
	if (rc < 0)
		return err_wrap(e, "the move goes on; looking at it");
	if (strcmp(r->task.status, "COMPLETED") != 0)
		return err_set(e, ERR_LOCAL, "the move ended %s%s%s after %lld messages",
			       r->task.status, r->task.reason[0] ? ": " : "", r->task.reason,
			       (long long)r->task.moved);
	return 0;
}

/* Ten at a time, each sent, then deleted: for services without move tasks, and for queues that are
 * nobody's dead-letter queue. */
static int carry(struct redrive *r, struct err *e)
{
	struct table_live live = { .to = stderr, .tty = table_is_tty(stderr) };
	struct tick begun = clock_mono();
	int rc = 0;

	snprintf(r->task.status, sizeof(r->task.status), "COMPLETED");
	r->task.total = r->at.depth.visible;
	for (;;) {
		AUTO(sqs_messages_done) struct sqs_messages batch = { 0 };
		int64_t most = r->rate > 0 && r->rate < SQS_BATCH_MAX ? r->rate : SQS_BATCH_MAX;
		size_t moved = 0;

		rc = cli_queue_receive(r->lane, r->url, (int)most, HIDDEN_S, &batch, e);
		if (rc < 0 || batch.count == 0)
			break;
		rc = cli_queue_carry(r->lane, r->url, r->to_url, &batch, PARKED, &moved, e);
		r->task.moved += (int64_t)moved;
		show(r, &live);
		/* What fails again meanwhile comes back here: as many as there were are enough. */
		if (rc < 0 || (r->task.total > 0 && r->task.moved >= r->task.total))
			break;
		if (r->rate > 0) { /* no sooner than the rate has it */
			int64_t due = begun.ms + r->task.moved * 1000 / r->rate;
			int64_t left = due - clock_mono().ms;

			if (left > 0)
				pause_for(span_ms(left));
		}
	}
	table_live_end(&live);
	return rc < 0 ? err_wrap(e, "after %lld messages", (long long)r->task.moved) : 0;
}

static int tell(const struct redrive *r)
{
	AUTO(buf_done) struct buf out = BUF(OUT_MAX);
	AUTO(json_freep) struct json *j = json_object();

	if (strcmp(r->output, "json") == 0) {
		json_set_str(j, "from", r->url);
		json_set_str(j, "to", r->to_url);
		json_set_int(j, "moved", r->task.moved);
		json_set_str(j, "status", r->task.status);
		json_write_pretty(j, &out);
	} else {
		buf_addf(&out, "%lld messages of %s are in %s again\n", (long long)r->task.moved,
			 aws_sqs_name(r->url), aws_sqs_name(r->to_url));
	}
	return cli_print(&out, CLI_DONE);
}

int cli_queue_redrive(int argc, char **argv)
{
	AUTO(redrive_done) struct redrive r = { 0 };
	const struct option table[] = {
		{ .name = "to",
		  .type = OPTION_STR,
		  .value = &r.to,
		  .meta = "QUEUE",
		  .doc = "where to; else the one queue whose dead letters they are" },
		{ .name = "rate",
		  .type = OPTION_INT,
		  .value = &r.rate,
		  .meta = "N",
		  .init = "0",
		  .least = 0,
		  .most = 500,
		  .doc = "messages a second at most; 0 lets SQS choose" },
		{ .name = "own",
		  .type = OPTION_FLAG,
		  .value = &r.own,
		  .doc = "receive, send and delete each message here instead of asking SQS to; "
			 "the attribute windlass-parked is left behind" },
		{ .name = "region",
		  .type = OPTION_STR,
		  .value = &r.region,
		  .meta = "REGION",
		  .env = "SQS_REGION",
		  .doc = "else AWS_REGION or the profile's of ~/.aws/config" },
		CLI_ROW_OUTPUT(&r.output, "text", "text|json"),
	};
	const struct options o = {
		.program = "windlass queue redrive",
		.summary = "Moves what lies in a dead-letter queue back to be worked on again.",
		.operands = "NAME|URL",
		.details =
			"Mend what made the jobs fail first: their receives are counted from zero "
			"again.\nSQS moves them by itself; interrupted, this command only stops "
			"looking. With --own, what is interrupted goes on\nwhen it is called "
			"again.\nExit status: 0 all moved, 1 failed, 2 wrong arguments.\n",
		.table = table,
		.count = COUNT_OF(table),
		.least_operands = 1,
		.most_operands = 1,
	};
	struct err e = { 0 };
	char **operands;
	int n, rc = options_parse(&o, argc, argv, &operands, &n, &e);

	if (rc != 0)
		return rc < 0 ? cli_usage("queue redrive", &e) : CLI_DONE;
	r.from = operands[0];
	r.lane = lane_new(NULL, &(struct lane_options){ .region = r.region }, &e);
	if (!r.lane || find_queues(&r, &e) < 0 ||
	    (r.own ? carry(&r, &e) < 0 : start(&r, &e) < 0 || follow(&r, &e) < 0)) {
		if (r.lane)
			err_ignore(err_wrap(&e, "queue '%.200s'", operands[0]));
		return cli_fail("queue redrive", &e);
	}
	return tell(&r);
}

/* --- purge */

/* What is purged is gone, so its name is asked for. */
static int ask_name(const char *name, int64_t count, struct err *e)
{
	char line[256];

	if (!table_is_tty(stdin))
		return err_set(e, ERR_POLICY,
			       "about %lld messages would be lost -> say --yes where nobody can be "
			       "asked",
			       (long long)count);
	fprintf(stderr, "about %lld messages of %s will be lost; type its name to go on: ",
		(long long)count, name);
	fflush(stderr);
	if (!fgets(line, sizeof(line), stdin))
		line[0] = '\0';
	line[strcspn(line, "\r\n")] = '\0';
	return strcmp(line, name) == 0 ? 0 : err_set(e, ERR_POLICY, "that is not its name");
}

static int purge(struct lane *l, const char *what, bool yes, struct err *e)
{
	AUTO(own_freep) char *url = NULL;
	AUTO(sqs_attributes_done) struct sqs_attributes a = { 0 };
	AUTO(aws_call_done) struct aws_call c = { 0 };

	if (cli_queue_url(l, what, &url, e) < 0 || cli_queue_attributes(l, url, &a, e) < 0)
		return -1;
	if (!yes && ask_name(aws_sqs_name(url),
			     a.depth.visible + a.depth.in_flight + a.depth.delayed, e) < 0)
		return -1;
	aws_sqs_purge_ask(&c.request, url);
	aws_run_one(l, &c, span_s(CALL_S));
	return aws_sqs_none_read(&c.reply, e);
}

int cli_queue_purge(int argc, char **argv)
{
	const char *region = NULL;
	bool yes = false;
	const struct option table[] = {
		{ .name = "yes", .type = OPTION_FLAG, .value = &yes, .doc = "do not ask" },
		{ .name = "region",
		  .type = OPTION_STR,
		  .value = &region,
		  .meta = "REGION",
		  .env = "SQS_REGION",
		  .doc = "else AWS_REGION or the profile's of ~/.aws/config" },
	};
	const struct options o = {
		.program = "windlass queue purge",
		.summary = "Throws away all messages of a queue.",
		.operands = "NAME|URL",
		.details = "SQS takes up to a minute for it, and allows it once a minute.\n",
		.table = table,
		.count = COUNT_OF(table),
		.least_operands = 1,
		.most_operands = 1,
	};
	AUTO(lane_freep) struct lane *l = NULL;
	struct err e = { 0 };
	char **operands;
	int n, rc = options_parse(&o, argc, argv, &operands, &n, &e);

	if (rc != 0)
		return rc < 0 ? cli_usage("queue purge", &e) : CLI_DONE;
	l = lane_new(NULL, &(struct lane_options){ .region = region }, &e);
	if (!l || purge(l, operands[0], yes, &e) < 0) {
		if (l)
			err_ignore(err_wrap(&e, "queue '%.200s'", operands[0]));
		return cli_fail("queue purge", &e);
	}
	return CLI_DONE;
}
