/* A policy as its file has it: names instead of indices, one member a key. Private to policy/.
 *
 * table.c reads and prints it; check.c turns it into struct policy, print.c back.
 */
#ifndef POLICY_RAW_H
#define POLICY_RAW_H

#include "base/keys.h"
#include "model/policy.h"

struct raw_sqs {
	const char *queue_url, *region;
	const char **count;
	size_t count_count;
};

struct raw_dimensions { /* a map of free names */
	const char **names, **values;
	size_t count;
};

struct raw_query { /* of an expression */
	const char *id, *name_space, *metric;
	struct raw_dimensions dimensions;
	const char *statistic, *account_id;
};

struct raw_cloudwatch {
	const char *region, *name_space, *metric;
	struct raw_dimensions dimensions;
	const char *statistic, *account_id;
	struct span period;
	const char *expression;
	struct raw_query *queries;
	size_t query_count;
};

struct raw_celery {
	const char *broker_url, *queue, *key_prefix;
	bool ask_workers;
};

struct raw_part {
	const char *metric;
	int64_t weight_milli;
};

struct raw_metric {
	const char *name;
	struct raw_sqs sqs;
	struct raw_cloudwatch cloudwatch;
	struct raw_celery celery;
	const char *expr;
	struct raw_part *parts;
	size_t part_count;
	bool sqs_given, cloudwatch_given, celery_given, expr_given, sum_given;
	struct span max_age;
};

struct raw_target_tracking {
	const char *metric;
	int64_t per_instance_milli, value_milli;
	bool per_instance_given, value_given;
};

struct raw_step {
	int64_t above_milli, below_milli;
	int64_t add, remove, add_percent, remove_percent, set;
	bool above_given, below_given;
	bool add_given, remove_given, add_percent_given, remove_percent_given, set_given;
};

struct raw_step_scaling {
	const char *metric;
	bool inclusive;
	int64_t min_adjustment;
	struct raw_step *steps;
	size_t step_count;
};

struct raw_queue_wait {
	const char *metric;
	int64_t percentile_milli;
	struct span target, service_time;
};

struct raw_predictive {
	const char *metric;
	int64_t per_instance_milli, percentile_milli, max_error_milli;
	struct span horizon, history;
};

struct raw_rule {
	const char *name;
	struct raw_predictive predictive;
	bool predictive_given;
	struct raw_target_tracking target_tracking;
	struct raw_step_scaling step_scaling;
	struct raw_queue_wait queue_wait;
	bool target_tracking_given, step_scaling_given, queue_wait_given;
};

struct raw_limit {
	int64_t percent, instances;
	bool percent_given, instances_given;
	struct span per;
};

struct raw_direction {
	int64_t tolerance_milli;
	bool tolerance_given;
	struct span stabilization, cooldown;
	bool stabilization_given;
	struct raw_limit *limits;
	size_t limit_count;
	int select;
};

struct raw_activation {
	int64_t above, samples;
};

struct raw_deactivation {
	struct span for_;
	bool for_given;
};

struct raw_behavior {
	int64_t tolerance_milli;
	struct raw_activation activation;
	struct raw_deactivation deactivation;
	struct raw_direction scale_out, scale_in;
};

struct raw_fleet {
	const char *auto_scaling_group, *region, *role_arn, *external_id;
	int64_t min, max;
	bool min_given, max_given;
	int64_t jobs_per_instance;
	struct span warm_up;
	int64_t instance_hour_cost_micro;
};

struct raw_missing {
	int scale_in, scale_out;
	struct span after;
	int64_t floor;
	bool floor_given;
};

struct raw_schedule {
	const char *name, *cron, *timezone;
	struct span duration;
	int64_t min, max;
	bool min_given, max_given;
};

struct raw_evaluate {
	struct span every, idle_every;
	bool idle_given;
};

struct raw_publish {
	const char *name_space;
	struct span every;
};

struct raw_policy {
	int64_t version;
	const char *name;
	int mode;
	struct raw_fleet fleet;
	struct raw_metric *metrics;
	size_t metric_count;
	struct raw_rule *rules;
	size_t rule_count;
	struct raw_schedule *schedules;
	size_t schedule_count;
	struct raw_behavior behavior;
	struct raw_missing on_missing;
	struct raw_evaluate evaluate;
	struct raw_publish publish;
	bool publish_given;
};

extern const struct key_table policy_table, policy_metric_table, policy_rule_table,
	policy_schedule_table, policy_promise_table, policy_forecast_table;

#define TABLE(id, what, type, rows)                                       \
	static const struct key_table id = { .name = #id,                 \
					     .doc = what,                 \
					     .size = sizeof(struct type), \
					     .keys = rows,                \
					     .count = COUNT_OF(rows) }

#define POLICY_NAME_MAX 64

/* Checks what the table cannot, telling @p r each fault at its place in @p root, and fills @p ret.
 */
void policy_check(struct keys_reader *r, const struct raw_policy *raw, const struct yaml_node *root,
		  bool lint, struct policy *ret);
/* Parts of a policy back to the form of its file. */
void policy_cloudwatch_raw(struct keys_arena *a, const struct policy_cloudwatch *w,
			   struct raw_cloudwatch *raw);
void policy_metric_raw(struct keys_arena *a, const struct policy *p, const struct policy_metric *m,
		       struct raw_metric *raw);
void policy_rule_raw(struct keys_arena *a, const struct policy *p, const struct policy_rule *r,
		     struct raw_rule *raw);
/* The rule queue_wait: from and to the form of the file; the name of its metric. */
const char *policy_promise_take(const struct raw_queue_wait *q, struct policy_rule *ret);
const char *policy_forecast_take(const struct raw_predictive *f, struct policy_rule *ret);
struct raw_predictive policy_forecast_raw(const struct policy *p, const struct policy_rule *r);
struct raw_queue_wait policy_promise_raw(const struct policy *p, const struct policy_rule *r);
/* Where all rules are promises, what the file does not give of the hold is theirs to learn. */
void policy_promise_defaults(const struct raw_behavior *b, struct policy *ret);
void policy_promise_given(const struct policy *p, struct raw_behavior *raw);
/* A price such as 0.0208, kept in millionths: read and print of a KEY_CUSTOM row. */
int policy_price_read(struct keys_reader *r, const struct key *k, const struct yaml_node *n,
		      void *field);
int policy_price_print(const struct key *k, const void *field, struct buf *out);
/* @p over with what only @p base has; either may be NULL. New nodes come from @p a. */
const struct yaml_node *policy_defaults_merge(struct keys_arena *a, const struct yaml_node *over,
					      const struct yaml_node *base);
/* Adds a copy of @p p. */
struct policy_set;
struct policy_problem;
void policy_problem_add(struct policy_set *set, const struct policy_problem *p);
/* The same of an error, with the place that a YAML error names. */
void policy_problem_err(struct policy_set *set, const char *file, const struct err *e);
/* The tree with each override in place; NULL with an error that names the path. Nodes come from @p
 * a. */
struct policy_override;
const struct yaml_node *policy_override_apply(struct keys_arena *a, const struct yaml_node *root,
					      const struct policy_override *o,
					      const struct yaml_node *value, struct err *e);

#endif
