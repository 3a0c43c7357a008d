#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy/policy.h"
#include "policy/raw.h"

static void problem(struct policy_set *set, const struct policy_problem *p)
{
	if (!p->warning)
		set->error_count++;
	if (set->problem_count == POLICY_PROBLEMS_MAX)
		return;
	set->problems = own_grow(set->problems, set->problem_count + 1, sizeof(*set->problems));
	set->problems[set->problem_count] = *p;
	set->problems[set->problem_count].file = own_strdup(p->file);
	set->problems[set->problem_count++].text = own_strdup(p->text);
}

/* "FILE:LINE:COLUMN: text" of the YAML reader, taken apart. */
void policy_problem_err(struct policy_set *set, const char *file, const struct err *e)
{
	size_t n = strlen(file);
	int line = 0, column = 0, taken = 0;
	char *text = own_strdup(e->text);

	if (strncmp(text, file, n) == 0 &&
	    sscanf(text + n, ":%d:%d: %n", &line, &column, &taken) == 2 && taken > 0)
		memmove(text, text + n + taken, strlen(text + n + taken) + 1);
	problem(set, &(struct policy_problem){
			     .file = (char *)file, .line = line, .column = column, .text = text });
	own_free(text);
}

/* One override over the tree; the values' documents are kept until the file is read. */
struct overrides {
	struct yaml **docs;
	size_t count;
};

static void overrides_done(struct overrides *o)
{
	for (size_t i = 0; i < o->count; i++)
		yaml_free(o->docs[i]);
	own_free(o->docs);
}

static int override_one(struct keys_arena *a, const struct policy_override *o, struct yaml **doc,
			const struct yaml_node **root, struct err *e)
{
	static const struct yaml_node nothing = { .kind = YAML_SCALAR, .plain = true, .text = "" };
	const struct yaml_node *value, *changed;
	AUTO(own_freep) char *name = own_printf("--set %.100s", o->path);

	*doc = yaml_parse(keys_arena_str(a, name), o->value, strlen(o->value), e);
	if (!*doc)
		return -1;
	value = yaml_root(*doc);
	changed = policy_override_apply(a, *root, o, value ? value : &nothing, e);
	if (!changed)
		return err_wrap(e, "%s", name);
	*root = changed;
	return 0;
}

static const struct yaml_node *override_all(struct keys_arena *a, const struct policy_reading *how,
					    const struct yaml_node *root, struct overrides *o,
					    struct err *e)
{
	o->docs = own_array(how->override_count + 1, sizeof(struct yaml *));
	o->count = how->override_count;
	for (size_t i = 0; i < how->override_count; i++)
		if (override_one(a, &how->overrides[i], &o->docs[i], &root, e) < 0)
			return NULL;
	return root;
}

static void take_problems(struct policy_set *set, const char *file, const struct keys_reader *r)
{
	for (size_t i = 0; i < keys_problem_count(r); i++) {
		const struct keys_problem *p = keys_problem_at(r, i);
		bool named = p->at.file && p->at.file[0];

		problem(set, &(struct policy_problem){ .file = (char *)(named ? p->at.file : file),
						       .line = p->at.line,
						       .column = p->at.column,
						       .warning = p->warning,
						       .text = (char *)p->text });
	}
	for (size_t i = keys_problem_count(r); i < keys_error_count(r); i++)
		set->error_count++; /* past what the reader keeps */
}

static struct policy *read_tree(const char *file, const struct yaml_node *root, bool lint,
				struct keys_reader *r)
{
	struct keys_arena *a = keys_reader_arena(r);
	AUTO(own_freep) struct raw_policy *raw = own_alloc(sizeof(*raw));
	struct policy *p = keys_arena_alloc(a, sizeof(*p));

	keys_read(r, &policy_table, root, raw);
	policy_check(r, raw, root, lint, p);
	p->file = keys_arena_str(a, file);
	return p;
}

static bool add(struct policy_set *set, struct policy *p)
{
	if (set->count == POLICY_SET_MAX) {
		problem(set,
			&(struct policy_problem){
				.file = (char *)p->file,
				.text = (char *)"more policies than windlass takes: left out" });
		return false;
	}
	set->items = own_grow(set->items, set->count + 1, sizeof(*set->items));
	set->items[set->count++] = (struct policy_item){ .policy = p };
	return true;
}

static bool read_document(const char *file, const struct yaml *doc,
			  const struct policy_reading *how, struct policy_set *set)
{
	AUTO(keys_arena_freep) struct keys_arena *passing = keys_arena_new();
	AUTO(keys_reader_freep) struct keys_reader *r = NULL;
	AUTO(overrides_done) struct overrides o = { 0 };
	const struct yaml_node empty = { .kind = YAML_MAP, .at = { file, 1, 1 } };
	const struct yaml_node *root = yaml_root(doc);
	struct policy *p;
	struct err e;

	if (!set->arena)
		set->arena = keys_arena_new();
	r = keys_reader_new(set->arena, how->env);
	keys_reader_passing(r, passing);
	root = policy_defaults_merge(passing, root ? root : &empty, how->defaults);
	root = override_all(passing, how, root, &o, &e);
	if (!root) {
		policy_problem_err(set, file, &e);
		return false;
	}
	p = read_tree(file, root, how->lint, r);
	take_problems(set, file, r);
	return keys_error_count(r) == 0 && add(set, p);
}

bool policy_read_text(const char *file, const char *text, size_t len,
		      const struct policy_reading *how, struct policy_set *set)
{
	AUTO(yaml_freep) struct yaml *doc = NULL;
	bool good = false;
	struct err e;

	doc = yaml_parse(file, text, len, &e);
	if (doc)
		good = read_document(file, doc, how, set);
	else
		policy_problem_err(set, file, &e);
	set->files++;
	set->bad_files += !good;
	return good;
}

void policy_set_done(struct policy_set *set)
{
	keys_arena_free(set->arena);
	for (size_t i = 0; i < set->problem_count; i++) {
		own_free(set->problems[i].file);
		own_free(set->problems[i].text);
	}
	own_free(set->items);
	own_free(set->problems);
	*set = (struct policy_set){ 0 };
}

int policy_problem_print(const struct policy_problem *p, struct buf *out)
{
	const char *mark = p->warning ? "warning: " : "";

	if (p->line == 0)
		return buf_addf(out, "%s: %s%s", p->file, mark, p->text);
	return buf_addf(out, "%s:%d:%d: %s%s", p->file, p->line, p->column, mark, p->text);
}

void policy_problem_add(struct policy_set *set, const struct policy_problem *p)
{
	problem(set, p);
}
