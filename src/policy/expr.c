/* Expressions over metrics, compiled to a postfix program (model/policy.h) by precedence climbing.
 *
 * Lowest first: ?? , or , and , comparison , + - , * / , unary - and not. Every program that is
 * compiled fits POLICY_OPS_MAX and needs no deeper stack than POLICY_OPS_DEPTH. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "policy/check.h"

#define EXPR_BYTES_MAX 4096
#define EXPR_NESTING_MAX 64

struct compiler {
	const struct policy *p;
	const char *text, *at;
	struct policy_op ops[POLICY_OPS_MAX];
	size_t count, depth, nesting;
	struct err *e;
};

static const struct {
	const char *sign;
	int level;
	enum policy_op_code code;
} binaries[] = {
	{ "??", 1, POLICY_OP_OTHER },         { "or", 2, POLICY_OP_OR },
	{ "and", 3, POLICY_OP_AND },          { "<=", 4, POLICY_OP_LESS_EQUAL },
	{ ">=", 4, POLICY_OP_GREATER_EQUAL }, { "==", 4, POLICY_OP_EQUAL },
	{ "!=", 4, POLICY_OP_NOT_EQUAL },     { "<", 4, POLICY_OP_LESS },
	{ ">", 4, POLICY_OP_GREATER },        { "+", 5, POLICY_OP_ADD },
	{ "-", 5, POLICY_OP_SUBTRACT },       { "*", 6, POLICY_OP_MULTIPLY },
	{ "/", 6, POLICY_OP_DIVIDE },
};

#define LEVEL_UNARY 7

static int wrong(struct compiler *c, const char *what)
{
	return err_set(c->e, ERR_POLICY, "expr, at byte %zu: %s", (size_t)(c->at - c->text) + 1,
		       what);
}

static void blanks(struct compiler *c)
{
	c->at += strspn(c->at, " \t\r\n");
}

static bool is_word(char ch)
{
	return (ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z') || (ch >= '0' && ch <= '9') ||
	       ch == '_';
}

static size_t word_length(const char *s)
{
	size_t n = 0;

	while (is_word(s[n]))
		n++;
	return n;
}

static bool is_sign(const char *at, const char *sign)
{
	size_t n = strlen(sign);

	return strncmp(at, sign, n) == 0 && (!is_word(sign[0]) || !is_word(at[n]));
}

static bool took(struct compiler *c, const char *sign)
{
	blanks(c);
	if (!is_sign(c->at, sign))
		return false;
	c->at += strlen(sign);
	return true;
}

static int emit(struct compiler *c, struct policy_op op, size_t takes)
{
	if (c->count == POLICY_OPS_MAX)
		return wrong(c, "the expression has more than 128 operations");
	c->ops[c->count++] = op;
	c->depth = c->depth + 1 - takes;
	return c->depth > POLICY_OPS_DEPTH ? wrong(c, "the expression is nested too deep") : 0;
}

static int expression(struct compiler *c, int level);

static int expect(struct compiler *c, const char *sign, const char *what)
{
	return took(c, sign) ? 0 : wrong(c, what);
}

/* min(a, b, …): two or more, folded. */
static int call_fold(struct compiler *c, enum policy_op_code code)
{
	size_t n = 1;

	if (expect(c, "(", "a '(' must follow") < 0 || expression(c, 1) < 0)
		return -1;
	while (took(c, ",")) {
		if (expression(c, 1) < 0 || emit(c, (struct policy_op){ .code = code }, 2) < 0)
			return -1;
		n++;
	}
	if (n < 2)
		return wrong(c, "min and max want two values or more");
	return expect(c, ")", "a ')' or ',' must follow");
}

static int call_if(struct compiler *c)
{
	if (expect(c, "(", "a '(' must follow") < 0 || expression(c, 1) < 0 ||
	    expect(c, ",", "if wants (condition, then, else)") < 0 || expression(c, 1) < 0 ||
	    expect(c, ",", "if wants (condition, then, else)") < 0 || expression(c, 1) < 0 ||
	    expect(c, ")", "a ')' must follow") < 0)
		return -1;
	return emit(c, (struct policy_op){ .code = POLICY_OP_IF }, 3);
}

/* Digits and a point only: strtod() takes more than the language has. */
static int number(struct compiler *c)
{
	size_t n = strspn(c->at, "0123456789.");
	AUTO(own_freep) char *digits = own_strndup(c->at, n);
	char *end;
	double v = strtod(digits, &end);

	if (*end || n > 24 || is_word(c->at[n]))
		return wrong(c, "this is not a number");
	c->at += n;
	return emit(c, (struct policy_op){ .code = POLICY_OP_NUMBER, .number = v }, 0);
}

static int member(struct compiler *c, const struct policy_metric *m, uint8_t *ret)
{
	static const char words[] = "value|visible|in_flight|delayed|oldest_age|sent|deleted";
	AUTO(own_freep) char *word = NULL;
	size_t n;
	int i;

	*ret = POLICY_MEMBER_VALUE;
	if (c->at[0] != '.')
		return 0;
	c->at++;
	n = word_length(c->at);
	word = own_strndup(c->at, n);
	i = text_choice(words, word);
	if (i < 0)
		return wrong(c, "a metric has .value, .visible, .in_flight, .delayed, .oldest_age, "
				".sent and .deleted");
	if (i != POLICY_MEMBER_VALUE && m->source != POLICY_SQS && m->source != POLICY_CELERY)
		return wrong(c, "only a queue has members");
	c->at += n;
	*ret = (uint8_t)i;
	return 0;
}

static int no_metric(struct compiler *c, const char *name)
{
	const char *names[POLICY_METRICS_MAX], *near;

	for (size_t i = 0; i < c->p->metric_count; i++)
		names[i] = c->p->metrics[i].name;
	near = options_nearest(name, names, c->p->metric_count);
	if (!near)
		return err_set(c->e, ERR_POLICY, "expr: there is no metric '%.64s'", name);
	return err_set(c->e, ERR_POLICY, "expr: there is no metric '%.64s'; did you mean '%s'%s?",
		       name, near,
		       strchr(near, '-') ? " (a name with a '-' is written in quotes)" : "");
}

static int metric(struct compiler *c, const char *from, size_t n)
{
	AUTO(own_freep) char *name = own_strndup(from, n);
	struct policy_op op = { .code = POLICY_OP_METRIC };
	size_t i = 0;

	while (i < c->p->metric_count && strcmp(c->p->metrics[i].name, name) != 0)
		i++;
	if (i == c->p->metric_count)
		return no_metric(c, name);
	if (policy_metric_is_derived(&c->p->metrics[i]))
		return err_set(c->e, ERR_POLICY,
			       "expr: '%.64s' is computed itself; an expression is of metrics that "
			       "are measured",
			       name);
	op.metric = (uint16_t)i;
	if (member(c, &c->p->metrics[i], &op.member) < 0)
		return -1;
	return emit(c, op, 0);
}

static int named(struct compiler *c)
{
	const char *from = c->at;
	size_t n = word_length(from);

	if (*from == '\'' || *from == '"') {
		const char *end = strchr(from + 1, *from);

		if (!end)
			return wrong(c, "the quote has no end");
		c->at = end + 1;
		return metric(c, from + 1, (size_t)(end - from) - 1);
	}
	if (n == 0)
		return wrong(c, *from ? "a value is missing here"
				      : "it ends where a value is missing");
	c->at += n;
	if (n == 3 && memcmp(from, "min", 3) == 0)
		return call_fold(c, POLICY_OP_MIN);
	if (n == 3 && memcmp(from, "max", 3) == 0)
		return call_fold(c, POLICY_OP_MAX);
	if (n == 2 && memcmp(from, "if", 2) == 0)
		return call_if(c);
	return metric(c, from, n);
}

static int primary(struct compiler *c)
{
	blanks(c);
	if (took(c, "(")) {
		if (expression(c, 1) < 0)
			return -1;
		return expect(c, ")", "a ')' must follow");
	}
	if (took(c, "-"))
		return expression(c, LEVEL_UNARY) < 0
			       ? -1
			       : emit(c, (struct policy_op){ .code = POLICY_OP_NEGATE }, 1);
	if (took(c, "not"))
		return expression(c, LEVEL_UNARY) < 0
			       ? -1
			       : emit(c, (struct policy_op){ .code = POLICY_OP_NOT }, 1);
	if ((*c->at >= '0' && *c->at <= '9') || *c->at == '.')
		return number(c);
	return named(c);
}

static bool has_metric(const struct compiler *c, size_t from)
{
	for (size_t i = from; i < c->count; i++)
		if (c->ops[i].code == POLICY_OP_METRIC)
			return true;
	return false;
}

static int binary(struct compiler *c, size_t which)
{
	struct policy_op op = { .code = (uint8_t)binaries[which].code };
	size_t right = c->count;

	c->at += strlen(binaries[which].sign);
	/* a ?? b ?? c: the right side is grouped first, so that b is asked before c. */
	if (expression(c, op.code == POLICY_OP_OTHER ? 1 : binaries[which].level + 1) < 0)
		return -1;
	if (op.code == POLICY_OP_OTHER && !has_metric(c, right))
		op.code = POLICY_OP_OTHERWISE;
	return emit(c, op, 2);
}

static int expression(struct compiler *c, int level)
{
	int rc;

	if (++c->nesting > EXPR_NESTING_MAX)
		return wrong(c, "the expression is nested too deep");
	rc = primary(c);
	while (rc == 0) {
		size_t i = 0;

		blanks(c);
		while (i < COUNT_OF(binaries) &&
		       !(binaries[i].level >= level && is_sign(c->at, binaries[i].sign)))
			i++;
		if (i == COUNT_OF(binaries))
			break;
		rc = binary(c, i);
	}
	c->nesting--;
	return rc;
}

int policy_expr_compile(struct keys_arena *a, const struct policy *p, const char *text,
			struct policy_expr *ret, struct err *e)
{
	struct compiler c = { .p = p, .text = text, .at = text, .e = e };

	if (strlen(text) > EXPR_BYTES_MAX)
		return err_set(e, ERR_POLICY, "expr: longer than %d bytes", EXPR_BYTES_MAX);
	if (expression(&c, 1) < 0)
		return -1;
	blanks(&c);
	if (*c.at)
		return wrong(&c, "the expression should end here");
	if (!has_metric(&c, 0))
		return err_set(e, ERR_POLICY, "expr: it names no metric");
	ret->text = keys_arena_str(a, text);
	ret->op_count = c.count;
	ret->ops = keys_arena_alloc(a, c.count * sizeof(*ret->ops));
	memcpy(ret->ops, c.ops, c.count * sizeof(*ret->ops));
	return 0;
}
