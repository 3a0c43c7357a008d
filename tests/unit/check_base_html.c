/* html, chartjs, embed: pages that hold all they need, and nothing that gets out. */
#include "check_base.h"

#include "base/chartjs.h"
#include "base/crypto.h"
#include "base/html.h"

START_TEST(texts_from_outside_stay_texts)
{
	static const struct {
		const char *in, *out;
	} table[] = {
		{ "plain", "plain" },
		{ "<img src=x onerror='a()'>", "&lt;img src=x onerror=&#39;a()&#39;&gt;" },
		{ "\" onclick=\"a()", "&quot; onclick=&quot;a()" },
		{ "a & b &amp; c", "a &amp; b &amp;amp; c" },
		{ "two\nlines", "two\nlines" },
		{ "\x01\x1b[2J\x7f", "\xEF\xBF\xBD\xEF\xBF\xBD[2J\xEF\xBF\xBD" },
		{ "\xff<\xc3", "\xEF\xBF\xBD&lt;\xEF\xBF\xBD" },
		{ "caf\xc3\xa9", "caf\xc3\xa9" },
	};

	for (size_t i = 0; i < COUNT_OF(table); i++) {
		AUTO(buf_done) struct buf out = BUF(1024);

		ck_assert_int_eq(html_text(&out, table[i].in), 0);
		ROW_ASSERT_STR(table[i].in, buf_str(&out), table[i].out);
	}
}
END_TEST

static struct embed text(const char *s)
{
	return (struct embed){ s, strlen(s) };
}

START_TEST(a_page_allows_itself_and_nothing_else)
{
	AUTO(buf_done) struct buf out = BUF(65536), digest = BUF(256);
	AUTO(json_freep) struct json *data = json_object();
	struct embed scripts[] = { text("var a = 1;"), text("a < 2;") };
	struct html_page page = { .title = "a <title>",
				  .style = text("p { color: red; }"),
				  .body = "<p>body</p>\n",
				  .data_id = "data",
				  .data = data,
				  .scripts = scripts,
				  .script_count = 2 };
	struct err e;

	json_set_str(data, "name", "</script><script>alert(1)</script><!-- & ");
	ck_assert_msg(html_page(&page, &out, &e) == 0, "%s", e.text);
	ck_assert_ptr_nonnull(strstr(buf_str(&out), "<title>a &lt;title&gt;</title>"));
	ck_assert_ptr_nonnull(strstr(buf_str(&out), "default-src 'none'; base-uri 'none';"));
	ck_assert_ptr_null(strstr(buf_str(&out), "unsafe"));
	ck_assert_ptr_null(strstr(buf_str(&out), "alert(1)</script>"));
	ck_assert_ptr_nonnull(strstr(buf_str(&out), "\\u003c/script\\u003e\\u003cscript\\u003e"));
	/* What every browser computes of the text between the tags: printf %s 'a < 2;' | sha256. */
	for (size_t i = 0; i < 2; i++) {
		uint8_t raw[CRYPTO_SHA256_BYTES];

		buf_clear(&digest);
		crypto_sha256(scripts[i].text, scripts[i].len, raw);
		buf_adds(&digest, "'sha256-");
		crypto_base64(raw, sizeof(raw), &digest);
		buf_addc(&digest, '\'');
		ck_assert_ptr_nonnull(strstr(buf_str(&out), buf_str(&digest)));
	}
}
END_TEST

START_TEST(a_script_that_would_end_its_element_is_refused)
{
	static const char *const bad[] = { "a = '</script>';", "a = '</SCRIPT ';",
					   "b = '<!-- c';" };

	for (size_t i = 0; i < COUNT_OF(bad); i++) {
		AUTO(buf_done) struct buf out = BUF(65536);
		struct embed script = text(bad[i]);
		struct html_page page = { .title = "t",
					  .style = text(""),
					  .body = "",
					  .scripts = &script,
					  .script_count = 1 };
		struct err e;

		ROW_ASSERT(bad[i], html_page(&page, &out, &e) < 0);
		ROW_ASSERT(bad[i], strstr(e.text, "ends it") != NULL);
		script = text("a = b < c;");
		ROW_ASSERT(bad[i], html_page(&page, &out, &e) == 0);
	}
}
END_TEST

START_TEST(a_page_past_its_cap_is_an_error)
{
	AUTO(buf_done) struct buf out = BUF(64);
	struct html_page page = { .title = "t", .style = text(""), .body = "" };
	struct err e;

	ck_assert_int_lt(html_page(&page, &out, &e), 0);
}
END_TEST

/* With the library its script is whole; without it the error says what to install. */
START_TEST(chartjs_is_there_or_says_how)
{
	struct embed script;
	struct err e;

	if (chartjs_script(&script, &e) < 0) {
		ck_assert_ptr_nonnull(strstr(e.text, "libjs-chart.js"));
		return;
	}
	ck_assert_uint_gt(script.len, 100000);
	ck_assert_uint_eq(script.len, strlen(script.text));
	ck_assert_ptr_nonnull(strstr(script.text, "MIT License"));
}
END_TEST

Suite *suite_html(void)
{
	Suite *s = suite_create("html");
	TCase *t = suite_case(s, "html");

	tcase_add_test(t, texts_from_outside_stay_texts);
	tcase_add_test(t, a_page_allows_itself_and_nothing_else);
	tcase_add_test(t, a_script_that_would_end_its_element_is_refused);
	tcase_add_test(t, a_page_past_its_cap_is_an_error);
	tcase_add_test(t, chartjs_is_there_or_says_how);
	return s;
}
