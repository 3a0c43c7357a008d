/* Forms in pieces, kinds of video, tokens. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/crypto.h"
#include "check_main.h"
#include "gateway/sniff.h"
#include "gateway/token.h"
#include "wire/multipart.h"

/* --- forms */

static int begin(const struct multipart_part *p, void *arg, struct err *e)
{
	if (strcmp(p->name, "unwanted") == 0)
		return err_set(e, ERR_POLICY, "unwanted");
	buf_addf(arg, "<%s%s>", p->name, p->is_file ? " file" : "");
	return 0;
}

static size_t data(const char *bytes, size_t len, void *arg)
{
	buf_add(arg, bytes, len);
	return len;
}

static int end(void *arg, struct err *e)
{
	(void)e;
	buf_adds(arg, "</>");
	return 0;
}

#define FIELD(name) "--b\r\nContent-Disposition: form-data; name=\"" name "\"\r\n\r\n"

static const struct {
	const char *name, *form, *seen, *error;
	bool whole;
} forms[] = {
	{ "two fields", FIELD("a") "one\r\n" FIELD("b") "two\r\n--b--\r\n", "<a>one</><b>two</>",
	  NULL, true },
	{ "an empty field", FIELD("a") "\r\n--b--", "<a></>", NULL, true },
	{ "a file",
	  "--b\r\ncontent-disposition:form-data;filename=\"x; y.mp4\"; name=v\r\nContent-Type: "
	  "video/mp4\r\n\r\nDATA\r\n--b--",
	  "<v file>DATA</>", NULL, true },
	{ "what looks like a boundary", FIELD("a") "x\r\n--\r\n-b\r\n--c\r\r\n--b--",
	  "<a>x\r\n--\r\n-b\r\n--c\r</>", NULL, true },
	{ "names as browsers write them", FIELD("a%22b") "\r\n--b--", "<a\"b></>", NULL, true },
	{ "text before and after", "hello\r\n" FIELD("a") "x\r\n--b--\r\nbye", "<a>x</>", NULL,
	  true },
	{ "cut short", FIELD("a") "x", "<a>x", NULL, false },
	{ "no end", FIELD("a") "x\r\n--b\r\n", "<a>x</>", NULL, false },
	{ "no colon", "--b\r\nhello\r\n\r\n", "", "no colon", false },
	{ "no name", "--b\r\nContent-Disposition: form-data\r\n\r\n", "", "no name", false },
	{ "no disposition", "--b\r\nContent-Type: a/b\r\n\r\n", "", "no Content-Disposition",
	  false },
	{ "an attachment", "--b\r\nContent-Disposition: attachment; name=\"a\"\r\n\r\n", "",
	  "not form-data", false },
	{ "base64", "--b\r\nContent-Transfer-Encoding: base64\r\n\r\n", "", "encoded", false },
	{ "something behind a boundary", FIELD("a") "x\r\n--bzz", "<a>x</>", "followed by", false },
	{ "a field that is refused", FIELD("unwanted") "x", "", "unwanted", false },
};

START_TEST(a_form_is_the_same_in_pieces)
{
	const char *form = forms[_i].form;
	size_t len = strlen(form);

	for (size_t piece = 1; piece <= len; piece++) {
		AUTO(buf_done) struct buf seen = BUF(4096);
		const struct multipart_events events = { begin, data, end, &seen };
		struct multipart f;
		struct err e = { 0 };
		ssize_t n = 0;

		ck_assert_int_eq(multipart_init(&f, "multipart/form-data; boundary=b", &events, &e),
				 0);
		for (size_t at = 0; at < len && n >= 0; at += (size_t)n)
			n = multipart_feed(&f, form + at, len - at < piece ? len - at : piece, &e);
		ck_assert_msg((n < 0) == (forms[_i].error != NULL), "%s: %s", forms[_i].name,
			      e.text);
		ck_assert_msg(strcmp(buf_str(&seen), forms[_i].seen) == 0, "%s, by %zu: %s",
			      forms[_i].name, piece, buf_str(&seen));
		ck_assert(multipart_whole(&f) == forms[_i].whole);
		if (forms[_i].error)
			ck_assert_msg(strstr(e.text, forms[_i].error), "%s", e.text);
		multipart_done(&f);
	}
}
END_TEST

static const struct {
	const char *type;
	bool good;
} content_types[] = {
	{ "multipart/form-data; boundary=x", true },
	{ "Multipart/Form-Data;charset=utf-8; boundary=\"a b\"", true },
	{ "multipart/form-data; boundary=\"a;b\"", false },
	{ "multipart/form-data", false },
	{ "multipart/form-data; boundary=", false },
	{ "multipart/form-data; boundary=\"x", false },
	{ "multipart/form-data; boundary=\"x \"", false },
	{ "multipart/form-data; boundary="
	  "0123456789012345678901234567890123456789012345678901234567890123456789x",
	  false },
	{ "multipart/form-datax; boundary=x", false },
	{ "text/plain; boundary=x", false },
	{ NULL, false },
};

START_TEST(a_form_says_its_boundary)
{
	const struct multipart_events none = { 0 };
	struct multipart f;

	ck_assert_msg((multipart_init(&f, content_types[_i].type, &none, NULL) == 0) ==
			      content_types[_i].good,
		      "%s", content_types[_i].type);
}
END_TEST

START_TEST(a_form_is_bounded)
{
	AUTO(buf_done) struct buf seen = BUF(1 << 16), text = BUF(1 << 16);
	const struct multipart_events events = { begin, data, end, &seen };
	struct multipart f;
	struct err e = { 0 };

	ck_assert_int_eq(multipart_init(&f, "multipart/form-data; boundary=b", &events, &e), 0);
	buf_adds(&text, "--b\r\nX: ");
	while (text.len < 9000)
		buf_addc(&text, 'x');
	ck_assert_int_eq(multipart_feed(&f, text.data, text.len, &e), -1);
	ck_assert_ptr_nonnull(strstr(e.text, "8 KiB"));
	multipart_done(&f);
	ck_assert_int_eq(multipart_init(&f, "multipart/form-data; boundary=b", &events, &e), 0);
	buf_clear(&text);
	for (int i = 0; i < 65; i++)
		buf_adds(&text, "\r\n" FIELD("a"));
	ck_assert_int_eq(multipart_feed(&f, text.data, text.len, &e), -1);
	ck_assert_ptr_nonnull(strstr(e.text, "64 parts"));
	multipart_done(&f);
}
END_TEST

/* --- kinds */

static const struct {
	const char *word; /* NULL: none */
	const char *bytes;
	size_t len;
} kinds[] = {
#define KIND(word, bytes)                      \
	{                                      \
		word, bytes, sizeof(bytes) - 1 \
	}
	KIND("mp4", "\0\0\0\x18"
		    "ftypisom\0\0\2\0"),
	KIND("mp4", "\0\0\0\x18"
		    "ftypM4V \0\0\2\0"),
	KIND("mov", "\0\0\0\x14"
		    "ftypqt  \0\0\0\0"),
	KIND("mov", "\0\0\0\x08"
		    "wide\0\0\0\0mdat"),
	KIND(NULL, "\0\0\0\x18"
		   "ftypheic\0\0\0\0"),
	KIND(NULL, "\0\0\0\x18"
		   "ftypM4A \0\0\0\0"),
	KIND("webm", "\x1a\x45\xdf\xa3\x9f\x42\x86\x81\1\x42\x82\x84webm"),
	KIND("mkv", "\x1a\x45\xdf\xa3\xa3\x42\x86\x81\1\x42\x82\x88matroska"),
	KIND(NULL, "\x1a\x45\xdf\xa3\xa3\x42\x86\x81\1"),
	KIND("avi", "RIFF\0\0\0\0AVI LIST"),
	KIND(NULL, "RIFF\0\0\0\0WAVEfmt "),
	KIND("mpeg", "\0\0\1\xba\x44"),
	KIND("flv", "FLV\1\5"),
	KIND("ogg", "OggS\0\2"),
	KIND("wmv", "\x30\x26\xb2\x75\x8e\x66\xcf\x11\xa6"),
	KIND(NULL, "hello, this is text"),
	KIND(NULL, "GIF89a"),
	KIND(NULL, ""),
	KIND(NULL, "G"),
};

START_TEST(a_video_is_told_by_its_first_bytes)
{
	const struct gateway_sniff *s = gateway_sniff(kinds[_i].bytes, kinds[_i].len);

	ck_assert_pstr_eq(s ? s->word : NULL, kinds[_i].word);
}
END_TEST

START_TEST(a_transport_stream_is_told_by_three_packets)
{
	char bytes[188 * 4] = { 0 };
	const struct gateway_sniff *s;

	for (int i = 0; i < 4; i++)
		bytes[188 * i] = 'G';
	s = gateway_sniff(bytes, sizeof(bytes));
	ck_assert(s && gateway_sniff_listed("mp4,mpegts", s) &&
		  !gateway_sniff_listed("mp4,mpeg", s));
	bytes[188 * 2] = 'g';
	ck_assert_ptr_null(gateway_sniff(bytes, sizeof(bytes)));
	ck_assert_ptr_null(gateway_sniff(bytes, 188));
}
END_TEST

/* --- tokens */

#define SECRET "0123456789abcdef0123456789abcdef"
#define LISTED "a-token-that-is-in-the-file"

static char folder[] = "/tmp/check-gateway-XXXXXX";

static char *file(const char *name, const char *text)
{
	char *path = own_printf("%s/%s", folder, name);
	AUTO(buf_done) struct buf b = BUF(4096);
	struct err e = { 0 };

	buf_adds(&b, text);
	ck_assert_msg(buf_write_file(&b, path, 0600, &e) == 0, "%s", e.text);
	return path;
}

static void url64(const void *data, size_t len, struct buf *out)
{
	AUTO(buf_done) struct buf plain = BUF(4096);

	crypto_base64(data, len, &plain);
	for (size_t i = 0; i < plain.len && plain.data[i] != '='; i++)
		buf_addc(out, plain.data[i] == '+'   ? '-'
			      : plain.data[i] == '/' ? '_'
						     : plain.data[i]);
}

static void jwt(struct buf *out, const char *header, const char *claims, const char *secret)
{
	uint8_t mac[CRYPTO_SHA256_BYTES];
	size_t start;

	buf_adds(out, "Bearer ");
	start = out->len;
	url64(header, strlen(header), out);
	buf_addc(out, '.');
	url64(claims, strlen(claims), out);
	crypto_hmac_sha256(secret, strlen(secret), out->data + start, out->len - start, mac);
	buf_addc(out, '.');
	url64(mac, sizeof(mac), out);
}

#define HS256 "{\"alg\":\"HS256\",\"typ\":\"JWT\"}"
#define NOW 1700000000

static const struct {
	const char *name, *header, *claims, *secret, *code; /* code NULL: let in */
} tokens[] = {
	{ "good", HS256, "{\"sub\":\"ana\",\"aud\":\"up\",\"exp\":1700000060}", SECRET, NULL },
	{ "for several", HS256, "{\"aud\":[\"x\",\"up\"],\"exp\":1700000060.5}", SECRET, NULL },
	{ "just over, within the leeway", HS256, "{\"aud\":\"up\",\"exp\":1699999980}", SECRET,
	  NULL },
	{ "expired", HS256, "{\"aud\":\"up\",\"exp\":1699999900}", SECRET, "expired_token" },
	{ "for ever", HS256, "{\"aud\":\"up\"}", SECRET, "invalid_token" },
	{ "with a word for an end", HS256, "{\"aud\":\"up\",\"exp\":\"1800000000\"}", SECRET,
	  "invalid_token" },
	{ "not yet good", HS256, "{\"aud\":\"up\",\"exp\":1700000060,\"nbf\":1700000050}", SECRET,
	  "invalid_token" },
	{ "soon good, within the leeway", HS256,
	  "{\"aud\":\"up\",\"exp\":1700000060,\"nbf\":1700000020}", SECRET, NULL },
	{ "for others", HS256, "{\"aud\":\"down\",\"exp\":1700000060}", SECRET, "invalid_token" },
	{ "for nobody", HS256, "{\"exp\":1700000060}", SECRET, "invalid_token" },
	{ "by another secret", HS256, "{\"aud\":\"up\",\"exp\":1700000060}", "x" SECRET,
	  "invalid_token" },
	{ "unsigned by its own word", "{\"alg\":\"none\"}", "{\"aud\":\"up\",\"exp\":1700000060}",
	  SECRET, "invalid_token" },
	{ "of another algorithm", "{\"alg\":\"RS256\"}", "{\"aud\":\"up\",\"exp\":1700000060}",
	  SECRET, "invalid_token" },
	{ "of more than we know", "{\"alg\":\"HS256\",\"crit\":[\"b64\"]}",
	  "{\"aud\":\"up\",\"exp\":1700000060}", SECRET, "invalid_token" },
	{ "no claims", HS256, "[]", SECRET, "invalid_token" },
	{ "no JSON", HS256, "hello", SECRET, "invalid_token" },
};

static struct gateway_token *token_new(struct err *e)
{
	AUTO(own_freep)
	char *list = file("tokens", "# ours\n\n" LISTED "\r\nanother-token-of-theirs\n");
	AUTO(own_freep) char *secret = file("secret", SECRET "\n");

	return gateway_token_new(&(struct gateway_token_options){ .token_file = list,
								  .secret_file = secret,
								  .audience = "up",
								  .leeway = span_s(30) },
				 e);
}

START_TEST(a_signed_token_is_checked)
{
	AUTO(gateway_token_freep) struct gateway_token *t = NULL;
	AUTO(buf_done) struct buf text = BUF(8192);
	char who[GATEWAY_TOKEN_WHO_MAX];
	struct err e = { 0 };
	int rc;

	t = token_new(&e);
	ck_assert_msg(t != NULL, "%s", e.text);
	jwt(&text, tokens[_i].header, tokens[_i].claims, tokens[_i].secret);
	rc = gateway_token_check(t, buf_str(&text), (struct instant){ NOW * 1000ll }, who, &e);
	ck_assert_msg((rc == 0) == !tokens[_i].code, "%s: %s", tokens[_i].name, e.text);
	if (tokens[_i].code)
		ck_assert_str_eq(e.code, tokens[_i].code);
	else
		ck_assert_uint_eq(strlen(who), 64);
	buf_addc(&text, 'A'); /* and a signature that is too long */
	ck_assert_int_eq(
		gateway_token_check(t, buf_str(&text), (struct instant){ NOW * 1000ll }, who, &e),
		-1);
}
END_TEST

static const struct {
	const char *header, *code;
} headers[] = {
	{ "Bearer " LISTED, NULL },
	{ "bearer  another-token-of-theirs", NULL },
	{ NULL, "missing_token" },
	{ "", "missing_token" },
	{ "Basic abc", "missing_token" },
	{ "Bearer ", "invalid_token" },
	{ "Bearer # ours", "invalid_token" },
	{ "Bearer a-token-that-is-in-the-fil", "invalid_token" },
	{ "Bearer " LISTED "x", "invalid_token" },
	{ "Bearer a.b", "invalid_token" },
	{ "Bearer ..", "invalid_token" },
	{ "Bearer a.b.c.d", "invalid_token" },
};

START_TEST(a_listed_token_is_let_in)
{
	AUTO(gateway_token_freep) struct gateway_token *t = NULL;
	char who[GATEWAY_TOKEN_WHO_MAX];
	struct err e = { 0 };
	int rc;

	t = token_new(&e);
	ck_assert_msg(t != NULL, "%s", e.text);
	rc = gateway_token_check(t, headers[_i].header, (struct instant){ 0 }, who, &e);
	ck_assert_msg((rc == 0) == !headers[_i].code, "%s: %s", headers[_i].header, e.text);
	if (headers[_i].code)
		ck_assert_str_eq(e.code, headers[_i].code);
	ck_assert_ptr_null(strstr(e.text, "token-that")); /* it is not said again */
}
END_TEST

static const struct {
	const char *name, *tokens, *secret, *key, *audience, *error;
} refusals[] = {
	{ "nothing", NULL, NULL, NULL, NULL, "nobody could upload" },
	{ "no tokens", "# none\n", NULL, NULL, NULL, "no token in it" },
	{ "a short token", "short\n", NULL, NULL, NULL, "line 1" },
	{ "a short secret", NULL, "short\n", NULL, "up", "fewer than 32 bytes" },
	{ "no audience", NULL, SECRET, NULL, NULL, "--jwt-audience" },
	{ "both kinds", NULL, SECRET, "x", "up", "not both" },
	{ "no key", NULL, NULL, "x", "up", "no RSA public key" },
};

START_TEST(what_lets_nobody_in_is_refused)
{
	AUTO(own_freep) char *list = NULL, *secret = NULL, *key = NULL;
	struct err e = { 0 };
	struct gateway_token_options o = { .audience = refusals[_i].audience };

	if (refusals[_i].tokens)
		o.token_file = list = file("t", refusals[_i].tokens);
	if (refusals[_i].secret)
		o.secret_file = secret = file("s", refusals[_i].secret);
	if (refusals[_i].key)
		o.key_file = key = file("k", refusals[_i].key);
	ck_assert_ptr_null(gateway_token_new(&o, &e));
	ck_assert_int_eq(e.kind, ERR_POLICY);
	ck_assert_msg(strstr(e.text, refusals[_i].error), "%s: %s", refusals[_i].name, e.text);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("gateway");
	TCase *t = tcase_create("form");
	AUTO(own_freep) char *gone = NULL;
	int rc;

	tcase_add_loop_test(t, a_form_is_the_same_in_pieces, 0, COUNT_OF(forms));
	tcase_add_loop_test(t, a_form_says_its_boundary, 0, COUNT_OF(content_types));
	tcase_add_test(t, a_form_is_bounded);
	suite_add_tcase(s, t);
	t = tcase_create("sniff");
	tcase_add_loop_test(t, a_video_is_told_by_its_first_bytes, 0, COUNT_OF(kinds));
	tcase_add_test(t, a_transport_stream_is_told_by_three_packets);
	suite_add_tcase(s, t);
	t = tcase_create("token");
	tcase_add_loop_test(t, a_signed_token_is_checked, 0, COUNT_OF(tokens));
	tcase_add_loop_test(t, a_listed_token_is_let_in, 0, COUNT_OF(headers));
	tcase_add_loop_test(t, what_lets_nobody_in_is_refused, 0, COUNT_OF(refusals));
	suite_add_tcase(s, t);
	if (!mkdtemp(folder))
		return EXIT_FAILURE;
	rc = check_main_run(srunner_create(s));
	for (size_t i = 0; i < 5; i++) {
		static const char *const names[] = { "tokens", "secret", "t", "s", "k" };

		own_free(gone);
		gone = own_printf("%s/%s", folder, names[i]);
		unlink(gone);
	}
	rmdir(folder);
	return rc;
}
