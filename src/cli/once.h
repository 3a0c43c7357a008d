/* plan and turn: every policy's turn once, printed. They differ in whether they may act. */
#ifndef CLI_ONCE_H
#define CLI_ONCE_H

#include <stdbool.h>

#define CLI_POLICIES_DEFAULT "/etc/windlass/policies"
#define CLI_JOURNAL_DEFAULT "/var/lib/windlass/journal.db"

struct once {
	const char *verb, *policies, *journal;
	bool act, json;
};

/* Returns the exit status. */
int cli_once_run(const struct once *o);

#endif
