#include "check_base.h"

#include <math.h>

#include "base/json.h"
#include "base/rng.h"

static const struct {
	const char *name, *text, *written; /* written NULL: refused; `why` is in the message */
	const char *why;
} texts[] = {
	{ "object", " { \"a\" : [ 1 , true , null ] , \"b\" : { } } \n",
	  "{\"a\":[1,true,null],\"b\":{}}", NULL },
	{ "insertion order", "{\"z\":1,\"a\":2,\"m\":3}", "{\"z\":1,\"a\":2,\"m\":3}", NULL },
	{ "duplicate: the last wins", "{\"a\":1,\"b\":2,\"a\":3}", "{\"a\":3,\"b\":2}", NULL },
	{ "slash", "\"a/b\\/c\"", "\"a/b/c\"", NULL },
	{ "escapes", "\"\\\"\\\\\\b\\f\\n\\r\\t\\u0000\\u001f\"",
	  "\"\\\"\\\\\\b\\f\\n\\r\\t\\u0000\\u001f\"", NULL },
	{ "surrogates", "\"\\ud83d\\ude00\"", "\"\xF0\x9F\x98\x80\"", NULL },
	{ "lone surrogate", "\"\\ud83dx\"", "\"\xEF\xBF\xBDx\"", NULL },
	{ "line separators", "\"\xE2\x80\xA8\"", "\"\\u2028\"", NULL },
	{ "ints", "[0,-0,9223372036854775807,-9223372036854775808]",
	  "[0,0,9223372036854775807,-9223372036854775808]", NULL },
	{ "reals", "[0.1,1e3,1.5E-3,-2.50,123456789.125]", "[0.1,1000.0,0.0015,-2.5,123456789.125]",
	  NULL },
	{ "word", "true", "true", NULL },
	{ "null", "null", "null", NULL },
	{ "number alone", "17", "17", NULL },
	{ "beyond int64", "18446744073709551615", "1.8446744073709552e+19", NULL },
	{ "beyond uint64", "18446744073709551616", NULL, "out of range" },
	{ "below int64", "-9223372036854775809", NULL, "out of range" },
	{ "nothing", "", NULL, "byte 0" },
	{ "blank", "  \n", NULL, "byte 3: ends before a value" },
	{ "two values", "1 2", NULL, "byte 2: something follows" },
	{ "trailing comma", "[1,]", NULL, "byte 3" },
	{ "trailing comma in an object", "{\"a\":1,}", NULL, "byte 7" },
	{ "no colon", "{\"a\" 1}", NULL, "':'" },
	{ "bare key", "{a:1}", NULL, "name in quotes" },
	{ "single quotes", "['a']", NULL, "no value" },
	{ "NaN", "NaN", NULL, "no value" },
	{ "Infinity", "[Infinity]", NULL, "no value" },
	{ "minus Infinity", "-Infinity", NULL, "without digits" },
	{ "case", "True", NULL, "no value" },
	{ "comment", "/* */ 1", NULL, "no value" },
	{ "line comment", "1 // x", NULL, "follows" },
	{ "leading zero", "01", NULL, "follows" },
	{ "plus", "+1", NULL, "no value" },
	{ "hex", "0x10", NULL, "follows" },
	{ "point first", ".5", NULL, "no value" },
	{ "point last", "5.", NULL, "after its point" },
	{ "no exponent", "5e", NULL, "exponent" },
	{ "raw newline", "\"a\nb\"", NULL, "control character" },
	{ "raw tab", "\"a\tb\"", NULL, "control character" },
	{ "bad escape", "\"\\x41\"", NULL, "escape" },
	{ "short escape", "\"\\u12", NULL, "hex digits" },
	{ "escape at the end", "\"\\", NULL, "escape" },
	{ "string does not end", "\"abc", NULL, "does not end" },
	{ "invalid UTF-8", "\"\xC3(\"", NULL, "UTF-8" },
	{ "overlong", "\"\xC0\xAF\"", NULL, "UTF-8" },
	{ "NUL in a name", "{\"a\\u0000b\":1}", NULL, "NUL" },
	{ "array does not end", "[1", NULL, "']' is missing" },
	{ "object does not end", "{\"a\":1", NULL, "'}' is missing" },
	{ "wrong end", "[1}", NULL, "']' is missing" },
	{ "byte order mark",
	  "\xEF\xBB\xBF"
	  "1",
	  NULL, "byte 0" },
};

static void json_reads_row(size_t i)
{
	struct err e = { 0 };
	AUTO(json_freep) struct json *j = json_parse(texts[i].text, strlen(texts[i].text), &e);
	AUTO(buf_done) struct buf out = BUF(1000);

	if (!texts[i].written) {
		ROW_ASSERT(texts[i].name, !j && e.kind == ERR_PROTOCOL);
		ck_assert_msg(strstr(e.text, texts[i].why) && strstr(e.text, "JSON at byte"),
			      "%s: %s", texts[i].name, e.text);
		return;
	}
	ck_assert_msg(j != NULL, "%s: %s", texts[i].name, e.text);
	ck_assert_int_eq(json_write(j, &out), 0);
	ROW_ASSERT_STR(texts[i].name, buf_str(&out), texts[i].written);
}

START_TEST(json_reads)
{
	for (size_t i = 0; i < COUNT_OF(texts); i++)
		json_reads_row(i);
}
END_TEST

START_TEST(json_refuses_nul_and_depth)
{
	AUTO(buf_done) struct buf deep = BUF(1 << 22);
	struct err e = { 0 };

	ck_assert_ptr_null(json_parse("1\0", 2, &e));
	ck_assert_ptr_null(json_parse("\0", 1, &e));
	ck_assert_ptr_null(json_parse("\"a\0b\"", 5, &e));
	ck_assert_ptr_null(json_parse("[1\0]", 4, &e));
	for (int n = 1; n <= 1000000; n = n < 40 ? n + 1 : n * 10) {
		struct json *j;

		buf_clear(&deep);
		for (int i = 0; i < n; i++)
			buf_adds(&deep, "[");
		for (int i = 0; i < n; i++)
			buf_adds(&deep, "]");
		j = json_parse(deep.data, deep.len, &e);
		ck_assert_msg((j != NULL) == (n <= JSON_DEPTH_MAX), "depth %d: %s", n, e.text);
		json_free(j);
	}
	ck_assert_ptr_nonnull(strstr(e.text, "nested too deep"));
}
END_TEST

/* Cut anywhere and damaged anywhere it ends in an error or a value, never elsewhere. */
START_TEST(json_cut_and_damaged)
{
	static const char text[] =
		"{\"a\":[1,-2.5e3,\"x\\u00e9\\n\",true,false,null],\"b\":{\"c\":\"\xC3\xA9\"}}";
	struct rng g;

	rng_seed(&g, 8);
	for (size_t len = 0; len < sizeof(text) - 1; len++) {
		AUTO(own_freep)
		char *cut =
			own_array(len ? len : 1, 1); /* no NUL behind: ASan sees reads past it */

		memcpy(cut, text, len);
		ck_assert_ptr_null(json_parse(cut, len, NULL));
	}
	for (int i = 0; i < 8000; i++) {
		AUTO(own_freep) char *bad = own_array(sizeof(text) - 1, 1);
		AUTO(buf_done) struct buf out = BUF(1000);
		struct json *j;

		memcpy(bad, text, sizeof(text) - 1);
		for (uint64_t n = rng_below(&g, 3) + 1; n; n--)
			bad[rng_below(&g, sizeof(text) - 1)] = (char)rng_u64(&g);
		j = json_parse(bad, sizeof(text) - 1, NULL);
		if (j) {
			json_write(j, &out);
			json_free(j);
			j = json_parse(out.data, out.len, NULL);
			ck_assert_ptr_nonnull(j);
		}
		json_free(j);
	}
}
END_TEST

START_TEST(json_getters)
{
	static const char text[] = "{\"i\":5,\"whole\":5.0,\"r\":5.5,\"big\":1e300,\"huge\":1e400,"
				   "\"u\":9223372036854775808,"
				   "\"s\":\"a\\u0000b\",\"n\":null,\"b\":true,\"a\":[1,null],"
				   "\"neg\":-9223372036854775808}";
	AUTO(json_freep) struct json *j = json_parse(text, strlen(text), NULL);
	const struct json *value;
	const char *key;
	int64_t i = 0;
	double d = 0;
	bool b = false;
	size_t len, members = 0;

	ck_assert(json_get_int(j, "i", &i) && i == 5);
	ck_assert(json_get_int(j, "whole", &i) && i == 5);
	ck_assert(json_get_int(j, "neg", &i) && i == INT64_MIN);
	ck_assert(!json_get_int(j, "r", &i) && !json_get_int(j, "big", &i) &&
		  !json_get_int(j, "u", &i));
	ck_assert(!json_get_int(j, "huge", &i) && !json_get_int(j, "s", &i) &&
		  !json_get_int(j, "no", &i));
	ck_assert(json_get_real(j, "i", &d) && d == 5);
	ck_assert(json_get_real(j, "u", &d) && d == 0x1p63);
	ck_assert(!json_get_real(j, "huge", &d) && !json_get_real(j, "n", &d));
	ck_assert(json_get_bool(j, "b", &b) && b && !json_get_bool(j, "i", &b));
	ck_assert_ptr_nonnull(json_strn(json_get(j, "s"), &len));
	ck_assert_uint_eq(len, 3);
	ck_assert_ptr_null(json_get_str(j, "i"));
	ck_assert_int_eq(json_type(json_get(j, "n")), JSON_NULL);
	ck_assert_int_eq(json_type(json_get(j, "no")), JSON_ABSENT);
	ck_assert_int_eq(json_type(json_at(json_get(j, "a"), 1)), JSON_NULL);
	ck_assert_ptr_null(json_at(json_get(j, "a"), 2));
	ck_assert_uint_eq(json_count(j), 0);
	ck_assert_ptr_null(json_get(json_get(json_get(j, "no"), "where"), "here"));
	for (size_t it = 0; json_next(j, &it, &key, &value);)
		members++;
	ck_assert_uint_eq(members, 11);
	for (size_t it = 0; json_next(NULL, &it, &key, &value);)
		ck_abort();
}
END_TEST

START_TEST(json_builds)
{
	AUTO(json_freep) struct json *j = json_object();
	AUTO(buf_done) struct buf out = BUF(1000);
	struct json *a = json_array(), *shared = json_new_str("x");

	json_set_str(j, "s",
		     "a\xFF"
		     "b");
	json_set_str(j, "none", NULL);
	json_set_int(j, "i", INT64_MIN);
	json_set_real(j, "r", 0.1);
	json_set_real(j, "nan", NAN);
	json_set_real(j, "inf", -INFINITY);
	json_set_bool(j, "b", false);
	json_add(a, json_new_null());
	json_add(a, json_new_strn("a\0b", 3));
	json_add(a, json_ref(shared));
	json_add(a, shared);
	json_set(j, "a", a);
	json_set(j, "o", json_object());
	json_set_int(j, "i", 2); /* replaces, keeps its place */
	ck_assert_int_eq(json_write(j, &out), 0);
	ck_assert_str_eq(buf_str(&out),
			 "{\"s\":\"a\xEF\xBF\xBD"
			 "b\",\"none\":null,\"i\":2,\"r\":0.1,\"nan\":null,\"inf\":null,"
			 "\"b\":false,\"a\":[null,\"a\\u0000b\",\"x\",\"x\"],\"o\":{}}");
	buf_clear(&out);
	ck_assert_int_eq(json_write_pretty(a, &out), 0);
	ck_assert_str_eq(buf_str(&out), "[\n  null,\n  \"a\\u0000b\",\n  \"x\",\n  \"x\"\n]\n");
	json_free(NULL);
	json_free(json_new_null());
}
END_TEST

START_TEST(json_says_when_full)
{
	AUTO(json_freep) struct json *j = json_new_str("0123456789");
	AUTO(buf_done) struct buf small = BUF(5);

	ck_assert_int_eq(json_write(j, &small), -1);
	ck_assert_uint_le(small.len, 5);
}
END_TEST

/* Every double is read back as the same bits, and no shorter text would do of those tried. */
START_TEST(json_doubles)
{
	struct rng g;

	rng_seed(&g, 10);
	for (int i = 0; i < 20000; i++) {
		AUTO(buf_done) struct buf out = BUF(64);
		struct json *j;
		uint64_t bits = rng_u64(&g);
		double d, back = 0;

		memcpy(&d, &bits, sizeof(d));
		if (!isfinite(d))
			continue;
		json_number(&out, d);
		j = json_parse(out.data, out.len, NULL);
		ck_assert_msg(json_real(j, &back) && memcmp(&back, &d, sizeof(d)) == 0, "%s",
			      out.data);
		json_free(j);
	}
}
END_TEST

START_TEST(json_number_texts)
{
	static const struct {
		double d;
		const char *text;
	} rows[] = { { 0, "0.0" },
		     { -0.0, "-0.0" },
		     { 5, "5.0" },
		     { 0.1, "0.1" },
		     { 1e21, "1e+21" },
		     { 1.0 / 3, "0.3333333333333333" },
		     { 123456789012345680.0, "1.2345678901234568e+17" },
		     { 5e-324, "4.94065645841247e-324" },
		     { NAN, "null" },
		     { INFINITY, "null" } };

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		AUTO(buf_done) struct buf out = BUF(64);

		json_number(&out, rows[i].d);
		ck_assert_str_eq(buf_str(&out), rows[i].text);
	}
}
END_TEST

/* Any bytes become a string that reads back as those bytes, or as U+FFFD where they were no UTF-8.
 */
START_TEST(json_quotes_any_bytes)
{
	struct rng g;

	rng_seed(&g, 12);
	for (int i = 0; i < 5000; i++) {
		AUTO(buf_done) struct buf out = BUF(2000), again = BUF(2000);
		AUTO(json_freep) struct json *j = NULL;
		char bytes[100];
		size_t len = rng_below(&g, sizeof(bytes)), back;
		const char *s;

		for (size_t k = 0; k < len; k++)
			bytes[k] = (char)(rng_below(&g, 2) ? rng_u64(&g) : rng_below(&g, 128));
		ck_assert_int_eq(json_quote(&out, bytes, len), 0);
		j = json_parse(out.data, out.len, NULL);
		s = json_strn(j, &back);
		ck_assert_ptr_nonnull(s);
		json_quote(&again, s, back);
		ck_assert_str_eq(buf_str(&again), buf_str(&out));
	}
}
END_TEST

Suite *suite_json(void)
{
	Suite *s = suite_create("json");
	TCase *c = suite_case(s, "json");

	tcase_add_test(c, json_reads);
	tcase_add_test(c, json_refuses_nul_and_depth);
	tcase_add_test(c, json_cut_and_damaged);
	tcase_add_test(c, json_getters);
	tcase_add_test(c, json_builds);
	tcase_add_test(c, json_says_when_full);
	tcase_add_test(c, json_doubles);
	tcase_add_test(c, json_number_texts);
	tcase_add_test(c, json_quotes_any_bytes);
	return s;
}
