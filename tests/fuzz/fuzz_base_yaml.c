/* Every node has a place in the text; every error too. */
#include "fuzz.h"

#include <string.h>

#include "base/yaml.h"

static void walk(const struct yaml_node *n, int depth)
{
	FUZZ_HOLDS(n->at.line >= 1 && n->at.column >= 1 && depth <= YAML_DEPTH_MAX + 1);
	if (n->kind == YAML_SCALAR) {
		FUZZ_HOLDS(n->text);
		return;
	}
	for (size_t i = 0; i < n->count; i++) {
		if (n->kind == YAML_MAP) {
			walk(n->keys[i], depth + 1);
			FUZZ_HOLDS(yaml_get(n, n->keys[i]->text) == n->items[i]);
		}
		walk(n->items[i], depth + 1);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct err e = { 0 };
	AUTO(yaml_freep) struct yaml *y = yaml_parse("f", (const char *)data, size, &e);

	if (!y)
		FUZZ_HOLDS(e.kind == ERR_POLICY && strncmp(e.text, "f:", 2) == 0);
	else if (yaml_root(y))
		walk(yaml_root(y), 1);
	return 0;
}
