#include "aws/cloudwatch.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "aws/query.h"
#include "base/clock.h"
#include "wire/form.h"

#define QUERY "MetricDataQueries.member.1"

void aws_cloudwatch_data_ask(struct request *r, const struct cloudwatch_query *q)
{
	char at[CLOCK_TEXT_MAX];

	aws_query_ask(r, SERVICE_CLOUDWATCH, "GetMetricData");
	r->reply_cap = REPLY_XML_MAX;
	aws_query_add(r, QUERY ".Id", "m1");
	aws_query_add(r, QUERY ".AccountId", q->account_id);
	aws_query_add(r, QUERY ".MetricStat.Metric.Namespace", q->name_space);
	aws_query_add(r, QUERY ".MetricStat.Metric.MetricName", q->metric);
	for (size_t i = 0; i < q->dimension_count && i < CLOUDWATCH_DIMENSIONS_MAX; i++) {
		form_addf(&r->body, q->names[i],
			  QUERY ".MetricStat.Metric.Dimensions.member.%zu.Name", i + 1);
		form_addf(&r->body, q->values[i],
			  QUERY ".MetricStat.Metric.Dimensions.member.%zu.Value", i + 1);
	}
	aws_query_add_int(r, QUERY ".MetricStat.Period", q->period_s);
	aws_query_add(r, QUERY ".MetricStat.Stat", q->statistic);
	aws_query_add(r, "StartTime", clock_print(q->from, at));
	aws_query_add(r, "EndTime", clock_print(q->to, at));
	aws_query_add(r, "ScanBy", "TimestampAscending");
	aws_query_add_int(r, "MaxDatapoints", CLOUDWATCH_POINTS_MAX);
	aws_query_add(r, "NextToken", q->next_token);
}

void cloudwatch_points_done(struct cloudwatch_points *p)
{
	own_free(p->list);
	own_free(p->next_token);
	*p = (struct cloudwatch_points){ 0 };
}

static bool read_value(const char *text, double *ret)
{
	char *end;

	errno = 0;
	*ret = strtod(text, &end);
	return *text && !*end && !errno && isfinite(*ret);
}

/* One metric's Timestamps and Values go together by their place. */
static int read_metric(const struct reply *r, const struct xml_node *m,
		       struct cloudwatch_points *ret, struct err *e)
{
	const struct xml_node *times = xml_get(m, "Timestamps"), *values = xml_get(m, "Values");
	const struct xml_node *t = times ? xml_first(times, "member") : NULL;
	const struct xml_node *v = values ? xml_first(values, "member") : NULL;
	const char *status = xml_text(m, "StatusCode");

	if (status && strcmp(status, "Forbidden") == 0) {
		reply_odd(r, e, "the metric's StatusCode is Forbidden");
		e->kind = ERR_DENIED;
		return -1;
	}
	ret->whole = ret->whole && (!status || strcmp(status, "Complete") == 0);
	ret->list =
		own_grow(ret->list, ret->count + aws_query_members(times) + 1, sizeof(*ret->list));
	for (; t && v; t = xml_next(t, "member"), v = xml_next(v, "member")) {
		struct cloudwatch_point *p = &ret->list[ret->count++];

		if (clock_parse(t->text, strlen(t->text), &p->at, NULL) < 0 ||
		    !read_value(v->text, &p->value))
			return reply_odd(r, e,
					 "a datapoint is no time or no number: '%.40s' '%.40s'",
					 t->text, v->text);
	}
	if (t || v)
		return reply_odd(r, e, "Timestamps and Values do not go together");
	return 0;
}

int aws_cloudwatch_data_read(const struct reply *r, struct cloudwatch_points *ret, struct err *e)
{
	AUTO(xml_freep) struct xml *x = NULL;
	const struct xml_node *result, *list;

	*ret = (struct cloudwatch_points){ .whole = true };
	if (reply_result(r, &x, &result, e) < 0)
		return -1;
	list = xml_get(result, "MetricDataResults");
	if (!list)
		return reply_odd(r, e, "the answer has no MetricDataResults");
	for (const struct xml_node *m = xml_first(list, "member"); m; m = xml_next(m, "member"))
		if (read_metric(r, m, ret, e) < 0) {
			cloudwatch_points_done(ret);
			return -1;
		}
	if (xml_text(result, "NextToken") && xml_text(result, "NextToken")[0])
		ret->next_token = own_strdup(xml_text(result, "NextToken"));
	return 0;
}
