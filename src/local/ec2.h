/* EC2, as far as it tells of the instances of Auto Scaling groups: they are all there are. */
#ifndef LOCAL_EC2_H
#define LOCAL_EC2_H

#include "local/fleet_rows.h"

/* An instance as EC2 sees it. */
struct local_ec2_instance {
	struct local_fleet_instance i; /* borrowed from the list that it came in */
	bool ended;                    /* terminated, and only remembered */
};
struct local_ec2_instances {
	struct local_fleet_instances alive;
	struct local_ec2_instance *all; /* by id */
	size_t count;
};
void local_ec2_instances_done(struct local_ec2_instances *is);
MUST int local_ec2_instances(struct db *d, struct local_ec2_instances *ret, struct err *e);

/* Of InstanceId.n and Filter.n. -1: the call has ended. */
MUST int local_ec2_check(struct local_call *c, const struct local_ec2_instances *is);
/* 1 it is asked for, 0 not, -1 error. */
MUST int local_ec2_wanted(struct local_call *c, const struct local_ec2_instance *i, struct err *e);

struct local_ec2_state {
	int code;
	const char *word; /* "running" */
};
struct local_ec2_state local_ec2_state_of(const struct local_ec2_instance *i);

/* Items of the replies. */
MUST int local_ec2_show(struct local_call *c, const struct local_ec2_instance *i, struct err *e);
void local_ec2_show_state(struct local_call *c, const char *name, struct local_ec2_state s);
void local_ec2_show_status(struct local_call *c, const struct local_ec2_instance *i);

/* Launch templates. */
local_action_fn local_ec2_template_create, local_ec2_template_version, local_ec2_template_modify,
	local_ec2_template_delete, local_ec2_template_describe,
	local_ec2_template_describe_versions;

#endif
