/* Groups and instances as they stand in the database: read whole, written in pieces. All of it
 * happens inside the batch. */
#ifndef LOCAL_FLEET_ROWS_H
#define LOCAL_FLEET_ROWS_H

#include "local/fleet.h"
#include "local/fleet_choose.h"

#define LOCAL_FLEET_ID_MAX 20 /* "i-" and 17 hex digits */
#define FLEET_DELETING "Delete in progress"

struct local_fleet_group {
	char *name, *arn, *launch, *version, *zones, *subnets, *policies;
	char *health_check, *detail, *status, *cause, *scaled_by;
	char *mixed;        /* its MixedInstancesPolicy as JSON, NULL: none */
	int64_t lifetime_s; /* MaxInstanceLifetime, 0: none */
	struct instant created, scaled, not_before;
	int64_t least, most, desired, cooldown_s, grace_s, warmup_s, failures, short_by;
	bool template, protect_new;
	/* Suspended processes. */
	bool no_launch, no_terminate, no_health_check, no_replace, no_refresh;
};

struct local_fleet_instance {
	char id[LOCAL_FLEET_ID_MAX];
	char *grp, *zone, *launch, *version, *type, *image, *profile, *script;
	char *boot_id, *secret, *activity;
	enum local_fleet_state state;
	bool template, healthy, is_protected;
	bool spot;      /* as a mixed instances policy has it; it costs the same here */
	bool reuse;     /* on its way out of service, and into the warm pool */
	int64_t weight; /* 0: it has none and counts as one */
	struct instant launched, boot, started, stop; /* ms 0: not */
	struct instant served;                        /* in service since */
	int64_t pid, pid_start, port;
};

struct local_fleet_groups {
	struct local_fleet_group *all;
	size_t count;
};
struct local_fleet_instances {
	struct local_fleet_instance *all;
	size_t count;
};

void local_fleet_rows_group_done(struct local_fleet_group *g);
void local_fleet_rows_groups_done(struct local_fleet_groups *gs);
void local_fleet_rows_instance_done(struct local_fleet_instance *i);
void local_fleet_rows_instances_done(struct local_fleet_instances *is);

/* 1 found, 0 not, -1 error. */
MUST int local_fleet_rows_group(struct db *d, const char *name, struct local_fleet_group *ret,
				struct err *e);
MUST int local_fleet_rows_instance(struct db *d, const char *id, struct local_fleet_instance *ret,
				   struct err *e);
/* @p after: names past this one, "" for all; @p limit < 0: all of them. */
MUST int local_fleet_rows_groups(struct db *d, const char *after, int64_t limit,
				 struct local_fleet_groups *ret, struct err *e);
/* Of the group @p grp, or of all (NULL), by age or, for all, by id past @p after. Those that were
 * detached are of the group "". */
MUST int local_fleet_rows_instances(struct db *d, const char *grp, const char *after, int64_t limit,
				    struct local_fleet_instances *ret, struct err *e);

MUST int local_fleet_rows_add_group(struct db *d, const struct local_fleet_group *g, struct err *e);
MUST int local_fleet_rows_put_group(struct db *d, const struct local_fleet_group *g, struct err *e);
MUST int local_fleet_rows_drop_group(struct db *d, const char *name, struct err *e);
MUST int local_fleet_rows_add_instance(struct db *d, const struct local_fleet_instance *i,
				       struct err *e);
/* What changes in an instance's life: its group, state to activity, reuse and service. */
MUST int local_fleet_rows_put_instance(struct db *d, const struct local_fleet_instance *i,
				       struct err *e);
MUST int local_fleet_rows_drop_instance(struct db *d, const char *id, struct err *e);

#endif
