/* A lane: one account in one region. It has its own credentials (fetching them is itself a call
 * that the others queue behind), endpoints, connections, retry budget and clock offset.
 *
 * Retries are the SDKs' standard mode: 3 attempts (AWS_MAX_ATTEMPTS, max_attempts), full jitter up
 * to 20 s below 50 ms doubled, 1 s after a throttle, a bucket of 500 tokens (5 a retry, 10 after a
 * time-out), retry-after honoured. In adaptive mode (AWS_RETRY_MODE, retry_mode) throttles also
 * slow down what is sent, see lane_rate.h. A write is repeated only when it provably was not
 * executed: connection not made, throttled, clock skew, expired credentials. After a time-out or a
 * 5xx it fails, and the caller looks at the world anew.
 *
 * Each endpoint has a gate: at most 32 calls at once (long polls and transfers apart), urgent ones
 * first, then writes, then reads; and a circuit breaker that opens after ten failures in a row.
 * While it is open calls fail without being sent; after a pause of 1 s, doubling to 16 s, one is
 * sent to see, and its answer closes the breaker.
 */
#ifndef AWS_LANE_H
#define AWS_LANE_H

#include "aws/call.h"
#include "aws/cred.h"
#include "aws/sts.h"
#include "base/loop.h"

struct lane;

/* What there is to see of an endpoint's gate. */
enum lane_breaker { LANE_CLOSED, LANE_OPEN, LANE_HALF_OPEN };
struct lane_state {
	enum service service;
	const char *region, *origin; /* borrowed; origin "": AWS's own, or the one configured */
	enum lane_breaker breaker;
	int failures;         /* in a row */
	struct span open_for; /* until one may try */
	int64_t rate_milli;   /* thousandths of a call a second; 0: not limited */
	size_t queued, running;
	int64_t calls, retries, throttled, failed; /* since the start: attempts */
};
const char *lane_breaker_word(enum lane_breaker b);         /* "closed", "open", "half-open" */
enum lane_change { LANE_BROKEN, LANE_MENDED, LANE_SLOWED }; /* slowed: by its first throttle */
/* From the loop; the lane must not be freed in it. */
typedef void lane_change_fn(enum lane_change what, const struct lane_state *s, void *arg);

struct lane_options {
	const char *region, *profile, *endpoint; /* see struct endpoint_options; NULL: found */
	const struct cred *keys; /* these and no others; copied; NULL: by the chain */
	const struct cred_source *const *chain; /* NULL: cred_chain */
	struct lane *base;                      /* its keys and no chain; must outlive this lane */
	const struct sts_role *role;            /* taken with the keys of base or chain; copied */
	const char *ca_file;                    /* NULL: AWS_CA_BUNDLE, else the system's */
	int attempts;  /* 0: AWS_MAX_ATTEMPTS, else max_attempts of the profile, else 3 */
	bool adaptive; /* unless AWS_RETRY_MODE or retry_mode of the profile says otherwise */
	lane_change_fn *on_change;
	void *on_change_arg;
};

/* @p l NULL: a loop of its own, for aws_run() only. Nothing is sent yet. A region need not be known
 * as long as no call needs one. @p o may be NULL. */
MUST struct lane *lane_new(struct loop *l, const struct lane_options *o, struct err *e);
void lane_free(struct lane *l); /* gives up what is running; done functions are not called */
DEFINE_FREEP(struct lane, lane);

struct loop *lane_loop(const struct lane *l);  /* what it runs on; borrowed */
const char *lane_region(const struct lane *l); /* "" when unknown */
/* At most @p most gates; how many. */
size_t lane_states(const struct lane *l, struct lane_state *ret, size_t most);
/* Replaces the keys (a slot whose supervisor owns the credentials). Used from the next attempt on.
 */
void lane_set_keys(struct lane *l, const struct cred *keys);
/* Keys now in use, to hand on; NULL: none fetched yet. Borrowed. */
const struct cred *lane_keys(const struct lane *l);
/* Fetches credentials if there are none or they end within @p margin; fn from the loop. */
struct lane_need;
struct lane_need *lane_need_keys(struct lane *l, struct span margin, cred_fn *fn, void *arg);
void lane_need_cancel(struct lane_need *n); /* fn is not called; only before it was */

typedef void lane_done_fn(struct aws_call *c, void *arg);
/* c->request is filled. Runs until @p deadline from now at most, over all attempts, credentials and
 * queueing included. Ends in fn, always from the loop, with c->reply filled (c->reply.err says what
 * failed). */
void lane_start(struct lane *l, struct aws_call *c, struct span deadline, lane_done_fn *fn,
		void *arg);
void lane_body_more(struct aws_call *c); /* more is there of a body that grows */
void lane_cancel(struct lane *l,
		 struct aws_call *c); /* fn is not called; harmless when not running */

/* Runs @p n calls at once and waits for all; failures are in the replies, where the
 * readers find them. The lane must have been made with a loop of its own. */
void aws_run(struct lane *l, struct aws_call *const *calls, size_t n, struct span deadline);
/* One call: aws_run_one(l, &c, deadline) then aws_…_read(&c.reply, …). */
void aws_run_one(struct lane *l, struct aws_call *c, struct span deadline);

#endif
