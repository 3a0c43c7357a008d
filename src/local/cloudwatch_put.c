/* PutMetricData: all of a call's values are read before the first is stored. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "local/cloudwatch.h"

#define DATA_MOST 1000
#define VALUE_MOST 0x1p360 /* AWS takes -2^360 to 2^360 */
#define PAST_MOST_MS (14ll * 24 * 3600 * 1000)
#define FUTURE_MOST_MS (2ll * 3600 * 1000)

struct datum {
	const char *name;
	char *dimensions;
	struct local_cloudwatch_row row;
};

static int invalid(struct local_call *c, const char *place, const char *name, const char *why)
{
	local_fail(c, "InvalidParameterValueException", "The parameter %s%s %s.", place, name, why);
	return -1;
}

static int range_check(struct local_call *c, const char *place, const char *name, double v)
{
	if (fabs(v) <= VALUE_MOST)
		return 0;
	return invalid(c, place, name, "must be between -2^360 and 2^360");
}

/* Item @p i of a list of numbers. 1 there, 0 not, -1 the call has ended. */
static int item_read(struct local_call *c, const struct json *list, size_t i, double *ret)
{
	AUTO(json_freep) struct json *box = NULL;
	const struct json *v = json_at(list, i);

	if (json_real(v, ret))
		return 1;
	if (!json_str(v)) {
		local_fail(c, "InvalidParameterValueException",
			   "Values and Counts must hold numbers.");
		return -1;
	}
	box = json_object();
	json_set_str(box, "Values", json_str(v));
	return local_double(c, box, "Values", ret);
}

static int values_read(struct local_call *c, const struct json *d, const char *place,
		       struct local_cloudwatch_sum *sum)
{
	const struct json *values = json_get(d, "Values"), *counts = json_get(d, "Counts");
	size_t n = json_count(values);

	if (json_count(counts) && json_count(counts) != n) {
		local_fail(c, "InvalidParameterValueException",
			   "The parameters %sValues and %sCounts must be of the same size.", place,
			   place);
		return -1;
	}
	if (n == 0 || n > CLOUDWATCH_VALUES_MAX)
		return invalid(c, place, "Values", "must have from 1 to 150 items");
	for (size_t i = 0; i < n; i++) {
		double value = 0, count = 1;

		if (item_read(c, values, i, &value) < 0 ||
		    range_check(c, place, "Values", value) < 0 ||
		    (json_count(counts) && item_read(c, counts, i, &count) < 0))
			return -1;
		if (!(count > 0) || count > VALUE_MOST)
			return invalid(c, place, "Counts", "must be greater than 0");
		local_cloudwatch_stat_value(sum, value, count, CLOUDWATCH_VALUES_MAX);
	}
	return 0;
}

static int set_read(struct local_call *c, const struct json *d, const char *place,
		    struct local_cloudwatch_sum *sum)
{
	static const char *const names[] = { "SampleCount", "Sum", "Minimum", "Maximum" };
	const struct json *set = json_get(d, "StatisticValues");
	double v[4] = { 0 };

	for (size_t i = 0; i < COUNT_OF(names); i++) {
		char name[64];
		int rc = local_double(c, set, names[i], &v[i]);

		snprintf(name, sizeof(name), "StatisticValues.%s", names[i]);
		if (rc == 0)
			local_fail(c, "MissingRequiredParameterException",
				   "The parameter %s%s is required.", place, name);
		if (rc <= 0 || range_check(c, place, name, v[i]) < 0)
			return -1;
	}
	if (!(v[0] > 0))
		return invalid(c, place, "StatisticValues.SampleCount", "must be greater than 0");
	if (v[2] > v[3])
		return invalid(c, place, "StatisticValues.Minimum",
			       "must not be greater than StatisticValues.Maximum");
	*sum = (struct local_cloudwatch_sum){ v[0], v[1], v[2], v[3], .blind = v[2] != v[3] };
	return 0;
}

static int sum_read(struct local_call *c, const struct json *d, const char *place,
		    struct local_cloudwatch_sum *sum)
{
	bool set = json_type(json_get(d, "StatisticValues")) == JSON_OBJECT;
	bool values = json_count(json_get(d, "Values")) > 0;
	double value = 0;
	int one = local_double(c, d, "Value", &value);

	if (one < 0)
		return -1;
	if (one + set + values > 1) {
		local_fail(c, "InvalidParameterCombinationException",
			   "The parameters %s%s and %s%s are mutually exclusive and you have "
			   "specified both.",
			   place, one ? "Value" : "Values", place,
			   set ? "StatisticValues" : "Values");
		return -1;
	}
	if (set)
		return set_read(c, d, place, sum);
	if (values)
		return values_read(c, d, place, sum);
	if (!one) {
		local_fail(c, "MissingRequiredParameterException",
			   "At least one of the parameters must be specified: %sValue, %sValues, "
			   "%sStatisticValues.",
			   place, place, place);
		return -1;
	}
	if (range_check(c, place, "Value", value) < 0)
		return -1;
	local_cloudwatch_stat_value(sum, value, 1, CLOUDWATCH_VALUES_MAX);
	return 0;
}

static int time_read(struct local_call *c, const struct json *d, const char *place,
		     struct local_cloudwatch_row *row)
{
	struct instant now = local_wall(c->local), at = now;

	row->resolution = 60;
	if (local_time(c, d, "Timestamp", &at) < 0 ||
	    local_int(c, d, "StorageResolution", &row->resolution) < 0)
		return -1;
	if (row->resolution != 1 && row->resolution != 60)
		return invalid(c, place, "StorageResolution", "must be 1 or 60");
	if (at.ms < now.ms - PAST_MOST_MS)
		return invalid(c, place, "Timestamp",
			       "must specify a time no more than two weeks in the past");
	if (at.ms > now.ms + FUTURE_MOST_MS)
		return invalid(c, place, "Timestamp",
			       "must specify a time no more than two hours in the future");
	row->at = at.ms / 1000;
	row->at -= row->at % row->resolution;
	return 0;
}

static int datum_read(struct local_call *c, const struct json *d, const char *place,
		      struct datum *ret)
{
	if (local_cloudwatch_need(c, d, place, "MetricName", 255, &ret->name) < 0 ||
	    local_cloudwatch_dimensions(c, d, place, &ret->dimensions) < 0 ||
	    local_cloudwatch_unit(c, d, place, &ret->row.unit) < 0 ||
	    time_read(c, d, place, &ret->row) < 0 || sum_read(c, d, place, &ret->row.sum) < 0)
		return -1;
	if (ret->row.unit == CLOUDWATCH_UNIT_ANY)
		ret->row.unit = 0;
	return 0;
}

/* 1: stored, 0: there are too many metrics. */
static int store(struct local *l, const char *space, struct datum *all, size_t n, struct err *e)
{
	const struct instant now = local_wall(l);

	for (size_t i = 0; i < n; i++) {
		const struct local_cloudwatch_metric m = { space, all[i].name, all[i].dimensions };
		int rc = local_cloudwatch_store_make(l, &m, now, &all[i].row.series, e);

		if (rc <= 0)
			return rc;
		if (local_cloudwatch_store_add(l, &all[i].row, e) < 0)
			return -1;
	}
	return 1;
}

static void put(struct local_call *c, const char *space, const struct json *data, struct datum *all)
{
	size_t n = json_count(data);
	struct err e;
	int rc;

	for (size_t i = 0; i < n; i++) {
		char place[64];

		snprintf(place, sizeof(place), "MetricData.member.%zu.", i + 1);
		if (datum_read(c, json_at(data, i), place, &all[i]) < 0)
			return;
	}
	err_clear(&e);
	rc = store(c->local, space, all, n, &e);
	if (rc < 0)
		local_fail_internal(c, &e);
	else if (rc == 0)
		local_fail(c, "LimitExceededFault", "There are %d metrics already.",
			   CLOUDWATCH_SERIES_MAX);
	else
		local_done(c);
}

void local_cloudwatch_put(struct local_call *c)
{
	const struct json *data = json_get(c->params, "MetricData");
	size_t n = json_count(data);
	const char *space;
	struct datum *all;

	if (local_cloudwatch_need(c, c->params, "", "Namespace", 255, &space) < 0)
		return;
	if (space[0] == ':' || !strncmp(space, "AWS/", 4)) {
		local_fail(c, "InvalidParameterValueException",
			   "The value %.100s for parameter Namespace is invalid.", space);
		return;
	}
	if (n == 0) {
		local_fail(c, "MissingRequiredParameterException",
			   "The parameter MetricData is required.");
		return;
	}
	if (n > DATA_MOST) {
		local_fail(c, "InvalidParameterValueException",
			   "The collection MetricData must not have a size greater than %d.",
			   DATA_MOST);
		return;
	}
	all = own_array(n, sizeof(*all));
	put(c, space, data, all);
	for (size_t i = 0; i < n; i++) {
		own_free(all[i].dimensions);
		local_cloudwatch_stat_done(&all[i].row.sum);
	}
	own_free(all);
}
