/* What the imitation cloud is like: every knob with its default and where that is from. */
#ifndef SIMULATE_KNOBS_H
#define SIMULATE_KNOBS_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/instant.h"
#include "simulate/dist.h"

enum knobs_scale_in {
	KNOBS_PROTECT, /* idle ones leave; busy ones finish, in their turn, and then leave */
	KNOBS_DRAIN,   /* idle ones leave; busy ones, chosen at random, take no more jobs */
	KNOBS_KILL     /* any leave at once; their jobs come back */
};

struct knobs {
	struct dist service, boot;
	int64_t slots, initial; /* initial < 0: the load of the first five minutes */
	int64_t group_min, group_max;
	int64_t scale_in; /* enum knobs_scale_in */
	struct span idle_debounce, yield_every;
	struct span visibility_timeout;
	int64_t max_receive; /* 0: no dead-letter queue */
	struct span stale, lag_least, lag_most, first_look;
	double noise;
	double launch_failure; /* share of launches that fail */
	struct span launch_failure_after;
	int64_t capacity_limit; /* 0: none */
	double spot_per_hour;   /* interruptions of one instance an hour */
	struct span spot_notice;
	double write_throttle; /* share of writes that are throttled */
	struct span minimum_billing;
	double instance_hour_price, sqs_million_price, metric_thousand_price;
};

/* All at their defaults. */
void knobs_init(struct knobs *k);
void knobs_done(struct knobs *k);
/* "NAME=VALUE". An unknown name is an error with the nearest known one. */
MUST int knobs_set(struct knobs *k, const char *assignment, struct err *e);
/* Whether they go together. */
MUST int knobs_check(const struct knobs *k, struct err *e);

struct knobs_row {
	const char *name, *init, *source;
};
/* Row @p i of the list, or NULL past its end. */
const struct knobs_row *knobs_list(size_t i);

#endif
