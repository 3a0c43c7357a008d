/* Scheduled actions: at a time, or again and again by a cron line in a time zone. */
#ifndef LOCAL_AUTOSCALING_SCHEDULE_H
#define LOCAL_AUTOSCALING_SCHEDULE_H

#include "local/fleet_rows.h"

struct local_autoscaling_schedule {
	char *group, *name, *arn;
	struct json *spec;               /* Recurrence and TimeZone, and the sizes */
	struct instant start, end, next; /* INSTANT_NEVER: not given, or never more */
	int64_t least, most, desired;    /* -1: stays */
};
void local_autoscaling_schedule_done(struct local_autoscaling_schedule *s);

/* Reads one action of a call. -1: refused in @p e (as local_cloudwatch_refuse()). */
MUST int local_autoscaling_schedule_parse(const struct json *o, struct instant now,
					  struct local_autoscaling_schedule *ret, struct err *e);
/* The next moment after @p now; INSTANT_NEVER when it is over. */
MUST int local_autoscaling_schedule_next(const struct local_autoscaling_schedule *s,
					 struct instant now, struct instant *ret, struct err *e);
MUST int local_autoscaling_schedule_store(struct local *l,
					  const struct local_autoscaling_schedule *s,
					  struct err *e);
/* All of a group, or of all (NULL), by name. */
struct local_autoscaling_schedules {
	struct local_autoscaling_schedule *all;
	size_t count;
};
void local_autoscaling_schedule_all_done(struct local_autoscaling_schedules *all);
MUST int local_autoscaling_schedule_list(struct local *l, const char *group,
					 struct local_autoscaling_schedules *ret, struct err *e);
/* Takes those that are due. In the batch. */
MUST int local_autoscaling_schedule_minute(struct local *l, int64_t end_s, struct err *e);

#endif
