#include "local/cloudwatch_query.h"

#include <ctype.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "local/cloudwatch.h"
#include "local/cloudwatch_math_own.h"

#define ID_MAX 255

int local_cloudwatch_refuse(struct err *e, const char *code, const char *fmt, ...)
{
	va_list ap;

	err_clear(e);
	e->kind = ERR_PROTOCOL;
	snprintf(e->code, sizeof(e->code), "%s", code);
	va_start(ap, fmt);
	vsnprintf(e->text, sizeof(e->text), fmt, ap);
	va_end(ap);
	return -1;
}

void local_cloudwatch_fail(struct local_call *c, const struct err *e)
{
	if (e->kind == ERR_PROTOCOL && e->code[0])
		local_fail(c, e->code, "%s", e->text);
	else
		local_fail_internal(c, e);
}

void local_cloudwatch_query_done(struct local_cloudwatch_queries *q)
{
	for (size_t i = 0; i < q->count; i++) {
		struct local_cloudwatch_query *one = &q->all[i];

		own_free(one->id);
		own_free(one->label);
		own_free(one->space);
		own_free(one->name);
		own_free(one->dimensions);
		own_free(one->word);
		local_cloudwatch_math_free(one->math);
		local_cloudwatch_math_done(&one->result);
	}
	own_free(q->all);
	for (size_t i = 0; i < q->name_count; i++)
		own_free(q->names[i]);
	own_free(q->names);
	*q = (struct local_cloudwatch_queries){ 0 };
}

/* ---- reading ---- */

#define REFUSE(e, ...) local_cloudwatch_refuse((e), "ValidationError", __VA_ARGS__)

int local_cloudwatch_query_number(const struct json *object, const char *name, double *ret,
				  struct err *e)
{
	const struct json *v = json_get(object, name);
	const char *text = json_str(v);
	char *end;
	double d;

	if (json_type(v) == JSON_ABSENT || json_type(v) == JSON_NULL)
		return 0;
	if (json_real(v, ret))
		return 1;
	d = text && *text && !isspace((unsigned char)*text) ? strtod(text, &end) : NAN;
	if (!isfinite(d) || *end)
		return REFUSE(e, "The value '%.40s' for parameter %s is not a number.",
			      text ? text : "", name);
	*ret = d;
	return 1;
}

static int period_read(const struct json *object, int64_t *ret, struct err *e)
{
	double d = 0;
	int rc = local_cloudwatch_query_number(object, "Period", &d, e);

	if (rc <= 0)
		return rc;
	if (!(d >= 1) || d > 86400 * 365 || d != floor(d) ||
	    !local_cloudwatch_period_ok((int64_t)d))
		return REFUSE(e, "Period must be 1, 5, 10, 20, 30 or a multiple of 60.");
	*ret = (int64_t)d;
	return 1;
}

static int text_read(const struct json *object, const char *name, size_t most, char **ret,
		     struct err *e)
{
	const char *text = local_str(object, name);

	if (!text || !*text)
		return REFUSE(e, "The parameter %s is required.", name);
	if (strlen(text) > most)
		return REFUSE(e, "The value of parameter %s must have at most %zu characters.",
			      name, most);
	*ret = own_strdup(text);
	return 0;
}

static int dimensions_read(const struct json *list, char **ret, struct err *e)
{
	if (json_count(list) > CLOUDWATCH_DIMENSIONS_MAX)
		return REFUSE(e, "The collection Dimensions must not have a size greater than %d.",
			      CLOUDWATCH_DIMENSIONS_MAX);
	for (size_t i = 0; i < json_count(list); i++)
		if (!local_str(json_at(list, i), "Name") || !local_str(json_at(list, i), "Value"))
			return REFUSE(e, "A dimension needs a Name and a Value.");
	*ret = local_cloudwatch_store_dimensions(list);
	return 0;
}

/* Namespace, MetricName and Dimensions of @p metric; the rest of @p how. */
static int metric_read(const struct json *metric, const struct json *how, const char *word,
		       struct local_cloudwatch_query *q, struct err *e)
{
	const char *unit = local_str(how, "Unit");
	int rc;

	if (text_read(metric, "Namespace", 255, &q->space, e) < 0 ||
	    text_read(metric, "MetricName", 255, &q->name, e) < 0 ||
	    dimensions_read(json_get(metric, "Dimensions"), &q->dimensions, e) < 0)
		return -1;
	if (!word)
		return REFUSE(e, "The parameter Stat is required.");
	if (local_cloudwatch_stat_parse(word, &q->stat) < 0)
		return REFUSE(e, "The value '%.80s' for parameter Stat is not a statistic.", word);
	q->word = own_strdup(word);
	q->unit = unit ? local_cloudwatch_store_unit(unit) : CLOUDWATCH_UNIT_ANY;
	if (unit && q->unit < 0)
		return REFUSE(e, "The value '%.40s' for parameter Unit is not a unit.", unit);
	rc = period_read(how, &q->period, e);
	return rc == 0 ? REFUSE(e, "The parameter Period is required.") : rc < 0 ? -1 : 0;
}

static int id_check(const struct local_cloudwatch_queries *before, const char *id, struct err *e)
{
	size_t n = strlen(id);

	if (!islower((unsigned char)*id) || n > ID_MAX ||
	    strspn(id, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") != n)
		return REFUSE(e,
			      "The value %.100s for Id does not match the required pattern "
			      "^[a-z][a-zA-Z0-9_]*$.",
			      id);
	for (size_t i = 0; i < before->count; i++)
		if (!strcmp(before->all[i].id, id))
			return REFUSE(e, "The Id %.100s is used more than once.", id);
	return 0;
}

static int returned_read(const struct json *o, bool *ret, struct err *e)
{
	const struct json *v = json_get(o, "ReturnData");
	const char *text = json_str(v);

	*ret = true;
	if (json_type(v) == JSON_ABSENT || json_type(v) == JSON_NULL || json_bool(v, ret))
		return 0;
	*ret = text && !strcmp(text, "true");
	if (*ret || (text && !strcmp(text, "false")))
		return 0;
	return REFUSE(e, "The parameter ReturnData must be true or false.");
}

static int expression_read(const struct json *o, struct local_cloudwatch_query *q, struct err *e)
{
	const char *text = local_str(o, "Expression");
	struct err why;

	err_clear(&why);
	q->math = local_cloudwatch_math_parse(text, &why);
	if (!q->math)
		return REFUSE(e, "Error in expression '%.100s': %s", q->id, why.text);
	return period_read(o, &q->period, e) < 0 ? -1 : 0;
}

static int query_read(const struct json *o, struct local_cloudwatch_queries *all, struct err *e)
{
	struct local_cloudwatch_query *q = &all->all[all->count];
	const struct json *stat = json_get(o, "MetricStat");
	const char *id = local_str(o, "Id"), *label = local_str(o, "Label");
	bool metric = json_type(stat) == JSON_OBJECT, math = local_str(o, "Expression") != NULL;

	if (!id)
		return REFUSE(e, "The parameter Id is required.");
	if (id_check(all, id, e) < 0)
		return -1;
	all->count++;
	q->id = own_strdup(id);
	q->label = own_strdup(label);
	if (metric == math)
		return REFUSE(e,
			      "Exactly one of the parameters Expression and MetricStat must be "
			      "specified for Id %.100s.",
			      id);
	if (returned_read(o, &q->returned, e) < 0)
		return -1;
	if (math)
		return expression_read(o, q, e);
	return metric_read(json_get(stat, "Metric"), stat, local_str(stat, "Stat"), q, e);
}

int local_cloudwatch_query_read(const struct json *list, bool one,
				struct local_cloudwatch_queries *ret, struct err *e)
{
	size_t n = json_count(list), returned = 0;

	*ret = (struct local_cloudwatch_queries){ 0 };
	if (n == 0 || n > CLOUDWATCH_QUERIES_MAX)
		return REFUSE(e, "There must be from 1 to %d metric data queries.",
			      CLOUDWATCH_QUERIES_MAX);
	ret->all = own_array(n, sizeof(*ret->all));
	for (size_t i = 0; i < n; i++) {
		if (query_read(json_at(list, i), ret, e) < 0)
			return -1;
		returned += ret->all[i].returned;
	}
	if (returned == 0 || (one && returned > 1))
		return REFUSE(e, "%s of the metric data queries must have ReturnData true.",
			      one ? "Exactly one" : "At least one");
	return 0;
}

int local_cloudwatch_query_single(const struct json *object, struct local_cloudwatch_queries *ret,
				  struct err *e)
{
	const char *word = local_str(object, "Statistic");

	*ret = (struct local_cloudwatch_queries){ .all = own_array(1, sizeof(*ret->all)),
						  .count = 1 };
	ret->all[0].id = own_strdup("m1");
	ret->all[0].returned = true;
	if (!word) {
		struct local_cloudwatch_stat stat;

		word = local_str(object, "ExtendedStatistic");
		if (word && local_cloudwatch_stat_parse(word, &stat) < 0)
			return local_cloudwatch_refuse(
				e, "InvalidParameterValueException",
				"The value %.80s for parameter ExtendedStatistic is not supported.",
				word);
	}
	return metric_read(object, object, word, &ret->all[0], e);
}

int64_t local_cloudwatch_query_period(const struct local_cloudwatch_queries *q)
{
	int64_t least = 0;

	for (size_t i = 0; i < q->count; i++)
		if (q->all[i].period && (!least || q->all[i].period < least))
			least = q->all[i].period;
	return least ? least : 60;
}
