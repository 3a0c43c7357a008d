/* A metric of CloudWatch's, or metric math over several: what the file says, checked, and back. */
#include <string.h>

#include "base/text.h"
#include "policy/check.h"

#define ID_MAX 32

static const char *text_of(const char *s)
{
	return s ? s : "";
}

/* "p99.9" and its like: a percentile from 0 to 100, with at most ten decimals. */
static bool is_percentile(const char *s)
{
	static const char *const kinds[] = { "p", "tm", "wm", "tc", "ts" };
	size_t whole, decimals = 0;

	for (size_t i = 0; i < COUNT_OF(kinds); i++) {
		size_t n = strlen(kinds[i]);

		if (strncmp(s, kinds[i], n) != 0 || s[n] < '0' || s[n] > '9')
			continue;
		s += n;
		whole = strspn(s, "0123456789");
		if (s[whole] == '.')
			decimals = 1 + strspn(s + whole + 1, "0123456789");
		return !s[whole + decimals] && decimals != 1 && decimals <= 11 &&
		       (whole <= 2 || (strncmp(s, "100", 3) == 0 && !s[3]));
	}
	return false;
}

static void check_statistic(const struct check *c, const struct yaml_node *n, const char *s)
{
	static const char *const words[] = { "Average", "Sum", "Minimum", "Maximum",
					     "SampleCount" };
	const char *near;

	if (!s || check_is_open(s) || is_percentile(s))
		return;
	for (size_t i = 0; i < COUNT_OF(words); i++)
		if (strcmp(s, words[i]) == 0)
			return;
	near = options_nearest(s, words, COUNT_OF(words));
	keys_error(c->r, check_place(c, check_under(n, "statistic", NULL)),
		   "'%.40s' is no statistic: Average, Sum, Minimum, Maximum, SampleCount or a "
		   "percentile such as p95%s%s",
		   s, near ? "; did you mean " : "", near ? near : "");
}

static void check_account(const struct check *c, const struct yaml_node *n, const char *id)
{
	if (check_is_open(id) || (strlen(id) == 12 && strspn(id, "0123456789") == 12))
		return;
	keys_error(c->r, check_place(c, check_under(n, "account_id", NULL)),
		   "account_id is not 12 digits; quote it where it begins with a zero");
}

/* --- metric math */

static bool is_id(const char *s)
{
	size_t len = 0;

	return *s >= 'a' && *s <= 'z' && text_ident(s, &len) == s && !s[len] && len <= ID_MAX;
}

/* The query that the @p len bytes at @p word name, or @p count. */
static size_t query_of(const struct raw_cloudwatch *w, const char *word, size_t len)
{
	size_t i = 0;

	while (i < w->query_count &&
	       (strlen(w->queries[i].id) != len || memcmp(w->queries[i].id, word, len) != 0))
		i++;
	return i;
}

/* A word that is no query: a function's name, or one that the service would refuse, and all that
 * stand in one call with it. */
static void check_word(const struct check *c, const struct yaml_node *at,
		       const struct raw_cloudwatch *w, const char *word, size_t len)
{
	const char *ids[POLICY_QUERIES_MAX] = { 0 }, *near;
	char *name = keys_arena_alloc(keys_reader_arena(c->r), len + 1);

	memcpy(name, word, len);
	name[len] = '\0';
	if (strcmp(name, "SEARCH") == 0 || strcmp(name, "METRICS") == 0)
		keys_error(c->r, check_place(c, at),
			   "expression: %s finds metrics that nobody named; name each in queries",
			   name);
	if (*name < 'a' || *name > 'z')
		return;
	for (size_t i = 0; i < w->query_count && i < POLICY_QUERIES_MAX; i++)
		ids[i] = w->queries[i].id;
	near = options_nearest(name, ids,
			       w->query_count < POLICY_QUERIES_MAX ? w->query_count
								   : POLICY_QUERIES_MAX);
	keys_error(c->r, check_place(c, at), "expression: there is no query '%.64s'%s%s%s", name,
		   near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
}

static void check_expression(const struct check *c, const struct yaml_node *n,
			     const struct raw_cloudwatch *w)
{
	const struct yaml_node *at = check_under(n, "expression", NULL);
	const struct yaml_node *queries = check_under(n, "queries", NULL);
	bool used[POLICY_QUERIES_MAX] = { 0 };
	size_t len = 0, bytes = strlen(w->expression);

	if (bytes == 0 || bytes > POLICY_EXPRESSION_MAX) {
		keys_error(c->r, check_place(c, at), "expression has 1 to %d bytes, found %zu",
			   POLICY_EXPRESSION_MAX, bytes);
		return;
	}
	if (check_is_open(w->expression))
		return;
	for (const char *s = w->expression; (s = text_ident(s, &len)); s += len) {
		size_t i = query_of(w, s, len);

		if (i == w->query_count)
			check_word(c, at, w, s, len);
		else if (i < POLICY_QUERIES_MAX)
			used[i] = true;
	}
	for (size_t i = 0; i < w->query_count && i < POLICY_QUERIES_MAX; i++)
		if (!used[i])
			keys_error(c->r,
				   check_place(c, queries && i < queries->count ? queries->keys[i]
										: at),
				   "the expression does not name query '%.64s'", w->queries[i].id);
}

static void take_query(const struct check *c, const struct yaml_node *queries, size_t i,
		       const struct raw_query *q, struct policy_query *ret)
{
	const struct yaml_node *n = check_item(queries, i);

	*ret = (struct policy_query){ .id = q->id,
				      .name_space = text_of(q->name_space),
				      .metric = text_of(q->metric),
				      .statistic = q->statistic ? q->statistic : "Average",
				      .account_id = q->account_id,
				      .names = q->dimensions.names,
				      .values = q->dimensions.values,
				      .dimension_count = q->dimensions.count };
	if (!is_id(q->id))
		keys_error(c->r, check_place(c, n ? queries->keys[i] : queries),
			   "'%.64s' is no id of a query: a small letter, then letters, digits and "
			   "_, at most %d",
			   q->id, ID_MAX);
	check_statistic(c, n, q->statistic);
	check_account(c, n, q->account_id);
}

static void take_math(const struct check *c, const struct yaml_node *n,
		      const struct raw_cloudwatch *w, struct policy_cloudwatch *ret)
{
	static const char *const single[] = { "namespace", "metric", "dimensions", "statistic" };

	for (size_t i = 0; i < COUNT_OF(single); i++)
		if (check_under(n, single[i], NULL))
			keys_error(c->r, check_place(c, check_under(n, single[i], NULL)),
				   "'%s' stands in each of the queries, not beside expression",
				   single[i]);
	if (w->query_count == 0)
		keys_error(c->r, check_place(c, n), "an expression is of queries, and has none");
	ret->expression = w->expression;
	ret->query_count = w->query_count;
	ret->queries = keys_arena_alloc(keys_reader_arena(c->r),
					(w->query_count + 1) * sizeof(*ret->queries));
	for (size_t i = 0; i < w->query_count; i++)
		take_query(c, check_under(n, "queries", NULL), i, &w->queries[i], &ret->queries[i]);
	check_expression(c, n, w);
}

static void check_single(const struct check *c, const struct yaml_node *n,
			 const struct raw_cloudwatch *w)
{
	static const char *const wanted[] = { "namespace", "metric" };

	for (size_t i = 0; i < COUNT_OF(wanted) && n && n->kind == YAML_MAP; i++)
		if (!check_under(n, wanted[i], NULL))
			keys_error(c->r, check_place(c, n), "'%s' is missing in cloudwatch",
				   wanted[i]);
	if (w->query_count)
		keys_error(c->r, check_place(c, check_under(n, "queries", NULL)),
			   "queries are for an expression, and there is none");
	check_statistic(c, n, w->statistic);
}

void policy_cloudwatch_check(const struct check *c, const struct yaml_node *n,
			     const struct raw_cloudwatch *w, struct policy_cloudwatch *ret)
{
	*ret = (struct policy_cloudwatch){ .region = w->region,
					   .name_space = text_of(w->name_space),
					   .metric = text_of(w->metric),
					   .names = w->dimensions.names,
					   .values = w->dimensions.values,
					   .dimension_count = w->dimensions.count,
					   .statistic = w->statistic ? w->statistic : "Average",
					   .account_id = w->account_id,
					   .period = w->period };
	if (w->expression)
		take_math(c, n, w, ret);
	else
		check_single(c, n, w);
	check_account(c, n, w->account_id);
	if (w->period.ms >= 60000 ? w->period.ms % 60000 != 0
				  : w->period.ms != 1000 && w->period.ms != 5000 &&
					    w->period.ms != 10000 && w->period.ms != 30000)
		keys_error(c->r, check_place(c, check_under(n, "period", NULL)),
			   "period is 1s, 5s, 10s, 30s or whole minutes");
}

void policy_cloudwatch_raw(struct keys_arena *a, const struct policy_cloudwatch *w,
			   struct raw_cloudwatch *raw)
{
	*raw = (struct raw_cloudwatch){ .region = w->region,
					.name_space = w->expression ? NULL : w->name_space,
					.metric = w->expression ? NULL : w->metric,
					.dimensions = { w->names, w->values, w->dimension_count },
					.statistic = w->statistic,
					.account_id = w->account_id,
					.period = w->period,
					.expression = w->expression,
					.query_count = w->query_count };
	raw->queries = keys_arena_alloc(a, (w->query_count + 1) * sizeof(*raw->queries));
	for (size_t i = 0; i < w->query_count; i++) {
		const struct policy_query *q = &w->queries[i];

		raw->queries[i] = (struct raw_query){ .id = q->id,
						      .name_space = q->name_space,
						      .metric = q->metric,
						      .dimensions = { q->names, q->values,
								      q->dimension_count },
						      .statistic = q->statistic,
						      .account_id = q->account_id };
	}
}
