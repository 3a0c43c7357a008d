#include "model/calendar.h"

#define DAY_S 86400
#define DAYS_AHEAD (8 * 366 + 1) /* 29 February is at most eight years away */

/* No time of a file or clock is outside: year 1 to 9999. */
#define LEAST_S (-62135596800LL)
#define MOST_S 253402300799LL

static int64_t floor_div(int64_t a, int64_t b)
{
	return a / b - (a % b < 0);
}

/* The number of changes up to then: the index of the first one after. */
static size_t changes_until(const struct calendar_zone *z, int64_t at_s)
{
	size_t least = 0, most = z->change_count;

	while (least < most) {
		size_t half = least + (most - least) / 2;

		if (z->changes[half].at_s <= at_s)
			least = half + 1;
		else
			most = half;
	}
	return least;
}

static int32_t offset_after(const struct calendar_zone *z, size_t changes)
{
	return changes == 0 ? z->first_offset_s : z->changes[changes - 1].offset_s;
}

int32_t calendar_offset(const struct calendar_zone *z, int64_t at_s)
{
	return offset_after(z, changes_until(z, at_s));
}

/* The change between two moments that are days apart, where the offset differs. */
static int64_t change_between(const struct calendar_zone *z, int64_t from_s, int64_t to_s)
{
	for (size_t i = 0; i < z->change_count; i++)
		if (z->changes[i].at_s > from_s && z->changes[i].at_s <= to_s)
			return z->changes[i].at_s;
	return to_s;
}

int64_t calendar_moment(const struct calendar_zone *z, int64_t local_s)
{
	int64_t from = local_s - DAY_S - DAY_S / 2, to = local_s + DAY_S + DAY_S / 2;
	int64_t before = local_s - calendar_offset(z, from), after;
	int64_t change;

	if (calendar_offset(z, from) == calendar_offset(z, to))
		return before;
	after = local_s - calendar_offset(z, to);
	change = change_between(z, from, to);
	if (before < change)
		return before; /* not yet changed, or the first of two */
	return after >= change ? after : change;
}

int64_t calendar_day(int64_t year, int month, int day)
{
	/* Days of the years before, counted from March so that the odd day comes last. */
	int64_t y = month <= 2 ? year - 1 : year;
	int64_t era = floor_div(y, 400), of_era = y - era * 400;
	int64_t of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;

	return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

void calendar_date(int64_t day, int64_t *ret_year, int *ret_month, int *ret_day)
{
	int64_t z = day + 719468, era = floor_div(z, 146097), of_era = z - era * 146097;
	int64_t year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
	int64_t of_year = of_era - (365 * year + year / 4 - year / 100);
	int64_t month = (5 * of_year + 2) / 153;

	*ret_day = (int)(of_year - (153 * month + 2) / 5 + 1);
	*ret_month = (int)(month < 10 ? month + 3 : month - 9);
	*ret_year = year + era * 400 + (*ret_month <= 2);
}

static bool day_matches(const struct calendar_cron *cron, int64_t day)
{
	int64_t year;
	int month, of_month;
	uint32_t weekday = (uint32_t)(day + 4 - floor_div(day + 4, 7) * 7);
	bool by_day, by_weekday;

	calendar_date(day, &year, &month, &of_month);
	by_day = cron->days >> of_month & 1;
	by_weekday = cron->weekdays >> weekday & 1;
	if (!(cron->months >> month & 1))
		return false;
	if (cron->any_day || cron->any_weekday)
		return by_day && by_weekday;
	return by_day || by_weekday;
}

static int64_t seconds(struct instant t)
{
	int64_t s = floor_div(t.ms, 1000);

	return s < LEAST_S ? LEAST_S : s > MOST_S ? MOST_S : s;
}

/* Least and most offset that calendar_moment() can find for a time of a local day. Each moment lies
 * between its local time less the most and less the least, so that of a line that fires each minute
 * few are asked for theirs. */
struct offsets {
	int32_t least, most;
};

static struct offsets offsets_near(const struct calendar_zone *z, int64_t day)
{
	size_t from = changes_until(z, day * DAY_S - DAY_S - DAY_S / 2);
	size_t to = changes_until(z, day * DAY_S + 2 * DAY_S + DAY_S / 2);
	struct offsets o = { offset_after(z, from), offset_after(z, from) };

	for (size_t i = from + 1; i <= to; i++) {
		int32_t offset = offset_after(z, i);

		o.least = offset < o.least ? offset : o.least;
		o.most = offset > o.most ? offset : o.most;
	}
	return o;
}

static uint64_t minutes_of(const struct calendar_cron *cron, int hour)
{
	return cron->hours >> hour & 1 ? cron->minutes & ((1ULL << 60) - 1) : 0;
}

/* The newest firing of a local day at or before @p now_s. */
static bool last_of_day(const struct calendar_cron *cron, const struct calendar_zone *z,
			int64_t day, int64_t now_s, int64_t *ret)
{
	int64_t start = day * DAY_S, until = now_s + offsets_near(z, day).most - start;

	for (int hour = 23; hour >= 0; hour--) {
		uint64_t minutes = until >= hour * 3600 ? minutes_of(cron, hour) : 0;

		if (until < (hour + 1) * 3600 && minutes) /* the others are later than now */
			minutes &= (2ULL << (until - hour * 3600) / 60) - 1;
		while (minutes) {
			int minute = 63 - __builtin_clzll(minutes);

			minutes &= ~(1ULL << minute);
			*ret = calendar_moment(z, start + hour * 3600 + minute * 60);
			if (*ret <= now_s)
				return true;
		}
	}
	return false;
}

static bool next_of_day(const struct calendar_cron *cron, const struct calendar_zone *z,
			int64_t day, int64_t now_s, int64_t *ret)
{
	int64_t start = day * DAY_S, after = now_s + offsets_near(z, day).least - start;

	for (int hour = 0; hour < 24; hour++) {
		uint64_t minutes = after < (hour + 1) * 3600 ? minutes_of(cron, hour) : 0;

		if (after >= hour * 3600 && minutes) /* the others have been */
			minutes &= ~((2ULL << (after - hour * 3600) / 60) - 1);
		for (; minutes; minutes &= minutes - 1) {
			*ret = calendar_moment(z,
					       start + hour * 3600 + __builtin_ctzll(minutes) * 60);
			if (*ret > now_s)
				return true;
		}
	}
	return false;
}

struct instant calendar_last(const struct calendar_cron *cron, const struct calendar_zone *z,
			     struct instant now, struct span within)
{
	int64_t now_s = seconds(now), today = floor_div(now_s + calendar_offset(z, now_s), DAY_S);
	int64_t back = within.ms < 0                          ? 0
		       : within.ms > CALENDAR_DURATION_MAX_MS ? CALENDAR_DURATION_MAX_MS
							      : within.ms;
	int64_t oldest = now_s - back / 1000, at;

	/* A day more on either side: a skipped time may stand for a moment of the next day. */
	for (int64_t day = today + 1; (day + 2) * DAY_S >= oldest; day--)
		if (day_matches(cron, day) && last_of_day(cron, z, day, now_s, &at))
			return at >= oldest ? (struct instant){ at * 1000 } : INSTANT_NEVER;
	return INSTANT_NEVER;
}

struct instant calendar_next(const struct calendar_cron *cron, const struct calendar_zone *z,
			     struct instant now)
{
	int64_t now_s = seconds(now), today = floor_div(now_s + calendar_offset(z, now_s), DAY_S);

	for (int64_t day = today - 1; day < today + DAYS_AHEAD; day++) {
		int64_t at;

		if (day_matches(cron, day) && next_of_day(cron, z, day, now_s, &at))
			return (struct instant){ at * 1000 };
	}
	return INSTANT_NEVER;
}
