/* The supervisor from inside: what its files share. One process, one loop, one owner of each thing.
 *
 *   supervise.c  start, signals, when to start what waits, when to end
 *   receive.c    how much is received, and when
 *   queues.c     which queues are worked on
 *   claim.c      messages that are held: renewal, deadman, retirement
 *   evidence.c   what is known of a parked job, as an object
 *   finish.c     how a claim ends: ack, return, park, send again
 *   crew.c       the slots' processes
 *   assign.c     what a slot is told of a job
 *   life.c       the instance: target state, hook
 *   spot.c       what EC2 says ahead: spot notice, rebalance recommendation
 *   ground.c     the machine: room and programs
 *   guard.c      scale-in protection and yielding
 *   event.c      who is told of a job's end; event_queue.c, event_hook.c, event_command.c: how
 *   record.c     the record of its video in the store
 *   outside.c    metrics, health and jobs over HTTP
 *   publish.c    how long jobs take, for CloudWatch
 *   watch.c      that it lives and polls, for the service manager
 *   unprotect.c  after a worker that could not tidy up
 */
#ifndef WORKER_INSIDE_H
#define WORKER_INSIDE_H

#include "aws/imds.h"
#include "aws/lane.h"
#include "base/httpd.h"
#include "base/loop.h"
#include "base/rng.h"
#include "broker/broker.h"
#include "model/job.h"
#include "worker/folder.h"
#include "worker/frames.h"
#include "worker/lease.h"
#include "worker/meter.h"
#include "worker/profile.h"
#include "worker/worker.h"

#define WORKER_SLOTS_MAX 64
#define WORKER_REASON_MAX 1024
#define WORKER_ID_MAX 32
#define WORKER_GROUP_MAX 256

struct worker;

/* --- queues */

struct broker *worker_queues(struct worker *w, struct err *e); /* NULL: see e */

/* --- claims */

enum claim_state {
	CLAIM_WAITING, /* for a slot, or for protection */
	CLAIM_WORKING,
	CLAIM_TELLING, /* worked; who is to know of its end is told, the claim goes on */
	CLAIM_ENDING   /* its finish is under way */
};

enum claim_stop { /* why its slot is being killed */
		  CLAIM_GO_ON,
		  CLAIM_INTERRUPTED, /* drained, spot, hook: not the job's fault */
		  CLAIM_LOST         /* its lease is over */
};

enum finish_kind {
	FINISH_ACK,    /* stored */
	FINISH_RETURN, /* visible again after a delay */
	FINISH_PARK,   /* a copy with the reason to the dead letters, then acked */
	FINISH_RESEND, /* a copy to the same queue, then acked: a good job's last receive was
			  interrupted */
	FINISH_DROP    /* not ours any more */
};

struct finish {
	enum finish_kind kind;
	struct span delay;
	const char *note_name; /* a literal */
	char *note;            /* goes with the copy */
	char *why;             /* for the log */
	char *result;          /* of a stored job, JSON; NULL: none */
	struct json *outputs;  /* of a stored job, as its slot lists them; NULL: it did not */
	bool copied, busy;
	int tries;
};

struct claim {
	struct worker *w;
	struct claim *next;
	struct broker_message message;
	struct job job;
	struct lease lease;
	enum claim_state state;
	enum claim_stop stop;
	struct seat *seat;
	struct loop_timer *deadman; /* runs out when the lease does; while ending: the next try */
	struct finish finish;
	struct tick started, transcoding; /* TICK_NEVER: not yet */
	int permille;
	int64_t speed_milli;
	enum task_stage stage; /* under way */
	struct tick stage_began;
	char bucket[JOB_BUCKET_MAX]; /* of what was stored; "": the source's */
	struct telling *telling;
	struct worker_record *record; /* NULL: none is kept */
};

struct claim *worker_claim_new(struct worker *w, struct broker_message *take, struct tick asked);
void worker_claim_free(struct claim *c);      /* takes it off the list */
void worker_claim_renewals(struct worker *w); /* sets the timer for the next one due */
/* No renewal from here on. False: one is under way, and worker_finish_step() will be called when it
 * is back. */
bool worker_claim_retired(struct claim *c);
size_t worker_claim_count(const struct worker *w, enum claim_state state);
/* How long it will still take, from its progress; negative: cannot be told. */
struct span worker_claim_estimate(const struct claim *c, struct tick now);
void worker_claim_start(struct worker *w);
void worker_claim_stop_all(struct worker *w);

/* --- receive (receive.c) */

#define WORKER_RECEIVE_AGAIN_MS 500
#define WORKER_RECEIVE_DOUBLINGS 6

bool worker_receive_room(struct worker *w); /* there are slots to receive for now */
void worker_receive(struct worker *w);
/* Somebody waits for the end of --until-empty: what does not answer ends it. */
bool worker_receive_gives_up(struct worker *w, const struct err *e);
void worker_receive_took(struct worker *w, struct span job); /* in its slot */
void worker_receive_stop(struct worker *w);                  /* once the broker is gone */

/* --- ends; each takes the claim: it is freed when the broker has answered, or its lease is over */

void worker_finish_stored(struct claim *c, const char *key, int64_t bytes, bool already);
/* May go better another time: returned with a growing delay; at its last receive parked, since the
 * queue itself would move it without a reason. */
void worker_finish_failed(struct claim *c, const char *stage, const char *reason,
			  const char *complaint);
/* Its slot died: returned at once; at its last receive parked. */
void worker_finish_crashed(struct claim *c, const char *how);
void worker_finish_interrupted(struct claim *c, const char *why);
void worker_finish_lost(struct claim *c);
/* Its end was being told, and there is no more time for it. */
void worker_finish_untold(struct claim *c, enum claim_stop why);
void worker_finish_parked(struct claim *c, const char *stage, const char *reason,
			  const char *complaint);
void worker_finish_step(struct claim *c);

/* --- what is told of an end: event.c, record.c */

struct worker_end {
	const struct json *outputs; /* [{"bucket","key","bytes",…}], when done; NULL: parked */
	bool already;
	const char *stage, *reason, *complaint; /* parked */
};
/* Tells all that are to know, then goes on with @p next, at once where nobody is. */
void worker_event_tell(struct claim *c, const struct worker_end *end,
		       void (*next)(struct claim *c));
void worker_event_drop(struct claim *c);        /* tells no more; harmless when nothing is told */
bool worker_event_room(const struct worker *w); /* for another end to be told */
MUST int worker_event_start(struct worker *w, struct err *e);
void worker_event_stop(struct worker *w);

void worker_record_begin(struct claim *c); /* its slot has it */
void worker_record_progress(struct claim *c);
void worker_record_returned(struct claim *c, const char *why);
/* True: it is being written, and @p fn is called when that has ended, well or badly. */
bool worker_record_ended(struct claim *c, const struct worker_end *end, void (*fn)(void *arg),
			 void *arg);
void worker_record_unwait(struct claim *c); /* that is not called any more */
void worker_record_leave(struct claim *c);  /* the claim goes; what is to be written is written */
/* At the worker's end: false while one is being written, which is for a moment only. */
bool worker_record_closed(struct worker *w);
void worker_record_stop(struct worker *w);

/* --- evidence (evidence.c) */

MUST int worker_evidence_check(const struct worker_options *o, struct err *e);
/* Begins to store what is known of a job that is parked; where, or NULL: nowhere was asked. The
 * caller frees it. */
char *worker_evidence_put(struct claim *c, const struct worker_end *end);
void worker_evidence_stop(struct worker *w);

/* --- slots */

struct seat {
	struct worker *w;
	int number;
	struct loop_child *child; /* NULL: not running */
	struct frames frames;
	bool ready;
	char *folder;
	struct claim *claim;
	struct loop_timer *respawn;
	struct tick spawned, heard;
	int crashes;   /* one soon after the other */
	pid_t command; /* process group of the command that its slot runs; 0: none */
};

/* What a slot is told of a job; NULL: its folder takes no message. */
struct json *worker_assign_frame(const struct claim *c, const char *folder, struct err *e);
void worker_assign_clear(const struct claim *c, const char *folder); /* of what is left there */
struct json *worker_assign_keys(const struct cred *c);

void worker_crew_start(struct worker *w);
size_t worker_crew_idle(const struct worker *w);
bool worker_crew_gone(const struct worker *w);
void worker_crew_assign(struct claim *c); /* to an idle seat, of which there must be one */
void worker_crew_lease(struct claim *c);  /* tells the slot that the lease was renewed */
void worker_crew_keys(struct worker *w);  /* hands new credentials on */
void worker_crew_watch(struct worker *w); /* kills slots that have gone silent with a job */
void worker_crew_kill(struct claim *c, enum claim_stop why);
void worker_crew_dismiss(struct worker *w); /* for good */
void worker_crew_stop(struct worker *w);

/* --- the instance */

enum life_mode {
	LIFE_UNKNOWN, /* being found out: no receive yet */
	LIFE_NONE,    /* no instance, or no group */
	LIFE_GROUP    /* an instance of a group */
};

struct hook {
	char *name;
	struct span every; /* between heartbeats */
	struct tick until; /* no heartbeat can help past it */
};
#define WORKER_HOOKS_MAX 8

struct life {
	enum life_mode mode;
	struct imds *imds;
	char id[WORKER_ID_MAX], group[WORKER_GROUP_MAX];
	bool in_service; /* target lifecycle state */
	bool terminating, completed, spot, advised;
	struct tick spot_ends;   /* our part of the two minutes */
	struct tick avoid_until; /* advised: no job is received until then */
	struct hook hooks[WORKER_HOOKS_MAX];
	size_t hook_count;
	struct loop_timer *look, *heartbeat;
	struct imds_get *state_get, *spot_get, *advice_get;
	struct aws_call call, hook_calls[WORKER_HOOKS_MAX];
	int tries;
};

bool worker_life_on_ec2(void);
void worker_life_start(struct worker *w);
bool worker_life_may_receive(const struct worker *w);
void worker_life_look(struct worker *w); /* now: something says that the instance may be leaving */
void worker_life_idle(struct worker *w); /* no claim is left: a waiting hook can be completed */
void worker_life_stop(struct worker *w);

void worker_spot_look(struct worker *w);
/* EC2 advised to replace the instance, a while ago at most: no new job, no protection when idle. */
bool worker_spot_avoids(const struct worker *w);

/* --- protection */

enum guard_state { GUARD_UNKNOWN, GUARD_OFF, GUARD_ON };

struct guard {
	enum guard_state state;
	bool setting, clearing, looking, yielding;
	bool tried;            /* an answer came, good or bad: a job may start */
	int64_t yield_desired; /* desired when it began to yield */
	struct tick idle_since, next_look, next_try;
	struct aws_call set, read;
	struct loop_timer *timer;
};

void worker_guard_start(struct worker *w, bool is_protected);
/* A job waits: protects. True when it may start now. */
bool worker_guard_ready(struct worker *w);
/* True when a receive may start now; may clear the protection, or look at the group, first. */
bool worker_guard_may_receive(struct worker *w);
/* At most @p wait: an idle, protected worker comes back in time to clear. */
struct span worker_guard_wait(const struct worker *w, struct span wait);
void worker_guard_job_ended(struct worker *w);
void worker_guard_release(
	struct worker *w); /* at the end of the program, or when the instance goes */
bool worker_guard_released(const struct worker *w);
void worker_guard_stop(struct worker *w);

/* --- the machine */

struct ground {
	struct loop_timer *again; /* while it runs nothing is received */
	bool told;                /* that no job can be done here */
	int troubles;             /* jobs in a row that failed for the machine's fault */
};

void worker_ground_start(struct worker *w);
/* True when a job could be done here now. */
bool worker_ground_fit(struct worker *w);
/* A job failed for the machine's fault, not its own: no receive for a while. */
void worker_ground_trouble(struct worker *w, const char *why);
/* S3 did not answer a job: likewise, and for a minute at most. */
void worker_ground_away(struct worker *w, const char *why);
void worker_ground_well(struct worker *w); /* a job was done */
void worker_ground_stop(struct worker *w);

void worker_encoders_start(struct worker *w); /* asks ffmpeg what it has */
bool worker_encoders_ready(const struct worker *w);
void worker_encoders_stop(struct worker *w);

/* --- for CloudWatch (publish.c): nothing without --publish */

void worker_publish_start(struct worker *w);
void worker_publish_job(struct worker *w, struct span took); /* one that was worked on and stored */
/* At the worker's end: false while the last of it is under way. */
bool worker_publish_closed(struct worker *w);
void worker_publish_stop(struct worker *w);

/* --- that it lives and polls (watch.c) */

void worker_watch_start(struct worker *w);
void worker_watch_ready(struct worker *w); /* it knows its queue, or waits for it to answer */
void worker_watch_turn(struct worker *w);  /* something changed */
/* Jobs are wanted, and for a long poll and @p slack more none could be asked for. */
bool worker_watch_starved(const struct worker *w, struct span slack);
void worker_watch_stopping(struct worker *w);
void worker_watch_stop(struct worker *w);

/* --- a command instead of a profile's file */

void worker_command_profile(const struct worker_options *o, struct buf *out);
const char *worker_command_profile_file(const struct worker_options *o);

/* --- seen from outside */

MUST int worker_outside_start(struct worker *w, struct err *e); /* nothing without --listen */
void worker_outside_stop(struct worker *w);

/* --- the whole */

enum worker_phase {
	WORKER_RUNNING,
	WORKER_DRAINING, /* no new job; ends when the current ones have */
	WORKER_HURRYING  /* current jobs given back */
};

struct worker {
	const struct worker_options *o;
	struct loop *loop;
	struct lane *lane;
	struct broker *broker;
	struct broker_traits traits;
	struct profile profile;
	char *profile_text;
	struct run *asking_encoders; /* of ffmpeg; NULL: it was */
	struct folder folder;
	char host[256];
	struct rng rng;
	struct lease_rule rule;

	enum worker_phase phase;
	struct loop_timer *drain, *receive_again, *receive_held, *describe_again, *turns;
	bool turning;
	struct loop_signal *signals[2];
	bool waiting_keys;
	struct worker_receive *receives;
	int receiving;          /* receives under way */
	size_t receiving_most;  /* messages that they may bring */
	bool plenty;            /* the last one brought as many as were asked for */
	int64_t job_us;         /* a slot's time for a job, a mean of the last few */
	struct tick room_since; /* TICK_NEVER: none is held for a fuller receive */
	int receive_failures;
	size_t receive_max;

	struct evidence *evidence; /* being stored */
	struct claim *claims;
	struct loop_timer *renewals;
	struct seat *seats;
	size_t seat_count;
	struct life life;
	struct guard guard;
	struct ground ground;
	int64_t jobs_begun, jobs_ended, stored, parked, returned, lost;
	struct meter meter;
	struct tick poll_good; /* the last good poll, or when the first since then began */
	struct tick wanting;   /* jobs are wanted since then; TICK_NEVER: they are not */
	struct loop_timer *pulse;
	struct publish *publish; /* NULL: nothing is */
	struct httpd *httpd;
	struct http *http;           /* for the webhook */
	struct event_secret *events; /* that signs what it gets; NULL: unsigned */
	int64_t events_told, events_failed;
	struct worker_record *records;
	struct loop_timer *records_over;
	bool empty; /* the last receive gave nothing */
	struct err failure;
};

/* Something changed: start what can be started now. Safe to call from anywhere; runs from the loop
 * soon. */
void worker_supervise_turn(struct worker *w);
void worker_supervise_job_ended(struct worker *w);
/* No new job; it ends when the current ones have. */
void worker_supervise_drain(struct worker *w);
/* All jobs under way given back, for a reason that the log tells. */
void worker_supervise_interrupt(struct worker *w, const char *why);

#endif
