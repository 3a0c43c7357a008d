#include "broker/redis.h"

#include <stdio.h>
#include <string.h>

#include "base/http_stream.h"
#include "base/own.h"

#define COMMAND_MAX ((size_t)16 << 20)
#define NUMBER_MAX 24

struct ask {
	struct ask *next;
	struct broker_redis *redis;
	struct buf text; /* empty once it was sent */
	struct loop_timer *deadline;
	struct span limit;
	broker_redis_fn *fn;
	void *arg;
	bool greeting;      /* AUTH, SELECT: ours */
	struct err refused; /* why it cannot be sent at all */
};

enum state { IDLE, CONNECTING, GREETING, READY };

struct broker_redis {
	struct loop *loop;
	struct broker_redis_place place;
	struct http_stream *stream;
	struct broker_redis_reader *reader;
	enum state state;
	struct ask *sent, *waiting; /* in order */
	struct ask *refused;        /* told from the loop */
	bool *gone;                 /* set when it is freed inside a function that it calls */
};

static void ask_free(struct ask *a)
{
	loop_timer_free(a->deadline);
	buf_wipe(&a->text);
	own_free(a);
}

static void asks_free(struct ask *a)
{
	for (struct ask *next; a; a = next) {
		next = a->next;
		ask_free(a);
	}
}

static void append(struct ask **list, struct ask *a)
{
	while (*list)
		list = &(*list)->next;
	*list = a;
}

static void place_copy(const struct broker_redis_place *from, struct broker_redis_place *to)
{
	*to = (struct broker_redis_place){ .host = own_strdup(from->host),
					   .port = from->port,
					   .db = from->db,
					   .tls = from->tls,
					   .unverified = from->unverified,
					   .user = own_strdup(from->user),
					   .password = own_strdup(from->password),
					   .ca_file = own_strdup(from->ca_file),
					   .cert_file = own_strdup(from->cert_file),
					   .key_file = own_strdup(from->key_file) };
}

struct broker_redis *broker_redis_new(struct loop *l, const struct broker_redis_place *p)
{
	struct broker_redis *r = own_alloc(sizeof(*r));

	r->loop = l;
	place_copy(p, &r->place);
	return r;
}

static void hang_up(struct broker_redis *r)
{
	http_stream_free(TAKE(r->stream));
	broker_redis_reader_free(TAKE(r->reader));
	r->state = IDLE;
}

void broker_redis_free(struct broker_redis *r)
{
	if (!r)
		return;
	if (r->gone)
		*r->gone = true;
	hang_up(r);
	asks_free(r->sent);
	asks_free(r->waiting);
	asks_free(r->refused);
	broker_redis_place_done(&r->place);
	own_free(r);
}

/* False: the connection's owner has freed it. Takes the ask. */
static bool answer(struct ask *a, const struct broker_redis_reply *reply, const struct err *e)
{
	struct broker_redis *r = a->redis;
	bool gone = false, *before = r->gone;

	r->gone = &gone;
	a->fn(reply, e, a->arg);
	ask_free(a);
	if (gone) {
		if (before)
			*before = true;
		return false;
	}
	r->gone = before;
	return true;
}

static void told_where(const struct broker_redis *r, struct err *e)
{
	if (!strstr(e->text, "://")) /* the stream has said it */
		err_wrap(e, "Redis at %s:%d", r->place.host, r->place.port);
}

/* Ends the connection and all that was asked on it. */
static void fail(struct broker_redis *r, const struct err *e)
{
	struct ask *list = TAKE(r->sent);
	struct err said = *e;

	append(&list, TAKE(r->waiting));
	hang_up(r);
	told_where(r, &said);
	while (list) {
		struct ask *a = list;

		list = a->next;
		if (a->greeting)
			ask_free(a);
		else if (!answer(a, NULL, &said)) {
			asks_free(list);
			return;
		}
	}
}

static struct ask *ask_new(struct broker_redis *r, struct span limit, broker_redis_fn *fn,
			   void *arg)
{
	struct ask *a = own_alloc(sizeof(*a));

	a->redis = r;
	a->text = BUF(COMMAND_MAX);
	a->limit = limit;
	a->fn = fn;
	a->arg = arg;
	return a;
}

/* Takes it off the list, where it is on it. */
static bool taken(struct ask **list, struct ask *a)
{
	while (*list && *list != a)
		list = &(*list)->next;
	if (!*list)
		return false;
	*list = a->next;
	a->next = NULL;
	return true;
}

static void late(void *arg)
{
	struct ask *a = arg;
	struct broker_redis *r = a->redis;
	struct err e = { 0 };

	err_set(&e, ERR_UNREACHABLE, "no answer within %lld ms", (long long)a->limit.ms);
	if (taken(&r->refused, a))
		answer(a, NULL, &a->refused);
	else if (r->state == GREETING || !taken(&r->waiting, a)) /* nobody answers there */
		fail(r, &e);
	else { /* it was not sent: the others may still be in time */
		told_where(r, &e);
		answer(a, NULL, &e);
	}
}

static int send_one(struct broker_redis *r, struct ask *a, struct err *e)
{
	if (http_stream_send(r->stream, a->text.data, a->text.len, e) < 0)
		return -1;
	buf_wipe(&a->text);
	append(&r->sent, a);
	return 0;
}

/* What finds no room goes out when an answer has made some. */
static void send_waiting(struct broker_redis *r)
{
	struct err full = { 0 };

	while (r->waiting) {
		struct ask *a = r->waiting;

		r->waiting = a->next;
		a->next = NULL;
		if (send_one(r, a, &full) < 0) {
			a->next = r->waiting;
			r->waiting = a;
			return;
		}
	}
}

/* --- greeting: nothing else goes out before it was answered, or a command could run in another
 * database */

static int greet(struct broker_redis *r, const struct broker_redis_word *words, size_t n,
		 struct err *e)
{
	struct ask *a = ask_new(r, span_ms(0), NULL, NULL);

	a->greeting = true;
	if (broker_redis_format(words, n, &a->text, e) == 0 && send_one(r, a, e) == 0)
		return 0;
	ask_free(a);
	return -1;
}

static int greet_all(struct broker_redis *r, struct err *e)
{
	const struct broker_redis_place *p = &r->place;
	struct broker_redis_word auth[3] = { broker_redis_word("AUTH") };
	size_t n = 1;
	char db[NUMBER_MAX];

	snprintf(db, sizeof(db), "%lld", (long long)p->db);
	if (p->user)
		auth[n++] = broker_redis_word(p->user);
	if (p->password) {
		auth[n++] = broker_redis_word(p->password);
		if (greet(r, auth, n, e) < 0)
			return -1;
	}
	if (p->db != 0) {
		const struct broker_redis_word select[] = { broker_redis_word("SELECT"),
							    broker_redis_word(db) };

		return greet(r, select, COUNT_OF(select), e);
	}
	return 0;
}

static void greeted(struct broker_redis *r)
{
	r->state = READY;
	send_waiting(r);
}

/* False: nothing more may be read. */
static bool take_reply(struct broker_redis *r, const struct broker_redis_reply *reply)
{
	struct ask *a = r->sent;
	struct err e = { 0 };
	bool greeting;

	if (!a) {
		err_set(&e, ERR_PROTOCOL, "a reply that nobody asked for");
		fail(r, &e);
		return false;
	}
	greeting = a->greeting;
	if (reply->kind == REDIS_ERROR)
		broker_redis_error(reply, &e);
	else if (greeting && reply->kind != REDIS_STATUS)
		err_set(&e, ERR_PROTOCOL, "what answers does not greet as Redis does");
	if (greeting && e.kind != ERR_NONE) {
		fail(r, &e);
		return false;
	}
	r->sent = a->next;
	a->next = NULL;
	if (greeting) {
		ask_free(a);
		if (!r->sent)
			greeted(r);
		return true;
	}
	send_waiting(r);
	if (e.kind != ERR_NONE) {
		told_where(r, &e);
		return answer(a, NULL, &e) && r->stream;
	}
	return answer(a, reply, &e) && r->stream;
}

static void take_data(struct broker_redis *r, const char *data, size_t len)
{
	struct err e = { 0 };

	if (broker_redis_reader_feed(r->reader, data, len, &e) < 0) {
		fail(r, &e);
		return;
	}
	for (;;) {
		AUTO(broker_redis_reply_freep) struct broker_redis_reply *reply = NULL;

		if (broker_redis_reader_next(r->reader, &reply, &e) < 0) {
			fail(r, &e);
			return;
		}
		if (!reply || !take_reply(r, reply))
			return;
	}
}

static void heard(enum http_stream_event what, const char *data, size_t len, const struct err *e,
		  void *arg)
{
	struct broker_redis *r = arg;
	struct err mine = { 0 };

	if (what == HTTP_STREAM_DATA) {
		take_data(r, data, len);
	} else if (what == HTTP_STREAM_OVER) {
		fail(r, e);
	} else {
		r->state = GREETING;
		if (greet_all(r, &mine) < 0)
			fail(r, &mine);
		else if (!r->sent)
			greeted(r);
	}
}

static void call_up(struct broker_redis *r)
{
	const struct broker_redis_place *p = &r->place;
	const struct http_stream_options o = { .host = p->host,
					       .port = p->port,
					       .scheme = p->tls ? "rediss" : "redis",
					       .tls = p->tls,
					       .unverified = p->unverified,
					       .ca_file = p->ca_file,
					       .cert_file = p->cert_file,
					       .key_file = p->key_file };

	r->reader = broker_redis_reader_new(BROKER_REDIS_REPLY_MAX);
	r->stream = http_stream_new(r->loop, &o, heard, r);
	r->state = CONNECTING;
}

void broker_redis_ask(struct broker_redis *r, const struct broker_redis_word *words, size_t n,
		      struct span deadline, broker_redis_fn *fn, void *arg)
{
	struct ask *a = ask_new(r, deadline, fn, arg);

	a->deadline = loop_timer_new(r->loop, late, a);
	if (broker_redis_format(words, n, &a->text, &a->refused) < 0) {
		append(&r->refused, a);
		loop_timer_start(a->deadline, span_ms(0));
		return;
	}
	append(&r->waiting, a);
	loop_timer_start(a->deadline, deadline);
	if (r->state == IDLE)
		call_up(r);
	else if (r->state == READY)
		send_waiting(r);
}
