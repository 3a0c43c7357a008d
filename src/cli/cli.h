/* The verbs of `windlass`: one file a verb, one line a verb in verbs.def. Only here is anything
 * printed.
 *
 * A verb is run with argv[0] = its own name; it parses its options with base/options.h, calls the
 * stages, prints, and returns one of the statuses below.
 */
#ifndef CLI_CLI_H
#define CLI_CLI_H

#include "base/buf.h"
#include "base/err.h"

enum cli_status {
	CLI_DONE = 0,
	CLI_FAILED = 1,
	CLI_USAGE = 2, /* wrong arguments, or a policy with errors */
	CLI_CHANGE = 3 /* plan: a change is due */
};

enum cli_group {
	CLI_FILES, /* touches nothing but files */
	CLI_READS, /* reads a cloud, never writes */
	CLI_ACTS   /* changes something */
};

struct cli_verb {
	const char *name, *summary;
	enum cli_group group;
	int (*run)(int argc, char **argv);
};

/* The whole program: finds the verb, suggests the nearest, shows help. Returns the exit status. */
int cli_run(int argc, char **argv);

#define VERB(name, group, summary) int cli_##name(int argc, char **argv);
#define VERB_AS(name, word, group, summary) int cli_##name(int argc, char **argv);
#include "cli/verbs.def"
#undef VERB
#undef VERB_AS

/* Prints "windlass VERB: text" to standard error; CLI_USAGE for ERR_POLICY, CLI_FAILED for the
 * rest. */
int cli_fail(const char *verb, const struct err *e);
/* As cli_fail(), for a mistake in the arguments: names --help and returns CLI_USAGE. */
int cli_usage(const char *verb, const struct err *e);
/* Writes @p out to standard output; returns @p status, or CLI_FAILED when it cannot be written
 * whole. */
int cli_print(const struct buf *out, int status);

/* Rows that many verbs share. */
#define CLI_ROW_JOURNAL(at, text)                                                                \
	{                                                                                        \
		.name = "journal", .type = OPTION_STR, .value = (at), .meta = "FILE",            \
		.env = "WINDLASS_JOURNAL", .init = "/var/lib/windlass/journal.db", .doc = (text) \
	}
#define CLI_ROW_OUTPUT(at, usual, words)                                               \
	{                                                                              \
		.name = "output", .letter = 'o', .type = OPTION_CHOICE, .value = (at), \
		.meta = "FORMAT", .init = (usual), .choices = (words),                 \
		.doc = "how to print: " words                                          \
	}

#endif
