/* One job into SQS or Celery. */
#include <string.h>

#include "gateway/inside.h"

#define SEND_S 15

struct gateway_send {
	struct gateway *g;
	struct gateway_send *next, **at;
	gateway_send_fn *fn; /* NULL: nobody waits any more */
	void *arg;
	struct aws_call call;
};

static void send_free(struct gateway_send *s)
{
	*s->at = s->next;
	if (s->next)
		s->next->at = s->at;
	lane_cancel(s->g->lane, &s->call);
	aws_call_done(&s->call);
	own_free(s);
}

static void ended(struct gateway_send *s, const struct err *e, bool certain)
{
	gateway_health_queue(s->g, e->kind == ERR_UNREACHABLE ? e : NULL);
	if (e->kind == ERR_NONE)
		s->g->sent++;
	if (s->fn)
		s->fn(e, certain, s->arg);
	send_free(s);
}

static void sqs_came(struct aws_call *c, void *arg)
{
	AUTO(own_freep) char *id = NULL;
	struct err e = { 0 };

	if (aws_sqs_send_read(&c->reply, &id, &e) == 0) {
		ended(arg, &e, true);
		return;
	}
	/* Refused is certain; what was sent and not answered may have been done. */
	ended(arg, &e, (e.kind != ERR_UNREACHABLE && e.kind != ERR_PROTOCOL) || !c->reply.sent);
}

static void celery_came(const struct err *e, void *arg)
{
	ended(arg, e, e->kind != ERR_UNREACHABLE && e->kind != ERR_PROTOCOL);
}

/* What does not fit a message ends from the loop like all else. */
static void misfit(void *arg)
{
	struct err e = { 0 };

	err_set(&e, ERR_POLICY, "the job does not fit a message");
	ended(arg, &e, true);
}

struct gateway_send *gateway_send_start(struct gateway *g, const struct job *j, gateway_send_fn *fn,
					void *arg)
{
	struct gateway_send *s = own_alloc(sizeof(*s));
	int rc;

	*s = (struct gateway_send){
		.g = g, .next = g->sends, .at = &g->sends, .fn = fn, .arg = arg
	};
	if (s->next)
		s->next->at = &s->next;
	g->sends = s;
	if (g->path == PRODUCE_SQS) {
		rc = produce_sqs_ask(&s->call.request, g->o->to.queue_url, j, NULL);
		if (rc == 0)
			lane_start(g->lane, &s->call, span_s(SEND_S), sqs_came, s);
	} else {
		rc = produce_celery_start(g->celery, j, span_s(SEND_S), celery_came, s, NULL);
	}
	if (rc < 0)
		loop_soon(g->loop, misfit, s);
	return s;
}

void gateway_send_cancel(struct gateway_send *s)
{
	if (s)
		s->fn = NULL; /* what is on its way is seen to its end */
}

void gateway_send_stop(struct gateway *g)
{
	while (g->sends)
		send_free(g->sends);
}
