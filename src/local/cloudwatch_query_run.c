/* Evaluates queries: points of the store, math over them, searches. */
#include <math.h>
#include <string.h>

#include "local/cloudwatch.h"
#include "local/cloudwatch_math_own.h"
#include "local/cloudwatch_query.h"
#include "local/cloudwatch_search.h"

#define VALUES_MOST 4096 /* different values that a point's percentiles are told from */
#define ACTIVE_MS (14ll * 24 * 3600 * 1000)
#define SEARCH_NAME_MAX 2048
#define REFUSE(e, ...) local_cloudwatch_refuse((e), "ValidationError", __VA_ARGS__)

struct run {
	struct local *local;
	struct local_cloudwatch_queries *all;
	struct local_cloudwatch_scope scope;
	int64_t from, to;
};

struct gather {
	struct local_cloudwatch_series *series;
	struct local_cloudwatch_sum *sums;
};

static void gather_row(const struct local_cloudwatch_row *r, void *arg)
{
	struct gather *g = arg;
	size_t at = (size_t)((r->at - g->series->start) / g->series->period);

	if (at < g->series->count)
		local_cloudwatch_stat_add(&g->sums[at], &r->sum, VALUES_MOST);
}

static int read_rows(struct run *r, const struct local_cloudwatch_query *q, struct gather *g,
		     struct err *e)
{
	const struct local_cloudwatch_metric m = { q->space, q->name, q->dimensions };
	struct local_cloudwatch_range range = { .from = r->from,
						.to = local_cloudwatch_shown(r->local, q->space),
						.period = q->period,
						.unit = q->unit,
						.deep = local_cloudwatch_stat_deep(&q->stat) };
	int rc = local_cloudwatch_store_find(r->local, &m, &range.series, e);

	if (range.to > r->to)
		range.to = r->to;
	if (rc == 1)
		rc = local_cloudwatch_store_read(r->local, &range, gather_row, g, e);
	return rc < 0 ? -1 : 0;
}

static int run_metric(struct run *r, struct local_cloudwatch_query *q, struct err *e)
{
	size_t count = (size_t)((r->to - r->from + q->period - 1) / q->period);
	struct gather g = { 0 };
	struct err why;
	int rc;

	if (count > CLOUDWATCH_GRID_MAX)
		return REFUSE(e, "Id %.100s: there are too many points: ask for less", q->id);
	err_clear(&why);
	q->result = (struct local_cloudwatch_value){ .shape = CLOUDWATCH_SERIES,
						     .all = own_array(1, sizeof(*g.series)) };
	if (local_cloudwatch_run_series(&r->scope, r->from, q->period, count, &q->result.all[0],
					&why) < 0)
		return REFUSE(e, "Id %.100s: %s", q->id, why.text);
	q->result.count = 1;
	g.series = &q->result.all[0];
	g.series->name = q->name;
	g.sums = own_array(count + 1, sizeof(*g.sums));
	rc = read_rows(r, q, &g, e);
	for (size_t i = 0; i < count; i++) {
		if (rc == 0 &&
		    !local_cloudwatch_stat_tell(&q->stat, &g.sums[i], &g.series->values[i]))
			g.series->values[i] = NAN;
		local_cloudwatch_stat_done(&g.sums[i]);
	}
	own_free(g.sums);
	return rc;
}

static const struct local_cloudwatch_value *find(const char *id, void *arg, struct err *e);

/* A number is no result, nor is one of another shape for alarms; who asks says which. */
static int run_query(struct run *r, struct local_cloudwatch_query *q, struct err *e)
{
	struct err why;

	if (q->state == QUERY_BUSY)
		return REFUSE(e, "Error in expression '%.100s': it depends on itself.", q->id);
	if (q->state == QUERY_DONE)
		return 0;
	q->state = QUERY_BUSY;
	if (!q->math && run_metric(r, q, e) < 0)
		return -1;
	err_clear(&why);
	if (q->math && local_cloudwatch_math_run(q->math, &r->scope, &q->result, &why) < 0) {
		if (why.code[0] || why.kind != ERR_PROTOCOL) {
			*e = why;
			return -1;
		}
		return REFUSE(e, "Error in expression '%.100s': %s.", q->id, why.text);
	}
	q->state = QUERY_DONE;
	return 0;
}

static const struct local_cloudwatch_value *find(const char *id, void *arg, struct err *e)
{
	struct run *r = arg;

	for (size_t i = 0; i < r->all->count; i++)
		if (!strcmp(r->all->all[i].id, id))
			return run_query(r, &r->all->all[i], e) < 0 ? NULL : &r->all->all[i].result;
	err_ignore(err_set(e, ERR_PROTOCOL, "the id %.100s is not known", id));
	return NULL;
}

static const struct local_cloudwatch_value *metric(size_t i, const char **ret_id, void *arg,
						   struct err *e)
{
	struct run *r = arg;

	for (size_t k = 0; k < r->all->count; k++) {
		struct local_cloudwatch_query *q = &r->all->all[k];

		if (q->math || i-- > 0)
			continue;
		*ret_id = q->id;
		return run_query(r, q, e) < 0 ? NULL : &q->result;
	}
	return NULL;
}

/* ---- searches ---- */

struct found {
	char *space, *name, *dimensions;
};
struct finds {
	struct found *all;
	size_t count;
};

static void finds_done(struct finds *f)
{
	for (size_t i = 0; i < f->count; i++) {
		own_free(f->all[i].space);
		own_free(f->all[i].name);
		own_free(f->all[i].dimensions);
	}
	own_free(f->all);
}

static int find_all(struct run *r, const struct local_cloudwatch_search *s, struct finds *ret,
		    struct err *e)
{
	AUTO(db_endp)
	struct db_row *row =
		db_query(r->local->db,
			 "SELECT space, name, dimensions FROM cloudwatch_series WHERE active >= ?"
			 " ORDER BY space, name, dimensions",
			 DB_ARGS(DB_I(local_wall(r->local).ms - ACTIVE_MS)), e);
	int rc = -1;

	while (row && ret->count < CLOUDWATCH_SEARCH_FOUND_MAX && (rc = db_step(row, e)) == 1) {
		if (!local_cloudwatch_search_finds(s, db_str(row, 0), db_str(row, 1),
						   db_str(row, 2)))
			continue;
		ret->all = own_grow(ret->all, ret->count + 1, sizeof(*ret->all));
		ret->all[ret->count++] =
			(struct found){ own_strdup(db_str(row, 0)), own_strdup(db_str(row, 1)),
					own_strdup(db_str(row, 2)) };
	}
	return rc < 0 ? -1 : 0;
}

/* "jobs ApproximateAgeOfOldestMessage": what tells one from the others. Kept by the queries. */
static const char *name_series(struct run *r, const struct found *f)
{
	AUTO(json_freep)
	struct json *dimensions = json_parse(f->dimensions, strlen(f->dimensions), NULL);
	AUTO(buf_done) struct buf text = BUF(SEARCH_NAME_MAX);
	struct local_cloudwatch_queries *q = r->all;

	for (size_t i = 0; i < json_count(dimensions); i++)
		buf_addf(&text, "%s ", json_str(json_at(json_at(dimensions, i), 1)));
	buf_adds(&text, f->name);
	q->names = own_grow(q->names, q->name_count + 1, sizeof(*q->names));
	q->names[q->name_count++] = own_strdup(buf_str(&text));
	return q->names[q->name_count - 1];
}

static int search(const char *text, const char *stat, int64_t period,
		  struct local_cloudwatch_value *ret, void *arg, struct err *e)
{
	AUTO(local_cloudwatch_search_freep) struct local_cloudwatch_search *s = NULL;
	AUTO(finds_done) struct finds found = { 0 };
	struct run *r = arg;
	char id[] = "search";
	struct local_cloudwatch_query q = { .id = id,
					    .unit = CLOUDWATCH_UNIT_ANY,
					    .period = period ? period : r->scope.period };

	*ret = (struct local_cloudwatch_value){ .shape = CLOUDWATCH_ARRAY };
	s = local_cloudwatch_search_parse(text, e);
	if (!s)
		return -1;
	if (local_cloudwatch_stat_parse(stat, &q.stat) < 0 || !local_cloudwatch_period_ok(q.period))
		return err_set(e, ERR_PROTOCOL, "SEARCH has no such statistic or period");
	if (find_all(r, s, &found, e) < 0)
		return -1;
	for (size_t i = 0; i < found.count; i++) {
		q.space = found.all[i].space;
		q.name = found.all[i].name;
		q.dimensions = found.all[i].dimensions;
		if (run_metric(r, &q, e) < 0) {
			local_cloudwatch_math_done(&q.result);
			return -1;
		}
		ret->all = own_grow(ret->all, ret->count + 1, sizeof(*ret->all));
		ret->all[ret->count] = q.result.all[0];
		ret->all[ret->count++].name = name_series(r, &found.all[i]);
		own_free(q.result.all);
	}
	return 0;
}

int local_cloudwatch_query_run(struct local *l, struct local_cloudwatch_queries *q, int64_t from,
			       int64_t to, struct err *e)
{
	int64_t period = local_cloudwatch_query_period(q);
	struct run r = {
		.local = l,
		.all = q,
		.from = from,
		.to = to,
		.scope = { .find = find,
			   .metric = metric,
			   .search = search,
			   .start = from,
			   .period = period,
			   .count = (size_t)((to - from + period - 1) / period),
			   .left = CLOUDWATCH_POINTS_MAX },
	};

	r.scope.arg = &r;
	for (size_t i = 0; i < q->count; i++) {
		struct local_cloudwatch_query *one = &q->all[i];

		if (!one->returned)
			continue;
		if (run_query(&r, one, e) < 0)
			return -1;
		if (one->result.shape == CLOUDWATCH_NUMBER)
			return REFUSE(e,
				      "Error in expression '%.100s': the final result of an "
				      "expression must be a time series, not a number.",
				      one->id);
	}
	return 0;
}
