/* The newest value of many metrics in one call. */
#include "aws/cloudwatch_newest.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "aws/query.h"
#include "base/clock.h"
#include "base/text.h"
#include "wire/form.h"

#define HEAD "MetricDataQueries.member."
#define ID_MAX 24
/* An id of one letter becomes one of six, and an operator stands between two: 500 bytes of a policy
 * stay within the service's 2048. */
#define EXPRESSION_MAX 4096

static void add_metric(struct request *r, const struct cloudwatch_query *q, const char *id,
		       size_t member)
{
	char number[24];

	snprintf(number, sizeof(number), "%lld", (long long)q->period_s);
	form_addf(&r->body, id, HEAD "%zu.Id", member);
	if (q->account_id)
		form_addf(&r->body, q->account_id, HEAD "%zu.AccountId", member);
	form_addf(&r->body, q->name_space, HEAD "%zu.MetricStat.Metric.Namespace", member);
	form_addf(&r->body, q->metric, HEAD "%zu.MetricStat.Metric.MetricName", member);
	for (size_t k = 0; k < q->dimension_count && k < CLOUDWATCH_DIMENSIONS_MAX; k++) {
		form_addf(&r->body, q->names[k],
			  HEAD "%zu.MetricStat.Metric.Dimensions.member.%zu.Name", member, k + 1);
		form_addf(&r->body, q->values[k],
			  HEAD "%zu.MetricStat.Metric.Dimensions.member.%zu.Value", member, k + 1);
	}
	form_addf(&r->body, number, HEAD "%zu.MetricStat.Period", member);
	form_addf(&r->body, q->statistic, HEAD "%zu.MetricStat.Stat", member);
}

/* Ids are one call's: those of an expression become its place in the call and theirs in it, as
 * another policy's expression may have the same. */
static void print_expression(const struct cloudwatch_query *q, size_t i, struct buf *out)
{
	const char *at = q->expression, *word;
	size_t len = 0;

	for (; (word = text_ident(at, &len)); at = word + len) {
		size_t k = 0;

		buf_add(out, at, (size_t)(word - at));
		while (k < q->part_count &&
		       (strlen(q->parts[k].id) != len || memcmp(q->parts[k].id, word, len) != 0))
			k++;
		if (k < q->part_count)
			buf_addf(out, "m%zu_%zu", i, k);
		else
			buf_add(out, word, len);
	}
	buf_adds(out, at);
}

/* Its members of the call from @p member on; returns the next. */
static size_t add_query(struct request *r, const struct cloudwatch_query *q, size_t i,
			size_t member)
{
	AUTO(buf_done) struct buf text = BUF(EXPRESSION_MAX);
	char id[2 * ID_MAX];

	snprintf(id, sizeof(id), "m%zu", i);
	if (!q->expression) {
		add_metric(r, q, id, member);
		return member + 1;
	}
	print_expression(q, i, &text);
	form_addf(&r->body, id, HEAD "%zu.Id", member);
	form_addf(&r->body, buf_str(&text), HEAD "%zu.Expression", member);
	for (size_t k = 0; k < q->part_count; k++) {
		snprintf(id, sizeof(id), "m%zu_%zu", i, k);
		add_metric(r, &q->parts[k], id, ++member);
		form_addf(&r->body, "false", HEAD "%zu.ReturnData", member);
	}
	return member + 1;
}

size_t aws_cloudwatch_newest_weight(const struct cloudwatch_query *q)
{
	return q->expression ? q->part_count + 1 : 1;
}

void aws_cloudwatch_newest_ask(struct request *r, const struct cloudwatch_query *const *list,
			       size_t n, struct instant from, struct instant to,
			       const char *next_token)
{
	char at[CLOCK_TEXT_MAX];
	size_t member = 1;

	aws_query_ask(r, SERVICE_CLOUDWATCH, "GetMetricData");
	r->reply_cap = REPLY_XML_MAX;
	for (size_t i = 0; i < n && i < CLOUDWATCH_QUERIES_MAX; i++)
		member = add_query(r, list[i], i, member);
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
			ret->at = at, ret->value = value;
	}
	return t || v ? reply_odd(r, e, "Timestamps and Values do not go together") : 0;
}

/* Whether another result of this page has the same Id, as each series of an array has. */
static bool is_second(const struct xml_node *results, const struct xml_node *m, const char *id)
{
	const struct xml_node *o = xml_first(results, "member");

	for (; o && o != m; o = xml_next(o, "member")) {
		const char *other = xml_text(o, "Id");

		if (other && strcmp(other, id) == 0)
			return true;
	}
	return false;
}

static int take_metric(const struct reply *r, const struct xml_node *results,
		       const struct xml_node *m, const struct cloudwatch_query *const *list,
		       size_t n, struct instant now, struct cloudwatch_newest *ret, struct err *e)
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
	if (list[i]->expression && is_second(results, m, id))
		ret[i].several = true;
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
		if (take_metric(r, results, m, list, n, now, ret, e) < 0)
			return -1;
	token = xml_text(result, "NextToken");
	if (token && *token)
		*ret_next_token = own_strdup(token);
	return 0;
}
