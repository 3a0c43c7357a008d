/* windlass plan: what would happen now, and why. Writes nothing. */
#include "cli/cli.h"
#include "cli/once.h"

int cli_plan(int argc, char **argv)
{
	return cli_once_main(
		&(struct once){
			.verb = "plan",
			.program = "windlass plan",
			.summary = "What would happen now and why; nothing is written.",
			.journal_doc =
				"what the policies remember; it is only read, and may be absent",
			.costs = true,
			.details =
				"PATH is short for --policies PATH.\n"
				"Exit status: 0 nothing to change, 1 something could not be read,\n"
				"2 a policy or an argument is wrong, 3 a change is due.",
		},
		argc, argv);
}
