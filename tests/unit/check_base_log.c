#include "check_base.h"

#include <math.h>
#include <stdio.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "base/rng.h"

static int saved, from;

/* Standard error into a pipe: each write(2) is one read, as long as it is below PIPE_BUF. */
static void setup(void)
{
	int pair[2];

	ck_assert_int_eq(pipe(pair), 0);
	saved = dup(2);
	dup2(pair[1], 2);
	close(pair[1]);
	from = pair[0];
}

static void teardown(void)
{
	dup2(saved, 2);
	close(saved);
	close(from);
}

static const char *line(void)
{
	static char text[65536];
	ssize_t n = read(from, text, sizeof(text) - 1);

	text[n > 0 ? n : 0] = '\0';
	return text;
}

START_TEST(log_json)
{
	struct err e = { .kind = ERR_DENIED, .code = "AccessDenied", .text = "403" };
	AUTO(json_freep) struct json *j = NULL;
	struct instant when;
	const char *text, *time;
	int64_t i;
	double d;
	bool b;

	log_setup("prog", LOG_FORMAT_AUTO, LOG_LEVEL_INFO); /* a pipe is no TTY */
	log_context("policy", "thumbs");
	LOG_WARN("capacity\nset", LOG_S("group", "a\"b\x1b[2J\xFF"), LOG_I("from", -2),
		 LOG_D("share", 0.25), LOG_B("late", true), LOG_D("nan", NAN), LOG_S("none", NULL),
		 LOG_E(&e));
	text = line();
	ck_assert_ptr_eq(strchr(text, '\n'), text + strlen(text) - 1);
	ck_assert_ptr_null(strchr(text, '\x1b'));
	j = json_parse(text, strlen(text), NULL);
	ck_assert_ptr_nonnull(j);
	time = json_get_str(j, "time");
	ck_assert_uint_eq(strlen(time), 24);
	ck_assert_int_eq(clock_parse(time, strlen(time), &when, NULL), 0);
	ck_assert_int_lt(instant_since(clock_wall(), when).ms, 5000);
	ck_assert_str_eq(json_get_str(j, "level"), "warn");
	ck_assert_str_eq(json_get_str(j, "program"), "prog");
	ck_assert_str_eq(json_get_str(j, "event"), "capacity\nset");
	ck_assert_str_eq(json_get_str(j, "policy"), "thumbs");
	ck_assert_str_eq(json_get_str(j, "group"), "a\"b\x1b[2J\xEF\xBF\xBD");
	ck_assert(json_get_int(j, "from", &i) && i == -2);
	ck_assert(json_get_real(j, "share", &d) && d == 0.25);
	ck_assert(json_get_bool(j, "late", &b) && b);
	ck_assert_int_eq(json_type(json_get(j, "nan")), JSON_NULL);
	ck_assert_int_eq(json_type(json_get(j, "none")), JSON_NULL);
	ck_assert_str_eq(json_get_str(j, "error"), "403");
	ck_assert_str_eq(json_get_str(j, "error_kind"), "denied");
	ck_assert_str_eq(json_get_str(j, "error_code"), "AccessDenied");
}
END_TEST

START_TEST(log_logfmt)
{
	const char *text;

	log_setup("prog", LOG_FORMAT_LOGFMT, LOG_LEVEL_DEBUG);
	LOG_DEBUG("started");
	text = line();
	ck_assert_str_eq(strstr(text, " level="), " level=debug program=prog event=started\n");
	LOG_INFO("a b", LOG_S("k ey=", "x=y"), LOG_S("bare", "a/b:c"), LOG_S("empty", ""),
		 LOG_S("none", NULL), LOG_S("forged", "x\ntime=1 level=error"));
	text = line();
	ck_assert_str_eq(strstr(text, " event="),
			 " event=\"a b\" k_ey_=\"x=y\" bare=a/b:c empty=\"\" none=- "
			 "forged=\"x\\ntime=1 level=error\"\n");
}
END_TEST

START_TEST(log_levels_and_context)
{
	enum log_level level;
	enum log_format format;
	struct err e = { 0 };

	log_setup("prog", LOG_FORMAT_LOGFMT, LOG_LEVEL_WARN);
	LOG_INFO("not shown");
	for (int i = 0; i < 20; i++) { /* more than it holds: the rest is dropped */
		char key[16];

		snprintf(key, sizeof(key), "k%d", i);
		log_context(key, "v");
	}
	log_context("k0", NULL);
	log_context("k1", "changed");
	LOG_ERROR("shown");
	ck_assert_str_eq(strstr(line(), " event="),
			 " event=shown k1=changed k2=v k3=v k4=v k5=v k6=v k7=v\n");
	ck_assert(log_parse_level("debug", &level, &e) == 0 && level == LOG_LEVEL_DEBUG);
	ck_assert_int_eq(log_parse_level("loud", &level, &e), -1);
	ck_assert_str_eq(e.text, "'loud' is no log level: debug, info, warn or error");
	ck_assert(log_parse_format("json", &format, &e) == 0 && format == LOG_FORMAT_JSON);
	ck_assert_int_eq(log_parse_format("xml", &format, &e), -1);
}
END_TEST

/* However much is logged, the line is whole and bounded. */
START_TEST(log_is_bounded)
{
	struct log_field fields[64];
	AUTO(buf_done) struct buf huge = BUF(100000);
	struct rng g;

	rng_seed(&g, 16);
	log_setup("prog", LOG_FORMAT_JSON, LOG_LEVEL_DEBUG);
	for (int round = 0; round < 200; round++) {
		AUTO(json_freep) struct json *j = NULL;
		const char *text;
		size_t n = rng_below(&g, COUNT_OF(fields));

		buf_clear(&huge);
		while (huge.len < rng_below(&g, 9000))
			buf_addc(&huge, (char)(1 + rng_below(&g, 255)));
		for (size_t i = 0; i < n; i++)
			fields[i] = (struct log_field)LOG_S("k", buf_str(&huge));
		log_write(LOG_LEVEL_ERROR, buf_str(&huge), fields, n);
		text = line();
		ck_assert_uint_le(strlen(text), 16384);
		j = json_parse(text, strlen(text), NULL);
		ck_assert_msg(j != NULL, "%s", text);
	}
}
END_TEST

START_TEST(log_does_not_stop_without_stderr)
{
	log_setup("prog", LOG_FORMAT_JSON, LOG_LEVEL_DEBUG);
	close(2);
	LOG_ERROR("nobody reads this");
	dup2(saved, 2);
}
END_TEST

Suite *suite_log(void)
{
	Suite *s = suite_create("log");
	TCase *c = suite_case(s, "log");

	tcase_add_checked_fixture(c, setup, teardown);
	tcase_add_test(c, log_json);
	tcase_add_test(c, log_logfmt);
	tcase_add_test(c, log_levels_and_context);
	tcase_add_test(c, log_is_bounded);
	tcase_add_test(c, log_does_not_stop_without_stderr);
	return s;
}
