/* Queues as one. Whose turn it is goes by weight, spread evenly (of 3 and 1: a a b a), and whoever
 * has a turn is asked first: a queue that is never empty keeps none waiting for ever. Where the
 * first has nothing the others are asked, the last of them with some patience. Handles carry the
 * queue that they are of. */
#include <assert.h>
#include <string.h>

#include "base/clock.h"
#include "base/own.h"
#include "broker/broker.h"

#define WAIT_MOST_MS 5000      /* of a poll on one, since the others wait meanwhile */
#define TROUBLE_EVERY_MS 60000 /* what ails one is told so often, while another works */

struct part {
	struct broker *broker;
	int64_t weight, credit; /* credit: grows by weight, the turn takes what all weigh */
	int64_t receives_max;
};

struct several {
	struct broker broker;
	struct part parts[BROKER_SEVERAL_MAX];
	size_t count;
	struct tick told;
	struct several_op *ops;
};

struct group { /* of an extend: the handles of one queue */
	struct several_op *op;
	size_t places[BROKER_BATCH_MAX], count;
};

struct several_op {
	struct several *s;
	struct several_op *next, **at;
	broker_traits_fn *traits;
	broker_received_fn *received;
	broker_extended_fn *extended;
	void *arg;
	struct broker_traits found;
	size_t which, asked, n, max; /* who is asked now, how many were; of an extend, how many */
	struct span wait, hold;
	struct err trouble;
	size_t troubled;
	enum broker_held held[BROKER_BATCH_MAX];
	struct group groups[BROKER_SEVERAL_MAX];
	int left;
};

static struct several_op *op_new(struct broker *broker, void *arg)
{
	struct several *s = (struct several *)broker;
	struct several_op *op = own_alloc(sizeof(*op));

	op->s = s;
	op->arg = arg;
	op->next = s->ops;
	op->at = &s->ops;
	if (op->next)
		op->next->at = &op->next;
	s->ops = op;
	return op;
}

static void op_free(struct several_op *op)
{
	*op->at = op->next;
	if (op->next)
		op->next->at = op->at;
	own_free(op);
}

static struct broker *part_of(const struct several_op *op)
{
	return op->s->parts[op->which].broker;
}

/* --- describe: one after the other; what holds of all is the least, but for receives */

static int64_t less(int64_t a, int64_t b)
{
	return a <= 0 || (b > 0 && b < a) ? b : a;
}

static void described(const struct broker_traits *t, const struct err *e, void *arg)
{
	struct several_op *op = arg;
	struct err said = *e;

	if (t) {
		op->found.hold.ms = less(op->found.hold.ms, t->hold.ms);
		op->found.hold_most.ms = less(op->found.hold_most.ms, t->hold_most.ms);
		op->found.receives_max = less(op->found.receives_max, t->receives_max);
		op->found.dead_letters =
			t->dead_letters && (op->which == 0 || op->found.dead_letters);
		op->found.side_by_side =
			t->side_by_side && (op->which == 0 || op->found.side_by_side);
		op->s->parts[op->which].receives_max = t->receives_max;
		if (++op->which < op->s->count) {
			broker_describe(part_of(op), described, op);
			return;
		}
	} else {
		err_wrap(&said, "the %s queue %zu", part_of(op)->ops->word, op->which + 1);
	}
	op->traits(t ? &op->found : NULL, &said, op->arg);
	op_free(op);
}

static void several_describe(struct broker *broker, broker_traits_fn *fn, void *arg)
{
	struct several_op *op = op_new(broker, arg);

	op->traits = fn;
	broker_describe(part_of(op), described, op);
}

/* --- receive */

static size_t turn_of(struct several *s)
{
	size_t best = 0;
	int64_t all = 0;

	for (size_t i = 0; i < s->count; i++) {
		all += s->parts[i].weight;
		s->parts[i].credit += s->parts[i].weight;
		if (s->parts[i].credit > s->parts[best].credit)
			best = i;
	}
	s->parts[best].credit -= all;
	return best;
}

static void mark(const struct several *s, struct broker_message *m, size_t which)
{
	char *marked = own_printf("%c%s", (int)('a' + which), m->handle);

	own_free(m->handle);
	m->handle = marked;
	m->receives_max = s->parts[which].receives_max;
}

static void received(struct broker_message *list, size_t n, const struct err *e, void *arg);

static void ask_one(struct several_op *op)
{
	bool last = ++op->asked == op->s->count;
	int64_t ms = op->wait.ms < WAIT_MOST_MS ? op->wait.ms : WAIT_MOST_MS;

	broker_receive(part_of(op), op->max, span_ms(last ? ms : 0), op->hold, received, op);
}

/* While one works, what ails another is told now and then; a caller that does not wait is told at
 * once, since it would take an empty answer for an empty queue. */
static bool is_told(struct several_op *op)
{
	struct tick now = clock_mono();

	if (op->trouble.kind == ERR_NONE)
		return false;
	if (op->troubled < op->s->count && op->wait.ms > 0 &&
	    tick_since(now, op->s->told).ms < TROUBLE_EVERY_MS)
		return false;
	op->s->told = now;
	return true;
}

static void received(struct broker_message *list, size_t n, const struct err *e, void *arg)
{
	struct several_op *op = arg;
	struct err none = { 0 };

	if (e->kind != ERR_NONE) {
		op->troubled++;
		op->trouble = *e;
		err_wrap(&op->trouble, "the %s queue %zu", part_of(op)->ops->word, op->which + 1);
	}
	if (n == 0 && op->asked < op->s->count) {
		op->which = (op->which + 1) % op->s->count;
		ask_one(op);
		return;
	}
	for (size_t i = 0; i < n; i++)
		mark(op->s, &list[i], op->which);
	if (n == 0 && is_told(op))
		op->received(NULL, 0, &op->trouble, op->arg);
	else
		op->received(list, n, &none, op->arg);
	op_free(op);
}

static void several_receive(struct broker *broker, size_t max, struct span wait, struct span hold,
			    broker_received_fn *fn, void *arg)
{
	struct several_op *op = op_new(broker, arg);

	op->which = turn_of(op->s);
	op->received = fn;
	op->max = max;
	op->wait = wait;
	op->hold = hold;
	ask_one(op);
}

/* --- extend: each its own, the answers in the order asked */

static void extended(const enum broker_held *held, size_t n, const struct err *e, void *arg)
{
	struct group *g = arg;
	struct several_op *op = g->op;

	for (size_t i = 0; i < n; i++)
		op->held[g->places[i]] = held[i];
	if (e->kind != ERR_NONE)
		op->trouble = *e;
	if (--op->left > 0)
		return;
	op->extended(op->held, op->n, &op->trouble, op->arg);
	op_free(op);
}

static size_t which_of(const struct several *s, const char *handle)
{
	size_t which = (size_t)(handle[0] - 'a');

	assert(which < s->count);
	return which;
}

static void several_extend(struct broker *broker, const char *const *handles,
			   const struct span *holds, size_t n, struct span deadline,
			   broker_extended_fn *fn, void *arg)
{
	struct several_op *op = op_new(broker, arg);
	struct several *s = op->s;

	op->extended = fn;
	op->n = n;
	for (size_t i = 0; i < n; i++) {
		struct group *g = &op->groups[which_of(s, handles[i])];

		op->left += g->count == 0;
		g->op = op;
		g->places[g->count++] = i;
	}
	/* The last answer may come within the call, and end the operation. */
	for (size_t which = 0, left = (size_t)op->left; left > 0; which++) {
		const char *theirs[BROKER_BATCH_MAX];
		struct span spans[BROKER_BATCH_MAX];
		struct group *g = &op->groups[which];

		if (g->count == 0)
			continue;
		left--;
		for (size_t i = 0; i < g->count; i++) {
			theirs[i] = handles[g->places[i]] + 1;
			spans[i] = holds[g->places[i]];
		}
		broker_extend(s->parts[which].broker, theirs, spans, g->count, deadline, extended,
			      g);
	}
}

/* --- ends */

/* The one that a message is of, and the message as that one knows it. */
static struct broker *whose(struct broker *broker, const struct broker_message *m,
			    struct broker_message *ret)
{
	struct several *s = (struct several *)broker;

	*ret = *m;
	ret->handle = m->handle + 1;
	return s->parts[which_of(s, m->handle)].broker;
}

static void several_give_back(struct broker *broker, const struct broker_message *m,
			      struct span delay, struct span deadline, broker_done_fn *fn,
			      void *arg)
{
	struct broker_message own;
	struct broker *b = whose(broker, m, &own);

	broker_give_back(b, &own, delay, deadline, fn, arg);
}

static void several_ack(struct broker *broker, const struct broker_message *m, const char *result,
			struct span deadline, broker_done_fn *fn, void *arg)
{
	struct broker_message own;
	struct broker *b = whose(broker, m, &own);

	broker_ack(b, &own, result, deadline, fn, arg);
}

static int several_copy(struct broker *broker, enum broker_place place,
			const struct broker_message *m, const struct broker_note *notes, size_t n,
			struct span deadline, broker_done_fn *fn, void *arg, struct err *e)
{
	struct broker_message own;
	struct broker *b = whose(broker, m, &own);

	return broker_copy(b, place, &own, notes, n, deadline, fn, arg, e);
}

static void several_free(struct broker *broker)
{
	struct several *s = (struct several *)broker;

	for (size_t i = 0; i < s->count; i++)
		broker_free(s->parts[i].broker);
	while (s->ops)
		op_free(s->ops);
	own_free(s);
}

static const struct broker_ops several_ops = {
	.word = "several",
	.describe = several_describe,
	.receive = several_receive,
	.extend = several_extend,
	.give_back = several_give_back,
	.ack = several_ack,
	.copy = several_copy,
	.free = several_free,
};

struct broker *broker_several_new(const struct broker_share *list, size_t n)
{
	struct several *s = own_alloc(sizeof(*s));

	assert(n > 0 && n <= BROKER_SEVERAL_MAX);
	s->broker.ops = &several_ops;
	s->count = n;
	for (size_t i = 0; i < n; i++) {
		s->parts[i].broker = list[i].broker;
		s->parts[i].weight = list[i].weight;
	}
	s->told = (struct tick){ -TROUBLE_EVERY_MS };
	return &s->broker;
}
