/* What fleet.c and fleet_life.c share: instances as they run here and now. */
#ifndef LOCAL_FLEET_OWN_H
#define LOCAL_FLEET_OWN_H

#include "local/fleet_mixed.h"
#include "local/fleet_pool.h"
#include "local/fleet_refresh.h"
#include "local/fleet_rows.h"

/* Beside a row: handles, and what to do once the rows are committed. */
struct local_fleet_run {
	char id[LOCAL_FLEET_ID_MAX];
	struct local_fleet *fleet;
	struct loop_child *child; /* we started it */
	struct loop_watch *watch; /* we adopted it */
	pid_t pid;
	int64_t started; /* of the process, in clock ticks */
	int gate;        /* -1: open or none */
	bool running;
	bool fresh;      /* its start is not committed */
	bool terminate;  /* SIGTERM is to be sent */
	bool terminated; /* it was sent */
	bool freeze;     /* SIGSTOP is to be sent: it is hibernated */
	bool thaw;       /* SIGCONT is */
	bool parked;     /* it has ended, and the instance waits without a process */
	bool gone;       /* the row is dropped */
	bool deaf;       /* its metadata port could not be had yet; said once */
};

struct local_fleet {
	struct local *local;
	struct loop_timer *timer;
	struct local_fleet_run **runs;
	size_t count;
	struct instant due; /* the next time to look */
	bool woken, changed;
	bool stopping, hurry;
	loop_fn *done;
	void *done_arg;
};

/* One group, while it is looked at. */
struct local_fleet_look {
	struct local_fleet *fleet;
	struct local_fleet_group *group;
	struct local_fleet_instances instances;
	struct instant now;
	bool forced;    /* it goes as a whole: no hooks, no protection */
	bool dirty;     /* the group's row is to be written */
	int64_t *total; /* instances of all groups */
	/* What new ones are launched from: the group's, or that of a refresh. */
	const char *launch, *version;
	bool template;
	int extra; /* units above the desired capacity, while a refresh launches first */
	struct local_fleet_mix mix;
	struct local_fleet_pool pool;
};

struct local_fleet_run *local_fleet_find(struct local_fleet *f, const char *id);
struct local_fleet_run *local_fleet_run_new(struct local_fleet *f, const char *id);
void local_fleet_ended(int status, int signum, void *run); /* a child's end */
void local_fleet_due(struct local_fleet *f, struct instant t);

/* One step of each instance; writes rows, and marks runs for what follows. */
MUST int local_fleet_life(struct local_fleet_look *k, struct err *e);
/* The choice: who goes, who is launched. */
MUST int local_fleet_fill(struct local_fleet_look *k, struct err *e);
/* A new instance, as a row, for service or for the pool. 1 launched, 0 failed for now (and said
 * so), -1 error. ret_units: what it weighs. */
MUST int local_fleet_new(struct local_fleet_look *k, const char *zone, const char *cause, bool warm,
			 int *ret_units, struct err *e);
/* Replaces what a refresh of the group has not replaced yet, as far as its health allows now. @p r
 * is filled when there is one; k->launch then points into it. */
MUST int local_fleet_refresh(struct local_fleet_look *k, struct local_fleet_refreshing *r,
			     struct err *e);
/* An instance of the group ended soon after its start, or could not be launched. */
void local_fleet_life_failed(struct local_fleet_look *k);

/* Puts an instance on its way out: rows only, turn() does the rest. @p cause is the activity's.
 * @p forced: no hook is waited for. Also for handlers, who wake the fleet. */
MUST int local_fleet_life_terminate(struct local *l, const struct local_fleet_group *g,
				    struct local_fleet_instance *i, const char *cause, bool forced,
				    struct instant now, struct err *e);

/* Waits for the hooks of a transition: how many there are. */
MUST int local_fleet_wait_begin(struct db *d, const struct local_fleet_instance *i, bool launching,
				struct instant now, int64_t *ret_hooks, struct err *e);
/* What they have said so far; one that is silent past its time has said its default. */
MUST int local_fleet_wait_answer(struct local_fleet *f, const char *instance, struct instant now,
				 enum local_fleet_answer *ret, struct err *e);

/* Takes the instance away when the notice of a spot interruption has run out. */
MUST int local_fleet_notice_due(struct local_fleet_look *k, struct local_fleet_instance *i,
				struct err *e);

/* Removes what an instance that is gone no longer needs, its temporary files; and, past a hundred,
 * the folders of those that went first, with their logs. */
void local_fleet_prune(struct local_fleet *f, const char *id);

#endif
