/* Every text of a tree is valid UTF-8 and comes back from what the writer makes of it. */
#include "fuzz.h"

#include <string.h>

#include "base/utf8.h"
#include "base/xml.h"

static void walk(const struct xml_node *n, int depth)
{
	FUZZ_HOLDS(depth <= XML_DEPTH_MAX);
	for (; n; n = n->next) {
		AUTO(buf_done) struct buf out = BUF(1 << 24);
		AUTO(xml_freep) struct xml *x = NULL;

		FUZZ_HOLDS(n->name && n->text && utf8_valid(n->text, strlen(n->text)));
		if (n->text[0]) {
			FUZZ_HOLDS(xml_elem(&out, "a", n->text) == 0);
			x = xml_parse(out.data, out.len, NULL);
			FUZZ_HOLDS(x && strcmp(xml_root(x)->text, n->text) == 0);
		}
		walk(n->first, depth + 1);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct err e = { 0 };
	AUTO(xml_freep) struct xml *x = xml_parse((const char *)data, size, &e);

	if (!x)
		FUZZ_HOLDS(e.kind == ERR_PROTOCOL && e.text[0]);
	else
		walk(xml_root(x), 1);
	return 0;
}
