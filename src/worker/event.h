/* What became of a job, told to whoever is to know: a queue, a webhook, a command, each if it is
 * set. Before the message is acked, so that no end is lost however the worker ends: what was not
 * acknowledged by all of them leaves the message in the queue, and is told when it comes again.
 * Each end is told at least once, and its id is the same each time.
 *
 * The message's claim is renewed meanwhile and its slot works on; an event is repeated, with a wait
 * that grows, for as long as the claim lasts. */
#ifndef WORKER_EVENT_H
#define WORKER_EVENT_H

#include "base/http.h"
#include "base/loop.h"
#include "worker/inside.h"

#define EVENT_ID_MAX 256
#define EVENT_BYTES_MAX (200u << 10) /* of one event: a message of SQS holds it */
#define EVENT_SECRET_MAX 4096
#define EVENT_ANSWER_S 30
#define EVENT_KINDS 3

struct event_sink;
struct event_kind {
	const char *word; /* in the log */
	bool (*wanted)(const struct worker_options *o);
	/* Ends in worker_event_answer(), from the loop and once, unless stopped. */
	void (*start)(struct event_sink *s);
	void (*stop)(struct event_sink *s); /* nothing is under way, and nothing owned, after it */
};
extern const struct event_kind worker_event_queue, worker_event_hook, worker_event_command;

struct event_sink { /* one of those that are told of one end */
	struct telling *t;
	const struct event_kind *kind;
	bool told, running;
	int tries;
	struct loop_timer *again; /* the next try; while one runs, its limit, where it has none */
	struct aws_call call;
	struct http_call *http;
	struct loop_child *child;
};

struct telling {
	struct claim *claim;
	char id[EVENT_ID_MAX];
	const char *event; /* "done", "parked" */
	struct buf body;
	struct event_sink sinks[EVENT_KINDS];
	size_t count;
	bool recorded;
	struct loop_timer *record_limit;
	void (*next)(struct claim *c);
};

/* ERR_NONE: it is acknowledged. */
void worker_event_answer(struct event_sink *s, const struct err *e);

struct event_secret {
	char *text; /* NULL: events are not signed */
	size_t len;
};

/* "t=<unix seconds>,v1=<hex of HMAC-SHA256 over "<seconds>.<body>">". The caller frees it. */
char *worker_event_signature(const struct event_secret *secret, int64_t seconds, const char *body,
			     size_t len);

#endif
