/* Local time, and when a schedule holds. Arithmetic only: the offsets of a zone come with it, read
 * from tzdata by policy/zone.c.
 *
 * Where clocks are set forward, a local time that is skipped stands for the moment of the change;
 * where they are set back, a local time that comes twice stands for the first of the two. So each
 * local time is one moment, and a window neither vanishes nor doubles. Lengths are elapsed time.
 */
#ifndef MODEL_CALENDAR_H
#define MODEL_CALENDAR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/instant.h"

#define CALENDAR_DURATION_MAX_MS (31 * 86400000LL)

struct calendar_zone {
	const char *name;
	int32_t first_offset_s; /* east of UTC, before the first change */
	size_t change_count;
	struct calendar_change { /* rising */
		int64_t at_s;
		int32_t offset_s; /* from then on */
	} * changes;
};

/* A cron line, each field as bits. */
struct calendar_cron {
	uint64_t minutes;
	uint32_t hours, days, months; /* bits 0-23, 1-31, 1-12 */
	uint32_t weekdays;            /* 0 Sunday … 6 */
	bool any_day, any_weekday;    /* the field begins with '*': else either field is enough */
};

int32_t calendar_offset(const struct calendar_zone *z, int64_t at_s);
/* The moment of a local time given as seconds since 1970 as if it were UTC. */
int64_t calendar_moment(const struct calendar_zone *z, int64_t local_s);
void calendar_date(int64_t day, int64_t *ret_year, int *ret_month, int *ret_day);
int64_t calendar_day(int64_t year, int month, int day); /* since 1970-01-01 */
/* The newest moment at or before @p now, and no older than @p within, at which the line fires;
 * INSTANT_NEVER for none. */
struct instant calendar_last(const struct calendar_cron *cron, const struct calendar_zone *z,
			     struct instant now, struct span within);
/* The next moment after @p now; INSTANT_NEVER when there is none in eight years. */
struct instant calendar_next(const struct calendar_cron *cron, const struct calendar_zone *z,
			     struct instant now);

#endif
