/* plan and turn: every policy's turn once, printed. They differ in whether they may act. */
#ifndef CLI_ONCE_H
#define CLI_ONCE_H

#include <stdbool.h>

struct once {
	const char *verb, *program, *summary, *details;
	const char *journal_doc;
	bool act;
	bool costs; /* the option --cost */
};

/* Parses the options that both verbs have and runs the turns. Returns the exit status. */
int cli_once_main(const struct once *o, int argc, char **argv);

#endif
