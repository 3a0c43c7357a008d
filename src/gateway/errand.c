/* Calls whose end nobody waits for: what has to be cleared away. */
#include <string.h>

#include "gateway/inside.h"

#define ERRAND_S 30

struct errand {
	struct gateway *g;
	struct errand *next, **at;
	const char *what;
	char *then; /* a key to be deleted afterwards */
	struct aws_call call;
};

static void errand_free(struct errand *n)
{
	struct gateway *g = n->g;

	*n->at = n->next;
	if (n->next)
		n->next->at = n->at;
	lane_cancel(g->lane, &n->call);
	aws_call_done(&n->call);
	own_free(n->then);
	own_free(n);
	gateway_idle(g);
}

static void came(struct aws_call *c, void *arg)
{
	struct errand *n = arg;
	struct gateway *g = n->g;
	AUTO(own_freep) char *then = TAKE(n->then);
	struct err e = { 0 };

	if (aws_s3_none_read(&c->reply, &e) < 0 && e.kind != ERR_NOT_FOUND)
		LOG_WARN(n->what, LOG_E(&e));
	else if (then)
		gateway_errand_delete(g, then, NULL);
	errand_free(n);
}

static struct errand *errand_new(struct gateway *g, const char *what)
{
	struct errand *n = own_alloc(sizeof(*n));

	n->g = g;
	n->what = what;
	n->next = g->errands;
	n->at = &g->errands;
	if (n->next)
		n->next->at = &n->next;
	g->errands = n;
	return n;
}

void gateway_errand_abort(struct gateway *g, const char *key, const char *upload_id)
{
	struct errand *n = errand_new(g, "an upload in parts could not be aborted");

	aws_s3_multi_abort_ask(&n->call.request, g->place.bucket, key, upload_id);
	lane_start(g->lane, &n->call, span_s(ERRAND_S), came, n);
}

void gateway_errand_delete(struct gateway *g, const char *key, const char *then)
{
	struct errand *n = errand_new(g, "an object could not be deleted");

	n->then = own_strdup(then);
	aws_s3_delete_ask(&n->call.request, g->place.bucket, key);
	lane_start(g->lane, &n->call, span_s(ERRAND_S), came, n);
}

void gateway_errand_stop(struct gateway *g)
{
	while (g->errands)
		errand_free(g->errands);
}
