/* EC2 Auto Scaling over Query, 2011-01-01. */
#ifndef AWS_AUTOSCALING_H
#define AWS_AUTOSCALING_H

#include "aws/call.h"

#define AUTOSCALING_NAMES_MAX 100  /* groups a describe call */
#define AUTOSCALING_PROTECT_MAX 50 /* instances a protection call */

enum asg_state { /* LifecycleState */
		 ASG_PENDING,
		 ASG_PENDING_WAIT,
		 ASG_PENDING_PROCEED,
		 ASG_IN_SERVICE,
		 ASG_TERMINATING,
		 ASG_TERMINATING_WAIT,
		 ASG_TERMINATING_PROCEED,
		 ASG_TERMINATING_RETAINED,
		 ASG_TERMINATED,
		 ASG_DETACHING,
		 ASG_DETACHED,
		 ASG_ENTERING_STANDBY,
		 ASG_STANDBY,
		 ASG_WARMED, /* any Warmed:* */
		 ASG_OTHER
};
const char *asg_state_word(enum asg_state s); /* "InService" */
enum asg_state asg_state_parse(const char *word);

struct asg_instance {
	char *id, *zone, *type, *group; /* group: only by describe_instances; "" otherwise */
	enum asg_state state;
	bool healthy, protected;
	int64_t weight; /* 1 where none is told */
};
struct asg_group {
	char *name, *arn, *status; /* status: NULL, or "Delete in progress" */
	int64_t min, max, desired, cooldown_s;
	int64_t warm_pool;      /* instances in its warm pool */
	int64_t max_lifetime_s; /* an instance is replaced at that age; 0: never */
	bool new_instances_protected;
	struct asg_instance *instances;
	size_t instance_count;
	char **suspended; /* process names */
	size_t suspended_count;
};
struct asg_groups {
	struct asg_group *list;
	size_t count;
	char *next_token; /* NULL: the last page */
};
/* At most AUTOSCALING_NAMES_MAX names; n == 0: all groups. next_token may be NULL. */
void aws_autoscaling_groups_ask(struct request *r, const char *const *names, size_t n,
				const char *next_token);
MUST int aws_autoscaling_groups_read(const struct reply *r, struct asg_groups *ret, struct err *e);
void asg_groups_done(struct asg_groups *g);
const struct asg_group *asg_group_find(const struct asg_groups *g, const char *name);

/* ret is a flat list. */
struct asg_instances {
	struct asg_instance *list;
	size_t count;
	char *next_token;
};
void aws_autoscaling_instances_ask(struct request *r, const char *const *ids, size_t n,
				   const char *next_token);
MUST int aws_autoscaling_instances_read(const struct reply *r, struct asg_instances *ret,
					struct err *e);
void asg_instances_done(struct asg_instances *i);

/* HonorCooldown is always false. ScalingActivityInProgress and ResourceContention: ERR_CONFLICT. */
void aws_autoscaling_set_desired_ask(struct request *r, const char *group, int64_t desired);
void aws_autoscaling_protect_ask(struct request *r, const char *group, const char *const *ids,
				 size_t n, bool protect);
void aws_autoscaling_terminate_ask(struct request *r, const char *instance_id, bool decrement);
/* instance_id or token: one may be NULL. result: "CONTINUE" or "ABANDON". */
void aws_autoscaling_complete_ask(struct request *r, const char *group, const char *hook,
				  const char *instance_id, const char *token, const char *result);
void aws_autoscaling_heartbeat_ask(struct request *r, const char *group, const char *hook,
				   const char *instance_id, const char *token);
MUST int aws_autoscaling_none_read(const struct reply *r,
				   struct err *e); /* for all that answer nothing */

struct asg_hook {
	char *name, *group, *transition,
		*result; /* transition: "autoscaling:EC2_INSTANCE_TERMINATING" */
	int64_t heartbeat_s, global_s;
};
struct asg_hooks {
	struct asg_hook *list;
	size_t count;
};
void aws_autoscaling_hooks_ask(struct request *r, const char *group);
MUST int aws_autoscaling_hooks_read(const struct reply *r, struct asg_hooks *ret, struct err *e);
void asg_hooks_done(struct asg_hooks *h);
void aws_autoscaling_put_hook_ask(struct request *r, const char *group, const char *hook,
				  const char *transition, int heartbeat_s,
				  const char *default_result);

struct asg_activity {
	char *id, *description, *cause, *status, *message; /* status: "Failed", "Successful", … */
	struct instant start;
	int progress;
};
struct asg_activities {
	struct asg_activity *list; /* newest first */
	size_t count;
	char *next_token;
};
void aws_autoscaling_activities_ask(struct request *r, const char *group, int max);
MUST int aws_autoscaling_activities_read(const struct reply *r, struct asg_activities *ret,
					 struct err *e);
void asg_activities_done(struct asg_activities *a);

/* What else moves the desired capacity: scaling policies and scheduled actions. */
struct asg_rule {
	char *name, *kind; /* "TargetTrackingScaling", "ScheduledAction", … */
	bool enabled;
};
struct asg_rules {
	struct asg_rule *list;
	size_t count;
	char *next_token; /* NULL: the last page */
};
void aws_autoscaling_policies_ask(struct request *r, const char *group, const char *next_token);
MUST int aws_autoscaling_policies_read(const struct reply *r, struct asg_rules *ret, struct err *e);
void aws_autoscaling_scheduled_ask(struct request *r, const char *group, const char *next_token);
MUST int aws_autoscaling_scheduled_read(const struct reply *r, struct asg_rules *ret,
					struct err *e);
void asg_rules_done(struct asg_rules *r);

/* The newest instance refresh of a group. */
struct asg_refresh {
	char status[24]; /* "InProgress", "Successful", …; "": there was none in six weeks */
	bool running;    /* it replaces instances, or is about to */
	int64_t left;    /* instances still to be replaced */
	int64_t percent; /* done */
};
void aws_autoscaling_refresh_ask(struct request *r, const char *group);
MUST int aws_autoscaling_refresh_read(const struct reply *r, struct asg_refresh *ret,
				      struct err *e);

struct asg_create {
	const char *name;
	const char *launch_template,
		*launch_template_version; /* name or "lt-…"; version NULL: $Default */
	const char *zones;                /* "us-east-1a,us-east-1b"; NULL: none given */
	const char *subnets;              /* VPCZoneIdentifier; NULL: none given */
	int64_t min, max, desired;        /* desired < 0: min */
	bool new_instances_protected;
};
void aws_autoscaling_create_ask(struct request *r, const struct asg_create *g);
/* min, max, desired: negative leaves as it is. */
void aws_autoscaling_update_ask(struct request *r, const char *group, int64_t min, int64_t max,
				int64_t desired);
void aws_autoscaling_delete_ask(struct request *r, const char *group, bool force);

#endif
