/* A lane from inside: its parts are lane.c (calls), lane_gate.c (who may be sent, and when),
 * lane_send.c (one attempt), lane_retry.c (what its answer leads to), lane_keys.c (credentials). */
#ifndef AWS_LANE_OWN_H
#define AWS_LANE_OWN_H

#include "aws/endpoint.h"
#include "aws/lane.h"
#include "aws/lane_rate.h"
#include "base/http.h"
#include "base/rng.h"

#define LANE_TOKENS_MAX 500
#define LANE_FAILURES_MAX 10  /* in a row: the breaker opens */
#define LANE_CALLS_MAX 32     /* to one endpoint at once */
#define LANE_KEYS_AHEAD_S 300 /* keys are fetched anew so long before they end */
#define LANE_KEYS_PAUSE_S 30  /* between two fetches when one failed and the old keys still do */

struct lane_need { /* somebody who asked for keys only */
	struct lane *lane;
	struct lane_need *next;
	struct loop_timer *timer;
	cred_fn *fn;
	void *arg;
	struct err err;
};

enum lane_rank { LANE_RANK_URGENT, LANE_RANK_WRITE, LANE_RANK_READ, LANE_RANKS };

/* What all calls to one endpoint have in common. */
struct lane_gate {
	struct lane_gate *next;
	struct lane *lane;
	enum service service;
	char *origin, *region; /* as the requests have them; NULL: the lane's */
	struct lane_rate rate;
	struct lane_waiting {
		struct aws_flight *first, **end;
	} waiting[LANE_RANKS];
	size_t queued, running;
	struct loop_timer *timer; /* until the rate allows the next */
	int failures;             /* in a row; LANE_FAILURES_MAX: the breaker is open */
	int opened;               /* so many times since it last was closed */
	struct tick open_until;   /* then one may try */
	struct aws_flight *probe; /* that one */
	int64_t calls, retries, throttled, failed;
};

struct lane {
	struct loop *loop;
	bool own_loop;
	struct http *http;
	struct endpoint endpoint;
	char *profile, *ca_file, *given_endpoint;
	int attempts;
	int tokens;
	bool adaptive;
	struct lane_gate *gates;
	lane_change_fn *on_change;
	void *on_change_arg;
	struct rng rng;
	struct span offset; /* what signing adds to our clock */
	const struct cred_source *const *chain;
	struct cred keys;
	bool keys_fixed; /* given by hand: never fetched */
	struct lane *base;
	struct lane_role { /* arn NULL: none */
		char *arn, *session, *external_id;
		int seconds;
	} role;
	/* What is under way, one at a time: the walk along the chain, the wait for base, STS. */
	struct cred_fetch *fetch;
	struct lane_need *base_need;
	void *role_ask;
	struct tick fetch_after;
	struct lane_need *needs;
	struct aws_flight *flights;
};

enum flight_state {                /* what its timer is for, where it runs */
		    FLIGHT_START,  /* the next attempt */
		    FLIGHT_KEYS,   /* the end of waiting for keys */
		    FLIGHT_QUEUED, /* the end of waiting at the gate */
		    FLIGHT_LET_IN, /* the attempt, at once */
		    FLIGHT_SENT
};

struct aws_flight {
	struct lane *lane;
	struct aws_call *call;
	struct aws_flight *prev, *next;
	lane_done_fn *fn;
	void *arg;
	struct tick deadline;
	struct loop_timer *timer;
	enum flight_state state;
	struct http_call *http;
	int64_t fd_start; /* where reply_fd stood */
	int attempts;
	int spent;              /* tokens of the last retry */
	struct lane_gate *gate; /* while queued, or sent by it */
	bool in_gate;           /* let in, not just queued */
	struct aws_flight *queue_next, **queue_at;
	bool no_keys;                  /* could be had: the reply's err says why */
	bool skew_mended, keys_mended; /* once each */
};

/* lane.c */
void lane_go(struct aws_flight *f);                        /* the next attempt, from the loop */
void lane_end(struct aws_flight *f);                       /* with what stands in the reply */
void lane_fail(struct aws_flight *f, const struct err *e); /* ends with "SQS X: …" */
struct span lane_left(const struct aws_flight *f);

/* lane_send.c: starts the attempt, or -1. */
MUST int lane_send(struct aws_flight *f, http_done_fn *fn, struct err *e);

/* lane_gate.c */
enum lane_answer { LANE_ANSWERED, LANE_THROTTLED, LANE_FAILED };
struct lane_gate *lane_gate_of(struct lane *l, const struct request *r);
/* 1: in, 0: queued, FLIGHT_LET_IN or FLIGHT_START comes by the timer; -1: the breaker is open. */
MUST int lane_gate_enter(struct aws_flight *f, struct err *e);
void lane_gate_answered(struct aws_flight *f, enum lane_answer a); /* and leaves */
void lane_gate_leave(struct aws_flight *f);                        /* harmless when not there */
int lane_gate_late(const struct aws_flight *f, struct err *e);     /* why it is queued still */
enum lane_breaker lane_gate_breaker(const struct lane_gate *g, struct tick now);
void lane_gate_state(const struct lane_gate *g, struct lane_state *ret);
void lane_gates_done(struct lane *l);

/* lane_retry.c */
void lane_answered(struct http_reply *h, const struct err *e, void *arg);

/* lane_keys.c */
enum lane_keys_state { LANE_KEYS_READY, LANE_KEYS_AWAITED };
enum lane_keys_state lane_keys_ready(struct lane *l);
void lane_keys_drop(struct lane *l); /* they are refused as expired */
void lane_keys_done(struct lane *l);

#endif
