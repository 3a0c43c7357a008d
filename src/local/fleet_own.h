/* What fleet.c and fleet_life.c share: instances as they run here and now. */
#ifndef LOCAL_FLEET_OWN_H
#define LOCAL_FLEET_OWN_H

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
};

struct local_fleet_run *local_fleet_find(struct local_fleet *f, const char *id);
struct local_fleet_run *local_fleet_run_new(struct local_fleet *f, const char *id);
void local_fleet_ended(int status, int signum, void *run); /* a child's end */
void local_fleet_due(struct local_fleet *f, struct instant t);

/* One step of each instance; writes rows, and marks runs for what follows. */
MUST int local_fleet_life(struct local_fleet_look *k, struct err *e);
/* The choice: who goes, who is launched. */
MUST int local_fleet_fill(struct local_fleet_look *k, struct err *e);
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
