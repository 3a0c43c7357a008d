#include "base/options.h"

#include <config.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"

#define OPTIONS_HELP_BYTES 65536

/* One run over a command line. */
struct parse {
	const struct options *o;
	bool *given; /* on the command line, one a row */
	char **argv;
	int argc, at;
	char **operands; /* the front of argv, filled as operands are met */
	int operand_count;
	struct err *e;
};

enum shown { SHOWN_NOTHING, SHOWN_HELP, SHOWN_VERSION };

static int option_set_int(const struct option *op, const char *name, const char *text,
			  struct err *e)
{
	int64_t i;
	bool bounded = op->least || op->most;

	if (!text_int(text, &i) || (bounded && (i < op->least || i > op->most))) {
		if (bounded)
			return err_set(e, ERR_POLICY,
				       "%s wants a whole number from %" PRId64 " to %" PRId64
				       ", found '%.64s'",
				       name, op->least, op->most, text);
		return err_set(e, ERR_POLICY, "%s wants a whole number, found '%.64s'", name, text);
	}
	*(int64_t *)op->value = i;
	return 0;
}

static int option_set_choice(const struct option *op, const char *name, const char *text,
			     struct err *e)
{
	char words[256];

	if (text_choice(op->choices, text) < 0)
		return err_set(e, ERR_POLICY, "%s wants %s, found '%.64s'", name,
			       text_choices(op->choices, words, sizeof(words)), text);
	*(const char **)op->value = text;
	return 0;
}

static int option_set_flag(const struct option *op, const char *name, const char *text,
			   struct err *e)
{
	static const char *const words[] = { "false", "true", "no", "yes", "off", "on", "0", "1" };

	for (size_t i = 0; i < COUNT_OF(words); i++)
		if (strcmp(text, words[i]) == 0) {
			*(bool *)op->value = i % 2;
			return 0;
		}
	return err_set(e, ERR_POLICY, "%s wants true or false, found '%.64s'", name, text);
}

/* @p name is how the text came: "--port" or "environment WINDLASS_PORT". */
static int option_set(const struct option *op, const char *name, const char *text, struct err *e)
{
	struct option_list *list;

	switch (op->type) {
	case OPTION_FLAG:
		return option_set_flag(op, name, text, e);
	case OPTION_STR:
		*(const char **)op->value = text;
		return 0;
	case OPTION_INT:
		return option_set_int(op, name, text, e);
	case OPTION_SPAN:
		return clock_parse_span(text, op->value, e) < 0 ? err_wrap(e, "%s", name) : 0;
	case OPTION_LIST:
		list = op->value;
		list->items = own_grow(list->items, list->count + 1, sizeof(*list->items));
		list->items[list->count++] = text;
		return 0;
	case OPTION_CHOICE:
		return option_set_choice(op, name, text, e);
	}
	return 0;
}

void options_list_done(struct option_list *l)
{
	if (!l)
		return;
	own_free(l->items);
	*l = (struct option_list){ 0 };
}

static int parse_unknown(struct parse *p, const char *name)
{
	AUTO(own_freep) const char **words = own_array(p->o->count + 2, sizeof(*words));
	const char *near;
	size_t n = 0;

	for (size_t i = 0; i < p->o->count; i++)
		if (!p->o->table[i].secret)
			words[n++] = p->o->table[i].name;
	words[n++] = "help";
	words[n++] = "version";
	near = options_nearest(name, words, n);
	if (near)
		return err_set(p->e, ERR_POLICY, "unknown option --%.64s: did you mean --%s?", name,
			       near);
	return err_set(p->e, ERR_POLICY, "unknown option --%.64s", name);
}

static const struct option *parse_find(const struct options *o, const char *name, size_t len,
				       char letter)
{
	for (size_t i = 0; i < o->count; i++) {
		const struct option *op = &o->table[i];

		if (letter ? op->letter == letter
			   : strncmp(op->name, name, len) == 0 && op->name[len] == '\0')
			return op;
	}
	return NULL;
}

/* Sets @p op; @p value is what stood after "=" or the letter, or NULL: the next argument. */
static int parse_give(struct parse *p, const struct option *op, const char *value)
{
	char name[80];

	snprintf(name, sizeof(name), "--%s", op->name);
	if (op->secret)
		return err_set(p->e, ERR_POLICY,
			       "%s would show in the list of processes: give it in the environment "
			       "as %s",
			       name, op->env);
	p->given[op - p->o->table] = true;
	if (op->type == OPTION_FLAG && !value) {
		*(bool *)op->value = true;
		return 0;
	}
	if (!value) {
		if (p->at == p->argc)
			return err_set(p->e, ERR_POLICY, "%s wants %s after it", name,
				       op->meta ? op->meta : "a value");
		value = p->argv[p->at++];
	}
	return option_set(op, name, value, p->e);
}

static int parse_long(struct parse *p, const char *arg, enum shown *ret_shown)
{
	const char *name = arg + 2;
	size_t len = strcspn(name, "=");
	const struct option *op = parse_find(p->o, name, len, '\0');
	AUTO(own_freep) char *word = NULL;

	if (op)
		return parse_give(p, op, name[len] ? name + len + 1 : NULL);
	if (strcmp(name, "help") == 0 || strcmp(name, "version") == 0) {
		*ret_shown = name[0] == 'h' ? SHOWN_HELP : SHOWN_VERSION;
		return 0;
	}
	word = own_strndup(name, len);
	return parse_unknown(p, word);
}

/* "-v", "-vq", "-o FILE", "-oFILE". */
static int parse_short(struct parse *p, const char *arg, enum shown *ret_shown)
{
	for (arg++; *arg; arg++) {
		const struct option *op = parse_find(p->o, NULL, 0, *arg);

		if (!op && (*arg == 'h' || *arg == 'V')) {
			*ret_shown = *arg == 'h' ? SHOWN_HELP : SHOWN_VERSION;
			return 0;
		}
		if (!op)
			return err_set(p->e, ERR_POLICY, "unknown option -%c",
				       *arg > ' ' && *arg < 0x7F ? *arg : '?');
		if (op->type != OPTION_FLAG)
			return parse_give(p, op, arg[1] ? arg + 1 : NULL);
		if (parse_give(p, op, NULL) < 0)
			return -1;
	}
	return 0;
}

static int parse_arguments(struct parse *p, enum shown *ret_shown)
{
	bool ended = false;

	while (p->at < p->argc && *ret_shown == SHOWN_NOTHING) {
		char *arg = p->argv[p->at++];
		int rc = 0;

		if (ended || arg[0] != '-' || arg[1] == '\0')
			p->operands[p->operand_count++] = arg;
		else if (strcmp(arg, "--") == 0)
			ended = true;
		else if (arg[1] == '-')
			rc = parse_long(p, arg, ret_shown);
		else
			rc = parse_short(p, arg, ret_shown);
		if (rc < 0)
			return -1;
	}
	return 0;
}

static void parse_clear(const struct option *op)
{
	switch (op->type) {
	case OPTION_FLAG:
		*(bool *)op->value = false;
		break;
	case OPTION_STR:
	case OPTION_CHOICE:
		*(const char **)op->value = NULL;
		break;
	case OPTION_INT:
		*(int64_t *)op->value = 0;
		break;
	case OPTION_SPAN:
		*(struct span *)op->value = (struct span){ 0 };
		break;
	case OPTION_LIST:
		*(struct option_list *)op->value = (struct option_list){ 0 };
		break;
	}
}

/* What the command line left open: from the environment (an empty value counts as unset), else
 * the default. */
static int parse_rest(struct parse *p)
{
	char name[128];

	for (size_t i = 0; i < p->o->count; i++) {
		const struct option *op = &p->o->table[i];
		const char *text = op->env ? getenv(op->env) : NULL;

		if (p->given[i])
			continue;
		snprintf(name, sizeof(name), "environment %s", op->env ? op->env : "");
		if (text && *text) {
			if (option_set(op, name, text, p->e) < 0)
				return -1;
		} else if (op->init && option_set(op, op->name, op->init, p->e) < 0) {
			return -1;
		}
	}
	return 0;
}

static int parse_count(struct parse *p)
{
	const struct options *o = p->o;
	const char *what = o->operands ? o->operands : "nothing";

	if (p->operand_count < o->least_operands)
		return err_set(p->e, ERR_POLICY, "%s is missing", what);
	if (o->most_operands >= 0 && p->operand_count > o->most_operands)
		return err_set(p->e, ERR_POLICY, "unexpected '%.64s'",
			       p->operands[o->most_operands]);
	return 0;
}

static int options_show(const struct options *o, enum shown shown, struct err *e)
{
	AUTO(buf_done) struct buf out = BUF(OPTIONS_HELP_BYTES);

	if (shown == SHOWN_HELP)
		options_help(o, &out);
	else
		buf_addf(&out, "%.*s (windlass) %s\n", (int)strcspn(o->program, " "), o->program,
			 PACKAGE_VERSION);
	if (fwrite(buf_str(&out), 1, out.len, stdout) != out.len || fflush(stdout) != 0)
		return err_errno(e, errno, "writing to standard output");
	return 1;
}

int options_parse(const struct options *o, int argc, char **argv, char ***ret_operands, int *ret_n,
		  struct err *e)
{
	AUTO(own_freep) bool *given = own_array(o->count + 1, sizeof(*given));
	struct parse p = { .o = o, .given = given, .argv = argv, .argc = argc, .at = 1, .e = e };
	enum shown shown = SHOWN_NOTHING;

	p.operands = argc > 0 ? argv + 1 : argv;
	for (size_t i = 0; i < o->count; i++)
		parse_clear(&o->table[i]);
	if (parse_arguments(&p, &shown) < 0)
		return -1;
	if (shown != SHOWN_NOTHING)
		return options_show(o, shown, e);
	if (parse_count(&p) < 0 || parse_rest(&p) < 0)
		return -1;
	*ret_operands = p.operands;
	*ret_n = p.operand_count;
	return 0;
}
