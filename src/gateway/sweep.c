/* Uploads that somebody left behind: those marked and old enough get their message, or go; uploads
 * in parts that nobody can go on with are aborted. Any number of gateways sweep; whoever writes a
 * record first takes it. One thing at a time: this is never in a hurry. */
#include <string.h>

#include "base/clock.h"
#include "gateway/inside.h"

#define PAGE 1000
#define WRITE_S 30

struct sweep {
	struct gateway *g;
	struct s3_entries marks;
	size_t next;
	struct s3_uploads open;
	struct record record; /* of the one in hand */
	struct aws_call call;
	struct broker_record_write *write;
	struct gateway_send *send;
};

void gateway_sweep_stop(struct gateway *g)
{
	struct sweep *s = g->sweeping;

	if (!s)
		return;
	g->sweeping = NULL;
	lane_cancel(g->lane, &s->call);
	aws_call_done(&s->call);
	broker_record_cancel(s->write);
	gateway_send_cancel(s->send);
	s3_entries_done(&s->marks);
	s3_uploads_done(&s->open);
	record_done(&s->record);
	own_free(s);
}

static void give_up(struct sweep *s, const char *what, const struct err *e)
{
	LOG_WARN("a sweep ended early", LOG_S("what", what), LOG_E(e));
	gateway_sweep_stop(s->g);
}

/* True: it is so old that whoever began it has ended. Judged by our clock. */
static bool old(struct instant since, struct span than)
{
	return !instant_is_never(since) && instant_since(clock_wall(), since).ms >= than.ms;
}

/* --- uploads in parts */

static void list_opens(struct sweep *s);

static void opens_came(struct aws_call *c, void *arg)
{
	struct sweep *s = arg;
	struct gateway *g = s->g;
	struct span than = span_ms(g->o->upload_most.ms + g->o->forgotten_after.ms);
	struct err e = { 0 };

	s3_uploads_done(&s->open);
	if (aws_s3_multi_list_read(&c->reply, &s->open, &e) < 0) {
		give_up(s, "listing uploads in parts", &e);
		return;
	}
	for (size_t i = 0; i < s->open.count; i++) {
		const struct s3_upload *u = &s->open.list[i];

		if (!old(u->began, than))
			continue;
		LOG_INFO("an upload in parts that nobody goes on with is aborted",
			 LOG_S("key", u->key));
		g->swept_removed++;
		gateway_errand_abort(g, u->key, u->upload);
	}
	if (s->open.next_key && !g->draining)
		list_opens(s);
	else
		gateway_sweep_stop(g);
}

/* A page, behind the one at hand. */
static void list_opens(struct sweep *s)
{
	aws_call_done(&s->call);
	aws_s3_multi_list_ask(&s->call.request, s->g->place.bucket, s->g->o->uploads,
			      s->open.next_key, s->open.next_upload);
	lane_start(s->g->lane, &s->call, span_s(GATEWAY_CALL_S), opens_came, s);
}

/* --- marked ones */

static void list_marks(struct sweep *s);
static void step(struct sweep *s);

static const char *mark(const struct sweep *s)
{
	return s->marks.list[s->next].key;
}

static const char *video_of(const struct sweep *s)
{
	return strrchr(mark(s), '/') + 1;
}

static void unmark(struct sweep *s)
{
	gateway_errand_delete(s->g, mark(s), NULL);
	s->next++;
	step(s);
}

static void skip(struct sweep *s)
{
	s->next++;
	step(s);
}

static void queued(const struct err *e, bool wrote, const struct record *now, void *arg)
{
	struct sweep *s = arg;

	(void)wrote;
	(void)now;
	s->write = NULL;
	if (e->kind == ERR_NONE)
		unmark(s);
	else
		skip(s);
}

static void sent(const struct err *e, bool certain, void *arg)
{
	struct sweep *s = arg;

	(void)certain;
	s->send = NULL;
	if (e->kind != ERR_NONE) {
		give_up(s, "sending", e); /* the queue is away: the others would fare no better */
		return;
	}
	LOG_INFO("an upload without a message was enqueued", LOG_S("video", s->record.video_id));
	s->g->swept_sent++;
	s->record.state = RECORD_QUEUED;
	s->record.at = clock_wall();
	record_text(&s->record.upload, NULL, RECORD_UPLOAD_MAX);
	s->write = broker_record_put(s->g->loop, s->g->lane, &s->g->place, &s->record,
				     BROKER_RECORD_THERE, span_s(WRITE_S), queued, s);
}

/* Its object never came to be: record and marker go, in this order. */
static void remove_it(struct sweep *s)
{
	struct gateway *g = s->g;
	AUTO(own_freep) char *record = broker_record_key(g->place.prefix, s->record.video_id);

	LOG_INFO("an upload that never came to its end was removed",
		 LOG_S("video", s->record.video_id));
	g->swept_removed++;
	if (s->record.upload)
		gateway_errand_abort(g, s->record.key, s->record.upload);
	gateway_errand_delete(g, record, mark(s));
	skip(s);
}

static void looked(struct aws_call *c, void *arg)
{
	struct sweep *s = arg;
	struct s3_object o;
	struct job j;
	struct err e = { 0 };

	if (aws_s3_head_read(&c->reply, &o, &e) == 0) {
		record_job(&s->record, &j);
		s->send = gateway_send_start(s->g, &j, sent, s);
	} else if (e.kind == ERR_NOT_FOUND) {
		remove_it(s);
	} else {
		give_up(s, "looking for an object", &e);
	}
}

static void taken(const struct err *e, bool wrote, const struct record *now, void *arg)
{
	struct sweep *s = arg;

	(void)now;
	s->write = NULL;
	if (e->kind != ERR_NONE || !wrote) {
		skip(s); /* another gateway was first, or its message came through after all */
		return;
	}
	aws_call_done(&s->call);
	aws_s3_head_ask(&s->call.request, s->record.bucket, s->record.key);
	lane_start(s->g->lane, &s->call, span_s(GATEWAY_CALL_S), looked, s);
}

static void record_came(struct aws_call *c, void *arg)
{
	struct sweep *s = arg;
	char etag[S3_ETAG_MAX];
	struct err e = { 0 };

	record_done(&s->record);
	if (broker_record_get_read(&c->reply, &s->record, etag, &e) < 0) {
		if (e.kind == ERR_NOT_FOUND)
			unmark(s);
		else if (e.kind == ERR_PROTOCOL)
			skip(s);
		else
			give_up(s, "reading a record", &e);
	} else if (s->record.state != RECORD_UPLOADED) {
		unmark(s);
	} else if (!old(s->record.at, s->g->o->forgotten_after)) {
		skip(s);
	} else {
		s->record.at = clock_wall();
		s->write = broker_record_put(s->g->loop, s->g->lane, &s->g->place, &s->record,
					     BROKER_RECORD_THERE, span_s(WRITE_S), taken, s);
	}
}

static void step(struct sweep *s)
{
	while (s->next < s->marks.count &&
	       (!old(s->marks.list[s->next].modified, s->g->o->forgotten_after) ||
		!strrchr(mark(s), '/')[1]))
		s->next++;
	if (s->next == s->marks.count && s->marks.next_token && !s->g->draining) {
		list_marks(s);
		return;
	}
	if (s->next == s->marks.count || s->g->draining) {
		list_opens(s);
		return;
	}
	aws_call_done(&s->call);
	broker_record_get_ask(&s->call.request, &s->g->place, video_of(s));
	lane_start(s->g->lane, &s->call, span_s(GATEWAY_CALL_S), record_came, s);
}

static void marks_came(struct aws_call *c, void *arg)
{
	struct sweep *s = arg;
	struct err e = { 0 };

	s3_entries_done(&s->marks);
	s->next = 0;
	if (aws_s3_list_read(&c->reply, &s->marks, &e) < 0)
		give_up(s, "listing what is marked", &e);
	else
		step(s);
}

/* A page, behind the one at hand. */
static void list_marks(struct sweep *s)
{
	struct gateway *g = s->g;
	AUTO(own_freep) char *prefix = gateway_pending_prefix(g);

	aws_call_done(&s->call);
	aws_s3_list_ask(&s->call.request, g->place.bucket, prefix, NULL, PAGE, s->marks.next_token);
	lane_start(g->lane, &s->call, span_s(GATEWAY_CALL_S), marks_came, s);
}

void gateway_sweep_start(struct gateway *g)
{
	struct sweep *s;

	if (g->sweeping)
		return;
	s = own_alloc(sizeof(*s));
	s->g = g;
	s->record.began_at = INSTANT_NEVER;
	g->sweeping = s;
	list_marks(s);
}
