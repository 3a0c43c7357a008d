/* windlass turn: one turn of every policy, for cron. Holds the lease while it runs. */
#include <string.h>

#include "base/options.h"
#include "cli/cli.h"
#include "cli/once.h"

int cli_turn(int argc, char **argv)
{
	struct once o = { .verb = "turn", .act = true };
	const char *output;
	const struct option table[] = {
		{ .name = "journal",
		  .type = OPTION_STR,
		  .value = &o.journal,
		  .meta = "FILE",
		  .env = "WINDLASS_JOURNAL",
		  .init = CLI_JOURNAL_DEFAULT,
		  .doc = "where memory, intents and outcomes are kept; made when absent" },
		{ .name = "output",
		  .letter = 'o',
		  .type = OPTION_CHOICE,
		  .value = &output,
		  .meta = "FORMAT",
		  .init = "text",
		  .choices = "text|json",
		  .doc = "how to print" },
		{ .name = "policies",
		  .letter = 'p',
		  .type = OPTION_STR,
		  .value = &o.policies,
		  .meta = "PATH",
		  .env = "WINDLASS_POLICIES",
		  .init = CLI_POLICIES_DEFAULT,
		  .doc = "a policy file, or a folder of them" },
	};
	const struct options opts = {
		.program = "windlass turn",
		.summary = "One turn of every policy: read, decide, record, write. For cron.",
		.operands = "[PATH]",
		.table = table,
		.count = COUNT_OF(table),
		.most_operands = 1,
		.details = "PATH is short for --policies PATH. Windows and cooldowns go on from "
			   "the journal, so a turn a minute\n"
			   "from cron decides as the daemon would. Two turns, or a turn and the "
			   "daemon, never act at once:\n"
			   "the second one ends with status 1 and names the process that holds the "
			   "lease.",
	};
	char **operands;
	struct err e;
	int n, rc = options_parse(&opts, argc, argv, &operands, &n, &e);

	if (rc != 0)
		return rc < 0 ? cli_usage("turn", &e) : CLI_DONE;
	if (n == 1)
		o.policies = operands[0];
	o.json = strcmp(output, "json") == 0;
	return cli_once_run(&o);
}
