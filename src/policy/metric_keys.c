/* Keys of the sources of metrics. */
#include <string.h>

#include "policy/raw.h"

static const struct key sqs_keys[] = {
	{ .name = "queue_url",
	  .type = KEY_STR,
	  .offset = offsetof(struct raw_sqs, queue_url),
	  .required = true,
	  .doc = "the queue's URL" },
	{ .name = "region",
	  .type = KEY_STR,
	  .offset = offsetof(struct raw_sqs, region),
	  .doc = "AWS region of the queue; default: the URL's, else the fleet's" },
	{ .name = "count",
	  .type = KEY_STRS,
	  .offset = offsetof(struct raw_sqs, count),
	  .count_offset = offsetof(struct raw_sqs, count_count),
	  .most_items = 3,
	  .init = "[visible, in_flight]",
	  .doc = "which messages are jobs: visible, in_flight, delayed; running jobs are work" },
};
TABLE(sqs, "a queue of Amazon SQS", raw_sqs, sqs_keys);

static int dimensions_read(struct keys_reader *r, const struct key *k, const struct yaml_node *n,
			   void *field)
{
	struct raw_dimensions *d = field;

	if (n->kind != YAML_MAP || n->count > POLICY_DIMENSIONS_MAX) {
		keys_error(r, n->at, "'%s' wants a map of at most %d names and values", k->name,
			   POLICY_DIMENSIONS_MAX);
		return -1;
	}
	d->names = keys_arena_alloc(keys_reader_arena(r), (n->count + 1) * sizeof(*d->names));
	d->values = keys_arena_alloc(keys_reader_arena(r), (n->count + 1) * sizeof(*d->values));
	for (size_t i = 0; i < n->count; i++) {
		const char *value = keys_text(r, k, n->items[i]);

		d->names[i] = keys_arena_str(keys_reader_arena(r), n->keys[i]->text);
		d->values[i] = value ? value : "";
	}
	d->count = n->count;
	return 0;
}

static int dimensions_print(const struct key *k, const void *field, struct buf *out)
{
	const struct raw_dimensions *d = field;

	(void)k;
	if (d->count == 0)
		return 0;
	buf_adds(out, "{");
	for (size_t i = 0; i < d->count; i++) {
		buf_adds(out, i ? ", " : " ");
		json_quote(out, d->names[i], strlen(d->names[i]));
		buf_adds(out, ": ");
		keys_quote(out, d->values[i]);
	}
	return buf_adds(out, " }");
}

#define STATISTIC_DOC                                                                    \
	"of the values within a period: Average, Sum, Minimum, Maximum, SampleCount, a " \
	"percentile such as p95 or p99.9, or tm, wm, tc and ts with a percentile"

static const struct key query_keys[] = {
	{ .name = "id",
	  .type = KEY_STR,
	  .offset = offsetof(struct raw_query, id),
	  .is_name = true },
	{ .name = "namespace",
	  .type = KEY_STR,
	  .offset = offsetof(struct raw_query, name_space),
	  .required = true,
	  .doc = "such as AWS/SQS" },
	{ .name = "metric",
	  .type = KEY_STR,
	  .offset = offsetof(struct raw_query, metric),
	  .required = true,
	  .doc = "CloudWatch's name of the metric" },
	{ .name = "dimensions",
	  .type = KEY_CUSTOM,
	  .offset = offsetof(struct raw_query, dimensions),
	  .read = dimensions_read,
	  .print = dimensions_print,
	  .doc = "a map of names and values; all that the metric has must be there" },
	{ .name = "statistic",
	  .type = KEY_STR,
	  .offset = offsetof(struct raw_query, statistic),
	  .init = "Average",
	  .doc = STATISTIC_DOC },
	{ .name = "account_id",
	  .type = KEY_STR,
	  .offset = offsetof(struct raw_query, account_id),
	  .doc = "12 digits of this metric's account; default: the account_id beside the "
		 "expression" },
};
TABLE(query, "a metric that an expression names", raw_query, query_keys);

static const struct key cloudwatch_keys[] = {
	{ .name = "namespace",
	  .type = KEY_STR,
	  .offset = offsetof(struct raw_cloudwatch, name_space),
	  .doc = "such as AWS/SQS; wanted unless there is an expression" },
	{ .name = "metric",
	  .type = KEY_STR,
	  .offset = offsetof(struct raw_cloudwatch, metric),
	  .doc = "CloudWatch's name of the metric; wanted unless there is an expression" },
	{ .name = "dimensions",
	  .type = KEY_CUSTOM,
	  .offset = offsetof(struct raw_cloudwatch, dimensions),
	  .read = dimensions_read,
	  .print = dimensions_print,
	  .doc = "a map of names and values; all that the metric has must be there" },
	{ .name = "statistic",
	  .type = KEY_STR,
	  .offset = offsetof(struct raw_cloudwatch, statistic),
	  .init = "Average",
	  .doc = STATISTIC_DOC },
	{ .name = "expression",
	  .type = KEY_STR,
	  .offset = offsetof(struct raw_cloudwatch, expression),
	  .doc = "instead of a metric: CloudWatch's metric math over queries, such as m1 / m2; it "
		 "gives one series, and neither SEARCH nor METRICS stands in it" },
	{ .name = "queries",
	  .type = KEY_ENTRIES,
	  .offset = offsetof(struct raw_cloudwatch, queries),
	  .count_offset = offsetof(struct raw_cloudwatch, query_count),
	  .most_items = POLICY_QUERIES_MAX,
	  .sub = &query,
	  .doc = "the metrics that the expression names by id: a small letter, then letters, "
		 "digits and _; each is paid for as a metric" },
	{ .name = "period",
	  .type = KEY_SPAN,
	  .offset = offsetof(struct raw_cloudwatch, period),
	  .least = 1000,
	  .most = 86400000,
	  .init = "60s",
	  .doc = "the length of a period; read once each" },
	{ .name = "region",
	  .type = KEY_STR,
	  .offset = offsetof(struct raw_cloudwatch, region),
	  .doc = "AWS region of the metric; default: the fleet's" },
	{ .name = "account_id",
	  .type = KEY_STR,
	  .offset = offsetof(struct raw_cloudwatch, account_id),
	  .doc = "12 digits of the source account, where ours is a monitoring account of "
		 "CloudWatch's; default: our own" },
};
TABLE(cloudwatch, "a metric of Amazon CloudWatch; it may lag by minutes", raw_cloudwatch,
      cloudwatch_keys);

static const struct key celery_keys[] = {
	{ .name = "broker_url",
	  .type = KEY_STR,
	  .offset = offsetof(struct raw_celery, broker_url),
	  .required = true,
	  .doc = "redis://HOST:PORT/DB or rediss://, as Celery has it" },
	{ .name = "queue",
	  .type = KEY_STR,
	  .offset = offsetof(struct raw_celery, queue),
	  .init = "celery",
	  .doc = "the queue's name" },
	{ .name = "key_prefix",
	  .type = KEY_STR,
	  .offset = offsetof(struct raw_celery, key_prefix),
	  .doc = "Celery's global_keyprefix; default: none" },
	{ .name = "ask_workers",
	  .type = KEY_BOOL,
	  .offset = offsetof(struct raw_celery, ask_workers),
	  .init = "false",
	  .doc = "ask its workers, as celery inspect active does, what they run of tasks that "
		 "were acked at their start, and count that too; they have a second to answer" },
};
TABLE(celery, "a queue of Celery on Redis", raw_celery, celery_keys);

static const struct key part_keys[] = {
	{ .name = "metric",
	  .type = KEY_STR,
	  .offset = offsetof(struct raw_part, metric),
	  .required = true,
	  .doc = "name of a metric that is measured" },
	{ .name = "weight",
	  .type = KEY_MILLI,
	  .offset = offsetof(struct raw_part, weight_milli),
	  .least = 1,
	  .most = 1000000000,
	  .init = "1",
	  .doc = "what one of its jobs counts" },
};
TABLE(part, "a queue of several that feed one fleet", raw_part, part_keys);

static const struct key metric_keys[] = {
	{ .name = "name",
	  .type = KEY_STR,
	  .offset = offsetof(struct raw_metric, name),
	  .is_name = true },
	{ .name = "sqs",
	  .type = KEY_MAP,
	  .offset = offsetof(struct raw_metric, sqs),
	  .has_given = true,
	  .given_offset = offsetof(struct raw_metric, sqs_given),
	  .sub = &sqs,
	  .doc = "the depth of a queue" },
	{ .name = "cloudwatch",
	  .type = KEY_MAP,
	  .offset = offsetof(struct raw_metric, cloudwatch),
	  .has_given = true,
	  .given_offset = offsetof(struct raw_metric, cloudwatch_given),
	  .sub = &cloudwatch,
	  .doc = "a metric of Amazon CloudWatch" },
	{ .name = "celery",
	  .type = KEY_MAP,
	  .offset = offsetof(struct raw_metric, celery),
	  .has_given = true,
	  .given_offset = offsetof(struct raw_metric, celery_given),
	  .sub = &celery,
	  .doc = "a queue of Celery on Redis" },
	{ .name = "expr",
	  .type = KEY_STR,
	  .offset = offsetof(struct raw_metric, expr),
	  .has_given = true,
	  .given_offset = offsetof(struct raw_metric, expr_given),
	  .doc = "computed of other metrics by name: + - * / and parentheses, min(a, b) and max, "
		 "comparisons (1 or 0), and, or, not, if(condition, then, else), a ?? b for b "
		 "where a is missing, and of a queue .visible .in_flight .delayed .oldest_age "
		 "(seconds) .sent .deleted; a division by zero is missing data, and what stands "
		 "on a number after ?? cannot shrink the fleet" },
	{ .name = "sum",
	  .type = KEY_LIST,
	  .offset = offsetof(struct raw_metric, parts),
	  .count_offset = offsetof(struct raw_metric, part_count),
	  .has_given = true,
	  .given_offset = offsetof(struct raw_metric, sum_given),
	  .most_items = POLICY_METRICS_MAX,
	  .sub = &part,
	  .doc = "several queues that feed one fleet, each job with its weight" },
	{ .name = "max_age",
	  .type = KEY_SPAN,
	  .offset = offsetof(struct raw_metric, max_age),
	  .least = 1000,
	  .most = 86400000,
	  .init = "auto",
	  .also = "auto",
	  .doc = "older data is missing data; auto: two looks, a minute at least, four periods "
		 "of CloudWatch" },
};

const struct key_table policy_metric_table = { .name = "metric",
					       .doc = "something that is measured",
					       .size = sizeof(struct raw_metric),
					       .keys = metric_keys,
					       .count = COUNT_OF(metric_keys) };
