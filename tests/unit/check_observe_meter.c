/* Metrics of CloudWatch against a server that plays GetMetricData: what is asked in one call, what
 * becomes of a bad one, and what is made of the values. */
#include "check_observe.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/httpd.h"
#include "observe/meter.h"
#include "wire/form.h"

#define MOST 1100

static struct loop *loop;
static struct httpd *server;
static struct lane *lane;
static struct observe_meters *meters;
static size_t calls, queries[16], answers, awaited, failures;
static struct cloudwatch_newest newest[MOST];
static struct err why[MOST];
static struct policy_cloudwatch metric[MOST];
static char names[MOST][24];
static struct instant now;

static char expressions[MOST][64]; /* of the last call, by member */
static size_t metrics_asked;

/* A metric whose name begins with "bad" makes the call invalid, "none" has no values, "denied" may
 * not be read; of the others the value is the number in the name. The running minute is given
 * too, as CloudWatch does. */
static void add_math(const char *expression, const char *id, struct buf *out)
{
	char at[CLOCK_TEXT_MAX];

	clock_print((struct instant){ now.ms / 60000 * 60000 - 60000 }, at);
	for (int k = 0; k < (*expression == '[' ? 2 : 1); k++)
		buf_addf(out,
			 "<member><Id>%s</Id><StatusCode>Complete</StatusCode><Timestamps><member>"
			 "%s</member></Timestamps><Values><member>77</member></Values></member>",
			 id, at);
}

static void add_result(const struct form *f, size_t i, struct buf *out)
{
	char key[96], at[3][CLOCK_TEXT_MAX];
	const char *name, *id;

	snprintf(key, sizeof(key), "MetricDataQueries.member.%zu.Id", i);
	id = form_get(f, key);
	snprintf(key, sizeof(key), "MetricDataQueries.member.%zu.ReturnData", i);
	if (form_get(f, key)) { /* a part of an expression: asked for, not given */
		ck_assert_str_eq(form_get(f, key), "false");
		metrics_asked++;
		return;
	}
	snprintf(key, sizeof(key), "MetricDataQueries.member.%zu.Expression", i);
	snprintf(expressions[i], sizeof(expressions[i]), "%s",
		 form_get(f, key) ? form_get(f, key) : "");
	if (form_get(f, key)) {
		add_math(expressions[i], id, out);
		return;
	}
	metrics_asked++;
	snprintf(key, sizeof(key), "MetricDataQueries.member.%zu.MetricStat.Metric.MetricName", i);
	name = form_get(f, key);
	buf_addf(out, "<member><Id>%s</Id><StatusCode>%s</StatusCode>", id,
		 strncmp(name, "denied", 6) == 0 ? "Forbidden" : "Complete");
	for (int k = 0; k < 3; k++) /* running, the newest whole, the one before */
		clock_print((struct instant){ now.ms / 60000 * 60000 - k * 60000 }, at[k]);
	if (strncmp(name, "m", 1) == 0)
		buf_addf(out,
			 "<Timestamps><member>%s</member><member>%s</member><member>%s</member>"
			 "</Timestamps><Values><member>0.0</member><member>%s</member>"
			 "<member>1</member></Values>",
			 at[0], at[1], at[2], name + 1);
	else
		buf_adds(out, "<Timestamps/><Values/>");
	buf_adds(out, "</member>");
}

static void on_request(struct httpd_exchange *x, void *arg)
{
	AUTO(buf_done) struct buf out = BUF(4 << 20);
	struct form f = { 0 };
	size_t len, n = 1;
	const char *body = httpd_body(x, &len);
	bool bad = false;
	char key[96];

	(void)arg;
	ck_assert_int_eq(form_parse(body, len, &f, NULL), 0);
	ck_assert_str_eq(form_get(&f, "Action"), "GetMetricData");
	buf_adds(&out, "<GetMetricDataResponse><GetMetricDataResult><MetricDataResults>");
	for (;; n++) {
		const char *name;

		snprintf(key, sizeof(key), "MetricDataQueries.member.%zu.Id", n);
		if (!form_get(&f, key))
			break;
		snprintf(key, sizeof(key),
			 "MetricDataQueries.member.%zu.MetricStat.Metric.MetricName", n);
		name = form_get(&f, key);
		if (!name) {
			snprintf(key, sizeof(key), "MetricDataQueries.member.%zu.Expression", n);
			name = form_get(&f, key);
			ck_assert_ptr_nonnull(name);
		}
		bad |= strncmp(name, "bad", 3) == 0;
		add_result(&f, n, &out);
	}
	if (calls < COUNT_OF(queries))
		queries[calls] = n - 1;
	calls++;
	buf_adds(&out, "</MetricDataResults></GetMetricDataResult></GetMetricDataResponse>");
	form_done(&f);
	if (bad) {
		buf_clear(&out);
		buf_adds(&out, "<ErrorResponse><Error><Code>ValidationError</Code></Error>"
			       "</ErrorResponse>");
	}
	httpd_answer(x, bad ? 400 : 200, NULL, 0, buf_str(&out), out.len);
}

static struct facts_spent spent; /* all shares together */

static void got(const struct cloudwatch_newest *seen, const struct err *e,
		const struct facts_spent *cost, void *arg)
{
	size_t i = (size_t)((char(*)[24])arg - names);

	answers++;
	if (seen)
		newest[i] = *seen;
	else
		why[i] = *e;
	failures += !seen;
	spent.cloudwatch += cost->cloudwatch;
	spent.metrics += cost->metrics;
	if (answers == awaited)
		loop_stop(loop);
}

static void setup(void)
{
	static const struct cred keys = { .access_key = (char *)"AKID",
					  .secret_key = (char *)"s",
					  .expires = INSTANT_NEVER };
	const struct httpd_limits limits = { .body_cap = 4 << 20 };
	const struct httpd_handler h = { .on_request = on_request };
	AUTO(own_freep) char *url = NULL;
	struct err e = { 0 };

	loop = loop_new();
	server = httpd_new(loop, "127.0.0.1", 0, &limits, &h, &e);
	ck_assert_msg(server != NULL, "%s", e.text);
	url = own_printf("http://127.0.0.1:%d", httpd_port(server));
	lane = lane_new(
		loop,
		&(struct lane_options){ .region = "eu-west-1", .endpoint = url, .keys = &keys },
		&e);
	ck_assert_msg(lane != NULL, "%s", e.text);
	meters = observe_meters_new();
	now = clock_wall();
	metrics_asked = 0;
	calls = answers = awaited = failures = 0;
	spent = (struct facts_spent){ 0 };
}

static void teardown(void)
{
	observe_meters_free(meters);
	lane_free(lane);
	httpd_free(server);
	loop_free(loop);
}

static void want(size_t i, const char *name)
{
	snprintf(names[i], sizeof(names[i]), "%s", name);
	metric[i] = (struct policy_cloudwatch){ .name_space = "Test",
						.metric = names[i],
						.statistic = "Maximum",
						.period = span_s(60) };
	newest[i].at = INSTANT_NEVER;
	err_clear(&why[i]);
	observe_meters_want(meters, lane, &metric[i], got, names[i]);
}

static void want_math(size_t i, const char *expression, struct policy_query *q, size_t n)
{
	snprintf(names[i], sizeof(names[i]), "%s", expression);
	metric[i] = (struct policy_cloudwatch){ .name_space = "",
						.metric = "",
						.statistic = "Average",
						.expression = names[i],
						.queries = q,
						.query_count = n,
						.account_id = "123456789012",
						.period = span_s(60) };
	newest[i].at = INSTANT_NEVER;
	err_clear(&why[i]);
	observe_meters_want(meters, lane, &metric[i], got, names[i]);
}

static void run_until(size_t n)
{
	awaited = n;
	observe_meters_ask(meters, now, span_s(20));
	loop_run(loop);
	ck_assert_uint_eq(answers, n);
}

START_TEST(the_newest_whole_period_counts)
{
	want(0, "m42.5");
	run_until(1);
	ck_assert_double_eq(newest[0].value, 42.5);
	ck_assert_int_eq(newest[0].at.ms, now.ms / 60000 * 60000 - 60000);
}
END_TEST

START_TEST(equal_metrics_are_asked_for_once)
{
	want(0, "m7");
	want(1, "m8");
	snprintf(names[2], sizeof(names[2]), "m7");
	metric[2] = metric[0];
	metric[2].metric = names[2];
	observe_meters_want(meters, lane, &metric[2], got, names[2]);
	run_until(3);
	ck_assert_uint_eq(calls, 1);
	ck_assert_uint_eq(queries[0], 2);
	ck_assert_double_eq(newest[2].value, 7);
	ck_assert_int_eq(spent.metrics, 2 * FACTS_MICRO);
	ck_assert_int_eq(spent.cloudwatch, FACTS_MICRO);
}
END_TEST

START_TEST(five_hundred_go_into_a_call)
{
	char name[24];

	for (size_t i = 0; i < 1001; i++) {
		snprintf(name, sizeof(name), "m%zu", i);
		want(i, name);
	}
	run_until(1001);
	ck_assert_uint_eq(calls, 3);
	for (size_t i = 0; i < 1001; i++)
		ck_assert_double_eq(newest[i].value, (double)i);
}
END_TEST

START_TEST(a_bad_metric_costs_itself_only)
{
	char name[24];

	for (size_t i = 0; i < 16; i++) {
		snprintf(name, sizeof(name), i == 11 ? "bad" : "m%zu", i);
		want(i, name);
	}
	run_until(16);
	ck_assert_uint_eq(failures, 1);
	ck_assert_str_eq(why[11].code, "ValidationError");
	ck_assert_double_eq(newest[10].value, 10);
	ck_assert_uint_eq(calls, 9); /* halves of halves: 1 + 2 for each of four cuts */
	ck_assert_int_eq(spent.metrics, (16 + 2 * (8 + 4 + 2 + 1)) * FACTS_MICRO);
	ck_assert_int_eq(spent.cloudwatch, 9 * FACTS_MICRO);
}
END_TEST

#define QUERY(x, name)                                                                \
	{                                                                             \
		.id = (x), .name_space = "Test", .metric = (name), .statistic = "Sum" \
	}

START_TEST(an_expression_is_asked_for_with_its_parts)
{
	struct policy_query two[] = { QUERY("m1", "m5"), QUERY("m10", "m6") };
	struct policy_query other[] = { QUERY("m1", "m9"), QUERY("m10", "m6") };

	want_math(0, "1e5*m1/SUM(m10,'m1')", two, 2);
	want_math(1, "1e5*m1/SUM(m10,'m1')", other, 2);
	want_math(2, "1e5*m1/SUM(m10,'m1')", two, 2);
	want(3, "m4");
	run_until(4);
	ck_assert_uint_eq(calls, 1);
	ck_assert_uint_eq(queries[0], 7); /* equal ones once */
	ck_assert_str_eq(expressions[1], "1e5*m0_0/SUM(m0_1,'m1')");
	ck_assert_str_eq(expressions[4], "1e5*m1_0/SUM(m1_1,'m1')");
	ck_assert_double_eq(newest[0].value, 77);
	ck_assert_double_eq(newest[2].value, 77);
	ck_assert_double_eq(newest[3].value, 4);
	ck_assert_uint_eq(metrics_asked, 5);
	ck_assert_int_eq(spent.metrics, 5 * FACTS_MICRO);
	ck_assert(observe_meters_same(&metric[0], &metric[2]));
	ck_assert(!observe_meters_same(&metric[0], &metric[1]));
	ck_assert(!observe_meters_same(&metric[0], &metric[3]));
}
END_TEST

START_TEST(the_parts_count_among_the_five_hundred)
{
	struct policy_query q[] = { QUERY("a", "m1"), QUERY("b", "m2"), QUERY("c", "m3") };
	char text[24];

	for (size_t i = 0; i < 126; i++) {
		snprintf(text, sizeof(text), "a+b+c+%zu", i);
		want_math(i, text, q, 3);
	}
	run_until(126);
	ck_assert_uint_eq(calls, 2);
	ck_assert_uint_eq(queries[0] + queries[1], 504); /* they come in either order */
	ck_assert(queries[0] == 500 || queries[1] == 500);
	ck_assert_int_eq(failures, 0);
	ck_assert_int_eq(spent.metrics, 126 * 3 * FACTS_MICRO);
}
END_TEST

START_TEST(a_bad_expression_costs_itself_only)
{
	struct policy_query q[] = { QUERY("a", "m1") };

	want_math(0, "bad(a)", q, 1);
	want_math(1, "a*2", q, 1);
	want_math(2, "[a,a]", q, 1);
	want(3, "m3");
	run_until(4);
	ck_assert_uint_eq(failures, 2);
	ck_assert_str_eq(why[0].code, "ValidationError");
	ck_assert_double_eq(newest[1].value, 77);
	ck_assert_ptr_nonnull(strstr(why[2].text, "several series"));
	ck_assert_double_eq(newest[3].value, 3);
}
END_TEST

START_TEST(no_value_is_not_zero)
{
	want(0, "none");
	want(1, "denied");
	want(2, "m1");
	run_until(3);
	ck_assert_int_eq(why[0].kind, ERR_NOT_FOUND);
	ck_assert_ptr_nonnull(strstr(why[0].text, "no value of Test none"));
	ck_assert_int_eq(why[1].kind, ERR_DENIED);
	ck_assert_double_eq(newest[2].value, 1);
}
END_TEST

START_TEST(what_is_under_way_can_be_given_up)
{
	want(0, "m1");
	observe_meters_ask(meters, now, span_s(20));
	want(1, "m2");
	ck_assert_uint_eq(answers, 0); /* and the sanitizers see that nothing is left */
}
END_TEST

START_TEST(a_metric_is_worth_a_call_a_period)
{
	struct policy_cloudwatch c = { .period = span_s(5) };

	ck_assert_int_eq(observe_meters_every(&c).ms, 60000);
	c.period = span_s(300);
	ck_assert_int_eq(observe_meters_every(&c).ms, 300000);
}
END_TEST

Suite *check_observe_meter(void)
{
	Suite *s = suite_create("observe meters");
	TCase *t = tcase_create("all");

	tcase_set_timeout(t, 60);
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, the_newest_whole_period_counts);
	tcase_add_test(t, equal_metrics_are_asked_for_once);
	tcase_add_test(t, five_hundred_go_into_a_call);
	tcase_add_test(t, a_bad_metric_costs_itself_only);
	tcase_add_test(t, an_expression_is_asked_for_with_its_parts);
	tcase_add_test(t, the_parts_count_among_the_five_hundred);
	tcase_add_test(t, a_bad_expression_costs_itself_only);
	tcase_add_test(t, no_value_is_not_zero);
	tcase_add_test(t, what_is_under_way_can_be_given_up);
	tcase_add_test(t, a_metric_is_worth_a_call_a_period);
	suite_add_tcase(s, t);
	return s;
}
