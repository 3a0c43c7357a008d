/* How CloudWatch's values are kept: they add up, grow coarse as they age, and never grow too many.
 */
#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "local/cloudwatch_store.h"
#include "local/schema.h"

#define DAY 86400
#define BEGIN (20000 * (int64_t)DAY) /* a midnight */

static struct local l;

static void open_store(void)
{
	static const char *const migrations[] = { local_cloudwatch_schema };
	struct err e = { 0 };

	l.db = db_open("", DB_MEMORY, migrations, COUNT_OF(migrations), &e);
	ck_assert_msg(l.db, "%s", e.text);
}

static void close_store(void)
{
	db_closep(&l.db);
}

static int64_t series(const char *name)
{
	const struct local_cloudwatch_metric m = { "App", name, "[]" };
	struct err e = { 0 };
	int64_t id = 0;

	ck_assert_int_eq(
		local_cloudwatch_store_make(&l, &m, (struct instant){ BEGIN * 1000 }, &id, &e), 1);
	return id;
}

static void put(int64_t id, int64_t resolution, int64_t at, double value)
{
	struct local_cloudwatch_row row = { .series = id, .resolution = resolution, .at = at };
	struct err e = { 0 };

	local_cloudwatch_stat_value(&row.sum, value, 1, CLOUDWATCH_VALUES_MAX);
	ck_assert_msg(local_cloudwatch_store_add(&l, &row, &e) == 0, "%s", e.text);
	local_cloudwatch_stat_done(&row.sum);
}

struct seen {
	int rows;
	struct local_cloudwatch_sum sum;
};

static void see(const struct local_cloudwatch_row *r, void *arg)
{
	struct seen *s = arg;

	s->rows++;
	local_cloudwatch_stat_add(&s->sum, &r->sum, 10000);
}

/* All rows of up to @p period; those of exactly it are the difference to a finer one. */
static struct seen look(int64_t id, int64_t period)
{
	struct local_cloudwatch_range range = { .series = id,
						.from = 0,
						.to = BEGIN * 2,
						.period = period,
						.unit = CLOUDWATCH_UNIT_ANY,
						.deep = true };
	struct seen s = { 0 };
	struct err e = { 0 };

	ck_assert_msg(local_cloudwatch_store_read(&l, &range, see, &s, &e) == 0, "%s", e.text);
	return s;
}

static void expect(int64_t id, int64_t period, int rows, double sum)
{
	struct seen s = look(id, period);

	ck_assert_msg(s.rows == rows && fabs(s.sum.sum - sum) < 1e-6, "period %d: %d rows, sum %g",
		      (int)period, s.rows, s.sum.sum);
	local_cloudwatch_stat_done(&s.sum);
}

static int rows_of(int64_t id, int64_t period)
{
	struct seen s = look(id, period);

	local_cloudwatch_stat_done(&s.sum);
	return s.rows;
}

/* A whole round of the sweep. */
static void sweep(struct local_cloudwatch_sweep *s, int64_t now_s)
{
	struct err e = { 0 };
	int rc;

	while ((rc = local_cloudwatch_store_sweep(&l, s, (struct instant){ now_s * 1000 }, &e)) ==
	       1)
		;
	ck_assert_msg(rc == 0, "%s", e.text);
}

START_TEST(rows_add_up)
{
	int64_t id = series("m");
	struct seen s;

	put(id, 60, BEGIN, 1);
	put(id, 60, BEGIN, 5);
	put(id, 60, BEGIN, 5);
	put(id, 60, BEGIN + 60, 2);
	put(series("other"), 60, BEGIN, 100);
	expect(id, 60, 2, 13);
	expect(id, 1, 0, 0);
	s = look(id, 60);
	ck_assert(s.sum.n == 4 && s.sum.low == 1 && s.sum.high == 5 && s.sum.count == 3);
	local_cloudwatch_stat_done(&s.sum);
	ck_assert_int_eq(series("m"), id);
}
END_TEST

START_TEST(rows_grow_coarse_as_they_age)
{
	struct local_cloudwatch_sweep s = { 0 };
	int64_t id = series("m");
	struct local_cloudwatch_stat p90;
	struct seen seen;
	double d = 0;

	for (int i = 0; i < 600; i++)
		put(id, 1, BEGIN + i, i);
	expect(id, 1, 600, 179700);
	sweep(&s, BEGIN + 3 * 3600 - 60);
	expect(id, 1, 600, 179700);
	sweep(&s, BEGIN + 4 * 3600);
	expect(id, 1, 0, 0);
	expect(id, 60, 10, 179700);
	sweep(&s, BEGIN + 16 * DAY);
	expect(id, 60, 0, 0);
	expect(id, 300, 2, 179700);
	seen = look(id, 300);
	ck_assert_int_eq(local_cloudwatch_stat_parse("p90", &p90), 0);
	ck_assert(local_cloudwatch_stat_tell(&p90, &seen.sum, &d) && fabs(d - 540) < 10);
	local_cloudwatch_stat_done(&seen.sum);
	sweep(&s, BEGIN + 64 * DAY);
	expect(id, 300, 0, 0);
	expect(id, 3600, 1, 179700);
	sweep(&s, BEGIN + 456 * DAY);
	expect(id, 3600, 0, 0);
	ck_assert_msg(series("m") != id, "a metric that nobody puts is forgotten");
}
END_TEST

START_TEST(too_many_rows_age_sooner)
{
	struct local_cloudwatch_sweep s = { .most = 3000 };
	int64_t id = series("m"), now = BEGIN + 10 * DAY;

	for (int64_t at = BEGIN; at < now; at += 120)
		put(id, 60, at, 1);
	expect(id, 3600, 7200, 7200);
	for (int round = 0; round < 12; round++)
		sweep(&s, now);
	ck_assert_int_lt(s.share, 100);
	ck_assert_int_le(rows_of(id, 3600), 3000);
	ck_assert_int_gt(rows_of(id, 60), 300);
}
END_TEST

START_TEST(dimensions_are_written_one_way)
{
	static const char one[] =
		"[{\"Name\":\"b\",\"Value\":\"2\"},{\"Name\":\"a\",\"Value\":\"\\\"1\"}]";
	static const char other[] =
		"[{\"Value\":\"\\\"1\",\"Name\":\"a\"},{\"Name\":\"b\",\"Value\":\"2\"}]";
	AUTO(json_freep) struct json *x = json_parse(one, strlen(one), NULL);
	AUTO(json_freep) struct json *y = json_parse(other, strlen(other), NULL);
	AUTO(own_freep) char *a = local_cloudwatch_store_dimensions(x);
	AUTO(own_freep) char *b = local_cloudwatch_store_dimensions(y);
	AUTO(own_freep) char *none = local_cloudwatch_store_dimensions(NULL);

	ck_assert_str_eq(a, "[[\"a\",\"\\\"1\"],[\"b\",\"2\"]]");
	ck_assert_str_eq(a, b);
	ck_assert_str_eq(none, "[]");
}
END_TEST

int main(void)
{
	Suite *s = suite_create("local_store");
	TCase *t = tcase_create("local_store");
	SRunner *r = srunner_create(s);
	int failed;

	tcase_add_checked_fixture(t, open_store, close_store);
	tcase_set_timeout(t, 60);
	tcase_add_test(t, rows_add_up);
	tcase_add_test(t, rows_grow_coarse_as_they_age);
	tcase_add_test(t, too_many_rows_age_sooner);
	tcase_add_test(t, dimensions_are_written_one_way);
	suite_add_tcase(s, t);
	srunner_run_all(r, CK_NORMAL);
	failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
