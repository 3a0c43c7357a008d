/* aws-chunked bodies. */
#include "check_wire.h"

#include <string.h>

#include "base/crypto.h"
#include "wire/canon.h"
#include "wire/chunked.h"

#define SIGNED "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"
#define UNSIGNED "STREAMING-UNSIGNED-PAYLOAD-TRAILER"

static int collect(const void *data, size_t len, void *arg, struct err *e)
{
	(void)e;
	return buf_add(arg, data, len);
}

/* Feeds in pieces of @p step bytes. */
static int decode(struct chunked *c, const char *text, size_t len, size_t step, struct buf *out,
		  struct err *e)
{
	for (size_t at = 0; at < len; at += step)
		if (chunked_feed(c, text + at, len - at < step ? len - at : step, collect, out, e) <
		    0)
			return -1;
	return chunked_end(c, e);
}

static const struct {
	const char *name, *text, *body, *code;
} bodies[] = {
	{ "two chunks and a trailer",
	  "5\r\nhello\r\n6\r\n world\r\n0\r\nX-Amz-Checksum-Crc32: AAAA\r\n\r\n", "hello world",
	  NULL },
	{ "nothing", "0\r\n\r\n", "", NULL },
	{ "no empty line at the end", "1\r\na\r\n0\r\n", "a", NULL },
	{ "upper and lower case sizes", "A\r\n0123456789\r\na\r\n0123456789\r\n0\r\n\r\n",
	  "01234567890123456789", NULL },
	{ "extensions are passed over", "1;x=y\r\na\r\n0;z\r\n\r\n", "a", NULL },
	{ "a cut chunk", "5\r\nhel", NULL, "IncompleteBody" },
	{ "a cut size", "5", NULL, "IncompleteBody" },
	{ "no last chunk", "5\r\nhello\r\n", NULL, "IncompleteBody" },
	{ "a chunk longer than it says", "3\r\nhello\r\n0\r\n\r\n", NULL, "IncompleteBody" },
	{ "no number", "hello\r\n", NULL, "InvalidRequest" },
	{ "a negative number", "-1\r\n", NULL, "InvalidRequest" },
	{ "a huge number", "ffffffffffffffff\r\n", NULL, "EntityTooLarge" },
	{ "more than the cap", "200\r\n", NULL, "EntityTooLarge" },
	{ "goes on after its end", "0\r\n\r\nmore", NULL, "InvalidRequest" },
	{ "a trailer without a name", "0\r\n:x\r\n\r\n", NULL, "MalformedTrailerError" },
	{ "a trailer without a colon", "0\r\nabc\r\n\r\n", NULL, "MalformedTrailerError" },
};

START_TEST(unsigned_bodies)
{
	for (size_t step = 1; step < 9; step++) {
		AUTO(chunked_freep) struct chunked *c = chunked_new(UNSIGNED, NULL, 100);
		AUTO(buf_done) struct buf out = BUF(1000);
		struct err e = { 0 };
		int rc = decode(c, bodies[_i].text, strlen(bodies[_i].text), step, &out, &e);

		ck_assert_msg(rc == (bodies[_i].body ? 0 : -1), "%s: %s", bodies[_i].name, e.text);
		if (bodies[_i].body) {
			ck_assert_str_eq(buf_str(&out), bodies[_i].body);
			ck_assert_int_eq(chunked_bytes(c), (int64_t)strlen(bodies[_i].body));
		} else {
			ck_assert_str_eq(e.code, bodies[_i].code);
		}
		if (_i == 0)
			ck_assert_str_eq(chunked_trailer(c, "x-amz-checksum-crc32"), "AAAA");
	}
}
END_TEST

/* Amazon S3 API Reference, "Signature Calculations for the Authorization Header: Transferring
 * Payload in Multiple Chunks": 66560 letters a, in chunks of 65536 and 1024. */
static struct sigv4_stream example_stream(void)
{
	struct canon_scope scope = { "20130524", "us-east-1", "s3" };
	struct sigv4_stream s = {
		.date = "20130524T000000Z",
		.previous = "4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9"
	};

	canon_key("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", &scope, s.key);
	canon_scope_print(&scope, s.scope);
	return s;
}

static void example_body(struct buf *out)
{
	char letters[65536];

	memset(letters, 'a', sizeof(letters));
	buf_adds(out, "10000;chunk-signature="
		      "ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648"
		      "\r\n");
	buf_add(out, letters, 65536);
	buf_adds(out, "\r\n400;chunk-signature="
		      "0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497"
		      "\r\n");
	buf_add(out, letters, 1024);
	buf_adds(out, "\r\n0;chunk-signature="
		      "b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9"
		      "\r\n\r\n");
}

START_TEST(published_chunks)
{
	struct sigv4_stream s = example_stream();
	AUTO(chunked_freep) struct chunked *c = chunked_new(SIGNED, &s, 1 << 20);
	AUTO(buf_done) struct buf text = BUF(1 << 20), out = BUF(1 << 20);
	struct err e = { 0 };

	example_body(&text);
	ck_assert_uint_eq(text.len, 66824); /* the example's Content-Length */
	ck_assert_msg(decode(c, text.data, text.len, 1000, &out, &e) == 0, "%s", e.text);
	ck_assert_uint_eq(out.len, 66560);
}
END_TEST

START_TEST(damaged_chunks)
{
	static const size_t places[] = { 30, 100, 66000, 66800 };
	struct sigv4_stream s = example_stream();
	AUTO(chunked_freep) struct chunked *c = chunked_new(SIGNED, &s, 1 << 20);
	AUTO(buf_done) struct buf text = BUF(1 << 20), out = BUF(1 << 20);
	struct err e = { 0 };

	example_body(&text);
	text.data[places[_i]] ^= 1;
	ck_assert_int_lt(decode(c, text.data, text.len, 4096, &out, &e), 0);
	ck_assert_str_eq(e.code, "SignatureDoesNotMatch");
	ck_assert_int_eq(e.status, 403);
}
END_TEST

START_TEST(unsigned_chunk_in_a_signed_stream)
{
	struct sigv4_stream s = example_stream();
	AUTO(chunked_freep) struct chunked *c = chunked_new(SIGNED, &s, 1 << 20);
	AUTO(buf_done) struct buf out = BUF(100);
	struct err e = { 0 };

	ck_assert_int_lt(decode(c, "1\r\na\r\n0\r\n\r\n", 11, 11, &out, &e), 0);
	ck_assert_str_eq(e.code, "SignatureDoesNotMatch");
}
END_TEST

Suite *check_wire_chunks(void)
{
	Suite *s = suite_create("wire chunks");
	TCase *t = tcase_create("all");

	tcase_add_loop_test(t, unsigned_bodies, 0, COUNT_OF(bodies));
	tcase_add_test(t, published_chunks);
	tcase_add_loop_test(t, damaged_chunks, 0, 4);
	tcase_add_test(t, unsigned_chunk_in_a_signed_stream);
	suite_add_tcase(s, t);
	return s;
}
