/* GetMetricStatistics: one metric, several statistics, all points in one answer. */
#include <inttypes.h>
#include <string.h>

#include "local/cloudwatch.h"

#define POINTS_MOST 1440
#define PLAIN_MOST 5
#define EXTENDED_MOST 10
#define VALUES_MOST 4096 /* different values that a point's percentiles are told from */

/* Points by time and unit; those of one unit stand together. */
struct point {
	int64_t at;
	int unit;
	struct local_cloudwatch_sum sum;
};

struct get {
	const char *space, *name;
	char *dimensions;
	int unit;
	int64_t period, from, to;
	const struct json *plain, *extended;
	struct point *points;
	size_t count;
};

static void get_done(struct get *g)
{
	for (size_t i = 0; i < g->count; i++)
		local_cloudwatch_stat_done(&g->points[i].sum);
	own_free(g->points);
	own_free(g->dimensions);
}

static int statistics_read(struct local_call *c, struct get *g)
{
	struct local_cloudwatch_stat stat;

	g->plain = json_get(c->params, "Statistics");
	g->extended = json_get(c->params, "ExtendedStatistics");
	if (!json_count(g->plain) == !json_count(g->extended)) {
		local_fail(c, "InvalidParameterCombinationException",
			   "Must specify either Statistics or ExtendedStatistics");
		return -1;
	}
	if (json_count(g->plain) > PLAIN_MOST || json_count(g->extended) > EXTENDED_MOST) {
		local_fail(c, "InvalidParameterValueException", "There are too many statistics.");
		return -1;
	}
	for (size_t i = 0; i < json_count(g->plain) + json_count(g->extended); i++) {
		const char *word =
			json_str(json_at(json_count(g->plain) ? g->plain : g->extended, i));

		if (word && local_cloudwatch_stat_parse(word, &stat) == 0 &&
		    local_cloudwatch_stat_deep(&stat) == (json_count(g->extended) > 0))
			continue;
		local_fail(c, "InvalidParameterValueException",
			   "The value '%.80s' for parameter %s is not valid.", word ? word : "",
			   json_count(g->plain) ? "Statistics" : "ExtendedStatistics");
		return -1;
	}
	return 0;
}

static int get_read(struct local_call *c, struct get *g)
{
	int rc;

	if (local_cloudwatch_need(c, c->params, "", "Namespace", 255, &g->space) < 0 ||
	    local_cloudwatch_need(c, c->params, "", "MetricName", 255, &g->name) < 0 ||
	    local_cloudwatch_dimensions(c, c->params, "", &g->dimensions) < 0 ||
	    local_cloudwatch_unit(c, c->params, "", &g->unit) < 0 || statistics_read(c, g) < 0)
		return -1;
	rc = local_int(c, c->params, "Period", &g->period);
	if (rc == 0)
		local_fail(c, "MissingRequiredParameterException",
			   "The parameter Period is required.");
	if (rc <= 0)
		return -1;
	if (!local_cloudwatch_period_ok(g->period)) {
		local_fail(c, "InvalidParameterValueException",
			   "The parameter Period must be 1, 5, 10, 20, 30 or a multiple of 60.");
		return -1;
	}
	if (local_cloudwatch_times(c, g->period, &g->from, &g->to) < 0)
		return -1;
	if ((g->to - g->from) / g->period > POINTS_MOST) {
		local_fail(
			c, "InvalidParameterCombinationException",
			"You have requested up to %" PRId64
			" datapoints, which exceeds the limit of 1,440. You may reduce the "
			"datapoints requested by increasing Period, or decreasing the time range.",
			(g->to - g->from) / g->period);
		return -1;
	}
	return 0;
}

static struct point *point_of(struct get *g, int64_t at, int unit)
{
	for (size_t i = g->count; i-- > 0;)
		if (g->points[i].at == at && g->points[i].unit == unit)
			return &g->points[i];
	if ((g->count & (g->count - 1)) == 0)
		g->points = own_grow(g->points, g->count ? 2 * g->count : 1, sizeof(*g->points));
	g->points[g->count] = (struct point){ .at = at, .unit = unit };
	return &g->points[g->count++];
}

static void add_row(const struct local_cloudwatch_row *r, void *arg)
{
	struct get *g = arg;
	struct point *p = point_of(g, g->from + (r->at - g->from) / g->period * g->period, r->unit);

	local_cloudwatch_stat_add(&p->sum, &r->sum, VALUES_MOST);
}

static void put_extended(struct local_call *c, const struct get *g, const struct point *p)
{
	local_map(c, "ExtendedStatistics", NULL);
	for (size_t i = 0; i < json_count(g->extended); i++) {
		const char *word = json_str(json_at(g->extended, i));
		struct local_cloudwatch_stat stat;
		double value;

		if (local_cloudwatch_stat_parse(word, &stat) == 0 &&
		    local_cloudwatch_stat_tell(&stat, &p->sum, &value))
			local_put_real(c, word, value);
	}
	local_end(c);
}

/* A point whose values are not known has no percentiles, and is left out as on AWS. */
static bool point_told(const struct get *g, const struct point *p)
{
	return !json_count(g->extended) || !p->sum.blind || p->sum.low == p->sum.high;
}

static void put_point(struct local_call *c, const struct get *g, const struct point *p)
{
	local_object(c, NULL);
	local_put_time(c, "Timestamp", (struct instant){ p->at * 1000 });
	for (size_t i = 0; i < json_count(g->plain); i++) {
		const char *word = json_str(json_at(g->plain, i));
		struct local_cloudwatch_stat stat;
		double value;

		if (local_cloudwatch_stat_parse(word, &stat) == 0 &&
		    local_cloudwatch_stat_tell(&stat, &p->sum, &value))
			local_put_real(c, word, value);
	}
	local_put(c, "Unit", local_cloudwatch_store_unit_word(p->unit));
	if (json_count(g->extended))
		put_extended(c, g, p);
	local_end(c);
}

static int get_rows(struct local_call *c, struct get *g, struct err *e)
{
	const struct local_cloudwatch_metric m = { g->space, g->name, g->dimensions };
	struct local_cloudwatch_range range = { .from = g->from,
						.to = local_cloudwatch_shown(c->local, g->space),
						.period = g->period,
						.unit = g->unit,
						.deep = json_count(g->extended) > 0 };
	int rc = local_cloudwatch_store_find(c->local, &m, &range.series, e);

	if (range.to > g->to)
		range.to = g->to;
	if (rc == 1)
		rc = local_cloudwatch_store_read(c->local, &range, add_row, g, e);
	return rc < 0 ? -1 : 0;
}

void local_cloudwatch_get(struct local_call *c)
{
	AUTO(get_done) struct get g = { 0 };
	struct err e;

	if (get_read(c, &g) < 0)
		return;
	err_clear(&e);
	if (get_rows(c, &g, &e) < 0) {
		local_fail_internal(c, &e);
		return;
	}
	local_put(c, "Label", g.name);
	local_list(c, "Datapoints", NULL);
	for (size_t i = 0; i < g.count; i++)
		if (point_told(&g, &g.points[i]))
			put_point(c, &g, &g.points[i]);
	local_end(c);
	local_done(c);
}
