/* What windlass simulate has found, and how it is printed. */
#ifndef CLI_SIMULATE_H
#define CLI_SIMULATE_H

#include "base/buf.h"
#include "base/json.h"
#include "base/options.h"
#include "model/policy.h"
#include "simulate/bound.h"
#include "simulate/knobs.h"
#include "simulate/plant.h"
#include "simulate/trace.h"

#define CLI_SIMULATE_MAX 32 /* policies and peers of one comparison */

struct cli_simulate_row {
	char *name;
	double percentile; /* of the promise */
	struct span promise;
	struct plant_result result;
	struct bound bound;
	double hour_price;
	int64_t slots, initial; /* instances at the start */
	struct trace trace;     /* where there is a report to make */
};

struct cli_simulate_report {
	const char *load_name;
	const struct load *load;
	const struct option_list *plant; /* --plant */
	int64_t seed;
	struct cli_simulate_row row[CLI_SIMULATE_MAX];
	size_t count;
};

enum cli_simulate_what {
#define MEASURE(name, key, title, unit, value, doc) CLI_SIMULATE_##name,
#include "cli/simulate_measures.def"
#undef MEASURE
	CLI_SIMULATE_MEASURES
};

enum cli_simulate_unit {
	CLI_SIMULATE_UNIT_COUNT,
	CLI_SIMULATE_UNIT_HOURS,
	CLI_SIMULATE_UNIT_MONEY,
	CLI_SIMULATE_UNIT_CENTS, /* money of which cents are much */
	CLI_SIMULATE_UNIT_SHARE,
	CLI_SIMULATE_UNIT_WAIT,
	CLI_SIMULATE_UNIT_RATE,
	CLI_SIMULATE_UNIT_TIMES /* the ratio of two */
};

struct cli_simulate_measure {
	const char *key, *title, *doc;
	enum cli_simulate_unit unit;
	double value; /* NAN: there is none */
};

#define CLI_SIMULATE_TEXT_MAX 64

/* @p row may be NULL: then it has no value. */
void cli_simulate_measure(const struct cli_simulate_report *r, const struct cli_simulate_row *row,
			  enum cli_simulate_what what, struct cli_simulate_measure *ret);
/* As people read it, with its unit. */
const char *cli_simulate_say(const struct cli_simulate_measure *m,
			     char out[static CLI_SIMULATE_TEXT_MAX]);
/* "p95 < 5m" */
const char *cli_simulate_promise(const struct cli_simulate_row *row,
				 char out[static CLI_SIMULATE_TEXT_MAX]);
bool cli_simulate_kept(const struct cli_simulate_row *row);
/* The cheapest that keeps its promise; NULL: none does. */
const struct cli_simulate_row *cli_simulate_best(const struct cli_simulate_report *r);
/* What --help says of the measures. */
void cli_simulate_columns(struct buf *out);

void cli_simulate_text(const struct cli_simulate_report *r, struct buf *out);
void cli_simulate_json(const struct cli_simulate_report *r, struct buf *out);
void cli_simulate_csv(const struct cli_simulate_report *r, struct buf *out);

/* The value of a knob: the last that was given, else its default. */
const char *cli_simulate_knob(const struct option_list *given, const struct knobs_row *row);

/* --report: a page of HTML that needs nothing else. Makes the traces coarser where they are many.
 */
MUST int cli_simulate_page(struct cli_simulate_report *r, struct buf *out, struct err *e);
struct json *cli_simulate_course(const struct cli_simulate_report *r); /* owned */

/* --promise: "p95 wait < 5m", or "5m" alone for the 95th percentile; NULL: that. */
int cli_simulate_ask_promise(const char *text, double *ret_percentile, struct span *ret_wait,
			     struct err *e);
/* --plant over the defaults in @p k. */
int cli_simulate_ask_plant(const struct option_list *plant, struct knobs *k, struct err *e);
/* --load, and --for over its length (0: its own). */
int cli_simulate_ask_load(const char *what, const struct knobs *k, uint64_t seed, struct span for_,
			  struct load *ret, struct err *e);
/* What of a case follows from policy and plant. */
void cli_simulate_ask_case(const struct policy *p, const struct knobs *k, struct plant_case *ret);

/* The load "journal:FILE:POLICY": what the controller has seen of the policy's queues. */
#define CLI_SIMULATE_JOURNAL "journal:"
int cli_simulate_journal(const char *what, double service_us, struct load *ret, struct err *e);

#endif
