/* The stream: one line out for each line in, whatever the line. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "check_main.h"
#include "policy/policy.h"
#include "rehearse/stream.h"

Suite *suite_trial(void);

static const char policy_text[] =
	"version: 1\nname: s\nfleet: { auto_scaling_group: g }\n"
	"metrics:\n  backlog: { sqs: { queue_url: \"http://h/1/q\" } }\n"
	"  late: { sqs: { queue_url: \"http://h/1/l\", count: [delayed] } }\n"
	"rules:\n  - { name: r, target_tracking: { metric: backlog, per_instance: 10 } }\n"
	"behavior: { scale_in: { stabilization: 60s } }\n";

static struct policy_set set;
static struct stream stream;

static void open_stream(void)
{
	struct policy_reading how = { .env = KEYS_ENV_REFUSE };

	memset(&set, 0, sizeof(set));
	ck_assert(policy_read_text("p", policy_text, strlen(policy_text), &how, &set));
	ck_assert_int_eq(stream_init(&stream, set.items[0].policy, NULL, NULL), 0);
}

static void close_stream(void)
{
	policy_set_done(&set);
}

/* The line's answer, parsed; the caller frees it. Exactly one line must have come. */
static struct json *ask(const char *line)
{
	AUTO(buf_done) struct buf out = BUF(1u << 20);
	struct json *j;

	stream_line(&stream, line, strlen(line), &out);
	ck_assert_msg(out.len > 0 && strchr(out.data, '\n') == out.data + out.len - 1, "%s",
		      buf_str(&out));
	j = json_parse(out.data, out.len, NULL);
	ck_assert_ptr_nonnull(j);
	return j;
}

static int64_t desired(const char *line)
{
	AUTO(json_freep) struct json *j = ask(line);
	int64_t n = -1;

	ck_assert_msg(!json_get(j, "error"), "%s", json_get_str(j, "error"));
	ck_assert(json_get_int(j, "desired", &n));
	ck_assert_uint_gt(json_count(json_get(j, "stairs")), 0);
	return n;
}

#define GROUP(n)                                           \
	"\"group\":{\"desired\":" #n ",\"in_service\":" #n \
	",\"pending\":0,\"terminating\":0,\"min\":0,\"max\":20}"
#define AT(t, v, f, n) \
	"{\"time\":" t ",\"queue\":{\"visible\":" #v ",\"in_flight\":" #f "}," GROUP(n) "}"

START_TEST(a_day_in_lines)
{
	ck_assert_int_eq(desired(AT("\"2024-01-01T00:02:00Z\"", 30, 10, 1)), 4);
	ck_assert_int_eq(desired(AT("\"2024-01-01T00:02:30.5Z\"", 10, 10, 4)),
			 4);                                           /* the window holds */
	ck_assert_int_eq(desired(AT("1704067410", 10, 10, 4)), 2);     /* 00:03:30 */
	ck_assert_int_eq(desired(AT("1704067411.25", 900, 0, 2)), 20); /* the group's max */
}
END_TEST

START_TEST(the_queue_is_found_among_other_sources)
{
	static const char text[] =
		"version: 1\nname: s\nfleet: { auto_scaling_group: g }\nmetrics:\n"
		"  cpu: { cloudwatch: { namespace: N, metric: M } }\n"
		"  half: { expr: \"backlog / 2\" }\n"
		"  backlog: { sqs: { queue_url: \"http://h/1/q\" } }\n"
		"rules:\n  - { name: r, target_tracking: { metric: half, per_instance: 10 } }\n";
	AUTO(policy_set_done) struct policy_set two = { 0 };
	struct policy_reading how = { .env = KEYS_ENV_REFUSE };
	AUTO(buf_done) struct buf out = BUF(1u << 20);
	static struct stream other;
	const char *line = AT("1704067410", 70, 10, 1);

	ck_assert(policy_read_text("p", text, strlen(text), &how, &two));
	ck_assert_int_lt(stream_init(&other, two.items[0].policy, "cpu", NULL), 0);
	ck_assert_int_eq(stream_init(&other, two.items[0].policy, NULL, NULL), 0);
	stream_line(&other, line, strlen(line), &out);
	ck_assert_msg(strstr(buf_str(&out), "\"desired\":4,"), "%s", buf_str(&out));
}
END_TEST

static const struct line {
	const char *name, *text;
} bad[] = {
	{ "nothing", "" },
	{ "no JSON", "hello" },
	{ "two values", "{} {}" },
	{ "a list", "[]" },
	{ "no time", "{\"queue\":{\"visible\":1,\"in_flight\":1}," GROUP(1) "}" },
	{ "a time that is a word", "{\"time\":\"noon\"," GROUP(1) "}" },
	{ "a time below zero", "{\"time\":-1," GROUP(1) "}" },
	{ "a time past all", "{\"time\":1e300," GROUP(1) "}" },
	{ "no group", "{\"time\":1,\"queue\":{\"visible\":1,\"in_flight\":1}}" },
	{ "a group without desired", "{\"time\":1,\"group\":{\"in_service\":1}}" },
	{ "a negative count", AT("1", -1, 0, 1) },
	{ "half a message", AT("1", 1.5, 0, 1) },
	{ "a count as text", AT("1", "1", 0, 1) },
	{ "a count past all", AT("1", 99999999999999999999, 0, 1) },
	{ "a negative age",
	  "{\"time\":1,\"queue\":{\"visible\":1,\"in_flight\":1,\"oldest_age_seconds\":-1}," GROUP(
		  1) "}" },
	{ "metrics without an end", "{\"time\":1,\"metrics\":{\"messages_sent\":1}," GROUP(1) "}" },
};

START_TEST(a_bad_line_is_an_error_and_the_stream_goes_on)
{
	AUTO(json_freep) struct json *j = NULL;

	ck_assert_int_eq(desired(AT("100", 30, 10, 1)), 4);
	j = ask(bad[_i].text);
	ck_assert_msg(json_get_str(j, "error") != NULL, "%s", bad[_i].name);
	ck_assert_int_eq(desired(AT("101", 40, 10, 4)), 5);
}
END_TEST

START_TEST(time_must_rise)
{
	AUTO(json_freep) struct json *same = NULL, *back = NULL;

	ck_assert_int_eq(desired(AT("100", 30, 10, 1)), 4);
	same = ask(AT("100", 30, 10, 4));
	back = ask(AT("99", 30, 10, 4));
	ck_assert_ptr_nonnull(json_get_str(same, "error"));
	ck_assert_ptr_nonnull(json_get_str(back, "error"));
}
END_TEST

START_TEST(what_is_absent_is_missing_and_not_zero)
{
	ck_assert_int_eq(desired("{\"time\":100," GROUP(7) "}"), 7);
	ck_assert_int_eq(desired("{\"time\":200,\"queue\":{\"visible\":0}," GROUP(7) "}"), 7);
	ck_assert_int_eq(desired("{\"time\":300,\"queue\":null,\"metrics\":null," GROUP(7) "}"), 7);
	ck_assert_int_eq(desired("{\"time\":400,\"later\":[{}]," GROUP(7) "}"), 7);
}
END_TEST

START_TEST(another_queue_is_fed_by_name)
{
	struct err e;

	ck_assert_int_eq(stream_init(&stream, set.items[0].policy, "late", NULL), 0);
	ck_assert_int_eq(desired(AT("100", 300, 10, 1)), 1);
	ck_assert_int_eq(stream_init(&stream, set.items[0].policy, "nobody", &e), -1);
	ck_assert_ptr_nonnull(strstr(e.text, "nobody"));
}
END_TEST

START_TEST(the_newest_minute_is_kept_until_the_next)
{
	AUTO(json_freep)
	struct json *j = ask(
		"{\"time\":100,\"queue\":{\"visible\":1,\"in_flight\":0},\"metrics\":{\"end\":60,"
		"\"period_seconds\":60,\"messages_sent\":9,\"messages_deleted\":7,\"messages_"
		"visible\":4}," GROUP(1) "}");

	ck_assert(!json_get(j, "error"));
	ck_assert_int_eq(desired(AT("130", 1, 0, 1)), 1);
	ck_assert_int_eq(stream.period.sent, 9);
	ck_assert_int_eq(stream.period.period_end.ms, 60000);
	ck_assert_uint_eq(stream.period.has, QUEUE_SENT | QUEUE_DELETED);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("rehearse");
	TCase *t = tcase_create("stream");
	SRunner *r;

	tcase_add_checked_fixture(t, open_stream, close_stream);
	tcase_add_test(t, a_day_in_lines);
	tcase_add_loop_test(t, a_bad_line_is_an_error_and_the_stream_goes_on, 0, COUNT_OF(bad));
	tcase_add_test(t, the_queue_is_found_among_other_sources);
	tcase_add_test(t, time_must_rise);
	tcase_add_test(t, what_is_absent_is_missing_and_not_zero);
	tcase_add_test(t, another_queue_is_fed_by_name);
	tcase_add_test(t, the_newest_minute_is_kept_until_the_next);
	suite_add_tcase(s, t);
	r = srunner_create(s);
	srunner_add_suite(r, suite_trial());
	return check_main_run(r);
}
