/* Cron lines, zones of tzdata, and when a schedule holds, on days when clocks change. */
#include <check.h>
#include <stdlib.h>
#include <time.h>

#include "base/clock.h"
#include "base/rng.h"
#include "policy/schedule.h"
#include "policy/zone.h"

static struct keys_arena *arena;

static void open_arena(void)
{
	arena = keys_arena_new();
}

static void close_arena(void)
{
	keys_arena_free(arena);
}

static struct instant at(const char *text)
{
	struct instant t;

	ck_assert_int_eq(clock_parse(text, strlen(text), &t, NULL), 0);
	return t;
}

static void zone_of(const char *name, struct calendar_zone *z)
{
	struct err e = { 0 };

	ck_assert_msg(policy_zone_read(arena, name, z, &e) == 0, "%s", e.text);
}

/* The next firings after a time, as UTC. */
static const struct {
	const char *name, *zone, *cron, *after, *want[4];
} firings[] = {
	{ "office hours in Bogota",
	  "America/Bogota",
	  "0 8 * * 1-5",
	  "2024-03-08T14:00:00Z",
	  { "2024-03-11T13:00:00Z", "2024-03-12T13:00:00Z" } },
	{ "a skipped time is the moment of the change",
	  "Europe/Berlin",
	  "30 2 * * *",
	  "2024-03-30T02:00:00Z",
	  { "2024-03-31T01:00:00Z", "2024-04-01T00:30:00Z" } },
	{ "a time that comes twice is the first",
	  "Europe/Berlin",
	  "30 2 * * *",
	  "2024-10-26T02:00:00Z",
	  { "2024-10-27T00:30:00Z", "2024-10-28T01:30:00Z" } },
	{ "each skipped time is one moment, once",
	  "America/New_York",
	  "0,15,30,45 2 * * *",
	  "2024-03-10T06:59:00Z",
	  { "2024-03-10T07:00:00Z", "2024-03-11T06:00:00Z" } },
	{ "half an hour of daylight saving",
	  "Australia/Lord_Howe",
	  "15 2 * * *",
	  "2024-10-04T16:00:00Z",
	  { "2024-10-05T15:30:00Z", "2024-10-06T15:15:00Z" } },
	{ "a day that an island skipped",
	  "Pacific/Apia",
	  "0 12 30 12 *",
	  "2011-12-01T00:00:00Z",
	  { "2011-12-30T10:00:00Z", "2012-12-29T22:00:00Z" } },
	{ "past the file's last change",
	  "Europe/Berlin",
	  "0 12 1 7 *",
	  "2089-07-01T00:00:00Z",
	  { "2089-07-01T10:00:00Z", "2090-07-01T10:00:00Z" } },
	{ "south of the equator",
	  "America/Santiago",
	  "0 12 1 1 *",
	  "2060-01-01T00:00:00Z",
	  { "2060-01-01T15:00:00Z" } },
	{ "29 February", "UTC", "0 0 29 2 *", "2096-03-01T00:00:00Z", { "2104-02-29T00:00:00Z" } },
	{ "never", "UTC", "0 0 31 2 *", "2024-01-01T00:00:00Z", { NULL } },
	{ "day of month or of week",
	  "UTC",
	  "0 0 13 * fri",
	  "2024-09-07T00:00:00Z",
	  { "2024-09-13T00:00:00Z", "2024-09-20T00:00:00Z" } },
	{ "a star with a step and a weekday",
	  "UTC",
	  "0 0 */2 * 1",
	  "2024-09-01T00:00:00Z",
	  { "2024-09-09T00:00:00Z", "2024-09-23T00:00:00Z" } },
	{ "sunday is 0 and 7",
	  "UTC",
	  "5 6 * * 7",
	  "2024-09-07T00:00:00Z",
	  { "2024-09-08T06:05:00Z" } },
	{ "steps from a number",
	  "UTC",
	  "50/5 23 * dec *",
	  "2024-12-31T23:50:00Z",
	  { "2024-12-31T23:55:00Z", "2025-12-01T23:50:00Z" } },
};

START_TEST(the_next_firings)
{
	struct calendar_zone z;
	struct calendar_cron cron;
	struct instant t = at(firings[_i].after);

	zone_of(firings[_i].zone, &z);
	ck_assert_int_eq(policy_cron_parse(firings[_i].cron, &cron, NULL), 0);
	for (size_t i = 0; firings[_i].want[i]; i++) {
		char text[CLOCK_TEXT_MAX] = "never";

		t = calendar_next(&cron, &z, t);
		if (!instant_is_never(t))
			clock_print(t, text);
		ck_assert_msg(strcmp(text, firings[_i].want[i]) == 0, "%s: %s, not %s",
			      firings[_i].name, text, firings[_i].want[i]);
		ck_assert_msg(calendar_last(&cron, &z, t, span_s(0)).ms == t.ms, "%s",
			      firings[_i].name);
	}
	if (!firings[_i].want[0])
		ck_assert(instant_is_never(calendar_next(&cron, &z, t)));
}
END_TEST

/* Whether a window holds: begins at cron, for so many hours. */
static const struct {
	const char *name, *zone, *cron;
	int hours;
	const char *now;
	bool holds;
} windows[] = {
	{ "just before", "America/Bogota", "0 8 * * 1-5", 10, "2024-03-11T12:59:59Z", false },
	{ "at once", "America/Bogota", "0 8 * * 1-5", 10, "2024-03-11T13:00:00Z", true },
	{ "to the end", "America/Bogota", "0 8 * * 1-5", 10, "2024-03-11T22:59:59Z", true },
	{ "no longer", "America/Bogota", "0 8 * * 1-5", 10, "2024-03-11T23:00:00Z", false },
	{ "not on Sunday", "America/Bogota", "0 8 * * 1-5", 10, "2024-03-10T15:00:00Z", false },
	{ "over midnight", "UTC", "0 22 * * 5", 10, "2024-03-09T07:59:00Z", true },
	{ "over days", "UTC", "0 22 * * 5", 60, "2024-03-11T09:59:00Z", true },
	{ "and no more", "UTC", "0 22 * * 5", 60, "2024-03-11T10:00:00Z", false },
	{ "a night with a skipped hour lasts its hours", "Europe/Berlin", "0 1 * * *", 4,
	  "2024-03-31T03:59:00Z", true },
	{ "elapsed, not on the clock", "Europe/Berlin", "0 1 * * *", 4, "2024-03-31T04:00:00Z",
	  false },
	{ "begins in the skipped hour", "Europe/Berlin", "30 2 * * *", 1, "2024-03-31T01:59:00Z",
	  true },
	{ "begins in the first of two hours", "Europe/Berlin", "30 2 * * *", 1,
	  "2024-10-27T01:29:00Z", true },
	{ "and not in the second", "Europe/Berlin", "30 2 * * *", 1, "2024-10-27T01:30:00Z",
	  false },
};

START_TEST(a_window_holds)
{
	struct calendar_zone z;
	struct calendar_cron cron;
	struct instant now = at(windows[_i].now), since;
	struct span d = span_s(windows[_i].hours * 3600);

	zone_of(windows[_i].zone, &z);
	ck_assert_int_eq(policy_cron_parse(windows[_i].cron, &cron, NULL), 0);
	since = calendar_last(&cron, &z, now, d);
	ck_assert_msg((!instant_is_never(since) && instant_since(now, since).ms < d.ms) ==
			      windows[_i].holds,
		      "%s", windows[_i].name);
}
END_TEST

/* The C library reads the same files with code of its own. */
START_TEST(offsets_as_the_c_library)
{
	static const char *const names[] = { "Europe/Berlin",    "America/New_York",
					     "America/Bogota",   "Australia/Lord_Howe",
					     "America/Santiago", "Africa/Casablanca",
					     "Asia/Kathmandu",   "Pacific/Apia",
					     "Europe/Dublin",    "Asia/Tehran" };
	struct rng r;

	rng_seed(&r, 1);
	for (size_t i = 0; i < COUNT_OF(names); i++) {
		struct calendar_zone z;

		zone_of(names[i], &z);
		setenv("TZ", names[i], 1);
		tzset();
		for (int k = 0; k < 2000; k++) {
			time_t t = 946684800 + (time_t)rng_below(&r, 4000000000 - 946684800);
			struct tm tm;

			localtime_r(&t, &tm);
			ck_assert_msg(calendar_offset(&z, t) == tm.tm_gmtoff, "%s at %lld: %d, %ld",
				      names[i], (long long)t, calendar_offset(&z, t), tm.tm_gmtoff);
		}
	}
	unsetenv("TZ");
}
END_TEST

/* Last and next meet: nothing fires between the last at a time and the next after it. */
START_TEST(last_and_next_agree)
{
	static const char *const crons[] = { "*/7 * * * *", "0 0 * * *", "15,45 1-3 * * *",
					     "30 2 */3 * 0", "59 23 31 * *" };
	struct calendar_zone z;
	struct rng r;

	rng_seed(&r, 2);
	zone_of("Europe/Berlin", &z);
	for (int k = 0; k < 3000; k++) {
		struct instant now = { 1700000000000 + (int64_t)rng_below(&r, 60000000) * 1000 };
		struct instant next, last;
		struct calendar_cron cron;

		ck_assert_int_eq(policy_cron_parse(crons[k % 5], &cron, NULL), 0);
		next = calendar_next(&cron, &z, now);
		ck_assert_int_gt(next.ms, now.ms);
		ck_assert_int_eq(calendar_last(&cron, &z, next, span_s(0)).ms, next.ms);
		last = calendar_last(&cron, &z, now, span_ms(CALENDAR_DURATION_MAX_MS));
		if (!instant_is_never(last)) {
			ck_assert_int_le(last.ms, now.ms);
			ck_assert_int_eq(calendar_next(&cron, &z, last).ms, next.ms);
		}
	}
}
END_TEST

/* The newest local minute that fires at or before now and the first after it, one by one over the
 * days around. */
static void by_each_minute(const struct calendar_cron *cron, const struct calendar_zone *z,
			   int64_t now_s, int64_t *ret_last, int64_t *ret_next)
{
	int64_t today = (now_s + calendar_offset(z, now_s)) / 86400;

	*ret_last = *ret_next = 0;
	for (int64_t local = (today - 2) * 86400; local < (today + 3) * 86400; local += 60) {
		int64_t moment;

		if (!(cron->hours >> local % 86400 / 3600 & 1) ||
		    !(cron->minutes >> local % 3600 / 60 & 1))
			continue;
		moment = calendar_moment(z, local);
		if (moment <= now_s)
			*ret_last = moment;
		else if (!*ret_next)
			*ret_next = moment;
	}
}

/* Most minutes are passed over without being asked for their moment. */
START_TEST(all_at_once_is_as_each_minute)
{
	static const char *const names[] = { "Europe/Berlin", "Australia/Lord_Howe", "Pacific/Apia",
					     "UTC" };
	struct calendar_zone z;
	struct rng r;

	rng_seed(&r, 3);
	zone_of(names[_i], &z);
	for (int k = 0; k < 200; k++) {
		int64_t last, next, now_s = 1300000000 + (int64_t)rng_below(&r, 400000000);
		struct calendar_cron cron = { .minutes = rng_u64(&r) & ((1ULL << 60) - 1),
					      .hours = (uint32_t)rng_u64(&r) & 0xffffff,
					      .days = 0xfffffffe,
					      .months = 0x1ffe,
					      .weekdays = 127,
					      .any_day = true };

		if (k % 2 && z.change_count > 0)
			now_s = z.changes[rng_below(&r, z.change_count)].at_s +
				(int64_t)rng_below(&r, 400000) - 200000;
		if (k % 3)
			cron.minutes &= rng_u64(&r) & rng_u64(&r) & rng_u64(&r);
		if (!cron.minutes || !cron.hours || now_s < 0)
			continue;
		by_each_minute(&cron, &z, now_s, &last, &next);
		ck_assert_int_eq(
			calendar_next(&cron, &z, (struct instant){ now_s * 1000 }).ms / 1000, next);
		ck_assert_int_eq(calendar_last(&cron, &z, (struct instant){ now_s * 1000 },
					       span_s(2 * 86400))
						 .ms /
					 1000,
				 last);
	}
}
END_TEST

static const char *const bad_crons[] = {
	"",
	"* * * *",
	"* * * * * *",
	"60 * * * *",
	"* 24 * * *",
	"* * 0 * *",
	"* * 32 * *",
	"* * * 13 *",
	"* * * * 8",
	"5-1 * * * *",
	"*/0 * * * *",
	"*/61 * * * *",
	"1,, * * * *",
	"a * * * *",
	"-1 * * * *",
	"1- * * * *",
	"* * * foo *",
	"1.5 * * * *",
	"@daily",
	"99999999999 * * * *",
};

START_TEST(bad_cron_lines)
{
	struct calendar_cron cron;
	struct err e = { 0 };

	ck_assert_msg(policy_cron_parse(bad_crons[_i], &cron, &e) < 0, "'%s'", bad_crons[_i]);
	ck_assert_int_eq(e.kind, ERR_POLICY);
}
END_TEST

static const char *const bad_zones[] = {
	"",       "/etc/passwd", "../../etc/passwd", "Europe/../UTC", "Mars/Phobos",
	"Europe", "a//b",        "Europe/",          "tzdata.zi"
};

START_TEST(bad_zone_names)
{
	struct calendar_zone z;
	struct err e = { 0 };

	ck_assert_msg(policy_zone_read(arena, bad_zones[_i], &z, &e) < 0, "'%s'", bad_zones[_i]);
	ck_assert(e.text[0]);
}
END_TEST

START_TEST(a_damaged_file)
{
	AUTO(buf_done) struct buf file = BUF(65536);
	struct calendar_zone z;
	struct rng r;

	rng_seed(&r, 3);
	ck_assert_int_eq(buf_read_file(&file, "/usr/share/zoneinfo/Europe/Berlin", NULL), 0);
	for (size_t len = 0; len < file.len; len += 1 + len / 20) {
		AUTO(own_freep) char *cut = own_alloc(len + 1);

		memcpy(cut, file.data, len);
		ck_assert(policy_zone_parse(arena, "cut", cut, len, &z, NULL) < 0);
	}
	for (int k = 0; k < 2000; k++) {
		size_t where = (size_t)rng_below(&r, file.len);
		char keep = file.data[where];

		file.data[where] = (char)rng_below(&r, 256);
		if (policy_zone_parse(arena, "odd", file.data, file.len, &z, NULL) == 0)
			for (size_t i = 1; i < z.change_count; i++)
				ck_assert_int_gt(z.changes[i].at_s, z.changes[i - 1].at_s);
		file.data[where] = keep;
	}
}
END_TEST

Suite *suite_zone(void);
Suite *suite_zone(void)
{
	Suite *s = suite_create("zones and schedules");
	TCase *t = tcase_create("zone");

	tcase_set_timeout(t, 60);

	tcase_add_checked_fixture(t, open_arena, close_arena);
	tcase_add_loop_test(t, the_next_firings, 0, COUNT_OF(firings));
	tcase_add_loop_test(t, a_window_holds, 0, COUNT_OF(windows));
	tcase_add_test(t, offsets_as_the_c_library);
	tcase_add_test(t, last_and_next_agree);
	tcase_add_loop_test(t, all_at_once_is_as_each_minute, 0, 4);
	tcase_add_loop_test(t, bad_cron_lines, 0, COUNT_OF(bad_crons));
	tcase_add_loop_test(t, bad_zone_names, 0, COUNT_OF(bad_zones));
	tcase_add_test(t, a_damaged_file);
	suite_add_tcase(s, t);
	return s;
}
