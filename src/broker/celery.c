/* A queue of Celery as a broker: each move of a message is one script of Redis, so there is no
 * moment at which a process that dies takes a message with it.
 *
 * A message is held under a tag of our own, new at each receive. kombu holds under the message's
 * delivery tag, which stays: with that one, a claim that was lost and taken by another would still
 * look like ours. */
#include "broker/celery.h"

#include <assert.h>
#include <string.h>

#include "base/clock.h"
#include "base/crypto.h"
#include "base/json.h"
#include "base/own.h"
#include "broker/celery_own.h"
#include "broker/celery_script.h"

#define HOLD_MOST_S 300 /* renewed long before the visibility timeout, whatever that is */
#define PARKED ".parked"
#define RESULT_TTL_S 86400 /* Celery's result_expires */

struct celery_op *broker_celery_op_new(struct broker *broker, void *arg)
{
	struct celery_broker *b = (struct celery_broker *)broker;
	struct celery_op *op = own_alloc(sizeof(*op));

	op->b = b;
	op->arg = arg;
	op->next = b->ops;
	op->at = &b->ops;
	if (op->next)
		op->next->at = &op->next;
	b->ops = op;
	return op;
}

void broker_celery_op_free(struct celery_op *op)
{
	*op->at = op->next;
	if (op->next)
		op->next->at = op->at;
	loop_timer_free(op->timer);
	own_free(op->result);
	own_free(op);
}

/* --- commands */

void broker_celery_add(struct celery_command *c, const char *s)
{
	assert(c->n < BROKER_REDIS_WORDS_MAX);
	c->words[c->n++] = broker_redis_word(s);
}

void broker_celery_addn(struct celery_command *c, const char *s, size_t len)
{
	assert(c->n < BROKER_REDIS_WORDS_MAX);
	c->words[c->n++] = (struct broker_redis_word){ s, len };
}

void broker_celery_script(struct celery_command *c, const char *text, size_t keys)
{
	static const char *const counts[] = { "0", "1", "2", "3", "4", "5", "6", "7" };

	*c = (struct celery_command){ 0 };
	broker_celery_add(c, "EVAL");
	broker_celery_add(c, text);
	broker_celery_add(c, counts[keys]);
}

void broker_celery_ask(struct celery_broker *b, const struct celery_command *c,
		       struct span deadline, broker_redis_fn *fn, void *arg)
{
	broker_redis_ask(b->redis, c->words, c->n, deadline, fn, arg);
}

char *broker_celery_number(int64_t n)
{
	return own_printf("%lld", (long long)n);
}

void broker_celery_ignored(const struct broker_redis_reply *reply, const struct err *e, void *arg)
{
	(void)reply;
	(void)e; /* it stays where it is, and is seen again */
	(void)arg;
}

void broker_celery_new_tags(struct celery_broker *b)
{
	for (size_t i = 0; i < BROKER_BATCH_MAX; i++)
		crypto_uuid(b->tags[i]);
}

/* --- describe */

static void described(const struct broker_redis_reply *reply, const struct err *e, void *arg)
{
	struct celery_op *op = arg;
	struct celery_broker *b = op->b;
	const struct broker_traits t = {
		.hold = span_s(b->visibility_s < HOLD_MOST_S ? b->visibility_s : HOLD_MOST_S),
		.hold_most = span_s(b->visibility_s),
		.receives_max = b->receives_max,
		.dead_letters = true
	};

	struct err said = *e;

	/* A password, a permission, a key that is no list: nothing that time mends. */
	if (!reply && (said.kind == ERR_DENIED || said.kind == ERR_PROTOCOL))
		said.kind = ERR_POLICY;
	op->fn.traits(reply ? &t : NULL, &said, op->arg);
	broker_celery_op_free(op);
}

/* Whether it may be reached, scripts may run, and the queue is a list. */
static void celery_describe(struct broker *broker, broker_traits_fn *fn, void *arg)
{
	struct celery_op *op = broker_celery_op_new(broker, arg);
	struct celery_command c;

	op->fn.traits = fn;
	broker_celery_script(&c, "return redis.call('LLEN', KEYS[1])", 1);
	broker_celery_add(&c, op->b->keys[KEY_LISTS]);
	broker_celery_ask(op->b, &c, span_s(CELERY_ANSWER_S), described, op);
}

/* --- extend */

static void extended(const struct broker_redis_reply *reply, const struct err *e, void *arg)
{
	struct celery_op *op = arg;
	enum broker_held held[BROKER_BATCH_MAX];
	struct err lost = { 0 };

	for (size_t i = 0; i < op->n; i++) {
		const struct broker_redis_reply *r = broker_redis_item(reply, i);

		held[i] = !r || r->kind != REDIS_INT ? BROKER_UNSURE
			  : r->integer == 1          ? BROKER_HELD
						     : BROKER_LOST;
		if (held[i] == BROKER_LOST)
			err_set(&lost, ERR_CONFLICT,
				"it was held for longer than the visibility "
				"timeout and went back to its queue");
	}
	op->fn.extended(held, op->n, reply ? &lost : e, op->arg);
	broker_celery_op_free(op);
}

static void celery_extend(struct broker *broker, const char *const *handles,
			  const struct span *holds, size_t n, struct span deadline,
			  broker_extended_fn *fn, void *arg)
{
	struct celery_op *op = broker_celery_op_new(broker, arg);
	struct celery_command c;

	(void)holds;
	assert(n > 0 && n <= BROKER_BATCH_MAX);
	op->fn.extended = fn;
	op->n = n;
	broker_celery_script(&c, broker_celery_script_extend, 2);
	broker_celery_add(&c, op->b->keys[KEY_UNACKED]);
	broker_celery_add(&c, op->b->keys[KEY_INDEX]);
	for (size_t i = 0; i < n; i++)
		broker_celery_add(&c, handles[i]);
	broker_celery_ask(op->b, &c, deadline, extended, op);
}

static void celery_free(struct broker *broker)
{
	struct celery_broker *b = (struct celery_broker *)broker;

	broker_redis_free(b->redis);
	broker_redis_free(b->results);
	while (b->ops)
		broker_celery_op_free(b->ops);
	while (b->moved)
		broker_celery_forget(b, b->moved->text);
	for (size_t i = 0; i < KEY_COUNT; i++)
		own_free(b->keys[i]);
	own_free((char *)b->names.queue);
	own_free((char *)b->names.task);
	own_free((char *)b->names.key_prefix);
	own_free(b->result_prefix);
	own_free(b->receives_prefix);
	own_free(b->binding_prefix);
	own_free(b->tail);
	own_free(b);
}

static const struct broker_ops celery_ops = {
	.word = "celery",
	.describe = celery_describe,
	.receive = broker_celery_receive,
	.extend = celery_extend,
	.give_back = broker_celery_give_back,
	.ack = broker_celery_ack,
	.copy = broker_celery_copy,
	.free = celery_free,
};

static int connect_all(struct celery_broker *b, const struct broker_celery_options *o,
		       struct err *e)
{
	AUTO(broker_redis_place_done) struct broker_redis_place place = { 0 }, results = { 0 };

	if (broker_redis_place_read(o->broker_url, &place, e) < 0)
		return err_wrap(e, "broker");
	b->no_results = o->result_url && strcmp(o->result_url, "none") == 0;
	if (!b->no_results && o->result_url && *o->result_url) {
		if (broker_redis_place_read(o->result_url, &results, e) < 0)
			return err_wrap(e, "result backend");
		if (!broker_redis_place_equal(&place, &results))
			b->results = broker_redis_new(b->loop, &results);
	}
	b->redis = broker_redis_new(b->loop, &place);
	return 0;
}

static void name_all(struct celery_broker *b, const struct broker_celery_options *o)
{
	const struct broker_celery_names *n = &b->names;
	AUTO(buf_done) struct buf quoted = BUF(8 * BROKER_CELERY_NAME_MAX);

	for (int i = 0; i < BROKER_CELERY_PRIORITIES; i++)
		b->keys[KEY_LISTS + i] = broker_celery_key(n, 3 * i);
	b->keys[KEY_UNACKED] = own_printf("%sunacked", n->key_prefix);
	b->keys[KEY_INDEX] = own_printf("%sunacked_index", n->key_prefix);
	b->keys[KEY_PARKED] = own_printf("%s%s" PARKED, n->key_prefix, n->queue);
	b->receives_prefix = own_printf("%swindlass.receives.%s.", n->key_prefix, n->queue);
	b->binding_prefix = own_printf("%s_kombu.binding.", n->key_prefix);
	b->result_prefix = own_strdup(o->result_key_prefix ? o->result_key_prefix : "");
	json_quote(&quoted, n->queue, strlen(n->queue));
	b->tail = own_printf(",\"\",%s]", buf_str(&quoted));
}

struct broker *broker_celery_new(struct loop *l, const struct broker_celery_options *o,
				 struct err *e)
{
	struct broker_celery_names names = o->names;
	struct celery_broker *b;

	if (broker_celery_names_check(&names, e) < 0)
		return NULL;
	b = own_alloc(sizeof(*b));
	b->broker.ops = &celery_ops;
	b->loop = l;
	b->names = (struct broker_celery_names){ .queue = own_strdup(names.queue),
						 .task = own_strdup(names.task),
						 .key_prefix = own_strdup(names.key_prefix) };
	b->visibility_s = o->visibility_s > 0 ? o->visibility_s : BROKER_CELERY_VISIBILITY_S;
	b->receives_max = o->receives_max;
	b->result_ttl_s = o->result_ttl_s > 0 ? o->result_ttl_s : RESULT_TTL_S;
	name_all(b, o);
	broker_celery_new_tags(b);
	if (connect_all(b, o, e) < 0) {
		broker_free(&b->broker);
		return NULL;
	}
	return &b->broker;
}
