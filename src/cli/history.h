/* The parts of windlass history. */
#ifndef CLI_HISTORY_H
#define CLI_HISTORY_H

#include "base/buf.h"
#include "base/instant.h"
#include "base/options.h"
#include "journal/journal.h"
#include "policy/policy.h"
#include "simulate/knobs.h"
#include "simulate/load.h"
#include "simulate/plant.h"

struct cli_history_asked {
	const char *journal, *policy; /* NULL: the one that enforces beside a shadow */
	struct instant since;
	const struct option_list *plant;
	bool json;
};

/* The parts of --compare. */
#define CLI_HISTORY_POLICIES_MAX 1024 /* of a journal, newest first */
#define CLI_HISTORY_SIDES_MAX 9       /* of a comparison: one that enforces and its shadows */
struct cli_history_side {
	struct policy_set set; /* read to be played: mode enforce */
	const struct policy *policy;
	enum policy_mode mode; /* as it ran */
	/* As recorded. */
	struct instant first, last, at;
	int64_t turns, least, most, initial, writes;
	double span_s, gap_s, fleet_s, waiting_s,
		wanted_s;               /* seconds, and instances or jobs times those */
	int64_t fleet, waiting, wanted; /* of the newest turn; -1: not known */
	struct plant_result played;
};

struct cli_history_comparing {
	const struct cli_history_asked *asked;
	struct journal *journal;
	struct cli_history_side side[CLI_HISTORY_POLICIES_MAX];
	size_t count;
	struct instant from, to; /* while all were recorded */
	struct knobs knobs;
	struct load_seen seen;
	struct load load;
	double percentile;
	struct span promise;
	struct err err;
	struct cli_history_side *reading;
};

void cli_history_text(const struct cli_history_comparing *c, struct buf *out);
void cli_history_json(const struct cli_history_comparing *c, struct buf *out);

/* --compare: what ran and what ran in its shadow, scored. Returns the exit status. */
int cli_history_compare(const struct cli_history_asked *a);

#endif
