/* Runs the postfix program of a derived metric. Total: every program gives a value or says why
 * there is none. Doubles, each operation rounded once and capped, so that every machine gets the
 * same. */
#include <math.h>

#include "decide/climb.h"

#define MOST 9e15 /* thousandths of it stay whole numbers of an int64 */

struct value {
	double x;
	bool guessed;      /* stands on a number that was not measured */
	enum fact_why why; /* FACT_READABLE, or why it is missing */
};

static double cap(double x)
{
	return x > MOST ? MOST : x < -MOST ? -MOST : x;
}

static struct value missing(enum fact_why why)
{
	return (struct value){ .why = why };
}

static struct value of_queue(const struct fact *f, int member)
{
	switch (member) {
	case POLICY_MEMBER_VISIBLE:
		return f->has & QUEUE_VISIBLE ? (struct value){ .x = (double)f->visible }
					      : missing(FACT_NEVER_READ);
	case POLICY_MEMBER_IN_FLIGHT:
		return f->has & QUEUE_IN_FLIGHT ? (struct value){ .x = (double)f->in_flight }
						: missing(FACT_NEVER_READ);
	case POLICY_MEMBER_DELAYED:
		return f->has & QUEUE_DELAYED ? (struct value){ .x = (double)f->delayed }
					      : missing(FACT_NEVER_READ);
	case POLICY_MEMBER_OLDEST_AGE:
		return f->has & QUEUE_OLDEST_AGE
			       ? (struct value){ .x = (double)f->oldest_age_ms / 1000 }
			       : missing(FACT_NEVER_READ);
	case POLICY_MEMBER_SENT:
		return f->has & QUEUE_SENT ? (struct value){ .x = (double)f->sent }
					   : missing(FACT_NEVER_READ);
	case POLICY_MEMBER_DELETED:
		return f->has & QUEUE_DELETED ? (struct value){ .x = (double)f->deleted }
					      : missing(FACT_NEVER_READ);
	default:
		return missing(FACT_NONSENSE);
	}
}

static struct value of_metric(const struct climb *c, const struct policy_op *op)
{
	size_t i = op->metric;

	if (i >= POLICY_METRICS_MAX || c->trust[i] != FACT_READABLE)
		return missing(i < POLICY_METRICS_MAX ? c->trust[i] : FACT_NONSENSE);
	if (op->member != POLICY_MEMBER_VALUE)
		return of_queue(&c->f->metric[i], op->member);
	return (struct value){ .x = (double)c->milli[i] / 1000 };
}

static double binary(int code, double a, double b)
{
	switch (code) {
	case POLICY_OP_ADD:
		return a + b;
	case POLICY_OP_SUBTRACT:
		return a - b;
	case POLICY_OP_MULTIPLY:
		return a * b;
	case POLICY_OP_DIVIDE:
		return a / b;
	case POLICY_OP_MIN:
		return a < b ? a : b;
	case POLICY_OP_MAX:
		return a > b ? a : b;
	case POLICY_OP_LESS:
		return a < b;
	case POLICY_OP_LESS_EQUAL:
		return a <= b;
	case POLICY_OP_GREATER:
		return a > b;
	case POLICY_OP_GREATER_EQUAL:
		return a >= b;
	case POLICY_OP_EQUAL:
		return a == b;
	case POLICY_OP_NOT_EQUAL:
		return a != b;
	case POLICY_OP_AND:
		return a != 0 && b != 0;
	default: /* POLICY_OP_OR */
		return a != 0 || b != 0;
	}
}

static struct value two(int code, struct value a, struct value b)
{
	if (a.why != FACT_READABLE || b.why != FACT_READABLE)
		return missing(a.why != FACT_READABLE ? a.why : b.why);
	if (code == POLICY_OP_DIVIDE && b.x == 0)
		return missing(FACT_UNDEFINED);
	return (struct value){ .x = cap(binary(code, a.x, b.x)),
			       .guessed = a.guessed || b.guessed };
}

static struct value choose(struct value condition, struct value yes, struct value no)
{
	struct value v = condition.x != 0 ? yes : no;

	if (condition.why != FACT_READABLE)
		return missing(condition.why);
	v.guessed = v.guessed || condition.guessed;
	return v;
}

/* One op on the stack of @p n values; the new number of them. */
static size_t step(const struct climb *c, const struct policy_op *op, struct value *stack, size_t n)
{
	switch (op->code) {
	case POLICY_OP_NUMBER:
		stack[n] = (struct value){ .x = cap(op->number) };
		return n + 1;
	case POLICY_OP_METRIC:
		stack[n] = of_metric(c, op);
		stack[n].x = cap(stack[n].x);
		return n + 1;
	case POLICY_OP_NEGATE:
		stack[n - 1].x = -stack[n - 1].x;
		return n;
	case POLICY_OP_NOT:
		stack[n - 1].x = stack[n - 1].x == 0;
		return n;
	case POLICY_OP_IF:
		stack[n - 3] = choose(stack[n - 3], stack[n - 2], stack[n - 1]);
		return n - 2;
	case POLICY_OP_OTHER:
	case POLICY_OP_OTHERWISE:
		if (stack[n - 2].why != FACT_READABLE) {
			stack[n - 2] = stack[n - 1];
			stack[n - 2].guessed |= op->code == POLICY_OP_OTHERWISE;
		}
		return n - 1;
	default:
		stack[n - 2] = two(op->code, stack[n - 2], stack[n - 1]);
		return n - 1;
	}
}

static size_t takes(const struct policy_op *op)
{
	switch (op->code) {
	case POLICY_OP_NUMBER:
	case POLICY_OP_METRIC:
		return 0;
	case POLICY_OP_NEGATE:
	case POLICY_OP_NOT:
		return 1;
	case POLICY_OP_IF:
		return 3;
	default:
		return 2;
	}
}

enum fact_why decide_expr_run(const struct climb *c, const struct policy_metric *m,
			      int64_t *ret_milli, bool *ret_guessed)
{
	struct value stack[POLICY_OPS_DEPTH];
	size_t n = 0;

	*ret_milli = 0;
	*ret_guessed = false;
	for (size_t i = 0; i < m->expr.op_count; i++) {
		size_t need = takes(&m->expr.ops[i]);

		if (n < need || (need == 0 && n == POLICY_OPS_DEPTH))
			return FACT_NONSENSE;
		n = step(c, &m->expr.ops[i], stack, n);
	}
	if (n != 1)
		return FACT_NONSENSE;
	if (stack[0].why != FACT_READABLE)
		return stack[0].why;
	*ret_milli = (int64_t)floor(stack[0].x * 1000 + 0.5);
	*ret_guessed = stack[0].guessed;
	return FACT_READABLE;
}
