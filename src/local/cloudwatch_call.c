/* Metric math: the functions. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "local/cloudwatch_math_own.h"

/* ---- many to one: of a series a number, of an array a series ---- */

struct tally {
	double n, sum, squares, low, high;
};

static void tally_add(struct tally *t, double v)
{
	if (isnan(v))
		return;
	t->low = t->n == 0 || v < t->low ? v : t->low;
	t->high = t->n == 0 || v > t->high ? v : t->high;
	t->n++;
	t->sum += v;
	t->squares += v * v;
}

static double tally_average(const struct tally *t)
{
	return t->n > 0 ? t->sum / t->n : NAN;
}

static double tally_sum(const struct tally *t)
{
	return t->n > 0 ? t->sum : NAN;
}

static double tally_low(const struct tally *t)
{
	return t->n > 0 ? t->low : NAN;
}

static double tally_high(const struct tally *t)
{
	return t->n > 0 ? t->high : NAN;
}

static double tally_deviation(const struct tally *t)
{
	double mean = t->sum / t->n, variance = t->squares / t->n - mean * mean;

	return t->n > 0 ? sqrt(variance > 0 ? variance : 0) : NAN;
}

static double tally_count(const struct tally *t)
{
	return t->n;
}

static double tally_series(double (*of)(const struct tally *),
			   const struct local_cloudwatch_series *x)
{
	struct tally t = { 0 };

	for (size_t i = 0; i < x->count; i++)
		tally_add(&t, x->values[i]);
	return local_cloudwatch_point_finite(of(&t));
}

/* The coarsest grid of an array. */
static const struct local_cloudwatch_series *grid_of(const struct local_cloudwatch_value *v)
{
	const struct local_cloudwatch_series *grid = v->count ? &v->all[0] : NULL;

	for (size_t i = 1; i < v->count; i++)
		if (v->all[i].period > grid->period)
			grid = &v->all[i];
	return grid;
}

static int gather(struct call *c, double (*of)(const struct tally *),
		  struct local_cloudwatch_value *ret)
{
	const struct local_cloudwatch_value *v = &c->values[0];

	if (v->shape == CLOUDWATCH_NUMBER)
		return local_cloudwatch_point_refuse(
			c, "a function takes a time series or an array, not a number");
	if (v->shape == CLOUDWATCH_SERIES) {
		*ret = (struct local_cloudwatch_value){ .number = tally_series(of, &v->all[0]) };
		return 0;
	}
	if (local_cloudwatch_point_new(c, grid_of(v), ret) < 0)
		return -1;
	for (size_t i = 0; i < ret->all[0].count; i++) {
		struct tally t = { 0 };

		for (size_t k = 0; k < v->count; k++)
			tally_add(&t,
				  local_cloudwatch_run_at(&v->all[k], local_cloudwatch_point_time(
									      &ret->all[0], i)));
		ret->all[0].values[i] = t.n > 0 ? local_cloudwatch_point_finite(of(&t)) : NAN;
	}
	return 0;
}

static int call_avg(struct call *c, struct local_cloudwatch_value *ret)
{
	return gather(c, tally_average, ret);
}

static int call_sum(struct call *c, struct local_cloudwatch_value *ret)
{
	return gather(c, tally_sum, ret);
}

static int call_min(struct call *c, struct local_cloudwatch_value *ret)
{
	return gather(c, tally_low, ret);
}

static int call_max(struct call *c, struct local_cloudwatch_value *ret)
{
	return gather(c, tally_high, ret);
}

static int call_stddev(struct call *c, struct local_cloudwatch_value *ret)
{
	return gather(c, tally_deviation, ret);
}

static int call_datapoint_count(struct call *c, struct local_cloudwatch_value *ret)
{
	return gather(c, tally_count, ret);
}

static int call_metric_count(struct call *c, struct local_cloudwatch_value *ret)
{
	if (c->values[0].shape != CLOUDWATCH_ARRAY)
		return local_cloudwatch_point_refuse(c, "METRIC_COUNT takes an array");
	*ret = (struct local_cloudwatch_value){ .number = (double)c->values[0].count };
	return 0;
}

/* ---- of arrays ---- */

static int call_metrics(struct call *c, struct local_cloudwatch_value *ret)
{
	const char *like = c->count ? c->args[0]->text : NULL, *id;
	const struct local_cloudwatch_value *one;

	if (c->count && c->args[0]->kind != NODE_TEXT)
		return local_cloudwatch_point_refuse(c, "METRICS takes a text");
	*ret = (struct local_cloudwatch_value){ .shape = CLOUDWATCH_ARRAY };
	for (size_t i = 0; (one = c->s->metric(i, &id, c->s->arg, c->e)); i++) {
		struct local_cloudwatch_value copy;

		if (like && !strstr(id, like))
			continue;
		if (local_cloudwatch_run_copy(c->s, one, &copy, c->e) < 0) {
			local_cloudwatch_math_done(&copy);
			return -1;
		}
		ret->all = own_grow(ret->all, ret->count + 1, sizeof(*ret->all));
		ret->all[ret->count++] = copy.all[0];
		own_free(copy.all);
	}
	return c->e->kind ? -1 : 0;
}

static void drop(struct local_cloudwatch_value *v, size_t i)
{
	own_free(v->all[i].values);
	memmove(&v->all[i], &v->all[i + 1], (v->count - i - 1) * sizeof(*v->all));
	v->count--;
}

/* The series at @p i of an array, alone. */
static int choose(struct call *c, size_t i, struct local_cloudwatch_value *ret)
{
	struct local_cloudwatch_value *v = &c->values[0];

	if (i >= v->count)
		return local_cloudwatch_point_new(c, NULL, ret);
	*ret = (struct local_cloudwatch_value){ .shape = CLOUDWATCH_SERIES,
						.all = own_array(1, sizeof(*ret->all)) };
	ret->all[0] = v->all[i];
	ret->count = 1;
	v->all[i].values = NULL;
	return 0;
}

static int call_first(struct call *c, struct local_cloudwatch_value *ret)
{
	if (c->values[0].shape != CLOUDWATCH_ARRAY)
		return local_cloudwatch_point_refuse(c, "FIRST takes an array");
	return choose(c, 0, ret);
}

static int call_last(struct call *c, struct local_cloudwatch_value *ret)
{
	if (c->values[0].shape != CLOUDWATCH_ARRAY)
		return local_cloudwatch_point_refuse(c, "LAST takes an array");
	return choose(c, c->values[0].count ? c->values[0].count - 1 : 0, ret);
}

static int call_remove_empty(struct call *c, struct local_cloudwatch_value *ret)
{
	*ret = TAKE_VALUE(c->values[0]);
	if (ret->shape != CLOUDWATCH_ARRAY)
		return local_cloudwatch_point_refuse(c, "REMOVE_EMPTY takes an array");
	for (size_t i = ret->count; i-- > 0;)
		if (tally_series(tally_count, &ret->all[i]) == 0)
			drop(ret, i);
	return 0;
}

static int call_slice(struct call *c, struct local_cloudwatch_value *ret)
{
	double from = c->values[1].number, to = c->count > 2 ? c->values[2].number : 0;

	if (c->values[0].shape != CLOUDWATCH_ARRAY || c->values[1].shape != CLOUDWATCH_NUMBER ||
	    (c->count > 2 && c->values[2].shape != CLOUDWATCH_NUMBER) || !(from >= 0) ||
	    !(from < 1e6) || !(to >= 0) || !(to < 1e6))
		return local_cloudwatch_point_refuse(c, "SLICE takes an array and places in it");
	if (c->count == 2)
		return choose(c, (size_t)from, ret);
	*ret = TAKE_VALUE(c->values[0]);
	for (size_t i = ret->count; i-- > 0;)
		if (i < (size_t)from || i >= (size_t)to)
			drop(ret, i);
	return 0;
}

/* Insertion, since arrays are of 500 at most; equals keep their order. */
static void sort(struct local_cloudwatch_value *v, const double *keys, bool rising)
{
	AUTO(own_freep) double *k = own_array(v->count + 1, sizeof(double));

	memcpy(k, keys, v->count * sizeof(double));
	for (size_t i = 1; i < v->count; i++) {
		struct local_cloudwatch_series x = v->all[i];
		double key = k[i];
		size_t at = i;

		for (; at > 0 && (rising ? k[at - 1] > key : k[at - 1] < key); at--) {
			v->all[at] = v->all[at - 1];
			k[at] = k[at - 1];
		}
		v->all[at] = x;
		k[at] = key;
	}
}

static int call_sort(struct call *c, struct local_cloudwatch_value *ret)
{
	static const struct {
		const char *word;
		double (*of)(const struct tally *);
	} orders[] = { { "AVG", tally_average },
		       { "MIN", tally_low },
		       { "MAX", tally_high },
		       { "SUM", tally_sum } };
	const char *by = c->args[1]->kind == NODE_WORD ? c->args[1]->text : "";
	const char *way = c->args[2]->kind == NODE_WORD ? c->args[2]->text : "";
	AUTO(own_freep) double *keys = own_array(c->values[0].count + 1, sizeof(double));
	double (*of)(const struct tally *) = NULL;

	for (size_t i = 0; i < COUNT_OF(orders); i++)
		if (strcmp(by, orders[i].word) == 0)
			of = orders[i].of;
	if (!of || (strcmp(way, "ASC") != 0 && strcmp(way, "DESC") != 0) ||
	    c->values[0].shape != CLOUDWATCH_ARRAY ||
	    (c->count > 3 && !(c->values[3].number >= 0 && c->values[3].number < 1e6)))
		return local_cloudwatch_point_refuse(
			c, "SORT takes an array, AVG, MIN, MAX or SUM, ASC or DESC, and how "
			   "many");
	*ret = TAKE_VALUE(c->values[0]);
	for (size_t i = 0; i < ret->count; i++) {
		keys[i] = tally_series(of, &ret->all[i]);
		if (isnan(keys[i]))
			keys[i] = *way == 'A' ? INFINITY : -INFINITY;
	}
	sort(ret, keys, *way == 'A');
	while (c->count > 3 && ret->count > (size_t)c->values[3].number)
		drop(ret, ret->count - 1);
	return 0;
}

static int call_search(struct call *c, struct local_cloudwatch_value *ret)
{
	const bool dated = c->count > 2;

	if (c->args[0]->kind != NODE_TEXT || c->args[1]->kind != NODE_TEXT ||
	    (dated && (c->values[2].shape != CLOUDWATCH_NUMBER || !(c->values[2].number >= 1) ||
		       c->values[2].number > 86400)))
		return local_cloudwatch_point_refuse(
			c, "SEARCH takes an expression and a statistic, both in quotes, and a "
			   "period");
	if (!c->s->search)
		return local_cloudwatch_point_refuse(c, "SEARCH cannot be used here");
	return c->s->search(c->args[0]->text, c->args[1]->text,
			    dated ? (int64_t)c->values[2].number : 0, ret, c->s->arg, c->e);
}

/* ---- the table ---- */

static const struct {
	const char *name;
	int least, most; /* arguments */
	call_fn *run;
} functions[] = {
	{ "ABS", 1, 1, local_cloudwatch_point_abs },
	{ "AVG", 1, 1, call_avg },
	{ "CEIL", 1, 1, local_cloudwatch_point_ceil },
	{ "DATAPOINT_COUNT", 1, 1, call_datapoint_count },
	{ "DATE", 1, 1, local_cloudwatch_point_date },
	{ "DAY", 1, 1, local_cloudwatch_point_day },
	{ "DIFF", 1, 1, local_cloudwatch_point_diff },
	{ "DIFF_TIME", 1, 1, local_cloudwatch_point_diff_time },
	{ "EPOCH", 1, 1, local_cloudwatch_point_epoch },
	{ "FILL", 2, 2, local_cloudwatch_point_fill },
	{ "FIRST", 1, 1, call_first },
	{ "FLOOR", 1, 1, local_cloudwatch_point_floor },
	{ "HOUR", 1, 1, local_cloudwatch_point_hour },
	{ "IF", 2, 3, local_cloudwatch_point_if },
	{ "LAST", 1, 1, call_last },
	{ "LOG", 1, 1, local_cloudwatch_point_log },
	{ "LOG10", 1, 1, local_cloudwatch_point_log10 },
	{ "MAX", 1, 1, call_max },
	{ "METRICS", 0, 1, call_metrics },
	{ "METRIC_COUNT", 1, 1, call_metric_count },
	{ "MIN", 1, 1, call_min },
	{ "MINUTE", 1, 1, local_cloudwatch_point_minute },
	{ "MONTH", 1, 1, local_cloudwatch_point_month },
	{ "PERIOD", 1, 1, local_cloudwatch_point_period },
	{ "RATE", 1, 1, local_cloudwatch_point_rate },
	{ "REMOVE_EMPTY", 1, 1, call_remove_empty },
	{ "RUNNING_SUM", 1, 1, local_cloudwatch_point_running_sum },
	{ "SEARCH", 2, 3, call_search },
	{ "SLICE", 2, 3, call_slice },
	{ "SORT", 3, 4, call_sort },
	{ "STDDEV", 1, 1, call_stddev },
	{ "SUM", 1, 1, call_sum },
	{ "TIME_SERIES", 1, 1, local_cloudwatch_point_time_series },
	{ "YEAR", 1, 1, local_cloudwatch_point_year },
};

/* Words and texts are read by the function itself. */
static int evaluate(struct call *c, const struct node *n)
{
	for (int i = n->first; i >= 0; i = c->m->nodes[i].next) {
		const struct node *arg = &c->m->nodes[i];

		if (c->count == CALL_ARGS_MOST)
			return err_set(c->e, ERR_PROTOCOL, "%.40s has too many arguments", n->text);
		c->args[c->count] = arg;
		if (arg->kind != NODE_WORD && arg->kind != NODE_TEXT &&
		    local_cloudwatch_run_node(c->m, i, c->s, &c->values[c->count], c->e) < 0) {
			c->count++;
			return -1;
		}
		c->count++;
	}
	return 0;
}

int local_cloudwatch_call(const struct local_cloudwatch_math *m, const struct node *n,
			  struct local_cloudwatch_scope *s, struct local_cloudwatch_value *ret,
			  struct err *e)
{
	struct call c = { .m = m, .s = s, .e = e };
	int rc = -1;

	err_clear(e);
	for (size_t i = 0; i < COUNT_OF(functions); i++) {
		if (strcmp(n->text, functions[i].name) != 0)
			continue;
		rc = evaluate(&c, n);
		if (rc == 0 && (c.count < functions[i].least || c.count > functions[i].most))
			rc = err_set(e, ERR_PROTOCOL, "%s takes another number of arguments",
				     n->text);
		if (rc == 0)
			rc = functions[i].run(&c, ret);
		for (int k = 0; k < c.count; k++)
			local_cloudwatch_math_done(&c.values[k]);
		return rc;
	}
	return err_set(e, ERR_PROTOCOL, "the function %.40s is not known", n->text);
}
