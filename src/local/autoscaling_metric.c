/* Group metrics: which are collected, and their values each minute (AWS/AutoScaling). */
#include <string.h>

#include "local/autoscaling.h"
#include "local/cloudwatch.h"
#include "local/fleet.h"

enum size {
	SIZE_MIN,
	SIZE_MAX_,
	SIZE_DESIRED,
	IN_SERVICE,
	PENDING,
	STANDBY,
	TERMINATING,
	TOTAL,
	SIZES
};

/* Instances and capacity are one here: each instance counts as one. Those of a warm pool are known
 * and have no values. */
static const struct {
	const char *name;
	enum size size; /* SIZES: none */
} metrics[] = {
	{ "GroupMinSize", SIZE_MIN },
	{ "GroupMaxSize", SIZE_MAX_ },
	{ "GroupDesiredCapacity", SIZE_DESIRED },
	{ "GroupInServiceInstances", IN_SERVICE },
	{ "GroupPendingInstances", PENDING },
	{ "GroupStandbyInstances", STANDBY },
	{ "GroupTerminatingInstances", TERMINATING },
	{ "GroupTotalInstances", TOTAL },
	{ "GroupInServiceCapacity", IN_SERVICE },
	{ "GroupPendingCapacity", PENDING },
	{ "GroupStandbyCapacity", STANDBY },
	{ "GroupTerminatingCapacity", TERMINATING },
	{ "GroupTotalCapacity", TOTAL },
	{ "WarmPoolDesiredCapacity", SIZES },
	{ "WarmPoolWarmedCapacity", SIZES },
	{ "WarmPoolPendingCapacity", SIZES },
	{ "WarmPoolTerminatingCapacity", SIZES },
	{ "WarmPoolTotalCapacity", SIZES },
	{ "GroupAndWarmPoolDesiredCapacity", SIZES },
	{ "GroupAndWarmPoolTotalCapacity", SIZES },
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

static int sizes_of(struct local *l, const struct local_fleet_group *g, double ret[static SIZES],
		    struct err *e)
{
	static const enum size sizes[FLEET_STATE_COUNT] = {
		[FLEET_PENDING] = PENDING,
		[FLEET_PENDING_WAIT] = PENDING,
		[FLEET_IN_SERVICE] = IN_SERVICE,
		[FLEET_TERMINATING] = TERMINATING,
		[FLEET_TERMINATING_WAIT] = TERMINATING,
		[FLEET_TERMINATING_PROCEED] = TERMINATING,
	};
	AUTO(local_fleet_rows_instances_done) struct local_fleet_instances all = { 0 };

	memset(ret, 0, SIZES * sizeof(*ret));
	ret[SIZE_MIN] = (double)g->least;
	ret[SIZE_MAX_] = (double)g->most;
	ret[SIZE_DESIRED] = (double)g->desired;
	if (local_fleet_rows_instances(l->db, g->name, NULL, -1, &all, e) < 0)
		return -1;
	for (size_t i = 0; i < all.count; i++)
		ret[sizes[all.all[i].state]]++;
	ret[TOTAL] = (double)all.count;
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
	double sizes[SIZES];
	int n = enabled(l, g->name, on, e);

	if (n <= 0)
		return n;
	if (sizes_of(l, g, sizes, e) < 0)
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

		if (on[k] && metrics[k].size != SIZES &&
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
