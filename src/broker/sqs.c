#include <assert.h>
#include <string.h>

#include "aws/sqs.h"
#include "base/own.h"
#include "broker/broker.h"
#include "broker/sqs_acks.h"

/* Past the wait of a long poll, the call itself: a poll that hangs longer is given up. */
#define ANSWER_S 10
#define DESCRIBE_S 20

struct sqs_broker {
	struct broker broker;
	struct lane *lane;
	char *url, *dead_url;
	struct sqs_op *ops; /* running */
	struct sqs_acks *acks;
};

struct sqs_op {
	struct aws_call call;
	struct sqs_broker *b;
	size_t n;
	union {
		broker_traits_fn *traits;
		broker_received_fn *received;
		broker_extended_fn *extended;
		broker_done_fn *done;
	} fn;
	void *arg;
	struct broker_traits found;
	struct sqs_op *next, **at;
};

static struct sqs_op *op_new(struct broker *broker, void *arg)
{
	struct sqs_broker *b = (struct sqs_broker *)broker;
	struct sqs_op *op = own_alloc(sizeof(*op));

	op->b = b;
	op->arg = arg;
	op->next = b->ops;
	op->at = &b->ops;
	if (op->next)
		op->next->at = &op->next;
	b->ops = op;
	return op;
}

static void op_free(struct sqs_op *op)
{
	*op->at = op->next;
	if (op->next)
		op->next->at = op->at;
	aws_call_done(&op->call);
	own_free(op);
}

static void op_start(struct sqs_op *op, struct span deadline, lane_done_fn *fn)
{
	lane_start(op->b->lane, &op->call, deadline, fn, op);
}

/* --- describe: the queue's attributes, then the dead-letter queue's URL by the name in its ARN */

static void described(struct sqs_op *op, const struct err *e)
{
	op->found.dead_letters = op->b->dead_url != NULL;
	op->fn.traits(e->kind == ERR_NONE ? &op->found : NULL, e, op->arg);
	op_free(op);
}

static void dead_url_come(struct aws_call *c, void *arg)
{
	struct sqs_op *op = arg;
	struct err e = { 0 };

	/* A dead-letter queue that cannot be named is told by dead_letters being false, not by
	 * failing. */
	if (aws_sqs_queue_url_read(&c->reply, &op->b->dead_url, &e) < 0)
		err_clear(&e);
	described(op, &e);
}

static void attributes_come(struct aws_call *c, void *arg)
{
	struct sqs_op *op = arg;
	AUTO(sqs_attributes_done) struct sqs_attributes a = { 0 };
	struct err e = { 0 };

	if (aws_sqs_attributes_read(&c->reply, &a, &e) < 0) {
		described(op, &e);
		return;
	}
	op->found.side_by_side = true;
	op->found.hold = span_s(a.visibility_s);
	op->found.receives_max = a.max_receive_count;
	if (op->b->dead_url || !a.dead_letter_arn) {
		described(op, &e);
		return;
	}
	aws_call_done(c);
	aws_sqs_queue_url_ask(&c->request, aws_sqs_name(a.dead_letter_arn));
	op_start(op, span_s(DESCRIBE_S), dead_url_come);
}

static void sqs_describe(struct broker *b, broker_traits_fn *fn, void *arg)
{
	struct sqs_op *op = op_new(b, arg);

	op->fn.traits = fn;
	aws_sqs_attributes_ask(&op->call.request, op->b->url);
	op_start(op, span_s(DESCRIBE_S), attributes_come);
}

/* --- receive */

static void message_take(struct sqs_message *from, struct broker_message *to)
{
	*to = (struct broker_message){ .id = TAKE(from->id),
				       .handle = TAKE(from->receipt),
				       .body = TAKE(from->body),
				       .body_len = from->body_len,
				       .receives = from->receive_count,
				       .sent = from->sent,
				       .attr_count = from->attr_count };
	to->attrs = own_array(from->attr_count ? from->attr_count : 1, sizeof(*to->attrs));
	for (size_t i = 0; i < from->attr_count; i++)
		to->attrs[i] = (struct broker_attr){ .name = TAKE(from->attrs[i].name),
						     .type = TAKE(from->attrs[i].type),
						     .value = TAKE(from->attrs[i].value),
						     .value_len = from->attrs[i].value_len };
}

static void received(struct aws_call *c, void *arg)
{
	struct sqs_op *op = arg;
	AUTO(sqs_messages_done) struct sqs_messages got = { 0 };
	struct broker_message list[BROKER_BATCH_MAX] = { 0 };
	struct err e = { 0 };
	size_t n;

	if (aws_sqs_receive_read(&c->reply, &got, &e) < 0) {
		op->fn.received(NULL, 0, &e, op->arg);
		op_free(op);
		return;
	}
	n = got.count < COUNT_OF(list) ? got.count : COUNT_OF(list);
	for (size_t i = 0; i < n; i++)
		message_take(&got.list[i], &list[i]);
	op->fn.received(list, n, &e, op->arg);
	for (size_t i = 0; i < n; i++)
		broker_message_done(&list[i]);
	op_free(op);
}

static void sqs_receive(struct broker *b, size_t max, struct span wait, struct span hold,
			broker_received_fn *fn, void *arg)
{
	struct sqs_op *op = op_new(b, arg);
	int wait_s = (int)(wait.ms / 1000);

	assert(max > 0);
	op->fn.received = fn;
	if (wait_s > SQS_WAIT_MAX_S)
		wait_s = SQS_WAIT_MAX_S;
	aws_sqs_receive_ask(&op->call.request, op->b->url,
			    max < SQS_BATCH_MAX ? (int)max : SQS_BATCH_MAX, wait_s,
			    (int)(hold.ms / 1000));
	op_start(op, span_s(wait_s + ANSWER_S), received);
}

/* --- extend */

static void extended(struct aws_call *c, void *arg)
{
	struct sqs_op *op = arg;
	enum broker_held held[BROKER_BATCH_MAX];
	struct sqs_batch_result result = { 0 };
	struct err e = { 0 };
	int rc = aws_sqs_batch_read(&c->reply, op->n, &result, &e);

	for (size_t i = 0; i < op->n; i++) {
		held[i] = BROKER_UNSURE;
		if (rc == 0 && result.item[i].told)
			held[i] = result.item[i].ok ? BROKER_HELD
						    : broker_sqs_held_of_code(result.item[i].code);
		if (held[i] != BROKER_HELD && e.kind == ERR_NONE)
			err_set(&e, held[i] == BROKER_LOST ? ERR_CONFLICT : ERR_UNREACHABLE,
				"SQS ChangeMessageVisibilityBatch: %s: %s",
				result.item[i].told ? result.item[i].code
						    : "an entry was not answered",
				result.item[i].message);
	}
	op->fn.extended(held, op->n, &e, op->arg);
	op_free(op);
}

static void sqs_extend(struct broker *b, const char *const *handles, const struct span *holds,
		       size_t n, struct span deadline, broker_extended_fn *fn, void *arg)
{
	struct sqs_op *op = op_new(b, arg);
	int seconds[BROKER_BATCH_MAX];

	assert(n > 0 && n <= BROKER_BATCH_MAX);
	op->fn.extended = fn;
	op->n = n;
	for (size_t i = 0; i < n; i++)
		seconds[i] = (int)(holds[i].ms / 1000);
	aws_sqs_visibility_batch_ask(&op->call.request, op->b->url, handles, seconds, n);
	op_start(op, deadline, extended);
}

/* --- give back, ack */

static void none_come(struct aws_call *c, void *arg)
{
	struct sqs_op *op = arg;
	struct err e = { 0 };

	if (aws_sqs_none_read(&c->reply, &e) < 0 && broker_sqs_held_of(&e) == BROKER_LOST)
		e.kind = ERR_CONFLICT;
	op->fn.done(&e, op->arg);
	op_free(op);
}

static void sqs_give_back(struct broker *b, const struct broker_message *m, struct span delay,
			  struct span deadline, broker_done_fn *fn, void *arg)
{
	struct sqs_op *op = op_new(b, arg);

	op->fn.done = fn;
	aws_sqs_visibility_ask(&op->call.request, op->b->url, m->handle, (int)(delay.ms / 1000));
	op_start(op, deadline, none_come);
}

static void sqs_ack(struct broker *b, const struct broker_message *m, const char *result,
		    struct span deadline, broker_done_fn *fn, void *arg)
{
	(void)result; /* nobody waits for one */
	broker_sqs_acks_add(((struct sqs_broker *)b)->acks, m->handle, deadline, fn, arg);
}

/* --- copy */

static void copied(struct aws_call *c, void *arg)
{
	struct sqs_op *op = arg;
	struct err e = { 0 };

	/* 400 without a kind of its own: too long, or a character that the queue does not take. */
	if (aws_sqs_send_read(&c->reply, NULL, &e) < 0 && e.kind == ERR_PROTOCOL &&
	    c->reply.status == 400)
		e.kind = ERR_POLICY;
	op->fn.done(&e, op->arg);
	op_free(op);
}

static size_t attrs_of(const struct broker_message *m, const struct broker_note *notes, size_t n,
		       struct sqs_send_attr out[static BROKER_ATTRS_MAX])
{
	size_t count = 0;

	for (size_t i = 0; i < n && count < BROKER_ATTRS_MAX; i++)
		out[count++] =
			(struct sqs_send_attr){ .name = notes[i].name, .value = notes[i].value };
	for (size_t i = 0; i < m->attr_count && count < BROKER_ATTRS_MAX; i++) {
		const struct broker_attr *a = &m->attrs[i];
		bool replaced = false;

		for (size_t k = 0; k < n; k++)
			replaced |= strcmp(notes[k].name, a->name) == 0;
		if (!replaced)
			out[count++] = (struct sqs_send_attr){ .name = a->name,
							       .type = a->type,
							       .value = a->value,
							       .value_len = a->value_len };
	}
	return count;
}

static int sqs_copy(struct broker *broker, enum broker_place place, const struct broker_message *m,
		    const struct broker_note *notes, size_t n, struct span deadline,
		    broker_done_fn *fn, void *arg, struct err *e)
{
	struct sqs_broker *b = (struct sqs_broker *)broker;
	const char *url = place == BROKER_DEAD_LETTERS ? b->dead_url : b->url;
	struct sqs_send_attr attrs[BROKER_ATTRS_MAX];
	struct sqs_send send = {
		.body = m->body, .body_len = m->body_len, .delay_s = -1, .attrs = attrs
	};
	struct sqs_op *op;
	size_t attr_count;

	if (!url)
		return err_set(e, ERR_NOT_FOUND,
			       "the queue has no dead-letter queue: set its RedrivePolicy, or "
			       "--dead-letter-url");
	if (broker_message_size(m, notes, n, &attr_count) > BROKER_MESSAGE_MAX ||
	    attr_count > BROKER_ATTRS_MAX)
		return err_set(
			e, ERR_POLICY,
			"the copy would pass the size or the %d attributes that a message may have",
			BROKER_ATTRS_MAX);
	send.attr_count = attrs_of(m, notes, n, attrs);
	op = op_new(broker, arg);
	op->fn.done = fn;
	aws_sqs_send_ask(&op->call.request, url, &send);
	op_start(op, deadline, copied);
	return 0;
}

static void sqs_free(struct broker *broker)
{
	struct sqs_broker *b = (struct sqs_broker *)broker;

	while (b->ops) {
		lane_cancel(b->lane, &b->ops->call);
		op_free(b->ops);
	}
	broker_sqs_acks_free(b->acks);
	own_free(b->url);
	own_free(b->dead_url);
	own_free(b);
}

static const struct broker_ops sqs_ops = {
	.word = "sqs",
	.describe = sqs_describe,
	.receive = sqs_receive,
	.extend = sqs_extend,
	.give_back = sqs_give_back,
	.ack = sqs_ack,
	.copy = sqs_copy,
	.free = sqs_free,
};

struct broker *broker_sqs_new(struct lane *l, const struct broker_sqs_options *o)
{
	struct sqs_broker *b = own_alloc(sizeof(*b));

	b->broker.ops = &sqs_ops;
	b->lane = l;
	b->url = own_strdup(o->queue_url);
	b->dead_url = own_strdup(o->dead_letter_url);
	b->acks = broker_sqs_acks_new(l, o->queue_url);
	return &b->broker;
}
