/* yaml and xml */
#include "check_base.h"

#include "base/buf.h"
#include "base/rng.h"
#include "base/xml.h"
#include "base/yaml.h"

static void dump(const struct yaml_node *n, struct buf *out)
{
	if (!n) {
		buf_adds(out, "nothing");
		return;
	}
	buf_addf(out, "%d:%d", n->at.line, n->at.column);
	if (n->kind == YAML_SCALAR) {
		buf_addf(out, n->plain ? "=%s" : "='%s'", n->text);
		return;
	}
	buf_adds(out, n->kind == YAML_MAP ? "{" : "[");
	for (size_t i = 0; i < n->count; i++) {
		buf_adds(out, i ? " " : "");
		if (n->kind == YAML_MAP) {
			dump(n->keys[i], out);
			buf_adds(out, "->");
		}
		dump(n->items[i], out);
	}
	buf_adds(out, n->kind == YAML_MAP ? "}" : "]");
}

static const struct {
	const char *name, *text, *tree, *error;
} yamls[] = {
	{ "empty", "", "nothing", NULL },
	{ "a comment", "# x\n", "nothing", NULL },
	{ "an empty document", "---\n", "nothing", NULL },
	{ "scalar", "x", "1:1=x", NULL },
	{ "map", "a: 1\nb: 'x y'\n", "1:1{1:1=a->1:4=1 2:1=b->2:4='x y'}", NULL },
	{ "flow", "{ a: [1, \"2\"] }", "1:1{1:3=a->1:6[1:7=1 1:10='2']}", NULL },
	{ "block list", "a:\n  - b\n  - c: d\n", "1:1{1:1=a->2:3[2:5=b 3:5{3:5=c->3:8=d}]}", NULL },
	{ "characters, not bytes", "{é: 1, b: 2}", "1:1{1:2=é->1:5=1 1:8=b->1:11=2}", NULL },
	{ "byte order mark",
	  "\xEF\xBB\xBF"
	  "a: 1",
	  "1:1{1:1=a->1:4=1}", NULL },
	{ "nothing behind a key", "a:\nb: 1", "1:1{1:1=a->1:3= 2:1=b->2:4=1}", NULL },
	{ "folded", "a: >\n  x\n  y\n", "1:1{1:1=a->1:4='x y\n'}", NULL },
	{ "core tag", "a: !!str 5", "1:1{1:1=a->1:4='5'}", NULL },
	{ "empties", "[{}, []]", "1:1[1:2{} 1:6[]]", NULL },
	{ "anchor", "a: &x 1", NULL, "f:1:4: anchors are not supported" },
	{ "alias", "a: *x", NULL, "f:1:4: anchors are not supported" },
	{ "anchor on a list", "a: &x [1]", NULL, "f:1:4: anchors are not supported" },
	{ "anchor on a map", "a: &x {}", NULL, "f:1:4: anchors are not supported" },
	{ "alias as a key", "*a : 1", NULL, "f:1:1: anchors are not supported" },
	{ "tag", "a: !ruby/object 1", NULL, "f:1:4: tags are not supported" },
	{ "binary tag", "a: !!binary x", NULL, "f:1:4: tags are not supported" },
	{ "twice", "a: 1\nb: 2\na: 3", NULL, "f:3:1: 'a' is given twice, first at line 1" },
	{ "twice by quotes", "{a: 1, 'a': 2}", NULL, "f:1:8: 'a' is given twice, first at line 1" },
	{ "list as a key", "? [a]\n: b", NULL, "f:1:3: a key must be a text" },
	{ "second document", "a: 1\n---\nb: 2", NULL, "f:2:1: a second document in one file" },
	{ "NUL", "a: \"x\\0y\"", NULL, "f:1:4: a text may not hold NUL" },
	{ "tab", "a:\n\t- b", NULL, "f:2:1: " },
	{ "flow does not end", "a: [1, 2", NULL, "f:" },
	{ "quote does not end", "a: 'x", NULL, "f:1:6: " },
	{ "colon in a plain value", "a: b: c", NULL, "f:1:5: " },
	{ "invalid UTF-8", "a: 1\nb\xC3(: 2", NULL, "f:2:3: " },
	{ "control character", "a: \x01", NULL, "f:1:4: " },
	{ "directive", "%YAML 9.9\n---\na", NULL, "f:1:1: " },
};

static void yaml_reads_row(size_t i)
{
	struct err e = { 0 };
	AUTO(yaml_freep)
	struct yaml *y = yaml_parse("f", yamls[i].text, strlen(yamls[i].text), &e);
	AUTO(buf_done) struct buf out = BUF(10000);

	if (yamls[i].error) {
		ROW_ASSERT(yamls[i].name, !y && e.kind == ERR_POLICY);
		ck_assert_msg(strncmp(e.text, yamls[i].error, strlen(yamls[i].error)) == 0,
			      "%s: %s", yamls[i].name, e.text);
		return;
	}
	ck_assert_msg(y != NULL, "%s: %s", yamls[i].name, e.text);
	dump(yaml_root(y), &out);
	ROW_ASSERT_STR(yamls[i].name, buf_str(&out), yamls[i].tree);
}

START_TEST(yaml_reads)
{
	for (size_t i = 0; i < COUNT_OF(yamls); i++)
		yaml_reads_row(i);
}
END_TEST

START_TEST(yaml_is_bounded)
{
	AUTO(buf_done) struct buf b = BUF(YAML_BYTES_MAX + 10);
	struct err e = { 0 };
	struct yaml *y;

	for (int n = 30; n < 36; n++) {
		buf_clear(&b);
		for (int i = 0; i < n; i++)
			buf_adds(&b, "[");
		for (int i = 0; i < n; i++)
			buf_adds(&b, "]");
		y = yaml_parse("f", b.data, b.len, &e);
		ck_assert_msg((y != NULL) == (n <= YAML_DEPTH_MAX), "%d", n);
		yaml_free(y);
	}
	buf_clear(&b);
	while (b.len < 100000)
		buf_adds(&b, "- a\n");
	ck_assert_ptr_null(yaml_parse("f", b.data, b.len, &e));
	ck_assert_str_eq(e.text, "f:20000:3: too many values");
	buf_clear(&b);
	while (b.len <= YAML_BYTES_MAX)
		buf_addc(&b, '#');
	ck_assert_ptr_null(yaml_parse("f", b.data, b.len, &e));
	ck_assert_str_eq(e.text, "f: larger than 1048576 bytes");
	buf_clear(&b);
	while (b.len < 1000000)
		buf_addc(&b, '[');
	ck_assert_ptr_null(yaml_parse("f", b.data, b.len, &e));
	ck_assert_ptr_null(yaml_load("/nonexistent/f.yaml", &e));
	ck_assert_int_eq(e.kind, ERR_NOT_FOUND);
}
END_TEST

START_TEST(yaml_finds)
{
	AUTO(yaml_freep) struct yaml *y = yaml_parse("f", "a: {b: c}", 9, NULL);

	ck_assert_str_eq(yaml_get(yaml_get(yaml_root(y), "a"), "b")->text, "c");
	ck_assert_ptr_null(yaml_get(yaml_get(yaml_root(y), "x"), "b"));
	ck_assert_ptr_null(yaml_get(yaml_get(yaml_get(yaml_root(y), "a"), "b"), "c"));
}
END_TEST

/* What is read says nothing, and what is refused says why. */
static void assert_read_or_said(const void *read, const struct err *e)
{
	ck_assert_msg((read != NULL) == (e->kind == ERR_NONE) && (read != NULL) == !*e->text,
		      "%s, with '%s'", read ? "read" : "refused", e->text);
}

/* 1 for a document that was read */
static int yaml_try(const char *text, size_t len)
{
	struct err e = { 0 };
	struct yaml *doc = yaml_parse("f", text, len, &e);
	bool ok = doc != NULL;

	assert_read_or_said(doc, &e);
	yaml_free(doc);
	return ok;
}

START_TEST(yaml_cut_and_damaged)
{
	static const char text[] =
		"a: [1, 'x', \"y\\n\"]\nb:\n  - c: {d: e}\n  - >\n    long\n    text\nf: |\n  g\n";
	struct rng g;
	int read = 0;

	rng_seed(&g, 13);
	for (size_t len = 0; len < sizeof(text); len++) {
		AUTO(own_freep) char *cut = own_array(len ? len : 1, 1);

		memcpy(cut, text, len);
		yaml_try(cut, len);
	}
	for (int i = 0; i < 8000; i++) {
		AUTO(own_freep) char *bad = own_array(sizeof(text) - 1, 1);

		memcpy(bad, text, sizeof(text) - 1);
		for (uint64_t n = rng_below(&g, 4) + 1; n; n--)
			bad[rng_below(&g, sizeof(text) - 1)] =
				rng_below(&g, 2) ? (char)rng_u64(&g)
						 : "[]{}:,-#&*!|>'\"%@`?\n \t"[rng_below(&g, 22)];
		read += yaml_try(bad, sizeof(text) - 1);
	}
	ck_assert_int_gt(read, 50); /* so that both ways were taken */
	ck_assert_int_lt(read, 7900);
}
END_TEST

static const struct {
	const char *name, *text, *error;
} bad_xmls[] = {
	{ "empty", "", "no element" },
	{ "does not end", "<a><b>", "no element found" },
	{ "wrong end", "<a></b>", "mismatched tag" },
	{ "two roots", "<a/><b/>", "junk after" },
	{ "document type", "<!DOCTYPE a><a/>", "document type" },
	{ "entities", "<!DOCTYPE a [<!ENTITY b \"x\"><!ENTITY c \"&b;&b;\">]><a>&c;</a>",
	  "document type" },
	{ "outside entity", "<!DOCTYPE a [<!ENTITY b SYSTEM \"file:///etc/passwd\">]><a>&b;</a>",
	  "document type" },
	{ "unknown entity", "<a>&nbsp;</a>", "undefined entity" },
	{ "invalid UTF-8", "<a>\xFF</a>", "not well-formed" },
	{ "NUL reference", "<a>&#0;</a>", "reference to invalid character" },
	{ "JSON", "{}", "not well-formed" },
};

static void xml_refuses_row(size_t i)
{
	struct err e = { 0 };
	struct xml *x = xml_parse(bad_xmls[i].text, strlen(bad_xmls[i].text), &e);

	ROW_ASSERT(bad_xmls[i].name, !x && e.kind == ERR_PROTOCOL);
	ck_assert_msg(strstr(e.text, bad_xmls[i].error) != NULL, "%s: %s", bad_xmls[i].name,
		      e.text);
}

START_TEST(xml_refuses)
{
	for (size_t i = 0; i < COUNT_OF(bad_xmls); i++)
		xml_refuses_row(i);
}
END_TEST

START_TEST(xml_reads)
{
	static const char text[] = "<?xml version=\"1.0\"?>\n<R xmlns=\"http://a\" "
				   "xmlns:s=\"u\"><L><s:Key x=\"1\"> a &amp; &#60;"
				   "<![CDATA[<b>]]> </s:Key><Key>2</Key><E/></L><N>5</N></R>";
	struct err e = { 0 };
	AUTO(xml_freep) struct xml *x = xml_parse(text, strlen(text), &e);
	const struct xml_node *l = xml_get(xml_root(x), "L");

	ck_assert_msg(x != NULL, "%s", e.text);
	ck_assert_str_eq(xml_root(x)->name, "R");
	ck_assert_str_eq(xml_text(xml_root(x), "L/Key"), " a & <<b> ");
	ck_assert_str_eq(xml_text(xml_root(x), "L/E"), "");
	ck_assert_str_eq(xml_text(xml_root(x), "N"), "5");
	ck_assert_ptr_null(xml_text(xml_root(x), "L/None"));
	ck_assert_ptr_null(xml_text(xml_root(x), "None/L"));
	ck_assert_ptr_null(xml_text(xml_root(x), "Ke"));
	ck_assert_str_eq(xml_next(xml_first(l, "Key"), "Key")->text, "2");
	ck_assert_ptr_null(xml_next(xml_next(xml_first(l, "Key"), "Key"), "Key"));
	ck_assert_ptr_null(xml_first(NULL, "x"));
	ck_assert_ptr_null(xml_root(NULL));
}
END_TEST

START_TEST(xml_is_bounded)
{
	AUTO(buf_done) struct buf b = BUF(1 << 22);
	struct err e = { 0 };

	for (int n = 30; n < 36; n++) {
		struct xml *x;

		buf_clear(&b);
		for (int i = 0; i < n; i++)
			buf_adds(&b, "<a>");
		for (int i = 0; i < n; i++)
			buf_adds(&b, "</a>");
		x = xml_parse(b.data, b.len, &e);
		ck_assert_msg((x != NULL) == (n <= XML_DEPTH_MAX), "%d", n);
		xml_free(x);
	}
	ck_assert_ptr_nonnull(strstr(e.text, "nested too deep"));
	buf_clear(&b);
	buf_adds(&b, "<a>");
	for (int i = 0; i < XML_NODES_MAX; i++)
		buf_adds(&b, "<b/>");
	buf_adds(&b, "</a>");
	ck_assert_ptr_null(xml_parse(b.data, b.len, &e));
	ck_assert_ptr_nonnull(strstr(e.text, "too many elements"));
}
END_TEST

START_TEST(xml_writes_what_it_reads)
{
	struct rng g;

	rng_seed(&g, 14);
	for (int i = 0; i < 3000; i++) {
		AUTO(buf_done) struct buf out = BUF(10000), again = BUF(10000);
		AUTO(xml_freep) struct xml *x = NULL;
		struct err e = { 0 };
		char bytes[80];
		size_t len = rng_below(&g, sizeof(bytes) - 1);

		for (size_t k = 0; k < len; k++)
			bytes[k] = rng_below(&g, 2) ? (char)(1 + rng_below(&g, 255))
						    : "<>&\"']]>\r\n\t "[rng_below(&g, 12)];
		bytes[len] = '\0';
		ck_assert_int_eq(xml_elem(&out, "a", bytes), 0);
		x = xml_parse(out.data, out.len, &e);
		ck_assert_msg(x != NULL, "%s in %s", e.text, out.data);
		ck_assert_int_eq(xml_elem(&again, "a", xml_root(x)->text), 0);
		ck_assert_str_eq(buf_str(&again), buf_str(&out));
	}
}
END_TEST

static int xml_try(const char *text, size_t len)
{
	struct err e = { 0 };
	struct xml *doc = xml_parse(text, len, &e);
	bool ok = doc != NULL;

	assert_read_or_said(doc, &e);
	xml_free(doc);
	return ok;
}

START_TEST(xml_cut_and_damaged)
{
	static const char text[] =
		"<R><L><Key>a &amp; b</Key><Key>&#233;<![CDATA[<]]></Key></L></R>";
	struct rng g;
	int read = 0;

	rng_seed(&g, 15);
	for (int i = 0; i < 8000; i++) {
		AUTO(own_freep) char *bad = own_array(sizeof(text) - 1, 1);

		memcpy(bad, text, sizeof(text) - 1);
		for (uint64_t n = rng_below(&g, 3) + 1; n; n--)
			bad[rng_below(&g, sizeof(text) - 1)] = (char)rng_u64(&g);
		read += xml_try(bad,
				rng_below(&g, 8) ? sizeof(text) - 1 : rng_below(&g, sizeof(text)));
	}
	ck_assert_int_gt(read, 50);
	ck_assert_int_lt(read, 7900);
}
END_TEST

Suite *suite_documents(void)
{
	Suite *s = suite_create("documents");
	TCase *c = suite_case(s, "yaml");

	tcase_add_test(c, yaml_reads);
	tcase_add_test(c, yaml_is_bounded);
	tcase_add_test(c, yaml_finds);
	tcase_add_test(c, yaml_cut_and_damaged);
	c = suite_case(s, "xml");
	tcase_add_test(c, xml_refuses);
	tcase_add_test(c, xml_reads);
	tcase_add_test(c, xml_is_bounded);
	tcase_add_test(c, xml_writes_what_it_reads);
	tcase_add_test(c, xml_cut_and_damaged);
	return s;
}
