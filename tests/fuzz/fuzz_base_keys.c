/* What is read without an error prints as a text that reads as the same. */
#include "fuzz.h"

#include <string.h>

#include "base/keys.h"

struct step {
	int64_t above, add;
};
struct part {
	const char *name;
	const char *url;
	const char **words;
	size_t word_count;
};
struct whole {
	const char *name;
	int mode;
	int64_t max, cost, share, slots;
	struct span every;
	bool fast, max_given;
	struct part inner;
	struct step *steps;
	size_t step_count;
	struct part *parts;
	size_t part_count;
};

#define AT(s, f) .offset = offsetof(struct s, f)
static const struct key step_keys[] = {
	{ "above", KEY_INT, AT(step, above), .required = true },
	{ "add", KEY_INT, AT(step, add), .init = "1" },
};
static const struct key_table steps = { "a step", NULL, sizeof(struct step), step_keys,
					COUNT_OF(step_keys) };
static const struct key part_keys[] = {
	{ "name", KEY_STR, AT(part, name), .is_name = true },
	{ "url", KEY_STR, AT(part, url) },
	{ "words", KEY_STRS, AT(part, words), .count_offset = offsetof(struct part, word_count),
	  .init = "[a, b]" },
};
static const struct key_table parts = { "a part", NULL, sizeof(struct part), part_keys,
					COUNT_OF(part_keys) };
static const struct key whole_keys[] = {
	{ "name", KEY_STR, AT(whole, name) },
	{ "mode", KEY_CHOICE, AT(whole, mode), .choices = "enforce|dry_run" },
	{ "max", KEY_INT, AT(whole, max), .least = 0, .most = 100, .has_given = true,
	  .given_offset = offsetof(struct whole, max_given) },
	{ "cost", KEY_MILLI, AT(whole, cost), .init = "0.5" },
	{ "share", KEY_PERCENT, AT(whole, share), .init = "10%" },
	{ "slots", KEY_INT, AT(whole, slots), .also = "auto", .init = "auto" },
	{ "every", KEY_SPAN, AT(whole, every), .init = "15s" },
	{ "fast", KEY_BOOL, AT(whole, fast) },
	{ "inner", KEY_MAP, AT(whole, inner), .sub = &parts },
	{ "steps", KEY_LIST, AT(whole, steps), .count_offset = offsetof(struct whole, step_count),
	  .sub = &steps },
	{ "parts", KEY_ENTRIES, AT(whole, parts),
	  .count_offset = offsetof(struct whole, part_count), .sub = &parts },
};
static const struct key_table table = { "the file", NULL, sizeof(struct whole), whole_keys,
					COUNT_OF(whole_keys) };

/* Reads and prints; false when there were errors, which must then have a place and a text. */
static bool read_and_print(const char *text, size_t len, struct buf *out)
{
	AUTO(keys_arena_freep) struct keys_arena *a = keys_arena_new();
	AUTO(keys_reader_freep) struct keys_reader *r = keys_reader_new(a, KEYS_ENV_WARN);
	AUTO(yaml_freep) struct yaml *y = yaml_parse("f", text, len, NULL);
	struct whole w;

	if (!y)
		return false;
	keys_reader_file(r, "f");
	keys_read(r, &table, yaml_root(y), &w);
	for (size_t i = 0; i < keys_problem_count(r); i++) {
		const struct keys_problem *p = keys_problem_at(r, i);

		FUZZ_HOLDS(strcmp(p->at.file, "f") == 0 && p->at.line >= 1 && p->text[0]);
	}
	if (keys_error_count(r))
		return false;
	FUZZ_HOLDS(keys_print(&table, &w, out, 0) == 0);
	return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO(buf_done) struct buf first = BUF(1 << 24), second = BUF(1 << 24);

	if (!read_and_print((const char *)data, size, &first))
		return 0;
	FUZZ_HOLDS(read_and_print(buf_str(&first), first.len, &second));
	FUZZ_HOLDS(strcmp(buf_str(&first), buf_str(&second)) == 0);
	return 0;
}
