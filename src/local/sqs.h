/* SQS inside: queues in memory, messages in the database.
 *
 * The database is the truth. A queue's settings are kept in memory as well and read again when a
 * batch is undone. Messages hang on a store, a number that a queue points at: purging or deleting a
 * queue gives it another store or none, and what hung on the old one is removed piece by piece.
 *
 * Times are UTC milliseconds of the wall clock, since they outlive the process. A jump of the wall
 * clock moves visibility and delays with it; clients that must not work past their lease measure it
 * by a clock of their own.
 */
#ifndef LOCAL_SQS_H
#define LOCAL_SQS_H

#include "local/cloudwatch_stat.h"
#include "local/local.h"
#include "wire/md5attr.h"

#define SQS_NAME_MAX 80
#define SQS_BATCH_MAX 10
#define SQS_BYTES_MAX (1 << 20) /* of a message and of a batch */
#define SQS_VISIBILITY_MAX_S 43200
#define SQS_IN_FLIGHT_MAX 120000
#define SQS_BUCKETS 256

struct waiter;

#define SQS_METRICS 9

/* What was done in the running minute. */
struct sqs_meter {
	int64_t minute; /* its start in seconds; 0: nothing yet */
	int64_t sent, received, deleted, empty;
	struct local_cloudwatch_sum sizes;
	struct instant used;         /* the last call on the queue; in memory only */
	int64_t series[SQS_METRICS]; /* their ids in CloudWatch, once known */
	bool dirty;                  /* the row is to be written in this batch */
};

struct sqs_counts {
	int64_t visible, in_flight, delayed;
};

struct queue {
	char *name;
	int64_t store;
	struct instant created, modified, purged; /* purged: INSTANT_NEVER, or the last time */
	struct json *attributes;                  /* as set: name -> text */
	struct json *tags;
	/* Out of the attributes. */
	int64_t visibility_s, delay_s, retention_s, size_max, wait_s;
	bool fifo, by_content, by_group; /* by_group: deduplication is per message group */
	char *dead_letter;               /* name of its dead-letter queue, NULL: none */
	int64_t max_receive;

	int64_t total;     /* messages in its store; -1: count them */
	int64_t in_flight; /* an upper bound; counted anew when it reaches the limit */
	struct waiter *waiters, **waiters_end;
	struct loop_timer *timer; /* next thing a waiter waits for */
	struct sqs_meter meter;
	bool dirty; /* something may have become visible in this batch */
	struct local_sqs *sqs;
	struct queue *next, *next_dirty;
};

struct local_sqs {
	struct local *local;
	struct queue *buckets[SQS_BUCKETS];
	struct queue *dirty;
	bool hooked;  /* waiters of dirty queues are served before this batch is committed */
	bool metered; /* rows of meters are written before this batch is committed */
	bool touched; /* queues are read again if this batch is undone */
	struct loop_timer *sweep;
	struct loop_timer *move; /* runs while a message move task does */
};

/* ---- sqs.c: what every action does first and last ---- */

/* Refusal in AWS's words: sets e->code and text, returns -1. Any other error is a failure of our
 * own. */
int local_sqs_refuse(struct err *e, const char *code, const char *fmt, ...) PRINTF_LIKE(3, 4);
bool local_sqs_refused(const struct err *e);
void local_sqs_fail(struct local_call *c, const struct err *e); /* ends the call as @p e says */
int local_sqs_range(struct err *e, const char *name, int64_t value, int64_t least, int64_t most);
struct queue *
local_sqs_queue_of(struct local_call *c); /* by QueueUrl or path; NULL: the call has ended */
bool local_sqs_require(struct local_call *c, const char *name,
		       const char **ret); /* false: the call has ended */
void local_sqs_put_url(struct local_call *c, const char *name, const struct queue *q);
char *local_sqs_arn(const struct local *l, const char *name); /* owned */
/* Entries of a batch: 1 to 10, ids well-formed and distinct. NULL: the call has ended. */
const struct json *local_sqs_entries(struct local_call *c);
void local_sqs_put_failed(struct local_call *c, const char *id,
			  const struct err *e); /* one item of Failed */

/* The clock was moved, inside a batch: whoever waits for a time looks again. */
void local_sqs_clock_moved(struct local_sqs *s);

/* ---- sqs_queue.c: the queues ---- */
MUST int local_sqs_queue_load(struct local_sqs *s, struct err *e); /* all, again; waiters stay */
struct queue *local_sqs_queue_find(struct local_sqs *s, const char *name);
void local_sqs_queue_free_all(struct local_sqs *s);
/* Ends the waiting of all and forgets all queues, whose rows the caller deletes in the batch. */
void local_sqs_queue_drop_all(struct local_sqs *s);
void local_sqs_queue_touch(struct queue *q); /* an undone batch reads all queues again */
void local_sqs_create_queue(struct local_call *c);
void local_sqs_delete_queue(struct local_call *c);
void local_sqs_purge_queue(struct local_call *c);
MUST int local_sqs_queue_store(struct queue *q, struct err *e); /* its row */

/* ---- sqs_list.c: names and tags ---- */
void local_sqs_get_queue_url(struct local_call *c);
void local_sqs_list_queues(struct local_call *c);
void local_sqs_list_sources(struct local_call *c);
void local_sqs_list_tags(struct local_call *c);
void local_sqs_tag(struct local_call *c);
void local_sqs_untag(struct local_call *c);

/* ---- sqs_attr.c: attributes ---- */
/* Checks @p given (name -> text) and merges it into @p ret_merged; with @p e in AWS's words. */
MUST int local_sqs_attr_check(struct local_sqs *s, const char *queue, const struct json *given,
			      struct err *e);
void local_sqs_attr_merge(struct queue *q, const struct json *given);
void local_sqs_attr_apply(struct queue *q); /* attributes -> the numbers of struct queue */
/* The name of the first attribute of @p given that @p q has otherwise, or NULL. */
const char *local_sqs_attr_differs(const struct queue *q, const struct json *given);
void local_sqs_get_attributes(struct local_call *c);
void local_sqs_set_attributes(struct local_call *c);
/* Counted in the database, as of @p now. */
MUST int local_sqs_attr_count(struct queue *q, struct instant now, struct sqs_counts *ret,
			      struct err *e);
bool local_sqs_attr_number(const char *text, int64_t *ret); /* false: not a whole number */

/* ---- sqs_redrive.c: the policies of dead-letter queues ---- */
struct redrive {
	const char *target; /* name of the dead-letter queue, inside the policy */
	int64_t max_receive;
};
/* "arn:aws:sqs:region:account:name": the name, when it can be one of ours. */
const char *local_sqs_redrive_name(const struct local *l, const char *arn);
MUST int local_sqs_redrive_read(const struct local *l, const struct json *policy, const char *text,
				struct redrive *ret, struct err *e);
MUST int local_sqs_redrive_check(struct local_sqs *s, const char *queue, const char *text,
				 struct err *e);
MUST int local_sqs_redrive_allow(const char *text, struct err *e);
/* As AWS tells it: a count that was given as text is a number. Owned; NULL: as it stands. */
char *local_sqs_redrive_text(const char *text);

/* ---- sqs_policy.c: permissions, which are statements of the queue's policy ---- */
void local_sqs_add_permission(struct local_call *c);
void local_sqs_remove_permission(struct local_call *c);

/* ---- sqs_message.c: a message as it is sent ---- */
struct message {
	const char *id; /* of its batch entry, NULL outside one */
	const char *body;
	size_t body_len;
	const struct json *attributes; /* name -> {DataType, StringValue | BinaryValue}; borrowed */
	const char *trace, *group, *dedup;
	char *content; /* owned: what dedup is when it was not given */
	int64_t delay_s;
	size_t bytes; /* counted against the limit */
	char body_md5[MD5ATTR_HEX], attributes_md5[MD5ATTR_HEX], trace_md5[MD5ATTR_HEX];
};
/* What a FIFO queue must be told of each message. -1: something is missing. */
MUST int local_sqs_message_ordered(const struct queue *q, const struct message *m, struct err *e);
/* -1: not valid, in AWS's words. */
MUST int local_sqs_message_read(const struct queue *q, const struct json *o, struct message *ret,
				struct err *e);
void local_sqs_message_done(struct message *m);
/* MD5 of the attributes of @p o that @p want takes (NULL: all). */
typedef bool sqs_want_fn(const char *name, const void *arg);
MUST int local_sqs_message_digest(const struct json *attributes, sqs_want_fn *want, const void *arg,
				  char out[static MD5ATTR_HEX], struct err *e);

/* ---- sqs_fifo.c: groups, deduplication, attempts ---- */
#define SQS_GROUP_MAX 129
#define SQS_SEQUENCE_MAX 24
bool local_sqs_fifo_named(const char *queue); /* does it end in .fifo? */
/* A message's place, 20 digits that grow with its row. */
const char *local_sqs_fifo_sequence(int64_t id, char out[static SQS_SEQUENCE_MAX]);
/* After any change of a group's messages: its first one decides when it may be received from. */
MUST int local_sqs_fifo_refresh(struct queue *q, const char *group, struct err *e);
/* The same for the group of a message, and for all groups whose first message was swept. */
MUST int local_sqs_fifo_refresh_of(struct queue *q, int64_t message, struct err *e);
MUST int local_sqs_fifo_refresh_swept(struct queue *q, struct err *e);
/* The group of a message. 1 found, 0 none, -1 error. */
MUST int local_sqs_fifo_group(struct queue *q, int64_t message, char ret[static SQS_GROUP_MAX],
			      struct err *e);
/* The group to receive from next. 1 found, 0 none, -1 error. */
MUST int local_sqs_fifo_next(struct queue *q, int64_t now, char ret[static SQS_GROUP_MAX],
			     struct err *e);
/* Was @p m sent within five minutes? 1: yes, and its id and row are given. */
struct sent {
	char id[40];
	int64_t row;
};
char *local_sqs_fifo_content(const struct message *m); /* SHA-256 of the body; owned */
MUST int local_sqs_fifo_seen(struct queue *q, const struct message *m, struct sent *ret,
			     struct err *e);
MUST int local_sqs_fifo_remember(struct queue *q, const struct message *m, const struct sent *s,
				 struct err *e);
/* What a receive request attempt got, so that its repetition gets the same. */
struct attempt {
	int64_t ids[SQS_BATCH_MAX], receipts[SQS_BATCH_MAX];
	int count;
};
MUST int local_sqs_fifo_attempt_find(struct queue *q, const char *attempt, struct attempt *ret,
				     struct err *e);
MUST int local_sqs_fifo_attempt_keep(struct queue *q, const char *attempt, int64_t message,
				     int64_t receipt, struct err *e);
MUST int local_sqs_fifo_forget(struct db *db, int64_t store, struct err *e); /* a dead store */
MUST int local_sqs_fifo_sweep(struct local *l, struct err *e); /* what is older than 5 minutes */

/* ---- sqs_move.c: message move tasks ---- */
void local_sqs_move_start(struct local_call *c);
void local_sqs_move_cancel(struct local_call *c);
void local_sqs_move_list(struct local_call *c);
void local_sqs_move_go(struct local_sqs *s); /* goes on with the tasks that are running */

/* ---- sqs_send.c, sqs_lease.c ---- */
void local_sqs_send_message(struct local_call *c);
/* A message of our own, of another service's; not to a FIFO queue. Inside a batch. */
MUST int local_sqs_send_own(struct queue *q, const char *body, size_t len, struct err *e);
void local_sqs_send_batch(struct local_call *c);
void local_sqs_delete_message(struct local_call *c);
void local_sqs_delete_batch(struct local_call *c);
void local_sqs_change_visibility(struct local_call *c);
void local_sqs_change_batch(struct local_call *c);

#define SQS_HANDLE_MAX 128
struct handle {
	int64_t store, id, receipt;
};
void local_sqs_handle_print(const struct handle *h, char out[static SQS_HANDLE_MAX]);
MUST int local_sqs_handle_read(const char *text, struct handle *ret, struct err *e);

/* ---- sqs_receive.c, sqs_wait.c ---- */
void local_sqs_receive_message(struct local_call *c);

struct ask { /* what a receive wants */
	int64_t most, wait_s, visibility_s;
	const char *attempt; /* FIFO's ReceiveRequestAttemptId, a part of the call; or NULL */
};
/* Takes up to ask->most visible messages and puts them into the answer. Their number, or -1. */
MUST int local_sqs_receive_take(struct local_call *c, struct queue *q, const struct ask *ask,
				struct err *e);

void local_sqs_wait_park(struct local_call *c, struct queue *q, const struct ask *ask);
void local_sqs_wait_dirty(struct queue *q); /* serve its waiters before this batch is committed */
void local_sqs_wait_rearm(struct queue *q); /* a time that waiters wait for may have changed */
void local_sqs_wait_end(
	struct queue *q,
	const char *code); /* all its waiters: empty-handed, or refused with @p code */

/* ---- sqs_meter.c: what CloudWatch is told ---- */
void local_sqs_meter_touch(struct queue *q); /* any call */
void local_sqs_meter_sent(struct queue *q, size_t bytes);
void local_sqs_meter_received(struct queue *q, int64_t messages); /* 0: a call that got none */
void local_sqs_meter_deleted(struct queue *q);
void local_sqs_meter_done(struct queue *q);
MUST int local_sqs_meter_load(struct local_sqs *s, struct err *e); /* after the queues */
MUST int local_sqs_meter_minute(struct local_sqs *s, int64_t end_s, struct err *e);

/* ---- sqs_sweep.c: what is past its retention, and stores without a queue ---- */
void local_sqs_sweep_start(struct local_sqs *s);
MUST int local_sqs_sweep_queue(struct queue *q,
			       struct err *e); /* at most SQS_SWEEP_MAX messages; inside a batch */
#define SQS_SWEEP_MAX 500

#endif
