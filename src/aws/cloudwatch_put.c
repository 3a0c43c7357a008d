#include "aws/cloudwatch_put.h"

#include <stdio.h>

#include "aws/query.h"
#include "base/clock.h"
#include "wire/form.h"

#define DATUM_BYTES_MAX 65536

static void add(struct buf *out, const struct cloudwatch_datum *d, size_t i)
{
	static const char head[] = "MetricData.member.";
	const struct {
		const char *name;
		double value;
	} parts[] = { { "Value", d->value },
		      { "StatisticValues.SampleCount", d->count },
		      { "StatisticValues.Sum", d->value },
		      { "StatisticValues.Minimum", d->least },
		      { "StatisticValues.Maximum", d->most } };
	char at[CLOCK_TEXT_MAX], value[40];

	form_addf(out, d->metric, "%s%zu.MetricName", head, i);
	for (size_t k = 0; k < d->dimension_count && k < COUNT_OF(d->names); k++) {
		form_addf(out, d->names[k], "%s%zu.Dimensions.member.%zu.Name", head, i, k + 1);
		form_addf(out, d->values[k], "%s%zu.Dimensions.member.%zu.Value", head, i, k + 1);
	}
	form_addf(out, clock_print(d->at, at), "%s%zu.Timestamp", head, i);
	for (size_t k = d->count > 0 ? 1 : 0; k < (d->count > 0 ? COUNT_OF(parts) : 1); k++) {
		snprintf(value, sizeof(value), "%.17g", parts[k].value);
		form_addf(out, value, "%s%zu.%s", head, i, parts[k].name);
	}
	form_addf(out, d->unit, "%s%zu.Unit", head, i);
}

size_t aws_cloudwatch_put_ask(struct request *r, const char *name_space,
			      const struct cloudwatch_datum *list, size_t n)
{
	AUTO(buf_done) struct buf one = BUF(DATUM_BYTES_MAX);
	size_t taken = 0;

	aws_query_ask(r, SERVICE_CLOUDWATCH, "PutMetricData");
	r->write = true; /* a value that is told twice counts twice */
	aws_query_add(r, "Namespace", name_space);
	while (taken < n && taken < CLOUDWATCH_DATA_MAX) {
		buf_clear(&one);
		add(&one, &list[taken], taken + 1);
		if (taken > 0 && r->body.len + 1 + one.len > CLOUDWATCH_DATA_BYTES)
			break;
		buf_addc(&r->body, '&');
		buf_add(&r->body, one.data, one.len);
		taken++;
	}
	return taken;
}

int aws_cloudwatch_put_read(const struct reply *r, struct err *e)
{
	return reply_check(r, e);
}
