/* An aws-chunked body: whole or byte by byte, it decodes alike. */
#include "fuzz.h"

#include <string.h>

#include "wire/chunked.h"

#define CAP 100000

static int collect(const void *data, size_t len, void *arg, struct err *e)
{
	(void)e;
	return buf_add(arg, data, len);
}

static int decode(const char *kind, const struct sigv4_stream *s, const uint8_t *data, size_t size,
		  size_t step, struct buf *out)
{
	AUTO(chunked_freep) struct chunked *c = chunked_new(kind, s, CAP);
	struct err e = { 0 };
	int rc = 0;

	for (size_t at = 0; at < size && rc == 0; at += step)
		rc = chunked_feed(c, data + at, size - at < step ? size - at : step, collect, out,
				  &e);
	if (rc == 0)
		rc = chunked_end(c, &e);
	FUZZ_HOLDS(rc == 0 || (e.code[0] && e.status >= 400));
	FUZZ_HOLDS(chunked_bytes(c) <= CAP);
	chunked_trailer(c, "x-amz-checksum-crc32");
	return rc;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const kinds[] = { "STREAMING-UNSIGNED-PAYLOAD-TRAILER",
					     "STREAMING-AWS4-HMAC-SHA256-PAYLOAD",
					     "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER" };
	const struct sigv4_stream s = { .key = { 1 }, .date = "20130524T000000Z", .scope = "x" };

	for (size_t i = 0; i < COUNT_OF(kinds); i++) {
		AUTO(buf_done) struct buf whole = BUF(CAP + 1), bytes = BUF(CAP + 1);
		int rc = decode(kinds[i], &s, data, size, size ? size : 1, &whole);

		FUZZ_HOLDS(decode(kinds[i], &s, data, size, 1, &bytes) == rc);
		FUZZ_HOLDS(whole.len == bytes.len &&
			   memcmp(buf_str(&whole), buf_str(&bytes), whole.len) == 0);
	}
	return 0;
}
