#include "base/keys.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/keys_own.h"
#include "base/options.h"

struct keys_arena *keys_arena_new(void)
{
	return own_alloc(sizeof(struct keys_arena));
}

void keys_arena_free(struct keys_arena *a)
{
	if (!a)
		return;
	arena_done(&a->arena);
	own_free(a);
}

void *keys_arena_alloc(struct keys_arena *a, size_t size)
{
	return arena_alloc(&a->arena, size);
}

char *keys_arena_str(struct keys_arena *a, const char *s)
{
	return s ? arena_strn(&a->arena, s, strlen(s)) : NULL;
}

struct keys_reader *keys_reader_new(struct keys_arena *a, enum keys_env env)
{
	struct keys_reader *r = own_alloc(sizeof(*r));

	r->arena = r->passing = a;
	r->env = env;
	r->file = "";
	return r;
}

void keys_reader_passing(struct keys_reader *r, struct keys_arena *a)
{
	r->passing = a;
}

void keys_reader_file(struct keys_reader *r, const char *file)
{
	r->file = keys_arena_str(r->arena, file);
}

void keys_reader_free(struct keys_reader *r)
{
	if (!r)
		return;
	own_free(r->problems);
	own_free(r);
}

struct keys_arena *keys_reader_arena(struct keys_reader *r)
{
	return r->arena;
}

static bool keys_place_after(const struct yaml_place *a, const struct yaml_place *b)
{
	return strcmp(a->file, b->file) == 0 &&
	       (a->line > b->line || (a->line == b->line && a->column > b->column));
}

/* Problems are kept in the order of the file, whoever finds them. */
static void keys_problem_add(struct keys_reader *r, struct yaml_place at, bool warning,
			     const char *text)
{
	struct keys_problem p = { .at = at, .warning = warning };
	size_t i = r->count;

	r->errors += !warning;
	if (r->count == KEYS_PROBLEMS_MAX)
		return;
	p.at.file = keys_arena_str(r->arena, at.file ? at.file : "");
	snprintf(p.text, sizeof(p.text), "%s", text);
	r->problems = own_grow(r->problems, r->count + 1, sizeof(*r->problems));
	while (i > 0 && keys_place_after(&r->problems[i - 1].at, &p.at))
		i--;
	memmove(r->problems + i + 1, r->problems + i, (r->count - i) * sizeof(*r->problems));
	r->problems[i] = p;
	r->count++;
}

void keys_error(struct keys_reader *r, struct yaml_place at, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	keys_problem_add(r, at, false, text);
}

void keys_warn(struct keys_reader *r, struct yaml_place at, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	keys_problem_add(r, at, true, text);
}

size_t keys_problem_count(const struct keys_reader *r)
{
	return r->count;
}

size_t keys_error_count(const struct keys_reader *r)
{
	return r->errors;
}

const struct keys_problem *keys_problem_at(const struct keys_reader *r, size_t i)
{
	return i < r->count ? &r->problems[i] : NULL;
}

int keys_problem_print(const struct keys_problem *p, struct buf *out)
{
	return buf_addf(out, "%s:%d:%d: %s%s", p->at.file, p->at.line, p->at.column,
			p->warning ? "warning: " : "", p->text);
}

static const char *keys_found(const struct yaml_node *n, char out[static 96])
{
	if (n->kind == YAML_SCALAR && n->text[0])
		snprintf(out, 96, "'%.64s'", n->text);
	else
		snprintf(out, 96, "%s",
			 n->kind == YAML_LIST  ? "a list"
			 : n->kind == YAML_MAP ? "a map"
					       : "nothing");
	return out;
}

void keys_error_type(struct keys_reader *r, const struct key *k, const struct yaml_node *n)
{
	char want[KEYS_WANT_MAX], found[96];

	keys_error(r, n->at, "'%s' wants %s, found %s", k->name, keys_want(k, want),
		   keys_found(n, found));
}

static void keys_fill(struct keys_reader *r, const struct key_table *t, const struct yaml_node *n,
		      void *out);

static bool keys_count_fits(struct keys_reader *r, const struct key *k, const struct yaml_node *n)
{
	size_t most = k->most_items ? k->most_items : KEYS_ITEMS_MAX;

	if (n->count <= most)
		return true;
	keys_error(r, n->at, "'%s' has %zu items, more than %zu", k->name, n->count, most);
	return false;
}

/* The name of an entry goes to the row that is flagged for it. */
static void keys_set_name(struct keys_reader *r, const struct key_table *t,
			  const struct yaml_node *name, void *out)
{
	if (name->text[0] == '\0' || strlen(name->text) > KEYS_NAME_BYTES)
		keys_error(r, name->at, "a name has 1 to %d bytes", KEYS_NAME_BYTES);
	for (size_t i = 0; i < t->count; i++)
		if (t->keys[i].is_name)
			*(const char **)keys_field(&t->keys[i], out) =
				keys_arena_str(r->arena, name->text);
}

/* KEY_LIST and KEY_ENTRIES: an array of structs by the sub table. */
static void keys_read_items(struct keys_reader *r, const struct key *k, const struct yaml_node *n,
			    void *base)
{
	bool entries = k->type == KEY_ENTRIES;
	unsigned char *items;

	if (n->kind != (entries ? YAML_MAP : YAML_LIST)) {
		keys_error_type(r, k, n);
		return;
	}
	if (!keys_count_fits(r, k, n))
		return;
	items = keys_arena_alloc(r->passing, n->count * k->sub->size);
	for (size_t i = 0; i < n->count; i++) {
		void *item = items + i * k->sub->size;

		keys_fill(r, k->sub, n->items[i], item);
		if (entries)
			keys_set_name(r, k->sub, n->keys[i], item);
	}
	*(void **)keys_field(k, base) = items;
	*keys_count_field(k, base) = n->count;
}

static void keys_read_strs(struct keys_reader *r, const struct key *k, const struct yaml_node *n,
			   void *base)
{
	const char **texts;

	if (n->kind != YAML_LIST) {
		keys_error_type(r, k, n);
		return;
	}
	if (!keys_count_fits(r, k, n))
		return;
	texts = keys_arena_alloc(r->passing, n->count * sizeof(*texts));
	for (size_t i = 0; i < n->count; i++) {
		const char *text = keys_text(r, k, n->items[i]);

		texts[i] = text ? text : "";
	}
	*(const char ***)keys_field(k, base) = texts;
	*keys_count_field(k, base) = n->count;
}

static void keys_read_key(struct keys_reader *r, const struct key *k, const struct yaml_node *n,
			  void *base)
{
	void *field = keys_field(k, base);

	switch (k->type) {
	case KEY_MAP:
		memset(field, 0, k->sub->size);
		keys_fill(r, k->sub, n, field);
		break;
	case KEY_LIST:
	case KEY_ENTRIES:
		keys_read_items(r, k, n, base);
		break;
	case KEY_STRS:
		keys_read_strs(r, k, n, base);
		break;
	case KEY_CUSTOM:
		err_ignore(k->read(r, k, n, field)); /* it has reported what is wrong */
		break;
	default:
		keys_scalar(r, k, n, field);
		break;
	}
}

/* A default is written as the file would write it. */
static void keys_default(struct keys_reader *r, const struct key *k, void *base)
{
	struct yaml_node scalar = {
		.kind = YAML_SCALAR, .plain = true, .text = k->init, .at = { "default", 1, 1 }
	};
	AUTO(yaml_freep) struct yaml *y = NULL;
	struct err e;

	if (k->type == KEY_MAP) {
		keys_defaults(r, k->sub, keys_field(k, base));
		return;
	}
	if (!k->init)
		return;
	if (keys_is_scalar(k->type)) {
		keys_read_key(r, k, &scalar, base);
		return;
	}
	y = yaml_parse("default", k->init, strlen(k->init), &e);
	if (y && yaml_root(y))
		keys_read_key(r, k, yaml_root(y), base);
}

void keys_defaults(struct keys_reader *r, const struct key_table *t, void *out)
{
	for (size_t i = 0; i < t->count; i++)
		keys_default(r, &t->keys[i], out);
}

static const struct key *keys_find(const struct key_table *t, const char *name)
{
	for (size_t i = 0; i < t->count; i++)
		if (!t->keys[i].is_name && strcmp(t->keys[i].name, name) == 0)
			return &t->keys[i];
	return NULL;
}

static void keys_error_unknown(struct keys_reader *r, const struct key_table *t,
			       const struct yaml_node *name)
{
	AUTO(own_freep) const char **words = own_array(t->count + 1, sizeof(*words));
	AUTO(buf_done) struct buf all = BUF(256);
	const char *near;
	size_t n = 0;

	for (size_t i = 0; i < t->count; i++)
		if (!t->keys[i].is_name)
			words[n++] = t->keys[i].name;
	near = options_nearest(name->text, words, n);
	if (near) {
		keys_error(r, name->at, "unknown key '%.64s': did you mean '%s'?", name->text,
			   near);
		return;
	}
	for (size_t i = 0; i < n; i++)
		buf_addf(&all, "%s%s", i ? ", " : "", words[i]);
	keys_error(r, name->at, "unknown key '%.64s' in %s: known are %s%s", name->text, t->name,
		   buf_str(&all), all.full ? ", ..." : "");
}

static void keys_check_required(struct keys_reader *r, const struct key_table *t,
				const struct yaml_node *map)
{
	for (size_t i = 0; i < t->count; i++)
		if (t->keys[i].required && !t->keys[i].is_name && !yaml_get(map, t->keys[i].name))
			keys_error(r, map->at, "'%s' is missing in %s", t->keys[i].name, t->name);
}

/* @p out is zeroed. Defaults come first, so that rows may share memory (a union): what is given
 * wins. */
static void keys_fill(struct keys_reader *r, const struct key_table *t, const struct yaml_node *n,
		      void *out)
{
	char found[96];

	keys_defaults(r, t, out);
	if (n->kind != YAML_MAP) {
		keys_error(r, n->at, "%s wants a map, found %s", t->name, keys_found(n, found));
		return;
	}
	for (size_t i = 0; i < n->count; i++) {
		const struct key *k = keys_find(t, n->keys[i]->text);

		if (!k) {
			keys_error_unknown(r, t, n->keys[i]);
			continue;
		}
		keys_read_key(r, k, n->items[i], out);
		if (k->has_given)
			*keys_given_field(k, out) = true;
	}
	keys_check_required(r, t, n);
}

size_t keys_read(struct keys_reader *r, const struct key_table *t, const struct yaml_node *n,
		 void *out)
{
	const struct yaml_node empty = { .kind = YAML_MAP, .at = { r->file, 1, 1 } };

	memset(out, 0, t->size);
	keys_fill(r, t, n ? n : &empty, out);
	return r->errors;
}
