/* What a policy file says, after reading and checking: immutable, one arena, counted arrays.
 *
 * Made by policy/ only (policy_read), freed there. Everybody else gets it const. Names that refer
 * to other parts of the file are indices here. Counts are whole numbers; other quantities are in
 * thousandths ("milli"); spans are milliseconds. KEYS_AUTO stands where the file says "auto".
 */
#ifndef MODEL_POLICY_H
#define MODEL_POLICY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/instant.h"
#include "model/calendar.h"

#define POLICY_METRICS_MAX 16
#define POLICY_RULES_MAX 16
#define POLICY_LIMITS_MAX 4
#define POLICY_STEPS_MAX 20
#define POLICY_DIMENSIONS_MAX 30
#define POLICY_QUERIES_MAX 10     /* of one expression of CloudWatch's metric math */
#define POLICY_EXPRESSION_MAX 500 /* bytes */
#define POLICY_SCHEDULES_MAX 32
#define POLICY_CAPACITY_MAX 100000 /* no fleet is larger; keeps every sum far from overflow */
#define POLICY_AUTO INT64_MIN      /* the same value as KEYS_AUTO of base/keys.h */

enum policy_mode { POLICY_ENFORCE, POLICY_DRY_RUN, POLICY_SHADOW, POLICY_PAUSED };

struct policy_fleet {
	const char *auto_scaling_group;
	const char *region;        /* NULL: the lane's default */
	const char *role_arn;      /* NULL: the base credentials */
	const char *external_id;   /* for taking the role; or NULL */
	bool min_given, max_given; /* not given: the group's own */
	int64_t min, max;
	int64_t jobs_per_instance;        /* slots; POLICY_AUTO: learnt, 1 until then */
	struct span warm_up;              /* ms == POLICY_AUTO: learnt */
	int64_t instance_hour_cost_micro; /* millionths: 0.0208 is 20800 */
	int line, column;                 /* of the group's name in the file */
};

enum policy_source { POLICY_SQS, POLICY_CLOUDWATCH, POLICY_CELERY, POLICY_EXPR, POLICY_SUM };

enum { POLICY_COUNT_VISIBLE = 1, POLICY_COUNT_IN_FLIGHT = 2, POLICY_COUNT_DELAYED = 4 };

/* An expression as a postfix program: each op takes what it needs from a stack and leaves one
 * value, which may be missing. Checked at reading, so that running it needs no checks. */
enum policy_op_code {
	POLICY_OP_NUMBER,
	POLICY_OP_METRIC,
	POLICY_OP_NEGATE,
	POLICY_OP_NOT,
	POLICY_OP_ADD,
	POLICY_OP_SUBTRACT,
	POLICY_OP_MULTIPLY,
	POLICY_OP_DIVIDE, /* by zero: missing */
	POLICY_OP_MIN,
	POLICY_OP_MAX,
	POLICY_OP_LESS,
	POLICY_OP_LESS_EQUAL,
	POLICY_OP_GREATER,
	POLICY_OP_GREATER_EQUAL,
	POLICY_OP_EQUAL,
	POLICY_OP_NOT_EQUAL,
	POLICY_OP_AND,
	POLICY_OP_OR,
	POLICY_OP_IF,       /* condition, then, else */
	POLICY_OP_OTHER,    /* a ?? b: b where a is missing */
	POLICY_OP_OTHERWISE /* the same with a b that is no data: what stands on it cannot shrink */
};

enum policy_member { /* of a metric in an expression */
		     POLICY_MEMBER_VALUE,
		     POLICY_MEMBER_VISIBLE,
		     POLICY_MEMBER_IN_FLIGHT,
		     POLICY_MEMBER_DELAYED,
		     POLICY_MEMBER_OLDEST_AGE, /* seconds */
		     POLICY_MEMBER_SENT,       /* in the newest period */
		     POLICY_MEMBER_DELETED
};

struct policy_op {
	uint8_t code, member;
	uint16_t metric;
	double number;
};

#define POLICY_OPS_MAX 128
#define POLICY_OPS_DEPTH 16 /* of the stack */

struct policy_metric {
	const char *name;
	enum policy_source source;
	struct span max_age; /* older data is stale; POLICY_AUTO: two looks, a minute at least */
	struct policy_sqs {
		const char *queue_url;
		const char *region; /* NULL: the fleet's */
		unsigned count;     /* POLICY_COUNT_*; default visible + in_flight: running jobs are
				       work */
	} sqs;
	struct policy_cloudwatch {
		const char *region; /* NULL: the fleet's */
		const char *name_space, *metric;
		const char **names, **values; /* of the dimensions */
		size_t dimension_count;
		const char *statistic;  /* as CloudWatch has it: "Sum", "p95" */
		const char *account_id; /* of a source account; NULL: our own */
		struct span period;
		const char *expression; /* metric math over queries; NULL: the one metric above */
		struct policy_query {
			const char *id, *name_space, *metric, *statistic, *account_id;
			const char **names, **values;
			size_t dimension_count;
		} * queries;
		size_t query_count;
	} cloudwatch;
	struct policy_celery {
		const char *broker_url, *queue;
		const char *key_prefix; /* NULL: none */
		bool ask_workers;       /* what they run of tasks that they acked */
	} celery;
	struct policy_expr { /* POLICY_SUM too */
		const char *text;
		struct policy_op *ops;
		size_t op_count;
	} expr;
	struct policy_part { /* POLICY_SUM: other metrics and what one of their jobs weighs */
		size_t metric;
		int64_t weight_milli;
	} * parts;
	size_t part_count;
	int line; /* in the file, for messages */
};

enum policy_rule_kind {
	POLICY_TARGET_TRACKING,
	POLICY_STEP_SCALING,
	POLICY_QUEUE_WAIT,
	POLICY_PREDICTIVE
}; /* predictive joins here */

enum policy_step_act {
	POLICY_STEP_CHANGE,  /* by so many */
	POLICY_STEP_PERCENT, /* by a share of the capacity */
	POLICY_STEP_EXACT    /* to so many */
};

struct policy_step {
	bool above; /* applies from `bound` on, else from it down */
	int64_t bound_milli;
	enum policy_step_act act;
	int64_t amount; /* negative: remove */
};

struct policy_rule {
	const char *name;
	enum policy_rule_kind kind;
	size_t metric; /* index into metrics */
	struct policy_target_tracking {
		int64_t per_instance_milli; /* > 0: so much of the metric each; 0: */
		int64_t value_milli; /* > 0: the metric itself is kept there, in proportion */
	} target_tracking;
	/* "95 % of jobs start within 5 minutes" */
	struct policy_queue_wait {
		int64_t percentile_milli; /* of jobs: 95 % is 95000; from 50000 to 99900 */
		struct span target;
		struct span service_time; /* ms == POLICY_AUTO: learnt */
	} queue_wait;
	struct policy_predictive {
		int64_t per_instance_milli; /* POLICY_AUTO: of another rule, or the slots */
		struct span horizon;        /* ms == POLICY_AUTO: the warm-up */
		struct span history;
		int64_t percentile_milli; /* 90 % is 90000 */
		int64_t max_error_milli;  /* of one: a forecast that is off by more does not act */
	} predictive;
	struct policy_step_scaling {
		bool inclusive; /* the outermost bounds belong to their steps, as the inner do */
		int64_t min_adjustment;    /* the least that a percentage moves; 0: none */
		struct policy_step *steps; /* above rising, then below falling */
		size_t step_count;
	} step_scaling;
	int line;
};

/* One rate limit: at most `percent` or `instances` of change within `per`, as the HPA's scaling
 * policies. */
struct policy_limit {
	bool is_percent;
	int64_t amount; /* percent, or instances */
	struct span per;
};

enum policy_select { POLICY_SELECT_MAX, POLICY_SELECT_MIN, POLICY_SELECT_DISABLED };

struct policy_direction {
	bool tolerance_given; /* else the behavior's */
	int64_t tolerance_milli;
	struct span stabilization;
	struct span cooldown;
	struct policy_limit *limits; /* none: unlimited */
	size_t limit_count;          /* at most POLICY_LIMITS_MAX */
	enum policy_select select;
};

struct policy_behavior {
	int64_t tolerance_milli; /* of one: 100 is 10 % */
	struct {
		int64_t above, samples;
	} activation; /* from zero */
	struct {
		struct span for_;
	} deactivation; /* to zero */
	struct policy_direction scale_out, scale_in;
};

struct policy_schedule { /* bounds for a while */
	const char *name;
	const char *cron_text;
	struct calendar_cron cron; /* when it begins, */
	struct span duration;      /* and how long it holds */
	const struct calendar_zone *zone;
	bool min_given, max_given;
	int64_t min, max;
	int line;
};

enum policy_missing_act { POLICY_MISSING_HOLD };

struct policy_missing {
	int scale_in, scale_out; /* enum policy_missing_act */
	bool floor_given;
	int64_t floor; /* past `after`, at least so many (within bounds) */
	struct span after;
};

struct policy_evaluate {
	struct span every, idle_every;
};

/* Metrics of the controller's own, put into CloudWatch. */
struct policy_publish {
	const char *name_space; /* NULL: none are */
	struct span every;
};

struct policy {
	int64_t version;
	const char *name;
	const char *file;
	enum policy_mode mode;
	struct policy_fleet fleet;
	struct policy_metric *metrics;
	size_t metric_count;
	struct policy_rule *rules;
	size_t rule_count;
	struct policy_schedule *schedules;
	size_t schedule_count;
	struct policy_behavior behavior;
	struct policy_missing on_missing;
	struct policy_evaluate evaluate;
	struct policy_publish publish;
};

/* The name of the metric that is forecast; NULL where none is. */
static inline const char *policy_predicted(const struct policy *p)
{
	for (size_t i = 0; i < p->rule_count; i++)
		if (p->rules[i].kind == POLICY_PREDICTIVE)
			return p->metrics[p->rules[i].metric].name;
	return NULL;
}

/* Whether the policy's memory has a season (model/season.h). */
static inline bool policy_is_predictive(const struct policy *p)
{
	return policy_predicted(p) != NULL;
}

/* Which of a queue's jobs count as work. */
static inline unsigned policy_metric_counts(const struct policy_metric *m)
{
	return m->source == POLICY_CELERY ? POLICY_COUNT_VISIBLE | POLICY_COUNT_IN_FLIGHT
					  : m->sqs.count;
}

/* Computed from other metrics: nothing is read for it, and its facts are never looked at. */
static inline bool policy_metric_is_derived(const struct policy_metric *m)
{
	return m->source == POLICY_EXPR || m->source == POLICY_SUM;
}

#endif
