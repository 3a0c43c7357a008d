/* A policy's file with other values in it: only what changes is touched, so that comments and order
 * stay. Shown as a unified diff. */
#include <stdlib.h>
#include <string.h>

#include "base/keys.h"
#include "cli/tune.h"

struct lines {
	char **line;
	size_t count;
};

static void lines_done(struct lines *d)
{
	for (size_t i = 0; i < d->count; i++)
		own_free(d->line[i]);
	own_free(d->line);
}

static void split(const char *text, struct lines *ret)
{
	size_t most = 2;

	for (const char *c = text; *c; c++)
		most += *c == '\n';
	ret->line = own_array(most, sizeof(*ret->line));
	while (*text) {
		size_t len = strcspn(text, "\n");

		ret->line[ret->count++] = own_strndup(text, len);
		text += len + (text[len] == '\n');
	}
}

/* The text with one key changed: @p cut bytes of line @p number (from 1), from byte @p at, are @p
 * put instead; or @p put is a line behind it, where @p at is SIZE_MAX. */
static void edit(const struct lines *d, int number, size_t at, size_t cut, const char *put,
		 struct buf *out)
{
	for (size_t i = 0; i < d->count; i++) {
		const char *l = d->line[i];
		bool here = (int)i + 1 == number;

		if (here && at != SIZE_MAX)
			buf_addf(out, "%.*s%s%s\n", (int)at, l, put, l + at + cut);
		else
			buf_addf(out, "%s\n", l);
		if (here && at == SIZE_MAX)
			buf_addf(out, "%s\n", put);
	}
}

/* The byte of a column, which counts characters. */
static size_t byte_of(const char *line, int column)
{
	size_t i = 0;

	for (int c = 1; line[i] && c < column; c++)
		do
			i++;
		while (((unsigned char)line[i] & 0xC0) == 0x80);
	return i;
}

static const char *line_at(const struct lines *d, int number)
{
	return number >= 1 && (size_t)number <= d->count ? d->line[number - 1] : NULL;
}

/* How many bytes of @p raw the scalar takes; 0: it is not written as it reads. */
static size_t written(const struct yaml_node *n, const char *raw)
{
	size_t len = strlen(n->text);
	const char *end;

	if (n->plain)
		return strncmp(raw, n->text, len) == 0 &&
				       (!raw[len] || strchr(" \t\r,}]", raw[len]))
			       ? len
			       : 0;
	if (*raw != '"' && *raw != '\'')
		return 0;
	end = strchr(raw + 1, *raw);
	return end && (size_t)(end - raw - 1) == len ? len + 2 : 0;
}

static bool replace(const struct lines *d, const struct yaml_node *n, const char *value,
		    struct buf *out)
{
	AUTO(buf_done) struct buf put = BUF(4096);
	const char *l = line_at(d, n->at.line);
	size_t at = l ? byte_of(l, n->at.column) : 0, cut = l ? written(n, l + at) : 0;

	if (cut == 0)
		return false;
	keys_quote(&put, value);
	edit(d, n->at.line, at, cut, buf_str(&put), out);
	return true;
}

/* "a: { b: value }" for the path "a.b". */
static void nested(struct buf *out, const char *path, const char *value)
{
	size_t depth = 0;

	for (;;) {
		size_t len = strcspn(path, ".");

		buf_addf(out, "%.*s: ", (int)len, path);
		if (!path[len])
			break;
		buf_adds(out, "{ ");
		depth++;
		path += len + 1;
	}
	keys_quote(out, value);
	while (depth-- > 0)
		buf_adds(out, " }");
}

/* The deepest of the path that is there. */
struct place {
	const struct yaml_node *node, *key; /* the key's node names it, or its entry of a list */
	const char *rest;
	int indent; /* of its keys, where it has one a line */
	bool root;
};

static size_t find(const struct yaml_node *n, const char *part, size_t len,
		   const struct yaml_node **ret_key)
{
	for (size_t i = 0; i < n->count; i++) {
		const struct yaml_node *name =
			n->kind == YAML_MAP ? n->keys[i] : yaml_get(n->items[i], "name");

		*ret_key = name;
		if (name && name->kind == YAML_SCALAR && strlen(name->text) == len &&
		    memcmp(name->text, part, len) == 0)
			return i;
	}
	return n->count;
}

static struct place deepest(const struct yaml_node *root, const char *path)
{
	struct place p = { .node = root, .rest = path, .root = true };

	for (;;) {
		size_t len = strcspn(p.rest, ".");
		const struct yaml_node *key = NULL;
		size_t i = find(p.node, p.rest, len, &key);

		if (i == p.node->count || !p.rest[len])
			return p;
		p.key = key;
		p.indent = key->at.column - 1 + 2;
		p.node = p.node->items[i];
		p.root = false;
		p.rest += len + 1;
		if (p.node->kind == YAML_MAP && p.node->count > 0)
			p.indent = p.node->keys[0]->at.column - 1;
		if (p.node->kind == YAML_SCALAR)
			return p;
	}
}

static bool insert(const struct lines *d, const struct yaml_node *root, const char *path,
		   const char *value, struct buf *out)
{
	struct place p = deepest(root, path);
	AUTO(buf_done) struct buf put = BUF(8192);
	const char *l = line_at(d, p.node->at.line);
	size_t at = l ? byte_of(l, p.node->at.column) : 0;

	if (p.root) { /* behind everything */
		nested(&put, p.rest, value);
		edit(d, (int)d->count, SIZE_MAX, 0, buf_str(&put), out);
		return true;
	}
	if (p.node->kind == YAML_MAP && l && l[at] == '{') {
		buf_addc(&put, ' ');
		nested(&put, p.rest, value);
		buf_adds(&put, p.node->count > 0 ? "," : " ");
		edit(d, p.node->at.line, at + 1, 0, buf_str(&put), out);
		return true;
	}
	/* One key a line: behind the line that names the map, before what is said of its keys. */
	if (p.node->kind == YAML_LIST || p.indent > 64)
		return false;
	buf_addf(&put, "%*s", p.indent, "");
	nested(&put, p.rest, value);
	edit(d, p.key->at.line, SIZE_MAX, 0, buf_str(&put), out);
	return true;
}

/* Whatever the file's layout: what came of the edit must say what was meant, and nothing else. */
static bool says(const struct cli_tune *t, size_t axis, const char *value, const struct buf *text,
		 const struct yaml_node *before)
{
	AUTO(yaml_freep) struct yaml *y = yaml_parse(t->path, buf_str(text), text->len, NULL);
	const struct yaml_node *n = y ? cli_tune_value(yaml_root(y), t->axis[axis].path) : NULL;
	bool good = n && strcmp(n->text, value) == 0;

	for (size_t a = 0; good && a < t->axes; a++) {
		const struct yaml_node *was = cli_tune_value(before, t->axis[a].path);
		const struct yaml_node *is = cli_tune_value(yaml_root(y), t->axis[a].path);

		good = a == axis || (was ? is && strcmp(was->text, is->text) == 0 : !is);
	}
	return good;
}

static bool change(const struct cli_tune *t, size_t axis, const char *value, struct buf *text)
{
	const char *path = t->axis[axis].path;
	AUTO(buf_done) struct buf out = BUF(2 * YAML_BYTES_MAX);
	AUTO(lines_done) struct lines d = { 0 };
	AUTO(yaml_freep) struct yaml *y = yaml_parse(t->path, buf_str(text), text->len, NULL);
	const struct yaml_node *root = y ? yaml_root(y) : NULL, *n;

	if (!root || root->kind != YAML_MAP)
		return false;
	split(buf_str(text), &d);
	n = cli_tune_value(root, path);
	if (!(n ? replace(&d, n, value, &out) : insert(&d, root, path, value, &out)) || out.full ||
	    !says(t, axis, value, &out, root))
		return false;
	buf_clear(text);
	return buf_add(text, out.data, out.len) == 0;
}

bool cli_tune_diff(const struct cli_tune *t, const struct tune_point *best, struct buf *out)
{
	AUTO(buf_done) struct buf before = BUF(YAML_BYTES_MAX), after = BUF(2 * YAML_BYTES_MAX);

	if (buf_read_file(&before, t->path, NULL) < 0)
		return false;
	buf_add(&after, buf_str(&before), before.len);
	for (size_t a = 0; a < t->axes; a++) {
		const char *value = t->axis[a].level[best->at[a]];

		if (best->at[a] != t->axis[a].now && value && !change(t, a, value, &after))
			return false;
	}
	cli_tune_unified(t->path, buf_str(&before), buf_str(&after), out);
	return true;
}
