/* ListMetrics: by namespace, name and dimensions, what was put in the last two weeks. */
#include <string.h>

#include "local/cloudwatch.h"

#define PAGE 500
#define FILTERS_MOST 10
#define ACTIVE_MS (14ll * 24 * 3600 * 1000)
#define RECENT_MS (3ll * 3600 * 1000)

static const char *value_of(const struct json *dimensions, const char *name)
{
	for (size_t i = 0; i < json_count(dimensions); i++) {
		const char *is = json_str(json_at(json_at(dimensions, i), 0));

		if (is && !strcmp(is, name))
			return json_str(json_at(json_at(dimensions, i), 1));
	}
	return NULL;
}

/* A filter without a value takes any. */
static bool passes(const char *dimensions, const struct json *filters)
{
	AUTO(json_freep) struct json *has = NULL;

	if (!json_count(filters))
		return true;
	has = json_parse(dimensions, strlen(dimensions), NULL);
	for (size_t i = 0; i < json_count(filters); i++) {
		const struct json *f = json_at(filters, i);
		const char *value = value_of(has, local_str(f, "Name"));

		if (!value || (local_str(f, "Value") && strcmp(value, local_str(f, "Value"))))
			return false;
	}
	return true;
}

static int check(struct local_call *c, const struct json *filters, const char *recent)
{
	const char *name;

	if (json_count(filters) > FILTERS_MOST) {
		local_fail(c, "InvalidParameterValueException",
			   "The collection Dimensions must not have a size greater than %d.",
			   FILTERS_MOST);
		return -1;
	}
	for (size_t i = 0; i < json_count(filters); i++)
		if (local_cloudwatch_need(c, json_at(filters, i), "Dimensions.member.", "Name", 255,
					  &name) < 0)
			return -1;
	if (recent && strcmp(recent, "PT3H")) {
		local_fail(c, "InvalidParameterValueException",
			   "The parameter RecentlyActive must be PT3H, not '%.40s'.", recent);
		return -1;
	}
	return 0;
}

static int list(struct local_call *c, int64_t after, int64_t active, const struct json *filters,
		struct err *e)
{
	const char *space = local_str(c->params, "Namespace");
	const char *name = local_str(c->params, "MetricName");
	AUTO(db_endp)
	struct db_row *r = db_query(
		c->local->db,
		"SELECT id, space, name, dimensions FROM cloudwatch_series WHERE id>?1 AND "
		"active>=?2 AND (space=?3 OR ?3 IS NULL) AND (name=?4 OR ?4 IS NULL) ORDER BY id",
		DB_ARGS(DB_I(after), DB_I(active), DB_S(space), DB_S(name)), e);
	int64_t last = 0, n = 0;
	int rc;

	if (!r)
		return -1;
	local_list(c, "Metrics", NULL);
	while ((rc = db_step(r, e)) == 1) {
		if (!passes(db_str(r, 3), filters))
			continue;
		if (n++ == PAGE)
			break;
		last = db_int(r, 0);
		local_object(c, NULL);
		local_put(c, "Namespace", db_str(r, 1));
		local_put(c, "MetricName", db_str(r, 2));
		local_cloudwatch_put_dimensions(c, db_str(r, 3));
		local_end(c);
	}
	local_end(c);
	if (n > PAGE)
		local_cloudwatch_put_token(c, "list:", last);
	return rc < 0 ? -1 : 0;
}

void local_cloudwatch_list(struct local_call *c)
{
	const struct json *filters = json_get(c->params, "Dimensions");
	const char *recent = local_str(c->params, "RecentlyActive");
	const int64_t now = local_wall(c->local).ms;
	int64_t after;
	struct err e;

	if (local_cloudwatch_token(c, "list:", &after) < 0 || check(c, filters, recent) < 0)
		return;
	err_clear(&e);
	if (list(c, after, now - (recent ? RECENT_MS : ACTIVE_MS), filters, &e) < 0)
		local_fail_internal(c, &e);
	else
		local_done(c);
}
