/* Scaling policies: as they were put, and what they do to their group. */
#ifndef LOCAL_AUTOSCALING_POLICY_H
#define LOCAL_AUTOSCALING_POLICY_H

#include "local/autoscaling_adjust.h"
#include "local/fleet_rows.h"

#define AUTOSCALING_POLICIES_MAX 50 /* of a group, AWS's quota */
#define AUTOSCALING_STEPS_MAX 20

struct local_autoscaling_policy {
	char *group, *name, *arn;
	char *alarms;        /* id in the names of the alarms of target tracking; "" for others */
	struct json *spec;   /* the parameters of PutScalingPolicy */
	bool enabled, keeps; /* keeps: DisableScaleIn */
	struct local_autoscaling_adjustment adjustment; /* without its steps, which stand here: */
	struct local_autoscaling_step steps[AUTOSCALING_STEPS_MAX];
	int64_t cooldown_s, warmup_s; /* -1: the group's */
};
void local_autoscaling_policy_done(struct local_autoscaling_policy *p);

struct local_autoscaling_policies {
	struct local_autoscaling_policy *all;
	size_t count;
};
void local_autoscaling_policy_all_done(struct local_autoscaling_policies *all);

/* Checks @p spec and fills @p ret; -1: refused in @p e (as local_cloudwatch_refuse()). */
MUST int local_autoscaling_policy_parse(const struct json *spec,
					struct local_autoscaling_policy *ret, struct err *e);
/* Those of @p group, or of all (NULL), by group and name; or, with @p name_or_arn, that one. */
MUST int local_autoscaling_policy_list(struct local *l, const char *group, const char *name_or_arn,
				       struct local_autoscaling_policies *ret, struct err *e);
/* The row, and the alarms of target tracking. In the batch. */
MUST int local_autoscaling_policy_store(struct local *l, struct local_autoscaling_policy *p,
					struct err *e);
MUST int local_autoscaling_policy_delete(struct local *l, const struct local_autoscaling_policy *p,
					 struct err *e);
/* All that belongs to a group that is gone: policies, their alarms, scheduled actions, metrics. */
MUST int local_autoscaling_policy_forget(struct local *l, const char *group, struct err *e);
/* The names of the alarms that target tracking has, owned. */
char *local_autoscaling_policy_alarm_name(const struct local_autoscaling_policy *p, bool high);

/* ---- autoscaling_act.c ---- */
struct local_autoscaling_alarm {
	const char *name; /* NULL: a user executes the policy */
	double threshold, value;
	struct instant at;
	bool hurry; /* cooldowns do not count */
};
/* Does what @p p wants. @p what says what came of it. 1: the capacity was changed, 0 not; 2: not,
 * because of a cooldown or an activity in progress. */
MUST int local_autoscaling_act(struct local *l, struct local_fleet_group *g,
			       const struct local_autoscaling_policy *p,
			       const struct local_autoscaling_alarm *alarm, struct buf *what,
			       struct err *e);
/* The same for the policy that an alarm's action names. */
MUST int local_autoscaling_act_alarm(struct local *l, const char *arn,
				     const struct local_autoscaling_alarm *alarm, struct buf *what,
				     struct err *e);

#endif
