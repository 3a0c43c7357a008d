/* windlass: the command line. */
#include <signal.h>

#include "base/log.h"
#include "cli/cli.h"

int main(int argc, char **argv)
{
	signal(SIGPIPE, SIG_IGN);
	log_setup("windlass", LOG_FORMAT_AUTO, LOG_LEVEL_WARN);
	return cli_run(argc, argv);
}
