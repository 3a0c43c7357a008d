/* Loads: what is read, and what is refused with its place. */
#include "check_simulate.h"

struct good {
	const char *text;
	int64_t rows, jobs, horizon_s, start_ms;
};

START_TEST(loads_are_read)
{
	static const struct good table[] = {
		{ "t_seconds,arrivals\n0,3\n60,0\n120,4\n", 3, 7, 180, 1704067200000 },
		{ "\xEF\xBB\xBFt_seconds,arrivals\r\n0,3\r\n300,1\r\n", 2, 4, 600, 1704067200000 },
		{ "timestamp,arrivals\n2024-02-01T00:00:00Z,3\n2024-02-01T00:05:00Z,1\n", 2, 4, 600,
		  1706745600000 },
		{ "timestamp\n2024-02-01T00:00:00Z\n2024-02-01T00:00:07.5Z\n", 2, 2, 60,
		  1706745600000 },
		{ "t_seconds,service_seconds\n1,2.5\n70,1\n", 2, 2, 120, 1704067200000 },
		{ "{\"enqueued_at\":\"2024-02-01T00:00:00Z\"}\n{\"enqueued_at\":1706745601}\n", 2,
		  2, 60, 1706745600000 },
		{ "{\"SentTimestamp\":\"1706745600000\"}\n{\"SentTimestamp\":\"1706745660000\"}\n",
		  2, 2, 120, 1706745600000 },
		{ "{\"Label\":\"NumberOfMessagesSent\",\"Datapoints\":["
		  "{\"Timestamp\":\"2024-02-01T00:10:00Z\",\"Sum\":4.0,\"Unit\":\"Count\"},"
		  "{\"Timestamp\":\"2024-02-01T00:00:00Z\",\"Sum\":2.0,\"Unit\":\"Count\"},"
		  "{\"Timestamp\":\"2024-02-01T00:05:00Z\",\"Sum\":0.0,\"Unit\":\"Count\"}]}",
		  3, 6, 900, 1706745600000 },
		{ "{\"MetricDataResults\":[{\"Id\":\"a\",\"Label\":\"other\",\"Timestamps\":[],"
		  "\"Values\":[]},{\"Id\":\"b\",\"Label\":\"NumberOfMessagesSent\",\"Timestamps\":"
		  "[\"2024-02-01T00:01:00+00:00\",\"2024-02-01T00:00:00+00:00\"],\"Values\":[5.0,"
		  "1.0]}]}",
		  2, 6, 120, 1706745600000 },
	};

	for (size_t i = 0; i < COUNT_OF(table); i++) {
		const struct good *g = &table[i];
		struct load l;
		struct err e;

		ck_assert_msg(load_read("x", g->text, strlen(g->text), &l, &e) == 0, "%zu: %s", i,
			      e.text);
		ck_assert_int_eq(l.count, g->rows);
		ck_assert_int_eq(l.jobs, g->jobs);
		ck_assert_int_eq(l.horizon_us, g->horizon_s * LOAD_US);
		ck_assert_int_eq(l.start.ms, g->start_ms);
		load_done(&l);
	}
}
END_TEST

START_TEST(bad_loads_are_refused_in_one_sentence)
{
	static const struct {
		const char *text, *says;
	} table[] = {
		{ "", "the load is empty" },
		{ "t_seconds,arrivals\n", "the load is empty" },
		{ "t_seconds,arrivals\n0,0\n60,0\n", "the load is empty" },
		{ "t_seconds,arrivals\n60,1\n0,1\n", "x:3: times are out of order" },
		{ "t_seconds,arrivals\n0,1\n0,1\n", "x:3: a time is there twice" },
		{ "t_seconds,arrivals\n0,-1\n", "x:2: the count is not a number from 0" },
		{ "t_seconds,arrivals\n0,nan\n", "x:2: the count is not a number from 0" },
		{ "t_seconds,arrivals\n0,inf\n", "x:2: the count is not a number from 0" },
		{ "t_seconds,arrivals\n0,1.5\n", "x:2: the count is not a whole number" },
		{ "t_seconds,arrivals\n0\n", "x:2: the count is not a number from 0" },
		{ "t_seconds,arrivals\n0,1e300\n", "x:2: the count is not a number from 0" },
		{ "t_seconds,arrivals\n-5,1\n", "x:2: the time is neither" },
		{ "t_seconds,arrivals\nnoon,1\n", "x:2: the time is neither" },
		{ "0,1\n60,2\n", "x:1: no column is named t_seconds" },
		{ "t_seconds,service_seconds\n0,-2\n", "x:2: service_seconds is not a number" },
		{ "{\"enqueued_at\":5}\n{\"enqueued_at\":4}\n", "x:2: times are out of order" },
		{ "{\"at\":5}\n", "x:1: no time of sending" },
		{ "{\"Datapoints\":[]}", "the load is empty" },
		{ "{\"Datapoints\":[{\"Timestamp\":\"2024-02-01T00:00:00Z\",\"Average\":1}]}",
		  "x: a datapoint has no Timestamp or no Sum" },
		{ "{\"Datapoints\":[{\"Timestamp\":\"2024-02-01T00:00:00Z\",\"Sum\":-1}]}",
		  "x: a count is not a number from 0" },
		{ "{\"MetricDataResults\":[]}", "x: no result is labelled" },
		{ "{\"Datapoints\":", "x:1: " },
		{ "t_seconds,arrivals\n0,1\n600000000,1\n",
		  "x: the load lasts longer than ten years" },
	};

	for (size_t i = 0; i < COUNT_OF(table); i++) {
		struct load l;
		struct err e;

		ck_assert_msg(load_read("x", table[i].text, strlen(table[i].text), &l, &e) < 0,
			      "%s", table[i].text);
		ck_assert_msg(strstr(e.text, table[i].says) && e.kind == ERR_POLICY,
			      "%zu: %s, not %s", i, e.text, table[i].says);
	}
}
END_TEST

START_TEST(generators_make_what_they_say)
{
	static const struct {
		const char *what;
		int64_t least, most, hours;
	} table[] = {
		{ "constant", 1440, 1440, 24 },
		{ "constant:per_hour=90,for=2h", 180, 180, 2 },
		{ "poisson:per_hour=600,for=10h", 5700, 6300, 10 },
		{ "diurnal:per_hour=600,swing=90%", 14000, 14800, 24 },
		{ "burst:per_hour=0,jobs=500,every=6h,lasts=5m", 1850, 2150, 24 },
		{ "batch:jobs=100,every=2h,for=8h", 400, 400, 8 },
		{ "ramp:per_hour=0,to=600,for=10h", 2850, 3150, 10 },
	};

	for (size_t i = 0; i < COUNT_OF(table); i++) {
		struct load_cursor c;
		int64_t at, service, before = 0, n = 0;
		struct load l;

		load(&l, table[i].what);
		ck_assert_msg(l.jobs >= table[i].least && l.jobs <= table[i].most, "%s: %lld",
			      table[i].what, (long long)l.jobs);
		ck_assert_int_eq(l.horizon_us, table[i].hours * 3600 * LOAD_US);
		load_begin(&c, &l, 3);
		for (; load_next(&c, &at, &service); n++) {
			ck_assert_int_ge(at, before);
			ck_assert_int_lt(at, l.horizon_us);
			before = at;
		}
		ck_assert_int_eq(n, l.jobs);
		load_done(&l);
	}
}
END_TEST

START_TEST(generators_refuse_what_they_do_not_know)
{
	static const struct {
		const char *what, *says;
	} table[] = {
		{ "diurnal:per_hours=5", "did you mean 'per_hour'" },
		{ "poisson:per_hour=-1", "not a number from 0" },
		{ "poisson:per_hour", "not NAME=VALUE" },
		{ "poisson:per_hour=0", "the load is empty" },
		{ "constant:for=1s", "for= is not between" },
		{ "no-such-file.csv", "no-such-file.csv" },
	};

	for (size_t i = 0; i < COUNT_OF(table); i++) {
		struct load l;
		struct err e;

		ck_assert_int_lt(load_open(table[i].what, 1, &l, &e), 0);
		ck_assert_msg(strstr(e.text, table[i].says) && e.kind == ERR_POLICY, "%s", e.text);
	}
}
END_TEST

/* A hundred jobs an hour of a minute each keep 5/3 in flight; three are there at first. */
START_TEST(arrivals_are_guessed_from_counts_that_were_seen)
{
	struct load_seen s;
	struct load l;

	load_seen_begin(&s, 60.0 * LOAD_US);
	for (int i = 0; i <= 240 * 6; i++)
		ck_assert_int_eq(load_seen_add(&s, (struct instant){ 1706745600000 + i * 15000 },
					       i < 8 ? 3 : 0, i % 3 == 0 ? 1 : 2, NULL),
				 0);
	ck_assert_int_lt(load_seen_add(&s, (struct instant){ 1706745600000 }, 0, 0, NULL), 0);
	ck_assert_int_eq(load_seen_finish(&s, &l, NULL), 0);
	ck_assert_int_eq(l.start.ms, 1706745600000);
	ck_assert_int_ge(l.jobs, 595);
	ck_assert_int_le(l.jobs, 605);
	load_done(&l);
	load_seen_begin(&s, 60.0 * LOAD_US);
	ck_assert_int_lt(load_seen_finish(&s, &l, NULL), 0); /* nothing was seen */
	load_done(&l);
}
END_TEST

Suite *suite_load(void)
{
	Suite *s = suite_create("simulate: loads");
	TCase *t = tcase_create("loads");

	tcase_add_test(t, loads_are_read);
	tcase_add_test(t, bad_loads_are_refused_in_one_sentence);
	tcase_add_test(t, generators_make_what_they_say);
	tcase_add_test(t, generators_refuse_what_they_do_not_know);
	tcase_add_test(t, arrivals_are_guessed_from_counts_that_were_seen);
	suite_add_tcase(s, t);
	return s;
}
