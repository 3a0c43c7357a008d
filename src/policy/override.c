/* --set PATH=VALUE over the tree of a file. Only the nodes on the path are copied. */
#include <string.h>

#include "policy/policy.h"
#include "policy/raw.h"

struct walk {
	struct keys_arena *a;
	const struct yaml_node *value;
	struct err *e;
};

static struct yaml_node *scalar(const struct walk *w, const char *text, size_t len)
{
	struct yaml_node *n = keys_arena_alloc(w->a, sizeof(*n));
	char *copy = keys_arena_alloc(w->a, len + 1);

	memcpy(copy, text, len);
	n->kind = YAML_SCALAR;
	n->plain = true;
	n->at = w->value->at;
	n->text = copy;
	return n;
}

/* A copy of @p from with room for one more. */
static struct yaml_node *widened(const struct walk *w, const struct yaml_node *from)
{
	struct yaml_node *n = keys_arena_alloc(w->a, sizeof(*n));

	*n = from ? *from : (struct yaml_node){ .kind = YAML_MAP, .at = w->value->at };
	n->items = keys_arena_alloc(w->a, (n->count + 1) * sizeof(*n->items));
	n->keys = keys_arena_alloc(w->a, (n->count + 1) * sizeof(*n->keys));
	if (n->count > 0)
		memcpy(n->items, from->items, n->count * sizeof(*n->items));
	if (n->count > 0 && n->kind == YAML_MAP)
		memcpy(n->keys, from->keys, n->count * sizeof(*n->keys));
	return n;
}

static bool is_part(const char *text, const char *part, size_t len)
{
	return strlen(text) == len && memcmp(text, part, len) == 0;
}

static size_t find(const struct yaml_node *n, const char *part, size_t len)
{
	for (size_t i = 0; i < n->count; i++) {
		const struct yaml_node *name =
			n->kind == YAML_MAP ? n->keys[i] : yaml_get(n->items[i], "name");

		if (name && name->kind == YAML_SCALAR && is_part(name->text, part, len))
			return i;
	}
	return n->count;
}

static struct yaml_node *put(const struct walk *w, const struct yaml_node *from, const char *path)
{
	size_t len = strcspn(path, "."), at;
	struct yaml_node *n, *child;

	if (len == 0) {
		err_set(w->e, ERR_POLICY, "an empty name in the path");
		return NULL;
	}
	if (from && from->kind == YAML_SCALAR && from->text[0]) {
		err_set(w->e, ERR_POLICY, "'%.*s' would lie in a plain value",
			(int)(len < 64 ? len : 64), path);
		return NULL;
	}
	n = widened(w, from && from->kind != YAML_SCALAR ? from : NULL);
	at = find(n, path, len);
	if (at == n->count && n->kind == YAML_LIST) {
		err_set(w->e, ERR_POLICY, "no entry of the list has the name '%.*s'",
			(int)(len < 64 ? len : 64), path);
		return NULL;
	}
	child = path[len] ? put(w, at < n->count ? n->items[at] : NULL, path + len + 1)
			  : (struct yaml_node *)w->value;
	if (!child)
		return NULL;
	if (at == n->count) {
		n->keys[at] = scalar(w, path, len);
		n->count++;
	}
	n->items[at] = child;
	return n;
}

const struct yaml_node *policy_override_apply(struct keys_arena *a, const struct yaml_node *root,
					      const struct policy_override *o,
					      const struct yaml_node *value, struct err *e)
{
	struct walk w = { .a = a, .value = value, .e = e };
	size_t dots = 0;

	for (const char *s = o->path; *s; s++)
		dots += *s == '.';
	if (dots >= YAML_DEPTH_MAX) {
		err_set(e, ERR_POLICY, "the path is deeper than %d", YAML_DEPTH_MAX);
		return NULL;
	}
	return put(&w, root, o->path);
}
