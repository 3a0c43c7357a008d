/* The text of --help, wrapped to the terminal. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/options.h"
#include "base/table.h"
#include "base/text.h"
#include "base/utf8.h"

#define HELP_DOC_COLUMN 26
#define HELP_WIDTH_LEAST 40
#define HELP_WIDTH_MOST 100

static int help_width(void)
{
	int width = table_width(stdout);

	if (width < HELP_WIDTH_LEAST)
		return HELP_WIDTH_LEAST;
	return width > HELP_WIDTH_MOST ? HELP_WIDTH_MOST : width;
}

/* "  -p, --policy FILE", then the sentence in its column, on the next line when there is no room.
 */
static void help_row(struct buf *out, char letter, const char *name, const char *meta,
		     const char *doc)
{
	AUTO(buf_done) struct buf head = BUF(256);
	size_t used;

	if (letter)
		buf_addf(&head, "  -%c, --%s", letter, name);
	else
		buf_addf(&head, "      --%s", name);
	if (meta)
		buf_addf(&head, " %s", meta);
	used = utf8_count(buf_str(&head), head.len);
	buf_adds(out, buf_str(&head));
	if (used + 2 > HELP_DOC_COLUMN)
		buf_addf(out, "\n%*s", HELP_DOC_COLUMN, "");
	else
		buf_addf(out, "%*s", HELP_DOC_COLUMN - (int)used, "");
	text_wrap(out, doc, HELP_DOC_COLUMN, HELP_DOC_COLUMN, help_width());
	buf_addc(out, '\n');
}

/* The sentence, then what else the table knows. */
static void help_doc(const struct option *op, struct buf *out)
{
	char words[256];
	const char *sep = " (";

	buf_adds(out, op->doc ? op->doc : "");
	if (op->choices && !op->meta) {
		buf_addf(out, "%s%s", sep, text_choices(op->choices, words, sizeof(words)));
		sep = "; ";
	}
	if (op->type == OPTION_INT && (op->least || op->most)) {
		buf_addf(out, "%s%" PRId64 " to %" PRId64, sep, op->least, op->most);
		sep = "; ";
	}
	if (op->type == OPTION_LIST) {
		buf_addf(out, "%smay be repeated", sep);
		sep = "; ";
	}
	if (op->init && *op->init) {
		buf_addf(out, "%sdefault %s", sep, op->init);
		sep = "; ";
	}
	if (op->env) {
		buf_addf(out, "%senvironment %s", sep, op->env);
		sep = "; ";
	}
	if (sep[0] == ';')
		buf_addc(out, ')');
}

static const char *help_meta(const struct option *op)
{
	if (op->type == OPTION_FLAG)
		return NULL;
	if (op->meta)
		return op->meta;
	switch (op->type) {
	case OPTION_INT:
		return "NUMBER";
	case OPTION_SPAN:
		return "TIME";
	case OPTION_CHOICE:
		return "WORD";
	default:
		return "TEXT";
	}
}

static bool help_has_letter(const struct options *o, char letter)
{
	for (size_t i = 0; i < o->count; i++)
		if (o->table[i].letter == letter)
			return true;
	return false;
}

/* Secrets have no option, so they stand below, by their environment names. */
static void help_secrets(const struct options *o, struct buf *out)
{
	bool any = false;

	for (size_t i = 0; i < o->count; i++) {
		const struct option *op = &o->table[i];

		if (!op->secret || !op->env)
			continue;
		buf_addf(out, "%s  %s\n%*s", any ? "" : "\nEnvironment only:\n", op->env,
			 HELP_DOC_COLUMN, "");
		text_wrap(out, op->doc ? op->doc : "", HELP_DOC_COLUMN, HELP_DOC_COLUMN,
			  help_width());
		buf_addc(out, '\n');
		any = true;
	}
}

void options_help(const struct options *o, struct buf *out)
{
	buf_addf(out, "Usage: %s [OPTION]...%s%s\n", o->program, o->operands ? " " : "",
		 o->operands ? o->operands : "");
	text_wrap(out, o->summary ? o->summary : "", 0, 0, help_width());
	buf_adds(out, "\n\nOptions:\n");
	for (size_t i = 0; i < o->count; i++) {
		AUTO(buf_done) struct buf doc = BUF(4096);

		if (o->table[i].secret)
			continue;
		help_doc(&o->table[i], &doc);
		help_row(out, o->table[i].letter, o->table[i].name, help_meta(&o->table[i]),
			 buf_str(&doc));
	}
	help_row(out, help_has_letter(o, 'h') ? '\0' : 'h', "help", NULL,
		 "Show this text and end.");
	help_row(out, help_has_letter(o, 'V') ? '\0' : 'V', "version", NULL,
		 "Show the version and end.");
	help_secrets(o, out);
	if (o->details)
		buf_addf(out, "\n%s%s", o->details,
			 o->details[0] && o->details[strlen(o->details) - 1] == '\n' ? "" : "\n");
}
