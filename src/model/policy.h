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

#define POLICY_METRICS_MAX 16
#define POLICY_RULES_MAX 16
#define POLICY_LIMITS_MAX 4
#define POLICY_CAPACITY_MAX 100000 /* no fleet is larger; keeps every sum far from overflow */
#define POLICY_AUTO INT64_MIN      /* the same value as KEYS_AUTO of base/keys.h */

enum policy_mode { POLICY_ENFORCE, POLICY_DRY_RUN, POLICY_SHADOW, POLICY_PAUSED };

struct policy_fleet {
	const char *auto_scaling_group;
	const char *region;        /* NULL: the lane's default */
	const char *role_arn;      /* NULL: the base credentials */
	bool min_given, max_given; /* not given: the group's own */
	int64_t min, max;
	int64_t jobs_per_instance;        /* slots; POLICY_AUTO: learnt, 1 until then */
	struct span warm_up;              /* ms == POLICY_AUTO: learnt */
	int64_t instance_hour_cost_micro; /* millionths: 0.0208 is 20800 */
	int line, column;                 /* of the group's name in the file */
};

enum policy_source { POLICY_SQS }; /* cloudwatch, celery, expr join here */

enum { POLICY_COUNT_VISIBLE = 1, POLICY_COUNT_IN_FLIGHT = 2, POLICY_COUNT_DELAYED = 4 };

struct policy_metric {
	const char *name;
	enum policy_source source;
	struct policy_sqs {
		const char *queue_url;
		const char *region; /* NULL: the fleet's */
		unsigned count;     /* POLICY_COUNT_*; default visible + in_flight: running jobs are
				       work */
	} sqs;
	int line; /* in the file, for messages */
};

enum policy_rule_kind {
	POLICY_TARGET_TRACKING,
	POLICY_QUEUE_WAIT
}; /* step_scaling, predictive join here */

struct policy_rule {
	const char *name;
	enum policy_rule_kind kind;
	size_t metric; /* index into metrics */
	struct policy_target_tracking {
		int64_t per_instance_milli; /* > 0 */
	} target_tracking;
	/* "95 % of jobs start within 5 minutes" */
	struct policy_queue_wait {
		int64_t percentile_milli; /* of jobs: 95 % is 95000; from 50000 to 99900 */
		struct span target;
		struct span service_time; /* ms == POLICY_AUTO: learnt */
	} queue_wait;
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
	struct policy_behavior behavior;
	struct policy_missing on_missing;
	struct policy_evaluate evaluate;
};

#endif
