/* What CloudWatch reckons: statistics and percentiles, metric math, and the CBOR it is told in. */
#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/cbor.h"
#include "base/gunzip.h"
#include "check_main.h"
#include "local/cloudwatch_math.h"
#include "local/cloudwatch_stat.h"

/* ---- statistics ---- */

struct stat_case {
	const char *word;
	double of_hundred; /* of 1, 2 … 100 */
	double of_pairs;   /* of 10 ninety-nine times and 1000 once */
};

/* Percentiles lie between two values in proportion; trimming takes parts of a value. */
static const struct stat_case stats[] = {
	{ "SampleCount", 100, 100 }, { "Sum", 5050, 1990 },
	{ "Average", 50.5, 19.9 },   { "Minimum", 1, 10 },
	{ "Maximum", 100, 1000 },    { "p0", 1, 10 },
	{ "p50", 50.5, 10 },         { "p99", 99.01, 10 + 990 * .01 },
	{ "p100", 100, 1000 },       { "tm90", 45.5, 10 },
	{ "TM(10%:90%)", 50.5, 10 }, { "TM(50:)", 75.5, 1000 },
	{ "IQM", 50.5, 10 },         { "wm50", (1275 + 50 * 50.5) / 100, 10 },
	{ "tc90", 90, 90 },          { "TC(90:100)", 10, 0 },
	{ "ts90", 4095, 900 },       { "TS(:10)", 55, 990 },
	{ "PR(:50)", 50, 99 },       { "PR(10:20)", 10, 0 },
};

START_TEST(statistics_are_told)
{
	const struct stat_case *c = &stats[_i];
	AUTO(local_cloudwatch_stat_done) struct local_cloudwatch_sum hundred = { 0 };
	AUTO(local_cloudwatch_stat_done) struct local_cloudwatch_sum pairs = { 0 };
	struct local_cloudwatch_stat t;
	double d = NAN;

	for (int i = 100; i > 0; i--)
		local_cloudwatch_stat_value(&hundred, i, 1, 150);
	local_cloudwatch_stat_value(&pairs, 1000, 1, 150);
	local_cloudwatch_stat_value(&pairs, 10, 99, 150);
	ck_assert_int_eq(local_cloudwatch_stat_parse(c->word, &t), 0);
	ck_assert(local_cloudwatch_stat_tell(&t, &hundred, &d));
	ck_assert_msg(fabs(d - c->of_hundred) < 1e-9, "%s: %.17g", c->word, d);
	ck_assert(local_cloudwatch_stat_tell(&t, &pairs, &d));
	ck_assert_msg(fabs(d - c->of_pairs) < 1e-9, "%s: %.17g", c->word, d);
}
END_TEST

START_TEST(no_other_statistics_are_known)
{
	static const char *const words[] = { "",        "average",   "p",         "p101",
					     "p-1",     "p5x",       "TM(:)",     "TM(1%:2)",
					     "TM(9:1)", "PR(1%:2%)", "TM(101%:)", "XX(1:2)",
					     "pp50",    "p1e1",      "TM(1:2",    "TM(1:2)x",
					     "IQM2",    "tm",        "pnan",      "TM(nan:1)" };
	struct local_cloudwatch_stat t;

	for (size_t i = 0; i < COUNT_OF(words); i++)
		ck_assert_msg(local_cloudwatch_stat_parse(words[i], &t) < 0, "%s", words[i]);
}
END_TEST

START_TEST(percentiles_need_the_values)
{
	struct local_cloudwatch_sum set = { 10, 100, 5, 20, .blind = true },
				    same = { 10, 50, 5, 5, .blind = true };
	AUTO(local_cloudwatch_stat_done) struct local_cloudwatch_sum both = { 0 };
	struct local_cloudwatch_stat p, average;
	double d;

	ck_assert_int_eq(local_cloudwatch_stat_parse("p90", &p), 0);
	ck_assert_int_eq(local_cloudwatch_stat_parse("Average", &average), 0);
	ck_assert(!local_cloudwatch_stat_tell(&p, &set, &d));
	ck_assert(local_cloudwatch_stat_tell(&average, &set, &d) && d == 10);
	ck_assert(local_cloudwatch_stat_tell(&p, &same, &d) && d == 5);
	local_cloudwatch_stat_value(&both, 7, 1, 150);
	local_cloudwatch_stat_add(&both, &set, 150);
	local_cloudwatch_stat_value(&both, 7, 1, 150);
	ck_assert(!local_cloudwatch_stat_tell(&p, &both, &d));
	ck_assert(local_cloudwatch_stat_tell(&average, &both, &d) && d == 114. / 12);
}
END_TEST

START_TEST(many_values_are_kept_few)
{
	AUTO(local_cloudwatch_stat_done) struct local_cloudwatch_sum s = { 0 };
	struct local_cloudwatch_stat t;
	double d = 0, n = 0;

	for (int i = 0; i < 10000; i++)
		local_cloudwatch_stat_value(&s, (i * 7919) % 10000, 1, 150);
	ck_assert_uint_le(s.count, 150);
	for (size_t i = 0; i < s.count; i++) {
		ck_assert(i == 0 || s.pairs[i].value > s.pairs[i - 1].value);
		n += s.pairs[i].count;
	}
	ck_assert(fabs(n - 10000) < 1e-6 && s.n == 10000 && s.low == 0 && s.high == 9999);
	ck_assert_int_eq(local_cloudwatch_stat_parse("p90", &t), 0);
	ck_assert(local_cloudwatch_stat_tell(&t, &s, &d));
	ck_assert_msg(d > 8500 && d < 9500, "%g", d);
}
END_TEST

/* ---- metric math ---- */

#define X NAN
#define POINTS 5

struct math_case {
	const char *text;
	double at[POINTS]; /* the series that comes out; a number: at[0] of it */
	bool number;
};

/* m1 = 1 2 - 4 5, m2 = 10 - 30 0 50, a minute each from 1970-01-01 00:00 on; m3 = 7 in a point each
 * two minutes. */
static const struct math_case maths[] = {
	{ "m1", { 1, 2, X, 4, 5 }, false },
	{ "m1 + m2", { 11, X, X, 4, 55 }, false },
	{ "m2 / m1", { 10, X, X, 0, 10 }, false },
	{ "m1 / m2", { .1, X, X, X, .1 }, false },
	{ "1 + 2 * 3 ^ 2", { 19 }, true },
	{ "2 ^ 3 ^ 2", { 512 }, true },
	{ "-2 ^ 2", { -4 }, true },
	{ "2 ^ -1", { .5 }, true },
	{ "10 - 4 - 3", { 3 }, true },
	{ "(1 + 2) * 3", { 9 }, true },
	{ "1.5e1 + .5", { 15.5 }, true },
	{ "m1 > 1 && m1 < 5", { 0, 1, X, 1, 0 }, false },
	{ "m1 == 1 OR m1 >= 5", { 1, 0, X, 0, 1 }, false },
	{ "m1 != 2 AND 1", { 1, 0, X, 1, 1 }, false },
	{ "FILL(m1, 0)", { 1, 2, 0, 4, 5 }, false },
	{ "FILL(m1, REPEAT)", { 1, 2, 2, 4, 5 }, false },
	{ "FILL(m1, LINEAR)", { 1, 2, 3, 4, 5 }, false },
	{ "FILL(m1, m2)", { 1, 2, 30, 4, 5 }, false },
	{ "IF(m1 > 2, m2, 9)", { 9, 9, X, 0, 50 }, false },
	{ "IF(m1 > 2, m2)", { X, X, X, 0, 50 }, false },
	{ "IF(1, 5, 6)", { 5 }, true },
	{ "SUM(m1)", { 12 }, true },
	{ "AVG(m1)", { 3 }, true },
	{ "MIN(m2)", { 0 }, true },
	{ "MAX(m2)", { 50 }, true },
	{ "STDDEV([1, 3])", { 1, 1, 1, 1, 1 }, false },
	{ "DATAPOINT_COUNT(m1)", { 4 }, true },
	{ "METRIC_COUNT(METRICS())", { 3 }, true },
	{ "SUM([m1, m2])", { 11, 2, 30, 4, 55 }, false },
	{ "AVG([m1, m2])", { 5.5, 2, 30, 2, 27.5 }, false },
	{ "MAX([m1, m2 * 2])", { 20, 2, 60, 4, 100 }, false },
	{ "MAX([m1, 3])", { 3, 3, 3, 4, 5 }, false },
	{ "DIFF(m1)", { X, 1, X, 2, 1 }, false },
	{ "DIFF_TIME(m1)", { X, 60, X, 120, 60 }, false },
	{ "RATE(m1) * 60", { X, 1, X, 1, 1 }, false },
	{ "RUNNING_SUM(m1)", { 1, 3, X, 7, 12 }, false },
	{ "PERIOD(m1)", { 60 }, true },
	{ "CEIL(m1 / 2)", { 1, 1, X, 2, 3 }, false },
	{ "FLOOR(m1 / 2)", { 0, 1, X, 2, 2 }, false },
	{ "ABS(-m1)", { 1, 2, X, 4, 5 }, false },
	{ "LOG10(m2)", { 1, X, 1.4771212547196624, X, 1.6989700043360187 }, false },
	{ "MINUTE(m1)", { 0, 1, X, 3, 4 }, false },
	{ "DAY(m1) + YEAR(m1)", { 1974, 1974, X, 1974, 1974 }, false },
	{ "MONTH(m1) * 100 + DATE(m1)", { 101, 101, X, 101, 101 }, false },
	{ "EPOCH(m2) + HOUR(m2)", { 0, X, 120, 180, 240 }, false },
	{ "TIME_SERIES(4)", { 4, 4, 4, 4, 4 }, false },
	{ "FIRST([m1, m2]) - LAST([m2, m1])", { 0, 0, X, 0, 0 }, false },
	{ "SUM(SLICE([m1, m2, m2], 0, 2))", { 11, 2, 30, 4, 55 }, false },
	{ "SLICE([m1, m2], 1)", { 10, X, 30, 0, 50 }, false },
	{ "FIRST(SORT([m1, m2], MAX, DESC))", { 10, X, 30, 0, 50 }, false },
	{ "FIRST(SORT([m2, m1], SUM, ASC, 1))", { 1, 2, X, 4, 5 }, false },
	{ "SUM(METRICS(\"m1\"))", { 1, 2, X, 4, 5 }, false },
	{ "METRIC_COUNT(REMOVE_EMPTY([m1, m1 / 0]))", { 1 }, true },
	{ "m1 + m3", { 8, X, 12 }, false }, /* on the grid of two minutes */
};

static double numbers[3][POINTS] = { { 1, 2, X, 4, 5 }, { 10, X, 30, 0, 50 }, { 7, 7, 7 } };
static struct local_cloudwatch_series series[3] = {
	{ .period = 60, .count = 5, .values = numbers[0] },
	{ .period = 60, .count = 5, .values = numbers[1] },
	{ .period = 120, .count = 3, .values = numbers[2] },
};
static struct local_cloudwatch_value metrics[3] = {
	{ .shape = CLOUDWATCH_SERIES, .all = &series[0], .count = 1 },
	{ .shape = CLOUDWATCH_SERIES, .all = &series[1], .count = 1 },
	{ .shape = CLOUDWATCH_SERIES, .all = &series[2], .count = 1 },
};
static const char *const ids[3] = { "m1", "m2", "m3" };

static const struct local_cloudwatch_value *find(const char *id, void *arg, struct err *e)
{
	(void)arg;
	for (size_t i = 0; i < COUNT_OF(ids); i++)
		if (!strcmp(ids[i], id))
			return &metrics[i];
	err_ignore(err_set(e, ERR_PROTOCOL, "the id is not known"));
	return NULL;
}

static const struct local_cloudwatch_value *metric(size_t i, const char **ret_id, void *arg,
						   struct err *e)
{
	(void)arg;
	(void)e;
	*ret_id = i < COUNT_OF(ids) ? ids[i] : NULL;
	return i < COUNT_OF(ids) ? &metrics[i] : NULL;
}

static int run(const char *text, size_t left, struct local_cloudwatch_value *ret, struct err *e)
{
	struct local_cloudwatch_scope scope = {
		.find = find, .metric = metric, .period = 60, .count = POINTS, .left = left
	};
	AUTO(local_cloudwatch_math_freep) struct local_cloudwatch_math *m = NULL;

	err_clear(e);
	m = local_cloudwatch_math_parse(text, e);
	return m ? local_cloudwatch_math_run(m, &scope, ret, e) : -1;
}

START_TEST(math_is_reckoned)
{
	const struct math_case *c = &maths[_i];
	AUTO(local_cloudwatch_math_done) struct local_cloudwatch_value v = { 0 };
	struct err e;

	ck_assert_msg(run(c->text, 10000, &v, &e) == 0, "%s: %s", c->text, e.text);
	ck_assert_msg((v.shape == CLOUDWATCH_NUMBER) == c->number, "%s", c->text);
	if (c->number) {
		ck_assert_msg(v.number == c->at[0], "%s: %g", c->text, v.number);
		return;
	}
	ck_assert_uint_eq(v.count, 1);
	for (size_t i = 0; i < v.all[0].count; i++)
		ck_assert_msg(isnan(c->at[i]) ? isnan(v.all[0].values[i])
					      : fabs(v.all[0].values[i] - c->at[i]) < 1e-12,
			      "%s, point %zu: %g", c->text, i, v.all[0].values[i]);
}
END_TEST

START_TEST(bad_math_is_refused)
{
	static const char *const texts[] = {
		"",
		"m1 +",
		"(m1",
		"m1)",
		"m9",
		"FOO(m1)",
		"m1 m2",
		"SUM()",
		"SUM(m1, m2)",
		"FILL(m1, NEAR)",
		"'text'",
		"AND",
		"METRICS() + METRICS()",
		"IF(METRICS(), 1, 2)",
		"SUM(5)",
		"PERIOD(5)",
		"TIME_SERIES(m1)",
		"1..2",
		"[m1",
		"SLICE(m1, 0)",
		"SORT([m1], MEDIAN, ASC)",
		"\"m1",
		"m1 & m2",
		"SEARCH('{AWS/SQS} m', 'Sum', 60)",
		"FIRST(m1)",
		"1e999",
		"Metrics()",
	};
	struct local_cloudwatch_value v = { 0 };
	struct err e;

	for (size_t i = 0; i < COUNT_OF(texts); i++) {
		ck_assert_msg(run(texts[i], 10000, &v, &e) < 0, "%s", texts[i]);
		ck_assert_msg(e.kind == ERR_PROTOCOL && e.text[0], "%s", texts[i]);
		local_cloudwatch_math_done(&v);
	}
}
END_TEST

START_TEST(math_is_bounded)
{
	AUTO(own_freep) char *deep = own_alloc(1001);
	struct local_cloudwatch_value v = { 0 };
	struct err e;

	memset(deep, '(', 1000);
	ck_assert_int_lt(run(deep, 10000, &v, &e), 0);
	memset(deep, '-', 1000);
	ck_assert_int_lt(run(deep, 10000, &v, &e), 0);
	ck_assert_int_lt(run("m1 + m1 + m1 + m1 + m1 + m1 + m1 + m1", 30, &v, &e), 0);
	local_cloudwatch_math_done(&v);
}
END_TEST

/* ---- CBOR ---- */

static void *unhex(const char *hex, size_t *ret)
{
	*ret = strlen(hex) / 2;
	uint8_t *bytes = own_alloc(*ret + 1);

	for (size_t i = 0; i < *ret; i++) {
		char two[3] = { hex[2 * i], hex[2 * i + 1], 0 };

		bytes[i] = (uint8_t)strtoul(two, NULL, 16);
	}
	return bytes;
}

struct cbor_case {
	const char *hex, *json; /* NULL: refused */
};

/* The examples of RFC 8949, appendix A, that a map of parameters can hold, and what is malformed.
 */
static const struct cbor_case cbors[] = {
	{ "00", "0" },
	{ "1903e8", "1000" },
	{ "3903e7", "-1000" },
	{ "1b7fffffffffffffff", "9223372036854775807" },
	{ "3b7fffffffffffffff", "-9223372036854775808" },
	{ "f93e00", "1.5" },
	{ "fa47c35000", "100000.0" },
	{ "fb3ff199999999999a", "1.1" },
	{ "fb7ff8000000000000", "\"NaN\"" },
	{ "fbfff0000000000000", "\"-Infinity\"" },
	{ "f4", "false" },
	{ "f6", "null" },
	{ "c11a514b67b0", "1363896240" },
	{ "c1fb41d452d9ec200000", "1363896240.5" },
	{ "4401020304", "\"AQIDBA==\"" },
	{ "6449455446", "\"IETF\"" },
	{ "7f657374726561646d696e67ff", "\"streaming\"" },
	{ "80", "[]" },
	{ "8301820203820405", "[1,[2,3],[4,5]]" },
	{ "9f018202039f0405ffff", "[1,[2,3],[4,5]]" },
	{ "a26161016162820203", "{\"a\":1,\"b\":[2,3]}" },
	{ "bf61610161629f0203ffff", "{\"a\":1,\"b\":[2,3]}" },
	{ "bf6346756ef563416d7421ff", "{\"Fun\":true,\"Amt\":-2}" },
	{ "", NULL },
	{ "a1", NULL },
	{ "a10101", NULL },
	{ "bf6161ff", NULL },
	{ "ff", NULL },
	{ "0000", NULL },
	{ "c1", NULL },
	{ "9fc1ff", NULL },
	{ "62c328", NULL },
	{ "7f4101ff", NULL },
	{ "9b00ffffffffffffff01", NULL },
	{ "bb7fffffffffffffff", NULL },
	{ "7bffffffffffffffff61", NULL },
	{ "818181818181818181818181818181818181818181818181818181818181818181818181818100", NULL },
};

START_TEST(cbor_is_read)
{
	const struct cbor_case *c = &cbors[_i];
	AUTO(buf_done) struct buf text = BUF(4096);
	AUTO(own_freep) void *bytes = NULL;
	AUTO(json_freep) struct json *j = NULL;
	struct err e = { 0 };
	size_t len;

	bytes = unhex(c->hex, &len);
	j = cbor_read(bytes, len, &e);
	ck_assert_msg(!j == !c->json, "%s: %s", c->hex, e.text);
	if (!j) {
		ck_assert(e.kind == ERR_PROTOCOL);
		return;
	}
	json_write(j, &text);
	ck_assert_str_eq(buf_str(&text), c->json);
}
END_TEST

START_TEST(cbor_comes_back)
{
	AUTO(buf_done) struct buf out = BUF(4096), text = BUF(4096);
	AUTO(json_freep) struct json *j = NULL;
	struct err e = { 0 };

	cbor_write_map(&out);
	cbor_write_text(&out, "t", 1);
	cbor_write_seconds(&out, 1500);
	cbor_write_text(&out, "l", 1);
	cbor_write_list(&out);
	cbor_write_int(&out, INT64_MIN);
	cbor_write_int(&out, 23);
	cbor_write_real(&out, 5);
	cbor_write_bool(&out, true);
	cbor_write_bytes(&out, "\1\2", 2);
	cbor_write_end(&out);
	cbor_write_end(&out);
	j = cbor_read(buf_str(&out), out.len, &e);
	ck_assert_msg(j, "%s", e.text);
	json_write(j, &text);
	ck_assert_str_eq(buf_str(&text),
			 "{\"t\":1.5,\"l\":[-9223372036854775808,23,5.0,true,\"AQI=\"]}");
}
END_TEST

START_TEST(gzip_is_unpacked_within_its_cap)
{
	/* printf 'aaaaaaaaaa' | gzip -n */
	static const char hex[] = "1f8b08000000000000034b4c840100f0cd114c0a000000";
	AUTO(buf_done) struct buf out = BUF(10), small = BUF(9);
	AUTO(own_freep) void *bytes = NULL;
	struct err e = { 0 };
	size_t len;

	bytes = unhex(hex, &len);
	ck_assert_msg(gunzip(bytes, len, &out, &e) == 0, "%s", e.text);
	ck_assert_str_eq(buf_str(&out), "aaaaaaaaaa");
	ck_assert_int_lt(gunzip(bytes, len, &small, &e), 0);
	buf_clear(&out);
	ck_assert_int_lt(gunzip(bytes, len - 9, &out, &e), 0);
	ck_assert_int_lt(gunzip("plain", 5, &out, &e), 0);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("local_cloudwatch");
	TCase *t = tcase_create("local_cloudwatch");

	tcase_add_loop_test(t, statistics_are_told, 0, COUNT_OF(stats));
	tcase_add_test(t, no_other_statistics_are_known);
	tcase_add_test(t, percentiles_need_the_values);
	tcase_add_test(t, many_values_are_kept_few);
	tcase_add_loop_test(t, math_is_reckoned, 0, COUNT_OF(maths));
	tcase_add_test(t, bad_math_is_refused);
	tcase_add_test(t, math_is_bounded);
	tcase_add_loop_test(t, cbor_is_read, 0, COUNT_OF(cbors));
	tcase_add_test(t, cbor_comes_back);
	tcase_add_test(t, gzip_is_unpacked_within_its_cap);
	suite_add_tcase(s, t);
	return check_main_run(srunner_create(s));
}
