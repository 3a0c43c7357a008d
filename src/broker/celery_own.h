/* What the files of the Celery broker share, and nobody else. */
#ifndef BROKER_CELERY_OWN_H
#define BROKER_CELERY_OWN_H

#include "base/crypto.h"
#include "broker/broker.h"
#include "broker/celery.h"

#define CELERY_ANSWER_S 10

/* Fills @p m from what a queue held: id, raw, notes, and a body that job_read() takes, or why it is
 * no job in m->wrong. Never fails. *ret_eta: not to be begun before; INSTANT_NEVER: at any time. */
void broker_celery_read(const struct broker_celery_names *n, const char *raw, size_t len,
			struct instant now, struct broker_message *m, struct instant *ret_eta);

/* The message with the mark that kombu puts on one that comes back. The caller frees it. */
char *broker_celery_redelivered(const char *raw, size_t len, size_t *ret_len);
/* The message with the notes among its headers; what is no message becomes the body of one. NULL:
 * too long. The caller frees it. */
char *broker_celery_noted(const struct broker_message *m, const struct broker_note *notes, size_t n,
			  size_t *ret_len);

bool broker_celery_wants_result(const struct broker_message *m);
/* What AsyncResult.get() reads: @p value is JSON when @p ok, else the text of the exception. */
char *broker_celery_result(const char *id, bool ok, const char *value, struct instant now);

/* --- the broker */

enum celery_key {
	KEY_LISTS, /* four of them */
	KEY_UNACKED = BROKER_CELERY_PRIORITIES,
	KEY_INDEX,
	KEY_PARKED,
	KEY_COUNT
};

struct celery_tag { /* of a message whose end was asked for and not answered, or is known already */
	struct celery_tag *next;
	char text[CRYPTO_UUID_MAX];
};

struct celery_broker {
	struct broker broker;
	struct loop *loop;
	struct broker_redis *redis, *results; /* results NULL: the same place, or none */
	bool no_results;
	struct broker_celery_names names;
	char *result_prefix, *receives_prefix, *binding_prefix;
	char *keys[KEY_COUNT];
	char *tail; /* of an entry of unacked */
	int64_t visibility_s, receives_max, result_ttl_s;
	char tags[BROKER_BATCH_MAX][CRYPTO_UUID_MAX]; /* for the next receive */
	bool answer_lost; /* of the last one: these tags may be in use */
	struct tick due_next;
	struct celery_tag *moved;
	struct celery_op *ops; /* running */
};

struct celery_op {
	struct celery_broker *b;
	struct celery_op *next, **at;
	union {
		broker_traits_fn *traits;
		broker_received_fn *received;
		broker_extended_fn *extended;
		broker_done_fn *done;
	} fn;
	void *arg;
	size_t n; /* asked for */
	struct tick ends;
	struct loop_timer *timer;
	char tag[CRYPTO_UUID_MAX];
	char *result; /* to be stored elsewhere before the ack */
	struct span deadline;
};

struct celery_op *broker_celery_op_new(struct broker *broker, void *arg);
void broker_celery_op_free(struct celery_op *op);

/* A script with its keys and arguments; the words are borrowed until it is asked. */
struct celery_command {
	struct broker_redis_word words[BROKER_REDIS_WORDS_MAX];
	size_t n;
};
void broker_celery_script(struct celery_command *c, const char *text, size_t keys);
void broker_celery_add(struct celery_command *c, const char *s);
void broker_celery_addn(struct celery_command *c, const char *s, size_t len);
void broker_celery_ask(struct celery_broker *b, const struct celery_command *c,
		       struct span deadline, broker_redis_fn *fn, void *arg);
char *broker_celery_number(int64_t n); /* the caller frees it */
/* For what may fail: the message stays where it is, and is seen again. */
void broker_celery_ignored(const struct broker_redis_reply *reply, const struct err *e, void *arg);

void broker_celery_new_tags(struct celery_broker *b);
void broker_celery_receive(struct broker *broker, size_t max, struct span wait, struct span hold,
			   broker_received_fn *fn, void *arg); /* celery_receive.c */

/* celery_end.c */
bool broker_celery_forget(struct celery_broker *b, const char *tag);
void broker_celery_give_back(struct broker *broker, const struct broker_message *m,
			     struct span delay, struct span deadline, broker_done_fn *fn,
			     void *arg);
void broker_celery_ack(struct broker *broker, const struct broker_message *m, const char *value,
		       struct span deadline, broker_done_fn *fn, void *arg);
int broker_celery_copy(struct broker *broker, enum broker_place place,
		       const struct broker_message *m, const struct broker_note *notes, size_t n,
		       struct span deadline, broker_done_fn *fn, void *arg, struct err *e);

#endif
