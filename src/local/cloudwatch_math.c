/* Metric math, read: one pass over the text, bounded in nodes and depth. */
#include "local/cloudwatch_math.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "local/cloudwatch_math_own.h"

struct parser {
	struct local_cloudwatch_math *m;
	const char *text, *at;
	char *pool; /* where the next name goes in m->text */
	int depth;
	struct err *e;
};

void local_cloudwatch_math_done(struct local_cloudwatch_value *v)
{
	for (size_t i = 0; i < v->count; i++)
		own_free(v->all[i].values);
	own_free(v->all);
	*v = (struct local_cloudwatch_value){ 0 };
}

void local_cloudwatch_math_free(struct local_cloudwatch_math *m)
{
	if (!m)
		return;
	own_free(m->text);
	own_free(m);
}

static void space(struct parser *p)
{
	while (isspace((unsigned char)*p->at))
		p->at++;
}

static bool skip(struct parser *p, const char *token)
{
	size_t n = strlen(token);

	space(p);
	if (strncmp(p->at, token, n) != 0)
		return false;
	p->at += n;
	return true;
}

static int wrong(struct parser *p, const char *what)
{
	return err_set(p->e, ERR_PROTOCOL, "%s at position %td", what, p->at - p->text + 1);
}

static int add(struct parser *p, enum node_kind kind)
{
	struct local_cloudwatch_math *m = p->m;

	if (m->count == CLOUDWATCH_MATH_NODES_MAX)
		return wrong(p, "the expression is too long");
	m->nodes[m->count] = (struct node){ .kind = kind, .first = -1, .next = -1 };
	return m->count++;
}

/* A copy of @p len bytes that lives as long as the expression; the pool holds the whole text and a
 * NUL for each name, so that it is never short. */
static const char *keep(struct parser *p, const char *s, size_t len)
{
	char *at = p->pool;

	memcpy(at, s, len);
	at[len] = '\0';
	p->pool += len + 1;
	return at;
}

static int parse(struct parser *p, int level);

/* Arguments up to @p end; -1 an error, else the first's place or -2 for none. */
static int arguments(struct parser *p, const char *end)
{
	int first = -2, last = -1;

	if (skip(p, end))
		return first;
	do {
		int one = parse(p, 0);

		if (one < 0)
			return -1;
		if (last < 0)
			first = one;
		else
			p->m->nodes[last].next = one;
		last = one;
	} while (skip(p, ","));
	if (!skip(p, end))
		return wrong(p, "an argument does not end");
	return first;
}

static int list(struct parser *p, enum node_kind kind, const char *name, const char *end)
{
	int node = add(p, kind), first = node < 0 ? -1 : arguments(p, end);

	if (node < 0 || first == -1)
		return -1;
	p->m->nodes[node].text = name;
	p->m->nodes[node].first = first == -2 ? -1 : first;
	return node;
}

static int number(struct parser *p)
{
	size_t len = strspn(p->at, "0123456789.");
	int node = add(p, NODE_NUMBER);
	char *end;
	double d;

	if (node < 0)
		return -1;
	if ((p->at[len] == 'e' || p->at[len] == 'E') &&
	    (isdigit((unsigned char)p->at[len + 1]) ||
	     (strchr("+-", p->at[len + 1]) && p->at[len + 1] &&
	      isdigit((unsigned char)p->at[len + 2]))))
		len += 2 + strspn(p->at + len + 2, "0123456789");
	d = strtod(p->at, &end);
	if (end != p->at + len || !isfinite(d))
		return wrong(p, "a number is malformed");
	p->at = end;
	p->m->nodes[node].number = d;
	return node;
}

/* Ids begin with a small letter, functions and words with a capital one. */
static int name(struct parser *p)
{
	const char *from = p->at, *text;
	int node;

	while (isalnum((unsigned char)*p->at) || *p->at == '_')
		p->at++;
	text = keep(p, from, (size_t)(p->at - from));
	if (skip(p, "("))
		return list(p, NODE_CALL, text, ")");
	node = add(p, islower((unsigned char)*text) ? NODE_ID : NODE_WORD);
	if (node >= 0)
		p->m->nodes[node].text = text;
	return node;
}

static int text(struct parser *p)
{
	char quote = *p->at++;
	const char *end = strchr(p->at, quote);
	int node = add(p, NODE_TEXT);

	if (node < 0)
		return -1;
	if (!end)
		return wrong(p, "a text does not end");
	p->m->nodes[node].text = keep(p, p->at, (size_t)(end - p->at));
	p->at = end + 1;
	return node;
}

static int primary(struct parser *p)
{
	int node;

	space(p);
	if (isdigit((unsigned char)*p->at) || *p->at == '.')
		return number(p);
	if (isalpha((unsigned char)*p->at))
		return name(p);
	if (*p->at == '"' || *p->at == '\'')
		return text(p);
	if (skip(p, "["))
		return list(p, NODE_ARRAY, NULL, "]");
	if (skip(p, "(")) {
		node = parse(p, 0);
		if (node >= 0 && !skip(p, ")"))
			return wrong(p, "a bracket is not closed");
		return node;
	}
	return wrong(p, *p->at ? "there is something unexpected" : "something is missing");
}

struct operator
{
	const char *token;
	enum operation operation;
	int level;
};

/* Longer tokens first. */
static const struct operator operators[] = {
	{ "||", OP_OR, 0 },      { "&&", OP_AND, 1 },     { "==", OP_EQUAL, 2 },
	{ "!=", OP_UNEQUAL, 2 }, { "<=", OP_MOST, 2 },    { ">=", OP_LEAST, 2 },
	{ "<", OP_LESS, 2 },     { ">", OP_MORE, 2 },     { "+", OP_ADD, 3 },
	{ "-", OP_SUBTRACT, 3 }, { "*", OP_MULTIPLY, 4 }, { "/", OP_DIVIDE, 4 },
	{ "^", OP_POWER, 6 },    { "OR", OP_OR, 0 },      { "AND", OP_AND, 1 },
};
#define LEVEL_MINUS 5
#define LEVEL_POWER 6
#define LEVEL_MOST 7

static const struct operator* operator_at(struct parser *p)
{
	space(p);
	for (size_t i = 0; i < COUNT_OF(operators); i++) {
		const char *token = operators[i].token;
		size_t n = strlen(token);

		if (strncmp(p->at, token, n) == 0 &&
		    !(isalpha((unsigned char)*token) &&
		      (isalnum((unsigned char)p->at[n]) || p->at[n] == '_')))
			return &operators[i];
	}
	return NULL;
}

static int minus(struct parser *p)
{
	int node, of;

	if (!skip(p, "-"))
		return parse(p, LEVEL_POWER);
	node = add(p, NODE_UNARY);
	of = node < 0 ? -1 : parse(p, LEVEL_MINUS);
	if (of < 0)
		return -1;
	p->m->nodes[node].first = of;
	return node;
}

/* What binds at @p level or closer. */
static int parse_level(struct parser *p, int level)
{
	const struct operator* o;
	int left;

	if (level == LEVEL_MINUS)
		return minus(p);
	if (level == LEVEL_MOST)
		return primary(p);
	left = parse(p, level + 1);
	while (left >= 0 && (o = operator_at(p)) && o->level == level) {
		int node = add(p, NODE_BINARY), right;

		p->at += strlen(o->token);
		/* A power's exponent may have a minus, and is a power itself. */
		right = node < 0 ? -1 : parse(p, level == LEVEL_POWER ? LEVEL_MINUS : level + 1);
		if (right < 0)
			return -1;
		p->m->nodes[node].operation = o->operation;
		p->m->nodes[node].first = left;
		p->m->nodes[left].next = right;
		left = node;
	}
	return left;
}

/* Each bracket passes all levels once. */
static int parse(struct parser *p, int level)
{
	int node;

	if (++p->depth > CLOUDWATCH_MATH_DEPTH_MAX * (LEVEL_MOST + 1))
		return wrong(p, "the expression is nested too deep");
	node = parse_level(p, level);
	p->depth--;
	return node;
}

struct local_cloudwatch_math *local_cloudwatch_math_parse(const char *text, struct err *e)
{
	AUTO(local_cloudwatch_math_freep) struct local_cloudwatch_math *m = own_alloc(sizeof(*m));
	size_t len = strlen(text);
	struct parser p = { .m = m, .text = text, .at = text, .e = e };

	if (len == 0 || len > CLOUDWATCH_MATH_TEXT_MAX) {
		err_ignore(err_set(e, ERR_PROTOCOL, "an expression has from 1 to %d characters",
				   CLOUDWATCH_MATH_TEXT_MAX));
		return NULL;
	}
	m->text = p.pool = own_alloc(2 * len + 2);
	m->root = parse(&p, 0);
	space(&p);
	if (m->root >= 0 && *p.at)
		m->root = wrong(&p, "there is something unexpected");
	return m->root < 0 ? NULL : TAKE(m);
}

bool local_cloudwatch_math_names(const struct local_cloudwatch_math *m, const char *id)
{
	for (int i = 0; i < m->count; i++)
		if (m->nodes[i].kind == NODE_ID && strcmp(m->nodes[i].text, id) == 0)
			return true;
	return false;
}

bool local_cloudwatch_math_searches(const struct local_cloudwatch_math *m)
{
	for (int i = 0; i < m->count; i++)
		if (m->nodes[i].kind == NODE_CALL && strcmp(m->nodes[i].text, "SEARCH") == 0)
			return true;
	return false;
}
