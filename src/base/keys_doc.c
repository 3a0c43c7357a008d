/* JSON Schema and the manual of a table. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/keys_own.h"
#include "base/text.h"

#define DOC_WIDTH 80
#define DOC_ENV_PATTERN "^\\$\\{[A-Za-z_][A-Za-z0-9_]*\\}$"
#define DOC_SPAN_PATTERN "^([0-9]+(\\.[0-9]+)?(ms|d|h|m|s))+$"
#define DOC_PERCENT_PATTERN "^-?[0-9]+(\\.[0-9])?%$"

static struct json *schema_table(const struct key_table *t);

static struct json *schema_type(const char *type)
{
	struct json *j = json_object();

	json_set_str(j, "type", type);
	return j;
}

static struct json *schema_pattern(const char *pattern)
{
	struct json *j = schema_type("string");

	json_set_str(j, "pattern", pattern);
	return j;
}

static struct json *schema_bounded(const struct key *k, const char *type, double scale)
{
	struct json *j = schema_type(type);

	if (!k->least && !k->most)
		return j;
	if (scale == 1) {
		json_set_int(j, "minimum", k->least);
		json_set_int(j, "maximum", k->most);
	} else {
		json_set_real(j, "minimum", (double)k->least / scale);
		json_set_real(j, "maximum", (double)k->most / scale);
	}
	return j;
}

static struct json *schema_choices(const char *choices)
{
	struct json *j = json_object(), *words = json_array();
	const char *at;
	size_t len;

	for (size_t i = 0; (at = text_choice_at(choices, i, &len)) != NULL; i++)
		json_add(words, json_new_strn(at, len));
	json_set(j, "enum", words);
	return j;
}

/* What a scalar may be: its own forms, the word beside it, and ${NAME}. */
static struct json *schema_scalar(const struct key *k)
{
	struct json *j = json_object(), *any = json_array(), *also;

	switch (k->type) {
	case KEY_INT:
		json_add(any, schema_bounded(k, "integer", 1));
		break;
	case KEY_MILLI:
		json_add(any, schema_bounded(k, "number", 1000));
		break;
	case KEY_PERCENT:
		json_add(any, schema_pattern(DOC_PERCENT_PATTERN));
		json_add(any, schema_bounded(k, "number", 1000));
		break;
	case KEY_SPAN:
		json_add(any, schema_pattern(DOC_SPAN_PATTERN));
		json_add(any, schema_bounded(k, "number", 1000));
		break;
	case KEY_BOOL:
		json_add(any, schema_type("boolean"));
		break;
	default:
		json_add(any, schema_choices(k->choices));
		break;
	}
	if (k->also) {
		also = json_object();
		json_set_str(also, "const", k->also);
		json_add(any, also);
	}
	json_add(any, schema_pattern(DOC_ENV_PATTERN));
	json_set(j, "anyOf", any);
	return j;
}

static int64_t schema_most(const struct key *k)
{
	return (int64_t)(k->most_items ? k->most_items : KEYS_ITEMS_MAX);
}

static struct json *schema_key(const struct key *k)
{
	struct json *j;

	switch (k->type) {
	case KEY_STR:
		return schema_type("string");
	case KEY_MAP:
		return schema_table(k->sub);
	case KEY_LIST:
		j = schema_type("array");
		json_set(j, "items", schema_table(k->sub));
		json_set_int(j, "maxItems", schema_most(k));
		return j;
	case KEY_STRS:
		j = schema_type("array");
		json_set(j, "items", schema_type("string"));
		json_set_int(j, "maxItems", schema_most(k));
		return j;
	case KEY_ENTRIES:
		j = schema_type("object");
		json_set(j, "additionalProperties", schema_table(k->sub));
		json_set_int(j, "maxProperties", schema_most(k));
		return j;
	case KEY_CUSTOM:
		return json_object();
	default:
		return schema_scalar(k);
	}
}

static struct json *schema_default(const struct key *k)
{
	int64_t v;

	if (k->type == KEY_INT && text_int(k->init, &v))
		return json_new_int(v);
	if (k->type == KEY_BOOL)
		return json_new_bool(strcmp(k->init, "true") == 0);
	return json_new_str(k->init);
}

static struct json *schema_table(const struct key_table *t)
{
	struct json *j = schema_type("object");
	struct json *properties = json_object(), *required = json_array();

	if (t->doc)
		json_set_str(j, "description", t->doc);
	for (size_t i = 0; i < t->count; i++) {
		const struct key *k = &t->keys[i];
		struct json *p;

		if (k->is_name)
			continue;
		p = schema_key(k);
		if (k->doc)
			json_set_str(p, "description", k->doc);
		if (k->init && (keys_is_scalar(k->type)))
			json_set(p, "default", schema_default(k));
		json_set(properties, k->name, p);
		if (k->required)
			json_add(required, json_new_str(k->name));
	}
	json_set(j, "properties", properties);
	if (json_count(required))
		json_set(j, "required", required);
	else
		json_free(required);
	json_set_bool(j, "additionalProperties", false);
	return j;
}

struct json *keys_schema(const struct key_table *t)
{
	struct json *j = schema_table(t);

	json_set_str(j, "$schema", "https://json-schema.org/draft/2020-12/schema");
	json_set_str(j, "title", t->name);
	return j;
}

/* "whole number from 0 to 3, in seconds; default 2", then the sentence about it. */
static void manual_key(const struct key *k, const char *path, struct buf *out)
{
	AUTO(buf_done) struct buf line = BUF(2048);
	char want[KEYS_WANT_MAX];

	buf_addf(out, "%s%s\n    ", path, k->name);
	if (k->type != KEY_CUSTOM)
		buf_adds(&line, keys_want(k, want));
	if (k->unit)
		buf_addf(&line, "%s%s", line.len ? ", in " : "", k->unit);
	if (k->required)
		buf_addf(&line, "%srequired", line.len ? "; " : "");
	if (k->init)
		buf_addf(&line, "%sdefault %s", line.len ? "; " : "", k->init);
	if (line.len)
		buf_adds(&line, ".\n");
	buf_adds(&line, k->doc ? k->doc : "");
	text_wrap(out, buf_str(&line), 4, 4, DOC_WIDTH);
	buf_addc(out, '\n');
}

static void manual_table(const struct key_table *t, const char *path, struct buf *out)
{
	for (size_t i = 0; i < t->count && !out->full; i++) {
		const struct key *k = &t->keys[i];
		AUTO(own_freep) char *below = NULL;

		if (k->is_name)
			continue;
		manual_key(k, path, out);
		if (!k->sub)
			continue;
		below = own_printf("%s%s%s", path, k->name,
				   k->type == KEY_LIST      ? "[]."
				   : k->type == KEY_ENTRIES ? ".NAME."
							    : ".");
		manual_table(k->sub, below, out);
	}
}

int keys_manual(const struct key_table *t, struct buf *out)
{
	buf_addf(out, "%s\n", t->name);
	if (t->doc) {
		buf_adds(out, "    ");
		text_wrap(out, t->doc, 4, 4, DOC_WIDTH);
		buf_addc(out, '\n');
	}
	buf_addc(out, '\n');
	manual_table(t, "", out);
	return out->full ? -1 : 0;
}
