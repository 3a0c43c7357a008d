#include "base/clock.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define DAY_MS 86400000
#define CLOCK_LEAST_MS (-62167219200000) /* 0000-01-01T00:00:00Z */
#define CLOCK_MOST_MS 253402300799999    /* 9999-12-31T23:59:59.999Z */

static const char clock_months[12][4] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun",
					  "Jul", "Aug", "Sep", "Oct", "Nov", "Dec" };
static const char clock_days[7][4] = { "Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed" };

static int64_t clock_get(clockid_t id)
{
	struct timespec t = { 0 };

	clock_gettime(id, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

struct instant clock_wall(void)
{
	return (struct instant){ clock_get(CLOCK_REALTIME) };
}

struct span clock_process(int pid)
{
	struct timespec t;
	clockid_t id;

	if (pid <= 0 || clock_getcpuclockid(pid, &id) != 0 || clock_gettime(id, &t) < 0)
		return span_ms(0);
	return span_ms(t.tv_sec * 1000 + t.tv_nsec / 1000000);
}

struct tick clock_mono(void)
{
	return (struct tick){ clock_get(CLOCK_BOOTTIME) };
}

struct now clock_now(void)
{
	return (struct now){ .wall = clock_wall(), .mono = clock_mono() };
}

void clock_sleep(struct span d)
{
	struct timespec left;

	if (d.ms <= 0)
		return;
	left = (struct timespec){ .tv_sec = d.ms / 1000, .tv_nsec = d.ms % 1000 * 1000000 };
	while (clock_nanosleep(CLOCK_MONOTONIC, 0, &left, &left) == EINTR)
		;
}

struct civil {
	int year, month, day; /* month and day from 1 */
	int hour, minute, second, ms;
	int weekday; /* 0: Thursday, as 1970-01-01 was */
};

/* Gregorian calendar by eras of 400 years that start on 1 March, so that the leap day comes last.
 */
static int64_t clock_days_from_civil(int64_t year, int month, int day)
{
	int64_t y = month <= 2 ? year - 1 : year;
	int64_t era = (y >= 0 ? y : y - 399) / 400;
	int64_t of_era = y - era * 400;
	int64_t of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;

	return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

static struct civil clock_civil(struct instant t)
{
	int64_t ms = t.ms < CLOCK_LEAST_MS ? CLOCK_LEAST_MS : t.ms;
	int64_t days, of_day, z, era, of_era, year, of_year, month;
	struct civil c;

	if (ms > CLOCK_MOST_MS)
		ms = CLOCK_MOST_MS;
	days = ms / DAY_MS - (ms % DAY_MS < 0);
	of_day = ms - days * DAY_MS;
	z = days + 719468;
	era = (z >= 0 ? z : z - 146096) / 146097;
	of_era = z - era * 146097;
	year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
	of_year = of_era - (365 * year + year / 4 - year / 100);
	month = (5 * of_year + 2) / 153;
	c = (struct civil){ .day = (int)(of_year - (153 * month + 2) / 5 + 1),
			    .month = (int)(month < 10 ? month + 3 : month - 9),
			    .hour = (int)(of_day / 3600000),
			    .minute = (int)(of_day / 60000 % 60),
			    .second = (int)(of_day / 1000 % 60),
			    .ms = (int)(of_day % 1000),
			    .weekday = (int)((days % 7 + 7) % 7) };
	c.year = (int)(year + era * 400 + (c.month <= 2));
	return c;
}

static bool clock_is_leap(int year)
{
	return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

/* A leap second is taken as the second after it. */
static int clock_from_civil(const struct civil *c, struct instant *ret)
{
	static const int lengths[12] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };

	if (c->year < 0 || c->year > 9999 || c->month < 1 || c->month > 12 || c->day < 1 ||
	    c->day > lengths[c->month - 1] + (c->month == 2 && clock_is_leap(c->year)) ||
	    c->hour < 0 || c->hour > 23 || c->minute < 0 || c->minute > 59 || c->second < 0 ||
	    c->second > 60)
		return -1;
	ret->ms = clock_days_from_civil(c->year, c->month, c->day) * DAY_MS +
		  ((c->hour * 60 + c->minute) * 60 + c->second) * INT64_C(1000) + c->ms;
	return 0;
}

const char *clock_print(struct instant t, char buf[static CLOCK_TEXT_MAX])
{
	struct civil c = clock_civil(t);

	if (!instant_is_never(t) && c.ms)
		return clock_print_ms(t, buf);
	if (instant_is_never(t))
		snprintf(buf, CLOCK_TEXT_MAX, "never");
	else
		snprintf(buf, CLOCK_TEXT_MAX, "%04u-%02u-%02uT%02u:%02u:%02uZ",
			 (unsigned)c.year % 10000, (unsigned)c.month, (unsigned)c.day,
			 (unsigned)c.hour, (unsigned)c.minute, (unsigned)c.second);
	return buf;
}

const char *clock_print_ms(struct instant t, char buf[static CLOCK_TEXT_MAX])
{
	struct civil c = clock_civil(t);

	snprintf(buf, CLOCK_TEXT_MAX, "%04u-%02u-%02uT%02u:%02u:%02u.%03uZ",
		 (unsigned)c.year % 10000, (unsigned)c.month % 100, (unsigned)c.day % 100,
		 (unsigned)c.hour % 100, (unsigned)c.minute % 100, (unsigned)c.second % 100,
		 (unsigned)c.ms % 1000);
	return buf;
}

const char *clock_print_basic(struct instant t, char buf[static CLOCK_TEXT_MAX])
{
	struct civil c = clock_civil(t);

	snprintf(buf, CLOCK_TEXT_MAX, "%04u%02u%02uT%02u%02u%02uZ", (unsigned)c.year % 10000,
		 (unsigned)c.month % 100, (unsigned)c.day % 100, (unsigned)c.hour % 100,
		 (unsigned)c.minute % 100, (unsigned)c.second % 100);
	return buf;
}

const char *clock_print_http(struct instant t, char buf[static CLOCK_TEXT_MAX])
{
	struct civil c = clock_civil(t);

	snprintf(buf, CLOCK_TEXT_MAX, "%s, %02u %s %04u %02u:%02u:%02u GMT", clock_days[c.weekday],
		 (unsigned)c.day % 100, clock_months[c.month - 1], (unsigned)c.year % 10000,
		 (unsigned)c.hour % 100, (unsigned)c.minute % 100, (unsigned)c.second % 100);
	return buf;
}

/* A text that is read from left to right; `bad` is kept once something did not fit. */
struct clock_scan {
	const char *at, *end;
	bool bad;
};

static int clock_scan_digits(struct clock_scan *s, int n)
{
	int v = 0;

	for (; n > 0; n--, s->at++) {
		if (s->bad || s->at >= s->end || *s->at < '0' || *s->at > '9') {
			s->bad = true;
			return 0;
		}
		v = v * 10 + (*s->at - '0');
	}
	return v;
}

/* Takes one character out of @p set; returns it, or NUL. */
static char clock_scan_any(struct clock_scan *s, const char *set)
{
	if (s->bad || s->at >= s->end || *s->at == '\0' || !strchr(set, *s->at)) {
		s->bad = true;
		return '\0';
	}
	return *s->at++;
}

static int clock_scan_fraction(struct clock_scan *s)
{
	int ms = 0, digits = 0;

	if (s->bad || s->at >= s->end || *s->at != '.')
		return 0;
	for (s->at++; s->at < s->end && *s->at >= '0' && *s->at <= '9'; s->at++, digits++)
		if (digits < 3)
			ms = ms * 10 + (*s->at - '0');
	s->bad = digits == 0;
	for (; digits < 3; digits++)
		ms *= 10;
	return ms;
}

static int clock_scan_zone_minutes(struct clock_scan *s)
{
	char sign = clock_scan_any(s, "Zz+-");
	int hours, minutes;

	if (s->bad || sign == 'Z' || sign == 'z')
		return 0;
	hours = clock_scan_digits(s, 2);
	clock_scan_any(s, ":");
	minutes = clock_scan_digits(s, 2);
	s->bad = s->bad || hours > 23 || minutes > 59;
	return (sign == '-' ? -1 : 1) * (hours * 60 + minutes);
}

int clock_parse(const char *text, size_t len, struct instant *ret, struct err *e)
{
	struct clock_scan s = { text, text + len, false };
	struct civil c = { 0 };
	struct instant t;
	int zone;

	c.year = clock_scan_digits(&s, 4);
	clock_scan_any(&s, "-");
	c.month = clock_scan_digits(&s, 2);
	clock_scan_any(&s, "-");
	c.day = clock_scan_digits(&s, 2);
	clock_scan_any(&s, "Tt ");
	c.hour = clock_scan_digits(&s, 2);
	clock_scan_any(&s, ":");
	c.minute = clock_scan_digits(&s, 2);
	clock_scan_any(&s, ":");
	c.second = clock_scan_digits(&s, 2);
	c.ms = clock_scan_fraction(&s);
	zone = clock_scan_zone_minutes(&s);
	if (s.bad || s.at != s.end || clock_from_civil(&c, &t) < 0)
		return err_set(e, ERR_PROTOCOL, "'%.*s' is no time such as 2024-01-31T23:59:59Z",
			       len > 64 ? 64 : (int)len, text);
	*ret = (struct instant){ t.ms - zone * INT64_C(60000) };
	return 0;
}

int clock_parse_basic(const char *text, struct instant *ret, struct err *e)
{
	struct clock_scan s = { text, text + strlen(text), false };
	struct civil c = { 0 };

	c.year = clock_scan_digits(&s, 4);
	c.month = clock_scan_digits(&s, 2);
	c.day = clock_scan_digits(&s, 2);
	clock_scan_any(&s, "T");
	c.hour = clock_scan_digits(&s, 2);
	c.minute = clock_scan_digits(&s, 2);
	c.second = clock_scan_digits(&s, 2);
	clock_scan_any(&s, "Z");
	if (s.bad || s.at != s.end || clock_from_civil(&c, ret) < 0)
		return err_set(e, ERR_PROTOCOL, "'%.64s' is no time such as 20240131T235959Z",
			       text);
	return 0;
}

static int clock_scan_word(struct clock_scan *s, const char words[][4], int n)
{
	for (int i = 0; !s->bad && i < n; i++)
		if (s->end - s->at >= 3 && memcmp(s->at, words[i], 3) == 0) {
			s->at += 3;
			return i;
		}
	s->bad = true;
	return 0;
}

int clock_parse_http(const char *text, struct instant *ret, struct err *e)
{
	struct clock_scan s = { text, text + strlen(text), false };
	struct civil c = { 0 };

	clock_scan_word(&s, clock_days, 7);
	clock_scan_any(&s, ",");
	clock_scan_any(&s, " ");
	c.day = clock_scan_digits(&s, 2);
	clock_scan_any(&s, " ");
	c.month = clock_scan_word(&s, clock_months, 12) + 1;
	clock_scan_any(&s, " ");
	c.year = clock_scan_digits(&s, 4);
	clock_scan_any(&s, " ");
	c.hour = clock_scan_digits(&s, 2);
	clock_scan_any(&s, ":");
	c.minute = clock_scan_digits(&s, 2);
	clock_scan_any(&s, ":");
	c.second = clock_scan_digits(&s, 2);
	if (s.bad || strcmp(s.at, " GMT") != 0 || clock_from_civil(&c, ret) < 0)
		return err_set(e, ERR_PROTOCOL,
			       "'%.64s' is no time such as Sun, 06 Nov 1994 08:49:37 GMT", text);
	return 0;
}

static const struct {
	const char *word;
	int64_t ms;
} clock_units[] = { { "d", DAY_MS }, { "h", 3600000 }, { "m", 60000 }, { "s", 1000 }, { "ms", 1 } };

/* One "12.5h" of a span. Returns the index of its unit (COUNT_OF(clock_units): a bare number), or
 * -1. Fractions are cut to milliseconds. */
static int clock_scan_part(const char **at, int64_t *ret_ms)
{
	int64_t whole = 0, part, unit_ms = 1000, frac = 0, scale = 1;
	size_t unit, letters;
	const char *s = *at;

	if (!isdigit((unsigned char)*s))
		return -1;
	for (; isdigit((unsigned char)*s); s++)
		if (__builtin_mul_overflow(whole, 10, &whole) ||
		    __builtin_add_overflow(whole, *s - '0', &whole))
			return -1;
	if (*s == '.' && !isdigit((unsigned char)*++s))
		return -1;
	for (; isdigit((unsigned char)*s); s++)
		if (scale < 1000000) {
			frac = frac * 10 + (*s - '0');
			scale *= 10;
		}
	for (letters = 0; isalpha((unsigned char)s[letters]);)
		letters++;
	for (unit = 0; unit < COUNT_OF(clock_units); unit++)
		if (strlen(clock_units[unit].word) == letters &&
		    memcmp(s, clock_units[unit].word, letters) == 0)
			break;
	if (unit < COUNT_OF(clock_units))
		unit_ms = clock_units[unit].ms;
	else if (letters)
		return -1;
	if (__builtin_mul_overflow(whole, unit_ms, &part) ||
	    __builtin_add_overflow(part, frac * unit_ms / scale, &part))
		return -1;
	*at = s + letters;
	*ret_ms = part;
	return (int)unit;
}

int clock_parse_span(const char *text, struct span *ret, struct err *e)
{
	int64_t total = 0, part = 0;
	const char *at = text;
	int last = -1;

	do {
		int unit = clock_scan_part(&at, &part);

		/* Units go from large to small, and a bare number stands alone. */
		if (unit <= last || (unit == COUNT_OF(clock_units) && last >= 0) ||
		    __builtin_add_overflow(total, part, &total))
			return err_set(e, ERR_POLICY,
				       "'%.64s' is no length of time such as 90s, 5m, 1h30m or 14d",
				       text);
		last = unit;
	} while (*at);
	*ret = (struct span){ total };
	return 0;
}

const char *clock_print_span(struct span d, char buf[static CLOCK_TEXT_MAX])
{
	uint64_t left = d.ms < 0 ? -(uint64_t)d.ms : (uint64_t)d.ms;
	size_t n = 0;

	if (d.ms < 0)
		buf[n++] = '-';
	if (left == 0)
		snprintf(buf, CLOCK_TEXT_MAX, "0s");
	for (size_t i = 0; left && i < COUNT_OF(clock_units); i++) {
		uint64_t unit = (uint64_t)clock_units[i].ms;

		if (left < unit)
			continue;
		n += (size_t)snprintf(buf + n, CLOCK_TEXT_MAX - n, "%llu%s",
				      (unsigned long long)(left / unit), clock_units[i].word);
		left %= unit;
	}
	return buf;
}
