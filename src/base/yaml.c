#include "base/yaml.h"

#include <string.h>
#include <yaml.h>

#include "base/arena.h"
#include "base/buf.h"

#define YAML_CORE_TAG "tag:yaml.org,2002:"

struct yaml {
	struct arena arena;
	const char *file;
	struct yaml_node *root;
	size_t nodes;
};

struct reader {
	struct yaml *doc;
	yaml_parser_t parser;
	size_t depth;
	struct err *e;
};

static int reader_fail(struct reader *r, yaml_mark_t at, const char *why)
{
	return err_set(r->e, ERR_POLICY, "%s:%zu:%zu: %s", r->doc->file, at.line + 1, at.column + 1,
		       why);
}

/* The decoder knows only an offset when a byte is wrong. */
static yaml_mark_t reader_mark_of_offset(const struct reader *r, size_t offset)
{
	const unsigned char *text = r->parser.input.string.start;
	size_t len = (size_t)(r->parser.input.string.end - text);
	yaml_mark_t at = { 0 };

	for (size_t i = 0; i < offset && i < len; i++) {
		at.column += (text[i] & 0xC0) != 0x80;
		if (text[i] == '\n') {
			at.line++;
			at.column = 0;
		}
	}
	return at;
}

static int reader_fail_parser(struct reader *r)
{
	const yaml_parser_t *p = &r->parser;
	char why[256];

	switch (p->error) {
	case YAML_MEMORY_ERROR:
		return err_set(r->e, ERR_LOCAL, "%s: out of memory", r->doc->file);
	case YAML_READER_ERROR:
		return reader_fail(r, reader_mark_of_offset(r, p->problem_offset), p->problem);
	default:
		snprintf(why, sizeof(why), "%s%s%s", p->context ? p->context : "",
			 p->context ? ": " : "", p->problem ? p->problem : "cannot be read");
		return reader_fail(r, p->problem_mark, why);
	}
}

static int reader_next(struct reader *r, yaml_event_t *ret)
{
	if (!yaml_parser_parse(&r->parser, ret)) {
		*ret = (yaml_event_t){ 0 };
		return reader_fail_parser(r);
	}
	return 0;
}

static bool reader_tag_is_core(const yaml_char_t *tag)
{
	static const char *const core[] = { "str", "int", "float", "bool", "null", "seq", "map" };
	const char *t = (const char *)tag;

	if (!t)
		return true;
	if (strncmp(t, YAML_CORE_TAG, strlen(YAML_CORE_TAG)) != 0)
		return false;
	for (size_t i = 0; i < COUNT_OF(core); i++)
		if (strcmp(t + strlen(YAML_CORE_TAG), core[i]) == 0)
			return true;
	return false;
}

static int reader_check(struct reader *r, yaml_mark_t at, const yaml_char_t *anchor,
			const yaml_char_t *tag)
{
	if (anchor)
		return reader_fail(r, at, "anchors are not supported");
	if (!reader_tag_is_core(tag))
		return reader_fail(r, at, "tags are not supported");
	if (++r->doc->nodes > YAML_NODES_MAX)
		return reader_fail(r, at, "too many values");
	return 0;
}

static struct yaml_node *reader_node(struct reader *r, enum yaml_kind kind, yaml_mark_t at)
{
	struct yaml_node *n = arena_alloc(&r->doc->arena, sizeof(*n));

	n->kind = kind;
	n->at = (struct yaml_place){ r->doc->file, (int)at.line + 1, (int)at.column + 1 };
	return n;
}

static int reader_value(struct reader *r, const yaml_event_t *ev, struct yaml_node **ret);

static int reader_scalar(struct reader *r, const yaml_event_t *ev, struct yaml_node **ret)
{
	const char *text = (const char *)ev->data.scalar.value;
	size_t len = ev->data.scalar.length;
	struct yaml_node *n;

	if (reader_check(r, ev->start_mark, ev->data.scalar.anchor, ev->data.scalar.tag) < 0)
		return -1;
	if (memchr(text, '\0', len))
		return reader_fail(r, ev->start_mark, "a text may not hold NUL");
	n = reader_node(r, YAML_SCALAR, ev->start_mark);
	n->text = arena_strn(&r->doc->arena, text, len);
	/* "!!str 5" is a text as "5" in quotes is */
	n->plain = ev->data.scalar.style == YAML_PLAIN_SCALAR_STYLE &&
		   (!ev->data.scalar.tag ||
		    strcmp((const char *)ev->data.scalar.tag, YAML_CORE_TAG "str") != 0);
	*ret = n;
	return 0;
}

/* A growing row of nodes; the arena gets it when its length is known. */
struct row {
	struct yaml_node **at;
	size_t count, size;
};

static void row_done(struct row *row)
{
	own_free(row->at);
}

static void row_add(struct row *row, struct yaml_node *n)
{
	if (row->count == row->size) {
		row->size = row->size ? row->size * 2 : 8;
		row->at = own_grow(row->at, row->size, sizeof(struct yaml_node *));
	}
	row->at[row->count++] = n;
}

static struct yaml_node **row_keep(const struct row *row, struct arena *a)
{
	struct yaml_node **kept = arena_alloc(a, row->count * sizeof(struct yaml_node *));

	if (row->count)
		memcpy(kept, row->at, row->count * sizeof(struct yaml_node *));
	return kept;
}

static int reader_list(struct reader *r, const yaml_event_t *start, struct yaml_node **ret)
{
	AUTO(row_done) struct row items = { 0 };
	struct yaml_node *n;
	int rc = 0;

	if (reader_check(r, start->start_mark, start->data.sequence_start.anchor,
			 start->data.sequence_start.tag) < 0)
		return -1;
	n = reader_node(r, YAML_LIST, start->start_mark);
	for (bool end = false; rc == 0 && !end;) {
		AUTO(yaml_event_delete) yaml_event_t ev = { 0 };
		struct yaml_node *item = NULL;

		rc = reader_next(r, &ev);
		end = ev.type == YAML_SEQUENCE_END_EVENT;
		if (rc < 0 || end)
			continue;
		rc = reader_value(r, &ev, &item);
		row_add(&items, item);
	}
	if (rc < 0)
		return -1;
	n->count = items.count;
	n->items = row_keep(&items, &r->doc->arena);
	*ret = n;
	return 0;
}

static int reader_key(struct reader *r, const yaml_event_t *ev, const struct row *keys,
		      struct yaml_node **ret)
{
	char why[256];

	if (ev->type != YAML_SCALAR_EVENT)
		return reader_fail(r, ev->start_mark,
				   ev->type == YAML_ALIAS_EVENT ? "anchors are not supported"
								: "a key must be a text");
	if (reader_scalar(r, ev, ret) < 0)
		return -1;
	for (size_t i = 0; i < keys->count; i++)
		if (strcmp(keys->at[i]->text, (*ret)->text) == 0) {
			snprintf(why, sizeof(why), "'%.100s' is given twice, first at line %d",
				 (*ret)->text, keys->at[i]->at.line);
			return reader_fail(r, ev->start_mark, why);
		}
	return 0;
}

/* One "key: value" of a map, or its end. */
static int reader_pair(struct reader *r, struct row *keys, struct row *items, bool *ret_end)
{
	AUTO(yaml_event_delete) yaml_event_t key = { 0 };
	AUTO(yaml_event_delete) yaml_event_t value = { 0 };
	struct yaml_node *k = NULL, *v = NULL;

	if (reader_next(r, &key) < 0)
		return -1;
	*ret_end = key.type == YAML_MAPPING_END_EVENT;
	if (*ret_end)
		return 0;
	if (reader_key(r, &key, keys, &k) < 0 || reader_next(r, &value) < 0 ||
	    reader_value(r, &value, &v) < 0)
		return -1;
	row_add(keys, k);
	row_add(items, v);
	return 0;
}

static int reader_map(struct reader *r, const yaml_event_t *start, struct yaml_node **ret)
{
	AUTO(row_done) struct row keys = { 0 };
	AUTO(row_done) struct row items = { 0 };
	struct yaml_node *n;
	bool end = false;

	if (reader_check(r, start->start_mark, start->data.mapping_start.anchor,
			 start->data.mapping_start.tag) < 0)
		return -1;
	n = reader_node(r, YAML_MAP, start->start_mark);
	while (!end)
		if (reader_pair(r, &keys, &items, &end) < 0)
			return -1;
	n->count = keys.count;
	n->keys = row_keep(&keys, &r->doc->arena);
	n->items = row_keep(&items, &r->doc->arena);
	*ret = n;
	return 0;
}

static int reader_value(struct reader *r, const yaml_event_t *ev, struct yaml_node **ret)
{
	int rc;

	if (ev->type == YAML_SCALAR_EVENT)
		return reader_scalar(r, ev, ret);
	if (ev->type == YAML_ALIAS_EVENT)
		return reader_fail(r, ev->start_mark, "anchors are not supported");
	if (r->depth == YAML_DEPTH_MAX)
		return reader_fail(r, ev->start_mark, "nested too deep");
	r->depth++;
	rc = ev->type == YAML_SEQUENCE_START_EVENT ? reader_list(r, ev, ret)
						   : reader_map(r, ev, ret);
	r->depth--;
	return rc;
}

/* Stream start, at most one document, stream end. */
static int reader_document(struct reader *r)
{
	for (bool end = false; !end;) {
		AUTO(yaml_event_delete) yaml_event_t ev = { 0 };
		int rc = reader_next(r, &ev);

		switch (rc < 0 ? YAML_NO_EVENT : ev.type) {
		case YAML_STREAM_START_EVENT:
		case YAML_DOCUMENT_END_EVENT:
			break;
		case YAML_DOCUMENT_START_EVENT:
			if (r->doc->root)
				rc = reader_fail(r, ev.start_mark, "a second document in one file");
			break;
		case YAML_STREAM_END_EVENT:
			end = true;
			break;
		default:
			if (rc == 0)
				rc = reader_value(r, &ev, &r->doc->root);
			break;
		}
		if (rc < 0)
			return -1;
	}
	return 0;
}

/* "---" alone gives one empty plain scalar: an empty document. */
static bool yaml_is_nothing(const struct yaml_node *n)
{
	return n && n->kind == YAML_SCALAR && n->plain && n->text[0] == '\0';
}

struct yaml *yaml_parse(const char *file, const char *text, size_t len, struct err *e)
{
	AUTO(yaml_freep) struct yaml *doc = own_alloc(sizeof(*doc));
	struct reader r = { .doc = doc, .e = e };
	int rc;

	doc->file = arena_strn(&doc->arena, file, strlen(file));
	if (len > YAML_BYTES_MAX) {
		err_set(e, ERR_POLICY, "%s: larger than %u bytes", file, YAML_BYTES_MAX);
		return NULL;
	}
	if (!yaml_parser_initialize(&r.parser)) {
		err_set(e, ERR_LOCAL, "%s: out of memory", file);
		return NULL;
	}
	if (len >= 3 && memcmp(text, "\xEF\xBB\xBF", 3) == 0) {
		text += 3; /* libyaml counts a byte order mark as a column */
		len -= 3;
	}
	yaml_parser_set_encoding(&r.parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&r.parser, (const unsigned char *)text, len);
	rc = reader_document(&r);
	yaml_parser_delete(&r.parser);
	if (rc < 0)
		return NULL;
	if (yaml_is_nothing(doc->root))
		doc->root = NULL;
	return TAKE(doc);
}

struct yaml *yaml_load(const char *path, struct err *e)
{
	AUTO(buf_done) struct buf text = BUF(YAML_BYTES_MAX);

	if (buf_read_file(&text, path, e) < 0)
		return NULL;
	return yaml_parse(path, buf_str(&text), text.len, e);
}

void yaml_free(struct yaml *y)
{
	if (!y)
		return;
	arena_done(&y->arena);
	own_free(y);
}

const struct yaml_node *yaml_root(const struct yaml *y)
{
	return y ? y->root : NULL;
}

const struct yaml_node *yaml_get(const struct yaml_node *map, const char *key)
{
	if (!map || map->kind != YAML_MAP)
		return NULL;
	for (size_t i = 0; i < map->count; i++)
		if (strcmp(map->keys[i]->text, key) == 0)
			return map->items[i];
	return NULL;
}
