/* A Redis server, spoken to from the loop. hiredis is the codec and no more (redis_codec.c, the
 * only file that includes it); the connection is a stream of the loop, over TLS for rediss://.
 *
 * One connection, made when there is something to ask and again after it was lost. Commands go out
 * in the order asked and are answered in it. A command that is not answered by its deadline ends
 * the connection, since what comes after it could not be told apart; the others on it fail too,
 * as unanswered: each may or may not have been executed.
 */
#ifndef BROKER_REDIS_H
#define BROKER_REDIS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/instant.h"
#include "base/loop.h"

/* --- where: redis_place.c */

#define BROKER_REDIS_URL_MAX 4096

/* redis://[[USER]:PASSWORD@]HOST[:PORT][/DB] or rediss://, as Celery has it, parts percent-encoded.
 * rediss takes ?ssl_cert_reqs=required|optional|none (or CERT_…), ssl_ca_certs, ssl_certfile and
 * ssl_keyfile; required without it. Other parameters are refused by name. */
struct broker_redis_place {
	char *host;
	int port; /* 6379 */
	int64_t db;
	bool tls, unverified;
	char *user, *password; /* NULL: none */
	char *ca_file, *cert_file, *key_file;
};
/* ERR_POLICY; its text never holds the password. */
MUST int broker_redis_place_read(const char *url, struct broker_redis_place *ret, struct err *e);
void broker_redis_place_done(struct broker_redis_place *p);
bool broker_redis_place_equal(const struct broker_redis_place *a,
			      const struct broker_redis_place *b);

/* --- codec: redis_codec.c */

#define BROKER_REDIS_ITEMS_MAX 100000 /* of all arrays of one reply */

enum broker_redis_kind { REDIS_NIL, REDIS_INT, REDIS_STR, REDIS_STATUS, REDIS_ERROR, REDIS_ARRAY };

struct broker_redis_reply {
	enum broker_redis_kind kind;
	int64_t integer;
	char *str; /* STR, STATUS, ERROR; NUL-terminated, may hold NULs */
	size_t len;
	struct broker_redis_reply **items; /* ARRAY */
	size_t count;
};
/* Items past the end and of NULL are NULL. */
const struct broker_redis_reply *broker_redis_item(const struct broker_redis_reply *r, size_t i);
const char *broker_redis_str(const struct broker_redis_reply *r); /* NULL: no string */
void broker_redis_reply_free(struct broker_redis_reply *r);
DEFINE_FREEP(struct broker_redis_reply, broker_redis_reply);

/* @p cap bounds the bytes of one reply. */
struct broker_redis_reader;
struct broker_redis_reader *broker_redis_reader_new(size_t cap);
void broker_redis_reader_free(struct broker_redis_reader *r);
DEFINE_FREEP(struct broker_redis_reader, broker_redis_reader);
/* ERR_PROTOCOL: not RESP2, or past a cap; nothing can be read from it afterwards. */
MUST int broker_redis_reader_feed(struct broker_redis_reader *r, const char *data, size_t len,
				  struct err *e);
/* *ret NULL: more is needed. The caller frees it. */
MUST int broker_redis_reader_next(struct broker_redis_reader *r, struct broker_redis_reply **ret,
				  struct err *e);
/* What an error reply means: ERR_DENIED for a password or an ACL, ERR_UNREACHABLE where a later
 * try may do, else ERR_PROTOCOL; e->code is its first word. */
int broker_redis_error(const struct broker_redis_reply *r, struct err *e);

struct broker_redis_word { /* of a command */
	const char *data;
	size_t len;
};
static inline struct broker_redis_word broker_redis_word(const char *s)
{
	return (struct broker_redis_word){ s, __builtin_strlen(s) };
}
#define BROKER_REDIS_WORDS_MAX 64
MUST int broker_redis_format(const struct broker_redis_word *words, size_t n, struct buf *out,
			     struct err *e);

/* --- the connection: redis.c */

#define BROKER_REDIS_REPLY_MAX ((size_t)32 << 20)

struct broker_redis;
/* Nothing is sent yet. */
struct broker_redis *broker_redis_new(struct loop *l, const struct broker_redis_place *p);
void broker_redis_free(struct broker_redis *r); /* gives up what is asked; no function is called */
DEFINE_FREEP(struct broker_redis, broker_redis);

/* @p reply is NULL when @p e says why; an error reply comes as its error. Borrowed. */
typedef void broker_redis_fn(const struct broker_redis_reply *reply, const struct err *e,
			     void *arg);
/* Copies the words. Ends in fn, always from the loop, within @p deadline; @p r may be freed and
 * other commands asked in it. */
void broker_redis_ask(struct broker_redis *r, const struct broker_redis_word *words, size_t n,
		      struct span deadline, broker_redis_fn *fn, void *arg);

#endif
