/* A struct back as YAML, by its table: what is read from the text is the same struct again. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/keys_own.h"
#include "base/text.h"

#define PRINT_BYTES_MAX (1u << 20)

/* No blank, nothing that YAML gives a meaning. The reader does not ask whether "5" had quotes. */
static bool print_is_bare(const char *s)
{
	static const char rest[] = ".:%+-_/0123456789"
				   "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
	size_t len = strlen(s);

	return len && !strchr(".:%+-", s[0]) && s[len - 1] != ':' && strspn(s, rest) == len;
}

static int print_quoted(struct buf *out, const char *s)
{
	/* YAML reads JSON's escapes */
	return print_is_bare(s) ? buf_adds(out, s) : json_quote(out, s, strlen(s));
}

int keys_quote(struct buf *out, const char *s)
{
	AUTO(buf_done) struct buf doubled = BUF(PRINT_BYTES_MAX);

	for (; *s; s++) {
		if (*s == '$')
			buf_addc(&doubled, '$');
		buf_addc(&doubled, *s);
	}
	return print_quoted(out, buf_str(&doubled));
}

static void print_number(const struct key *k, int64_t v, struct buf *out)
{
	char text[KEYS_NUMBER_MAX];

	buf_adds(out, k->also && v == KEYS_AUTO ? k->also : keys_number(k->type, v, text));
}

static void print_scalar(const struct key *k, const void *field, struct buf *out)
{
	const char *s, *word;
	size_t len;

	switch (k->type) {
	case KEY_STR:
		s = *(const char *const *)field;
		if (s)
			keys_quote(out, s);
		break;
	case KEY_BOOL:
		buf_adds(out, *(const bool *)field ? "true" : "false");
		break;
	case KEY_CHOICE:
		word = *(const int *)field < 0
			       ? NULL
			       : text_choice_at(k->choices, (size_t) * (const int *)field, &len);
		if (word)
			buf_add(out, word, len);
		break;
	case KEY_SPAN:
		print_number(k, ((const struct span *)field)->ms, out);
		break;
	default:
		print_number(k, *(const int64_t *)field, out);
		break;
	}
}

static void print_strs(const struct key *k, const void *base, struct buf *out)
{
	const char *const *texts = *(const char *const *const *)keys_field(k, base);
	size_t n = *keys_count_field(k, base);

	buf_addc(out, '[');
	for (size_t i = 0; i < n; i++) {
		AUTO(buf_done) struct buf text = BUF(PRINT_BYTES_MAX);

		buf_adds(out, i ? ", " : "");
		keys_quote(&text, texts[i]);
		buf_adds(out, buf_str(&text));
	}
	buf_addc(out, ']');
}

static const char *print_name_of(const struct key_table *t, const void *item)
{
	const char *name = NULL;

	for (size_t i = 0; i < t->count; i++)
		if (t->keys[i].is_name)
			name = *(const char *const *)keys_field(&t->keys[i], item);
	return name ? name : "";
}

/* Items below their key: "- a: 1" or "name:", each with its lines. */
static void print_items(const struct key *k, const void *base, struct buf *out, int indent)
{
	const unsigned char *items = *(const unsigned char *const *)keys_field(k, base);
	size_t n = *keys_count_field(k, base);

	if (n == 0)
		buf_adds(out, k->type == KEY_LIST ? " []" : " {}");
	buf_addc(out, '\n');
	for (size_t i = 0; i < n; i++) {
		AUTO(buf_done) struct buf body = BUF(PRINT_BYTES_MAX);
		const void *item = items + i * k->sub->size;

		keys_print(k->sub, item, &body, indent + 2);
		buf_addf(out, "%*s", indent, "");
		if (k->type == KEY_LIST)
			buf_addf(out, "- %s", body.len ? buf_str(&body) + indent + 2 : "{}\n");
		else {
			print_quoted(out, print_name_of(k->sub, item)); /* names are not expanded */
			buf_addf(out, "%s\n%s", body.len ? ":" : ": {}", buf_str(&body));
		}
	}
}

/* "key: value" with its lines, or nothing when there is nothing to say. */
static void print_key(const struct key *k, const void *base, struct buf *out, int indent)
{
	AUTO(buf_done) struct buf value = BUF(PRINT_BYTES_MAX);
	const void *field = keys_field(k, base);

	switch (k->type) {
	case KEY_MAP:
		keys_print(k->sub, field, &value, indent + 2);
		buf_addf(out, "%*s%s:%s\n%s", indent, "", k->name, value.len ? "" : " {}",
			 buf_str(&value));
		return;
	case KEY_LIST:
	case KEY_ENTRIES:
		buf_addf(out, "%*s%s:", indent, "", k->name);
		print_items(k, base, out, indent + 2);
		return;
	case KEY_STRS:
		print_strs(k, base, &value);
		break;
	case KEY_CUSTOM:
		if (k->print)
			err_ignore(k->print(k, field, &value));
		break;
	default:
		print_scalar(k, field, &value);
		break;
	}
	if (value.len)
		buf_addf(out, "%*s%s: %s\n", indent, "", k->name, buf_str(&value));
}

int keys_print(const struct key_table *t, const void *in, struct buf *out, int indent)
{
	AUTO(keys_arena_freep) struct keys_arena *arena = keys_arena_new();
	AUTO(keys_reader_freep) struct keys_reader *r = keys_reader_new(arena, KEYS_ENV_WARN);
	AUTO(own_freep) void *fresh = own_alloc(t->size);

	keys_defaults(r, t, fresh);
	for (size_t i = 0; i < t->count; i++) {
		const struct key *k = &t->keys[i];
		AUTO(buf_done) struct buf now = BUF(PRINT_BYTES_MAX);
		AUTO(buf_done) struct buf before = BUF(PRINT_BYTES_MAX);
		bool given = k->has_given && *keys_given_field(k, in);

		if (k->is_name || (k->has_given && !given))
			continue;
		print_key(k, in, &now, indent);
		if (!given &&
		    !k->required) /* rows with a flag may share memory: do not look there */
			print_key(k, fresh, &before, indent);
		if (given || k->required || strcmp(buf_str(&now), buf_str(&before)) != 0)
			buf_adds(out, buf_str(&now));
		if (now.full)
			out->full = true;
	}
	return out->full ? -1 : 0;
}
