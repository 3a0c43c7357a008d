/* Receiving: what is held too long goes back first, then messages are taken; where there is none,
 * it is tried again until the wait is over. */
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/own.h"
#include "broker/celery_own.h"
#include "broker/celery_script.h"

#define POLL_MS 400
#define WAIT_MOST_MS 1000 /* a poll costs nothing here, and a drain waits for one */
#define DUE_EVERY_MS 2000
#define RECEIVES_TTL "1209600"

static void step(void *arg);

static void received(struct celery_op *op, struct broker_message *list, size_t n,
		     const struct err *e)
{
	op->fn.received(list, n, e, op->arg);
	for (size_t i = 0; i < n; i++)
		broker_message_done(&list[i]);
	broker_celery_op_free(op);
}

static void receive_failed(struct celery_op *op, const struct err *e)
{
	received(op, NULL, 0, e);
}

/* Not before its time: it is held, and comes back when that is there. That was no receive. */
static void put_off(struct celery_broker *b, const struct broker_message *m, struct instant eta)
{
	AUTO(own_freep) char *receives = own_printf("%s%s", b->receives_prefix, m->id);
	const struct broker_redis_word forget[] = { broker_redis_word("DEL"),
						    broker_redis_word(receives) };
	struct celery_command c;
	int64_t left_s = (instant_since(eta, clock_wall()).ms + 999) / 1000;
	AUTO(own_freep) char *shift = broker_celery_number(left_s - b->visibility_s);

	broker_celery_script(&c, broker_celery_script_delay, 2);
	broker_celery_add(&c, b->keys[KEY_UNACKED]);
	broker_celery_add(&c, b->keys[KEY_INDEX]);
	broker_celery_add(&c, m->handle);
	broker_celery_add(&c, shift);
	broker_celery_ask(b, &c, span_s(CELERY_ANSWER_S), broker_celery_ignored, NULL);
	broker_redis_ask(b->redis, forget, COUNT_OF(forget), span_s(CELERY_ANSWER_S),
			 broker_celery_ignored, NULL);
}

/* False: it is nothing to work on now. */
static bool take_one(struct celery_broker *b, const struct broker_redis_reply *item,
		     struct broker_message *m)
{
	const struct broker_redis_reply *tag = broker_redis_item(item, 0),
					*raw = broker_redis_item(item, 1),
					*receives = broker_redis_item(item, 2),
					*bytes = broker_redis_item(item, 3);
	struct instant eta;

	if (!broker_redis_str(tag) || tag->len >= CRYPTO_UUID_MAX || !broker_redis_str(raw))
		return false;
	*m = (struct broker_message){ .sent = INSTANT_NEVER, .receives = 1 };
	m->handle = own_strdup(tag->str);
	broker_celery_read(&b->names, raw->str, raw->len, clock_wall(), m, &eta);
	if (receives && receives->kind == REDIS_INT)
		m->receives = receives->integer;
	if (raw->len == 0 && bytes && bytes->integer > 0) {
		own_free(m->wrong);
		m->wrong = own_printf("a message of %lld bytes is larger than the %u that are read",
				      (long long)bytes->integer, BROKER_CELERY_MESSAGE_MAX);
	}
	if (m->wrong || instant_is_never(eta) || eta.ms <= clock_wall().ms)
		return true;
	put_off(b, m, eta);
	broker_message_done(m);
	return false;
}

static void claimed(const struct broker_redis_reply *reply, const struct err *e, void *arg)
{
	struct celery_op *op = arg;
	struct celery_broker *b = op->b;
	struct broker_message list[BROKER_BATCH_MAX];
	struct err none = { 0 };
	size_t n = 0;

	if (!reply) {
		b->answer_lost = true;
		receive_failed(op, e);
		return;
	}
	b->answer_lost = false;
	broker_celery_new_tags(b);
	for (size_t i = 0; i < reply->count && n < BROKER_BATCH_MAX; i++)
		n += take_one(b, reply->items[i], &list[n]);
	if (n > 0 || clock_mono().ms >= op->ends.ms)
		received(op, list, n, &none);
	else
		loop_timer_start(op->timer, span_ms(reply->count ? 0 : POLL_MS));
}

static void claim(struct celery_op *op)
{
	struct celery_broker *b = op->b;
	AUTO(own_freep) char *most = broker_celery_number((int64_t)op->n);
	AUTO(own_freep) char *largest = broker_celery_number(BROKER_CELERY_MESSAGE_MAX);
	struct celery_command c;

	broker_celery_script(&c, broker_celery_script_claim, KEY_COUNT);
	for (size_t i = 0; i < KEY_COUNT; i++)
		broker_celery_add(&c, b->keys[i]);
	broker_celery_add(&c, most);
	broker_celery_add(&c, largest);
	broker_celery_add(&c, b->tail);
	broker_celery_add(&c, b->receives_prefix);
	broker_celery_add(&c, RECEIVES_TTL);
	broker_celery_add(&c, b->answer_lost ? "1" : "0");
	for (size_t i = 0; i < BROKER_BATCH_MAX; i++)
		broker_celery_add(&c, b->tags[i]);
	broker_celery_ask(b, &c, span_s(CELERY_ANSWER_S), claimed, op);
}

/* [message, exchange, routing key]: the message goes back to the front of its queue. */
static void restore_one(struct celery_broker *b, const struct broker_redis_reply *item)
{
	const char *tag = broker_redis_str(broker_redis_item(item, 0)),
		   *score = broker_redis_str(broker_redis_item(item, 1));
	const struct broker_redis_reply *entry = broker_redis_item(item, 2);
	AUTO(json_freep) struct json *j = NULL;
	AUTO(buf_done) struct buf plain = BUF(2 * (size_t)BROKER_CELERY_MESSAGE_MAX);
	AUTO(own_freep) char *text = NULL;
	struct celery_command c;
	struct err e = { 0 };
	size_t len;

	if (!tag || !score || !broker_redis_str(entry))
		return;
	j = json_parse(entry->str, entry->len, &e);
	if (json_type(json_at(j, 0)) != JSON_OBJECT || json_write(json_at(j, 0), &plain) < 0)
		return; /* a Celery worker may know better */
	text = broker_celery_redelivered(buf_str(&plain), plain.len, &len);
	broker_celery_script(&c, broker_celery_script_restore, 3);
	broker_celery_add(&c, b->keys[KEY_UNACKED]);
	broker_celery_add(&c, b->keys[KEY_INDEX]);
	broker_celery_add(&c, b->keys[KEY_LISTS]);
	broker_celery_add(&c, tag);
	broker_celery_addn(&c, text, len);
	broker_celery_add(&c, score);
	broker_celery_ask(b, &c, span_s(CELERY_ANSWER_S), broker_celery_ignored, NULL);
}

static void due_come(const struct broker_redis_reply *reply, const struct err *e, void *arg)
{
	struct celery_op *op = arg;

	if (!reply) {
		receive_failed(op, e);
		return;
	}
	for (size_t i = 0; i < reply->count; i++)
		restore_one(op->b, reply->items[i]);
	claim(op); /* in this order on the one connection */
}

static void step(void *arg)
{
	struct celery_op *op = arg;
	struct celery_broker *b = op->b;
	AUTO(own_freep) char *visibility = broker_celery_number(b->visibility_s);
	struct celery_command c;

	if (clock_mono().ms < b->due_next.ms) {
		claim(op);
		return;
	}
	b->due_next = tick_add(clock_mono(), span_ms(DUE_EVERY_MS));
	broker_celery_script(&c, broker_celery_script_due, 2);
	broker_celery_add(&c, b->keys[KEY_INDEX]);
	broker_celery_add(&c, b->keys[KEY_UNACKED]);
	broker_celery_add(&c, visibility);
	broker_celery_add(&c, b->names.queue);
	broker_celery_add(&c, b->binding_prefix);
	broker_celery_ask(b, &c, span_s(CELERY_ANSWER_S), due_come, op);
}

void broker_celery_receive(struct broker *broker, size_t max, struct span wait, struct span hold,
			   broker_received_fn *fn, void *arg)
{
	struct celery_op *op = broker_celery_op_new(broker, arg);

	(void)hold; /* it is held for the visibility timeout, which all workers share */
	op->fn.received = fn;
	op->n = max < BROKER_BATCH_MAX ? max : BROKER_BATCH_MAX;
	op->ends = tick_add(clock_mono(), span_ms(wait.ms < WAIT_MOST_MS ? wait.ms : WAIT_MOST_MS));
	op->timer = loop_timer_new(op->b->loop, step, op);
	loop_timer_start(op->timer, span_ms(0));
}
