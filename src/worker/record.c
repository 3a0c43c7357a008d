/* The record of a video, as its worker writes it: processing, then queued again, done or parked.
 *
 * Nothing waits for it but the last one, a little, before the ack: a record that cannot be written
 * costs its uploader the news, never a job. It outlives its claim until it is written. */
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/own.h"
#include "broker/record.h"
#include "worker/inside.h"

#define PROGRESS_S 5 /* between two that differ in their percent alone */
#define WRITE_S 10
#define CLOSE_S 3 /* what the end of the worker leaves those that are being written */

struct worker_record {
	struct worker_record *next, **at;
	struct worker *w;
	struct claim *claim; /* NULL: it has ended */
	struct record want;
	bool changed, absent; /* absent: the store has none, or lets us have none */
	struct broker_record_write *write;
	struct tick next_progress;
	void (*waiter)(void *arg);
	void *waiter_arg;
};

static void record_free(struct worker_record *r)
{
	broker_record_cancel(r->write);
	record_done(&r->want);
	*r->at = r->next;
	if (r->next)
		r->next->at = r->at;
	if (r->claim)
		r->claim->record = NULL;
	own_free(r);
}

static void step(struct worker_record *r);

static void wrote(const struct err *e, bool wrote_it, const struct record *now, void *arg)
{
	struct worker_record *r = arg;

	(void)wrote_it; /* or a later one stands there: as good */
	(void)now;
	r->write = NULL;
	if (e->kind == ERR_NOT_FOUND || e->kind == ERR_DENIED) {
		r->absent = true;
		LOG_DEBUG("no record of this video is kept", LOG_S("video", r->want.video_id),
			  LOG_E(e));
	} else if (e->kind != ERR_NONE) {
		LOG_WARN("the record of a video could not be written",
			 LOG_S("video", r->want.video_id),
			 LOG_S("state", record_state_word(r->want.state)), LOG_E(e));
	}
	step(r);
}

static void step(struct worker_record *r)
{
	const struct broker_record_place place = { .bucket = r->want.bucket,
						   .prefix = r->w->o->record_prefix };
	void (*waiter)(void *) = r->waiter;
	void *arg = r->waiter_arg;
	struct worker *w = r->w;

	if (r->write)
		return;
	if (r->changed && !r->absent) {
		r->changed = false;
		r->write = broker_record_put(w->loop, w->lane, &place, &r->want,
					     BROKER_RECORD_THERE, span_s(WRITE_S), wrote, r);
		return;
	}
	r->waiter = NULL;
	if (!r->claim)
		record_free(r);
	if (waiter)
		waiter(arg);
	worker_supervise_turn(w);
}

static void set(struct worker_record *r, enum record_state state, const char *reason)
{
	r->want.state = state;
	r->want.at = clock_wall();
	record_reason(&r->want, reason);
	r->changed = true;
}

void worker_record_begin(struct claim *c)
{
	struct worker *w = c->w;
	struct worker_record *r;

	if (!w->o->record_prefix || !*w->o->record_prefix || !c->job.video_id[0])
		return;
	r = own_alloc(sizeof(*r));
	r->w = w;
	r->claim = c;
	c->record = r;
	r->next = w->records;
	r->at = &w->records;
	if (r->next)
		r->next->at = &r->next;
	w->records = r;
	record_init(&r->want, &c->job, RECORD_PROCESSING, clock_wall());
	r->want.began_at = r->want.at;
	r->want.attempt = c->message.receives;
	r->next_progress = tick_add(clock_mono(), span_s(PROGRESS_S));
	r->changed = true;
	step(r);
}

void worker_record_progress(struct claim *c)
{
	struct worker_record *r = c->record;

	if (!r || c->permille / 10 <= r->want.progress || clock_mono().ms < r->next_progress.ms)
		return;
	r->next_progress = tick_add(clock_mono(), span_s(PROGRESS_S));
	r->want.progress = c->permille / 10;
	set(r, RECORD_PROCESSING, NULL);
	step(r);
}

void worker_record_returned(struct claim *c, const char *why)
{
	if (!c->record)
		return;
	set(c->record, RECORD_QUEUED, why);
	step(c->record);
}

bool worker_record_ended(struct claim *c, const struct worker_end *end, void (*fn)(void *arg),
			 void *arg)
{
	struct worker_record *r;

	if (!c->record) /* parked before it began */
		worker_record_begin(c);
	r = c->record;
	if (!r)
		return false;
	set(r, end->outputs ? RECORD_DONE : RECORD_PARKED, end->reason);
	if (end->outputs)
		r->want.progress = 100;
	for (size_t i = 0; i < json_count(end->outputs); i++) {
		const struct json *o = json_at(end->outputs, i);
		int64_t bytes = 0;

		json_get_int(o, "bytes", &bytes);
		record_add_output(&r->want, json_get_str(o, "bucket"), json_get_str(o, "key"),
				  bytes, json_get_str(o, "type"));
	}
	step(r);
	if (!r->write)
		return false;
	r->waiter = fn;
	r->waiter_arg = arg;
	return true;
}

void worker_record_unwait(struct claim *c)
{
	if (c->record)
		c->record->waiter = NULL;
}

void worker_record_leave(struct claim *c)
{
	struct worker_record *r = c->record;

	if (!r)
		return;
	r->claim = NULL;
	c->record = NULL;
	if (!r->write)
		record_free(r);
}

static void given_up(void *arg)
{
	struct worker *w = arg;

	while (w->records)
		record_free(w->records);
	worker_supervise_turn(w);
}

bool worker_record_closed(struct worker *w)
{
	if (!w->records)
		return true;
	if (!w->records_over) {
		w->records_over = loop_timer_new(w->loop, given_up, w);
		loop_timer_start(w->records_over, span_s(CLOSE_S));
	}
	return false;
}

void worker_record_stop(struct worker *w)
{
	loop_timer_free(w->records_over);
	while (w->records)
		record_free(w->records);
}
