/* A lane from inside: its parts are lane.c (calls), lane_send.c (one attempt), lane_keys.c
 * (credentials). */
#ifndef AWS_LANE_OWN_H
#define AWS_LANE_OWN_H

#include "aws/endpoint.h"
#include "aws/lane.h"
#include "base/http.h"
#include "base/rng.h"

#define LANE_TOKENS_MAX 500
#define LANE_FAILURES_MAX 10
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

struct lane {
	struct loop *loop;
	bool own_loop;
	struct http *http;
	struct endpoint endpoint;
	char *profile, *ca_file, *given_endpoint;
	int attempts;
	int tokens;
	int failures[SERVICE_COUNT]; /* in a row */
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

struct aws_flight {
	struct lane *lane;
	struct aws_call *call;
	struct aws_flight *prev, *next;
	lane_done_fn *fn;
	void *arg;
	struct tick deadline;
	struct loop_timer *timer; /* start, backoff, or the end of waiting for keys */
	struct http_call *http;
	int64_t fd_start; /* where reply_fd stood */
	int attempts;
	int spent;                     /* tokens of this call's retries */
	bool waiting;                  /* for keys */
	bool no_keys;                  /* could be had: the reply's err says why */
	bool skew_mended, keys_mended; /* once each */
};

/* lane.c */
void lane_go(struct aws_flight *f);                        /* the next attempt, from the loop */
void lane_end(struct aws_flight *f);                       /* with what stands in the reply */
void lane_fail(struct aws_flight *f, const struct err *e); /* ends with "SQS X: …" */
struct span lane_left(const struct aws_flight *f);

/* lane_send.c: starts the attempt, or -1. Its answer goes to lane_answered(). */
MUST int lane_send(struct aws_flight *f, http_done_fn *fn, struct err *e);

/* lane_keys.c */
enum lane_keys_state { LANE_KEYS_READY, LANE_KEYS_AWAITED };
enum lane_keys_state lane_keys_ready(struct lane *l);
void lane_keys_drop(struct lane *l); /* they are refused as expired */
void lane_keys_done(struct lane *l);

#endif
