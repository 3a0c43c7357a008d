/* Group metrics: which are collected, and their values each minute (AWS/AutoScaling). */
#include <string.h>

#include "local/autoscaling.h"
#include "local/cloudwatch.h"
#include "local/fleet.h"
#include "local/fleet_pool.h"

enum size {
	SIZE_MIN,
	SIZE_MAX_,
	SIZE_DESIRED,
	IN_SERVICE,
	PENDING,
	STANDBY,
	TERMINATING,
	TOTAL,
	UNITS_IN_SERVICE, /* the same, each as much as it weighs */
	UNITS_PENDING,
	UNITS_STANDBY,
	UNITS_TERMINATING,
	UNITS_TOTAL,
	POOL_MIN, /* of the warm pool */
	POOL_DESIRED,
	POOL_WARMED,
	POOL_PENDING,
	POOL_TERMINATING,
	POOL_TOTAL,
	BOTH_DESIRED,
	BOTH_TOTAL,
	SIZES
};

#define UNITS (UNITS_IN_SERVICE - IN_SERVICE)

static const struct {
	const char *name;
	enum size size;
} metrics[] = {
	{ "GroupMinSize", SIZE_MIN },
	{ "GroupMaxSize", SIZE_MAX_ },
	{ "GroupDesiredCapacity", SIZE_DESIRED },
	{ "GroupInServiceInstances", IN_SERVICE },
	{ "GroupPendingInstances", PENDING },
	{ "GroupStandbyInstances", STANDBY },
	{ "GroupTerminatingInstances", TERMINATING },
	{ "GroupTotalInstances", TOTAL },
	{ "GroupInServiceCapacity", UNITS_IN_SERVICE },
	{ "GroupPendingCapacity", UNITS_PENDING },
	{ "GroupStandbyCapacity", UNITS_STANDBY },
	{ "GroupTerminatingCapacity", UNITS_TERMINATING },
	{ "GroupTotalCapacity", UNITS_TOTAL },
	{ "WarmPoolMinSize", POOL_MIN },
	{ "WarmPoolDesiredCapacity", POOL_DESIRED },
	{ "WarmPoolWarmedCapacity", POOL_WARMED },
	{ "WarmPoolPendingCapacity", POOL_PENDING },
	{ "WarmPoolTerminatingCapacity", POOL_TERMINATING },
	{ "WarmPoolTotalCapacity", POOL_TOTAL },
	{ "GroupAndWarmPoolDesiredCapacity", BOTH_DESIRED },
	{ "GroupAndWarmPoolTotalCapacity", BOTH_TOTAL },
};

static int metrics_check(struct local_call *c, const struct json *list)
{
	for (size_t i = 0; i < json_count(list); i++) {
		const char *word = json_str(json_at(list, i));
		bool found = false;

		for (size_t k = 0; word && k < COUNT_OF(metrics); k++)
			found |= !strcmp(word, metrics[k].name);
		if (found)
			continue;
		local_fail(c, "ValidationError", "Metric '%.80s' is not valid.", word ? word : "");
		return -1;
	}
	return 0;
}

/* Enables or disables what is listed, or all. */
static void change(struct local_call *c, const struct local_fleet_group *g, const char *sql)
{
	const struct json *list = json_get(c->params, "Metrics");
	struct err e;

	if (metrics_check(c, list) < 0)
		return;
	err_clear(&e);
	for (size_t k = 0; k < COUNT_OF(metrics); k++) {
		if (json_count(list) && !local_autoscaling_listed(list, metrics[k].name))
			continue;
		if (DB_RUN(c->local->db, &e, sql, DB_S(g->name), DB_S(metrics[k].name)) < 0) {
			local_fail_internal(c, &e);
			return;
		}
	}
	local_done(c);
}

void local_autoscaling_metric_enable(struct local_call *c)
{
	AUTO(local_fleet_rows_group_done) struct local_fleet_group g = { 0 };
	const char *granularity;

	if (local_autoscaling_group(c, &g) < 0 ||
	    local_autoscaling_need(c, c->params, "Granularity", 255, &granularity) < 0)
		return;
	if (strcmp(granularity, "1Minute")) {
		local_fail(c, "ValidationError", "Granularity must be 1Minute, not '%.40s'.",
			   granularity);
		return;
	}
	change(c, &g, "INSERT OR IGNORE INTO fleet_metric VALUES(?,?)");
}

void local_autoscaling_metric_disable(struct local_call *c)
{
	AUTO(local_fleet_rows_group_done) struct local_fleet_group g = { 0 };

	if (local_autoscaling_group(c, &g) == 0)
		change(c, &g, "DELETE FROM fleet_metric WHERE grp=? AND name=?");
}

void local_autoscaling_metric_types(struct local_call *c)
{
	local_list(c, "Metrics", NULL);
	for (size_t k = 0; k < COUNT_OF(metrics); k++) {
		local_object(c, NULL);
		local_put(c, "Metric", metrics[k].name);
		local_end(c);
	}
	local_end(c);
	local_list(c, "Granularities", NULL);
	local_object(c, NULL);
	local_put(c, "Granularity", "1Minute");
	local_end(c);
	local_end(c);
	local_done(c);
}

int local_autoscaling_metric_put(struct local_call *c, const char *group, struct err *e)
{
	AUTO(db_endp)
	struct db_row *r =
		db_query(c->local->db, "SELECT name FROM fleet_metric WHERE grp=? ORDER BY name",
			 DB_ARGS(DB_S(group)), e);
	int rc;

	if (!r)
		return -1;
	local_list(c, "EnabledMetrics", NULL);
	while ((rc = db_step(r, e)) == 1) {
		local_object(c, NULL);
		local_put(c, "Metric", db_str(r, 0));
		local_put(c, "Granularity", "1Minute");
		local_end(c);
	}
	local_end(c);
	return rc;
}

/* ---- the minute ---- */

static enum size size_of(enum local_fleet_state s)
{
	if (local_fleet_choose_ready(s))
		return POOL_WARMED;
	if (local_fleet_choose_pooled(s))
		return local_fleet_choose_leaving(s) ? POOL_TERMINATING : POOL_PENDING;
	if (local_fleet_choose_leaving(s))
		return TERMINATING;
	return s == FLEET_STANDBY ? STANDBY : s == FLEET_IN_SERVICE ? IN_SERVICE : PENDING;
}

static void count_one(const struct local_fleet_instance *i, double ret[static SIZES])
{
	const double units = i->weight > 0 ? (double)i->weight : 1;
	const enum size size = size_of(i->state);

	if (local_fleet_choose_pooled(i->state)) {
		ret[size] += units;
		ret[POOL_TOTAL] += units;
		return;
	}
	ret[size]++;
	ret[TOTAL]++;
	ret[size + UNITS] += units;
	ret[UNITS_TOTAL] += units;
}

static int sizes_of(struct local *l, const struct local_fleet_group *g,
		    const struct local_fleet_pool *p, double ret[static SIZES], struct err *e)
{
	AUTO(local_fleet_rows_instances_done) struct local_fleet_instances all = { 0 };

	memset(ret, 0, SIZES * sizeof(*ret));
	ret[SIZE_MIN] = (double)g->least;
	ret[SIZE_MAX_] = (double)g->most;
	ret[SIZE_DESIRED] = (double)g->desired;
	ret[POOL_MIN] = (double)p->least;
	ret[POOL_DESIRED] = (double)local_fleet_pool_size(p, g);
	if (local_fleet_rows_instances(l->db, g->name, NULL, -1, &all, e) < 0)
		return -1;
	for (size_t i = 0; i < all.count; i++)
		count_one(&all.all[i], ret);
	ret[BOTH_DESIRED] = ret[SIZE_DESIRED] + ret[POOL_DESIRED];
	ret[BOTH_TOTAL] = ret[UNITS_TOTAL] + ret[POOL_TOTAL];
	return 0;
}

static int enabled(struct local *l, const char *group, bool ret[static COUNT_OF(metrics)],
		   struct err *e)
{
	AUTO(db_endp)
	struct db_row *r = db_query(l->db, "SELECT name FROM fleet_metric WHERE grp=?",
				    DB_ARGS(DB_S(group)), e);
	int rc, n = 0;

	if (!r)
		return -1;
	while ((rc = db_step(r, e)) == 1)
		for (size_t k = 0; k < COUNT_OF(metrics); k++)
			if (!strcmp(metrics[k].name, db_str(r, 0))) {
				ret[k] = true;
				n++;
			}
	return rc < 0 ? -1 : n;
}

static int group_minute(struct local *l, const struct local_fleet_group *g, int64_t end_s,
			struct err *e)
{
	bool on[COUNT_OF(metrics)] = { 0 };
	struct local_fleet_pool pool;
	double sizes[SIZES];
	int n = enabled(l, g->name, on, e);

	if (n <= 0)
		return n;
	if (local_fleet_pool_read(l->db, g->name, &pool, e) < 0 ||
	    sizes_of(l, g, &pool, sizes, e) < 0)
		return -1;
	for (size_t k = 0; k < COUNT_OF(metrics); k++) {
		int64_t series = 0;
		const struct local_cloudwatch_own what = { .space = "AWS/AutoScaling",
							   .name = metrics[k].name,
							   .dimension = "AutoScalingGroupName",
							   .of = g->name,
							   .unit = "None",
							   .end_s = end_s,
							   .series = &series };

		/* Those of a pool exist while there is one, as on AWS. */
		if (on[k] && (metrics[k].size < POOL_MIN || pool.exists) &&
		    local_cloudwatch_own(l, &what, sizes[metrics[k].size], e) < 0)
			return -1;
	}
	return 0;
}

int local_autoscaling_metric_minute(struct local *l, int64_t end_s, struct err *e)
{
	AUTO(local_fleet_rows_groups_done) struct local_fleet_groups groups = { 0 };

	if (local_fleet_rows_groups(l->db, "", -1, &groups, e) < 0)
		return -1;
	for (size_t i = 0; i < groups.count; i++)
		if (group_minute(l, &groups.all[i], end_s, e) < 0)
			return err_wrap(e, "the metrics of group %s", groups.all[i].name);
	return 0;
}
