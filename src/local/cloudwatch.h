/* CloudWatch inside: what its actions share, and its minutes.
 *
 * Time goes by in minutes of the clock that services see. At the end of each, queues and groups
 * hand over what they measured, then alarms are looked at. When the clock is moved, the minutes
 * that were skipped are made up for one by one, as many as CLOUDWATCH_MAKE_UP, so that an alarm
 * that needs three of them has them.
 */
#ifndef LOCAL_CLOUDWATCH_H
#define LOCAL_CLOUDWATCH_H

#include "local/cloudwatch_store.h"

#define CLOUDWATCH_MAKE_UP 1440 /* a day */

struct local_cloudwatch {
	struct local *local;
	struct loop_timer *tick, *sweep;
	struct local_cloudwatch_sweep swept;
	struct instant as_of;        /* INSTANT_NEVER, or the end of the minute that is looked at */
	int64_t minute;              /* the last end of a minute that was looked at, in seconds */
	int composing, compose_left; /* cloudwatch_compose.c: rounds under way, looks that remain */
};

/* The clock was moved, inside a batch: skipped minutes are made up for now. */
MUST int local_cloudwatch_clock_moved(struct local *l, struct err *e);

/* One value of a metric of the cloud itself, for the minute before @p end_s. In the batch; when
 * that is undone the caller forgets the ids. */
struct local_cloudwatch_own {
	const char *space, *name;
	const char *dimension, *of; /* its only dimension and the value of that */
	const char *unit;
	int64_t end_s;
	int64_t *series; /* its id, found once and then kept by the caller; 0 at first */
};
MUST int local_cloudwatch_own(struct local *l, const struct local_cloudwatch_own *what,
			      double value, struct err *e);
MUST int local_cloudwatch_own_sum(struct local *l, const struct local_cloudwatch_own *what,
				  const struct local_cloudwatch_sum *sum, struct err *e);
/* The second up to which rows of @p space are shown: own metrics come late, as AWS's do. */
int64_t local_cloudwatch_shown(struct local *l, const char *space);

/* ---- readers: they end the call in AWS's words and return -1 ---- */

/* A text of 1 … @p most bytes that must be there. @p before stands before its name in messages:
 * "MetricData.member.1.". */
MUST int local_cloudwatch_need(struct local_call *c, const struct json *object, const char *before,
			       const char *name, size_t most, const char **ret);
/* Dimensions of @p object, in the way of the store; owned by the caller. */
MUST int local_cloudwatch_dimensions(struct local_call *c, const struct json *object,
				     const char *before, char **ret);
/* A unit, CLOUDWATCH_UNIT_ANY when it is absent. */
MUST int local_cloudwatch_unit(struct local_call *c, const struct json *object, const char *before,
			       int *ret);
/* StartTime and EndTime in seconds, both needed, the start rounded as AWS does for @p period. */
MUST int local_cloudwatch_times(struct local_call *c, int64_t period, int64_t *ret_from,
				int64_t *ret_to);
int64_t local_cloudwatch_round(int64_t from, int64_t period, int64_t now);
/* A period that AWS takes: 1, 5, 10, 20, 30 or a multiple of 60. */
bool local_cloudwatch_period_ok(int64_t period);
/* NextToken: what local_cloudwatch_put_token() wrote; 0 when there is none. */
MUST int local_cloudwatch_token(struct local_call *c, const char *kind, int64_t *ret);
void local_cloudwatch_put_token(struct local_call *c, const char *kind, int64_t value);
/* [["Name","Value"]…] as a list of dimensions. */
void local_cloudwatch_put_dimensions(struct local_call *c, const char *dimensions);

/* ---- actions, by file ---- */
local_action_fn local_cloudwatch_put, local_cloudwatch_get, local_cloudwatch_list,
	local_cloudwatch_data;

#endif
