/* What windlass simulate has found, and how it is printed. */
#ifndef CLI_SIMULATE_H
#define CLI_SIMULATE_H

#include "base/buf.h"
#include "simulate/plant.h"

#define CLI_SIMULATE_MAX 32 /* policies and peers of one comparison */

struct cli_simulate_row {
	char *name;
	double percentile; /* of the promise */
	struct span promise;
	struct plant_result result;
};

struct cli_simulate_report {
	const char *load_name;
	const struct load *load;
	int64_t seed;
	struct cli_simulate_row row[CLI_SIMULATE_MAX];
	size_t count;
};

void cli_simulate_text(const struct cli_simulate_report *r, struct buf *out);
void cli_simulate_json(const struct cli_simulate_report *r, struct buf *out);
void cli_simulate_csv(const struct cli_simulate_report *r, struct buf *out);

/* The load "journal:FILE:POLICY": what the controller has seen of the policy's queues. */
#define CLI_SIMULATE_JOURNAL "journal:"
int cli_simulate_journal(const char *what, double service_us, struct load *ret, struct err *e);

#endif
