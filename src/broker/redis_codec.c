/* The wire form of Redis (hiredis; the only file that includes it), with bounds: hiredis allocates
 * what an array's header promises, and keeps what is fed to it, however much. */
#include <hiredis/hiredis.h>
#include <hiredis/read.h>
#include <string.h>

#include "base/own.h"
#include "broker/redis.h"

#if HIREDIS_MAJOR >= 1
#define ELEMENTS size_t
#else
#define ELEMENTS int
#endif

struct broker_redis_reader {
	redisReader *codec;
	redisReplyObjectFunctions functions;
	size_t cap, held; /* bytes since the last whole reply */
	size_t items;     /* promised by the arrays of this reply */
	bool crowded;
};

void broker_redis_reply_free(struct broker_redis_reply *r)
{
	if (!r)
		return;
	for (size_t i = 0; i < r->count; i++)
		broker_redis_reply_free(r->items[i]);
	own_free(r->items);
	own_free(r->str);
	own_free(r);
}

const struct broker_redis_reply *broker_redis_item(const struct broker_redis_reply *r, size_t i)
{
	return r && i < r->count ? r->items[i] : NULL;
}

const char *broker_redis_str(const struct broker_redis_reply *r)
{
	return r && r->kind == REDIS_STR ? r->str : NULL;
}

static void *made(const redisReadTask *task, struct broker_redis_reply *r)
{
	struct broker_redis_reply *parent = task->parent ? task->parent->obj : NULL;

	if (parent && (size_t)task->idx < parent->count)
		parent->items[task->idx] = r;
	return r;
}

static struct broker_redis_reply *of_kind(enum broker_redis_kind kind)
{
	struct broker_redis_reply *r = own_alloc(sizeof(*r));

	r->kind = kind;
	return r;
}

static void *make_string(const redisReadTask *task, char *s, size_t len)
{
	struct broker_redis_reply *r = of_kind(task->type == REDIS_REPLY_ERROR    ? REDIS_ERROR
					       : task->type == REDIS_REPLY_STATUS ? REDIS_STATUS
										  : REDIS_STR);

	r->str = own_alloc(len + 1);
	memcpy(r->str, s, len);
	r->len = len;
	return made(task, r);
}

static void *make_array(const redisReadTask *task, ELEMENTS elements)
{
	struct broker_redis_reader *reader = task->privdata;
	struct broker_redis_reply *r;

	if ((long long)elements < 0 || (size_t)elements > BROKER_REDIS_ITEMS_MAX - reader->items) {
		reader->crowded = true;
		return NULL; /* hiredis takes it for want of memory, and stops */
	}
	reader->items += (size_t)elements;
	r = of_kind(REDIS_ARRAY);
	r->count = (size_t)elements;
	r->items = own_array(r->count ? r->count : 1, sizeof(*r->items));
	return made(task, r);
}

static void *make_integer(const redisReadTask *task, long long value)
{
	struct broker_redis_reply *r = of_kind(REDIS_INT);

	r->integer = value;
	return made(task, r);
}

static void *make_nil(const redisReadTask *task)
{
	return made(task, of_kind(REDIS_NIL));
}

static void drop(void *reply)
{
	broker_redis_reply_free(reply);
}

struct broker_redis_reader *broker_redis_reader_new(size_t cap)
{
	struct broker_redis_reader *r = own_alloc(sizeof(*r));

	r->cap = cap;
	r->functions = (redisReplyObjectFunctions){ .createString = make_string,
						    .createArray = make_array,
						    .createInteger = make_integer,
						    .createNil = make_nil,
						    .freeObject = drop };
	r->codec = redisReaderCreateWithFunctions(&r->functions);
	if (r->codec)
		r->codec->privdata = r;
	return r;
}

void broker_redis_reader_free(struct broker_redis_reader *r)
{
	if (!r)
		return;
	if (r->codec)
		redisReaderFree(r->codec);
	own_free(r);
}

static int broken(const struct broker_redis_reader *r, struct err *e)
{
	if (r->crowded)
		return err_set(e, ERR_PROTOCOL, "a reply of more than %d items",
			       BROKER_REDIS_ITEMS_MAX);
	return err_set(e, ERR_PROTOCOL, "what answers does not speak as Redis does: %s",
		       r->codec ? r->codec->errstr : "no reader");
}

int broker_redis_reader_feed(struct broker_redis_reader *r, const char *data, size_t len,
			     struct err *e)
{
	if (len > r->cap - r->held)
		return err_set(e, ERR_PROTOCOL, "a reply of more than %zu bytes", r->cap);
	r->held += len;
	if (!r->codec || redisReaderFeed(r->codec, data, len) != REDIS_OK)
		return broken(r, e);
	return 0;
}

int broker_redis_reader_next(struct broker_redis_reader *r, struct broker_redis_reply **ret,
			     struct err *e)
{
	void *reply = NULL;

	*ret = NULL;
	if (!r->codec || redisReaderGetReply(r->codec, &reply) != REDIS_OK)
		return broken(r, e);
	if (!reply)
		return 0;
	r->items = 0;
	r->held = r->codec->len - r->codec->pos;
	*ret = reply;
	return 0;
}

static bool begins(const char *s, const char *word)
{
	return strncmp(s, word, strlen(word)) == 0;
}

int broker_redis_error(const struct broker_redis_reply *r, struct err *e)
{
	static const char *const denied[] = { "NOAUTH",
					      "WRONGPASS",
					      "NOPERM",
					      "ERR invalid password",
					      "ERR AUTH <password> called without",
					      "ERR Client sent AUTH" };
	static const char *const later[] = { "LOADING",  "BUSY",     "MASTERDOWN",
					     "READONLY", "TRYAGAIN", "CLUSTERDOWN",
					     "OOM",      "MISCONF",  "NOREPLICAS" };
	enum err_kind kind = ERR_PROTOCOL;
	size_t word = strcspn(r->str, " ");

	for (size_t i = 0; i < COUNT_OF(denied); i++)
		if (begins(r->str, denied[i]))
			kind = ERR_DENIED;
	for (size_t i = 0; i < COUNT_OF(later); i++)
		if (begins(r->str, later[i]))
			kind = ERR_UNREACHABLE;
	if (begins(r->str, "MOVED ") || begins(r->str, "ASK ") || begins(r->str, "CROSSSLOT"))
		return err_set(e, ERR_POLICY,
			       "a Redis Cluster, which Celery does not work on either: %.200s",
			       r->str);
	err_set(e, kind, "%.500s", r->str);
	if (e && word < sizeof(e->code)) {
		memcpy(e->code, r->str, word);
		e->code[word] = '\0';
	}
	return -1;
}

int broker_redis_format(const struct broker_redis_word *words, size_t n, struct buf *out,
			struct err *e)
{
	const char *argv[BROKER_REDIS_WORDS_MAX];
	size_t lengths[BROKER_REDIS_WORDS_MAX];
	char *text = NULL;
	long long len;
	int rc;

	if (n == 0 || n > BROKER_REDIS_WORDS_MAX)
		return err_set(e, ERR_LOCAL, "a command of %zu words", n);
	for (size_t i = 0; i < n; i++) {
		argv[i] = words[i].data;
		lengths[i] = words[i].len;
	}
	len = redisFormatCommandArgv(&text, (int)n, argv, lengths);
	if (len < 0)
		return err_set(e, ERR_LOCAL, "a command could not be written");
	rc = buf_add(out, text, (size_t)len);
	own_wipe(text, (size_t)len); /* it may be a password */
	redisFreeCommand(text);
	return rc < 0 ? err_set(e, ERR_POLICY, "a command of %lld bytes is too long", len) : 0;
}
