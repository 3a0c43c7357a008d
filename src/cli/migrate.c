/* windlass migrate: from Celery's queue to SQS and back. Looks at both, watches the old one run
 * empty, and on the way back moves what is left in SQS to Celery. */
#include <stdio.h>
#include <string.h>

#include "aws/sqs.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/options.h"
#include "cli/cli.h"
#include "cli/migrate.h"

#define CALL_S 30
#define LOOK_S 10
#define SEND_S 30
#define HOLD_S 120 /* of what is being moved: a crash gives it back after so long */
#define OUT_MAX 65536
#define BAR_CELLS 24
#define EMPTY_LOOKS 3 /* counts are approximate: so many in a row say zero */
#define LOOK_MS 1000

static void migrate_done(struct migrate *m)
{
	broker_redis_free(m->redis);
	loop_free(m->loop);
	lane_free(m->lane);
}

/* --- looks */

struct look {
	struct loop *loop;
	struct broker_celery_depth depth;
	struct err e;
};

static void looked(const struct broker_celery_depth *d, const struct err *e, void *arg)
{
	struct look *l = arg;

	if (d)
		l->depth = *d;
	else
		l->e = *e;
	loop_stop(l->loop);
}

int cli_migrate_look_celery(struct migrate *m, struct broker_celery_depth *ret, struct err *e)
{
	struct look l = { .loop = m->loop };

	broker_celery_depth_ask(m->redis, &m->celery.names, span_s(LOOK_S), looked, &l);
	loop_run(m->loop);
	*ret = l.depth;
	if (l.e.kind == ERR_NONE)
		return 0;
	*e = l.e;
	return -1;
}

static int look_sqs(struct migrate *m, struct depth *ret, struct err *e)
{
	AUTO(aws_call_done) struct aws_call c = { 0 };

	aws_sqs_depth_ask(&c.request, m->queue_url);
	aws_run_one(m->lane, &c, span_s(CALL_S));
	return aws_sqs_depth_read(&c.reply, ret, e);
}

static void show(struct migrate *m, int64_t left, int64_t most, const char *what)
{
	AUTO(buf_done) struct buf line = BUF(256);

	if (!m->live.tty)
		return;
	table_bar(&line, most > 0 ? 1 - (double)left / (double)most : 1, BAR_CELLS);
	buf_addf(&line, " %lld %s", (long long)left, what);
	table_live_show(&m->live, buf_str(&line));
}

/* --- status */

static int status(struct migrate *m)
{
	AUTO(json_freep) struct json *j = json_object();
	AUTO(buf_done) struct buf out = BUF(OUT_MAX);
	struct json *new = json_object(), *old = json_object();
	struct broker_celery_depth celery;
	struct depth sqs;
	struct err e = { 0 };

	json_set(j, "sqs", new);
	json_set(j, "celery", old);
	if (look_sqs(m, &sqs, &e) < 0 || cli_migrate_look_celery(m, &celery, &e) < 0)
		return cli_fail("migrate status", &e);
	json_set_int(new, "visible", sqs.visible);
	json_set_int(new, "in_flight", sqs.in_flight);
	json_set_int(new, "delayed", sqs.delayed);
	json_set_int(old, "waiting", celery.waiting);
	json_set_int(old, "held", celery.held);
	if (strcmp(m->output, "json") == 0) {
		json_write(j, &out);
		buf_addc(&out, '\n');
	} else {
		buf_addf(&out,
			 "SQS     %lld visible, %lld in flight, %lld delayed\n"
			 "Celery  %lld waiting, %lld held; tasks that are acked at their start are "
			 "not seen while they run\n",
			 (long long)sqs.visible, (long long)sqs.in_flight, (long long)sqs.delayed,
			 (long long)celery.waiting, (long long)celery.held);
	}
	return cli_print(&out, CLI_DONE);
}

/* --- cutover: producers have moved; the old queue runs empty */

static int cutover(struct migrate *m)
{
	struct tick ends = tick_add(clock_mono(), m->limit);
	AUTO(buf_done) struct buf out = BUF(OUT_MAX);
	struct broker_celery_depth d;
	struct err e = { 0 };
	int64_t most = 0, left = -1;

	for (int empty = 0; empty < EMPTY_LOOKS;) {
		if (cli_migrate_look_celery(m, &d, &e) < 0 && e.kind != ERR_UNREACHABLE)
			return cli_fail("migrate cutover", &e);
		if (e.kind == ERR_NONE) {
			left = time_add_(d.waiting, d.held);
			most = left > most ? left : most;
			empty = left == 0 ? empty + 1 : 0;
			show(m, left, most, "left in Celery's queue");
		}
		if (empty < EMPTY_LOOKS && clock_mono().ms >= ends.ms) {
			table_live_end(&m->live);
			if (e.kind == ERR_NONE)
				err_set(&e, ERR_UNREACHABLE,
					"%lld tasks are left in Celery's queue -> is a worker of "
					"it "
					"running, and has every producer moved?",
					(long long)left);
			return cli_fail("migrate cutover", &e);
		}
		err_clear(&e);
		if (empty < EMPTY_LOOKS)
			clock_sleep(span_ms(LOOK_MS));
	}
	table_live_end(&m->live);
	buf_addf(&out, "Celery's queue is empty: %lld tasks were seen in it\n", (long long)most);
	return cli_print(&out, CLI_DONE);
}

/* --- rollback: producers use Celery again; what is left in SQS follows them */

struct moving {
	struct migrate *m;
	struct produce_celery *to;
	int64_t moved, strange;
};

static int take_off(struct migrate *m, const char *receipt, struct err *e)
{
	AUTO(aws_call_done) struct aws_call c = { 0 };

	aws_sqs_delete_ask(&c.request, m->queue_url, receipt);
	aws_run_one(m->lane, &c, span_s(CALL_S));
	return aws_sqs_none_read(&c.reply, e);
}

/* First there, then gone here: a crash between the two repeats the task under the same id. */
static int move_one(struct moving *v, const struct sqs_message *message, struct err *e)
{
	struct err why = { 0 };
	struct job job;

	if (job_read(message->body, message->body_len, &job, &why) < 0) {
		v->strange++;
		table_live_end(&v->m->live);
		err_wrap(&why, "message %.100s stays in SQS", message->id);
		err_ignore(cli_fail("migrate rollback", &why));
		return 0;
	}
	if (produce_celery_send(v->to, &job, span_s(SEND_S), e) < 0 ||
	    take_off(v->m, message->receipt, e) < 0)
		return -1;
	v->moved++;
	return 0;
}

/* -1: stopped. The number that came otherwise. */
static int move_some(struct moving *v, struct err *e)
{
	AUTO(sqs_messages_done) struct sqs_messages got = { 0 };
	AUTO(aws_call_done) struct aws_call c = { 0 };

	aws_sqs_receive_ask(&c.request, v->m->queue_url, SQS_BATCH_MAX, 1, HOLD_S);
	aws_run_one(v->m->lane, &c, span_s(CALL_S));
	if (aws_sqs_receive_read(&c.reply, &got, e) < 0)
		return -1;
	for (size_t i = 0; i < got.count; i++)
		if (move_one(v, &got.list[i], e) < 0)
			return -1;
	return (int)got.count;
}

static int move_all(struct moving *v, struct err *e)
{
	struct tick ends = tick_add(clock_mono(), v->m->limit);
	struct depth d;

	for (int empty = 0; empty < EMPTY_LOOKS;) {
		int n = move_some(v, e);

		if (n < 0 || look_sqs(v->m, &d, e) < 0)
			return -1;
		show(v->m, d.visible, d.visible + v->moved, "left in SQS");
		empty = n == 0 && d.visible + d.delayed == 0 && d.in_flight <= v->strange
				? empty + 1
				: 0;
		if (n == 0 && empty < EMPTY_LOOKS && clock_mono().ms >= ends.ms)
			return err_set(
				e, ERR_UNREACHABLE,
				"%lld visible, %lld in flight and %lld delayed are left in "
				"SQS -> what workers hold ends with them, or comes back: run "
				"it again",
				(long long)d.visible, (long long)d.in_flight, (long long)d.delayed);
	}
	return 0;
}

static int rollback(struct migrate *m)
{
	AUTO(buf_done) struct buf out = BUF(OUT_MAX);
	struct moving v = { .m = m };
	struct err e = { 0 };
	int rc;

	v.to = produce_celery_new(NULL, &m->celery, &e);
	if (!v.to)
		return cli_fail("migrate rollback", &e);
	rc = move_all(&v, &e);
	produce_celery_free(v.to);
	table_live_end(&m->live);
	buf_addf(&out, "moved from SQS to Celery: %lld\n", (long long)v.moved);
	if (v.strange)
		buf_addf(&out, "no jobs, left in SQS: %lld\n", (long long)v.strange);
	if (cli_print(&out, CLI_DONE) != CLI_DONE || rc < 0)
		return rc < 0 ? cli_fail("migrate rollback", &e) : CLI_FAILED;
	return v.strange ? CLI_FAILED : CLI_DONE;
}

/* --- options */

int cli_migrate_connect_celery(struct migrate *m, struct err *e)
{
	AUTO(broker_redis_place_done) struct broker_redis_place place = { 0 };

	if (broker_celery_names_check(&m->celery.names, e) < 0 ||
	    broker_redis_place_read(m->celery.broker_url, &place, e) < 0)
		return -1;
	m->redis = broker_redis_new(m->loop, &place);
	return 0;
}

static int connect_both(struct migrate *m, struct err *e)
{
	if (!m->queue_url || !*m->queue_url || !m->celery.broker_url || !*m->celery.broker_url)
		return err_set(e, ERR_POLICY,
			       "both queues are needed: set SQS_QUEUE_URL and CELERY_BROKER_URL");
	if (cli_migrate_connect_celery(m, e) < 0)
		return -1;
	m->lane = lane_new(NULL, &m->where, e);
	return m->lane ? 0 : -1;
}

static const struct {
	const char *word;
	bool both; /* wants both queues there; else it says itself what is not */
	int (*run)(struct migrate *m);
} actions[] = { { "check", false, cli_migrate_check },
		{ "status", true, status },
		{ "cutover", true, cutover },
		{ "rollback", true, rollback } };

static int act(struct migrate *m, const char *word)
{
	struct err e = { 0 };

	for (size_t i = 0; i < COUNT_OF(actions); i++) {
		if (strcmp(actions[i].word, word) != 0)
			continue;
		m->loop = loop_new();
		if (actions[i].both && connect_both(m, &e) < 0)
			return cli_fail("migrate", &e);
		return actions[i].run(m);
	}
	err_set(&e, ERR_POLICY, "'%.40s' is not check, status, cutover or rollback", word);
	return cli_usage("migrate", &e);
}

int cli_migrate(int argc, char **argv)
{
	struct migrate m = { .live = { .to = stderr, .tty = table_is_tty(stderr) } };
	const struct option table[] = {
		{ "queue-url", 'q', OPTION_STR, &m.queue_url, "URL", "SQS_QUEUE_URL",
		  .doc = "the new queue" },
		{ "celery-broker-url", 0, OPTION_STR, &m.celery.broker_url, "URL",
		  "CELERY_BROKER_URL", .secret = true, .doc = "Redis of the old queue" },
		{ "celery-queue", 0, OPTION_STR, &m.celery.names.queue, "NAME",
		  "WINDLASS_CELERY_QUEUE", BROKER_CELERY_QUEUE, .doc = "the old queue" },
		{ "celery-task", 0, OPTION_STR, &m.celery.names.task, "NAME",
		  "WINDLASS_CELERY_TASK", BROKER_CELERY_TASK, .doc = "that jobs become" },
		{ "celery-key-prefix", 0, OPTION_STR, &m.celery.names.key_prefix, "TEXT",
		  "WINDLASS_CELERY_KEY_PREFIX", .doc = "Celery's global_keyprefix" },
		{ "region", 0, OPTION_STR, &m.where.region, "REGION", "SQS_REGION",
		  .doc = "else AWS_REGION or the profile's of ~/.aws/config" },
		{ "timeout", 0, OPTION_SPAN, &m.limit, "TIME", NULL, "1h",
		  .doc = "of cutover and rollback: how long to wait for what workers hold" },
		{ "step", 's', OPTION_CHOICE, &m.step, "STEP", NULL, "5", .choices = MIGRATE_STEPS,
		  .doc = "of check: this one, and those before it" },
		{ "policies", 'p', OPTION_STR, &m.policies, "PATH", "WINDLASS_POLICIES",
		  .doc = "of check, from step 4 on: a policy file, or a folder of them" },
		CLI_ROW_OUTPUT(&m.output, "text", "text|json"),
	};
	const struct options o = {
		.program = "windlass migrate",
		.summary = "Between Celery's queue and SQS.",
		.operands = "check|status|cutover|rollback",
		.details =
			"check     is everything in place to take a step of the guide, "
			"examples/migration: 1 where\n"
			"          you stand, 2 the queue, 3 a worker for both, 4 the fleet, 5 "
			"producers move, back;\n"
			"          only reads; exit status 0 nothing found, 1 findings\n"
			"status    counts of both queues\n"
			"cutover   producers send to SQS: watches Celery's queue run empty\n"
			"rollback  producers send to Celery again: moves what is left in SQS "
			"there, each task\n"
			"          under its id; stopped half-way it may repeat one, whose output "
			"stays one\n",
		.table = table,
		.count = COUNT_OF(table),
		.least_operands = 1,
		.most_operands = 1
	};
	struct err e = { 0 };
	char **operands;
	int n, rc = options_parse(&o, argc, argv, &operands, &n, &e);

	if (rc != 0)
		return rc < 0 ? cli_usage("migrate", &e) : CLI_DONE;
	rc = act(&m, operands[0]);
	migrate_done(&m);
	return rc;
}
