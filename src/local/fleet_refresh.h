/* An instance refresh: the instances of a group are replaced, a few at a time.
 *
 * Those that it found at its start stand in a list. Each turn takes off what is gone, and
 * terminates of the rest as many as the health of the group allows; the group then launches what it
 * lacks, as it always does, from what the refresh says. The group itself is changed at the end
 * only, so that to roll back is to replace once more, from what the group says.
 */
#ifndef LOCAL_FLEET_REFRESH_H
#define LOCAL_FLEET_REFRESH_H

#include "local/fleet_rows.h"

struct local_fleet_refreshing {
	char *id, *grp, *status, *reason;
	struct instant start, end, moved, bake, resume; /* ms 0: not */
	int64_t total, todo, percent; /* instances; todo: not yet replaced and warm */
	int64_t least, most, warmup_s, bake_s, delay_s; /* least and most: percent of the desired */
	bool matching, rollback;
	char *protection; /* "Refresh", "Ignore" or "Wait" */
	char *standby;    /* "Terminate", "Ignore" or "Wait" */
	char *checkpoints;
	int64_t passed; /* checkpoints that it has gone past */
	char *desired;  /* DesiredConfiguration as JSON, NULL: the group's own */
	char *launch, *version;
	bool template;
	char *back_reason; /* of a rollback, NULL: none */
	struct instant back;
	int64_t back_percent, back_todo;
};

void local_fleet_refreshing_done(struct local_fleet_refreshing *r);
/* The one of @p grp that is not over. 1 there is one, 0 not, -1 error. */
MUST int local_fleet_refresh_active(struct db *d, const char *grp,
				    struct local_fleet_refreshing *ret, struct err *e);
/* The youngest of @p grp before @p seq, whose seq it becomes. 1 found, 0 no more, -1 error. */
MUST int local_fleet_refresh_before(struct db *d, const char *grp, int64_t *seq,
				    struct local_fleet_refreshing *ret, struct err *e);
MUST int local_fleet_refresh_put(struct db *d, const struct local_fleet_refreshing *r,
				 struct err *e);
/* Goes back to what the group has; @p why is told. Lists the instances that are not of it. */
MUST int local_fleet_refresh_back(struct db *d, const struct local_fleet_group *g,
				  struct local_fleet_refreshing *r, const char *why,
				  struct instant now, struct err *e);

/* What a refresh may do next. Pure; in units of capacity. */
struct local_fleet_roll {
	int64_t desired, ready; /* ready: in service, healthy and warm */
	int64_t supply;         /* ready, or coming */
	int64_t todo;           /* not replaced yet */
	int64_t least, most;    /* percent */
};
/* How many may be taken out of service now. */
int64_t local_fleet_refresh_take(const struct local_fleet_roll *r);
/* How many may be launched above the desired capacity. */
int64_t local_fleet_refresh_extra(const struct local_fleet_roll *r);

#endif
