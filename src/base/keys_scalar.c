/* The values of keys.h that one scalar gives, and how a row says what it wants. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/keys_own.h"
#include "base/text.h"

#define SCALAR_TEXT_MAX 65536

bool keys_is_scalar(enum key_type type)
{
	switch (type) {
	case KEY_STR:
	case KEY_INT:
	case KEY_MILLI:
	case KEY_PERCENT:
	case KEY_SPAN:
	case KEY_BOOL:
	case KEY_CHOICE:
		return true;
	case KEY_MAP:
	case KEY_LIST:
	case KEY_ENTRIES:
	case KEY_STRS:
	case KEY_CUSTOM:
		break;
	}
	return false;
}

const char *keys_number(enum key_type type, int64_t v, char out[static KEYS_NUMBER_MAX])
{
	char text[TEXT_MILLI_MAX];
	int64_t percent;

	if (type == KEY_SPAN)
		clock_print_span((struct span){ v }, out);
	else if (type == KEY_PERCENT && !__builtin_mul_overflow(v, (int64_t)100, &percent))
		snprintf(out, KEYS_NUMBER_MAX, "%s%%", text_print_milli(percent, text));
	else if (type == KEY_MILLI || type == KEY_PERCENT)
		snprintf(out, KEYS_NUMBER_MAX, "%s", text_print_milli(v, text));
	else
		snprintf(out, KEYS_NUMBER_MAX, "%" PRId64, v);
	return out;
}

static const char *keys_want_noun(const struct key *k, char *room, size_t size)
{
	switch (k->type) {
	case KEY_STR:
		return "a text";
	case KEY_INT:
		return "a whole number";
	case KEY_MILLI:
		return "a number of at most three decimals";
	case KEY_PERCENT:
		return "a share such as 10%";
	case KEY_SPAN:
		return "a length of time such as 90s or 5m";
	case KEY_BOOL:
		return "true or false";
	case KEY_CHOICE:
		return text_choices(k->choices, room, size);
	case KEY_LIST:
	case KEY_STRS:
		return "a list";
	case KEY_MAP:
	case KEY_ENTRIES:
		return "a map";
	case KEY_CUSTOM:
		break;
	}
	return "another value";
}

const char *keys_want(const struct key *k, char out[static KEYS_WANT_MAX])
{
	char least[KEYS_NUMBER_MAX], most[KEYS_NUMBER_MAX], room[256];
	AUTO(buf_done) struct buf b = BUF(KEYS_WANT_MAX - 1);

	buf_adds(&b, keys_want_noun(k, room, sizeof(room)));
	if ((k->least || k->most) && k->type != KEY_STR)
		buf_addf(&b, " from %s to %s", keys_number(k->type, k->least, least),
			 keys_number(k->type, k->most, most));
	else if (k->least || k->most)
		buf_addf(&b, " of %" PRId64 " to %" PRId64 " bytes", k->least, k->most);
	if (k->also)
		buf_addf(&b, " or '%s'", k->also);
	snprintf(out, KEYS_WANT_MAX, "%s", buf_str(&b));
	return out;
}

static bool keys_name_char(char c, bool first)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_' ||
	       (!first && c >= '0' && c <= '9');
}

/* One ${NAME} at @p s. Returns what was taken, 0 after an error. *unset: it has no value. */
static size_t keys_expand_one(struct keys_reader *r, const struct key *k, const struct yaml_node *n,
			      const char *s, struct buf *out, bool *unset)
{
	size_t len = 2;
	AUTO(own_freep) char *name = NULL;
	const char *value;

	while (keys_name_char(s[len], len == 2))
		len++;
	if (len == 2 || s[len] != '}') {
		keys_error(r, n->at, "'%s': a '${' begins ${NAME}, and '$${' stands for itself",
			   k->name);
		return 0;
	}
	name = own_strndup(s + 2, len - 2);
	value = getenv(name);
	if (value) {
		buf_adds(out, value);
		return len + 1;
	}
	*unset = true;
	buf_add(out, s, len + 1);
	if (r->env == KEYS_ENV_REFUSE)
		keys_error(r, n->at, "'%s': the environment has no %.64s", k->name, name);
	else
		keys_warn(r, n->at,
			  "'%s': the environment has no %.64s; its name is taken as it stands",
			  k->name, name);
	return len + 1;
}

/* false after an error. */
static bool keys_expand(struct keys_reader *r, const struct key *k, const struct yaml_node *n,
			struct buf *out, bool *unset)
{
	const char *s = n->text;

	while (*s) {
		size_t taken = strcspn(s, "$");

		buf_add(out, s, taken);
		s += taken;
		if (s[0] == '$' && s[1] == '{') {
			taken = keys_expand_one(r, k, n, s, out, unset);
			if (taken == 0)
				return false;
			s += taken;
		} else if (s[0] == '$') {
			buf_addc(out, '$');
			s += s[1] == '$' ? 2 : 1;
		}
	}
	if (out->full) {
		keys_error(r, n->at, "'%s' is longer than %d bytes", k->name, SCALAR_TEXT_MAX);
		return false;
	}
	return true;
}

const char *keys_text(struct keys_reader *r, const struct key *k, const struct yaml_node *n)
{
	AUTO(buf_wipe) struct buf text = BUF(SCALAR_TEXT_MAX);
	bool unset = false;

	if (n->kind != YAML_SCALAR) {
		keys_error(r, n->at, "'%s' wants a text, found a %s", k->name,
			   n->kind == YAML_LIST ? "list" : "map");
		return NULL;
	}
	if (!keys_expand(r, k, n, &text, &unset))
		return NULL;
	return keys_arena_str(r->arena, buf_str(&text));
}

/* "10%" or "0.1", in thousandths of one. */
static bool keys_parse_percent(const char *text, int64_t *ret)
{
	size_t len = strlen(text);
	AUTO(own_freep) char *number = NULL;
	int64_t milli;

	if (len == 0 || text[len - 1] != '%')
		return text_milli(text, ret);
	number = own_strndup(text, len - 1);
	if (!text_milli(number, &milli) || milli % 100)
		return false;
	*ret = milli / 100;
	return true;
}

static bool keys_parse_span(const char *text, int64_t *ret)
{
	struct span d;

	if (clock_parse_span(text, &d, NULL) < 0)
		return false;
	*ret = d.ms;
	return true;
}

static bool keys_parse_number(const struct key *k, const char *text, int64_t *ret)
{
	bool ok;

	if (k->also && strcmp(text, k->also) == 0) {
		*ret = KEYS_AUTO;
		return true;
	}
	switch (k->type) {
	case KEY_INT:
		ok = text_int(text, ret);
		break;
	case KEY_MILLI:
		ok = text_milli(text, ret);
		break;
	case KEY_PERCENT:
		ok = keys_parse_percent(text, ret);
		break;
	default:
		ok = keys_parse_span(text, ret);
		break;
	}
	if (ok && (k->least || k->most))
		ok = *ret >= k->least && *ret <= k->most;
	return ok && *ret != KEYS_AUTO;
}

/* Returns false when @p text is no such value; the field is then untouched. */
static bool keys_set_scalar(struct keys_reader *r, const struct key *k, const char *text,
			    void *field)
{
	int64_t v;
	int choice;

	switch (k->type) {
	case KEY_STR:
		v = (int64_t)strlen(text);
		if (((k->least || k->most) && (v < k->least || v > k->most)) ||
		    (k->required && v == 0))
			return false;
		*(const char **)field = keys_arena_str(r->arena, text);
		return true;
	case KEY_BOOL:
		*(bool *)field = strcmp(text, "true") == 0;
		return *(bool *)field || strcmp(text, "false") == 0;
	case KEY_CHOICE:
		choice = text_choice(k->choices, text);
		if (choice >= 0)
			*(int *)field = choice;
		return choice >= 0;
	default:
		if (!keys_parse_number(k, text, &v))
			return false;
		if (k->type == KEY_SPAN)
			((struct span *)field)->ms = v;
		else
			*(int64_t *)field = v;
		return true;
	}
}

void keys_scalar(struct keys_reader *r, const struct key *k, const struct yaml_node *n, void *field)
{
	AUTO(buf_done) struct buf text = BUF(SCALAR_TEXT_MAX);
	struct yaml_node expanded = *n;
	bool unset = false;

	if (n->kind != YAML_SCALAR) {
		keys_error_type(r, k, n);
		return;
	}
	if (!keys_expand(r, k, n, &text, &unset))
		return;
	if (unset && k->type != KEY_STR)
		return; /* reported; the default stands */
	if (k->type == KEY_STR && n->plain && !n->text[0]) {
		keys_error_type(r, k,
				n); /* "key:" with nothing behind it; an empty text has quotes */
		return;
	}
	expanded.text = buf_str(&text);
	if (!keys_set_scalar(r, k, expanded.text, field))
		keys_error_type(r, k,
				k->type == KEY_STR ? n : &expanded); /* a text may be a secret */
}
