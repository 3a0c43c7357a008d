/* Metrics: what their file says, checked, and back. */
#include <stdio.h>
#include <string.h>

#include "policy/check.h"

static void check_url(const struct check *c, const struct yaml_node *n, const struct raw_sqs *s)
{
	const char *url = s->queue_url, *host, *path;
	char region[64];

	if (check_is_open(url))
		return;
	host = strncmp(url, "https://", 8) == 0  ? url + 8
	       : strncmp(url, "http://", 7) == 0 ? url + 7
						 : NULL;
	path = host ? strchr(host, '/') : NULL;
	if (!path || path == host || !path[1] || strpbrk(url, " \t\n?#")) {
		keys_error(c->r, check_place(c, check_under(n, "sqs", "queue_url")),
			   "queue_url is not the URL of a queue: "
			   "https://sqs.REGION.amazonaws.com/ACCOUNT/NAME");
		return;
	}
	if (!check_is_open(s->region) && policy_region_url(url, region, sizeof(region)) &&
	    strcmp(region, s->region) != 0)
		keys_error(c->r, check_place(c, check_under(n, "sqs", "region")),
			   "region %.40s is not the queue_url's, %s", s->region, region);
}

static unsigned counted(const struct check *c, const struct yaml_node *n, const struct raw_sqs *s)
{
	static const char *const words[] = { "visible", "in_flight", "delayed" };
	static const unsigned bits[] = { POLICY_COUNT_VISIBLE, POLICY_COUNT_IN_FLIGHT,
					 POLICY_COUNT_DELAYED };
	const struct yaml_node *list = check_under(n, "sqs", "count");
	unsigned count = 0;

	for (size_t i = 0; i < s->count_count; i++) {
		const char *near = options_nearest(s->count[i], words, COUNT_OF(words));
		size_t w = 0;

		while (w < COUNT_OF(words) && strcmp(words[w], s->count[i]) != 0)
			w++;
		if (w < COUNT_OF(words))
			count |= bits[w];
		else if (near)
			keys_error(c->r, check_place(c, check_item(list, i)),
				   "'%.40s' is not counted; did you mean '%s'?", s->count[i], near);
		else
			keys_error(c->r, check_place(c, check_item(list, i)),
				   "'%.40s' is not counted; it is visible, in_flight or delayed",
				   s->count[i]);
	}
	if (s->count_count == 0)
		keys_error(c->r, check_place(c, list), "count is empty: nothing would be work");
	return count;
}

static void check_celery(const struct check *c, const struct yaml_node *n,
			 const struct raw_celery *y)
{
	if (check_is_open(y->broker_url) || strncmp(y->broker_url, "redis://", 8) == 0 ||
	    strncmp(y->broker_url, "rediss://", 9) == 0)
		return;
	keys_error(c->r, check_place(c, check_under(n, "celery", "broker_url")),
		   "broker_url is not redis://HOST:PORT/DB or rediss://");
}

void policy_metric_check(const struct check *c, size_t i, struct policy_metric *ret)
{
	const struct yaml_node *metrics = yaml_get(c->root, "metrics"), *n = check_item(metrics, i);
	const struct raw_metric *m = &c->raw->metrics[i];

	policy_check_name(c,
			  check_place(c, metrics && i < metrics->count ? metrics->keys[i] : NULL),
			  "metric", m->name);
	ret->name = m->name;
	ret->line = check_place(c, n).line;
	ret->max_age = m->max_age;
	if (m->sqs_given + m->cloudwatch_given + m->celery_given + m->expr_given + m->sum_given !=
	    1) {
		keys_error(c->r, check_place(c, n),
			   "metric '%.64s' has one source: sqs, cloudwatch, celery, expr or sum",
			   m->name);
		return;
	}
	ret->source = m->sqs_given          ? POLICY_SQS
		      : m->cloudwatch_given ? POLICY_CLOUDWATCH
		      : m->celery_given     ? POLICY_CELERY
		      : m->expr_given       ? POLICY_EXPR
					    : POLICY_SUM;
	ret->sqs.queue_url = m->sqs.queue_url;
	ret->sqs.region = m->sqs.region;
	ret->celery = (struct policy_celery){ .broker_url = m->celery.broker_url,
					      .queue = m->celery.queue,
					      .key_prefix = m->celery.key_prefix,
					      .ask_workers = m->celery.ask_workers };
	if (m->sqs_given) {
		check_url(c, n, &m->sqs);
		ret->sqs.count = counted(c, n, &m->sqs);
	}
	if (m->cloudwatch_given)
		policy_cloudwatch_check(c, yaml_get(n, "cloudwatch"), &m->cloudwatch,
					&ret->cloudwatch);
	if (m->celery_given)
		check_celery(c, n, &m->celery);
}

size_t policy_metric_find(const struct check *c, const struct yaml_node *at, const char *name)
{
	const char *names[POLICY_METRICS_MAX];
	const char *near;
	size_t n = c->raw->metric_count;

	for (size_t i = 0; i < n; i++) {
		names[i] = c->raw->metrics[i].name;
		if (strcmp(names[i], name) == 0)
			return i;
	}
	near = options_nearest(name, names, n);
	if (near)
		keys_error(c->r, check_place(c, at),
			   "there is no metric '%.64s'; did you mean '%s'?", name, near);
	else
		keys_error(c->r, check_place(c, at), "there is no metric '%.64s'", name);
	return 0;
}

static void derive_sum(const struct check *c, const struct yaml_node *n, const struct raw_metric *m,
		       const struct policy *p, struct policy_metric *ret)
{
	struct policy_op *op;

	if (m->part_count == 0) {
		keys_error(c->r, check_place(c, n), "the sum is of nothing");
		return;
	}
	ret->parts = keys_arena_alloc(keys_reader_arena(c->r), m->part_count * sizeof(*ret->parts));
	ret->part_count = m->part_count;
	op = ret->expr.ops = keys_arena_alloc(keys_reader_arena(c->r),
					      m->part_count * 4 * sizeof(*ret->expr.ops));
	for (size_t k = 0; k < m->part_count; k++) {
		const struct yaml_node *at =
			check_under(check_item(yaml_get(n, "sum"), k), "metric", NULL);

		if (!m->parts[k].metric)
			return;
		ret->parts[k].metric = policy_metric_find(c, at, m->parts[k].metric);
		ret->parts[k].weight_milli = m->parts[k].weight_milli;
		if (policy_metric_is_derived(&p->metrics[ret->parts[k].metric]))
			keys_error(c->r, check_place(c, at),
				   "a sum is of metrics that are measured, and '%.64s' is computed",
				   m->parts[k].metric);
		*op++ = (struct policy_op){ .code = POLICY_OP_METRIC,
					    .metric = (uint16_t)ret->parts[k].metric };
		*op++ = (struct policy_op){ .code = POLICY_OP_NUMBER,
					    .number = (double)m->parts[k].weight_milli / 1000 };
		*op++ = (struct policy_op){ .code = POLICY_OP_MULTIPLY };
		if (k > 0)
			*op++ = (struct policy_op){ .code = POLICY_OP_ADD };
	}
	ret->expr.op_count = (size_t)(op - ret->expr.ops);
}

void policy_metric_derive(const struct check *c, struct policy *ret)
{
	for (size_t i = 0; i < ret->metric_count; i++) {
		const struct raw_metric *m = &c->raw->metrics[i];
		const struct yaml_node *n = check_item(yaml_get(c->root, "metrics"), i);
		struct err e;

		if (ret->metrics[i].source == POLICY_SUM && m->sum_given)
			derive_sum(c, n, m, ret, &ret->metrics[i]);
		if (ret->metrics[i].source == POLICY_EXPR && m->expr_given && m->expr &&
		    policy_expr_compile(keys_reader_arena(c->r), ret, m->expr,
					&ret->metrics[i].expr, &e) < 0)
			keys_error(c->r, check_place(c, yaml_get(n, "expr")), "%s", e.text);
	}
}

static void raw_count(struct keys_arena *a, const struct policy_metric *m, struct raw_sqs *raw)
{
	raw->count = keys_arena_alloc(a, 3 * sizeof(*raw->count));
	if (m->sqs.count & POLICY_COUNT_VISIBLE)
		raw->count[raw->count_count++] = "visible";
	if (m->sqs.count & POLICY_COUNT_IN_FLIGHT)
		raw->count[raw->count_count++] = "in_flight";
	if (m->sqs.count & POLICY_COUNT_DELAYED)
		raw->count[raw->count_count++] = "delayed";
}

/* Printed policies go to terminals and journals: the URL without user and password. */
static const char *without_password(struct keys_arena *a, const char *url)
{
	const char *at = url ? strstr(url, "://") : NULL, *host;
	size_t room;
	char *told;

	at = at ? at + 3 : NULL;
	host = at ? memrchr(at, '@', strcspn(at, "/?#")) : NULL;
	if (!host)
		return url;
	room = strlen(url) + sizeof("***");
	told = keys_arena_alloc(a, room);
	snprintf(told, room, "%.*s***%s", (int)(at - url), url, host);
	return told;
}

void policy_metric_raw(struct keys_arena *a, const struct policy *p, const struct policy_metric *m,
		       struct raw_metric *raw)
{
	*raw = (struct raw_metric){
		.name = m->name,
		.max_age = m->max_age,
		.sqs_given = m->source == POLICY_SQS,
		.cloudwatch_given = m->source == POLICY_CLOUDWATCH,
		.celery_given = m->source == POLICY_CELERY,
		.expr_given = m->source == POLICY_EXPR,
		.sum_given = m->source == POLICY_SUM,
		.sqs = { .queue_url = m->sqs.queue_url, .region = m->sqs.region },
		.celery = { without_password(a, m->celery.broker_url), m->celery.queue,
			    m->celery.key_prefix, m->celery.ask_workers },
		.expr = m->expr.text
	};
	policy_cloudwatch_raw(a, &m->cloudwatch, &raw->cloudwatch);
	raw_count(a, m, &raw->sqs);
	raw->part_count = m->part_count;
	raw->parts = keys_arena_alloc(a, (m->part_count + 1) * sizeof(*raw->parts));
	for (size_t i = 0; i < m->part_count; i++)
		raw->parts[i] = (struct raw_part){ .metric = p->metrics[m->parts[i].metric].name,
						   .weight_milli = m->parts[i].weight_milli };
}
