/* Every key of a policy file: its type, unit, bounds, default and meaning. */
#include <string.h>

#include "policy/raw.h"

static const struct key fleet_keys[] = {
	{ .name = "auto_scaling_group",
	  .type = KEY_STR,
	  .offset = offsetof(struct raw_fleet, auto_scaling_group),
	  .required = true,
	  .doc = "the group whose desired capacity is set" },
	{ .name = "region",
	  .type = KEY_STR,
	  .offset = offsetof(struct raw_fleet, region),
	  .doc = "AWS region of the group; default: AWS_REGION" },
	{ .name = "role_arn",
	  .type = KEY_STR,
	  .offset = offsetof(struct raw_fleet, role_arn),
	  .doc = "role to assume where the group is in another account; the queues of that "
		 "account are read with it too" },
	{ .name = "external_id",
	  .type = KEY_STR,
	  .offset = offsetof(struct raw_fleet, external_id),
	  .doc = "what the role's trust policy asks for as sts:ExternalId" },
	{ .name = "min",
	  .type = KEY_INT,
	  .offset = offsetof(struct raw_fleet, min),
	  .has_given = true,
	  .given_offset = offsetof(struct raw_fleet, min_given),
	  .least = 0,
	  .most = POLICY_CAPACITY_MAX,
	  .unit = "instances",
	  .doc = "never fewer; default: the group's MinSize" },
	{ .name = "max",
	  .type = KEY_INT,
	  .offset = offsetof(struct raw_fleet, max),
	  .has_given = true,
	  .given_offset = offsetof(struct raw_fleet, max_given),
	  .least = 0,
	  .most = POLICY_CAPACITY_MAX,
	  .unit = "instances",
	  .doc = "never more; default: the group's MaxSize" },
	{ .name = "jobs_per_instance",
	  .type = KEY_INT,
	  .offset = offsetof(struct raw_fleet, jobs_per_instance),
	  .least = 1,
	  .most = 10000,
	  .init = "auto",
	  .also = "auto",
	  .unit = "jobs",
	  .doc = "jobs an instance runs at once; auto learns it. Where the group's instances have "
		 "weights, an instance of this policy is one unit of capacity: so many jobs a "
		 "unit" },
	{ .name = "warm_up",
	  .type = KEY_SPAN,
	  .offset = offsetof(struct raw_fleet, warm_up),
	  .least = 0,
	  .most = 86400000,
	  .init = "auto",
	  .also = "auto",
	  .doc = "from launch until an instance takes its first job; a time given here also keeps "
		 "the fleet from "
		 "shrinking while instances warm up; auto learns it" },
	{ .name = "instance_hour_cost",
	  .type = KEY_CUSTOM,
	  .offset = offsetof(struct raw_fleet, instance_hour_cost_micro),
	  .unit = "money an hour",
	  .read = policy_price_read,
	  .print = policy_price_print,
	  .doc = "for reports and simulation; at most six decimals" },
};
TABLE(fleet, "the fleet that is sized", raw_fleet, fleet_keys);

static const struct key limit_keys[] = {
	{ .name = "percent",
	  .type = KEY_INT,
	  .offset = offsetof(struct raw_limit, percent),
	  .has_given = true,
	  .given_offset = offsetof(struct raw_limit, percent_given),
	  .least = 1,
	  .most = POLICY_CAPACITY_MAX,
	  .unit = "percent of the fleet",
	  .doc = "at most this share of the fleet within `per`" },
	{ .name = "instances",
	  .type = KEY_INT,
	  .offset = offsetof(struct raw_limit, instances),
	  .has_given = true,
	  .given_offset = offsetof(struct raw_limit, instances_given),
	  .least = 1,
	  .most = POLICY_CAPACITY_MAX,
	  .unit = "instances",
	  .doc = "at most so many within `per`" },
	{ .name = "per",
	  .type = KEY_SPAN,
	  .offset = offsetof(struct raw_limit, per),
	  .required = true,
	  .least = 1000,
	  .most = 86400000,
	  .doc = "the period of the limit" },
};
TABLE(limit, "how far the size may move within a period", raw_limit, limit_keys);

#define DIRECTION_KEYS(id, window)                                                                 \
	static const struct key id##_keys[] = {                                                    \
		{ .name = "stabilization",                                                         \
		  .type = KEY_SPAN,                                                                \
		  .offset = offsetof(struct raw_direction, stabilization),                         \
		  .has_given = true,                                                               \
		  .given_offset = offsetof(struct raw_direction, stabilization_given),             \
		  .least = 0,                                                                      \
		  .most = 86400000,                                                                \
		  .init = window,                                                                  \
		  .doc = "follow the most cautious wish of so long; 0s where all rules are "       \
			 "queue_wait, which learns its hold" },                                    \
		{ .name = "cooldown",                                                              \
		  .type = KEY_SPAN,                                                                \
		  .offset = offsetof(struct raw_direction, cooldown),                              \
		  .least = 0,                                                                      \
		  .most = 86400000,                                                                \
		  .init = "0s",                                                                    \
		  .doc = "pause after a change in this direction" },                               \
		{ .name = "limits",                                                                \
		  .type = KEY_LIST,                                                                \
		  .offset = offsetof(struct raw_direction, limits),                                \
		  .count_offset = offsetof(struct raw_direction, limit_count),                     \
		  .most_items = POLICY_LIMITS_MAX,                                                 \
		  .sub = &limit,                                                                   \
		  .doc = "how far the size may move within a period; default: no limit" },         \
		{ .name = "tolerance",                                                             \
		  .type = KEY_PERCENT,                                                             \
		  .offset = offsetof(struct raw_direction, tolerance_milli),                       \
		  .has_given = true,                                                               \
		  .given_offset = offsetof(struct raw_direction, tolerance_given),                 \
		  .least = 0,                                                                      \
		  .most = 1000,                                                                    \
		  .doc = "so far off the target on this side the size stays; default: the "        \
			 "behavior's" },                                                           \
		{ .name = "select",                                                                \
		  .type = KEY_CHOICE,                                                              \
		  .offset = offsetof(struct raw_direction, select),                                \
		  .choices = "max|min|disabled",                                                   \
		  .init = "max",                                                                   \
		  .doc = "of several limits the widest or the narrowest; disabled: never in this " \
			 "direction" },                                                            \
	}
DIRECTION_KEYS(scale_out, "0s");
DIRECTION_KEYS(scale_in, "300s");
TABLE(scale_out, "how the fleet grows", raw_direction, scale_out_keys);
TABLE(scale_in, "how the fleet shrinks", raw_direction, scale_in_keys);

static const struct key activation_keys[] = {
	{ .name = "above",
	  .type = KEY_INT,
	  .offset = offsetof(struct raw_activation, above),
	  .least = 0,
	  .most = 1000000000,
	  .init = "0",
	  .unit = "jobs",
	  .doc = "more jobs than this start a fleet that is at zero" },
	{ .name = "samples",
	  .type = KEY_INT,
	  .offset = offsetof(struct raw_activation, samples),
	  .least = 1,
	  .most = 1000,
	  .init = "1",
	  .doc = "looks in a row that must see so many" },
};
TABLE(activation, "from zero", raw_activation, activation_keys);

static const struct key deactivation_keys[] = {
	{ .name = "for",
	  .type = KEY_SPAN,
	  .offset = offsetof(struct raw_deactivation, for_),
	  .has_given = true,
	  .given_offset = offsetof(struct raw_deactivation, for_given),
	  .least = 0,
	  .most = 86400000,
	  .init = "120s",
	  .doc = "so long the queues must be empty, running jobs too, before the last instance "
		 "goes; 0s where all rules are queue_wait, which learns its hold" },
};
TABLE(deactivation, "to zero", raw_deactivation, deactivation_keys);

static const struct key behavior_keys[] = {
	{ .name = "tolerance",
	  .type = KEY_PERCENT,
	  .offset = offsetof(struct raw_behavior, tolerance_milli),
	  .least = 0,
	  .most = 1000,
	  .init = "10%",
	  .doc = "so far off the target the size stays" },
	{ .name = "activation",
	  .type = KEY_MAP,
	  .offset = offsetof(struct raw_behavior, activation),
	  .sub = &activation,
	  .doc = "from zero" },
	{ .name = "deactivation",
	  .type = KEY_MAP,
	  .offset = offsetof(struct raw_behavior, deactivation),
	  .sub = &deactivation,
	  .doc = "to zero" },
	{ .name = "scale_out",
	  .type = KEY_MAP,
	  .offset = offsetof(struct raw_behavior, scale_out),
	  .sub = &scale_out,
	  .doc = "how the fleet grows" },
	{ .name = "scale_in",
	  .type = KEY_MAP,
	  .offset = offsetof(struct raw_behavior, scale_in),
	  .sub = &scale_in,
	  .doc = "how the fleet shrinks" },
};
TABLE(behavior, "limits on what the rules wish", raw_behavior, behavior_keys);

static const struct key missing_keys[] = {
	{ .name = "scale_in",
	  .type = KEY_CHOICE,
	  .offset = offsetof(struct raw_missing, scale_in),
	  .choices = "hold",
	  .init = "hold",
	  .doc = "without data nothing is removed" },
	{ .name = "scale_out",
	  .type = KEY_CHOICE,
	  .offset = offsetof(struct raw_missing, scale_out),
	  .choices = "hold",
	  .init = "hold",
	  .doc = "without data nothing is added, but for the floor" },
	{ .name = "after",
	  .type = KEY_SPAN,
	  .offset = offsetof(struct raw_missing, after),
	  .least = 0,
	  .most = 604800000,
	  .init = "10m",
	  .doc = "without data for longer than this, the floor counts" },
	{ .name = "floor",
	  .type = KEY_INT,
	  .offset = offsetof(struct raw_missing, floor),
	  .has_given = true,
	  .given_offset = offsetof(struct raw_missing, floor_given),
	  .least = 0,
	  .most = POLICY_CAPACITY_MAX,
	  .unit = "instances",
	  .doc = "at least so many, within the bounds; default: hold only" },
};
TABLE(on_missing, "what happens without data", raw_missing, missing_keys);

static const struct key evaluate_keys[] = {
	{ .name = "every",
	  .type = KEY_SPAN,
	  .offset = offsetof(struct raw_evaluate, every),
	  .least = 1000,
	  .most = 3600000,
	  .init = "15s",
	  .doc = "one look each so often" },
	{ .name = "idle_every",
	  .type = KEY_SPAN,
	  .offset = offsetof(struct raw_evaluate, idle_every),
	  .has_given = true,
	  .given_offset = offsetof(struct raw_evaluate, idle_given),
	  .least = 1000,
	  .most = 3600000,
	  .init = "60s",
	  .doc = "the same while queue and fleet are empty" },
};
TABLE(evaluate, "how often to look", raw_evaluate, evaluate_keys);

static const struct key publish_keys[] = {
	{ .name = "namespace",
	  .type = KEY_STR,
	  .offset = offsetof(struct raw_publish, name_space),
	  .init = "Windlass",
	  .doc = "of CloudWatch; its metrics are BacklogPerInstance (of each queue, with "
		 "dimensions "
		 "Policy and Metric; of the backlog itself at no instance), DesiredByRule (Policy, "
		 "Rule), DesiredCapacity (Policy) and PromiseKept in percent (Policy, Rule)" },
	{ .name = "every",
	  .type = KEY_SPAN,
	  .offset = offsetof(struct raw_publish, every),
	  .least = 60000,
	  .most = 3600000,
	  .init = "60s",
	  .doc = "how often; what is not known then is not published" },
};
TABLE(publish, "metrics that the controller puts into CloudWatch", raw_publish, publish_keys);

static const struct key policy_keys[] = {
	{ .name = "version",
	  .type = KEY_INT,
	  .offset = offsetof(struct raw_policy, version),
	  .required = true,
	  .least = 1,
	  .most = 1,
	  .doc = "of this language: 1" },
	{ .name = "name",
	  .type = KEY_STR,
	  .offset = offsetof(struct raw_policy, name),
	  .required = true,
	  .doc = "what journal, page and commands call the policy" },
	{ .name = "mode",
	  .type = KEY_CHOICE,
	  .offset = offsetof(struct raw_policy, mode),
	  .choices = "enforce|dry_run|shadow|paused",
	  .init = "enforce",
	  .doc = "only enforce writes; dry_run tells what it would do, shadow runs beside the "
		 "enforcing policy of "
		 "the group, paused holds" },
	{ .name = "fleet",
	  .type = KEY_MAP,
	  .offset = offsetof(struct raw_policy, fleet),
	  .required = true,
	  .sub = &fleet,
	  .doc = "the fleet that is sized" },
	{ .name = "metrics",
	  .type = KEY_ENTRIES,
	  .offset = offsetof(struct raw_policy, metrics),
	  .count_offset = offsetof(struct raw_policy, metric_count),
	  .required = true,
	  .most_items = POLICY_METRICS_MAX,
	  .sub = &policy_metric_table,
	  .doc = "what is measured, by name" },
	{ .name = "rules",
	  .type = KEY_LIST,
	  .offset = offsetof(struct raw_policy, rules),
	  .count_offset = offsetof(struct raw_policy, rule_count),
	  .required = true,
	  .most_items = POLICY_RULES_MAX,
	  .sub = &policy_rule_table,
	  .doc = "the largest proposal wins; capacity falls only when all rules agree" },
	{ .name = "schedules",
	  .type = KEY_LIST,
	  .offset = offsetof(struct raw_policy, schedules),
	  .count_offset = offsetof(struct raw_policy, schedule_count),
	  .most_items = POLICY_SCHEDULES_MAX,
	  .sub = &policy_schedule_table,
	  .doc = "bounds that hold at certain times" },
	{ .name = "behavior",
	  .type = KEY_MAP,
	  .offset = offsetof(struct raw_policy, behavior),
	  .sub = &behavior,
	  .doc = "limits on what the rules wish" },
	{ .name = "on_missing",
	  .type = KEY_MAP,
	  .offset = offsetof(struct raw_policy, on_missing),
	  .sub = &on_missing,
	  .doc = "what happens without data" },
	{ .name = "evaluate",
	  .type = KEY_MAP,
	  .offset = offsetof(struct raw_policy, evaluate),
	  .sub = &evaluate,
	  .doc = "how often to look" },
	{ .name = "publish",
	  .type = KEY_MAP,
	  .offset = offsetof(struct raw_policy, publish),
	  .has_given = true,
	  .given_offset = offsetof(struct raw_policy, publish_given),
	  .sub = &publish,
	  .doc = "metrics that the controller puts into CloudWatch; default: none" },
};

const struct key_table policy_table = {
	.name = "policy",
	.doc = "how many instances a fleet has, and why",
	.size = sizeof(struct raw_policy),
	.keys = policy_keys,
	.count = COUNT_OF(policy_keys),
};
