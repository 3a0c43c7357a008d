/* What the embedded cloud reads and writes: parameters, messages, handles, digests of bodies. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "base/crypto.h"
#include "base/rng.h"
#include "check_main.h"
#include "local/call.h"
#include "local/s3_own.h"
#include "local/sqs.h"

#define TEXT_MAX 4096

/* ---- Query parameters become the tree of the JSON protocol ---- */

struct tree_case {
	const char *name, *form, *json;
};

static const struct tree_case trees[] = {
	{ "plain values", "Action=X&QueueUrl=http%3A%2F%2Fh%2F1%2Fq",
	  "{\"Action\":\"X\",\"QueueUrl\":\"http://h/1/q\"}" },
	{ "a list of names", "AttributeName.1=All&AttributeName.2=Policy",
	  "{\"AttributeNames\":[\"All\",\"Policy\"]}" },
	{ "a list out of order", "AttributeName.10=c&AttributeName.2=b&AttributeName.1=a",
	  "{\"AttributeNames\":[\"a\",\"b\",\"c\"]}" },
	{ "a name without a number", "AttributeName=All", "{\"AttributeNames\":[\"All\"]}" },
	{ "a map", "Attribute.1.Name=A&Attribute.1.Value=1&Attribute.2.Name=B&Attribute.2.Value=2",
	  "{\"Attributes\":{\"A\":\"1\",\"B\":\"2\"}}" },
	{ "a map without a number", "Attribute.Name=A&Attribute.Value=1",
	  "{\"Attributes\":{\"A\":\"1\"}}" },
	{ "a map of structures",
	  "MessageAttribute.1.Name=a&MessageAttribute.1.Value.DataType=String&MessageAttribute.1."
	  "Value.StringValue=v",
	  "{\"MessageAttributes\":{\"a\":{\"DataType\":\"String\",\"StringValue\":\"v\"}}}" },
	{ "tags have keys", "Tag.1.Key=k&Tag.1.Value=v", "{\"Tags\":{\"k\":\"v\"}}" },
	{ "entries with maps inside",
	  "SendMessageBatchRequestEntry.1.Id=a&SendMessageBatchRequestEntry.1.MessageAttribute.1."
	  "Name=n&"
	  "SendMessageBatchRequestEntry.1.MessageAttribute.1.Value.DataType=Number",
	  "{\"Entries\":[{\"Id\":\"a\",\"MessageAttributes\":{\"n\":{\"DataType\":\"Number\"}}}]"
	  "}" },
	{ "members vanish", "Groups.member.1=a&Groups.member.2=b", "{\"Groups\":[\"a\",\"b\"]}" },
	{ "members of structures", "Tags2.member.1.Key=k&Tags2.member.1.Value=v",
	  "{\"Tags2\":[{\"Key\":\"k\",\"Value\":\"v\"}]}" },
	{ "nothing", "", "{}" },
	{ "a key without a name", "Attribute.1.Value=1", "{\"Attributes\":{}}" },
	{ "empty segments", "A..B=1", "{\"A\":{\"\":{\"B\":\"1\"}}}" },
	{ "a value and children", "A=1&A.B=2", "{\"A\":{\"B\":\"2\"}}" },
};

START_TEST(query_becomes_a_tree)
{
	const struct tree_case *c = &trees[_i];
	AUTO(form_done) struct form form = { 0 };
	AUTO(json_freep) struct json *tree = NULL;
	AUTO(buf_done) struct buf text = BUF(TEXT_MAX);
	struct err e;

	err_clear(&e);
	ck_assert_int_eq(form_parse(c->form, strlen(c->form), &form, &e), 0);
	tree = local_param_tree(&form, &local_sqs_service, &e);
	ck_assert_msg(tree, "%s: %s", c->name, e.text);
	json_write(tree, &text);
	ck_assert_msg(!strcmp(buf_str(&text), c->json), "%s: %s", c->name, buf_str(&text));
}
END_TEST

START_TEST(query_of_any_shape_is_read_or_refused)
{
	static const char *const pieces[] = { "A",
					      "Attribute",
					      "AttributeName",
					      "member",
					      "1",
					      "2",
					      "9999999",
					      "Name",
					      "Value",
					      "Key",
					      "",
					      "Tag",
					      "MessageAttribute",
					      "entry",
					      "0",
					      "Entries",
					      "\xff",
					      "SendMessageBatchRequestEntry" };
	struct rng rng;

	rng_seed(&rng, 7);
	for (int round = 0; round < 2000; round++) {
		AUTO(form_done) struct form form = { 0 };
		AUTO(json_freep) struct json *tree = NULL;
		AUTO(buf_done) struct buf text = BUF(64 << 10);
		struct err e;

		for (uint64_t pairs = rng_below(&rng, 12); pairs > 0; pairs--) {
			for (uint64_t depth = rng_below(&rng, 14); depth > 0; depth--) {
				buf_adds(&text, pieces[rng_below(&rng, COUNT_OF(pieces))]);
				buf_addc(&text, '.');
			}
			buf_adds(&text, "X=1&");
		}
		err_clear(&e);
		if (form_parse(buf_str(&text), text.len, &form, &e) < 0)
			continue;
		tree = local_param_tree(&form, &local_sqs_service, &e);
		ck_assert(tree || e.text[0]);
	}
}
END_TEST

/* ---- receipt handles ---- */

START_TEST(handles_come_back)
{
	const struct handle h = { 7, INT64_MAX - 1, INT64_MIN + 3 };
	char text[SQS_HANDLE_MAX];
	struct handle back = { 0 };
	struct err e;

	local_sqs_handle_print(&h, text);
	ck_assert_int_eq(local_sqs_handle_read(text, &back, &e), 0);
	ck_assert(back.store == h.store && back.id == h.id && back.receipt == h.receipt);
}
END_TEST

START_TEST(no_changed_handle_is_taken)
{
	const struct handle h = { 1, 2, 3 };
	char text[SQS_HANDLE_MAX];
	struct handle back;
	struct err e;

	local_sqs_handle_print(&h, text);
	for (size_t i = 0; text[i]; i++) {
		char was = text[i];

		/* The last letter before the padding carries bits that base64 leaves unused. */
		if (text[i + 1] == '=' || was == '=')
			continue;
		text[i] = was == 'A' ? 'B' : 'A';
		ck_assert_int_eq(local_sqs_handle_read(text, &back, &e), -1);
		ck_assert_str_eq(e.code, "ReceiptHandleIsInvalid");
		text[i] = '\0';
		ck_assert_int_eq(local_sqs_handle_read(text, &back, &e), -1);
		text[i] = was;
	}
}
END_TEST

/* ---- messages ---- */

struct message_case {
	const char *name, *json, *code; /* code NULL: accepted */
};

static const struct message_case messages[] = {
	{ "a plain one", "{\"MessageBody\":\"x\"}", NULL },
	{ "no body", "{}", "MissingRequiredParameterException" },
	{ "an empty body", "{\"MessageBody\":\"\"}", "MissingRequiredParameterException" },
	{ "tab, newline, return", "{\"MessageBody\":\"\\t\\n\\r\"}", NULL },
	{ "every plane", "{\"MessageBody\":\"\\u0020\\ud7ff\\ue000\\ufffd\\ud83c\\udfa5\"}", NULL },
	{ "a NUL", "{\"MessageBody\":\"a\\u0000b\"}", "InvalidMessageContents" },
	{ "a control character", "{\"MessageBody\":\"\\u001f\"}", "InvalidMessageContents" },
	{ "no character", "{\"MessageBody\":\"\\uffff\"}", "InvalidMessageContents" },
	{ "a deduplication id", "{\"MessageBody\":\"x\",\"MessageDeduplicationId\":\"1\"}",
	  "InvalidParameterValueException" },
	{ "a group", "{\"MessageBody\":\"x\",\"MessageGroupId\":\"g\"}", NULL },
	{ "an empty group", "{\"MessageBody\":\"x\",\"MessageGroupId\":\"\"}",
	  "InvalidParameterValueException" },
	{ "a custom type",
	  "{\"MessageBody\":\"x\",\"MessageAttributes\":{\"a\":{\"DataType\":\"Number.float\","
	  "\"StringValue\":\"-1e3\"}}}",
	  NULL },
	{ "a type that only starts well",
	  "{\"MessageBody\":\"x\",\"MessageAttributes\":{\"a\":{\"DataType\":\"Stringy\","
	  "\"StringValue\":\"1\"}}}",
	  "InvalidParameterValueException" },
	{ "a number that is none",
	  "{\"MessageBody\":\"x\",\"MessageAttributes\":{\"a\":{\"DataType\":\"Number\","
	  "\"StringValue\":\"1x\"}}}",
	  "InvalidParameterValueException" },
	{ "binary that is not base64",
	  "{\"MessageBody\":\"x\",\"MessageAttributes\":{\"a\":{\"DataType\":\"Binary\","
	  "\"BinaryValue\":\"?\"}}}",
	  "InvalidParameterValueException" },
	{ "a reserved name",
	  "{\"MessageBody\":\"x\",\"MessageAttributes\":{\"aws.a\":{\"DataType\":\"String\","
	  "\"StringValue\":\"1\"}}}",
	  "InvalidParameterValueException" },
	{ "an attribute that is no object",
	  "{\"MessageBody\":\"x\",\"MessageAttributes\":{\"a\":1}}",
	  "InvalidParameterValueException" },
	{ "attributes that are no map", "{\"MessageBody\":\"x\",\"MessageAttributes\":[1]}", NULL },
	{ "an unknown system attribute",
	  "{\"MessageBody\":\"x\",\"MessageSystemAttributes\":{\"X\":{\"DataType\":\"String\","
	  "\"StringValue\":\"1\"}}}",
	  "InvalidParameterValueException" },
	{ "too long with its attributes",
	  "{\"MessageBody\":\"0123456789\",\"MessageAttributes\":{\"a\":{\"DataType\":\"String\","
	  "\"StringValue\":\"0123456789\"}}}",
	  "InvalidParameterValueException" },
};

START_TEST(messages_are_taken_or_refused)
{
	const struct message_case *c = &messages[_i];
	const struct queue q = { .size_max = strstr(c->name, "too long") ? 20 : SQS_BYTES_MAX };
	struct message m = { .delay_s = -1 };
	struct err e;
	AUTO(json_freep) struct json *o = json_parse(c->json, strlen(c->json), &e);
	int rc;

	ck_assert_msg(o, "%s: %s", c->name, e.text);
	err_clear(&e);
	rc = local_sqs_message_read(&q, o, &m, &e);
	ck_assert_msg(rc == (c->code ? -1 : 0), "%s: %s", c->name, e.text);
	if (c->code)
		ck_assert_msg(!strcmp(e.code, c->code), "%s: %s", c->name, e.code);
}
END_TEST

/* ---- digests of bodies; CRC values are the check values of the catalogues for "123456789" ---- */

struct sum_case {
	enum s3_sum sum;
	const char *base64;
};

static const struct sum_case sums[] = {
	{ S3_SUM_NONE, "" },
	{ S3_SUM_CRC32, "y/Q5Jg==" },
	{ S3_SUM_CRC32C, "4waSgw==" },
	{ S3_SUM_SHA1, "98O8HYCOBHMq32eZZczDTKeuNEE=" },
	{ S3_SUM_SHA256, "FeKw08M4keuw8e9gnsQZQgwg4yDOlMZfvIwzEkSOsiU=" },
	{ S3_SUM_CRC64, "rosUhgp5mIg=" },
};

START_TEST(digests_do_not_depend_on_the_pieces)
{
	static const char text[] = "123456789";
	const struct sum_case *c = &sums[_i];

	for (size_t cut = 0; cut <= 9; cut++) {
		struct s3_sums *s = local_s3_sum_new(c->sum, true);
		struct s3_digest d;

		local_s3_sum_add(s, text, cut);
		local_s3_sum_add(s, text + cut, 9 - cut);
		local_s3_sum_end(s, &d);
		local_s3_sum_free(s);
		ck_assert_str_eq(d.sum, c->base64);
		ck_assert_str_eq(
			d.sha256,
			"15e2b0d3c33891ebb0f1ef609ec419420c20e320ce94c65fbc8c3312448eb225");
	}
}
END_TEST

static uint64_t crc_of(enum s3_sum kind, const char *text, size_t len)
{
	struct s3_sums *s = local_s3_sum_new(kind, false);
	AUTO(buf_done) struct buf bytes = BUF(64);
	struct s3_digest d;
	uint64_t crc = 0;

	local_s3_sum_add(s, text, len);
	local_s3_sum_end(s, &d);
	local_s3_sum_free(s);
	ck_assert_int_eq(crypto_unbase64(d.sum, strlen(d.sum), &bytes, NULL), 0);
	for (size_t i = 0; i < bytes.len; i++)
		crc = crc << 8 | (uint8_t)bytes.data[i];
	return crc;
}

START_TEST(crcs_of_pieces_make_that_of_the_whole)
{
	static const char text[] = "123456789";
	static const enum s3_sum kinds[] = { S3_SUM_CRC32, S3_SUM_CRC32C, S3_SUM_CRC64 };
	enum s3_sum kind = kinds[_i];
	char told[S3_SUM_TEXT_MAX];

	for (size_t cut = 0; cut <= 9; cut++) {
		uint64_t crc = 0;

		local_s3_sum_join(kind, &crc, crc_of(kind, text, cut), (int64_t)cut);
		local_s3_sum_join(kind, &crc, crc_of(kind, text + cut, 9 - cut), 9 - (int64_t)cut);
		ck_assert_uint_eq(crc, crc_of(kind, text, 9));
		local_s3_sum_crc(kind, crc, told);
		for (size_t i = 0; i < COUNT_OF(sums); i++)
			if (sums[i].sum == kind)
				ck_assert_str_eq(told, sums[i].base64);
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("local");
	TCase *t = tcase_create("local");

	tcase_add_loop_test(t, query_becomes_a_tree, 0, COUNT_OF(trees));
	tcase_add_test(t, query_of_any_shape_is_read_or_refused);
	tcase_add_test(t, handles_come_back);
	tcase_add_test(t, no_changed_handle_is_taken);
	tcase_add_loop_test(t, messages_are_taken_or_refused, 0, COUNT_OF(messages));
	tcase_add_loop_test(t, digests_do_not_depend_on_the_pieces, 0, COUNT_OF(sums));
	tcase_add_loop_test(t, crcs_of_pieces_make_that_of_the_whole, 0, 3);
	suite_add_tcase(s, t);
	return check_main_run(srunner_create(s));
}
