/* What the parts of keys.c share. */
#ifndef BASE_KEYS_OWN_H
#define BASE_KEYS_OWN_H

#include "base/arena.h"
#include "base/keys.h"

#define KEYS_ITEMS_MAX 64     /* when a row states no most_items */
#define KEYS_NAME_BYTES 128   /* of an entry; YAML's keys end at 1024, escaped */
#define KEYS_PROBLEMS_MAX 200 /* past it errors are counted and not kept */

struct keys_arena {
	struct arena arena;
};

struct keys_reader {
	struct keys_arena *arena;
	struct keys_arena *passing; /* for lists; arena, where none was given */
	enum keys_env env;
	const char *file; /* for what has no place of its own */
	struct keys_problem *problems;
	size_t count, errors;
};

static inline void *keys_field(const struct key *k, const void *base)
{
	return (char *)(uintptr_t)base + k->offset;
}
static inline size_t *keys_count_field(const struct key *k, const void *base)
{
	return (size_t *)(void *)((char *)(uintptr_t)base + k->count_offset);
}
static inline bool *keys_given_field(const struct key *k, const void *base)
{
	return k->has_given ? (bool *)((char *)(uintptr_t)base + k->given_offset) : NULL;
}

/* Fills @p out, which is zeroed, with the defaults of @p t and of the tables below it. */
void keys_defaults(struct keys_reader *r, const struct key_table *t, void *out);
/* One value of a type that a scalar gives; reports and leaves the field alone when it is wrong. */
void keys_scalar(struct keys_reader *r, const struct key *k, const struct yaml_node *n,
		 void *field);
bool keys_is_scalar(enum key_type type);
/* "a whole number from 0 to 100 or auto": what a row wants, in words. Returns @p out. */
#define KEYS_WANT_MAX 384
const char *keys_want(const struct key *k, char out[static KEYS_WANT_MAX]);
/* A bound as its type writes it: "5m", "10%", "2.5", "7". Returns @p out. */
#define KEYS_NUMBER_MAX 40
const char *keys_number(enum key_type type, int64_t v, char out[static KEYS_NUMBER_MAX]);

#endif
