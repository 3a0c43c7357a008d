#include "check_base.h"

#include "base/clock.h"
#include "base/rng.h"

static const struct {
	const char *text, *back; /* back NULL: refused */
	int64_t ms;
} times[] = {
	{ "1970-01-01T00:00:00Z", "1970-01-01T00:00:00Z", 0 },
	{ "2024-01-31T23:59:59.999Z", "2024-01-31T23:59:59.999Z", 1706745599999 },
	{ "2024-02-29T12:00:00+02:00", "2024-02-29T10:00:00Z", 1709200800000 },
	{ "2024-02-29t12:00:00-05:30", "2024-02-29T17:30:00Z", 1709227800000 },
	{ "2024-02-29 12:00:00z", "2024-02-29T12:00:00Z", 1709208000000 },
	{ "1969-12-31T23:59:59.5Z", "1969-12-31T23:59:59.500Z", -500 },
	{ "2000-02-29T00:00:00.123456789Z", "2000-02-29T00:00:00.123Z", 951782400123 },
	{ "0000-01-01T00:00:00Z", "0000-01-01T00:00:00Z", -62167219200000 },
	{ "9999-12-31T23:59:59.999Z", "9999-12-31T23:59:59.999Z", 253402300799999 },
	{ "2016-12-31T23:59:60Z", "2017-01-01T00:00:00Z", 1483228800000 },
	{ "2023-02-29T00:00:00Z", NULL, 0 },
	{ "1900-02-29T00:00:00Z", NULL, 0 },
	{ "2024-04-31T00:00:00Z", NULL, 0 },
	{ "2024-13-01T00:00:00Z", NULL, 0 },
	{ "2024-00-01T00:00:00Z", NULL, 0 },
	{ "2024-01-00T00:00:00Z", NULL, 0 },
	{ "2024-01-01T24:00:00Z", NULL, 0 },
	{ "2024-01-01T00:60:00Z", NULL, 0 },
	{ "2024-01-01T00:00:61Z", NULL, 0 },
	{ "2024-01-01T00:00:00", NULL, 0 },
	{ "2024-01-01T00:00:00.Z", NULL, 0 },
	{ "2024-01-01T00:00:00+24:00", NULL, 0 },
	{ "2024-01-01T00:00:00Z ", NULL, 0 },
	{ "2024-1-01T00:00:00Z", NULL, 0 },
	{ "+024-01-01T00:00:00Z", NULL, 0 },
	{ "", NULL, 0 },
};

static void clock_reads_row(size_t i)
{
	char text[CLOCK_TEXT_MAX];
	struct instant t = { 7 };
	struct err e = { 0 };
	int rc = clock_parse(times[i].text, strlen(times[i].text), &t, &e);

	ROW_ASSERT(times[i].text, rc == (times[i].back ? 0 : -1));
	if (rc == 0) {
		ROW_ASSERT(times[i].text, t.ms == times[i].ms);
		ROW_ASSERT_STR(times[i].text, clock_print(t, text), times[i].back);
	} else {
		ROW_ASSERT(times[i].text, t.ms == 7 && e.kind == ERR_PROTOCOL);
	}
}

START_TEST(clock_reads)
{
	for (size_t i = 0; i < COUNT_OF(times); i++)
		clock_reads_row(i);
}
END_TEST

static int reparse(const char *text, struct instant *ret)
{
	return clock_parse(text, strlen(text), ret, NULL);
}

/* Every millisecond has one text, whichever way it is written. */
START_TEST(clock_round_trips)
{
	char text[CLOCK_TEXT_MAX];
	struct instant back;
	struct rng g;

	rng_seed(&g, 1);
	for (int i = 0; i < 20000; i++) {
		struct instant t = { (int64_t)rng_below(&g, 315569520000000) - 62167219200000 };
		struct instant s = { t.ms - ((t.ms % 1000) + 1000) % 1000 };

		ck_assert_int_eq(reparse(clock_print(t, text), &back), 0);
		ck_assert_int_eq(back.ms, t.ms);
		ck_assert_int_eq(reparse(clock_print_ms(t, text), &back), 0);
		ck_assert_int_eq(back.ms, t.ms);
		ck_assert_int_eq(clock_parse_basic(clock_print_basic(t, text), &back, NULL), 0);
		ck_assert_int_eq(back.ms, s.ms);
		ck_assert_int_eq(clock_parse_http(clock_print_http(t, text), &back, NULL), 0);
		ck_assert_int_eq(back.ms, s.ms);
	}
}
END_TEST

START_TEST(clock_prints_any_value)
{
	char text[CLOCK_TEXT_MAX];
	struct rng g;

	rng_seed(&g, 2);
	ck_assert_str_eq(clock_print(INSTANT_NEVER, text), "never");
	ck_assert_str_eq(clock_print((struct instant){ INT64_MAX }, text),
			 "9999-12-31T23:59:59.999Z");
	ck_assert_str_eq(clock_print((struct instant){ INT64_MIN + 1 }, text),
			 "0000-01-01T00:00:00Z");
	ck_assert_str_eq(clock_print_ms((struct instant){ 0 }, text), "1970-01-01T00:00:00.000Z");
	for (int i = 0; i < 10000; i++) {
		struct instant t = { (int64_t)rng_u64(&g) };

		clock_print(t, text);
		clock_print_http(t, text);
		clock_print_basic(t, text);
		clock_print_span((struct span){ t.ms }, text);
		ck_assert_uint_lt(strlen(text), CLOCK_TEXT_MAX);
	}
}
END_TEST

START_TEST(clock_http)
{
	static const char *const wrong[] = { "",
					     "Sun, 06 Nov 1994 08:49:37",
					     "Sun, 06 Nov 1994 08:49:37 UTC",
					     "Sunday, 06-Nov-94 08:49:37 GMT",
					     "Sun, 6 Nov 1994 08:49:37 GMT",
					     "Sun, 31 Feb 1994 08:49:37 GMT",
					     "Xxx, 06 Nov 1994 08:49:37 GMT" };
	char text[CLOCK_TEXT_MAX];
	struct instant t;

	ck_assert_int_eq(clock_parse_http("Sun, 06 Nov 1994 08:49:37 GMT", &t, NULL), 0);
	ck_assert_int_eq(t.ms, 784111777000);
	ck_assert_str_eq(clock_print_http(t, text), "Sun, 06 Nov 1994 08:49:37 GMT");
	ck_assert_str_eq(clock_print_basic(t, text), "19941106T084937Z");
	for (size_t i = 0; i < COUNT_OF(wrong); i++)
		ROW_ASSERT(wrong[i], clock_parse_http(wrong[i], &t, NULL) < 0);
	ck_assert_int_eq(clock_parse_basic("19941106T084937", &t, NULL), -1);
	ck_assert_int_eq(clock_parse_basic("1994-11-06T08:49:37Z", &t, NULL), -1);
}
END_TEST

static const struct {
	const char *text, *back;
	int64_t ms;
} spans[] = {
	{ "90s", "1m30s", 90000 },
	{ "5m", "5m", 300000 },
	{ "1h30m", "1h30m", 5400000 },
	{ "250ms", "250ms", 250 },
	{ "14d", "14d", 1209600000 },
	{ "1d2h3m4s5ms", "1d2h3m4s5ms", 93784005 },
	{ "15", "15s", 15000 },
	{ "0.5", "500ms", 500 },
	{ "1.5h", "1h30m", 5400000 },
	{ "0", "0s", 0 },
	{ "0s", "0s", 0 },
	{ "", NULL, 0 },
	{ "s", NULL, 0 },
	{ "-5s", NULL, 0 },
	{ "5 s", NULL, 0 },
	{ "5x", NULL, 0 },
	{ "5sm", NULL, 0 },
	{ "30m1h", NULL, 0 },
	{ "1h1h", NULL, 0 },
	{ "1h5", NULL, 0 },
	{ "1.h", NULL, 0 },
	{ ".5s", NULL, 0 },
	{ "9223372036854775807", NULL, 0 },
	{ "106751991168d", NULL, 0 },
	{ "99999999999999999999999s", NULL, 0 },
};

static void clock_spans_row(size_t i)
{
	char text[CLOCK_TEXT_MAX];
	struct span d = { 7 };
	int rc = clock_parse_span(spans[i].text, &d, NULL);

	ROW_ASSERT(spans[i].text, rc == (spans[i].back ? 0 : -1));
	if (rc == 0) {
		ROW_ASSERT(spans[i].text, d.ms == spans[i].ms);
		ROW_ASSERT_STR(spans[i].text, clock_print_span(d, text), spans[i].back);
	}
}

START_TEST(clock_spans)
{
	for (size_t i = 0; i < COUNT_OF(spans); i++)
		clock_spans_row(i);
}
END_TEST

START_TEST(clock_spans_round_trip)
{
	char text[CLOCK_TEXT_MAX];
	struct span back;
	struct rng g;

	rng_seed(&g, 3);
	for (int i = 0; i < 20000; i++) {
		struct span d = { (int64_t)(rng_u64(&g) >> (1 + rng_below(&g, 60))) };

		ck_assert_int_eq(clock_parse_span(clock_print_span(d, text), &back, NULL), 0);
		ck_assert_int_eq(back.ms, d.ms);
	}
	ck_assert_str_eq(clock_print_span((struct span){ -1500 }, text), "-1s500ms");
	clock_print_span((struct span){ INT64_MIN }, text);
}
END_TEST

START_TEST(clock_goes_on)
{
	struct now a = clock_now(), b;

	clock_sleep(span_ms(20));
	clock_sleep(span_ms(-5));
	b = clock_now();
	ck_assert_int_ge(tick_since(b.mono, a.mono).ms, 19);
	ck_assert_int_gt(a.wall.ms, 1700000000000);
	ck_assert_int_eq(instant_add((struct instant){ INT64_MAX }, span_s(5)).ms, INT64_MAX);
	ck_assert_int_eq(instant_since((struct instant){ INT64_MIN }, (struct instant){ 5 }).ms,
			 INT64_MIN);
}
END_TEST

START_TEST(rng_repeats)
{
	struct rng a, b;
	unsigned seen[7] = { 0 };

	rng_seed(&a, 0);
	ck_assert_uint_eq(rng_u64(&a), 0x99EC5F36CB75F2B4u); /* xoshiro256** seeded by splitmix64 */
	rng_seed(&a, 42);
	rng_seed(&b, 42);
	for (int i = 0; i < 1000; i++)
		ck_assert_uint_eq(rng_u64(&a), rng_u64(&b));
	for (int i = 0; i < 70000; i++) {
		double u = rng_unit(&a);

		ck_assert(u >= 0 && u < 1);
		seen[rng_below(&a, 7)]++;
	}
	for (size_t i = 0; i < COUNT_OF(seen); i++)
		ck_assert(seen[i] > 9500 && seen[i] < 10500);
	ck_assert_uint_eq(rng_below(&a, 1), 0);
	ck_assert_uint_le(rng_below(&a, UINT64_MAX), UINT64_MAX - 1);
	rng_seed_os(&a);
	rng_seed_os(&b);
	ck_assert_uint_ne(rng_u64(&a), rng_u64(&b));
}
END_TEST

Suite *suite_clock(void)
{
	Suite *s = suite_create("clock");
	TCase *c = suite_case(s, "clock");

	tcase_add_test(c, clock_reads);
	tcase_add_test(c, clock_round_trips);
	tcase_add_test(c, clock_prints_any_value);
	tcase_add_test(c, clock_http);
	tcase_add_test(c, clock_spans);
	tcase_add_test(c, clock_spans_round_trip);
	tcase_add_test(c, clock_goes_on);
	tcase_add_test(c, rng_repeats);
	return s;
}
