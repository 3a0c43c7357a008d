/* Reads the world for many policies at once: groups by the hundred, equal queues once. Reads only.
 *
 * A want is one policy's share. Its facts keep what was last seen; a read that fails changes only
 * the fact's `why`. Each read has the deadline given, so every want ends, and none waits for
 * another's reads.
 */
#ifndef OBSERVE_OBSERVE_H
#define OBSERVE_OBSERVE_H

#include "aws/autoscaling.h"
#include "aws/lane.h"
#include "base/err.h"
#include "base/instant.h"
#include "base/loop.h"
#include "model/facts.h"
#include "model/policy.h"

/* When each instance in service was first seen so: what tells how many are warming up. Zeroed is
 * empty. */
struct observe_seen {
	struct observe_seen_item {
		char id[32];
		struct instant since;
		int64_t weight; /* units of capacity; 0 while unhealthy */
	} * item;
	size_t count;
	bool started; /* those of the very first look count as warm */
	/* Of a group that has fewer than it wants. */
	int short_looks;         /* in a row */
	struct instant full_at;  /* when it last had them all */
	struct instant asked_at; /* when its activities were last asked for */
	/* Whether its instances are being refreshed, and when that was last asked. */
	struct instant refresh_at;
	bool refreshing, refresh_closed; /* closed: a permission or the action is missing */
	int64_t refresh_left;
};
void observe_seen_done(struct observe_seen *s);

struct observe;
struct observe_want {
	/* Set by the caller, borrowed until done. */
	const struct policy *policy;
	struct lane *group_lane;
	struct lane **metric_lane; /* so many as the policy has metrics */
	struct facts *facts;       /* with room for the metrics that the policy has */
	struct observe_seen *seen;
	void *user;
	/* Kept by observe from one ask to the next, as a metric of CloudWatch is worth a call a
	 * period only. So many as the policy has metrics, zeroed at first; NULL where none of them
	 * is one of CloudWatch's. */
	struct observe_metered {
		struct observe *owner;
		struct observe_want *want;
		struct instant asked_at;
	} * metered;
	/* Set by observe. */
	struct err *err; /* the first read that failed, as a sentence; NULL: none; the caller's */
	unsigned failures;
	size_t left; /* reads under way */
};

typedef void observe_done_fn(struct observe_want *w, void *arg);
struct observe *observe_new(struct loop *l, observe_done_fn *fn, void *arg);
void observe_free(struct observe *o); /* gives up all reads */
DEFINE_FREEP(struct observe, observe);

/* Starts the reads of @p wants. Values are stamped with @p now: they are at least as new. fn is
 * called once a want, from the loop. */
void observe_ask(struct observe *o, struct observe_want *const *wants, size_t n, struct instant now,
		 struct span deadline);

/* Pure parts, for tests. What @p ret knows of failed launches stays as long as the group is short.
 */
void observe_count_group(const struct asg_group *g, struct instant now, struct span warm_up,
			 struct observe_seen *seen, struct capacity *ret);
enum fact_why observe_why(const struct err *e);
/* Whether the group's activities are worth a call: it is short of instances, was so at the look
 * before, and was not asked just now. */
bool observe_launch_due(const struct observe_seen *seen, struct instant now);
/* Whether an instance refresh may be what moves its instances: they are not as many as wanted, or
 * leave, or a refresh was under way when last asked. */
bool observe_refresh_due(const struct observe_seen *seen, const struct capacity *c,
			 struct instant now);
/* @p r NULL: it cannot be known, which is not asked again soon and is no failure of the turn. */
void observe_refresh_seen(const struct asg_refresh *r, struct observe_seen *seen,
			  struct capacity *ret);
/* The group's newest activities into @p ret: launches that failed with none since that worked. */
void observe_launch_count(const struct asg_activities *list, const struct observe_seen *seen,
			  struct instant now, struct capacity *ret);

#endif
