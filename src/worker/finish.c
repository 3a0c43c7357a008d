#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "base/own.h"
#include "worker/inside.h"
#include "worker/note.h"

#define DELAY_MOST_S 900
#define DOUBLINGS_MOST 12
#define AGAIN_MS 500
#define WHY_MOST 200  /* of a program's complaint, in the log */
#define TRIES_MOST 20 /* the lease ends it before */
#define TRIES_HURRYING 2
#define RESULT_MAX 8192

static const char *video_of(const struct claim *c)
{
	return c->job.video_id[0] ? c->job.video_id : NULL;
}

/* Visibility counts whole seconds. Half of it to all of it, so that a burst of failures does not
 * come back as one. */
static struct span grown(struct worker *w, int64_t receives)
{
	int64_t n = receives < 1 ? 0 : receives > DOUBLINGS_MOST ? DOUBLINGS_MOST : receives - 1;
	int64_t ms = w->o->retry.ms << n;

	if (ms > DELAY_MOST_S * 1000)
		ms = DELAY_MOST_S * 1000;
	ms = ms / 2 + (int64_t)(rng_unit(&w->rng) * (double)(ms - ms / 2));
	return span_s((ms + 999) / 1000);
}

static void ended(struct claim *c)
{
	struct worker *w = c->w;

	worker_claim_free(c);
	worker_supervise_job_ended(w);
}

static void begin(struct claim *c, enum finish_kind kind, struct span delay)
{
	c->state = CLAIM_ENDING;
	c->finish.kind = kind;
	c->finish.delay = delay;
	worker_finish_step(c);
}

static void said(struct claim *c)
{
	struct log_field fields[] = { LOG_S("video", video_of(c)), LOG_S("task", c->job.task_id),
				      LOG_S("message", c->message.id),
				      LOG_I("receives", c->message.receives),
				      LOG_S("why", c->finish.why) };

	switch (c->finish.kind) {
	case FINISH_ACK:
		job_move(&c->job, JOB_ACKED);
		c->w->stored++;
		log_write(LOG_LEVEL_INFO, "job done", fields, 4);
		break;
	case FINISH_RETURN:
		c->w->returned++;
		log_write(LOG_LEVEL_WARN, "message returned", fields, COUNT_OF(fields));
		break;
	case FINISH_PARK:
		c->w->parked++;
		log_write(LOG_LEVEL_WARN, "message parked in the dead-letter queue", fields,
			  COUNT_OF(fields));
		break;
	case FINISH_RESEND:
		c->w->returned++;
		log_write(LOG_LEVEL_INFO, "message sent again: this was its last receive", fields,
			  COUNT_OF(fields));
		break;
	case FINISH_DROP:
		c->w->lost++;
		log_write(LOG_LEVEL_WARN, "message dropped: the claim on it is over", fields,
			  COUNT_OF(fields));
		break;
	}
}

static void give_up(struct claim *c, const struct err *e)
{
	LOG_WARN("the queue did not take the end of a message: it comes back by itself",
		 LOG_S("video", video_of(c)), LOG_S("message", c->message.id),
		 LOG_S("why", c->finish.why), LOG_E(e));
	ended(c);
}

/* Nothing can be copied, now or later: what happens then is the redrive policy's. */
static void cannot_copy(struct claim *c, const struct err *e)
{
	LOG_WARN("a message cannot be copied: it is left to the queue's redrive policy",
		 LOG_S("video", video_of(c)), LOG_S("message", c->message.id),
		 LOG_S("why", c->finish.why), LOG_E(e));
	c->finish.delay = c->finish.kind == FINISH_PARK ? c->w->rule.hold : span_ms(0);
	c->finish.kind = FINISH_RETURN;
	worker_finish_step(c);
}

static bool copies(const struct claim *c)
{
	return !c->finish.copied &&
	       (c->finish.kind == FINISH_PARK || c->finish.kind == FINISH_RESEND);
}

static int tries_most(const struct worker *w)
{
	return w->phase == WORKER_HURRYING ? TRIES_HURRYING : TRIES_MOST;
}

static void answered(const struct err *e, void *arg)
{
	struct claim *c = arg;

	c->finish.busy = false;
	if (e->kind == ERR_NONE && copies(c)) {
		c->finish.copied = true;
		c->finish.tries = 0;
		worker_finish_step(c);
	} else if (e->kind == ERR_NONE) {
		said(c);
		ended(c);
	} else if (copies(c) && e->kind == ERR_POLICY) {
		cannot_copy(c, e);
	} else if (e->kind == ERR_CONFLICT || ++c->finish.tries > tries_most(c->w)) {
		give_up(c, e);
	} else {
		int doublings = c->finish.tries > 5 ? 5 : c->finish.tries;
		double part = 0.5 + rng_unit(&c->w->rng) / 2;

		LOG_DEBUG("the queue did not take the end of a message: trying again",
			  LOG_S("message", c->message.id), LOG_E(e));
		loop_timer_start(c->deadman, span_ms((int64_t)(part * (AGAIN_MS << doublings))));
	}
}

static int copy(struct claim *c, struct span deadline, struct err *e)
{
	struct broker_note note = { c->finish.note_name, c->finish.note };
	enum broker_place place =
		c->finish.kind == FINISH_PARK ? BROKER_DEAD_LETTERS : BROKER_SAME_QUEUE;

	return broker_copy(c->w->broker, place, &c->message, &note, c->finish.note ? 1 : 0,
			   deadline, answered, c, e);
}

void worker_finish_step(struct claim *c)
{
	struct tick now = clock_mono();
	struct span left = worker_lease_left(&c->lease, now);
	struct err e = { 0 };

	/* Retired before anything is sent: a renewal must not race a delete. */
	if (c->finish.busy || !worker_claim_retired(c))
		return;
	if (c->finish.kind == FINISH_DROP) {
		said(c);
		ended(c);
		return;
	}
	if (left.ms == 0) {
		err_set(&e, ERR_CONFLICT, "the claim is over");
		give_up(c, &e);
		return;
	}
	c->finish.busy = true;
	if (copies(c)) {
		if (copy(c, left, &e) < 0) {
			c->finish.busy = false;
			cannot_copy(c, &e);
		}
	} else if (c->finish.kind == FINISH_RETURN) {
		broker_give_back(c->w->broker, &c->message, c->finish.delay, left, answered, c);
	} else {
		broker_ack(c->w->broker, &c->message, c->finish.result, left, answered, c);
	}
}

static const char *bucket_of(const struct claim *c)
{
	return c->bucket[0] ? c->bucket : c->job.bucket;
}

/* What a sender that waits for it is told. */
static char *result_of(const struct claim *c, const char *key, int64_t bytes)
{
	AUTO(json_freep) struct json *j = json_object();
	AUTO(own_freep) char *output = own_printf("s3://%s/%s", bucket_of(c), key);
	struct buf out = BUF(RESULT_MAX);

	json_set_str(j, "video_id", c->job.video_id);
	json_set_str(j, "output", output);
	json_set_int(j, "bytes", bytes);
	return json_write(j, &out) == 0 ? buf_take(&out) : NULL;
}

/* Where its slot listed none. */
static struct json *one_output(const struct claim *c, const char *key, int64_t bytes)
{
	struct json *list = json_array(), *o = json_object();

	json_set_str(o, "bucket", bucket_of(c));
	json_set_str(o, "key", key);
	json_set_int(o, "bytes", bytes);
	json_add(list, o);
	return list;
}

static void ack(struct claim *c)
{
	begin(c, FINISH_ACK, span_ms(0));
}

void worker_finish_stored(struct claim *c, const char *key, int64_t bytes, bool already)
{
	struct worker_end end = { .already = already };
	struct span took = tick_since(clock_mono(), c->started);

	c->w->meter.stored_bytes += bytes;
	c->w->meter.stored_ms += took.ms;
	if (!already)
		worker_publish_job(c->w, took);
	LOG_INFO("output stored", LOG_S("video", c->job.video_id), LOG_S("task", c->job.task_id),
		 LOG_S("message", c->message.id), LOG_S("bucket", bucket_of(c)), LOG_S("key", key),
		 LOG_I("bytes", bytes), LOG_B("already", already), LOG_I("took_ms", took.ms));
	c->finish.result = result_of(c, key, bytes);
	if (!json_count(c->finish.outputs)) {
		json_free(c->finish.outputs);
		c->finish.outputs = one_output(c, key, bytes);
	}
	end.outputs = c->finish.outputs;
	worker_event_tell(c, &end, ack);
}

/* What a program said: its end, where errors stand. */
static const char *end_of(const char *complaint)
{
	size_t said = strlen(complaint);

	return complaint + (said > WHY_MOST ? said - WHY_MOST : 0);
}

static bool last_receive(const struct claim *c)
{
	int64_t most = c->message.receives_max && !c->w->o->receives_max
			       ? c->message.receives_max
			       : (int64_t)c->w->receive_max;

	return most > 0 && c->message.receives >= most;
}

void worker_finish_failed(struct claim *c, const char *stage, const char *reason,
			  const char *complaint)
{
	struct span delay = grown(c->w, c->message.receives);

	if (last_receive(c)) {
		worker_finish_parked(c, stage, reason, complaint);
		return;
	}
	job_move(&c->job, JOB_RETURNED);
	c->finish.why =
		own_printf("%s: %s%s%s (again in %lld s)", stage, reason, *complaint ? ": " : "",
			   end_of(complaint), (long long)delay.ms / 1000);
	worker_record_returned(c, reason);
	begin(c, FINISH_RETURN, delay);
}

void worker_finish_crashed(struct claim *c, const char *how)
{
	AUTO(own_freep) char *why = own_printf("its slot %s", how);

	if (last_receive(c)) {
		worker_finish_parked(c, "slot", why, "");
		return;
	}
	job_move(&c->job, JOB_RETURNED);
	c->finish.why = TAKE(why);
	worker_record_returned(c, c->finish.why);
	begin(c, FINISH_RETURN, span_ms(0));
}

/* Not its own fault: sent again where the queue would give it up. */
static void give_back(struct claim *c, const char *why)
{
	bool last = last_receive(c);

	job_move(&c->job, JOB_RETURNED);
	c->finish.why = own_strdup(why);
	worker_record_returned(c, why);
	if (last) {
		c->finish.note_name = NOTE_INTERRUPTED;
		c->finish.note = worker_note_interrupted(&c->message);
	}
	begin(c, last ? FINISH_RESEND : FINISH_RETURN, span_ms(0));
}

void worker_finish_interrupted(struct claim *c, const char *why)
{
	bool last = last_receive(c);

	if (last && worker_note_interruptions(&c->message) >= NOTE_INTERRUPTIONS_MOST) {
		AUTO(own_freep)
		char *reason = own_printf("interrupted at its last receive for the %dth time: %s",
					  NOTE_INTERRUPTIONS_MOST + 1, why);

		worker_finish_parked(c, "queue", reason, "");
		return;
	}
	give_back(c, why);
}

void worker_finish_untold(struct claim *c, enum claim_stop why)
{
	worker_event_drop(c);
	own_free(TAKE(c->finish.why));
	own_free(TAKE(c->finish.note));
	c->finish.note_name = NULL;
	if (why == CLAIM_LOST)
		worker_finish_lost(c);
	else
		give_back(c, "its end could not be told");
}

void worker_finish_lost(struct claim *c)
{
	job_move(&c->job, JOB_RETURNED);
	begin(c, FINISH_DROP, span_ms(0));
}

static void park(struct claim *c)
{
	job_move(&c->job, JOB_PARKED);
	begin(c, FINISH_PARK, span_ms(0));
}

void worker_finish_parked(struct claim *c, const char *stage, const char *reason,
			  const char *complaint)
{
	struct note n = { .reason = reason,
			  .stage = stage,
			  .complaint = complaint,
			  .host = c->w->host,
			  .attempt = c->message.receives };
	const struct worker_end end = { .stage = stage, .reason = reason, .complaint = complaint };
	AUTO(own_freep) char *evidence = worker_evidence_put(c, &end);

	n.evidence = evidence;
	/* What the program itself said is what tells a person most: its end, where errors stand. */
	if (complaint[0])
		c->finish.why = own_printf("%s: %s: %s", stage, reason, end_of(complaint));
	else
		c->finish.why = own_printf("%s: %s", stage, reason);
	c->finish.note_name = NOTE_PARKED;
	c->finish.note = worker_note_parked(&c->message, &n);
	worker_event_tell(c, &end, park);
}
