/* Metric math: the functions of the points of a series. */
#include <math.h>
#include <string.h>
#include <time.h>

#include "local/cloudwatch_math_own.h"

int local_cloudwatch_point_refuse(struct call *c, const char *why)
{
	return err_set(c->e, ERR_PROTOCOL, "%s", why);
}

double local_cloudwatch_point_finite(double d)
{
	return isfinite(d) ? d : NAN;
}

int local_cloudwatch_point_new(struct call *c, const struct local_cloudwatch_series *grid,
			       struct local_cloudwatch_value *ret)
{
	*ret = (struct local_cloudwatch_value){ .shape = CLOUDWATCH_SERIES,
						.all = own_array(1, sizeof(*ret->all)) };
	if (local_cloudwatch_run_series(c->s, grid ? grid->start : c->s->start,
					grid ? grid->period : c->s->period,
					grid ? grid->count : c->s->count, &ret->all[0], c->e) < 0)
		return -1;
	ret->count = 1;
	return 0;
}

int64_t local_cloudwatch_point_time(const struct local_cloudwatch_series *x, size_t i)
{
	return x->start + (int64_t)i * x->period;
}

/* ---- each point by itself ---- */

static double point_log(double d)
{
	return log(d);
}

static double point_log10(double d)
{
	return log10(d);
}

static int each(struct call *c, double (*fn)(double), struct local_cloudwatch_value *ret)
{
	*ret = TAKE_VALUE(c->values[0]);
	if (ret->shape == CLOUDWATCH_NUMBER)
		ret->number = local_cloudwatch_point_finite(fn(ret->number));
	for (size_t i = 0; i < ret->count; i++)
		for (size_t k = 0; k < ret->all[i].count; k++)
			ret->all[i].values[k] =
				local_cloudwatch_point_finite(fn(ret->all[i].values[k]));
	return 0;
}

int local_cloudwatch_point_abs(struct call *c, struct local_cloudwatch_value *ret)
{
	return each(c, fabs, ret);
}

int local_cloudwatch_point_ceil(struct call *c, struct local_cloudwatch_value *ret)
{
	return each(c, ceil, ret);
}

int local_cloudwatch_point_floor(struct call *c, struct local_cloudwatch_value *ret)
{
	return each(c, floor, ret);
}

int local_cloudwatch_point_log(struct call *c, struct local_cloudwatch_value *ret)
{
	return each(c, point_log, ret);
}

int local_cloudwatch_point_log10(struct call *c, struct local_cloudwatch_value *ret)
{
	return each(c, point_log10, ret);
}

/* ---- along a series ---- */

typedef double step_fn(double now, double before, double seconds);

static double step_diff(double now, double before, double seconds)
{
	(void)seconds;
	return now - before;
}

static double step_time(double now, double before, double seconds)
{
	(void)now;
	(void)before;
	return seconds;
}

static double step_rate(double now, double before, double seconds)
{
	return (now - before) / seconds;
}

/* From each point and the one before it; the first has none. */
static int along(struct call *c, step_fn *step, struct local_cloudwatch_value *ret)
{
	*ret = TAKE_VALUE(c->values[0]);
	if (ret->shape == CLOUDWATCH_NUMBER)
		return local_cloudwatch_point_refuse(
			c, "a function takes a time series or an array, not a number");
	for (size_t i = 0; i < ret->count; i++) {
		struct local_cloudwatch_series *x = &ret->all[i];
		double before = NAN;
		size_t last = 0;

		for (size_t k = 0; k < x->count; k++) {
			double now = x->values[k];

			if (isnan(now))
				continue;
			x->values[k] =
				isnan(before) ? NAN
					      : local_cloudwatch_point_finite(step(
							now, before,
							(double)((int64_t)(k - last) * x->period)));
			before = now;
			last = k;
		}
	}
	return 0;
}

int local_cloudwatch_point_diff(struct call *c, struct local_cloudwatch_value *ret)
{
	return along(c, step_diff, ret);
}

int local_cloudwatch_point_diff_time(struct call *c, struct local_cloudwatch_value *ret)
{
	return along(c, step_time, ret);
}

int local_cloudwatch_point_rate(struct call *c, struct local_cloudwatch_value *ret)
{
	return along(c, step_rate, ret);
}

int local_cloudwatch_point_running_sum(struct call *c, struct local_cloudwatch_value *ret)
{
	*ret = TAKE_VALUE(c->values[0]);
	if (ret->shape == CLOUDWATCH_NUMBER)
		return local_cloudwatch_point_refuse(
			c, "a function takes a time series or an array, not a number");
	for (size_t i = 0; i < ret->count; i++) {
		double sum = 0;

		for (size_t k = 0; k < ret->all[i].count; k++)
			if (!isnan(ret->all[i].values[k]))
				ret->all[i].values[k] =
					local_cloudwatch_point_finite(sum += ret->all[i].values[k]);
	}
	return 0;
}

/* ---- FILL ---- */

static void fill_repeat(struct local_cloudwatch_series *x)
{
	for (size_t k = 1; k < x->count; k++)
		if (isnan(x->values[k]))
			x->values[k] = x->values[k - 1];
}

static void fill_linear(struct local_cloudwatch_series *x)
{
	size_t from = SIZE_MAX;

	for (size_t k = 0; k < x->count; k++) {
		if (isnan(x->values[k]))
			continue;
		for (size_t i = from == SIZE_MAX ? k : from + 1; i < k; i++)
			x->values[i] = x->values[from] + (x->values[k] - x->values[from]) *
								 (double)(i - from) /
								 (double)(k - from);
		from = k;
	}
}

int local_cloudwatch_point_fill(struct call *c, struct local_cloudwatch_value *ret)
{
	const char *word = c->args[1]->kind == NODE_WORD ? c->args[1]->text : NULL;
	const struct local_cloudwatch_value *with = &c->values[1];

	*ret = TAKE_VALUE(c->values[0]);
	if (ret->shape == CLOUDWATCH_NUMBER || with->shape == CLOUDWATCH_ARRAY)
		return local_cloudwatch_point_refuse(
			c, "FILL takes a time series or an array, and a number, a time "
			   "series, REPEAT or LINEAR");
	if (word && strcmp(word, "REPEAT") != 0 && strcmp(word, "LINEAR") != 0)
		return local_cloudwatch_point_refuse(c, "FILL knows REPEAT and LINEAR");
	for (size_t i = 0; i < ret->count; i++) {
		struct local_cloudwatch_series *x = &ret->all[i];

		if (word && *word == 'R')
			fill_repeat(x);
		else if (word)
			fill_linear(x);
		for (size_t k = 0; !word && k < x->count; k++)
			if (isnan(x->values[k]))
				x->values[k] = with->shape == CLOUDWATCH_NUMBER
						       ? with->number
						       : local_cloudwatch_run_at(
								 &with->all[0],
								 local_cloudwatch_point_time(x, k));
	}
	return 0;
}

/* ---- IF ---- */

static double pick(const struct local_cloudwatch_value *v, int64_t at)
{
	return v->shape == CLOUDWATCH_NUMBER ? v->number : local_cloudwatch_run_at(&v->all[0], at);
}

int local_cloudwatch_point_if(struct call *c, struct local_cloudwatch_value *ret)
{
	const struct local_cloudwatch_value none = { .number = NAN };
	const struct local_cloudwatch_value *yes = &c->values[1],
					    *no = c->count > 2 ? &c->values[2] : &none;
	const struct local_cloudwatch_value *grid = &c->values[0];
	struct local_cloudwatch_series *x;

	for (int i = 0; i < c->count; i++) {
		if (c->values[i].shape == CLOUDWATCH_ARRAY)
			return local_cloudwatch_point_refuse(c, "IF takes numbers and time series");
		if (grid->shape == CLOUDWATCH_NUMBER)
			grid = &c->values[i];
	}
	if (grid->shape == CLOUDWATCH_NUMBER) {
		*ret = (struct local_cloudwatch_value){ .number = c->values[0].number != 0
									  ? yes->number
									  : no->number };
		return 0;
	}
	if (local_cloudwatch_point_new(c, &grid->all[0], ret) < 0)
		return -1;
	x = &ret->all[0];
	for (size_t k = 0; k < x->count; k++) {
		double condition = pick(&c->values[0], local_cloudwatch_point_time(x, k));

		if (!isnan(condition))
			x->values[k] =
				pick(condition != 0 ? yes : no, local_cloudwatch_point_time(x, k));
	}
	return 0;
}

/* ---- of the time ---- */

enum part { PART_EPOCH, PART_MINUTE, PART_HOUR, PART_DAY, PART_DATE, PART_MONTH, PART_YEAR };

static double part_of(enum part p, int64_t at)
{
	time_t t = at;
	struct tm tm;

	if (p == PART_EPOCH || !gmtime_r(&t, &tm))
		return (double)at;
	switch (p) {
	case PART_MINUTE:
		return tm.tm_min;
	case PART_HOUR:
		return tm.tm_hour;
	case PART_DAY: /* Monday is 1, Sunday 7 */
		return tm.tm_wday ? tm.tm_wday : 7;
	case PART_DATE:
		return tm.tm_mday;
	case PART_MONTH:
		return tm.tm_mon + 1;
	default:
		return tm.tm_year + 1900;
	}
}

static int parts(struct call *c, enum part p, struct local_cloudwatch_value *ret)
{
	struct local_cloudwatch_series *x;

	*ret = TAKE_VALUE(c->values[0]);
	if (ret->shape != CLOUDWATCH_SERIES)
		return local_cloudwatch_point_refuse(c,
						     "a function of the time takes a time series");
	x = &ret->all[0];
	for (size_t k = 0; k < x->count; k++)
		if (!isnan(x->values[k]))
			x->values[k] = part_of(p, local_cloudwatch_point_time(x, k));
	return 0;
}

int local_cloudwatch_point_epoch(struct call *c, struct local_cloudwatch_value *ret)
{
	return parts(c, PART_EPOCH, ret);
}

int local_cloudwatch_point_minute(struct call *c, struct local_cloudwatch_value *ret)
{
	return parts(c, PART_MINUTE, ret);
}

int local_cloudwatch_point_hour(struct call *c, struct local_cloudwatch_value *ret)
{
	return parts(c, PART_HOUR, ret);
}

int local_cloudwatch_point_day(struct call *c, struct local_cloudwatch_value *ret)
{
	return parts(c, PART_DAY, ret);
}

int local_cloudwatch_point_date(struct call *c, struct local_cloudwatch_value *ret)
{
	return parts(c, PART_DATE, ret);
}

int local_cloudwatch_point_month(struct call *c, struct local_cloudwatch_value *ret)
{
	return parts(c, PART_MONTH, ret);
}

int local_cloudwatch_point_year(struct call *c, struct local_cloudwatch_value *ret)
{
	return parts(c, PART_YEAR, ret);
}

int local_cloudwatch_point_period(struct call *c, struct local_cloudwatch_value *ret)
{
	if (c->values[0].shape != CLOUDWATCH_SERIES)
		return local_cloudwatch_point_refuse(c, "PERIOD takes a time series");
	*ret = (struct local_cloudwatch_value){ .number = (double)c->values[0].all[0].period };
	return 0;
}

int local_cloudwatch_point_time_series(struct call *c, struct local_cloudwatch_value *ret)
{
	if (c->values[0].shape != CLOUDWATCH_NUMBER)
		return local_cloudwatch_point_refuse(c, "TIME_SERIES takes a number");
	*ret = TAKE_VALUE(c->values[0]);
	return local_cloudwatch_run_spread(c->s, ret, c->e);
}
