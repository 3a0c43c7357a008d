/* Two queues as one, while work moves from the old to the new: whichever has something is served,
 * the other first the next time. Handles carry the queue that they are of. */
#include <string.h>

#include "base/clock.h"
#include "base/own.h"
#include "broker/broker.h"

#define WAIT_MOST_MS 5000      /* of a poll on one, since the other waits meanwhile */
#define TROUBLE_EVERY_MS 60000 /* what ails one is told so often, while the other works */

struct both {
	struct broker broker;
	struct broker *of[2];
	size_t first; /* to be asked at the next receive */
	struct tick told;
	struct both_op *ops;
};

struct both_op {
	struct both *b;
	struct both_op *next, **at;
	broker_traits_fn *traits;
	broker_received_fn *received;
	broker_extended_fn *extended;
	void *arg;
	struct broker_traits found;
	size_t asked, n, max; /* which one is being asked; of an extend, how many */
	struct span wait, hold;
	struct err trouble; /* of the first one */
	enum broker_held held[BROKER_BATCH_MAX];
	size_t places[2][BROKER_BATCH_MAX], counts[2]; /* of an extend: whose handle stands where */
	int left;
};

static struct both_op *op_new(struct broker *broker, void *arg)
{
	struct both *b = (struct both *)broker;
	struct both_op *op = own_alloc(sizeof(*op));

	op->b = b;
	op->arg = arg;
	op->next = b->ops;
	op->at = &b->ops;
	if (op->next)
		op->next->at = &op->next;
	b->ops = op;
	return op;
}

static void op_free(struct both_op *op)
{
	*op->at = op->next;
	if (op->next)
		op->next->at = op->at;
	own_free(op);
}

/* --- describe: one after the other; what holds of both is the less of two */

static int64_t less(int64_t a, int64_t b)
{
	return a <= 0 || (b > 0 && b < a) ? b : a;
}

static void described(const struct broker_traits *t, const struct err *e, void *arg)
{
	struct both_op *op = arg;
	struct err said = *e;

	if (t) {
		op->found.hold.ms = less(op->found.hold.ms, t->hold.ms);
		op->found.hold_most.ms = less(op->found.hold_most.ms, t->hold_most.ms);
		op->found.receives_max = less(op->found.receives_max, t->receives_max);
		op->found.dead_letters =
			t->dead_letters && (op->asked == 0 || op->found.dead_letters);
		if (op->asked == 0) {
			op->asked = 1;
			broker_describe(op->b->of[1], described, op);
			return;
		}
	} else {
		err_wrap(&said, "the %s queue", op->b->of[op->asked]->ops->word);
	}
	op->traits(t ? &op->found : NULL, &said, op->arg);
	op_free(op);
}

static void both_describe(struct broker *broker, broker_traits_fn *fn, void *arg)
{
	struct both_op *op = op_new(broker, arg);

	op->traits = fn;
	broker_describe(op->b->of[0], described, op);
}

/* --- receive */

static void mark(struct broker_message *m, size_t which)
{
	char *marked = own_printf("%zu%s", which, m->handle);

	own_free(m->handle);
	m->handle = marked;
}

static void received(struct broker_message *list, size_t n, const struct err *e, void *arg);

static void ask_one(struct both_op *op, size_t which, struct span wait)
{
	op->asked++;
	op->n = which;
	broker_receive(op->b->of[which], op->max, wait, op->hold, received, op);
}

/* While one works, what ails the other is told now and then; a caller that does not wait is told at
 * once, since it would take an empty answer for an empty queue. */
static bool is_told(struct both_op *op)
{
	struct tick now = clock_mono();

	if (op->trouble.kind == ERR_NONE)
		return false;
	if (op->wait.ms > 0 && tick_since(now, op->b->told).ms < TROUBLE_EVERY_MS)
		return false;
	op->b->told = now;
	return true;
}

static void received(struct broker_message *list, size_t n, const struct err *e, void *arg)
{
	struct both_op *op = arg;
	struct err none = { 0 }, first = op->trouble;
	size_t which = op->n;

	if (e->kind != ERR_NONE) {
		op->trouble = *e;
		err_wrap(&op->trouble, "the %s queue", op->b->of[which]->ops->word);
	}
	if (n == 0 &&
	    op->asked == 1) { /* at once from the first, with some patience from the other */
		ask_one(op, !which,
			span_ms(op->wait.ms < WAIT_MOST_MS ? op->wait.ms : WAIT_MOST_MS));
		return;
	}
	for (size_t i = 0; i < n; i++)
		mark(&list[i], which);
	if (n == 0 && first.kind != ERR_NONE && e->kind != ERR_NONE)
		op->received(NULL, 0, &op->trouble, op->arg); /* neither answers */
	else if (n == 0 && is_told(op))
		op->received(NULL, 0, &op->trouble, op->arg);
	else
		op->received(list, n, &none, op->arg);
	op_free(op);
}

static void both_receive(struct broker *broker, size_t max, struct span wait, struct span hold,
			 broker_received_fn *fn, void *arg)
{
	struct both_op *op = op_new(broker, arg);
	size_t first = op->b->first;

	op->b->first = !first;
	op->received = fn;
	op->max = max;
	op->wait = wait;
	op->hold = hold;
	ask_one(op, first, span_ms(0));
}

/* --- extend: each its own, the answers in the order asked */

static void extended(struct both_op *op, size_t which, const enum broker_held *held,
		     const struct err *e)
{
	for (size_t i = 0; i < op->counts[which]; i++)
		op->held[op->places[which][i]] = held[i];
	if (e->kind != ERR_NONE)
		op->trouble = *e;
	if (--op->left > 0)
		return;
	op->extended(op->held, op->n, &op->trouble, op->arg);
	op_free(op);
}

static void extended_0(const enum broker_held *held, size_t n, const struct err *e, void *arg)
{
	(void)n;
	extended(arg, 0, held, e);
}

static void extended_1(const enum broker_held *held, size_t n, const struct err *e, void *arg)
{
	(void)n;
	extended(arg, 1, held, e);
}

static void both_extend(struct broker *broker, const char *const *handles, const struct span *holds,
			size_t n, struct span deadline, broker_extended_fn *fn, void *arg)
{
	struct both_op *op = op_new(broker, arg);
	const char *theirs[2][BROKER_BATCH_MAX];
	struct span spans[2][BROKER_BATCH_MAX];

	op->extended = fn;
	op->n = n;
	for (size_t i = 0; i < n; i++) {
		size_t which = handles[i][0] == '1', at = op->counts[which]++;

		theirs[which][at] = handles[i] + 1;
		spans[which][at] = holds[i];
		op->places[which][at] = i;
	}
	op->left = (op->counts[0] > 0) + (op->counts[1] > 0);
	for (size_t which = 0; which < 2; which++)
		if (op->counts[which] > 0)
			broker_extend(op->b->of[which], theirs[which], spans[which],
				      op->counts[which], deadline, which ? extended_1 : extended_0,
				      op);
}

/* --- ends */

/* The one that a message is of, and the message as that one knows it. */
static struct broker *whose(struct broker *broker, const struct broker_message *m,
			    struct broker_message *ret)
{
	*ret = *m;
	ret->handle = m->handle + 1;
	return ((struct both *)broker)->of[m->handle[0] == '1'];
}

static void both_give_back(struct broker *broker, const struct broker_message *m, struct span delay,
			   struct span deadline, broker_done_fn *fn, void *arg)
{
	struct broker_message own;
	struct broker *b = whose(broker, m, &own);

	broker_give_back(b, &own, delay, deadline, fn, arg);
}

static void both_ack(struct broker *broker, const struct broker_message *m, const char *result,
		     struct span deadline, broker_done_fn *fn, void *arg)
{
	struct broker_message own;
	struct broker *b = whose(broker, m, &own);

	broker_ack(b, &own, result, deadline, fn, arg);
}

static int both_copy(struct broker *broker, enum broker_place place, const struct broker_message *m,
		     const struct broker_note *notes, size_t n, struct span deadline,
		     broker_done_fn *fn, void *arg, struct err *e)
{
	struct broker_message own;
	struct broker *b = whose(broker, m, &own);

	return broker_copy(b, place, &own, notes, n, deadline, fn, arg, e);
}

static void both_free(struct broker *broker)
{
	struct both *b = (struct both *)broker;

	broker_free(b->of[0]);
	broker_free(b->of[1]);
	while (b->ops)
		op_free(b->ops);
	own_free(b);
}

static const struct broker_ops both_ops = {
	.word = "both",
	.describe = both_describe,
	.receive = both_receive,
	.extend = both_extend,
	.give_back = both_give_back,
	.ack = both_ack,
	.copy = both_copy,
	.free = both_free,
};

struct broker *broker_both_new(struct broker *a, struct broker *b)
{
	struct both *both = own_alloc(sizeof(*both));

	both->broker.ops = &both_ops;
	both->of[0] = a;
	both->of[1] = b;
	both->told = (struct tick){ -TROUBLE_EVERY_MS };
	return &both->broker;
}
