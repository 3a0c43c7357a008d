/* How a message ends: given back, acked with its result, or moved with a note. */
#include <assert.h>
#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/own.h"
#include "broker/celery_own.h"
#include "broker/celery_script.h"

#define REASON_MAX 1000

static void remember(struct celery_broker *b, const char *tag)
{
	struct celery_tag *t = own_alloc(sizeof(*t));

	memcpy(t->text, tag, strlen(tag) + 1);
	t->next = b->moved;
	b->moved = t;
}

bool broker_celery_forget(struct celery_broker *b, const char *tag)
{
	for (struct celery_tag **at = &b->moved; *at; at = &(*at)->next)
		if (strcmp((*at)->text, tag) == 0) {
			struct celery_tag *t = *at;

			*at = t->next;
			own_free(t);
			return true;
		}
	return false;
}

/* 1: done. 0: not held any more, unless an earlier try was done without an answer. */
static void end_come(const struct broker_redis_reply *reply, const struct err *e, void *arg,
		     bool then_acked)
{
	struct celery_op *op = arg;
	struct err mine = { 0 };
	bool before = op->tag[0] && broker_celery_forget(op->b, op->tag);

	if (!reply) {
		mine = *e;
		if (op->tag[0])
			remember(op->b, op->tag);
	} else if (reply->kind != REDIS_INT || (reply->integer != 1 && !before)) {
		err_set(&mine, ERR_CONFLICT, "it is not held any more: it went back to its queue");
	} else if (then_acked && op->tag[0]) {
		remember(op->b, op->tag);
	}
	op->fn.done(&mine, op->arg);
	broker_celery_op_free(op);
}

static void ended(const struct broker_redis_reply *reply, const struct err *e, void *arg)
{
	end_come(reply, e, arg, false);
}

static void moved(const struct broker_redis_reply *reply, const struct err *e, void *arg)
{
	end_come(reply, e, arg, true);
}

static struct celery_op *end_new(struct broker *broker, const struct broker_message *m,
				 broker_done_fn *fn, void *arg)
{
	struct celery_op *op = broker_celery_op_new(broker, arg);

	op->fn.done = fn;
	assert(strlen(m->handle) < sizeof(op->tag));
	memcpy(op->tag, m->handle, strlen(m->handle) + 1);
	return op;
}

void broker_celery_give_back(struct broker *broker, const struct broker_message *m,
			     struct span delay, struct span deadline, broker_done_fn *fn, void *arg)
{
	struct celery_broker *b = (struct celery_broker *)broker;
	struct celery_op *op = end_new(broker, m, fn, arg);
	AUTO(own_freep) char *text = NULL;
	AUTO(own_freep) char *shift = broker_celery_number(delay.ms / 1000 - b->visibility_s);
	struct celery_command c;
	size_t len;

	broker_celery_script(
		&c, delay.ms > 0 ? broker_celery_script_delay : broker_celery_script_restore,
		delay.ms > 0 ? 2 : 3);
	broker_celery_add(&c, b->keys[KEY_UNACKED]);
	broker_celery_add(&c, b->keys[KEY_INDEX]);
	if (delay.ms > 0) { /* held until it has been for too long, which is then */
		broker_celery_add(&c, m->handle);
		broker_celery_add(&c, shift);
	} else {
		text = broker_celery_redelivered(m->raw, m->raw_len, &len);
		broker_celery_add(&c, b->keys[KEY_LISTS]);
		broker_celery_add(&c, m->handle);
		broker_celery_addn(&c, text, len);
		broker_celery_add(&c, "");
	}
	broker_celery_ask(b, &c, deadline, ended, op);
}

static char *receives_key(const struct celery_broker *b, const struct broker_message *m)
{
	return own_printf("%s%s", b->receives_prefix, m->id);
}

static char *result_key(const struct celery_broker *b, const char *id)
{
	return own_printf("%s%s%s", b->result_prefix, BROKER_CELERY_RESULT_KEY, id);
}

static void ack(struct celery_broker *b, const struct broker_message *m, const char *result,
		struct celery_op *op)
{
	AUTO(own_freep) char *receives = receives_key(b, m), *key = result_key(b, m->id);
	AUTO(own_freep) char *ttl = broker_celery_number(b->result_ttl_s);
	struct celery_command c;

	broker_celery_script(&c, broker_celery_script_ack, 4);
	broker_celery_add(&c, b->keys[KEY_UNACKED]);
	broker_celery_add(&c, b->keys[KEY_INDEX]);
	broker_celery_add(&c, receives);
	broker_celery_add(&c, key);
	broker_celery_add(&c, m->handle);
	broker_celery_add(&c, result);
	broker_celery_add(&c, ttl);
	broker_celery_ask(b, &c, op->deadline, ended, op);
}

static void acked_already(void *arg)
{
	struct celery_op *op = arg;
	struct err none = { 0 };

	op->fn.done(&none, op->arg);
	broker_celery_op_free(op);
}

/* A result in another place is there before the message is gone. */
static void result_stored(const struct broker_redis_reply *reply, const struct err *e, void *arg)
{
	struct celery_op *op = arg;
	const struct broker_message m = { .id = op->result, .handle = op->tag };
	struct err why = *e;

	if (reply) {
		ack(op->b, &m, "", op);
		return;
	}
	err_wrap(&why, "storing the result");
	op->fn.done(&why, op->arg);
	broker_celery_op_free(op);
}

static void store_elsewhere(struct celery_broker *b, const char *id, const char *result,
			    struct span deadline, broker_redis_fn *fn, void *arg)
{
	AUTO(own_freep) char *key = result_key(b, id), *ttl = broker_celery_number(b->result_ttl_s);
	struct celery_command c;

	broker_celery_script(&c, broker_celery_script_result, 1);
	broker_celery_add(&c, key);
	broker_celery_add(&c, result);
	broker_celery_add(&c, ttl);
	broker_redis_ask(b->results, c.words, c.n, deadline, fn, arg);
}

void broker_celery_ack(struct broker *broker, const struct broker_message *m, const char *value,
		       struct span deadline, broker_done_fn *fn, void *arg)
{
	struct celery_broker *b = (struct celery_broker *)broker;
	struct celery_op *op = end_new(broker, m, fn, arg);
	AUTO(own_freep) char *result = NULL;

	op->deadline = deadline;
	if (!*m->handle ||
	    (!value && broker_celery_forget(b, m->handle))) { /* its copy was its end */
		op->timer = loop_timer_new(b->loop, acked_already, op);
		loop_timer_start(op->timer, span_ms(0));
		return;
	}
	if (value && !b->no_results && broker_celery_wants_result(m))
		result = broker_celery_result(m->id, true, value, clock_wall());
	if (!result || !b->results) {
		ack(b, m, result ? result : "", op);
		return;
	}
	op->result = own_strdup(m->id);
	store_elsewhere(b, m->id, result, deadline, result_stored, op);
}

/* --- copy: moves, since here both can be done at once; the ack that follows finds it done */

static char *why_of(const struct broker_note *notes, size_t n)
{
	struct err ignored_error = { 0 };
	AUTO(json_freep)
	struct json *note =
		n ? json_parse(notes[0].value, strlen(notes[0].value), &ignored_error) : NULL;
	const char *reason = json_get_str(note, "reason");

	return own_printf("parked by windlass-worker: %.*s", REASON_MAX,
			  reason ? reason : "no reason told");
}

static void note_parked(struct celery_broker *b, const struct broker_message *m, const char *text,
			size_t len, struct celery_op *op, struct span deadline)
{
	struct celery_command c;

	broker_celery_script(&c, broker_celery_script_note, 1);
	broker_celery_add(&c, b->keys[KEY_PARKED]);
	broker_celery_addn(&c, m->raw, m->raw_len);
	broker_celery_addn(&c, text, len);
	broker_celery_ask(b, &c, deadline, ended, op);
}

int broker_celery_copy(struct broker *broker, enum broker_place place,
		       const struct broker_message *m, const struct broker_note *notes, size_t n,
		       struct span deadline, broker_done_fn *fn, void *arg, struct err *e)
{
	struct celery_broker *b = (struct celery_broker *)broker;
	bool park = place == BROKER_DEAD_LETTERS;
	AUTO(own_freep) char *receives = receives_key(b, m), *key = result_key(b, m->id);
	AUTO(own_freep)
	char *ttl = broker_celery_number(b->result_ttl_s), *why = NULL, *result = NULL;
	size_t len = 0;
	AUTO(own_freep) char *text = broker_celery_noted(m, notes, n, &len);
	struct celery_command c;
	struct celery_op *op;

	if (!text)
		return err_set(e, ERR_POLICY, "the message with its note would be too long");
	op = end_new(broker, m, fn, arg);
	if (!*m->handle) { /* it stands there already, without its reason */
		note_parked(b, m, text, len, op, deadline);
		return 0;
	}
	if (park && !b->no_results && broker_celery_wants_result(m)) {
		why = why_of(notes, n);
		result = broker_celery_result(m->id, false, why, clock_wall());
	}
	if (result && b->results) {
		store_elsewhere(b, m->id, result, deadline, broker_celery_ignored, NULL);
		own_free(TAKE(result));
	}
	broker_celery_script(&c, broker_celery_script_move, 5);
	broker_celery_add(&c, b->keys[KEY_UNACKED]);
	broker_celery_add(&c, b->keys[KEY_INDEX]);
	broker_celery_add(&c, b->keys[park ? KEY_PARKED : KEY_LISTS]);
	broker_celery_add(&c, receives);
	broker_celery_add(&c, key);
	broker_celery_add(&c, m->handle);
	broker_celery_addn(&c, text, len);
	broker_celery_add(&c, park ? "parked" : "again");
	broker_celery_add(&c, result ? result : "");
	broker_celery_add(&c, ttl);
	broker_celery_ask(b, &c, deadline, moved, op);
	return 0;
}
