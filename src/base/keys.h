/* One table-driven reader for every YAML file: policies, profiles, declarations.
 *
 * A table row says key, type, unit, bounds, default and doc. From the same table come: reading into
 * a struct, all errors of a file in one run ("file:line:column: message", nearest known key
 * suggested), JSON Schema, the manual, and printing a struct back as YAML.
 */
#ifndef BASE_KEYS_H
#define BASE_KEYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/instant.h"
#include "base/json.h"
#include "base/yaml.h"

enum key_type {
	KEY_STR,     /* const char *, in the arena; ${NAME} expanded */
	KEY_INT,     /* int64_t, least…most */
	KEY_MILLI,   /* int64_t, a decimal number in thousandths, least…most in thousandths */
	KEY_PERCENT, /* int64_t, thousandths of one: "10%" = 100; a bare 0.1 too */
	KEY_SPAN,    /* struct span: "30s", "5m"; a bare number is seconds */
	KEY_BOOL,    /* bool */
	KEY_CHOICE,  /* int: index into choices "a|b|c" */
	KEY_MAP,     /* a struct inside, by sub table */
	KEY_LIST,    /* void *items + size_t count: structs by sub table */
	KEY_ENTRIES, /* a map with free names: as KEY_LIST, the name goes to the row flagged is_name
		      */
	KEY_STRS,    /* const char ** + size_t count: list of texts */
	KEY_CUSTOM   /* read() and print() of the row */
};

struct keys_reader; /* file, arena, errors */
struct key_table;

struct key {
	const char *name;
	enum key_type type;
	size_t offset;       /* of the field in the struct */
	size_t count_offset; /* KEY_LIST, KEY_ENTRIES, KEY_STRS: of its size_t */
	size_t given_offset; /* of a bool set when the key is present; 0 with !has_given: none */
	bool has_given;
	bool required;
	bool is_name;        /* KEY_ENTRIES: filled from the entry's key, not looked up */
	int64_t least, most; /* both 0: no bounds; KEY_SPAN: ms; KEY_STR: bytes */
	size_t most_items;   /* KEY_LIST, KEY_ENTRIES, KEY_STRS; 0: 64 */
	const char *init;    /* default as the file would write it ("5m", "[a, b]"); NULL: zero */
	const char *choices;
	const char *also; /* numbers and spans: a word accepted beside, e.g. "auto": stored as
			     KEYS_AUTO */
	const char *unit, *doc;
	const struct key_table *sub;
	/* read() reports by keys_error(). print() adds what stands behind "key: " on one line;
	 * nothing: left out. */
	int (*read)(struct keys_reader *r, const struct key *k, const struct yaml_node *n,
		    void *field);
	int (*print)(const struct key *k, const void *field, struct buf *out);
};
#define KEYS_AUTO INT64_MIN

struct key_table {
	const char *name, *doc;
	size_t size; /* of the struct */
	const struct key *keys;
	size_t count;
};

/* Memory of one document: freed in one piece. */
struct keys_arena;
struct keys_arena *keys_arena_new(void);
void keys_arena_free(struct keys_arena *a);
DEFINE_FREEP(struct keys_arena, keys_arena);
void *keys_arena_alloc(struct keys_arena *a, size_t size);
char *keys_arena_str(struct keys_arena *a, const char *s);

struct keys_problem {
	struct yaml_place at; /* file text copied */
	bool warning;
	char text[512];
};

enum keys_env {
	KEYS_ENV_REFUSE, /* an unset ${NAME} is an error at its line */
	KEYS_ENV_WARN    /* a warning; the name is taken literally */
};

struct keys_reader *keys_reader_new(struct keys_arena *a, enum keys_env env);
void keys_reader_free(struct keys_reader *r);
DEFINE_FREEP(struct keys_reader, keys_reader);
/* Lists and their structs go there, and may end before the texts: for a caller who makes something
 * else of them. */
void keys_reader_passing(struct keys_reader *r, struct keys_arena *a);
void keys_reader_file(struct keys_reader *r,
		      const char *file); /* where an empty document (NULL) comes from; copied */
struct keys_arena *keys_reader_arena(struct keys_reader *r);
/* Reads @p n into @p out (zeroed here, defaults filled). Returns the number of errors found so far.
 * @p n NULL is an empty document. ${NAME} is expanded in every scalar; "$$" stands for "$". */
size_t keys_read(struct keys_reader *r, const struct key_table *t, const struct yaml_node *n,
		 void *out);
void keys_error(struct keys_reader *r, struct yaml_place at, const char *fmt, ...)
	PRINTF_LIKE(3, 4);
void keys_warn(struct keys_reader *r, struct yaml_place at, const char *fmt, ...) PRINTF_LIKE(3, 4);
/* For read() of KEY_CUSTOM: "'max' wants a whole number, found 'ten'"; and the text of a scalar,
 * expanded, in the arena, or NULL after an error was reported. */
void keys_error_type(struct keys_reader *r, const struct key *k, const struct yaml_node *n);
const char *keys_text(struct keys_reader *r, const struct key *k, const struct yaml_node *n);
size_t keys_problem_count(const struct keys_reader *r);
size_t keys_error_count(const struct keys_reader *r);
const struct keys_problem *keys_problem_at(const struct keys_reader *r, size_t i);
int keys_problem_print(const struct keys_problem *p,
		       struct buf *out); /* "file:line:column: text" */

int keys_print(const struct key_table *t, const void *in, struct buf *out,
	       int indent); /* YAML; leaves defaults out */
struct json *keys_schema(const struct key_table *t);
/* Adds @p s as a YAML scalar that the reader takes back as it was: quoted where needed, "$"
 * doubled. */
int keys_quote(struct buf *out, const char *s);
int keys_manual(const struct key_table *t, struct buf *out);

#endif
