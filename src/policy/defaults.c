/* What the policies of a folder have in common: one tree under another. */
#include <string.h>

#include "policy/policy.h"
#include "policy/raw.h"

static size_t find(const struct yaml_node *n, const char *key)
{
	size_t i = 0;

	while (i < n->count && strcmp(n->keys[i]->text, key) != 0)
		i++;
	return i;
}

const struct yaml_node *policy_defaults_merge(struct keys_arena *a, const struct yaml_node *over,
					      const struct yaml_node *base)
{
	struct yaml_node *n;

	if (!base || !over || over->kind != YAML_MAP || base->kind != YAML_MAP)
		return over ? over : base;
	n = keys_arena_alloc(a, sizeof(*n));
	*n = *over;
	n->items = keys_arena_alloc(a, (over->count + base->count + 1) * sizeof(*n->items));
	n->keys = keys_arena_alloc(a, (over->count + base->count + 1) * sizeof(*n->keys));
	for (size_t i = 0; i < over->count; i++) {
		size_t k = find(base, over->keys[i]->text);

		n->keys[i] = over->keys[i];
		n->items[i] = k == base->count ? over->items[i]
					       : (struct yaml_node *)policy_defaults_merge(
							 a, over->items[i], base->items[k]);
	}
	for (size_t k = 0; k < base->count; k++)
		if (find(over, base->keys[k]->text) == over->count) {
			n->keys[n->count] = base->keys[k];
			n->items[n->count++] = base->items[k];
		}
	return n;
}
