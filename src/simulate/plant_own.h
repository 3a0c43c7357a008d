/* What the parts of the plant share. */
#ifndef SIMULATE_PLANT_OWN_H
#define SIMULATE_PLANT_OWN_H

#include "simulate/events.h"
#include "simulate/plant.h"

#define PLANT_NONE UINT32_MAX
#define PLANT_SEEN_MAX 2048 /* moments of counts that a late look may see */
#define PLANT_PATIENCE_US (86400 * (int64_t)LOAD_US)
#define PLANT_MINUTE_US (60 * (int64_t)LOAD_US)

enum plant_kind {
	PLANT_DONE,
	PLANT_BOOTED,
	PLANT_BACK,
	PLANT_MINUTE,
	PLANT_LOOK,
	PLANT_END,
	PLANT_IDLE,
	PLANT_FAILED,
	PLANT_RETRY,
	PLANT_NOTICE,
	PLANT_RECLAIM
};

enum plant_state { PLANT_GONE, PLANT_PENDING, PLANT_SERVING, PLANT_DRAINING };

struct plant_job {
	int64_t arrival, service, started;
	uint32_t inst, next; /* next: of the instance's jobs, or of the free ones */
	uint32_t gen;
	uint32_t receives;
};

struct plant_instance {
	int64_t launched, idle_since, looked;
	uint64_t hash;
	uint32_t gen, prev, next; /* in order of launch */
	uint32_t jobs;            /* first of those it runs */
	int32_t busy;
	uint8_t state;
	bool yielding; /* protect: takes no more jobs, leaves when idle */
};

struct plant_ring { /* first in, first out */
	struct plant_slot {
		uint32_t what, gen;
	} * item;
	size_t head, count, size; /* size: a power of two */
};

struct plant_seen {
	int64_t at, visible, in_flight, oldest;
};

struct plant {
	const struct plant_case *c;
	const struct knobs *k;
	struct plant_result *r;
	struct dist boot; /* a copy, for its place in a list */
	struct rng boot_rng, choice_rng, stale_rng, lag_rng, fault_rng;
	struct plant_jobs jobs;
	bool more, ended;
	int64_t ahead, ahead_service; /* the next job */
	int64_t now, horizon;
	struct events events;
	struct plant_job *job;
	size_t job_count, job_size;
	uint32_t free_job;
	struct plant_instance *inst;
	size_t inst_count, inst_size;
	uint32_t free_inst, first, last;
	struct plant_ring queue, idle; /* jobs; instances, one entry a free slot, some gone */
	int64_t desired, pending, serving, draining, running, lost; /* lost: killed, not back yet */
	int64_t limit_free;
	int direction;
	int64_t late_work_us, sent_minute, deleted_minute;
	struct sketch waits;
	struct plant_seen seen[PLANT_SEEN_MAX];
	size_t seen_head, seen_count;
	struct plant_point point[PLANT_POINTS_MAX], newest;
	size_t point_head, point_count;
	struct plant_point fresh[PLANT_POINTS_MAX];
	bool have_newest, retrying;
	int64_t available;
};

static inline void plant_ring_add(struct plant_ring *r, uint32_t what, uint32_t gen)
{
	if (r->count == r->size) {
		size_t size = r->size ? 2 * r->size : 64;

		r->item = own_grow(r->item, size, sizeof(*r->item));
		/* What had wrapped goes behind; the rest stays where it is. */
		for (size_t i = 0; i < r->head; i++)
			r->item[r->size + i] = r->item[i];
		r->size = size;
	}
	r->item[(r->head + r->count++) & (r->size - 1)] = (struct plant_slot){ what, gen };
}

static inline struct plant_slot plant_ring_take(struct plant_ring *r)
{
	struct plant_slot s = r->item[r->head];

	r->head = (r->head + 1) & (r->size - 1);
	r->count--;
	return s;
}

/* plant_jobs.c: streams of their own, so that what one draws never shifts another */
void plant_seed(struct rng *r, uint64_t base, uint64_t which);
/* plant.c */
void plant_start(struct plant *p, uint32_t job, uint32_t inst);
void plant_send(struct plant *p, uint32_t job); /* to a free slot, or to the queue's end */
void plant_lose(struct plant *p, uint32_t job, bool at_once); /* its instance goes away */
/* plant_fleet.c */
void plant_want(struct plant *p, int64_t desired);
void plant_reconcile(struct plant *p); /* launches or lets go until the group is as desired */
void plant_serve(struct plant *p, uint32_t inst);
void plant_freed(struct plant *p, uint32_t inst); /* a job of it has ended */
void plant_gone(struct plant *p, uint32_t inst);
void plant_fleet_event(struct plant *p, const struct event *e);
uint32_t plant_launch(struct plant *p, bool in_service);
void plant_charge_end(struct plant *p);
/* plant_see.c */
struct trace_state plant_state(const struct plant *p);
void plant_note(struct plant *p); /* after each change of the queue's counts */
void plant_minute(struct plant *p);
void plant_look(struct plant *p);

#endif
