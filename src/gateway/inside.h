/* The gateway from inside: what its files share. One process, one loop.
 *
 *   gateway.c    start, signals, end
 *   route.c      which request is whose; answers, and the line of the log for each
 *   upload.c     an upload from its head to its last byte
 *   part.c       the parts in the spool, and how they get into the store
 *   enqueue.c    from the last byte to the message in the queue
 *   send.c       one job into SQS or Celery
 *   again.c      idempotency keys
 *   look.c       what is known of a video
 *   watch.c      the same, as it changes
 *   sweep.c      uploads that somebody left behind
 *   health.c     whether queue and store answer; metrics
 *   page.c       the page for people
 */
#ifndef GATEWAY_INSIDE_H
#define GATEWAY_INSIDE_H

#include "aws/lane.h"
#include "aws/s3.h"
#include "base/httpd.h"
#include "base/log.h"
#include "base/loop.h"
#include "broker/record.h"
#include "gateway/gateway.h"
#include "gateway/sniff.h"
#include "wire/multipart.h"

#define GATEWAY_CALL_S 30
#define GATEWAY_ANSWER_MAX (256u << 10)
#define GATEWAY_RETRY_S 5 /* Retry-After of what may go better soon */
#define GATEWAY_KEY_MAX 255

enum gateway_result { /* of an upload, for the metrics */
		      GATEWAY_ACCEPTED,
		      GATEWAY_REPLAYED, /* by its idempotency key */
		      GATEWAY_REFUSED,  /* the client's fault */
		      GATEWAY_FAILED,   /* store or queue did not do */
		      GATEWAY_LEFT,     /* the client went away */
		      GATEWAY_RESULTS
};

struct gateway_health {
	bool known, good;
	struct err why;
};

struct gateway {
	const struct gateway_options *o;
	struct loop *loop;
	struct httpd *httpd;
	struct lane *lane;
	struct gateway_token *token;
	struct produce_celery *celery; /* NULL: SQS */
	enum produce_path path;
	struct broker_record_place place;
	char *page;
	size_t page_len;
	char *page_policy; /* Content-Security-Policy */

	bool draining;
	struct loop_timer *drain, *tick, *sweep;
	struct loop_signal *signals[2];
	struct upload *uploads;
	struct watch *watches;
	struct look *looks;
	struct errand *errands;
	struct gateway_send *sends;
	struct sweep *sweeping;

	struct gateway_health queue, store;
	struct aws_call queue_call, store_call;
	bool celery_asked;
	struct tick probe_at;

	int part_calls;                                /* under way to the store */
	int64_t results[GATEWAY_RESULTS], requests[6]; /* by the first digit of the status */
	int64_t bytes, sent, swept_sent, swept_removed, upload_ms;
};

/* --- route.c */

/* What a request is until it is answered: its user pointer in httpd. */
struct gateway_ask {
	struct gateway *g;
	struct tick since;
	struct upload *upload;
	struct look *look;
	struct watch *watch;
	char video_id[JOB_ID_MAX + 1]; /* "" where the path names none */
	char who[GATEWAY_TOKEN_WHO_MAX];
};

void gateway_route_head(struct httpd_exchange *x, void *gateway);
void gateway_route_request(struct httpd_exchange *x, void *gateway);
void gateway_route_gone(struct httpd_exchange *x, void *gateway);
/* Each answers; the exchange and its struct gateway_ask are gone then. */
void gateway_route_json(struct httpd_exchange *x, int status, const struct json *body,
			const char *header, const char *value);
/* {"error":{"code","message"}}; 503 and 409 say when to try again. */
void gateway_route_fail(struct httpd_exchange *x, int status, const char *code, const char *fmt,
			...) PRINTF_LIKE(4, 5);
/* The status of an error of store or queue, with its sentence in the log and not in the answer. */
void gateway_route_away(struct httpd_exchange *x, const char *what, const struct err *e);
/* Counts and logs an answer that is begun by its own hand, and frees its ask. */
void gateway_route_told(struct httpd_exchange *x, int status);

/* --- upload.c, part.c, enqueue.c, again.c: an upload */

enum upload_step {
	UPLOAD_KEY,     /* its idempotency key is being looked up: nothing is taken */
	UPLOAD_TAKING,  /* bytes come */
	UPLOAD_ENDING,  /* all bytes are there; the last part goes into the store */
	UPLOAD_STORING, /* record, object, message */
	UPLOAD_OVER     /* nothing more but what has to be cleared away */
};

enum upload_field { UPLOAD_NONE, UPLOAD_TITLE, UPLOAD_FILE, UPLOAD_OTHER };

#define UPLOAD_SLOTS 2 /* one fills while the store still answers for the other */

struct upload_slot { /* a part in the spool */
	struct upload *u;
	struct aws_call call;
	struct tick since;
	int number;            /* of the part, from 1 */
	int64_t at, len;       /* its place in the spool; bytes that are there */
	int64_t size, told;    /* of its call: what it sends, what it knows to be there */
	bool sending, stalled; /* stalled: its call was given up, and waits for the whole part */
};

struct upload {
	struct gateway *g;
	struct upload *next, **at;
	struct httpd_exchange *x; /* NULL: the client is gone, or answered */
	enum upload_step step;
	struct tick since, moved; /* moved: bytes came last */
	struct job job;
	bool keyed; /* it has an idempotency key */
	char who[GATEWAY_TOKEN_WHO_MAX];
	char *key;

	struct multipart form;
	enum upload_field field;
	struct buf title;
	bool has_title, has_file, file_ended;
	size_t other_bytes;
	const struct gateway_sniff *type;

	int spool;
	int64_t file_bytes, part_size;
	struct upload_slot slots[UPLOAD_SLOTS], *filling;
	bool creating;
	char *upload_id;
	char **etags;        /* NULL where the store has not answered yet */
	int numbered, parts; /* parts that were begun; that are in the store */

	struct aws_call call; /* of all but the parts; one at a time */
	struct broker_record_write *write;
	struct gateway_send *send;
	struct record record;
	int tries;
	struct loop_timer *again;
};

/* Begins one, or answers. */
void gateway_upload_new(struct gateway *g, struct httpd_exchange *x);
void gateway_upload_free(struct upload *u); /* stops what runs; clears nothing away */
/* The client is gone: what is not yet in the store is cleared away. */
void gateway_upload_left(struct upload *u);
/* Refuses it, for the client's fault or ours, and clears away. */
void gateway_upload_fail(struct upload *u, int status, const char *code, const char *why);
void gateway_upload_away(struct upload *u, const char *what, const struct err *e);
/* All of the body is there. */
void gateway_upload_whole(struct upload *u);
/* Ends it: what is in the store and stands in no record is aborted. */
void gateway_upload_end(struct upload *u, enum gateway_result r);
void gateway_upload_tick(struct gateway *g, struct tick now);

/* part.c */
MUST int gateway_part_open(struct upload *u, struct err *e);
/* Takes bytes of the file; fewer than @p len while the spool is full. -1: the spool cannot. */
ssize_t gateway_part_add(struct upload *u, const char *data, size_t len, struct err *e);
/* The file has ended: what is left goes into the store, then gateway_enqueue_start(). */
void gateway_part_finish(struct upload *u);
void gateway_part_tick(struct upload *u, struct tick now);
void gateway_part_stop(struct upload *u); /* parts on their way are given up */

/* enqueue.c */
void gateway_enqueue_start(struct upload *u);

/* again.c: claims or looks up the key; then gateway_upload_ready(), or it is answered. */
void gateway_again_start(struct upload *u);
void gateway_upload_ready(struct upload *u);

/* --- send.c */

/* @p certain: an error leaves no doubt that nothing was enqueued. */
typedef void gateway_send_fn(const struct err *e, bool certain, void *arg);
struct gateway_send;
struct gateway_send *gateway_send_start(struct gateway *g, const struct job *j, gateway_send_fn *fn,
					void *arg);
void gateway_send_cancel(struct gateway_send *s); /* fn is not called */
void gateway_send_stop(struct gateway *g);

/* --- errands: calls whose end nobody waits for */

struct errand;
void gateway_errand_stop(struct gateway *g);
/* They are tried for a while; what fails then is logged, and found by a later sweep. */
void gateway_errand_abort(struct gateway *g, const char *key, const char *upload_id);
/* Deletes @p key and, once that is done, @p then (NULL: nothing). */
void gateway_errand_delete(struct gateway *g, const char *key, const char *then);

/* Keys beside the records: pending/ID marks an upload that may lack its message, keys/HASH holds
 * the ids of an idempotency key. */
char *gateway_pending_prefix(const struct gateway *g);
char *gateway_pending_key(const struct gateway *g, const char *video_id);
char *gateway_again_key(const struct gateway *g, const char *who, const char *key);

/* --- look.c, watch.c */

void gateway_look_start(struct gateway *g, struct httpd_exchange *x, struct gateway_ask *a);
void gateway_look_left(struct look *l);
/* What a client is told of a record. */
struct json *gateway_look_json(struct gateway *g, const struct record *r);
void gateway_watch_start(struct gateway *g, struct httpd_exchange *x, struct gateway_ask *a);
void gateway_watch_left(struct watch *w);
void gateway_watch_stop_all(struct gateway *g);
const struct watch *gateway_watch_next(const struct watch *w);

/* --- sweep.c, health.c, page.c */

void gateway_sweep_start(struct gateway *g);
void gateway_sweep_stop(struct gateway *g);
void gateway_health_tick(struct gateway *g, struct tick now);
void gateway_health_stop(struct gateway *g);
void gateway_health_queue(struct gateway *g, const struct err *e); /* NULL: it answered */
bool gateway_health_ready(const struct gateway *g, const char **ret_why);
void gateway_health_metrics(const struct gateway *g, struct buf *out);
MUST int gateway_page_make(struct gateway *g, struct err *e);

/* --- gateway.c */

/* An upload or an errand ended: while draining this may be the end. */
void gateway_idle(struct gateway *g);

#endif
