/* Any bytes as CBOR: they are refused in a sentence, or give a tree that JSON can write. */
#include "fuzz.h"

#include "base/cbor.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO(buf_done) struct buf text = BUF(64u << 20);
	struct err e = { 0 };
	AUTO(json_freep) struct json *j = cbor_read(data, size, &e);
	AUTO(json_freep) struct json *again = NULL;

	if (!j) {
		FUZZ_HOLDS(e.kind == ERR_PROTOCOL && e.text[0]);
		return 0;
	}
	FUZZ_HOLDS(json_write(j, &text) == 0);
	again = json_parse(buf_str(&text), text.len, &e);
	FUZZ_HOLDS(again);
	return 0;
}
