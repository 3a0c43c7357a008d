/* What was seen, and what could not be: made by observe/ (or by a stream), read by decide/.
 *
 * Missing data is a value: each fact says whether it is readable, when it was seen and why not.
 * Nothing here is ever zero because it is unknown.
 */
#ifndef MODEL_FACTS_H
#define MODEL_FACTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/instant.h"
#include "model/policy.h"

enum fact_why { /* why a fact is not readable; the words are in model/say.c */
		FACT_READABLE,
		FACT_NEVER_READ,
		FACT_DENIED,
		FACT_THROTTLED,
		FACT_UNREACHABLE,
		FACT_NOT_FOUND,
		FACT_NONSENSE, /* contradicts itself: negative, impossible */
		FACT_STALE,
		FACT_UNSUPPORTED, /* no source of this version reads it */
		FACT_UNDEFINED,   /* an expression without a value: a division by zero */
		FACT_NO_REGION,   /* neither the policy nor the surroundings name a region */
		FACT_WHY_COUNT
};

enum {
	QUEUE_VISIBLE = 1,
	QUEUE_IN_FLIGHT = 2,
	QUEUE_DELAYED = 4,
	QUEUE_OLDEST_AGE = 8,
	QUEUE_SENT = 16,
	QUEUE_DELETED = 32,
	QUEUE_EARLY = 64
};

struct fact {
	enum fact_why why; /* FACT_READABLE, or why the newest read failed */
	bool is_queue;
	struct instant seen_at; /* of the values below; INSTANT_NEVER when there never were any */
	unsigned has;           /* QUEUE_*: which members below are known */
	int64_t visible, in_flight, delayed;
	int64_t oldest_age_ms;
	/* The newest CloudWatch period, where one is known. */
	struct instant period_end;
	struct span period;
	int64_t sent, deleted;
	/* Tasks of Celery that were acked at their start and run: part of in_flight. Their workers
	 * told, but for so many that were silent. */
	int64_t early, early_silent;
	int64_t value_milli; /* a scalar metric */
};

/* What kind of failure a launch met: the words are in model/say.c. */
enum launch_why {
	LAUNCH_OTHER,
	LAUNCH_CAPACITY, /* EC2 has no such instances there */
	LAUNCH_LIMIT,    /* a quota of the account */
	LAUNCH_SPOT,     /* no spot instance at that price */
	LAUNCH_SETUP,    /* image, template, key or role: an operator's to mend */
	LAUNCH_WHY_COUNT
};
#define FACTS_LAUNCH_TEXT_MAX 160

/* One Auto Scaling group. Supply is max(desired, in_service + pending).
 *
 * Everything is counted as the group counts: in instances, or in units of capacity where its
 * instances weigh more than one (WeightedCapacity of a mixed instances policy). A policy's sizes,
 * slots and costs "an instance" are then those of one unit. What a warm pool keeps and what is in
 * standby is no supply: neither takes jobs, and desired capacity does not count it. */
struct capacity {
	enum fact_why why;
	struct instant seen_at;
	int64_t min, max; /* MinSize, MaxSize */
	int64_t desired;
	int64_t in_service;
	int64_t pending;  /* launched, not yet in service */
	int64_t warming;  /* in service for less than the warm-up; a part of in_service */
	int64_t ready;    /* the other part of in_service: takes jobs */
	int64_t busy;     /* in service and protected from scale-in: an upper bound of busy */
	int64_t draining; /* terminating; not supply, still billed */
	int64_t failed;   /* in service and unhealthy: about to be replaced */
	int64_t standby;  /* put aside by an operator */
	int64_t warmed;   /* instances in the group's warm pool: a launch begins with them */
	int64_t heaviest; /* units of its heaviest instance; 0 or 1: all are alike */
	bool launch_suspended, terminate_suspended;
	bool refreshing;      /* an instance refresh is under way */
	int64_t refresh_left; /* instances that it has still to replace */
	/* Of a group that has fewer instances than it wants: how many of its launches failed since
	 * one worked. 0: none, or nobody asked. */
	int64_t launch_failures;
	enum launch_why launch_why;              /* the newest failure's kind */
	enum fact_why launch_read;               /* why it is not known, where it was asked for */
	char launch_text[FACTS_LAUNCH_TEXT_MAX]; /* and its own words; nothing is decided by them */
};

/* The calls that a look took, in millionths: one that several policies share is divided among them,
 * one that was repeated counts again. Nothing is decided by it. */
#define FACTS_MICRO 1000000
struct facts_spent {
	int64_t sqs, autoscaling, cloudwatch; /* requests */
	int64_t metrics;                      /* of CloudWatch's, asked for */
};

struct facts {
	struct facts_spent spent;
	struct capacity group;
	size_t metric_count;
	struct fact metric[POLICY_METRICS_MAX]; /* by index of the policy's metrics; stands last */
};

/* The jobs a metric counts (POLICY_COUNT_*, the same bits as QUEUE_*), at most INT64_MAX. Ask `has`
 * first. */
static inline int64_t fact_jobs(const struct fact *f, unsigned count)
{
	int64_t sum = 0;

	if (count & QUEUE_VISIBLE)
		sum = time_add_(sum, f->visible);
	if (count & QUEUE_IN_FLIGHT)
		sum = time_add_(sum, f->in_flight);
	if (count & QUEUE_DELAYED)
		sum = time_add_(sum, f->delayed);
	return sum;
}

/* What of @p in_service has warmed up; never negative. */
static inline int64_t capacity_ready(int64_t in_service, int64_t warming)
{
	return warming <= 0 ? in_service : in_service > warming ? in_service - warming : 0;
}

static inline int64_t capacity_supply(const struct capacity *c)
{
	int64_t up = time_add_(c->in_service, c->pending);

	return c->desired > up ? c->desired : up;
}

#endif
