#include "local/cloudwatch_search.h"

#include <ctype.h>
#include <string.h>

#include "base/json.h"

#define TERMS_MAX 128
#define DEPTH_MAX 32
#define PARTS_MAX 31 /* a namespace and 30 dimensions */

enum kind { TERM, NOT, AND, OR };

struct term {
	enum kind kind;
	char *property; /* NULL: any */
	char *text;
	bool whole;
};

struct local_cloudwatch_search {
	char *parts[PARTS_MAX]; /* of the schema: the namespace, then names of dimensions */
	size_t part_count;
	struct term terms[TERMS_MAX]; /* postfix */
	size_t count;
};

struct reader {
	const char *at;
	struct local_cloudwatch_search *s;
	int depth;
	struct err *e;
};

void local_cloudwatch_search_free(struct local_cloudwatch_search *s)
{
	for (size_t i = 0; s && i < s->part_count; i++)
		own_free(s->parts[i]);
	for (size_t i = 0; s && i < s->count; i++) {
		own_free(s->terms[i].property);
		own_free(s->terms[i].text);
	}
	own_free(s);
}

static int wrong(struct reader *r, const char *what)
{
	return err_set(r->e, ERR_PROTOCOL, "the search expression is wrong: %s", what);
}

static void skip(struct reader *r)
{
	while (isspace((unsigned char)*r->at))
		r->at++;
}

static bool accept(struct reader *r, char sign)
{
	skip(r);
	if (*r->at != sign)
		return false;
	r->at++;
	return true;
}

/* A word up to one of @p ends or a space, or what stands in quotes. Owned; NULL: none. */
static char *word(struct reader *r, const char *ends, bool *ret_whole)
{
	const char *from;
	size_t n = 0;

	skip(r);
	*ret_whole = *r->at == '"';
	if (*ret_whole) {
		from = ++r->at;
		n = strcspn(from, "\"");
		if (!from[n])
			return NULL;
		r->at += n + 1;
		return own_strndup(from, n);
	}
	from = r->at;
	while (from[n] && !strchr(ends, from[n]) && !isspace((unsigned char)from[n]))
		n++;
	r->at += n;
	return n ? own_strndup(from, n) : NULL;
}

/* Is the next word this one? Then it is read. */
static bool accept_word(struct reader *r, const char *keyword)
{
	size_t n = strlen(keyword);

	skip(r);
	if (strncmp(r->at, keyword, n) != 0 || (r->at[n] && !strchr(" \t\n(\"", r->at[n])))
		return false;
	r->at += n;
	return true;
}

static int add(struct reader *r, struct term t)
{
	if (r->s->count == TERMS_MAX) {
		own_free(t.property);
		own_free(t.text);
		return wrong(r, "it has too many terms");
	}
	r->s->terms[r->s->count++] = t;
	return 0;
}

static int read_or(struct reader *r, const char *property);

/* word, Property=word, Property=(…), or (…). */
static int read_primary(struct reader *r, const char *property)
{
	AUTO(own_freep) char *text = NULL;
	bool whole;

	if (accept(r, '(')) {
		if (read_or(r, property) < 0)
			return -1;
		return accept(r, ')') ? 0 : wrong(r, ") is missing");
	}
	text = word(r, "()=", &whole);
	if (!text)
		return wrong(r, "a word is expected");
	if (!property && accept(r, '='))
		return read_primary(r, text);
	return add(r, (struct term){ TERM, own_strdup(property), TAKE(text), whole });
}

static int read_unary(struct reader *r, const char *property)
{
	int rc;

	if (++r->depth > DEPTH_MAX)
		return wrong(r, "it is nested too deeply");
	if (!accept_word(r, "NOT"))
		rc = read_primary(r, property);
	else if ((rc = read_unary(r, property)) == 0)
		rc = add(r, (struct term){ .kind = NOT });
	r->depth--;
	return rc;
}

static int read_and(struct reader *r, const char *property)
{
	if (read_unary(r, property) < 0)
		return -1;
	for (;;) {
		skip(r);
		if (!*r->at || *r->at == ')' ||
		    (strncmp(r->at, "OR", 2) == 0 && strchr(" \t\n(\")", r->at[2])))
			return 0;
		(void)accept_word(r, "AND"); /* two terms side by side mean the same */
		if (read_unary(r, property) < 0 || add(r, (struct term){ .kind = AND }) < 0)
			return -1;
	}
}

static int read_or(struct reader *r, const char *property)
{
	if (read_and(r, property) < 0)
		return -1;
	while (accept_word(r, "OR"))
		if (read_and(r, property) < 0 || add(r, (struct term){ .kind = OR }) < 0)
			return -1;
	return 0;
}

static int read_schema(struct reader *r)
{
	bool whole;

	if (!accept(r, '{'))
		return 0;
	do {
		char *part = r->s->part_count < PARTS_MAX ? word(r, ",}", &whole) : NULL;

		if (!part)
			return wrong(r, "a namespace or a dimension is expected in { }");
		r->s->parts[r->s->part_count++] = part;
	} while (accept(r, ','));
	return accept(r, '}') ? 0 : wrong(r, "} is missing");
}

struct local_cloudwatch_search *local_cloudwatch_search_parse(const char *text, struct err *e)
{
	AUTO(local_cloudwatch_search_freep)
	struct local_cloudwatch_search *s = own_alloc(sizeof(*s));
	struct reader r = { .at = text, .s = s, .e = e };

	if (strlen(text) > CLOUDWATCH_SEARCH_TEXT_MAX) {
		(void)wrong(&r, "it is too long");
		return NULL;
	}
	if (read_schema(&r) < 0)
		return NULL;
	skip(&r);
	if (!*r.at && s->part_count == 0) {
		(void)wrong(&r, "it is empty");
		return NULL;
	}
	if (*r.at && read_or(&r, NULL) < 0)
		return NULL;
	if (*r.at) {
		(void)wrong(&r, "a ) too many");
		return NULL;
	}
	return TAKE(s);
}

/* ---- looking at a metric ---- */

struct metric {
	const char *space, *name;
	const struct json *dimensions;
};

static const char *pair(const struct metric *m, size_t i, size_t part)
{
	const char *text = json_str(json_at(json_at(m->dimensions, i), part));

	return text ? text : "";
}

static bool meets(const struct term *t, const char *text)
{
	return t->whole ? strcmp(text, t->text) == 0 : strcasestr(text, t->text) != NULL;
}

static bool holds(const struct term *t, const struct metric *m)
{
	const char *p = t->property;
	bool found = false;

	if (!p || strcmp(p, "MetricName") == 0)
		found |= meets(t, m->name);
	if (!p || strcmp(p, "Namespace") == 0)
		found |= meets(t, m->space);
	for (size_t i = 0; i < json_count(m->dimensions); i++)
		found |= p ? strcmp(p, pair(m, i, 0)) == 0 && meets(t, pair(m, i, 1))
			   : meets(t, pair(m, i, 0)) || meets(t, pair(m, i, 1));
	return found;
}

static bool has_shape(const struct local_cloudwatch_search *s, const struct metric *m)
{
	if (s->part_count == 0)
		return true;
	if (strcmp(s->parts[0], m->space) != 0 || json_count(m->dimensions) != s->part_count - 1)
		return false;
	for (size_t k = 1; k < s->part_count; k++) {
		bool found = false;

		for (size_t i = 0; i < json_count(m->dimensions); i++)
			found |= strcmp(s->parts[k], pair(m, i, 0)) == 0;
		if (!found)
			return false;
	}
	return true;
}

bool local_cloudwatch_search_finds(const struct local_cloudwatch_search *s, const char *space,
				   const char *name, const char *dimensions)
{
	AUTO(json_freep) struct json *j = json_parse(dimensions, strlen(dimensions), NULL);
	const struct metric m = { space, name, j };
	bool stack[TERMS_MAX] = { 0 };
	size_t n = 0;

	if (!has_shape(s, &m))
		return false;
	for (size_t i = 0; i < s->count; i++) {
		switch (s->terms[i].kind) {
		case TERM:
			stack[n++] = holds(&s->terms[i], &m);
			break;
		case NOT:
			stack[n - 1] = !stack[n - 1];
			break;
		case AND:
			n--;
			stack[n - 1] &= stack[n];
			break;
		case OR:
			n--;
			stack[n - 1] |= stack[n];
			break;
		}
	}
	return s->count == 0 || stack[0];
}
