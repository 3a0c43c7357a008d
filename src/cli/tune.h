/* What the parts of windlass tune share. */
#ifndef CLI_TUNE_H
#define CLI_TUNE_H

#include "base/buf.h"
#include "base/json.h"
#include "base/options.h"
#include "base/table.h"
#include "base/yaml.h"
#include "policy/policy.h"
#include "simulate/knobs.h"
#include "simulate/load.h"
#include "simulate/tune.h"

/* One key and the values it may have, in order. */
struct cli_tune_axis {
	char *path;
	char *level[TUNE_LEVELS_MAX]; /* as a file would have them; NULL: as it is now */
	size_t levels;
	size_t now; /* the file's own */
};

struct cli_tune {
	const char *path; /* of the policy's file */
	const char *load_name, *queue;
	struct cli_tune_axis axis[TUNE_AXES_MAX];
	size_t axes;
	bool chosen; /* the keys were not given */
	double percentile;
	struct span promise;
	struct knobs knobs;
	struct load *loads; /* one, or one a seed */
	size_t load_count;
	int64_t seed, seeds, threads;
	struct tune search;
	bool interrupted;
	/* Progress, and what an interrupted search has played already. */
	struct table_live live;
	const char *state;
	char of[65]; /* what the state belongs to */
	struct json *played;
	int64_t resumed; /* plays that were taken from it */
	bool unsaved;    /* it could not be written, and that was said */
	struct buf out;
};

/* The axes of --vary, or where there are none of the policy's rules. */
MUST int cli_tune_axes(struct cli_tune *t, const struct option_list *vary, const struct policy *p,
		       struct err *e);
/* The value that a file gives the key; NULL: none, or no plain one. */
const struct yaml_node *cli_tune_value(const struct yaml_node *root, const char *path);
/* The value of @p axis at one of its levels, for people. */
const char *cli_tune_level(const struct cli_tune_axis *axis, size_t level);

/* Plays what the search asks for: t->search.play. */
int cli_tune_play(void *arg, const struct tune *search, struct tune_run *runs, size_t n);
/* Takes up what was played before, where it belongs to the same question; @p asked: of that, what
 * is not in @p t. */
MUST int cli_tune_resume(struct cli_tune *t, const char *asked, struct err *e);
/* Ends on SIGINT and SIGTERM from now on; a second one ends at once. */
void cli_tune_catch(void);

/* The file's text with @p best over it, as a unified diff; comments stay. false: the file's layout
 * does not allow it, the keys must be set by hand. */
bool cli_tune_diff(const struct cli_tune *t, const struct tune_point *best, struct buf *out);

/* Two texts as diff -u shows them; nothing where they are equal. */
void cli_tune_unified(const char *path, const char *before, const char *after, struct buf *out);

/* Which quantile of the wait is shown: "p95", or "max". */
const char *cli_tune_quantile(const struct cli_tune *t);
void cli_tune_text(struct cli_tune *t);
void cli_tune_json(struct cli_tune *t);
/* Cost against lateness as a picture. */
MUST int cli_tune_chart(const struct cli_tune *t, const char *path, struct err *e);

#endif
