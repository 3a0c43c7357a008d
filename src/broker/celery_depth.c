#include <string.h>

#include "base/json.h"
#include "base/own.h"
#include "broker/celery.h"

#define NAME_JSON_MAX (8 * BROKER_CELERY_NAME_MAX)
#define HELD_MOST "20000" /* so many are looked through in one look: some 10 ms of the server's */
#define TAILS 4

/* Keys: four lists, unacked. Arguments: most held to look through, then what an entry of this queue
 * ends with: [message, exchange, routing key], as Python writes it or as we do. */
static const char look[] = "local waiting, held = 0, redis.call('HLEN', KEYS[5])\n"
			   "for i = 1, 4 do waiting = waiting + redis.call('LLEN', KEYS[i]) end\n"
			   "if held > tonumber(ARGV[1]) then return {waiting, held} end\n"
			   "local cursor = '0'\n"
			   "held = 0\n"
			   "repeat\n"
			   "  local page = redis.call('HSCAN', KEYS[5], cursor, 'COUNT', 1000)\n"
			   "  cursor = page[1]\n"
			   "  for i = 2, #page[2], 2 do\n"
			   "    for t = 2, #ARGV do\n"
			   "      if string.sub(page[2][i], -#ARGV[t]) == ARGV[t] then\n"
			   "        held = held + 1\n"
			   "        break\n"
			   "      end\n"
			   "    end\n"
			   "  end\n"
			   "until cursor == '0'\n"
			   "return {waiting, held}\n";

struct depth_ask {
	broker_celery_depth_fn *fn;
	void *arg;
};

static void looked(const struct broker_redis_reply *reply, const struct err *e, void *arg)
{
	struct depth_ask *a = arg;
	const struct broker_redis_reply *waiting = broker_redis_item(reply, 0),
					*held = broker_redis_item(reply, 1);
	struct broker_celery_depth d = { 0 };
	struct err odd = { 0 };

	if (!reply) {
		a->fn(NULL, e, a->arg);
	} else if (!waiting || waiting->kind != REDIS_INT || !held || held->kind != REDIS_INT) {
		err_set(&odd, ERR_PROTOCOL, "Redis answered a count with no number");
		a->fn(NULL, &odd, a->arg);
	} else {
		d.waiting = waiting->integer;
		d.held = held->integer;
		a->fn(&d, &odd, a->arg);
	}
	own_free(a);
}

/* The queue's name as Python writes it: what is not ASCII as \uXXXX, in pairs past the first plane.
 */
static void add_escaped(struct buf *out, const char *plain)
{
	for (const unsigned char *s = (const unsigned char *)plain; *s;) {
		unsigned code = *s, more = *s < 0xc0 ? 0 : *s < 0xe0 ? 1 : *s < 0xf0 ? 2 : 3;

		if (*s < 0x80) {
			buf_addc(out, (char)*s++);
			continue;
		}
		code &= 0x3fu >> more;
		for (s++; more > 0 && *s; more--)
			code = code << 6 | (*s++ & 0x3f);
		if (code >= 0x10000) {
			buf_addf(out, "\\u%04x", 0xd800 + ((code - 0x10000) >> 10));
			code = 0xdc00 + ((code - 0x10000) & 0x3ff);
		}
		buf_addf(out, "\\u%04x", code);
	}
}

void broker_celery_depth_ask(struct broker_redis *r, const struct broker_celery_names *n,
			     struct span deadline, broker_celery_depth_fn *fn, void *arg)
{
	struct depth_ask *a = own_alloc(sizeof(*a));
	AUTO(buf_done) struct buf plain = BUF(NAME_JSON_MAX), ascii = BUF(NAME_JSON_MAX);
	AUTO(own_freep) char *unacked = own_printf("%sunacked", n->key_prefix);
	char *keys[BROKER_CELERY_PRIORITIES], *tails[TAILS];
	struct broker_redis_word words[16];
	size_t count = 0;

	*a = (struct depth_ask){ .fn = fn, .arg = arg };
	json_quote(&plain, n->queue, strlen(n->queue));
	add_escaped(&ascii, buf_str(&plain));
	words[count++] = broker_redis_word("EVAL");
	words[count++] = broker_redis_word(look);
	words[count++] = broker_redis_word("5");
	for (int i = 0; i < BROKER_CELERY_PRIORITIES; i++) {
		keys[i] = broker_celery_key(n, 3 * i);
		words[count++] = broker_redis_word(keys[i]);
	}
	words[count++] = broker_redis_word(unacked);
	words[count++] = broker_redis_word(HELD_MOST);
	for (size_t i = 0; i < TAILS; i++) {
		/* With the space it is Python's, without it ours and others'. */
		tails[i] = own_printf(i % 2 ? ",%s]" : ", %s]", buf_str(i < 2 ? &plain : &ascii));
		words[count++] = broker_redis_word(tails[i]);
	}
	broker_redis_ask(r, words, count, deadline, looked, a);
	for (size_t i = 0; i < COUNT_OF(keys); i++)
		own_free(keys[i]);
	for (size_t i = 0; i < TAILS; i++)
		own_free(tails[i]);
}
