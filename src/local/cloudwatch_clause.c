#include "local/cloudwatch_clause.h"

#include <ctype.h>
#include <string.h>

#include "base/own.h"

struct reader {
	const char *text, *at;
	struct local_cloudwatch_clauses *out;
	int depth;
	struct err *e;
};

void local_cloudwatch_clause_done(struct local_cloudwatch_clauses *c)
{
	for (size_t i = 0; i < c->count; i++)
		own_free(c->all[i].alarm);
	own_free(c->all);
	*c = (struct local_cloudwatch_clauses){ 0 };
}

static int wrong(struct reader *r, const char *what)
{
	return err_set(r->e, ERR_POLICY, "AlarmRule is wrong at character %zu: %s",
		       (size_t)(r->at - r->text) + 1, what);
}

static int add(struct reader *r, struct local_cloudwatch_clause c)
{
	struct local_cloudwatch_clauses *out = r->out;

	if (out->count == CLOUDWATCH_CLAUSES_MAX) {
		own_free(c.alarm);
		return wrong(r, "it has too many elements");
	}
	out->all = own_grow(out->all, out->count + 1, sizeof(*out->all));
	out->all[out->count++] = c;
	return 0;
}

static void skip(struct reader *r)
{
	while (isspace((unsigned char)*r->at))
		r->at++;
}

/* A word of the language, which no letter may follow. */
static bool accept(struct reader *r, const char *word)
{
	size_t n = strlen(word);

	skip(r);
	if (strncmp(r->at, word, n) != 0 || isalnum((unsigned char)r->at[n]) || r->at[n] == '_')
		return false;
	r->at += n;
	return true;
}

static bool accept_sign(struct reader *r, char sign)
{
	skip(r);
	if (*r->at != sign)
		return false;
	r->at++;
	return true;
}

/* "arn:aws:cloudwatch:us-east-1:123456789012:alarm:name" -> name */
static char *name_of(const char *text, size_t len)
{
	char *whole = own_strndup(text, len);
	const char *mark = strncmp(whole, "arn:", 4) == 0 ? strstr(whole, ":alarm:") : NULL;
	char *name = own_strdup(mark ? mark + strlen(":alarm:") : whole);

	own_free(whole);
	return name;
}

static int read_state(struct reader *r, enum local_cloudwatch_state state)
{
	const char *from;
	size_t len;

	if (!accept_sign(r, '('))
		return wrong(r, "( is expected");
	skip(r);
	if (*r->at == '"') {
		from = ++r->at;
		len = strcspn(from, "\"");
		r->at += len;
		if (!accept_sign(r, '"'))
			return wrong(r, "a quote is not closed");
	} else {
		from = r->at;
		len = strcspn(from, ")");
		r->at += len;
		while (len && isspace((unsigned char)from[len - 1]))
			len--;
	}
	if (!accept_sign(r, ')'))
		return wrong(r, ") is expected");
	if (len == 0)
		return wrong(r, "an alarm's name is expected");
	return add(r, (struct local_cloudwatch_clause){
			      .op = CLAUSE_STATE, .alarm = name_of(from, len), .state = state });
}

static int read_any(struct reader *r);

static int read_constant(struct reader *r, bool value)
{
	return add(r, (struct local_cloudwatch_clause){ .op = CLAUSE_CONSTANT, .value = value });
}

static int read_nested(struct reader *r)
{
	if (accept(r, "NOT")) {
		if (read_any(r) < 0)
			return -1;
		return add(r, (struct local_cloudwatch_clause){ .op = CLAUSE_NOT });
	}
	if (accept(r, "ALARM"))
		return read_state(r, CLOUDWATCH_ALARM);
	if (accept(r, "OK"))
		return read_state(r, CLOUDWATCH_OK);
	if (accept(r, "INSUFFICIENT_DATA"))
		return read_state(r, CLOUDWATCH_INSUFFICIENT);
	if (accept(r, "TRUE"))
		return read_constant(r, true);
	if (accept(r, "FALSE"))
		return read_constant(r, false);
	return wrong(r, "ALARM, OK, INSUFFICIENT_DATA, TRUE, FALSE, NOT or ( is expected");
}

/* x AND y AND z, or one level up x OR y OR z. */
static int read_chain(struct reader *r, bool or)
{
	if ((or ? read_chain(r, false) : read_any(r)) < 0)
		return -1;
	while (accept(r, or ? "OR" : "AND")) {
		if ((or ? read_chain(r, false) : read_any(r)) < 0 ||
		    add(r, (struct local_cloudwatch_clause){ .op = or ? CLAUSE_OR : CLAUSE_AND }) <
			    0)
			return -1;
	}
	return 0;
}

static int read_any(struct reader *r)
{
	int rc;

	if (++r->depth > CLOUDWATCH_CLAUSE_DEPTH_MAX)
		return wrong(r, "it is nested too deeply");
	if (!accept_sign(r, '('))
		rc = read_nested(r);
	else if ((rc = read_chain(r, true)) == 0 && !accept_sign(r, ')'))
		rc = wrong(r, ") is expected");
	r->depth--;
	return rc;
}

int local_cloudwatch_clause_read(const char *text, struct local_cloudwatch_clauses *ret,
				 struct err *e)
{
	struct reader r = { .text = text, .at = text, .out = ret, .e = e };
	int rc;

	*ret = (struct local_cloudwatch_clauses){ 0 };
	if (strlen(text) > CLOUDWATCH_CLAUSE_TEXT_MAX)
		return err_set(e, ERR_POLICY, "AlarmRule is longer than %d characters",
			       CLOUDWATCH_CLAUSE_TEXT_MAX);
	rc = read_chain(&r, true);
	skip(&r);
	if (rc == 0 && *r.at)
		rc = wrong(&r, "AND, OR or the end is expected");
	if (rc < 0)
		local_cloudwatch_clause_done(ret);
	return rc;
}

bool local_cloudwatch_clause_holds(const struct local_cloudwatch_clauses *c,
				   local_cloudwatch_state_fn *state, void *arg)
{
	bool stack[CLOUDWATCH_CLAUSES_MAX] = { 0 };
	size_t n = 0;

	for (size_t i = 0; i < c->count; i++) {
		const struct local_cloudwatch_clause *x = &c->all[i];
		enum local_cloudwatch_state now;

		switch (x->op) {
		case CLAUSE_STATE:
			stack[n++] = state(x->alarm, &now, arg) && now == x->state;
			break;
		case CLAUSE_CONSTANT:
			stack[n++] = x->value;
			break;
		case CLAUSE_NOT:
			stack[n - 1] = !stack[n - 1];
			break;
		case CLAUSE_AND:
			n--;
			stack[n - 1] &= stack[n];
			break;
		case CLAUSE_OR:
			n--;
			stack[n - 1] |= stack[n];
			break;
		}
	}
	return n == 1 && stack[0];
}
