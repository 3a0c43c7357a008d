/* Metric math, evaluated: operators, arrays and what calls need. */
#include <math.h>
#include <string.h>

#include "local/cloudwatch_math_own.h"

int local_cloudwatch_run_series(struct local_cloudwatch_scope *s, int64_t start, int64_t period,
				size_t count, struct local_cloudwatch_series *ret, struct err *e)
{
	*ret = (struct local_cloudwatch_series){ .start = start, .period = period };
	if (count + 1 > s->left)
		return err_set(e, ERR_PROTOCOL, "there are too many points: ask for less");
	s->left -= count + 1;
	ret->count = count;
	ret->values = own_array(count + 1, sizeof(double));
	for (size_t i = 0; i < count; i++)
		ret->values[i] = NAN;
	return 0;
}

double local_cloudwatch_run_at(const struct local_cloudwatch_series *x, int64_t at)
{
	int64_t off = at - x->start;

	if (off < 0 || off % x->period != 0 || (size_t)(off / x->period) >= x->count)
		return NAN;
	return x->values[off / x->period];
}

int local_cloudwatch_run_copy(struct local_cloudwatch_scope *s,
			      const struct local_cloudwatch_value *from,
			      struct local_cloudwatch_value *ret, struct err *e)
{
	*ret = (struct local_cloudwatch_value){ .shape = from->shape, .number = from->number };
	ret->all = own_array(from->count + 1, sizeof(*ret->all));
	for (size_t i = 0; i < from->count; i++) {
		const struct local_cloudwatch_series *f = &from->all[i];
		struct local_cloudwatch_series *t = &ret->all[i];

		if (local_cloudwatch_run_series(s, f->start, f->period, f->count, t, e) < 0)
			return -1;
		ret->count = i + 1;
		t->name = f->name;
		memcpy(t->values, f->values, f->count * sizeof(double));
	}
	return 0;
}

int local_cloudwatch_run_spread(struct local_cloudwatch_scope *s, struct local_cloudwatch_value *v,
				struct err *e)
{
	if (v->shape != CLOUDWATCH_NUMBER)
		return 0;
	own_free(v->all);
	v->all = own_array(1, sizeof(*v->all));
	v->shape = CLOUDWATCH_SERIES;
	if (local_cloudwatch_run_series(s, s->start, s->period, s->count, &v->all[0], e) < 0)
		return -1;
	v->count = 1;
	for (size_t i = 0; i < s->count; i++)
		v->all[0].values[i] = v->number;
	return 0;
}

/* ---- operators ---- */

static double apply(enum operation o, double a, double b)
{
	double r = NAN;

	if (isnan(a) || isnan(b))
		return NAN;
	switch (o) {
	case OP_OR:
		return a != 0 || b != 0;
	case OP_AND:
		return a != 0 && b != 0;
	case OP_EQUAL:
		return a == b;
	case OP_UNEQUAL:
		return a != b;
	case OP_LESS:
		return a < b;
	case OP_MOST:
		return a <= b;
	case OP_MORE:
		return a > b;
	case OP_LEAST:
		return a >= b;
	case OP_ADD:
		r = a + b;
		break;
	case OP_SUBTRACT:
		r = a - b;
		break;
	case OP_MULTIPLY:
		r = a * b;
		break;
	case OP_DIVIDE:
		r = a / b;
		break;
	case OP_POWER:
		r = pow(a, b);
		break;
	}
	return isfinite(r) ? r : NAN;
}

/* Two series: on the coarser's grid, where both have a point. */
static int join(struct local_cloudwatch_scope *s, enum operation o,
		const struct local_cloudwatch_series *a, const struct local_cloudwatch_series *b,
		struct local_cloudwatch_series *ret, struct err *e)
{
	const struct local_cloudwatch_series *grid = a->period >= b->period ? a : b;

	if (local_cloudwatch_run_series(s, grid->start, grid->period, grid->count, ret, e) < 0)
		return -1;
	for (size_t i = 0; i < ret->count; i++) {
		int64_t at = ret->start + (int64_t)i * ret->period;

		ret->values[i] =
			apply(o, local_cloudwatch_run_at(a, at), local_cloudwatch_run_at(b, at));
	}
	ret->name = grid->name;
	return 0;
}

/* Side @p i of an operator: a series of it, or its number on the other's grid. */
static int side(struct local_cloudwatch_scope *s, enum operation o,
		const struct local_cloudwatch_value *a, const struct local_cloudwatch_value *b,
		size_t i, struct local_cloudwatch_series *ret, struct err *e)
{
	const struct local_cloudwatch_series *x =
		a->count == 0 ? NULL : &a->all[a->shape == CLOUDWATCH_ARRAY ? i : 0];
	const struct local_cloudwatch_series *y =
		b->count == 0 ? NULL : &b->all[b->shape == CLOUDWATCH_ARRAY ? i : 0];
	const struct local_cloudwatch_series *grid = x ? x : y;

	if (a->shape != CLOUDWATCH_NUMBER && b->shape != CLOUDWATCH_NUMBER)
		return join(s, o, x, y, ret, e);
	if (local_cloudwatch_run_series(s, grid->start, grid->period, grid->count, ret, e) < 0)
		return -1;
	for (size_t k = 0; k < ret->count; k++)
		ret->values[k] = apply(o, a->shape == CLOUDWATCH_NUMBER ? a->number : x->values[k],
				       b->shape == CLOUDWATCH_NUMBER ? b->number : y->values[k]);
	ret->name = grid->name;
	return 0;
}

static int operate(struct local_cloudwatch_scope *s, enum operation o,
		   const struct local_cloudwatch_value *a, const struct local_cloudwatch_value *b,
		   struct local_cloudwatch_value *ret, struct err *e)
{
	const struct local_cloudwatch_value *most = a->shape >= b->shape ? a : b;

	*ret = (struct local_cloudwatch_value){ .shape = most->shape };
	if (a->shape == CLOUDWATCH_ARRAY && b->shape == CLOUDWATCH_ARRAY)
		return err_set(e, ERR_PROTOCOL, "an operator takes at most one array");
	if (most->shape == CLOUDWATCH_NUMBER) {
		ret->number = apply(o, a->number, b->number);
		return 0;
	}
	ret->all = own_array(most->count + 1, sizeof(*ret->all));
	for (size_t i = 0; i < most->count; i++) {
		if (side(s, o, a, b, i, &ret->all[i], e) < 0)
			return -1;
		ret->count = i + 1;
	}
	return 0;
}

static int run_binary(const struct local_cloudwatch_math *m, const struct node *n,
		      struct local_cloudwatch_scope *s, struct local_cloudwatch_value *ret,
		      struct err *e)
{
	AUTO(local_cloudwatch_math_done) struct local_cloudwatch_value a = { 0 }, b = { 0 };

	if (local_cloudwatch_run_node(m, n->first, s, &a, e) < 0 ||
	    local_cloudwatch_run_node(m, m->nodes[n->first].next, s, &b, e) < 0)
		return -1;
	return operate(s, n->operation, &a, &b, ret, e);
}

static int run_unary(const struct local_cloudwatch_math *m, const struct node *n,
		     struct local_cloudwatch_scope *s, struct local_cloudwatch_value *ret,
		     struct err *e)
{
	AUTO(local_cloudwatch_math_done) struct local_cloudwatch_value a = { 0 };
	const struct local_cloudwatch_value zero = { .shape = CLOUDWATCH_NUMBER };

	if (local_cloudwatch_run_node(m, n->first, s, &a, e) < 0)
		return -1;
	return operate(s, OP_SUBTRACT, &zero, &a, ret, e);
}

/* ---- arrays ---- */

/* Takes all series out of @p from. */
static void append(struct local_cloudwatch_value *to, struct local_cloudwatch_value *from)
{
	to->all = own_grow(to->all, to->count + from->count + 1, sizeof(*to->all));
	memcpy(to->all + to->count, from->all, from->count * sizeof(*from->all));
	to->count += from->count;
	from->count = 0;
}

static int run_array(const struct local_cloudwatch_math *m, const struct node *n,
		     struct local_cloudwatch_scope *s, struct local_cloudwatch_value *ret,
		     struct err *e)
{
	*ret = (struct local_cloudwatch_value){ .shape = CLOUDWATCH_ARRAY };
	for (int i = n->first; i >= 0; i = m->nodes[i].next) {
		AUTO(local_cloudwatch_math_done) struct local_cloudwatch_value one = { 0 };

		if (local_cloudwatch_run_node(m, i, s, &one, e) < 0 ||
		    local_cloudwatch_run_spread(s, &one, e) < 0)
			return -1;
		append(ret, &one);
	}
	return 0;
}

int local_cloudwatch_run_node(const struct local_cloudwatch_math *m, int node,
			      struct local_cloudwatch_scope *s, struct local_cloudwatch_value *ret,
			      struct err *e)
{
	const struct node *n = &m->nodes[node];
	const struct local_cloudwatch_value *found;

	*ret = (struct local_cloudwatch_value){ 0 };
	switch (n->kind) {
	case NODE_NUMBER:
		*ret = (struct local_cloudwatch_value){ .shape = CLOUDWATCH_NUMBER,
							.number = n->number };
		return 0;
	case NODE_ID:
		found = s->find(n->text, s->arg, e);
		return found ? local_cloudwatch_run_copy(s, found, ret, e) : -1;
	case NODE_CALL:
		return local_cloudwatch_call(m, n, s, ret, e);
	case NODE_ARRAY:
		return run_array(m, n, s, ret, e);
	case NODE_UNARY:
		return run_unary(m, n, s, ret, e);
	case NODE_BINARY:
		return run_binary(m, n, s, ret, e);
	case NODE_TEXT:
	case NODE_WORD:
		break;
	}
	return err_set(e, ERR_PROTOCOL, "'%.60s' has no value", n->text);
}

int local_cloudwatch_math_run(const struct local_cloudwatch_math *m,
			      struct local_cloudwatch_scope *s, struct local_cloudwatch_value *ret,
			      struct err *e)
{
	int rc = local_cloudwatch_run_node(m, m->root, s, ret, e);

	if (rc < 0)
		local_cloudwatch_math_done(ret);
	return rc;
}
