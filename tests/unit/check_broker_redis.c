/* Where a Redis is, what it says, and a message for Celery. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "base/crypto.h"
#include "base/json.h"
#include "broker/celery.h"
#include "check_main.h"

/* --- URLs */

static const struct {
	const char *url, *host, *user, *password;
	int port;
	int64_t db;
	bool tls, unverified;
} urls[] = {
	{ "redis://h", "h", NULL, NULL, 6379, 0, false, false },
	{ "redis://", "localhost", NULL, NULL, 6379, 0, false, false },
	{ "redis:///3", "localhost", NULL, NULL, 6379, 3, false, false },
	{ "redis://h:7000/15", "h", NULL, NULL, 7000, 15, false, false },
	{ "redis://:pass@h/", "h", NULL, "pass", 6379, 0, false, false },
	{ "redis://me:p%40ss%2F%3A@h", "h", "me", "p@ss/:", 6379, 0, false, false },
	{ "redis://me:p@ss@h", "h", "me", "p@ss", 6379, 0, false, false },
	{ "redis://:@h", "h", NULL, NULL, 6379, 0, false, false },
	{ "redis://[::1]:7/1", "::1", NULL, NULL, 7, 1, false, false },
	{ "rediss://h/1", "h", NULL, NULL, 6379, 1, true, false },
	{ "rediss://h?ssl_cert_reqs=CERT_NONE", "h", NULL, NULL, 6379, 0, true, true },
	{ "rediss://h/0?ssl_cert_reqs=required&ssl_ca_certs=%2Fca", "h", NULL, NULL, 6379, 0, true,
	  false },
};

START_TEST(a_url_says_where)
{
	AUTO(broker_redis_place_done) struct broker_redis_place p;
	struct err e = { 0 };
	int rc = broker_redis_place_read(urls[_i].url, &p, &e);

	ck_assert_msg(rc == 0, "%s: %s", urls[_i].url, e.text);
	ck_assert_str_eq(p.host, urls[_i].host);
	ck_assert_pstr_eq(p.user, urls[_i].user);
	ck_assert_pstr_eq(p.password, urls[_i].password);
	ck_assert_int_eq(p.port, urls[_i].port);
	ck_assert_int_eq(p.db, urls[_i].db);
	ck_assert(p.tls == urls[_i].tls && p.unverified == urls[_i].unverified);
}
END_TEST

static const struct {
	const char *url, *says;
} no_urls[] = {
	{ "http://h", "neither" },
	{ "", "neither" },
	{ "redis://h:0", "port" },
	{ "redis://h:70000", "port" },
	{ "redis://h:7x", "port" },
	{ "redis://h/one", "database" },
	{ "redis://h/-1", "database" },
	{ "redis://h/99999999999999999999", "database" },
	{ "redis://a b", "character" },
	{ "redis://[::1", "IPv6" },
	{ "redis://[x]", "IPv6" },
	{ "redis://me@h", "without a password" },
	{ "redis://:hush%@h", "percent" },
	{ "redis://:hush%0@h", "percent" },
	{ "redis://:hush%00@h", "percent" },
	{ "redis://:hush@h?ssl_cert_reqs=none", "rediss" },
	{ "rediss://:hush@h?ssl_cert_reqs=perhaps", "ssl_cert_reqs" },
	{ "rediss://h?ssl_ca_certs=", "no value" },
	{ "redis://h?virtual_host=1", "virtual_host" },
	{ "redis://h#0", "#" },
};

START_TEST(what_is_no_url_is_refused_with_its_fault)
{
	struct broker_redis_place p;
	struct err e = { 0 };

	ck_assert_msg(broker_redis_place_read(no_urls[_i].url, &p, &e) < 0, "%s", no_urls[_i].url);
	ck_assert_int_eq(e.kind, ERR_POLICY);
	ck_assert_msg(strstr(e.text, no_urls[_i].says) != NULL, "%s: %s", no_urls[_i].url, e.text);
	ck_assert_ptr_null(strstr(e.text, "hush"));
	ck_assert_ptr_null(p.host);
}
END_TEST

/* --- replies */

static void tell(const struct broker_redis_reply *r, struct buf *out)
{
	switch (r->kind) {
	case REDIS_NIL:
		buf_adds(out, "nil");
		break;
	case REDIS_INT:
		buf_addf(out, "%lld", (long long)r->integer);
		break;
	case REDIS_STR:
		buf_addf(out, "'%s'", r->str);
		break;
	case REDIS_STATUS:
		buf_addf(out, "+%s", r->str);
		break;
	case REDIS_ERROR:
		buf_addf(out, "!%s", r->str);
		break;
	case REDIS_ARRAY:
		buf_addc(out, '[');
		for (size_t i = 0; i < r->count; i++) {
			buf_adds(out, i ? " " : "");
			tell(r->items[i], out);
		}
		buf_addc(out, ']');
		break;
	}
}

static const struct {
	const char *wire, *told; /* NULL: refused; "": more is needed */
} replies[] = {
	{ "+OK\r\n", "+OK" },
	{ ":-7\r\n", "-7" },
	{ "$3\r\nabc\r\n", "'abc'" },
	{ "$0\r\n\r\n", "''" },
	{ "$-1\r\n", "nil" },
	{ "*-1\r\n", "nil" },
	{ "*0\r\n", "[]" },
	{ "-ERR no\r\n", "!ERR no" },
	{ "*2\r\n*1\r\n:1\r\n$1\r\nx\r\n", "[[1] 'x']" },
	{ "*2\r\n:1\r\n", "" },
	{ "$10\r\nabc\r\n", "" },
	{ "HTTP/1.1 400\r\n", NULL },
	{ "*100001\r\n", NULL },
	{ "*2147483647\r\n", NULL },
	{ "*99999\r\n*99999\r\n", NULL },
	{ "*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n", NULL },
	{ "$-2\r\n", NULL },
};

/* Whole, and byte by byte. */
START_TEST(a_reply_is_read_or_refused)
{
	for (size_t step = 1; step <= 4096; step *= 4096) {
		AUTO(broker_redis_reader_freep)
		struct broker_redis_reader *reader = broker_redis_reader_new(1000);
		AUTO(broker_redis_reply_freep) struct broker_redis_reply *r = NULL;
		AUTO(buf_done) struct buf told = BUF(1000);
		size_t len = strlen(replies[_i].wire);
		struct err e = { 0 };
		int rc = 0;

		for (size_t at = 0; at < len && rc == 0; at += step) {
			ck_assert_ptr_null(r);
			rc = broker_redis_reader_feed(reader, replies[_i].wire + at,
						      len - at < step ? len - at : step, &e);
			if (rc == 0)
				rc = broker_redis_reader_next(reader, &r, &e);
		}
		if (!replies[_i].told) {
			ck_assert_msg(rc < 0 && e.kind == ERR_PROTOCOL, "%s", replies[_i].wire);
			continue;
		}
		ck_assert_msg(rc == 0, "%s: %s", replies[_i].wire, e.text);
		if (r)
			tell(r, &told);
		ck_assert_str_eq(buf_str(&told), replies[_i].told);
	}
}
END_TEST

START_TEST(a_reply_past_its_cap_is_refused_before_it_is_kept)
{
	AUTO(broker_redis_reader_freep)
	struct broker_redis_reader *reader = broker_redis_reader_new(100);
	AUTO(broker_redis_reply_freep) struct broker_redis_reply *r = NULL;
	char many[80];
	struct err e = { 0 };

	memset(many, 'x', sizeof(many));
	ck_assert_int_eq(broker_redis_reader_feed(reader, "$150\r\n", 6, &e), 0);
	ck_assert_int_eq(broker_redis_reader_feed(reader, many, sizeof(many), &e), 0);
	ck_assert_int_eq(broker_redis_reader_next(reader, &r, &e), 0);
	ck_assert_ptr_null(r);
	ck_assert_int_lt(broker_redis_reader_feed(reader, many, sizeof(many), &e), 0);
	ck_assert_int_eq(e.kind, ERR_PROTOCOL);
}
END_TEST

static const struct {
	const char *text;
	enum err_kind kind;
	const char *code;
} errors[] = {
	{ "NOAUTH Authentication required.", ERR_DENIED, "NOAUTH" },
	{ "WRONGPASS invalid username-password pair", ERR_DENIED, "WRONGPASS" },
	{ "NOPERM this user has no permissions", ERR_DENIED, "NOPERM" },
	{ "LOADING Redis is loading the dataset in memory", ERR_UNREACHABLE, "LOADING" },
	{ "READONLY You can't write against a read only replica.", ERR_UNREACHABLE, "READONLY" },
	{ "OOM command not allowed", ERR_UNREACHABLE, "OOM" },
	{ "MOVED 3999 127.0.0.1:6381", ERR_POLICY, "" },
	{ "WRONGTYPE Operation against a key", ERR_PROTOCOL, "WRONGTYPE" },
	{ "ERR unknown command", ERR_PROTOCOL, "ERR" },
};

START_TEST(an_error_says_what_to_do_about_it)
{
	struct broker_redis_reply r = { .kind = REDIS_ERROR, .str = (char *)errors[_i].text };
	struct err e = { 0 };

	ck_assert_int_lt(broker_redis_error(&r, &e), 0);
	ck_assert_msg(e.kind == errors[_i].kind, "%s", errors[_i].text);
	ck_assert_str_eq(e.code, errors[_i].code);
}
END_TEST

/* --- messages */

static struct job job(void)
{
	return (struct job){
		.video_id = "v-1", .task_id = "t-1", .bucket = "bucket", .key = "it's é.mp4"
	};
}

START_TEST(a_task_has_what_a_python_client_writes)
{
	struct broker_celery_names names = { 0 };
	struct job j = job();
	AUTO(buf_done) struct buf out = BUF(BROKER_CELERY_MESSAGE_MAX), body = BUF(4096);
	AUTO(json_freep) struct json *m = NULL, *args = NULL;
	const struct json *info;
	const char *text;
	struct err e = { 0 };

	ck_assert_int_eq(broker_celery_names_check(&names, &e), 0);
	ck_assert_int_eq(broker_celery_write(&names, &j, 3, &out, &e), 0);
	m = json_parse(buf_str(&out), out.len, &e);
	ck_assert_str_eq(json_get_str(json_get(m, "headers"), "task"), BROKER_CELERY_TASK);
	ck_assert_str_eq(json_get_str(json_get(m, "headers"), "id"), "t-1");
	info = json_get(json_get(m, "properties"), "delivery_info");
	ck_assert_str_eq(json_get_str(info, "exchange"), "");
	ck_assert_str_eq(json_get_str(info, "routing_key"), BROKER_CELERY_QUEUE);
	text = json_get_str(m, "body");
	ck_assert_int_eq(crypto_unbase64(text, strlen(text), &body, &e), 0);
	args = json_parse(buf_str(&body), body.len, &e);
	ck_assert_uint_eq(json_count(args), 3);
	ck_assert_str_eq(json_get_str(json_at(args, 1), "video_path"), "s3://bucket/it's é.mp4");
}
END_TEST

static const struct {
	int priority;
	const char *key;
} keys[] = { { 0, "p:q" },
	     { 2, "p:q" },
	     { 3, "p:q\x06\x16"
		  "3" },
	     { 5, "p:q\x06\x16"
		  "3" },
	     { 6, "p:q\x06\x16"
		  "6" },
	     { 9, "p:q\x06\x16"
		  "9" },
	     { -1, "p:q" },
	     { 100, "p:q\x06\x16"
		    "9" } };

START_TEST(a_priority_has_its_list)
{
	struct broker_celery_names names = { .queue = "q", .key_prefix = "p:" };
	AUTO(own_freep) char *key = broker_celery_key(&names, keys[_i].priority);

	ck_assert_str_eq(key, keys[_i].key);
}
END_TEST

START_TEST(names_are_bounded)
{
	char many[BROKER_CELERY_NAME_MAX + 2];
	struct broker_celery_names odd = { .queue = "a\nb" }, big = { .task = many };
	struct err e = { 0 };

	memset(many, 'x', sizeof(many));
	many[sizeof(many) - 1] = '\0';
	ck_assert_int_lt(broker_celery_names_check(&odd, &e), 0);
	ck_assert_int_lt(broker_celery_names_check(&big, &e), 0);
	ck_assert_int_eq(e.kind, ERR_POLICY);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("broker_redis");
	TCase *t = tcase_create("redis");

	tcase_add_loop_test(t, a_url_says_where, 0, COUNT_OF(urls));
	tcase_add_loop_test(t, what_is_no_url_is_refused_with_its_fault, 0, COUNT_OF(no_urls));
	tcase_add_loop_test(t, a_reply_is_read_or_refused, 0, COUNT_OF(replies));
	tcase_add_test(t, a_reply_past_its_cap_is_refused_before_it_is_kept);
	tcase_add_loop_test(t, an_error_says_what_to_do_about_it, 0, COUNT_OF(errors));
	tcase_add_test(t, a_task_has_what_a_python_client_writes);
	tcase_add_loop_test(t, a_priority_has_its_list, 0, COUNT_OF(keys));
	tcase_add_test(t, names_are_bounded);
	suite_add_tcase(s, t);
	return check_main_run(srunner_create(s));
}
