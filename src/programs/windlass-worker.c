/* windlass-worker: the supervisor, or with --slot the process of one of its slots. */
#include "programs/windlass-worker.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/options.h"
#include "base/text.h"
#include "broker/celery.h"
#include "model/record.h"
#include "worker/sandbox.h"
#include "worker/selftest.h"
#include "worker/size.h"
#include "worker/worker.h"

#define QUEUES_BYTES_MAX 8192

static struct worker_options o;
static const char *work_dir, *format, *level, *slots;
static bool self_test, unprotect, help_profile, profile_schema, check_profile;
static struct option_list queues;

static int usage(const struct err *e)
{
	fprintf(stderr, "windlass-worker: %s; see windlass-worker --help\n", e->text);
	return 2;
}

/* The folder where nobody named one: on the disk that temporary files are on, not in memory. */
static char *work_dir_of(const char *given)
{
	const char *tmp = getenv("TMPDIR");

	if (given)
		return own_strdup(given);
	return own_printf("%s/windlass-worker", tmp && *tmp ? tmp : "/var/tmp");
}

static void say_attack(const char *attack, bool held, const char *how, void *arg)
{
	(void)arg;
	printf("%s  %-44s %s\n", held ? "pass" : "FAIL", attack, how);
	fflush(stdout);
}

/* Hostile videos, on this machine and by this user. */
static int test_sandbox(const char *folder)
{
	const struct selftest t = { .work_dir = folder,
				    .confined = !o.unconfined,
				    .say = say_attack };
	struct sandbox_layers l = worker_sandbox_layers();
	AUTO(buf_done) struct buf lacks = BUF(1024);
	struct err e = { 0 };
	size_t failed;

	worker_sandbox_lacks(&lacks);
	if (o.unconfined)
		printf("layers: limits alone, as asked\n");
	else if (l.landlock)
		printf("layers: limits, Landlock ABI %d%s\n", l.landlock,
		       l.seccomp ? ", seccomp" : "");
	else
		printf("layers: limits%s\n", l.seccomp ? ", seccomp" : "");
	if (lacks.len)
		printf("lacks: %s\n", buf_str(&lacks));
	if (worker_selftest(&t, &failed, &e) < 0) {
		fprintf(stderr, "windlass-worker: self-test: %s\n", e.text);
		return 1;
	}
	printf("%zu of the attacks got through\n", failed);
	return failed || (o.all_layers && lacks.len) ? 1 : 0;
}

static int read_slots(struct err *e)
{
	if (strcmp(slots, "auto") == 0)
		o.slots = worker_size_here();
	else if (!text_int(slots, &o.slots) || o.slots < 1 || o.slots > WORKER_SIZE_MOST)
		return err_set(e, ERR_POLICY,
			       "--slots wants auto, or a whole number from 1 to %d, found '%.64s'",
			       WORKER_SIZE_MOST, slots);
	return 0;
}

static char *joined(const struct option_list *l)
{
	struct buf out = BUF(QUEUES_BYTES_MAX);

	for (size_t i = 0; i < l->count; i++)
		buf_addf(&out, "%s%s", i ? "," : "", l->items[i]);
	return buf_take(&out);
}

static int run(void)
{
	AUTO(own_freep) char *folder = work_dir_of(work_dir), *urls = joined(&queues);
	struct err e = { 0 };

	options_list_done(&queues);
	o.work_dir = folder;
	o.queue_url = urls;
	if (help_profile || profile_schema)
		return windlass_worker_profile_told(profile_schema);
	if (check_profile)
		return windlass_worker_profile_checked(o.profile);
	if (self_test)
		return test_sandbox(folder);
	if (log_parse_format(format, &o.log_format, &e) < 0 ||
	    log_parse_level(level, &o.log_level, &e) < 0 || read_slots(&e) < 0)
		return usage(&e);
	if (unprotect) {
		log_setup("windlass-worker", o.log_format, o.log_level);
		if (worker_unprotect(&o, &e) == 0)
			return 0;
		LOG_ERROR("the instance may stay protected from scale-in", LOG_E(&e));
		return 1;
	}
	if ((!o.queue_url || !*o.queue_url) && (!o.broker_url || !*o.broker_url)) {
		err_set(&e, ERR_POLICY,
			"no queue: give --queue-url, or set SQS_QUEUE_URL; or "
			"--broker for a queue of Celery");
		return usage(&e);
	}
	if (o.command && !*o.command)
		o.command = NULL;
	if (!o.command == (!o.profile || !*o.profile)) {
		err_set(&e, ERR_POLICY,
			o.command
				? "--exec and --profile exclude each other (WINDLASS_EXEC and "
				  "WINDLASS_PROFILE too)"
				: "no profile: give --profile, or set WINDLASS_PROFILE; or --exec "
				  "for a command");
		return usage(&e);
	}
	log_setup("windlass-worker", o.log_format, o.log_level);
	if (worker_supervise(&o, &e) < 0) {
		LOG_ERROR("the worker cannot go on", LOG_E(&e));
		return e.kind == ERR_POLICY ? 2 : 1;
	}
	return 0;
}

static const struct option table[] = {
	{ "queue-url", 'q', OPTION_LIST, &queues, "URL[=WEIGHT]", "SQS_QUEUE_URL",
	  .doc = "queue to work on; several, given more than once or by commas, have turns by "
		 "weight, 1 unless said, and none waits for ever" },
	{ "broker", 'b', OPTION_STR, &o.broker_url, "URL", "WINDLASS_BROKER",
	  .doc = "redis:// or rediss:// of a Celery whose queue to work on, instead of --queue-url "
		 "or beside it" },
	{ "celery-queue", 0, OPTION_STR, &o.celery_queue, "NAME", "WINDLASS_CELERY_QUEUE",
	  BROKER_CELERY_QUEUE, .doc = "there" },
	{ "celery-task", 0, OPTION_STR, &o.celery_task, "NAME", "WINDLASS_CELERY_TASK",
	  BROKER_CELERY_TASK, .doc = "that is a job, its arguments video_id and video_path" },
	{ "celery-key-prefix", 0, OPTION_STR, &o.celery_prefix, "TEXT",
	  "WINDLASS_CELERY_KEY_PREFIX", .doc = "Celery's global_keyprefix" },
	{ "celery-visibility-timeout", 0, OPTION_SPAN, &o.celery_visibility, "TIME",
	  "WINDLASS_CELERY_VISIBILITY_TIMEOUT", "1h",
	  .doc = "visibility_timeout of all that work on that Redis: held for longer, a message "
		 "goes back to its queue" },
	{ "result-backend", 0, OPTION_STR, &o.result_url, "URL", "CELERY_RESULT_BACKEND",
	  .doc = "where results of Celery's tasks are written; default: --broker; none: nowhere" },
	{ "result-key-prefix", 0, OPTION_STR, &o.result_prefix, "TEXT",
	  "WINDLASS_RESULT_KEY_PREFIX", .doc = "the result backend's global_keyprefix" },
	{ "region", 0, OPTION_STR, &o.region, "REGION", "SQS_REGION",
	  .doc = "of the queue; else AWS_REGION or the profile's of ~/.aws/config" },
	{ "profile", 'p', OPTION_STR, &o.profile, "FILE", "WINDLASS_PROFILE",
	  .doc = "what is to become of a video, or which command is run on a message" },
	{ "exec", 'x', OPTION_STR, &o.command, "COMMAND", "WINDLASS_EXEC",
	  .doc = "instead of a profile: run by sh on each message, which is its standard input. "
		 "Exit status 0: done; any other: tried again later" },
	{ "exec-park-status", 0, OPTION_INT, &o.command_park_status, "N",
	  "WINDLASS_EXEC_PARK_STATUS", "65", .least = 1, .most = 255,
	  .doc = "exit status of that command that says that no other try can succeed: the "
		 "message is parked with what it said on standard error" },
	{ "exec-timeout", 0, OPTION_SPAN, &o.command_limit, "TIME", "WINDLASS_EXEC_TIMEOUT", "1h",
	  .doc = "the command is killed, with all it has started, and tried again later" },
	{ "exec-stall", 0, OPTION_SPAN, &o.command_stall, "TIME", "WINDLASS_EXEC_STALL", "0s",
	  .doc = "likewise when for so long it has said nothing on standard output and error, and "
		 "has not touched the file that its environment names as WINDLASS_ALIVE; 0s: no "
		 "such limit" },
	{ "exec-sandbox", 0, OPTION_CHOICE, &o.command_sandbox, "HOW", "WINDLASS_EXEC_SANDBOX",
	  "none", .choices = "none|files|all",
	  .doc = "files: it reads the system's programs alone and writes in its own folder; all: "
		 "and has no network" },
	{ "exec-persistent", 0, OPTION_FLAG, &o.command_persistent,
	  .env = "WINDLASS_EXEC_PERSISTENT",
	  .doc = "that command is started once a slot and given its jobs one by one, as lines of "
		 "JSON: see exec.persistent of --help-profile" },
	{ "slots", 'n', OPTION_STR, &slots, "N", "WINDLASS_SLOTS", "1",
	  .doc = "jobs at a time, 64 at most; auto: one for two processors, as far as there is a "
		 "GiB of memory for each" },
	{ "poll-watchdog", 0, OPTION_SPAN, &o.starved, "TIME", "WINDLASS_POLL_WATCHDOG", "10m",
	  .doc = "with a slot free and no poll answered for so long, it says so, lets the current "
		 "jobs end and ends with status 1, for its supervisor to start it anew; 0s: "
		 "never" },
	{ "visibility-timeout", 0, OPTION_INT, &o.visibility_s, "SECONDS", "SQS_VISIBILITY_TIMEOUT",
	  "0", .least = 0, .most = 43200,
	  .doc = "how long a received message is hidden, and renewed for, at a time; 0: "
		 "the queue's own" },
	{ "wait-time", 0, OPTION_INT, &o.wait_s, "SECONDS", "SQS_WAIT_TIME_SECONDS", "20",
	  .least = 0, .most = 20, .doc = "length of a long poll" },
	{ "max-receives", 0, OPTION_INT, &o.receives_max, "N", "SQS_MAX_RECEIVE_COUNT", "0",
	  .least = 0, .most = 1000,
	  .doc = "after which the queue gives a message up; 0: as its redrive policy "
		 "says" },
	{ "dead-letter-url", 0, OPTION_STR, &o.dead_letter_url, "URL", "SQS_DEAD_LETTER_URL",
	  .doc = "where messages are parked; else found by the queue's redrive policy" },
	{ "evidence", 0, OPTION_STR, &o.evidence, "S3-URL", "WINDLASS_EVIDENCE",
	  .doc = "s3://BUCKET/PREFIX where all that is known of a parked message is stored, "
		 "which the note in its attribute then names" },
	{ "retry-delay", 0, OPTION_SPAN, &o.retry, "TIME", "WINDLASS_RETRY_DELAY", "10s",
	  .doc = "until the first retry after a failure that may pass; doubled each time, "
		 "15 minutes at most" },
	{ "drain-timeout", 0, OPTION_SPAN, &o.drain, "TIME", "WINDLASS_DRAIN_TIMEOUT", "110s",
	  .doc = "what SIGTERM leaves the current jobs, before they are given back" },
	{ "work-dir", 'w', OPTION_STR, &work_dir, "DIR", "WINDLASS_WORK_DIR",
	  .doc = "for files of jobs under way; default windlass-worker in TMPDIR, or in "
		 "/var/tmp" },
	{ "part-size", 0, OPTION_INT, &o.part_mib, "MIB", "WINDLASS_PART_SIZE", "16", .least = 5,
	  .most = 1024,
	  .doc = "of what is fetched and stored in parts, several at a time: what is larger than "
		 "one, or stored and larger than two" },
	{ "no-instance", 0, OPTION_FLAG, &o.no_instance,
	  .doc = "look for no EC2 instance to protect; found out by itself off EC2" },
	{ "group", 0, OPTION_STR, &o.group, "NAME", "WINDLASS_GROUP",
	  .doc = "Auto Scaling group of this instance, where it may not be asked for" },
	{ "instance-poll", 0, OPTION_SPAN, &o.look, "TIME", "WINDLASS_INSTANCE_POLL", "5s",
	  .doc = "between looks at the instance's lifecycle state and spot notice" },
	{ "yield-interval", 0, OPTION_SPAN, &o.yield, "TIME", "WINDLASS_YIELD_INTERVAL", "30s",
	  .doc = "at least so long between looks at the group, for whether to yield" },
	{ "idle-debounce", 0, OPTION_SPAN, &o.idle, "TIME", "WINDLASS_IDLE_DEBOUNCE", "10s",
	  .doc = "idle for so long, an instance is not protected any more" },
	{ "require-sandbox", 0, OPTION_FLAG, &o.all_layers, .env = "WINDLASS_REQUIRE_SANDBOX",
	  .doc = "end at once where the kernel lacks a layer of the sandbox around ffmpeg" },
	{ "no-sandbox", 0, OPTION_FLAG, &o.unconfined,
	  .doc = "leave out those layers: ffmpeg may reach what this user can; its bounds stay" },
	{ "check-profile", 0, OPTION_FLAG, &check_profile,
	  .doc = "read --profile, print what is wrong in it by line and column, and end" },
	{ "help-profile", 0, OPTION_FLAG, &help_profile,
	  .doc = "print the keys of a profile, and end" },
	{ "profile-schema", 0, OPTION_FLAG, &profile_schema,
	  .doc = "print the JSON Schema of a profile, for editors, and end" },
	{ "self-test", 0, OPTION_FLAG, &self_test,
	  .doc = "try hostile videos on this machine, print what came of each, and end" },
	{ "unprotect", 0, OPTION_FLAG, &unprotect,
	  .doc = "clear this instance's protection from scale-in, and end: for a unit's "
		 "ExecStopPost" },
	{ "listen", 0, OPTION_STR, &o.listen, "ADDRESS:PORT", "WINDLASS_WORKER_LISTEN",
	  .doc = "answer /metrics, /healthz, /readyz and /jobs there" },
	{ "max-jobs", 0, OPTION_INT, &o.jobs_max, "N", NULL, "0", .least = 0, .most = 1000000000,
	  .doc = "end after so many; 0: go on" },
	{ "until-empty", 0, OPTION_FLAG, &o.until_empty,
	  .doc = "end when the queue has nothing more" },
	{ "event-queue-url", 0, OPTION_STR, &o.event_queue_url, "URL", "WINDLASS_EVENT_QUEUE_URL",
	  .doc = "tell this queue of the end of each job, before its message is deleted" },
	{ "event-webhook", 0, OPTION_STR, &o.event_url, "URL", "WINDLASS_EVENT_WEBHOOK",
	  .doc = "POST each end there, until it answers 2xx" },
	{ "event-secret-file", 0, OPTION_STR, &o.event_secret_file, "FILE",
	  "WINDLASS_EVENT_SECRET_FILE",
	  .doc = "key of X-Windlass-Signature: t=SECONDS,v1=HEX of HMAC-SHA256 over SECONDS, a "
		 "dot, "
		 "and the body" },
	{ "event-command", 0, OPTION_STR, &o.event_command, "COMMAND", "WINDLASS_EVENT_COMMAND",
	  .doc = "run by the shell with each end on standard input, until its status is 0" },
	{ "record-prefix", 0, OPTION_STR, &o.record_prefix, "TEXT", "WINDLASS_RECORD_PREFIX",
	  RECORD_PREFIX,
	  .doc = "where the records of uploads are, in their bucket; what has none gets none; "
		 "\"\": none are looked for" },
	{ "publish", 0, OPTION_STR, &o.publish, "NAMESPACE", "WINDLASS_PUBLISH",
	  .doc = "put the seconds of the jobs that were done into CloudWatch, once a minute, as "
		 "JobSeconds of the queue (QueueName; of several the first)" },
	{ "log-format", 0, OPTION_CHOICE, &format, "FORMAT", "WINDLASS_LOG_FORMAT", "auto",
	  .choices = "auto|logfmt|json",
	  .doc = "auto: logfmt on a terminal, JSON lines elsewhere" },
	{ "log-level", 0, OPTION_CHOICE, &level, "LEVEL", "WINDLASS_LOG_LEVEL", "info",
	  .choices = "debug|info|warn|error", .doc = "least level that is logged" },
};

/* A URL may be given as an argument, a password may not: everybody can read arguments. */
static int check_secrets(int argc, char **argv, struct err *e)
{
	for (int i = 1; i < argc; i++) {
		const char *url = strstr(argv[i], "redis");

		if (url && strstr(url, "://") && strchr(url, '@'))
			return err_set(e, ERR_POLICY,
				       "a password would show in the list of processes: give the "
				       "URL in the environment, as WINDLASS_BROKER or "
				       "CELERY_RESULT_BACKEND");
	}
	return 0;
}

int main(int argc, char **argv)
{
	const struct options options = {
		.program = "windlass-worker",
		.summary = "Receives jobs from a queue and transcodes videos, losing none.",
		.details = "windlass-worker top shows the jobs of a worker that has --listen; see "
			   "its --help.\n"
			   "SIGTERM: no new job; the current ones end, or are given back when "
			   "--drain-timeout is over.\n"
			   "A second SIGTERM gives them back at once.\n"
			   "Exit status: 0 ended as it was asked to, 1 failed, 2 wrong arguments "
			   "or profile.\n",
		.table = table,
		.count = COUNT_OF(table),
	};
	struct err e = { 0 };
	char **operands;
	int n, rc;

	if (argc == 3 && strcmp(argv[1], "--slot") == 0 && strcmp(argv[2], "3") == 0) {
		log_setup("windlass-worker-slot", LOG_FORMAT_AUTO, LOG_LEVEL_INFO);
		return worker_slot(3);
	}
	if (argc > 1 && strcmp(argv[1], "top") == 0)
		return windlass_worker_top(argc - 1, argv + 1);
	rc = options_parse(&options, argc, argv, &operands, &n, &e);
	if (rc != 0)
		return rc < 0 ? usage(&e) : 0;
	if (check_secrets(argc, argv, &e) < 0)
		return usage(&e);
	return run();
}
