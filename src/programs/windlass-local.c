/* windlass-local: the embedded cloud on one machine. */
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/options.h"
#include "local/accounts.h"
#include "local/declare.h"
#include "local/fleet.h"
#include "local/local.h"

struct arguments {
	const char *state, *from, *listen, *region, *account, *accounts, *port_file, *declare,
		*log_format, *log_level, *clock_rate;
	int64_t port;
	bool memory, open, keep_instances, actions, no_verify;
	struct span boot_delay, stop_grace, metrics_lag;
	int64_t instance_limit;
	struct option_list instance_env;
};

static const char details[] =
	"One port serves SQS, S3, CloudWatch, Auto Scaling, EC2 and STS to any client that takes "
	"an "
	"endpoint.\n"
	"The keys of the account are made at the first start and stand in STATE/credentials, in "
	"the format of\n"
	"~/.aws/credentials. Signatures are always verified, but with --no-verify. GET /health "
	"answers 200 once\n"
	"it serves.\n\n"
	"--accounts names a YAML file of more keys, which others must not be able to read: "
	"accounts is a list\n"
	"of account_id, access_key_id, secret_access_key and, for a user instead of the account's "
	"root, name.\n"
	"The account is who the caller is, whose roles can be assumed and the SenderId of "
	"messages. "
	"What is kept\n"
	"is kept once for all of them, and named by --account.\n\n"
	"Instances of Auto Scaling groups are processes: the user data of a launch configuration, "
	"run "
	"by sh or\n"
	"by what its #! names, in STATE/instances/ID, where their log is. SIGTERM ends them, with "
	"the "
	"grace, and\n"
	"then windlass-local; a second one ends them at once.\n";

static struct arguments given;
static double given_rate;

static const struct option table[] = {
	{ .name = "state",
	  .type = OPTION_STR,
	  .value = &given.state,
	  .meta = "DIR",
	  .doc = "folder of all that is kept" },
	{ .name = "listen",
	  .type = OPTION_STR,
	  .value = &given.listen,
	  .meta = "ADDRESS",
	  .init = "127.0.0.1",
	  .doc = "numeric address to listen on" },
	{ .name = "open",
	  .type = OPTION_FLAG,
	  .value = &given.open,
	  .doc = "allow an address that other machines can reach" },
	{ .name = "port",
	  .type = OPTION_INT,
	  .value = &given.port,
	  .meta = "PORT",
	  .init = "0",
	  .least = 0,
	  .most = 65535,
	  .doc = "port to listen on; 0 takes a free one" },
	{ .name = "port-file",
	  .type = OPTION_STR,
	  .value = &given.port_file,
	  .meta = "FILE",
	  .doc = "file to write the port to once it serves" },
	{ .name = "memory",
	  .type = OPTION_FLAG,
	  .value = &given.memory,
	  .doc = "keep nothing; for tests" },
	{ .name = "from",
	  .type = OPTION_STR,
	  .value = &given.from,
	  .meta = "DIR",
	  .doc = "start a new state with what windlass local snapshot wrote there" },
	{ .name = "region",
	  .type = OPTION_STR,
	  .value = &given.region,
	  .meta = "REGION",
	  .env = "AWS_REGION",
	  .init = "us-east-1",
	  .doc = "region in names and replies" },
	{ .name = "account",
	  .type = OPTION_STR,
	  .value = &given.account,
	  .meta = "ID",
	  .init = "123456789012",
	  .doc = "account id, 12 digits" },
	{ .name = "accounts",
	  .type = OPTION_STR,
	  .value = &given.accounts,
	  .meta = "FILE",
	  .doc = "YAML file of keys that are accepted too, each with its account" },
	{ .name = "no-verify",
	  .type = OPTION_FLAG,
	  .value = &given.no_verify,
	  .doc = "take any key and any signature, and calls without; on loopback, for tests" },
	{ .name = "boot-delay",
	  .type = OPTION_SPAN,
	  .value = &given.boot_delay,
	  .meta = "TIME",
	  .init = "0s",
	  .doc = "time an instance is Pending, where its user data has no #windlass: "
		 "boot-delay=TIME" },
	{ .name = "stop-grace",
	  .type = OPTION_SPAN,
	  .value = &given.stop_grace,
	  .meta = "TIME",
	  .init = "120s",
	  .doc = "time between SIGTERM and SIGKILL when an instance is terminated" },
	{ .name = "instance-limit",
	  .type = OPTION_INT,
	  .value = &given.instance_limit,
	  .meta = "N",
	  .init = "64",
	  .least = 0,
	  .most = 10000,
	  .doc = "most instances at a time; past it launches fail as on AWS" },
	{ .name = "instance-env",
	  .type = OPTION_LIST,
	  .value = &given.instance_env,
	  .meta = "NAME[=VALUE]",
	  .doc = "give instances this variable; a name alone takes our own value" },
	{ .name = "keep-instances",
	  .type = OPTION_FLAG,
	  .value = &given.keep_instances,
	  .doc = "leave instances running at SIGTERM, and adopt them at the next start" },
	{ .name = "declare",
	  .letter = 'd',
	  .type = OPTION_STR,
	  .value = &given.declare,
	  .meta = "FILE",
	  .doc = "YAML file of buckets, queues and groups to make before it is ready" },
	{ .name = "clock-rate",
	  .type = OPTION_STR,
	  .value = &given.clock_rate,
	  .meta = "N",
	  .init = "1",
	  .doc = "seconds that the services see in one real second; for tests" },
	{ .name = "metrics-lag",
	  .type = OPTION_SPAN,
	  .value = &given.metrics_lag,
	  .meta = "TIME",
	  .init = "60s",
	  .doc = "how late CloudWatch shows the metrics of queues and groups, after their minute" },
	{ .name = "actions",
	  .type = OPTION_FLAG,
	  .value = &given.actions,
	  .doc = "print a table of the actions that it speaks, and of those that it does not" },
	{ .name = "log-format",
	  .type = OPTION_CHOICE,
	  .value = &given.log_format,
	  .init = "auto",
	  .choices = "auto|logfmt|json",
	  .meta = "FORMAT",
	  .doc = "how log lines are written" },
	{ .name = "log-level",
	  .type = OPTION_CHOICE,
	  .value = &given.log_level,
	  .init = "info",
	  .choices = "debug|info|warn|error",
	  .meta = "LEVEL",
	  .doc = "least level that is logged" },
};

static int arguments_read(int argc, char **argv, struct err *e)
{
	const struct options o = {
		.program = "windlass-local",
		.summary = "SQS, S3, CloudWatch, Auto Scaling and STS on one machine, for one "
			   "machine.",
		.details = details,
		.table = table,
		.count = COUNT_OF(table),
	};
	enum log_format format = LOG_FORMAT_AUTO;
	enum log_level level = LOG_LEVEL_INFO;
	char **operands, *end;
	int n, rc;

	rc = options_parse(&o, argc, argv, &operands, &n, e);
	if (rc != 0)
		return rc;
	if (log_parse_format(given.log_format, &format, e) < 0 ||
	    log_parse_level(given.log_level, &level, e) < 0)
		return -1;
	log_setup("windlass-local", format, level);
	if (!given.state && !given.memory && !given.actions)
		return err_set(
			e, ERR_POLICY,
			"--state DIR is missing: name a folder, or say --memory to keep nothing");
	given_rate = strtod(given.clock_rate, &end);
	if (*end || !(given_rate >= 0.001 && given_rate <= 100000))
		return err_set(e, ERR_POLICY,
			       "--clock-rate %s is not a number from 0.001 to 100000",
			       given.clock_rate);
	return 0;
}

/* The lines that a person pastes, and the one that programs wait for. Secrets stay in their file.
 */
static void say_ready(const struct local *l)
{
	printf("windlass-local ready on %s\n", l->endpoint);
	printf("export AWS_ENDPOINT_URL=%s\n", l->endpoint);
	printf("export AWS_SHARED_CREDENTIALS_FILE=%s\n", l->credentials);
	printf("export AWS_REGION=%s AWS_DEFAULT_REGION=%s\n", l->options.region,
	       l->options.region);
	fflush(stdout);
}

static int say_actions(void)
{
	AUTO(buf_done) struct buf text = BUF(64u << 10);

	local_table_print(&text);
	fputs(buf_str(&text), stdout);
	return fflush(stdout) == 0 ? 0 : 1;
}

static int write_port(const char *path, const struct local *l, struct err *e)
{
	AUTO(buf_done) struct buf text = BUF(16);

	if (!path)
		return 0;
	buf_addf(&text, "%u\n", httpd_port(l->httpd));
	return buf_write_file(&text, path, 0644, e);
}

struct serving {
	struct loop *loop;
	struct local *local;
	bool stopping;
	struct err *failed; /* by the declaration */
};

static void on_declared(const struct err *e, void *arg)
{
	struct serving *s = arg;

	if (e->kind == ERR_NONE) {
		say_ready(s->local);
		return;
	}
	*s->failed = *e;
	loop_stop(s->loop);
}

static void on_stopped(void *arg)
{
	loop_stop(arg);
}

/* The first signal lets the instances hand back their work while all services go on; the second
 * has no patience. */
static void on_signal(int signum, void *arg)
{
	struct serving *s = arg;

	(void)signum;
	if (s->local->options.keep_instances && !s->local->options.memory)
		loop_stop(s->loop);
	else if (s->stopping)
		local_fleet_hurry(s->local);
	else
		local_fleet_shutdown(s->local, on_stopped, s->loop);
	s->stopping = true;
}

static int serve(const struct arguments *a, const struct local_accounts *accounts, struct err *e)
{
	const struct local_options o = {
		.state = a->state,
		.listen = a->listen,
		.open = a->open,
		.port = (uint16_t)a->port,
		.memory = a->memory,
		.from = a->from,
		.region = a->region,
		.account = a->account,
		.accounts = accounts,
		.no_verify = a->no_verify,
		.boot_delay = a->boot_delay,
		.stop_grace = a->stop_grace,
		.metrics_lag = a->metrics_lag,
		.instance_limit = a->instance_limit,
		.keep_instances = a->keep_instances,
		.instance_env = a->instance_env.items,
		.instance_env_count = a->instance_env.count,
		.clock_rate = given_rate,
	};
	AUTO(local_declare_freep) struct local_declare *d = NULL;
	AUTO(loop_freep) struct loop *loop = loop_new();
	AUTO(local_freep) struct local *l = NULL;
	struct serving s = { .loop = loop, .failed = e };
	struct loop_signal *term, *interrupt;

	if (a->declare && !(d = local_declare_read(a->declare, e)))
		return -1;
	s.local = l = local_new(loop, &o, e);
	if (!l || write_port(a->port_file, l, e) < 0)
		return -1;
	err_clear(e);
	term = loop_signal_new(loop, SIGTERM, on_signal, &s);
	interrupt = loop_signal_new(loop, SIGINT, on_signal, &s);
	if (d)
		local_declare_start(d, l, on_declared, &s);
	else
		say_ready(l);
	loop_run(loop);
	loop_signal_free(term);
	loop_signal_free(interrupt);
	local_declare_free(TAKE(d)); /* before the loop that it runs on */
	return e->kind == ERR_NONE ? 0 : -1;
}

int main(int argc, char **argv)
{
	AUTO(local_accounts_freep) struct local_accounts *accounts = NULL;
	struct err e;
	int rc;

	signal(SIGPIPE, SIG_IGN);
	err_clear(&e);
	rc = arguments_read(argc, argv, &e);
	if (rc > 0)
		return 0;
	if (rc < 0) {
		fprintf(stderr, "windlass-local: %s; see windlass-local --help\n", e.text);
		return 2;
	}
	if (given.actions)
		return say_actions();
	if (given.accounts)
		accounts = local_accounts_read(given.accounts, &e);
	rc = given.accounts && !accounts ? -1 : serve(&given, accounts, &e);
	options_list_done(&given.instance_env);
	if (rc == 0)
		return 0;
	LOG_ERROR("windlass-local cannot serve", LOG_E(&e));
	return e.kind == ERR_POLICY ? 2 : 1;
}
