/* Deletes of one queue of SQS, up to ten in a call.
 *
 * What is asked in one turn of the loop goes together. While a call is under way further deletes
 * wait for it, unless they fill a call of their own or have waited for long, so that a worker with
 * many small jobs makes a call for ten of them, and one with few makes none wait. Each delete has
 * its own deadline, looked at directly before its call is sent, and its own answer. */
#ifndef BROKER_SQS_ACKS_H
#define BROKER_SQS_ACKS_H

#include "broker/broker.h"

struct sqs_acks;
/* The lane is borrowed and must outlive it. */
struct sqs_acks *broker_sqs_acks_new(struct lane *l, const char *url);
/* @p handle is copied. fn always from the loop, ERR_CONFLICT: no longer ours, or its deadline has
 * passed before it was sent. */
void broker_sqs_acks_add(struct sqs_acks *a, const char *handle, struct span deadline,
			 broker_done_fn *fn, void *arg);
void broker_sqs_acks_free(struct sqs_acks *a); /* gives up what is running; fn is not called */

/* What a code of an error says of the claim on a message. */
enum broker_held broker_sqs_held_of_code(const char *code);
enum broker_held broker_sqs_held_of(const struct err *e);

#endif
