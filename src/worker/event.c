#include "worker/event.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "base/own.h"

#define AGAIN_MS 500
#define AGAIN_DOUBLINGS 7 /* a minute */
#define RECORD_WAIT_S 3   /* so long a record may hold up an ack, not longer */
#define BACKLOG_MOST 32   /* ends that wait to be told, beyond which nothing is received */

static const struct event_kind *const kinds[EVENT_KINDS] = { &worker_event_queue,
							     &worker_event_hook,
							     &worker_event_command };

/* --- the event */

static void set_id(struct telling *t)
{
	const struct claim *c = t->claim;

	snprintf(t->id, sizeof(t->id), "%.120s.%s",
		 c->job.task_id[0] ? c->job.task_id
		 : c->message.id   ? c->message.id
				   : "unknown",
		 t->event);
}

static struct json *source_of(const struct job *j)
{
	struct json *o = json_object();

	json_set_str(o, "bucket", j->bucket);
	json_set_str(o, "key", j->key);
	return o;
}

static void set_text(struct json *j, const char *name, const char *text)
{
	if (text && *text)
		json_set_str(j, name, text);
}

static struct json *event_json(struct telling *t, const struct worker_end *end)
{
	const struct claim *c = t->claim;
	struct json *j = json_object();
	char at[CLOCK_TEXT_MAX];

	json_set_int(j, "version", 1);
	json_set_str(j, "event", t->event);
	json_set_str(j, "id", t->id);
	json_set_str(j, "at", clock_print_ms(clock_wall(), at));
	set_text(j, "video_id", c->job.video_id);
	set_text(j, "task_id", c->job.task_id);
	json_set_str(j, "message_id", c->message.id);
	json_set_int(j, "receives", c->message.receives);
	json_set_str(j, "worker", c->w->host);
	if (c->job.bucket[0])
		json_set(j, "source", source_of(&c->job));
	if (end->outputs) {
		json_set(j, "outputs", json_ref((struct json *)end->outputs));
		json_set_bool(j, "already", end->already);
	} else {
		json_set_str(j, "stage", end->stage);
		json_set_str(j, "reason", end->reason);
		set_text(j, "complaint", end->complaint);
	}
	return j;
}

static void write_body(struct telling *t, const struct worker_end *end)
{
	AUTO(json_freep) struct json *j = event_json(t, end);

	t->body = BUF(EVENT_BYTES_MAX);
	if (json_write(j, &t->body) == 0)
		return;
	/* Many outputs of long names: their number is told, and where the record or the store has
	 * them is known. */
	json_set_int(j, "output_count", (int64_t)json_count(end->outputs));
	json_set(j, "outputs", json_array());
	buf_done(&t->body);
	t->body = BUF(EVENT_BYTES_MAX);
	err_ignore(json_write(j, &t->body));
}

/* --- telling */

static void telling_free(struct telling *t)
{
	for (size_t i = 0; i < t->count; i++) {
		t->sinks[i].kind->stop(&t->sinks[i]);
		loop_timer_free(t->sinks[i].again);
	}
	loop_timer_free(t->record_limit);
	buf_done(&t->body);
	own_free(t);
}

static bool complete(const struct telling *t)
{
	for (size_t i = 0; i < t->count; i++)
		if (!t->sinks[i].told)
			return false;
	return t->recorded;
}

static void maybe_go_on(struct telling *t)
{
	struct claim *c = t->claim;
	void (*next)(struct claim *) = t->next;

	if (!complete(t))
		return;
	c->telling = NULL;
	telling_free(t);
	next(c);
}

static void try(void *arg)
{
	struct event_sink *s = arg;

	if (s->running) { /* its limit is over */
		struct err e = { 0 };

		err_set(&e, ERR_UNREACHABLE, "it had not ended after %d s", EVENT_ANSWER_S);
		s->kind->stop(s);
		worker_event_answer(s, &e);
		return;
	}
	s->running = true;
	s->kind->start(s);
}

void worker_event_answer(struct event_sink *s, const struct err *e)
{
	struct claim *c = s->t->claim;
	int doublings = s->tries < AGAIN_DOUBLINGS ? s->tries : AGAIN_DOUBLINGS;
	int64_t ms = (int64_t)((0.5 + rng_unit(&c->w->rng) / 2) * (AGAIN_MS << doublings));

	s->running = false;
	loop_timer_stop(s->again);
	if (e->kind == ERR_NONE) {
		c->w->events_told++;
		s->told = true;
		maybe_go_on(s->t);
		return;
	}
	c->w->events_failed++;
	s->tries++;
	if (c->w->phase == WORKER_HURRYING) {
		LOG_WARN("the end of a job could not be told, and there is no more time",
			 LOG_S("to", s->kind->word), LOG_S("event", s->t->id), LOG_E(e));
		worker_finish_untold(c, CLAIM_INTERRUPTED);
		return;
	}
	if (ms < e->retry_after_ms)
		ms = e->retry_after_ms;
	LOG_WARN("the end of a job could not be told: trying again, the message stays held",
		 LOG_S("to", s->kind->word), LOG_S("event", s->t->id), LOG_I("tries", s->tries),
		 LOG_I("in_ms", ms), LOG_E(e));
	loop_timer_start(s->again, span_ms(ms));
}

static void add_sinks(struct telling *t, struct worker *w)
{
	for (size_t i = 0; i < EVENT_KINDS; i++) {
		struct event_sink *s = &t->sinks[t->count];

		if (!kinds[i]->wanted(w->o))
			continue;
		*s = (struct event_sink){ .t = t, .kind = kinds[i] };
		s->again = loop_timer_new(w->loop, try, s);
		loop_timer_start(s->again, span_ms(0));
		t->count++;
	}
}

static void recorded(void *arg)
{
	struct telling *t = arg;

	t->recorded = true;
	loop_timer_stop(t->record_limit);
	maybe_go_on(t);
}

static void record_late(void *arg)
{
	struct telling *t = arg;

	worker_record_unwait(t->claim); /* it is still tried, beside the ack */
	recorded(t);
}

void worker_event_tell(struct claim *c, const struct worker_end *end, void (*next)(struct claim *c))
{
	struct telling *t = own_alloc(sizeof(*t));
	bool waits;

	t->claim = c;
	t->event = end->outputs ? "done" : "parked";
	t->next = next;
	t->record_limit = loop_timer_new(c->w->loop, record_late, t);
	set_id(t);
	add_sinks(t, c->w);
	if (t->count)
		write_body(t, end);
	waits = worker_record_ended(c, end, recorded, t);
	if (!t->count && !waits) {
		telling_free(t);
		next(c);
		return;
	}
	t->recorded = !waits;
	c->telling = t;
	c->state = CLAIM_TELLING;
	if (waits)
		loop_timer_start(t->record_limit, span_s(RECORD_WAIT_S));
}

void worker_event_drop(struct claim *c)
{
	if (!c->telling)
		return;
	worker_record_unwait(c);
	telling_free(TAKE(c->telling));
}

bool worker_event_room(const struct worker *w)
{
	return worker_claim_count(w, CLAIM_TELLING) < BACKLOG_MOST;
}

/* --- start and end of the worker */

/* Nothing after the last line counts: an editor's newline is no part of a secret. */
static int read_secret(struct worker *w, struct err *e)
{
	AUTO(buf_wipe) struct buf text = BUF(EVENT_SECRET_MAX);
	size_t len;

	if (!w->o->event_secret_file || !*w->o->event_secret_file)
		return 0;
	if (buf_read_file(&text, w->o->event_secret_file, e) < 0)
		return err_wrap(e, "secret of the webhook");
	len = text.len;
	while (len && (text.data[len - 1] == '\n' || text.data[len - 1] == '\r'))
		len--;
	if (!len)
		return err_set(e, ERR_POLICY, "secret of the webhook: %s is empty",
			       w->o->event_secret_file);
	w->events = own_alloc(sizeof(*w->events));
	*w->events = (struct event_secret){ .text = own_strndup(text.data, len), .len = len };
	return 0;
}

static int check_hook(const struct worker_options *o, struct err *e)
{
	if (!worker_event_hook.wanted(o))
		return 0;
	if (strncmp(o->event_url, "http://", 7) != 0 && strncmp(o->event_url, "https://", 8) != 0)
		return err_set(e, ERR_POLICY, "the webhook is no http:// or https:// URL");
	return 0;
}

int worker_event_start(struct worker *w, struct err *e)
{
	if (check_hook(w->o, e) < 0 || read_secret(w, e) < 0)
		return -1;
	if (worker_event_hook.wanted(w->o) && !w->events)
		LOG_WARN("events go to the webhook unsigned: --event-secret-file signs them");
	w->http = http_new(w->loop);
	return 0;
}

void worker_event_stop(struct worker *w)
{
	for (struct claim *c = w->claims; c; c = c->next)
		worker_event_drop(c);
	http_free(w->http);
	if (!w->events)
		return;
	own_wipe_str(w->events->text);
	own_free(w->events);
}
