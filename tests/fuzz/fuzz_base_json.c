/* What is read can be written, and what was written reads back as the same text. */
#include "fuzz.h"

#include <string.h>

#include "base/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO(buf_done) struct buf first = BUF(1 << 24), second = BUF(1 << 24);
	struct err e = { 0 };
	AUTO(json_freep) struct json *j = json_parse((const char *)data, size, &e);
	AUTO(json_freep) struct json *again = NULL;

	if (!j) {
		FUZZ_HOLDS(e.kind == ERR_PROTOCOL && e.text[0]);
		return 0;
	}
	FUZZ_HOLDS(json_write(j, &first) == 0);
	again = json_parse(first.data, first.len, &e);
	FUZZ_HOLDS(again);
	FUZZ_HOLDS(json_write(again, &second) == 0);
	FUZZ_HOLDS(strcmp(first.data, second.data) == 0);
	buf_clear(&second);
	FUZZ_HOLDS(json_write_pretty(j, &second) == 0);
	json_free(again);
	again = json_parse(second.data, second.len, &e);
	FUZZ_HOLDS(again);
	return 0;
}
