/* windlassd: the controller daemon. */
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>

#include "base/log.h"
#include "base/options.h"
#include "control/daemon.h"

int main(int argc, char **argv)
{
	struct daemon_options o;
	const char *format, *level;
	const struct option table[] = {
		{ .name = "journal",
		  .type = OPTION_STR,
		  .value = &o.journal,
		  .meta = "FILE",
		  .env = "WINDLASS_JOURNAL",
		  .init = "/var/lib/windlass/journal.db",
		  .doc = "where memory, intents and outcomes are kept; made when absent" },
		{ .name = "log-format",
		  .type = OPTION_CHOICE,
		  .value = &format,
		  .meta = "FORMAT",
		  .init = "auto",
		  .choices = "auto|logfmt|json",
		  .doc = "auto is logfmt on a terminal, JSON lines elsewhere" },
		{ .name = "log-level",
		  .type = OPTION_CHOICE,
		  .value = &level,
		  .meta = "LEVEL",
		  .init = "info",
		  .choices = "debug|info|warn|error",
		  .doc = "the least level that is logged" },
		{ .name = "policies",
		  .letter = 'p',
		  .type = OPTION_STR,
		  .value = &o.policies,
		  .meta = "PATH",
		  .env = "WINDLASS_POLICIES",
		  .init = "/etc/windlass/policies",
		  .doc = "a policy file, or a folder of them" },
	};
	const struct options opts = {
		.program = "windlassd",
		.summary = "Keeps the desired capacity of Auto Scaling groups where their policies "
			   "want it.",
		.table = table,
		.count = COUNT_OF(table),
		.details = "SIGHUP reads the policies anew, SIGTERM ends after the writes under "
			   "way. A second windlassd on the same\n"
			   "journal stands by and takes over when the first one ends.\n"
			   "Exit status: 0 ended by a signal, 1 failed, 2 no policy can run.",
	};
	enum log_format log_format;
	enum log_level log_level;
	char **operands;
	struct err e;
	int n, rc = options_parse(&opts, argc, argv, &operands, &n, &e);

	if (rc == 0 && (log_parse_format(format, &log_format, &e) < 0 ||
			log_parse_level(level, &log_level, &e) < 0))
		rc = -1;
	if (rc != 0) {
		if (rc < 0)
			fprintf(stderr, "windlassd: %s; see windlassd --help\n", e.text);
		return rc < 0 ? 2 : 0;
	}
	mallopt(M_ARENA_MAX,
		2); /* lookups run on threads; an arena each would be most of our memory */
	setrlimit(RLIMIT_CORE, &(struct rlimit){ 0 }); /* credentials never reach a core */
	signal(SIGPIPE, SIG_IGN);
	log_setup("windlassd", log_format, log_level);
	return control_daemon_run(&o);
}
