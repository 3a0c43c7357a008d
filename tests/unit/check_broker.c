/* What a copy of a message takes. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "broker/broker.h"
#include "check_main.h"

static struct broker_message message(size_t attrs)
{
	struct broker_message m = { .id = own_strdup("m"),
				    .body = own_strdup("body"),
				    .body_len = 4 };

	m.attrs = own_array(BROKER_ATTRS_MAX, sizeof(*m.attrs));
	m.attr_count = attrs;
	for (size_t i = 0; i < attrs; i++)
		m.attrs[i] = (struct broker_attr){ .name = own_printf("a%zu", i),
						   .type = own_strdup(i ? "Binary" : "String"),
						   .value = own_strdup("xyz"),
						   .value_len = 3 };
	return m;
}

static const struct {
	const char *name;
	size_t attrs;
	struct broker_note note;
	size_t notes, size, attrs_after;
} sizes[] = {
	{ "a body alone", 0, { 0 }, 0, 4, 0 },
	{ "name, type and value count", 1, { 0 }, 0, 4 + 2 + 6 + 3, 1 },
	{ "a note is a String", 0, { "why", "so" }, 1, 4 + 3 + 6 + 2, 1 },
	{ "a note replaces what has its name", 1, { "a0", "s" }, 1, 4 + 2 + 6 + 1, 1 },
	{ "and stands beside the others", 2, { "a0", "s" }, 1, 4 + 2 + 6 + 1 + 2 + 6 + 3, 2 },
	{ "eleven are told as eleven", 10, { "why", "so" }, 1, 4 + 10 * 11 + 3 + 6 + 2, 11 },
};

START_TEST(a_size_is_what_the_service_counts)
{
	AUTO(broker_message_done) struct broker_message m = message(sizes[_i].attrs);
	size_t attrs, size = broker_message_size(&m, &sizes[_i].note, sizes[_i].notes, &attrs);

	ck_assert_msg(size == sizes[_i].size, "%s: %zu", sizes[_i].name, size);
	ck_assert_uint_eq(attrs, sizes[_i].attrs_after);
}
END_TEST

START_TEST(only_texts_are_read_as_texts)
{
	AUTO(broker_message_done) struct broker_message m = message(2);

	ck_assert_str_eq(broker_message_attr(&m, "a0"), "xyz");
	ck_assert_ptr_null(broker_message_attr(&m, "a1")); /* Binary */
	ck_assert_ptr_null(broker_message_attr(&m, "none"));
}
END_TEST

static void copied(const struct err *e, void *arg)
{
	(void)e;
	*(bool *)arg = true;
}

static const struct {
	const char *name, *dead_url;
	enum broker_place place;
	size_t attrs;
	enum err_kind kind;
} refusals[] = {
	{ "nowhere to park", NULL, BROKER_DEAD_LETTERS, 0, ERR_NOT_FOUND },
	{ "an eleventh attribute", "http://127.0.0.1:9/1/dead", BROKER_DEAD_LETTERS, 10,
	  ERR_POLICY },
	{ "an eleventh in the same queue", NULL, BROKER_SAME_QUEUE, 10, ERR_POLICY },
};

START_TEST(a_copy_that_cannot_be_is_refused_before_it_is_sent)
{
	struct loop *l = loop_new();
	struct err e = { 0 };
	struct lane_options o = { .region = "us-east-1" };
	struct lane *lane = lane_new(l, &o, &e);
	struct broker_sqs_options where = { .queue_url = "http://127.0.0.1:9/1/q",
					    .dead_letter_url = refusals[_i].dead_url };
	struct broker *b = broker_sqs_new(lane, &where);
	AUTO(broker_message_done) struct broker_message m = message(refusals[_i].attrs);
	struct broker_note note = { "why", "so" };
	bool called = false;

	ck_assert_int_lt(
		broker_copy(b, refusals[_i].place, &m, &note, 1, span_s(1), copied, &called, &e),
		0);
	ck_assert_msg(e.kind == refusals[_i].kind, "%s: %s", refusals[_i].name, e.text);
	broker_free(b);
	lane_free(lane);
	ck_assert(!called);
	loop_free(l);
}
END_TEST

START_TEST(what_runs_is_given_up_with_the_broker)
{
	struct loop *l = loop_new();
	struct err e = { 0 };
	struct lane_options o = { .region = "us-east-1" };
	struct lane *lane = lane_new(l, &o, &e);
	struct broker_sqs_options where = { .queue_url = "http://127.0.0.1:9/1/q" };
	struct broker *b = broker_sqs_new(lane, &where);
	struct broker_message m = { .handle = (char *)"handle" };
	bool called = false;

	for (int i = 0; i < 5; i++)
		broker_ack(b, &m, NULL, span_s(5), copied, &called);
	broker_free(b);
	lane_free(lane);
	ck_assert(!called);
	loop_free(l);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("broker");
	TCase *t = tcase_create("broker");

	tcase_add_loop_test(t, a_size_is_what_the_service_counts, 0, COUNT_OF(sizes));
	tcase_add_test(t, only_texts_are_read_as_texts);
	tcase_add_loop_test(t, a_copy_that_cannot_be_is_refused_before_it_is_sent, 0,
			    COUNT_OF(refusals));
	tcase_add_test(t, what_runs_is_given_up_with_the_broker);
	suite_add_tcase(s, t);
	return check_main_run(srunner_create(s));
}
