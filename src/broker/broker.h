/* Where jobs come from and go to, whatever holds them: one small function table a broker.
 *
 * Nothing here waits: each call ends in its function, always from the loop and always once, unless
 * the broker is freed first. A message is held from its receive for so long as was asked; holding
 * it longer, giving it back and acking it go by its handle. Who holds what, and until when by our
 * own clock, is the caller's to know: a broker's success is no proof of a claim.
 */
#ifndef BROKER_BROKER_H
#define BROKER_BROKER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "aws/lane.h"
#include "base/err.h"
#include "base/instant.h"

#define BROKER_BATCH_MAX 10
#define BROKER_ATTRS_MAX 10           /* on one message, as SQS has it */
#define BROKER_MESSAGE_MAX (1u << 20) /* body and attributes together */

struct broker_attr {
	char *name, *type, *value;
	size_t value_len;
};

struct broker_message {
	char *id, *handle, *body;
	size_t body_len;
	char *wrong; /* why it is no job, where the broker itself knows; NULL: the body says */
	char *raw;   /* as the queue holds it, where that is not the body; NULL: it is */
	size_t raw_len;
	int64_t receives;     /* this one included; 0: not told */
	int64_t receives_max; /* of its queue, where there are several; 0: as the traits say */
	struct instant sent;  /* INSTANT_NEVER: not told */
	struct broker_attr *attrs;
	size_t attr_count;
};
void broker_message_done(struct broker_message *m);
/* Value of a text attribute; NULL when absent. */
const char *broker_message_attr(const struct broker_message *m, const char *name);

/* What the broker says of itself. */
struct broker_traits {
	struct span hold;      /* how long it hides a received message; 0: not told */
	struct span hold_most; /* no hold may be longer; 0: any may */
	int64_t receives_max;  /* then it goes to the dead letters; 0: never */
	bool dead_letters;     /* there is a place to park */
	bool side_by_side;     /* a receive may begin while another is under way */
};

struct broker_note { /* a text attribute that is added to a copy, or replaces one of its name */
	const char *name, *value;
};

enum broker_held {
	BROKER_HELD,
	BROKER_LOST,  /* gone, or not ours any more: stop the work */
	BROKER_UNSURE /* no answer to go by: ask again while the claim lasts */
};

enum broker_place { BROKER_SAME_QUEUE, BROKER_DEAD_LETTERS };

typedef void broker_traits_fn(const struct broker_traits *t, const struct err *e, void *arg);
/* Messages may be taken by copying them out and zeroing them in the list. Error: n is 0. */
typedef void broker_received_fn(struct broker_message *list, size_t n, const struct err *e,
				void *arg);
/* @p held has an answer for each handle in the order asked. */
typedef void broker_extended_fn(const enum broker_held *held, size_t n, const struct err *e,
				void *arg);
typedef void broker_done_fn(const struct err *e, void *arg); /* ERR_NONE: done */

struct broker;
struct broker_ops {
	const char *word;
	void (*describe)(struct broker *b, broker_traits_fn *fn, void *arg);
	void (*receive)(struct broker *b, size_t max, struct span wait, struct span hold,
			broker_received_fn *fn, void *arg);
	void (*extend)(struct broker *b, const char *const *handles, const struct span *holds,
		       size_t n, struct span deadline, broker_extended_fn *fn, void *arg);
	void (*give_back)(struct broker *b, const struct broker_message *m, struct span delay,
			  struct span deadline, broker_done_fn *fn, void *arg);
	void (*ack)(struct broker *b, const struct broker_message *m, const char *result,
		    struct span deadline, broker_done_fn *fn, void *arg);
	int (*copy)(struct broker *b, enum broker_place place, const struct broker_message *m,
		    const struct broker_note *notes, size_t n, struct span deadline,
		    broker_done_fn *fn, void *arg, struct err *e);
	void (*free)(struct broker *b);
};
struct broker {
	const struct broker_ops *ops;
};

/* Asked once, before the first receive; what it finds (the place to park) is kept for later calls.
 */
void broker_describe(struct broker *b, broker_traits_fn *fn, void *arg);
void broker_receive(struct broker *b, size_t max, struct span wait, struct span hold,
		    broker_received_fn *fn, void *arg);
/* At most BROKER_BATCH_MAX handles, each to be hidden for its span from now. */
void broker_extend(struct broker *b, const char *const *handles, const struct span *holds, size_t n,
		   struct span deadline, broker_extended_fn *fn, void *arg);
/* Visible again after @p delay. */
void broker_give_back(struct broker *b, const struct broker_message *m, struct span delay,
		      struct span deadline, broker_done_fn *fn, void *arg);
/* Done with. @p result, JSON or NULL, is what came of it, for brokers whose senders wait for that.
 */
void broker_ack(struct broker *b, const struct broker_message *m, const char *result,
		struct span deadline, broker_done_fn *fn, void *arg);
/* A copy with its attributes and the notes beside them. -1, and fn is not called, when there is no
 * such place (ERR_NOT_FOUND) or the copy would not fit there (ERR_POLICY). */
MUST int broker_copy(struct broker *b, enum broker_place place, const struct broker_message *m,
		     const struct broker_note *notes, size_t n, struct span deadline,
		     broker_done_fn *fn, void *arg, struct err *e);
void broker_free(struct broker *b); /* gives up what is running; its functions are not called */
DEFINE_FREEP(struct broker, broker);

/* Bytes that @p m with @p notes takes of BROKER_MESSAGE_MAX, and the attributes it then has. */
size_t broker_message_size(const struct broker_message *m, const struct broker_note *notes,
			   size_t n, size_t *ret_attrs);

struct broker_sqs_options {
	const char *queue_url;
	const char *dead_letter_url; /* NULL: found from the queue's redrive policy */
};
/* SQS. The lane is borrowed and must outlive the broker. */
struct broker *broker_sqs_new(struct lane *l, const struct broker_sqs_options *o);

#define BROKER_SEVERAL_MAX 16
struct broker_share {
	struct broker *broker;
	int64_t weight; /* of turns; at least 1 */
};
/* All as one, which owns them. */
struct broker *broker_several_new(const struct broker_share *list, size_t n);

#endif
