/* The parts of windlass history. */
#ifndef CLI_HISTORY_H
#define CLI_HISTORY_H

#include "base/instant.h"
#include "base/options.h"

struct cli_history_asked {
	const char *journal, *policy; /* NULL: the one that enforces beside a shadow */
	struct instant since;
	const struct option_list *plant;
	bool json;
};

/* --compare: what ran and what ran in its shadow, scored. Returns the exit status. */
int cli_history_compare(const struct cli_history_asked *a);

#endif
