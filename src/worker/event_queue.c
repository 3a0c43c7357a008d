/* Events into a queue of SQS. */
#include "aws/sqs.h"
#include "worker/event.h"

static bool wanted(const struct worker_options *o)
{
	return o->event_queue_url && *o->event_queue_url;
}

static void sent(struct aws_call *c, void *arg)
{
	struct event_sink *s = arg;
	struct err e = { 0 };

	err_ignore(aws_sqs_send_read(&c->reply, NULL, &e)); /* the answer tells */
	aws_call_done(c);
	worker_event_answer(s, &e);
}

static void start(struct event_sink *s)
{
	struct worker *w = s->t->claim->w;
	const struct sqs_send_attr attrs[] = { { .name = "event", .value = s->t->event },
					       { .name = "event_id", .value = s->t->id } };
	const struct sqs_send m = { .body = buf_str(&s->t->body),
				    .body_len = s->t->body.len,
				    .delay_s = -1,
				    .attrs = attrs,
				    .attr_count = COUNT_OF(attrs) };

	aws_sqs_send_ask(&s->call.request, w->o->event_queue_url, &m);
	lane_start(w->lane, &s->call, span_s(EVENT_ANSWER_S), sent, s);
}

static void stop(struct event_sink *s)
{
	lane_cancel(s->t->claim->w->lane, &s->call);
	aws_call_done(&s->call);
}

const struct event_kind worker_event_queue = {
	.word = "queue", .wanted = wanted, .start = start, .stop = stop
};
