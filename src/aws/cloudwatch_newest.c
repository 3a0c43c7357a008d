/* The newest value of many metrics in one call. */
#include "aws/cloudwatch_newest.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "aws/query.h"
#include "base/clock.h"
#include "wire/form.h"

static void add_query(struct request *r, const struct cloudwatch_query *q, size_t i)
{
	static const char head[] = "MetricDataQueries.member.";
	char id[24], number[24];

	snprintf(id, sizeof(id), "m%zu", i);
	snprintf(number, sizeof(number), "%lld", (long long)q->period_s);
	form_addf(&r->body, id, "%s%zu.Id", head, i + 1);
	if (q->account_id)
		form_addf(&r->body, q->account_id, "%s%zu.AccountId", head, i + 1);
	form_addf(&r->body, q->name_space, "%s%zu.MetricStat.Metric.Namespace", head, i + 1);
	form_addf(&r->body, q->metric, "%s%zu.MetricStat.Metric.MetricName", head, i + 1);
	for (size_t k = 0; k < q->dimension_count && k < CLOUDWATCH_DIMENSIONS_MAX; k++) {
		form_addf(&r->body, q->names[k],
			  "%s%zu.MetricStat.Metric.Dimensions.member.%zu.Name", head, i + 1, k + 1);
		form_addf(&r->body, q->values[k],
			  "%s%zu.MetricStat.Metric.Dimensions.member.%zu.Value", head, i + 1,
			  k + 1);
	}
	form_addf(&r->body, number, "%s%zu.MetricStat.Period", head, i + 1);
	form_addf(&r->body, q->statistic, "%s%zu.MetricStat.Stat", head, i + 1);
}

void aws_cloudwatch_newest_ask(struct request *r, const struct cloudwatch_query *const *list,
			       size_t n, struct instant from, struct instant to,
			       const char *next_token)
{
	char at[CLOCK_TEXT_MAX];

	aws_query_ask(r, SERVICE_CLOUDWATCH, "GetMetricData");
	r->reply_cap = REPLY_XML_MAX;
	for (size_t i = 0; i < n && i < CLOUDWATCH_QUERIES_MAX; i++)
		add_query(r, list[i], i);
	aws_query_add(r, "StartTime", clock_print(from, at));
	aws_query_add(r, "EndTime", clock_print(to, at));
	aws_query_add(r, "ScanBy", "TimestampDescending");
	aws_query_add(r, "NextToken", next_token);
}

static bool read_point(const struct xml_node *t, const struct xml_node *v, struct instant *ret_at,
		       double *ret_value)
{
	char *end;

	errno = 0;
	*ret_value = strtod(v->text, &end);
	return *v->text && !*end && !errno && isfinite(*ret_value) &&
	       clock_parse(t->text, strlen(t->text), ret_at, NULL) == 0;
}

/* A period that has not ended holds a part of its values only. */
static int take_points(const struct reply *r, const struct xml_node *m, int64_t period_s,
		       struct instant now, struct cloudwatch_newest *ret, struct err *e)
{
	const struct xml_node *times = xml_get(m, "Timestamps"), *values = xml_get(m, "Values");
	const struct xml_node *t = times ? xml_first(times, "member") : NULL;
	const struct xml_node *v = values ? xml_first(values, "member") : NULL;

	for (; t && v; t = xml_next(t, "member"), v = xml_next(v, "member")) {
		struct instant at;
		double value;

		if (!read_point(t, v, &at, &value))
			return reply_odd(r, e,
					 "a datapoint is no time or no number: '%.40s' '%.40s'",
					 t->text, v->text);
		if (instant_since(now, at).ms < period_s * 1000)
			continue;
		if (instant_is_never(ret->at) || instant_since(at, ret->at).ms > 0)
			*ret = (struct cloudwatch_newest){ .at = at, .value = value };
	}
	return t || v ? reply_odd(r, e, "Timestamps and Values do not go together") : 0;
}

static int take_metric(const struct reply *r, const struct xml_node *m,
		       const struct cloudwatch_query *const *list, size_t n, struct instant now,
		       struct cloudwatch_newest *ret, struct err *e)
{
	const char *id = xml_text(m, "Id"), *status = xml_text(m, "StatusCode");
	char *end = NULL;
	size_t i = id && *id == 'm' ? strtoul(id + 1, &end, 10) : n;

	if (!end || end == id + 1 || *end || i >= n)
		return reply_odd(r, e, "a result has the Id '%.40s', which was not asked for",
				 id ? id : "");
	if (status && strcmp(status, "Forbidden") == 0) {
		ret[i].denied = true;
		return 0;
	}
	return take_points(r, m, list[i]->period_s, now, &ret[i], e);
}

int aws_cloudwatch_newest_read(const struct reply *r, const struct cloudwatch_query *const *list,
			       size_t n, struct instant now, struct cloudwatch_newest *ret,
			       char **ret_next_token, struct err *e)
{
	AUTO(xml_freep) struct xml *x = NULL;
	const struct xml_node *result, *results;
	const char *token;

	*ret_next_token = NULL;
	if (reply_result(r, &x, &result, e) < 0)
		return -1;
	results = xml_get(result, "MetricDataResults");
	if (!results)
		return reply_odd(r, e, "the answer has no MetricDataResults");
	for (const struct xml_node *m = xml_first(results, "member"); m; m = xml_next(m, "member"))
		if (take_metric(r, m, list, n, now, ret, e) < 0)
			return -1;
	token = xml_text(result, "NextToken");
	if (token && *token)
		*ret_next_token = own_strdup(token);
	return 0;
}
