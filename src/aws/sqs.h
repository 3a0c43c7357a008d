/* SQS over JSON 1.0. */
#ifndef AWS_SQS_H
#define AWS_SQS_H

#include "aws/call.h"

#define SQS_BATCH_MAX 10
#define SQS_WAIT_MAX_S 20
#define SQS_VISIBILITY_MAX_S 43200
#define SQS_BODY_MAX (1u << 20)

/* --- queues */

struct sqs_queue_options { /* negative: leave the service's default (create) or as it is (set) */
	int visibility_s, retention_s, delay_s, wait_s;
	int max_receive_count; /* with dead_letter_arn; 0 or negative: no redrive */
	const char *dead_letter_arn;
};
#define SQS_QUEUE_OPTIONS(...)                                \
	((struct sqs_queue_options){ .visibility_s = -1,      \
				     .retention_s = -1,       \
				     .delay_s = -1,           \
				     .wait_s = -1,            \
				     .max_receive_count = -1, \
				     __VA_ARGS__ })

void aws_sqs_create_queue_ask(struct request *r, const char *name,
			      const struct sqs_queue_options *o);
MUST int aws_sqs_create_queue_read(const struct reply *r, char **ret_url,
				   struct err *e); /* caller frees */
void aws_sqs_queue_url_ask(struct request *r, const char *name);
MUST int aws_sqs_queue_url_read(const struct reply *r, char **ret_url,
				struct err *e); /* ERR_NOT_FOUND */
void aws_sqs_delete_queue_ask(struct request *r, const char *url);
void aws_sqs_purge_ask(struct request *r, const char *url);
MUST int aws_sqs_none_read(const struct reply *r,
			   struct err *e); /* for actions that answer nothing */

void aws_sqs_list_ask(struct request *r, const char *prefix, int max,
		      const char *next_token); /* NULLs allowed */
struct sqs_urls {
	char **list;
	size_t count;
	char *next_token; /* NULL: the last page */
};
MUST int aws_sqs_list_read(const struct reply *r, struct sqs_urls *ret, struct err *e);
void sqs_urls_done(struct sqs_urls *u);

/* The queues whose dead letters go to @p url; at most a thousand are told. */
void aws_sqs_sources_ask(struct request *r, const char *url);
MUST int aws_sqs_sources_read(const struct reply *r, struct sqs_urls *ret, struct err *e);

/* --- moving what lies in a dead-letter queue (sqs_move.c) */

/* @p url says where to send. @p to_arn NULL: each message to the queue it came from. @p rate:
 * messages a second, 1 to 500; 0: as fast as the service likes. */
void aws_sqs_move_start_ask(struct request *r, const char *url, const char *from_arn,
			    const char *to_arn, int rate);
MUST int aws_sqs_move_start_read(const struct reply *r, char **ret_handle, struct err *e);

struct sqs_move {             /* the newest task of a queue */
	char status[16];      /* "RUNNING", "COMPLETED", "CANCELLING", "CANCELLED", "FAILED" */
	int64_t moved, total; /* approximate; total -1: not told */
	char reason[256];     /* of a failure */
};
void aws_sqs_move_list_ask(struct request *r, const char *url, const char *from_arn);
MUST int aws_sqs_move_list_read(const struct reply *r, struct sqs_move *ret,
				struct err *e); /* ERR_NOT_FOUND: there was none */

/* --- attributes */

struct depth {
	int64_t visible, in_flight, delayed; /* approximate, says AWS; may lag a minute */
};
void aws_sqs_depth_ask(struct request *r, const char *url);
MUST int aws_sqs_depth_read(const struct reply *r, struct depth *ret, struct err *e);

struct sqs_attributes {
	char *arn;
	struct depth depth;
	int64_t visibility_s, retention_s, delay_s, wait_s, max_bytes;
	int64_t max_receive_count; /* 0: no redrive policy */
	char *dead_letter_arn;     /* NULL: none */
	bool fifo;
};
void aws_sqs_attributes_ask(struct request *r, const char *url); /* All */
MUST int aws_sqs_attributes_read(const struct reply *r, struct sqs_attributes *ret, struct err *e);
void sqs_attributes_done(struct sqs_attributes *a);
void aws_sqs_set_attributes_ask(struct request *r, const char *url,
				const struct sqs_queue_options *o);

/* "arn:aws:sqs:us-east-1:123456789012:name" of a queue URL's last part; the name of an ARN or URL:
 * borrowed. */
const char *aws_sqs_name(const char *url_or_arn);

/* --- messages */

struct sqs_attr {
	char *name, *type, *value; /* value of a binary one: decoded, value_len bytes */
	size_t value_len;
};
struct sqs_message {
	char *id, *receipt, *body;
	size_t body_len;
	int64_t receive_count;               /* 0: not told */
	struct instant sent, first_received; /* INSTANT_NEVER: not told */
	struct sqs_attr *attrs;
	size_t attr_count;
};
struct sqs_messages {
	struct sqs_message *list;
	size_t count;
};
void sqs_message_done(
	struct sqs_message *m); /* to keep one: copy it out and zero the one in the list */
void sqs_messages_done(struct sqs_messages *m);
const char *sqs_message_attr(const struct sqs_message *m, const char *name); /* NULL when absent */

void aws_sqs_receive_ask(struct request *r, const char *url, int max, int wait_s,
			 int visibility_s); /* <0: queue's */
MUST int aws_sqs_receive_read(const struct reply *r, struct sqs_messages *ret,
			      struct err *e); /* digests are checked */

struct sqs_send_attr {
	const char *name, *value;
	const char *type; /* NULL: String */
	size_t value_len; /* bytes of a Binary value; else the value is a text */
};
struct sqs_send {
	const char *body;
	size_t body_len;
	int delay_s; /* < 0: the queue's */
	const struct sqs_send_attr *attrs;
	size_t attr_count;
};
void aws_sqs_send_ask(struct request *r, const char *url, const struct sqs_send *m);
MUST int aws_sqs_send_read(const struct reply *r, char **ret_message_id,
			   struct err *e); /* ret may be NULL */

struct sqs_batch_result {
	size_t count; /* as many as were asked; by their place */
	struct {
		bool told, ok, sender_fault; /* told is false: the service did not mention it */
		char code[96], message[256], message_id[104];
	} item[SQS_BATCH_MAX];
};
void aws_sqs_send_batch_ask(struct request *r, const char *url, const struct sqs_send *m, size_t n);
MUST int aws_sqs_batch_read(const struct reply *r, size_t n, struct sqs_batch_result *ret,
			    struct err *e);

void aws_sqs_delete_ask(struct request *r, const char *url, const char *receipt);
void aws_sqs_delete_batch_ask(struct request *r, const char *url, const char *const *receipts,
			      size_t n);
void aws_sqs_visibility_ask(struct request *r, const char *url, const char *receipt, int seconds);
void aws_sqs_visibility_batch_ask(struct request *r, const char *url, const char *const *receipts,
				  const int *seconds, size_t n);
/* delete, delete batch, visibility: aws_sqs_none_read / aws_sqs_batch_read. A renewal of a message
 * that is gone is ERR_CONFLICT. */

#endif
