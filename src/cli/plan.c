/* windlass plan: what would happen now, and why. Writes nothing. */
#include <string.h>

#include "base/options.h"
#include "cli/cli.h"
#include "cli/once.h"

int cli_plan(int argc, char **argv)
{
	struct once o = { .verb = "plan" };
	const char *output;
	const struct option table[] = {
		{ .name = "journal",
		  .type = OPTION_STR,
		  .value = &o.journal,
		  .meta = "FILE",
		  .env = "WINDLASS_JOURNAL",
		  .init = CLI_JOURNAL_DEFAULT,
		  .doc = "what the policies remember; it is only read, and may be absent" },
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
		.program = "windlass plan",
		.summary = "What would happen now and why; nothing is written.",
		.operands = "[PATH]",
		.table = table,
		.count = COUNT_OF(table),
		.most_operands = 1,
		.details = "PATH is short for --policies PATH.\n"
			   "Exit status: 0 nothing to change, 1 something could not be read, 2 a "
			   "policy or an argument is"
			   " wrong, 3 a change is due.",
	};
	char **operands;
	struct err e;
	int n, rc = options_parse(&opts, argc, argv, &operands, &n, &e);

	if (rc != 0)
		return rc < 0 ? cli_usage("plan", &e) : CLI_DONE;
	if (n == 1)
		o.policies = operands[0];
	o.json = strcmp(output, "json") == 0;
	return cli_once_run(&o);
}
