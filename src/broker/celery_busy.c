#include "broker/celery_busy.h"

#include <inttypes.h>
#include <string.h>

#include "base/clock.h"
#include "base/crypto.h"
#include "base/json.h"
#include "base/own.h"

#define LOOK_MS 20
#define LOOK_MOST_MS 320
#define CALL_S 5
#define ANSWER_MAX (4u << 20) /* of one worker, decoded */
#define MESSAGE_MAX 8192
#define BINDING_SEPARATOR "\x06\x16"

/* Keys: binding, answers. Arguments: what binds them, channel, message. Answers how many heard. */
static const char ask_script[] = "redis.call('DEL', KEYS[2])\n"
				 "redis.call('SADD', KEYS[1], ARGV[1])\n"
				 "return redis.call('PUBLISH', ARGV[2], ARGV[3])\n";
/* Keys: binding, answers. Arguments: what binds them, "end" or "". Answers what came. */
static const char look_script[] =
	"local came = redis.call('LRANGE', KEYS[2], 0, -1)\n"
	"redis.call('DEL', KEYS[2])\n"
	"if ARGV[2] == 'end' then redis.call('SREM', KEYS[1], ARGV[1]) end\n"
	"return came\n";

struct broker_celery_asking {
	struct broker_redis *r;
	char *queue, *binding, *answers, *bound, *channel;
	char ticket[CRYPTO_UUID_MAX];
	struct tick ends;
	struct loop_timer *again;
	int64_t wait_ms;
	bool last;
	struct broker_celery_busy found;
	broker_celery_busy_fn *fn;
	void *arg;
};

void broker_celery_busy_cancel(struct broker_celery_asking *a)
{
	if (!a)
		return;
	loop_timer_free(a->again);
	own_free(a->queue);
	own_free(a->binding);
	own_free(a->answers);
	own_free(a->bound);
	own_free(a->channel);
	own_free(a);
}

static void end(struct broker_celery_asking *a, const struct err *e)
{
	struct err none = { 0 };

	a->fn(e ? NULL : &a->found, e ? e : &none, a->arg);
	broker_celery_busy_cancel(a);
}

/* --- an answer: {"worker@host": [{"acknowledged", "delivery_info": {"routing_key"}}, …]} */

static int64_t count(const struct json *tasks, const char *queue)
{
	int64_t n = 0;

	for (size_t i = 0; i < json_count(tasks); i++) {
		const struct json *one = json_at(tasks, i);
		const char *key = json_get_str(json_get(one, "delivery_info"), "routing_key");
		bool acked = false;

		json_get_bool(one, "acknowledged", &acked);
		n += acked && key && strcmp(key, queue) == 0;
	}
	return n;
}

bool broker_celery_busy_read(const char *text, size_t len, const char *ticket, const char *queue,
			     int64_t *ret_running)
{
	AUTO(json_freep) struct json *message = json_parse(text, len, NULL), *said = NULL;
	AUTO(buf_done) struct buf plain = BUF(ANSWER_MAX);
	const char *which = json_get_str(json_get(message, "headers"), "ticket");
	const char *body = json_get_str(message, "body");
	const struct json *tasks;
	const char *worker;

	*ret_running = 0;
	if (!which || strcmp(which, ticket) != 0 || !body ||
	    crypto_unbase64(body, strlen(body), &plain, NULL) < 0)
		return false;
	said = json_parse(buf_str(&plain), plain.len, NULL);
	if (json_type(said) != JSON_OBJECT)
		return false;
	for (size_t it = 0; json_next(said, &it, &worker, &tasks);) {
		if (json_type(tasks) != JSON_ARRAY) /* {"error": …} */
			return false;
		*ret_running += count(tasks, queue);
	}
	return true;
}

/* --- the question */

static struct json *question(const struct broker_celery_asking *a, const char *id)
{
	struct json *q = json_object(), *to = json_object();

	json_set_str(q, "method", "active");
	json_set(q, "arguments", json_object());
	json_set(q, "destination", json_new_null());
	json_set(q, "pattern", json_new_null());
	json_set(q, "matcher", json_new_null());
	json_set_str(q, "ticket", a->ticket);
	json_set_str(to, "exchange", "reply.celery.pidbox");
	json_set_str(to, "routing_key", id);
	json_set(q, "reply_to", to);
	return q;
}

static void write_question(const struct broker_celery_asking *a, const char *id, struct buf *out)
{
	AUTO(json_freep) struct json *q = question(a, id), *m = json_object();
	AUTO(buf_done) struct buf plain = BUF(MESSAGE_MAX), coded = BUF(MESSAGE_MAX);
	struct json *headers = json_object(), *properties = json_object(), *info = json_object();
	char tag[CRYPTO_UUID_MAX];

	json_write(q, &plain);
	crypto_base64(plain.data, plain.len, &coded);
	json_set_str(m, "body", buf_str(&coded));
	json_set_str(m, "content-encoding", "utf-8");
	json_set_str(m, "content-type", "application/json");
	json_set_int(headers, "clock", 1);
	json_set_int(headers, "expires", clock_wall().ms / 1000 + CALL_S);
	json_set(m, "headers", headers);
	json_set_str(info, "exchange", "celery.pidbox");
	json_set_str(info, "routing_key", "");
	json_set_int(properties, "delivery_mode", 2);
	json_set(properties, "delivery_info", info);
	json_set_int(properties, "priority", 0);
	json_set_str(properties, "body_encoding", "base64");
	json_set_str(properties, "delivery_tag", crypto_uuid(tag));
	json_set(m, "properties", properties);
	json_write(m, out);
}

static void ask(struct broker_celery_asking *a, const char *script, const char *const *more,
		size_t n, broker_redis_fn *fn)
{
	struct broker_redis_word words[8] = {
		broker_redis_word("EVAL"),     broker_redis_word(script),
		broker_redis_word("2"),        broker_redis_word(a->binding),
		broker_redis_word(a->answers), broker_redis_word(a->bound)
	};

	for (size_t i = 0; i < n; i++)
		words[6 + i] = broker_redis_word(more[i]);
	broker_redis_ask(a->r, words, 6 + n, span_s(CALL_S), fn, a);
}

/* --- the answers */

static void looked(const struct broker_redis_reply *reply, const struct err *e, void *arg)
{
	struct broker_celery_asking *a = arg;

	if (!reply) {
		end(a, e);
		return;
	}
	for (size_t i = 0; i < reply->count; i++) {
		const struct broker_redis_reply *one = broker_redis_item(reply, i);
		const char *text = broker_redis_str(one);
		int64_t running;

		if (!text ||
		    !broker_celery_busy_read(text, one->len, a->ticket, a->queue, &running))
			continue;
		a->found.answered++;
		a->found.running = time_add_(a->found.running, running);
	}
	if (a->last) {
		end(a, NULL);
		return;
	}
	a->last = a->found.answered >= a->found.workers;
	loop_timer_start(a->again, span_ms(a->last ? 0 : a->wait_ms));
	a->wait_ms = a->wait_ms * 2 < LOOK_MOST_MS ? a->wait_ms * 2 : LOOK_MOST_MS;
}

static void look(void *arg)
{
	struct broker_celery_asking *a = arg;
	const char *words[1];

	a->last |= clock_mono().ms >= a->ends.ms;
	words[0] = a->last ? "end" : "";
	ask(a, look_script, words, 1, looked);
}

static void asked(const struct broker_redis_reply *reply, const struct err *e, void *arg)
{
	struct broker_celery_asking *a = arg;
	struct err odd = { 0 };

	if (!reply) {
		end(a, e);
	} else if (reply->kind != REDIS_INT) {
		err_set(&odd, ERR_PROTOCOL, "Redis answered PUBLISH with no number");
		end(a, &odd);
	} else {
		a->found.workers = reply->integer;
		a->last = a->found.workers == 0;
		loop_timer_start(a->again, span_ms(a->last ? 0 : a->wait_ms));
	}
}

struct broker_celery_asking *broker_celery_busy_ask(struct loop *l, struct broker_redis *r,
						    const struct broker_celery_names *n, int64_t db,
						    const char *id, struct span limit,
						    broker_celery_busy_fn *fn, void *arg)
{
	struct broker_celery_asking *a = own_alloc(sizeof(*a));
	AUTO(buf_done) struct buf message = BUF(2 * MESSAGE_MAX);
	const char *prefix = n->key_prefix ? n->key_prefix : "";
	const char *words[2];

	a->r = r;
	a->queue = own_strdup(n->queue);
	a->binding = own_printf("%s_kombu.binding.reply.celery.pidbox", prefix);
	a->answers = own_printf("%s%s.reply.celery.pidbox", prefix, id);
	a->bound = own_printf("%s" BINDING_SEPARATOR BINDING_SEPARATOR "%s.reply.celery.pidbox", id,
			      id);
	a->channel = own_printf("%s/%" PRId64 ".celery.pidbox", prefix, db);
	crypto_uuid(a->ticket);
	a->ends = tick_add(clock_mono(), limit);
	a->again = loop_timer_new(l, look, a);
	a->wait_ms = LOOK_MS;
	a->fn = fn;
	a->arg = arg;
	write_question(a, id, &message);
	words[0] = a->channel;
	words[1] = buf_str(&message);
	ask(a, ask_script, words, 2, asked);
	return a;
}
