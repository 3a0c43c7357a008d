/* The imitation queue and fleet: one load, one scaler, event by event.
 *
 * Equal loads, knobs, scalers and seeds give equal results, and every scaler meets the same jobs.
 * What is remembered grows with the backlog and the fleet, not with the jobs that are done.
 */
#ifndef SIMULATE_PLANT_H
#define SIMULATE_PLANT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/instant.h"
#include "simulate/knobs.h"
#include "simulate/load.h"
#include "simulate/sketch.h"
#include "simulate/trace.h"

/* A minute of CloudWatch. */
struct plant_point {
	int64_t end_us, available_us;
	int64_t visible, in_flight, in_service, sent, deleted, oldest_age_us;
};

#define PLANT_POINTS_MAX 256 /* that became known since the last look; older ones are dropped */

/* What a scaler may know. */
struct plant_view {
	int64_t now_us;
	struct instant wall;
	int64_t visible, in_flight, oldest_age_us;
	int64_t desired, in_service, pending, busy, draining, min, max;
	const struct plant_point *points; /* new since the last look, oldest first */
	size_t point_count;
	const struct plant_point *newest; /* NULL: none yet */
};

struct plant_scaler {
	void *self;
	/* The desired number, or -1 to leave it; *ret_next: how long until the next look. */
	int64_t (*decide)(void *self, const struct plant_view *v, struct span *ret_next);
	/* Whether the write it asked for was done; NULL: it does not care. */
	void (*settle)(void *self, const struct plant_view *v, bool done);
	/* Why it decided so just now, in words; NULL: it has none. */
	void (*say)(void *self, struct buf *out);
	/* What looks for the same jobs and fleet cost in calls. */
	int64_t sqs_calls_per_look, metrics_per_minute;
};

struct plant_case {
	const struct load *load;
	const struct knobs *knobs; /* borrowed; lists of it are drawn from a copy */
	const struct plant_scaler *scaler;
	int64_t slots, min, max, initial; /* initial < 0: the load of the first five minutes */
	double hour_price;
	struct span promise; /* for `late` */
	uint64_t seed;
	struct trace *trace; /* begun by the run, the caller's to free; NULL: none is kept */
	/* Called now and then; NULL: not. */
	void (*progress)(void *to, const struct plant_case *c, int64_t now_us);
	void *progress_to;
};

struct plant_result {
	int64_t jobs, done, unfinished, dead, killed, returned;
	int64_t cost_us, boot_us; /* instance time that is billed, and what of it was booting */
	double work_s;            /* service time of the jobs that were done */
	double hours, money, utilisation;
	int64_t p50_us, p95_us, p99_us, most_us;
	double mean_us, late; /* late: share of jobs that waited longer than promised */
	int64_t backlog_peak, capacity_peak;
	int64_t looks, actions, flips, launches, failed_launches, interruptions, throttled;
	double flips_per_hour;
	int64_t api_calls;
	double api_money;
	uint64_t events;
};

void plant_run(const struct plant_case *c, struct plant_result *ret);

/* The jobs that a run of @p c meets, in the order they are sent. */
struct plant_jobs {
	struct load_cursor cursor;
	struct dist service; /* a copy, for its place in a list */
	struct rng rng;
	int64_t horizon;
};
void plant_jobs_begin(struct plant_jobs *j, const struct plant_case *c);
bool plant_jobs_next(struct plant_jobs *j, int64_t *ret_at_us, int64_t *ret_service_us);
/* Instances in service at its start. */
int64_t plant_initial(const struct plant_case *c);

#endif
