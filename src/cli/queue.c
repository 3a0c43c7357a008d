/* windlass queue: makes the main queue and its dead-letter queue as the migration has them, and
 * shows a queue. */
#include <stdio.h>
#include <string.h>

#include "aws/lane.h"
#include "aws/sqs.h"
#include "base/json.h"
#include "base/options.h"
#include "cli/cli.h"
#include "cli/queue.h"

#define CALL_S 30
#define OUT_MAX 65536
#define RETENTION_S \
	1209600 /* 14 days; of the dead letters too, which keep their first time of sending */

struct wish {
	const char *name, *dead_name, *output;
	int64_t visibility_s, wait_s, receives_max;
	bool update;
};

struct made {
	char *url, *dead_url, *dead_arn;
	bool created, dead_created;
	struct buf changes; /* what differed and was, or was not, set */
	bool differs;
};

static void made_done(struct made *m)
{
	own_free(m->url);
	own_free(m->dead_url);
	own_free(m->dead_arn);
	buf_done(&m->changes);
}

/* --- calls */

static int call_url(struct lane *l, const char *name, char **ret, struct err *e)
{
	AUTO(aws_call_done) struct aws_call c = { 0 };

	aws_sqs_queue_url_ask(&c.request, name);
	aws_run_one(l, &c, span_s(CALL_S));
	return aws_sqs_queue_url_read(&c.reply, ret, e);
}

int cli_queue_url(struct lane *l, const char *name, char **ret, struct err *e)
{
	if (!strstr(name, "://"))
		return call_url(l, name, ret, e);
	*ret = own_strdup(name);
	return 0;
}

static int call_create(struct lane *l, const char *name, const struct sqs_queue_options *o,
		       char **ret, struct err *e)
{
	AUTO(aws_call_done) struct aws_call c = { 0 };

	aws_sqs_create_queue_ask(&c.request, name, o);
	aws_run_one(l, &c, span_s(CALL_S));
	return aws_sqs_create_queue_read(&c.reply, ret, e);
}

int cli_queue_attributes(struct lane *l, const char *url, struct sqs_attributes *ret, struct err *e)
{
	AUTO(aws_call_done) struct aws_call c = { 0 };

	aws_sqs_attributes_ask(&c.request, url);
	aws_run_one(l, &c, span_s(CALL_S));
	return aws_sqs_attributes_read(&c.reply, ret, e);
}

static int call_set(struct lane *l, const char *url, const struct sqs_queue_options *o,
		    struct err *e)
{
	AUTO(aws_call_done) struct aws_call c = { 0 };

	aws_sqs_set_attributes_ask(&c.request, url, o);
	aws_run_one(l, &c, span_s(CALL_S));
	return aws_sqs_none_read(&c.reply, e);
}

/* --- create */

static void differ(struct made *m, const char *queue, const char *what, int64_t is, int64_t wish)
{
	if (is == wish)
		return;
	m->differs = true;
	buf_addf(&m->changes, "%s: %s is %lld, wanted %lld\n", queue, what, (long long)is,
		 (long long)wish);
}

static void compare(struct made *m, const char *name, const struct sqs_attributes *a,
		    const struct sqs_queue_options *o)
{
	if (o->visibility_s >= 0)
		differ(m, name, "VisibilityTimeout", a->visibility_s, o->visibility_s);
	if (o->retention_s >= 0)
		differ(m, name, "MessageRetentionPeriod", a->retention_s, o->retention_s);
	if (o->wait_s >= 0)
		differ(m, name, "ReceiveMessageWaitTimeSeconds", a->wait_s, o->wait_s);
	if (o->dead_letter_arn) {
		differ(m, name, "maxReceiveCount", a->max_receive_count, o->max_receive_count);
		if (!a->dead_letter_arn || strcmp(a->dead_letter_arn, o->dead_letter_arn) != 0) {
			m->differs = true;
			buf_addf(&m->changes, "%s: deadLetterTargetArn is %s, wanted %s\n", name,
				 a->dead_letter_arn ? a->dead_letter_arn : "not set",
				 o->dead_letter_arn);
		}
	}
}

/* One queue as @p o wants it: made, or compared, or set. */
static int ensure(struct lane *l, const struct wish *w, const char *name,
		  const struct sqs_queue_options *o, struct made *m, char **ret_url,
		  bool *ret_created, char **ret_arn, struct err *e)
{
	AUTO(sqs_attributes_done) struct sqs_attributes a = { 0 };
	bool differed = m->differs;

	*ret_created = false;
	if (call_url(l, name, ret_url, e) < 0) {
		if (e->kind != ERR_NOT_FOUND)
			return -1;
		err_clear(e);
		if (call_create(l, name, o, ret_url, e) < 0)
			return -1;
		*ret_created = true;
	}
	if (cli_queue_attributes(l, *ret_url, &a, e) < 0)
		return -1;
	if (ret_arn)
		*ret_arn = TAKE(a.arn);
	if (*ret_created)
		return 0;
	m->differs = false;
	compare(m, name, &a, o);
	if (m->differs && w->update && call_set(l, *ret_url, o, e) < 0)
		return -1;
	m->differs = differed || (m->differs && !w->update);
	return 0;
}

static int create(struct lane *l, const struct wish *w, struct made *m, struct err *e)
{
	struct sqs_queue_options dead = SQS_QUEUE_OPTIONS(.retention_s = RETENTION_S);
	struct sqs_queue_options main = SQS_QUEUE_OPTIONS(.retention_s = RETENTION_S);

	if (ensure(l, w, w->dead_name, &dead, m, &m->dead_url, &m->dead_created, &m->dead_arn, e) <
	    0)
		return err_wrap(e, "queue '%s'", w->dead_name);
	if (!m->dead_arn)
		return err_set(e, ERR_PROTOCOL, "queue '%s' has no ARN", w->dead_name);
	main.visibility_s = (int)w->visibility_s;
	main.wait_s = (int)w->wait_s;
	main.max_receive_count = (int)w->receives_max;
	main.dead_letter_arn = m->dead_arn;
	if (ensure(l, w, w->name, &main, m, &m->url, &m->created, NULL, e) < 0)
		return err_wrap(e, "queue '%s'", w->name);
	return 0;
}

static int tell_json(const struct lane *l, const struct wish *w, const struct made *m)
{
	AUTO(json_freep) struct json *j = json_object();
	AUTO(buf_done) struct buf out = BUF(OUT_MAX);
	struct json *env = json_object();

	json_set_str(j, "queue_url", m->url);
	json_set_str(j, "dead_letter_url", m->dead_url);
	json_set_bool(j, "created", m->created);
	json_set_bool(j, "dead_letter_created", m->dead_created);
	json_set_bool(j, "differs", m->differs);
	json_set_str(j, "changes", buf_str(&m->changes));
	json_set_str(env, "SQS_QUEUE_URL", m->url);
	json_set_str(env, "SQS_REGION", lane_region(l));
	json_set_int(env, "SQS_VISIBILITY_TIMEOUT", w->visibility_s);
	json_set_int(env, "SQS_MAX_RECEIVE_COUNT", w->receives_max);
	json_set_int(env, "SQS_WAIT_TIME_SECONDS", w->wait_s);
	json_set(j, "environment", env);
	json_write(j, &out);
	buf_addc(&out, '\n');
	return cli_print(&out, m->differs ? CLI_FAILED : CLI_DONE);
}

static int tell_text(const struct lane *l, const struct wish *w, const struct made *m)
{
	AUTO(buf_done) struct buf out = BUF(OUT_MAX);

	fprintf(stderr, "%s %s, %s %s\n", w->name, m->created ? "created" : "was there",
		w->dead_name, m->dead_created ? "created" : "was there");
	if (m->changes.len)
		fprintf(stderr, "%s%s", buf_str(&m->changes),
			m->differs ? "nothing was changed: --update sets them\n" : "set\n");
	buf_addf(&out,
		 "SQS_QUEUE_URL=%s\nSQS_REGION=%s\nSQS_VISIBILITY_TIMEOUT=%lld\nSQS_MAX_RECEIVE_"
		 "COUNT=%lld\n"
		 "SQS_WAIT_TIME_SECONDS=%lld\n",
		 m->url, lane_region(l), (long long)w->visibility_s, (long long)w->receives_max,
		 (long long)w->wait_s);
	return cli_print(&out, m->differs ? CLI_FAILED : CLI_DONE);
}

/* "anb-video-processing-queue" -> "anb-video-processing-dlq" */
static char *dead_name_of(const char *name)
{
	size_t len = strlen(name), tail = strlen("-queue");

	if (len > tail && strcmp(name + len - tail, "-queue") == 0)
		len -= tail;
	return own_printf("%.*s-dlq", (int)len, name);
}

static int run_create(const struct lane_options *where, struct wish *w)
{
	AUTO(made_done) struct made m = { .changes = BUF(OUT_MAX) };
	AUTO(own_freep) char *dead = w->dead_name ? NULL : dead_name_of(w->name);
	AUTO(lane_freep) struct lane *l = NULL;
	struct err e = { 0 };

	if (dead)
		w->dead_name = dead;
	l = lane_new(NULL, where, &e);
	if (!l || create(l, w, &m, &e) < 0)
		return cli_fail("queue create", &e);
	return strcmp(w->output, "json") == 0 ? tell_json(l, w, &m) : tell_text(l, w, &m);
}

static int queue_create(int argc, char **argv)
{
	struct wish w = { 0 };
	struct lane_options where = { 0 };
	const struct option table[] = {
		{ "dead-letter-name", 0, OPTION_STR, &w.dead_name, "NAME",
		  .doc = "of the dead-letter queue; default NAME with -dlq in place of -queue" },
		{ "visibility-timeout", 0, OPTION_INT, &w.visibility_s, "SECONDS",
		  "SQS_VISIBILITY_TIMEOUT", "300", .least = 0, .most = 43200,
		  .doc = "how long a received message is hidden" },
		{ "max-receives", 0, OPTION_INT, &w.receives_max, "N", "SQS_MAX_RECEIVE_COUNT", "3",
		  .least = 1, .most = 1000, .doc = "then a message goes to the dead-letter queue" },
		{ "wait-time", 0, OPTION_INT, &w.wait_s, "SECONDS", "SQS_WAIT_TIME_SECONDS", "20",
		  .least = 0, .most = 20, .doc = "length of a long poll" },
		{ "region", 0, OPTION_STR, &where.region, "REGION", "SQS_REGION",
		  .doc = "else AWS_REGION or the profile's of ~/.aws/config" },
		{ "update", 0, OPTION_FLAG, &w.update,
		  .doc = "set what differs on queues that are there" },
		{ "output", 'o', OPTION_CHOICE, &w.output, "FORMAT", NULL, "text",
		  .choices = "text|json",
		  .doc = "text: lines for the environment of backend and worker" },
	};
	const struct options o = {
		.program = "windlass queue create",
		.summary = "Makes a queue and its dead-letter queue.",
		.operands = "[NAME]",
		.details = "NAME is anb-video-processing-queue unless given. Messages are kept for "
			   "14 days. Doing it\n"
			   "twice changes nothing; what differs is shown, and set only with "
			   "--update.\n"
			   "Exit status: 0 as wanted, 1 something differs or failed, 2 wrong "
			   "arguments.\n",
		.table = table,
		.count = COUNT_OF(table),
		.most_operands = 1,
	};
	struct err e = { 0 };
	char **operands;
	int n, rc = options_parse(&o, argc, argv, &operands, &n, &e);

	if (rc != 0)
		return rc < 0 ? cli_usage("queue create", &e) : CLI_DONE;
	w.name = n ? operands[0] : "anb-video-processing-queue";
	return run_create(&where, &w);
}

/* --- show */

static int tell_depth(const char *url, const struct sqs_attributes *a, bool as_json)
{
	AUTO(buf_done) struct buf out = BUF(OUT_MAX);
	AUTO(json_freep) struct json *j = json_object();

	json_set_str(j, "queue_url", url);
	json_set_int(j, "visible", a->depth.visible);
	json_set_int(j, "in_flight", a->depth.in_flight);
	json_set_int(j, "delayed", a->depth.delayed);
	json_set_int(j, "visibility_timeout", a->visibility_s);
	json_set_int(j, "retention", a->retention_s);
	json_set_int(j, "wait_time", a->wait_s);
	json_set_int(j, "max_receives", a->max_receive_count);
	json_set_str(j, "dead_letter_arn", a->dead_letter_arn);
	if (as_json) {
		json_write(j, &out);
		buf_addc(&out, '\n');
	} else {
		buf_addf(&out,
			 "%s\n  visible %lld, in flight %lld, delayed %lld\n"
			 "  visibility %lld s, retention %lld s, wait %lld s\n",
			 url, (long long)a->depth.visible, (long long)a->depth.in_flight,
			 (long long)a->depth.delayed, (long long)a->visibility_s,
			 (long long)a->retention_s, (long long)a->wait_s);
		if (a->dead_letter_arn)
			buf_addf(&out, "  after %lld receives to %s\n",
				 (long long)a->max_receive_count, a->dead_letter_arn);
	}
	return cli_print(&out, CLI_DONE);
}

static int queue_show(int argc, char **argv)
{
	struct lane_options where = { 0 };
	const char *output = NULL;
	const struct option table[] = {
		{ "region", 0, OPTION_STR, &where.region, "REGION", "SQS_REGION",
		  .doc = "else AWS_REGION or the profile's of ~/.aws/config" },
		{ "output", 'o', OPTION_CHOICE, &output, "FORMAT", NULL, "text",
		  .choices = "text|json", .doc = "how to say it" },
	};
	const struct options o = { .program = "windlass queue show",
				   .summary = "Shows a queue's counts and settings.",
				   .operands = "NAME|URL",
				   .details = "SQS counts are approximate.\n",
				   .table = table,
				   .count = COUNT_OF(table),
				   .least_operands = 1,
				   .most_operands = 1 };
	AUTO(sqs_attributes_done) struct sqs_attributes a = { 0 };
	AUTO(own_freep) char *url = NULL;
	AUTO(lane_freep) struct lane *l = NULL;
	struct err e = { 0 };
	char **operands;
	int n, rc = options_parse(&o, argc, argv, &operands, &n, &e);

	if (rc != 0)
		return rc < 0 ? cli_usage("queue show", &e) : CLI_DONE;
	l = lane_new(NULL, &where, &e);
	if (!l)
		return cli_fail("queue show", &e);
	if (cli_queue_url(l, operands[0], &url, &e) < 0 ||
	    cli_queue_attributes(l, url, &a, &e) < 0) {
		if (e.kind == ERR_NOT_FOUND)
			err_set(&e, e.kind, "%.700s -> windlass queue create makes one", e.text);
		err_wrap(&e, "queue '%.200s'", operands[0]);
		return cli_fail("queue show", &e);
	}
	return tell_depth(url, &a, strcmp(output, "json") == 0);
}

int cli_queue(int argc, char **argv)
{
	const struct options o = {
		.program = "windlass queue",
		.summary = "Makes, shows, peeks into, redrives and purges queues.",
		.operands = "create|show|peek|redrive|purge …",
		.details = "windlass queue create [NAME]   make a queue and its dead-letter queue\n"
			   "windlass queue show NAME|URL   counts and settings\n"
			   "windlass queue peek NAME       what lies in it, put back at once\n"
			   "windlass queue redrive NAME    dead letters back to work\n"
			   "windlass queue purge NAME      throw all messages away\n"
	};
	struct err e = { 0 };
	char **operands;
	int n, rc;

	if (argc > 1 && strcmp(argv[1], "create") == 0)
		return queue_create(argc - 1, argv + 1);
	if (argc > 1 && strcmp(argv[1], "show") == 0)
		return queue_show(argc - 1, argv + 1);
	if (argc > 1 && strcmp(argv[1], "peek") == 0)
		return cli_queue_peek(argc - 1, argv + 1);
	if (argc > 1 && strcmp(argv[1], "redrive") == 0)
		return cli_queue_redrive(argc - 1, argv + 1);
	if (argc > 1 && strcmp(argv[1], "purge") == 0)
		return cli_queue_purge(argc - 1, argv + 1);
	rc = options_parse(&o, argc, argv, &operands, &n, &e);
	if (rc == 0)
		rc = err_set(&e, ERR_POLICY, "say what: create, show, peek, redrive or purge");
	return rc < 0 ? cli_usage("queue", &e) : CLI_DONE;
}
