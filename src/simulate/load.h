/* When jobs are sent: counts in bins of time, or one time a job. Times are microseconds from the
 * start of the load.
 */
#ifndef SIMULATE_LOAD_H
#define SIMULATE_LOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/instant.h"
#include "base/json.h"
#include "base/rng.h"

#define LOAD_FILE_BYTES_MAX (1u << 30)
#define LOAD_ROWS_MAX 50000000
#define LOAD_JOBS_MAX 1000000000000 /* more is a mistake */
#define LOAD_US 1000000

enum load_spread {
	LOAD_RANDOM, /* at random moments of the bin */
	LOAD_EVEN,
	LOAD_AT_ONCE /* at its start */
};

struct load {
	bool binned;            /* else one row a job */
	int64_t *at_us, *value; /* by row; value: the bin's count, or the job's service time */
	size_t count, size;
	bool has_service;
	int64_t bin_us; /* 0: not known yet */
	enum load_spread spread;
	int64_t horizon_us, jobs;
	struct instant start; /* the wall clock at 0; 2024-01-01 where the load does not say */
};

/* A generator, "diurnal:per_hour=120,swing=80%,for=7d" (see load_make.c), or a file. */
MUST int load_open(const char *what, uint64_t seed, struct load *ret, struct err *e);
/* The text of a file: CSV, NDJSON, or what aws cloudwatch prints. @p name is for messages. */
MUST int load_read(const char *name, const char *text, size_t len, struct load *ret, struct err *e);
/* For loads put together row by row, times rising: add, then finish. */
void load_init(struct load *l, bool binned);
MUST int load_add(struct load *l, int64_t at_us, int64_t value, struct err *e);
MUST int load_finish(struct load *l, struct err *e);
void load_done(struct load *l);

/* The parts of load_read() and load_open(). */
MUST int load_csv(const char *name, const char *text, size_t len, struct load *ret, struct err *e);
MUST int load_json(const char *name, const char *text, size_t len, struct load *ret, struct err *e);
MUST int load_make(const char *what, uint64_t seed, struct load *ret, struct err *e);
bool load_makes(const char *what); /* whether it names a generator */
/* "12.5" or "2024-01-31T09:00:00Z", in microseconds; *ret_wall: since 1970, not the load's start.
 */
bool load_time(const char *text, size_t len, int64_t *ret_us, bool *ret_wall);

/* A load guessed from counts that were seen, one sample after the other (see load_seen.c): begin,
 * add, finish. The load is the caller's from then on, also after an error. */
struct load_seen {
	struct load load;
	double service_us, owed;
	bool begun;
	struct instant at;
	int64_t bin, visible, in_flight;
};
void load_seen_begin(struct load_seen *s, double service_us);
MUST int load_seen_add(struct load_seen *s, struct instant at, int64_t visible, int64_t in_flight,
		       struct err *e);
MUST int load_seen_finish(struct load_seen *s, struct load *ret, struct err *e);

/* Jobs a second in the busiest minute (or bin). */
double load_peak(const struct load *l);

/* Jobs in the order they are sent. */
struct load_cursor {
	const struct load *load;
	struct rng rng;
	size_t row;
	int64_t left, at, end; /* of a bin */
};
void load_begin(struct load_cursor *c, const struct load *l, uint64_t seed);
/* False at the end. *ret_service_us is -1 where the load does not say. */
bool load_next(struct load_cursor *c, int64_t *ret_at_us, int64_t *ret_service_us);

#endif
