/* Command lines from one table: parsing, --help, did-you-mean, environment names.
 *
 * Long options only plus an optional short letter; "--name value" and "--name=value"; "--" ends
 * them. A value comes from the command line, else from the environment name of its row, else the
 * default.
 */
#ifndef BASE_OPTIONS_H
#define BASE_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>

#include <stdint.h>

#include "base/buf.h"

enum option_type {
	OPTION_FLAG,  /* bool * */
	OPTION_STR,   /* const char ** (borrowed from argv, environment or table) */
	OPTION_INT,   /* int64_t * */
	OPTION_SPAN,  /* struct span *  ("30s", "5m") */
	OPTION_LIST,  /* struct option_list *: may be given more than once */
	OPTION_CHOICE /* const char ** out of `choices`, "a|b|c" */
};

struct option_list {
	const char **items;
	size_t count;
};

struct option {
	const char *name; /* without the dashes */
	char letter;      /* 0: none */
	enum option_type type;
	void *value;
	const char *meta;    /* "FILE", "SECONDS"; NULL for flags */
	const char *env;     /* NULL: none */
	const char *init;    /* the default as text, shown in --help; NULL: none */
	const char *choices; /* OPTION_CHOICE */
	const char *doc;     /* one sentence */
	int64_t least, most; /* OPTION_INT bounds; both 0: none */
	bool secret;         /* never shown, and only from the environment */
};

struct options {
	const char *program;  /* "windlass validate" */
	const char *summary;  /* one line */
	const char *operands; /* "FILE…" for the usage line, or NULL */
	const char *details;  /* text below the options: examples, exit status; or NULL */
	const struct option *table;
	size_t count;
	int least_operands, most_operands; /* most < 0: any number */
};

/* Fills values; *ret_operands points at the operands left in argv (reordered in place), *ret_n
 * their number. Returns 0; 1 after --help or --version was printed to standard output; -1 with a
 * usage error. */
MUST int options_parse(const struct options *o, int argc, char **argv, char ***ret_operands,
		       int *ret_n, struct err *e);
void options_help(const struct options *o, struct buf *out);
void options_list_done(struct option_list *l);
/* The nearest of @p n words to @p word by edit distance, or NULL when none is near. Used by keys.h
 * too. */
const char *options_nearest(const char *word, const char *const *words, size_t n);

#endif
