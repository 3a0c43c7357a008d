/* windlass turn: one turn of every policy, for cron. Holds the lease while it runs. */
#include "cli/cli.h"
#include "cli/once.h"

int cli_turn(int argc, char **argv)
{
	return cli_once_main(
		&(struct once){
			.verb = "turn",
			.program = "windlass turn",
			.summary =
				"One turn of every policy: read, decide, record, write. For cron.",
			.journal_doc =
				"where memory, intents and outcomes are kept; made when absent",
			.details = "PATH is short for --policies PATH. Windows and cooldowns go on "
				   "from the\n"
				   "journal, so a turn a minute from cron decides as the daemon "
				   "would. Two turns,\n"
				   "or a turn and the daemon, never act at once: the second one "
				   "ends with status 1\n"
				   "and names the process that holds the lease.",
			.act = true,
		},
		argc, argv);
}
