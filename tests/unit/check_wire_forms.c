/* Percent coding, forms, error codes, JSON and XML frames, digests. */
#include "check_wire.h"

#include <string.h>

#include "base/json.h"
#include "wire/awsxml.h"
#include "wire/form.h"
#include "wire/jsonrpc.h"
#include "wire/md5attr.h"
#include "wire/uri.h"

static const struct {
	const char *name, *plain, *encoded;
	bool keep_slash;
} encodings[] = {
	{ "unreserved characters stay", "AZaz09-._~", "AZaz09-._~", false },
	{ "a slash is encoded", "a/b", "a%2Fb", false },
	{ "a slash of a path stays", "a/b", "a/b", true },
	{ "a space is %20, a plus %2B", "a b+c", "a%20b%2Bc", false },
	{ "UTF-8 goes byte by byte", "\xc3\xbc", "%C3%BC", false },
	{ "nothing stays nothing", "", "", false },
};

START_TEST(encodes)
{
	AUTO(buf_done) struct buf out = BUF(100), back = BUF(100);

	uri_encode(&out, encodings[_i].plain, strlen(encodings[_i].plain),
		   encodings[_i].keep_slash);
	ck_assert_msg(strcmp(buf_str(&out), encodings[_i].encoded) == 0, "%s: %s",
		      encodings[_i].name, buf_str(&out));
	ck_assert_int_eq(uri_decode(&back, buf_str(&out), out.len, false, NULL), 0);
	ck_assert_str_eq(buf_str(&back), encodings[_i].plain);
}
END_TEST

START_TEST(broken_escapes)
{
	static const char *const bad[] = { "%", "%4", "a%", "a%f", "%zz", "%4g", "%-1" };
	struct err e = { 0 };

	for (size_t i = 0; i < COUNT_OF(bad); i++) {
		AUTO(buf_done) struct buf out = BUF(100);

		ck_assert_msg(uri_decode(&out, bad[i], strlen(bad[i]), true, &e) < 0, "%s", bad[i]);
		ck_assert_int_eq(e.kind, ERR_PROTOCOL);
	}
}
END_TEST

START_TEST(url_parts)
{
	static const char *const bad[] = { "",
					   "ftp://x",
					   "http://",
					   "https:///path",
					   "localhost:1",
					   "http://user@host/",
					   "http://a b/",
					   "http://:80/" };
	struct uri_parts p;

	ck_assert_int_eq(uri_parse("https://h:8443/base?x", &p, NULL), 0);
	ck_assert(p.tls);
	ck_assert_uint_eq(p.host_len, 6);
	ck_assert_str_eq(p.path, "/base?x");
	for (size_t i = 0; i < COUNT_OF(bad); i++)
		ck_assert_msg(uri_parse(bad[i], &p, NULL) < 0, "%s", bad[i]);
}
END_TEST

START_TEST(form_reads)
{
	static const char text[] = "Action=SendMessage&Attribute.1.Name=A&Attribute.1.Value=x+y%26"
				   "&Attribute.2.Name=B&Id.1=i&Id.2=j&Id.4=no&M.member.1=m&Empty="
				   "&Bare&N=-12&T=TRUE&Action=second&&";
	AUTO(form_done) struct form f = { 0 };
	int64_t n = 0;
	bool b = false;

	ck_assert_int_eq(form_parse(text, strlen(text), &f, NULL), 0);
	ck_assert_str_eq(form_get(&f, "Action"), "SendMessage");
	ck_assert_uint_eq(form_count(&f, "Attribute"), 2);
	ck_assert_str_eq(form_at(&f, "Attribute", 1, "Value"), "x y&");
	ck_assert_ptr_null(form_at(&f, "Attribute", 2, "Value"));
	ck_assert_uint_eq(form_items(&f, "Id"), 2);
	ck_assert_str_eq(form_item(&f, "Id", 2), "j");
	ck_assert_uint_eq(form_items(&f, "M"), 1);
	ck_assert_str_eq(form_item(&f, "M", 1), "m");
	ck_assert_str_eq(form_get(&f, "Empty"), "");
	ck_assert_str_eq(form_get(&f, "Bare"), "");
	ck_assert_ptr_null(form_get(&f, "Absent"));
	ck_assert(form_int(&f, "N", &n) && n == -12);
	ck_assert(form_bool(&f, "T", &b) && b);
	ck_assert(!form_int(&f, "T", &n) && !form_int(&f, "Empty", &n));
}
END_TEST

START_TEST(form_refuses)
{
	AUTO(buf_done) struct buf many = BUF(1 << 20);
	struct form f;
	struct err e = { 0 };

	ck_assert_int_lt(form_parse("a=%00", 5, &f, &e), 0);
	ck_assert_int_lt(form_parse("a=%g0", 5, &f, &e), 0);
	for (int i = 0; i <= FORM_PAIRS_MAX; i++)
		buf_adds(&many, "a=b&");
	ck_assert_int_lt(form_parse(many.data, many.len, &f, &e), 0);
	ck_assert_ptr_nonnull(strstr(e.text, "32768"));
}
END_TEST

START_TEST(form_writes)
{
	AUTO(buf_done) struct buf out = BUF(200);
	AUTO(buf_done) struct buf full = BUF(4);

	form_add(&out, "Action", "X");
	form_addf(&out, "a b&", "Names.member.%d", 1);
	form_add_int(&out, "N", -3);
	form_add_bool(&out, "B", true);
	ck_assert_str_eq(buf_str(&out), "Action=X&Names.member.1=a%20b%26&N=-3&B=true");
	ck_assert_int_lt(form_add(&full, "name", "value"), 0);
}
END_TEST

static const struct {
	enum service service;
	const char *name, *expect;
	enum err_kind kind;
	bool unexecuted;
} code_rows[] = {
	{ SERVICE_SQS, "AWS.SimpleQueueService.NonExistentQueue", "QueueDoesNotExist",
	  ERR_NOT_FOUND, false },
	{ SERVICE_SQS, "com.amazonaws.sqs#QueueDoesNotExist", "QueueDoesNotExist", ERR_NOT_FOUND,
	  false },
	{ SERVICE_SQS, "com.amazon.coral.service#ThrottlingException:http://x/",
	  "ThrottlingException", ERR_THROTTLED, true },
	{ SERVICE_AUTOSCALING, "ScalingActivityInProgress", "ScalingActivityInProgress",
	  ERR_CONFLICT, false },
	{ SERVICE_S3, "SlowDown", "SlowDown", ERR_THROTTLED, true },
	{ SERVICE_S3, "ExpiredToken", "ExpiredToken", ERR_DENIED, true },
	{ SERVICE_STS, "InternalFailure", "InternalFailure", ERR_UNREACHABLE, false },
	{ SERVICE_STS, "QueueDoesNotExist", NULL, ERR_NONE, false },
	{ SERVICE_STS, "", NULL, ERR_NONE, false },
};

START_TEST(code_table)
{
	const struct code *c = code_find(code_rows[_i].service, code_rows[_i].name);

	ck_assert_msg(!c == !code_rows[_i].expect, "%s", code_rows[_i].name);
	if (!c)
		return;
	ck_assert_str_eq(c->name, code_rows[_i].expect);
	ck_assert_int_eq(c->kind, code_rows[_i].kind);
	ck_assert_int_eq(c->unexecuted, code_rows[_i].unexecuted);
}
END_TEST

START_TEST(json_frame)
{
	AUTO(buf_done) struct buf out = BUF(1000);
	const struct code *c = code_get(SERVICE_SQS, "QueueDoesNotExist");
	char action[JSONRPC_ACTION_MAX], header[JSONRPC_QUERY_ERROR_MAX];
	struct wire_error w;

	ck_assert_int_eq(jsonrpc_action("AmazonSQS.SendMessage", SERVICE_SQS, action, NULL), 0);
	ck_assert_str_eq(action, "SendMessage");
	ck_assert_int_lt(jsonrpc_action("AmazonSQS.", SERVICE_SQS, action, NULL), 0);
	ck_assert_int_lt(jsonrpc_action("AmazonSQS.a/b", SERVICE_SQS, action, NULL), 0);
	ck_assert_int_lt(jsonrpc_action("DynamoDB_20120810.X", SERVICE_SQS, action, NULL), 0);
	ck_assert_int_lt(jsonrpc_action("AmazonSQS.X", SERVICE_STS, action, NULL), 0);
	jsonrpc_error(&out, c, NULL);
	ck_assert_str_eq(buf_str(&out), "{\"__type\":\"com.amazonaws.sqs#QueueDoesNotExist\","
					"\"message\":\"The specified queue does not exist.\"}");
	jsonrpc_query_error(c, header);
	ck_assert_str_eq(header, "AWS.SimpleQueueService.NonExistentQueue;Sender");
	ck_assert_int_eq(jsonrpc_error_read(out.data, out.len, header, &w), 0);
	ck_assert_str_eq(w.code, "AWS.SimpleQueueService.NonExistentQueue");
	ck_assert_int_eq(jsonrpc_error_read(out.data, out.len, "odd;header;x", &w), 0);
	ck_assert_str_eq(w.code, "QueueDoesNotExist");
	ck_assert_int_lt(jsonrpc_error_read("<html>", 6, NULL, &w), 0);
	ck_assert_int_lt(jsonrpc_error_read("[1]", 3, NULL, &w), 0);
}
END_TEST

START_TEST(xml_frames)
{
	AUTO(buf_done) struct buf out = BUF(2000);
	AUTO(xml_freep) struct xml *x = NULL;
	const struct xml_node *n;
	struct wire_error w;
	struct err e = { 0 };

	awsxml_begin(&out, SERVICE_SQS, "CreateQueue", true);
	xml_elem(&out, "QueueUrl", "http://a/<b>&");
	awsxml_end(&out, "CreateQueue", true, "r-1");
	n = awsxml_result(out.data, out.len, "CreateQueue", &x, &e);
	ck_assert_ptr_nonnull(n);
	ck_assert_str_eq(xml_text(n, "QueueUrl"), "http://a/<b>&");
	xml_freep(&x);
	n = awsxml_result(out.data, out.len, "DeleteQueue", &x, &e);
	ck_assert_ptr_null(n);
	ck_assert_int_eq(e.kind, ERR_PROTOCOL);

	buf_clear(&out);
	awsxml_error(&out, code_get(SERVICE_SQS, "QueueDoesNotExist"), SERVICE_SQS, "gone", NULL,
		     "r-2");
	ck_assert_int_eq(awsxml_error_read(out.data, out.len, &w), 0);
	ck_assert_str_eq(w.code, "AWS.SimpleQueueService.NonExistentQueue");
	ck_assert_str_eq(w.message, "gone");
	ck_assert_str_eq(w.request_id, "r-2");

	buf_clear(&out);
	awsxml_error(&out, code_get(SERVICE_S3, "NoSuchKey"), SERVICE_S3, NULL, "/b/k", "r-3");
	ck_assert_ptr_nonnull(strstr(buf_str(&out), "<Error><Code>NoSuchKey</Code>"));
	ck_assert_int_eq(awsxml_error_read(out.data, out.len, &w), 0);
	ck_assert_str_eq(w.code, "NoSuchKey");
	ck_assert_int_lt(awsxml_error_read("<html></html>", 13, &w), 0);

	buf_clear(&out);
	buf_adds(&out, "<ErrorResponse><Errors><Error><Code>AccessDenied</Code></Error></Errors>"
		       "</ErrorResponse>");
	ck_assert_int_eq(awsxml_error_read(out.data, out.len, &w), 0);
	ck_assert_str_eq(w.code, "AccessDenied");
}
END_TEST

/* Digests recorded from SQS. */
START_TEST(attribute_digests)
{
	static const struct md5attr one = { "MyAttribute", "String", "foobar", 6 };
	static const struct md5attr three[] = { { "n", "Number", "1", 1 },
						{ "a", "String", "v", 1 },
						{ "b", "Binary", "\1\2", 2 } };
	char hex[MD5ATTR_HEX];

	ck_assert_str_eq(md5attr_digest(&one, 1, hex), "adb59cd4678ea5a855436b949cd07ab6");
	ck_assert_str_eq(md5attr_digest(three, 3, hex), "2fab530e0b8d92097e1afa9a9025ad7d");
	ck_assert_str_eq(md5attr_digest(NULL, 0, hex), "");
	ck_assert_str_eq(md5attr_body("", 0, hex), "d41d8cd98f00b204e9800998ecf8427e");
}
END_TEST

Suite *check_wire_forms(void)
{
	Suite *s = suite_create("wire forms");
	TCase *t = tcase_create("all");

	tcase_add_loop_test(t, encodes, 0, COUNT_OF(encodings));
	tcase_add_test(t, broken_escapes);
	tcase_add_test(t, url_parts);
	tcase_add_test(t, form_reads);
	tcase_add_test(t, form_refuses);
	tcase_add_test(t, form_writes);
	tcase_add_loop_test(t, code_table, 0, COUNT_OF(code_rows));
	tcase_add_test(t, json_frame);
	tcase_add_test(t, xml_frames);
	tcase_add_test(t, attribute_digests);
	suite_add_tcase(s, t);
	return s;
}
